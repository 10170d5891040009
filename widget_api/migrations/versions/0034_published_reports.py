"""Reports that agencies publish, and those that are sent to people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "published_reports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Text(), nullable=False),
        sa.Column("last_day", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_published_reports_site_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_published_reports_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_published_reports"),
        sa.UniqueConstraint("site_id", "first_day", "last_day", name="uq_published_reports_site_id_first_day_last_day"),
    )
    op.add_column("users", sa.Column("report_every", sa.Text()))
    op.add_column("users", sa.Column("reported_until", sa.Text()))

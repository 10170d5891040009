"""Decisions about many reports at once, and saved filters of the cabinet's list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), server_default="{}", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("unknown", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("execute_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_bulks_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bulks"),
    )
    op.create_table(
        "bulk_reports",
        sa.Column("bulk_id", sa.Text(), nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.ForeignKeyConstraint(["bulk_id"], ["bulks.id"], name="fk_bulk_reports_bulk_id"),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_bulk_reports_problem_id"),
        sa.PrimaryKeyConstraint("bulk_id", "problem_id", name="pk_bulk_reports"),
    )
    op.create_table(
        "saved_views",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_saved_views_user_id"),
        sa.PrimaryKeyConstraint("user_id", "name", name="pk_saved_views"),
    )

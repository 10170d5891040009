"""Own days of a site's calendar; drafts of answers and their approval."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("calendar", sa.Text(), server_default="{}", nullable=False))
    op.add_column("agencies", sa.Column("approval", sa.Boolean(), server_default=sa.text("(FALSE)"), nullable=False))
    op.create_table(
        "drafts",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("problem_id", sa.Text(), sa.ForeignKey("problems.id"), nullable=False),
        sa.Column("user_id", sa.Text(), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("remark", sa.Text()),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger()),
        sa.UniqueConstraint("problem_id", "user_id", name="uq_drafts_problem_id_user_id"),
    )
    op.create_index("ix_drafts_user_id", "drafts", ["user_id"])

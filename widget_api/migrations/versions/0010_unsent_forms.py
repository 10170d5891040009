"""Forms of the cabinet that wait until their writer has signed in again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unsent_forms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("browser_hash", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("shown_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_unsent_forms"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_unsent_forms_user_id"),
    )
    op.create_index("ix_unsent_forms_user_id", "unsent_forms", ["user_id"])
    op.create_index("ix_unsent_forms_created_at", "unsent_forms", ["created_at"])

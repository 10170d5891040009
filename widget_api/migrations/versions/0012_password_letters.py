"""Letters with a link that sets another password, until they are sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "password_letters",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_password_letters"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_password_letters_user_id"),
    )
    op.create_index("ix_password_letters_next_at", "password_letters", ["next_at"])

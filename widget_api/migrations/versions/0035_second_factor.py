"""The second factor of users, and the roles of which an agency demands one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("factor_secret", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("factor_step", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("users", sa.Column("factor_letter_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_users_factor_letter_at", "users", ["factor_letter_at"])
    op.add_column("agencies", sa.Column("factor_roles", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_recovery_codes_user_id"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_codes"),
    )

"""Letters to administrators about their agency's changed provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("provider_letter_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_users_provider_letter_at", "users", ["provider_letter_at"])

"""The earlier secret of a token after its rotation, and the day of its last use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tokens", sa.Column("earlier_hash", sa.Text(), nullable=True))
    op.add_column("tokens", sa.Column("earlier_expires_at", sa.BigInteger(), nullable=True))
    op.add_column("tokens", sa.Column("last_used_on", sa.Text(), nullable=True))
    op.create_index("uq_tokens_earlier_hash", "tokens", ["earlier_hash"], unique=True)

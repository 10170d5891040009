"""Agencies that are disabled with their people and sites."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agencies", sa.Column("disabled_at", sa.BigInteger(), nullable=True))

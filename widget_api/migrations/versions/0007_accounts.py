"""Accounts: who a user is, when they last signed in, and from where each session was begun."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("name", sa.Text()))
    op.add_column("users", sa.Column("post", sa.Text()))
    op.add_column("users", sa.Column("signed_in_at", sa.BigInteger()))
    op.add_column("sessions", sa.Column("ip", sa.Text()))
    op.add_column("sessions", sa.Column("user_agent", sa.Text()))

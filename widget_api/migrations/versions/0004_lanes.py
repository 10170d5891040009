"""Deliveries wait in lanes, so that news to many hold up nobody's confirmation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DUE = sa.text("state IN ('pending', 'leased')")


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("lane", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.execute("UPDATE deliveries SET lane = 2 WHERE state IN ('pending', 'leased') AND sink LIKE 'follower:%'")
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    columns = ["lane", "next_at", "position"]
    op.create_index("ix_deliveries_due", "deliveries", columns, postgresql_where=DUE, sqlite_where=DUE)

"""An agency's number in Roskomnadzor's register; formal appeals are handed off or not taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agencies", sa.Column("registry_number", sa.Text(), nullable=True))
    op.execute("UPDATE sites SET appeals = 'off' WHERE appeals NOT IN ('off', 'handoff')")

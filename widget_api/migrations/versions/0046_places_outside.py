"""Whether a site takes reports of places outside its territory and hands them on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("outside", sa.Text(), server_default="refuse", nullable=False))

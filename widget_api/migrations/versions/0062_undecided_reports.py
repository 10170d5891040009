"""Until when each site's undecided reports were told to the operators; those that wait at the upgrade count as told."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("undecided_told", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(sa.text("UPDATE sites SET undecided_told = :now").bindparams(now=int(time.time())))

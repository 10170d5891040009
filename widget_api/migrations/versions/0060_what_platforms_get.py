"""When a platform gets a moderated report, corrections to request there, and which photo came from which URL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # NULL: the operator has not chosen. Platforms that exist get reports as before, and the doctor says so.
    op.add_column("platforms", sa.Column("sends_when", sa.Text()))
    op.add_column("platforms", sa.Column("discovered", sa.Boolean(), server_default=sa.text("FALSE"), nullable=False))
    op.add_column("platform_erasures", sa.Column("asks", sa.Text(), server_default="erase", nullable=False))
    op.add_column("media_sources", sa.Column("photo_id", sa.Text()))

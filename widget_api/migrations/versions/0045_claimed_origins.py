"""Origins that an agency added in its cabinet, without a proof."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("site_origins", sa.Column("claimed_at", sa.BigInteger(), nullable=True))

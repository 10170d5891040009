"""How a report reached the official who entered it, and documents for the agency alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("problems", sa.Column("channel", sa.Text()))
    op.add_column("documents", sa.Column("internal", sa.Boolean(), server_default=sa.text("(FALSE)"), nullable=False))

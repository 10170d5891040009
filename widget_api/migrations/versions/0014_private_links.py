"""Private links that can be replaced: what a link's token names beside the problem, once it was changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("problems", sa.Column("link_id", sa.Text(), nullable=True))

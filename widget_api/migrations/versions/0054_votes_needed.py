"""The threshold of a vote: how many voices an entry of a collection needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("votes_needed", sa.Integer(), nullable=False, server_default=sa.text("0")))

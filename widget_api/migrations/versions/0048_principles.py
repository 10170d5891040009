"""The principles of a collection: a text of its site's own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("principles", sa.Text()))

"""The test mode of a site, which is a site of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sites", sa.Column("test_of", sa.Text()))
    op.create_index("ix_sites_test_of", "sites", ["test_of"], unique=True)

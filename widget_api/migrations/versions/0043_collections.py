"""Collections: child sites of a site, as its test mode is one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_sites_test_of", "sites")
    op.execute("ALTER TABLE sites RENAME COLUMN test_of TO parent_id")
    for name in ("slug", "preset", "summary", "action", "who"):
        op.add_column("sites", sa.Column(name, sa.Text()))
    for name in ("opens_at", "closes_at"):
        op.add_column("sites", sa.Column(name, sa.BigInteger()))
    op.execute("UPDATE sites SET slug = '' WHERE parent_id IS NOT NULL")
    op.create_index("ix_sites_parent_id_slug", "sites", ["parent_id", "slug"], unique=True)

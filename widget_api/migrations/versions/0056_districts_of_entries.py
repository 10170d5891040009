"""Give the entries of collections the districts of their site."""

from __future__ import annotations

from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE sites SET districts_from = 0 WHERE slug <> '' AND parent_id IN (SELECT site_id FROM districts)")

"""List and count the published reports of a district."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_PUBLISHED = "published AND district IS NOT NULL"


def upgrade() -> None:
    op.create_index(
        "ix_problems_district",
        "problems",
        ["site_id", "district", "created_at", "number"],
        postgresql_where=sa.text(_PUBLISHED),
        sqlite_where=sa.text(_PUBLISHED),
    )

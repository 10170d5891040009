"""What a site is called at a platform: no two sites read what is one site's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("platform_sites", sa.Column("jurisdiction", sa.Text(), nullable=True))
    # Under another name there is another log: what was read of the shared one says nothing of it.
    op.execute(
        "UPDATE platform_cursors SET cursor = NULL WHERE platform_id IN"
        " (SELECT id FROM platforms WHERE jurisdiction IS NOT NULL AND site_id IS NULL)"
        " AND site_id <> (SELECT id FROM sites WHERE ordinal = (SELECT MIN(ordinal) FROM sites))"
    )

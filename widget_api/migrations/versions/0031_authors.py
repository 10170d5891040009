"""How many authors confirmed an address at a site."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("site_counters", sa.Column("authors", sa.Integer(), server_default=sa.text("0"), nullable=False))
    _fill()


def _fill() -> None:
    # Those erased before are unknown by now.
    op.execute(
        "UPDATE site_counters SET authors = (SELECT COUNT(DISTINCT c.email_hash) FROM contacts c"
        " WHERE c.site_id = site_counters.site_id AND c.confirmed_at IS NOT NULL)"
    )

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
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT site_id, COUNT(DISTINCT email_hash) AS authors FROM contacts"
            " WHERE confirmed_at IS NOT NULL GROUP BY site_id"
        )
    ).all()
    for site_id, authors in rows:
        connection.execute(
            sa.text("UPDATE site_counters SET authors = :authors WHERE site_id = :site_id"),
            {"authors": authors, "site_id": site_id},
        )

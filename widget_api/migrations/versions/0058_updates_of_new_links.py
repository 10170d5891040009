"""Whether a platform's earlier updates of a linked report were read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "platform_links", sa.Column("updates_read", sa.Boolean(), server_default=sa.text("FALSE"), nullable=False)
    )
    op.execute("UPDATE platform_links SET updates_read = TRUE")
    op.create_index(
        "ix_platform_links_unread",
        "platform_links",
        ["platform_id", "site_id", "remote_id"],
        postgresql_where=sa.text("NOT updates_read"),
        sqlite_where=sa.text("NOT updates_read"),
    )

"""Indexes along which the cabinet reads reports that are not published, beside those of the public lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # GeoReport, whose condition is another, is not to be led here: it has ix_problems_sent.
    where = sa.text("NOT published AND mirror_of IS NULL")
    op.create_index(
        "ix_problems_unpublished",
        "problems",
        ["site_id", "created_at", "number"],
        postgresql_where=where,
        sqlite_where=where,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX ix_problems_unpublished_words ON problems"
            " USING gin (words_of(site_id, description, address)) WHERE NOT published"
        )

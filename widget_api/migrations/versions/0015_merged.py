"""Finds the reports that were merged into another, whose authors are told what becomes of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    merged = sa.text("duplicate_of IS NOT NULL")
    columns = ["site_id", "duplicate_of"]
    op.create_index("ix_problems_merged", "problems", columns, postgresql_where=merged, sqlite_where=merged)

"""Count the houses of a street in the index alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

WHERE = sa.text("counted AND street IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_problems_street", "problems")
    columns = ["site_id", "street", "created_at", "address", "status", "mirror_of"]
    op.create_index("ix_problems_street", "problems", columns, sqlite_where=WHERE, postgresql_where=WHERE)

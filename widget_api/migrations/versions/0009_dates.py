"""Deadlines: a planned date the resident was told replaces the due date, which stays beside it; erased reports end.

The projections after this count anew what is overdue.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("problems", sa.Column("first_due", sa.Text(), server_default="", nullable=False))
    op.execute("UPDATE problems SET first_due = answer_due")
    erased = sa.text("erased_at IS NOT NULL")
    columns = ["site_id", "status", "created_at", "number"]
    op.create_index("ix_problems_erased", "problems", columns, postgresql_where=erased, sqlite_where=erased)
    # The last date that was told since receipt or since the problem was reopened, which began the deadline anew.
    sqlite = op.get_bind().dialect.name == "sqlite"
    day = "json_extract(e.data, '$.expected_on')" if sqlite else "CAST(e.data AS json) ->> 'expected_on'"
    told = (
        f"SELECT {day} FROM events e WHERE e.problem_id = problems.id AND e.status = 'planned' AND {day} IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM events r WHERE r.problem_id = e.problem_id AND r.status = 'reopened'"
        " AND (r.at, r.id) > (e.at, e.id)) ORDER BY e.at DESC, e.id DESC LIMIT 1"
    )
    op.execute(
        f"UPDATE problems SET answer_due = COALESCE(({told}), answer_due)"
        " WHERE id IN (SELECT problem_id FROM events WHERE status = 'planned')"
    )

"""Why a report was rejected, and since when an unconfirmed one could be decided: what was not published is counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("problems", sa.Column("rejection", sa.Text()))  # NULL: rejected before a reason was asked for
    op.add_column("problems", sa.Column("decidable_at", sa.BigInteger()))
    # An erased report has no contact any more: it counts as one that nobody was asked to confirm.
    op.execute(
        "UPDATE problems SET decidable_at = COALESCE("
        " (SELECT c.confirmed_at FROM contacts c WHERE c.problem_id = problems.id AND c.email IS NOT NULL), created_at)"
        " WHERE source NOT IN ('widget', 'form') OR NOT EXISTS (SELECT 1 FROM contacts c"
        " WHERE c.problem_id = problems.id AND c.email IS NOT NULL AND c.confirmed_at IS NULL)"
    )

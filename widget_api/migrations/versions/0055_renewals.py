"""The yearly question whether an entry is up to date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "renewals",
        sa.Column("problem_id", sa.Text(), sa.ForeignKey("problems.id"), primary_key=True),
        sa.Column("site_id", sa.Text(), sa.ForeignKey("sites.id"), nullable=False),
        sa.Column("letter", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger())
            for name in ("next_at", "asked_at", "reminded_at", "hidden_at", "confirmed_at")
        ),
    )
    op.create_index("ix_renewals_next_at", "renewals", ["next_at"])
    op.create_index("ix_renewals_asked_at", "renewals", ["asked_at"])

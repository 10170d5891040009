"""How many support an entry, or take part in it, at other instances."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counts_elsewhere",
        sa.Column("problem_id", sa.Text(), sa.ForeignKey("problems.id"), primary_key=True),
        sa.Column("source", sa.Text(), primary_key=True),
        *(
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
            for name in ("supporters", "participants")
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )

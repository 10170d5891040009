"""What lists tell of each published problem, kept as it is sent; filled by the projections after this."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "problem_items",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("item", sa.LargeBinary(), nullable=False),
        sa.Column("due", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_problem_items"),
    )

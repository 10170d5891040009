"""Notices to the people of an agency, and what each of them chose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("notices", sa.Text()))
    op.add_column("agencies", sa.Column("noticed_on", sa.Text()))
    op.create_table(
        "notices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("letter", sa.Text()),
        sa.Column("told_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_notices_user_id"),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_notices_problem_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("user_id", "cause", name="uq_notices_user_id_cause"),
    )
    op.create_index("ix_notices_user_id_told_at", "notices", ["user_id", "told_at"])
    op.create_index("ix_notices_problem_id", "notices", ["problem_id"])

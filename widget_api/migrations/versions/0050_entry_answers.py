"""Find the entries of collections by their answers, and list dated ones by their days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

DATED = sa.text("published AND begins_on IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "entry_answers",
        sa.Column("site_id", sa.Text(), sa.ForeignKey("sites.id"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "code", "value", "number"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_entry_answers_site_id_number", "entry_answers", ["site_id", "number"])
    for name in ("begins_on", "ends_on"):
        op.add_column("problems", sa.Column(name, sa.Text()))
    for name in ("begins", "ends"):
        columns = ["site_id", f"{name}_on", "number"]
        op.create_index(f"ix_problems_{name}", "problems", columns, sqlite_where=DATED, postgresql_where=DATED)

"""The security journal, whose rows can be added and purged, but not changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text()),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.Text()),
        sa.Column("ip", sa.Text()),
        sa.Column("subject", sa.Text()),
        sa.Column("site_id", sa.Text()),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
    )
    op.create_index("ix_journal_at_id", "journal", ["at", "id"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER journal_keep BEFORE UPDATE ON journal"
            " BEGIN SELECT RAISE(ABORT, 'the journal is not changed'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION journal_keep() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the journal is not changed'; END $$"
    )
    op.execute(
        "CREATE TRIGGER journal_keep BEFORE UPDATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION journal_keep()"
    )

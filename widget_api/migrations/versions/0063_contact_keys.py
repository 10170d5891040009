"""Find contacts by name and telephone, list what platforms answer, and name districts in rules of routing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

# The rule of the release that runs this, since what it looks for later has to meet these rows.
from widget_api.problems.store.contacts import make_keys

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

BATCH_SIZE = 1_000  # contacts read at a time


def upgrade() -> None:
    op.add_column("routing_rules", sa.Column("district_id", sa.Text()))
    op.create_table(
        "contact_keys",
        sa.Column("key", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("problem_id", sa.Text(), sa.ForeignKey("problems.id"), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_contact_keys_problem_id", "contact_keys", ["problem_id"])
    op.create_index(
        "ix_problems_mirrored",
        "problems",
        ["site_id", "created_at", "number"],
        sqlite_where=sa.text("published AND mirror_of IS NOT NULL"),
        postgresql_where=sa.text("published AND mirror_of IS NOT NULL"),
    )
    _add_keys()


def _add_keys() -> None:
    connection, last = op.get_bind(), ""
    while True:
        rows = connection.execute(
            sa.text(
                "SELECT problem_id, site_id, name, phone FROM contacts WHERE problem_id > :last"
                " ORDER BY problem_id LIMIT :most"
            ),
            {"last": last, "most": BATCH_SIZE},
        ).all()
        keys = [
            {"key": key, "problem_id": row.problem_id}
            for row in rows
            for key in make_keys(row.site_id, row.name, row.phone)
        ]
        if keys:
            connection.execute(sa.text("INSERT INTO contact_keys (key, problem_id) VALUES (:key, :problem_id)"), keys)
        if len(rows) < BATCH_SIZE:
            return
        last = rows[-1].problem_id

"""Statistics by day, month and week, category, service and district; districts of a site."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_STREETS = "counted AND street IS NOT NULL"
_REOPENED = "status = 'reopened'"
_UNPUBLISHED = "('moderation', 'withdrawn')"


def upgrade() -> None:
    for column in (
        sa.Column("rated_at", sa.BigInteger()),
        sa.Column("counted", sa.Boolean(), server_default=sa.text("(FALSE)"), nullable=False),
        sa.Column("reacted_at", sa.BigInteger()),
        sa.Column("answered_outside", sa.Boolean(), server_default=sa.text("(FALSE)"), nullable=False),
        sa.Column("returns", sa.Text(), server_default="[]", nullable=False),
        sa.Column("district", sa.Text()),
        sa.Column("street", sa.Text()),
    ):
        op.add_column("problems", column)
    op.create_index(
        "ix_problems_street",
        "problems",
        ["site_id", "street", "created_at"],
        postgresql_where=sa.text(_STREETS),
        sqlite_where=sa.text(_STREETS),
    )
    op.create_index(
        "ix_events_reopened",
        "events",
        ["site_id", "at"],
        postgresql_where=sa.text(_REOPENED),
        sqlite_where=sa.text(_REOPENED),
    )
    op.add_column("sites", sa.Column("districts_from", sa.Integer()))
    op.create_table(
        "districts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_districts_site_id"),
        sa.PrimaryKeyConstraint("id", name="pk_districts"),
        sa.UniqueConstraint("site_id", "name", name="uq_districts_site_id_name"),
    )
    op.drop_table("site_figures")  # derived; `migrate` builds it anew
    dimensions = ("grain", "measure", "period", "category", "service", "district", "value")
    op.create_table(
        "site_figures",
        sa.Column("site_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in dimensions),
        sa.Column("count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_site_figures_site_id"),
        sa.PrimaryKeyConstraint("site_id", *dimensions, name="pk_site_figures"),
        sqlite_with_rowid=False,
    )
    _fill()


def _fill() -> None:
    # Erased reports count if they had been published. An unpublished one was rejected, withdrawn or in moderation.
    op.execute(
        "UPDATE problems SET counted = TRUE WHERE published OR (erased_at IS NOT NULL"
        f" AND status NOT IN {_UNPUBLISHED} AND EXISTS (SELECT 1 FROM events e WHERE e.problem_id = problems.id"
        " AND e.status NOT IN ('moderation', 'rejected', 'duplicate', 'confirmed', 'reopened', 'withdrawn')))"
    )
    op.execute(
        "UPDATE problems SET reacted_at = (SELECT MIN(e.at) FROM events e WHERE e.problem_id = problems.id"
        " AND e.kind = 'status' AND e.status IS NOT NULL AND e.actor IN ('agent', 'operator', 'platform')"
        " AND e.data NOT LIKE '%\"unofficial\"%')"
    )
    op.execute(
        "UPDATE problems SET rated_at = (SELECT MAX(e.at) FROM events e WHERE e.problem_id = problems.id"
        " AND e.kind = 'rated') WHERE rating IS NOT NULL"
    )
    connection = op.get_bind()
    for problem_id, times in _reopenings(connection):
        connection.execute(
            sa.text("UPDATE problems SET returns = :returns WHERE id = :id"),
            {"returns": orjson.dumps(times).decode(), "id": problem_id},
        )


def _reopenings(connection: sa.Connection) -> Iterator[tuple[str, list[int]]]:
    rows: Any = connection.execute(
        sa.text("SELECT problem_id, at FROM events WHERE status = 'reopened' ORDER BY problem_id, at, id")
    ).all()
    for problem_id, found in groupby(rows, key=lambda row: row[0]):
        yield problem_id, [row[1] for row in found]

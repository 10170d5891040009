"""Who takes part is known by the mailbox, whichever of its addresses was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from widget_api import clock

# The rule of the release that runs this, since what it writes later has to meet these rows.
from widget_api.problems.store.contacts import mailbox_hash

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give rows with an address their new person. Of two that count for one entry the earlier one stays.

    The later one is withdrawn; where the vote is over it counts on without a person, since the result stands.
    """
    rows = op.get_bind().execute(
        sa.text(
            "SELECT v.id, v.problem_id, v.action, v.email, v.person, v.confirmed_at,"
            " CASE WHEN v.action = 'vote' THEN s.votes_close_at END AS ended_at"
            " FROM participants v JOIN sites s ON s.id = v.site_id"
            " WHERE v.email IS NOT NULL AND v.person IS NOT NULL AND v.stopped_at IS NULL"
            " ORDER BY v.confirmed_at, v.id"
        )
    )
    changed, again, withdrawn, first = [], [], [], set()
    now = clock.now()
    for row in rows.mappings():
        person = mailbox_hash(row["email"])
        counted = (row["problem_id"], row["action"], person)
        if row["confirmed_at"] is not None and row["action"] != "contact":
            if counted in first:
                over = row["ended_at"] is not None and row["ended_at"] <= now
                again.append({"id": row["id"], "stopped_at": None if over else now})
                withdrawn += [] if over else [{"id": row["problem_id"]}]
                continue
            first.add(counted)
        if person != row["person"]:
            changed.append({"id": row["id"], "person": person})
    _run(  # before the others: the former person of one may be the new one of another
        "UPDATE participants SET stopped_at = :stopped_at, email = NULL, email_hash = NULL, person = NULL, name = NULL,"
        " role = NULL, text = NULL, ip = NULL, show_email = FALSE WHERE id = :id",
        again,
    )
    _run("UPDATE participants SET person = :person WHERE id = :id", changed)
    _run("UPDATE problems SET participants = participants - 1 WHERE id = :id", withdrawn)
    if withdrawn:
        op.execute("DELETE FROM projections")  # `migrate` builds anew what has the numbers


def _run(statement: str, rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        op.get_bind().execute(sa.text(statement), dict(row))

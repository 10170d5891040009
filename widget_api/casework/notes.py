"""Keep the internal notes of a report: what its agency tells itself, and nobody else.

A note causes no event, so that it reaches no letter, feed, export or platform. It is erased with the report.
"""

from __future__ import annotations

from widget_api import clock, i18n
from widget_api.casework import service as casework
from widget_api.clock import rfc3339
from widget_api.database import Database, Transaction
from widget_api.errors import FieldError, Invalid, Refused
from widget_api.people.model import User, VisibleSite
from widget_api.problems.record import find_existing

MAX_LENGTH = 4000  # characters


def may_write(user: User, site: VisibleSite) -> bool:
    """Whether the user may write notes. Services and operators have none, since notes may be about people."""
    return user.may("notes.write", site)


async def add_note(database: Database, user: User, problem_id: str, text: str) -> None:
    """Add a note. Raises NotFound (also another agency's report), Refused, Invalid, Conflict for an erased report."""
    site, _ = await casework.find_problem(database, user, problem_id)
    text = text.strip()
    if not may_write(user, site):
        raise Refused
    if not text or len(text) > MAX_LENGTH:
        raise Invalid(
            (FieldError("note", "too_long", (("max", MAX_LENGTH),)) if text else FieldError("note", "required"),)
        )

    async def work(tx: Transaction) -> None:
        await find_existing(tx, site.id, problem_id)
        await tx.insert("notes", id=clock.new_id(), problem_id=problem_id, user_id=user.id, text=text, at=clock.now())

    await database.write(work, site.id)


async def list_notes(
    database: Database, user: User, language: str, problem_id: str, time_zone: str
) -> list[dict[str, str]]:
    """The notes of a report that the user may see, the newest last; none for users who read no notes."""
    if not user.may("notes.read"):
        return []
    rows = await database.rows(
        """
        SELECT n.text, n.at, COALESCE(u.name, u.email) AS who
        FROM notes n JOIN users u ON u.id = n.user_id
        WHERE n.problem_id = :problem_id ORDER BY n.at, n.id
        """,
        problem_id=problem_id,
    )
    return [
        dict(row) | {"at": rfc3339(row["at"]), "moment": i18n.format_moment(language, row["at"], time_zone)}
        for row in rows
    ]

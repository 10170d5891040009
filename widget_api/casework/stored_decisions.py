"""Store a decision about one report while it waits, and carry it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from widget_api import journal
from widget_api.casework import drafts
from widget_api.casework import service as casework
from widget_api.database import Database, Row, Transaction
from widget_api.people.model import User
from widget_api.problems.model import Change, Extension, Photo


def to_parameters(
    wish: Change, who: journal.Who, *, approves: str = "", form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A decision as JSON can hold it: with the draft that it approves, the address for the journal, and the fields of
    a form that is not kept as a draft."""
    return {"change": asdict(wish), "approves": approves, "ip": who.ip, "form": form}


def read_change(parameters: Mapping[str, Any]) -> Change:
    """The decision of stored parameters."""
    stored: dict[str, Any] = parameters["change"]
    files = {name: tuple(stored[name]) for name in ("documents", "internal_documents")}
    return Change(**(stored | files | {"photos": tuple(Photo(**one) for one in stored["photos"])}))


async def carry_out(database: Database, user: User, row: Row, parameters: Mapping[str, Any]) -> None:
    """Make a stored decision. Raises what `decide` raises."""
    who = journal.Who(role=user.role, user_id=user.id, agency_id=user.agency_id, ip=parameters["ip"])
    wish, approves = read_change(parameters), parameters["approves"]
    await decide(database, user, who, row["problem_id"], wish, seen=row["seen"], approves=approves)


async def decide(
    database: Database,
    user: User,
    who: journal.Who,
    problem_id: str,
    wish: Change | Extension,
    *,
    seen: str,
    approves: str,
) -> None:
    """Make a decision, and end the drafts that led to it in the same transaction.

    Raises what `casework.decide_problem` and `drafts.end_drafts` raise.
    """
    site, _ = await casework.find_problem(database, user, problem_id)

    async def end_drafts(tx: Transaction, event_id: str) -> None:
        if await drafts.end_drafts(tx, user, site.id, problem_id, approves):
            await journal.record(tx, "approved", who, subject=problem_id, site_id=site.id)
        if site.undecided_before is not None and isinstance(wish, Change):
            status = {"status": wish.to}
            await journal.record(tx, "decided_in_place", who, subject=problem_id, site_id=site.id, details=status)

    await casework.decide_problem(database, user, problem_id, wish, seen=seen, along=end_drafts)

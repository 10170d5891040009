"""Render the timeline of a problem from its events, in full or as the public may see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from widget_api import clock
from widget_api.database import Database, Row
from widget_api.problems.model import CLOSED, is_official
from widget_api.problems.store import history

PUBLIC_KINDS = frozenset({"received", "status", "note", "corrected"})
# Left out of API answers, which have `official_answer`.
_INTERNAL = ("id", "official", "disputed", "unofficial", "apart_from", "in_place", "field", "reason")


async def read_timeline(database: Database, problem_id: str, *, public: bool) -> list[dict[str, Any]]:
    """Return the timeline, oldest first.

    Fields: id, at (Unix time), kind, status, actor, sender (name of the system it came from), text, official,
    disputed (see `mark_disputed`), unofficial (from a system that does not speak for the agency), expected_on,
    responsible, duplicate_of, apart_from (number of the report it was merged into until that one was withdrawn or
    erased), in_place (the operator decided, since the agency did not in time), reason (of a rejection, a code), field
    (that was corrected). Unless `public`, also mark (of a rating) and photos (their number).

    The public sees the first event, decisions and that the report was corrected: no confirmation, no ratings, nothing
    the author wrote later, which nobody moderated, and not what a report said before.
    """
    rows = await history.timeline(database, problem_id)
    bodies = {row["id"]: row["body"] for row in await history.texts_of(database, problem_id)}
    entries = [_entry(row, bodies, public) for row in rows if not public or row["kind"] in PUBLIC_KINDS]
    mark_disputed(entries)
    return entries


def _entry(row: Row, bodies: Mapping[str, str], public: bool) -> dict[str, Any]:
    data = orjson.loads(row["data"])
    hidden = public and (row["actor"] == "resident" or row["kind"] == "corrected")
    return {
        "id": row["id"],
        "at": row["at"],
        "kind": row["kind"],
        "status": row["status"],
        "actor": row["actor"],
        "sender": find_sender(row["actor"], row["sender"]),
        "text": None if hidden else (row["text"] or None),
        "official": is_official(row["status"], row["text"], data),
        **read_data(data, bodies),
        "field": data.get("field"),
        **({} if public else {"mark": data.get("mark"), "photos": data.get("photos", 0)}),
    }


def mark_disputed(entries: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Mark the answers and refusals with which the author did not agree (`disputed`).

    Reads status, actor and official. Returns the entry by which the author sent the newest one back to work, None where
    it was not, or was followed by another.
    """
    answer, objection = None, None
    for entry in entries:
        entry["disputed"] = False
        if entry["official"] or entry["status"] in CLOSED:
            answer, objection = entry, None
        elif answer is not None and entry["status"] == "reopened" and entry["actor"] == "resident":
            answer["disputed"], objection = True, entry
    return objection


def read_data(data: Mapping[str, Any], bodies: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of an entry that come from an event's data; `bodies` are the problem's texts by id."""
    return {
        "unofficial": bool(data.get("unofficial")),
        "expected_on": data.get("expected_on"),
        "responsible": bodies.get(data.get("responsible") or "") or None,
        "duplicate_of": data.get("duplicate_of"),
        "apart_from": data.get("apart_from"),
        "in_place": bool(data.get("in_place")),
        "reason": data.get("reason"),
    }


def find_sender(actor: str, name: str | None) -> str | None:
    """Return the name of the system an event came from; None if the agency or the author acted through it."""
    return name if actor in ("platform", "source") else None


def find_answer(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the newest official answer."""
    answers = [entry for entry in entries if entry["official"] and entry["text"]]
    return answers[-1] if answers else None


def to_json(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in _INTERNAL} | {"at": clock.rfc3339(entry["at"])}

"""What happened to a problem, told from its events to whoever may know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from widget_api import clock
from widget_api.database import Database, Row
from widget_api.problems.model import ANSWERS
from widget_api.problems.store import history

PUBLIC_KINDS = frozenset({"received", "status", "note"})


async def told(database: Database, problem_id: str, *, public: bool) -> list[dict[str, Any]]:
    """The timeline, oldest first: id, at (seconds), kind, status, actor, text, expected_on, responsible, duplicate_of;
    to the author also mark (of a rating) and photos (how many came along).

    To the public without what is the author's or the agency's alone: the confirmation, marks, and the author's own
    words, which nobody moderated. Only the first event and decisions are public.
    """
    rows = await history.timeline(database, problem_id)
    bodies = {row["id"]: row["body"] for row in await history.texts_of(database, problem_id)}
    return [_entry(row, bodies, public) for row in rows if not public or row["kind"] in PUBLIC_KINDS]


def _entry(row: Row, bodies: dict[str, str], public: bool) -> dict[str, Any]:
    data = orjson.loads(row["data"])
    hidden = public and row["actor"] == "resident"
    return {
        "id": row["id"],
        "at": row["at"],
        "kind": row["kind"],
        "status": row["status"],
        "actor": row["actor"],
        "text": None if hidden else (row["text"] or None),
        "expected_on": data.get("expected_on"),
        "responsible": bodies.get(data.get("responsible", "")) or None,
        "duplicate_of": data.get("duplicate_of"),
        **({} if public else {"mark": data.get("mark"), "photos": data.get("photos", 0)}),
    }


def answer(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The newest official answer: the entry whose status answers and that has a text."""
    answers = [entry for entry in entries if entry["status"] in ANSWERS and entry["text"]]
    return answers[-1] if answers else None


def as_json(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "id"} | {"at": clock.rfc3339(entry["at"])}

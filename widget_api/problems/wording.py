"""Says in a sentence what an event of a problem means: the same words in letters, on pages and in the cabinet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from widget_api import i18n, pages
from widget_api.database import Database
from widget_api.deliveries.model import Delivery
from widget_api.problems.store import history

Entry = Mapping[str, Any]  # as problems.timeline tells it


def first_line(text: str, longest: int) -> str:
    """The first line of what somebody wrote, cut between words to so many characters."""
    line = text.partition("\n")[0]
    return line if len(line) <= longest else line[:longest].rsplit(" ", 1)[0].rstrip(" .,;:—") + "…"


def title(language: str, entry: Entry, *, to_author: bool = False) -> str:
    """«Работы запланированы на 12 декабря», without a full stop. To the author their own doings are told as theirs."""
    status = entry["status"]
    if to_author and entry["actor"] == "resident" and i18n.has(own := f"events.yours.{status or entry['kind']}"):
        return i18n.text(language, own, mark=entry["mark"])
    if entry["kind"] == "rated":
        return i18n.text(language, "events.rated", mark=entry["mark"])
    if status is None or entry["kind"] == "received":
        return i18n.text(language, f"events.{entry['kind']}")
    if status == "planned" and entry["expected_on"]:
        return i18n.text(language, "events.status.planned_on", date=i18n.format_date(language, entry["expected_on"]))
    if status in ("forwarded", "redirected") and entry["responsible"]:
        return i18n.text(language, f"events.status.{status}_to", responsible=entry["responsible"])
    if status == "duplicate" and entry["duplicate_of"]:
        return i18n.text(language, "events.status.duplicate_of", number=entry["duplicate_of"])
    return i18n.text(language, f"events.status.{status}")


def shape(entry: Entry) -> str | None:
    """The shape that stands for the status an event gave; None where it gave none."""
    return pages.SHAPES[entry["status"]] if entry["status"] and entry["kind"] != "received" else None


def author(language: str, entry: Entry, agency: str, *, to_author: bool = False) -> str:
    """Who said it: the agency by its name, others by their part."""
    if to_author and entry["actor"] == "resident":
        return i18n.text(language, "events.actor.you")
    return agency if entry["actor"] == "agent" else i18n.text(language, f"events.actor.{entry['actor']}")


async def entry_of(database: Database, delivery: Delivery) -> dict[str, Any]:
    """The event a delivery carries, with its texts as they are now: erased ones are gone."""
    bodies = {row["id"]: row["body"] for row in await history.texts_of(database, delivery.problem_id)}
    return {
        "at": delivery.at,
        "kind": delivery.kind,
        "status": delivery.status,
        "actor": delivery.actor,
        "text": bodies.get(delivery.text_id or "") or None,
        "expected_on": delivery.data.get("expected_on"),
        "responsible": bodies.get(delivery.data.get("responsible") or "") or None,
        "duplicate_of": delivery.data.get("duplicate_of"),
        "mark": delivery.data.get("mark"),
        "photos": delivery.data.get("photos", 0),
    }

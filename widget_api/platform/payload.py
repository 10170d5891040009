"""Build the parts of a message to a platform that both protocols share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from widget_api import i18n
from widget_api.attachments import links
from widget_api.attachments.photos.model import PUBLIC_ROLES
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.deliveries.model import Delivery
from widget_api.open311 import present
from widget_api.platform.model import Platform
from widget_api.platform.store import log
from widget_api.problems import pictures
from widget_api.problems.model import split_entry
from widget_api.problems.store import contacts
from widget_api.sites import consent
from widget_api.sites.model import Site


@dataclass(frozen=True)
class EventContent:
    """An event as the extended fields that instances of this service exchange, and its text, if it has one."""

    fields: dict[str, str]
    text: str | None


async def read_event_content(database: Database, delivery: Delivery) -> EventContent:
    """Read the content of a delivery's event."""
    responsible = await log.read_text(database, delivery.data.get("responsible"))
    fields = present.extended_fields(delivery.kind, delivery.status, delivery.actor, delivery.data, responsible)
    if delivery.kind == "corrected":  # its text is what the report said before
        return EventContent(fields, None)
    return EventContent(fields, await log.read_text(database, delivery.text_id))


def describe_event(content: EventContent, kind: str, status: str, language: str) -> str:
    """Describe an event in a sentence, for systems that require a description."""
    if kind in ("erased", "spam"):
        return i18n.text(language, f"open311.{kind}")
    return i18n.text(language, f"status.{content.fields.get('status_code', status)}")


async def read_personal_data(database: Database, platform: Platform, site_id: str, problem_id: str) -> dict[str, str]:
    """Return the personal data that this platform may receive, by GeoReport field name.

    Both the operator's setting and the consent document the resident agreed to have to permit it (152-FZ, article 6).
    """
    if platform.contacts == "none":
        return {}
    allowed = await consent.allowed_contacts(database, site_id, problem_id, platform.name, platform.url)
    row = await contacts.find(database, problem_id)
    if row is None or allowed == "none":
        return {}
    fields = {"email": row["email"]}
    if platform.contacts == allowed == "all":
        first, _, last = (row["name"] or "").partition(" ")
        fields |= {"first_name": first, "last_name": last, "phone": row["phone"]}
    return {name: value for name, value in fields.items() if value}


def carries_report(delivery: Delivery) -> bool:
    """Whether an event tells what the report says now: its publication, and corrections of text or photos."""
    return delivery.kind == "corrected" or bool(delivery.data.get("publishes"))


async def read_report(context: Context, site: Site, problem: Row, delivery: Delivery) -> dict[str, Any]:
    """Return what the public sees or will see of a report, as it is now."""
    rows = await pictures.list_pictures(context.database, problem["id"])
    until = delivery.at + pictures.LIFE_FOR_PLATFORMS
    shown = [
        {
            "url": links.sign_photo_url(context, row["id"], until=until),
            "event_id": row["event_id"],
            "place": row["place"],
        }
        for row in rows
        if row["role"] in PUBLIC_ROLES
    ]
    return report_fields(problem, entry=site.collection is not None) | {"photos": shown}


def report_fields(problem: Row, *, entry: bool) -> dict[str, Any]:
    """The public text, category and place of a report, or of an entry, which has a title."""
    title, text = split_entry(problem["description"]) if entry else ("", problem["description"])
    return ({"title": title} if entry else {}) | {
        "category": problem["category"],
        "description": text,
        "address": problem["address"],
        "lat": problem["lat"],
        "lng": problem["lng"],
    }


def answer_fields(problem: Row) -> list[tuple[str, str]]:
    """Return the answers as `attribute[CODE]=v`, or `attribute[CODE][]=v` for questions with several choices."""
    pairs: list[tuple[str, str]] = []
    for code, value in orjson.loads(problem["answers"]).items():
        if isinstance(value, list):
            pairs += [(f"attribute[{code}][]", str(choice)) for choice in value]
        else:
            pairs.append((f"attribute[{code}]", str(value)))
    return pairs

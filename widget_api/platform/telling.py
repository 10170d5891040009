"""What is told of a problem and of its events, whatever the protocol."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from widget_api import i18n
from widget_api.database import Database, Row
from widget_api.deliveries.model import Delivery
from widget_api.open311 import present
from widget_api.platform.model import Platform
from widget_api.platform.store import log
from widget_api.problems.store import contacts
from widget_api.sites import consent


@dataclass(frozen=True)
class EventContent:
    """An event in the words instances of this service use among themselves, and its text, if it has one."""

    tale: dict[str, str]
    text: str | None


async def news(database: Database, delivery: Delivery) -> EventContent:
    responsible = await log.read_text(database, delivery.data.get("responsible"))
    tale = present.extended_fields(delivery.kind, delivery.status, delivery.actor, delivery.data, responsible)
    return EventContent(tale, await log.read_text(database, delivery.text_id))


def describe_event(news: EventContent, kind: str, status: str, language: str) -> str:
    """A sentence for systems that take no update without one."""
    if kind in ("erased", "spam"):
        return i18n.text(language, f"open311.{kind}")
    return i18n.text(language, f"status.{news.tale.get('status_code', status)}")


async def read_personal_data(database: Database, platform: Platform, site_id: str, problem_id: str) -> dict[str, str]:
    """Personal data in GeoReport's field names, as far as both the operator and the document the resident agreed to
    let them go to this platform (152-FZ, article 6)."""
    if platform.contacts == "none":
        return {}
    allowed = await consent.allowed(database, site_id, problem_id, platform.name, platform.url)
    row = await contacts.find(database, problem_id)
    if row is None or allowed == "none":
        return {}
    found = {"email": row["email"]}
    if platform.contacts == allowed == "all":
        first, _, last = (row["name"] or "").partition(" ")
        found |= {"first_name": first, "last_name": last, "phone": row["phone"]}
    return {name: value for name, value in found.items() if value}


def answer_fields(problem: Row) -> list[tuple[str, str]]:
    """`attribute[CODE]=v`, and `attribute[CODE][]=v` where several may be chosen."""
    pairs: list[tuple[str, str]] = []
    for code, value in orjson.loads(problem["answers"]).items():
        if isinstance(value, list):
            pairs += [(f"attribute[{code}][]", str(one)) for one in value]
        else:
            pairs.append((f"attribute[{code}]", str(value)))
    return pairs

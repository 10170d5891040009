"""Read and change which notices a person wants and how, and count what came for the browser's own notifications."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.errors import FieldError, Invalid
from widget_api.people import accounts_store
from widget_api.people.model import User
from widget_api.permissions import may
from widget_api.problems import notices
from widget_api.problems.notices import DATES, MAX_DAYS, Choices, Person
from widget_api.problems.store import notices as store

MAX_COUNT = 99


def offered_ways(kind: str) -> tuple[str, ...]:
    """How a person may be told: of a date in the morning alone, when it has come."""
    return ("digest", "off") if kind in DATES else ("letter", "digest", "off")


async def find_choices(database: Database, user: User) -> Choices | None:
    """What a user chose; None for operators, to whom reports are nobody's task."""
    row = await store.find_person(database, user.id)
    return None if row is None else Choices.read(row["role"], row["notices"])


async def find_morning(database: Database, user: User) -> str:
    """When a user's digest comes, «9:00»."""
    row = await store.find_person(database, user.id)
    return f"{Person.of(row).morning:%-H:%M}" if row is not None else ""


async def save_choices(database: Database, user: User, given: Mapping[str, str]) -> None:
    """Save the fields of the form; a kind that is missing or unknown stays as it was. Raises Invalid («days»)."""
    saved = await find_choices(database, user)
    if saved is None:
        return
    days = given.get("days", str(saved.days)).strip()
    if not (days.isascii() and days.isdigit() and 1 <= int(days) <= MAX_DAYS):
        raise Invalid((FieldError("days", "days", (("max", MAX_DAYS),)),))
    ways = {kind: given.get(f"notice_{kind}", "") for kind in saved.ways}
    chosen = {kind: way if way in offered_ways(kind) else saved.ways[kind] for kind, way in ways.items()}
    columns = {"notices": orjson.dumps({**chosen, "days": int(days)}).decode()}
    await database.write(lambda tx: accounts_store.update_user(tx, user.id, columns))


async def keep_somebody_told(tx: Transaction, agency_id: str | None, newcomer: str | None = None) -> None:
    """Turn on the notices of new reports and of due dates for who would otherwise be the only one to miss them.

    That is whoever is alone in an agency, and a `newcomer` who is its only administrator. What they chose themselves
    stays. Call it after a change of an agency's people, so that an upgrade changes nothing for those who are there.
    """
    people = [row for row in await store.list_people(tx, agency_id or "") if row["disabled_at"] is None]
    admins = [row["id"] for row in people if may(row["role"], "organisation.manage")]
    for row in people:
        if len(people) == 1 or [row["id"]] == admins == [newcomer]:
            chosen = {"new": "digest", "due": "digest", **orjson.loads(row["notices"] or "{}")}
            await accounts_store.update_user(tx, row["id"], {"notices": orjson.dumps(chosen).decode()})


async def count_new(database: Database, user: User, after: str) -> tuple[str, int]:
    """Up to which notice a user has been told by the browser, and how many came `after` one, by default after now.

    At night nothing comes.
    """
    if not after:
        return clock.first_id(clock.now()), 0
    row = await store.find_person(database, user.id)
    if row is None or notices.is_quiet(clock.now(), Person.of(row).calendar):
        return after, 0
    return await store.newest_since(database, user.id, row["agency_id"], after, MAX_COUNT)

"""Add collections to a site, change and list them: child sites with a title, questions and a preset.

Everything is kept by site, so that lists, maps, figures, letters and erasure of a collection need nothing of their own
(docs/decisions/0068-a-collection-is-a-child-site.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import orjson

from widget_api import clock, journal
from widget_api.database import Database, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, NotFound
from widget_api.sites import changes, presets, questions, service, store
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import AGES, MAX_VOTES, Action, Site, Who, is_slug
from widget_api.sites.settings import Discussion, Moderation

MOST = 30  # of a site
LENGTHS = {"title": 100, "summary": 1000, "principles": 10_000}  # characters
CHOICES: dict[str, tuple[str, ...]] = {
    "who": get_args(Who),
    "action": get_args(Action),
    "min_age": tuple(map(str, AGES)),
    "discussion": get_args(Discussion),
    "moderation": get_args(Moderation),
}
# Days from the beginning of the day that is given; the last day takes entries and voices too.
_DAYS = {"opens": 0, "closes": 1, "votes_open": 0, "votes_close": 1}
_COLUMNS = {"title": "name"} | {name: f"{name}_at" for name in _DAYS}  # of settings with another name
_NUMBERS = ("votes_per_person", "votes_needed", "min_age")
_RANGES = {"votes_per_person": range(1, MAX_VOTES + 1), "votes_needed": range(1_000_001)}


async def add_collection(
    database: Database,
    site: Site,
    slug: str,
    preset: str,
    who: journal.Who = journal.COMMAND_LINE,
    *,
    title: str | None = None,
    draft: bool = False,
) -> Site:
    """Add a collection to a site, with the texts, categories and questions of a preset in the site's language.

    A `draft` is disabled until it is published (`changes.disable_site`). Raises Invalid, Conflict (the site has one
    with this slug).
    """
    wrong = _find_errors({"title": title}) if title is not None else []
    wrong += [] if is_slug(slug) else [FieldError("slug", "slug")]
    wrong += [] if preset in presets.NAMES else [FieldError("preset", "unknown")]
    wrong += [FieldError("site", "unknown")] if site.parent_id is not None else []
    if wrong:
        raise Invalid(tuple(wrong))
    chosen, child_id, language = presets.find(preset), clock.new_id(), site.language
    asked = questions.parse_questions(orjson.dumps(chosen.questions(language)).decode())
    columns = {
        "agency_id": site.agency.id,
        "name": title or presets.choose_text(chosen.title, language),
        "type": site.type,
        "moderation": "before",
        "discussion": site.discussion,
        "retention_days": site.retention_days,
        "jurisdiction": f"collection.{child_id}",  # unique; found by no request
        "parent_id": site.id,
        "slug": slug,
        "preset": preset,
        "summary": presets.choose_text(chosen.summary, language),
        "action": chosen.action,
        "who": chosen.who,
        "created_at": clock.now(),
        "disabled_at": clock.now() if draft else None,
    }

    async def work(tx: Transaction) -> None:
        slugs = [row["slug"] for row in await store.list_collections(tx, site.id)]
        if slug in slugs:
            raise Conflict("collection_taken", slug=slug)
        if len(slugs) >= MOST:
            raise Invalid((FieldError("slug", "too_many", (("max", MOST),)),))
        await store.insert_site(tx, child_id, columns, "", (), [code for code, _ in chosen.categories])
        for code, name in chosen.categories:
            await tx.run(
                "UPDATE site_categories SET name = :name, questions = :questions, deadline_days = :days"
                " WHERE site_id = :id AND code = :code",
                id=child_id,
                code=code,
                name=presets.choose_text(name, language),
                questions=asked,
                days=chosen.answer_days,
            )
        await journal.record(tx, "site_added", who, subject=child_id, site_id=child_id)
        await store.bump_version(tx, site.id)

    await database.write(work, site.id)
    return await service.by_id(database, child_id)


async def list_collections(database: Database, site: Site, *, disabled: bool = False) -> list[tuple[Site, int, int]]:
    """A site's collections, oldest first, each with its version and the number of its published entries."""
    return [
        (await service.by_id(database, row["id"]), row["version"], row["count"])
        for row in await store.list_collections(database, site.id)
        if disabled or row["disabled_at"] is None
    ]


async def find_collection_id(database: Database, site_id: str, slug: str) -> str:
    """The id of a collection, even if it is disabled. Raises NotFound."""
    for row in await store.list_collections(database, site_id):
        if row["slug"] == slug:
            return str(row["id"])
    raise NotFound("collection_not_found")


def require_rules(child: Site) -> None:
    """Raises Invalid where residents take part in a collection whose page would not tell them how it works."""
    own = child.collection
    assert own is not None, "a site of its own"
    if not own.principles and (own.who == "residents" or own.action != "none"):
        raise Invalid((FieldError("principles", "rules_missing"),))


def propose_slug(preset: str, taken: Collection[str]) -> str:
    """A free name in addresses for a collection of a preset."""
    return next(slug for number in range(1, MOST + 2) if (slug := preset + f"-{number}" * (number > 1)) not in taken)


def setting_values(child: Site) -> dict[str, str]:
    """A collection's settings as texts, as forms and commands give them; dates are the site's."""
    own = child.collection
    assert own is not None, "a site of its own"
    days = {
        name: "" if at is None else str(local_date(at, child.time_zone) - timedelta(days=_DAYS[name]))
        for name, at in (
            ("opens", own.opens_at),
            ("closes", own.closes_at),
            ("votes_open", own.voting.opens_at),
            ("votes_close", own.voting.closes_at),
        )
    }
    return {
        "title": child.name,
        "summary": own.summary,
        "principles": own.principles,
        "who": own.who,
        "action": own.action,
        **days,
        "votes_per_person": str(own.voting.per_person),
        "votes_needed": str(own.voting.threshold),
        "min_age": str(own.voting.min_age),
        "discussion": child.discussion,
        "moderation": child.moderation,
    }


async def change_collection(
    database: Database, child: Site, given: Mapping[str, str], who: journal.Who = journal.COMMAND_LINE
) -> None:
    """Change those settings of a collection to which `given` gives another value (`setting_values`). Raises Invalid."""
    before = setting_values(child)
    changed = {name: text for name, value in given.items() if (text := value.strip()) != before[name]}
    wrong = _find_errors(changed)
    columns: dict[str, Any] = {_COLUMNS.get(name, name): text for name, text in changed.items()}
    for name in _DAYS.keys() & changed.keys():
        try:
            columns[_COLUMNS[name]] = _midnight(changed[name], child.time_zone, _DAYS[name])
        except (ValueError, OverflowError):
            wrong.append(FieldError(name, "date"))
    assert child.collection is not None, "it has settings"
    voting, is_vote = child.collection.voting, child.collection.action == "vote"
    for first, last, opens, closes in (
        ("opens", "closes", child.collection.opens_at, child.collection.closes_at),
        ("votes_open", "votes_close", voting.opens_at, voting.closes_at),
    ):
        if not wrong and changed.keys() & {first, last}:
            begin, end = columns.get(_COLUMNS[first], opens), columns.get(_COLUMNS[last], closes)
            wrong += [FieldError(last, "date_order")] if begin is not None and end is not None and end <= begin else []
    if not wrong:
        columns |= {name: int(columns[name]) for name in _NUMBERS if name in columns}
    if wrong:
        raise Invalid(tuple(sorted(wrong, key=lambda one: list(before).index(one.field))))

    async def check_participants(tx: Transaction) -> None:  # in the transaction: meanwhile somebody may have taken part
        if "action" in columns and await store.has_participants(tx, child.id):
            raise Invalid((FieldError("action", "action_with_participants"),))
        over = "votes_close" in changed and is_vote and voting.is_over(clock.now())
        if over and await store.has_erased_voices(tx, child.id, voting.closes_at):  # they could vote once more
            raise Invalid((FieldError("votes_close", "voters_erased"),))

    if columns:
        await changes.update_site(database, child.id, columns, who=who, along=check_participants)


def _find_errors(given: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with texts and choices of settings."""
    wrong = []
    for name, text in given.items():
        if name in LENGTHS and not text and name != "principles":
            wrong.append(FieldError(name, "required"))
        elif len(text) > LENGTHS.get(name, len(text)):
            wrong.append(FieldError(name, "too_long", (("max", LENGTHS[name]),)))
        elif name in LENGTHS and questions.has_markup(text):
            wrong.append(FieldError(name, "markup"))
        elif name in CHOICES and text not in CHOICES[name]:
            wrong.append(FieldError(name, "unknown"))
        elif name in _RANGES and not (text.isdecimal() and len(text) < 8 and int(text) in _RANGES[name]):
            wrong.append(FieldError(name, "number"))
    return wrong


def _midnight(text: str, time_zone: str, days: int) -> int | None:
    """The beginning of a local date, plus `days`, as Unix time; None for no text. Raises ValueError, OverflowError."""
    if not text:
        return None
    day = date.fromordinal(date.fromisoformat(text).toordinal() + days)
    at = int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).timestamp())
    if at < 0:  # a slip of the pen; in Greenwich the first of January of year 1 is no date at all
        raise ValueError(text)
    return at


def require_open(site: Site) -> None:
    """Raises Conflict where this is a collection to which residents may not add an entry now."""
    if site.collection is not None and not site.collection.takes_entries(clock.now()):
        raise Conflict("collection_invited" if site.collection.who == "invited" else "collection_closed")

"""Add the demonstration's collections: one of each preset, with entries from `sample_entries.json`.

Days are counted from the moment of filling, those of answers too, so that the town is always in the middle of its life.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from importlib import resources
from typing import Any

import orjson

from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.database.bulk import open_writer
from widget_api.database.schema import participants
from widget_api.demo import samples
from widget_api.demo.samples import Batch, Invented, Step
from widget_api.geo.model import rectangle
from widget_api.participation.model import COUNTED, split_roles
from widget_api.problems.model import join_entry
from widget_api.problems.projections import rebuild
from widget_api.problems.store.contacts import email_hash, mailbox_hash
from widget_api.sites import collection, presets
from widget_api.sites.model import Site

_VOTE_ENDS = 21  # days from now
_NAMES = ("Вера", "Олег", "Тимур", "Нина", "Сергей", "Алина", "Рустам", "Галина", "Павел", "Ирина", "Денис", "Зоя")
# fmt: off
_PARTICIPANT = (
    "id", "site_id", "problem_id", "action", "email", "email_hash", "person", "name", "role", "show_email", "language",
    "consent_version", "consent_hash", "created_at", "confirmed_at",
)
# fmt: on


async def add_collections(database: Database, database_url: str, town: Site) -> list[Site]:
    """Add a collection of each preset to a site, with its entries. Returns the collections."""
    sample = orjson.loads((resources.files(__package__) / "sample_entries.json").read_bytes())
    houses = dict(await samples.read_houses(database, town))
    added = [await collection.add_collection(database, town, preset, preset) for preset in presets.NAMES]
    for preset, child in zip(presets.NAMES, added, strict=True):
        now = clock.now()
        batch, people = _make_batch(child, sample[preset], now, houses)
        if child.collection is not None and child.collection.action == "vote":
            oldest = max(one["days"] for one in sample[preset])
            period = {"votes_open": _date(child, -oldest, now), "votes_close": _date(child, _VOTE_ENDS, now)}
            await collection.change_collection(database, child, period)
        async with open_writer(database_url) as bulk:
            await samples.insert_batch(bulk, child, batch)
            await bulk.insert(participants, _PARTICIPANT, people)
            await rebuild.rebuild_site(bulk, child.id)
        if preset in sample["principles"]:
            await collection.change_collection(database, child, {"principles": sample["principles"][preset]})
        if preset == "inspectors":
            await database.write(partial(_add_visits, child, sample["visits"], clock.now()))
    return added


async def _add_visits(site: Site, visits: list[dict[str, Any]], now: int, tx: Transaction) -> None:
    """Visits so many days ago, with who accepted and who has not answered, by numbers of entries.

    No letter leaves; every inspector has a confirmed address, so that more can be invited.
    """
    for inspector in await tx.rows("SELECT id, number FROM problems WHERE site_id = :id AND published", id=site.id):
        email = f"inspector-{inspector['number']}@resident.example"
        names = {"email": email, "email_hash": email_hash(email), "language": site.language}
        await tx.insert("contacts", problem_id=inspector["id"], site_id=site.id, **names, confirmed_at=now)
    for one in visits:
        visit_id, at = clock.new_id(), now - one["days"] * clock.DAY
        written = min(now, at) - 3 * clock.DAY
        result = {"result": one["result"], "result_at": at + clock.DAY} if "result" in one else {}
        place = {"site_id": site.id, "agency_id": site.agency.id}
        texts = {"at": at, "place": one["place"], "text": one["text"], "created_at": written}
        await tx.insert("visits", id=visit_id, **place, **texts, **result)
        for state, numbers in (("accepted", one["accepted"]), ("open", one["invited"])):
            for number in numbers:
                entry = await tx.row("SELECT id FROM problems WHERE site_id = :id AND number = :number",
                                     id=site.id, number=number)  # fmt: skip
                assert entry is not None, "invited are published entries"
                answered = written + clock.DAY if state == "accepted" else None
                await tx.insert("visit_invitations", id=clock.new_id(), site_id=site.id, visit_id=visit_id,
                                problem_id=entry["id"], state=state, invited_at=written,
                                answered_at=answered)  # fmt: skip


def _make_batch(
    site: Site, entries: list[dict[str, Any]], now: int, houses: Mapping[str, tuple[float, float] | None]
) -> tuple[Batch, list[tuple[Any, ...]]]:
    """The entries, and the rows of those who voted for them or joined. `houses`: places by their addresses."""
    batch, position, people = Batch(), 0, list[tuple[Any, ...]]()
    action = site.collection.action if site.collection else "none"
    chance = random.Random(site.name)  # noqa: S311 - the same places each time
    territory = site.territory or rectangle(samples.DEFAULT_AREA)
    many = max(one.get("supporters", 0) for one in entries)
    oldest_first = sorted(entries, key=lambda one: -one["days"])
    for number, one in enumerate(oldest_first, start=1):
        invented = Invented(
            category=one["category"],
            description=join_entry(one["title"], one["text"]),
            address=one["address"],
            place=houses.get(one["address"]) or samples.random_location(chance, territory)
            if one.get("map", True)
            else None,
            steps=list(_make_steps(site, one, now)),
            answers={code: _make_answer(site, answer, now) for code, answer in one["answers"].items()},
            supporters=one.get("supporters", 0) if action == "support" else 0,
            participants=one.get("supporters", 0) if action in COUNTED else 0,
        )
        position = samples.write_problem(batch, chance, site, invented, number, position)
        roles = split_roles(invented.answers.get("needs")) if action == "join" else ()
        begins = invented.steps[0].at + clock.DAY // 2
        for _ in range(invented.participants):
            # One after another, so that nobody votes twice for an entry or for more entries than allowed.
            place = len(people)
            row = _make_participant(site, batch.problems[-1][0], action, place % _count_people(many, entries), roles)
            people.append((*row, *[chance.randrange(begins, max(begins + 1, now))] * 2))
    return batch, people


def _count_people(many: int, entries: Sequence[Mapping[str, Any]]) -> int:
    """How many people take part, so that none of them has more than two entries."""
    voices: int = sum(one.get("supporters", 0) for one in entries)
    return max(many, -(-voices // 2))


def _make_participant(site: Site, problem_id: str, action: str, person: int, roles: Sequence[str]) -> tuple[Any, ...]:
    email = f"resident-{person}@resident.example"
    name = _NAMES[person % len(_NAMES)] if roles else None
    role = roles[person % len(roles)] if roles else None
    names = (clock.new_id(), site.id, problem_id, action, email, email_hash(email), mailbox_hash(email), name, role)
    return (*names, False, site.language, "demo", "demo")


def _make_steps(site: Site, one: Mapping[str, Any], now: int) -> Iterator[Step]:
    """Yield received, accepted unless it still waits, and the entry's own steps: status, days ago, text, planned in."""
    received = now - one["days"] * clock.DAY - clock.DAY // 3
    yield Step(kind="received", status="moderation", at=received)
    if one.get("waiting"):
        return
    yield Step(kind="status", status="accepted", at=received + clock.DAY // 6)
    for status, days, *more in one.get("steps", ()):
        text, planned_in = (*more, None, None)[:2]
        yield Step(
            kind="status",
            status=status,
            at=now - days * clock.DAY,
            text=text,
            expected_on=_date(site, planned_in, now) if planned_in is not None else None,
        )


def _make_answer(site: Site, answer: Any, now: int) -> str | list[str]:
    """An answer as it is stored; a number is a day, so many days from now."""
    return f"{_date(site, answer, now)}T10:00:00+03:00" if isinstance(answer, int) else answer


def _date(site: Site, days: int, now: int) -> str:
    return (site.calendar.local_date(now) + timedelta(days=days)).isoformat()

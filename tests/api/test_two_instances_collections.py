"""Two instances of this service exchange the entries of a collection by webhook, and end in the same state."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from tests.api.test_two_instances import WISHES, Instance, serving
from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, RESIDENT, make_site, submit_report
from tests.support.exchange import KEY, PlatformWorker, correct_report
from widget_api import clock
from widget_api.errors import DomainError
from widget_api.outbound import Failed
from widget_api.platform import entries
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact, join_entry, split_entry
from widget_api.settings import Settings
from widget_api.sites import collection, consent
from widget_api.sites.model import Site

NAME = "Другая сторона"
GIVEN: dict[str, Any] = {
    "category": "yards",
    "description": join_entry("Сквер у школы", "Посадить деревья"),
    "answers": {"cost": "12000", "benefits": "Все"},
}


EXCHANGED = (
    "category", "description", "address", "lat", "lng", "created_at", "status", "status_at", "status_event",
    "published", "expected_on", "responsible",
)  # fmt: skip


class Side(Instance):
    """One of the two instances: its collection is `site`, which its city's page shows."""

    city: Site

    async def entries(self) -> dict[str, Any]:
        """What is exchanged of each entry, by the id of its first event."""
        rows = await self.database.rows(
            "SELECT p.*, e.id AS birth FROM problems p JOIN events e ON e.problem_id = p.id AND e.kind = 'received'"
            " WHERE p.site_id = :id",
            id=self.site.id,
        )
        return {
            row["birth"]: {name: row[name] for name in EXCHANGED}
            | {"answers": orjson.loads(row["answers"]), "erased": row["erased_at"] is not None}
            for row in rows
        }

    async def act(self, birth_id: str, *args: Any) -> None:
        """Do what somebody wishes with an entry, if the transition table allows it."""
        row = await self.database.row("SELECT problem_id FROM events WHERE id = :id", id=birth_id)
        with contextlib.suppress(DomainError):
            if row is not None:
                await lifecycle.change(self.database, args[0], self.site.id, row["problem_id"], args[1])

    async def add(self, title: str = "Сквер у школы") -> str:
        """The id of the first event of a new entry, which its author confirmed."""
        given = GIVEN | {"description": join_entry(title, "Посадить деревья")}
        receipt = await submit_report(self.database, self.site, **given)
        await lifecycle.confirm(self.database, self.site.id, receipt.problem_id)
        (row,) = await self.database.rows(
            "SELECT id FROM events WHERE problem_id = :id AND kind = 'received'", id=receipt.problem_id
        )
        return str(row["id"])


@pytest.fixture
async def sides(
    new_database: Callable[..., str], make_settings: Callable[..., Settings]
) -> AsyncIterator[tuple[Side, Side]]:
    """Two instances, each the other's webhook platform, with a collection of the same slug."""
    async with (
        serving(make_settings, database_url=new_database()) as first,
        serving(make_settings, database_url=new_database()) as second,
    ):
        both = []
        for context in (first, second):
            city = await make_site(context.database, jurisdiction="gorod.test")
            side = Side(context, await collection.add_collection(context.database, city, "budget", "budgeting"))
            side.city = city
            both.append(side)
        for side, other in (both, reversed(both)):
            url = f"{other.context.settings.public_url}/api/v1/platform/updates"
            row = Platform(id=clock.new_id(), name=NAME, url=url, key=KEY, protocol="webhook", site_id=side.city.id)
            await platforms.insert_platform(side.database, row)
        yield both[0], both[1]


async def settle(*sides: Side) -> None:
    for _ in range(3):
        for side in sides:
            await PlatformWorker(side.context).until_idle()


async def assert_alike(first: Side, second: Side) -> None:
    assert await first.entries() == await second.entries()
    assert await first.known() == await second.known()


async def test_a_corrected_entry_is_corrected_on_both_sides(sides: tuple[Side, Side]) -> None:
    """Only the side where it was added says what it is."""
    here, there = sides
    entry = await here.add("Сквер, звоните 8 912 345 67 89")
    await settle(here, there)
    for side, title in ((here, "Сквер"), (there, "Площадь")):
        row = await side.database.row(
            "SELECT p.* FROM problems p JOIN events e ON e.problem_id = p.id WHERE e.id = :id", id=entry
        )
        assert row is not None
        given = {name: row[name] for name in ("category", "address", "lat", "lng")}
        given["description"] = join_entry(title, "Посадить деревья")
        await correct_report(side.context, side.site, row["id"], **given)
        await side.act(entry, AGENT, Change(to="accepted"))
        await settle(here, there)
        titles = [split_entry(row["description"])[0] for one in sides for row in (await one.entries()).values()]
        assert titles == ["Сквер", title]


async def test_an_entry_and_its_decisions_are_exchanged_in_both_directions(sides: tuple[Side, Side]) -> None:
    here, there = sides
    first, second = await here.add("Сквер"), await there.add("Фонари")
    await here.database.write(lambda tx: tx.run("UPDATE site_counters SET number = number + 7"))  # numbers differ
    third = await here.add("Лавочки")
    await settle(here, there)
    assert {split_entry(row["description"])[0] for row in (await there.entries()).values()} == {
        "Сквер",
        "Фонари",
        "Лавочки",
    }
    await here.act(first, AGENT, Change(to="accepted"))
    await settle(here, there)
    await there.act(first, AGENT, Change(to="planned", expected_on="2099-01-02", text="Весной"))
    await there.act(second, AGENT, Change(to="accepted"))
    await settle(here, there)
    await here.act(first, AGENT, Change(to="resolved", text="Сквер открыт"))
    await here.act(second, AGENT, Change(to="answered", text="Фонари стоят"))
    await there.act(third, AGENT, Change(to="rejected", text="Не наш участок"))
    await settle(here, there)
    await here.act(first, RESIDENT, Change(to="reopened", text="Не доделали"))
    await here.act(third, RESIDENT, Change(to="withdrawn"))
    await settle(here, there)
    await assert_alike(here, there)
    assert {row["status"] for row in (await there.entries()).values()} == {"reopened", "answered", "withdrawn"}
    (answered,) = await there.database.rows("SELECT answers FROM problems WHERE status = 'reopened'")
    assert orjson.loads(answered["answers"]) == GIVEN["answers"]
    for side in sides:  # the city's own list is apart, and nothing went back to where it came from
        assert await side.database.rows("SELECT 1 FROM problems WHERE site_id = :id", id=side.city.id) == []
        echoes = await side.database.rows(
            "SELECT 1 FROM deliveries d JOIN events e ON e.id = d.event_id AND e.site_id = d.site_id"
            " WHERE d.sink = 'platform:' || e.source"
        )
        assert echoes == []


@ONE_DATABASE
async def test_erasure_reaches_the_other_side_and_nothing_brings_the_entry_back(sides: tuple[Side, Side]) -> None:
    here, there = sides
    first = await here.add()
    await here.act(first, AGENT, Change(to="accepted"))
    await settle(here, there)
    (row,) = await here.database.rows("SELECT problem_id FROM events WHERE id = :id", id=first)
    await here.database.write(
        lambda tx: tx.run("UPDATE deliveries SET state = 'pending', next_at = 0 WHERE sink LIKE 'platform:%'")
    )
    await lifecycle.erase(here.database, RESIDENT, here.site.id, row["problem_id"])
    await settle(here, there)
    for side in sides:
        (problem,) = await side.database.rows("SELECT description, published, erased_at FROM problems")
        assert (problem["description"], bool(problem["published"])) == ("", False)
        assert problem["erased_at"] is not None


@pytest.mark.parametrize("seed", range(2))
async def test_lost_replies_and_repeats_change_nothing(
    sides: tuple[Side, Side], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the replies are lost, so that half of the messages are sent again; both sides act at random."""
    chance, born = random.Random(seed), list[str]()
    workers = [PlatformWorker(side.context) for side in sides]
    for side in sides:
        request = side.context.outbound.request

        async def losing(*args: Any, request: Any = request, **named: Any) -> Any:
            answer = await request(*args, **named)
            if chance.random() < 0.5:
                raise Failed("the reply was lost")
            return answer

        monkeypatch.setattr(side.context.outbound, "request", losing)
    for _ in range(20):
        side = chance.choice(sides)
        match chance.randrange(5):
            case 0 if len(born) < 4:
                born.append(await side.add())
            case 1 | 2 if born:
                await side.act(chance.choice(born), AGENT, chance.choice(WISHES))
            case 3 if born:
                await side.act(chance.choice(born), RESIDENT, Change(to="reopened", text="Не решено"))
            case _:
                await chance.choice(workers).round()
    monkeypatch.undo()
    await settle(*sides)
    await assert_alike(*sides)


@ONE_DATABASE
async def test_contacts_go_where_the_consent_says_and_other_protocols_get_no_entry(sides: tuple[Side, Side]) -> None:
    here, _ = sides
    settings = here.context.settings
    georeport = Platform(
        id=clock.new_id(), name="Геопортал", url="https://geo.test/open311/v2", key="secret", contacts="all",
        protocol="georeport", site_id=here.city.id,
    )  # fmt: skip
    await platforms.insert_platform(here.database, georeport)
    (own,) = [row["id"] for row in await here.database.rows("SELECT id FROM platforms WHERE name = :name", name=NAME)]
    await platforms.change_platform(here.database, own, {"contacts": "email"})
    text = (await consent.current_document(here.database, here.site, settings, "ru")).body
    assert NAME in text
    assert "Геопортал" not in text
    assert "Геопортал" in (await consent.current_document(here.database, here.city, settings, "ru")).body
    assert list(await platforms.platforms_of_site(here.database, here.site.id)) == [own]
    await submit_report(here.database, here.site, contact=Contact(email="anna@example.test"), **GIVEN)
    first = await here.add()
    await here.act(first, AGENT, Change(to="accepted"))
    sinks = {
        row["sink"] for row in await here.database.rows("SELECT sink FROM deliveries WHERE sink LIKE 'platform:%'")
    }
    assert sinks == {f"platform:{own}"}


@ONE_DATABASE
async def test_what_does_not_fit_is_left_out_and_foreign_signers_add_nothing(sides: tuple[Side, Side]) -> None:
    here, _ = sides
    database, child = here.database, here.site
    values: dict[str, Any] = {"name": "Чужая", "url": "https://else.test", "contacts": "none", "protocol": "webhook"}
    elsewhere = Platform(id=clock.new_id(), site_id=(await make_site(database)).id, key=KEY, **values)
    await platforms.insert_platform(database, elsewhere)
    (own,) = await platforms.platforms_of_site(database, child.id)
    assert child.collection is not None
    place = {"jurisdiction": here.city.jurisdiction, "collection": child.collection.slug, "kind": "received"}
    fits = place | {"title": "Сквер", "description": "Деревья", "address": "Мира, 5", "category": "none"}

    async def send(*signers: str, **data: Any) -> list[Any]:
        """Send an entry. Returns the rows of entries that are new."""
        known = {row["id"] for row in await database.rows("SELECT id FROM problems")}
        event = {"time": 5, "data": fits | {"entry": clock.new_id()} | data}
        await entries.find_or_import(here.context, {one: replace(elsewhere, id=one) for one in signers}, event)
        found = await database.rows("SELECT * FROM problems")
        return [row for row in found if row["id"] not in known]

    assert await send() == await send(elsewhere.id) == []
    assert await send(own, collection="none") == await send(own, entry="1") == await send(own, kind="status") == []
    for name in ("title", "description", "address"):
        assert await send(own, **{name: 5}) == await send(own, **{name: " \0"}) == [], name
    assert await send(own, address=None, lat=55.1, lng=True) == await send(own, address=None, lat=91, lng=38) == []
    photos = [5, "javascript:alert(1)", f"https://p.test/{'x' * 3000}", *(f"https://p.test/{n}" for n in range(40))]
    ((row), *more) = await send(own, answers=[1], photos=photos, status_code="accepted!")
    assert (row["status"], orjson.loads(row["answers"]), more) == ("moderation", {}, [])
    taken = await database.rows("SELECT url FROM media_sources")
    assert {one["url"] for one in taken} == {f"https://p.test/{n}" for n in range(child.photos)}
    assert len(await send(own, photos="https://p.test/1")) == 1

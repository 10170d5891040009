"""Two instances of this service, one the other's central platform over TCP, end in the same state."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx2
import orjson
import pytest
import uvicorn

from tests.factories import AGENT, RESIDENT, existing, make_site, submit_report
from tests.support.cabinet import signed_in
from tests.support.exchange import PlatformWorker
from tests.support.georeport import Worker, photos_of
from tests.support.pictures import halves, photo
from tests.support.processes import free_port
from widget_api.app import create_app, open_context
from widget_api.attachments.photos import service as photos
from widget_api.browse import detail
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.errors import DomainError
from widget_api.platform import client, pull, webhook
from widget_api.platform.model import Cursor
from widget_api.platform.store import links, platforms
from widget_api.problems import lifecycle, timeline
from widget_api.problems.model import Actor, Change, Photo
from widget_api.residents import private_page_view as private
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.model import Site

MORE = pytest.mark.full("twenty seeds")
WISHES = (
    Change(to="accepted"),
    Change(to="forwarded", responsible="МУП «Дороги»", text="Передано"),
    Change(to="in_progress"),
    Change(to="planned", expected_on="2099-01-02", text="Весной"),
    Change(to="resolved", text="Яма засыпана"),
    Change(to="answered", text="Это не яма"),
    Change(to="redirected", responsible="Областной автодор"),
    Change(to="rejected", text="Такого места нет"),
)


@dataclass
class Instance:
    context: Context
    site: Site

    @property
    def database(self) -> Database:
        return self.context.database

    async def problem(self, number: int = 1) -> Any:
        return existing(await self.database.row("SELECT * FROM problems WHERE number = :number", number=number))

    async def known(self) -> set[tuple[Any, ...]]:
        """Every event that is exchanged, with all its data."""
        rows = await self.database.rows(
            "SELECT e.id, e.kind, e.status, e.at, e.actor, t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
            " WHERE e.kind IN ('received', 'status', 'note', 'erased')"
        )
        return {(row["id"], row["kind"], row["status"], row["at"], row["actor"], row["body"]) for row in rows}

    async def state(self) -> dict[str, Any]:
        problem = await self.problem()
        names = (
            "category", "description", "address", "lat", "lng", "created_at", "status", "status_at", "status_event",
        )  # fmt: skip
        return {name: problem[name] for name in (*names, "published", "expected_on", "responsible")}


@pytest.fixture
def databases(new_database: Callable[..., str]) -> tuple[str, str]:
    return new_database(), new_database()


@pytest.fixture
async def central(
    databases: tuple[str, str], make_settings: Callable[..., Settings]
) -> AsyncIterator[tuple[Instance, str]]:
    """The platform: the whole application behind a real socket, and a token for it."""
    async with serving(make_settings, database_url=databases[0]) as context:
        site = await make_site(context.database, jurisdiction="gorod.test")
        yield Instance(context, site), await changes.add_token(context.database, site.id, "platform")


@contextlib.asynccontextmanager
async def serving(make_settings: Callable[..., Settings], **changed: str) -> AsyncIterator[Context]:
    """Serve the application on its own socket for the length of the block."""
    port = free_port()
    app = create_app(make_settings(public_url=f"http://127.0.0.1:{port}", work="off", **changed))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    yield app.state.context
    server.should_exit = True
    await task


@pytest.fixture
async def local(
    central: tuple[Instance, str], databases: tuple[str, str], make_settings: Callable[..., Settings]
) -> AsyncIterator[Instance]:
    platform, token = central
    root = f"{platform.context.settings.public_url}/open311/v2"
    settings = make_settings(database_url=databases[1], platform_url=root, platform_key=token)
    async with open_context(settings) as context:
        yield Instance(context, await make_site(context.database, jurisdiction="gorod.test"))


async def settle(local: Instance, platform_worker: PlatformWorker) -> None:
    await platform_worker.until_idle()
    await pull.poll_platforms(local.context)
    await platform_worker.until_idle()


async def act(instance: Instance, actor: Actor, wish: Change) -> None:
    """Perform an actor's intention if the transition table allows it; otherwise do nothing."""
    try:
        problem = await instance.problem()
        await lifecycle.change(instance.database, actor, instance.site.id, problem["id"], wish)
    except (DomainError, AssertionError):
        return


async def test_a_report_and_its_decisions_are_exchanged(central: tuple[Instance, str], local: Instance) -> None:
    """Report here, decide there: the change comes back with the platform's number and link, and nothing is echoed."""
    platform, _ = central
    platform_worker = PlatformWorker(local.context)
    receipt = await submit_report(local.database, local.site)
    await lifecycle.confirm(local.database, local.site.id, receipt.problem_id)
    await settle(local, platform_worker)
    assert (await platform.problem())["status"] == "moderation"
    assert await platform.database.rows("SELECT * FROM deliveries") == []
    await act(platform, AGENT, Change(to="accepted"))
    await act(platform, AGENT, Change(to="planned", expected_on="2099-01-02", text="Заменим"))
    await settle(local, platform_worker)
    problem = await local.problem()
    assert (problem["status"], problem["expected_on"], bool(problem["published"])) == ("planned", "2099-01-02", True)
    link = existing(await local.database.row("SELECT * FROM platform_links"))
    assert link["remote_url"] == f"{platform.context.settings.public_url}/s/{platform.site.key}/problems/1"
    async with httpx2.AsyncClient(base_url=platform.context.settings.public_url) as client:
        answer = await client.get("/open311/v2/requests/1.json?extensions=true")
        assert answer.json()[0]["extended_attributes"]["status_code"] == "planned"
    events = await local.database.rows("SELECT actor, source FROM events WHERE status = 'planned'")
    assert [(row["actor"], row["source"]) for row in events] == [("agent", "default")]
    assert [
        row["sink"] for row in await local.database.rows("SELECT * FROM deliveries WHERE sink LIKE 'platform:%'")
    ] == ["platform:default"]
    for _ in range(3):
        await settle(local, platform_worker)
    assert await local.known() == await platform.known()
    assert await local.state() == await platform.state()


@pytest.mark.parametrize("there", [True, False])
async def test_the_reason_of_a_rejection_reaches_the_other_instance_and_nobody_else(
    central: tuple[Instance, str], local: Instance, there: bool
) -> None:
    platform, _ = central
    platform_worker = PlatformWorker(local.context)
    receipt = await submit_report(local.database, local.site)
    await lifecycle.confirm(local.database, local.site.id, receipt.problem_id)
    await settle(local, platform_worker)
    one = platform if there else local
    for wish in (Change(to="accepted"), Change(to="rejected", text="Где это?", reason="no_place")):
        await act(one, AGENT, wish)
        await settle(local, platform_worker)
    assert [(await side.problem())["rejection"] for side in (platform, local)] == ["no_place"] * 2
    async with httpx2.AsyncClient(base_url=platform.context.settings.public_url) as client:
        answer = await client.get("/open311/v2/servicerequestupdates.json?jurisdiction_id=gorod.test")
    assert [update["status"] for update in answer.json()][-1] == "NO_FURTHER_ACTION"
    assert "no_place" not in answer.text


async def test_pictures_of_report_and_answer_are_exchanged(
    central: tuple[Instance, str], databases: tuple[str, str], make_settings: Callable[..., Settings]
) -> None:
    """By URL, which the other instance fetches; they are deleted there with the report."""
    platform, token = central
    root = f"{platform.context.settings.public_url}/open311/v2"
    async with serving(make_settings, database_url=databases[1], platform_url=root, platform_key=token) as context:
        local = Instance(context, await make_site(context.database, jurisdiction="gorod.test"))
        sent = [await photos.receive(context, local.site.id, photo(halves(width, 48))) for width in (64, 80)]
        shown = tuple(Photo(one.id) for one in sent)
        receipt = await submit_report(local.database, local.site, photos=shown)
        await lifecycle.confirm(local.database, local.site.id, receipt.problem_id)
        await Worker(context).until_idle()
        await Worker(platform.context).until_idle()
        assert [one["width"] for one in await photos_of(platform.context)] == [64, 80]
        done = await photos.receive(context, local.site.id, photo(halves(96, 48)))
        answer = Change(to="resolved", text="Засыпано", photos=(Photo(done.id),))
        await act(local, AGENT, answer)
        await Worker(context).until_idle()
        await Worker(platform.context).until_idle()
        rows = await platform.database.rows("SELECT role, width FROM photos ORDER BY width")
        assert [(row["role"], row["width"]) for row in rows] == [("report", 64), ("report", 80), ("answer", 96)]
        await lifecycle.erase(local.database, RESIDENT, local.site.id, receipt.problem_id)
        await Worker(context).until_idle()
        assert await photos_of(platform.context) == []
        assert await platform.database.rows("SELECT * FROM media_sources") == []


async def test_the_platform_publishes_what_the_agency_accepted(
    central: tuple[Instance, str], databases: tuple[str, str], make_settings: Callable[..., Settings]
) -> None:
    """A passport number that the clerk took out, and a photo that she hid, are public on no side, then and later."""
    platform, token = central
    root = f"{platform.context.settings.public_url}/open311/v2"
    async with serving(make_settings, database_url=databases[1], platform_url=root, platform_key=token) as context:
        local = Instance(context, await make_site(context.database, jurisdiction="gorod.test"))
        sent = [await photos.receive(context, local.site.id, photo(halves(width, 48))) for width in (64, 80, 96)]
        words, shown = "Яма у дома. Мой паспорт 4510 123456", tuple(Photo(one.id) for one in sent)
        receipt = await submit_report(local.database, local.site, description=words, photos=shown)
        await lifecycle.confirm(local.database, local.site.id, receipt.problem_id)

        async def exchange() -> tuple[Any, list[int]]:
            """Deliver everything. What the platform shows to everybody: the report, and the widths of its photos."""
            await Worker(context).until_idle()
            await Worker(platform.context).until_idle()
            async with httpx2.AsyncClient(base_url=platform.context.settings.public_url) as public:
                found = (await public.get(f"/api/v1/sites/{platform.site.key}/problems/1")).json()
                for one in found.get("photos", []):
                    assert (await public.get(one["url"])).status_code == 200
            return found, [one["width"] for one in found.get("photos", [])]

        await exchange()
        assert (await platform.problem())["description"] == words, "it is with the platform while it is moderated"
        assert len(await photos_of(platform.context)) == 3
        async with httpx2.AsyncClient(base_url=context.settings.public_url) as browser:
            clerk = await signed_in(browser, context, local.site)
            path = f"/cabinet/problems/{receipt.problem_id}"

            async def change_photo(action: str, photo_id: str) -> None:
                form = (await clerk.read(f"{path}/photos")).forms[-1].fields
                fields = {"form_token": form["form_token"], "photo": photo_id, "do": action}
                assert (await browser.post(f"{path}/photos", data=fields)).status_code == 303

            async def correct(**fields: str) -> None:
                form = (await clerk.read(f"{path}/correct")).form(f"{path}/correct").fields
                answer = await browser.post(f"{path}/correct", data={"category": "roads", **form, **fields})
                assert answer.status_code == 303

            await correct(description="Яма у дома", category="yards", place="55.06, 38.76")
            await change_photo("hide", sent[0].id)
            assert (await clerk.decide(receipt.problem_id, "accepted")).status_code == 303
            found, widths = await exchange()
            assert [found["description"], found["category"], found["location"]] == [
                "Яма у дома", "yards", {"lat": 55.06, "lng": 38.76},
            ]  # fmt: skip
            assert widths == [80, 96]
            await correct(description="Яма у дома, спросить Петрова")
            await correct(description="Яма во дворе", category="roads")
            await change_photo("hide", sent[1].id)
            found, widths = await exchange()
            assert [found["description"], found["category"], widths] == ["Яма во дворе", "roads", [96]]
            await change_photo("show", sent[1].id)
            assert (await exchange())[1] == [80, 96]
        said = orjson.dumps([dict(row) for row in await platform.database.rows("SELECT body FROM texts")]).decode()
        assert "паспорт" not in said, "what was taken out is not kept there"
        assert {row["state"] for row in await local.database.rows("SELECT state FROM deliveries")} == {"delivered"}
        events = await platform.database.rows("SELECT id FROM events WHERE kind = 'corrected'")
        assert {row["id"] for row in events} <= {
            row["id"] for row in await local.database.rows("SELECT id FROM events")
        }, "under their birth ids, so that a repetition does nothing"


async def test_erasure_reaches_the_other_side(central: tuple[Instance, str], local: Instance) -> None:
    platform, _ = central
    platform_worker = PlatformWorker(local.context)
    receipt = await submit_report(local.database, local.site)
    await lifecycle.confirm(local.database, local.site.id, receipt.problem_id)
    await settle(local, platform_worker)
    await lifecycle.erase(local.database, RESIDENT, local.site.id, receipt.problem_id)
    await settle(local, platform_worker)
    for instance in (local, platform):
        problem = await instance.problem()
        assert (problem["description"], bool(problem["published"])) == ("", False)
        assert problem["erased_at"] is not None


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=MORE) for seed in range(4, 20))])
async def test_many_decisions_on_one_report_end_in_equal_states(
    central: tuple[Instance, str], local: Instance, seed: int
) -> None:
    """Several reports over a bad network: tests/faults/test_convergence.py."""
    platform, _ = central
    chance = random.Random(seed)
    platform_worker = PlatformWorker(local.context)
    await submit_report(local.database, local.site)
    for _ in range(25):
        match chance.randrange(5):
            case 0 | 1:
                await act(local, AGENT, chance.choice(WISHES))
            case 2:
                await act(platform, AGENT, chance.choice(WISHES))
            case 3:
                await platform_worker.round()
            case _:
                await pull.poll_platforms(local.context)
        if chance.random() < 0.1:
            await act(local, RESIDENT, Change(to="reopened", text="Не решено"))
    await act(local, AGENT, Change(to="accepted"))
    await settle(local, platform_worker)
    assert await local.known() == await platform.known()
    assert await local.state() == await platform.state()


async def poll(local: Instance) -> None:
    """Poll as the worker does, without delay; the platform is recognised as an instance of this service at once."""
    await platforms.mark_discovered(local.database, "default", exact=True)
    found = existing(await platforms.find_platform(local.database, "default"))
    assert (
        await pull.poll_site(local.database, local.context.outbound, found, local.site.id, respect_pauses=False) is None
    )


async def test_the_platforms_own_problems_are_mirrored_exactly(central: tuple[Instance, str], local: Instance) -> None:
    """Every event with its birth id; reports sent from here are not duplicated."""
    platform, _ = central
    ours = await submit_report(local.database, local.site, description="Наша яма")
    await lifecycle.confirm(local.database, local.site.id, ours.problem_id)
    await settle(local, PlatformWorker(local.context))
    theirs = await submit_report(platform.database, platform.site, description="Их яма")
    await lifecycle.change(platform.database, AGENT, platform.site.id, theirs.problem_id, Change(to="accepted"))
    await act(platform, AGENT, Change(to="in_progress"))
    for wish in (Change(to="planned", expected_on="2099-01-02", text="Весной"), Change(to="resolved", text="Готово")):
        await poll(local)
        await lifecycle.change(platform.database, AGENT, platform.site.id, theirs.problem_id, wish)
    await lifecycle.change(
        platform.database, RESIDENT, platform.site.id, theirs.problem_id, Change(to="reopened", text="Не готово")
    )
    for _ in range(3):
        await poll(local)
    assert await local.known() == await platform.known()
    (row,) = await local.database.rows("SELECT * FROM problems WHERE mirror_of IS NOT NULL")
    assert (row["description"], row["status"], row["source_name"]) == ("Их яма", "reopened", "127.0.0.1")
    assert row["source_url"].endswith(f"/s/{platform.site.key}/problems/{theirs.number}")
    shown = await detail.read(local.context, local.site, row["number"], date(2026, 12, 1), "ru")
    assert {entry["actor"] for entry in shown["timeline"]} == {"resident", "platform"}, "this agency decided nothing"
    public = await timeline.read_timeline(local.database, row["id"], public=True)
    said = [entry["author"] for entry in private.timeline_entries("ru", local.site, public, row) if entry["text"]]
    assert set(said) == {"127.0.0.1"}
    assert len(await local.database.rows("SELECT 1 FROM problems")) == 2
    before = len(await platform.database.rows("SELECT 1 FROM events"))
    await settle(local, PlatformWorker(local.context))
    assert len(await platform.database.rows("SELECT 1 FROM events")) == before
    feed, _ = await webhook.read_feed(local.database, local.site, "https://w.test", 0, 100)
    assert {event["data"]["number"] for event in feed} == {ours.number}


async def test_a_long_history_is_mirrored_completely(
    central: tuple[Instance, str], local: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LARGE_PAGE_SIZE", 2)
    platform, _ = central
    theirs = await submit_report(platform.database, platform.site)
    for wish in ("accepted", "in_progress", "forwarded", "in_progress", "answered"):
        change = Change(to=wish, text="Так", responsible="Горсвет" if wish == "forwarded" else None)
        await lifecycle.change(platform.database, AGENT, platform.site.id, theirs.problem_id, change)
    await poll(local)  # events older than some minutes are not repeated later
    (row,) = await local.database.rows("SELECT status FROM problems WHERE mirror_of IS NOT NULL")
    assert row["status"] == "answered"


async def test_reports_withdrawn_there_are_withdrawn_here(central: tuple[Instance, str], local: Instance) -> None:
    platform, _ = central
    gone = [await submit_report(platform.database, platform.site, description=f"Яма {n}") for n in range(2)]
    for one in gone:
        await lifecycle.change(platform.database, AGENT, platform.site.id, one.problem_id, Change(to="accepted"))
    await poll(local)
    await lifecycle.change(platform.database, RESIDENT, platform.site.id, gone[0].problem_id, Change(to="withdrawn"))
    await lifecycle.erase(platform.database, RESIDENT, platform.site.id, gone[1].problem_id)
    await poll(local)
    rows = await local.database.rows("SELECT published, description FROM problems ORDER BY number")
    assert sorted((bool(row["published"]), row["description"]) for row in rows) == [(False, ""), (False, "Яма 0")]


async def test_updates_before_the_number_is_known_come_again(central: tuple[Instance, str], local: Instance) -> None:
    """A polling round passed a decision just before the report was linked."""
    platform, _ = central
    receipt = await submit_report(local.database, local.site)
    await lifecycle.confirm(local.database, local.site.id, receipt.problem_id)
    await settle(local, PlatformWorker(local.context))
    await act(platform, AGENT, Change(to="accepted"))
    link = existing(await local.database.row("SELECT * FROM platform_links"))

    async def unlink(tx: Transaction) -> None:
        await tx.run("DELETE FROM platform_links")

    async def link_again(tx: Transaction) -> None:
        known = ("problem_id", "platform_id", "site_id", "remote_id", "remote_token", "remote_url")
        await links.insert_link(tx, **{name: link[name] for name in known})

    await local.database.write(unlink)
    await poll(local)
    await local.database.write(link_again)
    assert (await local.problem())["status"] == "moderation"
    await poll(local)
    assert (await local.problem())["status"] == "accepted"


async def test_each_page_of_the_feed_is_progress(
    central: tuple[Instance, str], local: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A platform of which every second page fails is read to the end, over several rounds."""
    monkeypatch.setattr(client, "PAGE_SIZE", 2)
    monkeypatch.setattr(pull, "PAGE_SIZE", 2)
    platform, _ = central
    receipt = await submit_report(local.database, local.site)
    await lifecycle.confirm(local.database, local.site.id, receipt.problem_id)
    await settle(local, PlatformWorker(local.context))
    for wish in WISHES[:6]:
        await act(platform, AGENT, wish)
    read = client.Client.updates

    async def fail_after_first(self: client.Client, cursor: Cursor, page: int) -> Any:
        if page > 1:
            raise client.TemporaryFailure("cut off")
        return await read(self, cursor, page)

    monkeypatch.setattr(client.Client, "updates", fail_after_first)
    found = existing(await platforms.find_platform(local.database, "default"))
    outcomes = [
        await pull.poll_site(local.database, local.context.outbound, found, local.site.id, respect_pauses=False)
        for _ in range(4)
    ]
    assert outcomes[0] == "cut off"
    assert outcomes[-1] is None
    assert await local.known() == await platform.known()

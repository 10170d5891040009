"""Stateful test: after any actions on both sides, in any order and over a faulty network, both agree in the end."""

import asyncio
import contextlib
import random
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import time_machine
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.api.test_two_instances import WISHES, Instance
from tests.conftest import ONE_DATABASE_UNLESS_FULL
from tests.factories import AGENT, RESIDENT, existing, make_site, submit_report
from tests.support.exchange import PlatformWorker, correct_report
from tests.support.faults import FaultProxy
from tests.support.postgres import PostgreSQL
from tests.support.processes import free_port
from widget_api import clock
from widget_api.app import create_app, open_context
from widget_api.deliveries import queue
from widget_api.deliveries.model import LOST
from widget_api.errors import DomainError
from widget_api.open311 import georeport
from widget_api.platform import pull, push
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor, Change, Update
from widget_api.settings import Settings
from widget_api.sites import changes

pytestmark = [pytest.mark.faults, pytest.mark.long]
EXAMPLES, FULL_EXAMPLES = 12, 600
STEPS = 40
FAULTS = ("reset before", "reset after send", "500", "429", "lost answer", "twice", "cut", "garbage", "charset")
EXCHANGED_KINDS = "('received', 'status', 'note')"
SIDES = st.sampled_from(("here", "there"))
INDEXES = st.integers(0, 9)
NAMES = (
    *("status", "status_at", "status_event", "published", "expected_on", "responsible"),
    *("description", "category", "address", "lat", "lng", "created_at"),
)


class TwoInstances(RuleBasedStateMachine):
    """`here` delivers to `there` and polls it, through a proxy that injects faults on request."""

    make_settings: Callable[..., Settings]
    fresh: Callable[[], tuple[str, str]]

    def __init__(self) -> None:
        super().__init__()
        self.kills = 0
        self.runner = asyncio.Runner()
        self.stack = contextlib.AsyncExitStack()
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    async def _open(self) -> None:
        databases = self.fresh()
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        app = create_app(self.make_settings(database_url=databases[0], public_url=address, work="off"))
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)

        async def end() -> None:
            server.should_exit = True
            await serving

        self.stack.push_async_callback(end)
        context = app.state.context
        site = await make_site(context.database, jurisdiction="gorod.test", type="extended")
        self.there = Instance(context, site)
        token = await changes.add_token(context.database, site.id, "platform")
        self.proxy = await FaultProxy(port, random.Random(0), share=0).start()
        self.stack.push_async_callback(self.proxy.close)
        self.settings = self.make_settings(
            database_url=databases[1], platform_url=f"{self.proxy.url}/open311/v2", platform_key=token
        )
        await self._begin()
        self.here = Instance(
            self.context, await make_site(self.context.database, jurisdiction="gorod.test", type="extended")
        )

    async def _begin(self) -> None:
        self.process = contextlib.AsyncExitStack()
        self.context = await self.process.enter_async_context(open_context(self.settings))
        self.carrier = PlatformWorker(self.context)

    def side(self, name: str) -> Instance:
        found: Instance = getattr(self, name)
        return found

    async def _row(self, side: str, which: int) -> Any:
        """One of the problems on that side, selected by a number."""
        found = await self.side(side).database.rows("SELECT * FROM problems ORDER BY number")
        return found[which % len(found)] if found else None

    def act(self, side: str, which: int, do: Callable[[Instance, Any], Coroutine[Any, Any, Any]]) -> None:
        """Try an action. If the rules of a problem forbid it, nothing happens."""

        async def attempt() -> None:
            row = await self._row(side, which)
            if row is not None:
                with contextlib.suppress(DomainError):
                    await do(self.side(side), row)

        self.run(attempt())

    # --- what people do ---

    @rule(confirmed=st.booleans())
    def report_here(self, confirmed: bool) -> None:
        async def report() -> None:
            receipt = await submit_report(self.here.database, self.here.site)
            if confirmed:
                await lifecycle.confirm(self.here.database, self.here.site.id, receipt.problem_id)

        self.run(report())

    # The server reports its type, so its problems are mirrored.
    @precondition(lambda self: hasattr(georeport, "SOFTWARE"))
    @rule()
    def report_there(self) -> None:
        async def report() -> None:
            receipt = await submit_report(
                self.there.database, self.there.site, description="Сообщили там", received_at=clock.now() - 60
            )
            await lifecycle.confirm(self.there.database, self.there.site.id, receipt.problem_id)

        self.run(report())

    @rule(which=INDEXES)
    def confirm(self, which: int) -> None:
        self.act("here", which, lambda one, row: lifecycle.confirm(one.database, one.site.id, row["id"]))

    @rule(side=SIDES, which=INDEXES, wish=st.sampled_from(WISHES))
    def decide(self, side: str, which: int, wish: Change) -> None:
        self.act(side, which, lambda one, row: lifecycle.change(one.database, AGENT, one.site.id, row["id"], wish))

    @rule(which=INDEXES, text=st.sampled_from(("Яма", "Яма у школы", "Яма у дома")))
    def correct(self, which: int, text: str) -> None:
        """The agency takes something out of a report, which both sides then show as it is at the end."""

        async def take_out(one: Instance, row: Any) -> None:
            place = {name: row[name] for name in ("address", "lat", "lng")}
            if row["description"] != text and row["erased_at"] is None:
                await correct_report(one.context, one.site, row["id"], category="yards", description=text, **place)

        self.act("here", which, take_out)

    @rule(which=INDEXES, wish=st.sampled_from((Change(to="reopened", text="Не решено"), Change(to="confirmed"))))
    def resident(self, which: int, wish: Change) -> None:
        self.act("here", which, lambda one, row: lifecycle.change(one.database, RESIDENT, one.site.id, row["id"], wish))

    @rule(which=INDEXES)
    def withdraw(self, which: int) -> None:
        wish = Change(to="withdrawn")
        self.act("here", which, lambda one, row: lifecycle.change(one.database, RESIDENT, one.site.id, row["id"], wish))

    @rule(side=SIDES, which=INDEXES)
    def note(self, side: str, which: int) -> None:
        """Another system that has the report sends an update to this side."""
        update = Update(id=clock.new_id(), at=clock.now(), status=None, text="Выехала бригада")
        actor = Actor(kind="platform", source="another")

        async def tell(one: Instance, row: Any) -> None:
            if row["mirror_of"] is None and (side == "there" or row["released_at"] is not None):
                await lifecycle.import_update(one.database, actor, one.site.id, row["id"], update)

        self.act(side, which, tell)

    @rule(side=SIDES, which=INDEXES, spam=st.booleans())
    def mark(self, side: str, which: int, spam: bool) -> None:
        self.act(side, which, lambda one, row: lifecycle.mark_spam(one.database, AGENT, one.site.id, row["id"], spam))

    @rule(side=SIDES, which=INDEXES, sure=st.integers(0, 3))
    def erase(self, side: str, which: int, sure: int) -> None:
        async def forget(one: Instance, row: Any) -> None:
            if row["mirror_of"] is None:  # the platform's own problems are erased there
                await lifecycle.erase(one.database, RESIDENT, one.site.id, row["id"])

        if sure == 0:
            self.act(side, which, forget)

    # --- what processes and networks do ---

    @rule()
    def push(self) -> None:
        self.run(self.carrier.round())

    @rule()
    def pull(self) -> None:
        self.run(self._ask())

    async def _ask(self) -> str | None:
        platform = existing(await platforms.find_platform(self.context.database, "default"))
        context = self.context
        return await pull.poll_site(
            context.database, context.outbound, platform, self.here.site.id, respect_pauses=False
        )

    @rule(fault=st.sampled_from(FAULTS))
    def trick(self, fault: Any) -> None:
        """The fault for the next POST from here. No precondition: whether the last one was met depends on time."""
        if not self.proxy.planned:
            self.proxy.planned.append(fault)

    @rule()
    def later(self) -> None:
        """Let time pass for retries."""
        self.carrier.now += 300

    @precondition(lambda self: self.kills < LOST - 2)  # deliveries that end their worker this often are given up
    @rule(carried=st.booleans())
    def killed(self, carried: bool) -> None:
        """Kill the process during deliveries, before or after they were sent, and start another one."""
        self.kills += 1

        async def end() -> None:
            for one in await queue.claim(self.context.database, "killed", 50, self.carrier.now):
                if carried and one.sink.startswith("platform:"):
                    with contextlib.suppress(Exception):
                        await push.deliver(self.context, one)
            now = self.carrier.now
            await self.process.aclose()
            await self._begin()
            self.carrier.now = now + 300  # until the leases of the killed process expire
            self.here = Instance(self.context, self.here.site)

        self.run(end())

    # --- what has to hold ---

    def teardown(self) -> None:
        try:
            self.run(self._converge())
        finally:
            self.run(self._close())
            self.runner.close()

    async def _close(self) -> None:
        await self.process.aclose()
        await self.stack.aclose()

    async def _converge(self) -> None:
        self.proxy.planned.clear()
        for _ in range(3):
            await self.carrier.until_idle()
            assert await self._ask() is None
        dead = await self.here.database.rows(
            "SELECT d.last_error, e.kind, e.status FROM deliveries d JOIN events e ON e.id = d.event_id"
            " WHERE d.state = 'dead'"
        )
        assert [dict(row) for row in dead] == []
        here, there = await self._all(self.here), await self._all(self.there)
        gone = {name for name, (row, _) in (*here.items(), *there.items()) if row["erased_at"]}
        left = [one for one in here.items() if one[1][0]["released_at"] is not None]
        sent = {name for name, (row, _) in left if not row["spam"] and row["status"] != "withdrawn"}
        assert sent - gone <= there.keys(), "every released report exists there"
        events = {name for name, (row, _) in there.items() if row["published"]}
        assert events - gone <= here.keys(), "every public problem of the platform exists here"
        marks = await self._marks()
        for name in here.keys() & there.keys():
            (ours, known), (theirs, known_there) = here[name], there[name]
            if name in gone:
                for where, row in (("here", ours), ("there", theirs)):
                    kept = row["erased_at"] is None, row["description"], bool(row["published"])
                    assert kept == (False, "", False), f"not erased {where}"
            else:
                assert [one for one in known if one[0] not in marks] == [
                    one for one in known_there if one[0] not in marks
                ]
                if marks & {one[0] for one in (*known, *known_there)}:
                    continue
                names = [one for one in NAMES if ours["mirror_of"] is None or one != "status_event"]
                assert {key: ours[key] for key in names} == {key: theirs[key] for key in names}

    async def _marks(self) -> set[str]:
        """Rejections as spam reach the other side as plain rejections and hold back later events: compare neither."""
        sql = (
            "SELECT id FROM events WHERE kind IN ('spam', 'unspam')"
            " UNION SELECT event_id AS id FROM deliveries WHERE state = 'dropped' AND reason = 'spam'"
        )
        rows = [await one.database.rows(sql) for one in (self.here, self.there)]
        return {row["id"] for found in rows for row in found}

    async def _all(self, one: Instance) -> dict[str, tuple[Any, list[tuple[Any, ...]]]]:
        """All problems with their exchanged events, by the birth id of their first one, which no update contains."""
        mirrored = "SELECT problem_id, remote_id FROM platform_links WHERE born = 'there'"
        own = {row["problem_id"]: int(row["remote_id"]) for row in await one.database.rows(mirrored)}
        births = "SELECT p.number, e.id FROM problems p JOIN events e ON e.problem_id = p.id WHERE e.kind = 'received'"
        there = {row["number"]: row["id"] for row in await self.there.database.rows(births)}
        found = {}
        for row in await one.database.rows("SELECT * FROM problems"):
            events = await one.database.rows(
                "SELECT e.id, e.kind, e.status, e.at, e.actor, t.body FROM events e"
                f" LEFT JOIN texts t ON t.id = e.text_id WHERE e.problem_id = :id AND e.kind IN {EXCHANGED_KINDS}",
                id=row["id"],
            )
            (received,) = (event for event in events if event["kind"] == "received")
            born = there[own[row["id"]]] if row["id"] in own else received["id"]
            assert born not in found, "duplicated"
            found[born] = (
                row,
                sorted(tuple(dict(event).values()) for event in events if event["id"] != received["id"]),
            )
        return found


@pytest.fixture
def fresh(
    dialect: str, new_database: Callable[..., str], request: pytest.FixtureRequest
) -> Callable[[], tuple[str, str]]:
    """Two empty databases for each example."""
    pair = new_database(), new_database()

    def make() -> tuple[str, str]:
        for url in pair:
            if dialect == "postgresql":
                server: PostgreSQL = request.getfixturevalue("postgres")
                server.empty(url)
            else:
                path = Path(url.removeprefix("sqlite:///"))
                for left in path.parent.glob(f"{path.name}-*"):
                    left.unlink()
                shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        return pair

    return make


@pytest.fixture
def machine(fresh: Callable[[], tuple[str, str]], make_settings: Callable[..., Settings]) -> type[TwoInstances]:
    class Machine(TwoInstances):
        pass

    Machine.fresh, Machine.make_settings = staticmethod(fresh), staticmethod(make_settings)
    return Machine


@ONE_DATABASE_UNLESS_FULL
def test_any_interleaving_ends_in_equal_states(machine: type[TwoInstances], full_counts: bool) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=FULL_EXAMPLES if full_counts else EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if full_counts else [Phase.generate],  # shrinking takes minutes
            report_multiple_bugs=False,
            database=None,
            derandomize=not full_counts,
            print_blob=True,
        ),
    )


def test_a_decision_about_a_report_whose_answer_was_lost(machine: type[TwoInstances]) -> None:
    """The platform has the report and decides, while we did not get the answer and know no number."""
    story = machine()
    story.report_here(confirmed=True)
    story.push()  # the letter to the resident, and the report
    story.decide(side="there", which=0, wish=WISHES[2])
    story.pull()
    story.report_here(confirmed=True)
    story.proxy.planned.append("lost answer")
    story.push()
    story.decide(side="there", which=1, wish=WISHES[2])
    with time_machine.travel(clock.now() + 2):  # the last second is always requested again
        story.decide(side="there", which=0, wish=WISHES[4])
        story.pull()
        story.teardown()


def test_erasure_reaches_a_platform_whose_answer_was_lost(machine: type[TwoInstances]) -> None:
    story = machine()
    story.report_here(confirmed=True)
    story.proxy.planned.append("lost answer")
    story.push()
    story.erase("here", 0, 0)
    try:
        story.run(story.carrier.until_idle())
        (row,) = story.run(story.there.database.rows("SELECT erased_at FROM problems"))
    finally:
        story.run(story._close())
        story.runner.close()
    assert row["erased_at"] is not None

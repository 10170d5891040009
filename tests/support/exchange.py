"""Helpers for tests of deliveries: accept a report, run deliveries or wait for them, poll for news, read results."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.factories import AGENT, existing, make_report, submit_report
from tests.support.waiting import await_for
from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.deliveries import queue
from widget_api.deliveries.model import Delivery, GiveUp, Retry, Withheld
from widget_api.deliveries.queue import Outcome
from widget_api.platform import pull, push
from widget_api.platform.store import platforms
from widget_api.problems import correction, lifecycle, submit
from widget_api.problems.correction import Correction
from widget_api.problems.model import Actor, Change
from widget_api.sites.model import Site

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of platforms that sign
ANY_PLATFORM = "platform:%"


class PlatformWorker:
    """Delivers what is due to platforms as the worker does, with a simulated clock: waiting takes no time."""

    sinks, pause = ANY_PLATFORM, 300

    def __init__(self, context: Context) -> None:
        self.context = context
        self.now = clock.now()
        self.waits: list[int] = []

    async def round(self) -> int:
        self.now = max(self.now, clock.now())
        claimed = await queue.claim(self.context.database, "test", 50, self.now)
        for one in claimed:
            reason: Exception | None = None
            try:
                await self.deliver(one)
            except (GiveUp, Retry, Withheld) as raised:
                reason = raised
            outcome = Outcome.of(one, reason)
            if outcome.name == "retry":
                self.waits.append(outcome.retry_in or 0)
            await queue.finish_all(self.context.database, "test", [(one, outcome)], self.now)
        return len(claimed)

    async def deliver(self, one: Delivery) -> None:
        if one.sink.startswith("platform:"):
            await push.deliver(self.context, one)

    async def until_idle(self) -> None:
        """Deliver until nothing is pending, including every retry."""
        for _ in range(200):
            if not await self.round():
                if "pending" not in await states(self.context, self.sinks):
                    return
                self.now += self.pause
        raise AssertionError("the queue never became idle")


async def wait_until_nothing_due(database: Database) -> None:
    """Wait until the application's worker has nothing to deliver.

    What is planned for later stays pending: the second letter of an hour to one person, for example. What failed is
    retried without a pause; what could not be tried is retried once, since its owner may be disabled.
    """
    busy = f"SELECT 1 FROM deliveries d WHERE d.state = 'leased' OR ({queue.DUE[database.dialect]}) LIMIT 1"

    async def end_pauses(tx: Transaction, condition: str = "attempts > 0") -> int:
        paused = f"state = 'pending' AND {condition} AND next_at > :now"
        return await tx.run(f"UPDATE deliveries SET next_at = :now WHERE {paused}", now=clock.now())

    async def is_idle() -> bool:
        return await database.row(busy, now=clock.now()) is None and not await database.write(end_pauses)

    await database.write(lambda tx: end_pauses(tx, "last_error IS NOT NULL"))
    await await_for(is_idle, "deliveries never end")


async def accept_report(context: Context, site: Site, **changes: Any) -> str:
    receipt = await submit_report(context.database, site, **changes)
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    return receipt.problem_id


async def correct_report(context: Context, site: Site, problem_id: str, **changed: Any) -> None:
    """The agency corrects a report of `make_report`; keywords say what it is to be."""
    report = make_report(**changed)
    wish = {name: getattr(report, name) for name in ("category", "description", "address", "lat", "lng")}
    assert await correction.correct_report(
        context.database, AGENT, site, problem_id, Correction(**wish), along=write_nothing
    )


async def write_nothing(*_: Any) -> None:
    """There is no journal without a user."""


async def mirror_report(database: Database, site: Site, *, platform: str = "default", **changes: Any) -> str:
    """Mirror a report of a platform, as polling it does."""
    values = {"source": "platform", "mirror_of": platform, "status": "accepted", "birth_id": clock.new_id()}
    report = make_report(**values | {"consent": None} | changes)
    actor = Actor(kind="resident", source=platform)
    return await submit.mirror(database, site, report, actor=actor, spend=write_nothing, along=write_nothing)


async def poll_platform(context: Context, site: Site) -> None:
    """Poll the default platform for news, as the worker does periodically, ignoring pauses."""
    platform = existing(await platforms.find_platform(context.database, "default"))
    assert await pull.poll_site(context.database, context.outbound, platform, site.id, respect_pauses=False) is None


async def status(context: Context, problem_id: str) -> str:
    row = existing(await context.database.row("SELECT status FROM problems WHERE id = :id", id=problem_id))
    return str(row["status"])


async def states(context: Context, sinks: str = ANY_PLATFORM) -> list[str]:
    """The state of every delivery to a platform, in order."""
    rows = await context.database.rows(
        "SELECT state FROM deliveries WHERE sink LIKE :sinks ORDER BY position, id", sinks=sinks
    )
    return [row["state"] for row in rows]


async def timeline(context: Context, problem_id: str) -> list[tuple[str, str | None, str | None]]:
    rows = await context.database.rows(
        "SELECT e.kind, e.status, t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id ORDER BY e.position",
        id=problem_id,
    )
    return [(row["kind"], row["status"], row["body"]) for row in rows]


@contextlib.asynccontextmanager
async def webhook_receiver(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]], path: str = "/hook"
) -> AsyncIterator[str]:
    """Yield the URL of a webhook receiver. Requests that are still open at the end are cancelled."""
    app = web.Application()
    app.router.add_post(path, handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
    finally:
        await runner.cleanup()

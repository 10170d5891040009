"""Ask once a year whether an entry is still up to date; hide what nobody answers for, and show it again.

A hidden entry waits for moderation: the agency finds it among what it has to check, and accepting it shows it again.
So does its author, by the button of either letter. Entries without an author whom a letter reaches are not asked about.
"""

from __future__ import annotations

from typing import Literal

from widget_api import clock, schedule
from widget_api.database import Database, Row, Transaction
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor
from widget_api.problems.record import find_existing, record
from widget_api.renewals import store
from widget_api.sites import presets

YEAR = 365 * clock.DAY
PATIENCE = 14 * clock.DAY  # between the letter and the reminder, and until the entry is hidden
_EVERY = clock.HOUR
_AT_ONCE = 500  # entries asked about in one run
_SYSTEM = Actor(kind="system")
State = Literal["asked", "hidden", "confirmed", "gone"]


async def run_if_due(database: Database) -> None:
    """Ask, remind and hide, in the worker."""

    async def job() -> str:
        asked, reminded, hidden = await run(database, clock.now())
        return f"{asked} asked, {reminded} reminded, {hidden} hidden"

    await schedule.run_if_due(database, "renewals", _EVERY, job)


async def run(database: Database, now: int) -> tuple[int, int, int]:
    """Do what is due. Returns the numbers of entries asked about, reminded of and hidden."""
    renewed = [name for name in presets.NAMES if presets.find(name).renewed]
    hidden = 0
    for row in await store.list_unanswered(database, now - PATIENCE):

        async def hide(tx: Transaction, row: Row = row) -> bool:
            problem = await find_existing(tx, row["site_id"], row["problem_id"])
            hides = bool(problem["published"]) and problem["status"] == "accepted"
            if hides:
                await record(tx, problem, _SYSTEM, kind="status", status="moderation", now=now, news=False)
            await store.mark_hidden(tx, row["problem_id"], now, notify=hides)
            return hides

        hidden += await database.write(hide, row["site_id"])
    reminded = await database.write(lambda tx: store.remind(tx, now, now - PATIENCE))
    old = await store.list_old(database, renewed, now - YEAR, _AT_ONCE)

    async def ask(tx: Transaction) -> None:
        for row in old:
            await store.ask(tx, row["id"], row["site_id"], now)

    if old:
        await database.write(ask)
    return len(old), reminded, hidden


def find_state(renewal: Row, problem: Row) -> State:
    if problem["published"]:
        return "asked" if renewal["asked_at"] is not None and renewal["hidden_at"] is None else "confirmed"
    hidden = renewal["hidden_at"] is not None and problem["status"] == "moderation" and not problem["spam"]
    return "hidden" if hidden else "gone"


async def confirm(database: Database, site_id: str, problem_id: str) -> None:
    """Keep an entry for a year; show it again if it was hidden. Idempotent."""
    now = clock.now()

    async def work(tx: Transaction) -> None:
        problem, renewal = await find_existing(tx, site_id, problem_id), await store.find(tx, problem_id)
        state = find_state(renewal, problem) if renewal is not None else "gone"
        if state == "hidden":
            await lifecycle.accept(tx, _SYSTEM, site_id, problem_id, now)
        if state in ("asked", "hidden"):
            await store.confirm(tx, problem_id, now)

    await database.write(work, site_id)

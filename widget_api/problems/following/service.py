"""Follow, confirm, stop. Nothing here tells anybody whether an address follows a problem already."""

from __future__ import annotations

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.sinks import FOLLOWER
from widget_api.errors import NotFound
from widget_api.problems import letters
from widget_api.problems.following import store
from widget_api.problems.persons import Person
from widget_api.problems.store import contacts, records
from widget_api.problems.submission import Spend


async def follow(database: Database, site_id: str, number: int, person: Person, spend: Spend | None) -> None:
    """Ask the address whether it wants to follow; one that does already is asked nothing.

    The ticket is used up either way: whether it was would tell who follows. Raises NotFound and what `spend` raises.
    """
    now = clock.now()

    async def work(tx: Transaction) -> None:
        problem = await followed(tx, site_id, number)
        if spend is not None:
            await spend(tx)
        known = await store.of_address(tx, problem["id"], person.email)
        if known is not None and known["confirmed_at"] is not None:
            return
        follower_id = known["id"] if known else await store.add(tx, site_id, problem["id"], person, now)
        await letters.ask_to_confirm(tx, problem["id"], FOLLOWER + follower_id, person.email, now)

    await database.write(work, site_id)


async def followed(reader: Database | Transaction, site_id: str, number: int) -> Row:
    """The published problem, or the one it was merged into. Raises NotFound."""
    problem = await records.by_number(reader, site_id, number)
    if problem is None or not problem["published"]:
        raise NotFound("problem_not_found")
    return [problem, *await merges(reader, problem)][-1]


async def merges(reader: Database | Transaction, problem: Row) -> list[Row]:
    """The published problems this one was merged into, one into the next; the last is the one that is worked on."""
    passed = [problem]
    while passed[-1]["duplicate_of"] is not None:
        into = await records.by_number(reader, problem["site_id"], passed[-1]["duplicate_of"])
        if into is None or not into["published"] or into["id"] in [one["id"] for one in passed]:
            break
        passed.append(into)
    return passed[1:]


async def confirm(database: Database, follower: Row) -> None:
    """Confirming twice is confirming once; what has ended is not begun again by an old letter."""

    async def work(tx: Transaction) -> bool:
        return await store.confirm(tx, follower["id"], clock.now())

    await database.write(work)


async def stop(database: Database, follower: Row) -> None:
    """No more letters to this address about this problem, nor about the one it was merged into; twice is once."""
    site_id, now = follower["site_id"], clock.now()

    async def work(tx: Transaction) -> None:
        current = await store.find(tx, follower["id"])
        if current is None or current["stopped_at"] is not None:
            return
        ended = [current["id"]]
        problem = await records.find(tx, current["problem_id"])
        if problem is not None and problem["duplicate_of"] is not None and problem["published"]:
            into = await followed(tx, site_id, problem["number"])
            ended += await store.same_person(tx, site_id, into["id"], current["email_hash"])
        await store.stop(tx, site_id, ended, now)

    await database.write(work)


async def bring_along(tx: Transaction, problem: Row, target: Row) -> None:
    """Who follows a problem that is merged follows the target; their rows stay, should it be reopened."""
    await store.bring_along(tx, problem["id"], target["id"], clock.now())


async def forget(database: Database, email: str) -> int:
    """End everything an address follows or was asked about. Returns how many problems that were."""
    rows = await store.everything_of(database, contacts.email_hash(email))
    for row in rows:

        async def work(tx: Transaction, row: Row = row) -> None:
            await store.stop(tx, row["site_id"], [row["id"]], clock.now())

        await database.write(work)
    return len(rows)

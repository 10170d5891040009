"""Start, confirm and stop following a problem, without revealing whether an address follows it already."""

from __future__ import annotations

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.sinks import FOLLOWER
from widget_api.problems import merges, resident_mail
from widget_api.problems.persons import Person
from widget_api.problems.store import contacts, followers, records
from widget_api.problems.submit import Spend


async def follow_problem(database: Database, site_id: str, number: int, person: Person, spend: Spend | None) -> None:
    """Send a letter that asks for confirmation, unless the address follows already.

    The ticket is spent either way, since an unspent one would reveal a follower. Raises NotFound and what `spend`
    raises.
    """
    now = clock.now()

    async def work(tx: Transaction) -> None:
        problem = await merges.find_target(tx, site_id, number)
        if spend is not None:
            await spend(tx)
        known = await followers.of_address(tx, problem["id"], person.email)
        if known is not None and known["confirmed_at"] is not None:
            return
        follower_id = known["id"] if known else await followers.add(tx, site_id, problem["id"], person, now)
        await resident_mail.enqueue_limited_letter(tx, problem["id"], FOLLOWER + follower_id, person.email, now)

    await database.write(work, site_id)


async def confirm_following(database: Database, follower: Row) -> None:
    """Confirm a follower. Idempotent; a follower who has stopped is not restarted by an old letter."""

    async def work(tx: Transaction) -> bool:
        return await followers.confirm(tx, follower["id"], clock.now())

    await database.write(work)


async def stop_following(database: Database, follower: Row) -> None:
    """Stop letters to this address about the problem and about the one it was merged into. Idempotent."""
    site_id, now = follower["site_id"], clock.now()

    async def work(tx: Transaction) -> None:
        current = await followers.find(tx, follower["id"])
        if current is None or current["stopped_at"] is not None:
            return
        ended = [current["id"]]
        problem = await records.find(tx, current["problem_id"])
        if problem is not None and problem["duplicate_of"] is not None and problem["published"]:
            into = await merges.find_target(tx, site_id, problem["number"])
            ended += await followers.same_person(tx, site_id, into["id"], current["email_hash"])
        await followers.stop(tx, site_id, ended, now)

    await database.write(work)


async def stop_all_of(database: Database, email: str) -> int:
    """Stop everything that an address follows or was asked to confirm. Returns the number of problems."""
    rows = await followers.list_of_address(database, contacts.email_hash(email))
    for row in rows:

        async def work(tx: Transaction, row: Row = row) -> None:
            await followers.stop(tx, row["site_id"], [row["id"]], clock.now())

        await database.write(work)
    return len(rows)

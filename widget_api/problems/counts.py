"""Count who supports a report or takes part in an entry, and add up what several instances counted of one entry.

Each instance sends the numbers of those who acted on it, and keeps one row for each other one. The public columns of
`problems` are the sums, so lists, pages and exports read nothing else; what an instance counted itself is the rest.
Numbers that came from elsewhere are sent to nobody, so that nothing is counted twice however instances are connected.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from widget_api import clock, events
from widget_api.database import Database, Transaction
from widget_api.deliveries import enqueue
from widget_api.deliveries.sinks import PLATFORM
from widget_api.problems.store import history, records

Count = Literal["supporters", "participants"]
NAMES: tuple[Count, ...] = ("supporters", "participants")
LARGEST = 1_000_000  # of one instance
# The numbers of one instance, in the order of (at, version): the moment that they are of, by its clock, and its site's
# counter then. A vote that is over has those of its end, whenever they are read.
FIELDS = (*NAMES, "at", "version")
GATHERED = 10  # seconds until a change leaves for other instances, with all that follow


async def change(tx: Transaction, site_id: str, problem_id: str, name: Count, by: int) -> None:
    """Change a count. Of an entry an event tells platforms how many acted here; it names nobody."""
    await records.count(tx, problem_id, name, by)
    if not (await history.find_site(tx, site_id))["slug"]:
        await events.advance(tx, site_id)
        return
    now = clock.now()
    event = events.Event(
        id=clock.new_id(),
        site_id=site_id,
        problem_id=problem_id,
        kind=events.COUNTED,
        at=now,
        actor="resident",
        position=(await events.advance(tx, site_id, events=1)).position,
        data={name: (await read_own(tx, problem_id))[name]},
    )
    await events.append(tx, event)
    for platform_id in await history.list_platforms(tx, site_id, instances=True):
        sink = PLATFORM + platform_id
        if not await enqueue.waits(tx, problem_id, sink, events.COUNTED):
            await enqueue.enqueue_event(tx, event, sink, now, leaves_at=now + GATHERED)


async def read_own(reader: Database | Transaction, problem_id: str) -> dict[str, int]:
    """What this instance counted itself, and its place in the order (FIELDS)."""
    at = clock.now()  # before the numbers, so that a later reading has no earlier place
    row = await reader.row(
        "SELECT p.supporters - COALESCE(SUM(e.supporters), 0) AS supporters,"
        " p.participants - COALESCE(SUM(e.participants), 0) AS participants, c.version,"
        " CASE WHEN s.action = 'vote' THEN s.votes_close_at END AS ended_at"
        " FROM problems p JOIN site_counters c ON c.site_id = p.site_id JOIN sites s ON s.id = p.site_id"
        " LEFT JOIN counts_elsewhere e ON e.problem_id = p.id"
        " WHERE p.id = :id GROUP BY p.id, c.version, s.action, s.votes_close_at",
        id=problem_id,
    )
    assert row is not None, "counters without a problem"
    ended_at = at if row["ended_at"] is None else row["ended_at"]
    return {**{name: int(row[name]) for name in (*NAMES, "version")}, "at": min(at, ended_at)}


async def take(
    database: Database, site_id: str, problem_id: str, source: str, given: Mapping[str, int], serving: Collection[str]
) -> None:
    """Replace the numbers of an instance by newer ones (FIELDS), whatever was lost or comes late or again.

    Numbers of platforms that do not serve the site any more go, so that one which was entered anew counts once.
    """

    async def work(tx: Transaction) -> None:
        problem = await tx.row("SELECT erased_at FROM problems WHERE id = :id", id=problem_id)
        rows = await tx.rows("SELECT * FROM counts_elsewhere WHERE problem_id = :id", id=problem_id)
        known = next(((row["at"], row["version"]) for row in rows if row["source"] == source), (-1, 0))
        if problem is None or problem["erased_at"] is not None or known >= (given["at"], given["version"]):
            return
        replaced = [row for row in rows if row["source"] == source or row["source"] not in serving]
        for row in replaced:
            await tx.run(
                "DELETE FROM counts_elsewhere WHERE problem_id = :id AND source = :source",
                id=problem_id,
                source=row["source"],
            )
        await tx.insert("counts_elsewhere", problem_id=problem_id, source=source, **given)
        changes = {name: given[name] - sum(row[name] for row in replaced) for name in NAMES}
        for name, by in changes.items():
            if by:
                await records.count(tx, problem_id, name, by)
        if any(changes.values()):
            await events.advance(tx, site_id)

    await database.write(work, site_id)

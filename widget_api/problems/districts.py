"""Give reports their district anew after the districts of their site have changed.

`sites.districts_from` is the number of the first report that waits. A batch of reports is assigned in one transaction
with its advance, so a process that is killed at any moment loses nothing, and another one continues.
"""

from __future__ import annotations

import asyncio

from widget_api import clock, events, schedule
from widget_api.database import Database, Row, Transaction
from widget_api.problems.store import records
from widget_api.sites import service, store
from widget_api.sites.districts import JOB, job_of
from widget_api.sites.model import Site

EVERY = 30  # seconds after which another process continues
BATCH_SIZE = 500  # reports that are looked at in one transaction
MAX_CHANGES = 100  # reports that are changed in one, so that submissions wait for a fraction of a second
PAUSE = 0.05  # seconds between two batches, in which others write


async def assign_if_due(database: Database) -> None:
    """Assign the waiting reports of the sites that are due, a batch of each in turn, in the worker.

    Returns after EVERY seconds at the latest: then sites that have become due meanwhile get their turns too. A site
    whose settings change is left alone: requests that began before may still write a district of before, and its next
    run begins only after them.
    """
    due, changed = dict[str, int](), 0
    for row in await database.rows("SELECT id FROM sites WHERE districts_from IS NOT NULL ORDER BY id"):
        counters = await store.find_counters(database, row["id"])
        if counters is not None and await schedule.begin(database, job_of(row["id"]), clock.now(), EVERY):
            due[row["id"]] = counters["settings"]
    if not due:
        return
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + EVERY
    while due:
        for site_id, settings in list(due.items()):
            many = await assign_batch(database, await service.by_id(database, site_id), settings)
            if many is None:
                del due[site_id]
            changed += many or 0
            await asyncio.sleep(PAUSE)
        if loop.time() >= ends_at:
            break
    await schedule.end(database, JOB, clock.now(), f"{changed} reports in another district")


async def assign_batch(database: Database, site: Site, settings: int) -> int | None:
    """Assign some waiting reports of a site, read when its counter was `settings`. Returns how many changed, None when
    there is nothing left to do."""

    async def work(tx: Transaction) -> int | None:
        await events.advance(tx, site.id)  # locks the site, and tells readers that its lists changed
        row = await tx.row(
            "SELECT s.districts_from, c.settings FROM sites s JOIN site_counters c ON c.site_id = s.id"
            " WHERE s.id = :site_id",
            site_id=site.id,
        )
        if row is None or row["districts_from"] is None or row["settings"] != settings:
            return None
        rows = await tx.rows(
            "SELECT id, number, lat, lng, district, erased_at FROM problems"
            " WHERE site_id = :site_id AND number >= :number ORDER BY number LIMIT :most",
            site_id=site.id,
            number=row["districts_from"],
            most=BATCH_SIZE,
        )
        changed, last = 0, None
        for problem in rows:
            if changed == MAX_CHANGES:
                break
            district = _find_district(site, problem)
            if district != problem["district"]:
                await records.update(tx, problem["id"], {"district": district})
                changed += 1
            last = problem["number"]
        await tx.run(
            "UPDATE sites SET districts_from = :number WHERE id = :site_id",
            number=None if last is None else last + 1,
            site_id=site.id,
        )
        if last is None:
            await schedule.cancel(tx, job_of(site.id))
        return None if last is None else changed

    return await database.write(work, site.id)


def _find_district(site: Site, problem: Row) -> str | None:
    """The place of an erased report is approximate: it keeps its district while there is one."""
    if problem["erased_at"] is not None:
        return problem["district"] if any(one.id == problem["district"] for one in site.districts) else None
    return site.find_district(problem["lat"], problem["lng"])

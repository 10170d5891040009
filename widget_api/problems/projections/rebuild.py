"""Rebuild the derived tables from the problems, after a migration, a restore or a bulk import."""

from __future__ import annotations

from widget_api.database.bulk import Bulk, open_writer
from widget_api.geo.address import find_street
from widget_api.geo.cells import LEVEL, cell_at
from widget_api.problems.projections import answers, figures, items, words
from widget_api.problems.projections.model import LEVELS
from widget_api.sites.kinds import kind_of
from widget_api.status_table import PUBLIC_STATUSES

VERSION = 10  # increase it when the derived tables change: `widget-api migrate` then rebuilds them
_NAME = "city"
_CHUNK = 5000
_COUNTS = ", ".join(f"SUM(CASE WHEN status = '{status}' THEN 1 ELSE 0 END)" for status in PUBLIC_STATUSES)


async def ensure(database_url: str) -> bool:
    """Rebuild the tables if another version of the code wrote them; False if they are current."""
    async with open_writer(database_url) as bulk:
        stored = await bulk.rows("SELECT version FROM projections WHERE name = :name", name=_NAME)
        if stored and stored[0]["version"] == VERSION:
            return False
        await rebuild_all(bulk)
    return True


async def rebuild_all(bulk: Bulk) -> None:
    await words.clear(bulk)
    await items.clear(bulk)
    for site in await bulk.rows("SELECT id FROM sites ORDER BY id"):
        await rebuild_site(bulk, site["id"])
    await bulk.run("DELETE FROM projections WHERE name = :name", name=_NAME)
    await bulk.run("INSERT INTO projections (name, version) VALUES (:name, :version)", name=_NAME, version=VERSION)


async def rebuild_site(bulk: Bulk, site_id: str) -> None:
    """Rebuild one site in the transaction of `bulk`, and advance the version that caches are checked against."""
    await bulk.run("UPDATE site_counters SET version = version + 1 WHERE site_id = :site_id", site_id=site_id)
    (site,) = await bulk.rows("SELECT ordinal, time_zone, slug FROM sites WHERE id = :site_id", site_id=site_id)
    await _assign_cells(bulk, site_id)
    await _assign_streets(bulk, site_id)
    await _cells(bulk, site_id)
    await figures.rebuild(bulk, site_id, site["time_zone"])
    await words.rebuild(bulk, site_id, site["ordinal"])
    await items.rebuild(bulk, site_id, site["ordinal"], entry=kind_of(site["slug"]) == "collection")
    if site["slug"]:
        await answers.rebuild(bulk, site_id)


async def _assign_cells(bulk: Bulk, site_id: str) -> None:
    """Set the cell of problems that have coordinates and no cell yet."""
    while True:
        rows = await bulk.rows(
            "SELECT id, lat, lng FROM problems WHERE site_id = :site_id AND lat IS NOT NULL AND cell IS NULL"
            " AND erased_at IS NULL LIMIT :limit",
            site_id=site_id,
            limit=_CHUNK,
        )
        for row in rows:
            await bulk.run(
                "UPDATE problems SET cell = :cell WHERE id = :id", id=row["id"], cell=cell_at(row["lat"], row["lng"])
            )
        if len(rows) < _CHUNK:
            return


async def _assign_streets(bulk: Bulk, site_id: str) -> None:
    """Set the street of published problems that have an address and no street yet: those of earlier versions."""
    number = 0
    while True:
        rows = await bulk.rows(
            "SELECT id, number, address FROM problems WHERE site_id = :site_id AND number > :number"
            " AND published AND address IS NOT NULL AND street IS NULL ORDER BY number LIMIT :limit",
            site_id=site_id,
            number=number,
            limit=_CHUNK,
        )
        for row in rows:
            if street := find_street(row["address"]):
                await bulk.run("UPDATE problems SET street = :street WHERE id = :id", id=row["id"], street=street)
        if len(rows) < _CHUNK:
            return
        number = rows[-1]["number"]


async def _cells(bulk: Bulk, site_id: str) -> None:
    await bulk.run("DELETE FROM site_cells WHERE site_id = :site_id", site_id=site_id)
    columns = f"site_id, level, category, cell, {', '.join(PUBLIC_STATUSES)}, lat_sum, lng_sum, number_sum"
    for level in LEVELS:
        around = f"cell >> {2 * (LEVEL - level)}"
        for category, grouped in (("''", around), ("category", f"category, {around}")):
            await bulk.run(
                f"INSERT INTO site_cells ({columns}) SELECT site_id, {level}, {category}, {around}, {_COUNTS},"
                " SUM(lat), SUM(lng), SUM(number) FROM problems"
                f" WHERE site_id = :site_id AND published AND cell IS NOT NULL GROUP BY site_id, {grouped}",
                site_id=site_id,
            )

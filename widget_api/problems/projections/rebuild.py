"""Rebuild the derived tables from the problems, after a migration, a restore or a bulk import."""

from __future__ import annotations

from widget_api.database.bulk import Bulk, open_writer
from widget_api.geo.cells import LEVEL, cell_at
from widget_api.problems.deadline import RUNNING
from widget_api.problems.projections import items, words
from widget_api.problems.projections.model import LEVELS, MOST_DAYS
from widget_api.status_table import PUBLIC_STATUSES

VERSION = 4  # increase it when the derived tables change: `widget-api migrate` then rebuilds them
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
    await _assign_cells(bulk, site_id)
    await _cells(bulk, site_id)
    await _figures(bulk, site_id)
    (site,) = await bulk.rows("SELECT ordinal FROM sites WHERE id = :site_id", site_id=site_id)
    await words.rebuild(bulk, site_id, site["ordinal"])
    await items.rebuild(bulk, site_id, site["ordinal"])


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


async def _figures(bulk: Bulk, site_id: str) -> None:
    await bulk.run("DELETE FROM site_figures WHERE site_id = :site_id", site_id=site_id)
    sqlite = bulk.dialect == "sqlite"
    whole_days = f"MAX(0, MIN({MOST_DAYS}, (answered_at - created_at) / 86400))"
    if sqlite:
        received, answered = (f"strftime('%Y-%m', {name}, 'unixepoch')" for name in ("created_at", "answered_at"))
        took = f"printf('%04d', {whole_days})"
    else:
        received, answered = (
            f"to_char(to_timestamp({name}) AT TIME ZONE 'UTC', 'YYYY-MM')" for name in ("created_at", "answered_at")
        )
        took = f"LPAD(CAST({whole_days.replace('MAX', 'GREATEST').replace('MIN', 'LEAST')} AS TEXT), 4, '0')"
    for measure, period, category, status, condition in (
        ("received", received, "category", "status", "TRUE"),
        ("answered", answered, "category", "''", "answered_at IS NOT NULL"),
        ("days", took, "''", "''", "answered_at IS NOT NULL"),
        ("due", "answer_due", "category", "''", RUNNING),
    ):
        await bulk.run(
            "INSERT INTO site_figures (site_id, measure, period, category, status, count)"
            " SELECT site_id, measure, period, category, status, COUNT(*) FROM"
            f" (SELECT site_id, '{measure}' AS measure, {period} AS period, {category} AS category, {status} AS status"
            f" FROM problems p WHERE site_id = :site_id AND published AND {condition}) AS counted"
            " GROUP BY site_id, measure, period, category, status",
            site_id=site_id,
        )

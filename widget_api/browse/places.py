"""Read where reports come from: streets, the houses of one, and cells of the map. All of whole months."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from widget_api.browse.statistics import DIMENSIONS, Part, Query, month_end, sum_counts, sum_parts
from widget_api.database import Database, Row
from widget_api.geo.cells import LEVEL
from widget_api.problems.model import OPEN
from widget_api.problems.projections.figures import CELL_LEVEL
from widget_api.sites.model import Site

MAX_STREETS = 20
MAX_HOUSES = 50
MAX_OBJECTIONS = 10


@dataclass(frozen=True)
class Place:
    """A street of a site, or an address on it: towns have streets of the same name."""

    site_id: str
    name: str
    total: int
    open: int | None = None


def widen(query: Query) -> Query:
    """The same query of whole months: those in which its period begins and ends, and those between."""
    first, last = query.first and query.first.replace(day=1), query.last and month_end(query.last)
    return replace(query, first=first, last=last)


def whole_months(query: Query) -> list[Part]:
    """The months of `widen`, as `sum_parts` takes them."""
    return [Part("m", f"{query.first or date(1970, 1, 1):%Y-%m}", f"{query.last or date(9999, 12, 31):%Y-%m}")]


async def list_streets(database: Database, query: Query) -> list[Place]:
    """List the streets with the most reports, those of each site by themselves."""
    rows = await sum_parts(database, query, (_measure("street", query),), ("site_id",), whole_months(query))
    streets = [Place(row["site_id"], row["value"], int(row["total"])) for row in rows]
    return sorted(streets, key=lambda one: (-one.total, one.name, one.site_id))[:MAX_STREETS]


async def list_houses(database: Database, query: Query, street: str) -> list[Place]:
    """List the addresses of a street with the most reports, and how many of these are open."""
    houses = [
        Place(site.id, row["address"], int(row["total"]), int(row["open"]))
        for site in query.sites
        for row in await _list_addresses(database, query, site, street)
    ]
    return sorted(houses, key=lambda one: (-one.total, one.name, one.site_id))[:MAX_HOUSES]


async def _list_addresses(database: Database, query: Query, site: Site, street: str) -> list[Row]:
    conditions, values = _dimensions(query)
    statuses = ", ".join(repr(status) for status in sorted(OPEN))
    rows = await database.rows(
        "SELECT p.address, COUNT(*) AS total,"
        f" SUM(CASE WHEN p.status IN ({statuses}) AND p.mirror_of IS NULL THEN 1 ELSE 0 END) AS open FROM problems p"
        " WHERE p.site_id = :site_id AND p.street = :street AND p.counted"
        f" AND p.created_at >= :begins AND p.created_at < :ends{conditions}"
        " AND p.address IS NOT NULL GROUP BY p.address",
        site_id=site.id,
        street=street,
        **_moments(query, site),
        **values,
    )
    return list(rows)


async def count_months(database: Database, query: Query) -> dict[str, int]:
    """Count the reports received in each month («2026-11») that has some."""
    rows = await sum_counts(database, widen(query), ("received",), ("period",))
    months = Counter[str]()
    for row in rows:
        months[row["period"]] += int(row["total"])
    return dict(sorted(months.items()))


async def count_cells(database: Database, query: Query, level: int) -> Counter[int]:
    """Count the reports in each cell of the map: of CELL_LEVEL from stored counts, of a finer level one by one."""
    cells = Counter[int]()
    if level == CELL_LEVEL:
        for row in await sum_parts(database, query, (_measure("cell", query),), (), whole_months(query)):
            cells[int(row["value"])] += int(row["total"])
        return cells
    conditions, values = _dimensions(query)
    for site in query.sites:
        rows = await database.rows(
            f"SELECT p.cell >> {2 * (LEVEL - level)} AS cell, COUNT(*) AS total FROM problems p"
            " WHERE p.site_id = :site_id AND p.published AND p.cell IS NOT NULL"
            f" AND p.created_at >= :begins AND p.created_at < :ends{conditions} GROUP BY 1",
            site_id=site.id,
            **_moments(query, site),
            **values,
        )
        for row in rows:
            cells[row["cell"]] += int(row["total"])
    return cells


async def list_objections(database: Database, query: Query) -> list[Row]:
    """List the newest reopenings of the period with their words: id, number and site_id of the report, at, text."""
    conditions, values = _dimensions(query)
    found = list[Row]()
    for site in query.sites:
        found += await database.rows(
            "SELECT p.id, p.number, p.site_id, p.category, e.at, t.body AS text FROM events e"
            " JOIN problems p ON p.id = e.problem_id JOIN texts t ON t.id = e.text_id"
            " WHERE e.site_id = :site_id AND e.status = 'reopened' AND e.at >= :begins AND e.at < :ends AND p.counted"
            f" AND p.mirror_of IS NULL AND t.body <> ''{conditions}"
            f" ORDER BY e.at DESC, e.id DESC LIMIT {MAX_OBJECTIONS}",
            site_id=site.id,
            **_days(query, site),
            **values,
        )
    return sorted(found, key=lambda row: -row["at"])[:MAX_OBJECTIONS]


def _measure(name: str, query: Query) -> str:
    """The counts without dimensions, which are fewer, where no filter needs them."""
    return f"{name}_total" if all(getattr(query, one) is None for one in DIMENSIONS) else name


_COLUMNS = {"category": "category", "service": "assigned_agency", "district": "district"}


def _dimensions(query: Query) -> tuple[str, dict[str, str]]:
    """The filters of a query as conditions on `problems p`."""
    wanted: dict[str, str] = {name: getattr(query, name) for name in DIMENSIONS if getattr(query, name) is not None}
    return "".join(f" AND COALESCE(p.{_COLUMNS[name]}, '') = :{name}" for name in wanted), wanted


def _moments(query: Query, site: Site) -> dict[str, int]:
    """When the whole months of a query begin, and end, at a site."""
    return _days(widen(query), site)


def _days(query: Query, site: Site) -> dict[str, int]:
    """When the days of a query begin, and end, at a site."""
    first, last = query.first or date(1970, 1, 1), query.last or date(9998, 12, 31)
    return {"begins": _moment(first, site.time_zone), "ends": _moment(last + timedelta(days=1), site.time_zone)}


def _moment(day: date, time_zone: str) -> int:
    """The beginning of a local day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).timestamp())

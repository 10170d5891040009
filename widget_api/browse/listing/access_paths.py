"""Choose the index by which the rows of a filter are read, apart from the index of its sort order.

The rows of each are counted in the index itself, up to a limit: the database's planner knows neither how rare a word is
nor that conditions depend on each other, and its plan may read every problem of a site
(docs/decisions/0052-a-proxy-and-two-steps.md has the measurements).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from widget_api.browse.listing.conditions import DATED, OPEN_STATUSES, WORDS, WORDS_OF, answered, site_word
from widget_api.browse.listing.filters import Filters
from widget_api.database import Database
from widget_api.database.word_forms import match, tsquery
from widget_api.geo import cells
from widget_api.geo import cells as geo_cells
from widget_api.geo.cells import LEVEL
from widget_api.problems.deadline import overdue_sql

COUNTED = 50_000  # rows; an index that leads to more is not used
READING = 20  # reading and comparing the text of one row takes as long as skipping so many


@dataclass(frozen=True)
class AccessPath:
    """Rows of an index, with their problems as `p`: `FROM {table} WHERE {condition}`.

    `words` is whether the path applies the filter's words, and `numbers` is SQL that selects the numbers of those
    problems.
    """

    table: str
    condition: str
    values: dict[str, Any]
    words: bool = False
    numbers: str = ""

    @property
    def rows(self) -> str:
        """SQL that selects its problems. The limit keeps the planner from using another index for other conditions."""
        return f"SELECT p.* FROM {self.table} WHERE {self.condition} LIMIT :counted"


async def find_shortest(
    database: Database, site_id: str, filters: Filters, today: date, listed: AccessPath | None
) -> AccessPath | None:
    """Find the path with the fewest rows; None if each has more than COUNTED.

    `listed` is the path of the filter's words. If it has no `numbers`, the text of each row of another path has to be
    read, which takes as long as skipping READING rows.
    """
    shortest, fewest = None, COUNTED + 1
    for path in (*([listed] if listed else []), *list_other_paths(database.dialect, site_id, filters, today)):
        cost = READING if listed is not None and not listed.numbers and not path.words else 1
        rows = path.numbers or f"SELECT 1 FROM {path.table} WHERE {path.condition}"
        (row,) = await database.rows(
            f"SELECT COUNT(*) AS count FROM ({rows} LIMIT :most) counted", most=fewest // cost + 1, **path.values
        )
        if row["count"] * cost < fewest:
            shortest, fewest = path, row["count"] * cost
    return shortest


def list_other_paths(dialect: str, site_id: str, filters: Filters, today: date) -> Iterator[AccessPath]:
    """List the paths of all conditions except words."""
    if filters.district:
        yield district_path(site_id, filters.district)
    for index, (code, chosen) in enumerate(filters.answers):
        yield answers_path(site_id, index, code, chosen)
    if filters.dated:
        sign = ">=" if filters.dated == "current" else "<"
        condition = f"p.site_id = :site_id AND p.published AND {DATED} AND p.ends_on {sign} :today"
        yield AccessPath("problems p", condition, {"site_id": site_id, "today": today.isoformat()})
    if filters.bbox:
        level = geo_cells.choose_level(filters.bbox, tuple(range(LEVEL + 1))) or 0
        cells = geo_cells.refine_ranges(geo_cells.cell_ranges(filters.bbox, level), level, LEVEL)
        table, values = within(dialect, cells, "problems p", "p.site_id = :site_id AND p.published")
        yield AccessPath(table, "TRUE", {**values, "site_id": site_id})
    public, values = "p.site_id = :site_id AND p.published", {"site_id": site_id}
    if filters.overdue:
        # OPEN_STATUSES repeats the condition of the partial index.
        condition = f"{public} AND {overdue_sql()} AND p.status IN ({OPEN_STATUSES})"
        yield AccessPath("problems p", condition, {**values, "today": today.isoformat()})
    if filters.categories or filters.statuses:
        kinds = [("category", filters.categories), ("status", filters.statuses)]
        names = {f"{column}{index}": value for column, chosen in kinds for index, value in enumerate(chosen)}
        listed = [
            f"p.{column} IN ({', '.join(f':{column}{index}' for index in range(len(chosen)))})"
            for column, chosen in kinds
            if chosen
        ]
        yield AccessPath("problems p", " AND ".join((public, *listed)), {**values, **names})
    if filters.since is not None or filters.until is not None:
        condition = f"{public} AND p.created_at >= :since AND p.created_at < :until"
        period = {"since": filters.since or 0, "until": filters.until or 2**62}
        yield AccessPath("problems p", condition, {**values, **period})


def district_path(site_id: str, district: str) -> AccessPath:
    """Return the path to the published problems of a district, by ix_problems_district."""
    condition = "p.site_id = :site_id AND p.published AND p.district = :district"
    return AccessPath("problems p", condition, {"site_id": site_id, "district": district})


def answers_path(site_id: str, index: int, code: str, chosen: Sequence[str]) -> AccessPath:
    """Return the path to the entries of a collection that have one of these answers to a question."""
    found, values = answered(index, code, chosen)
    numbers = f"SELECT DISTINCT a.number FROM {found} AND a.site_id = :site_id"
    condition = "p.site_id = :site_id AND p.number = a.number AND p.published"
    return AccessPath(
        f"({numbers}) a CROSS JOIN problems p", condition, {**values, "site_id": site_id}, numbers=numbers
    )


def words(dialect: str, site_id: str, ordinal: int, query: str) -> AccessPath:
    """Return the path to the problems that contain all words of a query, by the full-text index."""
    if dialect == "sqlite":
        first = ordinal << 32
        index = "problem_words MATCH :match AND problem_words.rowid BETWEEN :first AND :last"
        return AccessPath(
            "problem_words CROSS JOIN problems p",
            f"{index} AND p.site_id = :site_id AND p.published AND p.number = problem_words.rowid - :first",
            {"match": match(query), "first": first, "last": first + 2**32 - 1, "site_id": site_id},
            words=True,
            numbers=f"SELECT problem_words.rowid - :first FROM problem_words WHERE {index}",
        )
    return AccessPath(
        "problems p",
        f"p.published AND {WORDS_OF} @@ ({WORDS})",
        {"words": tsquery(query), "site_word": site_word(site_id)},
        words=True,
    )


def within(dialect: str, cell_ranges: list[cells.Range], table: str, condition: str) -> tuple[str, dict[str, Any]]:
    """Return the SQL after FROM that looks up ranges of cells one by one in the index of cells, and its values.

    `table` ends with its alias ("problems p") that `condition` uses. With outdated statistics, or none about ranges,
    both databases would read a whole site and compare each row with each range. SQLite keeps the order of a CROSS JOIN
    as written; PostgreSQL does not flatten a subquery with an OFFSET and runs it for each range.
    """
    alias = table.split()[-1]
    matching = f"{condition} AND {alias}.cell BETWEEN r.low AND r.high"
    if dialect == "sqlite":
        ranges, values = _listed(cell_ranges)
        return f"{ranges} CROSS JOIN {table} ON {matching}", values
    rows = "unnest(CAST(:lows AS bigint[]), CAST(:highs AS bigint[])) r (low, high)"
    lows, highs = zip(*cell_ranges, strict=True) if cell_ranges else ((), ())
    return (
        f"{rows} CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {matching} OFFSET 0) {alias}",
        {"lows": lows, "highs": highs},
    )


def counted(
    dialect: str, cell_ranges: list[cells.Range], site_id: str, level: int, categories: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """Return `within` for the counted cells `c` of a level: a row for each of these categories, or one for all."""
    names = {f"category{index}": category for index, category in enumerate(categories or ("",))}
    listed = ", ".join(f":{name}" for name in names)
    table, values = within(
        dialect, cell_ranges, "site_cells c", f"c.site_id = :site_id AND c.level = :level AND c.category IN ({listed})"
    )
    return table, {**values, **names, "site_id": site_id, "level": level}


def _listed(cell_ranges: list[cells.Range]) -> tuple[str, dict[str, Any]]:
    """Return a table `r` with `low` and `high`, padded to few different sizes, so that few statements are prepared."""
    size = next(size for size in (1, 4, 16, cells.MAX_CELLS) if len(cell_ranges) <= size)
    padded = [*cell_ranges, *[(-1, -2)] * (size - len(cell_ranges))]
    values = {f"low{index}": low for index, (low, _) in enumerate(padded)}
    values |= {f"high{index}": high for index, (_, high) in enumerate(padded)}
    return f"({' UNION ALL '.join(f'SELECT :low{i} AS low, :high{i} AS high' for i in range(size))}) r", values

"""The ways to a filter's rows that an index offers, each with how many rows it leads to.

Counted exactly where figures or cells are kept, up to a bound where an index has to be walked for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson

from widget_api.database import Database
from widget_api.places import cover
from widget_api.places.cells import LEVEL
from widget_api.problems.listing.conditions import WORDS, WORDS_OF, site_word
from widget_api.problems.listing.filters import Filters
from widget_api.problems.model import OPEN
from widget_api.tables import PUBLIC_STATUSES
from widget_api.wordforms import match, tsquery

FEW = 3000  # rows that are read and sorted sooner than a longer way is looked for
LEVELS = (8, 10, 12, 14, 16)  # of the cells that are counted


@dataclass(frozen=True)
class Source:
    """`FROM {table} WHERE {condition}` leads to so many rows; above FEW it may be all, where counting took long."""

    many: int
    table: str = "problems p"
    condition: str = "TRUE"
    values: dict[str, Any] = field(default_factory=dict)


async def sources(database: Database, site_id: str, filters: Filters, today: date) -> tuple[int, list[Source]]:
    """How many are published at all (with these statuses and categories), and each way to the filter's rows."""
    pairs = await _kinds(database, site_id)
    everything = sum(pairs.values())
    chosen = {
        pair: many
        for pair, many in pairs.items()
        if pair[0] in (filters.categories or (pair[0],))
        and pair[1] in (filters.statuses or (pair[1],))
        and (pair[1] in OPEN or not (filters.overdue or filters.sort == "due"))
    }
    found = [_kind(chosen)]
    if filters.bbox:
        found.append(await _box(database, site_id, filters, everything))
    if filters.words:
        found.append(await _said(database, site_id, filters, everything))
    if (filters.since is not None or filters.until is not None) and filters.sort != "new":
        found.append(await _period(database, site_id, filters, everything))
    if filters.overdue and filters.sort != "due":
        found.append(await _overdue(database, site_id, today))
    return everything, found


async def _kinds(database: Database, site_id: str) -> dict[tuple[str, str], int]:
    rows = await database.rows_at_once(
        "SELECT category, status, SUM(count) AS many FROM site_figures"
        " WHERE site_id = :site_id AND measure = 'received' GROUP BY category, status",
        site_id=site_id,
    )
    return {(row["category"], row["status"]): int(row["many"]) for row in rows if row["many"]}


def _kind(chosen: dict[tuple[str, str], int]) -> Source:
    categories = sorted({category for category, _ in chosen})
    statuses = sorted({status for _, status in chosen})
    values = {f"kind{index}": one for index, one in enumerate(categories)}
    values |= {f"state{index}": one for index, one in enumerate(statuses)}
    condition = (
        f"p.category IN ({', '.join(f':kind{index}' for index in range(len(categories)))})"
        f" AND p.status IN ({', '.join(f':state{index}' for index in range(len(statuses)))})"
        if chosen
        else "FALSE"
    )
    return Source(sum(chosen.values()), condition=condition, values=values)


async def _box(database: Database, site_id: str, filters: Filters, everything: int) -> Source:
    """At most 64 cells hold the box; those at its edge are counted whole."""
    assert filters.bbox is not None
    level = cover.level(filters.bbox, LEVELS)
    if level is None:
        return Source(everything)
    counted, values = ranges_of(cover.ranges(filters.bbox, level))
    names = {f"category{index}": one for index, one in enumerate(filters.categories or ("",))}
    listed = ", ".join(f":{name}" for name in names)
    counts = [f"c.{one}" for one in PUBLIC_STATUSES if one in (filters.statuses or PUBLIC_STATUSES)]
    (row,) = await database.rows_at_once(
        f"SELECT SUM({' + '.join(counts) or '0'}) AS many FROM {counted} CROSS JOIN site_cells c"
        f" WHERE c.site_id = :site_id AND c.level = :level AND c.category IN ({listed})"
        " AND c.cell BETWEEN r.low AND r.high",
        site_id=site_id,
        level=level,
        **names,
        **values,
    )
    fine = cover.level(filters.bbox, tuple(range(level, LEVEL + 1))) or level
    table, values = ranges_of(cover.finest(cover.ranges(filters.bbox, fine), fine))
    return Source(int(row["many"] or 0), f"{table} CROSS JOIN problems p", "p.cell BETWEEN r.low AND r.high", values)


def ranges_of(found: list[cover.Range]) -> tuple[str, dict[str, Any]]:
    """A table `r` with `low` and `high`; few different sizes, so that few statements are prepared."""
    size = next(size for size in (1, 4, 16, cover.MOST) if len(found) <= size)
    padded = [*found, *[(-1, -2)] * (size - len(found))]
    values = {f"low{index}": low for index, (low, _) in enumerate(padded)}
    values |= {f"high{index}": high for index, (_, high) in enumerate(padded)}
    selects = (f"SELECT CAST(:low{i} AS bigint) AS low, CAST(:high{i} AS bigint) AS high" for i in range(size))
    return f"({' UNION ALL '.join(selects)}) r", values


async def _said(database: Database, site_id: str, filters: Filters, everything: int) -> Source:
    """Counted no further than it matters."""
    if database.dialect == "sqlite":
        row = await database.row_at_once("SELECT ordinal FROM sites WHERE id = :site_id", site_id=site_id)
        assert row is not None
        first = row["ordinal"] << 32
        values = {"match": match(filters.words), "first": first, "last": first + 2**32 - 1}
        table = "problem_words CROSS JOIN problems p"
        index = "problem_words MATCH :match AND problem_words.rowid BETWEEN :first AND :last"
        condition = f"{index} AND p.number = problem_words.rowid - :first"
        (counted,) = await database.rows(
            f"SELECT COUNT(*) AS many FROM (SELECT 1 FROM problem_words WHERE {index} LIMIT {FEW + 1}) found", **values
        )
        many = int(counted["many"])
        return Source(many if many <= FEW else everything, table, condition, values)
    values = {"words": tsquery(filters.words), "site_word": site_word(site_id)}
    (plan,) = await database.rows(
        f"EXPLAIN (FORMAT JSON) SELECT 1 FROM problems p WHERE p.published AND {WORDS_OF} @@ ({WORDS})", **values
    )

    return Source(
        int(orjson.loads(plan[0])[0]["Plan"]["Plan Rows"]), condition=f"{WORDS_OF} @@ ({WORDS})", values=values
    )


async def _period(database: Database, site_id: str, filters: Filters, everything: int) -> Source:
    values = {"since": filters.since or 0, "until": filters.until or 2**62}
    condition = "p.created_at >= :since AND p.created_at < :until"
    (row,) = await database.rows_at_once(
        "SELECT COUNT(*) AS many FROM (SELECT 1 FROM problems p WHERE p.site_id = :site_id AND p.published"
        f" AND {condition} LIMIT {FEW + 1}) counted",
        site_id=site_id,
        **values,
    )
    return Source(row["many"] if row["many"] <= FEW else everything, condition=condition, values=values)


async def _overdue(database: Database, site_id: str, today: date) -> Source:
    row = await database.row_at_once(
        "SELECT SUM(count) AS many FROM site_figures WHERE site_id = :site_id AND measure = 'due' AND period < :today",
        site_id=site_id,
        today=today.isoformat(),
    )
    many = int(row["many"] or 0) if row else 0
    return Source(many, condition="p.answer_due < :today", values={"today": today.isoformat()})

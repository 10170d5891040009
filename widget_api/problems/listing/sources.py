"""The ways to a filter's rows that an index offers, each with how many rows it leads to.

Counted exactly where figures or cells are kept, up to a bound where an index has to be walked for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cachetools import LRUCache

from widget_api.database import Database
from widget_api.places import cover
from widget_api.places.cells import LEVEL
from widget_api.problems.deadline import overdue_sql
from widget_api.problems.listing.conditions import OPEN_ONES, WORDS, WORDS_OF, site_word
from widget_api.problems.listing.filters import Filters
from widget_api.problems.listing.frequencies import frequency
from widget_api.problems.listing.ranges import counted, within
from widget_api.problems.model import OPEN
from widget_api.tables import PUBLIC_STATUSES
from widget_api.wordforms import match, tsquery

FEW = 3000  # rows that are read and sorted sooner than a longer way is looked for
MANY = 50_000  # rows that are read and sorted where walking found nothing; words are counted no further
LEVELS = (8, 10, 12, 14, 16)  # of the cells that are counted


@dataclass(frozen=True)
class Source:
    """`FROM {table} WHERE {condition}` leads to so many rows; above MANY it may be all, where counting took long."""

    many: int
    share: float = 1.0  # of the rows that the other conditions leave
    words: bool = False  # whether it has looked for the words already
    table: str = "problems p"
    condition: str = "TRUE"
    values: dict[str, Any] = field(default_factory=dict)
    listed: str = ""  # a condition that reads the index once, instead of the words of each row


async def sources(database: Database, site_id: str, filters: Filters, today: date) -> list[Source]:
    """Each way to the filter's rows."""
    pairs = await kinds(database, site_id)
    everything = sum(pairs.values())
    chosen = chosen_of(pairs, filters)
    found = [_kind(chosen, everything)]
    if filters.bbox:
        found.append(await _box(database, site_id, filters, everything))
    if filters.words:
        found.append(await _said(database, site_id, filters, everything))
    if (filters.since is not None or filters.until is not None) and filters.sort != "new":
        found.append(await _period(database, site_id, filters, everything))
    if filters.overdue and filters.sort != "due":
        found.append(await _overdue(database, site_id, today, sum(m for pair, m in pairs.items() if pair[1] in OPEN)))
    return found


_known: LRUCache[tuple[str, str], tuple[int, dict[tuple[str, str], int]]] = LRUCache(1000)


async def kinds(database: Database, site_id: str) -> dict[tuple[str, str], int]:
    """How many are published of each category and status, as of the site's version of now or a later one.

    Ways are chosen by it and made of it: one kind that is missing here would be missing from the answer.
    """
    row = await database.row_at_once("SELECT version FROM site_counters WHERE site_id = :site_id", site_id=site_id)
    version = row["version"] if row is not None else 0
    known = _known.get((database.url, site_id))
    if known is not None and known[0] == version:
        return known[1]
    rows = await database.rows_at_once(
        "SELECT category, status, SUM(count) AS many FROM site_figures"
        " WHERE site_id = :site_id AND measure = 'received' GROUP BY category, status",
        site_id=site_id,
    )
    found = {(row["category"], row["status"]): int(row["many"]) for row in rows if row["many"]}
    _known[database.url, site_id] = version, found
    return found


def chosen_of(pairs: dict[tuple[str, str], int], filters: Filters) -> dict[tuple[str, str], int]:
    """The kinds, category and status, that a filter lets through."""
    return {
        (category, status): many
        for (category, status), many in pairs.items()
        if category in (filters.categories or (category,))
        and status in (filters.statuses or (status,))
        and (status in OPEN or not (filters.overdue or filters.sort == "due"))
    }


def _kind(chosen: dict[tuple[str, str], int], everything: int) -> Source:
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
    many = sum(chosen.values())
    return Source(many, _share(many, everything), condition=condition, values=values)


def _share(many: int, of: int) -> float:
    return min(1.0, many / of) if of else 0.0


async def _box(database: Database, site_id: str, filters: Filters, everything: int) -> Source:
    """At most 64 cells hold the box; those at its edge are counted whole."""
    assert filters.bbox is not None
    coarse = cover.level(filters.bbox, tuple(range(LEVELS[-1] + 1))) or 0
    level = next(one for one in LEVELS if one >= coarse)
    cells = cover.finer(cover.ranges(filters.bbox, coarse), coarse, level)
    table, values = counted(database.dialect, cells, site_id, level, filters.categories)
    counts = [f"c.{one}" for one in PUBLIC_STATUSES if one in (filters.statuses or PUBLIC_STATUSES)]
    (row,) = await database.rows_at_once(
        f"SELECT SUM({' + '.join(counts) or '0'}) AS many FROM {table}",
        **values,
    )
    fine = cover.level(filters.bbox, tuple(range(LEVEL + 1))) or 0
    table, values = within(
        database.dialect,
        cover.finer(cover.ranges(filters.bbox, fine), fine, LEVEL),
        "problems p",
        "p.site_id = :site_id AND p.published",
    )
    many = int(row["many"] or 0)
    return Source(many, _share(many, everything), table=table, values=values)


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
            f"SELECT COUNT(*) AS many FROM (SELECT 1 FROM problem_words WHERE {index} LIMIT {MANY + 1}) found",
            **values,
        )
        many = int(counted["many"]) if counted["many"] <= MANY else everything
        listed = f"p.number IN (SELECT problem_words.rowid - :first FROM problem_words WHERE {index})"
        told = listed if many <= MANY else ""
        return Source(many, _share(many, everything), True, table, condition, values, told)
    values = {"words": tsquery(filters.words), "site_word": site_word(site_id)}
    many = round(everything * await frequency(database, filters.words))
    # A subquery with an OFFSET is planned alone: no other condition tempts PostgreSQL to read the words of each row.
    table = f"(SELECT * FROM problems p WHERE p.published AND {WORDS_OF} @@ ({WORDS}) OFFSET 0) p"
    return Source(many, _share(many, everything), True, table=table, values=values)


async def _period(database: Database, site_id: str, filters: Filters, everything: int) -> Source:
    values = {"since": filters.since or 0, "until": filters.until or 2**62}
    condition = "p.created_at >= :since AND p.created_at < :until"
    (row,) = await database.rows_at_once(
        "SELECT COUNT(*) AS many FROM (SELECT 1 FROM problems p WHERE p.site_id = :site_id AND p.published"
        f" AND {condition} LIMIT {FEW + 1}) counted",
        site_id=site_id,
        **values,
    )
    many = row["many"] if row["many"] <= FEW else everything
    return Source(many, _share(many, everything), condition=condition, values=values)


async def _overdue(database: Database, site_id: str, today: date, still_open: int) -> Source:
    """All of them are open ones, which the way by kind has counted for already."""
    values = {"today": today.isoformat()}
    row = await database.row_at_once(
        "SELECT SUM(count) AS many FROM site_figures WHERE site_id = :site_id AND measure = 'due' AND period < :today",
        site_id=site_id,
        **values,
    )
    many = int(row["many"] or 0) if row else 0
    condition = f"{overdue_sql()} AND p.status IN ({OPEN_ONES})"  # the second for the index, which has these words
    return Source(many, _share(many, still_open), condition=condition, values=values)

"""Count reports for statistics: what each contributes to which day, month and week, and the table of the counts.

Whatever a period, a category, a service or a district is asked for, the number of rows that are read depends on the
length of the period and not on the number of reports: docs/decisions/0062-figures-by-day-and-dimension.md. Definitions
for readers are in docs/figures.md; the contributions below are these definitions, and the only ones.

=========  ===========================================  =======================================================
measure    is counted on the local day of               value
=========  ===========================================  =======================================================
received   receipt                                      the status now, and the source: the channel, or the interface
due        receipt, while an answer is outstanding      the last day in time
reaction   the agency's first decision                  hours since receipt (`measure_hours`)
answered   the first official answer                    in_time, late or open (not known yet, or not applicable),
                                                        hours since receipt, and online or outside (on paper)
returned   each reopening by the author                 empty
rating     the newest rating by the author              1 to 5
outcome    receipt, where the public does not see it    what became of it (outcomes.py)
street     receipt, by month only                       the street
cell       receipt, by month only                       the cell of the map at CELL_LEVEL
=========  ===========================================  =======================================================

The same months without service and district are the grain `t`: most questions name neither, and with both there may be
as many rows as reports. Streets and cells are many, so `street_total` and `cell_total` have them without category,
service and district. By week there are `received` of each category, and `street_total`; of all time, `status`,
`outcome` and `published`: as `status` without erased reports, which no public list has. Everything but `outcome` counts
reports that are or were published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import orjson
from sqlalchemy import table

from widget_api import clock
from widget_api.database import Transaction
from widget_api.database.bulk import CHUNK, Bulk
from widget_api.geo.cells import parent
from widget_api.problems.deadline import is_running
from widget_api.problems.projections.outcomes import find_outcome
from widget_api.sites.deadlines import NO_DUE_DATE, local_date

# The columns of a problem that are read here.
COLUMNS = (
    "category",
    "status",
    "created_at",
    "answer_due",
    "mirror_of",
    "spam",
    "erased_at",
    "answered_at",
    "answered_in_time",
    "answered_outside",
    "counted",
    "published",
    "reacted_at",
    "returns",
    "rating",
    "rated_at",
    "source",
    "channel",
    "assigned_agency",
    "district",
    "street",
    "cell",
    "status_at",
    "decidable_at",
    "rejection",
)
CELL_LEVEL = 14  # about 1.4 km wide in the middle of Russia
EXACT_HOURS, MAX_DAYS = 48, 9999


class Figure(NamedTuple):
    """The key of a count."""

    grain: str
    measure: str
    period: str
    category: str
    service: str
    district: str
    value: str


def list_figures(row: Mapping[str, Any] | Any, time_zone: str) -> Iterator[Figure]:
    """Yield what a report contributes, each once (`returned`: once for each reopening)."""
    dimensions = (row["category"], row["assigned_agency"] or "", row["district"] or "")

    def by_day(measure: str, day: str, value: str) -> Iterator[Figure]:
        yield Figure("d", measure, day, *dimensions, value)
        yield Figure("m", measure, day[:7], *dimensions, value)
        yield Figure("t", measure, day[:7], row["category"], "", "", value)

    received = local_date(row["created_at"], time_zone)
    if (outcome := find_outcome(row)) is not None:
        value = outcome.value(time_zone)
        yield from by_day("outcome", received.isoformat(), value)
        yield Figure("a", "outcome", "", "", "", "", value)
    if not row["counted"]:
        return
    day, month, week = received.isoformat(), received.isoformat()[:7], week_of(received)
    yield from by_day("received", day, f"{row['status']} {row['channel'] or row['source']}")
    yield Figure("a", "status", "", "", "", "", row["status"])
    if row["published"]:
        yield Figure("a", "published", "", "", "", "", row["status"])
    yield Figure("w", "received", week, row["category"], "", "", "")
    if row["street"]:
        yield Figure("m", "street", month, *dimensions, row["street"])
        for grain, period in (("m", month), ("w", week)):
            yield Figure(grain, "street_total", period, "", "", "", row["street"])
    if row["cell"] is not None:
        cell = str(parent(row["cell"], CELL_LEVEL))
        yield Figure("m", "cell", month, *dimensions, cell)
        yield Figure("m", "cell_total", month, "", "", "", cell)
    if row["mirror_of"] is not None:  # another system answers it
        return
    if (due := _find_due(row)) is not None:
        yield from by_day("due", day, due)
    if (at := row["reacted_at"]) is not None:
        yield from by_day("reaction", _day(at, time_zone), measure_hours(row["created_at"], at))
    if (at := row["answered_at"]) is not None:
        in_time = row["answered_in_time"]
        verdict = "open" if in_time is None else "in_time" if in_time else "late"
        hours, where = measure_hours(row["created_at"], at), "outside" if row["answered_outside"] else "online"
        yield from by_day("answered", _day(at, time_zone), f"{verdict} {hours} {where}")
    for at in orjson.loads(row["returns"]):
        yield from by_day("returned", _day(at, time_zone), "")
    if row["rating"] is not None and row["rated_at"] is not None:
        yield from by_day("rating", _day(row["rated_at"], time_zone), str(row["rating"]))


def _day(at: int, time_zone: str) -> str:
    return local_date(at, time_zone).isoformat()


def _find_due(row: Mapping[str, Any] | Any) -> str | None:
    """The last day in time, if an answer is outstanding: of an erased report none is, as everywhere (deadline.py)."""
    due: str = row["answer_due"]
    return due if is_running(row) and due != NO_DUE_DATE else None


def measure_hours(begun: int, ended: int) -> str:
    """Return whole hours up to two days, and the hours of whole days beyond.

    Coarser than an hour, so that counts stay few; exact enough for a median that is shown in days.
    """
    hours = max(0, ended - begun) // clock.HOUR
    return str(hours if hours < EXACT_HOURS else min(hours // 24, MAX_DAYS) * 24)


def week_of(day: date) -> str:
    """The week of a day (ISO 8601), «2026-W48»."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


_TABLE = table("site_figures")  # the whole schema takes a tenth of the start
_KEY = ("site_id", *Figure._fields)
_COLUMNS, _VALUES = ", ".join(_KEY), ", ".join(f":{name}" for name in _KEY)
_ADD = (
    f"INSERT INTO site_figures ({_COLUMNS}, count) VALUES ({_VALUES}, :count)"
    f" ON CONFLICT ({_COLUMNS}) DO UPDATE SET count = site_figures.count + excluded.count"
)
_DELETE = f"DELETE FROM site_figures WHERE ({_COLUMNS}) = ({_VALUES}) AND count = 0"


async def count(tx: Transaction, site_id: str, difference: Mapping[Figure, int]) -> None:
    """Add to the counts, in a fixed order, so that two processes cannot deadlock. Deletes those that become 0."""
    changed = sorted((site_id, *figure, more) for figure, more in difference.items() if more)
    if changed:
        await tx.run_many(_ADD, changed)
    if fewer := [tuple(key) for *key, more in changed if more < 0]:
        await tx.run_many(_DELETE, fewer)


async def rebuild(bulk: Bulk, site_id: str, time_zone: str) -> None:
    """Count all reports of a site anew."""
    await bulk.run(_CLEAR, site_id=site_id)
    counts = await _count_all(bulk.rows, site_id, time_zone)
    await bulk.insert(_TABLE, (*_KEY, "count"), [(site_id, *figure, many) for figure, many in counts.items()])


async def recount(tx: Transaction, site_id: str) -> None:
    """Count all reports of a site anew, in the transaction that changes its time zone and with it their days.

    The site's counters have to be locked by then, so that no report changes meanwhile.
    """
    site = await tx.row("SELECT time_zone FROM sites WHERE id = :site_id", site_id=site_id)
    assert site is not None
    await tx.run(_CLEAR, site_id=site_id)
    await count(tx, site_id, await _count_all(tx.rows, site_id, site["time_zone"]))


async def recount_with_children(tx: Transaction, site_id: str) -> None:
    """`recount` for a site, its test and its collections, which share its time zone."""
    for row in await tx.rows("SELECT id FROM sites WHERE :id IN (id, parent_id) ORDER BY id", id=site_id):
        await recount(tx, site_id=row["id"])


_CLEAR = "DELETE FROM site_figures WHERE site_id = :site_id"


async def _count_all(read: Callable[..., Awaitable[Sequence[Any]]], site_id: str, time_zone: str) -> Counter[Figure]:
    counts, number = Counter[Figure](), 0
    while True:
        rows = await read(
            f"SELECT number, {', '.join(COLUMNS)} FROM problems"
            " WHERE site_id = :site_id AND number > :number ORDER BY number LIMIT :chunk",
            site_id=site_id,
            number=number,
            chunk=CHUNK,
        )
        for row in rows:
            counts.update(list_figures(row, time_zone))
        if len(rows) < CHUNK:
            return counts
        number = rows[-1]["number"]

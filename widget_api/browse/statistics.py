"""Read statistics of sites from the counts that problems/projections/figures.py updates with every change of a report.

One function answers the public API, the page of a city, the widget, the cabinet, exports and reports, so that their
figures agree. Reports received, by status, category and source, are those received in the period, with the status they
have now; answers, reactions, reopenings and ratings are those given in the period. docs/figures.md has the definitions.
"""

from __future__ import annotations

import calendar
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from math import ceil
from typing import Any, Literal, NamedTuple

from widget_api.database import Database, Row
from widget_api.problems.model import OPEN
from widget_api.sites.deadlines import local_date
from widget_api.sites.kinds import IS_SITE
from widget_api.sites.model import Site
from widget_api.status_table import PUBLIC_STATUSES

RESOLVED = frozenset({"resolved", "confirmed"})
MONTHS = 12
Dimension = Literal["category", "service", "district", "site_id"]
DIMENSIONS: tuple[Dimension, ...] = ("category", "service", "district")
_MEASURES = ("received", "due", "reaction", "answered", "returned", "rating")
_FIRST, _LAST = date(1970, 1, 1), date(9999, 12, 31)


class Part(NamedTuple):
    """Counts of a grain (figures.py) from the first to the last period, added or subtracted."""

    grain: str
    first: str
    last: str
    sign: Literal[1, -1] = 1


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which reports are counted. Days are local at each site and inclusive; None = from the first, to the last."""

    sites: tuple[Site, ...]
    first: date | None = None
    last: date | None = None
    category: str | None = None
    service: str | None = None  # the id of the assigned agency
    district: str | None = None  # the id of a district

    @property
    def days(self) -> int | None:
        """The length of a period with two ends."""
        return (self.last - self.first).days + 1 if self.first and self.last else None

    def shifted_back(self) -> Query | None:
        """The period before: as many whole months if the period consists of whole months, else as many days."""
        if self.first is None or self.last is None or self.days is None:
            return None
        if self.first.day == 1 and self.last == month_end(self.last):
            months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
            last = self.first - timedelta(days=1)
            return replace(self, first=add_months(self.first, -months), last=last)
        if self.first.toordinal() <= self.days:
            return None
        return replace(self, first=self.first - timedelta(days=self.days), last=self.first - timedelta(days=1))

    def year_ago(self) -> Query | None:
        """The same days a year before."""
        if self.first is None or self.last is None or self.first.year <= 1:
            return None
        last = add_months(self.last, -12)
        last = month_end(last) if self.last == month_end(self.last) else last
        return replace(self, first=add_months(self.first, -12), last=last)


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Counts of reports of a period."""

    by_status: Mapping[str, int]
    by_source: Mapping[str, int] = field(default_factory=dict)
    overdue: int = 0  # received in the period; an answer is outstanding now, and its date has passed
    in_time: int = 0  # answers
    late: int = 0
    undecided: int = 0  # first answers of reports that were reopened since and have no further answer
    outside: int = 0  # answers given on paper
    returned: int = 0  # reopenings by authors
    ratings: Mapping[int, int] = field(default_factory=dict)  # how many of each mark
    answer_hours: Mapping[int, int] = field(default_factory=dict)  # how many answers took so long, see measure_hours
    reaction_hours: Mapping[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def open(self) -> int:
        return sum(count for status, count in self.by_status.items() if status in OPEN)

    @property
    def resolved(self) -> int:
        return sum(count for status, count in self.by_status.items() if status in RESOLVED)

    @property
    def answered(self) -> int:
        """First official answers."""
        return self.in_time + self.late + self.undecided

    @property
    def share_resolved(self) -> float | None:
        """The share of resolved reports among all of them, from 0 to 1."""
        return _share(self.resolved, self.total)

    @property
    def share_in_time(self) -> float | None:
        """The share of answers in time among those that were in time or late, from 0 to 1."""
        return _share(self.in_time, self.in_time + self.late)

    @property
    def share_online(self) -> float | None:
        """The share of answers that were given without paper, from 0 to 1."""
        return _share(self.answered - self.outside, self.answered)

    @property
    def median_days(self) -> float | None:
        """The median of whole days from receipt to the first official answer."""
        days = Counter[int]()
        for hours, count in self.answer_hours.items():
            days[hours // 24] += count
        return median(days)

    @property
    def median_hours(self) -> float | None:
        return median(self.answer_hours)

    @property
    def rated(self) -> int:
        return sum(self.ratings.values())

    @property
    def rating(self) -> float | None:
        """The mean rating."""
        return round(sum(mark * count for mark, count in self.ratings.items()) / self.rated, 2) if self.rated else None


@dataclass(frozen=True)
class Month:
    """Reports received and first answers in a month («2026-11»)."""

    month: str
    received: int
    answered: int
    reaction_hours: float | None = None  # median


def month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def add_months(day: date, months: int) -> date:
    """The same day some months later or earlier, or the last day of a shorter month."""
    at = day.year * 12 + day.month - 1 + months
    year, month = at // 12, at % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def months(today: date) -> tuple[str, ...]:
    """List the twelve months up to that of `today`, the oldest first."""
    return tuple(f"{add_months(today.replace(day=1), -back):%Y-%m}" for back in range(MONTHS - 1, -1, -1))


def median(histogram: Mapping[int, int]) -> float | None:
    """Return the exact median of whole numbers, given how often each occurs; None if there are none."""
    count = sum(histogram.values())
    if not count:
        return None
    lower, upper = _at(histogram, (count - 1) // 2), _at(histogram, count // 2)
    return lower if lower == upper else (lower + upper) / 2


def percentile(histogram: Mapping[int, int], percent: int) -> int | None:
    """Return the smallest value that is not below `percent` of all values (the nearest-rank method)."""
    count = sum(histogram.values())
    return _at(histogram, max(0, ceil(count * percent / 100) - 1)) if count else None


def _at(histogram: Mapping[int, int], place: int) -> int:
    """Return the value at an index of the sorted sequence. Raises IndexError."""
    passed = 0
    for value, count in sorted(histogram.items()):
        passed += count
        if place < passed:
            return value
    raise IndexError(place)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


async def read(database: Database, query: Query, now: int) -> Statistics:
    """Read the statistics of a period."""
    return (await _read_groups(database, query, now, ())).get("", _assemble({}))


async def read_by(database: Database, query: Query, dimension: Dimension, now: int) -> dict[str, Statistics]:
    """Read the statistics of each category, service, district or site; those with the most reports first.

    The key is a code or an id, empty for reports without a service or district.
    """
    groups = await _read_groups(database, query, now, (dimension,))
    return dict(sorted(groups.items(), key=lambda item: (-item[1].total, item[0])))


async def read_by_month(database: Database, query: Query, now: int) -> dict[str, Statistics]:
    """Read the statistics of each month («2026-11») with any, the oldest first; only its days within the period."""
    months = defaultdict[str, list[Statistics]](list)
    for period, part in (await _read_groups(database, query, now, ("period",))).items():
        months[period[:7]].append(part)
    return {month: combine(parts) for month, parts in sorted(months.items())}


async def read_all_sites(database: Database) -> Statistics:
    """Read the reports received by all enabled sites, by their status now, and nothing else."""
    rows = await database.rows(
        "SELECT f.value, SUM(f.count) AS total FROM sites s JOIN site_figures f ON f.site_id = s.id"
        f" WHERE s.disabled_at IS NULL AND {IS_SITE} AND f.grain = 'a' AND f.measure = 'status'"
        " GROUP BY f.value"
    )
    counts = {row["value"]: int(row["total"]) for row in rows}
    return Statistics(by_status={status: counts.get(status, 0) for status in PUBLIC_STATUSES})


async def read_published(database: Database, site: Site) -> dict[str, int]:
    """Read how many reports of each status the public list of a site has: erased ones are counted, and not listed."""
    rows = await database.rows(
        "SELECT value, count FROM site_figures WHERE site_id = :site_id AND grain = 'a' AND measure = 'published'",
        site_id=site.id,
    )
    counts = {row["value"]: int(row["count"]) for row in rows}
    return {status: counts[status] for status in PUBLIC_STATUSES if status in counts}


def combine(parts: Iterable[Statistics]) -> Statistics:
    """Sum up the statistics of groups."""
    whole = Statistics(by_status=dict.fromkeys(PUBLIC_STATUSES, 0))
    changes: dict[str, Any] = {}
    listed = list(parts)
    for one in fields(Statistics):
        start = getattr(whole, one.name)
        if isinstance(start, int):
            changes[one.name] = sum(getattr(part, one.name) for part in listed)
        else:
            counts = Counter(start)
            for part in listed:
                counts.update(getattr(part, one.name))
            changes[one.name] = dict(counts)
    return replace(whole, **changes)


async def read_months(database: Database, query: Query, today: date) -> list[Month]:
    """Read the twelve whole months up to that in which the period ends, the oldest first; `today` is local."""
    shown = months(min(query.last or today, today))
    first, last = (date.fromisoformat(f"{month}-01") for month in (shown[0], shown[-1]))
    whole = replace(query, first=first, last=month_end(last))
    rows = await sum_counts(database, whole, ("received", "answered", "reaction"), ("period",))
    counts, reactions = Counter[tuple[str, str]](), defaultdict[str, Counter[int]](Counter)
    for row in rows:
        counts[row["measure"], row["period"]] += int(row["total"])
        if row["measure"] == "reaction":
            reactions[row["period"]][int(row["value"])] += int(row["total"])
    return [
        Month(month, counts["received", month], counts["answered", month], median(reactions[month])) for month in shown
    ]


async def _read_groups(
    database: Database, query: Query, now: int, by: tuple[Dimension | Literal["period"], ...]
) -> dict[str, Statistics]:
    todays = {site.id: local_date(now, site.time_zone).isoformat() for site in query.sites}
    columns: tuple[str, ...] = by  # what is overdue depends on the day, which a neighbouring zone may already have
    if len(set(todays.values())) > 1 and "site_id" not in by:
        columns = (*by, "site_id")
    today = max(todays.values(), default="")
    groups = defaultdict[str, dict[str, Counter[str]]](lambda: defaultdict(Counter))
    for row in await sum_counts(database, query, _MEASURES, columns):
        counts, measure, value, total = (
            groups[row[by[0]] if by else ""],
            row["measure"],
            row["value"],
            int(row["total"]),
        )
        if measure == "received":
            status, value = value.split(" ")
            counts["status"][status] += total
        elif measure == "answered":
            verdict, value, where = value.split(" ")
            counts["verdict"][verdict] += total
            counts["where"][where] += total
        elif measure == "due":
            value = "overdue" if value < (todays[row["site_id"]] if "site_id" in columns else today) else ""
        counts[measure][value] += total
    return {group: _assemble(counts) for group, counts in groups.items()}


def _assemble(counts: Mapping[str, Counter[str]]) -> Statistics:
    def of(measure: str) -> Counter[str]:
        return counts.get(measure, Counter())

    def numbers(measure: str) -> dict[int, int]:
        return {int(value): count for value, count in of(measure).items()}

    return Statistics(
        by_status={status: of("status")[status] for status in PUBLIC_STATUSES},
        by_source=dict(of("received")),
        overdue=of("due")["overdue"],
        in_time=of("verdict")["in_time"],
        late=of("verdict")["late"],
        undecided=of("verdict")["open"],
        outside=of("where")["outside"],
        returned=of("returned")[""],
        ratings=numbers("rating"),
        answer_hours=numbers("answered"),
        reaction_hours=numbers("reaction"),
    )


async def sum_counts(database: Database, query: Query, measures: Iterable[str], by: Sequence[str]) -> Sequence[Row]:
    """Sum up counts of the period by measure, value and the columns `by`, as `total`. Names are the caller's own."""
    parts = split_period(query.first or _FIRST, query.last or _LAST)
    if query.service is None and query.district is None and not {"service", "district"} & set(by):
        parts = [part._replace(grain="t") if part.grain == "m" else part for part in parts]
    return await sum_parts(database, query, measures, by, parts)


async def sum_parts(
    database: Database,
    query: Query,
    measures: Iterable[str],
    by: Sequence[str],
    parts: Sequence[Part],
    values: Collection[str] | None = None,
) -> Sequence[Row]:
    """`sum_counts` over the given parts, whatever days the query has; of some values alone if these are given."""
    if not query.sites or not parts or (values is not None and not values):
        return []
    given: dict[str, Any] = {f"site{at}": site.id for at, site in enumerate(query.sites)}
    conditions = [f"site_id IN ({', '.join(f':site{at}' for at in range(len(query.sites)))})"]
    conditions += [f"measure IN ({', '.join(repr(one) for one in measures)})"]
    for name in DIMENSIONS:
        if (wanted := getattr(query, name)) is not None:
            conditions.append(f"{name} = :{name}")
            given[name] = wanted
    if values is not None:
        conditions.append(f"value IN ({', '.join(f':value{at}' for at in range(len(values)))})")
        given |= {f"value{at}": value for at, value in enumerate(sorted(values))}
    columns, selects = ", ".join(("measure", "value", *by)), []
    for at, part in enumerate(parts):
        given |= {f"first{at}": part.first, f"last{at}": part.last}
        selects.append(
            f"SELECT {columns}, {'count' if part.sign > 0 else '-count'} AS count FROM site_figures"
            f" WHERE {' AND '.join(conditions)} AND grain = '{part.grain}' AND period BETWEEN :first{at} AND :last{at}"
        )
    return await database.rows(
        f"SELECT {columns}, SUM(count) AS total FROM ({' UNION ALL '.join(selects)}) AS counted"
        f" GROUP BY {columns} HAVING SUM(count) <> 0",
        **given,
    )


def split_period(first: date, last: date) -> list[Part]:
    """Cover a period with whole months and as few days as possible: days around the months are added, or those that the
    months have too many are subtracted. No part if the period is empty."""
    if first > last:
        return []
    start, end, day = first.replace(day=1), month_end(last), timedelta(days=1)
    too_early = [Part("d", f"{start}", f"{first - day}", -1)] if first > start else []
    too_late = [Part("d", f"{last + day}", f"{end}", -1)] if last < end else []
    begins, ends = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    if begins == ends:
        inside, outside = last.day - first.day + 1, first.day - 1 + end.day - last.day
        if inside <= outside:
            return [Part("d", f"{first}", f"{last}")]
        return [Part("m", f"{first:%Y-%m}", f"{last:%Y-%m}"), *too_early, *too_late]
    if month_end(first).day - first.day + 1 < first.day - 1:
        too_early, begins = [Part("d", f"{first}", f"{month_end(first)}")], begins + 1
    if last.day < end.day - last.day:
        too_late, ends = [Part("d", f"{last:%Y-%m}-01", f"{last}")], ends - 1
    first_month, last_month = (f"{at // 12:04}-{at % 12 + 1:02}" for at in (begins, ends))
    months = [Part("m", first_month, last_month)] if begins <= ends else []
    return [*months, *too_early, *too_late]

"""Make the report that a region asks its municipalities for: what came in, from where, and what became of it.

Each number stands beside those of the period before and of the same days a year ago. The content is JSON of numbers
alone, so that a published report stays as it was; words are added when it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from widget_api import i18n
from widget_api.browse import figures, statistics
from widget_api.browse.figures import REPORT, Unit, Value, find_at, measure, name_at
from widget_api.browse.published_figures import FEWEST_RATINGS
from widget_api.browse.statistics import Query, month_end
from widget_api.database import Database

Content = Mapping[str, Any]  # periods, lines, sources, categories

SOURCES = ("widget", "form", "georeport", "platform", "phone", "visit", "letter", "other")
OUTCOMES = tuple([name_at("report", name) for name in figures.OUTCOMES])
ANSWERS = ("in_time", "late", "undecided")
TOPICS = ("received", *OUTCOMES, "answered", "in_time")  # columns of a category
# A total is followed by its parts, which the sheet sums up. All names are those of the report.
LINES: Sequence[tuple[str, Sequence[str]]] = (
    ("received", ()),  # its parts are the sources
    ("outcome", OUTCOMES),
    ("answered", ANSWERS),
    *((name, ()) for name in ("share_in_time", "median", "most", "returned", "rating", "rated")),
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A number of the period, of the period before and of a year ago."""

    name: str  # of its text, `report.line.<name>`
    label: str
    kind: Unit
    values: Sequence[Value]
    parts: int = 0  # how many of the lines that follow add up to it
    part: bool = False

    @property
    def in_days(self) -> bool:
        """Whether the hours of the line are told as days: all of them, so that they can be compared."""
        return self.kind == "hours" and any(value is not None and value >= 48 for value in self.values)

    @property
    def changes(self) -> tuple[Value, Value]:
        """By how much the number is greater than the earlier ones."""
        now, before, year = self.values
        return _subtract(now, before), _subtract(now, year)


def _subtract(now: Value, before: Value) -> Value:
    return None if now is None or before is None else now - before


async def read(database: Database, query: Query, now: int) -> Content:
    """Read the numbers of a period and of those it is compared with; without two ends there is nothing to compare."""
    queries = (query, query.shifted_back(), query.year_ago())
    groups = [await statistics.read_by(database, one, "category", now) if one else None for one in queries]
    wholes = [None if group is None else statistics.combine(group.values()) for group in groups]
    lines = [None if whole is None else measure(whole, "report", REPORT) for whole in wholes]
    none = measure(statistics.combine(()), "report", REPORT)
    topics = [
        None if group is None else {code: measure(found, "report", REPORT) for code, found in group.items()}
        for group in groups
    ]
    codes = dict.fromkeys(code for group in topics for code in group or ())
    known = dict.fromkeys((*SOURCES, *(name for whole in wholes if whole for name in whole.by_source)))
    return {
        "periods": [
            [day.isoformat() if day else None for day in (one.first, one.last)] if one else None for one in queries
        ],
        "lines": {name: [line and line[name] for line in lines] for name in none},
        "sources": {
            name: [None if whole is None else whole.by_source.get(name, 0) for whole in wholes] for name in known
        },
        "categories": {
            code: {
                name: [None if group is None else group.get(code, none)[name] for group in topics] for name in TOPICS
            }
            for code in codes
            if any(
                group and (group.get(code, none)["received"] or group.get(code, none)["answered"]) for group in topics
            )
        },
    }


def select_public(content: Content) -> Content:
    """Leave out what few ratings say."""
    numbers = content["lines"]
    few = [many is None or many < FEWEST_RATINGS for many in numbers["rated"]]
    hidden = {
        name: [None if hide else value for value, hide in zip(numbers[name], few, strict=True)]
        for name in ("rating", "rated")
    }
    return {**content, "lines": {**numbers, **hidden}}


def make_lines(language: str, content: Content) -> list[Line]:
    """The lines of the form with their words."""
    numbers, lines = content["lines"], list[Line]()
    for name, names in LINES:
        parts = [(one, i18n.text(language, f"report.line.{one}"), numbers[one]) for one in names]
        if name == "received":
            parts = [
                (one, i18n.text(language, f"analytics.source.{one}"), values)
                for one, values in content["sources"].items()
            ]
        values = numbers["received" if name == "outcome" else name]
        label = i18n.text(language, f"report.line.{name}")
        unit = find_at("report", "received" if name == "outcome" else name).unit
        lines.append(Line(name=name, label=label, kind=unit, values=values, parts=len(parts)))
        lines += [Line(name=one, label=text, kind="count", values=values, part=True) for one, text, values in parts]
    return lines


def make_topics(language: str, content: Content, names: Mapping[str, str | None]) -> list[tuple[str, list[Line]]]:
    """The lines of each category by its name; `names` are those that the site gave."""
    return [
        (
            i18n.category_name(language, code, names.get(code)),
            [
                Line(name=name, label=i18n.text(language, f"report.line.{name}"), kind="count", values=numbers[name])
                for name in TOPICS
            ],
        )
        for code, numbers in content["categories"].items()
    ]


def format_value(language: str, line: Line, value: Value, *, signed: bool = False) -> str:
    """A number of a line in words, with its sign where it is a change; «—» where there is none."""
    if value is None:
        return "—"
    sign = "" if not signed else "+" if value > 0 else "−" if value < 0 else ""
    size = abs(value) if signed else value
    if line.kind == "share":
        size, key = round(100 * size), "analytics.change.points" if signed else "analytics.percent"
    elif line.kind == "hours":
        key = "analytics.days" if line.in_days else "analytics.hours"
        size = round(size / 24 if line.in_days else size, 1)
    else:
        return sign + i18n.format_number(language, round(size, 1) if line.kind == "rating" else round(size))
    return i18n.text(language, key, number=sign + i18n.format_number(language, size))


def period_text(language: str, query: Query, today: date) -> str:
    """A period in words: «ноябрь 2026», «1 ноября — 28 ноября», «всё время»."""
    if query.first is None and query.last is None:
        return i18n.text(language, "analytics.period.all")
    if query.first is None or query.last is None:
        name, day = ("until", query.last) if query.first is None else ("since", query.first)
        return i18n.text(
            language, f"analytics.period.{name}", day=i18n.format_date(language, day or today, today=today)
        )
    if query.first.day == 1 and query.last == month_end(query.first):
        return i18n.format_month(language, query.first)
    first, last = (i18n.format_date(language, day, today=today) for day in (query.first, query.last))
    if first != last and (query.first.year, query.first.month) == (query.last.year, query.last.month):
        return i18n.text(language, "analytics.period.within", first=query.first.day, last=last)
    return i18n.text(language, "analytics.period.days", first=first, last=last) if first != last else first

"""Make tables of statistics: each is shown as a chart with its numbers, and given as CSV, from the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from widget_api import i18n
from widget_api.browse import received
from widget_api.browse.figures import COLUMNS, FIGURES, TILES, Better, Unit, name_at
from widget_api.browse.growth import Topic
from widget_api.browse.places import Place
from widget_api.browse.published_figures import FEWEST_RATINGS
from widget_api.browse.received import Received
from widget_api.browse.statistics import Month, Statistics
from widget_api.cabinet.analytics.scope import PATH, Scope
from widget_api.casework.selection import NONE
from widget_api.problems.model import MARKS

Kind = Literal["text"] | Unit
Value = str | int | float | None
_FEW = 10  # reports
_MANIFOLD = 3  # times as many: the numbers themselves are plainer
_BASE, _TOP = 176, 20  # pixels of the chart of months, which is 200 high: where its bars stand, and the greatest ends
_BAR_WIDTH, _GAP = 0.36, 0.03  # of a month's width: a bar, and half of what is between two


@dataclass(frozen=True, kw_only=True)
class TableRow:
    key: str  # a code or an id
    cells: Sequence[Value]
    href: str = ""
    bar: float = 0  # the share of the greatest, from 0 to 100
    change: Change | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """Numbers of one kind. The first column is a text."""

    name: str
    columns: Sequence[tuple[str, Kind]]
    rows: Sequence[TableRow]


@dataclass(frozen=True, kw_only=True)
class Change:
    """How a number differs from that of another period. `tone` is empty where neither direction is better."""

    text: str
    tone: Literal["", "good", "bad"] = ""
    kind: Literal["differs", "was", "same"] = "differs"  # chooses the phrase of a tile


@dataclass(frozen=True, kw_only=True)
class Tile:
    name: str
    text: str
    note: str = ""
    href: str = ""
    changes: list[Change] = field(default_factory=list)


def format_value(language: str, kind: Kind, value: Value) -> str:
    """A value in words; «—» where there is none."""
    if value is None or value == "":
        return "—"
    if isinstance(value, str):
        return value
    if kind == "share":
        return i18n.text(language, "analytics.percent", number=i18n.format_number(language, round(100 * value)))
    if kind == "hours":
        days = value >= 48
        number = i18n.format_number(language, round(value / 24, 1) if days else round(value, 1))
        return i18n.text(language, f"analytics.{'days' if days else 'hours'}", number=number)
    return i18n.format_number(language, round(value, 1) if kind == "rating" else value)


def compare(language: str, kind: Kind, now: Value, before: Value, better: Better = "") -> Change | None:
    """The change of a number; None where there is nothing to compare with."""
    if isinstance(now, str) or isinstance(before, str) or now is None or before is None:
        return None
    if kind == "count":
        if before < _FEW or now > _MANIFOLD * before:  # a percentage would say more than there is
            text = i18n.text(language, "analytics.change.was", count=int(before))
            return Change(text=text, kind="was") if now or before else None
        percent = round(100 * (now - before) / before)
        text = i18n.text(language, "analytics.percent", number=_signed(language, percent))
        difference: float = percent
    elif kind == "share":
        difference = round(100 * now) - round(100 * before)
        text = i18n.text(language, "analytics.change.points", number=_signed(language, int(difference)))
    elif kind == "hours":
        difference = round(now / 24, 1) - round(before / 24, 1) if max(now, before) >= 48 else now - before
        name = "days" if max(now, before) >= 48 else "hours"
        number = _signed(language, round(difference, 1))
        text = i18n.text(language, f"analytics.{name}", number=number)
    else:
        difference = round(now - before, 1)
        text = _signed(language, difference)
    if not difference:
        return Change(text=i18n.text(language, "analytics.change.none"), kind="same")
    tone: Literal["", "good", "bad"] = "" if not better else "good" if (difference > 0) == (better == "more") else "bad"
    return Change(text=text, tone=tone)


def _signed(language: str, number: float) -> str:
    sign = "+" if number > 0 else "−" if number < 0 else ""
    return sign + i18n.format_number(language, abs(number))


# --- tiles -----------------------------------------------------------------------------------------------------------


def is_comparable(statistics: Statistics) -> bool:
    """Whether there is anything in a period to compare with."""
    return statistics.total + statistics.answered > 0


def make_tiles(
    language: str, scope: Scope, found: Statistics, before: Statistics | None, year: Statistics | None
) -> list[Tile]:
    """The numbers at the head of the dashboard, with their changes and the lists behind them."""
    tiles = []
    for name in TILES:
        figure = FIGURES[name]
        value, changes = figure.compute(found), list[Change]()
        for other, statistics in (("before", before), ("year", year)):
            if statistics is None or not is_comparable(statistics) or figure.is_of_now:
                continue
            if name == "rating" and min(found.rated, statistics.rated) < FEWEST_RATINGS:
                continue
            if change := compare(language, figure.unit, value, figure.compute(statistics), figure.better):
                text = i18n.text(language, f"analytics.change.{other}.{change.kind}", change=change.text)
                changes.append(replace(change, text=text))
        note = ""
        if name == "answered" and found.outside:
            share = format_value(language, "share", found.share_online)
            note = i18n.text(language, "analytics.tile.online", share=share)
        if name == "rating" and found.rated:
            note = i18n.text(language, "analytics.tile.rated", count=found.rated)
        if name == "median_hours" and (most := FIGURES["p90_hours"].compute(found)) is not None:
            note = i18n.text(language, "analytics.tile.most", time=format_value(language, "hours", most))
        href = scope.list_url(**figure.listed) if figure.listed is not None and value else ""
        text, shown_as = format_value(language, figure.unit, value), name_at("analytics", name)
        tiles.append(Tile(name=shown_as, text=text, note=note, href=href, changes=changes))
    return tiles


# --- tables ----------------------------------------------------------------------------------------------------------


def months_table(language: str, months: Iterable[Month]) -> Table:
    """Reports received and first answers by month, and how long the first reaction took."""
    return Table(
        name="months",
        columns=(("month", "text"), ("received", "count"), ("answered", "count"), ("reaction", "hours")),
        rows=[
            TableRow(
                key=month.month,
                cells=(
                    i18n.format_month(language, date.fromisoformat(f"{month.month}-01")),
                    month.received,
                    month.answered,
                    month.reaction_hours,
                ),
            )
            for month in months
        ],
    )


def categories_table(language: str, scope: Scope, now: Groups, before: Groups | None) -> Table:
    rows = [
        TableRow(
            key=code,
            cells=(
                scope.name("categories", code) or i18n.category_name(language, code),
                found.total,
                found.share_resolved,
            ),
            href=scope.url(category=code),
            change=_compare_totals(language, code, now, before),
        )
        for code, found in now.items()
        if found.total
    ]
    columns: tuple[tuple[str, Kind], ...] = (("category", "text"), ("received", "count"), ("share_resolved", "share"))
    return _with_bars(Table(name="categories", columns=columns, rows=rows))


def _compare_totals(language: str, key: str, now: Groups, before: Groups | None) -> Change | None:
    if before is None:
        return None
    return compare(language, "count", now[key].total, before[key].total if key in before else 0)


def statuses_table(language: str, scope: Scope, found: Statistics) -> Table:
    """What became of the reports received in the period."""
    rows = [
        TableRow(
            key=status,
            cells=(i18n.text(language, f"status.{status}"), count, round(count / found.total, 4)),
            href=scope.list_url(status=status),
        )
        for status, count in found.by_status.items()
        if count
    ]
    return _with_bars(
        Table(name="statuses", columns=(("status", "text"), ("received", "count"), ("share", "share")), rows=rows)
    )


def outcomes_table(language: str, found: Received) -> Table:
    """What became of all reports received in the period, published or not; reasons and long waits below their sums."""
    counts: list[tuple[str, str, int]] = []
    for name in received.PARTS:
        counts.append((name, f"received.{name}", getattr(found, name)))
        if name == "rejected":
            counts += ((reason, f"rejection.reason.{reason}", many) for reason, many in found.by_reason.items())
    counts += (("waiting_long", "received.waiting_long", found.waiting_long),)
    counts += (("unconfirmed", "received.unconfirmed", found.unconfirmed),)
    rows = [
        TableRow(
            key=key,
            cells=(
                i18n.text(language, text)
                if key in (*received.PARTS, "unconfirmed")
                else f"— {i18n.text(language, text)}",
                many,
                round(many / found.total, 4) if found.total and key != "unconfirmed" else None,
            ),
        )
        for key, text, many in counts
        if many
    ]
    return _with_bars(
        Table(name="outcomes", columns=(("outcome", "text"), ("received", "count"), ("share", "share")), rows=rows)
    )


def sources_table(language: str, found: Statistics) -> Table:
    rows = [
        TableRow(key=name, cells=(i18n.text(language, f"analytics.source.{name}"), count))
        for name, count in sorted(found.by_source.items(), key=lambda pair: (-pair[1], pair[0]))
        if count
    ]
    return _with_bars(Table(name="sources", columns=(("source", "text"), ("received", "count")), rows=rows))


def ratings_table(language: str, found: Statistics) -> Table:
    rows = [
        TableRow(key=str(mark), cells=(i18n.text(language, "analytics.mark", mark=mark), found.ratings.get(mark, 0)))
        for mark in MARKS
    ]
    return _with_bars(Table(name="ratings", columns=(("mark", "text"), ("ratings", "count")), rows=rows))


Groups = Mapping[str, Statistics]


def groups_table(
    language: str, scope: Scope, name: Literal["services", "districts"], now: Groups, before: Groups | None
) -> Table:
    """Services or districts side by side. Reports that have none are the last row."""
    columns: tuple[tuple[str, Kind], ...] = (
        (name, "text"),
        *((name_at("analytics", one), FIGURES[one].unit) for one in COLUMNS),
    )
    rows = []
    for key in sorted(now, key=lambda key: key == ""):
        found = now[key]
        title = scope.name(name, key) if key else i18n.text(language, f"analytics.{name}.none")
        rows.append(
            TableRow(
                key=key,
                cells=(
                    title or i18n.text(language, f"analytics.{name}.former"),
                    *(FIGURES[one].compute(found) for one in COLUMNS),
                ),
                href=scope.url(PATH, **{name[:-1]: key or NONE}),
                change=_compare_totals(language, key, now, before),
            )
        )
    return Table(name=name, columns=columns, rows=rows)


def streets_table(scope: Scope, streets: Iterable[Place]) -> Table:
    """A street leads to its houses; among those of several sites, to the figures of its site."""
    rows = [
        TableRow(
            key=one.name,
            cells=(one.name, one.total, *_site_cells(scope, one)),
            href=street_url(scope, one.name, one.site_id),
        )
        for one in streets
    ]
    columns: tuple[tuple[str, Kind], ...] = (("street", "text"), ("received", "count"), *_site_columns(scope))
    return _with_bars(Table(name="streets", columns=columns, rows=rows))


def street_url(scope: Scope, street: str, site_id: str) -> str:
    return scope.url(f"{PATH}/places", street=street, **({"site": site_id} if len(scope.query.sites) > 1 else {}))


def houses_table(scope: Scope, houses: Iterable[Place]) -> Table:
    rows = [TableRow(key=one.name, cells=(one.name, one.total, one.open, *_site_cells(scope, one))) for one in houses]
    columns: tuple[tuple[str, Kind], ...] = (("address", "text"), ("received", "count"), ("open", "count"))
    return _with_bars(Table(name="houses", columns=(*columns, *_site_columns(scope)), rows=rows))


def _site_columns(scope: Scope) -> tuple[tuple[str, Kind], ...]:
    """The site's name, beside a street that other sites may have too."""
    return (("site", "text"),) if len(scope.query.sites) > 1 else ()


def _site_cells(scope: Scope, place: Place) -> tuple[str, ...]:
    return (scope.name("sites", place.site_id),) if len(scope.query.sites) > 1 else ()


def _with_bars(table: Table) -> Table:
    """The table with a bar for the second column of each row."""
    counts = [int(row.cells[1] or 0) for row in table.rows]
    greatest = max(counts, default=0) or 1
    bars = [round(100 * count / greatest, 1) for count in counts]
    return replace(table, rows=[replace(row, bar=bar) for row, bar in zip(table.rows, bars, strict=True)])


# --- the chart of months and the map ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Bar:
    x: float  # and the width in percent, so that a phone shows the chart as high as a desk does
    width: float
    y: float  # and the height in pixels
    height: float
    label: str = ""  # on the greatest and the last of its series


@dataclass(frozen=True, kw_only=True)
class Columns:
    """A month of the chart."""

    name: str
    middle: float
    received: Bar
    answered: Bar


def draw_months(language: str, months: Sequence[Month]) -> list[Columns]:
    """Two bars a month, from zero. The greatest and the newest of the received ones carry their numbers."""
    greatest = max((max(one.received, one.answered) for one in months), default=0) or 1
    width = 100 / max(len(months), 1)
    highest = max(range(len(months)), key=lambda at: months[at].received, default=0)

    def bar(at: int, begins: float, count: int, *, labelled: bool) -> Bar:
        height = round((_BASE - _TOP) * count / greatest, 1)
        label = i18n.format_number(language, count) if labelled and count else ""
        x, y = round((at + begins) * width, 2), round(_BASE - height, 1)
        return Bar(x=x, width=round(_BAR_WIDTH * width, 2), y=y, height=height, label=label)

    return [
        Columns(
            name=i18n.format_short_month(language, date.fromisoformat(f"{one.month}-01")),
            middle=round((at + 0.5) * width, 2),
            received=bar(at, 0.5 - _GAP - _BAR_WIDTH, one.received, labelled=at in (highest, len(months) - 1)),
            answered=bar(at, 0.5 + _GAP, one.answered, labelled=False),
        )
        for at, one in enumerate(months)
    ]


def growth_sentence(language: str, scope: Scope, topic: Topic) -> str:
    """What grows, by how much, against what: «Уличное освещение: 11 за неделю с 23 ноября, обычно 4»."""
    name = topic.name
    if topic.kind == "category":
        name = scope.name("categories", name) or i18n.category_name(language, name)
    elif len(scope.query.sites) > 1:
        name = f"{name} ({scope.name('sites', topic.site_id)})"
    return i18n.text(
        language,
        "analytics.growth.topic",
        name=name,
        count=topic.count,
        monday=i18n.format_date(language, topic.monday, today=scope.today),
        usual=i18n.format_number(language, round(topic.usual, 1)),
    )

"""Declare the query parameters of reads: lists, maps, feeds, exports.

The same declaration parses a query and describes it in /api/v1/openapi.json. A wrong value is refused with the name of
its parameter, and so is an unknown parameter: if a misspelt filter were ignored, the response would contain everything,
and nobody would notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field

from widget_api import status_table
from widget_api.problems.intake import parse_coordinate
from widget_api.problems.model import STATUSES
from widget_api.status_table import PUBLIC_STATUSES
from widget_api.validation import (
    Language,
    Parameter,
    Point,
    Query,
    clean,
    names,
    parse_query,
    values,
    wrong_parameter,
)

Bbox = tuple[float, float, float, float]  # west, south, east, north

LIMIT, LARGEST_LIMIT = 20, 100
LARGEST_ZOOM = 22
LONGEST_QUERY = 200
LONGEST_CODE, MOST_CODES = 100, 100
GROUPS: Mapping[str, tuple[str, ...]] = {
    group: tuple(status for status, entry in status_table.STATUSES.items() if entry.group == group)
    for group in ("new", "working", "done", "closed")
}
_DISTRICT = re.compile("[0-9a-f-]{36}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Sort:
    """A column and its direction; ties are ordered by `number` in the same direction."""

    column: str
    newest_first: bool = True
    kind: type = int


SORTS: Mapping[str, Sort] = {
    "new": Sort("created_at"),
    "updated": Sort("updated_at"),
    "support": Sort("supporters"),
    "due": Sort("answer_due", newest_first=False, kind=str),  # open problems only: the others have no due date any more
}
# `support` of a collection whose entries have participants counts those; no index, since collections are short.
PARTICIPANTS = "participants"
# The orders of dated collections, chosen by `past`.
ORDERS: Mapping[str, Sort] = {
    **SORTS,
    "soonest": Sort("begins_on", newest_first=False, kind=str),
    "latest": Sort("begins_on", kind=str),
    PARTICIPANTS: Sort("participants"),
}
SEPARATORS = {"comma": ",", "semicolon": ";"}


def _list(text: str) -> list[str]:
    return sorted({part.strip() for part in text.split(",") if part.strip()})


def parse_statuses(text: str) -> tuple[str, ...] | None:
    given = _list(text)
    if not given or not set(given) <= {*GROUPS, *STATUSES}:
        return None
    return tuple(sorted({status for name in given for status in GROUPS.get(name, (name,))}))


def parse_categories(text: str) -> tuple[str, ...] | None:
    """Accept any code: a site may have disabled a category that still has problems."""
    codes = _list(text)
    return tuple(codes) if 0 < len(codes) <= MOST_CODES and all(len(code) <= LONGEST_CODE for code in codes) else None


def bbox(text: str) -> Bbox | None:
    """Parse «west,south,east,north» in degrees; None if it is invalid, inverted, or crosses the 180th meridian."""
    parts = text.split(",")
    numbers = [parse_coordinate(part, bound) for part, bound in zip(parts, (180, 90, 180, 90), strict=False)]
    if len(parts) != 4 or None in numbers:
        return None
    west, south, east, north = (number for number in numbers if number is not None)
    return (west, south, east, north) if west < east and south < north else None


def _words(text: str) -> str | None:
    """Normalise white space; a query of blanks equals an absent one. None if it is too long."""
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_QUERY else None


def midnight(text: str, time_zone: str, days: int) -> int | None:
    """Return the Unix time at which a local date «YYYY-MM-DD», plus `days`, begins."""
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).timestamp())
    except (ValueError, OverflowError):
        return None


_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)


def parse_day(text: str) -> date | None:
    """Parse «YYYY-MM-DD»; days before 1970 equal its first, so that months around them can be computed."""
    try:
        return min(max(date.fromisoformat(text), _FIRST_DAY), _LAST_DAY) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _whole(text: str, smallest: int, largest: int) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,3}", text) and smallest <= int(text) <= largest else None


_STATUS = "|".join((*PUBLIC_STATUSES, *(status for status in STATUSES if status not in PUBLIC_STATUSES), *GROUPS))
_DATE = {"anyOf": [{"type": "string", "format": "date"}, {"const": ""}]}
_BOX = ",".join(["-?[0-9.]+"] * 4)


class Selection(Language):
    """Which problems."""

    statuses: Annotated[
        tuple[str, ...],
        Parameter(
            lambda text, _: parse_statuses(text),
            {"type": "string", "pattern": f"^(({_STATUS})(,({_STATUS}))*)?$"},
            (*GROUPS, *PUBLIC_STATUSES),
        ),
    ] = Field(
        (),
        alias="status",
        description="Statuses, or groups of them (`new`, `working`, `done`, `closed`), between commas.",
        examples=["working,done"],
    )
    categories: Annotated[
        tuple[str, ...],
        Parameter(
            lambda text, _: parse_categories(text),
            {
                "type": "string",
                "maxLength": LONGEST_CODE,
                "pattern": r"^([^\x00-\x1f\x7f]*[^\s,\x00-\x1f\x7f][^\x00-\x1f\x7f]*)?$",
            },
        ),
    ] = Field((), alias="category", description="Codes of categories, between commas.", examples=["roads"])
    district: Annotated[
        str,
        Parameter(
            lambda text, _: text if _DISTRICT.fullmatch(text) else None,
            {"type": "string", "pattern": "^([0-9a-f-]{36})?$"},
        ),
    ] = Field("", description="The id of one of the site's districts.")
    bbox: Annotated[
        Bbox | None, Parameter(lambda text, _: bbox(text), {"type": "string", "pattern": f"^({_BOX})?$"})
    ] = Field(None, description="west,south,east,north in degrees.", examples=["38.5,54.9,39.1,55.3"])
    words: Annotated[
        str,
        Parameter(
            lambda text, _: _words(text),
            {"type": "string", "maxLength": LONGEST_QUERY, "pattern": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"},
        ),
    ] = Field("", alias="q", description="Words of the description or the address.")
    since: Annotated[int | None, Parameter(lambda text, zone: midnight(text, zone, 0), _DATE)] = Field(
        None, description="The first day of receipt, in the site's time zone."
    )
    until: Annotated[int | None, Parameter(lambda text, zone: midnight(text, zone, 1), _DATE)] = Field(
        None, description="The last day of receipt."
    )
    overdue: Annotated[
        bool,
        Parameter(
            lambda text, _: True if text == "true" else None, {"type": "string", "enum": ["true", ""]}, ("true",)
        ),
    ] = Field(False, description="Only what is overdue.")


class Ordered(Selection):
    """Which problems, in what order."""

    sort: Annotated[
        str,
        Parameter(
            lambda text, _: text if text in SORTS else None, {"type": "string", "enum": [*SORTS, ""]}, tuple(SORTS)
        ),
    ] = Field("new", description="`due`: the open ones, soonest first.")


class _Table(Query):
    """A table: `semicolon` is for spreadsheets of countries with a decimal comma."""

    separator: Annotated[
        str,
        Parameter(
            lambda text, _: text if text in SEPARATORS else None,
            {"type": "string", "enum": [*SEPARATORS, ""]},
            tuple(SEPARATORS),
        ),
    ] = Field("comma", description="What stands between cells.")


class Export(Ordered, _Table):
    """The same as a table."""


_PERIOD_DAY = Parameter(lambda text, _: parse_day(text), _DATE)


class Period(Language):
    """Which days are counted, local at each site."""

    first: Annotated[date | None, _PERIOD_DAY] = Field(
        None, alias="from", description="The first day; none: from the first report on."
    )
    last: Annotated[date | None, _PERIOD_DAY] = Field(
        None, alias="to", description="The last day, inclusive; none: until today."
    )


Asked = TypeVar("Asked", bound=Period)


def parse_period(declaration: type[Asked], pairs: Iterable[tuple[str, str]]) -> Asked:
    """Parse a query with a period. Raises Malformed that names the parameter."""
    asked = parse_query(declaration, values(pairs, names(declaration)))
    if asked.first and asked.last and asked.first > asked.last:
        raise wrong_parameter("to")
    return asked


class Figures(Period):
    """Which reports of a site are counted."""

    district: str = Field("", description="The id of one of the site's districts (`by_district`).")


class FiguresTable(Figures, _Table):
    """The same as a table."""


class Numbers(Language, _Table):
    """How the table of numbers is written."""


class Page(Ordered):
    """A portion of them."""

    limit: Annotated[
        int,
        Parameter(
            lambda text, _: _whole(text, 1, LARGEST_LIMIT),
            {"anyOf": [{"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT}, {"const": ""}]},
        ),
    ] = Field(LIMIT, description=f"How many; {LIMIT} if left out.")
    cursor: str = Field("", description="The `next` of the page before, of the same filters.")


class Viewport(Selection):
    """Those that a map shows."""

    zoom: Annotated[
        int,
        Parameter(
            lambda text, _: _whole(text, 0, LARGEST_ZOOM), {"type": "integer", "minimum": 0, "maximum": LARGEST_ZOOM}
        ),
    ] = Field(description="Of the map.")
    bbox: Annotated[Bbox, Parameter(lambda text, _: bbox(text), {"type": "string", "pattern": f"^{_BOX}$"})] = Field(
        description="What the map shows: west,south,east,north in degrees.", examples=["38.5,54.9,39.1,55.3"]
    )


class Near(Point):
    """Those beside a point, of one category."""

    category: Annotated[
        str,
        Parameter(
            lambda text, _: code if (code := clean(text)) and len(code) <= LONGEST_CODE else None,
            {"type": "string", "maxLength": LONGEST_CODE, "pattern": r"[^\s\x00-\x1f\x7f\x85]"},
        ),
    ] = Field(description="A code.", examples=["roads"])


class Comments(Language):
    """A page of comments."""

    cursor: Annotated[
        tuple[int, str] | None,
        Parameter(lambda text, _: _place(text), {"type": "string", "pattern": r"^([0-9]{1,11}\.[0-9a-f-]{36})?$"}),
    ] = Field(None, description="The `next` of the page before.")


def _place(text: str) -> tuple[int, str] | None:
    """Parse the cursor of comments: when the last one was published (Unix time), and its id."""
    match = re.fullmatch(r"([0-9]{1,11})\.([0-9a-f-]{36})", text)
    return None if match is None else (int(match[1]), match[2])

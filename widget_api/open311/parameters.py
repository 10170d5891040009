"""Access the parameters of GeoReport calls, and parse those of the lists of requests and updates.

Clients may repeat parameters, leave them empty, or write them with brackets. Errors name the parameter at fault.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from widget_api import clock
from widget_api.browse.listing import Filters
from widget_api.browse.queries import Bbox, bbox
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.geo.model import box_around
from widget_api.open311.georeport import strip_illegal
from widget_api.open311.parse import parse_moment
from widget_api.open311.statuses import COARSE, DETAILED, expand_coarse, expand_detailed
from widget_api.problems.intake import parse_coordinate
from widget_api.problems.model import STATUSES

_BRACKETS = re.compile(r"(\w+)\[([^\[\]]+)\](\[\])?")
MAX_PARAMETERS = 1000  # fields of a form, items of a comma-separated list
MAX_SPAN = 90 * clock.DAY
MAX_PAGE_SIZE, MAX_OFFSET = MAX_PARAMETERS, 100_000  # requests on a page, and up to the end of the last page
ROWS_PER_COST = 2_000  # rows that are skipped in the time of a unit of Filters.cost
MAX_NUMBER = 2**31 - 1
MAX_RADIUS = 100_000  # metres; beyond that, measuring distances on a plane becomes inaccurate
END_OF_TIME = 2**40
NO_FILTERS = Filters()


class Parameters:
    """The parameters of a query or form. An empty one counts as absent (GeoReport v2, «jurisdiction_id»)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if value.strip():
                self._values.setdefault(name, []).append(strip_illegal(value))

    def first(self, name: str) -> str | None:
        """Return the first value, without surrounding white space."""
        return self._values[name][0].strip() if name in self._values else None

    def text(self, name: str) -> str | None:
        """Return a longer text with LF line ends (forms send CRLF)."""
        value = self.first(name)
        return None if value is None else value.replace("\r\n", "\n").replace("\r", "\n")

    def listed(self, name: str) -> list[str]:
        """Return the items of a comma-separated list."""
        return [part.strip() for part in (self.first(name) or "").split(",") if part.strip()][:MAX_PARAMETERS]

    def group(self, name: str) -> dict[str, list[str]]:
        """Return the values of `name[code]=value` and `name[code][]=value` by code."""
        group: dict[str, list[str]] = {}
        for key, values in self._values.items():
            match = _BRACKETS.fullmatch(key)
            if match is not None and match[1] == name:
                group.setdefault(match[2], []).extend(values)
        return group

    def repeated(self, name: str) -> list[str]:
        """Return the distinct values of `name`, `name[]` and `name[0]`, any of which may be repeated."""
        values = [*self._values.get(name, []), *self._values.get(f"{name}[]", [])]
        values += [value for numbered in self.group(name).values() for value in numbered]
        return list(dict.fromkeys(value.strip() for value in values))

    def extended(self) -> dict[str, str]:
        """Return the attributes that another instance of this service adds (docs/api.md, «GeoReport»)."""
        return {code: values[0].strip() for code, values in self.group("extended_attributes").items()}

    def moment(self, name: str) -> int | None:
        """Parse a date-time into whole seconds. Raises Invalid."""
        text = self.first(name)
        if text is None:
            return None
        seconds = parse_moment(text)
        if seconds is None or not 0 <= seconds < 2**40:
            raise Invalid((FieldError(name, "date"),))
        return seconds

    def whole(self, name: str, default: int, largest: int, smallest: int = 1) -> int:
        """Parse a whole number. Raises Invalid."""
        text = self.first(name)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,10}", text) or not smallest <= int(text) <= largest:
            raise Invalid((FieldError(name, "between", (("min", smallest), ("max", largest))),))
        return int(text)

    def first_values(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._values.items()}

    def fingerprint(self, files: str = "") -> str:
        """Return a hash of all parameters but the key, whatever their order. `files` is a digest of uploaded files."""
        parts = sorted((name, values) for name, values in self._values.items() if name != "api_key")
        parts += [("", [files])] if files else []
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Page:
    """The part of a result to return: `limit` rows after the first `skip`."""

    skip: int
    limit: int

    @property
    def cost(self) -> int:
        """The relative cost of reaching its first row (Filters.cost): a page number gives no position to begin at."""
        return self.skip // ROWS_PER_COST


@dataclass(frozen=True, kw_only=True)
class RequestQuery:
    """A query for requests. `numbers` overrides the filters; `until` is the latest time of change to return, if changes
    are queried."""

    page: Page
    filters: Filters = NO_FILTERS
    numbers: Sequence[int] | None = None
    until: int = END_OF_TIME
    extended: bool = False

    @property
    def cost(self) -> int:
        """The relative cost of finding the first requests; 0 for a period, whose requests are adjacent in the index."""
        filters = self.filters
        if filters.sort == "new":
            filters = replace(filters, since=None, until=None)
        return self.page.cost + filters.cost


@dataclass(frozen=True, kw_only=True)
class UpdateQuery:
    """A query for updates. `numbers` overrides the times; `after` is a position in the log, after which all updates are
    returned whatever their time."""

    page: Page
    since: int
    until: int
    after: int | None
    numbers: Sequence[int] | None

    @property
    def cost(self) -> int:
        """The relative cost of finding the first updates: those of a period are read and sorted."""
        return self.page.cost + (3 if self.numbers is None else 1)


def parse_requests(parameters: Parameters) -> RequestQuery:
    """Parse a query for requests. Raises Invalid and NotFound."""
    page, extended = parse_page(parameters), wants_extensions(parameters)
    if parameters.first("service_request_id") is not None:
        return RequestQuery(page=page, numbers=parse_numbers(parameters), extended=extended)
    after, before = parameters.moment("updated_after"), parameters.moment("updated_before")
    changes = after is not None or before is not None
    since, until = _parse_period(parameters, optional=changes)
    statuses, near, box = _parse_statuses(parameters), _parse_near(parameters), _parse_box(parameters)
    if statuses is not None and not statuses:  # the parameters status and detailed_status exclude each other's values
        return RequestQuery(page=page, numbers=(), extended=extended)
    filters = Filters(
        statuses=tuple(sorted(statuses or ())),
        categories=tuple(parameters.listed("service_code")),
        bbox=box or (near and _box_around(*near)),
        near=near,
        since=since,
        until=until,
        sort="updated" if changes else "new",
        backwards=changes,
        after=None if after is None else (after - 1, MAX_NUMBER),
    )
    return RequestQuery(page=page, filters=filters, until=END_OF_TIME if before is None else before, extended=extended)


def parse_updates(parameters: Parameters) -> UpdateQuery:
    """Parse a query for updates. Raises Invalid and NotFound."""
    since, until = parameters.moment("start_date"), parameters.moment("end_date")
    return UpdateQuery(
        page=parse_page(parameters),
        since=clock.now() - MAX_SPAN if since is None else since,
        until=END_OF_TIME if until is None else until,
        after=parameters.whole("after", 0, MAX_NUMBER, 0) if parameters.first("after") else None,
        numbers=parse_numbers(parameters) if parameters.first("service_request_id") is not None else None,
    )


def wants_extensions(parameters: Parameters) -> bool:
    """Whether extended attributes are requested: `extensions=true`, or the names of extensions («citysdk,media»), any
    of which selects all of ours."""
    return (parameters.first("extensions") or "false").lower() not in ("false", "0", "no")


def parse_page(parameters: Parameters) -> Page:
    """Parse page and page_size. Raises Invalid; rows beyond MAX_OFFSET can be selected by their dates."""
    limit = parameters.whole("page_size", MAX_PARAMETERS, MAX_PAGE_SIZE)
    return Page(skip=(parameters.whole("page", 1, MAX_OFFSET // limit) - 1) * limit, limit=limit)


def parse_numbers(parameters: Parameters) -> list[int]:
    """Parse the numbers in `service_request_id`, ignoring other values. Raises NotFound if there is none."""
    numbers = [n for text in parameters.listed("service_request_id") if (n := parse_number(text)) is not None]
    if not numbers:
        raise NotFound("request_not_found")
    return numbers


def parse_number(text: str) -> int | None:
    """Parse the number in a request id. Returns None if the id cannot be a number."""
    if not re.fullmatch(r"[0-9]{1,10}", text):
        return None
    return value if 0 < (value := int(text)) <= MAX_NUMBER else None


def _parse_period(parameters: Parameters, *, optional: bool) -> tuple[int | None, int | None]:
    """Parse the period of requested_datetime, as start and exclusive end: at most 90 days, and by default the last 90,
    unless the period is `optional`. Raises Invalid."""
    start, end = parameters.moment("start_date"), parameters.moment("end_date")
    if not optional:
        now = clock.now()
        end = end if end is not None else now if start is None else min(now, start + MAX_SPAN)
        start = start if start is not None else end - MAX_SPAN
    if start is not None and end is not None and end - start > MAX_SPAN:
        raise Invalid((FieldError("end_date", "span"),))
    return start, None if end is None else end + 1


def _parse_statuses(parameters: Parameters) -> frozenset[str] | None:
    """Return the statuses that both `status` and `detailed_status` (CitySDK) select, or None if neither restricts
    them. Raises Invalid."""
    chosen = frozenset(STATUSES)
    for parameter, expand, allowed in (
        ("status", expand_coarse, COARSE),
        ("detailed_status", expand_detailed, DETAILED),
    ):
        names = parameters.listed(parameter)
        selected = [expand(name) for name in names]
        if not all(selected):
            raise Invalid((FieldError(parameter, "unknown", allowed=allowed),))
        if names:
            chosen &= frozenset[str]().union(*selected)
    return None if chosen == frozenset(STATUSES) else chosen


def _parse_box(parameters: Parameters) -> Bbox | None:
    text = parameters.first("bbox")
    box = bbox(text) if text is not None else None
    if text is not None and box is None:
        raise Invalid((FieldError("bbox", "bbox"),))
    return box


def _parse_near(parameters: Parameters) -> tuple[float, float, float] | None:
    """Parse CitySDK's lat, long and radius in metres. Raises Invalid with each missing or wrong one."""
    texts = {
        "lat": (parameters.first("lat"), 90.0),
        "long": (parameters.first("long") or parameters.first("lon"), 180.0),
        "radius": (parameters.first("radius"), MAX_RADIUS),
    }
    if not any(text for text, _ in texts.values()):
        return None
    values = {name: parse_coordinate(text, bound) for name, (text, bound) in texts.items()}
    wrong = [FieldError(name, "coordinates") for name in ("lat", "long") if values[name] is None]
    if not values["radius"] or values["radius"] < 0:
        wrong.append(FieldError("radius", "metres", (("max", MAX_RADIUS),)))
    if wrong:
        raise Invalid(tuple(wrong))
    lat, long, radius = (value for value in values.values() if value is not None)
    return lat, long, radius


def _box_around(lat: float, long: float, metres: float) -> Bbox:
    south, north, spans = box_around(lat, long, metres)
    west, east = spans[0] if len(spans) == 1 else (-180.0, 180.0)  # a box cannot cross the 180th meridian
    return west, south, east, north

"""What a reader asks the lists of requests and updates for. A wrong value is refused by the name of its parameter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from widget_api import clock
from widget_api.browse.listing import Filters
from widget_api.browse.queries import Bbox, bbox
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.geo.model import box_around
from widget_api.open311.raw_parameters import MAX_PARAMETERS, Parameters
from widget_api.open311.statuses import COARSE, DETAILED, expand_coarse, expand_detailed
from widget_api.problems.intake import parse_coordinate
from widget_api.problems.model import STATUSES

DAY = 86_400
MAX_SPAN = 90 * DAY
MAX_PAGE_SIZE, MAX_OFFSET = MAX_PARAMETERS, 100_000  # requests in an answer, and before its last one
MAX_NUMBER = 2**31 - 1
MAX_RADIUS = 100_000  # metres; further out the plane that distances are measured on is no globe any more
END_OF_TIME = 2**40
NO_FILTERS = Filters()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Which part of what was found: so many, past so many."""

    skip: int
    many: int


@dataclass(frozen=True, kw_only=True)
class RequestQuery:
    """`numbers` overrides the filter; `until` is the last time of change that counts, where changes are asked for."""

    page: Page
    filters: Filters = NO_FILTERS
    numbers: Sequence[int] | None = None
    until: int = END_OF_TIME
    extended: bool = False


@dataclass(frozen=True, kw_only=True)
class UpdateQuery:
    """`numbers` overrides the times; `after` is a position of the log, past which everything counts."""

    page: Page
    since: int
    until: int
    after: int | None
    numbers: Sequence[int] | None


def parse_requests(parameters: Parameters) -> RequestQuery:
    """Raises Invalid, NotFound."""
    page, extended = parse_page(parameters), wants_extensions(parameters)
    if parameters.one("service_request_id") is not None:
        return RequestQuery(page=page, numbers=parse_numbers(parameters), extended=extended)
    after, before = parameters.moment("updated_after"), parameters.moment("updated_before")
    changes = after is not None or before is not None
    since, until = _parse_period(parameters, free=changes)
    statuses, near, box = _parse_statuses(parameters), _parse_near(parameters), _parse_box(parameters)
    if statuses is not None and not statuses:  # the two ways to ask for them contradict each other
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
    """Raises Invalid, NotFound."""
    since, until = parameters.moment("start_date"), parameters.moment("end_date")
    return UpdateQuery(
        page=parse_page(parameters),
        since=clock.now() - MAX_SPAN if since is None else since,
        until=END_OF_TIME if until is None else until,
        after=parameters.whole("after", 0, MAX_NUMBER, 0) if parameters.one("after") else None,
        numbers=parse_numbers(parameters) if parameters.one("service_request_id") is not None else None,
    )


def wants_extensions(parameters: Parameters) -> bool:
    """`extensions=true`; others name the extensions they want («citysdk,media»), and all of ours come together."""
    return (parameters.one("extensions") or "false").lower() not in ("false", "0", "no")


def parse_page(parameters: Parameters) -> Page:
    """Raises Invalid; what lies deeper is reached by its dates."""
    many = parameters.whole("page_size", MAX_PARAMETERS, MAX_PAGE_SIZE)
    return Page(skip=(parameters.whole("page", 1, MAX_OFFSET // many) - 1) * many, many=many)


def parse_numbers(parameters: Parameters) -> list[int]:
    """Those of `service_request_id`; what is no number is no request. Raises NotFound where none is one."""
    found = [n for text in parameters.listed("service_request_id") if (n := parse_number(text)) is not None]
    if not found:
        raise NotFound("request_not_found")
    return found


def parse_number(text: str) -> int | None:
    """A request's number from its id, or None where it cannot be one."""
    if not re.fullmatch(r"[0-9]{1,10}", text):
        return None
    return value if 0 < (value := int(text)) <= MAX_NUMBER else None


def _parse_period(parameters: Parameters, *, free: bool) -> tuple[int | None, int | None]:
    """On requested_datetime, the end outside: at most 90 days, and the last 90 unless it is `free` to be left out."""
    start, end = parameters.moment("start_date"), parameters.moment("end_date")
    if not free:
        now = clock.now()
        end = end if end is not None else now if start is None else min(now, start + MAX_SPAN)
        start = start if start is not None else end - MAX_SPAN
    if start is not None and end is not None and end - start > MAX_SPAN:
        raise Invalid((FieldError("end_date", "span"),))
    return start, None if end is None else end + 1


def _parse_statuses(parameters: Parameters) -> frozenset[str] | None:
    """Those of `status` that `detailed_status` (CitySDK) names as well; None where neither was given."""
    chosen = frozenset(STATUSES)
    for parameter, meaning, offered in (
        ("status", expand_coarse, COARSE),
        ("detailed_status", expand_detailed, DETAILED),
    ):
        names = parameters.listed(parameter)
        meant = [meaning(name) for name in names]
        if not all(meant):
            raise Invalid((FieldError(parameter, "unknown", allowed=offered),))
        if names:
            chosen &= frozenset[str]().union(*meant)
    return None if chosen == frozenset(STATUSES) else chosen


def _parse_box(parameters: Parameters) -> Bbox | None:
    text = parameters.one("bbox")
    box = bbox(text) if text is not None else None
    if text is not None and box is None:
        raise Invalid((FieldError("bbox", "bbox"),))
    return box


def _parse_near(parameters: Parameters) -> tuple[float, float, float] | None:
    """CitySDK: all within `radius` metres of a point. Raises Invalid with all that is wrong or missing of the three."""
    written = {
        "lat": (parameters.one("lat"), 90.0),
        "long": (parameters.one("long") or parameters.one("lon"), 180.0),
        "radius": (parameters.one("radius"), MAX_RADIUS),
    }
    if not any(text for text, _ in written.values()):
        return None
    given = {name: parse_coordinate(text, bound) for name, (text, bound) in written.items()}
    wrong = [FieldError(name, "coordinates") for name in ("lat", "long") if given[name] is None]
    if not given["radius"] or given["radius"] < 0:
        wrong.append(FieldError("radius", "metres", (("max", MAX_RADIUS),)))
    if wrong:
        raise Invalid(tuple(wrong))
    lat, long, radius = (value for value in given.values() if value is not None)
    return lat, long, radius


def _box_around(lat: float, long: float, metres: float) -> Bbox:
    south, north, spans = box_around(lat, long, metres)
    west, east = spans[0] if len(spans) == 1 else (-180.0, 180.0)  # across the 180th meridian a box has no end
    return west, south, east, north

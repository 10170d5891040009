"""Serve the entries of a dated collection as calendar files (iCalendar, RFC 5545): one entry, and all to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from widget_api import clock, web
from widget_api.browse import listing
from widget_api.database import Row
from widget_api.errors import NotFound
from widget_api.problems.model import parse_number
from widget_api.problems.projections.answers import NO_DAY, find_days
from widget_api.sites import service
from widget_api.sites import store as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

MOST = 500  # entries in the calendar of a collection
_WIDTH = 75  # octets of a line without its end
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


def escape(text: str) -> str:
    """A text as a value (section 3.3.11)."""
    return text.translate(_ESCAPED)


def fold(line: str) -> Iterator[str]:
    """A line in parts of at most 75 octets, none of which breaks a character (section 3.1)."""
    part, width = "", 0
    for letter in line:
        octets = len(letter.encode())
        if width + octets > _WIDTH:
            yield part
            part, width = " ", 1
        part, width = part + letter, width + octets
    yield part


def write_calendar(name: str, entries: Iterable[Sequence[tuple[str, str]]]) -> str:
    """A calendar of events, each the names and values of its properties."""
    lines = [("BEGIN", "VCALENDAR"), ("VERSION", "2.0"), ("PRODID", "-//widget-api//collections//RU")]
    lines += [("METHOD", "PUBLISH"), ("X-WR-CALNAME", escape(name))]
    for properties in entries:
        lines += [("BEGIN", "VEVENT"), *properties, ("END", "VEVENT")]
    lines.append(("END", "VCALENDAR"))
    return "".join(f"{part}\r\n" for name, value in lines for part in fold(f"{name}:{value}"))


def describe(site: Site, item: Mapping[str, Any], days: tuple[str, str]) -> list[tuple[str, str]]:
    """The properties of an entry: whole days, since its answers have no time. The end is the day after the last."""
    first, last = (date.fromisoformat(day) for day in days)
    changed = datetime.fromtimestamp(clock.parse_rfc3339(item["updated_at"]), UTC)
    values = [
        ("UID", f"{site.id}-{item['number']}@{site.jurisdiction}"),
        ("DTSTAMP", f"{changed:%Y%m%dT%H%M%SZ}"),
        ("DTSTART;VALUE=DATE", first.isoformat().replace("-", "")),
        ("DTEND;VALUE=DATE", (last + timedelta(days=1)).isoformat().replace("-", "")),
        ("SUMMARY", escape(item["title"])),
        ("DESCRIPTION", escape(item["description"])),
        ("URL", item["url"]),
    ]
    return values + [("LOCATION", escape(item["address"]))] * bool(item["address"])


async def get_entry(request: Request) -> Response:
    """GET /s/{key}/c/{slug}/{number}.ics"""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    row = await listing.find_published(context.database, site.id, parse_number(request.path_params["number"]))
    return _respond(request, site, [row] if row else [], required=True)


async def get_calendar(request: Request) -> Response:
    """GET /s/{key}/c/{slug}/calendar.ics: what is to come, to subscribe to."""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    today, filters = local_date(clock.now(), site.time_zone), listing.parse([], site)
    async with web.expensive_read(request, site.id, filters.cost):
        rows = await listing.rows(context.database, site.id, filters, today, MOST)
    return _respond(request, site, rows)


def _respond(request: Request, site: Site, rows: Sequence[Row], *, required: bool = False) -> Response:
    public_url, today, entries = web.context(request).settings.public_url, local_date(clock.now(), site.time_zone), []
    for row in rows:
        category = site.known_category(row["category"])
        questions = [sites.question_to_json(one) for one in category.questions] if category else []
        days = find_days(orjson.loads(row["answers"]), questions)
        if days is not None and days[0] != NO_DAY:
            entries.append(describe(site, listing.item(row, today, site, public_url), days))
    if not site.is_dated or (required and not entries):
        raise NotFound
    name = f"{site.file_name}-{rows[0]['number']}" if required else site.file_name
    headers = {"Content-Disposition": f'attachment; filename="{name}.ics"', "Cache-Control": "public, max-age=300"}
    return Response(write_calendar(site.name, entries), media_type="text/calendar; charset=utf-8", headers=headers)

"""Build the values of what a city's page begins with: its map, the newest solved reports in pictures, four figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from widget_api import i18n
from widget_api.browse import before_after, city_map, rings
from widget_api.browse.listing import Filters
from widget_api.browse.queries import GROUPS, Bbox
from widget_api.context import Context
from widget_api.database import Row
from widget_api.problems import wording
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

_PAIRS = 3
_CAPTION = 90  # characters of a solved report


async def map_values(
    context: Context, site: Site, filters: Filters, rows: Sequence[Row], today: date, language: str
) -> dict[str, Any] | None:
    """Values of the map; None where nobody knows where the city lies. `rows` are those of the list.

    Without a border or a box of the site its newest reports show where it lies.
    """
    settings = context.settings
    area = filters.bbox or site.bbox or _find_area(rows)
    if area is None or replace(filters, bbox=None).narrow or filters.after:
        return None
    zoom = settings.tiles_zoom if settings.tiles else None
    found = await city_map.read(context.database, site.id, area, today, zoom)
    return {
        "height": city_map.HEIGHT,
        "tile": city_map.TILE,
        "tiles": found.tiles,
        "total": found.total,
        "marks": [_mark_values(mark, site, language, "list" if found.closest else "map") for mark in found.marks],
        "legend": [(rings.TYPICAL_STATUSES[one], i18n.text(language, f"city.map.groups.{one}")) for one in GROUPS],
        "attribution": settings.tiles_attribution if settings.tiles else "",
    }


def _find_area(rows: Sequence[Row]) -> Bbox | None:
    placed = [(row["lng"], row["lat"]) for row in rows if row["lat"] is not None]
    if not placed:
        return None
    lngs, lats = zip(*placed, strict=True)
    return city_map.widen((min(lngs), min(lats), max(lngs), max(lats)))


def _mark_values(mark: city_map.Mark, site: Site, language: str, closer: str) -> dict[str, Any]:
    """A mark with its link and its name; of several problems with the ring around their number.

    `closer` is the part of the page of their place that tells more.
    """
    values: dict[str, Any] = {"x": mark.x, "y": mark.y, "count": mark.count}
    if mark.bbox is None:
        one = mark.properties
        is_late = one["overdue"] and site.collection is None  # entries show no days to an answer
        status = "overdue" if is_late else one["status"]
        state = i18n.text(language, "common.overdue" if is_late else f"status.{status}").lower()
        return values | {
            "href": f"{site.entries_path}/{mark.number}",
            "name": f"{site.category_name(language, one['category'])}, {state}: {one['title']}",
            "status": status,
        }
    several = i18n.text(language, "city.map.several", count=mark.count)
    return values | {
        "href": f"/s/{site.key}?bbox={','.join(f'{degrees:.5f}' for degrees in mark.bbox)}#{closer}",
        "name": f"{several}: {rings.describe_groups(language, mark.groups)}",
        "arcs": rings.list_arcs(mark.groups),
    }


async def pairs_values(context: Context, site: Site, today: date, language: str) -> list[dict[str, Any]]:
    """Values of the newest solved reports with a picture of before and one of after."""
    public_url = context.settings.public_url
    return [
        {
            "href": f"{site.entries_path}/{one.number}",
            "title": wording.first_line(one.description, _CAPTION),
            "days": _count_days(one, site.time_zone),
            "day": i18n.format_day(language, one.solved_at, site.time_zone, today=today),
            "before": public_url + one.before["thumb"],
            "after": public_url + one.after["thumb"],
        }
        for one in await before_after.list_newest(context.database, site.id, _PAIRS)
    ]


def _count_days(one: before_after.Solved, time_zone: str) -> int:
    """Days from receipt to the answer in the site's calendar, one where it came on the same day."""
    return max(1, (local_date(one.solved_at, time_zone) - local_date(one.created_at, time_zone)).days)

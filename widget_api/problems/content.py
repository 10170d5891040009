"""Change the public part of a report: text, category, place; by a correction here, or as another instance has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from widget_api.database import Row, Transaction
from widget_api.geo.address import find_street
from widget_api.geo.cells import cell_at
from widget_api.problems import remote_pictures, traces
from widget_api.problems.model import Content
from widget_api.problems.store import records
from widget_api.sites.model import Site

FIELDS = {"category": "category", "description": "description", "address": "address", "lat": "place"}  # by column


def find_changes(site: Site, problem: Row, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that have to change, with those derived from them. `given` has FIELDS and lng."""
    changed = {name: value for name, value in given.items() if value != problem[name]}
    if changed.keys() & {"lat", "lng"}:
        lat, lng = given["lat"], given["lng"]
        cell = cell_at(lat, lng) if lat is not None and lng is not None else None
        changed |= {"lat": lat, "lng": lng, "cell": cell, "district": site.find_district(lat, lng)}
    if "address" in changed:
        changed["street"] = find_street(given["address"])
    return changed


async def write_changes(tx: Transaction, problem: Row, changed: Mapping[str, Any], now: int) -> None:
    """Write changes of `find_changes`. A platform that may have the former text is searched by its hash."""
    await traces.record_trace(tx, problem["id"], problem["description"])
    await records.update(tx, problem["id"], {**changed, "updated_at": now})


async def apply(tx: Transaction, site: Site, problem: Row, content: Content, now: int) -> list[str]:
    """Give a report the content it has at the instance it was reported to. Returns the names of what changed.

    A category that the site does not have changes nothing. Pictures that are new are stored to be fetched by a delivery
    to the sink `media`, which the caller enqueues.
    """
    given = {name: getattr(content, name) for name in ("description", "address", "lat", "lng")}
    known = site.category(content.category) is not None
    changed = find_changes(site, problem, {"category": content.category if known else problem["category"], **given})
    if changed:
        await write_changes(tx, problem, changed, now)
    named = [field for column, field in FIELDS.items() if column in changed]
    if content.photos is not None and await remote_pictures.follow(tx, problem, content.photos, now):
        named.append("photos")
    return named

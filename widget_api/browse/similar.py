"""Find open published problems that may be the same: in walking distance («Уже сообщали рядом»), or at an address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from widget_api.browse import listing
from widget_api.browse.listing.conditions import APART, circle
from widget_api.database import Database
from widget_api.database.near import in_box_around
from widget_api.geo.address import find_street, normalise_address
from widget_api.geo.model import distance
from widget_api.problems.model import OPEN
from widget_api.sites.model import Site

NEAR, MOST = 250, 5  # metres, problems
_COMPARED = 200  # problems of a street
COST = 3  # the same as a search (Filters.cost)
_OPEN = ", ".join(f"'{status}'" for status in sorted(OPEN))


async def near(
    database: Database, site: Site, where: tuple[float, float], codes: Sequence[str], today: date, public_url: str
) -> dict[str, Any]:
    """Return `{items}`: list items, each with its `distance` in metres. Served by an index of category and latitude.

    Those of the first category come before those of the others.
    """
    lat, lng = where
    near_by, edges = in_box_around(lat, lng, NEAR)
    among = ", ".join(f":category{index}" for index in range(len(codes)))
    rows = await database.rows(
        f"SELECT {listing.COLUMNS} FROM problems p WHERE site_id = :site_id AND category IN ({among}) AND published"
        f" AND lat IS NOT NULL AND {near_by} AND status IN ({_OPEN})"
        f" AND {APART} <= :square ORDER BY category <> :category0, {APART}, number DESC LIMIT :limit",
        site_id=site.id,
        limit=MOST,
        **{f"category{index}": code for index, code in enumerate(codes)},
        **circle(lat, lng, NEAR),
        **edges,
    )
    return {
        "items": [
            listing.item(row, today, site, public_url) | {"distance": round(distance(lat, lng, row["lat"], row["lng"]))}
            for row in rows
        ]
    }


async def at_address(
    database: Database, site: Site, address: str, category: str, today: date, public_url: str
) -> list[dict[str, Any]]:
    """List items of the problems at the same house, for a report without a point; those of its category first.

    Served by the index of streets.
    """
    street, wanted = find_street(address), normalise_address(address)
    if street is None:
        return []
    rows = await database.rows(
        f"SELECT {listing.COLUMNS} FROM problems p WHERE site_id = :site_id AND street = :street AND counted"
        f" AND published AND status IN ({_OPEN}) ORDER BY category <> :category, created_at DESC, number DESC"
        " LIMIT :limit",
        site_id=site.id,
        street=street,
        category=category,
        limit=_COMPARED,
    )
    same = [row for row in rows if normalise_address(row["address"]) == wanted]
    return [listing.item(row, today, site, public_url) for row in same[:MOST]]

"""What a map asks for, and what it is told: marks, each one problem or many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from widget_api.browse import listing
from widget_api.browse.queries import Viewport
from widget_api.geo.model import Box
from widget_api.problems.wording import first_line
from widget_api.sites.model import Site

POINTS_ABOVE = 14  # zoom: from the next one on problems themselves are read
_TITLE = 80  # characters


@dataclass(frozen=True, kw_only=True)
class View:
    """A box of a map at a zoom, and which problems are to be seen in it."""

    bbox: Box
    zoom: int
    filters: listing.Filters  # with the same box


def parse(query: Iterable[tuple[str, str]], site: Site) -> View:
    """Raises Malformed that names the parameter."""
    pairs = list(query)
    filters = listing.parse(pairs, site, Viewport)
    assert filters.bbox is not None
    return View(bbox=filters.bbox, zoom=int(next(value for name, value in pairs if name == "zoom")), filters=filters)


def cost(view: View) -> int:
    """As that of a list (Filters.cost): cells count by status and category, of all other filters problems are read."""
    filters = view.filters
    counted = replace(filters, statuses=(), categories=(), bbox=None)
    return 5 * counted.cost + bool(filters.statuses or filters.categories) + 2 * (view.zoom > POINTS_ABOVE)


def single(problem: Mapping[str, Any] | Any, *, overdue: bool) -> dict[str, Any]:
    """A mark that is one problem, at its own place."""
    properties = {
        "count": 1,
        "number": problem["number"],
        "status": problem["status"],
        "overdue": overdue,
        "category": problem["category"],
        "title": first_line(problem["description"], _TITLE),
    }
    return _feature(problem["lat"], problem["lng"], properties)


def cluster(lat: float, lng: float, statuses: Mapping[str, int], box: Box) -> dict[str, Any]:
    """A mark that is many, in their middle; `box` is where a map has to zoom to see them apart."""
    told = {status: many for status, many in statuses.items() if many}
    return _feature(lat, lng, {"count": sum(told.values()), "statuses": told, "bbox": list(box)})


def collection(features: list[dict[str, Any]], *, partial: bool) -> dict[str, Any]:
    """GeoJSON (RFC 7946) with two members of ours: how many problems these are, and whether that is not all."""
    total = sum(feature["properties"]["count"] for feature in features)
    return {"type": "FeatureCollection", "features": features, "total": total, "partial": partial}


def _feature(lat: float, lng: float, properties: dict[str, Any]) -> dict[str, Any]:
    place = {"type": "Point", "coordinates": [round(lng, 6), round(lat, 6)]}
    return {"type": "Feature", "geometry": place, "properties": properties}

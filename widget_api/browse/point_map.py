"""Draw the surroundings of one point on the map. One SVG, without a script."""

from __future__ import annotations

from dataclasses import dataclass

from widget_api.browse.map_frame import MapFrame
from widget_api.settings import Settings
from widget_api.sites.model import Site

WIDTH, HEIGHT = 240, 180  # of the drawing, with the point in its middle; pages show it up to twice as large
_ZOOM = 16  # a district's streets surround the point


@dataclass(frozen=True, kw_only=True)
class PointMap:
    place: str  # coordinates
    tiles: list[tuple[str, int, int]]  # address and place
    attribution: str | None


def draw_point(site: Site, settings: Settings, lat: float | None, lng: float | None) -> PointMap | None:
    """The map of a point; None without one, or where there are no tiles of the site's territory."""
    if lat is None or lng is None or not settings.tiles or site.territory is None or not site.covers(lat, lng):
        return None
    frame = MapFrame.around(lat, lng, min(_ZOOM, settings.tiles_zoom), width=WIDTH, height=HEIGHT)
    return PointMap(place=f"{lat:.5f}, {lng:.5f}", tiles=frame.tiles(), attribution=settings.tiles_attribution)

"""Draw a territory on the map. One SVG, without a script."""

from __future__ import annotations

from dataclasses import dataclass

from widget_api.browse.coverage_map import project_outline, write_path
from widget_api.browse.map_frame import MapFrame
from widget_api.geo.model import Area


@dataclass(frozen=True, kw_only=True)
class TerritoryMap:
    path: str  # of SVG
    tiles: list[tuple[str, int, int]]  # address and place


def draw_territory(area: Area, tiles_zoom: int | None) -> TerritoryMap:
    """The map of a territory. Takes a second for the largest border there may be.

    `tiles_zoom` is the closest zoom that has tiles, None where there are none at all.
    """
    frame = MapFrame.fit(area.box, tiles_zoom)
    tiles = frame.tiles() if tiles_zoom is not None else []
    return TerritoryMap(path=write_path(project_outline(area, frame)), tiles=tiles)

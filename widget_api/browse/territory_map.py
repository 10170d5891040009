"""Draw a territory on the map. One SVG, without a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from widget_api.browse.coverage_map import project_outline, write_path
from widget_api.browse.map_frame import MapFrame
from widget_api.geo.model import Area


@dataclass(frozen=True, kw_only=True)
class TerritoryMap:
    path: str  # of SVG
    others: list[str]  # the same, of other territories
    tiles: list[tuple[str, int, int]]  # address and place


def draw_territory(area: Area, tiles_zoom: int | None, others: Sequence[Area] = ()) -> TerritoryMap:
    """The map of a territory, and of what `others` have of its place. A second for the largest border there may be.

    `tiles_zoom` is the closest zoom that has tiles, None where there are none at all.
    """
    frame = MapFrame.fit(area.box, tiles_zoom)
    tiles = frame.tiles() if tiles_zoom is not None else []
    drawn = [write_path(project_outline(one, frame)) for one in (area, *others)]
    return TerritoryMap(path=drawn[0], others=drawn[1:], tiles=tiles)

"""Draw a border that was refused: where it lies, where it is expected and what is wrong. One SVG, without a script."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from widget_api.browse.coverage_map import Spot, project_outline, write_path
from widget_api.browse.map_frame import MapFrame
from widget_api.errors import Invalid
from widget_api.geo.model import rectangle
from widget_api.sites.borders import WrongBorder


@dataclass(frozen=True, kw_only=True)
class BorderMap:
    border: str  # a path of SVG
    expected: str  # the same; empty where nothing is expected
    spot: Spot | None
    tiles: list[tuple[str, int, int]]
    swapped: bool  # the border is drawn as it would be with its coordinates exchanged


async def draw_wrong_border(wrong: Invalid, tiles_zoom: int | None) -> BorderMap | None:
    """The picture of a border; None where the text was not even one."""
    return await asyncio.to_thread(_draw, wrong, tiles_zoom) if isinstance(wrong, WrongBorder) else None


def _draw(wrong: WrongBorder, tiles_zoom: int | None) -> BorderMap:
    # What would be right once it is swapped is shown as large as it can be, without the region around it.
    expected = rectangle(wrong.place.box) if wrong.place and not wrong.latitude_first else None
    west, south, east, north = wrong.area.box
    if expected is not None:
        box = expected.box
        west, south, east, north = min(west, box[0]), min(south, box[1]), max(east, box[2]), max(north, box[3])
    frame = MapFrame.fit((west, south, east, north), tiles_zoom)
    return BorderMap(
        border=write_path(project_outline(wrong.area, frame)),
        expected=write_path(project_outline(expected, frame)) if expected else "",
        spot=frame.project(*wrong.spot) if wrong.spot else None,
        tiles=frame.tiles() if tiles_zoom is not None else [],
        swapped=wrong.latitude_first,
    )

"""Place an area of the map in a drawing, with the tiles under it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

from widget_api.browse.queries import Bbox
from widget_api.geo.model import mercator

WIDTH, HEIGHT = 480, 360  # of the drawing; pages show it up to twice as large, for which tiles have enough pixels
TILE = 128
_MARGIN = 24
_MAX_ZOOM = 19


@dataclass(frozen=True)
class MapFrame:
    """A drawing of an area: its zoom, and where on a map of the whole world its corner lies."""

    zoom: int
    closest: int  # zoom
    left: float
    top: float

    @classmethod
    def fit(cls, area: Bbox, tiles_zoom: int | None) -> MapFrame:
        """The closest frame around an area. `tiles_zoom` is the closest zoom that has tiles, None without tiles."""
        west, south, east, north = area
        closest = min(tiles_zoom or _MAX_ZOOM, _MAX_ZOOM)
        across, down = (east - west) / 360 * TILE, (mercator(south) - mercator(north)) * TILE
        fitting = min(
            (WIDTH - 2 * _MARGIN) / across, (HEIGHT - 2 * _MARGIN) / max(down, across / 1000)
        )  # 0 at the poles
        zoom = max(0, min(closest, math.floor(math.log2(fitting))))
        size = TILE << zoom
        left = ((west + east) / 2 + 180) / 360 * size - WIDTH / 2
        return cls(zoom, closest, left, (mercator(south) + mercator(north)) / 2 * size - HEIGHT / 2)

    def project(self, lat: float, lng: float) -> tuple[float, float]:
        """The place of a point in the drawing."""
        size = TILE << self.zoom
        return (lng + 180) / 360 * size - self.left, mercator(lat) * size - self.top

    def tiles(self) -> list[tuple[str, int, int]]:
        """The address and the place of each tile."""
        columns = range(max(0, int(self.left // TILE)), min(1 << self.zoom, int((self.left + WIDTH) // TILE) + 1))
        lines = range(max(0, int(self.top // TILE)), min(1 << self.zoom, int((self.top + HEIGHT) // TILE) + 1))
        return [
            (f"/tiles/{self.zoom}/{column}/{line}", round(column * TILE - self.left), round(line * TILE - self.top))
            for column, line in product(columns, lines)
        ]

"""Place an area of the map in a drawing, with the tiles under it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

from widget_api.browse.queries import Bbox
from widget_api.geo.model import latitude, mercator

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
    width: int = WIDTH
    height: int = HEIGHT
    tile: int = TILE  # the side of one

    @classmethod
    def fit(cls, area: Bbox, tiles_zoom: int | None, *, height: int = HEIGHT, tile: int = TILE) -> MapFrame:
        """The closest frame around an area. `tiles_zoom` is the closest zoom that has tiles, None without tiles."""
        west, south, east, north = area
        closest = min(tiles_zoom or _MAX_ZOOM, _MAX_ZOOM)
        across, down = (east - west) / 360 * tile, (mercator(south) - mercator(north)) * tile
        fitting = min(
            (WIDTH - 2 * _MARGIN) / across, (height - 2 * _MARGIN) / max(down, across / 1000)
        )  # 0 at the poles
        zoom = max(0, min(closest, math.floor(math.log2(fitting))))
        size = tile << zoom
        left = ((west + east) / 2 + 180) / 360 * size - WIDTH / 2
        top = (mercator(south) + mercator(north)) / 2 * size - height / 2
        return cls(zoom, closest, left, top, height=height, tile=tile)

    @classmethod
    def around(cls, lat: float, lng: float, zoom: int, *, width: int, height: int) -> MapFrame:
        """A frame of this size with a point in its middle."""
        size = TILE << zoom
        left, top = (lng + 180) / 360 * size - width / 2, mercator(lat) * size - height / 2
        return cls(zoom, zoom, left, top, width, height)

    def project(self, lat: float, lng: float) -> tuple[float, float]:
        """The place of a point in the drawing."""
        size = self.tile << self.zoom
        return (lng + 180) / 360 * size - self.left, mercator(lat) * size - self.top

    def area(self) -> Bbox:
        """What the drawing shows, within the square world."""
        size = self.tile << self.zoom
        west, east = (max(0.0, min(1.0, x / size)) * 360 - 180 for x in (self.left, self.left + self.width))
        south, north = (latitude(y / size) for y in (self.top + self.height, self.top))
        return west, south, east, north

    def tiles(self) -> list[tuple[str, int, int]]:
        """The address and the place of each tile."""
        side = self.tile
        columns = range(max(0, int(self.left // side)), min(1 << self.zoom, int((self.left + self.width) // side) + 1))
        lines = range(max(0, int(self.top // side)), min(1 << self.zoom, int((self.top + self.height) // side) + 1))
        return [
            (f"/tiles/{self.zoom}/{column}/{line}", round(column * side - self.left), round(line * side - self.top))
            for column, line in product(columns, lines)
        ]

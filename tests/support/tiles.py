"""A made-up town as map tiles: streets, a river and houses."""

import io
import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

SIZE = 256
# The territory of Zarechensk: west, south, east, north.
BBOX = (38.70, 55.07, 38.84, 55.12)
CENTER = (55.0952, 38.7688)


def tile_of(lat: float, lng: float, zoom: int) -> tuple[int, int]:
    """Column and row of the tile that contains a place (web Mercator)."""
    n = 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lng + 180) / 360 * n), int(y * n)


@cache
def tile(zoom: int, x: int, y: int) -> bytes:
    """PNG of one tile. Streets keep their distance in pixels, so every zoom shows a town."""
    picture = Image.new("RGB", (SIZE, SIZE), "#f2efe9")
    draw = ImageDraw.Draw(picture)
    if (x + y) % 3 == 0:
        draw.rectangle((20, 20, 118, 118), fill="#cdebb0")
    for across in (0, 128):
        draw.line((across, 0, across, SIZE), fill="#ffffff", width=9)
        draw.line((0, across, SIZE, across), fill="#ffffff", width=9)
    for left, top in ((24, 148), (72, 148), (152, 24), (200, 72), (152, 152), (200, 200)):
        draw.rectangle((left, top, left + 32, top + 24), fill="#d9d0c9", outline="#bcb0a5")
    if y % 4 == 0:
        points = [(step, 190 + 12 * math.sin((x * SIZE + step) / 60)) for step in range(-8, SIZE + 9, 8)]
        draw.line(points, fill="#aad3df", width=26)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def archive(path: Path, zooms: Iterable[int]) -> None:
    """A PMTiles file of the town and its surroundings."""
    west, south, east, north = BBOX
    across, down = (east - west) / 2, (north - south) / 2
    places = []
    for zoom in zooms:
        left, top = tile_of(north + down, west - across, zoom)
        right, bottom = tile_of(south - down, east + across, zoom)
        places += [(zoom, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]
    with path.open("wb") as file:
        writer = Writer(file)
        for zoom, x, y in sorted(places, key=lambda place: zxy_to_tileid(*place)):
            writer.write_tile(zxy_to_tileid(zoom, x, y), tile(zoom, x, y))
        writer.finalize({"tile_type": TileType.PNG, "tile_compression": Compression.NONE}, {})

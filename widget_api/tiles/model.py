"""Define tiles: their addresses, the area they show, and their pictures."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from functools import cached_property

from widget_api.geo.model import Box, mercator

MAX_ZOOM = 19
MAX_TILE_SIZE = 1024 * 1024  # bytes; one of 512 pixels in PNG is a third of that
_NUMBER = re.compile(r"0|[1-9]\d{0,5}", re.ASCII)
# First bytes of PNG (ISO 15948, 5.2), JPEG, WebP (RFC 9649, 2.4) and AVIF (ISO 14496-12, 4.3).
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
)


@dataclass(frozen=True)
class TileAddress:
    """Column x from the west and row y from the north of the 4^z squares of Web Mercator."""

    z: int
    x: int
    y: int

    @cached_property
    def box(self) -> Box:
        """The area it shows, in degrees."""
        return self.around(0)

    def around(self, tiles: int) -> Box:
        """The area with that many tiles on each side."""
        count = 1 << self.z
        west, east = (self.x - tiles) / count * 360 - 180, (self.x + 1 + tiles) / count * 360 - 180
        return west, _latitude((self.y + 1 + tiles) / count), east, _latitude((self.y - tiles) / count)


def parse_address(z: str, x: str, y: str) -> TileAddress | None:
    """A tile's address, or None where there is no such tile. Only one spelling is accepted, so that caches hold one."""
    if not all(_NUMBER.fullmatch(text) for text in (z, x, y)):
        return None
    address = TileAddress(int(z), int(x), int(y))
    known = address.z <= MAX_ZOOM and max(address.x, address.y) < 1 << address.z
    return address if known else None


def tile_at(lat: float, lng: float, z: int) -> TileAddress:
    """The address of the tile that shows a point."""
    count = 1 << z
    x, y = int((lng + 180) / 360 * count), int(mercator(lat) * count)
    return TileAddress(z, min(x, count - 1), min(y, count - 1))


def _latitude(down: float) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * down))))


@dataclass(frozen=True)
class Tile:
    """A tile's picture with its entity tag."""

    body: bytes
    media_type: str
    tag: str


def make_tile(body: bytes) -> Tile | None:
    """A tile of these bytes, or None where they are no raster picture a browser shows, whatever their declared type."""
    for offset, signature, media_type in _SIGNATURES:
        if body.startswith(signature, offset) and len(body) <= MAX_TILE_SIZE:
            return Tile(body, media_type, f'"{hashlib.sha256(body).hexdigest()}"')
    return None

"""What a tile is: its address, the ground it shows, and the picture itself."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from functools import cached_property

from widget_api.geo.model import Box, mercator

LARGEST_ZOOM = 19
LARGEST_TILE = 1024 * 1024  # bytes; one of 512 pixels in PNG is a third of that
_NUMBER = re.compile(r"0|[1-9]\d{0,5}", re.ASCII)
# PNG (ISO 15948, 5.2), JPEG, WebP (RFC 9649, 2.4), AVIF (ISO 14496-12, 4.3): told by their first bytes.
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
)


@dataclass(frozen=True)
class Address:
    """Column x from the west and row y from the north of the 4^z squares of Web Mercator."""

    z: int
    x: int
    y: int

    @cached_property
    def box(self) -> Box:
        """The ground it shows, in degrees."""
        return self.around(0)

    def around(self, tiles: int) -> Box:
        """The same with that many tiles on each side."""
        count = 1 << self.z
        west, east = (self.x - tiles) / count * 360 - 180, (self.x + 1 + tiles) / count * 360 - 180
        return west, _latitude((self.y + 1 + tiles) / count), east, _latitude((self.y - tiles) / count)


def parse(z: str, x: str, y: str) -> Address | None:
    """None where there is no such tile. Each has one way of being written, so that caches keep it once."""
    if not all(_NUMBER.fullmatch(text) for text in (z, x, y)):
        return None
    address = Address(int(z), int(x), int(y))
    known = address.z <= LARGEST_ZOOM and max(address.x, address.y) < 1 << address.z
    return address if known else None


def at(lat: float, lng: float, z: int) -> Address:
    """The tile that shows a point."""
    count = 1 << z
    x, y = int((lng + 180) / 360 * count), int(mercator(lat) * count)
    return Address(z, min(x, count - 1), min(y, count - 1))


def _latitude(down: float) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * down))))


@dataclass(frozen=True)
class Tile:
    """A picture as it goes out."""

    body: bytes
    media_type: str
    tag: str


def tile(body: bytes) -> Tile | None:
    """None where the bytes are no raster picture a browser shows; what a sender calls them is not believed."""
    for offset, signature, media_type in _SIGNATURES:
        if body.startswith(signature, offset) and len(body) <= LARGEST_TILE:
            return Tile(body, media_type, f'"{hashlib.sha256(body).hexdigest()}"')
    return None

"""Colour the icons of the towns' applications: PNG files whose palette is replaced, so that no picture is drawn."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from importlib import resources

from widget_api.sites import appearance

NAMES = ("192", "512", "maskable-512", "apple-180")
_INK, _GROUND = 64, 32  # steps of the palette (scripts/icons.py): from the ground to the ink, and to transparent
_PALETTE = b"PLTE"
_HEAD = 8  # bytes of a PNG before its first chunk


@lru_cache(maxsize=256)
def colour_icon(name: str, accent: str) -> bytes:
    """The icon as PNG, its ground in the accent (#rrggbb). `name` is one of NAMES."""
    picture = (resources.files("widget_api") / f"icons/{name}.png").read_bytes()
    ink = appearance.choose_ink(accent)
    steps = [appearance.mix(accent, ink, step / (_INK - 1)) for step in range(_INK)] + [accent] * _GROUND
    return _replace_chunk(picture, _PALETTE, bytes.fromhex("".join(step.removeprefix("#") for step in steps)))


def _replace_chunk(picture: bytes, kind: bytes, data: bytes) -> bytes:
    """The PNG with other data in its chunk of this kind (PNG specification, 5.3): length, kind, data, CRC of both."""
    start = _HEAD
    while picture[start + 4 : start + 8] != kind:
        start += 12 + struct.unpack_from(">I", picture, start)[0]
    end = start + 12 + struct.unpack_from(">I", picture, start)[0]
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return picture[:start] + chunk + picture[end:]

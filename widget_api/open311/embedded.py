"""Pictures that stand in a text field as base64: clients older than GeoReport's files send them so."""

from __future__ import annotations

import base64
import binascii
import re
import tempfile
from collections.abc import Iterable
from itertools import islice

from widget_api import web

_FIELD = re.compile(r"media(\[[0-9]*\])?")
_PREFIX = re.compile(r"data:[\w.+/;=-]*,", re.ASCII)
_SPACE = re.compile(r"[\r\n\t]+")
MIN_LENGTH = 64  # bytes; no picture is smaller, and many a word is base64 of something


def decode_pictures(pairs: Iterable[tuple[str, str]], most: int) -> list[tuple[str, web.UploadedFile]]:
    """By the names of their fields, each in a temporary file: whoever decodes them reads no others. Close them."""
    found = ((name, _decode(value)) for name, value in pairs if _FIELD.fullmatch(name))
    return [(name, _write_file(data)) for name, data in islice(((name, data) for name, data in found if data), most)]


def _write_file(data: bytes) -> web.UploadedFile:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it ends with the request
    file.write(data)
    file.seek(0)
    return web.UploadedFile("", file, len(data), data[:64])


def _decode(text: str) -> bytes | None:
    """None where it is something else, which is left out like every unknown field."""
    text = text.strip()
    prefix = _PREFIX.match(text)
    text = _SPACE.sub("", text[prefix.end() :] if prefix else text)
    text = text.replace(" ", "+").rstrip("=")  # a plus that was sent as it stands arrives as a space
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) >= MIN_LENGTH else None

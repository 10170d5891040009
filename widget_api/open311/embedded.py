"""Decode pictures sent as base64 in a text field, as clients older than GeoReport's file uploads do."""

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
MIN_LENGTH = 64  # bytes; no picture is smaller, and short words often are valid base64


def decode_pictures(pairs: Iterable[tuple[str, str]], limit: int) -> list[tuple[str, web.UploadedFile]]:
    """Decode the pictures among form fields into temporary files, by field name. The caller closes them."""
    decoded = ((name, _decode(value)) for name, value in pairs if _FIELD.fullmatch(name))
    pictures = ((name, data) for name, data in decoded if data)
    return [(name, _write_file(data)) for name, data in islice(pictures, limit)]


def _write_file(data: bytes) -> web.UploadedFile:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the request
    file.write(data)
    file.seek(0)
    return web.UploadedFile("", file, len(data), data[:64])


def _decode(text: str) -> bytes | None:
    """Decode a field. Returns None if it is not a picture: such a field is ignored like every unknown one."""
    text = text.strip()
    prefix = _PREFIX.match(text)
    text = _SPACE.sub("", text[prefix.end() :] if prefix else text)
    text = text.replace(" ", "+").rstrip("=")  # a plus that was not percent-encoded arrives as a space
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) >= MIN_LENGTH else None

"""Define photos, their limits, and the paths under which their pictures are served."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, cast

from widget_api import clock

Role = Literal["report", "clarification", "answer", "work", "hidden"]
Size = Literal["", ".thumb", ".small"]

SIZES: tuple[Size, ...] = ("", ".thumb", ".small")  # photos stored before 1.1 have no small one

MAX_FILE_SIZE = 10 * 1024 * 1024  # bytes of an uploaded file
SPARE_UPLOADS = 2  # of a report, beside those it may have: residents replace some photos, and some are refused
# Of a stored photo with its thumbnails, at most: noise, which no camera takes, has 0.53.
BYTES_PER_PIXEL = 0.75
UNATTACHED_LIFETIME = clock.DAY  # seconds after which an unattached photo is deleted
MAX_ALT_LENGTH = 500  # characters of the sender's description
PUBLIC_ROLES: frozenset[str] = frozenset({"report", "answer"})  # others are seen by the agency alone
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = re.compile(rf"({_ID})(\.thumb|\.small)?\.jpg")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded photo in three sizes. `location` is where it was taken: {lat, lng} in degrees, or None."""

    width: int
    height: int
    location: dict[str, float] | None
    picture: bytes  # JPEG, at most 2,048 pixels on its long side
    thumbnail: bytes  # at most 480
    small: bytes  # at most 240: 96 pixels of a list, on a screen of twice as many
    peak: int | None  # bytes: the largest resident size of the child
    sandbox: tuple[str, ...] = ()  # the mechanisms that confined it: seccomp, landlock


@dataclass(frozen=True, kw_only=True)
class Received:
    """A stored photo that is not attached yet, with the token that attaches it."""

    id: str
    token: str
    width: int
    height: int
    location: dict[str, float] | None


def photo_path(photo_id: str, size: Size = "") -> str:
    """The path of a picture under the public URL."""
    return f"/photos/{photo_id}{size}.jpg"


def parse_file_name(name: str) -> tuple[str, Size] | None:
    """«{id}.jpg», «{id}.thumb.jpg» or «{id}.small.jpg» → (id, size); None where it is none of them."""
    match = _NAME.fullmatch(name)
    return (match[1], cast("Size", match[2] or "")) if match else None


def photo_view(photo_id: str, width: int, height: int, alt: str | None) -> dict[str, Any]:
    """A photo as lists of the API show it, with paths below the public URL."""
    return {
        "url": photo_path(photo_id),
        "thumb": photo_path(photo_id, ".thumb"),
        "small": photo_path(photo_id, ".small"),
        "width": width,
        "height": height,
        "alt": alt,
    }

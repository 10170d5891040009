"""What a photo is to the rest of the service, and the names under which its pictures are kept and asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, cast

Role = Literal["report", "clarification", "answer"]
Size = Literal["", ".thumb", ".small"]
SIZES: tuple[Size, ...] = ("", ".thumb", ".small")  # photos of before 1.1 have no small one

LARGEST_FILE = 10 * 1024 * 1024  # bytes of what is sent
LOOSE_LIFE = 86_400  # seconds a photo waits to be attached
LONGEST_ALT = 500  # characters of what a photo shows, in the sender's words
PUBLIC_ROLES: frozenset[str] = frozenset({"report", "answer"})  # a clarification is read by the agency alone
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME = re.compile(rf"({_ID})(\.thumb|\.small)?\.jpg")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What the child made of a file. `location` is where it was taken: {lat, lng} in degrees, or None."""

    width: int
    height: int
    location: dict[str, float] | None
    picture: bytes  # JPEG, at most 2,048 pixels on its long side
    thumbnail: bytes  # at most 480
    small: bytes  # at most 240: 96 pixels of a list, on a screen of twice as many
    peak: int | None  # bytes of memory the child took at most
    sandbox: tuple[str, ...] = ()  # what confined it: seccomp, landlock


@dataclass(frozen=True, kw_only=True)
class Received:
    """A photo that waits to be attached by its token."""

    id: str
    token: str
    width: int
    height: int
    location: dict[str, float] | None


def address(photo_id: str, size: Size = "") -> str:
    """The path of a picture under the public URL."""
    return f"/photos/{photo_id}{size}.jpg"


def named(name: str) -> tuple[str, Size] | None:
    """«{id}.jpg», «{id}.thumb.jpg» or «{id}.small.jpg» → (id, size); None where it is none of them."""
    match = _NAME.fullmatch(name)
    return (match[1], cast("Size", match[2] or "")) if match else None


def shown(photo_id: str, width: int, height: int, alt: str | None) -> dict[str, Any]:
    """A photo as lists tell it, with addresses below the public URL."""
    return {
        "url": address(photo_id),
        "thumb": address(photo_id, ".thumb"),
        "small": address(photo_id, ".small"),
        "width": width,
        "height": height,
        "alt": alt,
    }

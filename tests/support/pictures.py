"""Pictures like those from residents' devices: formats, sizes, orientations, locations."""

import io
import random
from typing import Any

import pillow_heif
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

MIME = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "heif": "image/heic"}
ORIENTATION, MAKE, GPS = 0x0112, 0x010F, 0x8825
PLACE = (55.0952, 38.7688)


def noise(width: int, height: int) -> Image.Image:
    """A picture that compresses about as badly as a photo, the same each time."""
    grain = Image.frombytes(
        "RGB", (width // 4, height // 4), random.Random(7).randbytes(width // 4 * (height // 4) * 3)
    )
    return grain.resize((width, height), Image.Resampling.BICUBIC)


def halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right, so that the orientation can be checked."""
    made = Image.new("RGB", (width, height), "#d02020")
    made.paste("#2020d0", (width // 2, 0, width, height))
    return made


def angle(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    minutes = degrees % 1 * 60
    return IFDRational(int(degrees)), IFDRational(int(minutes)), IFDRational(round(minutes % 1 * 60 * 100), 100)


def photo(
    image: Image.Image,
    kind: str = "jpeg",
    *,
    place: tuple[float, float] | None = None,
    orientation: int = 1,
    **options: Any,
) -> bytes:
    """A file like a camera's; `place` is (lat, lng) in degrees, north and east."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE] = orientation, "Secret camera"
    if place:
        exif.get_ifd(GPS).update({1: "N", 2: angle(place[0]), 3: "E", 4: angle(place[1])})
    out = io.BytesIO()
    if kind == "heif":
        pillow_heif.register_heif_opener()
    image.save(out, kind.upper(), exif=exif, **options)
    return out.getvalue()


def file(content: bytes, name: str = "photo.jpg", kind: str = "jpeg") -> Any:
    """A file for Playwright's set_input_files()."""
    return {"name": name, "mimeType": MIME.get(kind, kind), "buffer": content}

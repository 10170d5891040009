"""Convert an uploaded file to three JPEGs without metadata, in a confined process of its own.

The file is standard input. This module imports only the standard library and the image libraries: it loads the decoder
that the first bytes of the file ask for, and enters the sandbox before it reads the rest. Standard output is one line
of JSON, followed by the picture and two thumbnails unless the line reports an error.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
import os
import re
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from widget_api.attachments.photos import sandbox

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

    Strips = Callable[[int], Iterator[tuple[int, Image]]]  # given rows a strip: each strip and its first row

MEGABYTE = 1024 * 1024
# Private writable memory (RLIMIT_DATA); with the pages of the libraries, which do not count, below 256 MB.
MAX_MEMORY = 208 * MEGABYTE
MAX_ADDRESS_SPACE = 512 * MEGABYTE  # for systems that do not enforce RLIMIT_DATA
# 48 megapixels take one, 64 scans of them three and a half; whatever trick makes a small file expensive ends here.
CPU_SECONDS = 5
NICENESS = 5  # the service itself and the database go first; at 10 a busy machine took a minute for half a second

PICTURE, THUMBNAIL, SMALL = 2048, 480, 240  # pixels of the long side
QUALITY, THUMBNAIL_QUALITY = 82, 76
DRAFT_TOLERANCE = (
    0.95  # a JPEG that libjpeg itself shrinks to this share of the long side (8064 → 2016) is not resized again
)
STRIP_PIXELS = 1 * MEGABYTE  # pixels worked on at once
MAX_PROFILE_SIZE = 4 * MEGABYTE

# Pixels that fit into MAX_MEMORY: a JPEG is shrunk while it is read, the others are decoded whole, some twice.
MAX_PIXELS = {"jpeg": 200_000_000, "png": 36_000_000, "webp": 14_000_000, "heic": 25_000_000}
MAX_PROGRESSIVE_MEMORY = (
    150_000_000  # bytes libjpeg keeps of a JPEG that comes in several scans (progressive): 48 MP, 4:2:0
)
# Each scan of a JPEG costs a pass over all of its pixels, however few bytes it has: 400 scans of 47 megapixels in
# 216 KB took 18 seconds. Cameras write 1, libjpeg's encoder 10.
MAX_SCANS = 64
# A marker with a segment, or the end (ITU T.81, B.1.1). Restarts have none; libjpeg passes over codes below 0xC0.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA


HEAD_SIZE = 64  # bytes by which a file's type is detected
# Modules to import before entering the sandbox, including those that Pillow imports lazily.
_COMMON_MODULES = ("PIL.ImageCms", "PIL.TiffImagePlugin")
DECODERS = {
    "jpeg": _COMMON_MODULES,
    "png": _COMMON_MODULES,
    "webp": (*_COMMON_MODULES, "PIL.WebPImagePlugin"),
    "heic": (*_COMMON_MODULES, "pillow_heif"),
}
UNCONFINED = "unconfined"  # the error code of Unconfined
SANDBOX_REQUIRED = "--sandbox-required"
COVER = "--cover="  # followed by areas as shares of width and height, «left,top,right,bottom», between semicolons
COVER_COLOUR = (40, 40, 40)
HEVC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")


class Refused(Exception):
    """The file gives no picture: `photo_type`, `photo_broken`, `photo_too_big` or `photo_too_complex`."""


class Unconfined(Exception):
    """A sandbox is required and the kernel has none. Only the first bytes of the file were read."""


@dataclass
class Source:
    """An opened file whose pixels are not read yet."""

    size: tuple[int, int]
    strips: Strips
    orientation: int
    exif: Any  # PIL.Image.Exif, or None
    profile: bytes | None  # ICC


def set_resource_limits() -> None:
    """Limit memory and CPU time, lower the priority, and forbid writing files and core dumps."""
    os.nice(NICENESS)
    for limit, value in (
        (resource.RLIMIT_DATA, MAX_MEMORY),
        (resource.RLIMIT_AS, MAX_ADDRESS_SPACE),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        with contextlib.suppress(ValueError, OSError):  # a stricter limit is in force already
            resource.setrlimit(limit, (value, value))
    with contextlib.suppress(ValueError, OSError):  # SIGXCPU at the first limit tells the parent why
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))


def detect_type(head: bytes) -> str | None:
    """The type of a file by its first HEAD_SIZE bytes: jpeg, png, webp or heic; None where it is none of them."""
    if head[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":  # the brands a file claims (ISO 14496-12, 4.3); AVIF has the same container
        brands = head[8 : min(int.from_bytes(head[:4], "big"), HEAD_SIZE)]
        if any(brands[start : start + 4] in HEVC for start in range(0, len(brands), 4)):
            return "heic"
    return None


def main() -> None:
    set_resource_limits()
    parts: tuple[bytes, ...] = ()
    held: list[str] = []
    status = _open_status()
    file = sys.stdin.buffer
    try:
        name = detect_type(file.read(HEAD_SIZE))
        if name is None:
            raise Refused("photo_type")
        import_codecs(name)
        held = sandbox.enter_sandbox()
        if not held and SANDBOX_REQUIRED in sys.argv:
            raise Unconfined
        file.seek(0)
        report, *parts = convert(file, name)  # type: ignore[assignment]
    except Refused as reason:
        report = {"error": str(reason)}
    except Unconfined:
        report = {"error": UNCONFINED}
    except MemoryError:
        report = {"error": "photo_too_big"}
    except Exception:  # decoders raise arbitrary exceptions on malformed files
        report = {"error": "photo_broken"}
    report |= {"peak": peak_memory(status), "sandbox": held}
    sys.stdout.buffer.write(json.dumps(report).encode() + b"\n" + b"".join(parts))
    sys.stdout.buffer.flush()


def import_codecs(name: str) -> None:
    """Import everything that decoding and encoding need, since the sandbox opens no file."""
    from PIL import Image

    Image.preinit()  # what Image.save() does
    for module in DECODERS[name]:
        importlib.import_module(module)


def _open_status() -> TextIO | None:
    """Open this process's status before the sandbox forbids it; the kernel fills in current values at each read."""
    with contextlib.suppress(OSError):
        return open("/proc/self/status")  # noqa: PTH123 - no more imports than needed; open to the end
    return None


def peak_memory(status: TextIO | None) -> int | None:
    """Peak resident size in bytes. Not ru_maxrss, which Linux carries over from the process before exec."""
    for line in status or ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def convert(file: BinaryIO, name: str) -> tuple[dict[str, Any], bytes, bytes, bytes]:
    """(facts, picture, thumbnail, small). Raises Refused, MemoryError and whatever a decoder raises."""
    source = OPENERS[name](file)
    known = {"location": read_location(source.exif)}
    image = apply_orientation(shrink(source), source.orientation)
    image = convert_to_srgb(image, source.profile)
    image.info = {}  # encoders write its metadata
    for left, top, right, bottom in parse_areas(sys.argv):
        width, height = image.size
        box = (round(left * width), round(top * height), round(right * width), round(bottom * height))
        image.paste(COVER_COLOUR, box)
    picture = encode_jpeg(image, QUALITY)
    width, height = image.size
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    thumb = encode_jpeg(image, THUMBNAIL_QUALITY)
    image.thumbnail((SMALL, SMALL))
    small = encode_jpeg(image, THUMBNAIL_QUALITY)
    parts = [len(picture), len(thumb), len(small)]
    return {**known, "width": width, "height": height, "parts": parts}, picture, thumb, small


def parse_areas(arguments: list[str]) -> list[tuple[float, ...]]:
    """The areas to be covered: filled with one colour, of which nothing below can be computed back."""
    given = next((one.removeprefix(COVER) for one in arguments if one.startswith(COVER)), "")
    return [tuple(float(edge) for edge in area.split(",")) for area in given.split(";") if area]


# --- opening reads the header only --------------------------------------------------------------------------------


def _open_jpeg(file: BinaryIO) -> Source:
    from PIL.JpegImagePlugin import JpegImageFile  # the class itself: Image.open would try MPO, and follow its frames

    scans = count_scans(file.read())
    if scans > MAX_SCANS:
        raise Refused("photo_too_complex")
    file.seek(0)
    image = JpegImageFile(file)
    check_size(image.size, "jpeg")
    if ("progressive" in image.info or scans > 1) and coefficient_memory(image) > MAX_PROGRESSIVE_MEMORY:
        raise Refused("photo_too_big")
    longest = max(image.size)
    factor = next((one for one in (8, 4, 2) if longest / one >= PICTURE * DRAFT_TOLERANCE), 1)
    image.draft(None, (max(1, image.width // factor), max(1, image.height // factor)))
    return _pillow_source(image)


def count_scans(content: bytes) -> int:
    """The number of scans of a JPEG, from 0 to MAX_SCANS + 1. Pictures inside of its metadata or behind it are none."""
    scans, at = 0, 2
    while scans <= MAX_SCANS and (marker := _MARKER.search(content, at)):
        at = marker.end()
        if content[at - 1] == _END_OF_IMAGE:
            break
        scans += content[at - 1] == _START_OF_SCAN
        at += int.from_bytes(content[at : at + 2], "big")
    return scans


def coefficient_memory(image: Any) -> int:
    """Bytes libjpeg holds until the last of several scans is read, progressive or not (jdcoefct.c)."""
    across, down = (max(layer[index] for layer in image.layer) for index in (1, 2))
    return sum(2 * (image.width * h // across + 8) * (image.height * v // down + 8) for _, h, v, _ in image.layer)


def _open_png(file: BinaryIO) -> Source:
    from PIL.PngImagePlugin import PngImageFile

    image = PngImageFile(file)
    check_size(image.size, "png")
    return _pillow_source(image)


def _open_webp(file: BinaryIO) -> Source:
    from PIL.WebPImagePlugin import WebPImageFile

    image = WebPImageFile(file)
    check_size(image.size, "webp")

    def strips(rows: int) -> Iterator[tuple[int, Image]]:
        # The library's decoder holds two canvases; load() would add two more before it frees them.
        pixels, _ = image._decoder.get_next()
        image._decoder = None
        yield from cut_strips(pixels, image.size, image.mode, image.rawmode, 4 * image.width, rows)

    return _pillow_source(image, strips)


def cut_strips(
    pixels: Any, size: tuple[int, int], mode: str, raw: str, stride: int, rows: int
) -> Iterator[tuple[int, Image]]:
    """Yield decoded pixels in strips of `rows`, each with its first row, without copying the whole."""
    from PIL import Image

    view: Any = memoryview(pixels)
    for top in range(0, size[1], rows):
        height = min(rows, size[1] - top)
        yield top, Image.frombuffer(mode, (size[0], height), view[top * stride :], "raw", raw, stride, 1)


def _pillow_source(image: ImageFile, strips: Strips | None = None) -> Source:
    def loaded(rows: int) -> Iterator[tuple[int, Image]]:
        image.load()
        for top in range(0, image.height, rows):
            yield top, image.crop((0, top, image.width, min(top + rows, image.height)))

    exif = None
    with contextlib.suppress(Exception):  # a picture with unreadable metadata is a picture
        exif = image.getexif()
    orientation = exif.get(0x0112, 1) if exif is not None else 1
    return Source(image.size, strips or loaded, orientation, exif, image.info.get("icc_profile"))


def _open_heic(file: BinaryIO) -> Source:
    import pillow_heif
    from PIL import Image

    options = pillow_heif.options
    options.DECODE_THREADS, options.THUMBNAILS, options.DEPTH_IMAGES, options.AUX_IMAGES = 1, False, False, False
    opened = pillow_heif.open_heif(file, convert_hdr_to_8bit=True)
    image = opened[opened.primary_index]
    check_size(image.size, "heic")
    mode = str(image.mode)

    def strips(rows: int) -> Iterator[tuple[int, Image.Image]]:
        image.load()
        yield from cut_strips(image.data, image.size, mode, mode, image.stride, rows)

    exif = None
    info: dict[str, Any] = image.info
    with contextlib.suppress(Exception):
        if info.get("exif"):
            exif = Image.Exif()
            exif.load(info["exif"])
    # libheif has applied the orientation already (ISO 23008-12, 6.5.10: that of EXIF is informative only).
    return Source(image.size, strips, 1, exif, info.get("icc_profile"))


OPENERS: dict[str, Callable[[BinaryIO], Source]] = {
    "jpeg": _open_jpeg,
    "png": _open_png,
    "webp": _open_webp,
    "heic": _open_heic,
}


def check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise Refused("photo_broken")
    if width * height > MAX_PIXELS[name]:
        raise Refused("photo_too_big")


# --- pixels -------------------------------------------------------------------------------------------------------


def shrink(source: Source) -> Image:
    """The picture in L, RGB or CMYK, at most PICTURE on its long side, read by strips to be in memory only once."""
    from PIL import Image

    width, height = source.size
    factor = max(1, int(max(width, height) / (PICTURE * DRAFT_TOLERANCE)))
    rows = max(1, STRIP_PIXELS // (width * factor)) * factor
    whole: Image.Image | None = None
    for top, strip in source.strips(rows):
        part = flatten(strip)
        part = part.reduce(factor) if factor > 1 else part
        if whole is None:
            whole = Image.new(part.mode, (-(-width // factor), -(-height // factor)))
        whole.paste(part, (0, top // factor))
    assert whole is not None, "a picture has rows"
    scale = PICTURE / max(whole.size)
    if scale < 1:
        fitting = (max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
        whole = whole.resize(fitting, Image.Resampling.LANCZOS)
    return whole


def flatten(strip: Image) -> Image:
    """Convert to eight bits a channel, on white where it is transparent."""
    from PIL import Image

    if strip.mode.startswith("I"):  # 16 bits
        return strip.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if strip.mode in ("L", "RGB", "CMYK") and "transparency" not in strip.info:
        return strip
    if strip.has_transparency_data:
        colours = strip.convert("RGBA")
        ground = Image.new("RGB", strip.size, "white")
        ground.paste(colours, mask=colours.getchannel("A"))
        return ground
    return strip.convert("L" if strip.mode == "1" else "RGB")


def apply_orientation(image: Image, orientation: object) -> Image:
    """Turn the picture by EXIF's orientation (tag 0x0112, values 2 to 8)."""
    from PIL.Image import Transpose

    transpositions = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(transpositions[orientation]) if orientation in transpositions else image


def convert_to_srgb(image: Image, profile: bytes | None) -> Image:
    """Convert to sRGB, which browsers assume without a profile; an unreadable profile is ignored."""
    if profile and len(profile) <= MAX_PROFILE_SIZE:
        with contextlib.suppress(Exception):
            from PIL import ImageCms

            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(own):
                srgb = ImageCms.createProfile("sRGB")
                changed = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")
                assert changed is not None, "it was not asked to work in place"
                return changed
    return image if image.mode == "RGB" else image.convert("RGB")


def encode_jpeg(image: Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, progressive=True, optimize=True)
    return out.getvalue()


# --- where it was taken -------------------------------------------------------------------------------------------


def read_location(exif: Any) -> dict[str, float] | None:
    """Latitude and longitude in degrees from EXIF's GPS directory (EXIF 2.32, 4.6.6); None where implausible."""
    with contextlib.suppress(Exception):
        tags = exif.get_ifd(0x8825)
        lat, lng = parse_degrees(tags[2], tags[1], "NS", 90), parse_degrees(tags[4], tags[3], "EW", 180)
        if lat is not None and lng is not None and (lat, lng) != (0, 0):  # what a camera without a fix writes
            return {"lat": lat, "lng": lng}
    return None


def parse_degrees(parts: Any, reference: Any, directions: str, bound: int) -> float | None:
    side = str(reference).strip("\0 ").upper()
    value = sum(float(part) / float(60**index) for index, part in enumerate(parts))
    if side not in tuple(directions) or len(parts) != 3 or not math.isfinite(value) or not 0 <= value <= bound:
        return None
    return round(-value if side == directions[1] else value, 6)


if __name__ == "__main__":
    main()

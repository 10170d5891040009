"""Turns whatever was sent into three clean JPEGs. Runs as a process of its own, which may take little, reach nothing.

The caller hands it a file as standard input. It stands on the standard library and the decoders alone, loads the one
decoder that the file's first bytes ask for, and enters the sandbox before it reads on. On standard output come one line
of JSON and, where it is no error, the picture and two thumbnails.
Nothing of the file's metadata reaches them: they are drawn anew, from pixels.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
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
# All a child may have written to: with the pages of the libraries, which are not counted, it stays below 256 MB.
MEMORY = 208 * MEGABYTE
ADDRESSES = 512 * MEGABYTE  # where the line above means nothing to the system, this one does
SECONDS = 20  # of CPU

PICTURE, THUMBNAIL, SMALL = 2048, 480, 240  # pixels of the long side
QUALITY, THUMBNAIL_QUALITY = 82, 76
NEARLY = 0.95  # a JPEG that libjpeg itself can shrink to almost the long side (8064 → 2016) is left at that
STRIP = 1 * MEGABYTE  # pixels worked on at once
LARGEST_PROFILE = 4 * MEGABYTE

# Pixels that fit into MEMORY: a JPEG is shrunk while it is read, the others are whole in memory first, some twice.
MOST_PIXELS = {"jpeg": 200_000_000, "png": 36_000_000, "webp": 14_000_000, "heic": 25_000_000}
MOST_COEFFICIENTS = 150_000_000  # bytes libjpeg keeps of a JPEG that comes in several scans (progressive): 48 MP, 4:2:0


HEAD = 64  # bytes that tell what a file is
# Modules to import before the sandbox closes, those that Pillow itself imports only when it needs them included.
_COMMON = ("PIL.ImageCms", "PIL.TiffImagePlugin")
DECODERS = {
    "jpeg": _COMMON,
    "png": _COMMON,
    "webp": (*_COMMON, "PIL.WebPImagePlugin"),
    "heic": (*_COMMON, "pillow_heif"),
}
UNCONFINED = "unconfined"  # what is said then
SANDBOX_REQUIRED = "--sandbox-required"
HEVC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")


class Refused(Exception):
    """The file gives no picture: `photo_type`, `photo_broken` or `photo_too_big`."""


class Unconfined(Exception):
    """The kernel has no sandbox, and one is required: nothing of the file was read but its first bytes."""


@dataclass
class Source:
    """An opened file whose pixels are not read yet."""

    size: tuple[int, int]
    strips: Strips
    orientation: int
    exif: Any  # PIL.Image.Exif, or None
    profile: bytes | None  # ICC


def confine() -> None:
    """From here on: so much memory and time, no file, no core dump."""
    for limit, value in (
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_AS, ADDRESSES),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        with contextlib.suppress(ValueError, OSError):  # a stricter limit is in force already
            resource.setrlimit(limit, (value, value))


def kind(head: bytes) -> str | None:
    """What a file is by its first HEAD bytes: jpeg, png, webp or heic; None where it is none of them."""
    if head[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":  # the brands a file claims (ISO 14496-12, 4.3); AVIF has the same container
        brands = head[8 : min(int.from_bytes(head[:4], "big"), HEAD)]
        if any(brands[start : start + 4] in HEVC for start in range(0, len(brands), 4)):
            return "heic"
    return None


def main() -> None:
    confine()
    parts: tuple[bytes, ...] = ()
    held: list[str] = []
    status = _status()
    file = sys.stdin.buffer
    try:
        name = kind(file.read(HEAD))
        if name is None:
            raise Refused("photo_type")
        load(name)
        held = sandbox.enter()
        if not held and SANDBOX_REQUIRED in sys.argv:
            raise Unconfined
        file.seek(0)
        said, *parts = convert(file, name)  # type: ignore[assignment]
    except Refused as reason:
        said = {"error": str(reason)}
    except Unconfined:
        said = {"error": UNCONFINED}
    except MemoryError:
        said = {"error": "photo_too_big"}
    except Exception:  # the decoders raise whatever they like on what they cannot read
        said = {"error": "photo_broken"}
    said |= {"peak": peak(status), "sandbox": held}
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + b"".join(parts))
    sys.stdout.buffer.flush()


def load(name: str) -> None:
    """Import whatever decoding and encoding will import: later, no file opens."""
    from PIL import Image

    Image.preinit()  # what Image.save() does
    for module in DECODERS[name]:
        importlib.import_module(module)


def _status() -> TextIO | None:
    """What the kernel says of this process, each time it is read: opened early, for nothing can be opened later."""
    with contextlib.suppress(OSError):
        return open("/proc/self/status")  # noqa: PTH123 - no more imports than needed; open to the end
    return None


def peak(status: TextIO | None) -> int | None:
    """Bytes this process had in memory at most. Not ru_maxrss: Linux carries that over from the process before exec."""
    for line in status or ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def convert(file: BinaryIO, name: str) -> tuple[dict[str, Any], bytes, bytes, bytes]:
    """(what is known of it, picture, thumbnail, small). Raises Refused, MemoryError and whatever a decoder raises."""
    source = OPEN[name](file)
    known = {"location": location(source.exif)}
    image = upright(shrunk(source), source.orientation)
    image = in_srgb(image, source.profile)
    image.info = {}  # encoders write out what they find there
    picture = encoded(image, QUALITY)
    width, height = image.size
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    thumb = encoded(image, THUMBNAIL_QUALITY)
    image.thumbnail((SMALL, SMALL))
    small = encoded(image, THUMBNAIL_QUALITY)
    parts = [len(picture), len(thumb), len(small)]
    return {**known, "width": width, "height": height, "parts": parts}, picture, thumb, small


# --- opening: the header only -------------------------------------------------------------------------------------


def _jpeg(file: BinaryIO) -> Source:
    from PIL.JpegImagePlugin import JpegImageFile  # the class itself: Image.open would try MPO, and follow its frames

    image = JpegImageFile(file)
    bounded(image.size, "jpeg")
    if coefficients(image) > MOST_COEFFICIENTS:
        raise Refused("photo_too_big")
    longest = max(image.size)
    factor = next((one for one in (8, 4, 2) if longest / one >= PICTURE * NEARLY), 1)
    image.draft(None, (max(1, image.width // factor), max(1, image.height // factor)))
    return _of_pillow(image)


def coefficients(image: Any) -> int:
    """Bytes libjpeg holds until the last scan of a progressive JPEG is read (jdcoefct.c); 0 where it holds one row."""
    if "progressive" not in image.info:
        return 0
    across, down = (max(layer[index] for layer in image.layer) for index in (1, 2))
    return sum(2 * (image.width * h // across + 8) * (image.height * v // down + 8) for _, h, v, _ in image.layer)


def _png(file: BinaryIO) -> Source:
    from PIL.PngImagePlugin import PngImageFile

    image = PngImageFile(file)
    bounded(image.size, "png")
    return _of_pillow(image)


def _webp(file: BinaryIO) -> Source:
    from PIL.WebPImagePlugin import WebPImageFile

    image = WebPImageFile(file)
    bounded(image.size, "webp")

    def strips(rows: int) -> Iterator[tuple[int, Image]]:
        # The library's decoder holds two canvases; load() would add two more before it lets go of them.
        pixels, _ = image._decoder.get_next()
        image._decoder = None
        yield from cut(pixels, image.size, image.mode, image.rawmode, 4 * image.width, rows)

    return _of_pillow(image, strips)


def cut(pixels: Any, size: tuple[int, int], mode: str, raw: str, stride: int, rows: int) -> Iterator[tuple[int, Image]]:
    """Strips of pixels as a decoder left them in memory."""
    from PIL import Image

    view: Any = memoryview(pixels)
    for top in range(0, size[1], rows):
        height = min(rows, size[1] - top)
        yield top, Image.frombuffer(mode, (size[0], height), view[top * stride :], "raw", raw, stride, 1)


def _of_pillow(image: ImageFile, strips: Strips | None = None) -> Source:
    def loaded(rows: int) -> Iterator[tuple[int, Image]]:
        image.load()
        for top in range(0, image.height, rows):
            yield top, image.crop((0, top, image.width, min(top + rows, image.height)))

    exif = None
    with contextlib.suppress(Exception):  # a picture with unreadable metadata is a picture
        exif = image.getexif()
    orientation = exif.get(0x0112, 1) if exif is not None else 1
    return Source(image.size, strips or loaded, orientation, exif, image.info.get("icc_profile"))


def _heic(file: BinaryIO) -> Source:
    import pillow_heif
    from PIL import Image

    options = pillow_heif.options
    options.DECODE_THREADS, options.THUMBNAILS, options.DEPTH_IMAGES, options.AUX_IMAGES = 1, False, False, False
    opened = pillow_heif.open_heif(file, convert_hdr_to_8bit=True)
    image = opened[opened.primary_index]
    bounded(image.size, "heic")
    mode = str(image.mode)

    def strips(rows: int) -> Iterator[tuple[int, Image.Image]]:
        image.load()
        yield from cut(image.data, image.size, mode, mode, image.stride, rows)

    exif = None
    info: dict[str, Any] = image.info
    with contextlib.suppress(Exception):
        if info.get("exif"):
            exif = Image.Exif()
            exif.load(info["exif"])
    # libheif has turned it already (ISO 23008-12, 6.5.10: what EXIF says of it is for information only).
    return Source(image.size, strips, 1, exif, info.get("icc_profile"))


OPEN: dict[str, Callable[[BinaryIO], Source]] = {"jpeg": _jpeg, "png": _png, "webp": _webp, "heic": _heic}


def bounded(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise Refused("photo_broken")
    if width * height > MOST_PIXELS[name]:
        raise Refused("photo_too_big")


# --- pixels -------------------------------------------------------------------------------------------------------


def shrunk(source: Source) -> Image:
    """The picture in L, RGB or CMYK, at most PICTURE on its long side; read by strips, so that it is in memory once."""
    from PIL import Image

    width, height = source.size
    factor = max(1, int(max(width, height) / (PICTURE * NEARLY)))
    rows = max(1, STRIP // (width * factor)) * factor
    whole: Image.Image | None = None
    for top, strip in source.strips(rows):
        part = flat(strip)
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


def flat(strip: Image) -> Image:
    """Eight bits a channel, and white where it was transparent."""
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


def upright(image: Image, orientation: object) -> Image:
    """Turned as EXIF says (tag 0x0112, values 2 to 8)."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def in_srgb(image: Image, profile: bytes | None) -> Image:
    """RGB as browsers show it without a profile; a profile that cannot be read changes nothing."""
    if profile and len(profile) <= LARGEST_PROFILE:
        with contextlib.suppress(Exception):
            from PIL import ImageCms

            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(own):
                srgb = ImageCms.createProfile("sRGB")
                changed = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")
                assert changed is not None, "it was not asked to work in place"
                return changed
    return image if image.mode == "RGB" else image.convert("RGB")


def encoded(image: Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, progressive=True, optimize=True)
    return out.getvalue()


# --- where it was taken -------------------------------------------------------------------------------------------


def location(exif: Any) -> dict[str, float] | None:
    """Latitude and longitude in degrees from EXIF's GPS directory (EXIF 2.32, 4.6.6), where they are believable."""
    with contextlib.suppress(Exception):
        tags = exif.get_ifd(0x8825)
        lat, lng = degrees(tags[2], tags[1], "NS", 90), degrees(tags[4], tags[3], "EW", 180)
        if lat is not None and lng is not None and (lat, lng) != (0, 0):  # what a camera without a fix writes
            return {"lat": lat, "lng": lng}
    return None


def degrees(parts: Any, reference: Any, directions: str, bound: int) -> float | None:
    side = str(reference).strip("\0 ").upper()
    value = sum(float(part) / float(60**index) for index, part in enumerate(parts))
    if side not in tuple(directions) or len(parts) != 3 or not math.isfinite(value) or not 0 <= value <= bound:
        return None
    return round(-value if side == directions[1] else value, 6)


if __name__ == "__main__":
    main()

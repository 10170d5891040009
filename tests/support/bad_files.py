"""Photos that people and attackers send: each file says which picture or which error is expected."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pillow_heif
from PIL import Image, ImageCms, PngImagePlugin

CANARY = b"CANARY-d41d8cd98f"  # placed wherever a file can carry metadata
PLACE = (55.079444, 38.778333)
PICTURE, TYPE, BROKEN, TOO_BIG = "picture", "photo_type", "photo_broken", "photo_too_big"
COMPLEX = "photo_too_complex"
ANY = (PICTURE, TYPE, BROKEN, TOO_BIG, COMPLEX)


@dataclass(frozen=True)
class File:
    """`size` is that of the expected picture, where it matters; `place` says whether a location is read from it."""

    name: str
    make: Callable[[], bytes]
    expected: tuple[str, ...]
    size: tuple[int, int] | None = None
    place: bool = False


def scene(width: int = 400, height: int = 300, mode: str = "RGB") -> Image.Image:
    """Four quarters of different colours, so that rotation and mirroring are visible."""
    image = Image.new("RGB", (width, height), "#c02020")
    image.paste("#20c020", (width // 2, 0, width, height // 2))
    image.paste("#2020c0", (0, height // 2, width // 2, height))
    image.paste("#c0c020", (width // 2, height // 2, width, height))
    return image if mode == "RGB" else image.convert(mode)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def exif(orientation: int | None = None, *, place: bool = True, padding: int = 0) -> Image.Exif:
    """Text in every field that takes some, padding as large as a thumbnail, a location in the Moscow region."""
    made = Image.Exif()
    text = CANARY.decode()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298):  # description, make, model, software, artist, rights
        made[tag] = text
    if orientation is not None:
        made[0x0112] = orientation
    inner = made.get_ifd(0x8769)
    inner[0x9286] = b"ASCII\0\0\0" + CANARY  # user comment
    inner[0x927C] = CANARY + bytes(padding)  # maker's note
    inner[0xA430] = text  # owner
    if place:
        gps = made.get_ifd(0x8825)
        gps[1], gps[2] = "N", (55.0, 4.0, 46.0)
        gps[3], gps[4] = "E", (38.0, 46.0, 42.0)
        gps[29] = "2026:11:24"
    return made


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="55,4.767N" '
    b'exif:GPSLongitude="38,46.7E" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="'
    + CANARY
    + b'"/></rdf:RDF></x:xmpmeta>'
)


def profile(name: str = "sRGB") -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()  # type: ignore[arg-type]


def swapped_profile() -> bytes:
    """sRGB with red and blue exchanged: a decoder that ignores the profile shows the wrong colours."""
    made = bytearray(profile())
    count = struct.unpack(">I", made[128:132])[0]
    tags = {bytes(made[place : place + 4]): place for place in range(132, 132 + 12 * count, 12)}  # ICC.1, 7.3
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    made[red + 4 : red + 12], made[blue + 4 : blue + 12] = made[blue + 4 : blue + 12], made[red + 4 : red + 12]
    description = made.find(b"sRGB")
    while description != -1:  # it must not look like a profile that needs no conversion
        made[description : description + 4] = b"test"
        description = made.find(b"sRGB")
    wide = "sRGB".encode("utf-16-be")
    while (description := made.find(wide)) != -1:
        made[description : description + 8] = "test".encode("utf-16-be")
    return bytes(made)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, *, bits: int = 8, colour: int = 2, adam7: int = 0, data: bytes = b"", before: bytes = b""
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, adam7)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png_bomb(width: int, height: int) -> bytes:
    """All of its pixels are present, in a few hundred kilobytes."""
    packer = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, bits=1, colour=0, data=data)


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG with another size in its header."""
    made = bytearray(saved(scene(), "JPEG"))
    frame = made.index(b"\xff\xc0") + 5
    made[frame : frame + 4] = struct.pack(">HH", height, width)
    return bytes(made)


def jpeg_of_scans(many: int, width: int = 64, height: int = 64) -> bytes:
    """A progressive JPEG of one colour, whose last scan comes again and again in a few hundred bytes."""
    made = saved(Image.new("RGB", (width, height), "#336699"), "JPEG", progressive=True)
    body, scan = made[:-2], made[made.rindex(b"\xff\xda") : -2]
    return body + scan * (many - made.count(b"\xff\xda")) + made[-2:]


def webp_of_size(width: int, height: int) -> bytes:
    """The extended header's canvas: 24 bits in each direction."""
    made = bytearray(saved(scene(mode="RGBA"), "WEBP", exif=exif()))
    at = made.index(b"VP8X") + 12
    made[at : at + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(made)


def heic(image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image or scene()).save(out, quality=50, **options)
    return out.getvalue()


def heic_of_size(width: int, height: int) -> bytes:
    made = bytearray(heic())
    at = made.index(b"ispe") + 8
    made[at : at + 8] = struct.pack(">II", width, height)
    return bytes(made)


def with_segment(made: bytes, marker: int, data: bytes) -> bytes:
    """A JPEG with one more segment after its first two bytes."""
    return made[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data + made[2:]


def ancillary() -> bytes:
    """A PNG with EXIF and every chunk that holds text."""
    text = b"Comment\0" + CANARY
    return (
        chunk(b"tEXt", text)
        + chunk(b"zTXt", b"Zip\0\0" + zlib.compress(CANARY))
        + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
        + chunk(b"eXIf", exif().tobytes().removeprefix(b"Exif\0\0"))
        + chunk(b"prVt", CANARY)
    )


def bomb(kind: bytes) -> bytes:
    return chunk(kind, b"Bomb\0\0" + zlib.compress(bytes(200_000_000), 9))


def flat_png(width: int, height: int, before: bytes = b"") -> bytes:
    data = zlib.compress(b"".join(b"\0" + bytes((90, 120, 150)) * width for _ in range(height)))
    return png(width, height, data=data, before=before)


def described_jpeg() -> bytes:
    made = saved(scene(), "JPEG", exif=exif(padding=20_000), comment=CANARY, xmp=XMP, icc_profile=profile())
    made = with_segment(made, 0xED, b"Photoshop 3.0\0" + CANARY)
    made = with_segment(made, 0xE2, b"MPF\0" + CANARY)
    return with_segment(made, 0xEC, b"Ducky" + CANARY) + CANARY


def animated(form: str) -> bytes:
    frames = [scene(), Image.new("RGB", (400, 300), "black"), Image.new("RGB", (400, 300), "white")]
    return saved(frames[0], form, save_all=True, append_images=frames[1:], duration=100)


def noise(length: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(length)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><image href="http://127.0.0.1/"/></svg>'
HTML = b"<html><script>alert(1)</script></html>"


def files() -> Iterator[File]:
    """All files, more than a hundred."""
    yield from _good()
    yield from _described()
    yield from _of_other_kinds()
    yield from _polyglots()
    yield from _bombs()
    yield from _damaged()


def _good() -> Iterator[File]:
    picture = (PICTURE,)
    for value in range(1, 10):
        size = (300, 400) if value in (5, 6, 7, 8) else (400, 300)
        yield File(f"turned {value}", partial(saved, scene(), "JPEG", exif=exif(value)), picture, size, place=True)
    for mode in ("L", "CMYK"):
        yield File(f"jpeg {mode}", lambda mode=mode: saved(scene(mode=mode), "JPEG"), picture, (400, 300))  # type: ignore[misc]
    yield File("jpeg progressive", lambda: saved(scene(), "JPEG", progressive=True), picture, (400, 300))
    yield File("jpeg 1 x 20000", lambda: saved(scene(1, 20_000), "JPEG"), picture, (1, 2000))
    yield File("jpeg 20000 x 1", lambda: saved(scene(20_000, 1), "JPEG"), picture, (2000, 1))
    yield File("jpeg 1 x 1", lambda: saved(scene(1, 1), "JPEG"), picture, (1, 1))
    yield File("jpeg large", lambda: saved(scene(8064, 6048), "JPEG"), picture, (2016, 1512))
    yield File("jpeg just over", lambda: saved(scene(2100, 1000), "JPEG"), picture, (2048, 975))
    yield File("jpeg of several pictures", lambda: animated("MPO"), picture, (400, 300))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield File(f"png {mode}", lambda mode=mode: saved(scene(mode=mode), "PNG"), picture, (400, 300))  # type: ignore[misc]
    yield File("png 16 bits", lambda: png(64, 64, bits=16, data=zlib.compress(bytes(64 * 385))), picture, (64, 64))
    yield File("png of a transparent colour", lambda: saved(scene(mode="P"), "PNG", transparency=0), picture)
    yield File("png interlaced", lambda: png(1, 1, adam7=1, data=zlib.compress(b"\0abc")), picture, (1, 1))
    yield File("png 1 x 20000", lambda: saved(scene(1, 20_000), "PNG"), picture, (1, 2000))
    yield File("png large", lambda: saved(scene(6000, 5900), "PNG", compress_level=1), picture, (2000, 1967))
    yield File("png animated", lambda: animated("PNG"), picture, (400, 300))
    yield File("webp", lambda: saved(scene(), "WEBP"), picture, (400, 300))
    yield File("webp lossless, transparent", lambda: saved(scene(mode="RGBA"), "WEBP", lossless=True), picture)
    yield File("webp animated", lambda: animated("WEBP"), picture, (400, 300))
    yield File("webp large", lambda: saved(scene(4096, 3072), "WEBP", method=0), picture, (2048, 1536))
    yield File("heic", heic, picture, (400, 300))
    yield File("heic transparent", lambda: heic(scene(mode="RGBA")), picture, (400, 300))


def _described() -> Iterator[File]:
    picture = (PICTURE,)
    yield File("jpeg described", described_jpeg, picture, (400, 300), place=True)
    yield File("png described", lambda: flat_png(300, 200, ancillary()), picture, (300, 200), place=True)
    yield File("webp described", lambda: saved(scene(), "WEBP", exif=exif(), xmp=XMP), picture, place=True)
    yield File("heic described", lambda: heic(exif=exif().tobytes(), xmp=XMP), picture, (400, 300), place=True)
    yield File("png of words only", _worded_png, picture, (400, 300))
    yield File("huge exif", lambda: saved(scene(), "JPEG", exif=exif(padding=64_000)), picture, place=True)
    yield File("huge profile", lambda: saved(scene(), "JPEG", icc_profile=noise(3_000_000, 3)), picture)
    yield File("profile of nonsense", lambda: saved(scene(), "JPEG", icc_profile=CANARY * 20), picture)
    yield File("profile of another space", lambda: saved(scene(), "JPEG", icc_profile=profile("LAB")), picture)
    yield File("exif of nonsense", lambda: saved(scene(), "JPEG", exif=b"Exif\0\0" + noise(500, 4)), picture)
    yield File("exif that turns in a circle", lambda: saved(scene(), "JPEG", exif=_circle()), picture)
    for name, parts, sides in (
        ("beyond the pole", ((91.0, 0.0, 0.0), (10.0, 0.0, 0.0)), ("N", "E")),
        ("at zero", ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), ("N", "E")),
        ("nowhere", ((55.0, 0.0, 0.0), (10.0, 0.0, 0.0)), ("Q", "E")),
        ("half", ((55.0, 0.0), (10.0, 0.0, 0.0)), ("N", "E")),
    ):
        yield File(f"place {name}", partial(saved, scene(), "JPEG", exif=_placed(parts, sides)), picture)


def _worded_png() -> bytes:
    words = PngImagePlugin.PngInfo()
    words.add_text("Title", CANARY.decode())
    words.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return saved(scene(), "PNG", pnginfo=words, exif=exif(place=False))


def _placed(parts: tuple[tuple[float, ...], tuple[float, ...]], sides: tuple[str, str]) -> Image.Exif:
    made = Image.Exif()
    gps = made.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = sides[0], parts[0], sides[1], parts[1]
    return made


def _circle() -> bytes:
    """A directory whose next directory is itself."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    return b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 8)


def _of_other_kinds() -> Iterator[File]:
    wrong = (TYPE,)
    for form in ("GIF", "BMP", "TIFF", "PDF", "ICO", "PPM", "TGA", "JPEG2000", "AVIF"):
        yield File(form.lower(), lambda form=form: saved(scene(128, 128), form), wrong)  # type: ignore[misc]
    for name, content in {
        "nothing": b"",
        "one byte": b"\xff",
        "svg": SVG,
        "svg with a prologue": b'<?xml version="1.0"?>' + SVG,
        "html": HTML,
        "text": "просто текст".encode(),
        "zip": b"PK\x03\x04" + bytes(100),
        "elf": b"\x7fELF" + bytes(100),
        "mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100),
        "ftyp of no brand": b"\0\0\0\x08ftyp" + bytes(100),
        "ftyp of endless length": b"\xff\xff\xff\xffftypavif" + bytes(100),
        "riff of sound": b"RIFF\x24\0\0\0WAVEfmt " + bytes(100),
        "nulls": bytes(100_000),
    }.items():
        yield File(name, lambda content=content: content, wrong)  # type: ignore[misc]
    for seed in range(6):
        yield File(f"noise {seed}", lambda seed=seed: noise(5000, seed), wrong)  # type: ignore[misc]


def _polyglots() -> Iterator[File]:
    jpeg = saved(scene(), "JPEG")
    yield File("jpeg and zip", lambda: jpeg + b"PK\x03\x04" + CANARY + b"PK\x05\x06" + bytes(18), (PICTURE,))
    yield File("jpeg and html", lambda: with_segment(jpeg, 0xFE, HTML + CANARY) + HTML, (PICTURE,))
    yield File("jpeg and script", lambda: with_segment(jpeg, 0xFE, b"*/=alert(1)/*" + CANARY), (PICTURE,))
    yield File("jpeg and php", lambda: jpeg + b"<?php system($_GET[0]); ?>" + CANARY, (PICTURE,))
    yield File("png and html", lambda: flat_png(20, 20, chunk(b"tEXt", b"a\0" + HTML + CANARY)) + HTML, (PICTURE,))
    yield File("webp and script", lambda: saved(scene(), "WEBP") + HTML + CANARY, (PICTURE, BROKEN))
    yield File("gif that ends as a jpeg", lambda: saved(scene(), "GIF") + jpeg, (TYPE,))
    yield File("pdf with a jpeg in it", lambda: b"%PDF-1.4\n" + jpeg, (TYPE,))
    yield File("html before a jpeg", lambda: HTML + jpeg, (TYPE,))
    yield File("jpeg before a png", lambda: jpeg + saved(scene(), "PNG"), (PICTURE,))


def _bombs() -> Iterator[File]:
    big = (TOO_BIG,)
    yield File("png bomb", lambda: png_bomb(50_000, 50_000), big)
    yield File("png that claims 50,000", lambda: png(50_000, 50_000), big)
    yield File("png that claims 2^31", lambda: png(2**31 - 1, 2**31 - 1), (TOO_BIG, BROKEN))
    yield File("png of one endless row", lambda: png(2**31 - 1, 1), (TOO_BIG, BROKEN))
    yield File("png of no size", lambda: png(0, 0), (BROKEN,))
    yield File("png within its bound, of which there is little", lambda: png(6000, 6000), (BROKEN,))
    yield File("png bomb within its bound", lambda: png_bomb(6000, 6000), (PICTURE,))
    yield File("png of packed words", lambda: flat_png(20, 20, bomb(b"zTXt")), (PICTURE, BROKEN, TOO_BIG))
    yield File("png of a packed profile", lambda: flat_png(20, 20, bomb(b"iCCP")), (PICTURE, BROKEN, TOO_BIG))
    yield File("jpeg that claims 50,000", lambda: jpeg_of_size(50_000, 50_000), big)
    yield File("jpeg that claims 65,535", lambda: jpeg_of_size(65_535, 65_535), (TOO_BIG, BROKEN))
    yield File("jpeg that claims 14,000", lambda: jpeg_of_size(14_000, 14_000), (PICTURE, BROKEN))
    yield File("jpeg of no size", lambda: jpeg_of_size(0, 0), (BROKEN,))
    yield File("jpeg progressive, too large", _progressive_bomb, big)
    complex_, either = (COMPLEX,), (PICTURE, COMPLEX)
    yield File("jpeg of 65 scans", lambda: jpeg_of_scans(65), complex_)
    yield File("jpeg of 64 scans", lambda: jpeg_of_scans(64), (PICTURE,), (64, 64))
    yield File("jpeg of 400 scans, large", lambda: jpeg_of_scans(400, 6900, 6900), complex_)
    yield File("jpeg of 64 scans, large", lambda: jpeg_of_scans(64, 2000, 2000), either)
    yield File("jpeg of scans after a wrong marker", _hidden_scans, complex_)
    scans = b"\xff\xda\0\x02" * 100
    yield File("jpeg of scans in its comment", lambda: with_segment(saved(scene(), "JPEG"), 0xFE, scans), (PICTURE,))
    yield File("jpeg of scans behind its end", lambda: saved(scene(), "JPEG") + scans, (PICTURE,))
    yield File("jpeg sequential of several scans, too large", _sequential_bomb, big)
    yield File("png interlaced, large", _interlaced_bomb, either)
    yield File("webp of many frames", _frames_bomb, (PICTURE,))
    yield File("webp that claims 16,000", lambda: webp_of_size(16_000, 16_000), (TOO_BIG, BROKEN))
    yield File("webp that claims 16 million", lambda: webp_of_size(2**24, 2**24), (TOO_BIG, BROKEN))
    yield File("webp of 16,000 x 1,000", lambda: saved(Image.new("RGB", (16_000, 1000)), "WEBP", method=0), big)
    yield File("heic that claims 50,000", lambda: heic_of_size(50_000, 50_000), (TOO_BIG, BROKEN))
    yield File("heic that claims 2^32", lambda: heic_of_size(2**32 - 1, 2**32 - 1), (TOO_BIG, BROKEN))


def _progressive_bomb() -> bytes:
    """Incomplete: the decoder would allocate the memory for the whole picture before it notices."""
    made = bytearray(saved(scene(), "JPEG", progressive=True, subsampling=0))
    frame = made.index(b"\xff\xc2") + 5
    made[frame : frame + 4] = struct.pack(">HH", 14_000, 14_000)
    return bytes(made)


def _hidden_scans() -> bytes:
    """The reserved code 0x02 has no segment for libjpeg, where it comes before a restart."""
    made = jpeg_of_scans(100)
    at = made.rindex(b"\xff\xda", 0, len(made) // 2)
    return made[:at] + b"\xff\x02\x0f\xff" + made[at:]


def _sequential_bomb() -> bytes:
    """A baseline JPEG whose components come one after the other, which libjpeg keeps in memory as progressive ones."""
    made = bytearray(jpeg_of_size(14_000, 14_000))
    at = made.index(b"\xff\xda")
    scans = b"".join(b"\xff\xda\0\x08\x01" + bytes((number, 0, 0, 63, 0)) for number in (1, 2, 3))
    return bytes(made[:at]) + scans + b"\xff\xd9"


def _interlaced_bomb() -> bytes:
    side, packer = 6000, zlib.compressobj(9)
    data = b""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    for left, top, across, down in passes:
        row = bytes(1 + 3 * -(-(side - left) // across))
        data += b"".join(packer.compress(row) for _ in range(-(-(side - top) // down)))
    return png(side, side, adam7=1, data=data + packer.flush())


def _frames_bomb() -> bytes:
    """The first frame again and again, behind what tells of the animation (WebP container, «ANMF»)."""
    made = animated("WEBP")
    start = made.index(b"ANMF")
    size = 8 + int.from_bytes(made[start + 4 : start + 8], "little")
    frames = made[start : start + size] * 20_000
    return b"RIFF" + (start - 8 + len(frames)).to_bytes(4, "little") + made[8:start] + frames


def _damaged() -> Iterator[File]:
    makers: dict[str, Callable[[], bytes]] = {
        "jpeg": lambda: saved(scene(), "JPEG", exif=exif()),
        "progressive": lambda: saved(scene(), "JPEG", progressive=True),
        "png": lambda: saved(Image.effect_noise((400, 300), 80), "PNG"),
        "webp": lambda: saved(Image.effect_noise((400, 300), 80).convert("RGB"), "WEBP"),
        "heic": heic,
    }
    for name, make in makers.items():
        for part in (0.02, 0.1, 0.3, 0.5, 0.9):
            yield File(f"{name} cut at {part:.0%}", partial(cut, make, part), (BROKEN, TYPE))
        for seed in range(3):
            yield File(f"{name} with wrong bytes {seed}", partial(flipped, make, 12, seed), ANY)
        yield File(f"{name} of the head only", lambda make=make: make()[:64] + bytes(3000), (BROKEN, TYPE))  # type: ignore[misc]


def cut(make: Callable[[], bytes], part: float) -> bytes:
    whole = make()
    return whole[: int(len(whole) * part)]


def flipped(make: Callable[[], bytes], many: int, seed: int) -> bytes:
    """Change some bytes after the signature."""
    chance, made = random.Random(seed), bytearray(make())
    for _ in range(many):
        made[chance.randrange(min(64, len(made) - 1), len(made))] = chance.randrange(256)
    return bytes(made)

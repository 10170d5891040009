"""Any file gives a clean picture or a clear error, within the memory limit of the child process."""

from __future__ import annotations

import asyncio
import io
import itertools
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support import bad_files
from tests.support.bad_files import CANARY, PICTURE, PLACE, File, saved, scene
from tests.support.decoder_forks import DecoderForks, decoder_forks
from widget_api.attachments.photos import decoder, intake
from widget_api.attachments.photos.intake import Intake
from widget_api.attachments.photos.model import Picture
from widget_api.errors import DomainError, Invalid, Unavailable

BOUND = 256 * 1024 * 1024
ROOT = str(Path(decoder.__file__).parents[3])
FILES = list(bad_files.files())
# Markers that show that metadata of the file was copied.
TRACES = (
    CANARY,
    b"Exif",
    b"http://ns.adobe.com",
    b"GPS",
    b"ICC_PROFILE",
    b"Photoshop",
    b"<html",
    b"<svg",
    b"PK\x03\x04",
)


Decode = Callable[[bytes], tuple[dict[str, Any], list[bytes]]]


@pytest.fixture(scope="module")
def forks() -> Iterator[DecoderForks]:
    with decoder_forks() as started:
        yield started


@pytest.fixture(scope="module")
def decode(forks: DecoderForks) -> Decode:
    """What a decoder answers to a file: its message and the parts."""
    return lambda content: parse(forks.run(content))


async def run_child(content: bytes) -> bytes:
    """The output of a real child."""
    with await asyncio.to_thread(intake._spool, content) as file:
        return await intake._run_decoder(await asyncio.to_thread(intake._rewind, file))


def parse(output: bytes) -> tuple[dict[str, Any], list[bytes]]:
    head, _, rest = output.partition(b"\n")
    assert head, "it was ended from outside"
    header = orjson.loads(head)
    sizes = header.get("parts", [])
    return header, [rest[start:end] for start, end in itertools.pairwise([0, *itertools.accumulate(sizes)])]


def clean(jpeg: bytes, longest: int) -> Image.Image:
    """Assert a baseline or progressive RGB JPEG without metadata."""
    assert CANARY not in jpeg
    markers, head = segments(jpeg)
    assert all(trace not in head for trace in TRACES)
    assert set(markers) <= {0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDA}, markers
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert max(image.size) <= longest
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
    return image


def segments(jpeg: bytes) -> tuple[list[int], bytes]:
    """The markers before the first scan and their contents; nothing follows the end (ITU T.81, B.1.1)."""
    assert jpeg[:2] == b"\xff\xd8"
    assert jpeg[-2:] == b"\xff\xd9"
    found, at = [], 2
    while True:
        assert jpeg[at] == 0xFF
        found.append(jpeg[at + 1])
        if found[-1] == 0xDA:
            return found, jpeg[:at]
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")


def test_there_are_at_least_a_hundred_files() -> None:
    assert len(FILES) >= 100
    assert len({file.name for file in FILES}) == len(FILES)
    kinds = [file.expected for file in FILES]
    assert sum(PICTURE in kind for kind in kinds) > 40
    assert sum(PICTURE not in kind for kind in kinds) > 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_gives_a_clean_picture_or_a_clear_error(file: File, decode: Decode) -> None:
    header, parts = decode(file.make())
    peak = header["peak"]
    assert isinstance(peak, int)
    assert peak <= BOUND, f"{peak / 2**20:.0f} MB"
    if "error" in header:
        assert header["error"] in file.expected, header
        assert parts == []
        return
    assert PICTURE in file.expected, header
    picture, thumb, small = parts
    image = clean(picture, 2048)
    assert (header["width"], header["height"]) == image.size
    assert max(clean(thumb, 480).size) == min(480, max(image.size))
    assert max(clean(small, 240).size) == min(240, max(image.size))
    if file.size is not None:
        assert image.size == file.size
    if file.place:
        assert header["location"] == {"lat": pytest.approx(PLACE[0]), "lng": pytest.approx(PLACE[1])}
    elif file.expected != bad_files.ANY:
        assert header["location"] is None


@pytest.mark.parametrize("kind", sorted(decoder.MAX_PIXELS))
def test_oversized_pictures_are_refused_by_their_header(kind: str) -> None:
    most = decoder.MAX_PIXELS[kind]
    decoder.check_size((most // 1000, 1000), kind)
    for size in ((most // 1000 + 1, 1000), (50_000, 50_000), (0, 5), (5, -1)):
        with pytest.raises(decoder.Refused):
            decoder.check_size(size, kind)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_rotated_by_their_exif_orientation(orientation: int, decode: Decode) -> None:
    """Compared with Pillow's implementation."""
    from PIL import ImageOps

    content = saved(scene(), "JPEG", exif=bad_files.exif(orientation), quality=95)
    _, (picture, *_) = decode(content)
    wanted = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    got = Image.open(io.BytesIO(picture))
    width, height = got.size
    for across, down in itertools.product((0.25, 0.75), repeat=2):
        point = (int(width * across), int(height * down))
        assert near(got.getpixel(point), wanted.getpixel(point)), (orientation, point)


def near(one: object, other: object, within: int = 12) -> bool:
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    return all(abs(a - b) <= within for a, b in zip(one, other, strict=True))


def test_every_kind_of_colour_becomes_the_plain_one_that_is_seen(decode: Decode) -> None:
    """A profile that exchanges red and blue, transparency, sixteen bits, CMYK."""
    content = saved(
        Image.new("RGB", (64, 64), (230, 30, 30)), "JPEG", icc_profile=bad_files.swapped_profile(), quality=95
    )
    _, (picture, *_) = decode(content)
    red, _, blue = Image.open(io.BytesIO(picture)).getpixel((32, 32))  # type: ignore[misc]
    assert blue > 180 > 80 > red
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    for content in (saved(image, "PNG"), saved(image, "WEBP", lossless=True), saved(image.convert("LA"), "PNG")):
        _, (picture, *_) = decode(content)
        assert near(Image.open(io.BytesIO(picture)).getpixel((32, 32)), (255, 255, 255))
    image = Image.new("I;16", (64, 64), 32_768)
    _, (picture, *_) = decode(saved(image, "PNG"))
    assert near(Image.open(io.BytesIO(picture)).getpixel((32, 32)), (128, 128, 128), 2)
    _, (picture, *_) = decode(saved(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG", quality=95))
    red, green, blue = Image.open(io.BytesIO(picture)).getpixel((32, 32))  # type: ignore[misc]
    assert red > 200 > 60 > max(green, blue)


def test_an_animation_becomes_its_first_frame(decode: Decode) -> None:
    for form in ("WEBP", "PNG"):
        _, (picture, *_) = decode(bad_files.animated(form))
        assert near(Image.open(io.BytesIO(picture)).getpixel((10, 10)), (192, 32, 32), 40), form


async def test_the_largest_phone_photos_fit_the_memory_limit() -> None:
    """48 megapixels from a camera, with noise: naive scaling needs 378 MB."""
    grain = Image.effect_noise((8064 // 4, 6048 // 4), 60).resize((8064, 6048))
    image = Image.merge("RGB", (grain, grain.rotate(180), Image.linear_gradient("L").resize(grain.size)))
    for options in ({}, {"progressive": True}):
        content = saved(image, "JPEG", quality=70, **options)
        assert len(content) > 2_000_000
        header, _ = parse(await run_child(content))
        assert (header["width"], header["height"]) == (2016, 1512)
        assert int(str(header["peak"])) <= BOUND


BASES = {
    "jpeg": saved(scene(64, 48), "JPEG", exif=bad_files.exif()),
    "png": saved(Image.effect_noise((64, 48), 80).convert("RGB"), "PNG"),
    "webp": saved(scene(64, 48), "WEBP", exif=bad_files.exif()),
    "heic": bad_files.heic(scene(64, 64), exif=bad_files.exif().tobytes()),
}


@given(base=st.sampled_from(sorted(BASES)), seed=st.integers(0, 2**32), many=st.integers(1, 40))
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_files_are_never_passed_on(forks: DecoderForks, base: str, seed: int, many: int) -> None:
    chance, made = random.Random(seed), bytearray(BASES[base])
    for _ in range(many):
        made[chance.randrange(len(made))] = chance.randrange(256)
    outcome = outcome_of(forks, bytes(made))
    if isinstance(outcome, Picture):
        clean(outcome.picture, 2048)
        clean(outcome.thumbnail, 480)
        clean(outcome.small, 240)
        assert outcome.peak is None or outcome.peak <= BOUND
    else:
        assert outcome.code in bad_files.ANY


def outcome_of(forks: DecoderForks, content: bytes) -> Picture | DomainError:
    try:
        return intake._parse_output(forks.run(content))
    except DomainError as error:
        return error


@pytest.mark.parametrize("base", sorted(BASES))
async def test_a_real_child_decodes_like_a_fork(base: str, forks: DecoderForks) -> None:
    picture, fork = await Intake().convert(BASES[base]), outcome_of(forks, BASES[base])
    assert isinstance(fork, Picture)
    assert replace(picture, peak=None) == replace(fork, peak=None)


# --- the confinement itself: a child that tries ---


async def child(code: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bytes:
    """The output of a child that is confined like the real one and then runs other code."""
    script = tmp_path / "child.py"
    prologue = (
        f"import sys; sys.path.append({ROOT!r})\n"
        "from widget_api.attachments.photos import decoder\n"
        "decoder.set_resource_limits()\n"
    )
    await asyncio.to_thread(script.write_text, prologue + code)
    monkeypatch.setattr(intake, "_CHILD", (str(script),))
    with await asyncio.to_thread(intake._spool, b"x") as file:
        return await intake._run_decoder(await asyncio.to_thread(intake._rewind, file))


@pytest.mark.parametrize(
    ("attempt", "what"),
    [
        ("b = bytearray(230 * 1024 * 1024)", "memory"),
        ("open(__file__, 'ab', buffering=0).write(b'x')", "files"),
        ("while True: pass", "time"),
        ("import os; os.abort()", "ending badly"),
    ],
)
async def test_the_child_process_is_confined(
    attempt: str, what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    priority = await child("import os; print(os.nice(0), flush=True)", monkeypatch, tmp_path)
    assert int(priority) == min(19, os.nice(0) + decoder.NICENESS)
    if what == "time":
        attempt = "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 2))\n" + attempt
        with pytest.raises(Invalid, match="photo_too_complex"):
            await child(attempt, monkeypatch, tmp_path)
        return
    assert await child(f"{attempt}\nprint('done', flush=True)", monkeypatch, tmp_path) == b""


async def test_the_child_process_has_an_empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WIDGET_SECRET_KEYS", "secret")
    names = await child("import os; print(sorted(os.environ))", monkeypatch, tmp_path)
    assert b"WIDGET" not in names
    assert b"MALLOC_ARENA_MAX" in names


async def test_a_child_process_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(intake, "CHILD_TIMEOUT", 0.5)
    with pytest.raises(Unavailable):
        await child("import time; time.sleep(60)", monkeypatch, tmp_path)


async def test_the_output_of_a_child_process_is_limited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(intake, "_MAX_OUTPUT", 100_000)
    endless = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    assert await child(endless, monkeypatch, tmp_path) == b""


async def test_a_grandchild_with_an_open_pipe_does_not_block(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(intake, "_MAX_OUTPUT", 100_000)
    started, start, end = list[Any](), asyncio.create_subprocess_exec, tmp_path / "end"

    async def remember(*program: Any, **options: Any) -> Any:
        started.append(await start(*program, **options))
        return started[0]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", remember)
    os.mkfifo(end)
    holding = f"import os, sys\nif not os.fork():\n    open({str(end)!r}).read()\n    os._exit(0)\n"
    endless = "while True: sys.stdout.write('x' * 65536)"
    held = os.open(end, os.O_RDWR)
    try:
        assert await asyncio.wait_for(child(holding + endless, monkeypatch, tmp_path), 60) == b""
    finally:
        os.close(held)
    await started[0].stdout.read()  # the grandchild ends before the event loop

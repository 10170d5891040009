"""Draw pictures of a street before and after the work, and attach them to some of the demonstration's problems."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence

import orjson
from PIL import Image, ImageDraw, ImageFilter

from widget_api import i18n
from widget_api.attachments.photos import model
from widget_api.attachments.storage import Storage
from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.problems.store import records
from widget_api.sites.model import Site

MAX_PROBLEMS = 24  # problems; drawing one takes a tenth of a second


async def attach_photos(database: Database, storage: Storage, site: Site) -> None:
    """Attach pictures to the newest problems of drawable categories, to resolved ones also one of the result."""
    shown = sorted(drawable_categories())
    names = {f"category{place}": code for place, code in enumerate(shown)}
    problems = await database.rows(
        "SELECT id, number, category, status, status_event, created_at, status_at FROM problems"
        f" WHERE site_id = :site_id AND published AND category IN ({', '.join(f':{name}' for name in names)})"
        " ORDER BY number DESC LIMIT :most",
        site_id=site.id,
        most=MAX_PROBLEMS,
        **names,
    )
    for problem in problems:
        await _attach(database, storage, site, problem)


async def _attach(database: Database, storage: Storage, site: Site, problem: Row) -> None:
    roles: Sequence[model.Role] = ("report", "answer") if problem["status"] == "resolved" else ("report",)
    photos = {role: new_id() for role in roles}
    for role, photo_id in photos.items():
        drawn = draw_picture(problem["category"], problem["number"], after=role == "answer")
        for size, content in zip(model.SIZES, drawn, strict=True):
            await storage.put(photo_id, size, content)
    width, height = SIZE
    alt = {role: i18n.text(site.language, f"demo.photos.{role}") for role in roles}

    async def work(tx: Transaction) -> None:
        received = await tx.row(
            "SELECT id FROM events WHERE site_id = :site_id AND problem_id = :id AND kind = 'received'",
            site_id=site.id,
            id=problem["id"],
        )
        assert received is not None, "a problem without its first event"
        for role, photo_id in photos.items():
            await tx.insert(
                "photos",
                id=photo_id,
                site_id=site.id,
                problem_id=problem["id"],
                event_id=received["id"] if role == "report" else problem["status_event"],
                role=role,
                place=0,
                alt=alt[role],
                width=width,
                height=height,
                created_at=problem["created_at"] if role == "report" else problem["status_at"],
            )
        first = [model.photo_view(photos["report"], width, height, alt["report"])]
        await records.update(tx, problem["id"], {"photos": orjson.dumps(first).decode()})

    await database.write(work, site.id)


SIZE, THUMB, SMALL = (960, 720), (480, 360), (240, 180)
DrawnSizes = tuple[bytes, bytes, bytes]  # JPEG: the picture, its thumbnail, a small one


def draw_picture(category: str, seed: int, *, after: bool) -> DrawnSizes:
    """Draw a place. The same seed gives the same place, so that before and after differ by the work alone."""
    chance = random.Random(seed)  # noqa: S311 - the same picture again
    image = _street(chance)
    if not after:
        _TROUBLES.get(category, _rubbish)(image, chance)
    image = image.filter(ImageFilter.GaussianBlur(1.2))
    return _jpeg(image, SIZE), _jpeg(image, THUMB), _jpeg(image, SMALL)


def drawable_categories() -> frozenset[str]:
    """The categories that can be drawn."""
    return frozenset(_TROUBLES)


def _jpeg(image: Image.Image, size: tuple[int, int]) -> bytes:
    written = io.BytesIO()
    image.resize(size).save(written, "JPEG", quality=82)
    return written.getvalue()


def _street(chance: random.Random) -> Image.Image:
    """Sky, houses, a pavement, the road."""
    image = Image.new("RGB", SIZE, (206, 217, 228))
    pen = ImageDraw.Draw(image)
    left = 0
    while left < SIZE[0]:
        width, top, tone = chance.randrange(140, 260), chance.randrange(90, 220), chance.randrange(-18, 18)
        pen.rectangle((left, top, left + width, 430), fill=(190 + tone, 172 + tone, 152 + tone))
        for x in range(left + 20, left + width - 30, 48):
            for y in range(top + 24, 400, 62):
                pen.rectangle((x, y, x + 24, y + 36), fill=(92, 108, 124))
        left += width + chance.randrange(0, 30)
    pen.rectangle((0, 420, SIZE[0], 470), fill=(150, 150, 146))
    pen.rectangle((0, 470, SIZE[0], SIZE[1]), fill=(98, 100, 104))
    for _ in range(5000):  # asphalt
        x, y, tone = chance.randrange(SIZE[0]), chance.randrange(470, SIZE[1]), chance.randrange(84, 116)
        pen.point((x, y), fill=(tone, tone, tone + 3))
    for x in range(-40, SIZE[0], 180):
        pen.polygon([(x, 600), (x + 90, 600), (x + 84, 612), (x - 8, 612)], fill=(226, 226, 220))
    return image


def _blob(
    pen: ImageDraw.ImageDraw, chance: random.Random, x: int, y: int, w: int, h: int, fill: tuple[int, ...]
) -> None:
    for _ in range(14):
        dx, dy, part = chance.randrange(-w // 3, w // 3), chance.randrange(-h // 3, h // 3), chance.uniform(0.4, 0.7)
        pen.ellipse(
            (x + dx - w * part / 2, y + dy - h * part / 2, x + dx + w * part / 2, y + dy + h * part / 2), fill=fill
        )


def _pothole(image: Image.Image, chance: random.Random) -> None:
    pen, x, y = ImageDraw.Draw(image), chance.randrange(330, 620), chance.randrange(590, 650)
    _blob(pen, chance, x, y, 330, 110, (70, 68, 66))
    _blob(pen, chance, x, y + 6, 250, 76, (44, 44, 46))
    _blob(pen, chance, x + 10, y + 14, 150, 40, (92, 106, 120))  # water


def _rubbish(image: Image.Image, chance: random.Random) -> None:
    pen, left = ImageDraw.Draw(image), chance.randrange(200, 560)
    for _ in range(26):
        x, y, tone = left + chance.randrange(0, 240), 470 - chance.randrange(0, 60), chance.randrange(30, 200)
        pen.ellipse((x, y - 34, x + chance.randrange(40, 80), y + 22), fill=(tone, chance.randrange(30, 160), 60))


def _snow(image: Image.Image, chance: random.Random) -> None:
    pen = ImageDraw.Draw(image)
    for x in range(0, SIZE[0] + 80, 80):
        _blob(pen, chance, x, 470, 260, chance.randrange(90, 170), (236, 240, 245))


def _dark(image: Image.Image, chance: random.Random) -> None:
    image.paste(Image.blend(image, Image.new("RGB", SIZE, (8, 12, 26)), 0.82))


_TROUBLES: dict[str, Callable[[Image.Image, random.Random], None]] = {
    "roads": _pothole,
    "garbage": _rubbish,
    "yards": _rubbish,
    "snow": _snow,
    "lighting": _dark,
}

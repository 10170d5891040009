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


PICTURED = ("budgeting", "initiatives")  # collections whose entries are places


async def attach_photos(database: Database, storage: Storage, site: Site) -> None:
    """Attach pictures to the newest problems of drawable categories, to resolved ones also one of the result."""
    shown = sorted(_PLACES if site.collection else drawable_categories())
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
        draw = draw_place if site.collection else draw_picture
        drawn = draw(problem["category"], problem["number"], after=role == "answer")
        for size, content in zip(model.SIZES, drawn, strict=True):
            await storage.put(photo_id, size, content)
    width, height = SIZE
    alt = {role: i18n.text(site.language, f"demo.photos.{role}") for role in roles}
    if site.collection:
        alt["report"] = i18n.text(site.language, "demo.photos.place")

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
    return _finish(image)


def draw_place(category: str, seed: int, *, after: bool) -> DrawnSizes:
    """Draw the place of an entry: a park with what its category is about, with more trees `after` the work."""
    chance = random.Random(seed)  # noqa: S311 - the same picture again
    image = _park(chance, trees=9 if after else 5)
    _PLACES[category](ImageDraw.Draw(image), chance)
    return _finish(image)


def _finish(image: Image.Image) -> DrawnSizes:
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


def _park(chance: random.Random, trees: int) -> Image.Image:
    """Sky, hills, a lawn with a path, trees."""
    image = Image.new("RGB", SIZE, (188, 212, 232))
    pen, (width, height) = ImageDraw.Draw(image), SIZE
    for y in range(360):
        pen.line((0, y, width, y), fill=(170 + y // 8, 200 + y // 10, 232 + y // 30))
    for tone, top in (((150, 176, 158), 300), ((120, 156, 118), 345)):
        x = chance.randrange(-200, 0)
        while x < width:
            wide = chance.randrange(320, 560)
            pen.ellipse((x, top - chance.randrange(0, 60), x + wide, top + 240), fill=tone)
            x += wide // 2
    pen.rectangle((0, 400, width, height), fill=(128, 164, 98))
    bend = chance.randrange(300, 620)
    pen.polygon([(bend, 400), (bend + 40, 400), (bend + 250, height), (bend - 190, height)], fill=(206, 194, 168))
    for _ in range(trees):
        x, y = chance.choice((chance.randrange(0, 280), chance.randrange(660, width))), chance.randrange(400, 520)
        size, shade = (y - 300) // 2 + chance.randrange(30), chance.randrange(-14, 14)
        pen.rectangle((x - size // 10, y - size, x + size // 10, y), fill=(96, 74, 56))
        _blob(pen, chance, x, y - size - size // 3, size * 2, size * 2, (78 + shade, 124 + shade, 70))
    return image


def _benches(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    for x in (chance.randrange(60, 200), chance.randrange(660, 780)):
        pen.rectangle((x, 560, x + 150, 574), fill=(150, 98, 58))
        pen.rectangle((x, 522, x + 150, 534), fill=(150, 98, 58))
        for leg in (x + 12, x + 130):
            pen.rectangle((leg, 522, leg + 8, 606), fill=(70, 74, 80))


def _court(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    left = chance.randrange(180, 300)
    pen.polygon([(left, 500), (left + 460, 500), (left + 600, 660), (left - 140, 660)], fill=(186, 92, 66))
    pen.line([(left + 230, 500), (left + 230, 660)], fill=(240, 236, 228), width=6)
    for x in (left + 60, left + 200, left + 340):
        pen.rectangle((x, 340, x + 10, 540), fill=(66, 76, 92))
    pen.rectangle((left + 60, 340, left + 350, 350), fill=(66, 76, 92))


def _stage(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    left = chance.randrange(260, 360)
    pen.rectangle((left, 340, left + 340, 520), fill=(112, 78, 54))
    pen.polygon([(left - 40, 340), (left + 380, 340), (left + 320, 260), (left + 20, 260)], fill=(176, 60, 52))
    pen.rectangle((left - 20, 520, left + 360, 560), fill=(168, 124, 84))
    for x in range(left + 30, left + 320, 40):
        pen.line((x, 340, x, 520), fill=(132, 94, 66), width=4)


def _river(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    top = chance.randrange(520, 560)
    pen.polygon([(0, top), (SIZE[0], top - 40), (SIZE[0], top + 130), (0, top + 170)], fill=(112, 152, 186))
    for _ in range(40):
        x, y = chance.randrange(SIZE[0]), chance.randrange(top, top + 130)
        pen.line((x, y, x + 50, y), fill=(150, 184, 210), width=3)
    pen.polygon([(420, top - 30), (520, top - 34), (600, top + 170), (380, top + 174)], fill=(150, 110, 74))


def _shelter(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    pen.rectangle((0, 600, SIZE[0], SIZE[1]), fill=(98, 100, 104))
    left = chance.randrange(240, 420)
    pen.rectangle((left, 360, left + 300, 580), fill=(176, 204, 220))
    pen.rectangle((left - 24, 336, left + 324, 364), fill=(28, 92, 150))
    for x in (left, left + 148, left + 292):
        pen.rectangle((x, 360, x + 8, 600), fill=(60, 68, 80))
    pen.rectangle((left + 30, 520, left + 270, 536), fill=(150, 98, 58))


def _house(pen: ImageDraw.ImageDraw, chance: random.Random) -> None:
    left, tone = chance.randrange(280, 380), chance.randrange(-16, 16)
    pen.rectangle((left, 330, left + 280, 540), fill=(196 + tone, 168 + tone, 132))
    pen.polygon([(left - 30, 330), (left + 310, 330), (left + 140, 220)], fill=(126, 70, 58))
    for x in (left + 34, left + 196):
        pen.rectangle((x, 380, x + 52, 450), fill=(246, 214, 130))
    pen.rectangle((left + 112, 430, left + 168, 540), fill=(96, 66, 48))


_PLACES: dict[str, Callable[[ImageDraw.ImageDraw, random.Random], None]] = {
    "yards": _benches,
    "greenery": _benches,
    "sport": _court,
    "culture": _stage,
    "festival": _stage,
    "ecology": _river,
    "cleanup": _river,
    "roads": _shelter,
    "help": _house,
    "learning": _house,
}

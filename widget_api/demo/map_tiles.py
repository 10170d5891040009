"""Draw the invented town as map tiles, so that the demonstration needs no internet."""

from __future__ import annotations

import io
import math
from bisect import bisect
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import accumulate, combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageColor, ImageDraw, ImageFont
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from widget_api.demo import town
from widget_api.demo.town import Shape
from widget_api.geo.model import mercator

ARCHIVE_NAME = "ground-6.pmtiles"  # the number changes with the drawing
ZOOMS = range(7, 17)
_TILE, _SHEET, _FINER = 256, 4, 2  # pixels, tiles a side drawn at once, times larger while drawing
_FAR, _VERY_FAR = 13, 10
_MARGIN = 1.4  # times the town's own reach: a map may be moved that far
# Calm and light, so that markers and the accent stand out (docs: look).
_LAND = "#eef1ec"
_COLOURS = {
    "wood": "#d5e3d0", "field": "#e7edda", "town": "#eceeee", "park": "#d3e5cd", "green": "#dcead6", "water": "#b9d5e8",
    "block": "#e9ebee", "square": "#f4efe4", "house": "#d3d9e0", "lane": "#ffffff", "street": "#ffffff",
    "avenue": "#ffffff", "road": "#fdf3d8", "rail": "#9aa5b1",
}  # fmt: skip
_CASING = {"street": "#d3d9df", "avenue": "#c2cad3", "road": "#d9c48c"}
_FIRST_SEEN = {"house": 14, "lane": 14, "street": 12, "square": 13, "green": 14}
_THINNEST = {"road": 2.0, "avenue": 1.4, "rail": 1.0, "street": 0.8, "lane": 0.6, "water": 1.0}  # pixels
_NAME, _HALO = "#4d5763", "#ffffff"
_NAMES_FIRST_SEEN = {True: 14, False: 15}  # of avenues, and of the other streets
_NAME_SIZE, _HALO_SIZE, _NAME_INTERVAL = 11.5, 1.5, 460  # pixels
_SHIFTS = (0, 0.2, -0.2, 0.35, -0.35)  # of that interval: where else a name may stand whose place is taken

ProjectedShape = tuple[
    Shape, list[tuple[float, float]], tuple[float, float, float, float]
]  # on the square map of the world


class Label(NamedTuple):
    """The name of a street on the map of one zoom, in enlarged pixels of the whole world."""

    text: str
    x: float
    y: float
    angle: float  # degrees, against the clock
    reach: float


def ensure_archive(folder: Path) -> Path:
    """The path of the archive, which is drawn if it is missing."""
    path = folder / ARCHIVE_NAME
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".new")
        with unfinished.open("wb") as file:
            writer: Any = Writer
            _write(writer(file))
        unfinished.replace(path)
    return path


def _write(writer: Any) -> None:  # the library has no types
    flat = [_flat(shape) for shape in town.town_shapes()]
    tiles = {zxy_to_tileid(*address): body for z in ZOOMS for address, body in _tiles(flat, z)}
    plain, end = _png(_draw_sheet((), 0, 0, 0).crop((0, 0, _TILE, _TILE))), zxy_to_tileid(ZOOMS[-1] + 1, 0, 0)
    written = 0
    for tile_id in (*sorted(tiles), end):
        if tile_id > written:  # the rest of the world is plain land, so that no map asks for a tile in vain
            writer.write_tile(written, plain)
            writer.tile_entries[-1].run_length += tile_id - written - 1
        if tile_id < end:
            writer.write_tile(tile_id, tiles[tile_id])
            written = tile_id + 1
    writer.finalize({"tile_type": TileType.PNG, "tile_compression": Compression.NONE}, {})


def _flat(shape: Shape) -> ProjectedShape:
    points = [((lng + 180) / 360, mercator(lat)) for lat, lng in shape.points]
    xs, ys = zip(*points, strict=True)
    reach = _to_map_units(shape.width)
    return shape, points, (min(xs) - reach, min(ys) - reach, max(xs) + reach, max(ys) + reach)


def _to_map_units(metres: float) -> float:
    """Metres as a share of the world's width, at the town's latitude."""
    return metres / math.cos(math.radians(town.CENTRE[0])) / (2 * math.pi * 6_378_137)


def _tiles(flat: Sequence[ProjectedShape], z: int) -> Iterator[tuple[tuple[int, int, int], bytes]]:
    ring = [((lng + 180) / 360, mercator(lat)) for lng, lat in town.border_ring()]
    xs, ys = zip(*ring, strict=True)
    spans = []
    for low, high in ((min(xs), max(xs)), (min(ys), max(ys))):
        middle, half = (low + high) / 2, (high - low) / 2 * _MARGIN
        more = 1 if z < _VERY_FAR else 4 if z < _FAR else 2  # a wide screen shows more than the town
        spans.append(range(int((middle - half) * 2**z) - more, int((middle + half) * 2**z) + 1 + more))
    for x in spans[0][::_SHEET]:
        for y in spans[1][::_SHEET]:
            sheet = _draw_sheet(flat, z, x, y)
            for i in range(_SHEET):
                for j in range(_SHEET):
                    yield (z, x + i, y + j), _png(sheet.crop((i * _TILE, j * _TILE, (i + 1) * _TILE, (j + 1) * _TILE)))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=False, compress_level=6)
    return file.getvalue()


def _draw_sheet(flat: Sequence[ProjectedShape], z: int, x: int, y: int) -> Image.Image:
    """Draw several tiles at once, enlarged and then scaled down for smooth edges."""
    side, scale = _SHEET * _TILE * _FINER, 2**z * _TILE * _FINER
    west, north, reach = x / 2**z, y / 2**z, _SHEET / 2**z
    picture = Image.new("RGB", (side, side), _LAND)
    pen = ImageDraw.Draw(picture)
    seen = [
        (shape, [((px - west) * scale, (py - north) * scale) for px, py in points])
        for shape, points, (left, top, right, bottom) in flat
        if left <= west + reach and right >= west and top <= north + reach and bottom >= north
        if z >= _FIRST_SEEN.get(shape.kind, 0)
    ]
    for shape, points in seen:
        if not shape.width:
            pen.polygon(points, _COLOURS[shape.kind])
        elif shape.kind == "water":
            _draw_line(pen, points, _COLOURS["water"], _width(shape, scale))
    for shape, points in seen:
        if shape.kind in _CASING and z >= 13:
            _draw_line(pen, points, _CASING[shape.kind], _width(shape, scale) + 2 * _FINER)
    for shape, points in seen:
        if shape.width and shape.kind != "water":
            _draw_line(pen, points, _COLOURS[shape.kind], _width(shape, scale))
    for label in _place_labels(z) if flat else ():
        x, y = label.x - west * scale, label.y - north * scale
        if max(abs(x - side / 2), abs(y - side / 2)) < side / 2 + label.reach:
            _draw_label(picture, label, round(west * scale), round(north * scale))
    return picture.reduce(_FINER).quantize(palette=_palette(), dither=Image.Dither.NONE)


@cache
def _palette() -> Image.Image:
    """A palette of the colours and their mixtures, the same for all tiles to avoid visible seams."""
    plain = sorted({ImageColor.getrgb(one)[:3] for one in (_LAND, _NAME, _HALO, *_COLOURS.values(), *_CASING.values())})
    halfway = {tuple((p + q) // 2 for p, q in zip(a, b, strict=True)) for a, b in combinations(plain, 2)}
    chosen = [*plain, *sorted(halfway - set(plain))][:256]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in chosen for part in colour])
    return palette


def _width(shape: Shape, scale: float) -> float:
    return max(_THINNEST[shape.kind] * _FINER, _to_map_units(shape.width) * scale)


def _draw_line(pen: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
    """Draw a line with round ends and joints."""
    pen.line(points, colour, round(width), "curve")
    for x, y in (points[0], points[-1]):
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), colour)


@cache
def _font() -> ImageFont.FreeTypeFont:
    """Cyrillic letters and digits of Arimo, since a bare machine has no font (street_names.OFL.txt)."""
    with resources.files(__package__).joinpath("street_names.ttf").open("rb") as file:
        return ImageFont.truetype(io.BytesIO(file.read()), _NAME_SIZE * _FINER)


@cache
def _place_labels(z: int) -> list[Label]:
    """The names of streets along their lines, those of avenues first; one that would touch another is left out."""
    scale, height = 2**z * _TILE * _FINER, _NAME_SIZE * _FINER
    found, taken = list[Label](), set[tuple[int, int]]()
    for street in sorted(town.town_streets(), key=lambda one: not one.is_avenue):
        if z < _NAMES_FIRST_SEEN[street.is_avenue]:
            continue
        path = [((lng + 180) / 360 * scale, mercator(lat) * scale) for lat, lng in street.points]
        far = list(accumulate((math.dist(a, b) for a, b in pairwise(path)), initial=0.0))
        width = _font().getlength(street.name)
        count = max(1, int(far[-1] / _FINER / _NAME_INTERVAL))
        for number in range(count):
            for shift in _SHIFTS:
                middle = far[-1] * (number + 0.5 + shift) / count
                if not width / 2 < middle < far[-1] - width / 2:
                    continue
                steps = math.ceil(width / height) + 1
                points = [_point_at(path, far, middle + width * (at / steps - 0.5)) for at in range(steps + 1)]
                cells = {(int(x / height), int(y / height)) for x, y in points}
                around = {(i + di, j + dj) for i, j in cells for di in (-1, 0, 1) for dj in (-1, 0, 1)}
                if taken & around:
                    continue
                taken |= cells
                (x1, y1), (x2, y2) = sorted((points[0], points[-1]))
                x, y = _point_at(path, far, middle)
                angle = math.degrees(math.atan2(y1 - y2, x2 - x1))
                found.append(Label(street.name, x, y, round(angle, 1), width / 2 + height))
                break
    return found


def _point_at(path: Sequence[tuple[float, float]], far: Sequence[float], at: float) -> tuple[float, float]:
    """The point of a path so far from its beginning. `far`: how far each of its own points is."""
    after = min(max(bisect(far, at), 1), len(path) - 1)
    share = (at - far[after - 1]) / (far[after] - far[after - 1])
    (x1, y1), (x2, y2) = path[after - 1], path[after]
    return x1 + (x2 - x1) * share, y1 + (y2 - y1) * share


def _draw_label(picture: Image.Image, label: Label, left: int, top: int) -> None:
    for colour, mask in zip((_HALO, _NAME), _draw_masks(label.text, label.angle), strict=True):
        # Rounded before the sheet's corner is taken away, so that a name is whole across sheets.
        at = round(label.x - mask.width / 2) - left, round(label.y - mask.height / 2) - top
        picture.paste(colour, at, mask)


@cache
def _draw_masks(text: str, angle: float) -> tuple[Image.Image, Image.Image]:
    """The letters turned by an angle: first wider, as their halo, then as they are."""
    halo = round(_HALO_SIZE * _FINER)
    size = math.ceil(_font().getlength(text)) + 4 * halo, math.ceil(_NAME_SIZE * _FINER * 1.4) + 4 * halo
    masks = []
    for stroke in (halo, 0):
        mask = Image.new("L", size)
        middle = size[0] / 2, size[1] / 2
        ImageDraw.Draw(mask).text(middle, text, 255, _font(), anchor="mm", stroke_width=stroke)
        masks.append(mask.rotate(angle, Image.Resampling.BICUBIC, expand=True))
    return masks[0], masks[1]

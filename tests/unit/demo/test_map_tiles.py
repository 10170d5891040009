"""The demonstration's map tiles: an invented town, drawn deterministically, covering its territory."""

from __future__ import annotations

import io
import random
from importlib import resources
from pathlib import Path

import orjson
import pytest
from PIL import Image, ImageColor

from widget_api.demo import map_tiles, samples, town
from widget_api.geo import geojson
from widget_api.geo.model import Area
from widget_api.settings import load
from widget_api.tiles.archive import Archive
from widget_api.tiles.model import TileAddress, tile_at


@pytest.fixture
def border() -> Area:
    return geojson.parse_area(orjson.dumps({"type": "Polygon", "coordinates": [town.border_ring()]}))


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_tiles, "ZOOMS", range(12, 14))


def picture(archive: Archive, address: TileAddress) -> Image.Image:
    body = archive.tile(address)
    assert body is not None
    return Image.open(io.BytesIO(body)).convert("RGB")


def test_the_whole_town_has_tiles_and_the_service_accepts_the_archive(tmp_path: Path, border: Area) -> None:
    path = map_tiles.ensure_archive(tmp_path)
    assert load({"WIDGET_DATA": str(tmp_path), "WIDGET_TILES": str(path)}).tiles == str(path)
    archive, chance = Archive(path), random.Random(1)
    for z in map_tiles.ZOOMS:
        for _ in range(40):
            tile = tile_at(*samples.random_location(chance, border), z)
            assert picture(archive, tile).size == (256, 256)
    middle = picture(archive, tile_at(*town.CENTRE, 13))
    colours = {colour for _, colour in middle.getcolors() or ()}
    assert len(colours) > 12, "streets, blocks and parks, not one plain"
    for z in range(14):
        for tile in (TileAddress(z, 0, 0), TileAddress(z, 2**z - 1, 2**z - 1), tile_at(*town.CENTRE, z)):
            assert picture(archive, tile).size == (256, 256), "maps may be moved and seen from afar"
    archive.close()


def test_drawing_is_deterministic_and_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_tiles, "ZOOMS", range(12, 13))
    first = map_tiles.ensure_archive(tmp_path / "a")
    written = first.stat().st_mtime_ns
    assert map_tiles.ensure_archive(tmp_path / "a").stat().st_mtime_ns == written
    archives = [Archive(first), Archive(map_tiles.ensure_archive(tmp_path / "b"))]
    here = tile_at(*town.CENTRE, 12)
    assert archives[0].tile(here) == archives[1].tile(here)
    for archive in archives:
        archive.close()


def test_streets_are_named_on_the_map() -> None:
    labels = map_tiles._place_labels(16)
    assert {label.text for label in labels} == {street.name for street in town.town_streets()}
    flat = [map_tiles._flat(shape) for shape in town.town_shapes()]
    label = next(one for one in labels if one.text == "улица Октябрьской Революции")
    side = map_tiles._SHEET * map_tiles._TILE * map_tiles._FINER
    x, y = int(label.x // side) * map_tiles._SHEET, int(label.y // side) * map_tiles._SHEET
    with_names, without = (
        {colour: many for many, colour in sheet.convert("RGB").getcolors(1 << 20) or ()}
        for sheet in (map_tiles._draw_sheet(flat, 16, x, y), map_tiles._draw_sheet(flat, 13, x // 8, y // 8))
    )
    assert with_names.get(ImageColor.getrgb(map_tiles._NAME)[:3], 0) > 100
    assert ImageColor.getrgb(map_tiles._NAME)[:3] not in without, "from afar names would cover the town"


def test_the_houses_have_addresses_which_the_sample_entries_use(border: Area) -> None:
    houses = town.town_houses()
    addresses = {f"{house.street}, {house.number}" for house in houses}
    assert len(addresses) == len(houses) == sum(shape.kind == "house" for shape in town.town_shapes())
    inside = sum(border.covers(house.lat, house.lng) for house in houses)
    assert inside > 0.99 * len(houses), "a few at the edge belong to nobody"
    samples_of = orjson.loads((resources.files("widget_api.demo") / "sample_entries.json").read_bytes())
    entries = [one for preset in samples_of.values() if isinstance(preset, list) for one in preset]
    numbered = {one["address"] for one in entries if one.get("map", True) and one.get("address", "")[-1:].isdigit()}
    assert numbered
    assert numbered <= addresses


def test_the_border_is_valid_and_contains_the_sample_reports(border: Area) -> None:
    assert 10_000_000 < border.size < 60_000_000
    assert border.covers(*town.CENTRE)
    chance = random.Random(7)
    assert all(border.covers(*samples.random_location(chance, border)) for _ in range(300))

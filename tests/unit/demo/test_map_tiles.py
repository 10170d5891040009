"""The demonstration's map tiles: an invented town, drawn deterministically, covering its territory."""

from __future__ import annotations

import io
import random
from pathlib import Path

import orjson
import pytest
from PIL import Image

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


def test_drawing_is_deterministic_and_done_once(tmp_path: Path) -> None:
    first = map_tiles.ensure_archive(tmp_path / "a")
    written = first.stat().st_mtime_ns
    assert map_tiles.ensure_archive(tmp_path / "a").stat().st_mtime_ns == written
    archives = [Archive(first), Archive(map_tiles.ensure_archive(tmp_path / "b"))]
    here = tile_at(*town.CENTRE, 13)
    assert archives[0].tile(here) == archives[1].tile(here)
    for archive in archives:
        archive.close()


def test_the_border_is_valid_and_contains_the_sample_reports(border: Area) -> None:
    assert 10_000_000 < border.size < 60_000_000
    assert border.covers(*town.CENTRE)
    chance = random.Random(7)
    assert all(border.covers(*samples.random_location(chance, border)) for _ in range(300))

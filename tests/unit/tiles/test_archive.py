"""Reading PMTiles archives: small and large ones, shared tiles, broken files, many threads."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from tests.factories import existing
from widget_api.settings import SettingsError, load
from widget_api.tiles import archive as module
from widget_api.tiles.archive import Archive, CorruptArchive
from widget_api.tiles.model import TileAddress, make_tile, parse_address, tile_at

Addresses = dict[tuple[int, int, int], bytes]


def write(path: Path, tiles: Addresses, tile_type: TileType = TileType.PNG) -> Path:
    """An archive of those tiles."""
    with path.open("wb") as file:
        writer = Writer(file)
        for address, body in sorted(tiles.items(), key=lambda item: zxy_to_tileid(*item[0])):
            writer.write_tile(zxy_to_tileid(*address), body)
        writer.finalize({"tile_type": tile_type, "tile_compression": Compression.NONE}, {})
    return path


def picture(colour: tuple[int, int, int] = (230, 235, 240), kind: str = "PNG", size: int = 256) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(file, kind)
    return file.getvalue()


def test_written_tiles_are_read_and_others_are_missing(tmp_path: Path) -> None:
    tiles = {(z, x, y): f"{z}/{x}/{y}".encode() for z in range(2, 5) for x in range(1 << z) for y in range(1 << z)}
    del tiles[4, 3, 3]
    archive = Archive(write(tmp_path / "a.pmtiles", tiles))
    for (z, x, y), body in tiles.items():
        assert archive.tile(TileAddress(z, x, y)) == body
    for absent in ((4, 3, 3), (1, 0, 0), (5, 0, 0)):
        assert archive.tile(TileAddress(*absent)) is None
    archive.close()


def test_only_a_bounded_part_of_a_large_archive_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many tiles that there are leaf directories, of which only a few are cached."""
    monkeypatch.setattr(module, "_CACHE_SIZE", 300_000)
    side, chance = 200, random.Random(1)
    tiles = {(14, x, y): f"{x},{y}".encode() + bytes(chance.randrange(120)) for x in range(side) for y in range(side)}
    archive = Archive(write(tmp_path / "large.pmtiles", tiles))
    assert archive.header["leaf_directory_length"] > 0
    addresses = [(chance.randrange(side), chance.randrange(side)) for _ in range(60)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda one: archive.tile(TileAddress(14, *one)), addresses))
    assert found == [tiles[14, x, y] for x, y in addresses]
    assert 0 < archive._directories.currsize <= 300_000
    assert archive.tile(TileAddress(14, side, side)) is None
    archive.close()


def test_runs_of_equal_tiles_are_found(tmp_path: Path) -> None:
    sea = picture()
    tiles = {(3, x, y): sea for x in range(8) for y in range(8)}
    archive = Archive(write(tmp_path / "sea.pmtiles", tiles))
    assert len(archive._root.ids) == 1
    assert all(archive.tile(TileAddress(3, x, y)) == sea for x in range(8) for y in range(8))
    archive.close()


@pytest.mark.parametrize("cut", [127, 150, 400, -1])
def test_a_truncated_file_is_an_error(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "a.pmtiles", {(0, 0, 0): picture()})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CorruptArchive):
        Archive(path).tile(TileAddress(0, 0, 0))


def test_circular_directories_are_detected(tmp_path: Path) -> None:
    from pmtiles.tile import Entry, serialize_directory

    path = write(tmp_path / "a.pmtiles", {(0, 0, 0): picture()})
    archive = Archive(path)
    archive._root = module.Directory(serialize_directory([Entry(0, 0, 10, 0)]))
    archive._directories[0] = archive._root
    with pytest.raises(CorruptArchive, match="without end"):
        archive.tile(TileAddress(0, 0, 0))
    archive._root = module.Directory(serialize_directory([Entry(0, 0, 2**40, 1)]))
    with pytest.raises(CorruptArchive, match="in one piece"):
        archive.tile(TileAddress(0, 0, 0))
    archive.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda head: b"Nonsense" + head[8:], "no PMTiles archive of version 3"),
        (lambda head: head[:7] + b"\x02" + head[8:], "no PMTiles archive of version 3"),
        (lambda head: head[:90], "no PMTiles archive of version 3"),
        (lambda head: head[:99] + b"\x01" + head[100:], "vector tiles"),
        (lambda head: head[:99] + b"\x06" + head[100:], "vector tiles"),
        (lambda head: head[:98] + b"\x02" + head[99:], "compressed once more"),
    ],
)
def test_an_unusable_archive_stops_the_start(tmp_path: Path, change: Callable[[bytes], bytes], said: str) -> None:
    path = write(tmp_path / "a.pmtiles", {(0, 0, 0): picture()})
    environ = {"WIDGET_DATA": str(tmp_path), "WIDGET_TILES": str(path)}
    assert (load(environ).tiles, load(environ).tiles_zoom) == (str(path), 0)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(SettingsError, match=f"^WIDGET_TILES: .*{said}"):
        load(environ)


# --- addresses and pictures ---


def test_invalid_tile_coordinates() -> None:
    for text in (
        ("20", "0", "0"), ("0", "1", "0"), ("0", "0", "1"), ("3", "8", "0"), ("-1", "0", "0"), ("1", "-1", "0"),
        ("01", "0", "0"), ("1", "00", "0"), ("1.0", "0", "0"), ("1e1", "0", "0"), ("٣", "0", "0"), ("", "0", "0"),
        ("1", "0", "0.png"), ("1", "0", "0 "), ("1", "0", "0\n"), ("19", "9" * 4000, "0"), ("19", "524288", "0"),
        ("1", "0", ".."), ("1", "0", "%2e%2e"), ("0x1", "0", "0"), ("+1", "0", "0"),
    ):  # fmt: skip
        assert parse_address(*text) is None


def test_a_tile_shows_its_own_area() -> None:
    assert parse_address("19", "524287", "524287") == TileAddress(19, 524_287, 524_287)
    west, south, east, north = TileAddress(0, 0, 0).box
    assert (west, east) == (-180, 180)
    assert (south, north) == pytest.approx((-85.0511, 85.0511), abs=1e-3)
    for lat, lng in ((55.08, 38.78), (-33.9, 151.2), (0.0, 0.0), (85.0, -180.0), (-89.0, 180.0)):
        for z in (0, 5, 13, 19):
            west, south, east, north = tile_at(lat, lng, z).box
            assert west - 1e-9 <= lng <= east + 1e-9
            assert south - 1e-9 <= max(-85.0511, lat) <= north + 1e-9


def test_picture_types_are_detected_by_content() -> None:
    for kind, media_type in (("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")):
        assert existing(make_tile(picture(kind=kind))).media_type == media_type
    for body in (b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"GIF89a", b"\x1f\x8b\x08"):
        assert make_tile(body) is None, body
    assert make_tile(picture() + b"\0" * 1024 * 1024) is None, "too large"

"""Read the houses of a town from a file: CSV, GeoJSON as OpenStreetMap's tools write it, or an extract of it (PBF)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from widget_api.errors import FieldError, Invalid

_COLUMNS = ("street", "house", "lat", "lng")


class Place(NamedTuple):
    """A house of a file."""

    street: str
    house: str
    lat: float
    lng: float


def read(path: Path) -> Iterator[Place]:
    """Yield the houses of the file, passing over what has no street, no number or no point.

    CSV: a header with `street,house,lat,lng`, in any order and among others; UTF-8 or Windows-1251; commas, semicolons
    or tabs. GeoJSON: features with `street` and `house`, or `addr:street` and `addr:housenumber`; of an outline the
    middle of its box counts. PBF: nodes, buildings and their relations with `addr:street` and `addr:housenumber`; it
    needs the extra `osmium`.

    Raises Invalid if the file is none of these, or for PBF without the extra.
    """
    if path.suffix.lower() == ".pbf":
        yield from _read_pbf(path)
        return
    content = path.read_bytes()
    if path.suffix.lower() in (".geojson", ".json"):
        yield from _read_geojson(content)
    else:
        yield from _read_csv(content)


def _read_csv(content: bytes) -> Iterator[Place]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1251", errors="replace")
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    names = {(name or "").strip().casefold(): name for name in reader.fieldnames or ()}
    if missing := [name for name in _COLUMNS if name not in names]:
        raise Invalid((FieldError("file", "addresses_columns", (("missing", ", ".join(missing)),)),))
    for row in reader:
        yield from _place(*(row[names[name]] for name in _COLUMNS))


def _read_geojson(content: bytes) -> Iterator[Place]:
    try:
        features = orjson.loads(content)["features"]
    except (orjson.JSONDecodeError, TypeError, KeyError):
        raise Invalid((FieldError("file", "addresses_geojson"),)) from None
    for feature in features if isinstance(features, list) else ():
        if not isinstance(feature, dict):
            continue
        known, geometry = feature.get("properties"), feature.get("geometry")
        points = list(_points(geometry.get("coordinates"))) if isinstance(geometry, dict) else []
        if points and isinstance(known, dict):
            street = known.get("street") or known.get("addr:street")
            yield from _place(street, known.get("house") or known.get("addr:housenumber"), *_middle(points))


def _read_pbf(path: Path) -> Iterator[Place]:
    try:
        import osmium
    except ImportError:
        raise Invalid((FieldError("file", "addresses_osmium"),)) from None
    numbered = osmium.filter.KeyFilter("addr:housenumber")
    try:
        # Twice: an outline comes as an area, once its nodes and the ways of its relation are known.
        for one in osmium.FileProcessor(str(path)).with_areas(numbered).with_filter(numbered):
            if isinstance(one, osmium.osm.Node):
                points = [(one.lon, one.lat)]
            elif isinstance(one, osmium.osm.Area):
                nodes = (node for ring in one.outer_rings() for node in ring)
                points = [(node.lon, node.lat) for node in nodes if node.location.valid()]
            else:
                continue
            if points:
                yield from _place(one.tags.get("addr:street"), one.tags.get("addr:housenumber"), *_middle(points))
    except RuntimeError:
        raise Invalid((FieldError("file", "addresses_pbf"),)) from None


def _middle(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Latitude and longitude of the middle of the box around points, which have the longitude first."""
    lngs, lats = zip(*points, strict=True)
    return (min(lats) + max(lats)) / 2, (min(lngs) + max(lngs)) / 2


def _points(coordinates: Any) -> Iterator[tuple[float, float]]:
    if not isinstance(coordinates, list):
        return
    if len(coordinates) > 1 and all(isinstance(one, int | float) for one in coordinates[:2]):
        yield coordinates[0], coordinates[1]
        return
    for one in coordinates:
        yield from _points(one)


def _line(text: Any) -> str:
    """One line without characters that are not seen: PostgreSQL stores no NUL, others turn what follows around."""
    return "".join(filter(str.isprintable, " ".join(str(text or "").split())))


def _place(street: Any, house: Any, lat: Any, lng: Any) -> Iterator[Place]:
    street, house = _line(street), _line(house)
    try:
        point = float(str(lat).replace(",", ".")), float(str(lng).replace(",", "."))
    except ValueError:
        return
    if street and house and len(street) <= 120 and len(house) <= 30 and abs(point[0]) <= 90 and abs(point[1]) <= 180:
        yield Place(street, house, *point)

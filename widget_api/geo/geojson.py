"""Parse a territory from GeoJSON (RFC 7946).

Parsing is strict, since a wrong border would reject residents' reports unnoticed.
"""

from __future__ import annotations

from typing import Any

import orjson

from widget_api.geo.model import UNIT, Area, Polygon, Ring

MAX_SIZE = 2_000_000  # bytes
MAX_POINTS = 50_000  # the border of a large region at 100 m; simplify what has more


class InvalidArea(ValueError):
    """The text is no usable territory. `code` names the message, `where` the position in the document."""

    def __init__(self, code: str, where: str = "") -> None:
        super().__init__(f"{code} {where}".strip())
        self.code, self.where = code, where


def parse_area(text: str | bytes) -> Area:
    """Parse a Polygon or MultiPolygon, bare, in a Feature or in a FeatureCollection of one. Raises InvalidArea."""
    return parse_geometry(load(text))


def load(text: str | bytes) -> Any:
    """The document in a text. Raises InvalidArea if it is too large or no JSON."""
    if len(text) > MAX_SIZE:
        raise InvalidArea("area_large")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidArea("area_json") from None


def parse_geometry(found: Any, *, latitude_first: bool = False) -> Area:
    """`parse_area` of a document that is loaded already; with `latitude_first` of one with swapped coordinates."""
    geometry = _find_geometry(found)
    coordinates = geometry.get("coordinates")
    if geometry["type"] == "Polygon":
        parts, where = [coordinates], ["coordinates"]
    else:
        parts = _parse_list(coordinates, "coordinates")
        where = [f"coordinates[{index}]" for index in range(len(parts))]
    if _count_points(parts) > MAX_POINTS:
        raise InvalidArea("area_large")
    return Area(tuple(_parse_polygon(part, at, latitude_first) for part, at in zip(parts, where, strict=True)))


def count_points(feature: Any) -> int:
    """How many positions a feature, or a geometry, has; 0 where it is none. Nothing of it is parsed."""
    geometry = feature.get("geometry", feature) if isinstance(feature, dict) else None
    if not isinstance(geometry, dict) or not isinstance(coordinates := geometry.get("coordinates"), list):
        return 0
    return _count_points([coordinates] if geometry.get("type") == "Polygon" else coordinates)


def _count_points(parts: list[Any]) -> int:
    """How many positions there are, before each is parsed, which takes seconds for as many as fit into MAX_SIZE."""
    rings = [ring for part in parts if isinstance(part, list) for ring in part if isinstance(ring, list)]
    return sum(map(len, rings))


def to_geometry(area: Area) -> str:
    """The GeoJSON of an area, as a bare geometry."""
    parts = [
        [[[x / UNIT, y / UNIT] for x, y in ring] for ring in polygon.rings]
        for polygon in area.polygons
    ]  # fmt: skip
    one = len(parts) == 1
    geometry = {"type": "Polygon" if one else "MultiPolygon", "coordinates": parts[0] if one else parts}
    return orjson.dumps(geometry).decode()


def _find_geometry(found: Any) -> dict[str, Any]:
    if isinstance(found, dict) and found.get("type") == "FeatureCollection":
        features = found.get("features")
        if not isinstance(features, list) or len(features) != 1:
            raise InvalidArea("area_one", "features")
        found = features[0]
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = found.get("geometry")
    if not isinstance(found, dict) or found.get("type") not in ("Polygon", "MultiPolygon"):
        raise InvalidArea("area_type")
    return found


def _parse_list(found: Any, where: str) -> list[Any]:
    if not isinstance(found, list) or not found:
        raise InvalidArea("area_empty", where)
    return found


def _parse_polygon(found: Any, where: str, latitude_first: bool) -> Polygon:
    listed = enumerate(_parse_list(found, where))
    rings = tuple(_parse_ring(ring, f"{where}[{index}]", latitude_first) for index, ring in listed)
    polygon = Polygon(rings)
    west, south, east, north = polygon.bounds
    for index, ring in enumerate(rings[1:], start=1):
        if not all(west <= x <= east and south <= y <= north for x, y in ring):
            raise InvalidArea("area_hole", f"{where}[{index}]")
    if polygon.size <= 0:
        raise InvalidArea("area_ring", f"{where}[0]")
    return polygon


def _parse_ring(found: Any, where: str, latitude_first: bool) -> Ring:
    """A closed line of four or more positions (RFC 7946, 3.1.6). Either winding is accepted, as it asks of parsers."""
    listed = enumerate(_parse_list(found, where))
    ring = tuple(_parse_point(point, f"{where}[{index}]", latitude_first) for index, point in listed)
    if len(ring) < 4:
        raise InvalidArea("area_ring", where)
    if ring[0] != ring[-1]:
        raise InvalidArea("area_open", where)
    return ring


def _parse_point(found: Any, where: str, latitude_first: bool) -> tuple[int, int]:
    """A position, longitude first (3.1.1) unless told otherwise. An altitude is ignored."""
    if not isinstance(found, list) or len(found) not in (2, 3) or any(type(one) not in (int, float) for one in found):
        raise InvalidArea("area_point", where)
    longitude, latitude = found[1::-1] if latitude_first else found[:2]
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise InvalidArea("area_range", where)
    return round(longitude * UNIT), round(latitude * UNIT)

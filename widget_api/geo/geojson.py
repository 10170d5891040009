"""Reads a territory as GeoJSON (RFC 7946), strictly: a wrong border would turn residents away for years."""

from __future__ import annotations

from typing import Any

import orjson

from widget_api.geo.model import UNIT, Area, Polygon, Ring

LARGEST = 2_000_000  # bytes
MOST_POINTS = 50_000  # the border of a large region at 100 m; simplify what has more


class NotAnArea(ValueError):
    """`code` names the text, `where` the place in the document."""

    def __init__(self, code: str, where: str = "") -> None:
        super().__init__(f"{code} {where}".strip())
        self.code, self.where = code, where


def read(text: str | bytes) -> Area:
    """A Polygon or MultiPolygon, alone, in a Feature or in a FeatureCollection of one. Raises NotAnArea."""
    if len(text) > LARGEST:
        raise NotAnArea("area_large")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise NotAnArea("area_json") from None
    geometry = _geometry(found)
    coordinates = geometry.get("coordinates")
    if geometry["type"] == "Polygon":
        parts, where = [coordinates], ["coordinates"]
    else:
        parts = _list(coordinates, "coordinates")
        where = [f"coordinates[{index}]" for index in range(len(parts))]
    area = Area(tuple(_polygon(part, at) for part, at in zip(parts, where, strict=True)))
    if area.points > MOST_POINTS:
        raise NotAnArea("area_large")
    return area


def written(area: Area) -> str:
    """The reverse, as a bare geometry."""
    parts = [
        [[[x / UNIT, y / UNIT] for x, y in ring] for ring in polygon.rings]
        for polygon in area.polygons
    ]  # fmt: skip
    one = len(parts) == 1
    geometry = {"type": "Polygon" if one else "MultiPolygon", "coordinates": parts[0] if one else parts}
    return orjson.dumps(geometry).decode()


def _geometry(found: Any) -> dict[str, Any]:
    if isinstance(found, dict) and found.get("type") == "FeatureCollection":
        features = found.get("features")
        if not isinstance(features, list) or len(features) != 1:
            raise NotAnArea("area_one", "features")
        found = features[0]
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = found.get("geometry")
    if not isinstance(found, dict) or found.get("type") not in ("Polygon", "MultiPolygon"):
        raise NotAnArea("area_type")
    return found


def _list(found: Any, where: str) -> list[Any]:
    if not isinstance(found, list) or not found:
        raise NotAnArea("area_empty", where)
    return found


def _polygon(found: Any, where: str) -> Polygon:
    rings = tuple(_ring(ring, f"{where}[{index}]") for index, ring in enumerate(_list(found, where)))
    polygon = Polygon(rings)
    west, south, east, north = polygon.bounds
    for index, ring in enumerate(rings[1:], start=1):
        if not all(west <= x <= east and south <= y <= north for x, y in ring):
            raise NotAnArea("area_hole", f"{where}[{index}]")
    if polygon.size <= 0:
        raise NotAnArea("area_ring", f"{where}[0]")
    return polygon


def _ring(found: Any, where: str) -> Ring:
    """A closed line of four positions or more (RFC 7946, 3.1.6); either winding is taken, as it asks of parsers."""
    ring = tuple(_point(point, f"{where}[{index}]") for index, point in enumerate(_list(found, where)))
    if len(ring) < 4:
        raise NotAnArea("area_ring", where)
    if ring[0] != ring[-1]:
        raise NotAnArea("area_open", where)
    return ring


def _point(found: Any, where: str) -> tuple[int, int]:
    """Longitude first (3.1.1); a height is passed over."""
    if not isinstance(found, list) or len(found) not in (2, 3) or any(type(one) not in (int, float) for one in found):
        raise NotAnArea("area_point", where)
    longitude, latitude = found[:2]
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise NotAnArea("area_range", where)
    return round(longitude * UNIT), round(latitude * UNIT)

"""Draw the published problems of a city on a map: each a link, and several of one place as their number in a ring.

One drawing without a script, so that the city's page shows it at once and everywhere. Marks keep their size in pixels
on every screen; therefore their places are shares of the drawing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from widget_api.browse import clusters
from widget_api.browse.listing import Filters
from widget_api.browse.map_frame import WIDTH, MapFrame
from widget_api.browse.queries import GROUPS, Bbox
from widget_api.database import Database

HEIGHT = 320
TILE = 192  # a tile has its 256 pixels where the drawing is 640 pixels wide
_APART = 64  # between marks: 44 pixels where the drawing is 330 wide, as on a phone
_EDGE = 30  # to the middle of a mark, which stays whole
_ROW = 56  # of marks that are walked through from left to right
_CLOSEST = 16  # a zoom that shows the streets around a single problem
_MIN_DEGREES = 0.002  # of the shown area
_ROUNDED = 1e-5  # degrees by which the corners of a box may be off


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One problem, with its number, or several: then with the box of all. `groups` has the count of each group."""

    x: float  # percent of the drawing
    y: float
    count: int
    groups: Mapping[str, int]
    bbox: Bbox | None
    number: int | None
    properties: Mapping[str, Any]  # those of the cluster (browse/clusters.py)


@dataclass(frozen=True, kw_only=True)
class CityMap:
    marks: Sequence[Mark]
    tiles: Sequence[tuple[str, int, int]]  # address and place
    total: int
    closest: bool  # no closer map would part the problems of a mark


async def read(database: Database, site_id: str, area: Bbox, today: date, tiles_zoom: int | None) -> CityMap:
    """Read the map of an area: as close as the problems inside let it be.

    `tiles_zoom` is the closest zoom that has tiles, None where there are none at all.
    """
    frame = _fit(area, tiles_zoom)
    features = await _read_features(database, site_id, frame, today)
    inside = _find_extent(features, area)
    if inside is not None and (closer := _fit(inside, tiles_zoom)).zoom > frame.zoom:
        frame = closer
        features = await _read_features(database, site_id, frame, today)
    marks = _merge_near(features, frame)
    return CityMap(
        marks=[one.finish(frame) for one in sorted(marks, key=lambda one: (one.y // _ROW, one.x))],
        tiles=frame.tiles() if tiles_zoom is not None else [],
        total=sum(one.count for one in marks),
        closest=frame.zoom == frame.closest,
    )


def _fit(area: Bbox, tiles_zoom: int | None) -> MapFrame:
    return MapFrame.fit(area, min(tiles_zoom or _CLOSEST, _CLOSEST), height=HEIGHT, tile=TILE)


async def _read_features(database: Database, site_id: str, frame: MapFrame, today: date) -> Sequence[Mapping[str, Any]]:
    """Clusters whose cells are twice as wide as a mark: of one zoom less, where they are a quarter of a tile."""
    area = frame.area()
    view = clusters.View(bbox=area, zoom=max(0, frame.zoom - 1), filters=Filters(bbox=area))
    found = await clusters.clusters(database, site_id, view, today)
    features: Sequence[Mapping[str, Any]] = found["features"]
    return features


def _find_extent(features: Iterable[Mapping[str, Any]], area: Bbox) -> Bbox | None:
    """The box around what lies in an area; None where nothing does."""
    west, south, east, north = area
    spots = [one["geometry"]["coordinates"] for one in features]
    inside = [(lng, lat) for lng, lat in spots if west <= lng <= east and south <= lat <= north]
    if not inside:
        return None
    lngs, lats = zip(*inside, strict=True)
    return widen((min(lngs), min(lats), max(lngs), max(lats)))


def widen(area: Bbox, by: float = _MIN_DEGREES / 2) -> Bbox:
    """An area with so many degrees more on each side."""
    west, south, east, north = area
    return max(-180.0, west - by), max(-85.0, south - by), min(180.0, east + by), min(85.0, north + by)


class _Group:
    """Clusters whose marks would cover each other, at the place of the largest."""

    def __init__(self, feature: Mapping[str, Any], x: float, y: float) -> None:
        self.x, self.y, self.count = x, y, 0
        self._features = list[Mapping[str, Any]]()
        self.add(feature)

    def add(self, feature: Mapping[str, Any]) -> None:
        self._features.append(feature)
        self.count += feature["properties"]["count"]

    def finish(self, frame: MapFrame) -> Mark:
        statuses, boxes = Counter[str](), list[Bbox]()
        for feature in self._features:
            properties = feature["properties"]
            statuses.update(properties.get("statuses") or {properties["status"]: 1})
            lng, lat = feature["geometry"]["coordinates"]
            boxes.append(tuple(properties.get("bbox") or (lng, lat, lng, lat)))
        wests, souths, easts, norths = zip(*boxes, strict=True)
        alone = self.count == 1
        of_group = {group: sum(statuses[status] for status in members) for group, members in GROUPS.items()}
        return Mark(
            x=round(100 * max(_EDGE, min(WIDTH - _EDGE, self.x)) / WIDTH, 2),
            y=round(100 * max(_EDGE, min(frame.height - _EDGE, self.y)) / frame.height, 2),
            count=self.count,
            groups={group: count for group, count in of_group.items() if count},
            bbox=None if alone else widen((min(wests), min(souths), max(easts), max(norths)), _ROUNDED),
            number=self._features[0]["properties"]["number"] if alone else None,
            properties=self._features[0]["properties"],
        )


def _merge_near(features: Iterable[Mapping[str, Any]], frame: MapFrame) -> list[_Group]:
    """The largest clusters keep their places, and take over what is too near to have a mark of its own."""
    groups = list[_Group]()
    for feature in sorted(features, key=lambda one: -one["properties"]["count"]):
        lng, lat = feature["geometry"]["coordinates"]
        x, y = frame.project(lat, lng)
        if not (0 <= x <= WIDTH and 0 <= y <= frame.height):
            continue  # of a cell that the edge of the drawing cuts
        near = min(groups, key=lambda one: math.dist((one.x, one.y), (x, y)), default=None)
        if near is not None and math.dist((near.x, near.y), (x, y)) < _APART:
            near.add(feature)
        else:
            groups.append(_Group(feature, x, y))
    return groups

"""Points, borders and distances, compared with plain definitions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from widget_api.geo import geojson, overlap
from widget_api.geo.model import (
    METRES_PER_DEGREE,
    UNIT,
    Area,
    Point,
    Polygon,
    box_around,
    boxes_overlap,
    distance,
    fitting_zoom,
    rectangle,
)
from widget_api.geo.overlap import measure_shares

SQUARE = ((0, 0), (10, 0), (10, 10), (0, 10), (0, 0))
HOLE = ((3, 3), (7, 3), (7, 7), (3, 7), (3, 3))
coordinate = st.integers(-12, 12)
point = st.tuples(coordinate, coordinate)
outline = st.lists(point, min_size=3, max_size=40).map(lambda points: (*points, points[0]))


def on_edge(a: Point, b: Point, x: int, y: int) -> bool:
    """By lengths: the point divides the edge, or is one of its ends."""
    (x1, y1), (x2, y2) = a, b
    if a == b:
        return (x, y) == a
    along = Fraction((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1), (x2 - x1) ** 2 + (y2 - y1) ** 2)
    return 0 <= along <= 1 and x == x1 + along * (x2 - x1) and y == y1 + along * (y2 - y1)


def oracle(polygon: Polygon, x: int, y: int) -> bool:
    """On an edge, or a ray to the east crosses an odd number of edges, each without its upper end."""
    edges = [edge for ring in polygon.rings for edge in pairwise(ring)]
    if any(on_edge(a, b, x, y) for a, b in edges):
        return True
    crossings = 0
    for (x1, y1), (x2, y2) in edges:
        low, high = sorted((y1, y2))
        if low <= y < high:
            crossings += x1 + Fraction((y - y1) * (x2 - x1), y2 - y1) > x
    return crossings % 2 == 1


@given(outline, st.lists(outline, max_size=3), point)
def test_a_point_is_inside_by_the_even_odd_rule_with_holes_or_without(
    ring: tuple[Point, ...], holes: list[tuple[Point, ...]], where: Point
) -> None:
    west, south, east, north = Polygon((ring,)).bounds
    assume(all(west <= x <= east and south <= y <= north for hole in holes for x, y in hole))
    polygon = Polygon((ring, *holes))
    assert polygon.covers(*where) is oracle(polygon, *where)


@given(st.floats(0, 2 * math.pi), st.floats(0.01, 0.97))
def test_borders_of_thousands_of_points_use_strips(angle: float, share: float) -> None:
    circle = [(round(math.cos(t / 1000 * math.pi) * 10**7), round(math.sin(t / 1000 * math.pi) * 10**7))
              for t in range(2000)]  # fmt: skip
    polygon = Polygon(((*circle, circle[0]),))
    assert len(polygon._bands[1]) == 250
    for inside, radius in ((True, share), (False, 2 - share)):
        x, y = round(math.cos(angle) * radius * 10**7), round(math.sin(angle) * radius * 10**7)
        assert polygon.covers(x, y) is inside


def test_edges_corners_and_holes() -> None:
    for where, inside in (
        ((1, 1), True),
        ((0, 0), True),  # corners
        ((10, 10), True),
        ((10, 5), True),  # edges
        ((5, 0), True),
        ((5, 5), False),  # in the hole
        ((3, 5), True),  # its edge
        ((3, 3), True),
        ((11, 5), False),
        ((5, -1), False),
        ((-1, 10), False),  # beside a horizontal edge
    ):
        assert Polygon((SQUARE, HOLE)).covers(*where) is inside


def test_one_part_of_several_is_enough_and_overlapping_parts_do_not_cancel() -> None:
    shifted = tuple((x + 5, y) for x, y in SQUARE)
    area = Area((Polygon((SQUARE,)), Polygon((shifted,))))
    for x, inside in ((1, True), (7, True), (14, True), (16, False)):
        assert area.covers(5 / UNIT, x / UNIT) is inside


# --- GeoJSON ---


def written(rings: list[list[list[float]]], kind: str = "Polygon") -> bytes:
    return orjson.dumps({"type": kind, "coordinates": rings})


TOWN = [[[38.7, 55.0], [38.9, 55.0], [38.9, 55.2], [38.7, 55.2], [38.7, 55.0]]]


def test_all_geojson_forms_of_a_territory_are_equivalent() -> None:
    for wrap in (
        lambda geometry: geometry,
        lambda geometry: {"type": "Feature", "properties": {"name": "Город"}, "geometry": geometry},
        lambda geometry: {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": geometry}]},
        lambda geometry: {"type": "MultiPolygon", "coordinates": [geometry["coordinates"]]},
    ):
        area = geojson.parse_area(orjson.dumps(wrap({"type": "Polygon", "coordinates": TOWN})))
        assert area.box == (38.7, 55.0, 38.9, 55.2)
        assert orjson.loads(geojson.to_geometry(area)) == {"type": "Polygon", "coordinates": TOWN}
        assert geojson.parse_area(geojson.to_geometry(area)) == area
        assert area.size == pytest.approx((0.2 * METRES_PER_DEGREE) ** 2 * math.cos(math.radians(55.1)))


DEEP = b'{"type":"Polygon","coordinates":' + b"[" * 5000 + b"]" * 5000 + b"}"


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        (b"", "area_json", ""),
        (b"\xff\xfe", "area_json", ""),
        (b"[]", "area_type", ""),
        (b"null", "area_type", ""),
        (b'{"type":"Point","coordinates":[38,55]}', "area_type", ""),
        (b'{"type":"Feature","geometry":null}', "area_type", ""),
        (b'{"type":"FeatureCollection","features":[]}', "area_one", "features"),
        (b'{"type":"FeatureCollection","features":[{},{}]}', "area_one", "features"),
        (b'{"type":"Polygon"}', "area_empty", "coordinates"),
        (b'{"type":"MultiPolygon","coordinates":{}}', "area_empty", "coordinates"),
        (b'{"type":"MultiPolygon","coordinates":[[]]}', "area_empty", "coordinates[0]"),
        (b'{"type":"Polygon","coordinates":[[[38,55],[39,55],[38,55]]]}', "area_ring", "coordinates[0]"),
        (b'{"type":"Polygon","coordinates":[[[38,55],[39,55],[40,55],[38,55]]]}', "area_ring", "coordinates[0]"),
        (b'{"type":"Polygon","coordinates":[[[38,55],[39,55],[39,56],[38,56]]]}', "area_open", "coordinates[0]"),
        (b'{"type":"Polygon","coordinates":[[[38,95],[39,55],[39,56],[38,95]]]}', "area_range", "coordinates[0][0]"),
        (b'{"type":"Polygon","coordinates":[[[38,55],[39,-1e308],[1,2],[38,55]]]}', "area_range", "coordinates[0][1]"),
        (b'{"type":"Polygon","coordinates":[[[38,55],["39",55]]]}', "area_point", "coordinates[0][1]"),
        (b'{"type":"Polygon","coordinates":[[[38,true]]]}', "area_point", "coordinates[0][0]"),
        (b'{"type":"Polygon","coordinates":[[[38]]]}', "area_point", "coordinates[0][0]"),
        (b'{"type":"Polygon","coordinates":[[[38,NaN]]]}', "area_json", ""),
        (b'{"type":"Polygon","coordinates":[[[1e999,1]]]}', "area_json", ""),
        (written([*TOWN, [[30.0, 55.0], [30.1, 55.0], [30.1, 55.1], [30.0, 55.0]]]), "area_hole", "coordinates[1]"),
        (written([[*TOWN[0][:4] * 13_000, TOWN[0][0]]]), "area_large", ""),
        (b'{"type":"Polygon","coordinates":[[' + b"0," * 50_000 + b"0]]}", "area_large", ""),  # counted before parsing
        (b" " * (geojson.MAX_SIZE + 1), "area_large", ""),
        (DEEP, "area_json", ""),
        (DEEP.replace(b"[" * 5000, b"[" * 900).replace(b"]" * 5000, b"]" * 900), "area_point", "coordinates[0][0]"),
    ],
)
def test_invalid_territories_are_reported_with_reason_and_position(text: bytes, code: str, where: str) -> None:
    with pytest.raises(geojson.InvalidArea) as refusal:
        geojson.parse_area(text)
    assert (refusal.value.code, refusal.value.where) == (code, where)


# --- distances and boxes ---

latitude, longitude = st.floats(-90, 90), st.floats(-180, 180)


@given(latitude, longitude, st.floats(0, 2 * math.pi), st.floats(0, 250))
def test_nearby_points_lie_in_the_bounding_box(lat: float, lng: float, angle: float, metres: float) -> None:
    """Also at the poles and across 180°."""
    assume(abs(lat) < 89.9)
    other_lat = lat + math.sin(angle) * metres / METRES_PER_DEGREE
    other_lng = lng + math.cos(angle) * metres / METRES_PER_DEGREE / math.cos(math.radians(lat))
    other_lng = (other_lng + 180) % 360 - 180
    assert distance(lat, lng, other_lat, other_lng) == pytest.approx(metres, abs=0.01)
    south, north, spans = box_around(lat, lng, 250.001)
    assert south <= other_lat <= north
    assert any(west <= other_lng <= east for west, east in spans)


@given(latitude, longitude)
def test_a_bounding_box_is_never_outside_the_world(lat: float, lng: float) -> None:
    south, north, spans = box_around(lat, lng, 250)
    assert -90 <= south <= lat <= north <= 90
    assert any(west <= lng <= east for west, east in spans)
    assert all(-180 <= west <= east <= 180 for west, east in spans)


def test_points_on_both_sides_of_180_degrees_are_near() -> None:
    assert distance(65.0, 179.999, 65.0, -179.999) == pytest.approx(94.1, abs=0.5)


def test_the_initial_view_shows_the_whole_box() -> None:
    for box, zoom in (
        ((38.5, 54.9, 39.1, 55.3), 9),
        ((38.76, 55.07, 38.80, 55.09), 13),
        ((-180.0, -85.0, 180.0, 85.0), 3),
        ((38.7, 55.0, 38.7001, 55.0001), 16),
    ):
        assert fitting_zoom(box) == zoom


def test_touching_boxes_and_crossing_strips_overlap() -> None:
    one = (0.0, 0.0, 1.0, 1.0)
    assert boxes_overlap(one, (1.0, 1.0, 2.0, 2.0))
    assert not boxes_overlap(one, (1.1, 0.0, 2.0, 1.0))
    assert rectangle(one).covers(1.0, 1.0)
    assert not rectangle(one).covers(1.0, 1.0000001)
    lying, standing = rectangle((0, 4, 10, 6)), rectangle((4, 0, 6, 10))
    assert lying.overlaps(standing)
    assert not lying.overlaps(rectangle((4, 7, 6, 10)))


def test_a_malicious_border_does_not_fill_the_memory() -> None:
    """Every edge is as tall as the whole territory, so it would be in every strip."""
    zigzag = [(index, (index % 2) * 10**6) for index in range(20_000)]
    polygon = Polygon(((*zigzag, (20_000, -1), zigzag[0]),))
    assert sum(map(len, polygon._bands[1])) < 10 * 20_000
    assert polygon.covers(11, 2)
    assert not polygon.covers(10, 2)


# --- the outline ---


def wavy(count: int, east: float = 40.0, wide: float = 1.0) -> Polygon:
    """A round territory with bays."""
    turns = (step / count * 2 * math.pi for step in range(count))
    ring = [
        (round((east + wide * (1 + math.sin(9 * turn) / 5) * math.cos(turn)) * UNIT),
         round((55 + wide * (1 + math.sin(9 * turn) / 5) * math.sin(turn)) * UNIT))
        for turn in turns
    ]  # fmt: skip
    return Polygon(((*ring, ring[0]),))


def aside(point: tuple[float, float], ring: list[list[float]]) -> float:
    """Degrees between a point and the nearest part of a ring."""
    x, y = point
    found = []
    for (x1, y1), (x2, y2) in pairwise(ring):
        length = (x2 - x1) ** 2 + (y2 - y1) ** 2
        part = max(0.0, min(1.0, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length)) if length else 0.0
        found.append(math.hypot(x - x1 - part * (x2 - x1), y - y1 - part * (y2 - y1)))
    return min(found)


def test_a_short_border_is_not_simplified_and_a_long_one_stays_close_to_the_original() -> None:
    area = Area((Polygon(tuple(tuple((x * UNIT, y * UNIT) for x, y in ring) for ring in (SQUARE, HOLE))),))
    assert area.outline == [[[float(x), float(y)] for x, y in ring] for ring in (SQUARE, HOLE)]
    polygon = wavy(4_000)
    (ring,) = Area((polygon,)).outline
    assert 4 <= len(ring) <= 1_000
    assert ring[0] == ring[-1]
    wide = max(x for x, _ in ring) - min(x for x, _ in ring)
    # A thousandth of the extent is less than a pixel when the whole is visible.
    assert max(aside((x / UNIT, y / UNIT), ring) for x, y in polygon.rings[0][::20]) < wide / 1_000


def test_of_many_rings_invisibly_small_ones_are_dropped_but_never_all() -> None:
    islet = wavy(12, east=41.5, wide=0.0002)
    assert len(Area((islet, wavy(50))).outline) == 1
    assert len(Area((islet,)).outline) == 1
    thin = Polygon((((0, 0), (10**7, 1), (2 * 10**7, 0), (0, 0)),))
    assert len(Area((thin,)).outline) == 1
    many = tuple(wavy(80, east=float(east), wide=0.3) for east in range(150))
    rings = Area(many).outline
    assert len(rings) <= 100
    assert sum(map(len, rings)) <= 1_000
    assert all(len(ring) >= 4 and ring[0] == ring[-1] for ring in rings)


@given(outline, outline)
def test_areas_with_a_common_corner_or_middle_overlap(one: tuple[Point, ...], other: tuple[Point, ...]) -> None:
    """Never where the boxes are apart; always of areas that touch at a corner, whichever is asked."""
    first, second = Area((Polygon((one,)),)), Area((Polygon((other,)),))
    assert first.overlaps(second) == second.overlaps(first)
    assert first.overlaps(first)
    if first.overlaps(second):
        assert boxes_overlap(first.box, second.box)
    if any(second.polygons[0].covers(x, y) for x, y in one):
        assert first.overlaps(second)


def _degrees(*rings: tuple[Point, ...]) -> Area:
    return Area((Polygon(tuple(tuple((x * UNIT // 100, y * UNIT // 100) for x, y in ring) for ring in rings)),))


def test_the_share_of_an_area_that_lies_in_another() -> None:
    for area, other, share in (
        (rectangle((0, 0, 4, 1)), rectangle((3, -5, 9, 5)), 1 / 4),
        (rectangle((0, 0, 4, 1)), rectangle((-1, 0.5, 5, 2)), 1 / 2),
        (rectangle((0, 0, 4, 1)), rectangle((5, 0, 6, 1)), 0),
        (rectangle((1, 1, 2, 2)), rectangle((0, 0, 9, 9)), 1),
        (_degrees(SQUARE, HOLE), _degrees(HOLE), 0),
        (_degrees(SQUARE), _degrees(SQUARE, HOLE), 84 / 100),
        (_degrees(((0, 0), (10, 0), (0, 10), (0, 0))), _degrees(HOLE), 8 / 50),
    ):
        assert measure_shares(area, [other, area]) == pytest.approx([share, 1], abs=0.005)


def test_a_border_that_crosses_each_parallel_hundreds_of_times_is_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    zigzag = [(step, 0 if step % 2 else 9) for step in range(900)]
    area, others = _degrees((*zigzag, (900, 10), (0, 10), (0, 9))), [rectangle((at, 1, at + 1, 2)) for at in range(80)]
    edges = list[object]()

    def counted(ring: tuple[Point, ...]) -> Iterator[tuple[Point, Point]]:
        edges.extend(ring)
        return pairwise(ring)

    monkeypatch.setattr(overlap, "pairwise", counted)
    assert len(measure_shares(area, others)) == 80
    assert len(edges) < 2000

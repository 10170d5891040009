"""Check the border of a territory before it is stored: its form, whether it lies where it is expected, and its line.

The registration, the desk, the commands, the operator's form, districts and routing rules take borders by
`parse_border` or `check_geometry`. A border with swapped coordinates or of another place would refuse every report, or
get none, and nobody would see why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from widget_api.errors import FieldError, Invalid
from widget_api.geo import geojson
from widget_api.geo.crossings import find_crossing
from widget_api.geo.model import UNIT, Area, Box, boxes_distance
from widget_api.geo.regions import COUNTRY, REGIONS
from widget_api.sites.model import Site

_REGION_MARGIN = 100_000  # metres around the settlements of a region


@dataclass(frozen=True)
class Place:
    """Where a border is expected: in the box of the site's map if it has one, else in the agency's region."""

    box: Box
    region: str = ""  # the first two digits of the INN; empty: the map's box

    @property
    def margin(self) -> float:
        return _REGION_MARGIN if self.region else 0


def find_place(bbox: Box | None, inn: str | None) -> Place | None:
    """Where a border is expected; None where neither a box nor a known region is declared."""
    if bbox is not None:
        return Place(bbox)
    region = (inn or "")[:2]
    return Place(REGIONS[region], region) if region in REGIONS else None


class WrongBorder(Invalid):
    """A border of the right form that must not be stored, with what a picture of it shows.

    `area` is the border, as it would be with its coordinates exchanged where `latitude_first`; `spot` is where it is
    wrong (latitude, longitude).
    """

    def __init__(
        self, error: FieldError, area: Area, place: Place | None, spot: tuple[float, float] | None = None
    ) -> None:
        super().__init__((error,))
        self.area, self.place, self.spot = area, place, spot
        self.latitude_first = error.code == "area_swapped"


def parse_border(text: str | bytes, place: Place | None = None, *, latitude_first: bool = False) -> Area:
    """The border in a GeoJSON text, whose coordinates are exchanged with `latitude_first`. Raises Invalid, WrongBorder.

    Takes one to two seconds of one core for the worst border of MAX_POINTS, with its picture: call it in a thread.
    """
    return check_geometry(load_document(text), place, latitude_first=latitude_first)


def load_document(text: str | bytes) -> Any:
    """The document in a GeoJSON text. Raises Invalid."""
    try:
        return geojson.load(text)
    except geojson.InvalidArea as error:
        raise _refuse_form(error) from None


def check_geometry(found: Any, place: Place | None = None, *, latitude_first: bool = False) -> Area:
    """`parse_border` of a document that is loaded already."""
    try:
        area = geojson.parse_geometry(found, latitude_first=latitude_first)
    except geojson.InvalidArea as error:
        # Of places east of longitude 90 a swapped coordinate is no latitude at all.
        if error.code == "area_range" and not latitude_first:
            _refuse_swapped(found, place)
        raise _refuse_form(error) from None
    wrong = check_position(area, place)
    if wrong is not None:
        if not latitude_first:
            _refuse_swapped(found, place)
        raise wrong
    if (spot := find_crossing(area)) is not None:
        raise WrongBorder(FieldError("area", "area_crosses", (("where", _write(*spot)),)), area, place, spot)
    return area


def _refuse_form(error: geojson.InvalidArea) -> Invalid:
    return Invalid((FieldError("area", error.code, (("where", error.where), ("max", geojson.MAX_POINTS))),))


def parse_part(found: Any, site: Site, *, latitude_first: bool = False) -> Area:
    """The border of a part of a site, such as a district, in a loaded document. Raises Invalid, WrongBorder.

    It has to touch the site's territory: «area_outside». Takes seconds for the largest: call it in a thread.
    """
    own = site.territory
    place = Place(own.box) if own else find_place(None, site.agency.inn)
    try:
        area = check_geometry(found, place, latitude_first=latitude_first)
    except WrongBorder as error:
        if error.fields[0].code == "area_elsewhere":
            error.fields = (FieldError("area", "area_outside"),)
        raise
    if own is not None and not own.overlaps(area):
        raise WrongBorder(FieldError("area", "area_outside"), area, place)
    return area


def check_position(area: Area, place: Place | None) -> WrongBorder | None:
    """What is wrong with the position of an area: outside the country, or far from where it is expected."""
    for polygon in area.polygons:
        if not any(_contains(box, polygon.box) for box in COUNTRY):
            corners = [(x / UNIT, y / UNIT) for x, y in polygon.rings[0]]
            outside = (one for one in corners if not any(_contains(box, (*one, *one)) for box in COUNTRY))
            lng, lat = next(outside, corners[0])  # one that crosses longitude 180 uncut has no corner outside
            return WrongBorder(
                FieldError("area", "area_abroad", (("where", _write(lat, lng)),)), area, place, (lat, lng)
            )
    if place is None:
        return None
    far = max(area.polygons, key=lambda one: boxes_distance(one.box, place.box))
    if (metres := boxes_distance(far.box, place.box)) <= place.margin:
        return None
    values = (("distance", max(1, round(metres / 1000))), ("region", place.region))
    error = FieldError("area", "area_far" if place.region else "area_elsewhere", values)
    return WrongBorder(error, area, place)


def _contains(box: Box, other: Box) -> bool:
    return box[0] <= other[0] and box[1] <= other[1] and other[2] <= box[2] and other[3] <= box[3]


def _write(lat: float, lng: float) -> str:
    return f"{lat:.5f}, {lng:.5f}"


def _refuse_swapped(found: Any, place: Place | None) -> None:
    """Raise WrongBorder if the border of a document would be in place with its coordinates exchanged."""
    try:
        area = geojson.parse_geometry(found, latitude_first=True)
    except geojson.InvalidArea:
        return
    if check_position(area, place) is None:
        raise WrongBorder(FieldError("area", "area_swapped"), area, place)

"""A made-up town full of problems, clustered on a grid as the service does it, for one page."""

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, Route, expect

from tests.support.city import FakeCity, problem
from tests.support.tiles import BBOX, CENTER
from tests.support.widget import ANY_ORIGIN, WidgetSite

ZOOM = 13
OPEN = ("in_progress", "forwarded", "planned", "reopened")
STATUSES = ("accepted", *OPEN, "resolved", "confirmed", "answered", "rejected")
GROUPS = {"new": ("accepted",), "done": ("resolved", "confirmed"), "working": OPEN}
TEXTS = ("Яма у подъезда", "Не горит фонарь у школы № 14", "Не вывозят мусор со двора", "Сломаны качели")
CATEGORIES = ("roads", "lighting", "garbage", "playgrounds")
Box = tuple[float, ...]


def scattered(widget_site: WidgetSite, count: int, seed: int = 4) -> list[dict[str, Any]]:
    """Problems around three places of the town."""
    chance = random.Random(seed)
    west, south, east, north = BBOX
    middles = [CENTER, (55.104, 38.738), (55.082, 38.806)]
    made = []
    for number in range(1, count + 1):
        lat, lng = chance.choice(middles)
        lat, lng = chance.gauss(lat, 0.005), chance.gauss(lng, 0.01)
        place = {"lat": min(max(lat, south), north), "lng": min(max(lng, west), east)}
        status = chance.choice(STATUSES)
        kind = chance.randrange(len(TEXTS))
        late = status in ("accepted", "in_progress") and number % 5 == 0
        made.append(
            problem(widget_site, number, TEXTS[kind], status, location=place, category=CATEGORIES[kind], overdue=late)
        )
    return made


def _square(place: dict[str, float], zoom: int) -> tuple[int, int]:
    """The grid cell of a problem: a quarter of a tile, 64 pixels."""
    squares = 2 ** (zoom + 2)
    down = (1 - math.asinh(math.tan(math.radians(place["lat"]))) / math.pi) / 2
    return int((place["lng"] + 180) / 360 * squares), int(down * squares)


def clusters(problems: Iterable[dict[str, Any]], box: Box, zoom: int) -> dict[str, Any]:
    """The answer of GET /clusters."""
    west, south, east, north = box
    squares: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for one in problems:
        place = one["location"]
        if west <= place["lng"] <= east and south <= place["lat"] <= north:
            squares[_square(place, zoom)].append(one)
    features = [_feature(found) for _, found in sorted(squares.items())]
    return {
        "type": "FeatureCollection",
        "features": features,
        "total": sum(feature["properties"]["count"] for feature in features),
        "partial": False,
    }


def _feature(found: list[dict[str, Any]]) -> dict[str, Any]:
    lats, lngs = [one["location"]["lat"] for one in found], [one["location"]["lng"] for one in found]
    properties: dict[str, Any]
    if len(found) == 1:
        (one,) = found
        names = ("number", "status", "overdue", "category")
        properties = {"count": 1, "title": one["description"]} | {name: one[name] for name in names}
    else:
        statuses: dict[str, int] = defaultdict(int)
        for one in found:
            statuses[one["status"]] += 1
        properties = {"count": len(found), "statuses": statuses}
        properties["bbox"] = [min(lngs), min(lats), max(lngs), max(lats)]
    middle = [sum(lngs) / len(lngs), sum(lats) / len(lats)]
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": middle}, "properties": properties}


class FakeCityMap:
    """Answers for the map of one page; create it before the page is opened. `asked` records the queries."""

    def __init__(self, page: Page, widget_site: WidgetSite, problems: list[dict[str, Any]], zoom: int = ZOOM) -> None:
        self.city = FakeCity(page, widget_site, zoom)
        self.city.problems = problems
        self.partial = False
        self.queries: list[dict[str, str]] = []
        self.failing = False
        self.holding = False
        self.delayed: list[Route] = []
        page.route(re.compile(r"/clusters\?"), self._clusters)
        page.route(re.compile(r"/problems\?.*bbox="), self._listed)

    def _clusters(self, route: Route) -> None:
        self.queries.append(self._query(route))
        if self.holding:
            self.delayed.append(route)
        elif self.failing:
            route.abort()
        else:
            self.answer(route)

    def answer(self, route: Route) -> None:
        query = self._query(route)
        body = clusters(self._chosen(query), self._box(query), int(query["zoom"]))
        route.fulfill(json=body | {"partial": self.partial}, headers=ANY_ORIGIN)

    def _listed(self, route: Route) -> None:
        query = self._query(route)
        west, south, east, north = self._box(query)
        there = [
            one
            for one in self._chosen(query)
            if west <= one["location"]["lng"] <= east and south <= one["location"]["lat"] <= north
        ]
        route.fulfill(json={"items": there[: int(query.get("limit", 20))], "next": None}, headers=ANY_ORIGIN)

    def _chosen(self, query: dict[str, str]) -> list[dict[str, Any]]:
        statuses = GROUPS.get(query.get("status", ""))
        return [one for one in self.city.problems if statuses is None or one["status"] in statuses]

    @staticmethod
    def _query(route: Route) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}

    @staticmethod
    def _box(query: dict[str, str]) -> Box:
        return tuple(map(float, query["bbox"].split(",")))


def city_map(page: Page, address: str) -> Locator:
    """Open the page and the widget and, where list and map do not stand side by side, switch to the map."""
    page.goto(address)
    widget = page.locator("igrajdanin-widget")
    if widget.get_attribute("view") != "inline":
        widget.get_by_role("button").first.click()
    map_ = page.get_by_role("button", name=re.compile("^(Карта|Map)$"))
    expect(page.locator("igrajdanin-widget :is(.city-ground, .pills)").first).to_be_visible()
    if not page.locator(".city-both").count():
        map_.click()
    ground = page.locator(".city-ground .ground")
    expect(ground).to_be_visible()
    return ground

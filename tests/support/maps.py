"""Open the widget's map and use it as people do: with fingers, mouse and keys."""

import json
import math
import re
import urllib.request
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.support.browser import rect
from tests.support.tiles import BBOX, CENTER, tile
from tests.support.widget import ANY_ORIGIN, WidgetSite, draw_twice, wait_until

ZOOM = 16  # from this zoom on a press places the pin
INSIDE = {"inside": True, "detail": None, "other": None}


def config(page: Page, widget_site: WidgetSite, **change: Any) -> None:
    """The site's configuration with a map of the made-up town; keywords change the map, `map=None` removes it."""
    town = {
        "center": CENTER,
        "zoom": ZOOM,
        "bbox": BBOX,
        "tiles": widget_site.service.url + "/tiles/{z}/{x}/{y}",
        "max_zoom": 19,
        "attribution": "© Участники OpenStreetMap",
    }

    def answer(route: Route) -> None:
        # Fetched here, not by the browser: a page that closes meanwhile would abort the request.
        with urllib.request.urlopen(route.request.url, timeout=20) as given:
            body = json.load(given)
        body["map"] = change["map"] if "map" in change else town | change
        route.fulfill(json=body, headers=ANY_ORIGIN)

    page.route(re.compile(r"\?lang="), answer)


def draw_tiles(page: Page) -> None:
    def answer(route: Route) -> None:
        found = re.search(r"/tiles/(\d+)/(\d+)/(\d+)$", route.request.url)
        assert found, route.request.url
        zoom, x, y = map(int, found.groups())
        route.fulfill(body=tile(zoom, x, y), content_type="image/png")

    page.route(re.compile("/tiles/"), answer)


def prepare(page: Page, widget_site: WidgetSite, **change: Any) -> None:
    config(page, widget_site, **change)
    draw_tiles(page)
    page.route(re.compile(r"/place\?"), lambda route: route.fulfill(json=INSIDE, headers=ANY_ORIGIN))


def to_place(page: Page, address: str) -> None:
    """Open the page and the widget and go to the question about the place, two steps on a phone."""
    page.goto(address)
    host = page.locator("igrajdanin-widget")
    if host.get_attribute("view") != "inline":
        host.get_by_role("button").first.click()
    expect(host.locator("form")).to_be_visible()
    if not page.locator("#address").is_visible():
        page.locator("#category input").first.click()
        next_step = page.locator("form .end .button:not([type])")
        page.locator("#description").fill("Яма на переходе")
        next_step.click()
    expect(page.locator("#address")).to_be_visible()


def show(page: Page) -> Locator:
    page.get_by_role("button", name=re.compile("^(Показать на карте|Show on the map)$")).click()
    ground = page.locator(".ground")
    expect(ground).to_be_visible()
    expect(page.locator(".leaflet-tile-loaded").first).to_be_attached()
    return ground


def opened_map(page: Page, address: str) -> Locator:
    to_place(page, address)
    return show(page)


def change_zoom(page: Page, button: str) -> None:
    """Press a zoom button and wait for the scale of the new zoom."""
    scale = page.locator(".scale")
    before = scale.evaluate("scale => scale.outerHTML")  # its length or its width
    page.get_by_role("button", name=button).click()
    wait_until(page, lambda: scale.evaluate("scale => scale.outerHTML") != before)


def expect_rest(page: Page) -> None:
    """Wait until no animation moves the map."""
    draw_twice(page)
    expect(page.locator(".leaflet-pan-anim, .leaflet-zoom-anim")).to_have_count(0)


def middle(ground: Locator) -> tuple[float, float]:
    ground.scroll_into_view_if_needed()
    box = rect(ground)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def away(dx: float, dy: float, zoom: int = ZOOM, start: tuple[float, float] = CENTER) -> tuple[float, float]:
    """The place that many pixels to the right of and below another one (web Mercator)."""
    world = 256 * 2**zoom
    lng = start[1] + dx / world * 360
    y = math.asinh(math.tan(math.radians(start[0]))) / math.pi - 2 * dy / world
    return math.degrees(math.atan(math.sinh(y * math.pi))), lng


# Drafts are written down before a page is left, and after a rest.
_DRAFT = """() => {
  document.dispatchEvent(new Event("visibilitychange"));
  const drafts = Object.values(localStorage).filter(text => text.startsWith("{")).map(text => JSON.parse(text));
  const [latest] = drafts.filter(draft => draft.values).sort((one, other) => other.at - one.at);
  return latest && latest.values.coordinates;
}"""


def coordinates(page: Page) -> tuple[float, float]:
    """The place of the report, as its draft has it."""
    found = str(page.wait_for_function(_DRAFT).json_value())
    assert re.fullmatch(r"\d+\.\d{6}, \d+\.\d{6}", found), found
    lat, lng = found.split(", ")
    return float(lat), float(lng)


def type_coordinates(page: Page, text: str) -> Locator:
    """Type coordinates below the map, which opens for it. Returns the field."""
    if not page.locator(".picker").count():
        page.locator("#map").click()
    field = page.get_by_label("Координаты")
    page.get_by_role("button", name="Ввести координаты").or_(field).click()
    field.fill(text)
    return field


def near(one: tuple[float, float], other: tuple[float, float], zoom: int = ZOOM, pixels: float = 1.5) -> bool:
    degree: float = 256 * 2**zoom / 360
    across = abs(one[1] - other[1]) * degree
    down = abs(one[0] - other[0]) * degree / math.cos(math.radians(one[0]))
    return max(across, down) <= pixels


class Fingers:
    """Touch input; only Chromium supports it."""

    def __init__(self, page: Page) -> None:
        self._page, self._session = page, page.context.new_cdp_session(page)

    def _send(self, kind: str, points: list[tuple[float, float]]) -> None:
        touch = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touch})

    def move(self, *ways: tuple[tuple[float, float], tuple[float, float]], steps: int = 10) -> None:
        """Move fingers, each from one point to another."""
        self._send("touchStart", [start for start, _ in ways])
        for step in range(1, steps + 1):
            part = step / steps
            points = [(a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part) for a, b in ways]
            self._send("touchMove", points)
            draw_twice(self._page)
        # Rest at the end: the browser forgets the momentum of a finger that has not moved for 40 ms.
        for _ in range(3):
            draw_twice(self._page)
        self._send("touchEnd", [])
        draw_twice(self._page)

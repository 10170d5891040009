"""Appearance of the city's map: marks that differ without colour, tiles in their place, and the border."""

import io
import re
from collections import Counter
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.support import maps
from tests.support.browse import settle
from tests.support.browser import NewPage, Watch, rect
from tests.support.clusters import ZOOM, FakeCityMap, city_map, scattered
from tests.support.tiles import CENTER
from tests.support.widget import ANY_ORIGIN, PHONE, POLL, WidgetSite, draw_twice, let_time_pass, wear

# One status of each shape, and an overdue problem.
STATUSES = (
    *("accepted", "forwarded", "in_progress", "planned"),
    *("resolved", "confirmed", "answered", "reopened"),
    *("redirected", "duplicate", "rejected"),
)
DEGREE = 256 * 2**ZOOM / 360  # pixels per degree of longitude
STEP = 112 / DEGREE
# theme, forced colours, system colour scheme
LOOKS = [
    ("light", "none", "light"),
    ("dark", "none", "light"),
    ("contrast", "none", "light"),
    ("contrast-black", "none", "light"),
    ("contrast-blue", "none", "light"),
    ("auto", "active", "light"),
    ("auto", "active", "dark"),
    ("light", "active", "dark"),
]
DARK = LOOKS[1]
# Number of tiles that do not fill their square.
MISPLACED_TILES = """all => all.filter(square => {
  const [one, other] = [square, square.firstChild].map(each => each.getBoundingClientRect());
  const { borderRadius } = getComputedStyle(square.firstChild);
  return borderRadius !== "0px" || ["x", "y", "width", "height"].some(name => one[name] !== other[name]);
}).length"""
Colour = tuple[int, ...]


def each_shape(widget_site: WidgetSite) -> list[dict[str, Any]]:
    """Three rows with one mark per shape, far enough apart not to be clustered; and one cluster of three below."""
    found = scattered(widget_site, len(STATUSES) + 3)
    for at, (one, status) in enumerate(zip(found, STATUSES, strict=False)):
        place = {"lat": CENTER[0] + 0.012 * (1 - at // 4), "lng": CENTER[1] + STEP * (at % 4 - 1.7)}
        one |= {"status": status, "overdue": status == "planned", "location": place}
    for one, status in zip(found[-3:], ("accepted", "resolved", "rejected"), strict=True):
        one |= {"status": status, "location": {"lat": CENTER[0] - 0.012, "lng": CENTER[1] + STEP * 1.3}}
    return found


def picture(page: Page, mark: Locator, side: int = 20) -> Image.Image:
    """Screenshot of the middle of a mark."""
    box = rect(mark)
    clip = {"x": box["x"] + (box["width"] - side) / 2, "y": box["y"] + (box["height"] - side) / 2}
    shot = page.screenshot(clip={**clip, "width": side, "height": side})  # type: ignore[arg-type]
    return Image.open(io.BytesIO(shot)).convert("RGB")


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio (WCAG 2.2, relative luminance)."""

    def luminance(colour: Colour) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def symbol_pixels(image: Image.Image) -> frozenset[tuple[int, int]]:
    """Pixels of the symbol: those with enough contrast to the colour of the corners."""
    width, height = image.size
    colours = {(x, y): image.getpixel((x, y)) for x in range(width) for y in range(height)}
    ground = Counter(colours[at] for at in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)))
    ((paper, _),) = ground.most_common(1)
    return frozenset(at for at, colour in colours.items() if contrast(colour, paper) >= 3)  # type: ignore[arg-type]


def test_marks_and_ground_in_every_appearance(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """Marks differ by shape and clusters by their ring; a mark that is chosen keeps its shape and looks different."""
    FakeCityMap(desktop, widget_site, each_shape(widget_site))
    city_map(desktop, widget_site.page(widget_site.snippet('type="extended" data-start="list"')))
    expect(desktop.locator(".mark.one")).to_have_count(len(STATUSES))
    expect(desktop.locator(".leaflet-tile-loaded img").first).to_be_attached()
    assert desktop.locator(".leaflet-tile-loaded").evaluate_all(MISPLACED_TILES) == 0, "as pictures of cards would be"
    assert [request.url for request in watch.requests if request.url.endswith("/area")] == [], "the site has no border"
    mark, before = desktop.locator(".mark.one").first, dict[tuple[str, ...], bytes]()
    for look in LOOKS:
        show(desktop, *look)
        check_shapes(desktop)
        check_cluster(desktop)
        before[look] = picture(desktop, mark, side=32).tobytes()
        if look == DARK:
            check_dark_tiles(desktop)
    mark.press("Enter")
    expect(mark).to_have_class(re.compile(r"\bon\b"))
    for look in LOOKS:
        show(desktop, *look)
        assert 16 <= len(symbol_pixels(picture(desktop, mark))) <= 20 * 20 - 16
        assert picture(desktop, mark, side=32).tobytes() != before[look]


def show(page: Page, theme: str, forced: Any, scheme: Any) -> None:
    page.emulate_media(forced_colors=forced, color_scheme=scheme, reduced_motion="reduce")
    wear(page, theme)
    page.mouse.move(5, 5)
    draw_twice(page)


def check_shapes(look: Page) -> None:
    """Marks differ by shape alone."""
    shapes = dict[str, frozenset[tuple[int, int]]]()
    for mark in look.locator(".mark.one").all():
        label = mark.get_attribute("aria-label") or ""
        shapes[label.partition(":")[0]] = symbol_pixels(picture(look, mark))
    assert len(shapes) == len(STATUSES)
    assert all(len(shape) >= 16 for shape in shapes.values()), {name: len(shape) for name, shape in shapes.items()}
    names = list(shapes)
    for at, name in enumerate(names):
        for other in names[at + 1 :]:
            assert len(shapes[name] ^ shapes[other]) >= 16, f"{name} looks like {other}"


def check_cluster(look: Page) -> None:
    """Clusters show their count, and a wider ring for open problems."""
    cluster = look.locator(".mark.many")
    expect(cluster).to_have_text("3")
    assert len(symbol_pixels(picture(look, cluster, side=16))) >= 16
    expect(cluster).to_have_attribute("title", "Скопление: 3 сообщения, 1 новое, 1 решено, 1 закрыто")
    widths = cluster.locator("circle").evaluate_all(
        "all => all.map(one => parseFloat(getComputedStyle(one).strokeWidth))"
    )
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 3
    # The ring is visible: background, ring and edge follow from the middle to the right.
    box = rect(cluster)
    whole = picture(look, cluster, side=int(box["width"]))
    row = [whole.getpixel((x, whole.height // 2)) for x in range(whole.width // 2 + 12, whole.width)]
    assert max(contrast(row[0], colour) for colour in row) >= 3  # type: ignore[arg-type]


def check_dark_tiles(page: Page) -> None:
    """Only the tiles are inverted in the dark theme; marks keep their colours and have contrast."""
    shot = Image.open(io.BytesIO(page.locator("igrajdanin-widget .ground").screenshot())).convert("RGB")
    counts = sorted((shot.getcolors(shot.width * shot.height) or []), reverse=True)
    ground: Colour = counts[0][1]  # type: ignore[assignment]
    assert ground != (0x12, 0x17, 0x1D)
    assert contrast(ground, (0x12, 0x17, 0x1D)) < 1.6
    for colour in page.locator(".mark.one").evaluate_all("all => all.map(one => getComputedStyle(one).color)"):
        assert contrast(ground, tuple(map(int, re.findall(r"\d+", colour)))) >= 4.5, colour


def test_the_border_is_fetched_with_the_map_and_drawn_in_place(
    new_page: NewPage, watch: Watch, widget_site: WidgetSite
) -> None:
    phone = new_page(viewport=PHONE)
    FakeCityMap(phone, widget_site, scattered(widget_site, 5))
    maps.config(phone, widget_site, zoom=ZOOM, outlined=True)
    across, down = 0.01, 0.006
    west, east, south, north = CENTER[1] - across, CENTER[1] + across, CENTER[0] - down, CENTER[0] + down
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    answer = {"type": "MultiLineString", "coordinates": [ring]}
    phone.route(re.compile("/area$"), lambda route: route.fulfill(json=answer, headers=ANY_ORIGIN))
    phone.goto(widget_site.page(widget_site.snippet('type="extended" data-start="list"')))
    phone.locator("igrajdanin-widget").get_by_role("button").first.click()
    expect(phone.locator("igrajdanin-widget .card").first).to_be_visible()
    let_time_pass(phone)
    assert [request.url for request in watch.requests if request.url.endswith("/area")] == []
    phone.get_by_role("button", name="Карта", exact=True).click()
    line = phone.locator(".border path").last
    expect(line).to_be_attached()
    for zoom in (ZOOM, ZOOM + 1):
        drawn, ground = rect(line), rect(phone.locator(".city-ground .ground"))
        assert drawn["width"] == pytest.approx(2 * across * 256 * 2**zoom / 360, abs=3)
        assert drawn["x"] + drawn["width"] / 2 == pytest.approx(ground["x"] + ground["width"] / 2, abs=2)
        assert drawn["y"] + drawn["height"] / 2 == pytest.approx(ground["y"] + ground["height"] / 2, abs=2)
        phone.locator(".city-ground .ground").press("+")
        maps.expect_rest(phone)
    # The border takes no pointer events.
    assert line.evaluate("one => getComputedStyle(one).pointerEvents") == "none"


def test_a_cluster_across_the_edge_makes_the_count_approximate(desktop: Page, widget_site: WidgetSite) -> None:
    """How many problems of such a cluster are inside the view is unknown."""
    problems = scattered(widget_site, 2)
    town = FakeCityMap(desktop, widget_site, problems)
    for one in problems:
        one["location"] = {"lat": CENTER[0], "lng": CENTER[1]}
    ground = city_map(desktop, widget_site.page(widget_site.snippet('type="extended" data-start="list"')))
    seen = desktop.locator(".city-ground .states [role=status]")
    expect(seen).to_have_text("На карте 2 сообщения")
    box = rect(ground)
    ground.press("ArrowRight")  # by 80 pixels, so that the edge crosses the middle of a grid cell
    edge = CENTER[1] + (box["width"] / 2 + 80) / DEGREE
    # Both are in the grid cell of 64 pixels that the edge crosses.
    beyond = 64 - (edge + 180) * DEGREE % 64
    assert 8 < beyond < 56
    for one, pixels in zip(problems, (beyond - 60, beyond - 4), strict=True):
        one["location"] = {"lat": CENTER[0], "lng": edge + pixels / DEGREE}
    town.city.problems = [*problems]
    desktop.clock.run_for(POLL)
    expect(seen).to_have_text(re.compile("^На карте ≈\u00a0[02] сообщени"))
    for _ in range(3):
        ground.press("ArrowRight")
    expect(seen).to_have_text("На карте 2 сообщения")


def test_the_popup_of_a_mark_is_fully_visible_and_does_not_cover_it(new_page: NewPage, widget_site: WidgetSite) -> None:
    phone = new_page(viewport=PHONE)
    for count in (1, 12):
        problems = scattered(widget_site, count)
        for one in problems:
            one |= {"description": "Не восстановили асфальт после ремонта сетей, остановка в яме. " * 2}
            one |= {"location": {"lat": CENTER[0] - 0.014, "lng": CENTER[1]}}
        FakeCityMap(phone, widget_site, problems)
        city_map(phone, widget_site.page(widget_site.snippet('type="extended" data-start="list"')))
        mark = phone.locator(".mark")
        expect(mark).to_have_count(1)
        phone.locator(".city-ground").evaluate("one => one.scrollIntoView({ block: 'center' })")
        mark.click()
        preview = phone.locator(".preview")
        expect(preview.get_by_role("link")).to_have_count(count)
        settle(phone)  # the map has made room for it
        there, box = rect(mark), rect(preview)
        assert there["y"] + there["height"] <= box["y"] + 12  # a mark is smaller than its target area
        assert box["y"] + box["height"] <= 740

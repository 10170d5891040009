"""Districts are drawn on a map in the cabinet, by which the border gets into the field of the form."""

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support import axe
from tests.support.browser import NewPage, Watch, rect
from tests.support.processes import Service
from tests.support.town import Town
from widget_api import journal
from widget_api.addresses import service as addresses
from widget_api.addresses.files import Place
from widget_api.database import Database
from widget_api.sites import routing_rules
from widget_api.sites import service as sites

BOUNDS = (38.7, 55.0, 38.9, 55.1)


def click(page: Page, x: float, y: float) -> None:
    """Click a place of the map, given in shares of its width and height."""
    svg = page.locator(".draw-map svg")
    svg.scroll_into_view_if_needed()
    box = rect(svg)
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def border(page: Page) -> list[list[float]]:
    text = page.input_value("[name=area]")
    return list(json.loads(text)["coordinates"][0]) if text else []


def test_a_district_is_drawn_on_a_map_that_moves(service: Service, new_page: NewPage, watch: Watch) -> None:
    town = Town.found(service, "admin", bbox=BOUNDS)
    page = town.sign_in(new_page(viewport={"width": 1280, "height": 900}))
    page.goto(f"{town.desk}/districts")
    check_moving(page)
    page.reload()
    check_drawing(page)
    page.goto(f"{town.desk}/districts")
    check_without_script(page, watch)
    check_without_picture(page, watch)
    check_place_of_a_caller(town, page)
    check_house_by_borders(town, page)
    check_rule_at_an_address(town, page)


def check_moving(page: Page) -> None:
    """The map is moved and shows what is pasted."""
    svg = page.locator(".draw-map svg")
    svg.scroll_into_view_if_needed()
    box, before = rect(svg), page.get_attribute(".draw-map .territory", "d")
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 140)
    page.mouse.up()
    assert page.get_attribute(".draw-map .territory", "d") != before
    assert border(page) == []
    page.click("[data-do=in]")
    ring = [[38.75, 55.02], [38.8, 55.02], [38.8, 55.06], [38.75, 55.02]]
    page.fill("[name=area]", json.dumps({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}}))
    page.locator("[name=area]").blur()
    expect(page.locator(".draw-map .corner")).to_have_count(3)
    page.click("[data-do=clear]")
    assert page.input_value("[name=area]") == ""
    expect(page.locator(".draw-map .drawn")).to_have_count(0)


def check_drawing(page: Page) -> None:
    """Corner by corner."""
    status = page.locator(".draw-map [role=status]")
    expect(status).to_contain_text("первого угла")
    expect(page.locator("[data-do=undo]:disabled")).to_have_css("text-decoration-line", "none")
    for x, y in ((0.3, 0.3), (0.6, 0.3), (0.6, 0.6)):
        click(page, x, y)
    expect(page.locator(".draw-map .corner")).to_have_count(3)
    assert len(border(page)) == 4
    click(page, 0.8, 0.8)
    page.click("[data-do=undo]")
    click(page, 0.3, 0.6)
    click(page, 0.3, 0.3)
    expect(status).to_contain_text("замкнута")
    click(page, 0.9, 0.9)  # nothing is added to a closed border
    drawn = border(page)
    assert len(drawn) == 5
    assert drawn[0] == drawn[-1]
    (west, north), (east, south) = drawn[0], drawn[2]
    assert BOUNDS[0] < west < east < BOUNDS[2]
    assert BOUNDS[1] < south < north < BOUNDS[3]

    page.fill("[name=name]", "Северный")
    page.click("form.card button.primary")
    expect(page.locator("[role=status].good")).to_be_visible()
    expect(page.locator(".draw-map .other title")).to_have_text("Северный")
    page.click("table a")
    assert border(page) == drawn
    expect(page.locator(".draw-map .corner")).to_have_count(4)
    assert axe.violations(page) == []


def check_without_script(page: Page, watch: Watch) -> None:
    """The form is the same."""
    watch.allow("ERR_FAILED")
    with_script = page.locator("form.card [name]").evaluate_all("all => all.map(one => one.name)")
    page.route("**/district.js*", lambda route: route.abort())
    page.reload()
    expect(page.locator(".draw-map")).to_be_hidden()
    assert page.locator("form.card [name]").evaluate_all("all => all.map(one => one.name)") == with_script
    page.unroute("**/district.js*")


def test_the_place_of_a_report_is_put_right_on_a_map(service: Service, new_page: NewPage) -> None:
    town = Town.found(service, "agent", bbox=BOUNDS)
    town.report("Яма")
    page = town.sign_in(new_page(viewport={"width": 360, "height": 800}), to="problems")
    page.locator(".inbox .c-text a").click()
    page.get_by_role("link", name="Исправить сообщение").click()
    expect(page.locator(".draw-map .corner")).to_have_count(1)
    south, west = (float(one) for one in page.input_value("#field-place").split(";"))
    click(page, 0.6, 0.4)  # to the north-east of the middle, where the point was
    lat, lng = (float(one) for one in page.input_value("#field-place").split(";"))
    assert south < lat < BOUNDS[3]
    assert west < lng < BOUNDS[2]
    expect(page.locator("[data-do=undo]")).to_have_count(0)
    assert axe.violations(page) + axe.horizontal_overflow(page) == []
    page.get_by_role("button", name="Исправить", exact=True).click()
    expect(page.locator(".notice.good")).to_be_visible()
    expect(page.locator("#field-place")).to_have_value(f"{lat:.5f}; {lng:.5f}")
    page.click("[data-do=clear]")
    expect(page.locator("#field-place")).to_have_value("")
    page.fill("#field-place", "55.06, 38.81")
    page.locator("#field-place").blur()
    expect(page.locator(".draw-map .corner")).to_have_count(1)


def check_place_of_a_caller(town: Town, page: Page) -> None:
    """An address that the site has is its place too, and the place has the address of the nearest house."""
    west, south, east, north = BOUNDS
    houses = [Place("улица Мира", "5", (south + north) / 2, (west + east) / 2), Place("улица Мира", "7", south, west)]
    town.use_database(lambda database: addresses.load(database, town.site.id, houses, journal.COMMAND_LINE))
    page.goto(f"{town.service.url}/cabinet/new-report")
    expect(page.locator(".draw-map [role=status]")).to_contain_text("Нажмите на место проблемы")
    click(page, 0.5, 0.5)
    lat, lng = (float(one) for one in page.input_value("[name=coordinates]").replace(";", ",").split(","))
    assert south < lat < north
    assert west < lng < east
    expect(page.locator("[name=address]")).to_have_value("улица Мира, 5")
    page.fill("[name=address]", "ул мира 7")
    page.get_by_role("option", name="улица Мира, 7").click()
    expect(page.locator("[name=coordinates]")).to_have_value(f"{south:.6f}, {west:.6f}")
    expect(page.locator(".draw-map .corner")).to_have_count(1)
    page.select_option("[name=channel]", "phone")
    page.select_option("[name=category]", index=1)
    page.fill("[name=description]", "Во дворе третий день не горит ни один фонарь")
    page.fill("[name=phone]", "+7 900 000-00-01")
    page.check("[name=consent]")
    assert "consent" not in page.evaluate("Object.keys(sessionStorage).join()"), "each author is asked"
    page.click("button.primary")
    entered = page.locator("main a[href*='/cabinet/problems/']").first.get_attribute("href")
    page.get_by_role("link", name="Внести ещё одно").click()
    expect(page.locator("[name=phone]")).to_have_value("")  # which is the caller's before
    expect(page.locator(".draft")).to_have_count(0)
    page.goto(f"{town.service.url}{entered}")
    expect(page.locator("#facts")).to_contain_text(f"{south:.5f}, {west:.5f}")


def check_without_picture(page: Page, watch: Watch) -> None:
    """A map of one region has no pictures outside it."""
    watch.allow("404")
    asked = list[str]()

    def with_map(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub("(zoom&#34;: ?)null", r"\g<1>14", answer.text()))

    def without_picture(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=404)

    page.route("**/districts", with_map)
    page.route("**/tiles/**", without_picture)
    page.reload()
    page.click("[data-do=in]")
    expect(page.locator(".draw-map svg image")).to_have_count(0)
    assert asked


def check_house_by_borders(town: Town, page: Page) -> None:
    """A house of those above shows on which side of a border it stands; keys send nothing and save nothing."""
    page.goto(f"{town.desk}/districts")
    saved = page.locator("tbody tr").count()
    house, verdict = page.get_by_label("Найти дом на карте"), page.locator("[data-inside]")
    ring = [[38.79, 55.03], [38.81, 55.03], [38.81, 55.07], [38.79, 55.07], [38.79, 55.03]]
    hole = [[38.799, 55.049], [38.801, 55.049], [38.801, 55.051], [38.799, 55.051], [38.799, 55.049]]

    def paste(*rings: list[list[float]]) -> None:
        page.fill("[name=area]", json.dumps({"type": "Polygon", "coordinates": rings}))
        page.locator("[name=area]").blur()

    house.fill("мира 5")
    page.get_by_role("option", name="улица Мира, 5").click()
    svg, spot = page.locator(".draw-map svg"), page.locator(".draw-map .spot")
    outer, inner = rect(svg), rect(spot)
    assert inner["x"] + inner["width"] / 2 == pytest.approx(outer["x"] + outer["width"] / 2, abs=2)
    assert inner["y"] + inner["height"] / 2 == pytest.approx(outer["y"] + outer["height"] / 2, abs=2)
    expect(verdict).to_have_text("")
    for rings, expected in (((ring,), "внутри границы"), ((ring, hole), "за пределами"), ((hole,), "внутри границы")):
        paste(*rings)
        expect(verdict).to_contain_text(expected)
    assert axe.violations(page) == []
    house.press("Enter")
    house.fill("мира 7")
    expect(spot).to_have_count(0)
    expect(verdict).to_have_text("")
    page.get_by_role("option", name="улица Мира, 7").wait_for()
    house.press("ArrowDown")
    house.press("Enter")
    expect(verdict).to_contain_text("за пределами")
    house.press("Enter")
    expect(page).to_have_url(re.compile("/districts$"))
    expect(page.locator("tbody tr")).to_have_count(saved)

    page.goto(page.url.replace("/districts", "/territory"))
    house.fill("мира 7")
    page.get_by_role("option", name="улица Мира, 7").click()
    expect(spot).to_have_count(1)
    paste(ring)
    expect(verdict).to_contain_text("за пределами")
    page.set_viewport_size({"width": 360, "height": 800})
    assert axe.violations(page) + axe.horizontal_overflow(page) == []


def check_rule_at_an_address(town: Town, page: Page) -> None:
    async def add_rules(database: Database) -> None:
        agency = await sites.add_agency(
            database, name="Служба центра", email="centre@gorod.test", parent_id=town.site.agency.id
        )
        ring = [[38.79, 55.03], [38.81, 55.03], [38.81, 55.07], [38.79, 55.07], [38.79, 55.03]]
        area = json.dumps({"type": "Polygon", "coordinates": [ring]})
        rule = {"service": agency, "where": routing_rules.OWN_AREA, "area": area, "area_name": "Центр"}
        await routing_rules.add_rule(database, town.site.id, rule)

    town.use_database(add_rules)
    page.goto(f"{town.service.url}/cabinet/organisation/routing")
    address, answer = page.get_by_label("Адрес", exact=False).first, page.locator("#try-title ~ .notice")
    for typed, expected in (("мира 5", "Правило: Все категории — Центр"), ("мира 7", "Подходящего правила нет")):
        address.fill(typed)
        page.get_by_role("option", name=re.compile(f"Мира, {typed[-1]}$")).click()
        page.get_by_role("button", name="Проверить").click()
        expect(answer).to_contain_text(expected)
        expect(address).to_have_value(f"улица Мира, {typed[-1]}")
        address.fill("мира 999")
        address.press("Enter")  # the place was that of the house before
        expect(answer).to_contain_text("Подходящего правила нет: сообщение останется у ведомства. Дома по этому адресу")
    page.select_option("[name=where]", label="Своя граница")
    page.get_by_label("Найти дом на карте").fill("мира 5")
    page.get_by_role("option", name="улица Мира, 5").click()
    expect(page.locator(".draw-map .spot")).to_have_count(1)
    assert axe.violations(page) == []

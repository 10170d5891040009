"""Filters of the city's list: their requests, results, announcements and URL parameters."""

import json
import re
import urllib.request
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Locator, Page, Route, expect

from tests.support.browse import CARD, browse, extended, hash_of
from tests.support.browser import arrived
from tests.support.city import NOW
from tests.support.widget import WidgetSite, draw_twice

DEMO_PROBLEMS = 45


def expected_numbers(widget_site: WidgetSite, query: str) -> list[str]:
    """Numbers on the service's own first page, in order."""
    with urllib.request.urlopen(f"{widget_site.api}/problems?{query}", timeout=20) as answer:
        return [f"problem-{item['number']}" for item in json.load(answer)["items"]]


def expect_cards(page: Page, expected: list[str]) -> None:
    """Assert that the list shows exactly these cards, in this order."""
    expect(page.locator(".stale")).to_have_count(0)
    expect(page.locator(CARD)).to_have_count(len(expected))
    assert page.locator(CARD).evaluate_all("all => all.map(one => one.id)") == expected


ORDERS = {
    "updated": ("Недавно изменённые", "Изменено"),
    "support": ("По числу голосов", r"\d+ голос"),
    "due": ("Скоро срок ответа", "Ответ до"),
    "new": ("Сначала новые", r"^(?!.*голос|Изменено|Ответ)"),
}


def test_each_filter_changes_the_list_its_address_and_what_is_announced(desktop: Page, widget_site: WidgetSite) -> None:
    page = desktop
    cards = browse(page, extended(widget_site))
    check_chips(page, cards, widget_site)
    reset(page)
    page.get_by_role("button", name="Просроченные").click()
    expect(page.get_by_text("Выбрано: Просроченные")).to_be_visible()
    late = expected_numbers(widget_site, "overdue=true")
    assert late, "the generated city has overdue problems"
    expect_cards(page, late)
    for text in cards.all_inner_texts():
        assert "Просрочено" in text
    assert hash_of(page) == {"overdue": "true"}
    reset(page)
    check_search(page, cards, widget_site)
    check_orders(page, widget_site)
    check_further_filters(page)
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 55.1, "longitude": 38.77})
    with page.expect_request(re.compile("bbox=38.7543%2C55.0910%2C38.7857%2C55.1090")):
        page.get_by_role("button", name="Рядом со мной").click()
    expect(page.get_by_text("Выбрано: Рядом со мной")).to_be_visible()


def reset(page: Page) -> None:
    page.get_by_role("button", name="Сбросить").first.click()
    assert hash_of(page) == {}
    expect(page.locator(CARD)).to_have_count(20)


def check_chips(page: Page, cards: Locator, widget_site: WidgetSite) -> None:
    chip = page.get_by_role("button", name="Решено", exact=True)
    following: list[Route] = []
    page.route(re.compile("cursor="), lambda route: following.append(route))
    page.get_by_role("button", name="Показать ещё").click()
    late = arrived(page, following)
    with page.expect_request(re.compile(r"/problems\?status=done$")):
        chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status").filter(has_text=re.compile("Найдено|Показаны"))).to_be_visible()
    for text in cards.all_inner_texts():
        assert "Решено" in text or "Подтверждено автором" in text
    # A page of the list that was asked for before is no part of this one.
    with page.expect_response(re.compile("cursor=")) as answer:
        late.continue_()
    answer.value.finished()
    draw_twice(page)
    expect_cards(page, expected_numbers(widget_site, "status=done"))
    assert hash_of(page) == {"status": "done"}
    page.get_by_role("button", name="В работе", exact=True).click()
    expect(page.get_by_text("Выбрано: Решено · В работе")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="В работе", exact=True)).to_have_attribute("aria-pressed", "false")
    assert hash_of(page) == {"status": "done"}
    page.go_back()
    expect(chip).to_have_attribute("aria-pressed", "false")
    expect(cards).to_have_count(20)
    page.go_forward()
    expect(chip).to_have_attribute("aria-pressed", "true")


def check_search(page: Page, cards: Locator, widget_site: WidgetSite) -> None:
    """«фонарями» finds «фонарь», in descriptions and addresses alike; from an empty result one button leads back."""
    search = page.get_by_label("Поиск по тексту и адресу")
    expected = expected_numbers(widget_site, "q=" + quote("фонарь"))
    assert expected
    search.fill("фонарями")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Выбрано: «фонарями»")).to_be_visible()
    expect_cards(page, expected)
    assert "фонарями" not in "".join(cards.all_inner_texts())
    search.fill("щщщщщ")
    expect(page.get_by_role("heading", name="По этим условиям ничего не нашлось")).to_be_visible()
    page.locator(".panel").get_by_role("button", name="Сбросить").click()
    expect(cards).to_have_count(20)
    expect(search).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Показаны первые 20")).to_be_visible()


def check_orders(page: Page, widget_site: WidgetSite) -> None:
    """Each card shows the criterion of the order."""
    page.get_by_role("button", name="Фильтры").click()
    expect(page.get_by_label("Категория", exact=True)).to_be_visible()
    expect(page.get_by_label("Район", exact=True)).to_have_count(0)
    for sort, (order, says) in ORDERS.items():
        page.get_by_label("Порядок", exact=True).select_option(label=order)
        expect(page.locator(f"{CARD} > .muted").first).to_have_text(re.compile(rf" · {says.lstrip('^')}[^·]*$"))
        expect_cards(page, expected_numbers(widget_site, f"sort={sort}"))
        for text in page.locator(f"{CARD} > .muted").all_inner_texts():
            assert re.search(says, text.rpartition(" · ")[2])


def check_further_filters(page: Page) -> None:
    page.clock.set_fixed_time(NOW)  # dates of another year are shown with it
    with page.expect_request(re.compile(r"category=roads")):
        page.get_by_label("Категория", exact=True).select_option("roads")
    with page.expect_request(re.compile(r"since=\d{4}-\d\d-\d\d")):
        page.get_by_label("Период").select_option("week")
    with page.expect_request(re.compile("sort=support")):
        page.get_by_label("Порядок", exact=True).select_option("support")
    expect(page.get_by_text("Выбрано: Дороги и тротуары · За неделю")).to_be_visible()
    page.get_by_label("Период").select_option("own")
    page.get_by_label("С", exact=True).fill("2026-01-02")
    page.get_by_label("По", exact=True).fill("2026-02-03")
    expect(page.locator("igrajdanin-widget .chosen")).to_contain_text(re.compile(r"· с 2\sянваря по 3\sфевраля"))
    assert hash_of(page) == {"category": "roads", "since": "2026-01-02", "until": "2026-02-03", "sort": "support"}
    page.get_by_role("button", name="Сбросить").first.click()
    assert hash_of(page) == {}
    expect(page.get_by_label("Период")).to_have_value("")


def test_districts_are_offered_where_the_site_has_any(desktop: Page, widget_site: WidgetSite, tmp_path: Path) -> None:
    page, file = desktop, tmp_path / "districts.geojson"
    border = {"type": "Polygon", "coordinates": [[[37, 54], [40, 54], [40, 56], [37, 56], [37, 54]]]}
    named = {"type": "Feature", "properties": {"name": "Северный"}, "geometry": border}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [named]}))
    loaded = widget_site.service.cli("site", "districts", widget_site.site, "--load", str(file))
    try:
        browse(page, extended(widget_site))
        page.get_by_role("button", name="Фильтры").click()
        with page.expect_request(re.compile(r"/problems\?district=[0-9a-f-]{36}$")):
            page.get_by_label("Район", exact=True).select_option("Северный")
        expect(page.get_by_text("Выбрано: Северный")).to_be_visible()
        assert hash_of(page) == {"district": loaded["districts"][0]["id"]}
        expect_cards(page, expected_numbers(widget_site, f"district={loaded['districts'][0]['id']}"))
    finally:
        widget_site.service.cli("site", "districts", widget_site.site, "--delete", "Северный")


def test_filters_on_a_phone(page: Page, widget_site: WidgetSite) -> None:
    """They fold into one line; a position that is denied is told where it is seen."""
    browse(page, extended(widget_site))
    done, near = page.get_by_role("button", name="Решено", exact=True), page.get_by_role("button", name="Рядом со мной")
    expect(done).to_have_count(0)
    page.get_by_role("button", name="Фильтры").click()
    done.click()
    page.get_by_role("button", name="Фильтры (1)").click()
    expect(done).to_have_count(0)
    expect(page.get_by_text("Выбрано: Решено")).to_be_visible()
    # The open filters fill the screen, so the message below them has to be scrolled into view.
    page.get_by_role("button", name="Фильтры (1)").click()
    near.click()
    expect(page.get_by_role("status").filter(has_text="Узнать ваше место не получилось")).to_be_in_viewport(ratio=0.95)
    # Where the host's policy forbids it, nobody is offered it.
    page.add_init_script(
        "Object.defineProperty(Document.prototype, 'featurePolicy',"
        " { value: { allowsFeature: name => name !== 'geolocation' } })"
    )
    browse(page, extended(widget_site))
    page.get_by_role("button", name="Фильтры").click()
    expect(page.get_by_label("Категория", exact=True)).to_be_visible()
    expect(near).to_have_count(0)

"""`view="figures"`: the figures of the city alone, equal to those of the API, without list, map and form."""

import json
import math
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import axe
from tests.support.browser import Watch
from tests.support.widget import Examples, WidgetSite, let_time_pass, wear
from widget_api import i18n

CELLS = (
    "one => [...one.shadowRoot.querySelectorAll('dl div')].map(cell => [...cell.children].map(part => part.innerText))"
)
TABLES = """one => [...one.shadowRoot.querySelectorAll('.chart table')].map(table =>
  [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent)))"""


@pytest.fixture(scope="module")
def pages(example_pages: Examples) -> Examples:
    example_pages.service.cli("load-demo", "--problems", "300", "--site", example_pages.site)
    return example_pages


def stats(pages: Examples) -> dict[str, Any]:
    with urllib.request.urlopen(f"{pages.service.url}/api/v1/sites/{pages.key}/stats?lang=ru") as answer:
        return dict(json.load(answer))


def number(value: float) -> str:
    return f"{value:,}".removesuffix(".0").replace(",", "\u202f").replace(".", ",")


def whole(value: float) -> int:
    return math.floor(value + 0.5)


def days(value: float) -> str:
    return i18n.text("ru", "common.days", count=whole(value))


def test_they_equal_the_api_need_no_list_and_can_be_tried_again(page: Page, watch: Watch, pages: Examples) -> None:
    watch.allow("ERR_FAILED")
    found = stats(pages)
    page.goto(pages.address("figures"))
    widget = page.locator("igrajdanin-widget")
    expect(widget.locator(".chart")).to_have_count(3)
    expect(widget.get_by_role("heading", name="Город в цифрах")).to_be_visible()
    assert dict(widget.evaluate(CELLS)) == {
        "Открыто": number(found["open"]),
        "Решено": f"{number(found['resolved'])} ({whole(found['share_resolved'] * 100)} %)",
        "Просрочено": number(found["overdue"]),
        "Обычно отвечают за": days(found["median_days"]),
        "Отвечают в срок": f"{whole(found['share_in_time'] * 100)} %",
        "Вернули авторы": number(found["returned"]),
    } | ({"Оценка ответов": f"{number(whole(found['rating']['mean'] * 10) / 10)} из 5"} if found["rating"] else {})
    months, kinds, outcomes = widget.evaluate(TABLES)
    assert outcomes == [["Опубликовано", number(found["outcomes"]["published"])]]
    assert [row[1:] for row in months] == [
        [number(one["received"]), number(one["answered"])] for one in found["by_month"]
    ]
    assert sorted(kinds) == sorted(
        [one["name"], number(one["total"]), number(one["open"]), number(one["resolved"])]
        for one in found["by_category"]
    )
    asked = [one.url.removeprefix(pages.service.url) for one in watch.requests if one.url.startswith(pages.service.url)]
    assert not [
        path for path in asked if "/problems" in path or "/clusters" in path or "map-" in path or "report-" in path
    ]
    expect(widget.locator("form, .city, .turn")).to_have_count(0)
    expect(page.get_by_role("button", name="Сообщить о проблеме")).to_have_count(0)
    meaning = widget.get_by_role("link", name="Что значат эти числа")
    assert meaning.get_attribute("href") == f"{pages.service.url}/s/{pages.key}#figures"
    # The view changes at once.
    widget.evaluate("one => { one.setAttribute('type', 'extended'); one.view = 'inline' }")
    expect(widget.locator(".card").first).to_be_visible()
    widget.evaluate("one => { one.view = 'figures' }")
    expect(widget.locator(".card")).to_have_count(0)
    expect(widget.locator(".chart")).to_have_count(3)
    # A basic site has figures too; where they do not come, they can be tried again.
    page.route("**/stats?*", lambda route: route.abort())
    widget.evaluate(
        "(one, key) => { const other = document.createElement('igrajdanin-widget');"
        " other.setAttribute('site-key', key); other.setAttribute('view', 'figures'); one.replaceWith(other) }",
        pages.second,
    )
    expect(widget.get_by_role("alert")).to_contain_text("Не загрузилось.")
    page.unroute("**/stats?*")
    with_stats(page, found)
    widget.get_by_role("button", name="Попробовать ещё раз").click()
    expect(widget.locator(".chart")).to_have_count(3)


def test_they_load_near_the_viewport(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    far = "<div><p>Далеко внизу.</p></div>" + "<br>" * 200
    page.clock.install()
    page.goto(widget_site.page(far + widget_site.snippet('view="figures"')))
    let_time_pass(page)
    ours = [one.url for one in watch.requests if one.url.startswith(widget_site.service.url)]
    assert [url.removeprefix(widget_site.service.url) for url in ours] == ["/w/1/loader.js"]
    page.mouse.wheel(0, 20_000)
    expect(page.locator("igrajdanin-widget").get_by_text("Здесь будут сообщения жителей и ответы.")).to_be_visible()


def with_stats(page: Page, found: dict[str, Any], **changes: Any) -> None:
    page.route("**/stats?*", lambda route: route.fulfill(json=found | changes))


def test_they_are_accessible_with_every_figure(page: Page, pages: Examples) -> None:
    found = stats(pages)
    outcomes = found["outcomes"]
    reasons = outcomes["rejected_by_reason"] | {"abuse": 1, "unstated": 2}
    outcomes |= {"rejected": 3, "rejected_by_reason": reasons, "waiting": 2, "waiting_long": 1}
    with_stats(page, found, rating={"mean": 4.25, "count": 5}, outcomes=outcomes)
    page.goto(pages.address("figures"))
    widget = page.locator("igrajdanin-widget")
    expect(widget.get_by_text("4,3 из 5")).to_be_visible()
    expected = ["Опубликовано", "Отклонено до публикации", "Оскорбления", "Причина не указана", "Ждёт решения"]
    assert [name for name, _ in widget.evaluate(TABLES)[2]] == [*expected, "Дольше трёх рабочих дней"]
    for table in widget.locator("summary").all():
        table.click()
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert axe.violations(page) == []
        for theme in ("dark", "contrast", "light"):
            wear(page, theme)
            assert axe.violations(page, only=axe.APPEARANCE_RULES) + axe.horizontal_overflow(page) == []

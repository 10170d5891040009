"""The city's view when it is offline, paused or out of sight; and no layout shift while it loads."""

import re

from playwright.sync_api import Page, expect

from tests.support.browse import CARD, browse, extended
from tests.support.browser import Watch
from tests.support.city import DELAYED, LOST, FakeCity
from tests.support.widget import DESKTOP, PHONE, POLL, REPORT, WidgetSite, draw_twice, let_time_pass

LIST = "GET /problems"
SHIFTS = """
window.shift = 0;
window.shifts = new PerformanceObserver(list => list.getEntries().forEach(one => { shift += one.value; }));
shifts.observe({ type: "layout-shift", buffered: true });
"""


def test_a_list_that_failed_loads_when_the_connection_returns(
    page: Page, watch: Watch, widget_site: WidgetSite
) -> None:
    watch.allow("ERR_FAILED|ERR_INTERNET_DISCONNECTED")
    city = FakeCity(page, widget_site)
    city.answers = {LIST: LOST}
    page.goto(extended(widget_site))
    page.get_by_role("button", name=REPORT, exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Список не загрузился")
    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_contain_text("Нет связи. Загрузим, когда она появится")
    city.answers.clear()
    page.context.set_offline(False)
    expect(page.locator(CARD)).to_have_count(3)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_updates_of_list_and_map_can_be_paused(desktop: Page, widget_site: WidgetSite) -> None:
    page, city = desktop, FakeCity(desktop, widget_site)
    cards = browse(page, extended(widget_site))
    expect(page.locator("igrajdanin-widget .mark").first).to_be_visible()
    with page.expect_response(re.compile("/clusters")):  # otherwise the test is void
        page.clock.run_for(POLL)
    page.get_by_role("button", name="Приостановить обновление").click()
    draw_twice(page)
    city.problems = [city.problems[0] | {"number": 1300, "description": "Новое сообщение"}, *city.problems]
    requests = list[str]()
    page.on("request", lambda request: requests.append(request.url))
    let_time_pass(page)
    assert requests == []
    expect(page.get_by_role("button", name="1 новое сообщение. Показать")).to_have_count(0)
    place = cards.first.bounding_box()
    page.get_by_role("button", name="Возобновить обновление").click()
    page.clock.run_for(POLL)
    news = page.get_by_role("status").get_by_role("button", name="1 новое сообщение. Показать")
    expect(news).to_be_visible()
    assert cards.first.bounding_box() == place, "the scroll position stays"
    expect(cards).to_have_count(3)
    news.click()
    expect(cards).to_have_count(4)
    expect(cards.first).to_be_focused()


def test_an_inline_widget_out_of_sight_asks_for_nothing(page: Page, widget_site: WidgetSite) -> None:
    requests = list[str]()
    page.on("request", lambda request: requests.append(request.url))
    FakeCity(page, widget_site)
    page.goto(extended(widget_site, 'view="inline"', '<p style="height: 9000px">Далеко внизу</p>'))
    expect(page.locator(CARD).first).to_be_visible()
    for away in (False, True, False):
        page.evaluate("away => scrollTo(0, away ? 9000 : 0)", away)
        draw_twice(page)
        before = len(requests)
        let_time_pass(page)
        assert (len(requests) == before) is away


def test_statistics_list_and_map_load_without_layout_shift(page: Page, widget_site: WidgetSite) -> None:
    page.add_init_script(SHIFTS)
    city = FakeCity(page, widget_site)
    city.problems += [city.problems[0] | {"number": number} for number in range(1100, 1117)]
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        city.answers |= {LIST: DELAYED, "GET /stats": DELAYED}
        page.goto(extended(widget_site))
        page.evaluate("igrajdanin('open')")  # layout shifts within half a second of input would not count
        expect(page.locator("igrajdanin-widget .ghost").first).to_be_visible()
        draw_twice(page)
        page.evaluate("shifts.takeRecords(); shift = 0")
        city.release()
        expect(page.locator(CARD)).to_have_count(20)
        if size == DESKTOP:
            expect(page.locator(".mark")).not_to_have_count(0)
        draw_twice(page)
        assert page.evaluate("shifts.takeRecords().reduce((sum, one) => sum + one.value, shift)") <= 0.02

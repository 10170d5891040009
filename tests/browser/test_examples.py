"""What the folders of embed_examples/ show, each for itself; test_torture.py goes through them to «sent»."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import NewPage, Watch, rect
from tests.support.widget import CLOSE, DESKTOP, REPORT, Examples, fill_form, number, report, send, to_form

MEASURE_SHIFT = """{ let sum = 0; window.__shift = () => sum;
new PerformanceObserver(list => list.getEntries().forEach(entry => { sum += entry.value }))
.observe({type: "layout-shift", buffered: true}) }"""
LINK_CASES = ("csp-without-us", "links-only", "no-js")


def buttons(page: Page) -> Locator:
    return page.get_by_role("button", name=REPORT, exact=True)


@pytest.mark.parametrize("case", LINK_CASES)
def test_the_link_works_where_the_script_cannot_run(
    new_page: NewPage, watch: Watch, example_pages: Examples, case: str
) -> None:
    page = new_page(java_script_enabled=case != "no-js")
    if case == "csp-without-us":
        watch.allow(r"script-src-elem|violates the following Content Security Policy")
    page.goto(example_pages.address(case))
    page.get_by_role("link", name=REPORT).click()
    page.select_option("[name=category]", "lighting")
    page.fill("textarea[name=description]", "Не горит фонарь у дома 5")
    page.fill("[name=address]", "ул. Ленина, 5")
    page.check("[name=consent]")
    page.click("button.primary")
    expect(page.get_by_role("heading", name="Сообщение отправлено")).to_be_visible()
    assert watch.hosts() == {example_pages.service.url, example_pages.pages.url}
    complaints = [text for text in watch.complaints if "violates" in text or "CSP violation" in text]
    assert bool(complaints) == (case == "csp-without-us")
    assert all("/w/1/loader.js" in text for text in complaints), "only the loader is blocked"


def test_the_links_only_example_also_links_to_the_list(page: Page, example_pages: Examples) -> None:
    page.goto(example_pages.address("links-only"))
    page.get_by_role("link", name="проблемы города").click()
    expect(page).to_have_url(f"{example_pages.service.url}/s/{example_pages.key}")
    page.go_back()
    page.get_by_role("link", name="проверка по номеру").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_counter_gets_goals_and_nothing_personal(desktop: Page, watch: Watch, example_pages: Examples) -> None:
    desktop.goto(example_pages.address("metrika"))
    buttons(desktop).click()
    to_form(desktop)
    report(desktop, text="Яма у подъезда", email="anna@example.test")
    calls = desktop.evaluate("ym.a.map(call => [...call])")
    assert calls[0] == [12345678, "init", {"webvisor": False}]
    goals = [goal for _, method, goal in calls[1:] if method == "reachGoal"]
    assert len(goals) == len(calls) - 1
    assert (goals[0], goals[-1]) == ("igrajdanin_open", "igrajdanin_submitted")
    assert len(set(goals)) == len(goals)
    assert {"igrajdanin_step_1", "igrajdanin_step_4"} <= set(goals)
    assert all(re.fullmatch(r"igrajdanin_(open|step_[1-6]|submitted)", goal) for goal in goals)
    assert watch.hosts() == {example_pages.service.url, example_pages.pages.url}


def test_a_page_about_one_place_fills_in_widget_and_link(new_page: NewPage, example_pages: Examples) -> None:
    known = ("ул. Мира, 5, детская площадка", "55.0794, 38.7783")
    page = new_page(viewport=DESKTOP)
    page.goto(example_pages.address("place"))
    buttons(page).click()
    fields = to_form(page)
    expect(fields.get_by_label("Детские и спортивные площадки")).to_be_checked()
    expect(fields.get_by_label("Адрес или ориентир")).to_have_value(known[0])
    expect(fields.get_by_text("Место отмечено на карте")).to_be_visible()
    fields.get_by_label(re.compile("^Что именно не так")).fill("Сломаны качели")
    send_restored_draft(page)
    without = new_page(java_script_enabled=False)
    without.goto(example_pages.address("place"))
    without.get_by_role("link", name=REPORT).click()
    assert tuple(without.input_value(f"[name={name}]") for name in ("address", "coordinates")) == known
    assert without.input_value("[name=category]") == "playgrounds"


def test_collections_are_tabs_of_one_page_and_links_without_scripts(new_page: NewPage, example_pages: Examples) -> None:
    service, key = example_pages.service, example_pages.key
    for slug in ("budgeting", "initiatives", "resource-centres"):
        service.cli("collection", "add", "--site", key, "--preset", slug, "--slug", slug)
    page = new_page(viewport=DESKTOP)
    page.goto(example_pages.address("collections"))
    sections = page.locator("section.panel")
    for place, name in enumerate(("Проекты на деньги бюджета", "Инициативы", "Ресурсные центры")):
        page.get_by_role("link", name=name, exact=True).click()
        for at in range(3):
            expect(sections.nth(at)).to_be_visible(visible=at == place)
    page.go_back()
    expect(page.get_by_role("heading", name="Инициативы жителей")).to_be_visible()  # of its widget
    expect(page.locator("#initiatives").get_by_role("button", name="Предложить инициативу")).to_be_visible()
    without = new_page(java_script_enabled=False)
    for link in ("предложить свой", "предложить свою", "все центры"):
        without.goto(example_pages.address("collections"))
        without.get_by_role("link", name=link).click()
        assert without.url.startswith(f"{service.url}/s/{key}/c/")
        expect(without.get_by_role("heading", level=1)).to_be_visible()


def test_two_sites_on_one_page_are_independent(desktop: Page, watch: Watch, example_pages: Examples) -> None:
    desktop.goto(example_pages.address("two"))
    expect(buttons(desktop)).to_have_count(2)
    for section, key in (("#town", example_pages.key), ("#utility", example_pages.second)):
        desktop.locator(section).get_by_role("button", name=REPORT, exact=True).click()
        expect(desktop.get_by_role("dialog")).to_have_count(1)
        to_form(desktop)
        fill_form(desktop)
        with desktop.expect_response(lambda answer: answer.url.endswith("/problems") and answer.status == 201) as sent:
            desktop.get_by_role("button", name=re.compile("^Отправить")).click()
        assert f"/sites/{key}/problems" in sent.value.url
        number(desktop.locator(section))
        desktop.get_by_role("button", name=CLOSE, exact=True).click()
    assert watch.hosts() == {example_pages.service.url, example_pages.pages.url}


def test_a_single_page_application_removes_and_restores_the_widget(desktop: Page, example_pages: Examples) -> None:
    desktop.goto(example_pages.address("spa"))
    expect(buttons(desktop)).to_have_count(0)
    for _ in range(3):
        desktop.get_by_role("link", name="Проблемы города").click()
        expect(buttons(desktop)).to_be_visible()
        desktop.get_by_role("link", name="О портале").click()
        expect(buttons(desktop)).to_have_count(0)
    depth = desktop.evaluate("history.length")
    desktop.go_back()
    buttons(desktop).click()
    to_form(desktop)
    fill_form(desktop, text="Провал у остановки")
    desktop.go_back()
    expect(desktop.get_by_role("dialog")).to_have_count(0)
    desktop.go_back()
    expect(desktop.get_by_role("heading", name="О портале")).to_be_visible()
    desktop.go_forward()
    buttons(desktop).click()
    to_form(desktop)
    expect(desktop.get_by_label(re.compile("^Что именно не так"))).to_have_value("Провал у остановки")
    expect(desktop.get_by_role("dialog")).to_have_count(1)
    assert desktop.evaluate("history.length") == depth
    send_restored_draft(desktop)


def send_restored_draft(page: Page) -> None:
    """Send a restored draft, which has everything but the consent: that is given for each report."""
    consent = page.get_by_label(re.compile("^Даю согласие"))
    consent.check()
    send(page)
    assert number(page) > 0


def test_the_hosts_high_contrast_switch_is_followed_live(desktop: Page, example_pages: Examples) -> None:
    desktop.goto(example_pages.address("vision"))
    buttons(desktop).click()
    to_form(desktop)
    dialog = desktop.get_by_role("dialog")
    look = """element => {
      const {color, backgroundColor, fontSize} = getComputedStyle(element);
      return [color, backgroundColor, fontSize];
    }"""
    assert dialog.evaluate(look)[2] == "16px"
    desktop.get_by_label(re.compile("^Что именно не так")).fill("Темно у подъезда")
    seen = []
    for scheme in ("Чёрным по белому", "Белым по чёрному", "Тёмно-синим по голубому"):
        desktop.get_by_role("button", name=CLOSE, exact=True).click()
        desktop.get_by_role("button", name=scheme).click()
        buttons(desktop).click()
        seen.append(dialog.evaluate(look))
    assert [ink for ink, _, _ in seen] == ["rgb(0, 0, 0)", "rgb(255, 255, 255)", "rgb(6, 52, 98)"]
    assert [ground for _, ground, _ in seen] == ["rgb(255, 255, 255)", "rgb(0, 0, 0)", "rgb(157, 209, 255)"]
    assert all(float(size.removesuffix("px")) >= 20 for _, _, size in seen)
    expect(desktop.get_by_label(re.compile("^Что именно не так"))).to_have_value("Темно у подъезда")


def test_hostile_styles_do_not_reach_the_widget(desktop: Page, example_pages: Examples) -> None:
    """Except for the font, which is inherited from the host on purpose."""
    widget = "document.querySelector('igrajdanin-widget')"

    desktop.goto(example_pages.address("hostile-css"))
    font = desktop.evaluate(f"getComputedStyle({widget}).fontFamily")
    desktop.goto(example_pages.address("plain"))
    desktop.evaluate(f"font => {widget}.style.fontFamily = font", font)
    look = """() => {
      const names = ["display", "visibility", "opacity", "position", "font-size", "line-height", "letter-spacing",
        "text-transform", "color", "background-color", "border-top-width", "height", "width", "white-space",
        "text-align", "word-spacing", "text-indent", "cursor", "transition-duration", "box-sizing"];
      const inside = document.querySelector("igrajdanin-widget").shadowRoot.querySelectorAll(".igw *");
      // What the map has drawn by now is a matter of time.
      return [...inside].filter(element => !element.closest("[class*=leaflet]")).map(element => {
        const style = getComputedStyle(element);
        return [element.localName, element.className, ...names.map(name => style.getPropertyValue(name))].join("; ");
      });
    }"""

    def open_and_measure() -> Any:
        """Open the form once the city behind it is drawn: what is hidden before keeps its initial size."""
        desktop.evaluate(f"{widget}.dataset.start = 'list'")
        buttons(desktop).click()
        expect(desktop.locator("igrajdanin-widget .city .panel")).to_be_visible()
        to_form(desktop)
        return desktop.evaluate(look)

    peaceful = open_and_measure()
    desktop.goto(example_pages.address("hostile-css"))
    assert open_and_measure() == peaceful


def test_a_right_to_left_host_does_not_mirror_the_widget(desktop: Page, example_pages: Examples) -> None:
    desktop.goto(example_pages.address("rtl"))
    box, main = rect(buttons(desktop)), rect(desktop.locator("h1"))
    assert box["x"] > main["x"] + main["width"] / 2, "the button is where the host's text begins"
    buttons(desktop).click()
    to_form(desktop)
    assert desktop.get_by_role("dialog").evaluate("element => getComputedStyle(element).direction") == "ltr"


def test_a_slow_network_shifts_nothing_and_loses_nothing(page: Page, example_pages: Examples) -> None:
    """Slow 3G as in Chromium's developer tools, on a phone."""
    page.add_init_script(MEASURE_SHIFT)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    session.send("Network.emulateNetworkConditions", slow)
    page.goto(example_pages.address("slow"), wait_until="commit")
    link = page.get_by_role("link", name=REPORT)
    expect(link).to_be_visible()
    assert link.get_attribute("href") == f"{example_pages.service.url}/s/{example_pages.key}/report"
    expect(buttons(page)).to_be_visible()
    assert page.evaluate("__shift()") == 0
    buttons(page).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    to_form(page)
    page.get_by_label("Дороги и тротуары").click()
    expect(page.get_by_label(re.compile("^Что именно не так"))).to_be_visible()

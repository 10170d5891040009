"""Frameworks as hosts: they own the element, re-render it, navigate away from it and come back.

The applications in hosts/ are the same page in each framework, with the element in the framework's own template. They
are development builds, since frameworks warn in the console about wrong attributes only in those.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import NewPage
from tests.support.widget import DESKTOP, REPORT, WidgetSite, report, to_form

HOSTS = Path(__file__).parent / "hosts"
TYPED_TEXT, ENDED = "Яма на пере", "Яма на переходе"
# The focused field of the widget, and the caret's position.
CARET = """() => {
  const field = document.activeElement.shadowRoot?.activeElement;
  return field && [field.id, field.selectionStart];
}"""

OTHERS = pytest.mark.full("one framework shows that the element works; the others need npm packages of their own")
pytestmark = pytest.mark.parametrize(
    "framework", ["react", *(pytest.param(name, marks=OTHERS) for name in ("vue", "svelte", "angular"))]
)


@pytest.fixture
def application(widget_site: WidgetSite, framework: str) -> Callable[..., str]:
    """`application(view, loader=True)` → address of the framework's page with the widget in that view."""

    def address(view: str, loader: bool = True) -> str:
        script = widget_site.folder / f"{framework}.js"
        if not script.exists():
            subprocess.run(["node", HOSTS / "build.mjs", framework, widget_site.folder], check=True)
        link = f"{widget_site.service.url}/s/{widget_site.key}/report"
        place = f'<div id="app" data-key="{widget_site.key}" data-link="{link}" data-view="{view}"></div>'
        return widget_site.page(f'{place}<script type="module" src="/{script.name}"></script>', loader)

    return address


def heard(page: Page) -> list[str]:
    """The events that the application's own template listens to, under the name that the framework can bind."""
    return [re.split("[:-]", name)[1] for name, _ in page.evaluate("heard")]


def press(page: Page, control: str) -> None:
    """Press a button of the application from a script, like a timer or an answer would: the focus does not move."""
    page.evaluate("control => document.getElementById(control).click()", control)


def widget(page: Page) -> Locator:
    return page.locator("igrajdanin-widget")


def description(page: Page) -> Locator:
    return page.get_by_label(re.compile("^Что именно не так|^What exactly"))


def test_typed_text_survives_re_rendering_by_the_application(
    new_page: NewPage, application: Callable[..., str]
) -> None:
    page = new_page(viewport=DESKTOP)
    page.goto(application("inline"))
    to_form(page)
    description(page).click()
    page.keyboard.type(TYPED_TEXT)
    caret = page.evaluate(CARET)
    assert caret[1] == len(TYPED_TEXT)
    for drawn in range(1, 21):
        press(page, "draw")
        expect(page.locator("main")).to_have_attribute("data-drawn", str(drawn))
    assert page.evaluate(CARET) == caret
    press(page, "theme")
    expect(page.locator("igrajdanin-widget .igw")).to_have_attribute("data-theme", "dark")
    press(page, "lang")
    expect(page.get_by_role("region", name="Report a problem")).to_be_visible()
    assert page.evaluate(CARET) == caret
    page.keyboard.type(ENDED.removeprefix(TYPED_TEXT))
    expect(description(page)).to_have_value(ENDED)
    expect(page.locator("igrajdanin-widget .igw")).to_have_count(1)


@pytest.mark.parametrize("view", [pytest.param("inline", marks=pytest.mark.full("the same way")), "button"])
def test_the_widget_works_after_navigating_away_and_back(
    new_page: NewPage, application: Callable[..., str], view: str
) -> None:
    page = new_page(viewport=DESKTOP)
    page.goto(application(view))

    def open_form() -> None:
        if view == "button":
            page.get_by_role("button", name=REPORT, exact=True).click()
        to_form(page)

    open_form()
    description(page).fill(TYPED_TEXT)
    for leave, come_back in (("away", "back"), ("away", "")):
        press(page, leave)
        expect(page.get_by_role("heading", name="О городе")).to_be_visible()
        expect(widget(page)).to_have_count(0)
        if come_back:
            press(page, come_back)
        else:
            page.go_back()
        expect(widget(page)).to_have_count(1)
        open_form()
    expect(description(page)).to_have_value(TYPED_TEXT)
    sent = report(page)
    assert [detail["number"] for name, detail in page.evaluate("heard") if name.endswith("submitted")] == [sent]
    press(page, "away")
    expect(widget(page)).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_application_sets_properties_before_the_loader_and_hears_every_event_once(
    new_page: NewPage, application: Callable[..., str], widget_site: WidgetSite
) -> None:
    page = new_page(viewport=DESKTOP)
    page.goto(application("button", loader=False))
    expect(page.get_by_role("link", name=REPORT)).to_be_visible()
    press(page, "theme")
    page.add_script_tag(url=f"{widget_site.service.url}/w/1/loader.js")
    button = page.get_by_role("button", name=REPORT, exact=True)
    button.click()
    drawn = page.locator("igrajdanin-widget .igw")
    expect(drawn).to_have_attribute("data-theme", "dark")
    assert widget(page).evaluate("one => [one.siteKey, one.type, one.view, one.theme, one.lang]") == [
        widget_site.key, "extended", "button", "dark", "ru",
    ]  # fmt: skip
    press(page, "plain")
    expect(drawn).to_have_attribute("data-theme", "light")
    assert widget(page).evaluate("one => one.theme") == ""
    press(page, "lang")
    expect(page.get_by_role("heading", name="Report a problem")).to_be_visible()
    for number_of_times in (1, 2):
        press(page, "draw")
        expect(page.locator("main")).to_have_attribute("data-drawn", str(number_of_times))
    page.keyboard.press("Escape")
    page.wait_for_function("heard.length === 3")
    assert heard(page) == ["ready", "open", "close"]
    press(page, "away")
    expect(widget(page)).to_have_count(0)
    press(page, "back")
    expect(page.get_by_role("button", name="Report a problem", exact=True)).to_be_visible()
    assert heard(page) == ["ready", "open", "close", "ready"]

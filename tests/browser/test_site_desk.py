"""The webmaster's desk in a browser: choices, live preview and the code that then works on a real host page."""

import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.support.browser import NewPage, Watch
from tests.support.town import sign_in
from tests.support.widget import REPORT, WidgetSite

pytestmark = pytest.mark.usefixtures("web_share")
DESK: ViewportSize = {"width": 1280, "height": 800}


@pytest.fixture
def enter(widget_site: WidgetSite) -> Callable[[Page], str]:
    """Signs an administrator of the site in. Returns the address of the site's desk."""
    service, email = widget_site.service, f"{uuid.uuid4().hex[:8]}@gorod.test"
    agency = service.cli("site", "show", widget_site.site)["agency"]
    made = service.cli("user", "add", "--email", email, "--agency", agency, "--role", "admin")

    def enter(page: Page) -> str:
        sign_in(page, service, email, made["password"])
        return f"{service.url}/cabinet/sites/{widget_site.site}"

    return enter


def test_the_focus_goes_to_what_a_form_answers_and_the_code_follows_the_choices(
    new_page: NewPage, widget_site: WidgetSite, enter: Callable[[Page], str], watch: Watch
) -> None:
    watch.allow("status of 422")
    page = new_page(viewport=DESK)
    desk = enter(page)
    check_focus(page, desk, widget_site)
    page.goto(f"{desk}/code")
    preview = page.locator("#script igrajdanin-widget")
    expect(preview.get_by_role("button", name=REPORT)).to_be_visible()
    page.get_by_label("Что показывать").select_option("basic")
    page.get_by_label("Категория").select_option("lighting")
    page.get_by_label("Цвет кнопки").fill("#7a1f5c")
    page.get_by_label("Цвет кнопки").blur()
    expect(page.locator("#code-rule")).to_contain_text("#7a1f5c")
    button = preview.get_by_role("button", name=REPORT)
    assert button.evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(122, 31, 92)"
    expect(page.locator("[name=options]")).to_have_value("type=basic&category=lighting&accent=%237a1f5c")
    code, rule = page.locator("#code-script").text_content(), page.locator("#code-rule").text_content()
    assert code
    page.goto(widget_site.page(f"<style>{rule}</style>{code}", loader=False))
    button = page.get_by_role("button", name=REPORT, exact=True)
    assert button.evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(122, 31, 92)"
    button.click()
    expect(page.locator("igrajdanin-widget form")).to_be_visible()


def check_focus(page: Page, desk: str, widget_site: WidgetSite) -> None:
    """The skip link passes the sections; refusals, questions and previews are where the reader goes on."""
    page.goto(f"{desk}/settings")
    for key in ("Tab", "Enter", "Tab"):
        page.keyboard.press(key)
    expect(page.locator("#field-name")).to_be_focused()
    page.goto(f"{desk}/categories")
    page.get_by_role("button", name="Добавить и настроить").press("Enter")
    expect(page.locator(".summary")).to_be_focused()
    page.goto(f"{desk}/categories/roads")
    page.get_by_role("button", name="Показать форму").first.press("Enter")
    expect(page.get_by_role("heading", name="Форма, как её увидит житель")).to_be_focused()
    page.get_by_role("button", name="Добавить вопрос").press("Enter")
    expect(page.locator("[name='q1.description']")).to_be_focused()
    page.goto(f"{desk}/consent")
    page.locator("textarea").fill("Спросите Анну")
    page.get_by_role("button", name="Показать изменения").press("Enter")
    expect(page.get_by_role("heading", name="Документ с вашими изменениями")).to_be_focused()
    page.goto(f"{widget_site.service.url}/cabinet/organisation/tokens")
    page.get_by_role("button", name="Выдать ключ").press("Enter")
    expect(page.locator(".summary")).to_be_focused()

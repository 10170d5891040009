"""An administrator sets up the form of a site in the cabinet and sees it as residents will."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support import axe
from tests.support.browser import Watch
from tests.support.processes import Service
from tests.support.town import Town

pytestmark = pytest.mark.browser


@pytest.fixture
def town(service: Service) -> Town:
    return Town.found(service, "admin")


@pytest.fixture
def page(town: Town, new_page: Callable[..., Page]) -> Page:
    """The cabinet of a new site's administrator."""
    return town.sign_in(new_page(viewport={"width": 1280, "height": 900}))


def test_questions_are_seen_in_the_form_before_they_are_saved(town: Town, page: Page, watch: Watch) -> None:
    page.goto(town.desk)
    page.get_by_role("link", name="Что видят жители").click()
    page.click("main a[href$='/categories']")
    page.click("text=Дороги и тротуары")
    page.click("button[value=add]")
    page.fill("[name='q1.description']", "Насколько глубоко")
    page.select_option("[name='q1.datatype']", "singlevaluelist")
    page.fill("[name='q1.options']", "По щиколотку\nПо колено")
    page.fill("[name=notice]", "Провал опасен: звоните 112")
    page.locator("button[value=preview]").first.click()
    form = page.frame_locator("iframe.form-preview")
    expect(form.locator("select[name='answers.q1'] option")).to_have_count(3)
    expect(form.locator("body")).to_contain_text("Провал опасен: звоните 112")
    accent = form.locator(".button.primary").evaluate("one => getComputedStyle(one).backgroundColor")
    assert accent not in ("rgba(0, 0, 0, 0)", "rgb(239, 239, 239)"), "it has the styles of the page"
    watch.allow("Failed to execute 'postMessage'")  # axe speaks to frames, and this one has an origin of its own
    assert axe.violations(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    resident = page.context.new_page()
    resident.goto(f"{town.page}/report?category=roads")
    expect(resident.locator("select[name='answers.q1']")).to_have_count(0)
    page.locator("button[value=save]").first.click()
    expect(page.locator(".notice.good")).to_be_visible()
    resident.reload()
    expect(resident.locator("select[name='answers.q1'] option")).to_have_count(3)
    assert watch.unexpected() == []


def test_a_report_of_a_test_is_marked_and_kept_apart(town: Town, page: Page, watch: Watch) -> None:
    page.goto(f"{town.desk}/testing")
    page.click("button[value=make]")
    key = page.locator("code").first.inner_text()
    assert key.startswith("wk_test_")
    assert axe.violations(page) == []
    resident = page.context.new_page()
    resident.goto(f"{town.service.url}/s/{key}/report")
    expect(resident.locator(".test-mode")).to_contain_text("Тестовый режим")
    resident.select_option("[name=category]", "roads")
    resident.fill("textarea[name=description]", "Проверяем, как приходит сообщение")
    resident.fill("[name=address]", "Мира, 5")
    resident.check("[name=consent]")
    resident.click(".button.primary")
    expect(resident.locator(".number")).to_contain_text("1")
    expect(resident.locator(".test-mode")).to_be_visible()
    page.goto(f"{town.desk}/testing")
    page.click("text=Проверяем, как приходит сообщение")
    expect(page.locator(".chips")).to_contain_text("Тестовый режим")
    page.goto(f"{town.service.url}/cabinet/problems")
    expect(page.locator("main")).not_to_contain_text("Проверяем")
    resident.goto(f"{town.service.url}/s/{key}")
    widget = page.context.new_page()
    widget.goto(f"{town.service.url}/s/{key}/embed?preview=1&type=basic")
    expect(widget.locator("igrajdanin-widget").get_by_text("Тестовый режим", exact=True)).to_be_visible()
    assert watch.unexpected() == []

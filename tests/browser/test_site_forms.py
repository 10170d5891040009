"""An administrator sets up the form of a site in the cabinet and sees it as residents will."""

import pytest
from playwright.sync_api import Page, expect

from tests.support import axe
from tests.support.browser import NewPage, Watch
from tests.support.processes import Service
from tests.support.town import Town


@pytest.fixture
def town(service: Service) -> Town:
    return Town.found(service, "admin")


@pytest.fixture
def page(town: Town, new_page: NewPage) -> Page:
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

"""A second factor in a real browser: set up from the drawing on the page, then asked for when signing in."""

from playwright.sync_api import Page, expect

from tests.support import axe
from tests.support.browser import Watch
from tests.support.processes import Service
from tests.support.second_factor import Device
from tests.support.town import Town, sign_in


def check(page: Page) -> None:
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert axe.violations(page) + axe.horizontal_overflow(page) == []


def test_set_up_and_sign_in(service: Service, page: Page, watch: Watch) -> None:
    watch.allow("status of 403")
    town = Town.found(service, "agent")
    town.sign_in(page, to="account")
    page.get_by_role("link", name="Настроить").click()
    page.fill("[name=password]", town.password)
    page.keyboard.press("Enter")
    expect(page.locator(".qr")).to_be_visible()
    check(page)
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.querySelector('.qr').getBoundingClientRect().right") <= 360
    device = Device(page.locator(".factor-secret").inner_text().replace(" ", ""))
    page.fill("[name=code]", device.code(-1))  # the present one is left for signing in
    page.keyboard.press("Enter")
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    check(page)
    page.get_by_role("link", name="Сохранил, дальше").click()
    page.click(".account summary")
    page.get_by_role("button", name="Выйти").click()
    sign_in(page, service, town.email, town.password, arrive="/cabinet/sign-in/code?**")
    expect(page.locator("[name=code]")).to_be_focused()
    check(page)
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Код не подходит")
    page.locator("[name=code]").fill(device.code(1))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{service.url}/cabinet/")

"""A second factor in a real browser: set up from the drawing on the page, then asked for when signing in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.factories import make_site
from tests.support import axe
from tests.support.browser import Watch
from tests.support.event_loop_thread import run_in_thread
from tests.support.processes import Service
from tests.support.second_factor import Device
from widget_api.database import Database
from widget_api.people import accounts

pytestmark = pytest.mark.browser
EMAIL = "a@gorod.test"


@pytest.fixture
def service(serve: Callable[..., Service]) -> Service:
    return serve()


@pytest.fixture
def password(service: Service) -> str:
    async def create() -> str:
        database = Database(service.settings["WIDGET_DATABASE_URL"], readers=1)
        await database.connect()
        site = await make_site(database)
        _, password = await accounts.add_user(database, email=EMAIL, role="agent", agency_id=site.agency.id)
        await database.disconnect()
        return password

    made: str = run_in_thread(create())
    return made


def sign_in(page: Page, service: Service, password: str) -> None:
    page.goto(f"{service.url}/cabinet/sign-in")
    page.fill("[name=email]", EMAIL)
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("width", [360, 1280])
def test_set_up_and_sign_in(service: Service, page: Page, watch: Watch, password: str, width: int) -> None:
    watch.allow("status of 403")
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page, service, password)
    page.wait_for_url(f"{service.url}/cabinet/")
    page.goto(f"{service.url}/cabinet/account")
    page.get_by_role("link", name="Настроить").click()
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")
    expect(page.locator(".qr")).to_be_visible()
    assert page.evaluate("document.querySelector('.qr').getBoundingClientRect().right") <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe.violations(page) == []
    device = Device(page.locator(".factor-secret").inner_text().replace(" ", ""))
    page.fill("[name=code]", device.code(-1))  # the present one is left for signing in
    page.keyboard.press("Enter")
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    assert axe.violations(page) == []
    page.get_by_role("link", name="Сохранил, дальше").click()
    page.get_by_role("button", name="Выйти").click()
    sign_in(page, service, password)
    expect(page.locator("[name=code]")).to_be_focused()
    assert axe.violations(page) == []
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Код не подходит")
    page.locator("[name=code]").fill(device.code(1))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{service.url}/cabinet/")

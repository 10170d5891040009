"""Places outside the territory: the resident is told before sending who gets the report, or keeps what was typed."""

import re
from dataclasses import dataclass
from secrets import token_hex

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import NewPage, Watch
from tests.support.widget import AGENCY, DESKTOP, TEXT, WidgetSite, number, open_form, send

VILLAGE, PORTAL = "Администрация села Полевого", "Портал области"
SEA = "-120"  # degrees of longitude: what lies there is nobody's


@dataclass
class Place:
    """A site that hands reports on, a point outside its territory, and who gets a report of it; empty: nobody."""

    key: str
    lng: str
    receiver: str


@pytest.fixture(scope="module")
def places(widget_site: WidgetSite) -> dict[str, Place]:
    """Territories lie in the ocean: other modules have sites on the same service."""

    def add(name: str, west: int, *more: str) -> str:
        agency = widget_site.service.cli("agency", "add", "--name", name, "--email", "office@gorod.test")["agency"]
        own: tuple[str, ...] = ("--origin", widget_site.host.url, "--jurisdiction", f"{token_hex(4)}.test")
        own += ("--bbox", f"{west},-40,{west + 1},-39")
        key = widget_site.service.cli("site", "add", "--name", name, "--agency", agency, *own)["key"]
        widget_site.service.cli("site", "set", key, *more)
        return str(key)

    town, district = (add(AGENCY, west, "--outside", "forward") for west in (-150, -140))
    add(VILLAGE, -148, "--outside", "refuse")
    platform = ("--url", "http://127.0.0.1:9", "--key", "a key of a platform", "--site", district)
    widget_site.service.cli("platform", "add", "--name", PORTAL, *platform)
    return {
        "site": Place(town, "-147.5", VILLAGE),
        "platform": Place(district, SEA, PORTAL),
        "nobody": Place(town, SEA, ""),
    }


def test_the_widget_names_the_receiver_on_each_step(
    page: Page, widget_site: WidgetSite, places: dict[str, Place]
) -> None:
    for found in (places["site"], places["platform"]):
        open_form(page, widget_site.page(widget_site.snippet(f'data-lat="-39.5" data-lng="{found.lng}"', found.key)))
        following = page.get_by_role("button", name="Далее")
        page.get_by_label("Дороги и тротуары").click()
        page.get_by_label("Что именно не так").fill(TEXT)
        following.click()
        notice = page.get_by_role("alert").filter(has_text=f"сообщение получит {found.receiver}")
        expect(notice).to_be_visible()
        expect(notice).to_have_class("notice")  # no error
        following.click()
        page.get_by_label(re.compile("Даю согласие")).check()
        before = page.get_by_label("Куда уйдёт сообщение")
        expect(before).to_contain_text(f"Его получит {found.receiver}.")
        expect(before).not_to_contain_text(AGENCY)
        send(page)
        number(page)
        expect(page.locator(".timeline")).to_contain_text(found.receiver)


def test_the_widget_keeps_a_report_that_nobody_gets(
    new_page: NewPage, watch: Watch, widget_site: WidgetSite, places: dict[str, Place]
) -> None:
    watch.allow("status of 422")
    found, page = places["nobody"], new_page(viewport=DESKTOP)
    open_form(page, widget_site.page(widget_site.snippet(f'data-lat="-39.5" data-lng="{found.lng}"', found.key)))
    page.get_by_label("Дороги и тротуары").check()
    page.get_by_label("Что именно не так").fill(TEXT)
    page.get_by_label(re.compile("Даю согласие")).check()
    expect(page.get_by_role("alert").filter(has_text="за пределами нашей территории")).not_to_contain_text("получит")
    send(page)
    expect(page.get_by_label("Адрес или ориентир")).to_be_focused()
    expect(page.get_by_label("Адрес или ориентир")).to_have_accessible_description(
        re.compile("за пределами нашей территории")
    )
    expect(page.get_by_label("Что именно не так")).to_have_value(TEXT)


def test_the_form_without_scripts_names_the_receiver_and_asks_again(
    new_page: NewPage, watch: Watch, widget_site: WidgetSite, places: dict[str, Place]
) -> None:
    watch.allow("status of 422")
    page = new_page(java_script_enabled=False)
    for found in places.values():
        page.goto(f"{widget_site.service.url}/s/{found.key}/report?lat=-39.5&lng={found.lng}&category=roads")
        page.fill("textarea[name=description]", TEXT)
        page.check("[name=consent]")
        page.click("button.primary")
        expect(page.locator("textarea[name=description]")).to_have_value(TEXT)
        if not found.receiver:
            expect(page.get_by_role("alert")).to_contain_text("за пределами нашей территории")
            continue
        expect(page.get_by_role("alert")).to_contain_text(f"Сообщение получит {found.receiver}.")
        expect(page.get_by_text(f"получит {AGENCY}")).to_have_count(0)
        page.click("button.primary")
        expect(page.locator(".timeline")).to_contain_text(found.receiver)

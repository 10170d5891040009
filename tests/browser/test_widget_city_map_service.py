"""The city's map with the real service and as many problems as a town collects in a year."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support import maps
from tests.support.browser import Watch
from tests.support.clusters import city_map
from tests.support.widget import WidgetSite

MANY = 2_000


def test_clusters_of_thousands_lead_to_one_problem(
    new_page: Callable[..., Page], watch: Watch, widget_site: WidgetSite
) -> None:
    """The site has no configured view: the map opens where its problems are."""
    widget_site.service.cli("load-demo", "--problems", str(MANY), "--site", widget_site.site)
    widget_site.host.headers["Content-Security-Policy"] = maps.STRICT.format(w=widget_site.service.url)
    try:
        page = new_page(viewport={"width": 1280, "height": 900})
        city_map(page, widget_site.page(widget_site.snippet('type="extended"')))
        seen = page.locator(".city-ground .states [role=status]")
        expect(seen).to_have_text(re.compile(r"^На карте [12].?\d{3} сообщени"))
        one = page.locator(".mark.one[tabindex='0']")
        for _ in range(12):
            page.wait_for_timeout(700)
            many = page.locator(".mark.many[tabindex='0']")
            if not many.count():
                break
            many.nth(many.count() // 2).press("Enter")
        if not page.locator(".preview").count():
            one.first.press("Enter")
        link = page.locator(".preview").get_by_role("link").first
        address = link.get_attribute("href") or ""
        link.click()
        expect(page.locator("article")).to_be_visible()
        number = int(address.rpartition("/")[2])
        expect(page.locator("article")).to_contain_text(re.compile(rf"№ {number:,}".replace(",", r"\s?")))
    finally:
        del widget_site.host.headers["Content-Security-Policy"]
    requested = [request.url for request in watch.requests if "/clusters?" in request.url]
    assert len(requested) >= 3
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}

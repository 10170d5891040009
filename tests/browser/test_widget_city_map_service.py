"""The city's map with the real service and as many problems as a town collects in a year."""

import re

from playwright.sync_api import Page, expect

from tests.support.browse import settle
from tests.support.browser import Watch
from tests.support.clusters import city_map
from tests.support.widget import WidgetSite

MANY = 2_000


def test_clusters_of_thousands_lead_to_one_problem(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """The site has no configured view: the map opens where its problems are."""
    widget_site.service.cli("load-demo", "--problems", str(MANY), "--site", widget_site.site)
    desktop.clock.install()
    with widget_site.strict_policy():
        city_map(desktop, widget_site.page(widget_site.snippet('type="extended" data-start="list"')))
        seen = desktop.locator(".city-ground .states [role=status]")
        expect(seen).to_have_text(re.compile(r"^На карте [12].?\d{3} сообщени"))
        preview = desktop.locator(".preview")
        for _ in range(20):
            if preview.count():
                break
            many, one = (desktop.locator(f".mark.{kind}[tabindex='0']") for kind in ("many", "one"))
            there = many if many.count() else one
            there.nth(there.count() // 2).press("Enter")
            settle(desktop)
        link = preview.get_by_role("link").first
        address = link.get_attribute("href") or ""
        link.click()
        expect(desktop.locator("article")).to_be_visible()
        number = int(address.rpartition("/")[2])
        expect(desktop.locator("article")).to_contain_text(re.compile(rf"№\s{number:,}".replace(",", r"\s?")))
    requested = [request.url for request in watch.requests if "/clusters?" in request.url]
    assert len(requested) >= 3
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}

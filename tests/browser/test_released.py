"""Pinned releases keep working with the current service."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.support.browse import CARD
from tests.support.browser import NewPage, Watch
from tests.support.pages import examples
from tests.support.widget import REPORT, WidgetSite, report, to_form
from widget_api.web import releases

RELEASED = sorted(json.loads((examples.DIST / "released.json").read_text()))


def pinned(widget_site: WidgetSite, version: str, kind: str) -> str:
    """URL of a page that pins the release by its hash, as described in docs/embedding.md."""
    integrity = releases.integrity_hash(version, "loader.js")
    source = f"{widget_site.service.url}/w/{version}/loader.js"
    script = f'<script async src="{source}" integrity="{integrity}" crossorigin></script>'
    return widget_site.page(widget_site.snippet(f'type="{kind}"') + script, loader=False)


@pytest.mark.parametrize("kind", ["basic", "extended"])
@pytest.mark.parametrize("version", RELEASED)
def test_a_pinned_release_sends_reports(
    new_page: NewPage, watch: Watch, widget_site: WidgetSite, version: str, kind: str
) -> None:
    page = new_page(viewport={"width": 1280, "height": 900})
    page.goto(pinned(widget_site, version, kind))
    page.get_by_role("button", name=REPORT, exact=True).click()
    to_form(page)
    assert report(page) > 0
    chunks = [url for url in (request.url for request in watch.requests) if "/w/" in url]
    assert chunks
    assert all(url.startswith(f"{widget_site.service.url}/w/{version}/") for url in chunks)
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}


@pytest.mark.parametrize("version", RELEASED)
def test_a_pinned_release_shows_the_list_and_a_problem(page: Page, widget_site: WidgetSite, version: str) -> None:
    widget_site.service.cli("load-demo", "--problems", "30", "--site", widget_site.site)
    page.goto(pinned(widget_site, version, "extended"))
    page.get_by_role("button", name=REPORT, exact=True).click()
    card = page.locator(CARD).first
    expect(card).to_be_visible()
    card.click()
    expect(page.locator("igrajdanin-widget .timeline")).to_be_visible()

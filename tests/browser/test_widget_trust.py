"""The widget does not trust what others may write into a host page: names, attributes, links, modified files."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browse import CARD, browse
from tests.support.browser import Watch
from tests.support.pages import HostPages, examples
from tests.support.widget import (
    ANY_ORIGIN,
    RELEASE,
    REPORT,
    WidgetSite,
    open_form,
    page_with_modified_files,
    report,
    to_form,
)

# Members of `document` that a named element of the page shadows (HTML, «named properties» of Document).
MEMBERS = (
    "activeElement", "addEventListener", "adoptedStyleSheets", "body", "createElement", "createElementNS",
    "currentScript", "documentElement", "head", "hidden", "querySelector", "querySelectorAll", "removeEventListener",
)  # fmt: skip
# Globals, which elements with such an id or name do not shadow.
GLOBALS = (
    "AbortController", "CSSStyleSheet", "HTMLScriptElement", "IntersectionObserver", "JSON", "MutationObserver",
    "Promise", "URL", "addEventListener", "customElements", "fetch", "history", "localStorage", "location",
    "setTimeout",
)  # fmt: skip


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[HostPages]:
    """A foreign server. It answers, so that a request to it would succeed."""
    (tmp_path / "w" / "1").mkdir(parents=True)
    (tmp_path / "w" / "1" / "loader.js").write_text("globalThis.stolen = true;")
    host = HostPages(tmp_path)
    yield host
    host.close()


def bait(host: HostPages) -> str:
    source = f"{host.url}/w/1/loader.js"
    named = [f'<img name="{name}" src="{source}" lang="en" hidden>' for name in MEMBERS]
    named += [f'<form name="{name}"><input name="src" value="{source}"></form>' for name in MEMBERS]
    named += [f'<form id="{name}" name="{name}"><input name="then"></form>' for name in GLOBALS]
    hidden = "".join(f'<input name="{name}">' for name in ("append", "childNodes", "querySelector", "setAttribute"))
    return "".join(named) + f'<form data-igrajdanin-widget="wk_x">{hidden}</form>'


def test_the_citys_map_works_beside_such_elements(
    desktop: Page, watch: Watch, widget_site: WidgetSite, evil: HostPages
) -> None:
    widget_site.service.cli("load-demo", "--problems", "5", "--site", widget_site.site)
    browse(desktop, widget_site.page(bait(evil) + widget_site.snippet('type="extended" data-start="list"')))
    expect(desktop.get_by_role("application").get_by_role("button").first).to_be_visible()
    desktop.locator(CARD).first.click()
    expect(desktop.locator("igrajdanin-widget .timeline")).to_be_visible()
    there = [one for one in watch.requests if one.url.startswith(evil.url)]
    assert [one.url for one in there if one.resource_type != "image"] == [], "the bait's own pictures alone"


def test_the_frame_script_works_beside_such_elements(desktop: Page, widget_site: WidgetSite, evil: HostPages) -> None:
    frame = f'<iframe src="{widget_site.service.url}/s/{widget_site.key}/embed" width="100%" height="500"></iframe>'
    script = f'<script async src="{widget_site.service.url}/w/1/frame.js"></script>'
    desktop.goto(widget_site.page(bait(evil) + frame + script, loader=False))
    expect(desktop.frame_locator("iframe").get_by_role("heading").first).to_be_visible()
    desktop.wait_for_function("document.getElementsByTagName('iframe')[0].style.height !== ''")


def test_elements_of_the_page_cannot_change_the_service(
    page: Page, watch: Watch, widget_site: WidgetSite, evil: HostPages
) -> None:
    watch.allow("status of 404|ключа сайта нет")
    div = f'<div data-igrajdanin-widget="wk_x" data-api="{evil.url}"><a href="{evil.url}">{REPORT}</a></div>'
    element = f'<igrajdanin-widget site-key="wk_y" api="{evil.url}" data-api="{evil.url}"></igrajdanin-widget>'
    page.goto(widget_site.page(div + element))
    for at, key in enumerate(("wk_x", "wk_y")):
        with page.expect_response(re.compile(f"{re.escape(widget_site.service.url)}/api/v1/sites/{key}")):
            page.get_by_role("button", name=REPORT, exact=True).nth(at).click()
        expect(page.get_by_role("alert")).to_contain_text("Виджет настроен неверно")
        page.keyboard.press("Escape")
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}


def test_links_are_never_code(desktop: Page, widget_site: WidgetSite) -> None:
    """A compromised service answers with javascript: URLs; everything else in its answers is trusted."""
    code = "javascript:document.title='stolen'"

    def answer(route: Route) -> None:
        config: dict[str, Any] = route.fetch().json()
        config |= {"links": dict.fromkeys(config["links"], code), "appeals_url": " " + code}
        config["consent"]["url"] = "JaVaScRiPt:alert(1)"
        config["categories"][0]["notice_parts"] = [
            ["вниз", code], ["файл", "data:text/html,x"], ["112", "tel:112"], ["письмо", "mailto:a@b.test"],
        ]  # fmt: skip
        route.fulfill(json=config, headers=ANY_ORIGIN)

    desktop.route(re.compile(r"\?lang="), answer)
    form = open_form(desktop, widget_site.page(widget_site.snippet('type="basic"')))
    desktop.get_by_label("Дороги и тротуары").check()
    expect(form.locator(".notice a")).to_have_count(4)
    hrefs = form.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert sorted(href for href in hrefs if href) == ["mailto:a@b.test", "tel:112"]
    assert report(desktop) > 0
    assert not desktop.locator("igrajdanin-widget a[href^='java' i]").count()


def test_the_plain_link_is_never_code(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """There is no link for an unknown key, since its page does not exist. There is one if the service fails."""
    watch.allow("status of 503")
    page.route(re.compile(r"\?lang="), lambda route: route.fulfill(status=503, json={}, headers=ANY_ORIGIN))
    page.goto(
        widget_site.page(
            widget_site.snippet().replace(
                f"{widget_site.service.url}/s/{widget_site.key}/report", "javascript:alert(1)"
            )
        )
    )
    page.get_by_role("button", name=REPORT, exact=True).click()
    link = page.get_by_role("alert").get_by_role("link")
    expect(link).to_have_attribute("href", f"{widget_site.service.url}/s/{widget_site.key}/report")


def test_a_modified_file_does_not_run_and_the_link_returns(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    watch.allow(r"integrity|uncaught: http\S+\.js")
    opener, link = page.get_by_role("button", name=REPORT, exact=True), page.get_by_role("link", name=REPORT)
    for name, kind in (("core", "basic"), ("report", "basic"), ("browse", "extended")):
        page.goto(page_with_modified_files(widget_site, name, kind))
        opener.click()
        expect(link).to_be_visible()
        assert page.evaluate("globalThis.stolen") is None
    # So does one that is loaded later.
    page.goto(page_with_modified_files(widget_site, "report", "extended"))
    opener.click()
    page.locator("igrajdanin-widget .turn .button").click()
    expect(page.get_by_role("alert")).to_contain_text("Сервис не отвечает")
    assert page.evaluate("globalThis.stolen") is None


def test_an_unmodified_copy_works_and_removes_the_link(desktop: Page, widget_site: WidgetSite) -> None:
    shutil.copytree(examples.DIST / RELEASE, widget_site.folder / "whole" / RELEASE)
    script = f'<script async src="/whole/{RELEASE}/loader.js" data-api="{widget_site.service.url}"></script>'
    desktop.goto(widget_site.page(widget_site.snippet('type="extended"') + script, loader=False))
    desktop.get_by_role("button", name=REPORT, exact=True).click()
    to_form(desktop)
    assert report(desktop) > 0
    expect(desktop.locator("link[rel=modulepreload]")).to_have_count(0)

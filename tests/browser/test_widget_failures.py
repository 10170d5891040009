"""Errors in the widget: the person gets a message, and the service one report from the widget it happened in."""

from __future__ import annotations

import json
import re
import shutil
from secrets import token_hex

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browse import CARD
from tests.support.browser import Watch
from tests.support.pages import examples
from tests.support.widget import AGENCY, ANY_ORIGIN, RELEASE, REPORT, WidgetSite, draw_twice, to_form, wait_until

FAILED = re.compile(r"/sites/([\w-]+)/challenge\?.*&failed=([\w-]+)$")


@pytest.fixture(scope="module", autouse=True)
def city(widget_site: WidgetSite) -> None:
    widget_site.service.cli("load-demo", "--problems", "3", "--site", widget_site.site)


@pytest.fixture(scope="module")
def second(widget_site: WidgetSite) -> str:
    """The key of another site of the same service, for the same page."""
    agency = widget_site.service.cli("agency", "add", "--name", "Водоканал", "--email", "office@gorod.test")["agency"]
    place = ("--origin", widget_site.host.url, "--jurisdiction", f"second-{token_hex(4)}.test", "--type", "extended")
    made = widget_site.service.cli("site", "add", "--name", "Водоканал", "--agency", agency, *place)
    widget_site.service.cli("load-demo", "--problems", "3", "--site", made["site"])
    return str(made["key"])


def failures(watch: Watch) -> list[tuple[str, str]]:
    """Failures recorded by the service, as pairs of site and kind."""
    return [found.groups() for one in watch.requests if (found := FAILED.search(one.url))]  # type: ignore[misc]


def wait_for_crash(page: Page, watch: Watch, key: str) -> None:
    """Wait until the service has recorded a crash of this site's widget."""
    wait_until(page, lambda: (key, "crash") in failures(watch))


def test_rendering_errors_are_shown_and_reported_once(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    watch.allow("TypeError|undefined|null|failed=crash")

    def spoil(route: Route) -> None:
        body = route.fetch().json() | {"categories": None}
        route.fulfill(body=json.dumps(body), content_type="application/json", headers=ANY_ORIGIN)

    desktop.route(re.compile(r"/sites/[\w-]+\?lang="), spoil)
    for kind in ("basic", "extended"):
        watch.requests.clear()
        desktop.goto(widget_site.page(widget_site.snippet(f'type="{kind}"')))
        desktop.evaluate("errors = []; addEventListener('igrajdanin:error', event => errors.push(event.detail))")
        desktop.get_by_role("button", name=REPORT, exact=True).click()
        expect(desktop.get_by_role("alert")).to_have_count(1)
        expect(desktop.get_by_role("alert")).to_contain_text("Сервис не отвечает")
        link = desktop.get_by_role("alert").get_by_role("link", name="Открыть страницу")
        expect(link).to_have_attribute("href", f"{widget_site.service.url}/s/{widget_site.key}/report")
        # Rendering again does not report again.
        for theme in ("dark", "contrast"):
            desktop.evaluate("theme => document.querySelector('igrajdanin-widget').setAttribute('theme', theme)", theme)
            expect(desktop.locator("igrajdanin-widget .igw")).to_have_attribute("data-theme", theme)
        wait_for_crash(desktop, watch, widget_site.key)
        assert failures(watch) == [(widget_site.key, "crash")]
        assert len(desktop.evaluate("errors")) == 1
        desktop.get_by_role("button", name="Закрыть", exact=True).click()
        expect(desktop.get_by_role("dialog")).to_have_count(0)


def test_of_two_widgets_only_the_failing_one_reports(
    desktop: Page, watch: Watch, widget_site: WidgetSite, second: str
) -> None:
    """An error and an unhandled rejection, neither of which says which widget it comes from."""
    watch.allow("is not a function|failed=crash")
    first = widget_site.snippet('type="basic" view="inline" id="first"')
    other = widget_site.snippet('type="extended" view="inline" id="other"', key=second)
    desktop.goto(widget_site.page(first + other))
    desktop.evaluate("window.print = null")  # an extension breaks functions of the browser
    expect(desktop.locator("#first form")).to_be_visible()
    desktop.locator("#other").scroll_into_view_if_needed()
    desktop.locator(f"#other {CARD.split()[-1]}").first.click()
    for _ in range(2):
        with desktop.expect_event("pageerror"):
            desktop.locator("#other").get_by_role("button", name="Распечатать").click()
    wait_for_crash(desktop, watch, second)
    assert failures(watch) == [(second, "crash")]
    desktop.evaluate("String.prototype.trim = null")
    with desktop.expect_event("pageerror"):
        desktop.locator("#first").get_by_role("button", name=re.compile("^Отправить")).click()
    wait_for_crash(desktop, watch, widget_site.key)
    # Errors in the page's own scripts are not reported.
    with desktop.expect_event("pageerror"):
        desktop.evaluate("setTimeout(() => print())")
    desktop.evaluate("0")
    assert failures(watch) == [(second, "crash"), (widget_site.key, "crash")]


def test_missing_texts_are_fetched_from_the_service(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """As when a municipality has copied only the scripts."""
    watch.allow("status of 404")
    copy = widget_site.folder / "scripts-alone" / RELEASE
    shutil.copytree(examples.DIST / RELEASE, copy, ignore=shutil.ignore_patterns("*.json"))
    script = f'<script async src="/scripts-alone/{RELEASE}/loader.js" data-api="{widget_site.service.url}"></script>'
    desktop.goto(widget_site.page(widget_site.snippet('type="extended" data-start="list"') + script, loader=False))
    desktop.get_by_role("button", name=REPORT, exact=True).click()
    expect(desktop.get_by_role("dialog", name="Проблемы города")).to_be_visible()
    desktop.evaluate("document.querySelector('igrajdanin-widget').lang = 'en'")
    expect(desktop.get_by_role("dialog", name="City problems")).to_be_visible()
    to_form(desktop)
    texts = [re.sub(r"-\w{8}(?=\.json)", "", one.url) for one in watch.requests if ".json" in one.url]
    for name in ("ru-widget", "ru-browse", "en-widget", "en-browse"):
        requested = [url for url in texts if url.endswith(f"/{name}.json")]
        assert requested[-1] == f"{widget_site.service.url}/w/{RELEASE}/{name}.json", requested
        assert len([url for url in requested if url.startswith(widget_site.service.url)]) == 1


def test_a_missing_text_is_shown_as_its_key(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    desktop.route("**/ru-widget*.json*", lambda route: route.fulfill(json={"locale": "ru"}, headers=ANY_ORIGIN))
    desktop.goto(widget_site.page(widget_site.snippet('type="basic"')))
    desktop.get_by_role("button", name=REPORT, exact=True).click()
    expect(desktop.get_by_role("dialog", name="title")).to_be_visible()
    to_form(desktop)
    expect(desktop.get_by_role("button", name="close", exact=True)).to_be_visible()
    assert failures(watch) == []


def test_failing_to_reload_the_configuration_keeps_the_view(
    desktop: Page, watch: Watch, widget_site: WidgetSite, second: str
) -> None:
    watch.allow("status of 503")
    desktop.goto(widget_site.page(widget_site.snippet('type="basic" view="inline"')))
    field = desktop.locator("#description")
    field.fill("Яма на переходе")
    desktop.route(re.compile(r"\?lang=en"), lambda route: route.fulfill(status=503, body="{}", headers=ANY_ORIGIN))
    with desktop.expect_response(re.compile(r"\?lang=en")):
        desktop.evaluate("document.querySelector('igrajdanin-widget').lang = 'en'")
    expect(desktop.get_by_role("region", name="Report a problem")).to_be_visible()
    expect(field).to_have_value("Яма на переходе")
    # A late answer does not replace a newer one.
    held: list[Route] = []
    desktop.unroute(re.compile(r"\?lang=en"))
    desktop.route(re.compile(r"\?lang=en"), lambda route: held.append(route))
    desktop.evaluate("document.querySelector('igrajdanin-widget').lang = 'ru'")
    expect(desktop.get_by_role("region", name=REPORT)).to_be_visible()
    desktop.evaluate("document.querySelector('igrajdanin-widget').lang = 'en'")
    expect(desktop.get_by_role("region", name="Report a problem")).to_be_visible()
    with desktop.expect_response(re.compile(r"\?lang=ru")):
        desktop.evaluate("document.querySelector('igrajdanin-widget').lang = 'ru'")
    expect(desktop.get_by_text("Дороги и тротуары")).to_be_visible()
    with desktop.expect_response(re.compile(r"\?lang=en")):
        held[-1].continue_()
    draw_twice(desktop)
    expect(desktop.get_by_text("Дороги и тротуары")).to_be_visible()
    # Another site's view is not kept: the widget waits for the new configuration.
    expect(desktop.locator("igrajdanin-widget .agency")).to_have_text(AGENCY)
    desktop.evaluate("key => { document.querySelector('igrajdanin-widget').siteKey = key }", second)
    expect(desktop.locator("igrajdanin-widget .agency")).to_have_text("Водоканал")
    expect(field).to_have_value("")

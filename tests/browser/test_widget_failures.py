"""Errors in the widget: the person gets a message, and the service one report from the widget it happened in."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from secrets import token_hex

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browse import CARD
from tests.support.browser import Watch
from tests.support.maps import ANY_ORIGIN
from tests.support.pages import examples
from tests.support.widget import AGENCY, RELEASE, REPORT, Stand, to_form

DESK = {"width": 1280, "height": 900}
FAILED = re.compile(r"/sites/([\w-]+)/challenge\?.*&failed=([\w-]+)$")
# Browser functions broken by an extension.
BROKEN = """Object.defineProperty(navigator, "geolocation", { value: {} });
  window.print = null;"""


@pytest.fixture
def desk(new_page: Callable[..., Page]) -> Page:
    return new_page(viewport=DESK)


@pytest.fixture(scope="module", autouse=True)
def city(stand: Stand) -> None:
    stand.service.cli("load-demo", "--problems", "3", "--site", stand.site)


@pytest.fixture(scope="module")
def second(stand: Stand) -> str:
    """The key of another site of the same service, for the same page."""
    agency = stand.service.cli("agency", "add", "--name", "Водоканал", "--email", "office@gorod.test")["agency"]
    place = ("--origin", stand.host.url, "--jurisdiction", f"second-{token_hex(4)}.test", "--type", "extended")
    made = stand.service.cli("site", "add", "--name", "Водоканал", "--agency", agency, *place)
    stand.service.cli("load-demo", "--problems", "3", "--site", made["site"])
    return str(made["key"])


def failures(watch: Watch) -> list[tuple[str, str]]:
    """Failures recorded by the service, as pairs of site and kind."""
    return [found.groups() for one in watch.requests if (found := FAILED.search(one.url))]  # type: ignore[misc]


def wait_for_crash(page: Page, watch: Watch, key: str) -> None:
    """Wait until the service has recorded a crash of this site's widget."""
    for _ in range(500):
        if (key, "crash") in failures(watch):
            return
        page.wait_for_timeout(10)
    raise AssertionError(f"nothing but {failures(watch)}")


@pytest.mark.parametrize("kind", ["basic", "extended"])
def test_rendering_errors_are_shown_and_reported_once(desk: Page, watch: Watch, stand: Stand, kind: str) -> None:
    watch.allow("TypeError|undefined|null|failed=crash")

    def spoil(route: Route) -> None:
        body = route.fetch().json() | {"categories": None}
        route.fulfill(body=json.dumps(body), content_type="application/json", headers=ANY_ORIGIN)

    desk.route(re.compile(r"/sites/[\w-]+\?lang="), spoil)
    desk.goto(stand.page(stand.snippet(f'type="{kind}"')))
    desk.evaluate("errors = []; addEventListener('igrajdanin:error', event => errors.push(event.detail))")
    desk.get_by_role("button", name=REPORT, exact=True).click()
    expect(desk.get_by_role("alert")).to_have_count(1)
    expect(desk.get_by_role("alert")).to_contain_text("Сервис сейчас не отвечает")
    link = desk.get_by_role("alert").get_by_role("link", name="Открыть страницу")
    expect(link).to_have_attribute("href", f"{stand.service.url}/s/{stand.key}/report")
    # Rendering again does not report again.
    for theme in ("dark", "contrast"):
        desk.evaluate("theme => document.querySelector('igrajdanin-widget').setAttribute('theme', theme)", theme)
        expect(desk.locator("igrajdanin-widget .igw")).to_have_attribute("data-theme", theme)
    wait_for_crash(desk, watch, stand.key)
    assert failures(watch) == [(stand.key, "crash")]
    assert len(desk.evaluate("errors")) == 1
    desk.get_by_role("button", name="Закрыть", exact=True).click()
    expect(desk.get_by_role("dialog")).to_have_count(0)


def test_of_two_widgets_only_the_failing_one_reports(desk: Page, watch: Watch, stand: Stand, second: str) -> None:
    """An error and an unhandled rejection, neither of which says which widget it comes from."""
    watch.allow("is not a function|failed=crash")
    first = stand.snippet('type="basic" view="inline" id="first"')
    other = stand.snippet('type="extended" view="inline" id="other"', key=second)
    desk.goto(stand.page(first + other))
    desk.evaluate(BROKEN)
    expect(desk.locator("#first form")).to_be_visible()
    desk.locator("#other").scroll_into_view_if_needed()
    desk.locator(f"#other {CARD.split()[-1]}").first.click()
    for _ in range(2):
        with desk.expect_event("pageerror"):
            desk.locator("#other").get_by_role("button", name="Распечатать").click()
    wait_for_crash(desk, watch, second)
    assert failures(watch) == [(second, "crash")]
    with desk.expect_event("pageerror"):
        desk.locator("#first").get_by_role("button", name="Моё местоположение").click()
    wait_for_crash(desk, watch, stand.key)
    # Errors in the page's own scripts are not reported.
    with desk.expect_event("pageerror"):
        desk.evaluate("setTimeout(() => print())")
    desk.evaluate("0")
    assert failures(watch) == [(second, "crash"), (stand.key, "crash")]


def test_missing_texts_are_fetched_from_the_service(desk: Page, watch: Watch, stand: Stand) -> None:
    """As when a municipality has copied only the scripts."""
    watch.allow("status of 404")
    copy = stand.folder / "scripts-alone" / RELEASE
    shutil.copytree(examples.DIST / RELEASE, copy, ignore=shutil.ignore_patterns("*.json"))
    script = f'<script async src="/scripts-alone/{RELEASE}/loader.js" data-api="{stand.service.url}"></script>'
    desk.goto(stand.page(stand.snippet('type="extended"') + script, loader=False))
    desk.get_by_role("button", name=REPORT, exact=True).click()
    expect(desk.get_by_role("dialog", name="Проблемы города")).to_be_visible()
    desk.evaluate("document.querySelector('igrajdanin-widget').lang = 'en'")
    expect(desk.get_by_role("dialog", name="City problems")).to_be_visible()
    to_form(desk)
    texts = [one.url.split("?")[0] for one in watch.requests if ".json" in one.url]
    for name in ("ru-widget", "ru-browse", "en-widget", "en-browse"):
        requested = [url for url in texts if url.endswith(f"/{name}.json")]
        assert requested[-1] == f"{stand.service.url}/w/{RELEASE}/{name}.json", requested
        assert len([url for url in requested if url.startswith(stand.service.url)]) == 1


def test_failing_to_reload_the_configuration_keeps_the_view(
    desk: Page, watch: Watch, stand: Stand, second: str
) -> None:
    watch.allow("status of 503")
    desk.goto(stand.page(stand.snippet('type="basic" view="inline"')))
    field = desk.locator("#description")
    field.fill("Яма на переходе")
    desk.route(re.compile(r"\?lang=en"), lambda route: route.fulfill(status=503, body="{}", headers=ANY_ORIGIN))
    with desk.expect_response(re.compile(r"\?lang=en")):
        desk.evaluate("document.querySelector('igrajdanin-widget').lang = 'en'")
    expect(desk.get_by_role("region", name="Report a problem")).to_be_visible()
    expect(field).to_have_value("Яма на переходе")
    # A late answer does not replace a newer one.
    held: list[Route] = []
    desk.unroute(re.compile(r"\?lang=en"))
    desk.route(re.compile(r"\?lang=en"), lambda route: held.append(route))
    desk.evaluate("document.querySelector('igrajdanin-widget').lang = 'ru'")
    expect(desk.get_by_role("region", name=REPORT)).to_be_visible()
    desk.evaluate("document.querySelector('igrajdanin-widget').lang = 'en'")
    expect(desk.get_by_role("region", name="Report a problem")).to_be_visible()
    with desk.expect_response(re.compile(r"\?lang=ru")):
        desk.evaluate("document.querySelector('igrajdanin-widget').lang = 'ru'")
    expect(desk.get_by_text("Дороги и тротуары")).to_be_visible()
    with desk.expect_response(re.compile(r"\?lang=en")):
        held[-1].continue_()
    desk.evaluate("new Promise(requestAnimationFrame)")
    expect(desk.get_by_text("Дороги и тротуары")).to_be_visible()
    # Another site's view is not kept: the widget waits for the new configuration.
    expect(desk.locator("igrajdanin-widget .agency")).to_have_text(AGENCY)
    desk.evaluate("key => { document.querySelector('igrajdanin-widget').siteKey = key }", second)
    expect(desk.locator("igrajdanin-widget .agency")).to_have_text("Водоканал")
    expect(field).to_have_value("")

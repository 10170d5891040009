"""Problems mirrored from a platform: in the widget under the strictest policy, on the city's page, in the cabinet.

Their photos are on a foreign server; browsers must only contact the service.
"""

import contextlib
import json
import sqlite3
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.api.test_platform_mirror import URL, own
from tests.support import axe
from tests.support.browser import Watch
from tests.support.city import picture
from tests.support.pages import LocalServer, QuietHandler
from tests.support.processes import Serve
from tests.support.town import sign_in
from tests.support.waiting import wait_for
from tests.support.widget import WidgetSite, wait_until

TEXT = "Сугроб у остановки"
LOOKS: list[axe.Look] = [
    (360, "light", None), (360, "dark", "white-on-black"), (1280, "light", "blue"), (1280, "dark", None),
]  # fmt: skip
AT_ONCE = ("widget_api.worker.SETTLING=0.1",)


class Platform(LocalServer):
    """A GeoReport server that has one request with a photo and records who requested what."""

    def __init__(self) -> None:
        self.requested: list[tuple[str, str]] = []  # path, user agent
        platform = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:  # noqa: N802 - the base class names it so
                path = self.path.partition("?")[0]
                platform.requested.append((path, self.headers.get("User-Agent", "")))
                known = {"/photo.jpg": ("image/jpeg", picture()), "/requests.json": ("application/json", requests_json)}
                kind, body = known.get(path, ("text/plain", None))
                self.reply(404 if body is None else 200, body or b"", kind)

        super().__init__(Handler)
        requests_json = json.dumps([own(media_url=f"{self.url}/photo.jpg")]).encode()


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    made = Platform()
    yield made
    made.close()


@pytest.fixture(scope="module")
def widget_site(
    module_serve: Serve, platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WidgetSite]:
    service = module_serve(platform_url=platform.url, platform_key="secret", changes=AT_ONCE)
    built = WidgetSite.build(service, tmp_path_factory.mktemp("web"))
    yield built
    built.host.close()


@pytest.fixture(scope="module")
def number(widget_site: WidgetSite) -> int:
    """Number of the platform's problem, once it has been imported with its photo."""

    def find() -> list[int]:
        with urllib.request.urlopen(f"{widget_site.api}/problems") as answer:
            return [int(one["number"]) for one in json.load(answer)["items"] if one["photos"]]

    return wait_for(find, "not imported yet")[0]


def all_looks(page: Page, address: str, turn: int) -> None:
    for language in ("ru", "en"):
        page.goto(f"{address}?lang={language}")
        page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
        # Colours do not depend on the language, the width of words does.
        if language == "ru":
            assert axe.violations_in_turn(page, LOOKS, turn) == [], address
        assert axe.overflow_in_appearances(page, LOOKS) == [], (address, language)


def test_a_photo_that_comes_late_moves_nothing(widget_site: WidgetSite, number: int, page: Page) -> None:
    held: list[Route] = []
    page.route("**/photos/**", lambda route: held.append(route))
    page.goto(f"{widget_site.service.url}/s/{widget_site.key}/problems/{number}", wait_until="domcontentloaded")
    place, photo = page.locator("dl.facts"), page.locator(".pictures img")
    wait_until(page, lambda: bool(held))
    before = place.bounding_box(), photo.bounding_box()
    for route in held:
        route.continue_()
    wait_until(page, lambda: bool(photo.evaluate("one => one.complete && one.naturalWidth > 0")))
    assert (place.bounding_box(), photo.bounding_box()) == before


def test_browsers_contact_only_the_service(
    widget_site: WidgetSite, platform: Platform, number: int, page: Page, watch: Watch
) -> None:
    before = len(platform.requested)
    with widget_site.strict_policy():
        page.goto(f"{widget_site.host.url}/strict-csp/")
    widget = page.locator("igrajdanin-widget")
    widget.evaluate("one => one.dataset.start = 'list'")
    page.get_by_role("button", name="Сообщить о проблеме").click()
    widget.locator(".card", has_text=TEXT).click()
    source = widget.locator("article .facts").get_by_role("link", name="127.0.0.1")
    expect(source).to_have_attribute("href", URL)
    shot = widget.locator("article .shot img").first
    expect(shot).to_have_js_property("complete", True)
    assert shot.evaluate("one => one.naturalWidth") > 0, "the photo is displayed, not only linked"
    widget.locator("article .shot").first.click()
    expect(page.get_by_role("dialog", name="Фотографии").locator("img")).to_have_js_property("complete", True)
    page.goto(f"{widget_site.service.url}/s/{widget_site.key}/problems/{number}")
    expect(page.get_by_role("link", name="127.0.0.1")).to_have_attribute("href", URL)
    expect(page.locator(".pictures img")).to_have_js_property("complete", True)
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}
    assert [path for path, _ in platform.requested].count("/photo.jpg") == 1, "fetched once, by the service"
    assert all("Mozilla" not in agent for _, agent in platform.requested[before:])


def test_pages_of_mirrored_problems_are_accessible(
    widget_site: WidgetSite, number: int, page: Page, watch: Watch
) -> None:
    all_looks(page, f"{widget_site.service.url}/s/{widget_site.key}/problems/{number}", 0)
    agency = widget_site.service.cli("site", "show", widget_site.key)["agency"]
    email = "agent@gorod.test"
    made = widget_site.service.cli("user", "add", "--email", email, "--agency", agency, "--role", "agent")
    sign_in(page, widget_site.service, email, made["password"])
    expect(page.locator(".empty")).to_be_visible()  # nobody has to act on it: it is in no work list
    with contextlib.closing(sqlite3.connect(widget_site.service.directory / "widget.db")) as database:
        ((problem_id,),) = database.execute("SELECT id FROM problems")
    page.goto(f"{widget_site.service.url}/cabinet/problems/{problem_id}")
    expect(page.locator(f"#decide a[href='{URL}']")).to_be_visible()
    expect(page.locator("form.decision")).to_have_count(0)
    all_looks(page, page.url.partition("?")[0], 1)
    assert watch.hosts() == {widget_site.service.url}

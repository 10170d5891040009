"""Errors and silence: the person gets a message, the service one report from the widget in which something broke."""

import re
import shutil
import socket
from collections.abc import Iterator
from secrets import token_hex

import pytest
from playwright.sync_api import Page, expect

from tests.support.browse import CARD
from tests.support.browser import Watch
from tests.support.pages import examples
from tests.support.widget import RELEASE, REPORT, WidgetSite, draw_twice, wait_until

DEMO_PROBLEMS = 3
READING = 15  # seconds, widget_js/loader/timeouts.ts
FAILED = re.compile(r"/sites/([\w-]+)/challenge\?.*&failed=([\w-]+)$")


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


@pytest.fixture
def silent() -> Iterator[str]:
    """URL of a server with a full backlog: the kernel accepts connections, nobody reads from them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def patient(page: Page) -> Page:
    """A page whose clock is controlled by the test."""
    page.clock.install()
    return page


def wait(page: Page) -> None:
    """Let the time pass after which what is shown as loading is given up."""
    draw_twice(page)
    page.clock.run_for(READING * 1000 + 500)


def press(page: Page, at: int = 0) -> None:
    page.get_by_role("button", name=REPORT, exact=True).nth(at).click()


def test_a_service_that_only_serves_files(patient: Page, watch: Watch, widget_site: WidgetSite, silent: str) -> None:
    watch.allow("не ответил|ERR_CONNECTION_RESET.*failed=config")
    shutil.copytree(examples.DIST / RELEASE, widget_site.folder / "silent" / RELEASE)
    script = f'<script async src="/silent/{RELEASE}/loader.js" data-api="{silent}"></script>'
    both = widget_site.snippet('type="basic"') + widget_site.snippet('type="extended"')
    patient.goto(widget_site.page(both + script, loader=False))
    for at in range(2):
        press(patient, at)
        expect(patient.get_by_role("dialog")).to_contain_text("Загружаем")
        wait(patient)
        alert = patient.get_by_role("alert").first
        expect(alert).to_contain_text("Сервис не отвечает")
        plain = f"{widget_site.service.url}/s/{widget_site.key}/report"
        expect(alert.get_by_role("link", name="Открыть страницу")).to_have_attribute("href", plain)
        # The second attempt also times out, and says so.
        alert.get_by_role("button", name="Попробовать ещё раз").click()
        expect(patient.get_by_role("alert")).to_have_count(0)
        wait(patient)
        expect(alert).to_contain_text("Сервис не отвечает")
        patient.keyboard.press("Escape")


def test_the_button_is_busy_until_the_link_returns_if_files_hang(
    patient: Page, watch: Watch, widget_site: WidgetSite
) -> None:
    watch.allow("uncaught: http")
    patient.route(re.compile(rf"/w/{re.escape(RELEASE)}/"), lambda route: None)
    patient.goto(widget_site.page(widget_site.snippet()))
    button = patient.locator("igrajdanin-widget button")
    # In the task of the press, so that the next frame shows it, where nothing moves too.
    idle, busy = button.evaluate("""one => [() => {}, () => one.click()].map(act => {
      act();
      const { borderStyle, borderWidth } = getComputedStyle(one, ":before");
      return [one.ariaBusy, one.offsetWidth, one.offsetHeight, borderStyle, borderWidth];
    })""")
    assert idle[0] is None
    assert busy[0] == "true"
    assert idle[1:3] == busy[1:3]
    assert idle[3:] != busy[3:]  # a sign that neither reduced motion nor forced colours take away
    wait(patient)
    link = patient.get_by_role("link", name=REPORT)
    expect(link).to_have_attribute("href", f"{widget_site.service.url}/s/{widget_site.key}/report")
    expect(button).not_to_have_attribute("aria-busy", "true")

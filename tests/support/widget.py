"""A service with one site and a host page on another origin, the setup of every browser test of the widget."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, ViewportSize, expect

from tests.support import axe
from tests.support.pages import EXAMPLES, POLICY, HostPages, WatchedPages, examples
from tests.support.processes import Service
from tests.support.selection import is_full
from widget_api.web import releases

AGENCY = "Администрация города Зареченска"
UTILITY = "Управление водоканала"
NAMED = "town.test"
REPORT = "Сообщить о проблеме"
SEND = "Отправить в администрацию"
ACCEPTED = "Сообщение получено"
FIGURE = ".figure"  # the number on the confirmation
CLOSE = "Закрыть"
TEXT = "Яма на переходе у школы № 14"
SNIPPET = '<igrajdanin-widget site-key="{key}" {attributes}><a href="{w}/s/{key}/report">{text}</a></igrajdanin-widget>'
LOADER = '<script async src="{w}/w/1/loader.js"></script>'
RELEASE = releases.served_version("1")  # the version that `/w/1/` serves, released or not
POLL = 5_000  # milliseconds between two requests for news, widget_js/shared/polling.ts
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
THEMES = ("light", "dark", "contrast", "contrast-black", "contrast-blue")
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
# The strictest policy of a host page under which the widget works; {w} is the service.
STRICT = (
    "default-src 'none'; script-src {w}; connect-src {w}; img-src {w} blob:; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(frozen=True)
class Examples:
    """embed_examples/ on its own origin, with two sites of the service: a city's and a utility's."""

    service: Service
    pages: WatchedPages
    key: str
    second: str
    site: str  # of the first site
    values: dict[str, str]  # what the pages' placeholders are filled with

    @classmethod
    def build(cls, service: Service) -> Examples:
        values: dict[str, str] = {}
        pages = WatchedPages(values)
        origins = ("--origin", pages.url, "--origin", f"http://{NAMED}:{pages.port}")
        keys, sites = [], []
        for agency, type_ in ((AGENCY, "extended"), (UTILITY, "basic")):
            body = service.cli("agency", "add", "--name", agency, "--email", "office@gorod.test")["agency"]
            place = (*origins, "--jurisdiction", f"{type_}.examples-{token_hex(4)}.test")
            made = service.cli("site", "add", "--name", agency, "--agency", body, "--type", type_, *place)
            keys.append(made["key"])
            sites.append(made["site"])
        values |= {"W": service.url, "KEY": keys[0], "KEY2": keys[1]}
        return cls(service, pages, keys[0], keys[1], sites[0], values)

    def address(self, case: str) -> str:
        return f"{self.pages.url}/{case}/"

    def unsafe(self, case: str) -> str:
        """The same page under a host name: for the browser an insecure http site."""
        return f"http://{NAMED}:{self.pages.port}/{case}/"


@dataclass
class WidgetSite:
    """A site of the service, and a web server with host pages on the site's registered origin."""

    service: Service
    host: HostPages
    key: str
    site: str
    folder: Path
    made: int = field(default=0)

    @classmethod
    def build(cls, service: Service, folder: Path) -> WidgetSite:
        """Create them. `folder` is the web root of the host; it contains some examples at /plain/ and so on."""
        for case in ("plain", "strict-csp", "no-js"):
            (folder / case).symlink_to(EXAMPLES / case)
        (folder / "favicon.ico").write_bytes(b"")
        replace: dict[str, str] = {}
        host = HostPages(folder, replace=replace)
        agency = service.cli("agency", "add", "--name", AGENCY, "--email", "office@gorod.test")["agency"]
        # One service may serve many of these sites, and ports are reused.
        place = ("--origin", host.url, "--jurisdiction", f"gorod-{token_hex(4)}.test")
        options = ("--agency", agency, *place, "--type", "extended")
        site = service.cli("site", "add", "--name", "Зареченск", *options)
        replace |= {"{{W}}": service.url, "{{KEY}}": site["key"]}
        return cls(service, host, site["key"], site["site"], folder)

    @property
    def api(self) -> str:
        return f"{self.service.url}/api/v1/sites/{self.key}"

    def snippet(self, attributes: str = "", key: str | None = None) -> str:
        return SNIPPET.format(key=key or self.key, w=self.service.url, attributes=attributes, text=REPORT)

    @contextlib.contextmanager
    def strict_policy(self, policy: str = STRICT) -> Iterator[None]:
        """Send this policy with every page of the host."""
        self.host.headers[POLICY] = policy.format(w=self.service.url)
        try:
            yield
        finally:
            del self.host.headers[POLICY]

    def page(self, body: str, loader: bool = True) -> str:
        """Create a host page with this body, followed by the loader. Returns its URL."""
        self.made += 1
        name = f"case-{self.made}.html"
        script = LOADER.format(w=self.service.url) if loader else ""
        head = f"<!doctype html><html lang=ru><meta charset=utf-8><title>{REPORT}</title>"
        head += "<meta name=viewport content='width=device-width'>"
        (self.folder / name).write_text(f"{head}<body>{body}{script}")
        return f"{self.host.url}/{name}"


def page_with_modified_files(widget_site: WidgetSite, name: str, kind: str) -> str:
    """A host page that serves a copy of the files with one more line in one of them."""
    copy = widget_site.folder / f"copy-{name}-{kind}" / RELEASE
    shutil.copytree(examples.DIST / RELEASE, copy)
    (chunk,) = copy.glob(f"{name}-????????.js")
    chunk.write_text(chunk.read_text() + ";globalThis.stolen = true")
    script = (
        f'<script async src="/copy-{name}-{kind}/{RELEASE}/loader.js" data-api="{widget_site.service.url}/"></script>'
    )
    return widget_site.page(widget_site.snippet(f'type="{kind}" data-start="list"') + script, loader=False)


def to_form(place: Page | FrameLocator | Locator) -> Locator:
    """The form of the open widget; the extended widget opens with the city, from which one press leads to the form."""
    sheet = place.locator("igrajdanin-widget")
    turn = sheet.locator(".turn .button").locator("visible=true")
    form = sheet.locator("form:not(.bar)").locator("visible=true")
    expect(turn.or_(form).first).to_be_visible()
    if turn.count():
        turn.first.click()
    expect(form).to_be_visible()
    return form


def open_form(page: Page, address: str) -> Locator:
    """Open the page and the widget's form."""
    page.goto(address)
    page.get_by_role("button", name=REPORT, exact=True).click()
    to_form(page)
    return page.locator("igrajdanin-widget form:not(.bar)")


def forget(page: Page) -> None:
    """Remove the widget and what it has stored: who opens the page next is another visitor, with the code loaded."""
    page.evaluate("""() => {
      for (const one of document.querySelectorAll("igrajdanin-widget")) one.remove();
      localStorage.clear();
      sessionStorage.clear();
    }""")


def form_steps(text: str = TEXT, **given: Any) -> list[tuple[str, str, str]]:
    """The steps of a resident in the one-page form: ("check" | "fill", beginning of the label, text)."""
    steps = [
        ("check", "Дороги и тротуары", ""),
        ("fill", "Что именно не так", text),
        ("fill", "Адрес или ориентир", "улица Мира, 5"),
    ]
    if "email" in given:
        steps.append(("fill", "Электронная почта", given["email"]))
    if given.get("consent", True):
        steps.append(("check", "Даю согласие", ""))
    return steps


def fill_form(page: Page | FrameLocator, text: str = TEXT, **given: Any) -> None:
    """Fill in the one-page form."""
    for action, label, value in form_steps(text, **given):
        control = page.get_by_label(re.compile("^" + re.escape(label)))
        if action == "check":
            control.check()
        else:
            control.fill(value)


def send(page: Page | FrameLocator) -> None:
    page.get_by_role("button", name=SEND).click()


def summary(page: Page | FrameLocator | Locator) -> Locator:
    """The error summary of the form: a group that takes the focus, in Russian."""
    return page.get_by_role("group", name=re.compile("^Исправьте"))


def number(page: Page | FrameLocator | Locator) -> int:
    """The number on the confirmation."""
    expect(page.get_by_role("heading", name=ACCEPTED)).to_be_visible()
    return figure(page.locator(FIGURE).inner_text())


def report(page: Page | FrameLocator, text: str = TEXT, **given: Any) -> int:
    """Fill in the one-page form and send it. Returns the number on the confirmation."""
    fill_form(page, text, **given)
    send(page)
    return number(page)


def figure(text: str) -> int:
    """The number in «№ 1 204»."""
    return int(re.sub(r"\D", "", text))


def publish(widget_site: WidgetSite, problem: int) -> None:
    """Publish as a moderator does. The shortest way from here is the database of the service."""
    with sqlite3.connect(str(widget_site.service.directory / "widget.db")) as database:
        of_here = "UPDATE problems SET published = 1, status = 'accepted' WHERE site_id = ? AND number = ?"
        database.execute(of_here, (widget_site.site, problem))
    database.close()


def wait_until(page: Page, condition: Callable[[], object]) -> None:
    """Wait for what the test's own objects say, while events and requests of the page are received."""
    for _ in range(1000):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it never came")


def draw_twice(page: Page) -> None:
    """Wait for two frames. Animations follow the real ones, also where `page.clock` replaces requestAnimationFrame."""
    page.evaluate("() => document.documentElement.animate(null, 1).finished.then(() => {})")


def let_time_pass(page: Page, milliseconds: int = 60_000) -> None:
    """Run every timer that is due by then, on a page whose clock is installed, and show what they have changed."""
    page.clock.run_for(milliseconds)
    draw_twice(page)


def stop_clock(page: Page) -> None:
    """From now on timers run only by `page.clock`: an action takes no time, however busy the machine is."""
    page.clock.pause_at(page.evaluate("Date.now() / 1000") + 1)


def wear(page: Page, theme: str) -> None:
    """Choose a theme. Until the widget is open it has no effect."""
    host = page.locator("igrajdanin-widget")
    host.evaluate("(one, theme) => one.setAttribute('theme', theme)", theme)
    if theme != "auto" and host.locator(".igw").count():
        expect(host.locator(f".igw[data-theme={theme}]")).to_be_attached()


def check_appearance(page: Page, state: str, themes: Sequence[str] = ()) -> None:
    """Assert that axe finds nothing, best practices included, and that nothing scrolls sideways.

    In further `themes` only what a theme can break is checked: in the full run in each, else in one of them, which is
    another for another state. Texts are larger in some, so that nothing may scroll sideways in any.
    """
    host = page.locator("igrajdanin-widget")
    own = host.get_attribute("theme") or "auto"
    found = axe.violations(page, without=axe.HOST_PAGE_RULES) + axe.horizontal_overflow(page)
    turn = zlib.crc32(state.encode()) % max(len(themes), 1)
    for place, theme in enumerate(themes):
        wear(page, theme)
        if is_full() or place == turn:
            found += [f"{theme}: {one}" for one in axe.violations(page, only=axe.APPEARANCE_RULES)]
        found += axe.horizontal_overflow(page)
        no_sideways_scrolling(page)
    if themes:
        wear(page, own)
    no_sideways_scrolling(page)
    assert found == [], f"{state}: {found}"


def no_sideways_scrolling(page: Page) -> None:
    wider = page.locator("igrajdanin-widget .sheet").evaluate_all(
        "all => all.map(sheet => sheet.scrollWidth - sheet.clientWidth)"
    )
    assert not any(wider)


def tab_to(page: Page, control: Locator) -> None:
    """Press Tab until one of the controls has the focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if control.evaluate_all("all => all.some(one => one === one.getRootNode().activeElement)"):
            return
    raise AssertionError(f"Tab never reached {control}")

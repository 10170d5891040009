"""A service with one site and a host page on another origin, the setup of every browser test of the widget."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, Route, expect

from tests.support.pages import EXAMPLES, HostPages, WatchedPages, examples
from tests.support.processes import Service
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
RELEASE = releases.newest_version("1")  # the release that `/w/1/` redirects to


@dataclass(frozen=True)
class Examples:
    """embed_examples/ on its own origin, with two sites of the service: a city's and a utility's."""

    service: Service
    pages: WatchedPages
    key: str
    second: str
    site: str  # of the first site

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
        return cls(service, pages, keys[0], keys[1], sites[0])

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
    return widget_site.page(widget_site.snippet(f'type="{kind}"') + script, loader=False)


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


def spoil_first(page: Page, address: re.Pattern[str], name: str) -> None:
    """Damage the token `name` of the first answer from there, so that the service refuses it."""
    spoiled: list[str] = []

    def spoil(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        answer = route.fetch()
        body = answer.json()
        if not spoiled:
            spoiled.append(body[name])
            body[name] = body[name][:-3] + "AAA"
        return route.fulfill(response=answer, json=body)

    page.route(address, spoil)


def summary(page: Page | FrameLocator | Locator) -> Locator:
    """The error summary of the form: a group that takes the focus, in Russian."""
    return page.get_by_role("group", name=re.compile("^Исправьте"))


def number(page: Page | FrameLocator | Locator) -> int:
    """The number on the confirmation."""
    expect(page.get_by_role("heading", name=ACCEPTED)).to_be_visible()
    return figure(page.locator(FIGURE).inner_text())


def figure(text: str) -> int:
    """The number in «№ 1 204»."""
    return int(re.sub(r"\D", "", text))

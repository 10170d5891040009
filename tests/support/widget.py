"""A service with one site and a host page on another origin: what every browser test of the widget starts from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.pages import HostPages
from tests.support.processes import Service

EXAMPLES = Path(__file__).parents[2] / "embed_examples"
AGENCY = "Администрация города Зареченска"
REPORT = "Сообщить о проблеме"
SNIPPET = '<igrajdanin-widget site-key="{key}" {attributes}><a href="{w}/s/{key}/report">{text}</a></igrajdanin-widget>'
LOADER = '<script async src="{w}/w/1/loader.js"></script>'


@dataclass
class Stand:
    service: Service
    host: HostPages
    key: str
    site: str
    folder: Path
    made: int = field(default=0)

    @classmethod
    def build(cls, service: Service, folder: Path) -> Stand:
        """`folder` is the web root of the municipality; the examples are reached as /plain/ and so on."""
        for case in ("plain", "strict-csp", "no-js"):
            (folder / case).symlink_to(EXAMPLES / case)
        (folder / "favicon.ico").write_bytes(b"")
        replace: dict[str, str] = {}
        host = HostPages(folder, replace=replace)
        agency = service.cli("agency", "add", "--name", AGENCY, "--email", "office@gorod.test")["agency"]
        options = ("--agency", agency, "--origin", host.url, "--type", "extended", "--jurisdiction", "gorod.test")
        site = service.cli("site", "add", "--name", "Зареченск", *options)
        replace |= {"{{W}}": service.url, "{{KEY}}": site["key"]}
        return cls(service, host, site["key"], site["site"], folder)

    @property
    def api(self) -> str:
        return f"{self.service.url}/api/v1/sites/{self.key}"

    def snippet(self, attributes: str = "", key: str | None = None) -> str:
        return SNIPPET.format(key=key or self.key, w=self.service.url, attributes=attributes, text=REPORT)

    def page(self, body: str, loader: bool = True) -> str:
        """Address of a new host page with this body, and the loader after it."""
        self.made += 1
        name = f"case-{self.made}.html"
        script = LOADER.format(w=self.service.url) if loader else ""
        head = f"<!doctype html><html lang=ru><meta charset=utf-8><title>{REPORT}</title>"
        head += "<meta name=viewport content='width=device-width'>"
        (self.folder / name).write_text(f"{head}<body>{body}{script}")
        return f"{self.host.url}/{name}"


def opened(page: Page, address: str) -> Locator:
    """Goes there and opens the widget with its button."""
    page.goto(address)
    page.get_by_role("button", name=REPORT, exact=True).click()
    form = page.locator("igrajdanin-widget form")
    expect(form).to_be_visible()
    return form


def filled(page: Page, text: str = "Яма на переходе у школы № 14", **given: Any) -> None:
    """Fills the form as it stands on a desk; `email` and `consent` as said."""
    page.get_by_label("Дороги и тротуары").check()
    page.get_by_label("Что именно не так").fill(text)
    page.get_by_label("Адрес или ориентир").fill("улица Мира, 5")
    if "email" in given:
        page.get_by_label("Электронная почта").fill(given["email"])
    if given.get("consent", True):
        page.get_by_label(re.compile("Даю согласие")).check()


def send(page: Page) -> None:
    page.get_by_role("button", name="Отправить в администрацию").click()


def number(page: Page) -> int:
    """The number on the confirmation."""
    expect(page.get_by_text("Сообщение принято")).to_be_visible()
    return int(re.sub(r"\D", "", page.locator(".figure").inner_text()))

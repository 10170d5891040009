"""Visits to a host page: what the widget costs its load, and how long a visitor waits for the button and for the form.

The processor is slowed four times by the browser's own emulation. Visits with and without the widget take turns, so
that what else the machine does meets both alike. Each visit has a browser context of its own: nothing is cached.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from random import Random
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks.services import Service
from benchmarks.table import Line
from benchmarks.traces import main_thread_tasks
from tests.support.browser import Watch, open_context

SLOWER = 4
# A round trip in milliseconds, bytes a second.
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 400_000 / 8, "uploadThroughput": 400_000 / 8}
NAMES = {"lcp": "LCP", "cls": "CLS", "longest": "longest task"}
RULE = "<style>igrajdanin-widget { display: block; min-height: 44px }</style>"  # docs/embedding.md
ROOT = "document.querySelector('igrajdanin-widget').shadowRoot"
OBSERVE = """
window.measured = { lcp: 0, cls: 0 };
const observe = (type, take) =>
  new PerformanceObserver(list => list.getEntries().forEach(take)).observe({ type, buffered: true });
observe("largest-contentful-paint", ({ startTime }) => { measured.lcp = startTime; });
observe("layout-shift", ({ value, hadRecentInput }) => { if (!hadRecentInput) measured.cls += value; });
"""
# Until the button is drawn: the first frame in which it has its room, and the next, which comes after its painting.
BUTTON = """
window.buttonDrawn = new Promise(done => {
  const look = () => {
    const element = document.querySelector("igrajdanin-widget");
    const button = element && element.shadowRoot && element.shadowRoot.querySelector("button");
    if (button && button.offsetHeight) requestAnimationFrame(() => done(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
});
"""
# From a press in a frame: frames and milliseconds until the button says that it is busy (or the dialog is there), and
# milliseconds until a field of the form can be filled in and has been drawn.
PRESS = f"""() => new Promise(done => requestAnimationFrame(() => {{
  const root = {ROOT};
  const button = root.querySelector("button");
  const began = performance.now();
  let frames = 0;
  let busy;
  button.click();
  const look = () => {{
    frames++;
    if (!busy && (button.getAttribute("aria-busy") === "true" || root.querySelector("dialog[open]")))
      busy = {{ frames, busy: performance.now() - began }};
    const field = root.querySelector("dialog[open] form :is(input, textarea):not(:disabled)");
    if (field && field.getClientRects().length)
      requestAnimationFrame(() => done({{ ...busy, usable: performance.now() - began }}));
    else requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}}))"""
PARAGRAPH = "Администрация принимает сообщения о дорогах, дворах, освещении и вывозе мусора. " * 6


class HostPage:
    """A page of a municipality in the web root `folder`: text, a picture where the network is fast, the snippet."""

    def __init__(self, folder: Path, address: str, running: Service) -> None:
        self.folder, self.address = folder, address
        service = f"http://127.0.0.1:{running.port}"
        link = f'<a href="{service}/s/{running.key}/report">Сообщить о проблеме</a>'
        snippet = (
            f'<igrajdanin-widget site-key="{running.key}" type="basic">{link}</igrajdanin-widget>'
            f'<script async src="{service}/w/1/loader.js"></script>'
        )
        (folder / "favicon.ico").write_bytes(b"")
        (folder / "picture.bmp").write_bytes(_picture(400, 200))
        picture = '<img src="picture.bmp" width="400" height="200" alt="">'
        self.without = self._page("without", picture, f"<p>{link}")
        self.with_widget = self._page("with-widget", RULE + picture, snippet)
        self.text_only = self._page("text-only", RULE, snippet)
        self.without_rule = self._page("without-rule", "", snippet)

    def _page(self, name: str, head: str, snippet: str) -> str:
        body = f"<h1>Город Зареченск</h1>{head}<p>{PARAGRAPH}</p>{snippet}" + f"<p>{PARAGRAPH}</p>" * 8
        start = "<!doctype html><html lang=ru><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        (self.folder / f"{name}.html").write_text(f"{start}<title>Зареченск</title><body>{body}")
        return f"{self.address}/{name}.html"


def load_cost(browser: Browser, page: HostPage, visits: int) -> list[Line]:
    """LCP, CLS and longest task of the page with the widget minus without it."""
    found: dict[str, list[dict[str, float]]] = {page.without: [], page.with_widget: []}
    for _ in range(visits):
        for address, measured in found.items():
            measured.append(_load(browser, address))
    without, with_widget = found.values()

    def difference(name: str, unit: str, **more: Any) -> Line:
        differences = [one[name] - other[name] for one, other in zip(with_widget, without, strict=True)]
        level = statistics.median(one[name] for one in without)
        return _line(f"{NAMES[name]}, with minus without", differences, unit, remark=f"without {level:.3g}", **more)

    return [difference("lcp", "ms"), difference("cls", "", most=0), difference("longest", "ms")]


def waiting(browser: Browser, page: HostPage, visits: int) -> list[Line]:
    """How long a visitor waits on slow 3G: for the button, from the press for its answer and for the form."""
    buttons: list[float] = []
    pressed: list[dict[str, float]] = []
    shifts: dict[str, list[float]] = {page.text_only: [], page.without_rule: []}
    for _ in range(visits):
        for address, shifted in shifts.items():
            tab = _open(browser, OBSERVE + BUTTON)
            session = tab.context.new_cdp_session(tab)
            session.send("Network.enable")
            session.send("Network.emulateNetworkConditions", SLOW_3G)
            tab.goto(address)
            buttons.append(tab.evaluate("buttonDrawn"))
            shifted.append(tab.evaluate("measured.cls"))
            pressed.append(tab.evaluate(PRESS))
            tab.context.close()
    return [
        _line("until the button", buttons, "ms", most=2_000),
        _line("CLS by the button", shifts[page.text_only], "", most=0),
        _line("the same without the documented rule", shifts[page.without_rule], "", most=0.002),
        _line("from the press to busy", [one["frames"] for one in pressed], "frames", most=1),
        _line("the same in time", [one["busy"] for one in pressed], "ms"),
        _line("from the press to a usable form", [one["usable"] for one in pressed], "ms", most=3_000),
    ]


def _load(browser: Browser, address: str) -> dict[str, float]:
    tab = _open(browser, OBSERVE)
    longest = max(main_thread_tasks(browser, tab, lambda tab: tab.goto(address, wait_until="networkidle")))
    measured: dict[str, float] = tab.evaluate("measured")
    tab.context.close()
    return {**measured, "longest": longest}


def _open(browser: Browser, script: str) -> Page:
    context = open_context(browser, Watch())
    context.add_init_script(script)
    tab = context.new_page()
    context.new_cdp_session(tab).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return tab


def _line(name: str, values: list[float], unit: str, **more: Any) -> Line:
    low, _, high = statistics.quantiles(values, n=4)
    return Line(name=name, value=statistics.median(values), unit=unit, spread=(low, high), **more)


def _picture(width: int, height: int) -> bytes:
    """A bitmap of noise, so that browsers do not take the picture for a background of little content."""
    size = width * height * 3
    header = b"BM" + (54 + size).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    header += (40).to_bytes(4, "little") + width.to_bytes(4, "little") + height.to_bytes(4, "little")
    header += (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(24)
    return header + Random(1).randbytes(size)

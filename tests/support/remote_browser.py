"""The common part of driving Firefox and WebKitGTK: find, point and type like a user.

Both protocols accept the same W3C actions, so everything except the transport is here.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pytest

from scripts import browser as bootstrap
from tests.support.widget import ACCEPTED, CLOSE, FIGURE, REPORT, SEND, figure, form_steps

_FIND = (Path(__file__).parent / "elements.js").read_text()
# The examples in which Firefox and WebKit send a report; Chromium does it in all of them (test_examples.py).
_OTHERS = (
    "nonce-csp", "bitrix", "joomla", "tilda", "wordpress", "hostile-css", "rtl", "own-origin", "vision", "slow",
)  # fmt: skip
_SELDOM = pytest.mark.full("the plain page and the strictest policy show what an engine does with the script")
EXAMPLES = ["plain", "strict-csp", *(pytest.param(name, marks=_SELDOM) for name in _OTHERS)]
PATIENCE = 120.0  # seconds; beside other tests Firefox takes more than half a minute to start
_NO_FIREFOX = "" if bootstrap.firefox() else bootstrap.reason_to_leave_out(bootstrap.FIREFOX)
_NO_WEBKIT = "" if bootstrap.webkit() else bootstrap.reason_to_leave_out(bootstrap.WEBKIT)
FIREFOX = pytest.param("firefox", marks=pytest.mark.skipif(bool(_NO_FIREFOX), reason=_NO_FIREFOX))
WEBKIT = pytest.param("webkit", marks=pytest.mark.skipif(bool(_NO_WEBKIT), reason=_NO_WEBKIT))


class RemoteBrowser(ABC):
    """A browser with one page that is not driven by Playwright."""

    complaints: list[str]  # console errors and warnings since the page was opened, where the protocol tells them

    @abstractmethod
    async def goto(self, url: str) -> None:
        """Return when the page has loaded."""

    @abstractmethod
    async def run(self, function: str, *arguments: Any) -> Any:
        """The result of `(function)(arguments)` in the page, as JSON."""

    @abstractmethod
    async def enter_frame(self) -> None:
        """Run everything from here on inside the first frame of the page."""

    @abstractmethod
    async def perform(self, sources: list[dict[str, Any]]) -> None:
        """Perform W3C actions: https://www.w3.org/TR/webdriver2/#actions"""

    @abstractmethod
    async def requested(self) -> list[str]:
        """The addresses requested since the page was opened."""

    async def until(self, what: str, function: str, *arguments: Any) -> Any:
        """Wait for a result that is not null or false. Raises AssertionError with the page's text otherwise."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = await self.run(function, *arguments)
            if answer:
                return answer
            await asyncio.sleep(0.1)
        raise AssertionError(f"{what} did not appear; the page's text: {await self.run(_PAGE_TEXT)}")

    async def find(self, kind: str, name: str) -> dict[str, Any]:
        return dict(await self.until(f"{kind} «{name}»", _FIND, kind, name))

    async def tap(self, kind: str, name: str) -> None:
        at, before = await self.find(kind, name), dict[str, Any]()
        while at != before:  # a previous choice may still be moving it
            await asyncio.sleep(0.05)
            at, before = await self.find(kind, name), at
        await self.press(at["x"], at["y"])

    async def press(self, x: int, y: int) -> None:
        """Press a point of the viewport."""
        move = {"type": "pointerMove", "x": x, "y": y, "duration": 0, "origin": "viewport"}
        press, release = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        await self.perform([{"type": "pointer", "id": "mouse", "actions": [move, press, release]}])

    async def type(self, text: str) -> None:
        keys = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        await self.perform([{"type": "key", "id": "keyboard", "actions": keys}])

    async def open_cluster(self) -> tuple[int, int]:
        """Open the city map, by way of the form, and its largest cluster. Returns how many marks were and are there."""
        await self.tap("button", REPORT)
        await self.tap("button", "Проблемы города")
        await self.until("the city, with its map or the way there", _TO_MAP)
        before = int(await self.until("marks", _MARKS))
        at = await self.until("a cluster opened", _OPEN)
        after = await self.until("other marks", _OTHER, at)
        return before, int(after)

    async def tick(self, label: str) -> None:
        """Tick a checkbox. Content that loads late may move it away from the pointer; then press it again."""
        for _ in range(3):
            await self.tap("field", label)
            if (await self.find("field", label))["checked"]:
                return
        raise AssertionError(f"{label} was pressed three times, and is not ticked")

    async def fill(self, label: str, text: str) -> None:
        await self.tap("field", label)
        await self.type(text)
        written = (await self.find("field", label))["value"]
        assert written == text, f"{label}: {written!r}"

    async def report(self, text: str) -> int:
        """Open the widget, fill in, send and close the form. Returns the number shown on the confirmation."""
        await self.tap("button", REPORT)
        await self.until("the form, or the way there", _TO_FORM)
        given = await self.send(text)
        await self.tap("button", CLOSE)
        await self.until("the page without the dialog", _CLOSED)
        return given

    async def send(self, text: str) -> int:
        """Fill in the open form and send it. Returns the number shown on the confirmation."""
        for action, label, value in form_steps(text):
            if action == "check":
                await self.tick(label)
            else:
                await self.fill(label, value)
        await self.tap("button", SEND)
        await self.until(ACCEPTED, _INCLUDES, ACCEPTED)
        return figure((await self.find("text", FIGURE))["text"])


# The host page may change JSON (Prototype's `toJSON`): the replacer restores every original value.
AS_JSON = """(function_, given) => JSON.stringify(function_(...JSON.parse(given)) ?? null, function (name) {
  return this[name];
})"""
_PAGE_TEXT = """() => {
  const inside = [...document.querySelectorAll("igrajdanin-widget")].map(one => (one.shadowRoot || one).textContent);
  return [location.href, document.body.innerText, ...inside].join(" | ").slice(0, 1500);
}"""
_TO_FORM = """() => [...document.querySelectorAll("igrajdanin-widget")].some(({ shadowRoot }) => {
  const turn = shadowRoot && shadowRoot.querySelector(".turn .button");
  if (turn) turn.click();
  return turn || (shadowRoot && shadowRoot.querySelector("form"));
})"""
_INCLUDES = """text => [...document.querySelectorAll("igrajdanin-widget")]
  .some(one => one.shadowRoot && one.shadowRoot.textContent.includes(text))"""
_CLOSED = """() => [...document.querySelectorAll("igrajdanin-widget")]
  .every(one => !one.shadowRoot.querySelector("dialog[open]"))"""
_SHADOW = "document.querySelector('igrajdanin-widget').shadowRoot"
_TO_MAP = f"""() => {{
  const root = {_SHADOW};
  const pill = [...root.querySelectorAll(".pills [aria-pressed=false]")].find(one => one.textContent === "Карта");
  if (pill) pill.click();
  return !!root.querySelector(".city-ground .ground");
}}"""
# The site has no territory: the map starts far out with one cluster, until it moves to the problems.
_MARKS = f"() => {_SHADOW}.querySelectorAll('.mark.many').length > 2 && {_SHADOW}.querySelectorAll('.mark').length"
_OPEN = f"""() => {{
  const many = [...{_SHADOW}.querySelectorAll(".mark.many[tabindex='0']")];
  const greatest = many.sort((one, other) => other.textContent.length - one.textContent.length)[0];
  if (!greatest) return null;
  greatest.click();
  return greatest.getAttribute("aria-label");
}}"""
_OTHER = f"""label => {{
  const marks = [...{_SHADOW}.querySelectorAll(".mark")];
  return marks.every(one => one.getAttribute("aria-label") !== label) && marks.length;
}}"""

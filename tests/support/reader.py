"""A resident who reads, in engines that Playwright does not drive: the city, filters, back and forward, a problem."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.remote_browser import RemoteBrowser

SEARCH, WORD = "Поиск по тексту и адресу", "качели"
DONE = ("Решено", "Подтверждено автором")

# Errors that the driver does not report. An error before the page has loaded shows as a missing button.
LISTEN = """() => {
  window.errors = [];
  addEventListener("error", event => errors.push(event.message));
  addEventListener("unhandledrejection", event => errors.push(String(event.reason)));
  console.error = console.warn = (...words) => errors.push(words.join(" "));
}"""
ERRORS = "() => window.errors"
OPEN = "() => igrajdanin('open', { view: 'list' })"

_ROOT = "document.querySelector('igrajdanin-widget').shadowRoot"
# Texts of all cards without their ages, which change over time, once they match the address; null before that.
_CARDS = f"""hash => {{
  const root = {_ROOT};
  if (location.hash !== hash && decodeURIComponent(location.hash) !== hash) return null;
  if (root.querySelector(".city[hidden], .stale, .ghost, [role=alert]")) return null;
  return [...root.querySelectorAll(".card")].map(card => card.innerText.replace(/\\s+/g, " ").replace(/ · [^·]*$/, ""));
}}"""
_PRESSED = f"""name => [...{_ROOT}.querySelectorAll(".bar .pill")].some(pill =>
  pill.textContent === name && pill.getAttribute("aria-pressed") === "true")"""
_FOCUSED = f"""id => {{
  const {{ activeElement }} = {_ROOT};
  return !!activeElement && activeElement.id === id && activeElement.getClientRects().length > 0;
}}"""
_OPENED = f"""() => {{
  const root = {_ROOT};
  const [title, status] = [root.querySelector("article h3"), root.querySelector("article .chip")];
  if (!title || !status || !root.querySelector("article time, article ol, article li")) return null;
  return {{ title: title.innerText, focused: root.activeElement === title, hash: location.hash }};
}}"""
_STEPS = "() => history.length"
_CLOSED = f"() => !{_ROOT}.querySelector('dialog[open]')"
_MAP_READY = f"""() => {{
  const status = {_ROOT}.querySelector(".city-ground .states [role=status]");
  return !!status && status.getAttribute("aria-busy") !== "true" && {_ROOT}.querySelectorAll(".mark").length > 0;
}}"""
# The uncovered mark with the smallest count; null while the map is animating.
_MARK = f"""() => {{
  const root = {_ROOT};
  if (root.querySelector(".leaflet-zoom-anim")) return null;
  const free = [...root.querySelectorAll(".mark[tabindex='0']")].map(mark => {{
    const {{ left, top, width, height }} = mark.getBoundingClientRect();
    const [x, y] = [Math.round(left + width / 2), Math.round(top + height / 2)];
    return {{ x, y, mark, count: +mark.textContent.replace(/\\D/g, "") || 1 }};
  }}).filter(({{ x, y, mark }}) => mark.contains(root.elementFromPoint(x, y)));
  const [fewest] = free.sort((one, other) => one.count - other.count);
  return fewest ? {{ x: fewest.x, y: fewest.y }} : null;
}}"""
_LOOKED_AT = f"() => !!{_ROOT}.querySelector('.preview a')"


def hash_of(shown: dict[str, str]) -> str:
    return "#igrajdanin?" + "&".join(f"{name}={value}" for name, value in shown.items()) if shown else ""


class Reader:
    """Reads the city on a loaded page and checks what is visible after each step."""

    def __init__(self, browser: RemoteBrowser) -> None:
        self._browser = browser

    async def open(self) -> None:
        await self._browser.run(LISTEN)
        await self._browser.run(OPEN)
        assert len(await self.cards()) == 20

    async def leave(self) -> None:
        """«Назад» closes the dialog and leaves the page alone, in browsers without CloseWatcher."""
        if await self._browser.run("() => 'CloseWatcher' in window"):
            return
        page = await self._browser.run("() => [location.href, document.title]")
        await self._browser.run("() => history.back()")
        await self._browser.until("a closed dialog", _CLOSED)
        assert await self._browser.run("() => [location.href, document.title]") == page
        await self._browser.run(OPEN)
        await self.cards()

    async def cards(self, **shown: str) -> list[str]:
        """Texts of the cards, once the list matches the filters in the address."""
        return list(await self._browser.until(f"a list of {shown}", _CARDS, hash_of(shown)))

    async def filter(self) -> None:
        """Choose a status group, add a search term, and reset both in one step."""
        everything = await self.cards()
        await self._browser.tap("button", DONE[0])
        done = await self.cards(status="done")
        assert done
        assert all(any(status in card for status in DONE) for card in done)
        await self._browser.tap("field", SEARCH)
        await self._browser.type(WORD)
        both = await self.cards(status="done", q=WORD)
        assert 0 < len(both) < len(done)
        assert all(any(status in card for status in DONE) and WORD in card.lower() for card in both)
        await self._browser.run("() => history.back()")
        assert await self.cards() == everything
        assert not await self._browser.run(_PRESSED, DONE[0])
        await self._browser.run("() => history.forward()")
        assert await self.cards(status="done", q=WORD) == both
        assert await self._browser.run(_PRESSED, DONE[0])
        await self._browser.tap("button", "Сбросить")
        await self.cards()

    async def problem(self) -> None:
        """Open a problem, go back by its button, then forward and back in the history; focus returns to its card."""
        before = await self.cards()
        steps = await self._browser.run(_STEPS)
        await self._browser.tap("text", ".card-title")
        shown = await self._shown()
        (number,) = parse_qs(urlsplit(shown["hash"]).fragment.partition("?")[2])["problem"]
        assert shown["title"].rpartition("№")[2].strip().replace("\u00a0", "") == number
        assert shown["focused"]
        await self._browser.tap("button", "К списку")
        assert await self.cards() == before
        await self._browser.until("the card with the focus", _FOCUSED, f"problem-{number}")
        await self._browser.run("() => history.forward()")
        assert (await self._shown())["hash"] == f"#igrajdanin?problem={number}"
        await self._browser.run("() => history.back()")
        assert await self.cards() == before
        await self._browser.until("the card with the focus", _FOCUSED, f"problem-{number}")
        assert await self._browser.run(_STEPS) == steps + 1

    async def map(self) -> None:
        """Press marks until the preview of one problem opens, open that problem, and come back."""
        before = await self.cards()
        await self._browser.run(f"() => {_ROOT}.querySelector('.city-map').scrollIntoView({{ block: 'center' }})")
        for _ in range(8):
            await self._browser.until("marks at rest", _MAP_READY)
            at = await self._browser.until("a mark to press", _MARK)
            await self._browser.press(at["x"], at["y"])
            await asyncio.sleep(0.5)  # a cluster's zoom and the request after it
            if await self._browser.run(_LOOKED_AT):
                break
        await self._browser.tap("text", ".preview a")
        assert "problem=" in (await self._shown())["hash"]
        await self._browser.tap("button", "К списку")
        assert await self.cards() == before

    async def console_messages(self) -> list[str]:
        return list(await self._browser.run(ERRORS))

    async def _shown(self) -> dict[str, Any]:
        return dict(await self._browser.until("a problem", _OPENED))

"""Every state of the widget in Russian, English and every theme: axe, overflow and the accessibility tree.

One page goes through all states once and collects the findings. 200 % zoom halves the width of a page:
1280 × 900 pixels become 640 × 450, and 320 pixels are 1280 at 400 % (WCAG 2.2, 1.4.10). Text spacing is that of 1.4.12.
"""

import os
import re
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

import pytest
from playwright.sync_api import Browser, CDPSession, Page, Request, ViewportSize

from tests.support import axe
from tests.support.accessibility_tree import accessibility_text
from tests.support.browser import Watch, open_context
from tests.support.city import FakeCity
from tests.support.selection import is_full
from tests.support.tour import Tour
from tests.support.widget import DESKTOP, PHONE, THEMES, WidgetSite, draw_twice

SNAPSHOTS = Path(__file__).parent / "snapshots"
pytestmark = pytest.mark.long
# A desk has more room for the same English words: `make test` shows them on the phone alone.
LANGUAGES = {"phone": ("ru", "en"), "desk": ("ru", "en") if is_full() else ("ru",)}
NARROWEST, ZOOMED = ViewportSize(width=320, height=640), ViewportSize(width=640, height=450)

SET_LANGUAGE_AND_THEME = """([lang, theme]) => {
  const one = document.querySelector("igrajdanin-widget");
  one.lang = lang;
  one.setAttribute("theme", theme);
}"""
# Texts, configuration and answers of the other language load one after the other. The change is complete when the
# widget has the new language, no request or chunk is pending, and as many elements of each kind are rendered as before,
# including those of lazy chunks.
COUNT = """() => {
  const root = document.querySelector("igrajdanin-widget").shadowRoot;
  const kinds = ["[role=alert]", "[role=application]", "input[accept*='.heic']", ".skeleton", ".card", ".facts > *",
    ".timeline > *", ".charts", ".bar-fields", ".comment", ".viewer", "button"];
  return kinds.map(one => root.querySelectorAll(one).length).join();
}"""
LANGUAGE_AND_THEME_SHOWN = f"""([lang, theme, count]) => {{
  const drawn = document.querySelector("igrajdanin-widget").shadowRoot.querySelector(".igw");
  if (!drawn) return true;
  return drawn.lang.startsWith(lang) && drawn.dataset.theme === theme && ({COUNT})() === count;
}}"""
PENDING = """
const native = fetch;
window.pending = 0;
window.fetch = async (...request) => {
  pending++;
  try {
    const answer = await native(...request);
    await answer.clone().text();
    return answer;
  } finally {
    setTimeout(() => pending--, 20);
  }
};
"""
# Positions of boxes in a right-to-left page and in a right-to-left widget. Inline content follows its letters, and maps
# are not mirrored.
NOT_MIRRORED = """() => {
  const root = document.querySelector("igrajdanin-widget").shadowRoot;
  const drawn = root.querySelector(".igw");
  if (!drawn) return [];
  const boxes = [...drawn.querySelectorAll("*")].filter(one =>
    !one.closest(".map, .city-ground .skip, .notice .link, .away") && !one.matches("svg *") &&
    one.getClientRects().length && getComputedStyle(one).display !== "inline");
  const look = () => boxes.map(one => one.getBoundingClientRect());
  const before = look();
  document.documentElement.dir = "rtl";
  const inside = look();
  document.documentElement.removeAttribute("dir");
  const { dir } = drawn;
  drawn.dir = "rtl";
  const mirrored = look();
  drawn.dir = dir;
  const around = drawn.firstElementChild.getBoundingClientRect();
  // A full stop at the other end of a word is another pair of letters, and another width.
  const far = (one, other) => Math.abs(one - other) > 4;
  const named = (box, what) => `${what}: ${box.outerHTML.slice(0, 100)}`;
  return boxes.flatMap((box, at) => [
    ...(["left", "top", "width", "height"].some(side => far(before[at][side], inside[at][side]))
      ? [named(box, "moved by the page")] : []),
    ...(far(before[at].top, mirrored[at].top) || far(before[at].width, mirrored[at].width) ||
      far(before[at].left - around.left, around.right - mirrored[at].right) ? [named(box, "not mirrored")] : []),
  ]);
}"""
CUT_OFF = (Path(__file__).parent / "cut_off.js").read_text()
SPACING = """on => {
  const { shadowRoot } = document.querySelector("igrajdanin-widget");
  const rest = shadowRoot.adoptedStyleSheets.filter(one => !one.spacing);
  const sheet = new CSSStyleSheet();
  sheet.spacing = true;
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-bottom: 2em !important }`);
  shadowRoot.adoptedStyleSheets = on ? [...rest, sheet] : rest;
}"""
# Text is spaced for this one measurement, without being drawn so.
CUT_OFF_ONCE = f"""spaced => {{
  ({SPACING})(spaced);
  try {{ return ({CUT_OFF})(); }} finally {{ ({SPACING})(false); }}
}}"""

# The flag is text spacing. Small or covered targets show in the small text of most themes; overflow shows first with
# spaced text, in the large text of the contrast themes, and in the narrowest window.
SIZES: dict[str, ViewportSize] = {"phone": PHONE, "desk": DESKTOP}
ROOMS: dict[str, dict[str, list[tuple[ViewportSize, bool]]]] = {
    "phone": {
        "light": [(PHONE, False), (ZOOMED, False), (NARROWEST, True)],
        "contrast": [(NARROWEST, True), (ZOOMED, True)],
    },
    "desk": {"light": [(DESKTOP, False)], "contrast": [(DESKTOP, True)]},
}


@dataclass
class Found:
    """All findings over all states, one line each."""

    states: list[str] = field(default_factory=list)
    axe: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    turned: list[str] = field(default_factory=list)
    read_out: dict[str, str] = field(default_factory=dict)


class Visitor:
    """Checks each state of one tour."""

    def __init__(self, page: Page, tour: Tour, found: Found, which: str) -> None:
        self._page, self._tour, self._found, self._which = page, tour, found, which
        self._session: CDPSession = page.context.new_cdp_session(page)
        # Pending scripts: lazy chunks show the previous language until their texts are loaded.
        self._coming: set[Request] = set()
        page.on("request", lambda request: self._coming.update({request} if request.resource_type == "script" else ()))
        for end in ("requestfinished", "requestfailed"):
            page.on(end, lambda request: self._coming.discard(request))

    def look(self, state: str) -> None:
        rooms, thorough = ROOMS[self._which], self._themes()
        self._found.states.append(state)
        self._arrive()
        count = self._page.evaluate(COUNT)
        # English words are shorter: `make test` measures them in the small text alone.
        themes = {"ru": dict.fromkeys((*rooms, *thorough)), "en": rooms if is_full() else ("light",)}
        for lang in LANGUAGES[self._which]:
            for theme in themes[lang]:
                self._wear(lang, theme, count)
                what = f"{state}, {lang}, {theme}"
                if theme in thorough and (lang == "ru" or is_full()):
                    only = axe.COLOUR_RULES if is_full() and theme != "light" else ()
                    found = axe.violations(self._page, only=only, without=axe.HOST_PAGE_RULES)
                    self._found.axe += [f"{what}: {one}" for one in found]
                if theme == "light":
                    self._found.read_out[f"{self._which}-{lang}"] += f"# {state}\n{accessibility_text(self._session)}\n"
                for size, spaced in ROOMS[self._which].get(theme, ()):
                    self._measure(what, size, spaced)
                self._resize(SIZES[self._which])
        self._wear("ru", "light", count)
        self._found.turned += [f"{state}: {one}" for one in self._page.evaluate(NOT_MIRRORED)]

    def _themes(self) -> tuple[str, ...]:
        """Those in which axe looks at this state: one after the other on the phone, the light one on the desk. The
        states share their colours, which are the same in each window; the full run looks at all of them in both.
        """
        if is_full():
            return THEMES
        return (THEMES[len(self._found.states) % len(THEMES)] if self._which == "phone" else "light",)

    def _wear(self, lang: str, theme: str, count: str) -> None:
        self._page.evaluate(SET_LANGUAGE_AND_THEME, [lang, theme])
        for _ in range(400):
            self._tour.again()
            if self._page.evaluate(LANGUAGE_AND_THEME_SHOWN, [lang, theme, count]) and not self._arrive():
                break
            draw_twice(self._page)
        else:
            raise AssertionError(f"{lang}, {theme}: {self._page.evaluate(COUNT)} instead of {count}")

    def _arrive(self) -> bool:
        """Wait for pending requests. Returns whether there were any."""
        waited = False
        while self._page.evaluate("pending") > self._tour.city.delayed_count or self._coming:
            self._page.wait_for_timeout(10)
            waited = True
        return waited

    def _resize(self, size: ViewportSize) -> None:
        if self._page.viewport_size != size:
            self._page.set_viewport_size(size)

    def _measure(self, what: str, size: ViewportSize, spaced: bool) -> None:
        self._resize(size)
        losses: list[str] = self._page.evaluate(CUT_OFF_ONCE, spaced)
        for _ in range(30):  # a map moves its marks some frames after its size has changed; what is cut off stays so
            if not losses:
                break
            if spaced:
                self._page.evaluate(SPACING, True)
            draw_twice(self._page)
            losses = self._page.evaluate(CUT_OFF)
            if spaced:
                self._page.evaluate(SPACING, False)
        where = f"{what}, {size['width']} px" + (", spaced" if spaced else "")
        self._found.lost += [f"{where}: {one}" for one in losses]


@pytest.mark.parametrize("which", ["phone", "desk"])
def test_every_state(browser: Browser, widget_site: WidgetSite, which: str) -> None:
    """axe; nothing overflows; the layout is mirrored by the widget's language and not by the page's; what is read out.

    `UPDATE_SNAPSHOTS=1` writes the accessibility trees anew; read the difference as a screen reader would.
    """
    watch = Watch()
    # Some states need failing answers, which Chromium logs as errors.
    watch.allow("ERR_FAILED|status of (403|404|422|429|503)|igrajdanin-widget site-key=")
    context = open_context(browser, watch, viewport=PHONE if which == "phone" else DESKTOP)
    page = context.new_page()
    found = Found(read_out={f"{which}-{lang}": "" for lang in LANGUAGES[which]})
    page.add_init_script(PENDING)
    tour = Tour(page, widget_site, FakeCity(page, widget_site))
    visitor = Visitor(page, tour, found, which)
    for state in getattr(tour, {"desk": "desktop"}.get(which, which))():
        visitor.look(state)
    context.close()
    assert watch.unexpected() == []
    assert len(found.states) >= 12
    other = [line for name, text in found.read_out.items() for line in differences(name, text)]
    assert (found.axe, found.lost, found.turned, other) == ([], [], [], [])


def by_state(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# (.*)\n((?:(?!# ).*\n)*)", text, re.MULTILINE))


def differences(name: str, text: str) -> list[str]:
    """How the accessibility trees of a tour differ from their snapshot."""
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(text)
    states, agreed = by_state(text), by_state(file.read_text())
    found = [f"{name}: {list(states)} instead of {list(agreed)}"] if list(states) != list(agreed) else []
    for state in states.keys() & agreed.keys():
        lines = unified_diff(
            agreed[state].splitlines(), states[state].splitlines(), "agreed", "found", lineterm="", n=1
        )
        found += [f"{name}, {state}: {line}" for line in lines]
    return found

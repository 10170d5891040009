"""Check pages with axe-core (WCAG 2.2 AA and its best practices), in several widths, colour schemes and themes."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from playwright.sync_api import Page, ViewportSize

from tests.support.selection import is_full

_FILE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
# Passing rules are left out of the result: computing their selectors takes time.
_RUN = """({ only, without }) => axe.run(document, {
  resultTypes: ["violations"], preload: false, elementRef: false,
  ...(only.length ? { runOnly: only } : { rules: Object.fromEntries(without.map(id => [id, { enabled: false }])) }),
}).then(({ violations }) => violations.map(({ id, nodes }) =>
  `${id}: ${nodes.map(({ html }) => html).join(" | ").slice(0, 600)}`))"""

# Rules about the host page, which a bare test page does not fulfil.
HOST_PAGE_RULES = ("region", "landmark-one-main", "page-has-heading-one")
# Rules that depend on the appearance: colours and sizes. All other rules read names, roles and structure, which are the
# same in every appearance, so they run once per language.
COLOUR_RULES = ("color-contrast", "link-in-text-block")
TARGET_SIZE = "target-size"
APPEARANCE_RULES = (*COLOUR_RULES, TARGET_SIZE, "scrollable-region-focusable")

# (width, colour scheme of the system, theme chosen on the page), for residents' pages and the cabinet.
Look = tuple[int, str, str | None]
CHOSEN = ("black-on-white", "white-on-black", "blue")
NARROW: tuple[Look, ...] = (
    (320, "light", None), (320, "dark", None), *((320, "light", theme) for theme in CHOSEN),
)  # fmt: skip
HEIGHT = 800
# Same as the theme cookie, without reloading: the answer to a form cannot be fetched again.
_SET_THEME = """theme => {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}"""


@cache
def source() -> str:
    return _FILE.read_text()


# The page's own storage keeps the source: sending it to each page of a tour takes longer than the checks of small ones.
_START = """source => {
  if (source) sessionStorage.axe = source;
  if (sessionStorage.axe) (0, eval)(sessionStorage.axe);
  return "axe" in window;
}"""


def violations(page: Page, *, only: Iterable[str] = (), without: Iterable[str] = ()) -> list[str]:
    """One line per violated rule, with the elements. `only` and `without` are names of rules."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())
    found: list[str] = page.evaluate(_RUN, {"only": list(only), "without": list(without)})
    size = page.viewport_size
    if not size or all(not one.startswith(TARGET_SIZE) for one in found):
        return found
    # A bar that stays at the bottom covers a part of what is just below it, until one scrolls: look once more with
    # the whole page in the window.
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size(ViewportSize(width=size["width"], height=height))
    again: list[str] = page.evaluate(_RUN, {"only": [TARGET_SIZE], "without": []})
    page.set_viewport_size(size)
    return [one for one in found if not one.startswith(TARGET_SIZE)] + again


def horizontal_overflow(page: Page) -> list[str]:
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{wider} px wider than the window"] if wider > 0 else []


def violations_in_appearances(page: Page, looks: Iterable[Look] = NARROW, also: str = "") -> list[str]:
    """The violations on the current page, in one appearance after the other.

    All rules run in the first appearance of each width, where other content may be shown; in the others only the rules
    that depend on the appearance. `also` is a function of the page that returns more complaints.
    """
    found: list[str] = []
    seen: set[int] = set()
    for look in _appearances(page, looks):
        complaints = violations(page, only=APPEARANCE_RULES if look[0] in seen else ()) + _overflow(page, also)
        found += [f"{look}: {one}" for one in complaints]
        seen.add(look[0])
    return found


def violations_in_turn(page: Page, looks: Sequence[Look], turn: int, also: str = "") -> list[str]:
    """`violations_in_appearances` of one of many pages, which share their structure and their colours: all rules run in
    one of the looks. In the full run in each.

    `turn` is the page's place among those of a test. Nothing may be too wide in any width.
    """
    if is_full():
        return violations_in_appearances(page, looks, also)
    widths, thorough = list_widths(looks), looks[turn % len(looks)]
    if not page.evaluate(_START, ""):
        page.evaluate(_START, source())
    found: list[str] = []
    for look in _appearances(page, [one for one in looks if one in widths or one == thorough]):
        complaints = _overflow(page, also) + (violations(page) if look == thorough else [])
        found += [f"{look}: {one}" for one in complaints]
    return found


def list_widths(looks: Sequence[Look]) -> list[Look]:
    """The first look of each width."""
    return list({look[0]: look for look in reversed(looks)}.values())


def overflow_in_appearances(page: Page, looks: Sequence[Look], also: str = "") -> list[str]:
    """What another language may change in each width: words are longer, names and structure are the same."""
    return [f"{look}: {one}" for look in _appearances(page, list_widths(looks)) for one in _overflow(page, also)]


def _overflow(page: Page, also: str) -> list[str]:
    return horizontal_overflow(page) + (list(page.evaluate(also)) if also else [])


def _appearances(page: Page, looks: Iterable[Look]) -> Iterator[Look]:
    """Show the page in one appearance after the other, and in the default one at the end."""
    page.wait_for_load_state()  # the last press may have started a navigation
    scheme, theme = "light", None
    for look in (*looks, None):
        before = scheme, theme
        width, scheme, theme = look or (None, "light", None)
        if width and page.viewport_size != (size := ViewportSize(width=width, height=HEIGHT)):
            page.set_viewport_size(size)
        if scheme != before[0]:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        if theme != before[1]:
            page.evaluate(_SET_THEME, theme)
        if look:
            yield look


def violations_with_large_text(page: Page, only: Iterable[str] = ()) -> list[str]:
    """What is cut off at a width of 640 px (200 % zoom on a desktop) with text twice as large on top."""
    page.set_viewport_size({"width": 640, "height": 400})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    complaints = horizontal_overflow(page) + (violations(page, only=only) if only else [])
    page.evaluate("document.documentElement.style.fontSize = ''")
    return [f"large letters: {one}" for one in complaints]

"""Asks axe-core what a page's states keep from people with disabilities (WCAG 2.2 AA and its best practices)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from playwright.sync_api import Page

_FILE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
# What passes is not worth the selectors axe would write for it.
_RUN = """({ only, without }) => axe.run(document, {
  resultTypes: ["violations"], preload: false, elementRef: false,
  ...(only.length ? { runOnly: only } : { rules: Object.fromEntries(without.map(id => [id, { enabled: false }])) }),
}).then(({ violations }) => violations.map(({ id, nodes }) =>
  `${id}: ${nodes.map(({ html }) => html).join(" | ").slice(0, 600)}`))"""

# A bare host page lacks what the municipality's own page brings.
OF_THE_HOST = ("region", "landmark-one-main", "page-has-heading-one")
# What a look can break: its colours, and the sizes of letters with what they fill. All other rules read names, roles
# and the structure, which are the same in each, so they run once in each language.
OF_COLOURS = ("color-contrast", "link-in-text-block")
OF_LOOKS = (*OF_COLOURS, "target-size", "scrollable-region-focusable")

# (width, what the system wants, what is chosen on the page), as the residents' pages and the cabinet have them.
Look = tuple[int, str, str | None]
CHOSEN = ("black-on-white", "white-on-black", "blue")
NARROW: tuple[Look, ...] = (
    (320, "light", None), (320, "dark", None), *((320, "light", theme) for theme in CHOSEN),
)  # fmt: skip
# What words of another language can break, being wider: in letters as they are and in the larger ones of a choice.
OF_WORDS = (NARROW[0], NARROW[2])
HEIGHT = 800
# As the cookie would have it; a page that answers a form cannot be fetched again with one.
_WEAR = """theme => {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}"""


@cache
def source() -> str:
    return _FILE.read_text()


def violations(page: Page, *, only: Iterable[str] = (), without: Iterable[str] = ()) -> list[str]:
    """One line each: the rule and the elements that break it. `only` and `without` are names of rules."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())
    found: list[str] = page.evaluate(_RUN, {"only": list(only), "without": list(without)})
    return found


def wider_than_the_window(page: Page) -> list[str]:
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{wider} px wider than the window"] if wider > 0 else []


def in_looks(page: Page, looks: Iterable[Look] = NARROW, also: str = "() => []") -> list[str]:
    """What is wrong with the page as it stands, in one look after the other.

    All rules run in the first look of each width, where other things may be shown; in the others those that a look can
    break. `also` is a function of the page that returns more complaints.
    """
    page.wait_for_load_state()  # what was pressed may lead to another page
    found: list[str] = []
    seen: set[int] = set()
    for width, scheme, theme in looks:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.evaluate(_WEAR, theme)
        complaints = violations(page, only=OF_LOOKS if width in seen else ()) + wider_than_the_window(page)
        complaints += page.evaluate(also)
        found += [f"{width}, {scheme}, {theme}: {one}" for one in complaints]
        seen.add(width)
    page.evaluate(_WEAR, None)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return found


def in_large_letters(page: Page, only: Iterable[str] = ()) -> list[str]:
    """What is cut off at 640 px, which is 200 % zoom of a desk, with letters twice as large on top."""
    page.set_viewport_size({"width": 640, "height": 400})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    complaints = wider_than_the_window(page) + (violations(page, only=only) if only else [])
    page.evaluate("document.documentElement.style.fontSize = ''")
    return [f"large letters: {one}" for one in complaints]

"""Compares a host page with itself: what a visit to the widget has left behind on it.

Looked at: the page's own elements with every attribute and text, the computed style of each and of its pseudo-elements,
the properties of the global object and of everything it names (prototypes included), handlers and listeners on the
window, the document and the page's elements, storage, cookies, databases, history, scroll position, title, style
sheets, the contents of its fields. Left out is what lies inside the widget's element.
"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page

_SCRIPT = (Path(__file__).parent / "host.js").read_text()
# What the documentation says the snippet brings: one global, and from the first opening on those who only watch.
DOCUMENTED = re.compile(
    r"^global window\.igrajdanin$"
    r"|^listener (window: (blur|error|unhandledrejection|online|offline|popstate|scroll)"
    r"|document: (securitypolicyviolation|visibilitychange))"
    r": undefined → [1-3]$"
    # Some pages listen to the first two as well.
    r"|^listener window: (pointerdown|click|keydown|focusin|change|wheel) \(capture\): (undefined|1) → [12]$"
)


class Host:
    """The page's own side. Make it before the page is opened; `take` a snapshot, later ask for what has `changed`."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.add_init_script(_SCRIPT)

    def take(self) -> int:
        return int(self._page.evaluate("__host.take()"))

    def changed(self, since: int) -> list[str]:
        """Every difference from that snapshot, one line each; what is documented is not among them."""
        now = self.take()
        lines: list[str] = self._page.evaluate("([a, b]) => __host.compare(a, b)", [since, now])
        return [line for line in lines if not DOCUMENTED.search(line)]

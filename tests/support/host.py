"""Compare a host page with itself: what has a visit to the widget left behind on it?

Compared are: the page's own elements with every attribute and text, the computed style of each and of its
pseudo-elements, the properties of the global object and of everything reachable from it (prototypes included), handlers
and listeners on the window, the document and the page's elements, storage, cookies, databases, history, scroll
position, title, style sheets and the contents of fields. The contents of the widget's element are left out.
"""

import re
from pathlib import Path

from playwright.sync_api import Page

_SCRIPT = (Path(__file__).parent / "host.js").read_text()
# What the snippet is documented to add: one global and, from the first opening on, passive listeners; «forward» leads
# to the entry that the dialog had. Of a report that was sent the browser keeps number and date, the tab its link.
DOCUMENTED = re.compile(
    r"^global window\.igrajdanin$"
    r"|^listener (window: (blur|error|unhandledrejection|online|offline|popstate|scroll)"
    r"|document: (securitypolicyviolation|visibilitychange))"
    r": (undefined|1) → [1-3]$"
    r"|^page history: 0 → 1$"
    r'|^page (local|session)Storage: "?\[\]"? → "?\[\\?"igrajdanin:wk_[\w-]+:sent\\?"\]"?$'
    # Some pages listen to them as well.
    r"|^listener window: (pointerdown|click|keydown|focusin|change|wheel) \(capture\): (undefined|1) → [12]$"
)


OURS = "igrajdanin-widget, [data-igrajdanin-widget] > *"


class Host:
    """The host page. Create it before the page is opened, `take` a snapshot, and later list what has `changed`.

    `ours` selects the elements whose contents are left out, `documented` the differences.
    """

    def __init__(self, page: Page, ours: str = OURS, documented: re.Pattern[str] = DOCUMENTED) -> None:
        self._page, self._documented = page, documented
        page.add_init_script(_SCRIPT.replace("{{OURS}}", ours))

    def take(self) -> int:
        return int(self._page.evaluate("__host.take()"))

    def changed(self, since: int, now: int | None = None) -> list[str]:
        """Every undocumented difference between a snapshot and a later one, or the page as it is, one per line."""
        snapshots = [since, self.take() if now is None else now]
        lines: list[str] = self._page.evaluate("([a, b]) => __host.compare(a, b)", snapshots)
        return [line for line in lines if not self._documented.search(line)]

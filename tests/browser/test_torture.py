"""Every torture page: by keyboard from the top of the page to «sent», and the page is as before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from tests.support.pages import examples
from tests.support.torture.hazards import Chromium, Hazard, survives
from tests.support.torture.subjects import WIDGET, Subject
from tests.support.widget import Examples

pytestmark = pytest.mark.browser
# Those that find most: each has another cause to fail.
SAMPLE = {
    "all-unset", "base", "cancelled-events", "csp-contract", "csp-nonce", "csp-strict-dynamic", "dialog-open", "fetch",
    "flex-header", "forced-colors", "form-id", "frozen", "ids", "inherited", "named-members", "overflow-card",
    "prototype-js", "scroll-lock", "shortcuts", "trusted-types", "xhtml", "zoom",
}  # fmt: skip
SELDOM = pytest.mark.full("the sample has a page with the same cause to fail")


def cases() -> list[object]:
    names = [one for one in examples.hazards() if "chromium" in Hazard.read(one).engines]
    return [name if name in SAMPLE else pytest.param(name, marks=SELDOM) for name in names]


def visit(browser: Browser, example_pages: Examples, subject: Subject, name: str) -> str:
    driver = Chromium(browser, Hazard.read(name).context)
    try:
        return survives(driver, subject, name, example_pages.pages, example_pages.values)
    finally:
        driver.close()


@pytest.mark.parametrize("name", cases())
def test_the_widget_survives(browser: Browser, example_pages: Examples, name: str) -> None:
    assert visit(browser, example_pages, WIDGET, name) == ""


def test_a_rude_subject_does_not_survive(browser: Browser, example_pages: Examples) -> None:
    rude = """<script>
      addEventListener("click", () => {
        leaked = 1;
        document.body.className = "rude";
        new Image().src = "http://third.test/";
      });
    </script>"""
    found = visit(browser, example_pages, replace(WIDGET, snippet=WIDGET.snippet + rude), "base")
    for difference in ("global window.leaked", 'dom new: <body class="rude">', "third party: http://third.test"):
        assert difference in found

"""Every torture page: by keyboard from the top of the page to «sent», and the page is as before."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.support.pages import examples
from tests.support.torture.hazards import Chromium, Hazard, survives
from tests.support.torture.subjects import WIDGET
from tests.support.widget import Examples

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", [one for one in examples.hazards() if "chromium" in Hazard.read(one).engines])
def test_the_widget_survives(browser: Browser, example_pages: Examples, name: str) -> None:
    driver = Chromium(browser, Hazard.read(name).context)
    try:
        assert survives(driver, WIDGET, name, example_pages.pages, example_pages.values) == ""
    finally:
        driver.close()

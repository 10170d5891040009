"""The way of a report in WebKitGTK: from the host page to the number, also under the strictest policy."""

from __future__ import annotations

import pytest

from scripts import browser as bootstrap
from tests.support.webkit import started
from tests.support.widget import Examples

_REASON = "" if bootstrap.webkit() else bootstrap.reason_to_leave_out(bootstrap.WEBKIT)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(_REASON), reason=_REASON)]

REQUESTED = "() => performance.getEntriesByType('resource').map(entry => entry.name)"


@pytest.mark.parametrize("case", ["plain", "strict-csp", "bitrix"])
async def test_a_report_goes_through(town: Examples, case: str) -> None:
    town.pages.violations.clear()
    async with started() as webkit:
        await webkit.goto(town.address(case))
        assert await webkit.report("Яма на переходе у школы № 14") > 0
        asked = await webkit.run(REQUESTED)
        assert f"{town.service.url}/w/1/loader.js" in asked
        assert {url for url in asked if not url.startswith((town.service.url, town.pages.url))} == set()
    assert town.pages.violations == []


async def test_a_policy_that_holds_the_script_back_is_noticed_and_leaves_the_link(town: Examples) -> None:
    """The same eyes see a violation where there is one."""
    town.pages.violations.clear()
    async with started() as webkit:
        await webkit.goto(town.address("csp-without-us"))
        await webkit.tap("link", "Сообщить о проблеме")
        await webkit.until("the plain form", "() => !!document.querySelector('form textarea')")
    (violation,) = town.pages.violations
    assert violation["blocked-uri"] == f"{town.service.url}/w/1/loader.js"


async def test_a_frame_has_it_all(town: Examples) -> None:
    async with started() as webkit:
        await webkit.goto(town.address("iframe"))
        await webkit.enter_frame()
        await webkit.tap("button", "Сообщить")
        assert await webkit.send("Яма на переходе у школы № 14") > 0

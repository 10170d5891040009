"""The way of a report in Firefox: from the host page to the number, also under the strictest policy."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from scripts import browser as bootstrap
from tests.support.firefox import Firefox, started
from tests.support.reader import Reader
from tests.support.widget import RELEASE, REPORT, SCRIPTED, Examples, Stand, page_with_modified_files

_REASON = "" if bootstrap.firefox() else bootstrap.reason_to_leave_out(bootstrap.FIREFOX)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(_REASON), reason=_REASON),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module", autouse=True)
def filled(town: Examples) -> None:
    """Before the first visit: a browser may show a list of half a minute ago while it asks again (RFC 5861)."""
    town.service.cli("load-demo", "--problems", "300", "--site", town.site)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firefox() -> AsyncIterator[Firefox]:
    """One for all tests: starting takes longer than they do."""
    async with started() as browser:
        yield browser


@pytest.mark.parametrize("case", SCRIPTED)
async def test_a_report_goes_through(firefox: Firefox, town: Examples, case: str) -> None:
    town.pages.violations.clear()
    await firefox.goto(town.address(case))
    assert await firefox.report("Яма на переходе у школы № 14") > 0
    assert {url for url in firefox.requests if not url.startswith((town.service.url, town.pages.url))} == set()
    chunks = [url for url in firefox.requests if f"/{RELEASE}/" in url]
    assert sorted(chunks) == sorted(set(chunks)), "what is preloaded under its hash is what runs: it comes once"
    assert [text for text in firefox.complaints if "/favicon.ico" not in text] == []
    assert town.pages.violations == []


async def test_a_policy_that_holds_the_script_back_is_noticed_and_leaves_the_link(
    firefox: Firefox, town: Examples
) -> None:
    """The same eyes see a violation where there is one."""
    town.pages.violations.clear()
    await firefox.goto(town.address("csp-without-us"))
    await firefox.tap("link", "Сообщить о проблеме")
    await firefox.until("the plain form", "() => !!document.querySelector('form textarea')")
    (violation,) = town.pages.violations
    assert violation["blocked-uri"] == f"{town.service.url}/w/1/loader.js"


async def test_an_exchanged_file_does_not_run_and_the_link_returns(firefox: Firefox, stand: Stand) -> None:
    await firefox.goto(page_with_modified_files(stand, "report", "basic"))
    await firefox.tap("button", REPORT)
    await firefox.find("link", REPORT)
    assert await firefox.run("() => globalThis.stolen === undefined")


async def test_a_frame_has_it_all(firefox: Firefox, town: Examples) -> None:
    await firefox.goto(town.address("iframe"))
    await firefox.enter_frame()
    await firefox.tap("button", "Сообщить о проблеме")
    assert await firefox.send("Яма на переходе у школы № 14") > 0


async def test_a_cluster_of_the_citys_map_opens(firefox: Firefox, town: Examples) -> None:
    town.pages.violations.clear()
    await firefox.goto(town.address("strict-csp"))
    before, after = await firefox.open_cluster()
    assert before > 2
    assert after > 0
    assert town.pages.violations == []


async def test_the_city_is_read_filtered_and_walked_back(firefox: Firefox, town: Examples) -> None:
    town.pages.violations.clear()
    await firefox.goto(town.address("strict-csp"))
    reader = Reader(firefox)
    await reader.open()
    await reader.leave()
    await reader.filter()
    await reader.problem()
    await reader.map()
    assert await reader.console_messages() == []
    assert {url for url in firefox.requests if not url.startswith((town.service.url, town.pages.url))} == set()
    assert [text for text in firefox.complaints if "/favicon.ico" not in text] == []
    assert town.pages.violations == []

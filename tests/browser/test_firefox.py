"""Reporting in Firefox, from the host page to the number, also under the strictest policy."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from scripts import browser as bootstrap
from tests.support.firefox import Firefox, started
from tests.support.reader import Reader
from tests.support.remote_browser import EXAMPLES
from tests.support.widget import RELEASE, REPORT, Examples, WidgetSite, page_with_modified_files

_REASON = "" if bootstrap.firefox() else bootstrap.reason_to_leave_out(bootstrap.FIREFOX)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(_REASON), reason=_REASON),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module", autouse=True)
def fill_site(example_pages: Examples) -> None:
    """Fill the site before the first visit: browsers may show a list of half a minute ago while revalidating (RFC
    5861).
    """
    example_pages.service.cli("load-demo", "--problems", "300", "--site", example_pages.site)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firefox() -> AsyncIterator[Firefox]:
    """One browser for all tests: starting takes longer than they do."""
    async with started() as browser:
        yield browser


@pytest.mark.parametrize("case", EXAMPLES)
async def test_reporting_works(firefox: Firefox, example_pages: Examples, case: str) -> None:
    example_pages.pages.violations.clear()
    await firefox.goto(example_pages.address(case))
    assert await firefox.report("Яма на переходе у школы № 14") > 0
    assert {
        url for url in firefox.requests if not url.startswith((example_pages.service.url, example_pages.pages.url))
    } == set()
    chunks = [url for url in firefox.requests if f"/{RELEASE}/" in url]
    assert sorted(chunks) == sorted(set(chunks)), "the preloaded file with its hash is the one that runs: fetched once"
    assert [text for text in firefox.complaints if "/favicon.ico" not in text] == []
    assert example_pages.pages.violations == []


async def test_a_policy_that_blocks_the_script_leaves_the_link(firefox: Firefox, example_pages: Examples) -> None:
    """Also shows that violations are detected."""
    example_pages.pages.violations.clear()
    await firefox.goto(example_pages.address("csp-without-us"))
    await firefox.tap("link", "Сообщить о проблеме")
    await firefox.until("the plain form", "() => !!document.querySelector('form textarea')")
    (violation,) = example_pages.pages.violations
    assert violation["blocked-uri"] == f"{example_pages.service.url}/w/1/loader.js"


async def test_a_file_with_a_wrong_hash_does_not_run_and_the_link_returns(
    firefox: Firefox, widget_site: WidgetSite
) -> None:
    await firefox.goto(page_with_modified_files(widget_site, "report", "basic"))
    await firefox.tap("button", REPORT)
    await firefox.find("link", REPORT)
    assert await firefox.run("() => globalThis.stolen === undefined")


async def test_the_frame_has_all_functions(firefox: Firefox, example_pages: Examples) -> None:
    await firefox.goto(example_pages.address("iframe"))
    await firefox.enter_frame()
    await firefox.tap("button", "Сообщить о проблеме")
    assert await firefox.send("Яма на переходе у школы № 14") > 0


async def test_clusters_of_the_citys_map_open(firefox: Firefox, example_pages: Examples) -> None:
    example_pages.pages.violations.clear()
    await firefox.goto(example_pages.address("strict-csp"))
    before, after = await firefox.open_cluster()
    assert before > 2
    assert after > 0
    assert example_pages.pages.violations == []


async def test_list_filters_and_back(firefox: Firefox, example_pages: Examples) -> None:
    example_pages.pages.violations.clear()
    await firefox.goto(example_pages.address("strict-csp"))
    reader = Reader(firefox)
    await reader.open()
    await reader.leave()
    await reader.filter()
    await reader.problem()
    await reader.map()
    assert await reader.console_messages() == []
    assert {
        url for url in firefox.requests if not url.startswith((example_pages.service.url, example_pages.pages.url))
    } == set()
    assert [text for text in firefox.complaints if "/favicon.ico" not in text] == []
    assert example_pages.pages.violations == []

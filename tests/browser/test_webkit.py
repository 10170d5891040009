"""Reporting in WebKitGTK, from the host page to the number, also under the strictest policy."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from scripts import browser as bootstrap
from tests.support.reader import Reader
from tests.support.remote_browser import EXAMPLES
from tests.support.webkit import WebKit, started
from tests.support.widget import RELEASE, Examples

_REASON = "" if bootstrap.webkit() else bootstrap.reason_to_leave_out(bootstrap.WEBKIT)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(_REASON), reason=_REASON),
    pytest.mark.asyncio(loop_scope="module"),
]

REQUESTED = "() => performance.getEntriesByType('resource').map(entry => entry.name)"


@pytest.fixture(scope="module", autouse=True)
def fill_site(example_pages: Examples) -> None:
    """Fill the site before the first visit: browsers may show a list of half a minute ago while revalidating (RFC
    5861).
    """
    example_pages.service.cli("load-demo", "--problems", "300", "--site", example_pages.site)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def webkit() -> AsyncIterator[WebKit]:
    """One browser for all tests: starting takes longer than they do."""
    async with started() as browser:
        yield browser


@pytest.mark.parametrize("case", EXAMPLES)
async def test_reporting_works(webkit: WebKit, example_pages: Examples, case: str) -> None:
    example_pages.pages.violations.clear()
    await webkit.goto(example_pages.address(case))
    assert await webkit.report("Яма на переходе у школы № 14") > 0
    requested = await webkit.run(REQUESTED)
    assert any(url.endswith("/loader.js") for url in requested)
    assert {
        url for url in requested if not url.startswith((example_pages.service.url, example_pages.pages.url))
    } == set()
    chunks = [url for url in requested if f"/{RELEASE}/" in url]
    assert sorted(chunks) == sorted(set(chunks)), "the preloaded file is the one that runs: fetched once"
    assert example_pages.pages.violations == []


async def test_a_policy_that_blocks_the_script_leaves_the_link(webkit: WebKit, example_pages: Examples) -> None:
    """Also shows that violations are detected."""
    example_pages.pages.violations.clear()
    await webkit.goto(example_pages.address("csp-without-us"))
    await webkit.tap("link", "Сообщить о проблеме")
    await webkit.until("the plain form", "() => !!document.querySelector('form textarea')")
    (violation,) = example_pages.pages.violations
    assert violation["blocked-uri"] == f"{example_pages.service.url}/w/1/loader.js"


async def test_the_frame_has_all_functions(webkit: WebKit, example_pages: Examples) -> None:
    await webkit.goto(example_pages.address("iframe"))
    await webkit.enter_frame()
    await webkit.tap("button", "Сообщить о проблеме")
    assert await webkit.send("Яма на переходе у школы № 14") > 0


async def test_clusters_of_the_citys_map_open(webkit: WebKit, example_pages: Examples) -> None:
    example_pages.pages.violations.clear()
    await webkit.goto(example_pages.address("strict-csp"))
    before, after = await webkit.open_cluster()
    assert before > 2
    assert after > 0
    assert example_pages.pages.violations == []


async def test_list_filters_and_back(webkit: WebKit, example_pages: Examples) -> None:
    example_pages.pages.violations.clear()
    await webkit.goto(example_pages.address("strict-csp"))
    reader = Reader(webkit)
    await reader.open()
    await reader.leave()
    await reader.filter()
    await reader.problem()
    await reader.map()
    assert await reader.console_messages() == []
    requested = await webkit.run(REQUESTED)
    assert any("/problems?status=done" in url for url in requested)
    assert {
        url for url in requested if not url.startswith((example_pages.service.url, example_pages.pages.url))
    } == set()
    assert example_pages.pages.violations == []

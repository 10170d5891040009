"""Reporting and reading in Firefox and WebKitGTK, from the host page on, also under the strictest policy."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support import firefox, webkit
from tests.support.reader import Reader
from tests.support.remote_browser import EXAMPLES, FIREFOX, WEBKIT, RemoteBrowser
from tests.support.widget import RELEASE, REPORT, Examples, WidgetSite, page_with_modified_files

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module", autouse=True)
def fill_site(example_pages: Examples) -> None:
    """Fill the site before the first visit: browsers may show a list of half a minute ago while revalidating (RFC
    5861).
    """
    example_pages.service.cli("load-demo", "--problems", "300", "--site", example_pages.site)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[FIREFOX, WEBKIT])
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[RemoteBrowser]:
    """One browser for all tests: starting takes longer than they do."""
    async with {"firefox": firefox, "webkit": webkit}[request.param].started() as started:
        yield started


async def no_complaint(browser: RemoteBrowser, example_pages: Examples) -> None:
    """Nothing was requested elsewhere, logged by the browser or refused by the page's policy."""
    own = (example_pages.service.url, example_pages.pages.url)
    assert {url for url in await browser.requested() if not url.startswith(own)} == set()
    assert [text for text in browser.complaints if "/favicon.ico" not in text] == []
    assert example_pages.pages.violations == []


@pytest.mark.parametrize("case", EXAMPLES)
async def test_reporting_works(browser: RemoteBrowser, example_pages: Examples, case: str) -> None:
    example_pages.pages.violations.clear()
    await browser.goto(example_pages.address(case))
    assert await browser.report("Яма на переходе у школы № 14") > 0
    requested = await browser.requested()
    assert any(url.endswith("/loader.js") for url in requested)
    chunks = [url for url in requested if f"/{RELEASE}/" in url]
    assert sorted(chunks) == sorted(set(chunks)), "the preloaded file with its hash is the one that runs: fetched once"
    await no_complaint(browser, example_pages)


async def test_a_policy_that_blocks_the_script_leaves_the_link(browser: RemoteBrowser, example_pages: Examples) -> None:
    """Also shows that violations are detected."""
    example_pages.pages.violations.clear()
    await browser.goto(example_pages.address("csp-without-us"))
    await browser.tap("link", "Сообщить о проблеме")
    await browser.until("the plain form", "() => !!document.querySelector('form textarea')")
    (violation,) = example_pages.pages.violations
    assert violation["blocked-uri"] == f"{example_pages.service.url}/w/1/loader.js"


@pytest.mark.parametrize("browser", [FIREFOX], indirect=True)
async def test_a_file_with_a_wrong_hash_does_not_run_and_the_link_returns(
    browser: RemoteBrowser, widget_site: WidgetSite
) -> None:
    await browser.goto(page_with_modified_files(widget_site, "report", "basic"))
    await browser.tap("button", REPORT)
    await browser.find("link", REPORT)
    assert await browser.run("() => globalThis.stolen === undefined")


async def test_the_frame_has_all_functions(browser: RemoteBrowser, example_pages: Examples) -> None:
    await browser.goto(example_pages.address("iframe"))
    await browser.enter_frame()
    await browser.tap("button", "Сообщить о проблеме")
    assert await browser.send("Яма на переходе у школы № 14") > 0


async def test_clusters_of_the_citys_map_open(browser: RemoteBrowser, example_pages: Examples) -> None:
    example_pages.pages.violations.clear()
    await browser.goto(example_pages.address("strict-csp"))
    before, after = await browser.open_cluster()
    assert before > 2
    assert after > 0
    assert example_pages.pages.violations == []


async def test_list_filters_and_back(browser: RemoteBrowser, example_pages: Examples) -> None:
    example_pages.pages.violations.clear()
    await browser.goto(example_pages.address("strict-csp"))
    reader = Reader(browser)
    await reader.open()
    await reader.leave()
    await reader.filter()
    await reader.problem()
    await reader.map()
    assert await reader.console_messages() == []
    assert any("/problems?status=done" in url for url in await browser.requested())
    await no_complaint(browser, example_pages)

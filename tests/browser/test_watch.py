"""Errors and unexpected requests of a page fail its test: all browser tests rely on this."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from tests.support.browser import Watch
from tests.support.pages import HostPages


def test_violations_errors_and_requests_are_detected(
    page: Page, watch: Watch, host_pages: Callable[..., HostPages], tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<h1>Г. Коломна</h1><script>1</script>")
    host = host_pages(tmp_path, headers={"Content-Security-Policy": "default-src 'none'"})
    page.goto(host.url)
    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('deliberate') })")
    assert any("CSP violation: script-src-elem inline" in text for text in watch.unexpected())
    assert any("deliberate" in text for text in watch.unexpected())
    assert watch.hosts() == {host.url}
    watch.allow("CSP violation|Content Security Policy|deliberate")

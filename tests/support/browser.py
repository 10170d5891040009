"""Drive a real browser and fail on any unexpected console error, CSP violation or request."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FloatRect,
    Locator,
    Page,
    Playwright,
    Request,
    Route,
    sync_playwright,
)

from scripts import browser as bootstrap

# Measured for Chromium in a container: as root there is no sandbox, without a GPU its probes cost seconds, and its own
# background requests would disturb every check of contacted hosts.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Named hosts: browsers treat 127.0.0.1 as a secure context, but not a town's http page.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
)

# Report-only policies fire an event in the page without a line in the console.
LISTEN_FOR_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event => {
  const where = `${event.sourceFile}:${event.lineNumber}`;
  console.error(`CSP violation: ${event.effectiveDirective} ${event.blockedURI} ${where}`);
});
"""

NewPage = Callable[..., Page]  # of the fixture `new_page`
# Playwright's own word, where a page registers a service worker (`open_context`).
BLOCKED = "Service Worker registration blocked by Playwright"


@dataclass
class Watch:
    """Records console messages, violations and requests of a test's pages; `allow` lists the expected complaints."""

    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    _allowed: list[re.Pattern[str]] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        self._allowed.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(allowed.search(text) for allowed in self._allowed)]

    def hosts(self) -> set[str]:
        """Origins that were requested (data: and blob: URLs stay inside the page)."""
        matches = (re.match(r"https?://[^/]+", request.url) for request in self.requests)
        return {match[0] for match in matches if match}

    def follow(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", lambda request: self.requests.append(request))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and message.text != BLOCKED:
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")


def launch(playwright: Playwright) -> Browser:
    found = bootstrap.find()
    if found is None:
        raise AssertionError("no browser here; run `make prepare` first (make test does)")
    path = None if found == bootstrap.PLAYWRIGHTS_OWN else found
    return playwright.chromium.launch(
        executable_path=path, args=list(FLAGS), env=dict[str, str | float | bool](bootstrap.real_time())
    )


class SharedBrowser:
    """A browser that is started on first use and can be closed and started again.

    While it runs, Playwright keeps an event loop running in this thread, which asynchronous tests cannot share.
    """

    def __init__(self) -> None:
        self._ending = contextlib.ExitStack()
        self._browser: Browser | None = None

    def started(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self.close()
            self._browser = launch(self._ending.enter_context(sync_playwright()))
            self._ending.callback(self._browser.close)
        return self._browser

    def close(self) -> None:
        self._browser = None
        self._ending.close()


def open_context(browser: Browser, watch: Watch, **options: Any) -> BrowserContext:
    """A resident's browser: Russian, Moscow time, a small phone unless the test overrides it."""
    settings: dict[str, Any] = {
        "locale": "ru-RU",
        "timezone_id": "Europe/Moscow",
        "viewport": {"width": 360, "height": 740},
        "reduced_motion": "reduce",
        # A worker keeps requests from `page.route` (test_application.py allows it).
        "service_workers": "block",
    }
    context = browser.new_context(**(settings | options))
    context.set_default_timeout(20_000)
    context.add_init_script(LISTEN_FOR_VIOLATIONS)
    context.on("page", watch.follow)
    return context


def rect(one: Locator) -> FloatRect:
    """Where an element is drawn; the test fails if it is not."""
    found = one.bounding_box()
    assert found is not None, f"{one} is not drawn"
    return found


def arrived(page: Page, held: list[Route]) -> Route:
    """Wait for the first delayed request: it may be sent a moment after the press."""
    for _ in range(1000):
        if held:
            return held[0]
        page.wait_for_timeout(20)
    raise AssertionError("no request was delayed")


def intercept_choosers(page: Page) -> None:
    """Intercept file choosers from now on: `expect_file_chooser` alone enables it asynchronously, possibly too late."""
    page.on("filechooser", lambda _: None)
    page.evaluate("0")

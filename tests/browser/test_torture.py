"""Every torture page: by keyboard from the top of the page to «sent», and the page is as before."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.pages import EXAMPLES as FOLDER
from tests.support.pages import WatchedPages, examples
from tests.support.remote_browser import FIREFOX, WEBKIT
from tests.support.torture import hazards
from tests.support.torture.hazards import Chromium, Hazard, survives
from tests.support.torture.remote import Remote, remote
from tests.support.torture.rivals import isso, sentry
from tests.support.torture.subjects import ISSO, SENTRY, WIDGET, Subject
from tests.support.widget import Examples

# Those that find most: each has another cause to fail.
SAMPLE = {
    "all-unset", "base", "cancelled-events", "csp-contract", "csp-nonce", "csp-strict-dynamic", "dialog-open", "fetch",
    "flex-header", "forced-colors", "form-id", "frozen", "ids", "inherited", "named-members", "overflow-card",
    "prototype-js", "scroll-lock", "shortcuts", "trusted-types", "xhtml", "zoom",
}  # fmt: skip
EXAMPLES = ("joomla", "tilda", "wordpress", "http", "own-origin", "vision", "two", "spa")
# Folders whose hazard is a torture page as well, the one that is tried under the documented policy, and those that
# test_examples.py and others try for themselves.
OTHER_EXAMPLES = {
    "plain",
    *("bitrix", "strict-csp", "nonce-csp", "hostile-css", "rtl", "slow"),
    *("csp-without-us", "links-only", "no-js", "iframe", "figures", "metrika", "place", "collections", "participation"),
}
SELDOM = pytest.mark.full("the sample has a page with the same cause to fail")


def cases() -> list[object]:
    names = [one for one in examples.hazards() if "chromium" in Hazard.read(one).engines]
    return [name if name in SAMPLE else pytest.param(name, marks=SELDOM) for name in names]


def visit(browser: Browser, example_pages: Examples, subject: Subject, hazard: Hazard) -> str:
    with contextlib.closing(Chromium(browser, hazard.context)) as driver:
        return survives(driver, subject, hazard, example_pages.pages, example_pages.values)


@pytest.mark.parametrize("name", cases())
def test_the_widget_survives(browser: Browser, example_pages: Examples, name: str) -> None:
    assert visit(browser, example_pages, WIDGET, Hazard.read(name)) == ""


@pytest.fixture(scope="module", params=[FIREFOX, WEBKIT])
def remote_driver(request: pytest.FixtureRequest) -> Iterator[Remote]:
    """One browser for all pages: starting takes longer than they do."""
    with remote(request.param) as started:
        yield started


@pytest.mark.full("test_other_engines.py shows that the widget works in them")
@pytest.mark.parametrize("name", examples.hazards())
def test_the_widget_survives_in_other_engines(remote_driver: Remote, example_pages: Examples, name: str) -> None:
    hazard = Hazard.read(name)
    if remote_driver.name not in hazard.engines:
        pytest.skip(hazard.others)
    try:
        assert survives(remote_driver, WIDGET, hazard, example_pages.pages, example_pages.values) == ""
    finally:
        remote_driver.close()


@pytest.mark.full("Isso and Sentry's form are packages of their own")
@pytest.mark.parametrize("subject", [ISSO, SENTRY], ids=lambda subject: subject.name)
def test_a_rival_can_survive(browser: Browser, tmp_path: Path, subject: Subject) -> None:
    """What `python -m benchmarks.torture` counts against them is the hazard, not how they are embedded."""
    values: dict[str, str] = {}
    with contextlib.ExitStack() as ending:
        pages = ending.enter_context(contextlib.closing(WatchedPages(values)))
        values["W"] = ending.enter_context(isso(tmp_path, pages.url) if subject is ISSO else sentry())
        driver = ending.enter_context(contextlib.closing(Chromium(browser, {})))
        assert survives(driver, subject, Hazard.read("z-index"), pages, values) == ""


def test_every_example_is_tested() -> None:
    assert {path.parent.name for path in FOLDER.glob("*/index.html")} == {*EXAMPLES, *OTHER_EXAMPLES}


@pytest.mark.parametrize("case", EXAMPLES)
def test_examples_survive(browser: Browser, example_pages: Examples, case: str) -> None:
    """What webmasters start from: every folder where the script runs and a report is sent."""
    page = example_pages.unsafe(case) if case == "http" else "spa/#report" if case == "spa" else f"{case}/"
    assert visit(browser, example_pages, WIDGET, Hazard(page)) == ""


def test_the_documented_policy_is_sufficient(browser: Browser, example_pages: Examples) -> None:
    (policy,) = documented_policies()
    example_pages.pages.policies["plain"] = policy.replace("https://W", example_pages.service.url)
    try:
        assert visit(browser, example_pages, WIDGET, Hazard("plain/")) == ""
    finally:
        example_pages.pages.policies.clear()


def documented_policies() -> set[str]:
    """The documented policies for nginx, Apache and <meta>: each contains `W` in three places."""
    found = re.findall(r"\"(default-src 'self'; [^\"]+)\"", (FOLDER.parent / "docs" / "embedding.md").read_text())
    return {policy for policy in found if "unsafe-inline" not in policy}


def test_a_rude_subject_does_not_survive(
    browser: Browser, example_pages: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hazards, "TIDYING", 1)  # it never tidies up
    rude = """<script>
      addEventListener("click", () => {
        leaked = 1;
        document.body.className = "rude";
        new Image().src = "http://third.test/";
      });
    </script>"""
    found = visit(browser, example_pages, replace(WIDGET, script=WIDGET.script + rude), Hazard.read("base"))
    for difference in ("global window.leaked", 'dom new: <body class="rude">', "third party: http://third.test"):
        assert difference in found

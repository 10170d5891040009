"""Getting the browsers on a bare machine: all that is missing in one call, and a reason where it cannot be had."""

from __future__ import annotations

import pytest

from scripts import browser

LIGHT = "/usr/bin/chromium-headless-shell"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A machine with apt, root and no browser; what was installed."""
    calls: list[list[str]] = []
    found: dict[str, object] = {"firefox": None, "webkit": None, "find": None}

    def install(packages: list[str]) -> None:
        calls.append(packages)
        found.update(find=LIGHT, firefox="/usr/bin/firefox-esr", webkit=("driver", "browser", "screen"))

    for name in found:
        monkeypatch.setattr(browser, name, lambda name=name: found[name])
    monkeypatch.setattr(browser, "install", install)
    monkeypatch.setattr(browser, "has_apt", lambda: True)
    monkeypatch.setattr(browser, "known", lambda package: package != "firefox-esr")
    return calls


def test_all_that_is_missing_comes_in_one_call(bare: list[list[str]]) -> None:
    assert browser.ensure() == LIGHT
    assert bare == [[*browser.CHROMIUM, *browser.FIREFOX, *browser.WEBKIT]]
    browser.ensure()
    assert len(bare) == 1, "what is there is not installed again"


def test_a_lighter_browser_comes_beside_a_heavier_one_where_there_is_one(
    bare: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIDGET_TEST_BROWSER", raising=False)
    assert not browser.is_best("/usr/bin/chromium")
    monkeypatch.setattr(browser, "known", lambda package: package == "chromium")
    assert browser.is_best("/usr/bin/chromium")
    assert not browser.is_best(None)


def test_tests_are_left_out_only_where_the_browser_cannot_be_had(
    bare: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert browser.reason_to_leave_out(browser.WEBKIT) == ""
    assert "no firefox-esr" in browser.reason_to_leave_out(browser.FIREFOX)
    monkeypatch.setattr(browser, "has_apt", lambda: False)
    assert "takes root and apt" in browser.reason_to_leave_out(browser.WEBKIT)

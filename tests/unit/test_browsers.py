"""Installation of the browsers on a bare machine: one call for everything missing, and a reason if it fails."""

from __future__ import annotations

import pytest

from scripts import browser

LIGHT = "/usr/bin/chromium-headless-shell"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A machine with apt, root and no browser; returns what was installed."""
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


def test_everything_missing_is_installed_in_one_call(bare: list[list[str]]) -> None:
    assert browser.ensure() == LIGHT
    assert bare == [[*browser.CHROMIUM, *browser.FIREFOX, *browser.WEBKIT]]
    browser.ensure()
    assert len(bare) == 1, "what is there is not installed again"


def test_the_headless_shell_is_installed_beside_another_chromium(
    bare: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIDGET_TEST_BROWSER", raising=False)
    assert not browser.is_best("/usr/bin/chromium")
    monkeypatch.setattr(browser, "known", lambda package: package == "chromium")
    assert browser.is_best("/usr/bin/chromium")
    assert not browser.is_best(None)


def test_tests_are_skipped_only_if_the_browser_cannot_be_installed(
    bare: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert browser.reason_to_leave_out(browser.WEBKIT) == ""
    assert "no firefox-esr" in browser.reason_to_leave_out(browser.FIREFOX)
    monkeypatch.setattr(browser, "has_apt", lambda: False)
    assert "takes root and apt" in browser.reason_to_leave_out(browser.WEBKIT)

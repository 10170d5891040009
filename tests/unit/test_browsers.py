"""Installation of the browsers on a bare machine: one call for everything missing, and a reason if it fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import browser

Bare = Callable[..., Path]
ALL = (*browser.CHROMIUM, *browser.FIREFOX, *browser.WEBKIT)
PROGRAMS = {"webkit2gtk-driver": "WebKitWebDriver", "xvfb": "Xvfb"}  # not named like their packages
APT_GET = """#!/bin/sh
test $1 = install && shift 6 && echo $* >> {folder}/calls
for package; do /bin/cp -P {folder}/packages/$package/* {folder}/bin/; done
"""
APT_CACHE = """#!/bin/sh
test -e {folder}/packages/$2
"""


def add_program(path: Path, content: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bare:
    """`bare(package, …)`: root's machine with nothing but apt, which has these packages. Returns a file with what was
    installed, a line a call.
    """
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("WIDGET_TEST_BROWSER", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(browser, "from_playwright", lambda: False)

    def make(*packages: str) -> Path:
        add_program(tmp_path / "bin" / "apt-get", APT_GET.format(folder=tmp_path))
        add_program(tmp_path / "bin" / "apt-cache", APT_CACHE.format(folder=tmp_path))
        for package in packages:
            add_program(tmp_path / "packages" / package / PROGRAMS.get(package, package))
        return tmp_path / "calls"

    return make


def test_everything_missing_is_installed_in_one_call(bare: Bare, tmp_path: Path) -> None:
    calls = bare(*ALL)
    browser.install(browser.missing_packages())
    assert browser.ensure() == str(tmp_path / "bin" / browser.SHELL)
    assert browser.firefox() == str(tmp_path / "bin" / "firefox-esr")
    assert calls.read_text() == f"{' '.join(ALL)}\n"
    missing = browser.missing_packages()
    assert not {browser.SHELL, "firefox-esr"} & set(missing), "what is there is not installed again"


def test_the_headless_shell_is_installed_beside_another_chromium(bare: Bare, tmp_path: Path) -> None:
    calls = bare(*ALL)
    add_program(tmp_path / "bin" / "chromium")
    browser.install(browser.missing_packages())
    assert browser.ensure() == str(tmp_path / "bin" / browser.SHELL)
    assert browser.SHELL in calls.read_text()


def test_a_system_without_the_headless_shell_gets_chromium(bare: Bare, tmp_path: Path) -> None:
    calls = bare("chromium")
    add_program(tmp_path / "bin" / "chromium-browser", "#!/bin/sh\necho install a snap; exit 1\n")
    assert browser.find() is None, "it only names another package"
    browser.install(browser.missing_packages())
    assert browser.ensure() == str(tmp_path / "bin" / "chromium")
    assert calls.read_text() == "chromium\n"


def test_tests_are_skipped_only_if_the_browser_cannot_be_installed(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    bare(*browser.WEBKIT)
    assert browser.reason_to_leave_out(browser.WEBKIT) == ""
    assert "no firefox-esr" in browser.reason_to_leave_out(browser.FIREFOX)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "takes root and apt" in browser.reason_to_leave_out(browser.WEBKIT)

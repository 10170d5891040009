"""Finds a browser for the tests, or gets one: what is there, else the system's packages, else Playwright's build.

python scripts/browser.py        # prints what it found
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "google-chrome-stable", "google-chrome", "chromium-browser", "microsoft-edge-stable")
# The pages are Russian: without a font that has the letters, screenshots and text sizes mean nothing.
PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-liberation")
PLAYWRIGHTS_OWN = "playwright"


def starts(path: str) -> bool:
    """Ubuntu ships a `chromium-browser` that only advertises another package, so existing is not enough."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def installed() -> str | None:
    """Path of a system's browser that starts; `WIDGET_TEST_BROWSER` names another."""
    named = os.environ.get("WIDGET_TEST_BROWSER")
    if named:
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path and starts(path):
            return path
    return None


def from_playwright() -> bool:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def from_system_packages() -> str | None:
    if os.geteuid() or not shutil.which("apt-get"):
        return None
    print("▸ installing chromium from the system's packages (about a minute)", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    update = ("apt-get", "update", "-qq")
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES)
    for command in (update, install):
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        if done.returncode:
            print(f"  {' '.join(command[:2])} ended with code {done.returncode}", flush=True)
    return installed()


def find() -> str | None:
    """What the tests drive: a path, `playwright` for its own build, or None where there is no browser at all."""
    return installed() or (PLAYWRIGHTS_OWN if from_playwright() else None)


def ensure() -> str:
    found = find() or from_system_packages()
    if found:
        return found
    print("▸ downloading Playwright's chromium (about a minute)", flush=True)
    with_system_libraries = ["--with-deps"] if os.geteuid() == 0 and shutil.which("apt-get") else []
    subprocess.run([sys.executable, "-m", "playwright", "install", *with_system_libraries, "chromium"], check=True)
    return PLAYWRIGHTS_OWN


if __name__ == "__main__":
    print(f"▸ browser: {ensure()}", flush=True)

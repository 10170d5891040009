"""Finds the browsers for the tests, and names their packages.

Chromium drives every browser test: what is there, else the system's packages, else Playwright's build. Its headless
shell comes first, as it does for Playwright: the same engine without the browser's own windows, which are pages
themselves and take 40 % of the processor time of a test. Firefox and WebKitGTK drive the way of a report: what is
there, else the system's packages, else their tests are left out.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SHELL = "chromium-headless-shell"
NAMES = (SHELL, "chromium", "google-chrome-stable", "google-chrome", "chromium-browser", "microsoft-edge-stable")
# The pages are Russian: without a font that has the letters, screenshots and text sizes mean nothing.
CHROMIUM = (SHELL, "fonts-dejavu-core", "fonts-liberation")
FIREFOX = ("firefox-esr",)
WEBKIT = ("webkit2gtk-driver", "xvfb")
OTHERWISE = {SHELL: "chromium", "redis-server": "valkey-server"}  # where distributions have no such package
PLAYWRIGHTS_OWN = "playwright"


def real_time() -> dict[str, str]:
    """The environment without libfaketime, under which browsers and some servers do not start (`make test-moments`)."""
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def starts(path: str) -> bool:
    """Ubuntu ships a `chromium-browser` that only advertises another package, so existing is not enough."""
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, timeout=60, stdin=subprocess.DEVNULL, env=real_time()
        )
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
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:  # the environment is being made beside this
        return False
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def firefox() -> str | None:
    """Path of a Firefox that starts. Ubuntu's `firefox` only advertises another package."""
    paths = filter(None, map(shutil.which, ("firefox-esr", "firefox")))
    return next((path for path in paths if starts(path)), None)


def webkit() -> tuple[str, str, str] | None:
    """Paths of WebKitGTK's driver, of its small browser and of a screen that nobody sees; None where one is missing."""
    driver, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    browsers = sorted(Path("/usr").glob("lib*/**/webkit2gtk-4.*/MiniBrowser"))
    return (driver, str(browsers[-1]), screen) if driver and screen and browsers else None


def has_apt() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def known(package: str) -> bool:
    """Whether the system's packages have it; distributions differ."""
    asked = subprocess.run(["apt-cache", "show", package], stdin=subprocess.DEVNULL, capture_output=True)
    return asked.returncode == 0


def reason_to_leave_out(packages: tuple[str, ...]) -> str:
    """Why these cannot be had here; empty where they can, and then their tests must run."""
    if not has_apt():
        return f"{packages[0]} is not installed, and installing it takes root and apt"
    return "" if all(map(known, packages)) else f"the packages of this system have no {packages[0]}"


def install(packages: list[str]) -> None:
    """From the system's packages, in one call."""
    print(f"▸ installing from the system's packages: {' '.join(packages)} (a minute or two)", flush=True)
    waiting = ["-qq", "-o", "DPkg::Lock::Timeout=300"]  # venv may come from there at the same time
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", *waiting], env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    wanted = [name for package in packages if (name := package if known(package) else OTHERWISE.get(package))]
    install = ["apt-get", "install", *waiting, "-y", "--no-install-recommends", *wanted]
    done = subprocess.run(install, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if done.returncode:
        print(f"  apt-get install ended with code {done.returncode}", flush=True)


def find() -> str | None:
    """What the tests drive: a path, `playwright` for its own build, or None where there is no browser at all."""
    return installed() or (PLAYWRIGHTS_OWN if from_playwright() else None)


def is_best(found: str | None) -> bool:
    """Whether the tests should drive this one rather than what the system's packages have."""
    return found is not None and (
        bool(os.environ.get("WIDGET_TEST_BROWSER"))
        or Path(found).name in (SHELL, PLAYWRIGHTS_OWN)
        or not (has_apt() and known(SHELL))
    )


def missing_packages() -> list[str]:
    there = ((is_best(find()), CHROMIUM), (firefox(), FIREFOX), (webkit(), WEBKIT))
    return [name for found, packages in there if not found for name in packages]


def ensure() -> str:
    """What the tests drive; Playwright's own build where scripts/servers.py found no browser to install."""
    found = find()
    if found:
        return found
    print("▸ downloading Playwright's chromium (about a minute)", flush=True)
    with_system_libraries = ["--with-deps"] if has_apt() else []
    subprocess.run([sys.executable, "-m", "playwright", "install", *with_system_libraries, "chromium"], check=True)
    return PLAYWRIGHTS_OWN


def reason_without_firefox() -> str:
    return "" if firefox() else reason_to_leave_out(FIREFOX)


def reason_without_webkit() -> str:
    return "" if webkit() else reason_to_leave_out(WEBKIT)

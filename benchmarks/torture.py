"""How many of the torture pages each embeddable form survives, and what each fails.

    python -m benchmarks.torture [--engine chromium|firefox|webkit] [--subject NAME …] [PAGE …]

tests/support/torture/ says what surviving is. Isso and Sentry's form are there after `make hosts isso`.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.services import service
from tests.support.browser import launch
from tests.support.pages import WatchedPages, examples
from tests.support.torture.hazards import ENGINES, Chromium, Driver, Hazard, survives
from tests.support.torture.remote import remote
from tests.support.torture.rivals import isso, sentry
from tests.support.torture.subjects import ISSO, SENTRY, SUBJECTS


@contextlib.contextmanager
def served(subject: str, pages: WatchedPages) -> Iterator[dict[str, str]]:
    """What the placeholders of the pages stand for while the subject's server runs."""
    with contextlib.ExitStack() as ending:
        if subject == ISSO.name:
            folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="widget-bench-")))
            yield {"W": ending.enter_context(isso(folder, pages.url))}
        elif subject == SENTRY.name:
            yield {"W": ending.enter_context(sentry())}
        else:
            running = ending.enter_context(service(0, "--origin", pages.url))
            yield {"W": f"http://127.0.0.1:{running.port}", "KEY": running.key, "KEY2": running.key}


@contextlib.contextmanager
def started(engine: str) -> Iterator[Callable[[Hazard], Driver]]:
    """`driver(hazard)`: a page of the browser."""
    if engine != "chromium":
        with remote(engine) as driver:
            yield lambda _: driver
    else:
        with sync_playwright() as playwright, launch(playwright) as browser:
            yield lambda hazard: Chromium(browser, hazard.context)


def measure(engine: str, subject: str, names: list[str]) -> dict[str, str]:
    """Name of a page that the engine can make → why the subject does not survive it; empty: it does."""
    values: dict[str, str] = {}
    pages = WatchedPages(values)
    reasons = {}
    with contextlib.closing(pages), served(subject, pages) as filled, started(engine) as driver_for:
        values |= filled
        for name in names:
            hazard = Hazard.read(name)
            if engine in hazard.engines:
                driver = driver_for(hazard)
                reasons[name] = survives(driver, SUBJECTS[subject], hazard, pages, values)
                driver.close()
    return reasons


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, default="chromium")
    parser.add_argument("--subject", choices=SUBJECTS, action="append")
    parser.add_argument("pages", nargs="*", default=examples.hazards())
    given = parser.parse_args()
    for subject in given.subject or SUBJECTS:
        reasons = measure(given.engine, subject, given.pages)
        failed = {name: reason for name, reason in reasons.items() if reason}
        print(f"{subject}: {len(reasons) - len(failed)} of {len(reasons)}")
        for name, reason in failed.items():
            print(f"  {name}: {reason.splitlines()[0]}")


if __name__ == "__main__":
    main()

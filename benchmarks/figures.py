"""`python -m benchmarks.figures [--postgres]`: what counting reports for statistics adds to a decision.

An agent accepts reports and answers them, in one process and without HTTP, by turns with the counting and without it.
The bound is 15 % of the time of a decision.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from benchmarks.__main__ import machine, postgres
from benchmarks.table import Line, show
from tests.factories import AGENT, make_site, submit_report
from widget_api.database import Database
from widget_api.ops.schema import migrate
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.problems.projections import figures
from widget_api.sites.model import Site

ROUNDS = 400  # reports
MOST = 15.0  # percent
STEPS = (Change(to="accepted"), Change(to="in_progress"), Change(to="resolved", text="Починили"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL too")
    options = parser.parse_args()
    print(f"{machine()}; {ROUNDS} reports, {len(STEPS)} decisions each")
    with tempfile.TemporaryDirectory(prefix="widget-bench-") as folder:
        show("SQLite", [asyncio.run(measure(f"sqlite:///{Path(folder, 'widget.db')}"))])
    if options.postgres:
        with postgres() as url:
            show("PostgreSQL", [asyncio.run(measure(url))])


async def measure(url: str) -> Line:
    await migrate(url)
    database = Database(url)
    await database.connect()
    try:
        site = await make_site(database)
        times: dict[bool, list[float]] = {True: [], False: []}
        for at in range(ROUNDS):
            counted = at % 2 == 0
            with contextlib.nullcontext() if counted else without_counting():
                times[counted].append(await decide(database, site))
        with_it, without = statistics.median(times[True]), statistics.median(times[False])
    finally:
        await database.disconnect()
    more = 100 * (with_it / without - 1)
    remark = f"{1000 * without / len(STEPS):.2f} → {1000 * with_it / len(STEPS):.2f} ms a decision"
    return Line(name="counting adds", value=more, unit="%", most=MOST, remark=remark)


async def decide(database: Database, site: Site) -> float:
    """Seconds for all decisions about a new report."""
    receipt = await submit_report(database, site)
    begun = time.perf_counter()
    for step in STEPS:
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, step)
    return time.perf_counter() - begun


@contextlib.contextmanager
def without_counting() -> Iterator[None]:
    async def nothing(*_: object) -> None:
        pass

    def empty(*_: object) -> tuple[()]:  # a mock would cost more than what it replaces
        return ()

    with mock.patch.object(figures, "count", nothing), mock.patch.object(figures, "list_figures", empty):
        yield


if __name__ == "__main__":
    main()

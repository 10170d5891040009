"""`python -m benchmarks [--quick] [--postgres]`: measure, print the table, end with 0 whatever it says.

What depends on how many problems there are is measured by `python -m benchmarks.reads`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import city, photos, places, throughput
from benchmarks.load import generator
from benchmarks.services import Service, service
from benchmarks.table import Line, show

MEGABYTE = 1_000_000
IN_SERVICE = """
fsync = on
full_page_writes = on
shared_buffers = 512MB
max_wal_size = 4GB
"""


def main() -> None:
    options = _options()
    print(f"{machine()}; {options.rounds} rounds of {options.seconds:g} s, medians and quartiles of ratios")
    with generator() as load:
        with service(10_000) as running:
            lines = throughput.measure(load, running, rounds=options.rounds, seconds=options.seconds)
            show("SQLite, 10,000 problems, one process", lines + footprint(running))
        if options.postgres:
            with postgres() as url, service(10_000, database_url=url) as running:
                lines = throughput.measure(load, running, rounds=options.rounds, seconds=options.seconds)
                show("PostgreSQL, 10,000 problems, one process", lines + footprint(running))
        if not options.quick:
            show("SQLite, places", places.measure(load, rounds=options.rounds, seconds=options.seconds))
            show("the city in a browser, 10,000 problems", city.measure())
            with tempfile.TemporaryDirectory() as folder:
                show("photos", photos.measure(options.rounds, Path(folder)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="the same on PostgreSQL")
    parser.add_argument("--quick", action="store_true", help="throughput only")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    return parser.parse_args()


def footprint(running: Service) -> list[Line]:
    """What a process takes, told last: `greatest so far`."""
    return [
        Line(name="memory, greatest so far", value=running.memory() / MEGABYTE, unit="MB", most=140),
        Line(name="start, to the first answer", value=running.started_in, unit="s"),
    ]


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A server of its own that waits for the disk, and has memory, like any in service: the tests' one does not."""
    from tests.support.postgres import PostgreSQL

    server = PostgreSQL(IN_SERVICE)
    try:
        yield server.database()
    finally:
        server.stop()


def machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


if __name__ == "__main__":
    main()

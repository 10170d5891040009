"""`python -m benchmarks.addresses [--postgres]`: what addresses cost in a town of 200,000 houses.

Typed addresses are those of the tests, written before the search. The ceiling is one read of the houses of a street by
the primary key, which every search of a house does at least once.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.__main__ import machine, postgres
from benchmarks.table import Line, show
from tests.factories import make_site
from tests.support import addresses as invented
from widget_api import journal
from widget_api.addresses import search, service, store
from widget_api.addresses.files import Place
from widget_api.database import Database, Transaction
from widget_api.ops.schema import migrate

_TYPED = Path(__file__).parent.parent / "tests/support/addresses_typed_badly.csv"
_PARTS = ("", "Старая", "Новая", "Верхняя", "Нижняя", "Дальняя", "Ближняя", "Красная", "Белая", "Тихая")
_BUDGET = 30  # milliseconds
_ROUNDS = 5
Wanted = TypeVar("Wanted")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.addresses", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL too")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        show("SQLite, addresses", asyncio.run(measure(f"sqlite:///{folder}/widget.db")))
    if options.postgres:
        with postgres() as url:
            show("PostgreSQL, addresses", asyncio.run(measure(url)))


async def measure(url: str) -> list[Line]:
    await migrate(url)
    database = Database(url, readers=1)
    await database.connect()
    try:
        site_id = (await make_site(database)).id
        places = _invent()
        spans = _Spans(database)
        began = time.perf_counter()
        streets, _ = await service.load(database, site_id, places, journal.COMMAND_LINE)
        took = time.perf_counter() - began
        chance = random.Random(1)
        with _TYPED.open() as lines:
            typed = [row["typed"] for row in csv.DictReader(lines)] * _ROUNDS
        points = chance.choices(places, k=len(typed))
        numbers = [(chance.randrange(streets), chance.randrange(1, 60)) for _ in typed]
        await search.find(database, site_id, typed[0])
        plain = await _time(numbers, lambda one: store.find_houses(database, site_id, *one))
        found = await _time(typed, lambda text: search.find(database, site_id, text))
        near = await _time(points, lambda place: search.find_near(database, site_id, place.lat, place.lng))
    finally:
        await database.disconnect()
    return [
        Line(name=f"load {len(places):,} houses", value=took, unit="s"),
        Line(name="the longest transaction of it", value=max(spans.seconds) * 1000, unit="ms"),
        *_lines("typed", found, plain),
        *_lines("nearest to a point", near, plain),
        Line(name="houses of a street, by key", value=statistics.median(took for took, _ in plain), unit="ms"),
    ]


class _Spans:
    """How long each transaction of the database takes."""

    def __init__(self, database: Database) -> None:
        self.seconds = list[float]()
        write = database.write

        async def timed(work: Callable[[Transaction], Awaitable[Any]], *sites: str) -> Any:
            began = time.perf_counter()
            result = await write(work, *sites)
            self.seconds.append(time.perf_counter() - began)
            return result

        database.write = timed  # type: ignore[method-assign]


def _invent() -> list[Place]:
    """The town of the tests ten times, beside itself and under other names."""
    return [
        Place(f"{street} {part}".strip(), house, lat + 0.2 * row, lng)
        for row, part in enumerate(_PARTS)
        for street, house, lat, lng in invented.houses()
    ]


async def _time(wanted: Iterable[Wanted], read: Callable[[Wanted], Awaitable[object]]) -> list[tuple[float, float]]:
    """Milliseconds of each read: on the clock, and of this process's processor, which a busy machine affects less."""
    found = []
    for one in wanted:
        began = time.perf_counter(), time.process_time()
        await read(one)
        found.append(((time.perf_counter() - began[0]) * 1000, (time.process_time() - began[1]) * 1000))
    return found


def _lines(name: str, found: Sequence[tuple[float, float]], plain: Sequence[tuple[float, float]]) -> list[Line]:
    (took, worked), (least, _) = zip(*found, strict=True), zip(*plain, strict=True)
    return [
        Line(name=f"{name}, median", value=statistics.median(took), unit="ms", most=_BUDGET),
        Line(name=f"{name}, highest", value=max(took), unit="ms", most=_BUDGET),
        Line(name=f"{name}, processor, median", value=statistics.median(worked), unit="ms", most=_BUDGET),
        Line(name=f"{name}, processor, highest", value=max(worked), unit="ms", most=_BUDGET),
        Line(name=f"{name}, against the read by key", value=statistics.median(took) / statistics.median(least)),
    ]


if __name__ == "__main__":
    main()

"""`python -m benchmarks.reads [--small] [--no-postgres] [--kept FOLDER]`:
every read of the city, at 10,000 to 1,000,000 problems.

Sites of all sizes are asked in turn, and a bare ASGI application with them, so that noise meets all alike. No question
is asked twice: cursors and boxes differ from one to the next, and no answer is found ready.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks import throughput
from benchmarks.__main__ import footprint, machine, postgres
from benchmarks.growth import job, line
from benchmarks.load import Generator, Job, generator, get
from benchmarks.services import Bare, Service, baseline, service
from benchmarks.table import Line, of_ratios, show
from benchmarks.throughput import report
from widget_api.browse.listing import Filters

SIZES = (10_000, 100_000, 1_000_000)
TOWN = "38.5,54.9,39.1,55.3"  # where made-up problems lie
WRITES = 200  # reports a second


@dataclass(frozen=True)
class Read:
    """A question: the filter its cursor is of, and its query; `most` times as long where there is 100 times as much."""

    filters: Filters
    query: str
    most: float | None = None


LISTS = {
    "list": Read(Filters(), "", 1.5),
    "list by support": Read(Filters(sort="support"), "sort=support"),
    "status and category": Read(
        Filters(statuses=("resolved",), categories=("roads",)), "status=resolved&category=roads", 2.5
    ),
    "status and category by change": Read(
        Filters(statuses=("resolved",), categories=("roads",), sort="updated"),
        "status=resolved&category=roads&sort=updated",
        2.5,
    ),
    "overdue": Read(Filters(overdue=True), "overdue=true"),
    "search, frequent word": Read(Filters(words="дом"), "q=дом"),
    "search, two words": Read(Filters(words="фонарь двор"), "q=фонарь двор"),
    "search, no match": Read(Filters(words="абракадабра"), "q=абракадабра"),
    "search and status and category": Read(
        Filters(words="яма", statuses=("accepted",), categories=("roads",)), "q=яма&status=accepted&category=roads"
    ),
}
# A box 1 km and 10 km wide, anywhere: {r} is never the same.
BOXES = {
    "box of a quarter": ("/problems?bbox=38.7{r},55.00,38.815,55.01", None),
    "box of half the town": ("/problems?bbox=38.5{r},55.00,38.9,55.2", None),
    "clusters, zoom 8": (f"/clusters?zoom=8&bbox=38.4{{r}},{TOWN.split(',', 1)[1]}", 1.3),
    "clusters, zoom 11": ("/clusters?zoom=11&bbox=38.6{r},54.95,39.0,55.15", 1.3),
    "clusters, zoom 14": ("/clusters?zoom=14&bbox=38.70{r},55.02,38.78,55.06", 1.3),
    "clusters by status, zoom 11": ("/clusters?zoom=11&bbox=38.6{r},54.95,39.0,55.15&status=working", 1.3),
    "clusters, zoom 16": ("/clusters?zoom=16&bbox=38.750{r},55.030,38.770,55.040", None),
    "clusters of a search": ("/clusters?zoom=11&bbox=38.6{r},54.95,39.0,55.15&q=двор", None),
}


def main() -> None:
    options = _options()
    sizes = SIZES[:2] if options.small else SIZES
    print(f"{machine()}; {options.rounds} rounds of {options.seconds:g} s, medians and quartiles of ratios")
    with generator() as load:
        show("SQLite, reads", measure(load, sizes, rounds=options.rounds, seconds=options.seconds, kept=options.kept))
        if not options.no_postgres:
            with contextlib.ExitStack() as stack:
                urls = {size: stack.enter_context(postgres()) for size in sizes}
                lines = measure(load, sizes, rounds=options.rounds, seconds=options.seconds, urls=urls)
                show("PostgreSQL, reads", lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reads", description=__doc__)
    parser.add_argument("--small", action="store_true", help="to 100,000 problems only: a tenth of the time")
    parser.add_argument("--no-postgres", action="store_true", help="SQLite only")
    parser.add_argument("--kept", type=Path, help="where SQLite's databases stay for the next time")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    return parser.parse_args()


def measure(
    load: Generator,
    sizes: tuple[int, ...],
    *,
    rounds: int,
    seconds: float,
    urls: dict[int, str] | None = None,
    kept: Path | None = None,
) -> list[Line]:
    with contextlib.ExitStack() as stack:
        begun = time.perf_counter()
        running = {
            size: stack.enter_context(
                service(size, database_url=(urls or {}).get(size), kept=kept / str(size) if kept else None)
            )
            for size in sizes
        }
        filled = Line(name="filling all of them in", value=time.perf_counter() - begun, unit="s")
        bare = stack.enter_context(baseline(running[sizes[0]].fetch(running[sizes[0]].problems)[0]))
        lines = [filled]
        for name, jobs, most in _questions(running):
            lines += _one(load, name, jobs, bare, most, rounds, seconds)
        largest = running[sizes[-1]]
        lines += _while_writing(load, largest, rounds, seconds)
        return lines + throughput.measure(load, largest, rounds=rounds, seconds=seconds) + footprint(largest)


def _questions(running: dict[int, Service]) -> Iterator[tuple[str, dict[int, Job], float | None]]:
    for name, read in LISTS.items():
        yield (
            name,
            {
                size: job(one, read.filters, _quoted(read.query) + "&" * bool(read.query))
                for size, one in running.items()
            },
            read.most,
        )
    for name, (path, most) in BOXES.items():
        yield (
            name,
            {
                size: Job(port=one.port, request=get(f"/api/v1/sites/{one.key}{_quoted(path)}"), connections=1)
                for size, one in running.items()
            },
            most,
        )


def _quoted(query: str) -> str:
    """Letters that are not ASCII and blanks, as a browser sends them; braces stay."""
    return "".join(one if one.isascii() and one != " " else "".join(f"%{b:02X}" for b in one.encode()) for one in query)


def _one(
    load: Generator, name: str, jobs: dict[int, Job], bare: Bare, most: float | None, rounds: int, seconds: float
) -> list[Line]:
    found = defaultdict[int, list[float]](list)
    hello = list[float]()
    sizes = tuple(jobs)
    for one in jobs.values():
        load.run(replace(one, seconds=seconds / 3))
    for index in range(rounds):
        hello.append(load.run(Job(port=bare.port, request=get("/hello"), connections=1, seconds=seconds / 3)).latency)
        for size in sizes if index % 2 == 0 else reversed(sizes):
            result = load.run(replace(jobs[size], seconds=seconds))
            found[size].append(result.latency if set(result.statuses) == {200} else float("inf"))
    small, large = sizes[0], sizes[-1]
    ratios = [theirs / ours for theirs, ours in zip(hello, found[large], strict=True)]
    remark = f"{median(found[large]):,.0f} µs against {median(hello):,.0f} µs"
    return [
        line(name, most or float("inf"), small, large, found[small], found[large])
        if most
        else replace(line(name, 0, small, large, found[small], found[large]), most=None),
        of_ratios(f"  of {large:,}, against hello", ratios, remark=remark),
    ]


def _while_writing(load: Generator, one: Service, rounds: int, seconds: float) -> list[Line]:
    """Pages of the list, quiet and while somebody posts so many reports a second."""
    question = job(one, Filters(), "")
    quiet = [load.run(replace(question, seconds=seconds)) for _ in range(rounds)]
    with generator() as writer, ThreadPoolExecutor(1) as beside:
        written = beside.submit(_post, writer, one, rounds * seconds * 1.2)
        busy = [load.run(replace(question, seconds=seconds)) for _ in range(rounds)]
        rate = written.result()
    return [
        Line(
            name=f"list {name} while {rate:,.0f} reports/s come in",
            value=value,
            unit="µs",
            remark=f"{before:,.0f} without",
        )
        for name, value, before in (
            ("p50", median(r.latency for r in busy), median(r.latency for r in quiet)),
            ("p99", median(r.late for r in busy), median(r.late for r in quiet)),
        )
    ]


def _post(writer: Generator, one: Service, seconds: float) -> float:
    """In small portions, each at its time. Returns how many a second were stored."""
    begun, stored, portion = time.perf_counter(), 0, WRITES // 20
    request = report(one.problems, one)
    while (elapsed := time.perf_counter() - begun) < seconds:
        behind = stored / WRITES - elapsed
        if behind > 0:
            time.sleep(behind)
        result = writer.run(Job(port=one.port, request=request, connections=portion, seconds=5, most=portion))
        stored += result.statuses.get(201, 0)
    return stored / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()

"""Whether the list takes longer where there is more: the same requests, one at a time, to sites of different sizes."""

from __future__ import annotations

import contextlib
import statistics
from collections import defaultdict
from dataclasses import replace

from benchmarks.load import Generator, Job, get
from benchmarks.services import Service, service
from benchmarks.table import Line, of_ratios
from widget_api.problems.listing import Filters

QUERIES = {
    "list": (Filters(), "", 1.5),
    "list by status and category": (
        Filters(statuses=("resolved",), categories=("roads",)),
        "status=resolved&category=roads&",
        2.5,
    ),
}


def measure(load: Generator, sizes: tuple[int, ...], *, rounds: int, seconds: float) -> list[Line]:
    """Against the smallest size."""
    with contextlib.ExitStack() as stack:
        services = {size: stack.enter_context(service(size)) for size in sizes}
        latencies: dict[tuple[str, int], list[float]] = defaultdict(list)
        for name, (filters, query, _) in QUERIES.items():
            for size in sizes:
                load.run(replace(job(services[size], filters, query), seconds=seconds / 3))
            for index in range(rounds):
                for size in sizes if index % 2 == 0 else reversed(sizes):
                    result = load.run(replace(job(services[size], filters, query), seconds=seconds))
                    latencies[name, size].append(result.latency if set(result.statuses) == {200} else float("inf"))
    return [
        line(name, most, sizes[0], size, latencies[name, sizes[0]], latencies[name, size])
        for name, (_, _, most) in QUERIES.items()
        for size in sizes[1:]
    ]


def job(one: Service, filters: Filters, query: str, connections: int = 1) -> Job:
    """Pages from anywhere in the list, so that none is asked for twice."""
    request = get(f"{one.problems}?{query}cursor={{cursor}}")
    return Job(port=one.port, request=request, connections=connections, fingerprint=filters.fingerprint(one.site))


def line(name: str, most: float, small: int, size: int, base: list[float], grown: list[float]) -> Line:
    ratios = [ours / theirs for ours, theirs in zip(grown, base, strict=True)]
    remark = f"{statistics.median(grown):,.0f} µs against {statistics.median(base):,.0f} µs"
    return of_ratios(f"{name}, {small:,} → {size:,} rows", ratios, most=most, remark=remark)

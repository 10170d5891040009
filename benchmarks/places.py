"""What the map costs: problems near by as a site grows, tiles, and a long border on the way of a report."""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from benchmarks.growth import line
from benchmarks.load import Generator, Job, get
from benchmarks.services import Service, baseline, service
from benchmarks.table import Line
from benchmarks.throughput import asked, interleaved, lines, report
from widget_api.demo import map_tiles, town
from widget_api.tiles.model import tile_at

SIZES = (10_000, 300_000)
_BORDER_POINTS = 20_000
_WHERE = "lat=55.1&lng=38.8&category=roads"


def measure(load: Generator, *, rounds: int, seconds: float) -> list[Line]:
    """Side by side like everything here."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="widget-bench-")))
        map_tiles.ZOOMS = range(13, 14)
        border = folder / "border.json"
        border.write_text(json.dumps({"type": "Polygon", "coordinates": [_border()]}))
        small, large = (
            stack.enter_context(service(size, tiles=str(map_tiles.ensure_archive(folder)))) for size in SIZES
        )
        bordered = stack.enter_context(service(0, "--area", str(border), tiles=str(map_tiles.ensure_archive(folder))))
        free = stack.enter_context(service(0))
        bare = stack.enter_context(baseline(b"{}"))
        here = tile_at(*town.CENTRE, 13)
        tile = f"/tiles/{here.z}/{here.x}/{here.y}"
        _, tag = bordered.fetch(tile)
        reads = {
            "hello": asked(bare, get("/hello")),
            "similar": asked(large, get(f"{_similar(large)}&v={{n}}")),
            "tile": asked(bordered, get(tile)),
            "tile 304": asked(bordered, get(tile, (f"If-None-Match: {tag}",))),
        }
        writes = {
            "free": asked(free, report(free.problems, free), connections=64),
            "bordered": asked(bordered, report(bordered.problems, bordered), connections=64),
        }
        read = interleaved(load, reads, rounds, seconds)
        written = interleaved(load, writes, rounds, seconds)
        grown = _latencies(load, {SIZES[0]: small, SIZES[1]: large}, rounds, seconds)
    return [
        line("similar", 2.5, *SIZES, grown[SIZES[0]], grown[SIZES[1]]),
        *lines(f"similar of {SIZES[1]:,} rows, against hello", read["similar"], read["hello"], 0.05, 200),
        *lines("tile from memory, against hello", read["tile"], read["hello"], 0.2, 200),
        *lines("tile, 304, against hello", read["tile 304"], read["hello"], 0.2, 304),
        *lines(
            f"POST with a border of {_BORDER_POINTS:,} points, against none",
            written["bordered"],
            written["free"],
            0.9,
            201,
        ),
    ]


def _similar(one: Service) -> str:
    return f"/api/v1/sites/{one.key}/similar?{_WHERE}"


def _border() -> list[list[float]]:
    """A jagged circle around the point that reports are about."""
    ring = []
    for step in range(_BORDER_POINTS):
        angle, radius = step / _BORDER_POINTS * 2 * math.pi, 0.2 + 0.01 * (step % 2)
        ring.append([round(38.8 + radius * math.cos(angle), 7), round(55.1 + radius * math.sin(angle), 7)])
    return [*ring, ring[0]]


def _latencies(load: Generator, services: dict[int, Service], rounds: int, seconds: float) -> dict[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    jobs = {
        size: Job(port=one.port, request=get(f"{_similar(one)}&v={{n}}"), connections=1)
        for size, one in services.items()
    }
    for job in jobs.values():
        load.run(replace(job, seconds=seconds / 3))
    for index in range(rounds):
        for size in list(jobs) if index % 2 == 0 else list(reversed(jobs)):
            result = load.run(replace(jobs[size], seconds=seconds))
            found[size].append(result.latency if set(result.statuses) == {200} else float("inf"))
    return found

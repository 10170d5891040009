"""`python -m benchmarks.collections [--postgres] [--kept FOLDER]`:
lists and maps of a collection, beside those of the city.

One site has 100,000 problems, a collection of 10,000 entries and one of 100,000, all in the same tables. Each question
is asked of all three in turn, so that noise meets all alike. The budgets are those of problems (lists 1.5 ×, clusters
1.3 × from the small to the large), and entries may take half as long again as problems.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.__main__ import machine, postgres
from benchmarks.growth import job, line
from benchmarks.load import Generator, Job, generator, get
from benchmarks.reads import TOWN
from benchmarks.services import Service, command, service
from benchmarks.table import Line, of_ratios, show
from widget_api.browse.listing import Filters

PROBLEMS, SMALL, LARGE = 100_000, 10_000, 100_000
PRESET, CATEGORY = "budgeting", "yards"  # each category of the preset has a sixth of the entries
MOST_OF_PROBLEMS = 1.5  # of the time that the same question takes of as many problems
LISTS = {
    "list": (Filters(), "", 1.5),
    "status and category": (
        Filters(statuses=("resolved",), categories=(CATEGORY,)),
        f"status=resolved&category={CATEGORY}&",
        2.5,
    ),
    "search, one word": (Filters(words="двор"), "q=%D0%B4%D0%B2%D0%BE%D1%80&", None),
}
MAPS = {
    "clusters, zoom 8": (f"zoom=8&bbox=38.4{{r}},{TOWN.split(',', 1)[1]}", 1.3),
    "clusters, zoom 11": ("zoom=11&bbox=38.6{r},54.95,39.0,55.15", 1.3),
    "clusters, zoom 14": ("zoom=14&bbox=38.70{r},55.02,38.78,55.06", 1.3),
}


@dataclass(frozen=True, kw_only=True)
class Listed(Service):
    """A list of the running service: `path` is that of its items in the API, `map_path` of its map, `site` its id."""

    path: str
    map_path: str

    @property
    def problems(self) -> str:
        return self.path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collections", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="the same on PostgreSQL")
    parser.add_argument("--kept", type=Path, help="where SQLite's database stays for the next time")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; {options.rounds} rounds, medians and quartiles of ratios")
    with generator() as load:
        show("SQLite, a collection", measure(load, options.rounds, options.seconds, kept=options.kept))
        if options.postgres:
            with postgres() as url:
                show("PostgreSQL, a collection", measure(load, options.rounds, options.seconds, database_url=url))


def measure(
    load: Generator, rounds: int, seconds: float, *, database_url: str | None = None, kept: Path | None = None
) -> list[Line]:
    with service(PROBLEMS, database_url=database_url, kept=kept) as running:
        city = _listed(running, running.site, "problems", "clusters")
        small, large = (_collection(running, slug, many) for slug, many in (("small", SMALL), ("large", LARGE)))
        lines = list[Line]()
        for name, filters, query, most in _questions():
            jobs = [_ask(at, filters, query) for at in (small, large, city)]
            lines += _compare(load, name, jobs, most, rounds, seconds)
        return lines


def _collection(running: Service, slug: str, many: int) -> Listed:
    """The collection with so many entries, which is made at the first time."""
    folder = running.settings["WIDGET_DATA"]
    listed = command(running.settings, folder, "collection", "list", "--site", running.site)
    known = {one["slug"]: one["collection"] for one in listed}
    if slug not in known:
        named = ("--site", running.site, "--preset", PRESET, "--slug", slug)
        known[slug] = command(running.settings, folder, "collection", "add", *named)["collection"]
        command(running.settings, folder, "load-demo", "--problems", str(many), "--site", known[slug])
    own = f"collections/{slug}"
    return _listed(running, known[slug], f"{own}/entries", f"{own}/clusters")


def _listed(running: Service, site: str, items: str, clusters: str) -> Listed:
    root = f"/api/v1/sites/{running.key}"
    return Listed(**(vars(running) | {"site": site}), path=f"{root}/{items}", map_path=f"{root}/{clusters}")


def _questions() -> Iterator[tuple[str, Filters | None, str, float | None]]:
    for name, (filters, query, most) in LISTS.items():
        yield name, filters, query, most
    for name, (query, most) in MAPS.items():
        yield name, None, query, most


def _ask(at: Listed, filters: Filters | None, query: str) -> Job:
    if filters is None:
        return Job(port=at.port, request=get(f"{at.map_path}?{query}"), connections=1)
    return job(at, filters, query)


def _compare(
    load: Generator, name: str, jobs: list[Job], most: float | None, rounds: int, seconds: float
) -> list[Line]:
    found = defaultdict[int, list[float]](list)
    for one in jobs:
        load.run(replace(one, seconds=seconds / 3))
    for index in range(rounds):
        for place in range(3) if index % 2 == 0 else reversed(range(3)):
            result = load.run(replace(jobs[place], seconds=seconds))
            found[place].append(result.latency if set(result.statuses) == {200} else float("inf"))
    small, large, city = (found[place] for place in range(3))
    grown = line(name, most or 0, SMALL, LARGE, small, large)
    ratios = [ours / theirs for ours, theirs in zip(large, city, strict=True)]
    remark = f"{median(large):,.0f} µs against {median(city):,.0f} µs"
    return [
        grown if most else replace(grown, most=None),
        of_ratios(f"  of {LARGE:,}, against as many problems", ratios, most=MOST_OF_PROBLEMS, remark=remark),
    ]


if __name__ == "__main__":
    main()

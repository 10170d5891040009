"""Record the statements that each test runs on PostgreSQL, and name the cases that repeat what others run there.

Of a statement are noted its text, the type of each parameter (NULL fits any), and its outcome: run, with rows (found or
changed) or without, or the error. A run with rows counts as one without, too: what an empty result leaves out is the
reading of its values. PostgreSQL derives the types of the result from the text.
tests/sqlite_only.txt names the cases of which everything is run on PostgreSQL by a case that is not named; `make test`
runs those on SQLite alone. Never named are cases whose subject is the database itself (CONCERNED), whatever writes
beside other writes (CONCURRENT), and cases that run statements in another process, where nothing is recorded.

    make sqlite-only                                     # runs all cases on PostgreSQL and writes the list
    python -m tests.support.statements RECORDED --check  # whether the list holds (make test-full)
"""

import inspect
import json
import re
import sys
import time
import zlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.selection import SQLITE_ONLY, dialect_of, read_names

HEADING = """\
# Cases that `make test` runs on SQLite alone: all their statements are run on PostgreSQL by other cases.
# Made by `make sqlite-only`; see docs/decisions/0077-postgresql-by-statements.md.
"""
CONCERNED = re.compile(
    r"tests/faults/|tests/unit/database/|(bad_input|hostile|query_plans|upgrade|backup|connections|batches|schema|migration)"
)
CONCURRENT = re.compile(r"\b(gather|TaskGroup|Barrier|create_task|terminate|cut)\b")
FIXED = 0.2  # seconds that any case costs beside its own processor time: the server's, its database
PROCESSES = {"serve", "module_serve", "widget_service", "found_town"}
WITH_ROWS, WITHOUT_ROWS = "rows", "no rows"
NAMES = re.compile(r"[0-9a-f]{8,}")
LISTS = re.compile(r"(\(?\$\d+\)?)(, ?\(?\$\d+\)?)+")


class Recorder:
    """Notes the statements of the test that is running, as numbers."""

    def __init__(self, directory: Path, worker: str) -> None:
        self._file = directory / f"{worker}.json"
        self._cases: dict[str, dict[str, Any]] = {}
        self._running: set[int] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._running = set()
        begun = time.process_time()
        result = yield
        if dialect_of(item) == "postgresql":
            self._cases[item.nodeid] = {
                "must": concerns_the_database(item),
                "seconds": time.process_time() - begun,
                "statements": sorted(self._running),
            }
        return result

    def pytest_sessionfinish(self) -> None:
        if self._cases:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(self._cases))

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        def watch(method: str) -> None:
            former = getattr(asyncpg.Connection, method)

            async def run(connection: Any, query: str, *given: Any, **options: Any) -> Any:
                try:
                    result = await former(connection, query, *given, **options)
                except Exception as error:
                    self._note(query, given, type(error).__name__)
                    raise
                self._note(query, given, outcome_of(result))
                return result

            patch.setattr(asyncpg.Connection, method, run)

        watch("_execute")
        watch("_executemany")

    def _note(self, query: str, given: tuple[Any, ...], outcome: str) -> None:
        values = given[0] if given else ()
        if values and isinstance(values, list) and isinstance(values[0], tuple):  # of `executemany`
            values = values[0]
        text = LISTS.sub("$…", NAMES.sub("…", query))
        kinds = [type(value).__name__ for value in values]
        if "$…" in text:  # of neighbours of one type there may be any number, as in `IN ($1, $2)`
            kinds = [kind for kind, _ in groupby(kinds)]
        outcomes = {outcome, WITHOUT_ROWS} if outcome == WITH_ROWS else {outcome}
        noted = {
            *((text, one) for one in outcomes),
            *((text, place, kind) for place, kind in enumerate(kinds) if kind != "NoneType"),
        }
        self._running |= {zlib.crc32(repr(one).encode()) for one in noted}


def outcome_of(result: Any) -> str:
    if isinstance(result, tuple):  # rows, the status, whether there are more
        result = result[0] or result[1].decode()
    has_rows = not result.endswith(" 0") if isinstance(result, str) else bool(result)
    return WITH_ROWS if has_rows else WITHOUT_ROWS


def concerns_the_database(item: pytest.Item) -> bool:
    """Whether a case runs on PostgreSQL whatever others run there."""
    assert isinstance(item, pytest.Function)
    return bool(
        CONCERNED.search(item.nodeid)
        or PROCESSES.intersection(item.fixturenames)
        or CONCURRENT.search(inspect.getsource(item.function))
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.option.statements is not None:
        worker = getattr(config, "workerinput", {}).get("workerid", "main")
        recorder = Recorder(config.option.statements, worker)
        patch = pytest.MonkeyPatch()
        recorder.watch(patch)
        config.add_cleanup(patch.undo)
        config.pluginmanager.register(recorder)


def choose(cases: dict[str, dict[str, Any]]) -> list[str]:
    """The cases that can be left out: what is left is a small set that runs every statement."""
    kept = {name for name, case in cases.items() if case["must"]}
    missing = {one for case in cases.values() for one in case["statements"]}
    missing -= {one for name in kept for one in cases[name]["statements"]}
    while missing:
        name, new = max(
            ((name, missing.intersection(case["statements"])) for name, case in cases.items() if name not in kept),
            key=lambda pair: (len(pair[1]) / (FIXED + cases[pair[0]]["seconds"]), pair[0]),
        )
        kept.add(name)
        missing -= new
    return sorted(cases.keys() - kept)


def main() -> None:
    recorded, *options = sys.argv[1:]
    cases: dict[str, dict[str, Any]] = {}
    for file in Path(recorded).glob("*.json"):
        cases |= json.loads(file.read_text())
    listed = Path(SQLITE_ONLY)
    if "--check" not in options:
        names = choose(cases)
        listed.write_text(HEADING + "".join(f"{name}\n" for name in names))
        print(f"{listed.name}: {len(names)} of {len(cases)} cases on PostgreSQL")
        return
    named = read_names(listed)
    run = {one for name, case in cases.items() if name not in named for one in case["statements"]}

    def holds(name: str) -> bool:
        return name in cases and not cases[name]["must"] and run.issuperset(cases[name]["statements"])

    wrong = [name for name in named if not holds(name)]
    if wrong:
        sys.exit("\n  ".join([f"{listed.name} must not name these (make sqlite-only):", *wrong]))


if __name__ == "__main__":
    main()

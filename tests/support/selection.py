"""Choose which tests a run holds and in which order, and give it the seed of all that it leaves to chance.

`make test` leaves out what is marked `full`, and the cases on PostgreSQL that tests/sqlite_only.txt names because other
tests run the same statements there (tests/support/statements.py). `make test-full` runs everything.
"""

import os
import random
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

SQLITE_ONLY = "tests/sqlite_only.txt"
QUARANTINE = "tests/quarantine.txt"
MOST_QUARANTINED = 3
T = TypeVar("T")


def is_full() -> bool:
    """Whether everything runs, with the full counts of the fault tests."""
    return os.environ.get("WIDGET_TEST_FAULTS") == "full"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("selection")
    group.addoption("--seed", type=int, help="repeat the random choices of another run; its header shows its seed")
    group.addoption("--shuffle", action="store_true", help="run the modules in a random order")
    group.addoption("--sqlite", action="store_true", help="leave out every case on PostgreSQL")
    group.addoption("--statements", type=Path, help="record the statements of every case on PostgreSQL here")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.option.seed = config.workerinput["seed"]
    elif config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(2**32)
    if getattr(config.option, "hypothesis_seed", 0) is None:
        config.option.hypothesis_seed = config.option.seed


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give the seed to a process of the run: of the options it has only those that were typed."""
    node.workerinput["seed"] = node.config.option.seed


def pytest_report_header(config: pytest.Config) -> list[str]:
    cases = 0 if is_full() else len(read_names(config.rootpath / SQLITE_ONLY))
    return [
        f"seed: {config.option.seed} (--seed {config.option.seed} repeats its random choices)",
        f"left to make test-full: {cases} cases on PostgreSQL and what is marked `full`" if cases else "all cases",
    ]


def read_names(file: Path) -> dict[str, str]:
    """Names of tests, one a line, and what is said of each behind ` # `. Other lines are comments or empty."""
    lines = file.read_text().splitlines() if file.exists() else []
    entries = [line.partition(" # ") for line in lines if line and not line.startswith("#")]
    return {name.strip(): remark.strip() for name, _, remark in entries}


def dialect_of(item: pytest.Item) -> str | None:
    case = getattr(item, "callspec", None)
    return case.params.get("dialect") if case else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    quarantine_unreliable(config, items)
    sqlite_only = {} if is_full() or config.option.statements else read_names(config.rootpath / SQLITE_ONLY)

    def is_left_out(item: pytest.Item) -> bool:
        if not is_full() and item.get_closest_marker("full"):
            return True
        return dialect_of(item) == "postgresql" and (config.option.sqlite or item.nodeid in sqlite_only)

    left_out = [item for item in items if is_left_out(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not is_left_out(item)]
    if config.option.shuffle:
        places: dict[Path, float] = {}
        chance = random.Random(config.option.seed)
        items.sort(key=lambda item: places.setdefault(item.path, chance.random()))
    else:
        long = [item for item in items if item.get_closest_marker("long")]
        short = [item for item in items if not item.get_closest_marker("long")]
        items[:] = deal(long, short, getattr(config, "workerinput", {}).get("workercount", 1))


def deal(long: Sequence[T], short: Sequence[T], parts: int) -> list[T]:
    """All items, with some of the long ones at the beginning of each part, so that none is left for the end.

    Each process of xdist gets a part of equal length and runs it in order; whoever is done takes tests from the end of
    another's.
    """
    size = len(long) + len(short)
    ends = [size * part // parts for part in range(parts + 1)]
    rest = iter(short)
    dealt: list[T] = []
    for part, (start, end) in enumerate(pairwise(ends)):
        first = long[part::parts]
        dealt += [*first, *islice(rest, max(0, end - start - len(first)))]
    return dealt


def quarantine_unreliable(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the tests named in tests/quarantine.txt run and be reported, but not decide about the run."""
    quarantined = read_names(config.rootpath / QUARANTINE)
    if len(quarantined) > MOST_QUARANTINED or not all(quarantined.values()):
        raise pytest.UsageError(f"{QUARANTINE}: at most {MOST_QUARANTINED} tests, each with its cause")
    for item in items:
        if item.nodeid in quarantined:
            item.add_marker(pytest.mark.xfail(reason=quarantined[item.nodeid], strict=False))

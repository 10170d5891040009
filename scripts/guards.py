"""Break guards of the service, one at a time, and see whether the tests that meet them go red.

    python -m scripts.guards plant SEED COUNT TREE [TREE]   # choose guards that all trees have, plant a switch at each
    python -m scripts.guards meet TREE                      # run all tests once: who meets which guard
    python -m scripts.guards break TREE [--of N/M]          # switch each off, run who meets it, say who is red
    python -m scripts.guards compare BEFORE AFTER           # what BEFORE sees and AFTER does not

A guard is an `if` that raises or returns at once. TREE is a copy of the repository with an environment of its own
(.venv, node_modules), which `plant` rewrites: a condition becomes `_guard(number, condition)`, which notes the running
test, and is false where the environment's GUARD is the number. One rewriting serves all breaks, and what a child
process of a test meets is noted too, since pytest names the test in the environment. A guard is the same in two trees
where function, condition and first statement are: so two states of the tests, or of the code, are compared by the same
breaks.

Results are lines of JSON in TREE/guards.jsonl, and `break` goes on where it ended. The nearest tests run first: those
that meet the fewest guards. `compare` breaks in BEFORE only what AFTER does not see. It is no part of `make test`.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

SWITCH = """
import os as _os

_off, _notes, _met = int(_os.environ.get("GUARD", -1)), _os.environ.get("GUARD_NOTES"), set()


def _guard(number, condition):
    if _notes:
        key = (number, _os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0])
        if key not in _met:
            _met.add(key)
            with open(f"{_notes}/{_os.getpid()}", "a") as file:
                file.write(f"{key[0]} {key[1]}\\n")
    return False if number == _off else condition
"""
IMPORT = "from widget_api._guards import _guard\n"
NEAREST, MOST = 15, 200  # tests of the first run for a guard, and of the second
RED = ("FAILED ", "ERROR ")


# --- choose and plant ------------------------------------------------------------------------------------------------


def find_guards(tree: Path) -> dict[str, tuple[Path, ast.expr]]:
    """The guards of widget_api by function, condition and first statement, without those that a function has twice."""
    found: dict[str, list[tuple[Path, ast.expr]]] = defaultdict(list)
    for path in sorted((tree / "widget_api").rglob("*.py")):
        if "migrations" not in path.parts:
            for name, node in _walk(ast.parse(path.read_text()), ""):
                found[f"{name}|{ast.unparse(node.test)}|{ast.unparse(node.body[0])}"].append((path, node.test))
    return {key: places[0] for key, places in found.items() if len(places) == 1}


def _walk(node: ast.AST, name: str) -> Iterator[tuple[str, ast.If]]:
    """The guards within functions, with the names of what they are in."""
    for child in ast.iter_child_nodes(node):
        inner = name
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{name}.{child.name}"
        if name and isinstance(child, ast.If) and isinstance(child.body[0], ast.Raise | ast.Return):
            yield name, child
        yield from _walk(child, inner)


def plant(seed: int, count: int, trees: Sequence[Path]) -> None:
    """Choose guards in turn from each package, and plant a switch at each."""
    guards = [find_guards(tree) for tree in trees]
    packages: dict[str, list[str]] = defaultdict(list)
    for key in sorted(set.intersection(*(set(one) for one in guards))):
        packages[guards[0][key][0].relative_to(trees[0]).parts[1]].append(key)
    generator = random.Random(seed)  # noqa: S311 - no secret
    for keys in packages.values():
        generator.shuffle(keys)
    turns = zip_longest(*(packages[name] for name in sorted(packages)))
    chosen = [key for turn in turns for key in turn if key][:count]
    print(
        f"{sum(map(len, packages.values()))} guards, {len(chosen)} chosen by seed {seed} over {len(packages)} packages"
    )
    for tree, places in zip(trees, guards, strict=True):
        by_file: dict[Path, list[tuple[int, ast.expr]]] = defaultdict(list)
        for number, key in enumerate(chosen):
            path, test = places[key]
            by_file[path].append((number, test))
        for path, tests in by_file.items():
            _rewrite(path, tests)
        (tree / "widget_api" / "_guards.py").write_text(SWITCH)
        named = [[key, str(places[key][0].relative_to(tree))] for key in chosen]
        (tree / "guards.json").write_text(json.dumps(named, ensure_ascii=False, indent=0))


def _rewrite(path: Path, tests: list[tuple[int, ast.expr]]) -> None:
    """Wrap the conditions, the last one first, since columns are counted in bytes of the original line."""
    lines = path.read_bytes().splitlines(keepends=True)
    for number, test in sorted(tests, key=lambda one: (-one[1].lineno, -one[1].col_offset)):
        first, last = test.lineno - 1, (test.end_lineno or test.lineno) - 1
        lines[last] = lines[last][: test.end_col_offset] + b")" + lines[last][test.end_col_offset or 0 :]
        opening = f"_guard({number}, ".encode()
        lines[first] = lines[first][: test.col_offset] + opening + lines[first][test.col_offset :]
    text = b"".join(lines).decode()
    body = ast.parse(text).body
    future = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    docstring = body[:1] if ast.get_docstring(ast.parse(text)) else []
    at = max((node.end_lineno or 0 for node in (*docstring, *future)), default=0)
    rows = text.splitlines(keepends=True)
    path.write_text("".join([*rows[:at], IMPORT, *rows[at:]]))


# --- run -------------------------------------------------------------------------------------------------------------


def run_pytest(tree: Path, arguments: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(tree / ".venv" / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    variables = os.environ | {"PYTHONPATH": str(tree), **environment}
    return subprocess.run(command, cwd=tree, env=variables, capture_output=True, text=True)


def meet(tree: Path) -> None:
    notes = tree / "guards"
    notes.mkdir(exist_ok=True)
    done = run_pytest(tree, ["--numprocesses=4", "--dist=worksteal", "-rfE", "tests"], GUARD_NOTES=str(notes))
    (tree / "meet.log").write_text(done.stdout + done.stderr)
    print(done.stdout[-600:])


def read_met(tree: Path) -> dict[int, list[str]]:
    """The tests that meet each guard, the nearest first, without those that are red anyway."""
    tests: dict[int, set[str]] = defaultdict(set)
    for file in (tree / "guards").iterdir():
        for line in file.read_text().splitlines():
            number, _, test = line.partition(" ")
            if test:
                tests[int(number)].add(test)
    log = (tree / "meet.log").read_text().splitlines()
    red = {line.split(" ", 1)[1].split(" - ")[0] for line in log if line.startswith(RED)}
    many: dict[str, int] = defaultdict(int)
    for found in tests.values():
        for test in found:
            many[test] += 1
    return {number: sorted(found - red, key=lambda test: (many[test], test)) for number, found in tests.items()}


def break_guard(tree: Path, number: int, tests: Sequence[str]) -> str | None:
    """The first line of what goes red when a guard is off; None if nothing does."""
    for part, parallel in ((tests[:NEAREST], "-n0"), (tests[NEAREST : NEAREST + MOST], "-n2")):
        if not part:
            continue
        done = run_pytest(tree, ["-x", parallel, *part], GUARD=str(number))
        if done.returncode == 1:
            return next((line for line in done.stdout.splitlines() if line.startswith(RED)), "?")
        if done.returncode:
            return f"exit {done.returncode}: {(done.stdout + done.stderr)[-300:]}"
    return None


def read_results(tree: Path) -> dict[int, dict[str, Any]]:
    file = tree / "guards.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return {row["number"]: row for row in rows}


def break_all(tree: Path, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Break those guards that were not broken before. Returns the results of all."""
    tests, known = read_met(tree), read_results(tree)
    for number, (key, path) in enumerate(json.loads((tree / "guards.json").read_text())):
        if number in known or number not in numbers:
            continue
        red = break_guard(tree, number, tests.get(number, []))
        row = {"number": number, "met": len(tests.get(number, [])), "red": red, "key": key, "path": path}
        with (tree / "guards.jsonl").open("a") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        print(number, path, row["met"], (red or "NOT SEEN")[:110], flush=True)
    return read_results(tree)


def compare(before: Path, after: Path) -> int:
    """Break in `before` what `after` does not see; print what `before` sees of it. Returns their number."""
    unseen = [number for number, row in read_results(after).items() if row["red"] is None]
    rows = break_all(before, unseen)
    lost = [rows[number] for number in unseen if rows[number]["red"]]
    for row in lost:
        print("LOST", row["path"], row["key"], row["red"], sep="\n    ")
    print(f"{len(unseen)} not seen, of them seen before: {len(lost)}")
    return len(lost)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.guards")
    actions = parser.add_subparsers(dest="action", required=True)
    planting = actions.add_parser("plant")
    planting.add_argument("seed", type=int)
    planting.add_argument("count", type=int)
    planting.add_argument("trees", type=Path, nargs="+")
    actions.add_parser("meet").add_argument("tree", type=Path)
    breaking = actions.add_parser("break")
    breaking.add_argument("tree", type=Path)
    breaking.add_argument("--of", default="0/1", help="N/M: each Mth guard, from the Nth on")
    comparing = actions.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    given = parser.parse_args()
    match given.action:
        case "plant":
            plant(given.seed, given.count, [tree.resolve() for tree in given.trees])
        case "meet":
            meet(given.tree.resolve())
        case "break":
            first, _, step = given.of.partition("/")
            rows = break_all(given.tree.resolve(), range(int(first), 10_000, int(step)))
            print(f"{sum(bool(row['red']) for row in rows.values())} of {len(rows)} seen")
        case _:
            return int(compare(given.before.resolve(), given.after.resolve()) > 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time

from scripts.oracle import sides, transcript
from scripts.oracle.record import record

MOST_SHOWN = 60  # kinds of differences


def compare(database: str, seed: int, only: str) -> int:
    """Let both sides record at the same time; print the differences."""
    started = time.monotonic()
    given = ["--database", database, "--seed", str(seed), "--only", only]
    running = {
        name: subprocess.Popen([sys.executable, "-m", "scripts.oracle", "record", name, *given]) for name in sides.SIDES
    }
    failed = [name for name, process in running.items() if process.wait()]
    found = transcript.compare(*(side.folder for side in sides.SIDES.values()))
    print("\n".join(found[:MOST_SHOWN]))
    shown = f", {MOST_SHOWN} of them shown" if len(found) > MOST_SHOWN else ""
    print(f"{len(found)} kinds of differences{shown}; seed {seed}, {time.monotonic() - started:.0f} s")
    if failed:
        print(f"Recording ended before its time, with an error: {', '.join(failed)}")
    return int(bool(found or failed))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.oracle")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("build", help="the old side from a commit").add_argument("commit")
    for name in ("compare", "record"):
        action = actions.add_parser(name)
        if name == "record":
            action.add_argument("side", choices=sides.SIDES)
        action.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
        action.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
        action.add_argument("--only", default="", help="parts and people whose names begin so: day,viewer")
    chosen = parser.parse_args()
    os.chdir(sides.ROOT)
    if chosen.action == "build":
        sides.build(chosen.commit)
        return 0
    if chosen.action == "compare":
        return compare(chosen.database, chosen.seed, chosen.only)
    record(sides.SIDES[chosen.side], chosen.database, chosen.seed, chosen.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())

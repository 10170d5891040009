"""Run pytest; run few tests that failed beside others once more, one after the other.

Browsers and real processes that share two cores are late now and then: of 8,000 tests about one in a whole run, each
time another. Both runs are reported, so a test that failed by chance has its name in the output, and a fault that can
be repeated fails twice. See docs/decisions/0074-tests-once-more.md.

Usage: python -m scripts.run_tests [ARGUMENTS OF PYTEST]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CACHE = Path(".pytest_cache")
MOST = 3  # more than by chance
SOME_FAILED = 1  # exit status of pytest for a complete run; others tell of one that was interrupted or did not begin


def run_pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", "-o", f"cache_dir={CACHE}", *arguments]).returncode


def main() -> int:
    status = run_pytest("--cache-clear", *sys.argv[1:])
    if status != SOME_FAILED:
        return status
    failed = list(json.loads((CACHE / "v/cache/lastfailed").read_text()))
    if len(failed) > MOST:
        return status
    print(f"▸ {len(failed)} failed beside others: once more, alone", flush=True)
    status = run_pytest(*failed)
    if not status:
        print("▸ Passed alone, failed beside others:", *failed, sep="\n    ")
    return status


if __name__ == "__main__":
    sys.exit(main())

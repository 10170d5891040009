"""scripts/run_tests.py: which failures are repeated, and what the whole run then returns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PASSES = "def test_{0}():\n    pass\n"
FAILS = "def test_{0}():\n    assert False\n"
FAILS_ONCE = """def test_{0}():
    from pathlib import Path
    seen = Path("seen-{0}")
    known = seen.exists()
    seen.touch()
    assert known
"""
INTERRUPTED = "def test_{0}():\n    raise KeyboardInterrupt\n"
UNREADABLE = "def test_{0}(:\n"


@pytest.mark.parametrize(
    ("sources", "status", "names"),
    [
        ([PASSES], 0, []),
        ([PASSES, FAILS], 1, []),
        ([PASSES, FAILS_ONCE, FAILS_ONCE, FAILS_ONCE], 0, ["test_1", "test_2", "test_3"]),
        ([FAILS_ONCE] * 4, 1, []),
        ([FAILS_ONCE, FAILS], 1, []),
        ([FAILS_ONCE, INTERRUPTED], 2, []),
        ([PASSES, UNREADABLE], 2, []),
    ],
)
def test_few_failures_are_repeated_alone(tmp_path: Path, sources: list[str], status: int, names: list[str]) -> None:
    for number, source in enumerate(sources):
        (tmp_path / f"test_{number}.py").write_text(source.format(number))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    program = [sys.executable, str(ROOT / "scripts/run_tests.py")]
    run = subprocess.run(program, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert run.returncode == status, run.stdout
    _, _, passed_alone = run.stdout.partition("Passed alone")
    assert [line.strip().split("::")[1] for line in passed_alone.splitlines()[1:]] == names

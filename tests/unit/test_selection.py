"""tests/support/selection.py: what runs, in which order, and what a quarantined test decides."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.selection import deal

ROOT = Path(__file__).parents[2]
MODULE = """
import pytest

@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", ["spared", "other"])
def test_case(name, dialect):
    pass

@pytest.mark.full("takes long")
def test_long():
    pass
"""
SPARED = "tests/test_0.py::test_case[spared-postgresql]"


def run(folder: Path, *arguments: str, modules: list[str], **environ: str) -> tuple[int, str]:
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = full(reason)\n")
    (folder / "tests").mkdir(exist_ok=True)
    for number, source in enumerate(modules):
        (folder / f"tests/test_{number}.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-v", "-rxX", "-p", "tests.support.selection", *arguments]
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("WIDGET_TEST_FAULTS", "PYTEST_ADDOPTS")
    }
    # Loading the plugins takes ten times as long as these tests.
    environ = inherited | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environ
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "left_out"),
    [
        ([], {}, ["[spared-postgresql]", "test_long"]),
        (["--sqlite"], {}, ["[spared-postgresql]", "[other-postgresql]", "test_long"]),
        ([], {"WIDGET_TEST_FAULTS": "full"}, []),
        (["--statements=recorded"], {}, ["test_long"]),
    ],
)
def test_what_is_left_to_the_full_run(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], left_out: list[str]
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/sqlite_only.txt").write_text(f"# a comment\n{SPARED}\n")
    status, output = run(tmp_path, *arguments, modules=[MODULE], **environ)
    assert status == 0, output
    names = ["[spared-sqlite]", "[spared-postgresql]", "[other-sqlite]", "[other-postgresql]", "test_long"]
    assert [name for name in names if f"{name} PASSED" not in output] == left_out


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], 1),
        (["tests/test_0.py::test_fails # the port is taken now and then"], 0),
        (["tests/test_0.py::test_fails"], 4),
        ([f"tests/test_{number}.py::test_fails # late" for number in range(4)], 4),
    ],
)
def test_a_quarantined_test_runs_and_does_not_decide(tmp_path: Path, lines: list[str], status: int) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/quarantine.txt").write_text("\n".join(lines))
    returned, output = run(tmp_path, modules=["def test_fails():\n    assert False\n"])
    assert returned == status, output
    assert ("XFAIL" in output and "the port is taken" in output) == (status == 0)


def test_a_seed_repeats_the_order(tmp_path: Path) -> None:
    modules = ["def test():\n    pass\n"] * 8

    def order(*arguments: str) -> list[str]:
        status, output = run(tmp_path, "--shuffle", *arguments, modules=modules)
        assert status == 0, output
        return [line.partition("::")[0] for line in output.splitlines() if line.endswith("%]")]

    assert order("--seed=1") == order("--seed=1") != sorted(order("--seed=1"))
    assert order("--seed=1") != order("--seed=2")


def test_the_processes_of_a_run_share_the_seed_that_its_header_shows(tmp_path: Path) -> None:
    tell = "def test_seed(request):\n    assert not request.config.option.seed\n"
    _, output = run(tmp_path, "-p", "xdist", "--numprocesses=2", "--shuffle", modules=[tell, tell])
    shown = re.search(r"--seed (\d+) repeats", output)
    assert shown, output
    assert re.findall(r"assert not (\d+)$", output, re.MULTILINE) == [shown[1]] * 2


@pytest.mark.parametrize(
    ("long", "short", "dealt"),
    [
        ("AB", "cdefgh", "AcdeBfgh"),
        ("ABCDE", "fgh", "ACEfBDgh"),
        ("ABCDE", "", "ACEBD"),
    ],
)
def test_each_process_begins_with_some_of_the_long_ones(long: str, short: str, dealt: str) -> None:
    assert "".join(deal(long, short, 2)) == dealt

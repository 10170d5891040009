"""The two services that are compared: the wheel of a commit in its own environment, and the sources here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "oracle"
# What the replayer has to know of a side, read with that side's own interpreter. The constants are the tree's own list,
# since the modules that they are in may have got other names.
DESCRIBE = """
import json
from starlette.routing import Route
from tests.support.made_up_city import CHANGES
from widget_api.app import ROUTES
routes = [(method, one.path) for one in ROUTES if isinstance(one, Route) for method in sorted(one.methods or ())]
print(json.dumps({"changes": CHANGES, "routes": [one for one in routes if one[0] != "HEAD"]}))
"""


@dataclass(frozen=True)
class Side:
    """`tree` holds the tests that fit the service: its tests/support/patched_service.py starts it."""

    name: str
    python: Path
    tree: Path

    @property
    def program(self) -> tuple[str, ...]:
        return (str(self.python), "-P", str(self.tree / "tests" / "support" / "patched_service.py"))

    @property
    def folder(self) -> Path:
        return BUILD / self.name

    def describe(self) -> dict[str, Any]:
        command = [str(self.python), "-c", DESCRIBE]
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": str(self.tree)}, cwd=self.tree, check=True, stdout=subprocess.PIPE
        )
        return dict(json.loads(done.stdout))


SIDES = {
    "old": Side("old", BUILD / "venv" / "bin" / "python", BUILD / "tree"),
    "new": Side("new", Path(sys.executable), ROOT),
}


def build(commit: str) -> None:
    """Put the tree of the commit into build/oracle/tree, and its wheel with what it locks into build/oracle/venv."""
    old = SIDES["old"]
    shutil.rmtree(BUILD, ignore_errors=True)
    old.tree.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", old.tree], input=archive, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", BUILD / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(old.python), "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "-r", old.tree / "requirements" / "dev.txt"], check=True)
    wheel = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(BUILD)]
    subprocess.run(wheel, cwd=old.tree, check=True)
    subprocess.run([*pip, *BUILD.glob("*.whl")], check=True)
    shutil.rmtree(old.tree / "widget_api")  # the installed one is meant

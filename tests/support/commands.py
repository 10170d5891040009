"""Calls the commands of the product inside the test's process: the same `main`, without an interpreter's start each.

Half of what a command costs is imports. That a process of its own does the same (the installed script, nothing but JSON
on standard output, exit codes) is proven by tests/api/test_cli.py and test_serving.py, with `processes.run_command`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.processes import CommandFailed, clean_environment
from widget_api import cli

_turn = threading.Lock()  # environment, folder and standard output are the whole process's


@contextlib.contextmanager
def _as_operator(arguments: tuple[str, ...], settings: Mapping[str, str], directory: Path) -> Iterator[None]:
    """The process as it stands when an operator types the command there; afterwards as it was."""
    environ, argv, umask = dict(os.environ), sys.argv, os.umask(0o022)
    given, main = clean_environment(settings), sys.modules["__main__"]
    package, main.__package__ = main.__package__, ""  # else help calls the command after whoever runs the tests
    try:
        with contextlib.chdir(directory):
            os.environ.clear()
            os.environ.update(given)
            sys.argv = ["widget-api", *arguments]
            yield
    finally:
        os.environ.clear()
        os.environ.update(environ)
        sys.argv, main.__package__ = argv, package
        os.umask(umask)


def attempt(*arguments: str, settings: Mapping[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    """What became of `widget-api ARGUMENTS`, whatever its exit code. Not for commands that stay (`serve`, `work`)."""
    output, errors = io.StringIO(), io.StringIO()
    ends: list[BaseException] = []

    def run() -> None:
        try:
            cli.main()
        except BaseException as end:  # main ends by SystemExit; anything else is the caller's to see
            ends.append(end)

    with (
        _turn,
        _as_operator(arguments, settings, directory),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        thread = threading.Thread(target=run, name="command")  # a loop may be running in this one
        thread.start()
        thread.join()
    (end,) = ends
    if not isinstance(end, SystemExit):
        raise end
    assert isinstance(end.code, int)
    return subprocess.CompletedProcess(arguments, end.code, output.getvalue(), errors.getvalue())


def call_json(*arguments: str, settings: Mapping[str, str], directory: Path) -> Any:
    """What `widget-api ARGUMENTS --json` prints; one JSON document and nothing else, else this raises."""
    done = attempt(*arguments, "--json", settings=settings, directory=directory)
    if done.returncode:
        raise CommandFailed(arguments, done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)

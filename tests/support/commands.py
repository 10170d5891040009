"""Call the product's commands inside the test's process: the same `main`, without starting an interpreter each time.

Half of a command's time is imports. That the installed script does the same in its own process (only JSON on standard
output, exit codes) is tested by tests/api/test_cli.py and test_serving.py, with `processes.run_command`.
"""

import contextlib
import functools
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from tests.support.processes import CommandFailed, clean_environment
from widget_api import cli

# Every call would build all commands anew, which takes a tenth of a second of CPU time.
typer.main.get_command = functools.cache(typer.main.get_command)
_turn = threading.Lock()  # environment, working directory and standard output belong to the whole process


@contextlib.contextmanager
def _as_operator(arguments: tuple[str, ...], settings: Mapping[str, str], directory: Path) -> Iterator[None]:
    """Set up the process as if an operator had typed the command there, and restore it afterwards."""
    environ, argv, umask = dict(os.environ), sys.argv, os.umask(0o022)
    given, main = clean_environment(settings), sys.modules["__main__"]
    package, main.__package__ = main.__package__, ""  # otherwise help shows the name of the test runner
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
    """The result of `widget-api ARGUMENTS`, whatever its exit code. Not for `serve` and `work`, which keep running."""
    output, errors = io.StringIO(), io.StringIO()
    ends: list[BaseException] = []

    def run() -> None:
        try:
            cli.main()
        except BaseException as end:  # main ends with SystemExit; other exceptions propagate
            ends.append(end)

    with (
        _turn,
        _as_operator(arguments, settings, directory),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        thread = threading.Thread(target=run, name="command")  # this thread may already run an event loop
        thread.start()
        thread.join()
    (end,) = ends
    if not isinstance(end, SystemExit):
        raise end
    assert isinstance(end.code, int)
    return subprocess.CompletedProcess(arguments, end.code, output.getvalue(), errors.getvalue())


def call_json(*arguments: str, settings: Mapping[str, str], directory: Path) -> Any:
    """The parsed output of `widget-api ARGUMENTS --json`; raises unless it is exactly one JSON document."""
    done = attempt(*arguments, "--json", settings=settings, directory=directory)
    if done.returncode:
        raise CommandFailed(arguments, done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)

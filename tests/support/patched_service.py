"""Run `widget-api` with patched constants or a patched clock: `python -P …/patched_service.py [NAME=VALUE …] -- …`.

This is the product's own `main` in a separate process. Before it starts, constants are replaced by their full names
(`widget_api.deliveries.model.RETRY_DELAYS=[0,1,1]`), so that hours between two attempts become seconds; the rules that
use them stay the product's. An unknown name ends the process, so that no test relies on a constant that is gone. What
another module has imported or computed of a constant stays: it has a name of its own.

`clock=FILE` shifts the wall clock, and only it, by the number of seconds in that file, which is reread continuously.
`moment=FILE` stops the clock at the second (since 1970) in that file; the moment that has taken effect is written
beside it, with the suffix `.reached`.
`code=FILE` runs the Python code in that file first.
`forks=DESCRIPTOR` alone runs one such list of arguments in a fork for each request from that socket
(tests/support/fork_server.py).
"""

import importlib
import json
import os
import sys
import threading
import time
from pathlib import Path

REREAD = 0.02  # seconds of the monotonic clock
TEMPLATES = "TEST_TEMPLATES"  # in the environment: the folder of compiled templates that the processes of a run share


def set_constant(name: str, value: str) -> None:
    module, _, constant = name.rpartition(".")
    found = importlib.import_module(module)
    former = getattr(found, constant)
    parsed = json.loads(value)
    setattr(found, constant, tuple(parsed) if isinstance(former, tuple) else parsed)


def shift_clock(file: Path) -> None:
    """Shift the wall clock. The product and its libraries read it from `time` alone; monotonic time is unchanged."""
    seconds, nanoseconds = time.time, time.time_ns
    known = {"read": -1.0, "offset": 0}

    def offset() -> int:
        if time.monotonic() - known["read"] > REREAD:
            known["read"], known["offset"] = time.monotonic(), int(file.read_text() or known["offset"])
        return int(known["offset"])

    time.time = lambda: seconds() + offset()
    time.time_ns = lambda: nanoseconds() + offset() * 1_000_000_000


def stop_clock(file: Path) -> None:
    import time_machine

    wanted = float(file.read_text())
    traveller = time_machine.travel(wanted, tick=False).start()

    def follow(reached: float) -> None:
        while True:
            wanted = float(file.read_text() or reached)
            if wanted != reached:
                traveller.move_to(wanted)
                reached = wanted
                file.with_suffix(".reached").write_text(str(reached))
            time.sleep(REREAD)

    threading.Thread(target=follow, args=(wanted,), daemon=True).start()


def share_templates() -> None:
    from jinja2 import FileSystemBytecodeCache

    from widget_api.web import pages

    folder = Path(os.environ[TEMPLATES])
    folder.mkdir(exist_ok=True)
    pages.environment.bytecode_cache = FileSystemBytecodeCache(str(folder))


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[0].startswith("forks="):
        from tests.support import fork_server

        arguments = fork_server.serve_requests(int(arguments[0].removeprefix("forks=")))
    end = arguments.index("--")
    for assignment in arguments[:end]:
        name, _, value = assignment.partition("=")
        if name == "clock":
            shift_clock(Path(value))
        elif name == "moment":
            stop_clock(Path(value))
        elif name == "code":
            exec(Path(value).read_text(), {})
        else:
            set_constant(name, value)
    if TEMPLATES in os.environ:
        share_templates()
    sys.argv = ["widget-api", *arguments[end + 1 :]]
    from widget_api import cli

    cli.main()


if __name__ == "__main__":
    main()

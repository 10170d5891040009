"""`python -P tests/support/hurried.py [NAME=VALUE …] [clock=FILE | moment=FILE] -- …`: `widget-api …`, other numbers.

The product's own `main`, in a process of its own. Before it begins, constants are given other values by their full
names (`widget_api.deliveries.model.RETRY_DELAYS=[0,1,1]`), so that hours between two tries take seconds; the rules
that use them stay the product's. A name the product does not have ends it, so that no test goes on believing in it.
With `clock=FILE` the wall clock, and it alone, is off by as many seconds as stand in that file at each moment. With
`moment=FILE` it stands still at the second (since 1970) in that file, and says beside it which one it has reached.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from pathlib import Path

REREAD = 0.02  # seconds of the clock that never jumps


def set_constant(name: str, value: str) -> None:
    module, _, constant = name.rpartition(".")
    found = importlib.import_module(module)
    former = getattr(found, constant)
    parsed = json.loads(value)
    setattr(found, constant, tuple(parsed) if isinstance(former, tuple) else parsed)


def bend_clock(file: Path) -> None:
    """The product and its libraries read the wall clock in `time` alone; monotonic time stays."""
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


def main() -> None:
    end = sys.argv.index("--")
    for assignment in sys.argv[1:end]:
        name, _, value = assignment.partition("=")
        if name == "clock":
            bend_clock(Path(value))
        elif name == "moment":
            stop_clock(Path(value))
        else:
            set_constant(name, value)
    sys.argv = ["widget-api", *sys.argv[end + 1 :]]
    from widget_api import cli

    cli.main()


if __name__ == "__main__":
    main()

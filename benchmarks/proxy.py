"""nginx with the shipped configuration before a service, as one process that speaks plain HTTP."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.services import Bare, Service, children, free_port, listens, running
from scripts import servers

START_LIMIT = 10.0  # seconds


@contextlib.contextmanager
def nginx(service: Service) -> Iterator[Bare | None]:
    """The proxy, or None on a machine that has none."""
    if servers.program("nginx") is None:
        yield None
        return
    from tests.support.nginx import command

    with tempfile.TemporaryDirectory(prefix="widget-bench-") as name:
        folder, port = Path(name), free_port()
        started = command(folder, service.port, port, free_port(), certificate=None)
        with (folder / "log").open("wb") as output, running(started, None, name, output) as process:
            deadline = time.monotonic() + START_LIMIT
            while not (listens(port) and (workers := children(process.pid))):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"nginx did not start:\n{(folder / 'log').read_text()}")
                time.sleep(0.02)
            yield Bare(port=port, pid=workers[0])  # the first one answers, the others look after the cache

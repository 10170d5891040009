"""Start services as forks of a process that has already imported the product.

Imports take nine tenths of the processor time of a start. The fork server has only imported modules and compressed the
static files: it has no event loop, thread or connection, so a fork behaves like a new process from there on. Tests of
the process itself (memory, environment, the installed command) start a new interpreter: `serve(fork=False)`.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_MAX_REQUEST = 200_000  # bytes of arguments and environment
_starting = threading.Lock()
_servers: dict[tuple[str, ...], tuple[socket.socket, subprocess.Popen[bytes]]] = {}  # by program


class Fork:
    """A process of the fork server, with the interface of `subprocess.Popen`. The server reports its exit code."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lines = channel.makefile("r")
        self._ending = threading.Lock()
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        with self._ending:
            if self.returncode is None:
                if not select.select([self._channel], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(["widget-api"], timeout or 0)
                self.returncode = int(self._lines.readline())
                self._lines.close()
                self._channel.close()
        return self.returncode


def fork(
    program: tuple[str, ...], arguments: Sequence[str], directory: Path, environ: Mapping[str, str], log: IO[bytes]
) -> Fork:
    """Run `program` (see processes.patched_program) with these arguments in a fork."""
    channel, remote = socket.socketpair()
    request = json.dumps([list(arguments), str(directory), dict(environ)]).encode()
    assert len(request) < _MAX_REQUEST
    with remote:
        socket.send_fds(_server(program), [request], [log.fileno(), remote.fileno()])
    return Fork(channel)


def _server(program: tuple[str, ...]) -> socket.socket:
    """Return the socket of the fork server for this program; start one if there is none.

    It exits when this process does, since nobody else holds this end of the socket.
    """
    with _starting:
        if program not in _servers:
            control, remote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            environ = {name: value for name, value in os.environ.items() if not name.startswith("WIDGET_")}
            *changes, end = program
            with remote:
                process = subprocess.Popen(
                    [*changes, f"forks={remote.fileno()}", end],
                    cwd="/",
                    env=environ | {"PYTHONUNBUFFERED": "1"},
                    stdin=subprocess.DEVNULL,
                    pass_fds=[remote.fileno()],
                    start_new_session=True,
                )
            _servers[program] = control, process
        return _servers[program][0]


@atexit.register
def _stop_servers() -> None:
    for control, process in _servers.values():
        control.close()
        process.wait()


# --- in the fork server ---


def serve_requests(descriptor: int) -> list[str]:
    """Fork once for each request until the other side is closed. Return in each fork, with the command's arguments."""
    import widget_api.app
    import widget_api.cli  # noqa: F401 - so that forks need not import it
    from widget_api.web import static_routes

    static_routes.warm_cache()  # takes half as long as the imports
    control = socket.socket(fileno=descriptor)
    wakeup, signalled = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(signalled, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(signalled)
    channels: dict[int, socket.socket] = {}
    watched: list[socket.socket | int] = [control, wakeup]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if wakeup in ready:
            os.read(wakeup, 512)
            _report_exits(channels)
        if control not in ready:
            continue
        request, descriptors, _, _ = socket.recv_fds(control, _MAX_REQUEST, 2)
        if not request:
            os._exit(0)
        log, channel = descriptors[0], socket.socket(fileno=descriptors[1])
        server, pid = os.getpid(), os.fork()
        if pid:
            os.close(log)
            channel.sendall(f"{pid}\n".encode())
            channels[pid] = channel
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for inherited in (control, channel, *channels.values()):
            inherited.close()
        os.close(wakeup)
        os.close(signalled)
        _end_with(server)
        return _prepare_fork(log, *json.loads(request))


def _report_exits(channels: dict[int, socket.socket]) -> None:
    while channels:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with channels.pop(pid) as channel, contextlib.suppress(OSError):  # the test may have been killed
            channel.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _end_with(server: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # it has ended already
        os._exit(1)


def _prepare_fork(log: int, arguments: list[str], directory: str, environ: dict[str, str]) -> list[str]:
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    return arguments

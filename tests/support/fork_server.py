"""Start services as forks of a process that has already imported the product.

Imports take nine tenths of the processor time of a start. The fork server has only imported modules and compressed the
static files: it has no event loop, thread or connection, so a fork behaves like a new process from there on. Tests of
the process itself (memory, environment, the installed command) start a new interpreter: `serve(fork=False)`.
"""

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
_server: tuple[socket.socket, subprocess.Popen[bytes]] | None = None


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

    def kill(self) -> None:
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()


def fork(
    program: Sequence[str], directory: Path, environ: Mapping[str, str], output: IO[bytes], errors: IO[bytes]
) -> Fork:
    """Run a program (see processes.patched_program), its arguments included, in a fork."""
    interpreter, arguments = program[:3], program[3:]
    channel, remote = socket.socketpair()
    request = json.dumps([list(arguments), str(directory), dict(environ)]).encode()
    assert len(request) < _MAX_REQUEST
    with remote:
        descriptors = [output.fileno(), errors.fileno(), remote.fileno()]
        socket.send_fds(_running_server(interpreter), [request], descriptors)
    return Fork(channel)


def _running_server(interpreter: Sequence[str]) -> socket.socket:
    """The socket of the fork server, started if there is none. It ends with this process, the only one at this end."""
    global _server
    with _starting:
        if _server is None:
            control, remote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            environ = {name: value for name, value in os.environ.items() if not name.startswith("WIDGET_")}
            with remote:
                process = subprocess.Popen(
                    [*interpreter, f"forks={remote.fileno()}"],
                    cwd="/",
                    env=environ | {"PYTHONUNBUFFERED": "1"},
                    stdin=subprocess.DEVNULL,
                    pass_fds=[remote.fileno()],
                    start_new_session=True,
                )
            _server = control, process
        return _server[0]


@atexit.register
def _stop_server() -> None:
    if _server is not None:
        control, process = _server
        control.close()
        process.wait()


# --- in the fork server ---


def serve_requests(descriptor: int) -> list[str]:
    """Fork once for each request until the other side is closed. Return in each fork, with the program's arguments."""
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
        request, descriptors, _, _ = socket.recv_fds(control, _MAX_REQUEST, 3)
        if not request:
            os._exit(0)
        outputs, channel = descriptors[:2], socket.socket(fileno=descriptors[2])
        server, pid = os.getpid(), os.fork()
        if pid:
            for output in outputs:
                os.close(output)
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
        return _prepare_fork(outputs, *json.loads(request))


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


def _prepare_fork(outputs: list[int], arguments: list[str], directory: str, environ: dict[str, str]) -> list[str]:
    os.setsid()
    for number, output in enumerate(outputs, 1):
        os.dup2(output, number)
        os.close(output)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    return arguments

"""Decode photos in forks of a process that has imported what every photo needs: most of the time of a real child.

A fork runs the decoder's own `main`, which imports the rest and confines it. Tests of the process itself (memory of the
largest photos, environment, endings) start real children.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from widget_api.attachments.photos import decoder

TIMEOUT = 60.0  # seconds; the decoder limits its own processor time


class DecoderForks:
    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def run(self, content: bytes) -> bytes:
        """The output of a fork that decodes this file, empty where it failed: see intake._run_decoder."""
        from widget_api.attachments.photos import intake

        reading, writing = os.pipe()
        with tempfile.TemporaryFile() as file, os.fdopen(reading, "rb") as output:
            file.write(content)
            file.flush()
            file.seek(0)
            socket.send_fds(self._control, [b"decode"], [file.fileno(), writing])
            os.close(writing)
            found = output.read()
        code = int(self._control.recv(100))
        if code == -signal.SIGXCPU:
            raise intake.photo_error("photo_too_complex")
        return found if code == 0 else b""


@contextlib.contextmanager
def decoder_forks() -> Iterator[DecoderForks]:
    from widget_api.attachments.photos import intake

    control, remote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with remote:
        program = [sys.executable, "-I", __file__, str(remote.fileno())]
        process = subprocess.Popen(
            program, pass_fds=[remote.fileno()], env=intake._ENVIRONMENT, stderr=subprocess.DEVNULL
        )
    control.settimeout(TIMEOUT)
    with control:
        yield DecoderForks(control)
    process.wait(TIMEOUT)


def main() -> None:
    """Fork once for each request until the other side is closed."""
    from PIL import Image

    Image.preinit()
    for module in decoder._COMMON_MODULES:
        __import__(module)
    control = socket.socket(fileno=int(sys.argv[1]))
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 100, 2)
        if not request:
            return
        pid = os.fork()
        if not pid:
            control.close()
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            sys.argv[1:] = []
            with open(0, closefd=False) as sys.stdin, open(1, "w", closefd=False) as sys.stdout:
                decoder.main()
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        control.send(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    main()

"""A decoder taken over by a crafted photo: runs in place of the real one and tries whatever it can.

Called as `hostile_decoder.py FILE PORT PROCESS UID MECHANISM…`, where the mechanisms are seccomp and landlock. Its
error message lists the result of each attempt.
"""

import codecs
import ctypes
import errno
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))
from widget_api.attachments.photos import decoder, sandbox

LIBC = ctypes.CDLL(None, use_errno=True)
FILE, PORT, PROCESS = (
    (Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])) if __name__ == "__main__" else (Path(), 0, 0)
)
X86 = os.uname().machine == "x86_64"


def system_call(on_x86: int, generic: int, *arguments: Any) -> int:
    # full registers, not half of them
    whole = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    if (result := LIBC.syscall(on_x86 if X86 else generic, *whole)) < 0:
        raise OSError(ctypes.get_errno(), "")
    return int(result)


def memory_of_another() -> None:
    iov = (ctypes.c_void_p * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
    system_call(310, 270, PROCESS, ctypes.byref(iov), 1, ctypes.byref(iov), 1, 0)


def fork() -> None:
    if not os.fork():
        os._exit(0)


def in_a_thread() -> None:
    failures: list[OSError] = []

    def work() -> None:
        try:
            FILE.read_bytes()
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


ATTEMPTS: dict[str, Callable[[], object]] = {
    "read the database": FILE.read_bytes,
    "read it in a thread": in_a_thread,
    "write the database": lambda: os.open(FILE, os.O_WRONLY),
    "rename the database": lambda: FILE.rename(f"{FILE}.gone").rename(FILE),
    "list a folder": lambda: list(FILE.parent.iterdir()),
    "read another's environment": Path(f"/proc/{PROCESS}/environ").read_bytes,
    "read another's memory": memory_of_another,
    "trace another": lambda: system_call(101, 117, 16, PROCESS, 0, 0),  # PTRACE_ATTACH
    "take another's files": lambda: system_call(434, 434, PROCESS, 0),  # pidfd_open
    "end another": lambda: os.kill(PROCESS, 0),
    "connect": lambda: socket.create_connection(("127.0.0.1", PORT), 2).close(),
    "send a datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", PORT)),
    "use a Unix socket": lambda: socket.socketpair(),
    "start a process": fork,
    "start a program": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
    "become a program": lambda: os.execv("/bin/none", ["none"]),
    "make an io_uring": lambda: system_call(425, 425, 1, ctypes.create_string_buffer(120)),
    "make a memory file": lambda: os.memfd_create("x"),
    "leave its user": lambda: system_call(272, 97, 0x10000000),  # unshare(CLONE_NEWUSER)
    "loosen its limits": lambda: system_call(302, 261, 0, 7, 0, ctypes.create_string_buffer(16)),
}


def take_over(_: object) -> Any:
    outcomes = {}
    for name, attempt in ATTEMPTS.items():
        try:
            attempt()
            outcomes[name] = "done"
        except OSError as error:
            outcomes[name] = errno.errorcode.get(error.errno or 0, "?")
    raise decoder.Refused(json.dumps(outcomes))


if __name__ == "__main__":
    decoder.import_codecs("jpeg")
    codecs.lookup("idna")  # sockets import it lazily, and the other user may not be able to read its file
    if int(sys.argv[4]) != os.getuid():
        os.setgroups([])
        os.setgid(int(sys.argv[4]))
        os.setuid(int(sys.argv[4]))
    for mechanism, function in (("seccomp", "_filter_system_calls"), ("landlock", "_enter_landlock")):
        if mechanism not in sys.argv[5:]:
            setattr(sandbox, function, lambda _: False)
    decoder.OPENERS["jpeg"] = take_over
    decoder.main()

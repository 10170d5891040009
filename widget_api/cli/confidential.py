"""Keep a running service's secrets from other processes of the same user.

A process can read the environment, memory and open files of any other of its user, unless the kernel is told not to let
it. The environment is worse: what a process was started with stays in its memory whatever it unsets later, and each
program it starts gets a copy.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from widget_api import settings

_PR_SET_DUMPABLE = 4
_ENV_START, _ENV_END = 50, 51  # fields of /proc/self/stat, counted from 1 (proc_pid_stat(5))


def forbid_inspection() -> None:
    """Let no process without CAP_SYS_PTRACE read this one's memory, environment or files; write no core dumps."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def clear_environment() -> None:
    """Remove the settings from the environment, once they are read, and from where the kernel shows it (/proc)."""
    names = [name for name in os.environ if is_confidential(name)]
    for name in names:
        del os.environ[name]
    with contextlib.suppress(OSError):  # not Linux
        _overwrite(is_confidential)


def is_confidential(name: str) -> bool:
    return name.startswith("WIDGET_") or name in settings.S3_CREDENTIALS


def _overwrite(concerns: Callable[[str], bool]) -> None:
    """Fill with zeros the values of variables in the block the process was started with; nothing points there now."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()  # from the third on
    start, end = int(fields[_ENV_START - 3]), int(fields[_ENV_END - 3])
    place = start
    for variable in ctypes.string_at(start, end - start).split(b"\0"):
        name, equals, value = variable.partition(b"=")
        if equals and concerns(os.fsdecode(name)):
            ctypes.memset(place + len(name) + 1, 0, len(value))
        place += len(variable) + 1

"""Hide a running service's secrets from other processes of the same user.

By default, Linux lets a process read the environment, memory and open files of others of its user. The initial
environment also stays in memory after variables are unset, and is copied to every program that the process starts.
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
    """Forbid processes without CAP_SYS_PTRACE to read this one's memory, environment and files; disable core dumps."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def clear_environment() -> None:
    """Remove the settings, once they are read, from the environment and from its copy in /proc."""
    names = [name for name in os.environ if is_confidential(name)]
    for name in names:
        del os.environ[name]
    with contextlib.suppress(OSError):  # not Linux
        _overwrite(is_confidential)


def is_confidential(name: str) -> bool:
    return name.startswith("WIDGET_") or name in settings.S3_CREDENTIALS


def _overwrite(concerns: Callable[[str], bool]) -> None:
    """Overwrite the values of variables in the process's initial environment block, which is no longer used."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()  # from the third on
    start, end = int(fields[_ENV_START - 3]), int(fields[_ENV_END - 3])
    place = start
    for variable in ctypes.string_at(start, end - start).split(b"\0"):
        name, equals, value = variable.partition(b"=")
        if equals and concerns(os.fsdecode(name)):
            ctypes.memset(place + len(name) + 1, 0, len(value))
        place += len(variable) + 1

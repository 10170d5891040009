"""Drop, for the rest of the process, every privilege that decoding one open file does not need.

Image decoders are large C programs that read whatever strangers send. A flaw in one of them must not reach the
database, the network or another process. Two mechanisms of Linux, each of which holds without the other: a seccomp
filter that lets through a short list of system calls, and a Landlock domain that may touch no file, no port and no
process outside. Both also bind root, and cannot be taken back.

Standard library only: the process that decodes imports nothing else of the service. libseccomp's bindings would ask
for a library of the system, which a plain `pip install` does not bring.
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Sequence

# Numbers on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl) and on aarch64 (include/uapi/asm-generic/unistd.h) of the
# calls that remain: open descriptors, memory, threads and locks, time, random numbers, exit.
_ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "futex": (202, 98),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "clock_gettime": (228, 113),
    "getrandom": (318, 278),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
}
# By machine: its seccomp_data.arch (linux/audit.h), the index of its number above, the number of its clone().
_MACHINES = {"x86_64": (0xC000003E, 0, 56), "aarch64": (0xC00000B7, 1, 220)}
# libde265 starts a thread even where one is enough. clone() is allowed where its flags ask for a thread; those of
# clone3() are in memory, which a filter cannot read, so it fails with ENOSYS and glibc falls back to clone().
_CLONE3, _CLONE_THREAD = 435, 0x10000

_ZERO, _ONE = ctypes.c_ulong(0), ctypes.c_ulong(1)  # prctl() reads whole registers
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _PR_SET_NO_NEW_PRIVS = 22, 2, 38
# BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JSET|BPF_K, BPF_RET|BPF_K
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little-endian
_KILL_PROCESS, _FAIL_WITH_EPERM, _FAIL_WITH_ENOSYS, _ALLOW = 0x80000000, 0x00050001, 0x00050026, 0x7FFF0000

_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446  # the same on every machine
_LANDLOCK_CREATE_RULESET_VERSION = 1
# Bits of access each version of Landlock's interface knows (linux/landlock.h).
_ACCESS_TO_FILES = {1: 13, 2: 14, 3: 15, 5: 16}
_ACCESS_TO_PORTS = {4: 2}  # TCP: bind, connect
_SCOPED = {6: 2}  # abstract Unix sockets, signals


def enter_sandbox() -> list[str]:
    """Confine this process and its future threads. Returns the mechanisms in force: seccomp, landlock.

    Call it while there is one thread, after importing and opening everything.
    """
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, _ONE, _ZERO, _ZERO, _ZERO):
            return []
    except (OSError, AttributeError):  # not Linux
        return []
    held = ["landlock"] if _enter_landlock(libc) else []
    return [*held, "seccomp"] if _filter_system_calls(libc) else held


def _enter_landlock(libc: ctypes.CDLL) -> bool:
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return False
    handled = (_bits(known, version) for known in (_ACCESS_TO_FILES, _ACCESS_TO_PORTS, _SCOPED))
    attributes = struct.pack("=QQQ", *handled)  # struct landlock_ruleset_attr; an older kernel takes zeros at its end
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    # Without rules, every handled access is denied.
    return bool(ruleset >= 0 and libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)


def _bits(known: dict[int, int], version: int) -> int:
    return (1 << max((count for since, count in known.items() if since <= version), default=0)) - 1


def _filter_system_calls(libc: ctypes.CDLL) -> bool:
    if platform.machine() not in _MACHINES or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    machine, own, clone = _MACHINES[platform.machine()]
    return install_filter(libc, allow_only(machine, [numbers[own] for numbers in _ALLOWED.values()], clone))


def allow_only(machine: int, numbers: Sequence[int], clone: int) -> list[tuple[int, int, int, int]]:
    """BPF instructions (code, jump if true, jump if false, k) that fail all other calls, except threads, with EPERM.

    A call through another machine's interface (32 bits) kills the process, since its numbers mean other calls.
    """
    tests = [(_JUMP_IF_EQUAL, len(numbers) - index + 5, 0, number) for index, number in enumerate(numbers)]
    return [
        (_LOAD, 0, 0, _MACHINE),
        (_JUMP_IF_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        *tests,  # each leads to the last instruction
        (_JUMP_IF_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _FAIL_WITH_ENOSYS),
        (_JUMP_IF_EQUAL, 0, 2, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_IF_BITS, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _FAIL_WITH_EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def install_filter(libc: ctypes.CDLL, program: Sequence[tuple[int, int, int, int]]) -> bool:
    """Install a seccomp filter for this thread and those it starts. Returns whether the kernel accepted it."""

    class Program(ctypes.Structure):  # struct sock_fprog
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    instructions = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    address = ctypes.byref(Program(len(program), instructions))
    return bool(libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), address, _ZERO, _ZERO) == 0)

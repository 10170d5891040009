"""A decoder taken over by a photo reaches nothing: attempts from inside, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import bad_files, hostile_decoder
from tests.support.bad_files import saved, scene
from widget_api.attachments.photos import decoder, intake, sandbox
from widget_api.attachments.photos.intake import Intake
from widget_api.errors import Unavailable
from widget_api.ops import doctor_servers as servers
from widget_api.settings import Settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mechanisms of Linux")
NOBODY = 65534
EVERYTHING = set(hostile_decoder.ATTEMPTS)
# The attempts that succeed without a sandbox for any user: others may be refused by other mechanisms.
CERTAIN = {
    *("read the database", "read it in a thread", "write the database", "list a folder"),
    *("read another's environment", "take another's files", "end another", "connect", "send a datagram"),
    *("use a Unix socket", "start a process", "start a program", "make a memory file"),
}
BEYOND_LANDLOCK = {"take another's files", "send a datagram", "use a Unix socket", "make a memory file"}
BEYOND_LANDLOCK |= {"start a process", "become a program", "make an io_uring", "leave its user", "loosen its limits"}
ROOT = os.getuid() == 0


@pytest.fixture(params=[pytest.param(0, marks=pytest.mark.skipif(not ROOT, reason="needs root")), NOBODY])
def user(request: pytest.FixtureRequest) -> int:
    return request.param if ROOT else os.getuid()


class Targets:
    """Targets: a file, a port, and another process of the same user with a secret in its environment."""

    def __init__(self, user: int) -> None:
        self.user = user
        self.folder = tempfile.TemporaryDirectory()  # pytest's own temporary folders are not accessible to another user
        self.file = Path(self.folder.name, "widget.db")
        self.file.write_bytes(b"words")
        if ROOT:
            os.chown(self.folder.name, user, user)
            os.chown(self.file, user, user)
        self.listener = socket.create_server(("127.0.0.1", 0))
        identity: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if ROOT else {}
        self.other = subprocess.Popen(["sleep", "60"], env={"WIDGET_SECRET_KEYS": "secret"}, **identity)

    def close(self) -> None:
        self.other.kill()
        self.other.wait()
        self.listener.close()
        self.folder.cleanup()

    def attempt(self, *mechanisms: str) -> dict[str, str]:
        """The result of every attempt by a decoder confined by these mechanisms."""
        port = str(self.listener.getsockname()[1])
        arguments = (str(self.file), port, str(self.other.pid), str(self.user), *mechanisms)
        with intake._spool(b"\xff\xd8\xff" + bytes(64)) as photo:
            done = subprocess.run(
                [sys.executable, "-I", hostile_decoder.__file__, *arguments],
                stdin=intake._rewind(photo),
                capture_output=True,
                env=intake._ENVIRONMENT,
                timeout=60,
            )
        answer = json.loads(done.stdout or done.stderr)
        assert set(answer["sandbox"]) == set(mechanisms)
        outcomes: dict[str, str] = json.loads(answer["error"])
        return outcomes


@pytest.fixture
def ground(user: int) -> Iterator[Targets]:
    made = Targets(user)
    yield made
    made.close()


def test_without_a_sandbox_every_attempt_succeeds(ground: Targets) -> None:
    outcomes = ground.attempt()
    assert {name for name, outcome in outcomes.items() if outcome == "done"} >= CERTAIN, outcomes


def test_within_the_sandbox_no_attempt_succeeds_and_each_mechanism_protects_by_itself(ground: Targets) -> None:
    outcomes = ground.attempt("seccomp", "landlock")
    assert set(outcomes) == EVERYTHING
    assert set(outcomes.values()) == {"EPERM"}, outcomes
    assert set(ground.attempt("seccomp").values()) == {"EPERM"}
    outcomes = ground.attempt("landlock")
    for name in EVERYTHING - BEYOND_LANDLOCK:
        assert outcomes[name] in ("EPERM", "EACCES"), (name, outcomes)


def decide(machine: str, calling: int, number: int, first: int = 0) -> int:
    """Evaluate a machine's filter for a system call made with the convention `calling`, as the kernel does."""
    own, column, clone = sandbox._MACHINES[machine]
    program = sandbox.allow_only(own, [numbers[column] for numbers in sandbox._ALLOWED.values()], clone)
    seen = {sandbox._NUMBER: number, sandbox._MACHINE: calling, sandbox._FIRST_ARGUMENT: first}
    place = value = 0
    while True:
        code, yes, no, k = program[place]
        place += 1
        if code == sandbox._RETURN:
            return k
        if code == sandbox._LOAD:
            value = seen[k]
        else:
            place += yes if (value == k if code == sandbox._JUMP_IF_EQUAL else value & k) else no


@pytest.mark.parametrize(
    ("machine", "openat", "i386_or_arm"), [("x86_64", 257, 0x40000003), ("aarch64", 56, 0x40000028)]
)
def test_the_filter_is_equivalent_on_every_architecture(machine: str, openat: int, i386_or_arm: int) -> None:
    own, column, clone = sandbox._MACHINES[machine]
    thread, process = 0x003D0F00, 0x01200011  # the clone() flags of glibc's pthread_create() and fork()
    for numbers in sandbox._ALLOWED.values():
        assert decide(machine, own, numbers[column]) == sandbox._ALLOW
        assert decide(machine, i386_or_arm, numbers[column]) == sandbox._KILL_PROCESS, "its numbers mean other calls"
    assert decide(machine, own, openat) == sandbox._FAIL_WITH_EPERM
    assert decide(machine, own, clone, thread) == sandbox._ALLOW
    assert decide(machine, own, clone, process) == sandbox._FAIL_WITH_EPERM
    assert decide(machine, own, sandbox._CLONE3) == sandbox._FAIL_WITH_ENOSYS


async def test_a_photo_is_decoded_within_both_mechanisms(make_settings: Callable[..., Settings]) -> None:
    photos = {file.name: file.make for file in bad_files.files()}
    for name in ("jpeg described", "png RGB", "webp", "heic"):
        picture = await Intake(sandbox_required=True).convert(photos[name]())
        assert set(picture.sandbox) == {"seccomp", "landlock"}
    finding = await servers.check_decoder(make_settings())
    assert (finding.ok, finding.detail) == (True, "confined by landlock and seccomp")


async def test_without_a_sandbox_photos_are_refused_unless_allowed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_settings: Callable[..., Settings]
) -> None:
    """An old kernel, or a container that blocks both: a filter around the child simulates this."""
    script = tmp_path / "old_kernel.py"
    script.write_text(
        f"import ctypes, os, sys\nsys.path.append({str(Path(decoder.__file__).parents[3])!r})\n"
        "from widget_api.attachments.photos import sandbox as s\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "libc.prctl(38, 1, 0, 0, 0)\n"
        "test = lambda number, yes, no: (0x15, yes, no, number)\n"
        "prctl = 157 if os.uname().machine == 'x86_64' else 167\n"
        "assert s.install_filter(libc, [(0x20, 0, 0, 0), test(444, 4, 0), test(prctl, 0, 2), (0x20, 0, 0, 16),"
        " test(22, 1, 0), (6, 0, 0, s._ALLOW), (6, 0, 0, s._FAIL_WITH_ENOSYS)])\n"
        f"os.execv(sys.executable, [sys.executable, '-I', '-m', {decoder.__name__!r}, *sys.argv[1:]])\n"
    )
    monkeypatch.setattr(intake, "_CHILD", (str(script),))
    photo = saved(scene(), "JPEG")
    with pytest.raises(Unavailable):
        await Intake(sandbox_required=True).convert(photo)
    picture = await Intake().convert(photo)
    assert picture.sandbox == ()
    for chosen, well, result in (
        ({"environment": "production"}, False, "photos are refused"),
        ({"environment": "production", "sandbox": "optional"}, False, "photos are decoded unconfined"),
        ({}, True, "photos are decoded unconfined"),
    ):
        finding = await servers.check_decoder(make_settings(**chosen))
        assert (finding.ok, result in finding.detail) == (well, True), finding

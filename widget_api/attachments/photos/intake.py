"""Hands what was sent to a child process, which alone looks inside: few at once, each with an end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import tempfile
from typing import BinaryIO
from weakref import WeakValueDictionary

import orjson

from widget_api.attachments.photos import decoder
from widget_api.attachments.photos.model import Picture
from widget_api.errors import DomainError, FieldError, Invalid, Unavailable, WrongType

log = logging.getLogger(__name__)

AT_ONCE = max(2, min(4, os.cpu_count() or 2))
OF_ONE = max(1, AT_ONCE // 2)  # of one sender: who sends many holds up others no longer than a file takes
PATIENCE = 60.0  # seconds a file waits for its turn
LONGEST = 60.0  # seconds the child may take; of CPU it has decode.SECONDS
_MOST_OUTPUT = 16 * 1024 * 1024  # bytes; three JPEGs of the sizes it makes are never as large
_CHILD = ("-m", decoder.__name__)
# One arena, so that memory given back is used again; nothing of our own environment, where the secrets are.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "LC_ALL": "C.UTF-8"}


class Intake:
    """The children of one process. With `sandbox_required` none decodes where the kernel cannot confine it."""

    def __init__(self, *, sandbox_required: bool = False) -> None:
        self._options = (decoder.SANDBOX_REQUIRED,) if sandbox_required else ()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._turns = WeakValueDictionary[str, asyncio.Semaphore]()  # of senders who wait or work

    async def convert(self, file: BinaryIO | bytes, sender: str | None = None) -> Picture:
        """Make a picture and its thumbnails of a file (one the system knows: a temporary one) or of bytes.

        Raises WrongType («photo_type»), Invalid («photo_broken», «photo_too_big»), Unavailable where its turn does not
        come or the sandbox is missing. Cancelled, it ends the child. `sender` is whoever shares turns with nobody else:
        a network's address.
        """
        if isinstance(file, bytes):
            with await asyncio.to_thread(_written, file) as written:
                return await self.convert(written, sender)
        descriptor = await asyncio.to_thread(_rewound, file)
        async with contextlib.AsyncExitStack() as turn:
            try:
                async with asyncio.timeout(PATIENCE):
                    if sender is not None:
                        own = self._turns.setdefault(sender, asyncio.Semaphore(OF_ONE))
                        await turn.enter_async_context(own)
                    await turn.enter_async_context(self._slots)
            except TimeoutError:
                raise Unavailable from None
            return _read(await _run(descriptor, *self._options))


def _written(content: bytes) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(content)
    return file


def _rewound(file: BinaryIO) -> int:
    """The child shares the place in the file; what Python still holds back must be in it."""
    descriptor = file.fileno()
    file.flush()
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


async def _run(descriptor: int, *options: str) -> bytes:
    """What the child says, or nothing where it was ended by its limits or by ours."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", *_CHILD, *options),
        stdin=descriptor,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_ENVIRONMENT,
    )
    assert process.stdout is not None, "it was asked for a pipe"
    said, whole = bytearray(), False
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST):
                while len(said) <= _MOST_OUTPUT and not whole:
                    part = await process.stdout.read(65_536)
                    said += part
                    whole = not part
                if whole:
                    await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
        # Its pipe is closed with what is read last; a child of its own may hold on to it, for which nobody waits.
        with contextlib.suppress(TimeoutError):
            await asyncio.shield(asyncio.wait_for(process.communicate(), 1))
    return bytes(said) if whole and process.returncode == 0 else b""


def _read(said: bytes) -> Picture:
    head, _, rest = said.partition(b"\n")
    if not head:
        raise refusal("photo_broken")
    told = orjson.loads(head)
    if told.get("error") == decoder.UNCONFINED:
        log.error("photos are refused: this kernel has neither seccomp nor Landlock, and WIDGET_SANDBOX requires one")
        raise Unavailable
    if "error" in told:
        raise refusal(told["error"])
    parts = []
    for size in told["parts"]:
        parts.append(rest[:size])
        rest = rest[size:]
    picture, thumbnail, small = parts
    return Picture(
        width=told["width"],
        height=told["height"],
        location=told["location"],
        picture=picture,
        thumbnail=thumbnail,
        small=small,
        peak=told["peak"],
        sandbox=tuple(told["sandbox"]),
    )


def refusal(code: str) -> DomainError:
    """The error of a file that gives no picture."""
    return WrongType(code) if code == "photo_type" else Invalid((FieldError("file", code),), code)

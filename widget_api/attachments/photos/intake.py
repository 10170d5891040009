"""Decode uploaded photos in child processes, with limits on their number, their time and their output."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from typing import BinaryIO

import orjson

from widget_api.attachments.photos import decoder
from widget_api.attachments.photos.model import Picture
from widget_api.errors import DomainError, FieldError, Invalid, TooMany, Unavailable, WrongType
from widget_api.web.fair_queue import FairQueue

log = logging.getLogger(__name__)

Area = tuple[float, float, float, float]  # left, top, right, bottom, as shares of width and height

MAX_CHILDREN = max(2, min(4, os.cpu_count() or 2))
QUEUE_TIMEOUT = 60.0  # seconds a file waits for its turn
CHILD_TIMEOUT = 60.0  # seconds; the CPU time is limited by decoder.CPU_SECONDS
_MAX_OUTPUT = 16 * 1024 * 1024  # bytes; three JPEGs of these sizes are always smaller
_CHILD = ("-m", decoder.__name__)
# One arena, so that freed memory is reused; nothing of this process's environment, which holds the secrets.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "LC_ALL": "C.UTF-8"}


class Intake:
    """Runs the children of this process. With `sandbox_required`, photos are refused if the kernel has no sandbox."""

    def __init__(self, *, sandbox_required: bool = False) -> None:
        self._options = (decoder.SANDBOX_REQUIRED,) if sandbox_required else ()
        self._queue = FairQueue(MAX_CHILDREN)

    async def convert(self, file: BinaryIO | bytes, sender: str = "service", *, cover: Sequence[Area] = ()) -> Picture:
        """Make a picture and its thumbnails of bytes or of a file with a descriptor (a temporary one).

        `cover` are areas to be filled. `sender`, an address or a name, never gets more than its share of the children.
        Cancelling kills the child. Raises WrongType («photo_type»), Invalid («photo_broken», «photo_too_big»,
        «photo_too_complex»), Unavailable (the queue is too long, or the required sandbox is missing).
        """
        if isinstance(file, bytes):
            with await asyncio.to_thread(_spool, file) as written:
                return await self.convert(written, sender, cover=cover)
        descriptor = await asyncio.to_thread(_rewind, file)
        async with contextlib.AsyncExitStack() as slots:
            try:
                async with asyncio.timeout(QUEUE_TIMEOUT):
                    await slots.enter_async_context(self._queue.slot(sender))
            except (TimeoutError, TooMany):
                raise Unavailable from None
            areas = ";".join(",".join(f"{edge:.4f}" for edge in area) for area in cover)
            options = (*self._options, decoder.COVER + areas) if areas else self._options
            return _parse_output(await _run_decoder(descriptor, *options))


def _spool(content: bytes) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(content)
    return file


def _rewind(file: BinaryIO) -> int:
    """Flush a file and seek to its start, since the child inherits its offset. Returns the descriptor."""
    descriptor = file.fileno()
    file.flush()
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


async def _run_decoder(descriptor: int, *options: str) -> bytes:
    """The child's output, empty where it failed.

    Raises Invalid where it used up its CPU time, Unavailable where the machine is too busy to give it any.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", *_CHILD, *options),
        stdin=descriptor,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_ENVIRONMENT,
    )
    assert process.stdout is not None, "it was asked for a pipe"
    output, complete = bytearray(), False
    try:
        async with asyncio.timeout(CHILD_TIMEOUT):
            while len(output) <= _MAX_OUTPUT and not complete:
                part = await process.stdout.read(65_536)
                output += part
                complete = not part
            if complete:
                await process.wait()
    except TimeoutError:
        raise Unavailable from None
    finally:
        if process.returncode is None:
            process.kill()
        # A grandchild that still holds the pipe open must not delay this.
        with contextlib.suppress(TimeoutError):
            await asyncio.shield(asyncio.wait_for(process.communicate(), 1))
    if process.returncode == -signal.SIGXCPU:
        raise photo_error("photo_too_complex")
    return bytes(output) if complete and process.returncode == 0 else b""


def _parse_output(output: bytes) -> Picture:
    head, _, rest = output.partition(b"\n")
    if not head:
        raise photo_error("photo_broken")
    report = orjson.loads(head)
    if report.get("error") == decoder.UNCONFINED:
        log.error("photos are refused: this kernel has neither seccomp nor Landlock, and WIDGET_SANDBOX requires one")
        raise Unavailable
    if "error" in report:
        raise photo_error(report["error"])
    parts = []
    for size in report["parts"]:
        parts.append(rest[:size])
        rest = rest[size:]
    picture, thumbnail, small = parts
    return Picture(
        width=report["width"],
        height=report["height"],
        location=report["location"],
        picture=picture,
        thumbnail=thumbnail,
        small=small,
        peak=report["peak"],
        sandbox=tuple(report["sandbox"]),
    )


def photo_error(code: str) -> DomainError:
    """The error of a file that gives no picture."""
    return WrongType(code) if code == "photo_type" else Invalid((FieldError("file", code),), code)

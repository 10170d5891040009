"""Files in a folder of this machine: a file is there whole or not at all, whatever is killed in between."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path

_PART = 1000
_PRIVATE = 0o700  # nobody else on the machine needs to look


class Folder:
    """Files under `root`. Every call runs in a thread: a disk may take its time."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(_write, self._root, name, content)

    async def get(self, name: str) -> bytes | None:
        try:
            return await asyncio.to_thread((self._root / name).read_bytes)
        except FileNotFoundError:
            return None

    async def delete(self, name: str) -> None:
        await asyncio.to_thread((self._root / name).unlink, missing_ok=True)

    async def names(self, prefix: str) -> AsyncIterator[list[str]]:
        found = (self._root / prefix).rglob("*.*")
        while part := await asyncio.to_thread(lambda: [str(one) for one in islice(found, _PART)]):
            yield part


def _write(root: Path, name: str, content: bytes) -> None:
    """Beside its place first, on the disk, then under its name: what has the name is complete."""
    file = root / name
    (root / name.split("/")[0]).mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    file.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    descriptor = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

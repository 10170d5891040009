"""Answers of public reads, made once for each state of a site and kept while there is room.

By ETag, which is as short as it is: the question behind it is the caller's. Who asks while another waits for the same
answer waits for it too, so a crowd that follows a link costs one reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from cachetools import LRUCache

_BYTES = 2 * 1024 * 1024
_OVERHEAD = 300  # bytes an entry takes beside its content


class Answers:
    """One for a process."""

    def __init__(self) -> None:
        self._kept: LRUCache[str, bytes] = LRUCache(_BYTES, getsizeof=lambda content: len(content) + _OVERHEAD)
        self._coming: dict[str, asyncio.Task[bytes]] = {}

    def __contains__(self, tag: str) -> bool:
        return tag in self._kept or tag in self._coming

    async def get(self, tag: str, make: Callable[[], Awaitable[Any]]) -> bytes:
        """What `make` returns, as JSON where it is no bytes. Raises what it raises; one who goes away takes nothing
        from the others."""
        known = self._kept.get(tag)
        if known is not None:
            return known
        coming = self._coming.get(tag)
        if coming is None:
            coming = self._coming[tag] = asyncio.create_task(self._make(tag, make), name="answer")
            coming.add_done_callback(
                lambda task: self._coming.pop(tag, None) and (task.cancelled() or task.exception())
            )
        return await asyncio.shield(coming)

    async def _make(self, tag: str, make: Callable[[], Awaitable[Any]]) -> bytes:
        made = await make()
        content = made if isinstance(made, bytes) else orjson.dumps(made)
        if len(content) + _OVERHEAD <= _BYTES:
            self._kept[tag] = content
        return content

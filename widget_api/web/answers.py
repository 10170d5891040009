"""Keep built responses in memory, so that many equal requests cost one read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from cachetools import LRUCache

_CACHE_SIZE = 2 * 1024 * 1024  # bytes
_OVERHEAD = 300  # bytes of an entry beside its content


class Answers:
    """The responses of a process by ETag or another name of their state, each built once.

    A request that arrives while the same response is being built waits for it, so that a crowd that follows a link
    causes one read. The least recently used ones make room for others, beyond `size` bytes.
    """

    def __init__(self, size: int = _CACHE_SIZE) -> None:
        self._cache: LRUCache[str, bytes] = LRUCache(size, getsizeof=lambda content: len(content) + _OVERHEAD)
        self._pending: dict[str, asyncio.Task[bytes]] = {}

    def __contains__(self, tag: str) -> bool:
        return tag in self._cache or tag in self._pending

    async def get(self, tag: str, make: Callable[[], Awaitable[Any]]) -> bytes:
        """Return the result of `make`, as JSON unless it is bytes. Raises what it raises.

        A client that disconnects does not cancel it for the others.
        """
        cached = self._cache.get(tag)
        if cached is not None:
            return cached
        task = self._pending.get(tag)
        if task is None:
            task = self._pending[tag] = asyncio.create_task(self._make(tag, make), name="answer")
            task.add_done_callback(lambda task: self._pending.pop(tag, None) and (task.cancelled() or task.exception()))
        return await asyncio.shield(task)

    async def _make(self, tag: str, make: Callable[[], Awaitable[Any]]) -> bytes:
        result = await make()
        content = result if isinstance(result, bytes) else orjson.dumps(result)
        if len(content) + _OVERHEAD <= self._cache.maxsize:
            self._cache[tag] = content
        return content

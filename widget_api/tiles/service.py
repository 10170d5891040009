"""Fetch tiles of the sites' territories, cache them in memory, and join concurrent requests for the same tile.

Tiles of other areas are not served, so that nobody uses this service as a free tile server.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cachetools import LRUCache

from widget_api import clock
from widget_api.database import Database
from widget_api.geo.model import Box, boxes_overlap
from widget_api.outbound import Failed, Outbound
from widget_api.settings import Settings
from widget_api.sites import service as sites
from widget_api.tiles.archive import Archive, CorruptArchive
from widget_api.tiles.model import MAX_TILE_SIZE, Tile, TileAddress, make_tile

TIMEOUT = 6.0  # seconds
MAX_CONCURRENT = 16  # requests
_MAX_FAILURES, _PAUSE = 5, 5.0  # in a row, then a pause in seconds


class UpstreamError(Exception):
    """The server failed; `slow` if by a timeout. The message names no address, which may contain a key."""

    def __init__(self, reason: str, *, slow: bool = False) -> None:
        super().__init__(reason)
        self.slow = slow


class Upstream:
    """A tile server whose address is `template` with {z}, {x} and {y}."""

    def __init__(self, template: str, outbound: Outbound) -> None:
        self._template = template
        self._outbound = outbound
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._failures, self._paused_until = 0, 0.0

    @property
    def host(self) -> str:
        return urlsplit(self._template).hostname or ""

    async def tile(self, address: TileAddress) -> bytes | None:
        """A tile's bytes, or None where the server has none. Raises UpstreamError."""
        if time.monotonic() < self._paused_until:
            raise UpstreamError("did not answer just now")
        try:
            async with asyncio.timeout(TIMEOUT), self._slots:
                found = await self._ask(address)
        except TimeoutError:
            self._failed()
            raise UpstreamError(f"no answer within {TIMEOUT:.0f} s", slow=True) from None
        except UpstreamError:
            self._failed()
            raise
        self._failures = 0
        return found

    async def _ask(self, address: TileAddress) -> bytes | None:
        url = self._template
        for name in ("z", "x", "y"):
            url = url.replace(f"{{{name}}}", str(getattr(address, name)))
        try:
            answer = await self._outbound.request("GET", url, operator=True, limit=MAX_TILE_SIZE)
        except Failed as error:
            raise UpstreamError(type(error.__cause__ or error).__name__) from None
        if answer.status in (204, 404):
            return None
        if answer.status != 200:
            raise UpstreamError(f"answers {answer.status}")
        if not answer.content_type.startswith("image/"):
            raise UpstreamError("answers with something else than a picture")
        return answer.body

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= _MAX_FAILURES:
            self._failures, self._paused_until = 0, time.monotonic() + _PAUSE


CACHE_SIZE = 8 * 1024 * 1024  # bytes: some hundred pictures, those a town looks at most
TILE_LIFETIME = clock.DAY  # seconds
MISSING_LIFETIME, FAILURE_LIFETIME = 600.0, 10.0  # seconds
_OVERHEAD = 500  # bytes of an entry besides its picture
_TERRITORY_LIFETIME = 10.0  # seconds for which the sites' territories are cached
_SCREEN_TILES = 3  # tiles: half the width of a wide screen, whose middle lies in the territory
_MARGIN, _MIN_MARGIN = 0.25, 0.02  # a share of the territory's width; degrees
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedTile:
    """A tile, or the `status` to answer without one, and the monotonic time at which it expires."""

    tile: Tile | None
    status: int
    until: float


class Tiles:
    """The tile cache of this process. Without WIDGET_TILES every tile is missing."""

    def __init__(self, settings: Settings, outbound: Outbound) -> None:
        self.source: Archive | Upstream | None = None
        self.fault: str | None = None  # why the source cannot be used; the service runs without it
        try:
            if settings.tiles is not None:
                remote = settings.tiles.startswith(("http://", "https://"))
                self.source = Upstream(settings.tiles, outbound) if remote else Archive(Path(settings.tiles))
        except (CorruptArchive, OSError) as error:
            self.fault = f"{settings.tiles} cannot be read: {error}"
            log.error("WIDGET_TILES: %s", self.fault)
        self._cache: LRUCache[TileAddress, CachedTile] = LRUCache(CACHE_SIZE, getsizeof=_cache_size)
        self._fetches: dict[TileAddress, asyncio.Task[CachedTile]] = {}
        self._boxes: tuple[Box, ...] = ()
        self._boxes_read_at = float("-inf")

    def close(self) -> None:
        for fetch in self._fetches.values():
            fetch.cancel()
        if isinstance(self.source, Archive):
            self.source.close()

    async def get(self, database: Database, address: TileAddress) -> CachedTile:
        """A tile, or the `status` to answer: 404 missing or outside all territories, 502 or 504 a failed source."""
        known = self._fresh(address)
        if known is not None:
            return known
        if self.source is None or not await self._is_in_territory(database, address):
            return CachedTile(None, 404, 0)
        known = self._fresh(address)  # a fetch may have ended during the query
        if known is not None:
            return known
        fetch = self._fetches.get(address)
        if fetch is None:
            fetch = self._fetches[address] = asyncio.create_task(self._fetch(self.source, address))
            fetch.add_done_callback(lambda _: self._fetches.pop(address, None))
        return await asyncio.shield(fetch)  # a cancelled request must not cancel the others

    def _fresh(self, address: TileAddress) -> CachedTile | None:
        known = self._cache.get(address)
        return known if known is not None and time.monotonic() < known.until else None

    async def _is_in_territory(self, database: Database, address: TileAddress) -> bool:
        """Whether a tile shows the territory of an enabled site or its surroundings."""
        if time.monotonic() > self._boxes_read_at + _TERRITORY_LIFETIME:
            everyone = await sites.list_sites(database)
            self._boxes = tuple(
                _expand_box(polygon.box) for site in everyone if site.territory for polygon in site.territory.polygons
            )
            self._boxes_read_at = time.monotonic()
        ground = address.around(_SCREEN_TILES)
        return any(boxes_overlap(box, ground) for box in self._boxes)

    async def _fetch(self, source: Archive | Upstream, address: TileAddress) -> CachedTile:
        """Fetch a tile and cache the result. Never raises; after a failure an expired picture is served again."""
        known = self._cache.get(address)
        cached = await self._read(source, address)
        if cached.status >= 500 and known is not None and known.tile is not None:
            cached = CachedTile(known.tile, 200, cached.until)
        if _cache_size(cached) <= CACHE_SIZE:
            self._cache[address] = cached
        return cached

    async def _read(self, source: Archive | Upstream, address: TileAddress) -> CachedTile:
        try:
            if isinstance(source, Archive):
                body = await asyncio.to_thread(source.tile, address)
            else:
                body = await source.tile(address)
        except (UpstreamError, CorruptArchive, OSError) as error:
            log.warning("a tile cannot be fetched: %s", error)
            status = 504 if isinstance(error, UpstreamError) and error.slow else 502
            return CachedTile(None, status, time.monotonic() + FAILURE_LIFETIME)
        if body is None:
            return CachedTile(None, 404, time.monotonic() + MISSING_LIFETIME)
        found = make_tile(body)
        if found is None:
            log.warning("the response for a tile is not an image that browsers support")
            return CachedTile(None, 502, time.monotonic() + FAILURE_LIFETIME)
        return CachedTile(found, 200, time.monotonic() + TILE_LIFETIME)


def _cache_size(cached: CachedTile) -> int:
    return _OVERHEAD + (len(cached.tile.body) if cached.tile else 0)


def _expand_box(box: Box) -> Box:
    west, south, east, north = box
    across, down = (max(_MIN_MARGIN, _MARGIN * span) for span in (east - west, north - south))
    return west - across, south - down, east + across, north + down

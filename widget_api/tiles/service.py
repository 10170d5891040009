"""Tiles for the maps of our sites, and for nobody else's: kept in memory, fetched once however many ask."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from cachetools import LRUCache

from widget_api.database import Database
from widget_api.geo.model import Box, overlap
from widget_api.outbound import Outbound
from widget_api.settings import Settings
from widget_api.sites import service as sites
from widget_api.tiles.archive import Archive, Broken
from widget_api.tiles.model import Address, Tile, tile
from widget_api.tiles.upstream import Silent, Upstream

MOST_BYTES = 8 * 1024 * 1024  # of pictures in memory: some hundred, what a town looks at most
GOOD = 86_400.0  # seconds until an upstream is asked again
ABSENT, AILING = 600.0, 10.0  # seconds a missing one, a failure are remembered
_OVERHEAD = 500  # bytes an entry takes beside its picture
_LOOK = 10.0  # seconds after which a changed territory is seen
_SCREEN = 3  # tiles: half of a wide screen, whose middle lies in the territory
_MARGIN, _LEAST_MARGIN = 0.25, 0.02  # of the territory's width, degrees: a screen shows what lies around it
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """What is known of a tile, until when. Without a picture `status` says why."""

    tile: Tile | None
    status: int
    until: float


class Tiles:
    """One a process. Without WIDGET_TILES it has none."""

    def __init__(self, settings: Settings, outbound: Outbound) -> None:
        self.source: Archive | Upstream | None = None
        self.fault: str | None = None  # why the source cannot be used: no reason to refuse reports
        try:
            if settings.tiles is not None:
                remote = settings.tiles.startswith(("http://", "https://"))
                self.source = Upstream(settings.tiles, outbound) if remote else Archive(Path(settings.tiles))
        except (Broken, OSError) as error:
            self.fault = f"{settings.tiles} cannot be read: {error}"
            log.error("WIDGET_TILES: %s", self.fault)
        self._held: LRUCache[Address, Held] = LRUCache(MOST_BYTES, getsizeof=_size)
        self._flights: dict[Address, asyncio.Task[Held]] = {}
        self._boxes: tuple[Box, ...] = ()
        self._looked = float("-inf")

    def close(self) -> None:
        for flight in self._flights.values():
            flight.cancel()
        if isinstance(self.source, Archive):
            self.source.close()

    async def get(self, database: Database, address: Address) -> Held:
        """The tile, or a `status`: 404 none here or not ours to serve, 502 or 504 its source does not answer."""
        known = self._fresh(address)
        if known is not None:
            return known
        if self.source is None or not await self._ours(database, address):
            return Held(None, 404, 0)
        known = self._fresh(address)  # a flight may have ended while the database was asked
        if known is not None:
            return known
        flight = self._flights.get(address)
        if flight is None:
            flight = self._flights[address] = asyncio.create_task(self._fetch(self.source, address))
            flight.add_done_callback(lambda _: self._flights.pop(address, None))
        return await asyncio.shield(flight)  # who goes away does not take it from the others

    def _fresh(self, address: Address) -> Held | None:
        known = self._held.get(address)
        return known if known is not None and time.monotonic() < known.until else None

    async def _ours(self, database: Database, address: Address) -> bool:
        """Whether it shows ground of an enabled site, or what lies around it."""
        if time.monotonic() > self._looked + _LOOK:
            everyone = await sites.all_sites(database)
            self._boxes = tuple(
                _wider(polygon.box) for site in everyone if site.territory for polygon in site.territory.polygons
            )
            self._looked = time.monotonic()
        ground = address.around(_SCREEN)
        return any(overlap(box, ground) for box in self._boxes)

    async def _fetch(self, source: Archive | Upstream, address: Address) -> Held:
        """Never raises. A failure hands out what was good before."""
        known = self._held.get(address)
        held = await self._asked(source, address)
        if held.status >= 500 and known is not None and known.tile is not None:
            held = Held(known.tile, 200, held.until)
        if _size(held) <= MOST_BYTES:
            self._held[address] = held
        return held

    async def _asked(self, source: Archive | Upstream, address: Address) -> Held:
        try:
            if isinstance(source, Archive):
                body = await asyncio.to_thread(source.tile, address)
            else:
                body = await source.tile(address)
        except (Silent, Broken, OSError) as error:
            log.warning("a tile could not be had: %s", error)
            status = 504 if isinstance(error, Silent) and error.slow else 502
            return Held(None, status, time.monotonic() + AILING)
        if body is None:
            return Held(None, 404, time.monotonic() + ABSENT)
        found = tile(body)
        if found is None:
            log.warning("what came for a tile is no picture that browsers show")
            return Held(None, 502, time.monotonic() + AILING)
        return Held(found, 200, time.monotonic() + GOOD)


def _size(held: Held) -> int:
    return _OVERHEAD + (len(held.tile.body) if held.tile else 0)


def _wider(box: Box) -> Box:
    west, south, east, north = box
    across, down = (max(_LEAST_MARGIN, _MARGIN * span) for span in (east - west, north - south))
    return west - across, south - down, east + across, north + down

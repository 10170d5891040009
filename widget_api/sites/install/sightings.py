"""Counts where the widget is seen, in memory, and writes what came together every few seconds: never one a request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.errors import DomainError
from widget_api.sites import origins
from widget_api.sites.deadlines import local_date
from widget_api.sites.install import store
from widget_api.sites.install.model import ANYBODYS, FAILURES, KEPT_DAYS, MOST_ORIGINS, REST, Kind
from widget_api.sites.model import Site
from widget_api.web import releases

log = logging.getLogger(__name__)
PAUSE = 3.0  # seconds between two writes
_MOST_WAITING = 5000  # rows: a flood of made-up origins on thousands of sites costs counts, never memory

Place = tuple[str, str, str, str, Kind]  # site, day, origin, version, kind


class Sightings:
    """One a process. What it holds is lost with a crash, which costs a few seconds of counts."""

    def __init__(self) -> None:
        self._waiting: dict[Place, tuple[int, int]] = {}  # count, the last moment
        self._origins: dict[tuple[str, str], set[str]] = {}

    def note(self, site: Site, kind: Kind, origin: str, version: str = "") -> None:
        """Count one. `origin` and `version` come from outside and may be anything."""
        now = clock.now()
        day = local_date(now, site.time_zone).isoformat()
        written = _written(origin)
        told_apart = self._told_apart(site.id, day, written) if kind in ANYBODYS else written
        place = (site.id, day, told_apart, _known(version), kind)
        count, _ = self._waiting.get(place, (0, 0))
        if count or len(self._waiting) < _MOST_WAITING:
            self._waiting[place] = (count + 1, now)

    def failed(self, site: Site, word: str, origin: str, version: str = "") -> None:
        """Count a failure a widget tells of; a word we do not know is none."""
        kind = FAILURES.get(word)
        if kind is not None:
            self.note(site, kind, origin, version)

    async def flush(self, database: Database) -> None:
        """Write what came together. Raises Unavailable; the counts are kept then."""
        waiting, self._waiting, self._origins = self._waiting, {}, {}
        if not waiting:
            return

        async def work(tx: Transaction) -> None:
            await store.add(tx, await _capped(tx, waiting))

        try:
            await database.write(work)
        except BaseException:
            for place, (count, at) in waiting.items():
                more, later = self._waiting.get(place, (0, 0))
                self._waiting[place] = (count + more, max(at, later))
            raise

    def _told_apart(self, site_id: str, day: str, origin: str) -> str:
        known = self._origins.setdefault((site_id, day), set())
        if origin not in known:
            if len(known) >= MOST_ORIGINS:
                return REST
            known.add(origin)
        return origin


async def _capped(tx: Transaction, waiting: Mapping[Place, tuple[int, int]]) -> list[dict[str, object]]:
    """The rows to add, with no more origins a day than are told apart, whatever the other processes wrote."""
    there: dict[tuple[str, str], set[str]] = {}
    rows: dict[Place, tuple[int, int]] = {}
    for (site_id, day, origin, version, kind), (count, at) in waiting.items():
        if (site_id, day) not in there:
            there[site_id, day] = await store.origins(tx, site_id, day)
        known = there[site_id, day]
        if kind in ANYBODYS and origin not in known and len(known) >= MOST_ORIGINS:
            origin = REST
        known.add(origin)
        place = (site_id, day, origin, version, kind)
        more, later = rows.get(place, (0, 0))
        rows[place] = (count + more, max(at, later))
    names = ("site_id", "day", "origin", "version", "kind")
    return [
        dict(zip(names, place, strict=True)) | {"count": count, "last_at": at} for place, (count, at) in rows.items()
    ]


@contextlib.asynccontextmanager
async def counting(sightings: Sightings, database: Database) -> AsyncIterator[None]:
    """Writes every few seconds for as long as the block runs, and once more at its end."""

    async def keep_writing() -> None:
        while True:
            await asyncio.sleep(PAUSE)
            await _try(sightings, database)

    task = asyncio.create_task(keep_writing(), name="sightings")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await _try(sightings, database)


async def _try(sightings: Sightings, database: Database) -> None:
    try:
        await sightings.flush(database)
    except DomainError as error:
        log.warning("sightings wait for the database: %s", error)


async def forget_old(database: Database) -> int:
    """Drop what is older than it is kept. Returns how many rows."""
    before = (local_date(clock.now(), "UTC") - timedelta(days=KEPT_DAYS)).isoformat()

    async def work(tx: Transaction) -> int:
        return await store.forget(tx, before)

    return await database.write(work)


def _written(origin: str) -> str:
    """As browsers write it; what no browser would have sent is not told apart."""
    if origin == "null":
        return origin
    try:
        return origins.normalise(origin) if origin == origin.lower() else REST
    except origins.NotAnOrigin:
        return REST


def _known(version: str) -> str:
    return version if not version or version in releases.list_versions() else REST

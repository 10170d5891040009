"""Count where the widget is seen, in memory, and write the counts every few seconds rather than at each request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.errors import DomainError
from widget_api.sites import origins
from widget_api.sites.deadlines import local_date
from widget_api.sites.kinds import IS_SITE
from widget_api.sites.model import Site
from widget_api.web import releases

Kind = Literal[
    "seen",  # the form opened on a page of a registered origin
    "framed",  # the same through the iframe
    "key_old",  # with a rotated key that is still valid
    "key_expired",  # with an expired key
    "origin_refused",  # on a page whose origin is not registered
    "failed.load",
    "failed.config",
    "failed.crash",
    "failed.connect",
    "failed.img",
    "failed.script",
    "failed.send",
]

# Failures that the widget reports (widget_js/shared/telemetry.ts), among them the CSP directive that blocked something.
FAILURES: dict[str, Kind] = {
    "load": "failed.load",
    "config": "failed.config",
    "crash": "failed.crash",
    "send": "failed.send",
    "connect-src": "failed.connect",
    "img-src": "failed.img",
    "script-src": "failed.script",
    "script-src-elem": "failed.script",
}
# Kinds that a page of any origin can cause; the others are counted after the origin's check.
UNVERIFIED_KINDS: frozenset[Kind] = frozenset({"key_expired", "origin_refused"})
SEEN_KINDS: tuple[Kind, ...] = ("seen", "framed")  # the widget works there
OTHERS = "…"  # replaces origins beyond MAX_ORIGINS, and unknown releases
MAX_ORIGINS = 50  # distinct ones of unverified kinds per site and day
RETENTION_DAYS = 90
log = logging.getLogger(__name__)
WRITE_INTERVAL = 3.0  # seconds
_MAX_PENDING = 5000  # rows; beyond them counts are dropped, which limits the memory under a flood of invented origins
SightingKey = tuple[str, str, str, str, Kind]  # site, day, origin, version, kind
_COLUMNS = ("site_id", "day", "origin", "version", "kind", "count", "last_at")
_ROWS_PER_STATEMENT = 100  # rows a statement


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """The count of one kind on one day in the site's time zone."""

    day: str  # YYYY-MM-DD
    origin: str
    version: str  # empty = it did not say
    kind: Kind
    count: int
    last_at: int


class Sightings:
    """The counts of this process that are not written yet. A crash loses those of a few seconds."""

    def __init__(self) -> None:
        self._waiting: dict[SightingKey, tuple[int, int]] = {}  # count, the last moment
        self._origins: dict[tuple[str, str], set[str]] = {}

    def note(self, site: Site, kind: Kind, origin: str, version: str = "") -> None:
        """Count one sighting. `origin` and `version` are untrusted."""
        now = clock.now()
        day = local_date(now, site.time_zone).isoformat()
        written = _normalise_origin(origin)
        counted_origin = self._limit_origin(site.id, day, written) if kind in UNVERIFIED_KINDS else written
        place = (site.id, day, counted_origin, _known_version(version), kind)
        count, _ = self._waiting.get(place, (0, 0))
        if count or len(self._waiting) < _MAX_PENDING:
            self._waiting[place] = (count + 1, now)

    def note_failure(self, site: Site, word: str, origin: str, version: str = "") -> None:
        """Count a failure that a widget reports; unknown ones are ignored."""
        kind = FAILURES.get(word)
        if kind is not None:
            self.note(site, kind, origin, version)

    async def flush(self, database: Database) -> None:
        """Write the counts. Raises Unavailable and keeps them in that case."""
        waiting, self._waiting, self._origins = self._waiting, {}, {}
        if not waiting:
            return

        async def work(tx: Transaction) -> None:
            await add_counts(tx, await _limit_origins(tx, waiting))

        try:
            await database.write(work)
        except BaseException:
            for place, (count, at) in waiting.items():
                more, later = self._waiting.get(place, (0, 0))
                self._waiting[place] = (count + more, max(at, later))
            raise

    def _limit_origin(self, site_id: str, day: str, origin: str) -> str:
        known = self._origins.setdefault((site_id, day), set())
        if origin not in known:
            if len(known) >= MAX_ORIGINS:
                return OTHERS
            known.add(origin)
        return origin


async def _limit_origins(tx: Transaction, waiting: Mapping[SightingKey, tuple[int, int]]) -> list[dict[str, object]]:
    """The rows to add, with at most MAX_ORIGINS a day, those of other processes included."""
    origins_of_day: dict[tuple[str, str], set[str]] = {}
    rows: dict[SightingKey, tuple[int, int]] = {}
    for (site_id, day, origin, version, kind), (count, at) in waiting.items():
        if (site_id, day) not in origins_of_day:
            origins_of_day[site_id, day] = await list_origins(tx, site_id, day)
        known = origins_of_day[site_id, day]
        if kind in UNVERIFIED_KINDS and origin not in known and len(known) >= MAX_ORIGINS:
            origin = OTHERS
        known.add(origin)
        place = (site_id, day, origin, version, kind)
        more, later = rows.get(place, (0, 0))
        rows[place] = (count + more, max(at, later))
    names = ("site_id", "day", "origin", "version", "kind")
    return [
        dict(zip(names, place, strict=True)) | {"count": count, "last_at": at} for place, (count, at) in rows.items()
    ]


@contextlib.asynccontextmanager
async def write_periodically(sightings: Sightings, database: Database) -> AsyncIterator[None]:
    """Write the counts every WRITE_INTERVAL while the block runs, and once more at its end."""

    async def keep_writing() -> None:
        while True:
            await asyncio.sleep(WRITE_INTERVAL)
            await _flush_or_log(sightings, database)

    task = asyncio.create_task(keep_writing(), name="sightings")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await _flush_or_log(sightings, database)


async def _flush_or_log(sightings: Sightings, database: Database) -> None:
    try:
        await sightings.flush(database)
    except DomainError as error:
        log.warning("sightings cannot be written yet: %s", error)


async def delete_old(database: Database) -> int:
    """Delete counts older than RETENTION_DAYS. Returns the number of rows."""
    before = (local_date(clock.now(), "UTC") - timedelta(days=RETENTION_DAYS)).isoformat()

    async def work(tx: Transaction) -> int:
        return await delete_before(tx, before)

    return await database.write(work)


def _normalise_origin(origin: str) -> str:
    """The origin as browsers write it; OTHERS for anything that no browser sends."""
    if origin == "null":
        return origin
    try:
        return origins.normalise_origin(origin) if origin == origin.lower() else OTHERS
    except origins.InvalidOrigin:
        return OTHERS


def _known_version(version: str) -> str:
    return version if not version or version in releases.list_versions() else OTHERS


async def list_origins(tx: Transaction, site_id: str, day: str) -> set[str]:
    """The origins counted on a day already."""
    rows = await tx.rows(
        "SELECT DISTINCT origin FROM site_sightings WHERE site_id = :site_id AND day = :day", site_id=site_id, day=day
    )
    return {row[0] for row in rows}


async def add_counts(tx: Transaction, counted: Sequence[Mapping[str, Any]]) -> None:
    """Add counts to the stored ones. Each site, day, origin, version and kind may occur only once."""
    for start in range(0, len(counted), _ROWS_PER_STATEMENT):
        some = counted[start : start + _ROWS_PER_STATEMENT]
        rows = ", ".join(f"({', '.join(f':{name}_{index}' for name in _COLUMNS)})" for index in range(len(some)))
        await tx.run(
            f"""
            INSERT INTO site_sightings ({", ".join(_COLUMNS)}) VALUES {rows}
            ON CONFLICT (site_id, day, origin, version, kind) DO UPDATE SET
              count = site_sightings.count + excluded.count,
              last_at = CASE WHEN excluded.last_at > site_sightings.last_at
                        THEN excluded.last_at ELSE site_sightings.last_at END
            """,
            **{f"{name}_{index}": one[name] for index, one in enumerate(some) for name in _COLUMNS},
        )


async def list_since(database: Database, site_id: str, day: str) -> list[Sighting]:
    """A site's counts from a day on, newest day first."""
    rows = await database.rows(
        """
        SELECT day, origin, version, kind, count, last_at FROM site_sightings
        WHERE site_id = :site_id AND day >= :day ORDER BY day DESC, origin, version, kind
        """,
        site_id=site_id,
        day=day,
    )
    names = ("day", "origin", "version", "kind", "count", "last_at")
    return [Sighting(**{name: row[name] for name in names}) for row in rows]


async def list_silent_sites(database: Database, since: str, own: str) -> Sequence[Row]:
    """The enabled sites, by name, whose widget nobody has opened from a day on; `own`, the service, does not count."""
    return await database.rows(
        f"""
        SELECT s.id, s.name FROM sites s WHERE s.disabled_at IS NULL AND {IS_SITE} AND NOT EXISTS (
            SELECT 1 FROM site_sightings v WHERE v.site_id = s.id AND v.day >= :since AND v.origin <> :own
            AND v.kind IN ({", ".join(f"'{kind}'" for kind in SEEN_KINDS)})
        ) ORDER BY s.name, s.id
        """,
        since=since,
        own=own,
    )


async def delete_before(tx: Transaction, before: str) -> int:
    """Delete rows of earlier days. Returns their number."""
    return await tx.run("DELETE FROM site_sightings WHERE day < :before", before=before)

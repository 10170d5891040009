"""Find out since when letters, or reports to a platform, leave late. One bad address makes no delay of the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from widget_api import clock
from widget_api.database import Database
from widget_api.deliveries.sinks import KINDS, SINKS, Sink, sql_condition
from widget_api.errors import DomainError

LATE = 600  # seconds by which a delivery is late enough to be told
KEPT = 5  # seconds for which an answer is kept
_NEWEST = 500  # attempts, among which is the last successful one
_PLATFORMS = KINDS["platform"]
_LETTERS = [sink for sink in SINKS if sink.kind not in ("platform", "media")]


@dataclass(frozen=True)
class Delays:
    """Since when what is due has waited; None = it leaves in time. `works` is False where the database is away."""

    at: int
    works: bool = True
    letters: int | None = None
    platforms: int | None = None

    @property
    def worst(self) -> str:
        """The code of the sentence that says it."""
        late = [name for name in ("letters", "platforms") if getattr(self, name) is not None]
        return "down" if not self.works else "both" if len(late) == 2 else late[0] if late else "works"


_kept: WeakKeyDictionary[Database, Delays] = WeakKeyDictionary()


async def read_delays(database: Database) -> Delays:
    """Read what is late now, or was up to KEPT seconds ago. A database that does not answer is part of the answer."""
    now = clock.now()
    found = _kept.get(database)
    if found is None or not 0 <= now - found.at < KEPT:
        try:
            letters, platforms = [await _find_start(database, sinks, now) for sinks in (_LETTERS, _PLATFORMS)]
            found = Delays(now, letters=letters, platforms=platforms)
        except (DomainError, OSError):
            found = Delays(now, works=False)
        _kept[database] = found
    return found


async def _find_start(database: Database, sinks: Sequence[Sink], now: int) -> int | None:
    """When the oldest delivery was enqueued that nobody has taken in time, or that fails together with another's.

    Failing ones count from the last success on: before it they failed by themselves.
    """
    chosen = sql_condition("d.sink", sinks)
    left = await database.row(
        "SELECT MAX(a.at) AS at FROM (SELECT * FROM delivery_attempts ORDER BY id DESC LIMIT :newest) a"
        f" JOIN deliveries d ON d.id = a.delivery_id WHERE a.outcome = 'delivered' AND {chosen}",
        newest=_NEWEST,
    )
    failing = "d.attempts > 0 AND d.created_at > :left"
    row = await database.row(
        f"""
        SELECT MIN(CASE WHEN d.next_at <= :late THEN d.created_at END) AS untaken,
          MIN(CASE WHEN {failing} THEN d.created_at END) AS failing,
          COUNT(DISTINCT CASE WHEN {failing} THEN d.problem_id END) AS several
        FROM deliveries d WHERE d.state IN ('pending', 'leased') AND {chosen} AND d.created_at <= :late
        """,
        late=now - LATE,
        left=(left and left["at"]) or 0,
    )
    assert row is not None
    starts = [row["untaken"], row["failing"] if row["several"] > 1 else None]
    return min((start for start in starts if start is not None), default=None)

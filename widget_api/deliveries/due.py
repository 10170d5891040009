"""What is due: the condition, and where a lane begins that is not waiting for a platform at rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from widget_api.database import Database, Transaction
from widget_api.deliveries import circuit

# Due, and nothing of the same problem still under way to the same sink before it. A dead opening letter blocks what
# follows: a platform that never got the request cannot take its updates.
_FREE = """
    (d.state = 'pending' AND d.next_at <= :now OR d.state = 'leased' AND d.lease_until <= :now)
    AND {sinks} AND NOT EXISTS (
        SELECT 1 FROM deliveries e WHERE e.problem_id = d.problem_id AND e.sink = d.sink AND e.position < d.position
        AND (e.state IN ('pending', 'leased') OR e.state = 'dead' AND e.opens)
    )"""
_ANYBODYS = _FREE.format(sinks=f"d.sink NOT IN {circuit.RESTING}")
PROBE = _FREE.format(sinks="d.sink = :sink")
# SQLite takes the index of what is under way only where its own condition stands beside. PostgreSQL sees by itself that
# it holds; counted twice, it would take the many that wait for few and sort them: of 6,000 in 230 ms instead of 0.2.
DUE = {"sqlite": f"d.state IN ('pending', 'leased') AND {_ANYBODYS}", "postgresql": _ANYBODYS}


@dataclass(frozen=True)
class Beginning:
    """Where a lane begins that is not waiting for a platform that rests."""

    condition: str = ""
    values: Mapping[str, int] = field(default_factory=dict)


async def beginning(reader: Database | Transaction, lane: int, now: int, resting: Sequence[str]) -> Beginning | None:
    """None where nothing else is due. A hundred thousand deliveries may wait for days at the head of a lane: whether
    each is free is found out with several look-ups, that it is one of these with a glance.
    """
    if not resting:
        return Beginning()
    sinks = {f"rests_{index}": sink for index, sink in enumerate(resting)}
    row = await reader.row(
        "SELECT d.next_at, d.position FROM deliveries d WHERE d.lane = :lane AND d.state IN ('pending', 'leased')"
        " AND (d.next_at <= :now OR d.state = 'leased')"  # a lease may be older than a clock that went back
        f" AND d.sink NOT IN ({', '.join(f':{name}' for name in sinks)})"
        " ORDER BY d.next_at, d.position LIMIT 1",
        lane=lane,
        now=now,
        **sinks,
    )
    if row is None:
        return None
    values = {"from_time": row["next_at"], "from_position": row["position"]}
    return Beginning(" AND (d.next_at, d.position) >= (:from_time, :from_position)", values)

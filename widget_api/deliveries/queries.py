"""List, filter and count deliveries for operators, on the command line and in the cabinet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from widget_api.database import Database, Row
from widget_api.deliveries import sinks

STATES = ("pending", "leased", "delivered", "dead", "dropped")
MAX_COUNT = 100  # counting stops here
MAX_ATTEMPTS_SHOWN = 50  # attempts shown of a delivery, the newest


@dataclass(frozen=True, kw_only=True)
class DeliveryFilter:
    """Which deliveries to select; a field that is empty or None does not restrict."""

    states: Sequence[str] = ()
    sinks: Sequence[str] = ()  # kinds, or sinks by their whole name
    platform: str | None = None  # its identifier or its name
    problem: str | None = None  # its identifier, or its number on any site
    sites: Sequence[str] | None = None

    def where(self) -> tuple[str, dict[str, Any]]:
        """Return an SQL condition on `deliveries d` and `problems p`, and its values."""
        values: dict[str, Any] = {}

        def bind(value: Any) -> str:
            values[f"c{len(values)}"] = value
            return f":c{len(values) - 1}"

        conditions = ["TRUE"]
        if self.states:
            conditions.append(f"d.state IN ({', '.join(map(bind, self.states))})")
        if self.sites is not None:
            conditions.append(f"d.site_id IN ({', '.join(map(bind, self.sites)) or 'NULL'})")
        if self.sinks:
            known = [entry for sink in self.sinks for entry in sinks.KINDS.get(sink, ())]
            others = [f"d.sink = {bind(sink)}" for sink in self.sinks if sink not in sinks.KINDS]
            conditions.append(f"({' OR '.join([sinks.sql_condition('d.sink', known), *others])})")
        if self.platform is not None:
            same = f"f.id = {bind(self.platform)} OR f.name = {bind(self.platform)}"
            conditions.append(f"d.sink IN (SELECT 'platform:' || f.id FROM platforms f WHERE {same})")
        if self.problem is not None:
            same = f"p.id = {bind(self.problem)}"
            if self.problem.isascii() and self.problem.isdigit() and len(self.problem) < 10:
                same += f" OR p.number = {bind(int(self.problem))}"
            conditions.append(f"({same})")
        return " AND ".join(conditions), values


_SHOWN = """
    SELECT d.id, d.site_id, d.problem_id, d.event_id, d.sink, d.lane, d.state, d.attempts, d.next_at, d.last_error,
           d.reason, d.decided_at, d.created_at, d.delivered_at, p.number, e.kind, e.status, f.name AS platform_name,
           s.name AS site_name, s.time_zone, s.language AS site_language, u.email AS decided_by
    FROM deliveries d JOIN problems p ON p.id = d.problem_id JOIN sites s ON s.id = d.site_id
    JOIN events e ON e.site_id = d.site_id AND e.id = d.event_id
    LEFT JOIN platforms f ON d.sink = 'platform:' || f.id LEFT JOIN users u ON u.id = d.decided_by
"""


async def list_deliveries(
    database: Database, choice: DeliveryFilter, limit: int = 200, *, after: str = "", oldest_first: bool = False
) -> list[Mapping[str, Any]]:
    """List deliveries in the order of enqueueing, newest first, without texts of the report or contacts.

    Keyset paging: `after` is the id of the last row of the page before.
    """
    where, values = choice.where()
    order, comparison = ("", ">") if oldest_first else (" DESC", "<")
    if after:
        where, values = f"{where} AND d.id {comparison} :after", values | {"after": after}
    rows = await database.rows(f"{_SHOWN} WHERE {where} ORDER BY d.id{order} LIMIT :limit", **values, limit=limit)
    return [_as_dict(row) for row in rows]


async def find(database: Database, delivery_id: str, choice: DeliveryFilter | None = None) -> Mapping[str, Any] | None:
    """Find one delivery, None if there is none or `choice` excludes it."""
    where, values = (choice or DeliveryFilter()).where()
    row = await database.row(f"{_SHOWN} WHERE {where} AND d.id = :id", **values, id=delivery_id)
    return None if row is None else _as_dict(row)


async def list_ids(database: Database, choice: DeliveryFilter, after: str, limit: int) -> list[str]:
    """List the next ids in the order of enqueueing."""
    where, values = choice.where()
    rows = await database.rows(
        f"SELECT d.id FROM deliveries d JOIN problems p ON p.id = d.problem_id WHERE {where} AND d.id > :after"
        " ORDER BY d.id LIMIT :limit",
        **values,
        after=after,
        limit=limit,
    )
    return [str(row["id"]) for row in rows]


async def list_attempts(database: Database, delivery_ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    """List the newest MAX_ATTEMPTS_SHOWN attempts of each delivery, oldest first: `at`, `outcome`, `error`.

    Bounded, since a platform that is unavailable for a month is tried every few minutes.
    """
    attempts: dict[str, list[Mapping[str, Any]]] = {delivery_id: [] for delivery_id in delivery_ids}
    names = {f"d{index}": delivery_id for index, delivery_id in enumerate(delivery_ids)}
    rows = await database.rows(
        "SELECT delivery_id, at, outcome, error FROM (SELECT delivery_attempts.*,"
        " ROW_NUMBER() OVER (PARTITION BY delivery_id ORDER BY at DESC, id DESC) AS place FROM delivery_attempts"
        f" WHERE delivery_id IN ({', '.join(f':{name}' for name in names) or 'NULL'})) tries"
        " WHERE place <= :most ORDER BY at, id",
        **names,
        most=MAX_ATTEMPTS_SHOWN,
    )
    for row in rows:
        attempts[row["delivery_id"]].append({"at": row["at"], "outcome": row["outcome"], "error": row["error"]})
    return attempts


async def count_dead(database: Database, choice: DeliveryFilter | None = None) -> int:
    """Count dead deliveries, up to MAX_COUNT."""
    where, values = (choice or DeliveryFilter()).where()
    row = await database.row(
        "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries d JOIN problems p ON p.id = d.problem_id"
        f" WHERE d.state = 'dead' AND {where} LIMIT {MAX_COUNT}) AS counted",
        **values,
    )
    assert row is not None, "an aggregate without its row"
    return int(row[0])


async def count_dead_by_kind(database: Database) -> dict[str, int]:
    """Count dead deliveries by the kind of their sink."""
    counts: dict[str, int] = {}
    for row in await database.rows(
        "SELECT sink, COUNT(*) AS count FROM deliveries WHERE state = 'dead' GROUP BY sink ORDER BY sink"
    ):
        kind = sinks.find_sink(row["sink"]).kind
        counts[kind] = counts.get(kind, 0) + row["count"]
    return counts


def _as_dict(row: Row) -> Mapping[str, Any]:
    return {name: row[name] for name in row.keys()}  # noqa: SIM118 - rows yield values


async def find_created_at(database: Database, delivery_id: str) -> int | None:
    """Return when a delivery was enqueued or last requested again, None if it is gone."""
    row = await database.row("SELECT created_at FROM deliveries WHERE id = :id", id=delivery_id)
    return None if row is None else row["created_at"]

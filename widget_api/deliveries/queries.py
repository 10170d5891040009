"""What stands in the queue, chosen and shown: the operator's eyes, of the command line and of the cabinet alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from widget_api.database import Database, Row
from widget_api.deliveries import sinks

STATES = ("pending", "leased", "delivered", "dead", "dropped")
COUNTED = 100  # nobody needs to know how many more there are
TRIES = 50  # that are shown of a delivery


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which deliveries; what is empty or None leaves nothing out."""

    states: Sequence[str] = ()
    sinks: Sequence[str] = ()  # kinds, or sinks by their whole name
    platform: str | None = None  # its identifier or its name
    problem: str | None = None  # its identifier, or its number on any site
    sites: Sequence[str] | None = None

    def where(self) -> tuple[str, dict[str, Any]]:
        """As a condition on `deliveries d` and `problems p`, with the values it names."""
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
            known = [one for sink in self.sinks for one in sinks.KINDS.get(sink, ())]
            others = [f"d.sink = {bind(sink)}" for sink in self.sinks if sink not in sinks.KINDS]
            conditions.append(f"({' OR '.join([sinks.condition('d.sink', known), *others])})")
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


async def listed(
    database: Database, choice: Choice, limit: int = 200, *, after: str = "", oldest_first: bool = False
) -> list[Mapping[str, Any]]:
    """In the order in which they were owed, newest first; texts of the report and contacts are not among it."""
    where, values = choice.where()
    order, beyond = ("", ">") if oldest_first else (" DESC", "<")
    if after:
        where, values = f"{where} AND d.id {beyond} :after", values | {"after": after}
    rows = await database.rows(f"{_SHOWN} WHERE {where} ORDER BY d.id{order} LIMIT :limit", **values, limit=limit)
    return [_named(row) for row in rows]


async def find(database: Database, delivery_id: str, choice: Choice | None = None) -> Mapping[str, Any] | None:
    """One, where it is among those chosen."""
    where, values = (choice or Choice()).where()
    row = await database.row(f"{_SHOWN} WHERE {where} AND d.id = :id", **values, id=delivery_id)
    return None if row is None else _named(row)


async def identifiers(database: Database, choice: Choice, after: str, limit: int) -> list[str]:
    """The next ones in the order in which they were owed."""
    where, values = choice.where()
    rows = await database.rows(
        f"SELECT d.id FROM deliveries d JOIN problems p ON p.id = d.problem_id WHERE {where} AND d.id > :after"
        " ORDER BY d.id LIMIT :limit",
        **values,
        after=after,
        limit=limit,
    )
    return [str(row["id"]) for row in rows]


async def attempts(database: Database, delivery_ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    """The tries of these deliveries, the last TRIES of each, in order: when, how it ended, what the sink said.

    A platform that was away for a month was asked every few minutes.
    """
    found: dict[str, list[Mapping[str, Any]]] = {one: [] for one in delivery_ids}
    names = {f"d{index}": one for index, one in enumerate(delivery_ids)}
    rows = await database.rows(
        "SELECT delivery_id, at, outcome, error FROM (SELECT delivery_attempts.*,"
        " ROW_NUMBER() OVER (PARTITION BY delivery_id ORDER BY at DESC, id DESC) AS place FROM delivery_attempts"
        f" WHERE delivery_id IN ({', '.join(f':{name}' for name in names) or 'NULL'})) tries"
        " WHERE place <= :most ORDER BY at, id",
        **names,
        most=TRIES,
    )
    for row in rows:
        found[row["delivery_id"]].append({"at": row["at"], "outcome": row["outcome"], "error": row["error"]})
    return found


async def dead(database: Database, choice: Choice | None = None) -> int:
    """How many are dead, COUNTED where they are as many or more."""
    where, values = (choice or Choice()).where()
    row = await database.row(
        "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries d JOIN problems p ON p.id = d.problem_id"
        f" WHERE d.state = 'dead' AND {where} LIMIT {COUNTED}) AS counted",
        **values,
    )
    assert row is not None, "an aggregate without its row"
    return int(row[0])


def _named(row: Row) -> Mapping[str, Any]:
    return {name: row[name] for name in row.keys()}  # noqa: SIM118 - rows yield values


async def asked_at(database: Database, delivery_id: str) -> int | None:
    """When a letter was asked for."""
    row = await database.row("SELECT created_at FROM deliveries WHERE id = :id", id=delivery_id)
    return None if row is None else row["created_at"]

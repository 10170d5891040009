"""SQL of the GeoReport server: requests, their updates, and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from widget_api.database import Database, Row, Transaction
from widget_api.problems.store.history import SENDER, SENDERS

SCAN_LIMIT = 5_000  # events that can be read in a few milliseconds in any order

_OWN_SQL = "EXISTS (SELECT 1 FROM events r WHERE r.problem_id = p.id AND r.kind = 'received' AND r.source = :token)"
# Requests that only their sender may see, in the exact wording of their index (database/schema/problems.py).
UNSEEN_SQL = f"NOT p.published AND p.source IN ('georeport', 'platform') AND {_OWN_SQL}"


async def find_token(database: Database, token_hash: str, now: int) -> Row | None:
    """A token by its secret, or by the one before the last rotation while both are good."""
    return await database.row(
        "SELECT * FROM tokens WHERE token_hash = :hash OR (earlier_hash = :hash AND earlier_expires_at > :now)",
        hash=token_hash,
        now=now,
    )


async def note_use(tx: Transaction, token_id: str, day: str) -> None:
    await tx.run(
        "UPDATE tokens SET last_used_on = :day WHERE id = :id AND (last_used_on IS NULL OR last_used_on < :day)",
        id=token_id,
        day=day,
    )


# --- requests; `search` finds the numbers that match a filter ---


async def visible_numbers(
    database: Database, site_id: str, token_id: str | None, numbers: Sequence[int]
) -> Sequence[Row]:
    """Return those of `numbers` that the token may see, newest first."""
    values: dict[str, Any] = {"site_id": site_id}
    return await database.rows(
        f"SELECT p.number FROM problems p WHERE p.site_id = :site_id AND {_visible_sql(token_id, values)}"
        f" AND {_in_list('p.number', numbers, values)} ORDER BY p.created_at DESC, p.number DESC",
        **values,
    )


async def read_requests(
    database: Database, site_id: str, token_id: str | None, numbers: Sequence[int]
) -> Sequence[Row]:
    """Return the requests that the token may see, in the order of `numbers`.

    `status_text` is the public text of the current decision, `status_data` says whether it is the agency's. The name of
    the author is never read here.
    """
    values: dict[str, Any] = {"site_id": site_id}
    rows = await database.rows(
        "SELECT p.*, t.body AS status_text, s.actor AS status_actor, s.data AS status_data FROM problems p"
        " LEFT JOIN events s ON s.site_id = p.site_id AND s.id = p.status_event LEFT JOIN texts t ON t.id = s.text_id"
        f" WHERE p.site_id = :site_id AND {_visible_sql(token_id, values)} AND {_in_list('p.number', numbers, values)}",
        **values,
    )
    order = {number: index for index, number in enumerate(numbers)}
    return sorted(rows, key=lambda row: order[row["number"]])


async def read_corrections(database: Database, problem_ids: Sequence[str]) -> Mapping[str, str]:
    """Return the newest correction of each answer that was corrected (problems.correction), by the answer's event."""
    values: dict[str, Any] = {}
    rows = await database.rows(
        "SELECT e.data, t.body AS text FROM events e JOIN texts t ON t.id = e.text_id"
        f" WHERE {_in_list('e.problem_id', problem_ids, values)} AND e.kind = 'note' ORDER BY e.at, e.id",
        **values,
    )
    found = {orjson.loads(row["data"]).get("corrects"): row["text"] for row in rows}
    return {event_id: text for event_id, text in found.items() if event_id}


async def read_timelines(database: Database, problem_ids: Sequence[str]) -> Mapping[str, list[Row]]:
    """Return the public events of each of these problems, oldest first, beginning with `received`."""
    values: dict[str, Any] = {}
    rows = await database.rows(
        f"SELECT e.id, e.problem_id, e.kind, e.status, e.at, e.actor, t.body AS text, {SENDER} FROM events e"
        f" LEFT JOIN texts t ON t.id = e.text_id {SENDERS} WHERE {_in_list('e.problem_id', problem_ids, values)}"
        " AND e.kind IN ('received', 'status', 'note') ORDER BY e.at, e.id",
        **values,
    )
    timelines: dict[str, list[Row]] = {problem_id: [] for problem_id in problem_ids}
    for row in rows:
        timelines[row["problem_id"]].append(row)
    return timelines


# --- updates: first their positions, then their content ---


async def find_update_positions(
    database: Database,
    site_id: str,
    *,
    token_id: str | None,
    everything: bool,
    since: int = 0,
    until: int = 0,
    after: int | None = None,
    numbers: Sequence[int] | None = None,
    past: int = 0,
    limit: int,
    offset: int = 0,
) -> Sequence[Row]:
    """Return id and position of the events within the span and after the position `past`, in commit order.

    `after` adds all events after that position, whatever their time. `numbers` overrides the span. `everything`, for
    platforms, includes unpublished problems and events that are not public.
    """
    values: dict[str, Any] = {"site_id": site_id, "limit": limit, "offset": offset}
    kinds = "('status', 'note', 'spam', 'unspam', 'erased')" if everything else "('status', 'note')"
    # Problems mirrored from a platform are not sent to platforms, since they would return to their origin.
    visible = f"e.kind IN {kinds} AND " + ("p.mirror_of IS NULL" if everything else _visible_sql(token_id, values))
    if numbers is not None:
        values["past"] = max(past, after or 0)
        return await database.rows(
            "SELECT e.id, e.position FROM problems p CROSS JOIN events e WHERE p.site_id = :site_id"
            f" AND {_in_list('p.number', numbers, values)} AND e.problem_id = p.id AND {visible} AND e.position > :past"
            " ORDER BY e.position + 0 LIMIT :limit OFFSET :offset",
            **values,
        )
    first = (
        "SELECT * FROM (SELECT e.id, e.position FROM events e CROSS JOIN problems p WHERE e.site_id = :site_id"
        f" AND p.id = e.problem_id AND {visible} AND"
    )
    # Each part has a limit of its own, so that a query for one update does not collect all of them first.
    values |= {"since": since, "until": until, "past": past, "top": limit + offset}
    if await _follows_log(database, site_id, since, until, after):
        parts, orders = [f"{first} +e.at >= :since AND +e.at <= :until AND e.position > :past"], ["e.position"]
    else:
        parts, orders = [f"{first} e.at >= :since AND e.at <= :until AND +e.position > :past"], ["e.position + 0"]
    if after is not None:
        parts[0] += " AND e.position <= :after"
        parts.append(f"{first} e.position > :later")
        orders.append("e.position")
        values |= {"after": after, "later": max(after, past)}
    limited = (f"{part} ORDER BY {order} LIMIT :top) part" for part, order in zip(parts, orders, strict=True))
    return await database.rows(
        f"SELECT * FROM ({' UNION ALL '.join(limited)}) parts ORDER BY position LIMIT :limit OFFSET :offset", **values
    )


async def read_updates(
    database: Database, site_id: str, *, token_id: str | None, everything: bool, event_ids: Sequence[str]
) -> Sequence[Row]:
    """Return the content of these events in commit order, without those that are no longer visible by now."""
    values: dict[str, Any] = {"site_id": site_id}
    visible = "" if everything else f" AND {_visible_sql(token_id, values)}"
    return await database.rows(
        f"SELECT e.*, p.number, p.status AS problem_status, t.body AS text, {SENDER} FROM events e"
        f" JOIN problems p ON p.id = e.problem_id LEFT JOIN texts t ON t.id = e.text_id {SENDERS}"
        f" WHERE e.site_id = :site_id AND {_in_list('e.id', event_ids, values)}{visible} ORDER BY e.position + 0",
        **values,
    )


async def _follows_log(database: Database, site_id: str, since: int, until: int, after: int | None) -> bool:
    """Whether to read a span of time in log order, which is fast if few events precede it, or few lie up to `after`.

    Otherwise it is read by the index on the time, and sorted.
    """
    if after is not None and after <= SCAN_LIMIT:
        return True
    count = "(SELECT COUNT(*) FROM (SELECT 1 FROM events WHERE site_id = :site_id AND {} LIMIT :few) c) AS {}"
    within, before = count.format("at >= :since AND at <= :until", "within"), count.format("at < :since", "before")
    row = await database.row(f"SELECT {within}, {before}", site_id=site_id, since=since, until=until, few=SCAN_LIMIT)
    assert row is not None
    return bool(row["within"] >= SCAN_LIMIT > row["before"])


async def read_first_photos(database: Database, site_id: str, event_ids: Sequence[str]) -> Mapping[str, str]:
    """Return the first public photo of each event, by event id: the extension has room for one."""
    if not event_ids:
        return {}
    values: dict[str, Any] = {"site_id": site_id}
    rows = await database.rows(
        "SELECT f.event_id, f.id FROM photos f JOIN problems p ON p.id = f.problem_id"
        f" WHERE f.site_id = :site_id AND {_in_list('f.event_id', event_ids, values)} AND f.role = 'answer'"
        " AND f.removed_at IS NULL AND p.published ORDER BY f.place DESC",
        **values,
    )
    return {row["event_id"]: row["id"] for row in rows}


async def read_texts(database: Database, identifiers: Sequence[str]) -> Mapping[str, str]:
    if not identifiers:
        return {}
    values: dict[str, Any] = {}
    rows = await database.rows(f"SELECT id, body FROM texts WHERE {_in_list('id', identifiers, values)}", **values)
    return {row["id"]: row["body"] for row in rows}


async def find_problem(database: Database, site_id: str, number: int) -> Row | None:
    """Return a problem with `received_from`, the token or platform it came from, which decides on access to it."""
    return await database.row(
        "SELECT p.*, r.source AS received_from FROM problems p"
        " JOIN events r ON r.problem_id = p.id AND r.kind = 'received' AND r.site_id = p.site_id"
        " WHERE p.site_id = :site_id AND p.number = :number",
        site_id=site_id,
        number=number,
    )


async def is_event_known(database: Database, site_id: str, event_id: str) -> bool:
    row = await database.row("SELECT 1 FROM events WHERE site_id = :site_id AND id = :id", site_id=site_id, id=event_id)
    return row is not None


async def find_number_by_event(database: Database, site_id: str, event_id: str) -> int | None:
    """Return the number of the problem whose first event has this id, if the report was sent before."""
    row = await database.row(
        "SELECT p.number FROM events e JOIN problems p ON p.id = e.problem_id"
        " WHERE e.site_id = :site_id AND e.id = :id AND e.kind = 'received'",
        site_id=site_id,
        id=event_id,
    )
    return None if row is None else int(row["number"])


def _visible_sql(token_id: str | None, values: dict[str, Any]) -> str:
    if token_id is None:
        return "p.published"
    values["token"] = token_id
    return f"(p.published OR {_OWN_SQL})"


def _in_list(column: str, items: Sequence[Any], values: dict[str, Any]) -> str:
    if not items:
        return "FALSE"
    prefix = column.rpartition(".")[2]
    values |= {f"{prefix}_{index}": item for index, item in enumerate(items)}
    return f"{column} IN ({', '.join(f':{prefix}_{index}' for index in range(len(items)))})"

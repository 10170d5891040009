"""All SQL of the GeoReport server: requests, their updates, and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widget_api.database import Database, Row
from widget_api.problems.store.history import SENDER, SENDERS

FEW = 5_000  # events that are read in a few milliseconds, in whatever order

_OWN_SQL = "EXISTS (SELECT 1 FROM events r WHERE r.problem_id = p.id AND r.kind = 'received' AND r.source = :token)"
# What its sender alone may see, word for word as the index of those has it (database/schema/problems.py).
UNSEEN_SQL = f"NOT p.published AND p.source IN ('georeport', 'platform') AND {_OWN_SQL}"


async def find_token(database: Database, token_hash: str) -> Row | None:
    return await database.row("SELECT * FROM tokens WHERE token_hash = :hash", hash=token_hash)


# --- requests; which ones a filter finds is in finding.py ---


async def visible_numbers(
    database: Database, site_id: str, token_id: str | None, numbers: Sequence[int]
) -> Sequence[Row]:
    """Those of `numbers` that may be seen, newest first."""
    values: dict[str, Any] = {"site_id": site_id}
    return await database.rows(
        f"SELECT p.number FROM problems p WHERE p.site_id = :site_id AND {_visible_sql(token_id, values)}"
        f" AND {_in_list('p.number', numbers, values)} ORDER BY p.created_at DESC, p.number DESC",
        **values,
    )


async def read_requests(
    database: Database, site_id: str, token_id: str | None, numbers: Sequence[int]
) -> Sequence[Row]:
    """In the order of `numbers`, without those that nobody but others may see.

    `status_text` is the public text of the decision in force, `status_data` says whether it is the agency's; the name
    of whoever reported is never read here.
    """
    values: dict[str, Any] = {"site_id": site_id}
    rows = await database.rows(
        "SELECT p.*, t.body AS status_text, s.actor AS status_actor, s.data AS status_data FROM problems p"
        " LEFT JOIN events s ON s.site_id = p.site_id AND s.id = p.status_event LEFT JOIN texts t ON t.id = s.text_id"
        f" WHERE p.site_id = :site_id AND {_visible_sql(token_id, values)} AND {_in_list('p.number', numbers, values)}",
        **values,
    )
    places = {number: place for place, number in enumerate(numbers)}
    return sorted(rows, key=lambda row: places[row["number"]])


async def read_timelines(database: Database, problem_ids: Sequence[str]) -> Mapping[str, list[Row]]:
    """What the public may know to have happened to each of these problems, oldest first, beginning with `received`."""
    values: dict[str, Any] = {}
    rows = await database.rows(
        f"SELECT e.id, e.problem_id, e.kind, e.status, e.at, e.actor, t.body AS text, {SENDER} FROM events e"
        f" LEFT JOIN texts t ON t.id = e.text_id {SENDERS} WHERE {_in_list('e.problem_id', problem_ids, values)}"
        " AND e.kind IN ('received', 'status', 'note') ORDER BY e.at, e.id",
        **values,
    )
    found: dict[str, list[Row]] = {problem_id: [] for problem_id in problem_ids}
    for row in rows:
        found[row["problem_id"]].append(row)
    return found


# --- their updates: first which ones, then what they say ---


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
    """id and position of what happened in the span, past the position `past`, in commit order.

    `after` adds all past that position, however long ago it happened. `numbers` overrides the span.
    `everything` is for a platform: unpublished problems too, and the events that are not the public's.
    """
    values: dict[str, Any] = {"site_id": site_id, "limit": limit, "offset": offset}
    kinds = "('status', 'note', 'spam', 'unspam', 'erased')" if everything else "('status', 'note')"
    # What was read from a platform is not told to one: it would come back to where it was born.
    seen = f"e.kind IN {kinds} AND " + ("p.mirror_of IS NULL" if everything else _visible_sql(token_id, values))
    if numbers is not None:
        values["past"] = max(past, after or 0)
        return await database.rows(
            "SELECT e.id, e.position FROM problems p CROSS JOIN events e WHERE p.site_id = :site_id"
            f" AND {_in_list('p.number', numbers, values)} AND e.problem_id = p.id AND {seen} AND e.position > :past"
            " ORDER BY e.position + 0 LIMIT :limit OFFSET :offset",
            **values,
        )
    first = (
        "SELECT * FROM (SELECT e.id, e.position FROM events e CROSS JOIN problems p WHERE e.site_id = :site_id"
        f" AND p.id = e.problem_id AND {seen} AND"
    )
    # Each part ends by itself: who asks for one update must not make the database gather all there are.
    values |= {"since": since, "until": until, "past": past, "top": limit + offset}
    if await _follows_log(database, site_id, since, until, after):
        parts, ways = [f"{first} +e.at >= :since AND +e.at <= :until AND e.position > :past"], ["e.position"]
    else:
        parts, ways = [f"{first} e.at >= :since AND e.at <= :until AND +e.position > :past"], ["e.position + 0"]
    if after is not None:
        parts[0] += " AND e.position <= :after"
        parts.append(f"{first} e.position > :later")
        ways.append("e.position")
        values |= {"after": after, "later": max(after, past)}
    ended = (f"{part} ORDER BY {way} LIMIT :top) part" for part, way in zip(parts, ways, strict=True))
    return await database.rows(
        f"SELECT * FROM ({' UNION ALL '.join(ended)}) parts ORDER BY position LIMIT :limit OFFSET :offset", **values
    )


async def read_updates(
    database: Database, site_id: str, *, token_id: str | None, everything: bool, event_ids: Sequence[str]
) -> Sequence[Row]:
    """What these events say, in commit order; a slow reader is not told of what was taken back meanwhile."""
    values: dict[str, Any] = {"site_id": site_id}
    seen = "" if everything else f" AND {_visible_sql(token_id, values)}"
    return await database.rows(
        f"SELECT e.*, p.number, p.status AS problem_status, t.body AS text, {SENDER} FROM events e"
        f" JOIN problems p ON p.id = e.problem_id LEFT JOIN texts t ON t.id = e.text_id {SENDERS}"
        f" WHERE e.site_id = :site_id AND {_in_list('e.id', event_ids, values)}{seen} ORDER BY e.position + 0",
        **values,
    )


async def _follows_log(database: Database, site_id: str, since: int, until: int, after: int | None) -> bool:
    """Whether a span of time is read along the log: soon over where few events lie before it, or few up to `after`.

    Else it is read by its times, and sorted.
    """
    if after is not None and after <= FEW:
        return True
    counted = "(SELECT COUNT(*) FROM (SELECT 1 FROM events WHERE site_id = :site_id AND {} LIMIT :few) c) AS {}"
    within, before = counted.format("at >= :since AND at <= :until", "within"), counted.format("at < :since", "before")
    row = await database.row(f"SELECT {within}, {before}", site_id=site_id, since=since, until=until, few=FEW)
    assert row is not None
    return bool(row["within"] >= FEW > row["before"])


async def read_first_photos(database: Database, site_id: str, event_ids: Sequence[str]) -> Mapping[str, str]:
    """Event → the first of the photos that came with it, where everybody may see it: the extension has room for one."""
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
    """With what decides who may see and change it: `received_from`, the token or platform it came with."""
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
    """The problem whose first event has this birth id: the same report, sent again."""
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

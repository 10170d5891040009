"""All SQL of platforms, the links of problems to them, and how far each was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import orjson

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.platform.model import DEFAULT, Cursor, Platform
from widget_api.settings import Settings


async def sync_default(database: Database, settings: Settings) -> None:
    """The platform of the settings is the row `default`: written at start, switched off where there is none."""
    wished = settings.platform
    values = (
        None
        if wished is None
        else {
            "name": urlsplit(wished.url).hostname or wished.url,  # as the consent document names it
            "url": wished.url,
            "key": wished.key,
            "protocol": wished.protocol,
            "jurisdiction": wished.jurisdiction,
            "contacts": wished.contacts,
        }
    )
    row = await database.row("SELECT * FROM platforms WHERE id = :id", id=DEFAULT)
    if values is None:
        if row is not None and row["disabled_at"] is None:
            await disable(database, DEFAULT)
        return
    if row is not None and row["disabled_at"] is None and all(row[name] == value for name, value in values.items()):
        return
    await _save(database, DEFAULT, values)


async def add(database: Database, platform: Platform) -> None:
    """Beside the default one; `platform.id` is new."""
    values = {
        name: getattr(platform, name)
        for name in ("name", "url", "key", "protocol", "jurisdiction", "contacts", "site_id")
    }
    await _save(database, platform.id, values)


async def _save(database: Database, platform_id: str, values: Mapping[str, str | None]) -> None:
    columns = ", ".join(values)
    given = ", ".join(f":{name}" for name in values)
    changes = ", ".join(f"{name} = :{name}" for name in values)

    async def work(tx: Transaction) -> None:
        await tx.run(
            f"INSERT INTO platforms (id, created_at, {columns}) VALUES (:id, :now, {given})"
            f" ON CONFLICT (id) DO UPDATE SET {changes}, disabled_at = NULL",
            id=platform_id,
            now=clock.now(),
            **values,
        )

    await database.write(work)


async def disable(database: Database, platform_id: str) -> None:
    async def work(tx: Transaction) -> None:
        await tx.run("UPDATE platforms SET disabled_at = :now WHERE id = :id", id=platform_id, now=clock.now())

    await database.write(work)


async def enabled(database: Database) -> list[Platform]:
    rows = await database.rows("SELECT * FROM platforms WHERE disabled_at IS NULL ORDER BY id")
    return [_platform(row) for row in rows]


async def get(database: Database, platform_id: str) -> Platform | None:
    """None where it is switched off, too."""
    row = await database.row("SELECT * FROM platforms WHERE id = :id AND disabled_at IS NULL", id=platform_id)
    return None if row is None else _platform(row)


def _platform(row: Row) -> Platform:
    return Platform(
        id=row["id"],
        name=row["name"],
        url=row["url"].rstrip("/"),
        key=row["key"],
        protocol=row["protocol"],
        jurisdiction=row["jurisdiction"],
        contacts=row["contacts"],
        site_id=row["site_id"],
    )


# --- links ---------------------------------------------------------------------------------------------------------


async def link(database: Database, problem_id: str, platform_id: str) -> Row | None:
    return await database.row(
        "SELECT * FROM platform_links WHERE problem_id = :problem_id AND platform_id = :platform_id",
        problem_id=problem_id,
        platform_id=platform_id,
    )


async def put_link(
    tx: Transaction,
    *,
    problem_id: str,
    platform_id: str,
    site_id: str,
    remote_id: str | None,
    remote_token: str | None,
    remote_url: str | None,
) -> None:
    """Within the transaction that tells the log of it."""
    await tx.run(
        "INSERT INTO platform_links (problem_id, platform_id, site_id, remote_id, remote_token, remote_url, linked_at)"
        " VALUES (:problem_id, :platform_id, :site_id, :remote_id, :remote_token, :remote_url, :now)"
        " ON CONFLICT (problem_id, platform_id) DO UPDATE SET"
        " remote_id = :remote_id, remote_token = :remote_token, remote_url = :remote_url",
        problem_id=problem_id,
        platform_id=platform_id,
        site_id=site_id,
        remote_id=remote_id,
        remote_token=remote_token,
        remote_url=remote_url,
        now=clock.now(),
    )


async def resolve(database: Database, problem_id: str, platform_id: str, remote_id: str) -> None:
    """A token became an id."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE platform_links SET remote_id = :remote_id"
            " WHERE problem_id = :problem_id AND platform_id = :platform_id",
            problem_id=problem_id,
            platform_id=platform_id,
            remote_id=remote_id,
        )

    await database.write(work)


async def linked_sites(database: Database, platform_id: str) -> Mapping[str, int]:
    """Sites with something to hear about from this platform, and when the first of it was linked."""
    rows = await database.rows(
        "SELECT site_id, MIN(linked_at) AS first FROM platform_links WHERE platform_id = :id GROUP BY site_id",
        id=platform_id,
    )
    return {row["site_id"]: row["first"] for row in rows}


async def problems_of(
    database: Database, platform_id: str, site_id: str, remote_ids: Sequence[str]
) -> Mapping[str, str]:
    """Our problem's id by the platform's."""
    if not remote_ids:
        return {}
    names = {f"id_{index}": remote_id for index, remote_id in enumerate(remote_ids)}
    rows = await database.rows(
        "SELECT remote_id, problem_id FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id"
        f" AND remote_id IN ({', '.join(f':{name}' for name in names)})",
        platform_id=platform_id,
        site_id=site_id,
        **names,
    )
    return {row["remote_id"]: row["problem_id"] for row in rows}


async def unresolved(database: Database, platform_id: str, site_id: str, limit: int) -> Sequence[Row]:
    """Links that have a token and no id yet."""
    return await database.rows(
        "SELECT problem_id, remote_token FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id"
        " AND remote_id IS NULL AND remote_token IS NOT NULL ORDER BY linked_at DESC LIMIT :limit",
        platform_id=platform_id,
        site_id=site_id,
        limit=limit,
    )


# --- what was read -------------------------------------------------------------------------------------------------


async def cursor(database: Database, platform_id: str, site_id: str) -> Cursor | None:
    row = await database.row(
        "SELECT cursor FROM platform_cursors WHERE platform_id = :platform_id AND site_id = :site_id",
        platform_id=platform_id,
        site_id=site_id,
    )
    if row is None or not row["cursor"]:
        return None
    return Cursor(**orjson.loads(row["cursor"]))


async def put_cursor(
    database: Database, platform_id: str, site_id: str, cursor: Cursor | None, error: str | None
) -> None:
    """How far it was read and when, or, with `error`, why it could not be: what was read stays read."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "INSERT INTO platform_cursors (platform_id, site_id, cursor, polled_at, last_error)"
            " VALUES (:platform_id, :site_id, :cursor, :now, :error) ON CONFLICT (platform_id, site_id) DO UPDATE SET"
            " cursor = COALESCE(:cursor, platform_cursors.cursor), last_error = :error,"
            " polled_at = COALESCE(:now, platform_cursors.polled_at)",
            platform_id=platform_id,
            site_id=site_id,
            cursor=None if cursor is None else orjson.dumps({"since": cursor.since, "after": cursor.after}).decode(),
            now=clock.now() if error is None else None,
            error=error,
        )

    await database.write(work)


async def known(database: Database, site_id: str, event_ids: Sequence[str]) -> frozenset[str]:
    """Those of these birth ids that the log has already."""
    if not event_ids:
        return frozenset()
    names = {f"id_{index}": event_id for index, event_id in enumerate(event_ids)}
    rows = await database.rows(
        f"SELECT id FROM events WHERE site_id = :site_id AND id IN ({', '.join(f':{name}' for name in names)})",
        site_id=site_id,
        **names,
    )
    return frozenset(row["id"] for row in rows)


async def events_of_second(database: Database, problem_id: str, at: int) -> Sequence[Row]:
    """What happened to a problem in that second: status, source and text."""
    return await database.rows(
        "SELECT e.kind, e.status, e.source, t.body AS text FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :problem_id AND e.at = :at AND e.kind IN ('status', 'note', 'spam', 'unspam', 'erased')",
        problem_id=problem_id,
        at=at,
    )


async def text(database: Database, text_id: str | None) -> str | None:
    """What an event refers to, unless it was forgotten since."""
    if text_id is None:
        return None
    row = await database.row("SELECT body FROM texts WHERE id = :id", id=text_id)
    return (row["body"] or None) if row is not None else None

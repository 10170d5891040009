"""Examines the service from outside: is everything it needs reachable, or why not."""

from __future__ import annotations

import asyncio
import os

from widget_api import settings
from widget_api.database import Database
from widget_api.ops import schema
from widget_api.ops.doctor import mailbox, platforms, servers, work
from widget_api.ops.doctor.finding import WAIT, Finding, line
from widget_api.settings import Settings, SettingsError


async def examine() -> list[Finding]:
    """All findings, in the order in which one is likely to explain the next."""
    try:
        loaded = settings.load(os.environ)
    except SettingsError as error:
        return [Finding("settings", False, str(error))]
    strange = settings.unknown(os.environ)
    findings = [Finding("settings", not strange, "; ".join(strange) or f"{loaded.environment}, {loaded.public_url}")]
    database = Database(loaded.database_url, readers=1)
    try:
        schema.require_file(loaded)
        await asyncio.wait_for(database.connect(), WAIT)
    except Exception as error:
        findings.append(
            Finding("database", False, str(error) if isinstance(error, schema.SchemaBehind) else line(error))
        )
        findings += [await servers.mail(loaded), *await platforms.platforms(loaded, None)]
        findings += [await servers.storage(loaded), await servers.decoder(loaded), *await servers.limits(loaded)]
        return [*findings, Finding("queue", False, "the database cannot be reached")]
    try:
        return [*findings, *await _with(database, loaded)]
    finally:
        await database.disconnect()


async def _with(database: Database, loaded: Settings) -> list[Finding]:
    schema_found = await _database(database)
    ready = database if schema_found.ok else None
    findings = [schema_found, await servers.mail(loaded), await mailbox.inbound(loaded)]
    findings += await mailbox.returned(ready) if ready is not None else []
    findings += await platforms.platforms(loaded, ready)
    findings += [
        await servers.storage(loaded),
        await servers.decoder(loaded),
        *await servers.limits(loaded),
        await servers.tiles(loaded, ready),
    ]
    if ready is None:
        return [*findings, Finding("queue", False, "the schema is not ready")]
    return [*findings, await work.queue(ready), await work.retention(ready), *await work.consent(ready, loaded)]


async def _database(database: Database) -> Finding:
    wanted = schema.newest()
    try:
        present = await schema.revision(database)
    except Exception as error:
        return Finding("database", False, line(error))
    if present == wanted:
        return Finding("database", True, f"{database.dialect}, schema {present}")
    return Finding(
        "database", False, f"schema {present or 'missing'}, this release needs {wanted}: run widget-api migrate"
    )

"""Check whether everything that the service needs is reachable, and report why not."""

from __future__ import annotations

import asyncio
import os

from widget_api import settings
from widget_api.database import Database
from widget_api.ops import schema
from widget_api.ops.doctor import platforms, servers, work
from widget_api.ops.doctor.check_result import TIMEOUT, Finding, error_line
from widget_api.settings import Settings, SettingsError


async def examine() -> list[Finding]:
    """Return all findings, ordered so that one is likely to explain the next."""
    try:
        loaded = settings.load(os.environ)
    except SettingsError as error:
        return [Finding("settings", False, str(error))]
    unknown = settings.unknown(os.environ)
    findings = [Finding("settings", not unknown, "; ".join(unknown) or f"{loaded.environment}, {loaded.public_url}")]
    database = Database(loaded.database_url, readers=1)
    try:
        schema.require_file(loaded)
        await asyncio.wait_for(database.connect(), TIMEOUT)
    except Exception as error:
        findings.append(
            Finding("database", False, str(error) if isinstance(error, schema.SchemaBehind) else error_line(error))
        )
        findings += [await servers.check_mail(loaded), *await platforms.check_platforms(loaded, None)]
        findings += [
            await servers.check_storage(loaded),
            await servers.check_decoder(loaded),
            *await servers.check_limits(loaded),
        ]
        return [*findings, Finding("queue", False, "the database cannot be reached")]
    try:
        return [*findings, *await _examine_connected(database, loaded)]
    finally:
        await database.disconnect()


async def _examine_connected(database: Database, loaded: Settings) -> list[Finding]:
    schema_finding = await _check_schema(database)
    ready = database if schema_finding.ok else None
    findings = [schema_finding, await servers.check_mail(loaded), await servers.check_inbound(loaded)]
    findings += await servers.check_bounces(ready) if ready is not None else []
    findings += await platforms.check_platforms(loaded, ready)
    findings += [
        await servers.check_storage(loaded),
        await servers.check_decoder(loaded),
        *await servers.check_limits(loaded),
        await servers.check_tiles(loaded, ready),
    ]
    if ready is None:
        return [*findings, Finding("queue", False, "the schema is not ready")]
    return [
        *findings,
        await work.check_queue(ready),
        await work.check_retention(ready),
        *await work.check_consent(ready, loaded),
    ]


async def _check_schema(database: Database) -> Finding:
    wanted = schema.latest_revision()
    try:
        present = await schema.current_revision(database)
    except Exception as error:
        return Finding("database", False, error_line(error))
    if present == wanted:
        return Finding("database", True, f"{database.dialect}, schema {present}")
    return Finding(
        "database", False, f"schema {present or 'missing'}, this release needs {wanted}: run widget-api migrate"
    )

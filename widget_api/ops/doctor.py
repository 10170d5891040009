"""Check whether everything that the service needs is reachable and does its work, and report why not.

Here are the checks of the database: its schema, the delivery queue, the nightly purge, gaps in the consent document.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable

from widget_api import clock, schedule, settings
from widget_api.database import Database, Row
from widget_api.deliveries import admin
from widget_api.ops import doctor_servers as servers
from widget_api.ops import schema
from widget_api.ops.doctor_servers import TIMEOUT, Finding, error_line
from widget_api.ops.retention import PURGE
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
        findings += [await servers.check_mail(loaded), *await servers.check_platforms(loaded, None)]
        findings += [
            await servers.check_storage(loaded),
            await servers.check_decoder(loaded),
            *await servers.check_limits(loaded),
        ]
        return [*findings, Finding("queue", False, "the database cannot be reached")]
    try:
        return [*findings, *[finding async for finding in examine_connected(database, loaded)]]
    finally:
        await database.disconnect()


async def examine_connected(database: Database, loaded: Settings) -> AsyncIterator[Finding]:
    """Yield the findings of a connected database and of everything beside it, each as soon as it is known."""
    schema_finding = await _check_schema(database)
    ready = database if schema_finding.ok else None
    yield schema_finding
    yield await servers.check_mail(loaded)
    yield await servers.check_inbound(loaded)
    for finding in await servers.check_bounces(ready) if ready is not None else []:
        yield finding
    for finding in await servers.check_platforms(loaded, ready):
        yield finding
    yield await servers.check_storage(loaded)
    yield await servers.check_decoder(loaded)
    for finding in await servers.check_limits(loaded):
        yield finding
    yield await servers.check_tiles(loaded, ready)
    if ready is None:
        yield Finding("queue", False, "the schema is not ready")
        return
    yield await check_queue(ready)
    yield await check_retention(ready)
    for finding in await check_consent(ready, loaded):
        yield finding


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


MAX_AGE = 3 * 86_400  # seconds since the last purge; one missed night is tolerated, three are not


async def check_queue(database: Database) -> Finding:
    standstill = await admin.measure_standstill(database, clock.now())
    counts = await admin.count_by_state(database)
    text = ", ".join(f"{counts[state]} {state}" for state in ("pending", "leased", "dead") if counts.get(state))
    if standstill:
        return Finding("queue", False, f"no progress for {standstill} s: is serve or work running? {text}")
    if counts.get("dead"):
        return Finding("queue", False, f"{text}: see deliveries list --state dead")
    return Finding("queue", True, text or "empty")


async def check_retention(database: Database) -> Finding:
    job = next((row for row in await schedule.list_jobs(database) if row["name"] == PURGE), None)
    if job is None:
        return Finding("retention", True, "has not run yet: the worker begins within an hour of its first start")
    if job["done_at"] is None:
        late, last = clock.now() - job["next_at"] > MAX_AGE, "has not run yet"
    else:
        late, last = clock.now() - job["done_at"] > MAX_AGE, f"{clock.rfc3339(job['done_at'])}"
    outcome = f": {job['outcome']}" if job["outcome"] else ""
    return Finding("retention", not late, f"{last}{outcome}; next {clock.rfc3339(job['next_at'])}")


async def check_consent(database: Database, loaded: Settings) -> list[Finding]:
    """Report the statements that the consent document omits because they are not configured.

    152-FZ: operator and address (article 9, part 4), location of the databases (article 18, part 5), the register of
    operators (article 22).
    """
    rows = await database.rows(
        """
        SELECT DISTINCT a.name, a.inn, a.postal_address, a.registry_number FROM agencies a
        JOIN sites s ON s.agency_id = a.id WHERE s.disabled_at IS NULL ORDER BY a.name
        """
    )
    missing = list[str]()
    if names := _names(row for row in rows if row["inn"] is None or row["postal_address"] is None):
        missing.append(f"INN or postal address is missing: {names}")
    if names := _names(row for row in rows if row["registry_number"] is None):
        missing.append(f"the number in Roskomnadzor's register is missing: {names}")
    if rows and loaded.data_location is None:
        missing.append("WIDGET_DATA_LOCATION is not set: the document does not say where the data are kept")
    return [Finding("consent", True, "; ".join(missing))] if missing else []


def _names(rows: Iterable[Row]) -> str:
    return ", ".join(row["name"] for row in rows)

"""Check whether everything that the service needs is reachable and does its work, and report why not.

Here are the checks of the database: its schema, the delivery queue, the nightly purge, gaps in the consent document.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable

from widget_api import clock, schedule, settings
from widget_api.database import Database, Row, sqlite_path
from widget_api.deliveries import admin
from widget_api.ops import doctor_servers as servers
from widget_api.ops import schema
from widget_api.ops.backup_records import check_backups
from widget_api.ops.doctor_servers import TIMEOUT, error_line
from widget_api.ops.findings import Finding, Note, caution, failed, note, passed, quote
from widget_api.ops.retention import FAILED, PURGE, read_outcome
from widget_api.settings import Settings, SettingsError


async def examine() -> list[Finding]:
    """Return all findings, ordered so that one is likely to explain the next."""
    try:
        loaded = settings.load(os.environ)
    except SettingsError as error:
        return [failed("settings", quote(error))]
    unknown = settings.unknown(os.environ)
    findings = [
        failed("settings", *map(quote, unknown))
        if unknown
        else passed("settings", quote(f"{loaded.environment}, {loaded.public_url}"))
    ]
    if not loaded.operator_contact:
        findings.append(passed("operator", caution("no_contact")))
    database = Database(loaded.database_url, readers=1)
    try:
        schema.require_file(loaded)
        await asyncio.wait_for(database.connect(), TIMEOUT)
    except Exception as error:
        findings.append(
            failed("database", quote(error if isinstance(error, schema.SchemaBehind) else error_line(error)))
        )
        findings += [await servers.check_mail(loaded), *await servers.check_platforms(loaded, None)]
        findings += [
            await servers.check_storage(loaded),
            await servers.check_decoder(loaded),
            *await servers.check_limits(loaded),
        ]
        return [*findings, failed("queue", note("queue.no_database"))]
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
        yield failed("queue", note("queue.no_schema"))
        return
    yield await check_queue(ready)
    yield await check_retention(ready)
    for finding in await check_backups(ready, loaded):
        yield finding
    for finding in await check_consent(ready, loaded):
        yield finding


async def check_connection(loaded: Settings) -> Finding:
    """Check whether there can be a database at its address, before it has a schema."""
    if loaded.database_url.startswith("sqlite"):
        folder = sqlite_path(loaded.database_url).absolute().parent
        found = note("database.folder" if folder.is_dir() else "database.no_folder", folder=str(folder))
        return Finding("database", folder.is_dir(), [found])
    database = Database(loaded.database_url, readers=1)
    try:
        await asyncio.wait_for(database.connect(), TIMEOUT)
        try:
            row = await database.row("SELECT lower('Я') = 'я' AS knows_russian")
        finally:
            await database.disconnect()
    except Exception as error:  # drivers have errors of their own; an encoding may lack the letters
        return failed("database", quote(error_line(error)))
    if row is None or not row["knows_russian"]:
        return failed("database", note("database.locale"))
    return passed("database", note("database.reachable"))


async def _check_schema(database: Database) -> Finding:
    wanted = schema.latest_revision()
    try:
        present = await schema.current_revision(database)
    except Exception as error:
        return failed("database", quote(error_line(error)))
    if present == wanted:
        return passed("database", note("database.ready", dialect=database.dialect, schema=present))
    if present is None:
        return failed("database", note("database.empty", wanted=wanted))
    return failed("database", note("database.behind", schema=present, wanted=wanted))


MAX_AGE = 3 * clock.DAY  # seconds since the last purge; one missed night is tolerated, three are not


async def check_queue(database: Database) -> Finding:
    standstill = await admin.measure_standstill(database, clock.now())
    counts = await admin.count_by_state(database)
    parts = [
        note(f"queue.{state}", number=counts[state]) for state in ("pending", "leased", "dead") if counts.get(state)
    ]
    if standstill:
        return failed("queue", note("queue.stalled", seconds=standstill), *parts)
    if counts.get("dead"):
        return failed("queue", *parts)
    return passed("queue", *(parts or [note("queue.empty")]))


async def check_retention(database: Database) -> Finding:
    job = next((row for row in await schedule.list_jobs(database) if row["name"] == PURGE), None)
    if job is None:
        return passed("retention", note("retention.not_begun"))
    done_at, next_at = job["done_at"], job["next_at"]
    late = clock.now() - (next_at if done_at is None else done_at) > MAX_AGE
    notes = [note("retention.never") if done_at is None else note("retention.done", done_at=done_at)]
    if (job["outcome"] or "").startswith(FAILED):
        notes.append(note("retention.failed", error=job["outcome"].removeprefix(FAILED)))
    elif job["outcome"]:
        counts = list(read_outcome(job["outcome"]))
        notes += [note(f"retention.counts.{name}", number=number) for name, number in counts]
        notes += [] if counts else [note("retention.counts.none")]
    return Finding("retention", not late, [*notes, note("retention.next", next_at=next_at)])


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
    missing = list[Note]()
    if names := _names(row for row in rows if row["inn"] is None or row["postal_address"] is None):
        missing.append(caution("consent.inn", names=names))
    if names := _names(row for row in rows if row["registry_number"] is None):
        missing.append(caution("consent.register", names=names))
    if rows and loaded.data_location is None:
        missing.append(caution("consent.location"))
    return [passed("consent", *missing)] if missing else []


def _names(rows: Iterable[Row]) -> str:
    return ", ".join(row["name"] for row in rows)

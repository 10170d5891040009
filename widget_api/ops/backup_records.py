"""Record when backups and rehearsals last succeeded, and check that neither was too long ago."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from widget_api import clock, schedule
from widget_api.database import Database
from widget_api.ops.findings import Finding, Note, note, passed
from widget_api.ops.retention import FAILED
from widget_api.settings import Settings

BACKUP, REHEARSAL = "backup", "rehearsal"  # names in the list of jobs
MAX_AGES = {BACKUP: 2 * clock.DAY, REHEARSAL: 14 * clock.DAY}  # seconds; one missed run of the timers is tolerated


@asynccontextmanager
async def recorded(database: Database, name: str) -> AsyncIterator[list[str]]:
    """Record whether the block succeeds, with the outcome that it appends to the list, or the error."""
    outcome: list[str] = []
    try:
        yield outcome
    except Exception as error:
        await schedule.plan(database, name, clock.now())
        await schedule.fail(database, name, f"{FAILED}{type(error).__name__}: {error}")
        raise
    await schedule.end(database, name, clock.now(), " ".join(outcome))


async def check_backups(database: Database, loaded: Settings) -> list[Finding]:
    """Report late backups and rehearsals; outside production there need be none."""
    if loaded.backups_elsewhere:
        return [passed(BACKUP, note("backup.elsewhere"))]
    jobs = {row["name"]: row for row in await schedule.list_jobs(database)}
    findings = []
    for name, max_age in MAX_AGES.items():
        job = jobs.get(name)
        done_at, outcome = (job["done_at"], job["outcome"] or "") if job is not None else (None, "")
        fresh = done_at is not None and clock.now() - done_at <= max_age
        notes = list[Note]()
        notes.append(note(f"{name}.never") if done_at is None else note(f"{name}.done", done_at=done_at))
        if outcome.startswith(FAILED):
            notes.append(note("backup.failed", error=outcome.removeprefix(FAILED)))
        if loaded.production and not fresh:
            notes.append(note(f"{name}.late"))
        findings.append(Finding(name, fresh or not loaded.production, notes))
    return findings

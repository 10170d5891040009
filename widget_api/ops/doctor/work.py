"""Check the background work: the delivery queue, the nightly purge, and gaps in the consent document."""

from __future__ import annotations

from collections.abc import Iterable

from widget_api import clock, schedule
from widget_api.database import Database, Row
from widget_api.deliveries import admin
from widget_api.ops.doctor.check_result import Finding
from widget_api.ops.retention import PURGE
from widget_api.settings import Settings

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

"""Whether the work behind the answers gets done: the queue, the chores, what the consent document still lacks."""

from __future__ import annotations

from collections.abc import Iterable

from widget_api import clock, schedule
from widget_api.database import Database, Row
from widget_api.deliveries import admin
from widget_api.ops.doctor.finding import Finding
from widget_api.ops.nightly import PURGE
from widget_api.settings import Settings

MAX_AGE = 3 * 86_400  # seconds: three nights without forgetting are no accident


async def check_queue(database: Database) -> Finding:
    standing = await admin.measure_standstill(database, clock.now())
    counts = await admin.count_by_state(database)
    text = ", ".join(f"{counts[state]} {state}" for state in ("pending", "leased", "dead") if counts.get(state))
    if standing:
        return Finding("queue", False, f"stands still for {standing} s: is serve or work running? {text}")
    if counts.get("dead"):
        return Finding("queue", False, f"{text}: given up, see deliveries list --state dead")
    return Finding("queue", True, text or "empty")


async def check_retention(database: Database) -> Finding:
    found = next((row for row in await schedule.list_jobs(database) if row["name"] == PURGE), None)
    if found is None:
        return Finding("retention", True, "has not run yet: the worker begins within an hour of its first start")
    if found["done_at"] is None:
        late, last = clock.now() - found["next_at"] > MAX_AGE, "has not run yet"
    else:
        late, last = clock.now() - found["done_at"] > MAX_AGE, f"{clock.rfc3339(found['done_at'])}"
    outcome = f": {found['outcome']}" if found["outcome"] else ""
    return Finding("retention", not late, f"{last}{outcome}; next {clock.rfc3339(found['next_at'])}")


async def check_consent(database: Database, loaded: Settings) -> list[Finding]:
    """What the consent document leaves out because nobody declared it: it claims nothing by itself.

    152-FZ: operator and address (article 9, part 4), where the databases stand (article 18, part 5), the register of
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

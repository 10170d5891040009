"""Whether the work behind the answers gets done: the queue, the chores, what the consent document still lacks."""

from __future__ import annotations

from widget_api import chores, clock
from widget_api.cli.doctor.finding import Finding
from widget_api.database import Database
from widget_api.deliveries import operating
from widget_api.upkeep import PURGE

LATEST = 3 * 86_400  # seconds: three nights without forgetting are no accident


async def queue(database: Database) -> Finding:
    standing = await operating.stalled(database, clock.now())
    counts = await operating.counts(database)
    text = ", ".join(f"{counts[state]} {state}" for state in ("pending", "leased", "dead") if counts.get(state))
    if standing:
        return Finding("queue", False, f"stands still for {standing} s: is serve or work running? {text}")
    if counts.get("dead"):
        return Finding("queue", False, f"{text}: given up, see deliveries list --state dead")
    return Finding("queue", True, text or "empty")


async def retention(database: Database) -> Finding:
    found = next((row for row in await chores.listed(database) if row["name"] == PURGE), None)
    if found is None:
        return Finding("retention", True, "has not run yet: the worker begins within an hour of its first start")
    if found["done_at"] is None:
        late, last = clock.now() - found["next_at"] > LATEST, "has not run yet"
    else:
        late, last = clock.now() - found["done_at"] > LATEST, f"{clock.rfc3339(found['done_at'])}"
    outcome = f": {found['outcome']}" if found["outcome"] else ""
    return Finding("retention", not late, f"{last}{outcome}; next {clock.rfc3339(found['next_at'])}")


async def consent(database: Database) -> list[Finding]:
    """152-FZ, article 9, part 4: the document names the operator with its address."""
    rows = await database.rows(
        """
        SELECT DISTINCT a.name FROM agencies a JOIN sites s ON s.agency_id = a.id
        WHERE s.disabled_at IS NULL AND (a.inn IS NULL OR a.postal_address IS NULL) ORDER BY a.name
        """
    )
    names = ", ".join(row["name"] for row in rows)
    return [Finding("consent", True, f"INN or postal address is missing: {names}")] if names else []

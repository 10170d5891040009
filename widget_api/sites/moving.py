"""Move an agency between cabinet and mailbox, and disable it, with its work under way.

Nothing is lost, and nothing is sent twice.

What was sent to the mailbox can be answered by mail for as long as its address is valid, wherever the agency works now,
and letters that are due go out. Held letters wait in the cabinet in either case.
"""

from __future__ import annotations

from widget_api.database import Database, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.deliveries.model import MAX_RETRY_AFTER, Retry
from widget_api.sites import store
from widget_api.sites.kinds import IS_NO_TEST
from widget_api.status_table import STATUSES

MAX_LETTERS = 1000  # at once; of more reports the cabinet and reminders tell
WAITS = "the agency is disabled"
WAITS_FOR_PUBLICATION = "the collection is not published"
_OPEN = ", ".join(f"'{status}'" for status, entry in STATUSES.items() if entry.stage == "open")


async def send_open_reports(tx: Transaction, agency_id: str, now: int) -> None:
    """Send the reports that wait for the agency to its mailbox, with the author's objection where there is one.

    Those whose letters are known already stay out, since an event goes to a sink once.
    """
    rows = await tx.rows(
        f"""
        SELECT p.site_id, p.id AS problem_id, e.id AS event_id, e.position, e.kind
        FROM problems p
        JOIN sites s ON s.id = p.site_id
        JOIN events e ON e.site_id = p.site_id AND e.problem_id = p.id
        WHERE s.agency_id = :agency_id AND {IS_NO_TEST} AND p.status IN ({_OPEN})
        AND p.released_at IS NOT NULL AND NOT p.spam AND p.mirror_of IS NULL AND p.erased_at IS NULL
        AND (e.kind = 'received' OR p.status = 'reopened' AND e.id = p.status_event)
        ORDER BY p.answer_due, p.id, e.position LIMIT {MAX_LETTERS}
        """,
        agency_id=agency_id,
    )
    for row in rows:
        await enqueue.enqueue(
            tx,
            site_id=row["site_id"],
            problem_id=row["problem_id"],
            event_id=row["event_id"],
            position=row["position"],
            sink=sinks.AGENCY,
            opens=row["kind"] == "received",
            now=now,
        )


async def cancel_reminders(tx: Transaction, agency_id: str) -> None:
    """Delete reminders that are not sent yet, as if they had never been due: an agency that returns needs them anew."""
    await tx.run(
        f"DELETE FROM deliveries WHERE sink LIKE '{sinks.REMINDER}%' AND state = 'pending'"
        " AND site_id IN (SELECT id FROM sites WHERE agency_id = :agency_id)",
        agency_id=agency_id,
    )


async def require_enabled(database: Database, agency_id: str) -> None:
    """Let a delivery to a disabled agency wait: `send_waiting` makes it due. Raises Retry."""
    if await store.is_agency_disabled(database, agency_id):
        raise Retry(WAITS, after=MAX_RETRY_AFTER, counted=False)


async def require_published(database: Database, site_id: str) -> None:
    """Let a delivery of a draft's entry wait: `send_waiting` makes it due. Raises Retry."""
    if await store.is_unpublished_collection(database, site_id):
        raise Retry(WAITS_FOR_PUBLICATION, after=MAX_RETRY_AFTER, counted=False)


async def send_waiting(tx: Transaction, now: int) -> None:
    """Make due what waits for a disabled agency or a draft. What waits for another one will wait again."""
    await tx.run(
        "UPDATE deliveries SET next_at = :now WHERE state = 'pending' AND next_at > :now"
        " AND last_error IN (:agency, :collection)",
        now=now,
        agency=WAITS,
        collection=WAITS_FOR_PUBLICATION,
    )

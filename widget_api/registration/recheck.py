"""Check each month that a proven domain still is, and warn its agency for weeks before an origin is removed.

Nothing happens by a single failed check, and nothing is removed while a site just does not answer: the widget cannot
be open there either. Origins without a proof, such as those that an operator added by hand, are not checked.
"""

from __future__ import annotations

import contextlib
import logging

from widget_api import clock, journal, schedule
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.outbound import Outbound
from widget_api.registration import proof, store
from widget_api.registration.model import (
    MIN_FAILURES,
    PROOF_INTERVAL,
    RETRY_INTERVAL,
    STOP_AFTER,
    WARN_AFTER,
    WARN_INTERVAL,
    Sight,
)
from widget_api.settings import Settings
from widget_api.sites import store as site_store

_JOB, _EVERY = "proofs", 3600  # seconds
_SYSTEM = journal.Who(role="settings")
log = logging.getLogger(__name__)


async def check_if_due(context: Context) -> None:
    """Check the proofs that are due, within an hour."""

    async def job() -> str:
        rows = await store.list_due_proofs(context.database, clock.now())
        seen = [await check(context.database, context.settings, context.outbound, row) for row in rows]
        return f"{len(seen)} checked, {sum(not one.proven for one in seen)} not found"

    await schedule.run_if_due(context.database, _JOB, _EVERY, job)


async def check_site(context: Context, site_id: str) -> list[Sight]:
    """Check the proofs of a site now."""
    rows = await store.list_proofs(context.database, site_id)
    return [await check(context.database, context.settings, context.outbound, row) for row in rows]


async def check(database: Database, settings: Settings, outbound: Outbound, row: Row) -> Sight:
    """Look for a proof and record what was seen. One that is found again brings its origin back.

    That is decided with the lock of all that give a host to a site: two processes would not see each other's rows.
    """
    site_id, origin, stopped_at = row["site_id"], row["origin"], row["stopped_at"]
    seen = await proof.look(outbound, settings, origin, row["token"], row["method"])

    async def work(tx: Transaction) -> None:
        known, now = await store.find_proof(tx, site_id, origin), clock.now()
        if known is None or known["stopped_at"] != stopped_at:  # another check was faster
            return
        if known["held"] is None and known["stopped_at"] is None:  # somebody removed the origin
            await store.delete_proof(tx, site_id, origin)
        elif seen.proven:
            await _record_success(tx, known, now)
        else:
            await _record_failure(tx, known, seen, now)

    returning = seen.proven and stopped_at is not None
    async with schedule.exclusive(database, site_store.HOLDERS_LOCK) if returning else contextlib.nullcontext():
        await database.write(work, site_id)
    return seen


async def _record_success(tx: Transaction, known: Row, now: int) -> None:
    site_id, origin = known["site_id"], known["origin"]
    if known["stopped_at"] is not None:
        holders = await site_store.list_holders(tx, origin)
        if any(holder["site_id"] != site_id for holder in holders):  # somebody else registered it meanwhile
            await store.update_proof(tx, site_id, origin, {"next_at": now + PROOF_INTERVAL})
            return
        await store.add_origin(tx, site_id, origin)
        details = {"columns": ["origins"], **journal.describe_origins(added=[origin])}
        await journal.record(tx, "site_changed", _SYSTEM, subject=site_id, site_id=site_id, details=details)
    forgotten = dict.fromkeys(("failed_since", "told_at", "warned_at", "stopped_at"))
    values = {"proven_at": now, "next_at": now + PROOF_INTERVAL, "failures": 0, "seen": "found"} | forgotten
    await store.update_proof(tx, site_id, origin, values)


async def _record_failure(tx: Transaction, known: Row, seen: Sight, now: int) -> None:
    site_id, origin, failures = known["site_id"], known["origin"], known["failures"] + 1
    since, told_at, warned_at = known["failed_since"] or now, known["told_at"], known["warned_at"]
    values = {"failed_since": since, "failures": failures, "seen": seen.code, "next_at": now + RETRY_INTERVAL}
    if known["stopped_at"] is not None:
        values["next_at"] = now + PROOF_INTERVAL
    elif told_at is not None and now - told_at >= STOP_AFTER and seen.reached:
        values |= {"stopped_at": now, "next_at": now + PROOF_INTERVAL}
        await store.remove_origin(tx, site_id, origin)
        await store.notify_administrators(tx, "proof_stopped", site_id, origin=origin)
        lost = journal.describe_origins(removed=[origin])
        await journal.record(tx, "proof_lost", _SYSTEM, subject=site_id, site_id=site_id, details=lost)
        log.warning("origin %s of site %s is removed: its proof is missing since %s", origin, site_id, since)
    elif failures >= MIN_FAILURES and now - since >= WARN_AFTER and now - (warned_at or 0) >= WARN_INTERVAL:
        values |= {"told_at": told_at or now, "warned_at": now}
        await store.notify_administrators(tx, "proof_failed", site_id, origin=origin)
    await store.update_proof(tx, site_id, origin, values)

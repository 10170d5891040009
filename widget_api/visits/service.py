"""Invite inspectors to a visit, take their answers, call a visit off and tell its result.

An agency chooses entries by their numbers and writes once; the letter is the service's, so that it learns no address.
Who accepted is known to it by the entry.
"""

from __future__ import annotations

from collections.abc import Sequence

from widget_api import clock, journal
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.errors import Conflict, FieldError, Invalid, NotFound
from widget_api.mail import outbox
from widget_api.people import accounts_store
from widget_api.sites.model import Site
from widget_api.validation import check_length
from widget_api.visits import store
from widget_api.visits.model import KIND, MAX_A_DAY, MAX_INVITED, MAX_RESULT, Answer, State, Visit


async def add_visit(database: Database, site: Site, agency_id: str, visit: Visit, who: journal.Who) -> str:
    """Add a visit of an agency. Returns its id."""
    visit_id = clock.new_id()

    async def work(tx: Transaction) -> None:
        await tx.insert(
            "visits",
            id=visit_id,
            site_id=site.id,
            agency_id=agency_id,
            user_id=who.user_id,
            at=visit.at,
            place=visit.place,
            text=visit.text,
            created_at=clock.now(),
        )

    await database.write(work, site.id)
    return visit_id


async def invite(
    database: Database, site: Site, visit_id: str, agency_id: str, numbers: Sequence[int], who: journal.Who
) -> int:
    """Enqueue a letter to the author of each entry that was not invited yet. Returns their number.

    Left out are those whom no letter reaches, and those who got MAX_A_DAY today. Raises NotFound, Conflict, Invalid.
    """
    now = clock.now()

    async def work(tx: Transaction) -> int:
        visit = await _find_own(tx, site, visit_id, agency_id)
        if visit["called_off_at"] is not None or visit["at"] <= now:
            raise Conflict("visit_over")
        if not numbers:
            raise Invalid((FieldError("entries", "visit_nobody"),))
        invited = len(await tx.matching("visit_invitations", visit_id=visit_id))
        if invited + len(numbers) > MAX_INVITED:
            raise Invalid((FieldError("entries", "visit_many", (("max", MAX_INVITED),)),))
        sent = 0
        for entry in await store.list_reached(tx, site.id, numbers):
            counter = f"visit:{entry['id']}"
            if await accounts_store.count_letters(tx, counter, now - clock.DAY) >= MAX_A_DAY:
                continue
            if not await tx.run(
                "INSERT INTO visit_invitations (id, site_id, visit_id, problem_id, state, invited_at)"
                " VALUES (:id, :site_id, :visit_id, :problem_id, 'open', :now)"
                " ON CONFLICT (visit_id, problem_id) DO NOTHING",
                id=(invitation_id := clock.new_id()),
                site_id=site.id,
                visit_id=visit_id,
                problem_id=entry["id"],
                now=now,
            ):
                continue
            await accounts_store.count_letter(tx, counter, now)
            await outbox.enqueue(tx, KIND, invitation_id, letter="invited")
            sent += 1
        await journal.record(tx, "inspectors_invited", who, subject=visit_id, site_id=site.id, details={"count": sent})
        return sent

    return await database.write(work, site.id)


async def call_off(database: Database, site: Site, visit_id: str, agency_id: str) -> None:
    """Call a visit off, and write so to all who were invited and did not decline. Raises NotFound, Conflict."""
    now = clock.now()

    async def work(tx: Transaction) -> None:
        visit = await _find_own(tx, site, visit_id, agency_id)
        if visit["at"] <= now:
            raise Conflict("visit_over")
        if not await tx.run(
            "UPDATE visits SET called_off_at = :now WHERE id = :id AND called_off_at IS NULL", id=visit_id, now=now
        ):
            return
        # An invitation that has not left yet is not wanted any more: then there is nothing to call off either.
        for invitation in await tx.rows(
            "SELECT id FROM visit_invitations WHERE visit_id = :id AND state <> 'declined' AND failed_at IS NULL"
            f" AND NOT {outbox.waits_sql(KIND, 'visit_invitations.id')}",
            id=visit_id,
        ):
            await outbox.enqueue(tx, KIND, invitation["id"], letter="called_off")

    await database.write(work, site.id)


async def publish_result(database: Database, site: Site, visit_id: str, agency_id: str, text: str) -> None:
    """Publish the result of a visit, or change it. Raises NotFound, Conflict (it has not begun), Invalid."""
    now, text = clock.now(), text.strip()
    check_length("result", text, MAX_RESULT)

    async def work(tx: Transaction) -> None:
        visit = await _find_own(tx, site, visit_id, agency_id)
        if visit["at"] > now or visit["called_off_at"] is not None:
            raise Conflict("visit_not_yet")
        await tx.run("UPDATE visits SET result = :result, result_at = :now WHERE id = :id",
                     id=visit_id, result=text, now=now)  # fmt: skip

    await database.write(work, site.id)


async def _find_own(tx: Transaction, site: Site, visit_id: str, agency_id: str) -> Row:
    visit = await store.find(tx, visit_id)
    if visit is None or visit["site_id"] != site.id or visit["agency_id"] != agency_id:
        raise NotFound
    return visit


def find_state(invitation: Row, now: int) -> State:
    """What an invitation is now; after the visit has begun it can no longer be answered."""
    if not invitation["published"]:
        return "gone"
    if invitation["called_off_at"] is not None:
        return "called_off"
    if invitation["at"] <= now:
        return "over"
    state: State = invitation["state"]
    return state


async def answer(database: Database, invitation_id: str, given: Answer) -> None:
    """Accept or decline. Idempotent; nothing happens once the visit has begun, was called off, or the entry is gone."""
    now = clock.now()

    async def work(tx: Transaction) -> None:
        invitation = await store.find_invitation(tx, invitation_id)
        if invitation is not None and find_state(invitation, now) in ("open", "accepted", "declined"):
            await tx.run(
                "UPDATE visit_invitations SET state = :state, answered_at = :now WHERE id = :id AND state <> :state",
                id=invitation_id,
                state=given,
                now=now,
            )

    await database.write(work)


async def delete_old(database: Database, now: int) -> int:
    """Delete the visits that are older than what their site keeps."""
    old = "at < :now - 86400 * (SELECT retention_days FROM sites WHERE sites.id = visits.site_id)"
    invited = f"visit_id IN (SELECT id FROM visits WHERE {old})"
    await batched_delete.delete_in_batches(database, "visit_invitations", invited, now=now)
    return await batched_delete.delete_in_batches(database, "visits", old, now=now)

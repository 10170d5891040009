"""Process an incoming letter: classify it, verify its sender, publish or hold it, and record the outcome, once."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from functools import partial

import orjson

from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Row, Transaction
from widget_api.errors import Conflict, Invalid, NotFound, Refused
from widget_api.mail import verp
from widget_api.mail.verp import Destination
from widget_api.mailbox import attachments, commands, inspection, outcome, parse, registrations, store, trust
from widget_api.mailbox.inspection import Failure
from widget_api.mailbox.model import MAX_HELD, REASONS, Arrival, Verdict
from widget_api.mailbox.parse import Letter
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor, Change
from widget_api.problems.registration import set_registration
from widget_api.problems.store import followers as following
from widget_api.problems.store import records
from widget_api.sites import service as sites
from widget_api.sites import store as site_store
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

AGENCY_ACTOR = Actor(kind="agent")
MAX_DESTINATIONS = 50  # reports per letter, equal to its maximum of recipients; a header may name thousands
MAX_STORED_TEXT = 10_000  # characters of the text shown in the cabinet


class AlreadyProcessed(Exception):
    """The letter was processed before, so the transaction has to be rolled back."""


async def receive_letter(context: Context, arrival: Arrival) -> None:
    """Process a letter, and return when its outcome is committed.

    Raises Unavailable and the database's errors if the letter has to be delivered again.
    """
    settings = context.settings
    try:
        letter, classification, failure = await asyncio.to_thread(inspection.inspect_letter, arrival, settings)
    except parse.TooComplex:
        await outcome.record_outcome(
            context, outcome.key(arrival.raw, None, ""), Verdict(kind="other", state="refused", reason="too_complex")
        )
        return
    addresses = (*arrival.recipients, *letter.recipients)
    parsed = [verp.parse_address(settings, context.signer, address) for address in addresses]
    destinations = list(dict.fromkeys(destination for destination in parsed if destination is not None))
    destinations = destinations[:MAX_DESTINATIONS]
    if classification.kind == "bounce":
        await _process_bounce(context, arrival, letter, failure, destinations)
        return
    if classification.kind != "answer":
        key = outcome.key(arrival.raw, letter, "")
        verdict = Verdict(kind=classification.kind, state="ignored", reason=classification.reason)
        await outcome.record_outcome(context, key, verdict)
        return
    replies = [destination for destination in destinations if destination.use == "reply"]
    for destination in replies:
        await _process_answer(context, arrival, letter, destination)
    if not replies:
        await _process_stray(context, arrival, letter, "token")


async def record_oversized(context: Context, name: str) -> None:
    """Record a letter in a polled mailbox that is too large to process. `name` identifies it."""
    key = hashlib.sha256(name.encode()).hexdigest()
    await outcome.record_outcome(context, key, Verdict(kind="other", state="refused", reason="too_large"))


# --- returned letters ----------------------------------------------------------------------------------------------


async def _stop_following(tx: Transaction, follower_id: str, failure: str, now: int) -> None:
    """End the subscription of a follower whose mail bounces. The reason is not recorded, since nobody could fix it."""
    follower = await following.find(tx, follower_id)
    if follower is not None:
        await following.stop(tx, follower["site_id"], [follower_id], now)


_FAILURE_HANDLERS = {
    "agency": store.record_agency_failure,
    "contact": store.record_contact_failure,
    "follower": _stop_following,
}


async def _process_bounce(
    context: Context, arrival: Arrival, letter: Letter, failure: Failure | None, destinations: list[Destination]
) -> None:
    """Process a bounce. Only one sent to an address signed by us counts, since anybody can write a failure report."""
    key = outcome.key(arrival.raw, letter, "")
    ours = [target for target in destinations if target.use != "reply" and verp.is_ours(context.signer, target)]
    if not ours or failure is None:
        reason = "not_ours" if not ours else "not_final"
        await outcome.record_outcome(context, key, Verdict(kind="bounce", state="ignored", reason=reason))
        return

    async def mark(tx: Transaction, letter_id: str) -> None:
        for target in ours:
            await _FAILURE_HANDLERS[target.use](tx, target.identifier, str(failure), clock.now())

    problem_id = next((target.identifier for target in ours if target.use == "contact"), None)
    problem = await records.find(context.database, problem_id) if problem_id else None
    verdict = Verdict(
        kind="bounce",
        state="taken",
        reason=str(failure),
        problem_id=problem_id if problem else None,
        site_id=problem["site_id"] if problem else None,
    )
    await outcome.record_outcome(context, key, verdict, mark)


# --- answers -------------------------------------------------------------------------------------------------------


async def _process_answer(context: Context, arrival: Arrival, letter: Letter, destination: Destination) -> None:
    problem = await records.find(context.database, destination.identifier)
    if problem is None:
        await _process_stray(context, arrival, letter, "token")
        return
    key = outcome.key(arrival.raw, letter, problem["id"])
    if await store.is_known(context.database, key):
        return
    site = await sites.by_id(context.database, problem["site_id"])
    listed, passed = _verify_sender(context, letter, site.agency.email, site.agency.senders)
    if not verp.is_ours(context.signer, destination, verp.about(site.id, site.agency.id)):
        if listed and passed:
            await _hold(context, arrival, letter, site, problem, key, "token", trusted=True)
        else:
            await _process_stray(context, arrival, letter, "token")
        return
    if problem["erased_at"] is not None or problem["mirror_of"] is not None:
        reason = "erased" if problem["erased_at"] is not None else "mirrored"
        verdict = Verdict(kind="answer", state="refused", reason=reason, site_id=site.id, problem_id=problem["id"])
        if listed and passed:
            verdict = replace(verdict, sender=letter.author, details=outcome.build_details(letter, None))
        await outcome.record_outcome(
            context, key, verdict, outcome.acknowledgement_enqueuer(problem) if listed and passed else None
        )
        return
    if not listed or not passed:
        await _hold(context, arrival, letter, site, problem, key, "sender" if not listed else "dmarc", trusted=False)
        return
    if await site_store.is_agency_disabled(context.database, site.agency.id):
        await _hold(context, arrival, letter, site, problem, key, "disabled", trusted=True)
        return
    await _publish(context, arrival, letter, site, problem, key)


def _verify_sender(context: Context, letter: Letter, agency: str, senders: tuple[str, ...]) -> tuple[bool, bool]:
    """Return whether the author is a listed sender, and whether our mail server verified the author's domain."""
    author = letter.author
    if author is None or not trust.is_listed(author, agency, senders):
        return False, False
    settings = context.settings
    return True, trust.has_dmarc_pass(letter.message, author, settings.mail_servers, settings.mail_hops)


def parse_change(letter: Letter, site: Site, status: str) -> tuple[commands.Command, Change]:
    """Parse the command in a letter, and the change it makes to a report of this site in this status."""
    command = commands.parse_command(
        registrations.strip_number(letter.subject), letter.text, local_date(clock.now(), site.time_zone)
    )
    return command, commands.build_change(command, letter, status, i18n.text(site.language, "mailbox.in_attachments"))


async def _publish(context: Context, arrival: Arrival, letter: Letter, site: Site, problem: Row, key: str) -> None:
    command, change = parse_change(letter, site, problem["status"])
    if (
        command == commands.Command()
        and not letter.attachments
        and registrations.find_number(letter.message, letter.subject)
    ):
        verdict = Verdict(
            kind="answer",
            state="taken",
            site_id=site.id,
            problem_id=problem["id"],
            sender=letter.author,
            subject=letter.subject,
            details=outcome.build_details(letter, None),
        )
        await outcome.record_outcome(context, key, verdict, _acknowledge_with_number(letter, problem))
        return
    hold_reason = commands.find_hold_reason(command, change, problem, site)
    if hold_reason:
        await _hold(context, arrival, letter, site, problem, key, hold_reason, trusted=True)
        return
    stored = await attachments.store_attachments(context, site.id, problem["id"], letter.attachments)
    if not change.text and (stored.photos or stored.documents):
        change = replace(change, text=i18n.text(site.language, "mailbox.in_attachments"))
    change = replace(change, photos=tuple(stored.photos), documents=tuple(stored.documents))
    verdict = Verdict(
        kind="answer",
        state="taken",
        site_id=site.id,
        problem_id=problem["id"],
        sender=letter.author,
        subject=letter.subject,
        status=change.to,
        expected_on=change.expected_on,
        details=outcome.build_details(letter, change, [*stored.left_out, *letter.left_out]),
    )

    async def along(tx: Transaction, event_id: str) -> None:
        letter_id = await store.insert_letter(tx, key, replace(verdict, event_id=event_id), clock.now())
        if letter_id is None:
            raise AlreadyProcessed
        await store.clear_agency_failure(tx, site.agency.id)
        await _acknowledge_with_number(letter, problem)(tx, letter_id)

    try:
        await lifecycle.change(context.database, AGENCY_ACTOR, site.id, problem["id"], change, along=along)
    except AlreadyProcessed:
        return
    except Invalid as error:
        reason = error.fields[0].code if error.fields[0].code in REASONS else error.fields[0].field
        await _hold(context, arrival, letter, site, problem, key, reason, trusted=True)
    except (Refused, Conflict, NotFound):  # the problem was changed concurrently
        await _hold(context, arrival, letter, site, problem, key, "status", trusted=True)


def _acknowledge_with_number(letter: Letter, problem: Row) -> outcome.Also:
    """A function that records the number of the agency's document system, if the letter has one, and acknowledges it.

    Use it for verified senders only.
    """

    async def acknowledge(tx: Transaction, letter_id: str) -> None:
        if number := registrations.find_number(letter.message, letter.subject):
            await set_registration(tx, problem["id"], number.document_number, number.document_date)
        await outcome.acknowledgement_enqueuer(problem)(tx, letter_id)

    return acknowledge


async def _hold(
    context: Context,
    arrival: Arrival,
    letter: Letter,
    site: Site,
    problem: Row | None,
    key: str,
    reason: str,
    *,
    trusted: bool,
) -> None:
    """Hold a letter for review in the cabinet. It is stored first, under a name that is the same if it comes again."""
    untrusted_problem = None if trusted or problem is None else problem["id"]
    if untrusted_problem and await store.count_held_of_problem(context.database, untrusted_problem) >= MAX_HELD:
        verdict = Verdict(kind="answer", state="ignored", reason="too_many", site_id=site.id)
        await outcome.record_outcome(context, key, verdict)
        return
    _, change = parse_change(letter, site, problem["status"] if problem else "accepted")
    await context.storage.put_letter(key, arrival.raw)
    verdict = Verdict(
        kind="answer",
        state="held",
        reason=reason if reason in REASONS else "other",
        site_id=site.id,
        problem_id=problem["id"] if problem else None,
        sender=letter.author or ", ".join(letter.named)[:254] or None,
        subject=letter.subject,
        text=(change.text or letter.text)[:MAX_STORED_TEXT],
        status=change.to,
        expected_on=change.expected_on,
        details=outcome.build_details(letter, change, list(letter.left_out)),
        stored=key,
    )
    acknowledge = None
    if trusted and problem is not None:  # whether a wrong address names the right report is not certain
        unheard = reason in ("token", "disabled")
        enqueuer = outcome.acknowledgement_enqueuer if unheard else partial(_acknowledge_with_number, letter)
        acknowledge = enqueuer(problem)
    await outcome.record_outcome(context, key, verdict, acknowledge)


async def _process_stray(context: Context, arrival: Arrival, letter: Letter, reason: str) -> None:
    """Process a letter that belongs to no report. It is held if an agency sent it, so that its answer is not lost;
    others are ignored."""
    for row in await store.list_agencies(context.database):
        senders = tuple(orjson.loads(row["senders"]))
        if row["site_id"] is not None and all(_verify_sender(context, letter, row["email"], senders)):
            site = await sites.by_id(context.database, row["site_id"])
            key = outcome.key(arrival.raw, letter, site.id)
            if not await store.is_known(context.database, key):
                await _hold(context, arrival, letter, site, None, key, reason, trusted=True)
            return
    await outcome.record_outcome(
        context, outcome.key(arrival.raw, letter, ""), Verdict(kind="other", state="ignored", reason="nobody")
    )

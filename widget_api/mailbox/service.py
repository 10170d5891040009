"""Takes a letter in: says what it is, whose it is and whether it may, and writes down what became of it, once."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson

from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Row, Transaction
from widget_api.deliveries import owing
from widget_api.deliveries.model import ASKED
from widget_api.errors import Conflict, Invalid, NotFound, Refused
from widget_api.mail import verp
from widget_api.mail.verp import Destination
from widget_api.mailbox import answers, enclosures, examining, reading, store, trust, words
from widget_api.mailbox.bounces import Failure
from widget_api.mailbox.model import MOST_HELD, REASONS, Arrival, Verdict
from widget_api.mailbox.reading import Letter
from widget_api.problems import gate
from widget_api.problems import service as problems
from widget_api.problems.model import Actor, Change
from widget_api.problems.store import history, records
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

AGENCY = Actor(kind="agent")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}>")  # fit for a header of ours
MOST_DESTINATIONS = 50  # reports one letter can be about, as many as it can have recipients; a header names thousands
LONGEST_KEPT = 10_000  # characters of a text that is shown in the cabinet


class Known(Exception):
    """This letter was taken in before: whoever wrote now must write nothing."""


async def take(context: Context, arrival: Arrival) -> None:
    """Returns when what became of the letter is on the disk. Raises where it has to come again: Unavailable, the
    database's own errors.
    """
    settings = context.settings
    try:
        letter, found, failure = await asyncio.to_thread(examining.examined, arrival, settings)
    except reading.TooComplex:
        await _write(context, _key(arrival.raw, None, ""), Verdict(kind="other", state="refused", reason="too_complex"))
        return
    named = [verp.read(settings, context.signer, one) for one in (*arrival.recipients, *letter.recipients)]
    destinations = list(dict.fromkeys(one for one in named if one is not None))[:MOST_DESTINATIONS]
    if found.kind == "bounce":
        await _bounced(context, arrival, letter, failure, destinations)
        return
    if found.kind != "answer":
        key = _key(arrival.raw, letter, "")
        await _write(context, key, Verdict(kind=found.kind, state="ignored", reason=found.reason))
        return
    to = [one for one in destinations if one.use == "reply"]
    for destination in to:
        await _answered(context, arrival, letter, destination)
    if not to:
        await _stray(context, arrival, letter, "token")


async def refuse_large(context: Context, name: str) -> None:
    """A letter too large to be looked at, found in a mailbox under this name."""
    key = hashlib.sha256(name.encode()).hexdigest()
    await _write(context, key, Verdict(kind="other", state="refused", reason="too_large"))


def _key(raw: bytes, letter: Letter | None, target: str) -> str:
    """The same letter to the same report, whichever way it came and however often: what servers add is not in it."""
    header, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    names = ("Message-ID", "Date", "From", "Subject")
    told = "\0".join(str(letter.message.get(name, "")) for name in names) if letter else header.decode("latin-1")
    digest = hashlib.sha256(f"{told}\0{target}\0".encode("utf-8", "surrogateescape"))
    digest.update(body.strip())
    return digest.hexdigest()


async def _write(
    context: Context, key: str, verdict: Verdict, also: Callable[[Transaction, str], Awaitable[None]] | None = None
) -> None:
    """Write down what became of a letter; `also` is written along, where it was not here before."""

    async def work(tx: Transaction) -> None:
        letter_id = await store.add(tx, key, verdict, clock.now())
        if letter_id is not None and also is not None:
            await also(tx, letter_id)

    await context.database.write(work)


# --- returned letters ----------------------------------------------------------------------------------------------


async def _bounced(
    context: Context, arrival: Arrival, letter: Letter, failure: Failure | None, destinations: list[Destination]
) -> None:
    """Only what came back to an address of ours counts: anybody can write a report of a failure."""
    key = _key(arrival.raw, letter, "")
    ours = [one for one in destinations if one.use != "reply" and verp.is_ours(context.signer, one)]
    if not ours or failure is None:
        reason = "not_ours" if not ours else "not_final"
        await _write(context, key, Verdict(kind="bounce", state="ignored", reason=reason))
        return

    async def mark(tx: Transaction, letter_id: str) -> None:
        for one in ours:
            failed = store.agency_failed if one.use == "agency" else store.contact_failed
            await failed(tx, one.identifier, str(failure), clock.now())

    problem_id = next((one.identifier for one in ours if one.use == "contact"), None)
    problem = await records.find(context.database, problem_id) if problem_id else None
    verdict = Verdict(
        kind="bounce",
        state="taken",
        reason=str(failure),
        problem_id=problem_id if problem else None,
        site_id=problem["site_id"] if problem else None,
    )
    await _write(context, key, verdict, mark)


# --- answers -------------------------------------------------------------------------------------------------------


async def _answered(context: Context, arrival: Arrival, letter: Letter, destination: Destination) -> None:
    problem = await records.find(context.database, destination.identifier)
    if problem is None:
        await _stray(context, arrival, letter, "token")
        return
    key = _key(arrival.raw, letter, problem["id"])
    if await store.known(context.database, key):
        return
    site = await sites.by_id(context.database, problem["site_id"])
    listed, passed = _vouched(context, letter, site.agency.email, site.agency.senders)
    if not verp.is_ours(context.signer, destination, verp.about(site.id, site.agency.id)):
        if listed and passed:
            await _hold(context, arrival, letter, site, problem, key, "token", trusted=True)
        else:
            await _stray(context, arrival, letter, "token")
        return
    if problem["erased_at"] is not None or problem["mirror_of"] is not None:
        reason = "erased" if problem["erased_at"] is not None else "mirrored"
        verdict = Verdict(kind="answer", state="refused", reason=reason, site_id=site.id, problem_id=problem["id"])
        if listed and passed:
            verdict = replace(verdict, sender=letter.author, details=_details(letter, None))
        await _write(context, key, verdict, _acknowledgement(context, problem) if listed and passed else None)
        return
    if not listed or not passed:
        await _hold(context, arrival, letter, site, problem, key, "sender" if not listed else "dmarc", trusted=False)
        return
    await _publish(context, arrival, letter, site, problem, key)


def _vouched(context: Context, letter: Letter, agency: str, senders: tuple[str, ...]) -> tuple[bool, bool]:
    """Whether the writer is listed, and then whether our mail server found that it is them."""
    author = letter.author
    if author is None or not trust.is_listed(author, agency, senders):
        return False, False
    return True, trust.passed_dmarc(letter.message, author, context.settings.mail_servers)


def read_wish(letter: Letter, site: Site, status: str) -> tuple[words.Asked, Change]:
    """What a letter asks for of a report of this site that has this status."""
    asked = words.asked(letter.subject, letter.text, local_date(clock.now(), site.time_zone))
    return asked, answers.wish(asked, letter, status, i18n.text(site.language, "mailbox.in_attachments"))


async def _publish(context: Context, arrival: Arrival, letter: Letter, site: Site, problem: Row, key: str) -> None:
    asked, wish = read_wish(letter, site, problem["status"])
    objection = answers.objection(asked, wish, problem, site)
    if objection:
        await _hold(context, arrival, letter, site, problem, key, objection, trusted=True)
        return
    taken = await enclosures.take(context, site.id, problem["id"], letter.attachments)
    if not wish.text and (taken.photos or taken.documents):
        wish = replace(wish, text=i18n.text(site.language, "mailbox.in_attachments"))
    wish = replace(wish, photos=tuple(taken.photos), documents=tuple(taken.documents))
    verdict = Verdict(
        kind="answer",
        state="taken",
        site_id=site.id,
        problem_id=problem["id"],
        sender=letter.author,
        subject=letter.subject,
        status=wish.to,
        expected_on=wish.expected_on,
        details=_details(letter, wish, [*taken.left_out, *letter.left_out]),
    )

    async def along(tx: Transaction, event_id: str) -> None:
        letter_id = await store.add(tx, key, replace(verdict, event_id=event_id), clock.now())
        if letter_id is None:
            raise Known
        await store.agency_answers(tx, site.agency.id)
        await _acknowledgement(context, problem)(tx, letter_id)

    try:
        await problems.change(context.database, AGENCY, site.id, problem["id"], wish, along=along)
    except Known:
        return
    except Invalid as error:
        reason = error.fields[0].code if error.fields[0].code in REASONS else error.fields[0].field
        await _hold(context, arrival, letter, site, problem, key, reason, trusted=True)
    except (Refused, Conflict, NotFound):  # somebody was faster
        await _hold(context, arrival, letter, site, problem, key, "status", trusted=True)


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
    """Keep a letter for a look in the cabinet: the whole of it first, under a name it has whenever it comes again."""
    if (
        problem is not None
        and not trusted
        and await store.held_of_problem(context.database, problem["id"]) >= MOST_HELD
    ):
        await _write(context, key, Verdict(kind="answer", state="ignored", reason="too_many", site_id=site.id))
        return
    _, wish = read_wish(letter, site, problem["status"] if problem else "accepted")
    await context.storage.put_letter(key, arrival.raw)
    verdict = Verdict(
        kind="answer",
        state="held",
        reason=reason if reason in REASONS else "other",
        site_id=site.id,
        problem_id=problem["id"] if problem else None,
        sender=letter.author or ", ".join(letter.named)[:254] or None,
        subject=letter.subject,
        text=(wish.text or letter.text)[:LONGEST_KEPT],
        status=wish.to,
        expected_on=wish.expected_on,
        details=_details(letter, wish, list(letter.left_out)),
        stored=key,
    )
    owed = _acknowledgement(context, problem) if trusted and problem is not None else None
    await _write(context, key, verdict, owed)


def _details(letter: Letter, wish: Change | None, left_out: list[str] | None = None) -> dict[str, Any]:
    identifier = str(letter.message.get("Message-ID", "")).strip()
    values = {
        "answers": identifier if _MESSAGE_ID.fullmatch(identifier) else None,
        "responsible": wish.responsible if wish else None,
        "duplicate_of": wish.duplicate_of if wish else None,
        "left_out": (left_out or [])[:20] or None,
        "attached": len(letter.attachments) or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _acknowledgement(context: Context, problem: Row) -> Callable[[Transaction, str], Awaitable[None]]:
    """Owe a letter that tells the writer what became of theirs: to those we know for themselves, and to nobody else."""

    async def owe(tx: Transaction, letter_id: str) -> None:
        received = await history.received_event(tx, problem["id"])
        await owing.schedule(
            tx,
            site_id=problem["site_id"],
            problem_id=problem["id"],
            event_id=received["id"],
            position=received["position"],
            sink=gate.MAILBOX + letter_id,
            opens=False,
            now=clock.now(),
            lane=ASKED,
        )

    return owe


async def _stray(context: Context, arrival: Arrival, letter: Letter, reason: str) -> None:
    """A letter to nothing we know. An agency's own is held, so that no official writes into a void; others' are not."""
    for row in await store.agencies(context.database):
        senders = tuple(orjson.loads(row["senders"]))
        if row["site_id"] is not None and all(_vouched(context, letter, row["email"], senders)):
            site = await sites.by_id(context.database, row["site_id"])
            key = _key(arrival.raw, letter, site.id)
            if not await store.known(context.database, key):
                await _hold(context, arrival, letter, site, None, key, reason, trusted=True)
            return
    await _write(context, _key(arrival.raw, letter, ""), Verdict(kind="other", state="ignored", reason="nobody"))

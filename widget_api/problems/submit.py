"""Accept a report: number, first event, confirmation letter and idempotency key, all in one transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from widget_api import clock, events
from widget_api.attachments.photos import store as photo_store
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.deliveries.model import REQUESTED
from widget_api.errors import Conflict, Invalid
from widget_api.problems import assignment, notices, pictures, remote_pictures
from widget_api.problems.model import Actor, Contact, Report, has_author_here, is_published_after
from widget_api.problems.record import release
from widget_api.problems.store import contacts, records
from widget_api.signing import Purpose, Signer
from widget_api.sites import routing_rules
from widget_api.sites.deadlines import NO_DUE_DATE, promised_date
from widget_api.sites.model import DEFAULT_DEADLINE_DAYS, Site
from widget_api.sites.service import Receiver

LETTERS_A_DAY = 3
# Other letters that somebody can have sent to a stranger's mailbox stop one earlier, so that they cannot use up the
# letter that confirms the stranger's own report.
OTHER_LETTERS_A_DAY = LETTERS_A_DAY - 1
CODE_LENGTH = 8
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without characters that are easily confused: 0 O 1 I L

Spend = Callable[[Transaction], Awaitable[None]]
Along = Callable[[Transaction, str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """The sender's key and a hash of the request: the same key with another fingerprint is refused."""

    key: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The result of a submission. `body` is the JSON of the API's answer; a repeat gets the same bytes."""

    problem_id: str
    number: int
    body: bytes
    repeated: bool


def new_code() -> str:
    """Make the code with which a resident without e-mail follows the report."""
    chance, letters = secrets.randbelow(len(CODE_ALPHABET) ** CODE_LENGTH), ""
    for _ in range(CODE_LENGTH):
        chance, letter = divmod(chance, len(CODE_ALPHABET))
        letters += CODE_ALPHABET[letter]
    return letters


def hash_code(site_id: str, number: int, code: str) -> str:
    """Hash a code for storage, with the report it belongs to."""
    return hashlib.sha256(f"{site_id}:{number}:{code.upper()}".encode()).hexdigest()


def replay_receipt(row: Row | Mapping[str, Any], idempotency: Idempotency) -> Receipt:
    """Return the receipt of a stored submission. Raises Invalid if the key was used for another request."""
    if row["fingerprint"] != idempotency.fingerprint:
        raise Invalid((), "idempotency_key_reused")
    body = row["response"].encode()
    return Receipt(problem_id=row["problem_id"], number=orjson.loads(body)["number"], body=body, repeated=True)


async def submit(
    database: Database,
    site: Site,
    report: Report,
    *,
    signer: Signer,
    public_url: str,
    idempotency: Idempotency | None = None,
    spend: Spend | None = None,
    actor: Actor | None = None,
    along: Along | None = None,
    receiver: Receiver | None = None,
) -> Receipt:
    """Accept a report: number, first event, confirmation letter, idempotency key, in one transaction.

    `spend` uses up the ticket inside the transaction, `along` is called at its end with the problem's id. `actor` is
    given if another system sent the report or an official entered it. A `receiver` gets what was sent to `site`: its
    site stores the report, with the photos that were uploaded for `site`; the key stays with `site`, where a repeat
    is recognised even if somebody else would be the receiver by then.
    Raises Invalid (key used for another body), Conflict (the birth id is another event's) and what `spend` raises.
    """
    now, sent_to = clock.now(), site
    if receiver is not None:
        site, report = receiver.site, _adapt(report, site, receiver.site)
    new = _NewProblem(site, report, now)

    async def work(tx: Transaction) -> Receipt:
        if idempotency is not None:
            earlier = await records.find_submission(tx, sent_to.id, idempotency.key)
            if earlier is not None:
                return replay_receipt(earlier, idempotency)
        if spend is not None:
            await spend(tx)
        number, received = await new.write(tx, actor)
        if site.id != sent_to.id:
            await photo_store.move(tx, [one.id for one in report.photos], sent_to.id, site.id)
        if report.photos:
            await pictures.attach(tx, site.id, new.problem_id, received.id, "report", report.photos)
        await remote_pictures.enqueue_pictures(tx, received, report.media, len(report.photos), now)
        if report.contact.email and has_author_here(report.source):
            await _send_confirmation(tx, received, report.contact.email, now)
        else:  # nobody confirms it
            await notices.notify_new(tx, received, now, accepted=report.status != "moderation")
        if report.status != "moderation":
            await release(tx, site.id, new.problem_id, now)
        if report.status == "accepted":
            rule = await routing_rules.find_rule(tx, site.id, report.category, report.lat, report.lng)
            if rule is not None:
                await assignment.apply_rule(tx, site.id, new.problem_id, rule, now)
        body = _answer(report, number, new.created_at, new.due, new.problem_id, new.code, signer, public_url)
        if receiver is not None:
            body = orjson.dumps(orjson.loads(body) | {"receiver": receiver.name})
        if idempotency is not None:
            await records.add_submission(
                tx, sent_to.id, idempotency.key, idempotency.fingerprint, new.problem_id, body.decode()
            )
        if along is not None:
            await along(tx, new.problem_id)
        return Receipt(problem_id=new.problem_id, number=number, body=body, repeated=False)

    return await database.write(work, site.id)


def _adapt(report: Report, sent_to: Site, site: Site) -> Report:
    """The report as `site` gets it: with a category of its own, and without the author's name in public.

    The consent to publish a name is for the pages of the site that asked for it, which its document names.
    """
    if not site.category(report.category) and site.categories:
        report = replace(report, category="other" if site.category("other") else site.categories[-1].code)
    if site.id == sent_to.id:
        return report
    consent = report.consent and replace(report.consent, publish_name=False, name_version=None, name_hash=None)
    return replace(report, contact=replace(report.contact, publish_name=False), consent=consent)


async def mirror(database: Database, site: Site, report: Report, *, actor: Actor, spend: Spend, along: Along) -> str:
    """Store a platform's own problem, without letter, code or deliveries. Returns its id.

    `spend` may refuse it inside the transaction, `along` writes related rows. Raises Conflict (the birth id is another
    event's) and what `spend` raises.
    """
    new = _NewProblem(site, report, clock.now(), secret=False)

    async def work(tx: Transaction) -> str:
        await spend(tx)
        _, received = await new.write(tx, actor)
        await remote_pictures.enqueue_pictures(tx, received, report.media, 0, new.now)
        await along(tx, new.problem_id)
        return new.problem_id

    return await database.write(work, site.id)


async def store(tx: Transaction, site: Site, report: Report, actor: Actor) -> None:
    """Store an entry of the site's own agency, without letter, code or deliveries. Raises Conflict (it is known)."""
    await _NewProblem(site, report, clock.now(), secret=False).write(tx, actor)


class _NewProblem:
    """A report that is about to be stored as a problem, with its generated identifiers and due date."""

    def __init__(self, site: Site, report: Report, now: int, *, secret: bool = True) -> None:
        self.site, self.report, self.now = site, report, now
        self.created_at = min(report.received_at or now, now)
        self.problem_id, self.event_id = clock.new_id(), report.birth_id or clock.new_id()
        self.due = report.answer_due or self._due()
        self.code = None if report.contact.email or not secret else new_code()

    def _due(self) -> str:
        """Return the due date by the site's rules, which do not apply to what a platform answers or nobody does."""
        if self.report.mirror_of is not None or not self.site.is_due:
            return NO_DUE_DATE
        category = self.site.category(self.report.category)
        days = category.working_days if category else DEFAULT_DEADLINE_DAYS
        return self.site.calendar.answer_due(self.created_at, days)

    async def write(self, tx: Transaction, actor: Actor | None) -> tuple[int, events.Event]:
        """Store it; return its number and first event. Raises Conflict if the event is known."""
        site, report, code = self.site, self.report, self.code
        if report.birth_id is not None and await events.exists(tx, site.id, self.event_id):
            raise Conflict("event_known")
        counters = await events.advance(tx, site.id, problems=1, events=1)
        await records.add(
            tx,
            problem_id=self.problem_id,
            site=site,
            number=counters.number,
            report=report,
            event_id=self.event_id,
            created_at=self.created_at,
            answer_due=self.due,
            published=is_published_after(False, "moderation", report.status),
            code_hash=hash_code(site.id, counters.number, code) if code else None,
        )
        if report.contact != Contact():
            await contacts.add(tx, site.id, self.problem_id, report.contact, report.language)
        if report.consent is not None:
            await contacts.add_consents(tx, site.id, self.problem_id, report.consent, self.now)
        received = events.Event(
            id=self.event_id,
            site_id=site.id,
            problem_id=self.problem_id,
            kind="received",
            at=self.created_at,
            actor=actor.kind if actor else "resident",
            status=report.status,
            user_id=actor.user_id if actor else None,
            source=actor.source if actor else None,
            position=counters.position,
            data={"due": self.due},
        )
        await events.append(tx, received)
        return counters.number, received


async def _send_confirmation(tx: Transaction, received: events.Event, email: str, now: int) -> None:
    """Enqueue the confirmation letter, the only one sent before the release, unless the daily limit is reached."""
    if await contacts.letters_today(tx, email, now) < LETTERS_A_DAY:
        await contacts.add_letter(tx, email, now)
        await enqueue.enqueue_event(tx, received, sinks.RESIDENT, now, priority=REQUESTED)


def _answer(
    report: Report,
    number: int,
    created_at: int,
    due: str,
    problem_id: str,
    code: str | None,
    signer: Signer,
    public_url: str,
) -> bytes:
    answer = {
        "number": number,
        "status": report.status,
        "received_at": clock.rfc3339(created_at),
        "answer_due": promised_date(due),
        "track_url": f"{public_url}/t/{signer.sign(Purpose.TRACK, problem_id)}",
    }
    if code:
        answer["code"] = code
    return orjson.dumps(answer)

"""Begin, continue and send an application, decide about it, hand an origin over, and forget what is no longer needed.

An application proves nothing about its sender before they confirmed their address, and nothing about a domain before
its proof was found. What an operator approves is checked once more at that moment.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO

from widget_api import clock, i18n, journal, schedule
from widget_api.attachments.documents import model as documents
from widget_api.attachments.photos.intake import Intake
from widget_api.attachments.storage import Storage
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, TooLarge, WrongType
from widget_api.geo import geojson
from widget_api.geo.model import boxes_overlap
from widget_api.geo.overlap import measure_shares
from widget_api.outbound import Outbound
from widget_api.people import invitations
from widget_api.people.accounts import normalise_email
from widget_api.people.invitations import Invitee
from widget_api.permissions import Role
from widget_api.registration import hosts, proof, store, time_zones
from widget_api.registration.model import (
    ANSWER_DAYS,
    KEPT_DAYS,
    MAX_NAME_LENGTH,
    MAX_REASON_LENGTH,
    METHODS,
    SENT_KEPT_DAYS,
    LetterKind,
    Mark,
    Sight,
    is_inn,
)
from widget_api.settings import Settings
from widget_api.signing import Purpose, Signer
from widget_api.sites import borders, origins
from widget_api.sites import service as sites
from widget_api.sites import store as site_store
from widget_api.sites.consent import Document, make_document
from widget_api.sites.deadlines import Calendar
from widget_api.sites.model import Site
from widget_api.validation import has_link, is_email

DETAILS = ("origin", "inn", "name", "email", "contact_name", "contact_post", "contact_email")
NAMES = ("name", "contact_name", "contact_post")  # which letters and invitations show to others
MIN_OVERLAP = 0.01  # of a territory; neighbours' borders, drawn apart, overlap a little
MAX_OVERLAPS = 10  # that are shown


@dataclass(frozen=True)
class Overlap:
    """A site of another agency in whose territory a share of an application's lies."""

    site: Site
    share: float

    @property
    def percent(self) -> int:
        return round(self.share * 100)


def consent_document(settings: Settings, language: str) -> Document:
    """What a contact person agrees to, a document of its own (152-FZ, article 9)."""
    texts = {
        "operator": settings.processor or i18n.text(language, "registration.consent.operator_unnamed"),
        "url": settings.public_url,
        "email": settings.mailbox,
        "days": KEPT_DAYS,
        "place": settings.data_location or "—",
    }
    names = ["operator", "purpose", "data", "actions", *(["place"] if settings.data_location else []), "retention"]
    sections = {
        i18n.text(language, f"registration.consent.{name}.title"): [
            i18n.text(language, f"registration.consent.{name}.text", **texts)
        ]
        for name in (*names, "withdrawal")
    }
    return make_document(language, i18n.text(language, "registration.consent.title"), sections)


async def check_details(database: Database, settings: Settings, given: Mapping[str, str]) -> dict[str, Any]:
    """The columns of what a form says of site, agency and person. Raises Invalid.

    A missing name is looked up in the register of names, from which it may be longer than what somebody types.
    """
    wrong, values = list[FieldError](), {name: " ".join(given.get(name, "").split()) for name in DETAILS}
    try:
        values["origin"] = origins.origin_of_address(values["origin"]) if values["origin"] else ""
    except origins.InvalidOrigin:
        wrong.append(FieldError("origin", "origin", (("value", values["origin"][:200]),)))
    else:
        if values["origin"] and not _is_provable(settings, values["origin"]):
            wrong.append(FieldError("origin", "origin_https"))
    if values["inn"] and not is_inn(values["inn"]):
        wrong.append(FieldError("inn", "inn_digits"))
    registered = await store.find_name(database, values["inn"]) if is_inn(values["inn"]) else None
    values["name"] = values["name"] or registered or ""
    wrong += [FieldError(name, "missing") for name in DETAILS if not values[name] and name != "contact_post"]
    for name in ("email", "contact_email"):
        values[name] = normalise_email(values[name])
        if values[name] and not is_email(values[name]):
            wrong.append(FieldError(name, "email"))
    wrong += [
        FieldError(name, "too_long", (("max", longest),))
        for name in DETAILS
        if values[name] != registered
        and len(values[name]) > (longest := MAX_NAME_LENGTH if name in NAMES else invitations.MAX_NAME_LENGTH)
    ]
    wrong += [FieldError(name, "links") for name in NAMES if has_link(values[name])]
    if wrong:
        raise Invalid(tuple(sorted(wrong, key=lambda error: DETAILS.index(error.field))))
    return values | {"host": origins.host_of(values["origin"]), "contact_post": values["contact_post"] or None}


def _is_provable(settings: Settings, origin: str) -> bool:
    """Whether what is found at an origin proves whose its host is. In production it has to come by HTTPS, and from the
    port that the owner alone can open: others may serve pages on the same host.
    """
    scheme, _, place = origin.partition("://")
    return not settings.production or (scheme == "https" and ":" not in place and "." in place)


async def begin(
    context: Context, checked: Mapping[str, Any], agreed: Document, ip: str, language: str, *, by_letter: bool = True
) -> None:
    """Keep an application as a draft and enqueue the letter with its link, unless `by_letter` is False.

    Who applies again gets the link again; a draft whose address is confirmed is changed from there alone.
    """
    now = clock.now()
    values = dict(checked) | {"consent_at": now, "consent_hash": agreed.hash, "consent_ip": ip, "language": language}

    async def work(tx: Transaction) -> None:
        known = await store.find_open(tx, checked["contact_email"], checked["host"])
        if known is None:
            application_id, token = clock.new_id(), secrets.token_urlsafe(24)
            fresh = {"id": application_id, "state": "draft", "proof_token": token, "created_at": now, "updated_at": now}
            await tx.insert("applications", **fresh, **values)
        else:
            application_id = known["id"]
            if known["confirmed_at"] is None:
                await store.update(tx, application_id, ("draft",), values, unconfirmed=True)
        if by_letter:
            await store.enqueue_letter(tx, "link", application_id=application_id)

    await context.database.write(work)


async def read_link(context: Context, token: str) -> Row:
    """The application of a mailed link. Raises NotFound where the link is forged or old, or the application is gone."""
    payload = context.signer.read(Purpose.APPLICATION, token)
    if isinstance(payload, list) and len(payload) == 1 and isinstance(payload[0], str):
        row = await store.find(context.database, payload[0])
        if row is not None:
            return row
    raise NotFound("application_link_invalid")


def mark_details(row: Row) -> str:
    """A mark of what an application says, by which it is known whether what is confirmed was seen."""
    return hashlib.sha256(repr([row[name] for name in DETAILS]).encode()).hexdigest()


async def confirm(database: Database, row: Row, seen: str) -> None:
    """Confirm the application with the mark `seen`: a stranger may have applied again since. Raises Conflict."""

    async def work(tx: Transaction) -> None:
        if not await store.update(tx, row["id"], ("draft",), {"confirmed_at": clock.now()}, unconfirmed=True):
            return
        current = await store.find(tx, row["id"])
        if current is None or mark_details(current) != seen:
            raise Conflict("application_changed")

    await database.write(work)


async def change_details(context: Context, row: Row, given: Mapping[str, str]) -> None:
    """Correct what the first form said. Another origin needs another proof. Raises Invalid, Conflict."""
    fixed = {"contact_email": row["contact_email"]}  # the link went there
    values = await check_details(context.database, context.settings, {**given, **fixed})
    if values["origin"] != row["origin"]:
        values |= {"proof_method": None, "proven_at": None}
    await _change(context.database, row, ("draft",), values)


async def change_work(
    database: Database,
    row: Row,
    mode: str,
    registry_number: str,
    time_zone: str,
    area: bytes | str,
    *,
    latitude_first: bool = False,
) -> None:
    """How the agency will work. Raises Invalid, also a WrongBorder, and Conflict."""
    wrong, stored, misplaced = list[FieldError](), None, None
    try:
        sites.check_agency({"registry_number": registry_number or None})
    except Invalid as error:
        wrong += error.fields
    if time_zone not in time_zones.ZONES:
        wrong.append(FieldError("time_zone", "unknown"))
    try:
        place = borders.find_place(None, row["inn"])
        if area:
            checked = await asyncio.to_thread(borders.parse_border, area, place, latitude_first=latitude_first)
            stored = geojson.to_geometry(checked)
    except borders.WrongBorder as error:
        misplaced = error
    except Invalid as error:
        wrong += error.fields
    if misplaced is not None:
        misplaced.fields = (*wrong, *misplaced.fields)
        raise misplaced
    if wrong:
        raise Invalid(tuple(wrong))
    mode = "email" if mode == "email" else "cabinet"
    values = {"mode": mode, "registry_number": registry_number or None, "time_zone": time_zone, "area": stored}
    await _change(database, row, ("draft",), values)


def time_zone_of(row: Row) -> str:
    """The time zone that the applicant chose, or the proposed one."""
    return str(row["time_zone"] or time_zones.propose(row["inn"]))


async def check_proof(database: Database, settings: Settings, outbound: Outbound, row: Row, method: str) -> Sight:
    """Look for the proof of an application where its sender says. Raises Conflict, NotFound (no such method).

    The agencies that hold its host are asked once it is both sent and proven.
    """
    chosen = next((one for one in METHODS if one == method), None)
    if chosen is None:
        raise NotFound
    seen = await proof.look(outbound, settings, row["origin"], row["proof_token"], chosen)
    if not seen.proven:
        return seen

    async def work(tx: Transaction) -> None:
        # Changed first, and read then, so that of a proof and a submission at once one sees the other.
        if not await store.update(tx, row["id"], ("draft", "sent"), {"proof_method": chosen, "proven_at": clock.now()}):
            raise Conflict("application_decided")
        current = await store.find(tx, row["id"])
        if current is None or current["origin"] != row["origin"]:
            raise Conflict("application_changed")
        if current["state"] == "sent":
            holders = await site_store.list_holders(tx, current["origin"])
            if row["proven_at"] is None:  # whose consent was asked for, and is not needed now, is warned
                for site_id in {one["site_id"] for one in holders if not must_agree(one["site_id"], holders, current)}:
                    await store.forget_asked(tx, row["id"], site_id)
            await _ask_holders(tx, current, holders)

    await database.write(work)
    return seen


async def keep_letter(context: Context, row: Row, name: str, file: BinaryIO, sender: str) -> None:
    """Keep an official letter, a PDF or a photo, which is converted, for the operator.

    Raises Conflict, TooLarge, WrongType, Invalid (a broken photo), Unavailable.
    """
    file.seek(0)
    content = file.read(documents.MAX_FILE_SIZE + 1)
    if len(content) > documents.MAX_FILE_SIZE:
        raise TooLarge("document_too_large")
    kind, ending = documents.PDF_TYPE
    if not documents.is_pdf(content[:64], content[-documents.TAIL_SIZE :]):
        content, kind, ending = await _convert_photo(context.intake, content, sender), "image/jpeg", ".jpg"
    letter_id = clock.new_id()
    values = {
        "letter_id": letter_id,
        "letter_name": documents.sanitize_name(name.rpartition(".")[0] or name, ending),
        "letter_type": kind,
        "letter_bytes": len(content),
    }
    await context.storage.put_document(letter_id, content)
    try:
        await _change(context.database, row, ("draft", "sent"), values)
    except BaseException:
        await context.storage.delete_document(letter_id)
        raise
    if row["letter_id"]:
        await context.storage.delete_document(row["letter_id"])


async def _convert_photo(intake: Intake, content: bytes, sender: str) -> bytes:
    try:
        return (await intake.convert(content, sender)).picture
    except (WrongType, Invalid):
        raise WrongType("application_letter_type") from None


async def send(database: Database, row: Row) -> None:
    """Hand an application to the operator, and ask the agencies that hold its host. Raises Invalid, Conflict.

    They are asked at the approval if it has no proof but a letter, which nobody has read yet: otherwise anybody could
    have the service write to them.
    """
    if row["state"] == "sent":
        return
    if row["proven_at"] is None and row["letter_id"] is None:
        raise Invalid((FieldError("proof", "proof_missing"),))
    now = clock.now()

    async def work(tx: Transaction) -> None:
        if not await store.update(tx, row["id"], ("draft",), {"state": "sent", "sent_at": now}):
            raise Conflict("application_decided")
        current = await store.find(tx, row["id"])
        if current is None or current["confirmed_at"] is None or current["origin"] != row["origin"]:
            raise Conflict("application_changed")
        if current["proven_at"] is not None:
            await _ask_holders(tx, current, await site_store.list_holders(tx, current["origin"]))

    await database.write(work)


async def _change(database: Database, row: Row, states: Sequence[str], values: Mapping[str, Any]) -> None:
    """Change an application. Raises Conflict."""

    async def work(tx: Transaction) -> None:
        if not await store.update(tx, row["id"], states, values):
            raise Conflict("application_decided")

    await database.write(work)


async def _ask_holders(tx: Transaction, row: Row, holders: Sequence[Row]) -> None:
    """Ask each site for a handover, or warn it where it loses what it only claimed.

    Its administrators get one letter of a kind a day, however many ask and withdraw.
    """
    now = clock.now()
    for site_id in dict.fromkeys(holder["site_id"] for holder in holders):
        asked = await store.ask(tx, row["id"], site_id, now)
        kind: LetterKind = "handover" if must_agree(site_id, holders, row) else "claim_wanted"
        if asked and await schedule.claim(tx, f"{kind} letter: {site_id}", now, clock.DAY):
            await store.notify_administrators(tx, kind, site_id, application_id=row["id"])


def must_agree(site_id: str, holders: Sequence[Row], application: Row) -> bool:
    """Whether a site among those that hold a host has to hand over an origin on it."""
    return any(has_to_agree(one, application) for one in holders if one["site_id"] == site_id)


def answer_until(calendar: Calendar, asked_at: int) -> date:
    """The last day on which a site that was warned keeps what it claimed, unless its agency has answered."""
    return calendar.add_working_days(calendar.local_date(asked_at), ANSWER_DAYS)


def find_term(asked: Row) -> date | None:
    """The last day of the time for an answer, None once it is over; of a row of `list_handovers`."""
    calendar = Calendar.load(asked["time_zone"], asked["calendar"])
    until = answer_until(calendar, asked["asked_at"])
    return until if calendar.local_date(clock.now()) <= until else None


async def list_answers(database: Database, row: Row) -> Sequence[tuple[Row, bool, date | None]]:
    """What the sites that still hold an application's host say, whether they must agree, and the term of the others."""
    holders = await site_store.list_holders(database, row["origin"])
    holding = {one["site_id"] for one in holders}
    return [
        (one, must_agree(one["site_id"], holders, row), find_term(one))
        for one in await store.list_handovers(database, row["id"])
        if one["site_id"] in holding
    ]


async def find_wanted(database: Database, site_id: str) -> Mapping[str, Row]:
    """The origins that a site only claimed and an applicant has proven, each with that application."""
    return {
        held["origin"]: asked
        for asked in await store.list_asked(database, site_id)
        for held in await site_store.list_holders(database, asked["origin"])
        if held["site_id"] == site_id and not has_to_agree(held, asked)
    }


# --- proofs of a site's origins --------------------------------------------------------------------------------------


def origin_token(signer: Signer, site_id: str, origin: str) -> str:
    """What a site's agency puts on an origin to prove it."""
    return signer.seal(Purpose.ORIGIN_PROOF, f"{site_id} {origin}")


async def prove_origin(context: Context, site: Site, origin: str, method: str, who: journal.Who) -> Sight:
    """Look for the proof of one of a site's origins.

    Raises NotFound (no such method, not an origin of the site), Invalid («origin») for one that proves nothing.
    """
    chosen = next((one for one in METHODS if one == method), None)
    if chosen is None or origin not in site.origins:
        raise NotFound
    if not _is_provable(context.settings, origin):
        raise Invalid((FieldError("origin", "origin_https"),))
    token = origin_token(context.signer, site.id, origin)
    seen = await proof.look(context.outbound, context.settings, origin, token, chosen)

    async def work(tx: Transaction) -> None:
        if origin not in await store.list_origins(tx, site.id):  # it was removed, or handed over, meanwhile
            raise NotFound
        await store.delete_proof(tx, site.id, origin)
        await store.insert_proof(tx, site.id, origin, chosen, token)
        await site_store.bump_version(tx, site.id)
        details = {"columns": ["origins"], **journal.describe_origins(proven=[origin])}
        await journal.record(tx, "site_changed", who, subject=site.id, site_id=site.id, details=details)

    if seen.proven:
        await context.database.write(work, site.id)
    return seen


async def tell_removed(tx: Transaction, site_id: str, removed: Collection[str]) -> None:
    """Enqueue the letters about the origins that the operator removes from a site, in the transaction of that."""
    for origin in sorted(removed):
        await store.notify_administrators(tx, "origin_removed", site_id, origin=origin)


# --- decisions -------------------------------------------------------------------------------------------------------


async def find_application(database: Database, application_id: str) -> Row:
    """An application that was sent. Raises NotFound."""
    row = await store.find(database, application_id)
    if row is None or row["state"] == "draft":
        raise NotFound("application_not_found")
    return row


async def find_overlaps(database: Database, row: Row) -> list[Overlap]:
    """The sites of other agencies in whose territory a notable share of an application's lies, the largest first.

    Not those of services below another agency, whose territories lie in that agency's.
    """
    if not row["area"]:
        return []
    others = [one for one in await sites.list_sites(database) if one.territory and one.agency.parent_id is None]

    def measure() -> list[Overlap]:
        area = geojson.parse_area(row["area"])
        near = [(one, one.territory) for one in others if one.territory and boxes_overlap(area.box, one.territory.box)]
        shares = measure_shares(area, [territory for _, territory in near])
        found = [Overlap(one, share) for (one, _), share in zip(near, shares, strict=True)]
        return sorted((one for one in found if one.share >= MIN_OVERLAP), key=lambda one: -one.share)[:MAX_OVERLAPS]

    return await asyncio.to_thread(measure)


async def describe(database: Database, row: Row, overlaps: Sequence[Overlap]) -> list[Mark]:
    """What an operator should know before they decide."""
    host, named = row["host"], await store.find_name(database, row["inn"])
    marks = hosts.find_marks(host, await store.list_hosts(database))
    if row["proven_at"] is None:
        marks.append(Mark("unproven", "warning"))
    own = hosts.is_of_host(row["email"], host)
    verified = row["confirmed_at"] is not None and row["email"] == row["contact_email"]  # by the letter with the link
    code = f"email_{'own' if own else 'foreign'}{'_verified' if verified else ''}"
    marks.append(Mark(code, "good" if own and verified else "note", row["email"]))
    if named is not None:
        same = named.casefold() == row["name"].casefold()
        marks.append(Mark("name_same" if same else "name_other", "good" if same else "warning", named))
    if row["area"]:
        try:  # stored before borders were checked, or the INN has changed since
            place = borders.find_place(None, row["inn"])
            await asyncio.to_thread(borders.parse_border, row["area"], place)
        except Invalid as error:
            marks.append(Mark(error.fields[0].code, "warning", str(dict(error.fields[0].values).get("distance", ""))))
    marks += [Mark("overlap", "warning", f"{one.site.agency.name}, {one.percent} %") for one in overlaps]
    marks += [Mark("inn_known", "warning", name) for name in await store.list_agencies_with(database, row["inn"])]
    if await store.count_others(database, row):
        marks.append(Mark("others", "warning"))
    if row["state"] == "sent" and await store.has_account(database, row["contact_email"]):
        marks.append(Mark("account", "warning", row["contact_email"]))
    return marks


async def approve(
    database: Database,
    settings: Settings,
    outbound: Outbound,
    application_id: str,
    who: journal.Who,
    *,
    settled: Collection[str] = (),
) -> tuple[str, str]:
    """Add agency, site and key and invite the contact person, as the commands do. Returns the ids of agency and site.

    The proof is looked for once more. `settled` are the sites of which the operator says that the agency answered the
    warning. Raises NotFound, Invalid (the contact person, who may have an account in one agency alone; the
    invitation), Conflict: «application_unproven», «application_held» by agencies that did not agree to hand the origin
    over, «application_told» where one that only claimed it is warned now or has time to answer, «application_decided».
    """
    row = await find_application(database, application_id)
    if row["state"] != "sent":
        raise Conflict("application_decided")
    if await store.has_account(database, row["contact_email"]):
        raise Invalid((FieldError("contact_email", "has_account"),))
    if row["proof_method"]:
        seen = await proof.look(outbound, settings, row["origin"], row["proof_token"], row["proof_method"])
        if not seen.proven:
            if seen.reached:
                await _change(database, row, ("sent",), {"proof_method": None, "proven_at": None})
            raise Conflict("application_unproven")
    elif not row["letter_id"]:
        raise Conflict("application_unproven")
    async with schedule.exclusive(database, site_store.HOLDERS_LOCK):  # two approvals of one host, in two processes
        return await _approve(database, row, who, settled)


def has_to_agree(holder: Row, application: Row) -> bool:
    """Whether a site has to hand its origin over: not if its agency only claimed what the applicant has proven."""
    return holder["claimed_at"] is None or not application["proof_method"]


async def _approve(database: Database, row: Row, who: journal.Who, settled: Collection[str]) -> tuple[str, str]:
    now, host = clock.now(), row["host"]
    holders = await site_store.list_holders(database, row["origin"])
    taken = await store.list_jurisdictions(database, host)
    place = next(
        name for number in range(1, 10_000) if (name := f"{host}:{number}" if number > 1 else host) not in taken
    )
    moved = {holder["origin"] for holder in holders}
    agency_id, add_agency = sites.plan_agency(
        name=row["name"],
        email=row["email"],
        mode=row["mode"],
        inn=row["inn"],
        registry_number=row["registry_number"],
        who=who,
    )
    site_id, add_site = await asyncio.to_thread(
        sites.plan_site,
        name=row["name"],
        agency_id=agency_id,
        allowed_origins=[row["origin"], *sorted(moved - {row["origin"]})],
        jurisdiction=place,
        language=row["language"],
        time_zone=time_zone_of(row),
        area=row["area"],
        inn=row["inn"],
        who=who,
    )
    contact = Invitee(
        email=row["contact_email"],
        role=Role.ADMIN,
        agency_id=agency_id,
        language=row["language"],
        name=row["contact_name"],
        post=row["contact_post"] or "",
    )
    _, invite = invitations.plan_invitation(contact, who)

    async def work(tx: Transaction) -> Conflict | None:
        current = await store.find(tx, row["id"])
        if current is None or current["state"] != "sent":
            raise Conflict("application_decided")
        held = await site_store.list_holders(tx, row["origin"])
        said = {one["site_id"]: one for one in await store.list_handovers(tx, row["id"])}
        await _ask_holders(tx, row, held)  # who loses an address hears of it before
        asked = {one["site_id"]: one for one in await store.list_handovers(tx, row["id"])}
        claims, waiting = {one["site_id"] for one in held}, list[tuple[date, str]]()
        for site in claims:
            if must_agree(site, held, row):
                if asked[site]["answer"] != "agreed":
                    return Conflict("application_held")
            elif (site not in said or site not in settled) and (until := find_term(asked[site])) is not None:
                waiting.append((until, asked[site]["agency"]))
        if waiting:
            names = ", ".join(f"«{name}»" for name in sorted({name for _, name in waiting}))
            return Conflict("application_told", agency=names, until=max(waiting)[0])
        for holder in held:
            await store.remove_origin(tx, holder["site_id"], holder["origin"])
            await store.delete_proof(tx, holder["site_id"], holder["origin"])
            await store.notify_administrators(tx, "origin_lost", holder["site_id"], origin=holder["origin"])
            details = {"columns": ["origins"], **journal.describe_origins(removed=[holder["origin"]])}
            await journal.record(
                tx, "site_changed", who, subject=holder["site_id"], site_id=holder["site_id"], details=details
            )
        await add_agency(tx)
        await add_site(tx)
        await invite(tx)
        if row["proof_method"]:
            await store.insert_proof(tx, site_id, row["origin"], row["proof_method"], row["proof_token"])
        decided = {"state": "approved", "decided_at": now, "site_id": site_id}
        await store.update(tx, row["id"], ("sent",), decided)
        early = {"settled": True} if claims & set(settled) else {}
        await journal.record(tx, "application_approved", who, subject=row["id"], site_id=site_id, details=early)
        return None

    obstacle = await database.write(work, *sorted({holder["site_id"] for holder in holders}))
    if obstacle is not None:
        raise obstacle
    return agency_id, site_id


async def refuse(database: Database, application_id: str, reason: str, who: journal.Who) -> None:
    """Refuse an application; its sender gets the reason by letter. Raises NotFound, Invalid, Conflict."""
    row, reason = await find_application(database, application_id), reason.strip()
    if not reason or len(reason) > MAX_REASON_LENGTH:
        code = FieldError("reason", "too_long", (("max", MAX_REASON_LENGTH),)) if reason else None
        raise Invalid((code or FieldError("reason", "missing"),))

    async def work(tx: Transaction) -> None:
        values = {"state": "refused", "decided_at": clock.now(), "reason": reason}
        if not await store.update(tx, row["id"], ("sent",), values):
            raise Conflict("application_decided")
        await store.enqueue_letter(tx, "refused", application_id=row["id"])
        await journal.record(tx, "application_refused", who, subject=row["id"])

    await database.write(work)


async def answer_handover(
    database: Database, site_id: str, application_id: str, agreed: bool, who: journal.Who
) -> None:
    """Say for the agency that holds an origin whether it hands it over. Raises NotFound (nobody asks for it now)."""

    async def work(tx: Transaction) -> None:
        said = "agreed" if agreed else "refused"
        if not await store.answer(tx, application_id, site_id, said, clock.now()):
            raise NotFound
        kind: journal.Kind = "handover_agreed" if agreed else "handover_refused"
        await journal.record(tx, kind, who, subject=application_id, site_id=site_id)

    await database.write(work)


# --- what is forgotten -----------------------------------------------------------------------------------------------


async def withdraw(database: Database, storage: Storage, row: Row) -> None:
    """Delete an application that its sender takes back. Raises Conflict once it is decided."""
    if row["state"] not in ("draft", "sent"):
        raise Conflict("application_decided")
    await _delete(database, storage, [row])


async def erase_applications_of(database: Database, storage: Storage, email: str) -> int:
    """Delete the applications of a person. Returns their number."""
    rows = await store.list_of_address(database, normalise_email(email))
    await _delete(database, storage, rows)
    return len(rows)


async def purge(database: Database, storage: Storage) -> int:
    """Delete drafts that nobody continued and decided applications after KEPT_DAYS. Returns their number.

    Those that no operator decides about are deleted after SENT_KEPT_DAYS.
    """
    purged, now = 0, clock.now()
    while rows := await store.list_expired(database, now - KEPT_DAYS * clock.DAY, now - SENT_KEPT_DAYS * clock.DAY):
        await _delete(database, storage, rows)
        purged += len(rows)
    return purged


async def _delete(database: Database, storage: Storage, rows: Sequence[Row]) -> None:
    for row in rows:
        if row["letter_id"]:
            await storage.delete_document(row["letter_id"])

        async def work(tx: Transaction, application_id: str = row["id"]) -> None:
            await store.delete(tx, application_id)

        await database.write(work)

"""All SQL that writes and reads problems one at a time; lists are in listing/."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.places.cells import cell
from widget_api.problems import projections
from widget_api.problems.model import Consent, Contact, Report


def email_hash(email: str) -> str:
    """Finds a person's reports without keeping the address where it need not be.

    Case is folded, and the domain is taken as mail systems read it: «почта.рф», full-width letters, soft hyphens.
    """
    local, at, domain = email.strip().casefold().rpartition("@")
    with contextlib.suppress(UnicodeError):  # no name by the rules of IDNA
        domain = domain.encode("idna").decode().lower()
    return hashlib.sha256(f"{local}{at}{domain}".encode()).hexdigest()


def _mailbox_hash(email: str) -> str:
    """Of the mailbox that gets the letters: what follows a «+» is the writer's own label (RFC 5233)."""
    local, at, domain = email.strip().rpartition("@")
    return email_hash(f"{local.partition('+')[0] or local}{at}{domain}")


async def submission(reader: Database | Transaction, site_id: str, key: str) -> Row | Mapping[str, Any] | None:
    """The report that this Idempotency-Key made: `fingerprint`, `response`, `problem_id`."""
    if isinstance(reader, Transaction):
        found = await reader.matching("submissions", site_id=site_id, idempotency_key=key)
        return found[0] if found else None
    return await reader.row_at_once(
        "SELECT fingerprint, response, problem_id FROM submissions WHERE site_id = :site_id AND idempotency_key = :key",
        site_id=site_id,
        key=key,
    )


async def add_submission(
    tx: Transaction, site_id: str, key: str, fingerprint: str, problem_id: str, response: str
) -> None:
    await tx.insert(
        "submissions",
        site_id=site_id,
        idempotency_key=key,
        fingerprint=fingerprint,
        problem_id=problem_id,
        response=response,
    )


async def add_problem(
    tx: Transaction,
    *,
    problem_id: str,
    site_id: str,
    number: int,
    report: Report,
    event_id: str,
    created_at: int,
    answer_due: str,
    published: bool,
    code_hash: str | None,
) -> None:
    content: dict[str, Any] = {
        "site_id": site_id,
        "number": number,
        "category": report.category,
        "description": report.description,
        "address": report.address,
        "lat": report.lat,
        "lng": report.lng,
        "cell": cell(report.lat, report.lng) if report.lat is not None and report.lng is not None else None,
        "status": report.status,
        "published": published,
        "created_at": created_at,
        "answer_due": answer_due,
    }
    await tx.insert(
        "problems",
        id=problem_id,
        **content,
        answers=orjson.dumps(report.answers).decode(),
        status_at=created_at,
        status_event=event_id,
        updated_at=created_at,
        source=report.source,
        source_name=report.source_name,
        page_url=report.page_url,
        language=report.language,
        code_hash=code_hash,
        device=report.device,
    )
    if published:
        await projections.changed(tx, None, content | {"answered_at": None})
        await projections.keep(tx, problem_id)


async def add_contact(tx: Transaction, site_id: str, problem_id: str, contact: Contact, language: str) -> None:
    await tx.insert(
        "contacts",
        problem_id=problem_id,
        site_id=site_id,
        email=contact.email,
        email_hash=email_hash(contact.email) if contact.email else None,
        name=contact.name,
        phone=contact.phone,
        publish_name=contact.publish_name,
        language=language,
    )


async def add_consents(tx: Transaction, site_id: str, problem_id: str, consent: Consent, now: int) -> None:
    """What was agreed to, one row a purpose: publishing a name is a consent of its own (152-FZ, article 10.1)."""
    for purpose in ("processing", "publish_name") if consent.publish_name else ("processing",):
        await tx.insert(
            "consents",
            id=new_id(),
            site_id=site_id,
            problem_id=problem_id,
            version=consent.version,
            hash=consent.hash,
            purpose=purpose,
            at=now,
            ip=consent.ip,
        )


async def add_text(tx: Transaction, site_id: str, problem_id: str, body: str) -> str:
    """Free text that an event refers to; erasable, since it stands outside the log. Returns its id."""
    text_id = new_id()
    await tx.insert("texts", id=text_id, site_id=site_id, problem_id=problem_id, body=body)
    return text_id


async def text(tx: Transaction, text_id: str) -> str | None:
    """What an event refers to, unless it was forgotten since."""
    row = await tx.row("SELECT body FROM texts WHERE id = :id", id=text_id)
    return (row["body"] or None) if row is not None else None


async def letters_today(tx: Transaction, email: str, now: int) -> int:
    """Confirmation letters of the last 24 hours to this address, over all sites."""
    letters = await tx.matching("confirmation_letters", email_hash=_mailbox_hash(email))
    return sum(letter["at"] > now - 86_400 for letter in letters)  # all are forgotten after two days


async def add_letter(tx: Transaction, email: str, now: int) -> None:
    await tx.insert("confirmation_letters", id=new_id(), email_hash=_mailbox_hash(email), at=now)


async def full(reader: Database | Transaction, site_id: str, problem_id: str) -> Row | None:
    """A problem with what the gate needs of its contact: has_email, confirmed_at, stopped_at. No address, no name."""
    return await reader.row(
        "SELECT p.*, c.email IS NOT NULL AS has_email, c.confirmed_at, c.stopped_at"
        " FROM problems p LEFT JOIN contacts c ON c.problem_id = p.id WHERE p.site_id = :site_id AND p.id = :id",
        site_id=site_id,
        id=problem_id,
    )


async def more(database: Database, site_id: str, problem_id: str) -> Row:
    """What the public learns of one problem beyond what lists show."""
    row = await database.row(
        "SELECT p.status, p.answer_due, p.answered_at, p.comments, p.expected_on, p.responsible, p.duplicate_of,"
        " s.discussion FROM problems p JOIN sites s ON s.id = p.site_id WHERE p.site_id = :site_id AND p.id = :id",
        site_id=site_id,
        id=problem_id,
    )
    assert row is not None, "problems are never deleted"
    return row


async def find(reader: Database | Transaction, problem_id: str) -> Row | None:
    """By identifier alone, for the doors where a signed token carries it."""
    return await reader.row("SELECT * FROM problems WHERE id = :id", id=problem_id)


async def by_number(reader: Database | Transaction, site_id: str, number: int) -> Row | None:
    """Published or not: the caller decides who may see it."""
    return await reader.row(
        "SELECT * FROM problems WHERE site_id = :site_id AND number = :number", site_id=site_id, number=number
    )


async def contact(reader: Database | Transaction, problem_id: str) -> Row | None:
    """Personal data: for the cabinet, the mail to the resident, and a platform that may have it."""
    return await reader.row("SELECT * FROM contacts WHERE problem_id = :id", id=problem_id)


async def of_person(database: Database, email: str) -> Sequence[Row]:
    """The reports (`site_id`, `problem_id`) of an address."""
    return await database.rows(
        "SELECT site_id, problem_id FROM contacts WHERE email_hash = :hash", hash=email_hash(email)
    )


async def timeline(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    """Its events in the order (time, id), each with `text` where it refers to one."""
    return await reader.rows(
        "SELECT e.*, t.body AS text FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id ORDER BY e.at, e.id",
        id=problem_id,
    )


async def said_last(tx: Transaction, problem_id: str, kind: str) -> str | None:
    """The text of the newest event of a kind."""
    row = await tx.row(
        "SELECT t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id AND e.kind = :kind ORDER BY e.at DESC, e.id DESC LIMIT 1",
        id=problem_id,
        kind=kind,
    )
    return None if row is None else row["body"]


async def same_words(reader: Database | Transaction, problem_id: str, event_id: str, text: str, photos: int) -> bool:
    """Whether an event of the problem said these words with so many photos."""
    row = await reader.row(
        "SELECT e.data, t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id AND e.id = :event_id",
        id=problem_id,
        event_id=event_id,
    )
    return row is not None and (row["body"] or "") == text and orjson.loads(row["data"]).get("photos", 0) == photos


async def count_since(reader: Database | Transaction, problem_id: str, kind: str, since: int) -> int:
    """How many events of a kind a problem has had after a moment."""
    row = await reader.row(
        "SELECT COUNT(*) AS many FROM events WHERE problem_id = :id AND kind = :kind AND at > :since",
        id=problem_id,
        kind=kind,
        since=since,
    )
    return int(row["many"]) if row else 0


async def texts_of(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    return await reader.rows("SELECT id, body FROM texts WHERE problem_id = :id", id=problem_id)


async def received_event(tx: Transaction, problem_id: str) -> Row:
    row = await tx.row("SELECT * FROM events WHERE problem_id = :id AND kind = 'received'", id=problem_id)
    assert row is not None, "a problem without its first event"
    return row


async def links(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    """Where the problem stands on platforms: name, remote_id, remote_url."""
    return await reader.rows(
        "SELECT l.*, f.name FROM platform_links l JOIN platforms f ON f.id = l.platform_id WHERE l.problem_id = :id",
        id=problem_id,
    )


async def platforms_of(tx: Transaction, site_id: str) -> list[str]:
    rows = await tx.rows(
        "SELECT id FROM platforms WHERE disabled_at IS NULL AND (site_id IS NULL OR site_id = :site_id) ORDER BY id",
        site_id=site_id,
    )
    return [row["id"] for row in rows]


async def agency_by_mail(tx: Transaction, site_id: str) -> bool:
    row = await tx.row(
        "SELECT a.mode FROM sites s JOIN agencies a ON a.id = s.agency_id WHERE s.id = :site_id", site_id=site_id
    )
    return row is not None and row["mode"] == "email"


async def moderation(tx: Transaction, site_id: str) -> str:
    row = await tx.row("SELECT moderation FROM sites WHERE id = :id", id=site_id)
    assert row is not None, "a problem without its site"
    return str(row["moderation"])


async def time_zone(tx: Transaction, site_id: str) -> str:
    row = await tx.row("SELECT time_zone FROM sites WHERE id = :id", id=site_id)
    assert row is not None, "a problem without its site"
    return str(row["time_zone"])


async def working_days(tx: Transaction, site_id: str, category: str) -> tuple[int | None, str]:
    """The category's own deadline, where it has one, and the site's time zone."""
    row = await tx.row(
        "SELECT deadline_days FROM site_categories WHERE site_id = :site_id AND code = :code",
        site_id=site_id,
        code=category,
    )
    return row["deadline_days"] if row else None, await time_zone(tx, site_id)


async def update(tx: Transaction, problem_id: str, values: Mapping[str, Any]) -> None:
    """How a problem changes, but for counters and erasure (`count`, `blank`): what follows from it changes along."""
    before = await _content(tx, problem_id) if values.keys() & set(projections.CONTENT) else None
    await tx.run(
        f"UPDATE problems SET {', '.join(f'{name} = :{name}' for name in values)} WHERE id = :id",
        **values,
        id=problem_id,
    )
    if before is not None:
        await projections.changed(tx, before, {**before, **values})
    if values.keys() & projections.TOLD:
        await projections.keep(tx, problem_id)


async def count(tx: Transaction, problem_id: str, name: Literal["supporters", "comments"], change: int) -> None:
    """Add to what is counted with a problem."""
    await tx.run(f"UPDATE problems SET {name} = {name} + :change WHERE id = :id", change=change, id=problem_id)
    await projections.keep(tx, problem_id)


async def _content(tx: Transaction, problem_id: str) -> dict[str, Any] | None:
    row = await tx.row(f"SELECT {', '.join(projections.CONTENT)} FROM problems WHERE id = :id", id=problem_id)
    return None if row is None else {name: row[name] for name in projections.CONTENT}


async def confirm_contact(tx: Transaction, problem_id: str, now: int) -> bool:
    """False where there is no address or it is confirmed already."""
    return bool(
        await tx.run(
            "UPDATE contacts SET confirmed_at = :now"
            " WHERE problem_id = :id AND email IS NOT NULL AND confirmed_at IS NULL",
            id=problem_id,
            now=now,
        )
    )


async def withdraw_consents(tx: Transaction, problem_id: str, now: int) -> None:
    """That the person agreed stays known, and that they took it back."""
    await tx.run(
        "UPDATE consents SET withdrawn_at = :now WHERE problem_id = :id AND withdrawn_at IS NULL",
        id=problem_id,
        now=now,
    )


async def blank(tx: Transaction, problem_id: str) -> None:
    """Forget what a person wrote and who they are; what remains says that there was a report, where about and when."""
    await update(tx, problem_id, {"published": False})
    for statement in (
        "DELETE FROM contacts WHERE problem_id = :id",
        "UPDATE consents SET ip = NULL WHERE problem_id = :id",
        "UPDATE texts SET body = '' WHERE problem_id = :id",
        "DELETE FROM submissions WHERE problem_id = :id",
        "UPDATE problems SET description = '', address = NULL, lat = ROUND(CAST(lat AS NUMERIC), 2),"
        " lng = ROUND(CAST(lng AS NUMERIC), 2), cell = NULL, answers = '{}', photos = '[]', page_url = NULL,"
        " code_hash = NULL, device = NULL WHERE id = :id",
    ):
        await tx.run(statement, id=problem_id)

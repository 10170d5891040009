"""Who reported a problem, what they agreed to, and the letters that went to their address. Personal data."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.problems.model import Consent, Contact


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


async def add(tx: Transaction, site_id: str, problem_id: str, contact: Contact, language: str) -> None:
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


async def find(reader: Database | Transaction, problem_id: str) -> Row | None:
    """Personal data: for the cabinet, the mail to the resident, and a platform that may have it."""
    return await reader.row("SELECT * FROM contacts WHERE problem_id = :id", id=problem_id)


async def published_name(database: Database, problem_id: str) -> str | None:
    """The author's name where they agreed to show it and have not taken that back. All else of a contact is private.

    Reports from before there was a document about publishing names carry the mark as well: it alone permits nothing.
    """
    row = await database.row(
        """
        SELECT c.name FROM contacts c WHERE c.problem_id = :id AND c.publish_name AND EXISTS (
            SELECT 1 FROM consents s
            JOIN consent_documents d ON d.site_id = s.site_id AND d.version = s.version AND d.purpose = s.purpose
            WHERE s.problem_id = c.problem_id AND s.purpose = 'publish_name' AND s.withdrawn_at IS NULL
        )
        """,
        id=problem_id,
    )
    return None if row is None else row["name"]


async def of_person(database: Database, email: str) -> Sequence[Row]:
    """The reports (`site_id`, `problem_id`) of an address."""
    return await database.rows(
        "SELECT site_id, problem_id FROM contacts WHERE email_hash = :hash", hash=email_hash(email)
    )


async def confirm(tx: Transaction, problem_id: str, now: int) -> bool:
    """False where there is no address or it is confirmed already."""
    return bool(
        await tx.run(
            "UPDATE contacts SET confirmed_at = :now"
            " WHERE problem_id = :id AND email IS NOT NULL AND confirmed_at IS NULL",
            id=problem_id,
            now=now,
        )
    )


async def add_consents(tx: Transaction, site_id: str, problem_id: str, consent: Consent, now: int) -> None:
    """What was agreed to, one row a purpose: publishing a name is a consent of its own (152-FZ, article 10.1)."""
    documents = [("processing", consent.version, consent.hash)]
    if consent.publish_name and consent.name_version and consent.name_hash:
        documents.append(("publish_name", consent.name_version, consent.name_hash))
    for purpose, version, hashed in documents:
        await tx.insert(
            "consents",
            id=new_id(),
            site_id=site_id,
            problem_id=problem_id,
            version=version,
            hash=hashed,
            purpose=purpose,
            at=now,
            ip=consent.ip,
        )


async def hide_name(tx: Transaction, problem_id: str, now: int) -> bool:
    """Take back the consent to publish the name, and that alone. False where there is none."""
    await tx.run(
        "UPDATE consents SET withdrawn_at = :now"
        " WHERE problem_id = :id AND purpose = 'publish_name' AND withdrawn_at IS NULL",
        id=problem_id,
        now=now,
    )
    return bool(
        await tx.run("UPDATE contacts SET publish_name = FALSE WHERE problem_id = :id AND publish_name", id=problem_id)
    )


async def withdraw_consents(tx: Transaction, problem_id: str, now: int) -> None:
    """That the person agreed stays known, and that they took it back."""
    await tx.run(
        "UPDATE consents SET withdrawn_at = :now WHERE problem_id = :id AND withdrawn_at IS NULL",
        id=problem_id,
        now=now,
    )


async def letters_today(tx: Transaction, email: str, now: int) -> int:
    """Confirmation letters of the last 24 hours to this address, over all sites."""
    letters = await tx.matching("confirmation_letters", email_hash=_mailbox_hash(email))
    return sum(letter["at"] > now - 86_400 for letter in letters)  # all are forgotten after two days


async def add_letter(tx: Transaction, email: str, now: int) -> None:
    await tx.insert("confirmation_letters", id=new_id(), email_hash=_mailbox_hash(email), at=now)

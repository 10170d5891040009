"""Store reporters' contacts, their consents, and the letters sent to their addresses. Personal data."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from widget_api import clock
from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.problems.model import Consent, Contact

# Conditions on `contacts c`. Letters reach an author at a confirmed address, unless they ended them or it failed.
REACHED = "c.confirmed_at IS NOT NULL AND c.stopped_at IS NULL AND c.failed_at IS NULL"
# The mark of a contact permits nothing: reports from before there was a document about publishing a name have it too.
NAME_PUBLISHED = """EXISTS (
    SELECT 1 FROM consents s
    JOIN consent_documents d ON d.site_id = s.site_id AND d.version = s.version AND d.purpose = s.purpose
    WHERE s.problem_id = c.problem_id AND s.purpose = 'publish_name' AND s.withdrawn_at IS NULL
)"""


MIN_PHONE_LENGTH = 5  # digits; a local number without the code of its town

# Providers that give one mailbox an address in each of these domains, and what stands for a dot in its name there
# (docs/decisions/0076-one-mailbox-one-person.md).
_YANDEX_ZONES = "ru com by kz ua az co.il com.am com.ge com.tr ee fi fr kg lt lv md pl tj tm uz"
_PROVIDERS = (
    (("gmail.com", "googlemail.com"), ""),
    ((*(f"yandex.{zone}" for zone in _YANDEX_ZONES.split()), "ya.ru", "narod.ru"), "-"),
)


def email_hash(email: str) -> str:
    """Hash an address, to find a person's reports without storing the address where it is not needed.

    Case is folded, and the domain is normalised as mail systems do it: «почта.рф», full-width letters, soft hyphens.
    """
    return _hash(*_normalise(email))


def mailbox_hash(email: str) -> str:
    """Hash the mailbox that gets the letters: without the detail after a «+» (RFC 5233), and the same for all addresses
    that its provider gives to it."""
    local, at, domain = _normalise(email)
    local = local.partition("+")[0] or local
    for domains, dot in _PROVIDERS:
        if domain in domains:
            local, domain = local.replace(".", dot), domains[0]
    return _hash(local, at, domain)


def _normalise(email: str) -> tuple[str, str, str]:
    local, at, domain = email.strip().casefold().rpartition("@")
    with contextlib.suppress(UnicodeError):  # not a valid name by IDNA
        domain = domain.encode("idna").decode().lower()
    return local, at, domain


def _hash(*parts: str) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()


async def add(tx: Transaction, site_id: str, problem_id: str, contact: Contact, language: str) -> None:
    await tx.insert(
        "contacts",
        problem_id=problem_id,
        site_id=site_id,
        email_hash=email_hash(contact.email) if contact.email else None,
        **asdict(contact),
        language=language,
    )
    for key in make_keys(site_id, contact.name, contact.phone):
        await tx.insert("contact_keys", key=key, problem_id=problem_id)


def make_keys(site_id: str, *texts: str | None) -> set[int]:
    """Hash the telephones and words of each text, to find contacts of a site by them."""
    words = {word for text in texts if text for word in _split(text)}
    hashes = (hashlib.sha256(f"{site_id} {word}".encode()).digest() for word in words)
    return {int.from_bytes(digest[:8], "big", signed=True) for digest in hashes}


def _split(text: str) -> list[str]:
    """The telephones in a text, without punctuation and the prefix of Russia («+7» or «8»), then its words."""
    numbers = [re.sub(r"\D", "", found) for found in re.findall(r"\d(?:[\s().\-]*\d)+", text)]
    numbers = [number[1:] if len(number) == 11 and number[0] in "78" else number for number in numbers]
    words = re.findall(r"[^\W\d_]+", text.casefold().replace("ё", "е"))
    return [*(number for number in numbers if len(number) >= MIN_PHONE_LENGTH), *words]


@dataclass(frozen=True, kw_only=True)
class Search:
    """Whose reports are looked for: what an official typed as a name, a telephone or an e-mail address."""

    text: str

    @property
    def by(self) -> Literal["email", "phone", "name", ""]:
        """What is compared; empty where there is nothing to compare."""
        if "@" in self.text:
            return "email"
        words = _split(self.text)
        return "" if not words else "phone" if words[0].isdigit() else "name"

    def make_sql(self, site_id: str) -> tuple[str, dict[str, str | int]]:
        """SQL that selects `problem_id` of the site's contacts that have all of the words, and its values."""
        if self.by == "email":
            values: dict[str, str | int] = {"email_hash": email_hash(self.text), "contact_site": site_id}
            return "SELECT problem_id FROM contacts WHERE email_hash = :email_hash AND site_id = :contact_site", values
        values = {f"key{index}": key for index, key in enumerate(sorted(make_keys(site_id, self.text)))}
        listed = ", ".join(f":{name}" for name in values)
        sql = f"SELECT problem_id FROM contact_keys WHERE key IN ({listed}) GROUP BY problem_id HAVING COUNT(*) = :many"
        return sql, values | {"many": len(values)}


async def find(reader: Database | Transaction, problem_id: str) -> Row | None:
    """Read a contact. Personal data: for the cabinet, mail to the resident, and platforms that may have it."""
    return await reader.row("SELECT * FROM contacts WHERE problem_id = :id", id=problem_id)


async def find_reached(
    reader: Database | Transaction, problem_id: str, *, confirmed: bool = True, even_stopped: bool = False
) -> Row | None:
    """Return the contact of an author whom a letter reaches, as REACHED says; None if no letter may go there.

    Without `confirmed` it is one whose address is not confirmed yet; `even_stopped` is for letters that the author
    asks for, or that concern the security of the report.
    """
    contact = await find(reader, problem_id)
    if contact is None or not contact["email"] or contact["failed_at"] is not None:
        return None
    if (contact["confirmed_at"] is not None) != confirmed or not (even_stopped or contact["stopped_at"] is None):
        return None
    return contact


async def published_name(database: Database, problem_id: str) -> str | None:
    """Return the author's name if they consented to publish it and have not withdrawn that. All else is private."""
    row = await database.row(
        f"SELECT c.name FROM contacts c WHERE c.problem_id = :id AND {NAME_PUBLISHED}", id=problem_id
    )
    return None if row is None else row["name"]


async def of_person(database: Database, email: str) -> Sequence[Row]:
    """List the reports of an address: site_id, problem_id."""
    return await database.rows(
        "SELECT site_id, problem_id FROM contacts WHERE email_hash = :hash", hash=email_hash(email)
    )


async def confirm(tx: Transaction, problem_id: str, now: int) -> bool:
    """Confirm the address; False if there is none or it is confirmed already."""
    return bool(
        await tx.run(
            "UPDATE contacts SET confirmed_at = :now"
            " WHERE problem_id = :id AND email IS NOT NULL AND confirmed_at IS NULL",
            id=problem_id,
            now=now,
        )
    )


async def count_author(tx: Transaction, problem_id: str) -> None:
    """Count the author of a report whose address was confirmed, unless another report had confirmed it at the site.

    A counter, since erasure removes the addresses and may not change a published number.
    """
    await tx.run(
        """
        UPDATE site_counters SET authors = authors + 1
        WHERE site_id = (
            SELECT c.site_id FROM contacts c WHERE c.problem_id = :id AND NOT EXISTS (
                SELECT 1 FROM contacts o
                WHERE o.email_hash = c.email_hash AND o.site_id = c.site_id AND o.problem_id <> c.problem_id
                  AND o.confirmed_at IS NOT NULL
            )
        )
        """,
        id=problem_id,
    )


async def add_consents(tx: Transaction, site_id: str, problem_id: str, consent: Consent, now: int) -> None:
    """Store consents, one row a purpose: publishing a name needs a separate consent (152-FZ, article 10.1)."""
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
    """Withdraw only the consent to publish the name. False if there is none."""
    await tx.run(
        "UPDATE consents SET withdrawn_at = :now"
        " WHERE problem_id = :id AND purpose = 'publish_name' AND withdrawn_at IS NULL",
        id=problem_id,
        now=now,
    )
    return bool(
        await tx.run("UPDATE contacts SET publish_name = FALSE WHERE problem_id = :id AND publish_name", id=problem_id)
    )


async def stop_letters(tx: Transaction, problem_id: str, now: int) -> None:
    """Stop letters to the author. The time of an earlier stop stays."""
    await tx.run(
        "UPDATE contacts SET stopped_at = :now WHERE problem_id = :id AND stopped_at IS NULL", id=problem_id, now=now
    )


async def start_letters(tx: Transaction, problem_id: str) -> None:
    await tx.run("UPDATE contacts SET stopped_at = NULL WHERE problem_id = :id", id=problem_id)


async def withdraw_consents(tx: Transaction, problem_id: str, now: int) -> None:
    """Mark consents as withdrawn. The rows stay, as proof of consent and withdrawal."""
    await tx.run(
        "UPDATE consents SET withdrawn_at = :now WHERE problem_id = :id AND withdrawn_at IS NULL",
        id=problem_id,
        now=now,
    )


def _letter_key(email: str, kind: str) -> str:
    """The key under which letters to a mailbox are counted; each kind by itself, so that none uses up another's."""
    hashed = mailbox_hash(email)
    return hashlib.sha256(f"{kind}:{hashed}".encode()).hexdigest() if kind else hashed


async def letters_today(tx: Transaction, email: str, now: int, kind: str = "") -> int:
    """Count the confirmation letters of the last 24 hours to this address, over all sites.

    Of some kinds, `email` is the id of an entry, whose author or participants get them.
    """
    letters = await tx.matching("confirmation_letters", email_hash=_letter_key(email, kind))
    return sum(letter["at"] > now - clock.DAY for letter in letters)  # older rows are deleted after two days


async def add_letter(tx: Transaction, email: str, now: int, kind: str = "") -> None:
    await tx.insert("confirmation_letters", id=new_id(), email_hash=_letter_key(email, kind), at=now)

"""Compose and store a site's consent documents (152-FZ, article 9, part 4), each identified by its own hash.

The document is separate from everything else that the resident agrees to (article 9, part 1, as of 01.09.2025).
Publishing a name is a consent of its own with its own document (article 10.1; contents by Roskomnadzor's order No. 18
of 24.02.2021).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from widget_api import clock, i18n
from widget_api.database import Database, Row, Transaction
from widget_api.settings import Contacts, Settings
from widget_api.sites import rights
from widget_api.sites.model import Action, Agency, Site

_VERSION = re.compile(r"[0-9a-f]{64}|[0-9a-f]{12}")  # before 1.1.0 the first twelve characters of the hash
MAX_OWN_TEXT = 3000  # characters that an agency adds
_GRACE_PERIOD = clock.DAY  # seconds for which a replaced document is accepted; the widget keeps drafts as long


Purpose = Literal["processing", "publish_name"]


@dataclass(frozen=True)
class Document:
    """`body` is plain text: the title, then sections separated by empty lines, each beginning with its heading.

    `hash` is the SHA-256 of the body in UTF-8; it is also the version, so that no two texts share one.
    """

    version: str
    hash: str
    language: str
    body: str

    @property
    def title(self) -> str:
        return self.body.partition("\n")[0]

    @property
    def sections(self) -> list[tuple[str, list[str]]]:
        """The sections' headings, each with its lines."""
        parts = [section.split("\n") for section in self.body.split("\n\n")[1:]]
        return [(lines[0], lines[1:]) for lines in parts]


@dataclass(frozen=True)
class Recipient:
    """A platform that receives contacts: `email` only, or `all`."""

    name: str
    address: str
    contacts: str


async def current_document(
    database: Database, site: Site, settings: Settings, language: str, purpose: Purpose = "processing"
) -> Document:
    """What a resident agrees to now. Stored the first time it is asked for, so that it can be shown later."""
    document = await compose_document(database, site, settings, language, purpose)
    await _store_document(database, site, document, purpose)
    return document


async def store_changed(database: Database, site: Site, settings: Settings, user_id: str) -> None:
    """Store the document in every language, as changed by a user."""
    for language in i18n.LANGUAGES:
        document = await compose_document(database, site, settings, language)
        await _store_document(database, site, document, "processing", user_id)


async def list_documents(database: Database, site_id: str) -> Sequence[Row]:
    """All stored versions, the newest first, with who changed the document where that is known."""
    return await database.rows(
        """
        SELECT d.version, d.purpose, d.language, d.body, d.created_at, COALESCE(u.name, u.email) AS who
        FROM consent_documents d LEFT JOIN users u ON u.id = d.user_id
        WHERE d.site_id = :site_id ORDER BY d.created_at DESC, d.version
        """,
        site_id=site_id,
    )


async def compose_document(
    database: Database, site: Site, settings: Settings, language: str, purpose: Purpose = "processing"
) -> Document:
    """The document by the settings of `site`, which need not be saved."""
    known = i18n.supported_language(language)
    if purpose == "publish_name":
        return _compose_name_document(known, site.agency, site.name, site.key, site.retention_days, settings.public_url)
    return _compose_document(
        known,
        site.agency,
        site.name,
        site.retention_days,
        settings.processor,
        settings.public_url,
        settings.data_location,
        await _list_recipients(database, site, settings),
        site.consent_text,
        action=site.collection.action if site.collection else None,
        moderators=await _list_moderators(database, site),
        visits=site.collection is not None and site.collection.visits,
        hands_on=site.outside == "forward",
    )


async def find_document(
    database: Database, site: Site, version: str, purpose: Purpose = "processing"
) -> Document | None:
    """A stored version of a document."""
    if not _VERSION.fullmatch(version):
        return None
    row = await database.row_at_once(
        "SELECT version, hash, language, body FROM consent_documents"
        " WHERE site_id = :site_id AND version = :version AND purpose = :purpose",
        site_id=site.id,
        version=version,
        purpose=purpose,
    )
    return None if row is None else _from_row(row)


async def find_agreed(
    database: Database, site: Site, settings: Settings, version: str, purpose: Purpose = "processing"
) -> Document | None:
    """The document of a version, if it is valid: a current one, or one that was replaced within a day."""
    document = await find_document(database, site, version, purpose)
    # A current version may lack its row after a restore, and may then be of any language.
    for language in (document.language,) if document else i18n.LANGUAGES:
        now = await compose_document(database, site, settings, language, purpose)
        if now.version == version:
            if document is None:
                await _store_document(database, site, now, purpose)
            return now
    if document is None:
        return None
    replaced = await database.row(
        """
        SELECT MIN(newer.created_at) AS at FROM consent_documents newer
        JOIN consent_documents older ON older.site_id = newer.site_id AND older.language = newer.language
            AND older.purpose = newer.purpose
        WHERE older.site_id = :site_id AND older.version = :version AND newer.created_at > older.created_at
        """,
        site_id=site.id,
        version=version,
    )
    since = replaced["at"] if replaced is not None else None
    return document if since is None or since > clock.now() - _GRACE_PERIOD else None


async def find_agreed_to_publish(
    database: Database, site: Site, settings: Settings, version: str | None, language: str
) -> Document | None:
    """The document under which a name may be published: that of the version, or the current one without a version."""
    if version is None:
        return await current_document(database, site, settings, language, "publish_name")
    return await find_agreed(database, site, settings, version, "publish_name")


async def allowed_contacts(database: Database, site_id: str, problem_id: str, name: str, url: str) -> Contacts:
    """Which contacts a platform may receive: those for which the document that the resident agreed to names it.

    A report without a document came from another system, whose operator holds the consent.
    """
    rows = await database.rows(
        "SELECT d.language, d.body FROM consents c"
        " JOIN consent_documents d ON d.site_id = c.site_id AND d.version = c.version"
        " WHERE c.site_id = :site_id AND c.problem_id = :problem_id AND c.purpose = 'processing'"
        " AND c.withdrawn_at IS NULL",
        site_id=site_id,
        problem_id=problem_id,
    )
    for reach in ("all", "email"):
        key = f"sites.consent.recipient_platform_{reach}"
        for row in rows:
            if i18n.text(row["language"], key, name=name, address=_host_of(url)) in row["body"].split("\n"):
                return "all" if reach == "all" else "email"
    return "none"


async def _list_moderators(database: Database, site: Site) -> tuple[str, ...]:
    """The other agencies that read entries of a collection before they are public, without contacts."""
    if site.collection is None:
        return ()
    return tuple(row["name"] for row in await rights.list_moderators(database, site.id))


async def _list_recipients(database: Database, site: Site, settings: Settings) -> tuple[Recipient, ...]:
    """The platforms that receive contacts; the rest of a report is no personal data, or public.

    Entries of a collection go to the webhook platforms of its site alone.
    """
    rows = await database.rows_at_once(
        """
        SELECT p.id, p.name, p.url, p.contacts, p.protocol,
            COALESCE(o.serves, p.site_id IS NULL OR p.site_id = :site_id) AS serves
        FROM platforms p LEFT JOIN platform_sites o ON o.platform_id = p.id AND o.site_id = :site_id
        WHERE p.disabled_at IS NULL ORDER BY p.created_at, p.id
        """,
        site_id=site.parent_id if site.collection else site.id,
    )
    rows = [row for row in rows if site.collection is None or row["protocol"] == "webhook"]
    serving = [row for row in rows if row["serves"] and row["contacts"] != "none" and row["id"] != "default"]
    found = [Recipient(row["name"], _host_of(row["url"]), row["contacts"]) for row in serving]
    default = settings.platform
    left = any(row["id"] == "default" and not row["serves"] for row in rows)
    if default is not None and site.collection is not None and default.protocol != "webhook":
        default = None
    if default is not None and default.contacts != "none" and not left:
        host = _host_of(default.url)
        found.insert(0, Recipient(host, host, default.contacts))
    return tuple(found)


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or url


@lru_cache(maxsize=1024)
def _compose_document(
    language: str,
    agency: Agency,
    site_name: str,
    retention_days: int,
    processor: str | None,
    public_url: str,
    data_location: str | None,
    recipients: tuple[Recipient, ...],
    own: str,
    *,
    action: Action | None,
    moderators: tuple[str, ...],
    visits: bool,
    hands_on: bool,
) -> Document:
    """`action` is that of a collection's visitors, None for a site."""

    def t(key: str, **values: object) -> str:
        return i18n.text(language, f"sites.consent.{key}", **values)

    operator = _operator_lines(language, agency)
    host = _host_of(public_url)
    receiving = [t("recipient_agency", name=agency.name)]
    receiving += [t(f"recipient_platform_{one.contacts}", name=one.name, address=one.address) for one in recipients]
    receiving += [t("recipient_elsewhere")] if hands_on else []
    receiving += [i18n.text(language, "visits.moderators", name=name) for name in moderators]
    receiving += [i18n.text(language, "visits.consent", name=agency.name)] if visits else []
    acts = f"participation.consent.{action}"
    authors = [i18n.text(language, f"{acts}.recipient")] if i18n.has(f"{acts}.recipient") else []
    receiving += authors
    receiving += [
        t("recipient_no_others" if recipients or hands_on or authors or moderators else "recipient_nobody_else")
    ]
    sections = {
        "operator": operator,
        "purpose": [
            t("purpose_text", name=agency.name, site=site_name),
            *([i18n.text(language, f"{acts}.purpose")] if i18n.has(f"{acts}.purpose") else []),
        ],
        "data": [t(f"data_{name}") for name in ("report", "contact", "technical")],
        "actions": [t("actions_text"), *([t("actions_location", place=data_location)] if data_location else [])],
        "processor": [
            t("processor_named", processor=processor, host=host) if processor else t("processor_service", host=host)
        ],
        "recipients": receiving,
        "public": [t("public_text"), *([i18n.text(language, "collections.public")] if action else [])],
        "retention": [t("retention_text", period=i18n.text(language, "common.days", count=retention_days))],
        "withdrawal": [
            t("withdrawal_page"),
            t("withdrawal_email", email=agency.email),
            *([t("withdrawal_address", address=agency.postal_address)] if agency.postal_address else []),
            t("withdrawal_effect"),
        ],
        **({"own": [line for line in own.split("\n") if line]} if own else {}),
    }
    return make_document(language, t("title"), {t(name): lines for name, lines in sections.items()})


@lru_cache(maxsize=1024)
def _compose_name_document(
    language: str, agency: Agency, site_name: str, site_key: str, retention_days: int, public_url: str
) -> Document:
    """The consent to publish a name, with the points that the order requires."""

    def t(key: str, **values: object) -> str:
        return i18n.text(language, f"sites.name_consent.{key}", **values)

    sections = {
        "subject": [t("subject_text")],
        "operator": _operator_lines(language, agency),
        "resource": [t("resource_text", site=site_name, url=f"{public_url}/s/{site_key}")],
        "purpose": [t("purpose_text")],
        "data": [t("data_text")],
        "conditions": [t("conditions_text")],
        "retention": [t("retention_text", period=i18n.text(language, "common.days", count=retention_days))],
        "withdrawal": [t("withdrawal_page"), t("withdrawal_email", email=agency.email)],
    }
    return make_document(language, t("title"), {t(name): lines for name, lines in sections.items()})


def _operator_lines(language: str, agency: Agency) -> list[str]:
    def t(key: str, **values: object) -> str:
        return i18n.text(language, f"sites.consent.{key}", **values)

    return [
        t("operator_name", name=agency.name),
        *([t("operator_inn", inn=agency.inn)] if agency.inn else []),
        *([t("operator_registry", number=agency.registry_number)] if agency.registry_number else []),
        *([t("operator_address", address=agency.postal_address)] if agency.postal_address else []),
        t("operator_email", email=agency.email),
    ]


def make_document(language: str, title: str, sections: dict[str, list[str]]) -> Document:
    """A document of sections, each a heading and its lines."""
    body = "\n\n".join([title, *("\n".join([heading, *lines]) for heading, lines in sections.items())])
    digest = hashlib.sha256(body.encode()).hexdigest()
    return Document(digest, digest, language, body)


async def _store_document(
    database: Database, site: Site, document: Document, purpose: Purpose, user_id: str | None = None
) -> None:
    """Store a document, or that a text of earlier is current again, from which the one in between is replaced."""
    about = {"site_id": site.id, "language": document.language, "purpose": purpose}
    newest = await database.row_at_once(
        "SELECT MAX(created_at) AS at, MAX(CASE WHEN version = :version THEN created_at END) AS own"
        " FROM consent_documents WHERE site_id = :site_id AND language = :language AND purpose = :purpose",
        **about,
        version=document.version,
    )
    if newest is not None and newest["own"] is not None and newest["own"] == newest["at"]:
        return

    async def work(tx: Transaction) -> None:
        await tx.run(
            """
            INSERT INTO consent_documents (site_id, version, purpose, hash, language, body, created_at, user_id)
            VALUES (:site_id, :version, :purpose, :hash, :language, :body, :created_at, :user_id)
            ON CONFLICT (site_id, version) DO UPDATE SET created_at = excluded.created_at, user_id = excluded.user_id
            """,
            **about,
            version=document.version,
            hash=document.hash,
            body=document.body,
            created_at=clock.now(),
            user_id=user_id,
        )

    await database.write(work)


def _from_row(row: Row) -> Document:
    return Document(row["version"], row["hash"], row["language"], row["body"])

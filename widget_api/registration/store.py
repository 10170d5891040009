"""All SQL of applications, handovers, proofs, the register of names and the letters of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.mail import outbox
from widget_api.permissions import sql_roles
from widget_api.registration.model import KIND, PROOF_INTERVAL, LetterKind
from widget_api.sites import origins
from widget_api.sites.store import bump_version

# --- applications ----------------------------------------------------------------------------------------------------


async def find(reader: Database | Transaction, application_id: str) -> Row | None:
    return await reader.row("SELECT * FROM applications WHERE id = :id", id=application_id)


async def find_open(tx: Transaction, email: str, host: str) -> Row | None:
    """The application of a person for a host that is not decided."""
    return await tx.row(
        "SELECT * FROM applications WHERE contact_email = :email AND host = :host AND state IN ('draft', 'sent')"
        " ORDER BY created_at DESC, id DESC LIMIT 1",
        email=email,
        host=host,
    )


async def update(
    tx: Transaction, application_id: str, states: Iterable[str], values: Mapping[str, Any], *, unconfirmed: bool = False
) -> bool:
    """Change an application. False where it is in none of these states any more, or no longer `unconfirmed`."""
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    chosen = ", ".join(f"'{state}'" for state in states)
    only = " AND confirmed_at IS NULL" if unconfirmed else ""
    return bool(
        await tx.run(
            f"UPDATE applications SET {assignments}, updated_at = :now WHERE id = :id AND state IN ({chosen}){only}",
            id=application_id,
            now=clock.now(),
            **values,
        )
    )


async def list_applications(database: Database, *, decided: bool = False) -> Sequence[Row]:
    """The applications that wait for a decision, the oldest first; with `decided` those too, then the newest first."""
    states, order = ("'sent', 'approved', 'refused'", "DESC") if decided else ("'sent'", "ASC")
    return await database.rows(
        "SELECT id, state, name, host, origin, sent_at, decided_at, proof_method, proven_at, letter_id, site_id"
        f" FROM applications WHERE state IN ({states}) ORDER BY sent_at {order}, id"
    )


async def count_sent(database: Database) -> int:
    row = await database.row("SELECT COUNT(*) FROM applications WHERE state = 'sent'")
    return int(row[0]) if row else 0


async def count_others(database: Database, row: Row) -> int:
    """Other applications for the same host that wait for a decision."""
    found = await database.row(
        "SELECT COUNT(*) FROM applications WHERE host = :host AND state = 'sent' AND id <> :id",
        host=row["host"],
        id=row["id"],
    )
    return int(found[0]) if found else 0


async def list_expired(database: Database, before: int, sent_before: int) -> Sequence[Row]:
    """Drafts and decided applications that did not change since `before`, and sent ones: id, letter_id."""
    return await database.rows(
        "SELECT id, letter_id FROM applications"
        " WHERE (state <> 'sent' AND updated_at < :before) OR (state = 'sent' AND updated_at < :sent_before) LIMIT 500",
        before=before,
        sent_before=sent_before,
    )


async def list_of_address(database: Database, email: str) -> Sequence[Row]:
    return await database.rows("SELECT id, letter_id FROM applications WHERE contact_email = :email", email=email)


async def delete(tx: Transaction, application_id: str) -> None:
    await outbox.cancel(tx, KIND, application_id)
    await tx.run("DELETE FROM handovers WHERE application_id = :id", id=application_id)
    await tx.run("DELETE FROM applications WHERE id = :id", id=application_id)
    tx.mark_erasure()


# --- hosts and who holds them ----------------------------------------------------------------------------------------


async def list_hosts(database: Database) -> list[str]:
    """The hosts of all sites; child sites have those of their site."""
    rows = await database.rows("SELECT DISTINCT origin FROM site_origins")
    return [origins.host_of(row[0]) for row in rows]


async def remove_origin(tx: Transaction, site_id: str, origin: str) -> None:
    await tx.run(
        "DELETE FROM site_origins WHERE site_id = :site_id AND origin = :origin", site_id=site_id, origin=origin
    )
    await bump_version(tx, site_id)


async def add_origin(tx: Transaction, site_id: str, origin: str) -> None:
    await tx.insert_unless_there("site_origins", site_id=site_id, origin=origin)
    await bump_version(tx, site_id)


async def list_jurisdictions(database: Database, host: str) -> set[str]:
    """The jurisdictions of all sites that begin with a host."""
    rows = await database.rows("SELECT jurisdiction FROM sites WHERE jurisdiction LIKE :pattern", pattern=f"{host}%")
    return {row[0] for row in rows}


async def list_handovers(reader: Database | Transaction, application_id: str) -> Sequence[Row]:
    """What each site that was asked says: site_id, site, time_zone, calendar, agency, asked_at, answer, answered_at."""
    return await reader.rows(
        "SELECT h.site_id, s.name AS site, s.time_zone, s.calendar, a.name AS agency, h.asked_at, h.answer,"
        " h.answered_at FROM handovers h"
        " JOIN sites s ON s.id = h.site_id JOIN agencies a ON a.id = s.agency_id"
        " WHERE h.application_id = :id ORDER BY h.asked_at, h.site_id",
        id=application_id,
    )


async def list_asked(database: Database, site_id: str) -> Sequence[Row]:
    """The applications that want an origin of a site and wait for a decision."""
    return await database.rows(
        "SELECT p.id, p.name, p.inn, p.email, p.origin, p.proof_method, h.asked_at, h.answer FROM handovers h"
        " JOIN applications p ON p.id = h.application_id WHERE h.site_id = :site_id AND p.state = 'sent'"
        " ORDER BY h.asked_at, p.id",
        site_id=site_id,
    )


async def list_unanswered(database: Database, agency_id: str) -> Sequence[Row]:
    """What an agency is asked for and has not answered: site_id, origin and name of who applies."""
    return await database.rows(
        "SELECT h.site_id, p.origin, p.name FROM handovers h JOIN sites s ON s.id = h.site_id"
        " JOIN applications p ON p.id = h.application_id"
        " WHERE s.agency_id = :agency_id AND p.state = 'sent' AND h.answer IS NULL ORDER BY h.asked_at, p.id",
        agency_id=agency_id,
    )


async def ask(tx: Transaction, application_id: str, site_id: str, now: int) -> bool:
    """Ask a site for a handover. False where it was asked before."""
    known = await tx.row(
        "SELECT 1 FROM handovers WHERE application_id = :id AND site_id = :site_id", id=application_id, site_id=site_id
    )
    if known is None:
        await tx.insert_unless_there("handovers", application_id=application_id, site_id=site_id, asked_at=now)
    return known is None


async def forget_asked(tx: Transaction, application_id: str, site_id: str) -> None:
    await tx.run(
        "DELETE FROM handovers WHERE application_id = :id AND site_id = :site_id", id=application_id, site_id=site_id
    )


async def answer(tx: Transaction, application_id: str, site_id: str, said: str, now: int) -> bool:
    """False where nobody asked, or the application is decided."""
    return bool(
        await tx.run(
            "UPDATE handovers SET answer = :said, answered_at = :now WHERE application_id = :id AND site_id = :site_id"
            " AND EXISTS (SELECT 1 FROM applications p WHERE p.id = handovers.application_id AND p.state = 'sent')",
            said=said,
            now=now,
            id=application_id,
            site_id=site_id,
        )
    )


# --- names -----------------------------------------------------------------------------------------------------------


async def find_name(database: Database, inn: str) -> str | None:
    row = await database.row("SELECT name FROM register_names WHERE inn = :inn", inn=inn)
    return None if row is None else str(row[0])


async def replace_names(tx: Transaction, names: Mapping[str, str]) -> None:
    await tx.run("DELETE FROM register_names")
    for inn, name in names.items():
        await tx.insert("register_names", inn=inn, name=name)


async def list_agencies_with(database: Database, inn: str) -> list[str]:
    rows = await database.rows("SELECT DISTINCT name FROM agencies WHERE inn = :inn ORDER BY name", inn=inn)
    return [row[0] for row in rows]


async def has_account(database: Database, email: str) -> bool:
    return await database.row("SELECT 1 FROM users WHERE email = :email", email=email) is not None


# --- proofs ----------------------------------------------------------------------------------------------------------


async def insert_proof(tx: Transaction, site_id: str, origin: str, method: str, token: str) -> None:
    """Store the proof of an origin that was found now; the agency has more than claimed it."""
    now = clock.now()
    await tx.insert(
        "site_proofs",
        site_id=site_id,
        origin=origin,
        method=method,
        token=token,
        proven_at=now,
        next_at=now + PROOF_INTERVAL,
        failures=0,
    )
    await tx.run(
        "UPDATE site_origins SET claimed_at = NULL WHERE site_id = :site_id AND origin = :origin",
        site_id=site_id,
        origin=origin,
    )


async def list_origins(reader: Database | Transaction, site_id: str) -> dict[str, int | None]:
    """A site's origins, each with the time at which its agency claimed it; None of proven and of the operator's."""
    rows = await reader.rows(
        "SELECT origin, claimed_at FROM site_origins WHERE site_id = :site_id ORDER BY origin", site_id=site_id
    )
    return {row["origin"]: row["claimed_at"] for row in rows}


async def list_due_proofs(database: Database, now: int) -> Sequence[Row]:
    return await database.rows(
        "SELECT p.* FROM site_proofs p JOIN sites s ON s.id = p.site_id"
        " WHERE p.next_at <= :now AND s.disabled_at IS NULL ORDER BY p.next_at, p.site_id, p.origin",
        now=now,
    )


async def list_proofs(database: Database, site_id: str) -> Sequence[Row]:
    return await database.rows("SELECT * FROM site_proofs WHERE site_id = :site_id ORDER BY origin", site_id=site_id)


async def find_proof(tx: Transaction, site_id: str, origin: str) -> Row | None:
    return await tx.row(
        "SELECT p.*, o.origin AS held FROM site_proofs p"
        " LEFT JOIN site_origins o ON o.site_id = p.site_id AND o.origin = p.origin"
        " WHERE p.site_id = :site_id AND p.origin = :origin",
        site_id=site_id,
        origin=origin,
    )


async def update_proof(tx: Transaction, site_id: str, origin: str, values: Mapping[str, Any]) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    await tx.run(
        f"UPDATE site_proofs SET {assignments} WHERE site_id = :site_id AND origin = :proof_origin",
        site_id=site_id,
        proof_origin=origin,
        **values,
    )


async def delete_proof(tx: Transaction, site_id: str, origin: str) -> None:
    await tx.run(
        "DELETE FROM site_proofs WHERE site_id = :site_id AND origin = :origin", site_id=site_id, origin=origin
    )


# --- letters ---------------------------------------------------------------------------------------------------------


async def enqueue_letter(tx: Transaction, kind: LetterKind, **about: str) -> None:
    """Enqueue a letter about an application, a site or its origin, as `about` names them.

    It goes to the user whom `about` names, else to the mailbox of the site's agency, else to the applicant.
    """
    await outbox.enqueue(tx, KIND, about.get("application_id") or about["site_id"], letter=kind, **about)


async def notify_administrators(tx: Transaction, kind: LetterKind, site_id: str, **about: str) -> None:
    """Enqueue a letter to every administrator of a site's agency, to its mailbox where there is none."""
    people = await tx.rows(
        "SELECT u.id AS user_id FROM users u JOIN sites s ON s.agency_id = u.agency_id"
        f" WHERE s.id = :site_id AND u.role IN ({sql_roles('organisation.manage')})"
        " AND u.disabled_at IS NULL ORDER BY u.id",
        site_id=site_id,
    )
    for person in people or [{}]:
        await enqueue_letter(tx, kind, site_id=site_id, **person, **about)

"""SQL of visits and of the invitations to them."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.database import Database, Row, Transaction
from widget_api.problems.store import contacts


async def find(reader: Database | Transaction, visit_id: str) -> Row | None:
    return await reader.row(
        "SELECT v.*, a.name AS agency FROM visits v JOIN agencies a ON a.id = v.agency_id WHERE v.id = :id", id=visit_id
    )


async def list_visits(database: Database, site_id: str, agency_id: str | None, most: int) -> Sequence[Row]:
    """The visits of a collection, or an agency's alone, the latest first, with how many were invited and accepted."""
    own = "AND v.agency_id = :agency_id" if agency_id else ""
    return await database.rows(
        f"""
        SELECT v.*, a.name AS agency, COUNT(i.id) AS invited,
               SUM(CASE WHEN i.state = 'accepted' THEN 1 ELSE 0 END) AS accepted
        FROM visits v JOIN agencies a ON a.id = v.agency_id LEFT JOIN visit_invitations i ON i.visit_id = v.id
        WHERE v.site_id = :site_id {own} GROUP BY v.id, a.name ORDER BY v.at DESC, v.id LIMIT :most
        """,
        site_id=site_id,
        most=most,
        **({"agency_id": agency_id} if agency_id else {}),
    )


async def list_results(database: Database, site_id: str, most: int) -> Sequence[Row]:
    """The visits of which the result is told, the latest first."""
    return await database.rows(
        "SELECT v.*, a.name AS agency FROM visits v JOIN agencies a ON a.id = v.agency_id"
        " WHERE v.site_id = :site_id AND v.result IS NOT NULL ORDER BY v.at DESC, v.id LIMIT :most",
        site_id=site_id,
        most=most,
    )


async def list_invited(database: Database, visit_id: str) -> Sequence[Row]:
    """Who was invited to a visit, with the number and text of the entry and a name that may be published."""
    return await database.rows(
        f"SELECT i.*, p.number, p.description, p.published,"
        f" CASE WHEN {contacts.NAME_PUBLISHED} THEN c.name END AS name FROM visit_invitations i"
        " JOIN problems p ON p.id = i.problem_id LEFT JOIN contacts c ON c.problem_id = p.id"
        " WHERE i.visit_id = :visit_id ORDER BY p.number",
        visit_id=visit_id,
    )


async def list_reached(reader: Database | Transaction, site_id: str, numbers: Sequence[int]) -> Sequence[Row]:
    """The entries of these numbers whose authors a letter reaches: id, number."""
    names = {f"number{place}": number for place, number in enumerate(numbers)}
    return await reader.rows(
        f"SELECT p.id, p.number FROM problems p JOIN contacts c ON c.problem_id = p.id WHERE p.site_id = :site_id"
        f" AND p.number IN ({', '.join(f':{name}' for name in names) or 'NULL'}) AND {contacts.REACHED}"
        " AND p.published ORDER BY p.number",
        site_id=site_id,
        **names,
    )


async def find_invitation(reader: Database | Transaction, invitation_id: str) -> Row | None:
    """An invitation with its visit and whether the entry is still there."""
    return await reader.row(
        "SELECT i.*, v.agency_id, v.at, v.place, v.text, v.called_off_at, a.name AS agency, p.number, p.published,"
        " p.description, c.language, c.email FROM visit_invitations i JOIN visits v ON v.id = i.visit_id"
        " JOIN agencies a ON a.id = v.agency_id JOIN problems p ON p.id = i.problem_id"
        " LEFT JOIN contacts c ON c.problem_id = p.id WHERE i.id = :id",
        id=invitation_id,
    )


# --- letters -------------------------------------------------------------------------------------------------------


async def mark_failed(tx: Transaction, invitation_id: str, now: int) -> None:
    """Record that the mail server refused the newest letter."""
    await tx.run("UPDATE visit_invitations SET failed_at = :now WHERE id = :id", id=invitation_id, now=now)

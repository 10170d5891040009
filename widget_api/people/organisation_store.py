"""SQL of an agency's organisation: the agencies below it, their people, and the invitations of new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.permissions import sql_roles
from widget_api.sites.kinds import IS_SITE

LIFETIME = 7 * clock.DAY  # seconds of an invitation
# UNION, not UNION ALL, so that a cycle of parents ends.
TREE = """
    WITH RECURSIVE tree(id) AS (
        SELECT id FROM agencies WHERE id = :agency_id
        UNION SELECT a.id FROM agencies a JOIN tree t ON a.parent_id = t.id
    )
"""
_PERSON = """
    SELECT u.id, u.email, u.role, u.name, u.post, u.agency_id, a.name AS agency, u.signed_in_at, u.disabled_at,
           u.away_until, u.stand_in, u.factor_secret IS NOT NULL AS has_factor
    FROM users u JOIN tree t ON t.id = u.agency_id JOIN agencies a ON a.id = u.agency_id
"""


async def list_agencies(database: Database, agency_id: str) -> Sequence[Row]:
    """An agency, then those below it by name, with the number of enabled people of each."""
    return await database.rows(
        f"""
        {TREE}
        SELECT a.id, a.name, a.email, a.mode, a.delegated, a.approval, a.factor_roles, a.parent_id, a.email_failure,
               (SELECT COUNT(*) FROM users u WHERE u.agency_id = a.id AND u.disabled_at IS NULL) AS people
        FROM agencies a JOIN tree t ON t.id = a.id
        ORDER BY CASE WHEN a.id = :agency_id THEN 0 ELSE 1 END, a.name, a.id
        """,
        agency_id=agency_id,
    )


async def list_every_agency(database: Database) -> Sequence[Row]:
    """All agencies by name, with the numbers of their enabled people and of their sites."""
    return await database.rows(
        f"""
        SELECT a.id, a.name, a.email, a.mode, a.delegated, a.parent_id, a.email_failure, a.email_failed_at,
               (SELECT COUNT(*) FROM users u WHERE u.agency_id = a.id AND u.disabled_at IS NULL) AS people,
               a.disabled_at, (SELECT COUNT(*) FROM sites s WHERE s.agency_id = a.id AND {IS_SITE}) AS sites
        FROM agencies a ORDER BY a.name, a.id
        """
    )


async def list_people(database: Database, agency_id: str) -> Sequence[Row]:
    """The people of an agency and of those below it: the enabled ones first, by name."""
    return await database.rows(
        f"""
        {TREE} {_PERSON}
        ORDER BY CASE WHEN u.disabled_at IS NULL THEN 0 ELSE 1 END, COALESCE(u.name, u.email), u.id
        """,
        agency_id=agency_id,
    )


async def find_person(database: Database, agency_id: str, user_id: str) -> Row | None:
    """A user of an agency or of those below it."""
    return await database.row(f"{TREE} {_PERSON} WHERE u.id = :user_id", agency_id=agency_id, user_id=user_id)


async def was_disabled_above(tx: Transaction, agency_id: str, user_id: str, since: int) -> bool:
    """Whether anybody but an agency and those below it has disabled a user `since` a time."""
    row = await tx.row(
        f"""
        {TREE} SELECT 1 FROM journal j WHERE j.at >= :since AND j.kind = 'user_disabled' AND j.subject = :user_id
        AND (j.agency_id IS NULL OR j.agency_id NOT IN (SELECT id FROM tree)) LIMIT 1
        """,
        agency_id=agency_id,
        user_id=user_id,
        since=since,
    )
    return row is not None


async def count_tokens_of(database: Database, user_id: str, now: int) -> int:
    """The number of valid API tokens whose secret this user was the last to see."""
    row = await database.row(
        """
        SELECT COUNT(*) FROM tokens t
        WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > :now) AND :user_id = (
            SELECT j.user_id FROM journal j WHERE j.subject = t.id AND j.kind IN ('token_added', 'token_rotated')
            ORDER BY j.at DESC, j.id DESC LIMIT 1
        )
        """,
        user_id=user_id,
        now=now,
    )
    return int(row[0]) if row else 0


# --- invitations ---------------------------------------------------------------------------------------------------


async def list_invitations(database: Database, agency_id: str) -> Sequence[Row]:
    """Invitations into an agency and those below it that nobody accepted, expired ones too, the newest first."""
    return await database.rows(
        f"""
        {TREE}
        SELECT i.id, i.email, i.role, i.name, i.post, i.agency_id, a.name AS agency, i.expires_at, i.failed_at
        FROM invitations i JOIN tree t ON t.id = i.agency_id JOIN agencies a ON a.id = i.agency_id
        WHERE i.accepted_at IS NULL ORDER BY i.expires_at DESC, i.id DESC
        """,
        agency_id=agency_id,
    )


async def find_invitation(tx: Transaction, agency_id: str, invitation_id: str) -> Row | None:
    """An invitation that nobody accepted, into an agency or those below it."""
    return await tx.row(
        f"""
        {TREE} SELECT i.* FROM invitations i JOIN tree t ON t.id = i.agency_id
        WHERE i.id = :invitation_id AND i.accepted_at IS NULL
        """,
        agency_id=agency_id,
        invitation_id=invitation_id,
    )


async def find_by_token(database: Database, token_hash: str) -> Row | None:
    """An invitation into an agency that is not disabled."""
    return await database.row(
        "SELECT i.*, a.name AS agency FROM invitations i JOIN agencies a ON a.id = i.agency_id"
        " WHERE i.token_hash = :token_hash AND a.disabled_at IS NULL",
        token_hash=token_hash,
    )


async def insert_invitation(tx: Transaction, now: int, values: Mapping[str, Any]) -> bool:
    """Insert an invitation in place of an expired one. False where the address has an open or accepted one."""
    await tx.run(
        "DELETE FROM invitations WHERE email = :email AND accepted_at IS NULL AND expires_at <= :now",
        email=values["email"],
        now=now,
    )
    names = ", ".join(values)
    inserted = await tx.run(
        f"INSERT INTO invitations ({names}) VALUES ({', '.join(f':{name}' for name in values)})"
        " ON CONFLICT (email) DO NOTHING",
        **values,
    )
    return inserted == 1


async def renew_invitation(tx: Transaction, invitation_id: str, expires_at: int) -> None:
    """Void the link that was sent."""
    await tx.run(
        "UPDATE invitations SET token_hash = NULL, failed_at = NULL, expires_at = :expires_at WHERE id = :id",
        id=invitation_id,
        expires_at=expires_at,
    )


async def list_void_invitations(reader: Database | Transaction, now: int) -> set[str]:
    """The unexpired invitations that whoever sent their letter last could not send any more.

    An operator invites into every agency, an administrator into the own one and those below it, both while their
    account and its agency are enabled. An invitation by a command has no sender, and is never void.
    """
    rows = await reader.rows(
        f"""
        WITH RECURSIVE sent AS (
            SELECT i.id, i.agency_id, (
                SELECT j.user_id FROM journal j WHERE j.at >= :since AND j.subject = i.id
                AND j.kind IN ('invited', 'invitation_sent_again') ORDER BY j.at DESC, j.id DESC LIMIT 1
            ) AS user_id
            FROM invitations i WHERE i.accepted_at IS NULL AND i.expires_at > :now
        ), above(id, agency_id) AS (
            SELECT id, agency_id FROM sent
            UNION SELECT v.id, a.parent_id FROM above v JOIN agencies a ON a.id = v.agency_id
        )
        SELECT s.id FROM sent s JOIN users u ON u.id = s.user_id LEFT JOIN agencies a ON a.id = u.agency_id
        WHERE u.disabled_at IS NOT NULL OR a.disabled_at IS NOT NULL OR u.agency_id IS NOT NULL AND NOT (
            u.role IN ({sql_roles("organisation.manage")})
            AND EXISTS (SELECT 1 FROM above v WHERE v.id = s.id AND v.agency_id = u.agency_id)
        )
        """,
        now=now,
        since=now - LIFETIME,
    )
    return {row["id"] for row in rows}


async def delete_invitation(tx: Transaction, invitation_id: str) -> None:
    await tx.run("DELETE FROM invitations WHERE id = :id", id=invitation_id)


async def accept_invitation(tx: Transaction, token_hash: str, now: int) -> bool:
    """False where the invitation was accepted, withdrawn or sent again since it was read, or has expired."""
    updated = await tx.run(
        "UPDATE invitations SET accepted_at = :now"
        " WHERE token_hash = :token_hash AND accepted_at IS NULL AND expires_at > :now",
        token_hash=token_hash,
        now=now,
    )
    return updated == 1


async def set_link(tx: Transaction, invitation_id: str, token_hash: str) -> Row | None:
    """Give an invitation another link. Returns it; None where it was accepted or withdrawn."""
    return await tx.row(
        "UPDATE invitations SET token_hash = :token_hash WHERE id = :id AND accepted_at IS NULL RETURNING *",
        id=invitation_id,
        token_hash=token_hash,
    )


async def mark_failed(tx: Transaction, invitation_id: str, now: int) -> None:
    """Record that the mail server refused the newest letter."""
    await tx.run("UPDATE invitations SET failed_at = :now WHERE id = :id", id=invitation_id, now=now)

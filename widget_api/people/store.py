"""SQL of users, of their sessions, and of the sites that a user may see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import orjson

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.people.model import User, VisibleSite
from widget_api.permissions import may, sql_roles
from widget_api.problems.deadline import DECISION_DAYS, find_decision_cutoff, undecided_sql
from widget_api.sites import presets
from widget_api.sites.deadlines import Calendar
from widget_api.sites.kinds import IS_COLLECTION, IS_NO_TEST, IS_SITE, IS_TEST
from widget_api.sites.rights import MODERATED

_HAS_APPROVER = (
    f"SELECT 1 FROM users h WHERE h.agency_id = {{}} AND h.role IN ({sql_roles('drafts.approve')})"
    " AND h.disabled_at IS NULL"
)
_USER = (
    f"SELECT u.*, a.name AS agency_name, a.approval AND EXISTS ({_HAS_APPROVER.format('a.id')}) AS approval,"
    " a.factor_roles FROM users u LEFT JOIN agencies a ON a.id = u.agency_id"
)

_SESSION_USER = _USER.replace(" FROM users u", ", s.by_provider FROM users u", 1)


def _user(row: Row) -> User:
    names = ("id", "email", "role", "agency_id", "agency_name", "language", "name", "post")
    return User(
        **{name: row[name] for name in names},
        needs_approval=bool(row["approval"]) and may(row["role"], "drafts.submit"),
        has_factor=row["factor_secret"] is not None,
        factor_demanded=row["role"] in orjson.loads(row["factor_roles"] or "[]"),
    )


async def find_enabled_user(database: Database, email: str) -> tuple[User, Row] | None:
    """An enabled user of an enabled agency, with the stored row."""
    row = await database.row(
        f"{_USER} WHERE u.email = :email AND u.disabled_at IS NULL AND a.disabled_at IS NULL", email=email
    )
    return None if row is None else (_user(row), row)


async def has_approver(database: Database, agency_id: str | None) -> bool:
    """Whether the agency has somebody who may approve answers."""
    sql = _HAS_APPROVER.format(":agency_id") + " LIMIT 1"
    return await database.row(sql, agency_id=agency_id) is not None


async def find_user(database: Database | Transaction, user_id: str) -> User | None:
    """An enabled user of an enabled agency."""
    row = await database.row(
        f"{_USER} WHERE u.id = :id AND u.disabled_at IS NULL AND a.disabled_at IS NULL", id=user_id
    )
    return None if row is None else _user(row)


async def insert_user(
    tx: Transaction,
    *,
    user_id: str,
    email: str,
    agency_id: str | None,
    role: str,
    password_hash: str,
    language: str,
    name: str | None,
    post: str | None,
    now: int,
) -> bool:
    """Insert a user. False where the address is another user's."""
    inserted = await tx.run(
        "INSERT INTO users (id, email, agency_id, role, password_hash, language, name, post, created_at)"
        " VALUES (:id, :email, :agency_id, :role, :password_hash, :language, :name, :post, :now)"
        " ON CONFLICT (email) DO NOTHING",
        id=user_id,
        email=email,
        agency_id=agency_id,
        role=role,
        password_hash=password_hash,
        language=language,
        name=name,
        post=post,
        now=now,
    )
    return inserted == 1


async def list_names(database: Database, user_ids: Sequence[str], *, of: str | None = None) -> dict[str, str]:
    """The names of users (`of` an agency alone), or their addresses, by identifier."""
    values = {f"id{index}": user_id for index, user_id in enumerate(dict.fromkeys(user_ids))}
    if not values:
        return {}
    listed = ", ".join(f":{name}" for name in values)
    alone, values = (" AND agency_id = :of", values | {"of": of}) if of else ("", values)
    rows = await database.rows(
        f"SELECT id, COALESCE(name, email) AS name FROM users WHERE id IN ({listed}){alone}", **values
    )
    return {row["id"]: row["name"] for row in rows}


async def set_language(tx: Transaction, user_id: str, language: str) -> None:
    await tx.run("UPDATE users SET language = :language WHERE id = :id", id=user_id, language=language)


# --- sessions ------------------------------------------------------------------------------------------------------


async def record_sign_in(tx: Transaction, user_id: str, password_hash: str, now: int) -> bool:
    """Record a sign-in. False where the user was disabled or the password changed since it was verified."""
    updated = await tx.run(
        "UPDATE users SET signed_in_at = :now"
        " WHERE id = :id AND password_hash = :password_hash AND disabled_at IS NULL",
        id=user_id,
        password_hash=password_hash,
        now=now,
    )
    return updated == 1


async def insert_session(
    tx: Transaction,
    token_hash: str,
    user_id: str,
    now: int,
    expires_at: int,
    *,
    ip: str | None,
    user_agent: str,
    by_provider: bool,
) -> None:
    """Insert a session and delete the expired ones, which spares a periodic job."""
    await tx.run("DELETE FROM sessions WHERE expires_at <= :now", now=now)
    await tx.insert(
        "sessions",
        token_hash=token_hash,
        user_id=user_id,
        created_at=now,
        expires_at=expires_at,
        ip=ip,
        user_agent=user_agent,
        by_provider=by_provider,
    )


async def find_session_user(database: Database, token_hash: str, now: int, *, before_0007: bool = False) -> User | None:
    """Sessions have had an address since migration 0007."""
    row = await database.row(
        f"{_SESSION_USER} JOIN sessions s ON s.user_id = u.id"
        " WHERE s.token_hash = :token_hash AND s.expires_at > :now AND u.disabled_at IS NULL AND a.disabled_at IS NULL"
        + (" AND s.ip IS NULL" if before_0007 else ""),
        token_hash=token_hash,
        now=now,
    )
    if row is None:
        return None
    return replace(_user(row), factor_demanded=False) if row["by_provider"] else _user(row)


async def delete_session(tx: Transaction, token_hash: str) -> None:
    await tx.run("DELETE FROM sessions WHERE token_hash = :token_hash", token_hash=token_hash)


# --- what a user may see -------------------------------------------------------------------------------------------


# A collection is named with its site.
_SITE_COLUMNS = (
    f"s.id, COALESCE((SELECT p.name FROM sites p WHERE p.id = s.parent_id AND {IS_COLLECTION}) || ': ', '')"
    " || s.name AS name, s.time_zone, s.moderator, s.discussion, s.language, s.ordinal, s.moderation, s.slug, s.preset,"
    f" CASE WHEN {IS_SITE} THEN s.jurisdiction ELSE s.name END AS short"
)
_SITES = f"SELECT {_SITE_COLUMNS} FROM sites s"


def _site(row: Row) -> VisibleSite:
    names = ("id", "name", "time_zone", "moderator", "discussion", "language", "ordinal", "moderation", "slug", "short")
    statuses = presets.find(row["preset"]).statuses if row["preset"] else None
    return VisibleSite(**{name: row[name] for name in names}, statuses=statuses)


async def list_visible_sites(database: Database, user: User, *, tests: bool = False) -> list[VisibleSite]:
    """The sites and collections whose reports the user may read, by name; with `tests` test modes instead.

    They are those of the user's agency and of the agencies below it; an operator's are those that operators moderate.
    f"""
    kind = IS_TEST if tests else IS_NO_TEST
    if user.agency_id is None:
        rows = await database.rows(f"{_SITES} WHERE s.moderator = 'operator' AND {kind} ORDER BY name, s.id")
        return [_site(row) for row in rows]
    # UNION, not UNION ALL, so that a cycle of parents ends.
    rows = await database.rows(
        "WITH RECURSIVE tree(id) AS (SELECT id FROM agencies WHERE id = :agency_id"
        " UNION SELECT a.id FROM agencies a JOIN tree t ON a.parent_id = t.id)"
        f" {_SITES} JOIN tree t ON t.id = s.agency_id WHERE {kind} ORDER BY name, s.id",
        agency_id=user.agency_id,
    )
    return [_site(row) for row in rows]


async def list_moderated_sites(database: Database, user: User) -> list[VisibleSite]:
    """The visible sites, and the collections of others that the user's agency was named to moderate."""
    visible = await list_visible_sites(database, user)
    if user.agency_id is None:
        return visible
    rows = await database.rows(f"{_SITES} WHERE s.id IN ({MODERATED}) ORDER BY name, s.id", agency_id=user.agency_id)
    own = {site.id for site in visible}
    return visible + [replace(_site(row), named=user.agency_id) for row in rows if row["id"] not in own]


async def list_managed_sites(database: Database, user: User) -> list[VisibleSite]:
    """The sites whose settings and installation the user may see: an operator's are all."""
    if user.agency_id is not None:
        return [site for site in await list_visible_sites(database, user) if site.kind == "site"]
    return [_site(row) for row in await database.rows(f"{_SITES} WHERE {IS_SITE} ORDER BY s.name, s.id")]


async def list_report_sites(database: Database, user: User) -> list[VisibleSite]:
    """The moderated sites, and those of which the user sees some reports alone.

    For people of an agency these are the sites above with reports assigned to it, for operators those with reports
    that their agency has not decided about in time.
    """
    visible = await list_moderated_sites(database, user)
    if user.agency_id is None:
        return visible + await list_undecided_sites(database)
    rows = await database.rows(
        "WITH RECURSIVE above(id, parent_id) AS (SELECT id, parent_id FROM agencies WHERE id = :agency_id"
        " UNION SELECT a.id, a.parent_id FROM agencies a JOIN above b ON a.id = b.parent_id)"
        f" SELECT {_SITE_COLUMNS}, (SELECT delegated FROM agencies WHERE id = :agency_id) AS delegated"
        " FROM sites s JOIN above b ON b.id = s.agency_id WHERE b.id <> :agency_id"
        " AND EXISTS (SELECT 1 FROM problems p WHERE p.site_id = s.id AND p.assigned_agency = :agency_id)"
        " ORDER BY name, s.id",
        agency_id=user.agency_id,
    )
    own = {site.id for site in visible}
    return visible + [
        replace(_site(row), assigned_to=user.agency_id, delegated=bool(row["delegated"]))
        for row in rows
        if row["id"] not in own
    ]


async def list_undecided_sites(database: Database) -> list[VisibleSite]:
    """The sites of agencies with reports undecided for too long, each with the moment that says which."""
    now = clock.now()
    # Working days are known here alone: the statement finds the sites with a report that has waited for so many days.
    rows = await database.rows(
        f"SELECT {_SITE_COLUMNS}, s.calendar FROM sites s WHERE s.moderator = 'agent' AND {IS_NO_TEST}"
        f" AND EXISTS (SELECT 1 FROM problems p WHERE p.site_id = s.id AND {undecided_sql()}) ORDER BY name, s.id",
        cutoff=now - DECISION_DAYS * clock.DAY,
    )
    found = list[VisibleSite]()
    for row in rows:
        cutoff = find_decision_cutoff(Calendar.load(row["time_zone"], row["calendar"]), now)
        waiting = f"SELECT 1 FROM problems p WHERE p.site_id = :site_id AND {undecided_sql()} LIMIT 1"
        if await database.row(waiting, site_id=row["id"], cutoff=cutoff) is not None:
            found.append(replace(_site(row), undecided_before=cutoff))
    return found


async def read_versions(database: Database, site_ids: Sequence[str]) -> tuple[int, int]:
    """The sums of these sites' event positions and versions, which grow with every visible change."""
    names = {f"site{index}": site_id for index, site_id in enumerate(site_ids)}
    row = await database.row(
        "SELECT COALESCE(SUM(position), 0), COALESCE(SUM(version), 0) FROM site_counters"
        f" WHERE site_id IN ({', '.join(f':{name}' for name in names) or 'NULL'})",
        **names,
    )
    assert row is not None, "an aggregate without its row"
    return int(row[0]), int(row[1])


def hash_token(token: str) -> str:
    """The hash under which a session's token is stored."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()

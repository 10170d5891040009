"""Change existing sites and agencies: settings, origins, keys, categories, and the tokens of programs."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import orjson

from widget_api import clock, journal
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.sites import moving, store
from widget_api.sites.model import Datatype, Question
from widget_api.sites.service import check_agency, check_site, generate_key, normalise_origins

DAY_SECONDS = 86_400
TOKEN_PREFIX = "wt_"  # noqa: S105 - identifies leaked tokens
_CODE = re.compile(r"[a-zA-Z0-9_-]{1,100}")


async def find_site_id(database: Database, text: str) -> str:
    """The id of a site by its id, key or jurisdiction, even if it is disabled. Raises NotFound."""
    row = await database.row(
        """
        SELECT id FROM sites WHERE id = :text OR jurisdiction = :text
        UNION SELECT site_id FROM site_keys WHERE key = :text
        """,
        text=text,
    )
    if row is None:
        raise NotFound("site_not_found")
    return str(row[0])


async def find_agency_id(database: Database, text: str) -> str:
    """The id of an agency by its id or, where it is unique, its name. Raises NotFound."""
    rows = await database.rows("SELECT id FROM agencies WHERE id = :text OR name = :text", text=text)
    if len(rows) != 1:
        raise NotFound("agency_not_found")
    return str(rows[0][0])


async def list_agencies(database: Database) -> list[dict[str, Any]]:
    rows = await database.rows("SELECT * FROM agencies ORDER BY created_at, id")
    agencies = [
        store.row_to_dict(row, flags=("digest", "approval", "delegated")) | {"senders": orjson.loads(row["senders"])}
        for row in rows
    ]
    for agency in agencies:
        del agency["noticed_on"]  # of the worker alone
    return agencies


async def update_agency(
    database: Database, agency_id: str, columns: Mapping[str, Any], who: journal.Who = journal.COMMAND_LINE
) -> None:
    """Change an agency. A new e-mail address resets the record of failures. Raises Invalid, NotFound (the parent).

    One that begins to work from its mailbox gets letters about its open reports and, unless `columns` say otherwise,
    the digest.
    """
    checked = check_agency(columns)
    if "email" in checked:
        checked |= {"email_failed_at": None, "email_failure": None}

    async def work(tx: Transaction) -> None:
        if checked.get("parent_id") is not None:
            await _check_parent(tx, agency_id, checked["parent_id"])
        row = await tx.row("SELECT mode FROM agencies WHERE id = :agency_id", agency_id=agency_id)
        moves = row is not None and checked.get("mode", row["mode"]) != row["mode"]
        if moves and checked["mode"] == "email":
            checked.setdefault("digest", True)
            await moving.send_open_reports(tx, agency_id, clock.now())
        elif moves:
            await moving.cancel_reminders(tx, agency_id)
        if checked:
            assignments = ", ".join(f"{name} = :{name}" for name in checked)
            await tx.run(f"UPDATE agencies SET {assignments} WHERE id = :agency_id", agency_id=agency_id, **checked)
        for row in await tx.rows("SELECT id FROM sites WHERE agency_id = :agency_id ORDER BY id", agency_id=agency_id):
            await store.bump_version(tx, row["id"])
        await journal.record(tx, "agency_changed", who, subject=agency_id, details={"columns": sorted(columns)})

    await database.write(work)


async def disable_agency(
    database: Database, agency_id: str, who: journal.Who = journal.COMMAND_LINE, *, disabled: bool = True
) -> None:
    """Disable an agency or enable it. The services below it stay as they are.

    Its people cannot sign in, get no notices, and their sessions end; its enabled sites are disabled at the same time,
    by which enabling it finds those sites and no others.
    """

    async def work(tx: Transaction) -> None:
        row = await tx.row("SELECT disabled_at FROM agencies WHERE id = :agency_id", agency_id=agency_id)
        if row is None:
            raise NotFound("agency_not_found")
        if (row["disabled_at"] is not None) == disabled:
            return
        before, after = (None, clock.now()) if disabled else (row["disabled_at"], None)
        await tx.run("UPDATE agencies SET disabled_at = :at WHERE id = :agency_id", at=after, agency_id=agency_id)
        for site in await tx.rows("SELECT id, disabled_at FROM sites WHERE agency_id = :id ORDER BY id", id=agency_id):
            if site["disabled_at"] == before:
                await _switch_site(tx, site["id"], after, who)
        if disabled:
            for table in ("sessions", "saved_views"):  # words of a saved search may name a resident
                people = "user_id IN (SELECT id FROM users WHERE agency_id = :agency_id)"
                await tx.run(f"DELETE FROM {table} WHERE {people}", agency_id=agency_id)
        await journal.record(tx, "agency_disabled" if disabled else "agency_enabled", who, subject=agency_id)

    await database.write(work)


async def _check_parent(tx: Transaction, agency_id: str, parent_id: str) -> None:
    """Raises NotFound, and Invalid for a circle of parents, in which every agency would see all the others' reports.

    All agencies are locked, so that two changes at once cannot close a circle together.
    """
    lock = " FOR UPDATE" if tx.dialect == "postgresql" else ""
    rows = await tx.rows("SELECT id, parent_id FROM agencies ORDER BY id" + lock)
    parents = {row["id"]: row["parent_id"] for row in rows}
    if parent_id not in parents:
        raise NotFound("agency_not_found")
    above = set[str]()
    at: str | None = parent_id
    while at is not None and at not in above:
        above.add(at)
        at = parents[at]
    if agency_id in above:
        raise Invalid((FieldError("parent", "circle"),))


async def list_keys(database: Database, site_id: str) -> list[dict[str, Any]]:
    """A site's keys with the times at which they expire, newest first."""
    rows = await database.rows(
        "SELECT key, created_at, expires_at FROM site_keys WHERE site_id = :site_id ORDER BY created_at DESC, key",
        site_id=site_id,
    )
    return [store.row_to_dict(row) for row in rows]


async def find_disabled_at(database: Database, site_id: str) -> str | None:
    row = await database.row("SELECT disabled_at FROM sites WHERE id = :site_id", site_id=site_id)
    return None if row is None or row[0] is None else clock.rfc3339(row[0])


async def update_site(
    database: Database,
    site_id: str,
    columns: Mapping[str, Any],
    *,
    add_origins: Sequence[str] = (),
    remove_origins: Sequence[str] = (),
    who: journal.Who = journal.COMMAND_LINE,
) -> None:
    """Change settings (columns of `sites`) and origins. Raises Invalid."""
    checked = check_site(columns)
    added = normalise_origins(add_origins) if add_origins else []
    removed = normalise_origins(remove_origins) if remove_origins else []

    async def work(tx: Transaction) -> None:
        if checked:
            assignments = ", ".join(f"{name} = :{name}" for name in checked)
            await tx.run(f"UPDATE sites SET {assignments} WHERE id = :site_id", site_id=site_id, **checked)
        for origin in added:
            await tx.run(
                "INSERT INTO site_origins (site_id, origin) VALUES (:site_id, :origin) ON CONFLICT DO NOTHING",
                site_id=site_id,
                origin=origin,
            )
        for origin in removed:
            await tx.run(
                "DELETE FROM site_origins WHERE site_id = :site_id AND origin = :origin", site_id=site_id, origin=origin
            )
        await store.bump_version(tx, site_id)
        changed = sorted([*columns, *(["origins"] if added or removed else [])])
        await journal.record(tx, "site_changed", who, subject=site_id, site_id=site_id, details={"columns": changed})

    await database.write(work, site_id)


async def disable_site(database: Database, site_id: str, *, disabled: bool = True) -> None:
    """Disable or enable a site. A disabled one is not public; its reports stay accessible in the cabinet."""

    async def work(tx: Transaction) -> None:
        await _switch_site(tx, site_id, clock.now() if disabled else None, journal.COMMAND_LINE)

    await database.write(work, site_id)


async def _switch_site(tx: Transaction, site_id: str, disabled_at: int | None, who: journal.Who) -> None:
    await tx.run("UPDATE sites SET disabled_at = :at WHERE id = :site_id", at=disabled_at, site_id=site_id)
    await store.bump_version(tx, site_id)
    kind: journal.Kind = "site_enabled" if disabled_at is None else "site_disabled"
    await journal.record(tx, kind, who, subject=site_id, site_id=site_id)


async def rotate_key(database: Database, site_id: str, overlap_days: int = 0) -> str:
    """Add a new key. Earlier ones stay valid for the overlap, so that host pages can be changed without a gap."""
    key, now = generate_key(), clock.now()

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE site_keys SET expires_at = :at"
            " WHERE site_id = :site_id AND (expires_at IS NULL OR expires_at > :at)",
            at=now + overlap_days * DAY_SECONDS,
            site_id=site_id,
        )
        await tx.insert("site_keys", key=key, site_id=site_id, created_at=now, expires_at=None)
        await store.bump_version(tx, site_id)
        await journal.record(tx, "site_key_rotated", journal.COMMAND_LINE, subject=site_id, site_id=site_id)

    await database.write(work, site_id)
    return key


# --- categories ----------------------------------------------------------------------------------------------------


async def list_categories(database: Database, site_id: str) -> list[dict[str, Any]]:
    """All of a site's categories in their order, disabled ones included."""
    rows = await database.rows(
        "SELECT * FROM site_categories WHERE site_id = :site_id ORDER BY place, code", site_id=site_id
    )
    return [
        store.row_to_dict(row, flags=("enabled", "photo_required", "photo_after"))
        | {"questions": orjson.loads(row["questions"])}
        for row in rows
    ]


async def set_category(database: Database, site_id: str, code: str, columns: Mapping[str, Any]) -> None:
    """Change a category, or add one of the site's own. Raises Invalid."""
    wrong = []
    if not _CODE.fullmatch(code):
        wrong.append(FieldError("code", "code"))
    if (columns.get("deadline_days") or 1) < 1:
        wrong.append(FieldError("deadline_days", "positive"))
    if wrong:
        raise Invalid(tuple(wrong))

    async def work(tx: Transaction) -> None:
        await tx.run(
            """
            INSERT INTO site_categories (site_id, code, place)
            SELECT CAST(:site_id AS TEXT), CAST(:code AS TEXT), COUNT(*) FROM site_categories WHERE site_id = :site_id
            ON CONFLICT (site_id, code) DO NOTHING
            """,
            site_id=site_id,
            code=code,
        )
        if columns:
            assignments = ", ".join(f"{name} = :{name}" for name in columns)
            await tx.run(
                f"UPDATE site_categories SET {assignments} WHERE site_id = :site_id AND code = :code",
                site_id=site_id,
                code=code,
                **columns,
            )
        await store.bump_version(tx, site_id)
        await journal.record(
            tx,
            "category_changed",
            journal.COMMAND_LINE,
            subject=site_id,
            site_id=site_id,
            details={"category": code, "columns": sorted(columns)},
        )

    await database.write(work, site_id)


def parse_questions(text: str) -> str:
    """Validate GeoReport definition attributes given as JSON. Returns their stored form. Raises Invalid.

    Values are `[{"key": …, "name": …}]`, as in the GeoReport definition and the public configuration.
    """
    try:
        given = orjson.loads(text)
        if not isinstance(given, list):
            raise TypeError("no list")
        questions = [_parse_question(one, order) for order, one in enumerate(given, start=1)]
        if len({question.code for question in questions}) != len(questions):
            raise ValueError("a code twice")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Invalid((FieldError("questions", "questions"),)) from None
    return orjson.dumps([store.question_to_json(question) for question in questions]).decode()


def _parse_question(given: dict[str, Any], order: int) -> Question:
    code, description, datatype = given["code"], given["description"], given["datatype"]
    values = tuple((str(value["key"]), str(value["name"])) for value in given.get("values") or ())
    is_list = datatype in ("singlevaluelist", "multivaluelist")
    if not _CODE.fullmatch(code) or not description or datatype not in get_args(Datatype) or bool(values) != is_list:
        raise ValueError(code)
    return Question(
        code=code,
        datatype=datatype,
        required=given.get("required", False) is True,
        description=str(description),
        hint=str(given.get("hint") or given.get("datatype_description") or ""),
        order=int(given.get("order", order)),
        values=values,
    )


# --- tokens of programs --------------------------------------------------------------------------------------------


async def add_token(
    database: Database,
    site_id: str,
    scope: Literal["georeport", "platform"],
    expires_at: int | None = None,
    name: str | None = None,
) -> str:
    """Add a token. Returns it, to be shown once: the database stores its hash only.

    `name` is the public name of the program that uses it.
    """
    token, now, token_id = TOKEN_PREFIX + secrets.token_urlsafe(24), clock.now(), clock.new_id()

    async def work(tx: Transaction) -> None:
        await tx.insert(
            "tokens",
            id=token_id,
            site_id=site_id,
            scope=scope,
            name=name,
            token_hash=hash_token(token),
            hint=token[: len(TOKEN_PREFIX) + 4],
            created_at=now,
            expires_at=expires_at,
            revoked_at=None,
        )
        await journal.record(
            tx, "token_added", journal.COMMAND_LINE, subject=token_id, site_id=site_id, details={"scope": scope}
        )

    await database.write(work)
    return token


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def list_tokens(database: Database, site_id: str | None = None) -> list[dict[str, Any]]:
    """Tokens with their first characters as a hint; the tokens themselves are not stored."""
    rows: Sequence[Row] = await database.rows(
        """
        SELECT t.id, t.site_id, s.name AS site, t.scope, t.name, t.hint, t.created_at, t.expires_at, t.revoked_at
        FROM tokens t JOIN sites s ON s.id = t.site_id ORDER BY t.created_at, t.id
        """
    )
    return [store.row_to_dict(row) for row in rows if site_id in (None, row["site_id"])]


async def revoke_token(database: Database, text: str) -> None:
    """Revoke a token, given by its id or by itself. Raises NotFound."""

    async def work(tx: Transaction) -> bool:
        row = await tx.row(
            "SELECT id, site_id FROM tokens WHERE (id = :text OR token_hash = :hash) AND revoked_at IS NULL",
            text=text,
            hash=hash_token(text),
        )
        if row is None:
            return False
        await tx.run("UPDATE tokens SET revoked_at = :now WHERE id = :id", now=clock.now(), id=row["id"])
        await journal.record(tx, "token_revoked", journal.COMMAND_LINE, subject=row["id"], site_id=row["site_id"])
        return True

    if not await database.write(work):
        raise NotFound("token_not_found")

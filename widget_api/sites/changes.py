"""What an operator changes about a site that is there: rules, origins, keys, categories; and the tokens of programs."""

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
from widget_api.sites import store
from widget_api.sites.model import Datatype, Question
from widget_api.sites.service import checked_agency, checked_site, new_key, normalised_origins

DAY = 86_400
TOKEN_PREFIX = "wt_"  # noqa: S105 - tells what a leaked string is
_CODE = re.compile(r"[a-zA-Z0-9_-]{1,100}")


async def find(database: Database, text: str) -> str:
    """The id of the site with this id, key or jurisdiction, disabled ones too. Raises NotFound."""
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


async def find_agency(database: Database, text: str) -> str:
    """The id of the agency with this id or, where only one bears it, this name. Raises NotFound."""
    rows = await database.rows("SELECT id FROM agencies WHERE id = :text OR name = :text", text=text)
    if len(rows) != 1:
        raise NotFound("agency_not_found")
    return str(rows[0][0])


async def agencies(database: Database) -> list[dict[str, Any]]:
    rows = await database.rows("SELECT * FROM agencies ORDER BY created_at, id")
    return [store.plain(row, flags=("digest",)) | {"senders": orjson.loads(row["senders"])} for row in rows]


async def update_agency(database: Database, agency_id: str, columns: Mapping[str, Any]) -> None:
    """Change an agency; another mailbox is one that has not failed yet. Raises Invalid."""
    checked = checked_agency(columns)
    if "email" in checked:
        checked |= {"email_failed_at": None, "email_failure": None}

    async def work(tx: Transaction) -> None:
        if checked:
            assignments = ", ".join(f"{name} = :{name}" for name in checked)
            await tx.run(f"UPDATE agencies SET {assignments} WHERE id = :agency_id", agency_id=agency_id, **checked)
        for row in await tx.rows("SELECT id FROM sites WHERE agency_id = :agency_id ORDER BY id", agency_id=agency_id):
            await store.touch(tx, row["id"])
        await journal.record(
            tx, "agency_changed", journal.COMMAND_LINE, subject=agency_id, details={"columns": sorted(columns)}
        )

    await database.write(work)


async def keys(database: Database, site_id: str) -> list[dict[str, Any]]:
    """A site's keys, newest first, with when they end."""
    rows = await database.rows(
        "SELECT key, created_at, expires_at FROM site_keys WHERE site_id = :site_id ORDER BY created_at DESC, key",
        site_id=site_id,
    )
    return [store.plain(row) for row in rows]


async def disabled_at(database: Database, site_id: str) -> str | None:
    row = await database.row("SELECT disabled_at FROM sites WHERE id = :site_id", site_id=site_id)
    return None if row is None or row[0] is None else clock.rfc3339(row[0])


async def update(
    database: Database,
    site_id: str,
    columns: Mapping[str, Any],
    *,
    add_origins: Sequence[str] = (),
    remove_origins: Sequence[str] = (),
    who: journal.Who = journal.COMMAND_LINE,
) -> None:
    """Change settings (columns of `sites`) and origins. Raises Invalid."""
    checked = checked_site(columns)
    added = normalised_origins(add_origins) if add_origins else []
    removed = normalised_origins(remove_origins) if remove_origins else []

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
        await store.touch(tx, site_id)
        changed = sorted([*columns, *(["origins"] if added or removed else [])])
        await journal.record(tx, "site_changed", who, subject=site_id, site_id=site_id, details={"columns": changed})

    await database.write(work, site_id)


async def disable(database: Database, site_id: str, *, disabled: bool = True) -> None:
    """A disabled site takes nothing and shows nothing; what came in stays workable in the cabinet."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE sites SET disabled_at = :at WHERE id = :site_id",
            at=clock.now() if disabled else None,
            site_id=site_id,
        )
        await store.touch(tx, site_id)
        kind: journal.Kind = "site_disabled" if disabled else "site_enabled"
        await journal.record(tx, kind, journal.COMMAND_LINE, subject=site_id, site_id=site_id)

    await database.write(work, site_id)


async def rotate_key(database: Database, site_id: str, overlap_days: int = 0) -> str:
    """A new key; the ones before stay good for the overlap, so that pages can be changed without a gap."""
    key, now = new_key(), clock.now()

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE site_keys SET expires_at = :at"
            " WHERE site_id = :site_id AND (expires_at IS NULL OR expires_at > :at)",
            at=now + overlap_days * DAY,
            site_id=site_id,
        )
        await tx.insert("site_keys", key=key, site_id=site_id, created_at=now, expires_at=None)
        await store.touch(tx, site_id)
        await journal.record(tx, "site_key_rotated", journal.COMMAND_LINE, subject=site_id, site_id=site_id)

    await database.write(work, site_id)
    return key


# --- categories ----------------------------------------------------------------------------------------------------


async def categories(database: Database, site_id: str) -> list[dict[str, Any]]:
    """All of a site's categories in their order, those switched off too."""
    rows = await database.rows(
        "SELECT * FROM site_categories WHERE site_id = :site_id ORDER BY place, code", site_id=site_id
    )
    return [
        store.plain(row, flags=("enabled", "photo_required")) | {"questions": orjson.loads(row["questions"])}
        for row in rows
    ]


async def set_category(database: Database, site_id: str, code: str, columns: Mapping[str, Any]) -> None:
    """Change a category, or add one with a code of the site's own. Raises Invalid."""
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
        await store.touch(tx, site_id)
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
    """GeoReport definition attributes as JSON, checked, in the form they are kept. Raises Invalid.

    Values are `[{"key": …, "name": …}]`, as the GeoReport definition and the public configuration write them.
    """
    try:
        given = orjson.loads(text)
        if not isinstance(given, list):
            raise TypeError("no list")
        questions = [_question(one, order) for order, one in enumerate(given, start=1)]
        if len({question.code for question in questions}) != len(questions):
            raise ValueError("a code twice")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Invalid((FieldError("questions", "questions"),)) from None
    return orjson.dumps([store.question_json(question) for question in questions]).decode()


def _question(given: dict[str, Any], order: int) -> Question:
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
    """A token to show once; only its hash is kept, so whoever reads the database cannot use it.

    `name` is what the public reads of whoever uses it.
    """
    token, now, token_id = TOKEN_PREFIX + secrets.token_urlsafe(24), clock.now(), clock.new_id()

    async def work(tx: Transaction) -> None:
        await tx.insert(
            "tokens",
            id=token_id,
            site_id=site_id,
            scope=scope,
            name=name,
            token_hash=token_hash(token),
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


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def tokens(database: Database, site_id: str | None = None) -> list[dict[str, Any]]:
    """Told apart by their first characters. The tokens themselves are not known any more."""
    rows: Sequence[Row] = await database.rows(
        """
        SELECT t.id, t.site_id, s.name AS site, t.scope, t.name, t.hint, t.created_at, t.expires_at, t.revoked_at
        FROM tokens t JOIN sites s ON s.id = t.site_id ORDER BY t.created_at, t.id
        """
    )
    return [store.plain(row) for row in rows if site_id in (None, row["site_id"])]


async def revoke_token(database: Database, text: str) -> None:
    """End the token with this id, or the token itself where somebody holds it in hand. Raises NotFound."""

    async def work(tx: Transaction) -> bool:
        row = await tx.row(
            "SELECT id, site_id FROM tokens WHERE (id = :text OR token_hash = :hash) AND revoked_at IS NULL",
            text=text,
            hash=token_hash(text),
        )
        if row is None:
            return False
        await tx.run("UPDATE tokens SET revoked_at = :now WHERE id = :id", now=clock.now(), id=row["id"])
        await journal.record(tx, "token_revoked", journal.COMMAND_LINE, subject=row["id"], site_id=row["site_id"])
        return True

    if not await database.write(work):
        raise NotFound("token_not_found")

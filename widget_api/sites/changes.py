"""Change existing sites and agencies: settings, origins, keys, categories, and the tokens of programs."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import orjson

from widget_api import clock, journal
from widget_api.database import Database, Row, Transaction, Work
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.mail import outbox
from widget_api.sites import moving, questions, store, testing
from widget_api.sites.borders import Place, find_place
from widget_api.sites.kinds import IS_COLLECTION, IS_SITE, kind_of
from widget_api.sites.service import check_agency, check_site, generate_key, normalise_origins, parse_box
from widget_api.sites.settings import LISTED

TokenScope = Literal["georeport", "platform"]
TOKEN_PREFIX = "wt_"  # noqa: S105 - identifies leaked tokens
MAX_CATEGORIES = 60  # of a site
MAX_DEADLINE = 365  # working days
CATEGORY_TEXTS = {"name": 100, "responsible": 200, "notice": 1000}  # columns with their greatest lengths


async def find_site_id(database: Database, text: str) -> str:
    """The id of a site by its id, key or jurisdiction, even if it is disabled. Raises NotFound."""
    row = await database.row(
        f"""
        SELECT id FROM sites s WHERE (id = :text OR jurisdiction = :text
            OR EXISTS (SELECT 1 FROM site_keys k WHERE k.site_id = s.id AND k.key = :text)) AND {IS_SITE}
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
        store.row_to_dict(row, flags=("digest", "approval", "delegated"))
        | {name: orjson.loads(row[name]) for name in ("senders", "factor_roles")}
        for row in rows
    ]
    for agency in agencies:
        del agency["noticed_on"], agency["digested_on"]  # of the worker alone
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
        former = row = await tx.row("SELECT * FROM agencies WHERE id = :agency_id", agency_id=agency_id)
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
        details = journal.describe_change(former, columns)
        await journal.record(tx, "agency_changed", who, subject=agency_id, details=details)

    await database.write(work)


async def disable_agency(
    database: Database, agency_id: str, who: journal.Who = journal.COMMAND_LINE, *, disabled: bool = True
) -> None:
    """Disable an agency or enable it. The services below it stay as they are.

    Its people cannot sign in, get no notices, and their sessions and the links that reset passwords end; its open
    invitations are withdrawn; its enabled sites are disabled at the same time, by which enabling it finds those sites
    and no others. Letters to its mailbox wait until it is enabled.
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
            # Words of a saved search may name a resident.
            people = "SELECT id FROM users WHERE agency_id = :agency_id"
            for table in ("sessions", "saved_views"):
                await tx.run(f"DELETE FROM {table} WHERE user_id IN ({people})", agency_id=agency_id)
            await outbox.cancel_all(tx, "password_reset", people, agency_id=agency_id)
            voided = "UPDATE users SET reset_epoch = reset_epoch + 1 WHERE agency_id = :agency_id"
            await tx.run(voided, agency_id=agency_id)
            invited = "DELETE FROM invitations WHERE agency_id = :agency_id AND accepted_at IS NULL RETURNING id"
            for invitation in await tx.rows(invited, agency_id=agency_id):
                await journal.record(tx, "invitation_withdrawn", who, subject=invitation["id"])
            await moving.cancel_reminders(tx, agency_id)
        else:  # also where it has no site
            await moving.send_waiting(tx, clock.now())
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
    claimed: bool = False,
    who: journal.Who = journal.COMMAND_LINE,
    along: Callable[[Transaction], Awaitable[None]] | None = None,
) -> None:
    """Change settings (columns of `sites`) and origins; `along` is called in the same transaction. Raises Invalid.

    Added origins that are `claimed` are neither proven nor known to the operator.
    """
    place = await find_border_place(database, site_id) if columns.get("area") else None
    checked = await asyncio.to_thread(check_site, columns, place)
    added = normalise_origins(add_origins) if add_origins else []
    removed = normalise_origins(remove_origins) if remove_origins else []

    async def work(tx: Transaction) -> None:
        former = await tx.row("SELECT * FROM sites WHERE id = :site_id", site_id=site_id)
        if checked:
            assignments = ", ".join(f"{name} = :{name}" for name in checked)
            await tx.run(f"UPDATE sites SET {assignments} WHERE id = :site_id", site_id=site_id, **checked)
        for origin in added:
            claimed_at = clock.now() if claimed else None
            await tx.insert_unless_there("site_origins", site_id=site_id, origin=origin, claimed_at=claimed_at)
        for origin in removed:
            await tx.run(
                "DELETE FROM site_origins WHERE site_id = :site_id AND origin = :origin", site_id=site_id, origin=origin
            )
        await store.bump_version(tx, site_id)
        changed = {**columns, **({"origins": True} if added or removed else {})}
        details = journal.describe_change(former, changed, LISTED)
        details |= journal.describe_origins(added=added, removed=removed)
        await journal.record(tx, "site_changed", who, subject=site_id, site_id=site_id, details=details)
        if along is not None:
            await along(tx)

    await database.write(work, site_id)


async def find_border_place(database: Database, site_id: str) -> Place | None:
    """Where the border of an existing site is expected."""
    row = await database.row(
        "SELECT s.bbox, a.inn FROM sites s JOIN agencies a ON a.id = s.agency_id WHERE s.id = :site_id", site_id=site_id
    )
    return None if row is None else find_place(parse_box(row["bbox"]), row["inn"])


async def disable_site(
    database: Database, site_id: str, who: journal.Who = journal.COMMAND_LINE, *, disabled: bool = True
) -> None:
    """Disable or enable a site. A disabled one is not public; its reports stay accessible in the cabinet."""

    async def work(tx: Transaction) -> None:
        await _switch_site(tx, site_id, clock.now() if disabled else None, who)

    await database.write(work, site_id)


async def _switch_site(tx: Transaction, site_id: str, disabled_at: int | None, who: journal.Who) -> None:
    await tx.run("UPDATE sites SET disabled_at = :at WHERE id = :site_id", at=disabled_at, site_id=site_id)
    await store.bump_version(tx, site_id)
    if disabled_at is None:
        await moving.send_waiting(tx, clock.now())
    kind: journal.Kind = "site_enabled" if disabled_at is None else "site_disabled"
    await journal.record(tx, kind, who, subject=site_id, site_id=site_id)


async def rotate_key(
    database: Database, site_id: str, overlap_days: int = 0, who: journal.Who = journal.COMMAND_LINE
) -> str:
    """Add a new key. Earlier ones stay valid for the overlap, so that host pages can be changed without a gap."""
    row = await database.row("SELECT slug FROM sites WHERE id = :site_id", site_id=site_id)
    is_test = row is not None and kind_of(row["slug"]) == "test"
    key, now = generate_key(testing.KEY_PREFIX) if is_test else generate_key(), clock.now()

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE site_keys SET expires_at = :at"
            " WHERE site_id = :site_id AND (expires_at IS NULL OR expires_at > :at)",
            at=now + overlap_days * clock.DAY,
            site_id=site_id,
        )
        await tx.insert("site_keys", key=key, site_id=site_id, created_at=now, expires_at=None)
        await store.bump_version(tx, site_id)
        await journal.record(tx, "site_key_rotated", who, subject=site_id, site_id=site_id)

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
        | {"questions": [one for one in orjson.loads(row["questions"]) if not one.get("removed")]}
        for row in rows
    ]


def check_category(code: str, columns: Mapping[str, Any]) -> None:
    """Raises Invalid with every malformed column of a category."""
    wrong = [] if questions.is_code(code) else [FieldError("code", "code")]
    days = columns.get("deadline_days")
    if days is not None and not 1 <= days <= MAX_DEADLINE:
        wrong.append(FieldError("deadline_days", "days", (("max", MAX_DEADLINE),)))
    for name, most in CATEGORY_TEXTS.items():
        text = columns.get(name) or ""
        if len(text) > most:
            wrong.append(FieldError(name, "too_long", (("max", most),)))
        if questions.has_markup(text):
            wrong.append(FieldError(name, "markup"))
    if wrong:
        raise Invalid(tuple(wrong))


async def set_category(
    database: Database,
    site_id: str,
    code: str,
    columns: Mapping[str, Any],
    who: journal.Who = journal.COMMAND_LINE,
    *,
    new: bool = False,
) -> None:
    """Change a category, or add one of the site's own. Raises Invalid, with `new` also where the code is taken.

    Questions that are no longer asked stay stored (`questions.keep_removed`). One category stays enabled. The questions
    of a collection are those of all its categories.
    """
    check_category(code, columns)
    values = dict(columns)

    async def work(tx: Transaction) -> None:
        found = await tx.row(
            "SELECT * FROM site_categories WHERE site_id = :site_id AND code = :code",
            site_id=site_id,
            code=code,
        )
        shared = await tx.row(
            "SELECT c.questions FROM site_categories c JOIN sites s ON s.id = c.site_id"
            f" WHERE s.id = :site_id AND {IS_COLLECTION} ORDER BY c.place, c.code LIMIT 1",
            site_id=site_id,
        )
        if found is None:
            counted = await tx.row("SELECT COUNT(*) AS count FROM site_categories WHERE site_id = :id", id=site_id)
            assert counted is not None
            if counted["count"] >= MAX_CATEGORIES:
                raise Invalid((FieldError("code", "too_many", (("max", MAX_CATEGORIES),)),))
            await tx.insert("site_categories", site_id=site_id, code=code, place=counted["count"])
            if shared is not None:
                values.setdefault("questions", shared["questions"])
        elif new:
            raise Invalid((FieldError("code", "category_taken"),))
        elif "questions" in values:
            values["questions"] = questions.keep_removed(found["questions"], columns["questions"])
        if values:
            assignments = ", ".join(f"{name} = :{name}" for name in values)
            await tx.run(
                f"UPDATE site_categories SET {assignments} WHERE site_id = :site_id AND code = :code",
                site_id=site_id,
                code=code,
                **values,
            )
        if shared is not None and "questions" in values:
            asked = "UPDATE site_categories SET questions = :questions WHERE site_id = :site_id"
            await tx.run(asked, site_id=site_id, questions=values["questions"])
        if await tx.row("SELECT 1 FROM site_categories WHERE site_id = :site_id AND enabled", site_id=site_id) is None:
            raise Invalid((FieldError("enabled", "last_category"),))
        await _record_category(tx, site_id, code, journal.describe_change(found, columns), who)

    await database.write(work, site_id)


async def move_category(database: Database, site_id: str, code: str, up: bool, who: journal.Who) -> None:
    """Exchange a category with its neighbour in the list. Does nothing at its end."""

    async def work(tx: Transaction) -> None:
        rows = await tx.rows(
            "SELECT code FROM site_categories WHERE site_id = :site_id ORDER BY place, code", site_id=site_id
        )
        codes = [row["code"] for row in rows]
        place = codes.index(code) if code in codes else 0
        if code not in codes or not 0 <= (other := place + (-1 if up else 1)) < len(codes):
            return
        codes[place], codes[other] = codes[other], codes[place]
        for number, one in enumerate(codes):
            await tx.run(
                "UPDATE site_categories SET place = :place WHERE site_id = :site_id AND code = :code",
                place=number,
                site_id=site_id,
                code=one,
            )
        await _record_category(tx, site_id, code, {"columns": ["place"]}, who)

    await database.write(work, site_id)


async def _record_category(
    tx: Transaction, site_id: str, code: str, change: dict[str, journal.Detail], who: journal.Who
) -> None:
    await store.bump_version(tx, site_id)
    details = {"category": code, **change}
    await journal.record(tx, "category_changed", who, subject=site_id, site_id=site_id, details=details)


# --- tokens of programs --------------------------------------------------------------------------------------------


async def add_token(
    database: Database,
    site_id: str,
    scope: TokenScope,
    expires_at: int | None = None,
    name: str | None = None,
    who: journal.Who = journal.COMMAND_LINE,
    proof: Work[None] | None = None,
) -> str:
    """Add a token. Returns it, to be shown once: the database stores its hash only.

    `name` is the public name of the program that uses it, `proof` runs first in the transaction.
    """
    token, now, token_id = TOKEN_PREFIX + secrets.token_urlsafe(24), clock.now(), clock.new_id()

    async def work(tx: Transaction) -> None:
        if proof is not None:
            await proof(tx)
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
        await journal.record(tx, "token_added", who, subject=token_id, site_id=site_id, details={"scope": scope})

    await database.write(work)
    return token


async def rotate_token(
    database: Database,
    token_id: str,
    overlap: int,
    who: journal.Who = journal.COMMAND_LINE,
    proof: Work[None] | None = None,
) -> str:
    """Give a token another secret, which is returned; the earlier one is good for `overlap` days. Raises NotFound.

    The token stays the same row: its program keeps its own reports, its name and its right to speak for the agency.
    """
    token = TOKEN_PREFIX + secrets.token_urlsafe(24)

    async def work(tx: Transaction) -> None:
        if proof is not None:
            await proof(tx)
        row = await tx.row("SELECT site_id FROM tokens WHERE id = :id AND revoked_at IS NULL", id=token_id)
        if row is None:
            raise NotFound("token_not_found")
        await tx.run(
            "UPDATE tokens SET earlier_hash = token_hash, earlier_expires_at = :until, token_hash = :new, hint = :hint"
            " WHERE id = :id",
            id=token_id,
            new=hash_token(token),
            hint=token[: len(TOKEN_PREFIX) + 4],
            until=clock.now() + overlap * clock.DAY,
        )
        site_id, details = row["site_id"], {"overlap_days": overlap}
        await journal.record(tx, "token_rotated", who, subject=token_id, site_id=site_id, details=details)

    await database.write(work)
    return token


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def list_tokens(database: Database, site_id: str | None = None) -> list[dict[str, Any]]:
    """Tokens with their first characters as a hint; the tokens themselves are not stored."""
    rows: Sequence[Row] = await database.rows(
        """
        SELECT t.id, t.site_id, s.name AS site, t.scope, t.name, t.hint, t.created_at, t.expires_at, t.revoked_at,
               t.last_used_on, t.earlier_expires_at
        FROM tokens t JOIN sites s ON s.id = t.site_id ORDER BY t.created_at, t.id
        """
    )
    return [store.row_to_dict(row) for row in rows if site_id in (None, row["site_id"])]


async def revoke_token(database: Database, text: str, who: journal.Who = journal.COMMAND_LINE) -> None:
    """Revoke a token, given by its id or by itself. Raises NotFound."""

    async def work(tx: Transaction) -> bool:
        row = await tx.row(
            "SELECT id, site_id FROM tokens WHERE (id = :text OR token_hash = :hash OR earlier_hash = :hash)"
            " AND revoked_at IS NULL",
            text=text,
            hash=hash_token(text),
        )
        if row is None:
            return False
        await tx.run("UPDATE tokens SET revoked_at = :now WHERE id = :id", now=clock.now(), id=row["id"])
        await journal.record(tx, "token_revoked", who, subject=row["id"], site_id=row["site_id"])
        return True

    if not await database.write(work):
        raise NotFound("token_not_found")

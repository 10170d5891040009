"""SQL of agencies and sites: read a complete site, and insert one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import orjson

from widget_api.database import Database, Row, Transaction
from widget_api.geo import geojson
from widget_api.sites.deadlines import Calendar
from widget_api.sites.model import Agency, Category, District, Question, Site

_SITE = """
SELECT s.*, a.name AS agency_name, a.email AS agency_email, a.mode AS agency_mode, a.parent_id AS agency_parent,
       a.inn AS agency_inn, a.postal_address AS agency_address, a.registry_number AS agency_registry_number,
       a.senders AS agency_senders, a.digest AS agency_digest
FROM sites s JOIN agencies a ON a.id = s.agency_id
WHERE s.id = :site_id
"""


async def find_key(database: Database, key: str) -> Row | None:
    """The site of a key, with the counters that decide whether a cached copy is current."""
    return await database.row_at_once(
        """
        SELECT c.site_id, c.settings, c.version, k.expires_at, s.disabled_at
        FROM site_keys k JOIN sites s ON s.id = k.site_id JOIN site_counters c ON c.site_id = k.site_id
        WHERE k.key = :key
        """,
        key=key,
    )


async def find_counters(database: Database, site_id: str) -> Row | None:
    return await database.row_at_once(
        "SELECT settings, version FROM site_counters WHERE site_id = :site_id", site_id=site_id
    )


async def find_jurisdiction(database: Database, jurisdiction: str) -> Row | None:
    return await database.row(
        "SELECT id FROM sites WHERE jurisdiction = :jurisdiction AND disabled_at IS NULL", jurisdiction=jurisdiction
    )


async def list_sites(database: Database) -> Sequence[Row]:
    """Identifier, settings counter and disabled_at of each site, oldest first."""
    return await database.rows(
        """
        SELECT s.id, s.disabled_at, c.settings FROM sites s JOIN site_counters c ON c.site_id = s.id
        ORDER BY s.created_at, s.id
        """
    )


async def count_sites(database: Database) -> Row:
    """The enabled sites, the topmost agencies they belong to, their confirmed authors, and a sum that changes with
    everything public."""
    row = await database.row(
        """
        WITH RECURSIVE below(id, topmost) AS (
            SELECT id, id FROM agencies WHERE parent_id IS NULL OR parent_id = id
            UNION ALL
            SELECT a.id, b.topmost FROM agencies a JOIN below b ON a.parent_id = b.id AND a.id <> b.id
        )
        SELECT COUNT(*) AS sites, COUNT(DISTINCT b.topmost) AS settlements, COALESCE(SUM(c.authors), 0) AS authors,
               COALESCE(SUM(c.version), 0) AS version
        FROM sites s JOIN site_counters c ON c.site_id = s.id JOIN below b ON b.id = s.agency_id
        WHERE s.disabled_at IS NULL
        """
    )
    assert row is not None
    return row


async def load_site(database: Database, site_id: str) -> Site | None:
    """A site with its agency, newest valid key, origins and enabled categories."""
    row = await database.row(_SITE, site_id=site_id)
    if row is None:
        return None
    keys = await database.rows(
        """
        SELECT key FROM site_keys WHERE site_id = :site_id
        ORDER BY CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END, created_at DESC, key LIMIT 1
        """,
        site_id=site_id,
    )
    origins = await database.rows("SELECT origin FROM site_origins WHERE site_id = :site_id", site_id=site_id)
    categories = await database.rows(
        "SELECT * FROM site_categories WHERE site_id = :site_id AND enabled ORDER BY place, code", site_id=site_id
    )
    districts = await database.rows(
        "SELECT id, name, area FROM districts WHERE site_id = :site_id ORDER BY name, id", site_id=site_id
    )
    agency = Agency(
        id=row["agency_id"],
        name=row["agency_name"],
        email=row["agency_email"],
        mode=row["agency_mode"],
        parent_id=row["agency_parent"],
        inn=row["agency_inn"],
        postal_address=row["agency_address"],
        registry_number=row["agency_registry_number"],
        senders=tuple(orjson.loads(row["agency_senders"])),
        digest=bool(row["agency_digest"]),
    )
    area = geojson.parse_area(row["area"]) if row["area"] else None
    return Site(
        id=row["id"],
        ordinal=row["ordinal"],
        key=keys[0][0] if keys else "",
        name=row["name"],
        agency=agency,
        type=row["type"],
        moderation=row["moderation"],
        moderator=row["moderator"],
        jurisdiction=row["jurisdiction"],
        time_zone=row["time_zone"],
        calendar=Calendar.load(row["time_zone"], row["calendar"]),
        language=row["language"],
        contact=row["contact"],
        appeals=row["appeals"],
        appeals_url=row["appeals_url"],
        bbox=parse_box(row["bbox"]) or (area.box if area else None),
        area=area,
        accent=row["accent"],
        photos=row["photos"],
        license=row["license"],
        discussion=row["discussion"],
        mail_answers=row["mail_answers"],
        retention_days=row["retention_days"],
        origins=frozenset(origin[0] for origin in origins),
        categories=tuple(make_category(found) for found in categories),
        districts=tuple(
            District(id=found["id"], name=found["name"], area=geojson.parse_area(found["area"])) for found in districts
        ),
    )


async def has_category(reader: Database | Transaction, site_id: str, code: str) -> bool:
    """Whether a site has a category, disabled or not."""
    sql = "SELECT 1 FROM site_categories WHERE site_id = :site_id AND code = :code"
    return await reader.row(sql, site_id=site_id, code=code) is not None


def make_category(row: Row) -> Category:
    return Category(
        code=row["code"],
        name=row["name"],
        deadline_days=row["deadline_days"],
        responsible=row["responsible"],
        notice=row["notice"],
        photo_required=bool(row["photo_required"]),
        photo_after=bool(row["photo_after"]),
        questions=tuple(make_question(found) for found in orjson.loads(row["questions"])),
    )


def make_question(found: dict[str, Any]) -> Question:
    """A question from the JSON in site_categories.questions; values are [key, name] pairs."""
    return Question(
        code=found["code"],
        datatype=found["datatype"],
        required=bool(found.get("required", False)),
        description=found["description"],
        hint=found.get("hint", ""),
        order=found.get("order", 0),
        values=tuple((str(key), str(name)) for key, name in found.get("values", ())),
    )


def question_to_json(one: Question) -> dict[str, Any]:
    """The reverse of `make_question`."""
    return {
        "code": one.code,
        "datatype": one.datatype,
        "required": one.required,
        "description": one.description,
        "hint": one.hint,
        "order": one.order,
        "values": [list(pair) for pair in one.values],
    }


def parse_box(text: str | None) -> tuple[float, float, float, float] | None:
    """«west,south,east,north» as four numbers."""
    if not text:
        return None
    return cast(tuple[float, float, float, float], tuple(float(number) for number in text.split(",")))


async def insert_site(
    tx: Transaction, site_id: str, columns: dict[str, Any], key: str, origins: Iterable[str], codes: Iterable[str]
) -> None:
    """Insert a site with its counters, key, origins and categories (`codes`, in order)."""
    last = await tx.row("SELECT COALESCE(MAX(ordinal), 0) AS ordinal FROM sites")
    await tx.insert("sites", id=site_id, ordinal=last["ordinal"] + 1 if last else 1, **columns)
    await tx.insert("site_counters", site_id=site_id, number=0, position=0, version=1, settings=1)
    await tx.insert("site_keys", key=key, site_id=site_id, created_at=columns["created_at"], expires_at=None)
    for origin in sorted(origins):
        await tx.insert("site_origins", site_id=site_id, origin=origin)
    for place, code in enumerate(codes):
        await tx.insert("site_categories", site_id=site_id, code=code, enabled=True, place=place)


async def bump_version(tx: Transaction, site_id: str) -> None:
    """Invalidate all cached copies of the site and of its contents with this commit."""
    await tx.run(
        "UPDATE site_counters SET settings = settings + 1, version = version + 1 WHERE site_id = :site_id",
        site_id=site_id,
    )


def row_to_dict(row: Row, flags: Sequence[str] = ()) -> dict[str, Any]:
    """A row as a dictionary. `flags` are converted to bool, which SQLite stores as 0 and 1."""
    values: dict[str, Any] = {name: row[name] for name in row.keys()}  # noqa: SIM118 - rows iterate over their values
    return values | {name: bool(values[name]) for name in flags}


async def list_sites_of(database: Database, agency_id: str) -> Sequence[Row]:
    """An agency's sites by name: id, name, moderator, disabled_at."""
    return await database.rows(
        "SELECT id, name, moderator, disabled_at FROM sites WHERE agency_id = :agency_id ORDER BY name, id",
        agency_id=agency_id,
    )

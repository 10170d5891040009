"""SQL of agencies and sites: read a complete site, and insert one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

from widget_api.database import Database, Row, Transaction
from widget_api.geo import geojson
from widget_api.sites import presets
from widget_api.sites.deadlines import Calendar
from widget_api.sites.kinds import IS_COLLECTION, IS_NO_TEST, IS_SITE, kind_of
from widget_api.sites.model import Agency, Category, Collection, District, Question, Site, Voting, collection_key
from widget_api.sites.origins import host_of, is_local
from widget_api.sites.settings import list_names

# What each child site has of its site, and what its test mode has besides.
SHARED = ", ".join(("agency_id", "calendar", "bbox", "area", *list_names(scope="children")))
COPIED = ", ".join(("consent_text", "disabled_at", *list_names(scope="test")))
CATEGORY_COLUMNS = (
    "code, name, enabled, place, deadline_days, responsible, notice, photo_required, photo_after, questions"
)
_SITE = """
SELECT s.*, a.name AS agency_name, a.email AS agency_email, a.mode AS agency_mode, a.parent_id AS agency_parent,
       a.inn AS agency_inn, a.postal_address AS agency_address, a.registry_number AS agency_registry_number,
       a.senders AS agency_senders, a.digest AS agency_digest, a.digest_hour, p.jurisdiction AS parent_jurisdiction
FROM sites s JOIN agencies a ON a.id = s.agency_id LEFT JOIN sites p ON p.id = s.parent_id
WHERE s.id = :site_id
"""


async def find_key(database: Database, key: str, slug: str = "") -> Row | None:
    """The site of a key, or its collection, with the counters that decide whether a cached copy is current."""
    if slug:
        return await database.row_at_once(
            """
            SELECT c.site_id, c.settings, c.version, k.expires_at, COALESCE(p.disabled_at, s.disabled_at) AS disabled_at
            FROM site_keys k JOIN sites p ON p.id = k.site_id JOIN sites s ON s.parent_id = p.id
            JOIN site_counters c ON c.site_id = s.id
            WHERE k.key = :key AND s.slug = :slug
            """,
            key=key,
            slug=slug,
        )
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
        f"SELECT s.id FROM sites s WHERE s.jurisdiction = :jurisdiction AND s.disabled_at IS NULL AND {IS_SITE}",
        jurisdiction=jurisdiction,
    )


async def is_agency_disabled(reader: Database | Transaction, agency_id: str) -> bool:
    sql = "SELECT 1 FROM agencies WHERE id = :agency_id AND disabled_at IS NOT NULL"
    return await reader.row(sql, agency_id=agency_id) is not None


async def list_sites(database: Database, *, collections: bool = False) -> Sequence[Row]:
    """Identifier, settings counter and disabled_at of each site, oldest first; with `collections` theirs too."""
    listed = IS_NO_TEST if collections else IS_SITE
    return await database.rows(
        "SELECT s.id, s.disabled_at, c.settings FROM sites s JOIN site_counters c ON c.site_id = s.id"
        f" WHERE {listed} ORDER BY s.created_at, s.id"
    )


async def list_sites_without_reports(database: Database, agency_id: str) -> list[str]:
    """The enabled sites of an agency, oldest first. None where one of them has had a report, a test aside."""
    rows = await database.rows(
        f"""
        SELECT s.id, s.slug, c.number FROM sites s JOIN site_counters c ON c.site_id = s.id
        WHERE s.agency_id = :agency_id AND s.disabled_at IS NULL AND {IS_NO_TEST}
        ORDER BY s.created_at, s.id
        """,
        agency_id=agency_id,
    )
    return [] if any(row["number"] for row in rows) else [row["id"] for row in rows if kind_of(row["slug"]) == "site"]


async def has_participants(tx: Transaction, site_id: str) -> bool:
    """Whether anybody voted for an entry of a collection, or joined one."""
    row = await tx.row(
        "SELECT 1 FROM problems WHERE site_id = :id AND participants > 0 AND erased_at IS NULL LIMIT 1", id=site_id
    )
    return row is not None


async def has_erased_voices(tx: Transaction, site_id: str, closed_at: int | None) -> bool:
    """Whether people were erased after a vote, alone or with their entries, so that nobody knows who voted."""
    row = await tx.row(
        "SELECT 1 FROM participants WHERE site_id = :id AND action = 'vote' AND person IS NULL"
        " AND confirmed_at IS NOT NULL AND stopped_at IS NULL"
        " UNION ALL SELECT 1 FROM problems WHERE site_id = :id AND participants > 0"
        " AND erased_at >= CAST(:closed_at AS BIGINT) LIMIT 1",
        id=site_id,
        closed_at=closed_at,
    )
    return row is not None


async def list_collections(reader: Database | Transaction, site_id: str) -> Sequence[Row]:
    """A site's collections, oldest first, with the number of their published entries."""
    return await reader.rows(
        f"""
        SELECT s.id, s.slug, s.name, s.disabled_at, c.settings, c.version,
               (SELECT COUNT(*) FROM problems p WHERE p.site_id = s.id AND p.published) AS count
        FROM sites s JOIN site_counters c ON c.site_id = s.id
        WHERE s.parent_id = :site_id AND {IS_COLLECTION} ORDER BY s.created_at, s.id
        """,
        site_id=site_id,
    )


async def count_sites(database: Database) -> Row:
    """The enabled sites, the topmost agencies they belong to, their confirmed authors, and a sum that changes with
    everything public."""
    row = await database.row(
        f"""
        WITH RECURSIVE below(id, topmost) AS (
            SELECT id, id FROM agencies WHERE parent_id IS NULL OR parent_id = id
            UNION ALL
            SELECT a.id, b.topmost FROM agencies a JOIN below b ON a.parent_id = b.id AND a.id <> b.id
        )
        SELECT COUNT(*) AS sites, COUNT(DISTINCT b.topmost) AS settlements, COALESCE(SUM(c.authors), 0) AS authors,
               COALESCE(SUM(c.version), 0) AS version
        FROM sites s JOIN site_counters c ON c.site_id = s.id JOIN below b ON b.id = s.agency_id
        WHERE s.disabled_at IS NULL AND {IS_SITE}
        """
    )
    assert row is not None
    return row


async def load_site(database: Database, site_id: str) -> Site | None:
    """A site with its agency, newest valid key, origins, categories and districts; a collection has its site's."""
    row = await database.row(_SITE, site_id=site_id)
    if row is None:
        return None
    keys = await database.rows(
        """
        SELECT key FROM site_keys WHERE site_id = :site_id
        ORDER BY CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END, created_at DESC, key LIMIT 1
        """,
        site_id=row["parent_id"] if row["slug"] else site_id,
    )
    origins = await database.rows(
        """
        SELECT o.origin, p.claimed_at FROM site_origins o
        LEFT JOIN site_origins p ON p.site_id = :parent_id AND p.origin = o.origin WHERE o.site_id = :site_id
        """,
        site_id=site_id,
        parent_id=row["parent_id"] or site_id,
    )
    categories = await database.rows(
        "SELECT * FROM site_categories WHERE site_id = :site_id ORDER BY place, code", site_id=site_id
    )
    districts = await database.rows(
        "SELECT id, name, area FROM districts WHERE site_id = :site_id ORDER BY name, id",
        site_id=row["parent_id"] if row["slug"] else site_id,
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
        digest_hour=row["digest_hour"],
    )
    area = geojson.parse_area(row["area"]) if row["area"] else None
    key = keys[0][0] if keys else ""
    collection = make_collection(row) if row["slug"] else None
    return Site(
        **{name: row[name] for name in ("id", "ordinal", "parent_id", *list_names())},
        key=collection_key(key, collection.slug) if collection else key,
        agency=agency,
        jurisdiction=row["parent_jurisdiction"] if collection else row["jurisdiction"],
        calendar=Calendar.load(row["time_zone"], row["calendar"]),
        bbox=parse_box(row["bbox"]) or (area.box if area else None),
        area=area,
        collection=collection,
        consent_text=row["consent_text"] or "",
        origins=frozenset(found["origin"] for found in origins),
        claimed_origins=frozenset(found["origin"] for found in origins if found["claimed_at"] is not None),
        categories=tuple(make_category(found) for found in categories if found["enabled"]),
        former_categories=tuple(make_category(found) for found in categories if not found["enabled"]),
        districts=tuple(
            District(id=found["id"], name=found["name"], area=geojson.parse_area(found["area"])) for found in districts
        ),
    )


async def has_category(reader: Database | Transaction, site_id: str, code: str) -> bool:
    """Whether a site has a category, disabled or not."""
    sql = "SELECT 1 FROM site_categories WHERE site_id = :site_id AND code = :code"
    return await reader.row(sql, site_id=site_id, code=code) is not None


async def is_collection(database: Database, site_id: str) -> bool:
    """Whether there is a collection with this id."""
    return await database.row(f"SELECT 1 FROM sites s WHERE s.id = :id AND {IS_COLLECTION}", id=site_id) is not None


async def is_unpublished_collection(database: Database, site_id: str) -> bool:
    """Whether this is a collection that is a draft, or hidden."""
    sql = f"SELECT 1 FROM sites s WHERE s.id = :id AND {IS_COLLECTION} AND s.disabled_at IS NOT NULL"
    return await database.row(sql, id=site_id) is not None


async def read_collection(tx: Transaction, site_id: str) -> Collection | None:
    """What a collection has beside a site, as it is under its lock; None of a site."""
    row = await tx.row(f"SELECT * FROM sites s WHERE s.id = :id AND {IS_COLLECTION}", id=site_id)
    return None if row is None else make_collection(row)


def make_collection(row: Row) -> Collection:
    preset = presets.find(row["preset"])
    return Collection(
        slug=row["slug"],
        preset=row["preset"],
        summary=row["summary"],
        principles=row["principles"] or "",
        action=row["action"],
        who=row["who"],
        opens_at=row["opens_at"],
        closes_at=row["closes_at"],
        voting=Voting(
            opens_at=row["votes_open_at"],
            closes_at=row["votes_close_at"],
            per_person=row["votes_per_person"],
            min_age=row["min_age"],
            threshold=row["votes_needed"],
        ),
        icon=preset.icon,
        entry=preset.entry,
        add=preset.add,
        visits=preset.visits,
        is_answered=preset.is_answered,
        is_due=preset.answer_days is not None,
    )


def make_category(row: Row) -> Category:
    questions, removed = parse_questions(row["questions"])
    return Category(
        code=row["code"],
        name=row["name"],
        deadline_days=row["deadline_days"],
        responsible=row["responsible"],
        notice=row["notice"],
        photo_required=bool(row["photo_required"]),
        photo_after=bool(row["photo_after"]),
        questions=questions,
        removed_questions=removed,
    )


def parse_questions(stored: str) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """The questions in site_categories.questions: those that are asked, and removed ones that may have answers."""
    found = orjson.loads(stored)
    asked, removed = ([one for one in found if bool(one.get("removed")) is gone] for gone in (False, True))
    return tuple(make_question(one) for one in asked), tuple(make_question(one) for one in removed)


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
    """Insert a site with its counters, key (none of a collection), origins and categories (`codes`, in order)."""
    last = await tx.row("SELECT COALESCE(MAX(ordinal), 0) AS ordinal FROM sites")
    await tx.insert("sites", id=site_id, ordinal=last["ordinal"] + 1 if last else 1, **columns)
    await tx.insert("site_counters", site_id=site_id, number=0, position=0, version=1, settings=1)
    if key:
        await tx.insert("site_keys", key=key, site_id=site_id, created_at=columns["created_at"], expires_at=None)
    for origin in sorted(origins):
        await tx.insert("site_origins", site_id=site_id, origin=origin)
    for place, code in enumerate(codes):
        await tx.insert("site_categories", site_id=site_id, code=code, enabled=True, place=place)


async def bump_version(tx: Transaction, site_id: str) -> None:
    """Invalidate all cached copies of the site and of its contents with this commit, and those of its child sites."""
    await tx.run(
        "UPDATE site_counters SET settings = settings + 1, version = version + 1 WHERE site_id = :site_id",
        site_id=site_id,
    )
    for child in await tx.rows("SELECT id, slug FROM sites WHERE parent_id = :site_id ORDER BY id", site_id=site_id):
        await copy_to_child(tx, site_id, child["id"], child["slug"])


async def copy_to_child(tx: Transaction, site_id: str, child_id: str, slug: str) -> None:
    """Give a child site the settings and origins of its site as they are now; a test mode also its categories."""
    columns = SHARED if slug else f"{SHARED}, {COPIED}"
    await tx.run(
        f"UPDATE sites SET ({columns}) = (SELECT {columns} FROM sites WHERE id = :site_id) WHERE id = :child_id",
        site_id=site_id,
        child_id=child_id,
    )
    for table, names in (("site_origins", "origin"), *([] if slug else [("site_categories", CATEGORY_COLUMNS)])):
        await tx.run(f"DELETE FROM {table} WHERE site_id = :child_id", child_id=child_id)
        await tx.run(
            f"INSERT INTO {table} (site_id, {names})"
            f" SELECT CAST(:child_id AS TEXT), {names} FROM {table} WHERE site_id = :site_id",
            site_id=site_id,
            child_id=child_id,
        )
    await tx.run(
        "UPDATE site_counters SET settings = settings + 1, version = version + 1 WHERE site_id = :child_id",
        child_id=child_id,
    )


def row_to_dict(row: Row, flags: Sequence[str] = ()) -> dict[str, Any]:
    """A row as a dictionary. `flags` are converted to bool, which SQLite stores as 0 and 1."""
    values: dict[str, Any] = {name: row[name] for name in row.keys()}  # noqa: SIM118 - rows iterate over their values
    return values | {name: bool(values[name]) for name in flags}


HOLDERS_LOCK = "registration"  # held while it is decided who holds a host (schedule.exclusive)


async def list_holders(reader: Database | Transaction, wanted: str) -> list[Row]:
    """The sites with an origin on the host of the wanted origin: site_id, origin, claimed_at, site, agency_id, agency.

    Disabled ones too. On one's own machine, where demonstrations run, each port is a site of its own.
    """
    host = host_of(wanted)
    rows = await reader.rows(
        "SELECT o.site_id, o.origin, o.claimed_at, s.name AS site, s.agency_id, a.name AS agency FROM site_origins o"
        " JOIN sites s ON s.id = o.site_id JOIN agencies a ON a.id = s.agency_id"
        f" WHERE o.origin LIKE :pattern AND {IS_SITE} ORDER BY o.site_id, o.origin",
        pattern=f"%{host}%",
    )
    return [row for row in rows if host_of(row["origin"]) == host and (row["origin"] == wanted or not is_local(wanted))]


async def list_platform_names(database: Database, site_id: str) -> list[str]:
    """The names of the platforms that get the site's reports."""
    rows = await database.rows(
        "SELECT p.name, p.url FROM platforms p LEFT JOIN platform_sites o ON o.platform_id = p.id"
        " AND o.site_id = :site_id WHERE p.disabled_at IS NULL"
        " AND COALESCE(o.serves, p.site_id IS NULL OR p.site_id = :site_id) ORDER BY p.created_at, p.id",
        site_id=site_id,
    )
    return [row["name"] or urlsplit(row["url"]).hostname or row["url"] for row in rows]


async def list_sites_of(database: Database, agency_id: str) -> Sequence[Row]:
    """An agency's sites by name: id, name, moderator, disabled_at."""
    return await database.rows(
        f"SELECT s.id, s.name, s.moderator, s.disabled_at FROM sites s WHERE s.agency_id = :agency_id AND {IS_SITE}"
        " ORDER BY s.name, s.id",
        agency_id=agency_id,
    )

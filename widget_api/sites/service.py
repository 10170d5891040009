"""Find a site by key, id or jurisdiction without reading it anew each time; set up agencies and sites."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import orjson

from widget_api import clock, journal
from widget_api.database import Database, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, NotFound
from widget_api.geo import geojson
from widget_api.geo.model import Box, boxes_overlap
from widget_api.i18n import DEFAULT_LANGUAGE, LANGUAGES
from widget_api.sites import origins, store
from widget_api.sites.model import (
    DEFAULT_CATEGORIES,
    LICENSE,
    MOST_PHOTOS,
    PHOTOS,
    Contact,
    Discussion,
    MailAnswers,
    Site,
)

KEY_PREFIX = "wk_"
_KEY = re.compile(r"wk_[A-Za-z0-9_-]{1,61}")
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_JURISDICTION = re.compile(r"[\w.:\[\]-]{1,255}")
_SPDX = re.compile(r"[A-Za-z0-9.+-]{2,64}")
_REGISTRY_NUMBER = re.compile(r"\d{2}-[\d-]{6,12}")  # 77-22-123456; older ones are shorter
_EMAIL = re.compile(r"[^@\s\0<>,;\"]+@[^@\s\0<>,;\"]+")

# Sites in memory with the settings counter they were read at; a process seldom has more than one Database.
_known: WeakKeyDictionary[Database, dict[str, tuple[int, Site]]] = WeakKeyDictionary()


async def by_key(database: Database, key: str) -> Site:
    """The enabled site of a valid key. A rotated-out key is good until its overlap ends. Raises NotFound."""
    return (await current(database, key))[0]


async def current(database: Database, key: str) -> tuple[Site, int]:
    """by_key with the version of everything a reader of the site can see: the heart of an ETag."""
    if not _KEY.fullmatch(key):
        raise NotFound("site_not_found")
    found = await store.find_key(database, key)
    if found is None or found["disabled_at"] is not None:
        raise NotFound("site_not_found")
    if found["expires_at"] is not None and found["expires_at"] <= clock.now():
        raise NotFound("site_not_found")
    return await _remembered(database, found["site_id"], found["settings"]), found["version"]


async def lapsed(database: Database, key: str) -> Site | None:
    """The enabled site of a key that was good once: pages still hold it, and their webmaster should know."""
    found = await store.find_key(database, key) if _KEY.fullmatch(key) else None
    if found is None or found["disabled_at"] is not None or found["expires_at"] is None:
        return None
    return await _remembered(database, found["site_id"], found["settings"])


async def by_id(database: Database, site_id: str) -> Site:
    """The site, disabled or not: what came in through it must still be worked on. Raises NotFound."""
    counters = await store.find_counters(database, site_id)
    if counters is None:
        raise NotFound("site_not_found")
    return await _remembered(database, site_id, counters["settings"])


async def by_jurisdiction(database: Database, name: str) -> Site | None:
    """The enabled site whose GeoReport jurisdiction_id this is."""
    row = await store.find_jurisdiction(database, name)
    return None if row is None else await by_id(database, row["id"])


async def all_sites(database: Database, *, disabled: bool = False) -> list[Site]:
    """Every enabled site, oldest first; with `disabled` the others too."""
    rows = [row for row in await store.every_site(database) if disabled or row["disabled_at"] is None]
    return [await _remembered(database, row["id"], row["settings"]) for row in rows]


async def _remembered(database: Database, site_id: str, settings: int) -> Site:
    known = _known.setdefault(database, {})
    held = known.get(site_id)
    if held is not None and held[0] == settings:
        return held[1]
    # A change between the counter's reading and this one leaves a newer site under an older number: read again later.
    site = await store.load(database, site_id)
    if site is None:
        raise NotFound("site_not_found")
    known[site_id] = (settings, site)
    return site


async def add_agency(
    database: Database,
    *,
    name: str,
    email: str,
    mode: Literal["cabinet", "email"] = "cabinet",
    parent_id: str | None = None,
    inn: str | None = None,
    postal_address: str | None = None,
    registry_number: str | None = None,
    senders: Sequence[str] = (),
    digest: bool | None = None,
) -> str:
    """Returns the new agency's identifier. `digest` None: where it works by e-mail, since it sees no list.

    Raises Invalid, NotFound (the parent).
    """
    columns = checked_agency(
        {
            "name": name,
            "email": email,
            "inn": inn,
            "postal_address": postal_address,
            "registry_number": registry_number,
            "senders": senders,
        }
    ) | {"mode": mode, "digest": mode == "email" if digest is None else digest}
    agency_id = clock.new_id()

    async def work(tx: Transaction) -> None:
        if parent_id is not None and await tx.row("SELECT id FROM agencies WHERE id = :id", id=parent_id) is None:
            raise NotFound("agency_not_found")
        await tx.insert(
            "agencies",
            id=agency_id,
            parent_id=parent_id,
            created_at=clock.now(),
            **columns,
        )
        await journal.record(tx, "agency_added", journal.COMMAND_LINE, subject=agency_id)

    await database.write(work)
    return agency_id


def checked_agency(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of an agency, ready for its row; those that are not given are not looked at. Raises Invalid."""
    inn, number, senders = columns.get("inn"), columns.get("registry_number"), columns.get("senders", ())
    _check(
        ("name", "required", bool(str(columns.get("name", "-")).strip())),
        ("email", "email", _EMAIL.fullmatch(columns.get("email", "a@b")) is not None),
        ("inn", "inn", inn is None or re.fullmatch(r"\d{10}|\d{12}", inn) is not None),
        ("registry_number", "registry_number", number is None or _REGISTRY_NUMBER.fullmatch(number) is not None),
        ("senders", "email", all(_EMAIL.fullmatch(one) or _EMAIL.fullmatch(f"a{one}") for one in senders)),
    )
    checked = dict(columns)
    if "name" in checked:
        checked["name"] = checked["name"].strip()
    if "senders" in checked:
        checked["senders"] = orjson.dumps(list(dict.fromkeys(one.strip().lower() for one in senders))).decode()
    return checked


async def add_site(
    database: Database,
    *,
    name: str,
    agency_id: str,
    allowed_origins: Sequence[str],
    type: Literal["basic", "extended"] = "extended",  # noqa: A002 - the domain's word
    moderation: Literal["before", "after"] | None = None,
    moderator: Literal["agent", "operator"] = "agent",
    jurisdiction: str | None = None,
    time_zone: str = "Europe/Moscow",
    language: str = DEFAULT_LANGUAGE,
    contact: Literal["optional", "required"] = "optional",
    appeals: Literal["off", "handoff"] = "off",
    appeals_url: str | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    area: str | bytes | None = None,
    accent: str | None = None,
    photos: int = PHOTOS,
    license: str = LICENSE,  # noqa: A002 - the column's name
    discussion: Literal["off", "moderated"] = "off",
    mail_answers: Literal["publish", "hold"] = "publish",
    retention_days: int = 1095,
) -> Site:
    """A new site with a key, the default categories and the jurisdiction of its first origin.

    `moderation` None: `after` where the agency works by e-mail, else `before`.
    Raises Invalid, NotFound (the agency), Conflict (the jurisdiction is another site's).
    """
    normalised = normalised_origins(allowed_origins)
    place = jurisdiction or origins.host_of(normalised[0])
    site_id, key = clock.new_id(), new_key()
    columns = checked_site(
        {
            "name": name,
            "type": type,
            "moderator": moderator,
            "jurisdiction": place,
            "time_zone": time_zone,
            "language": language,
            "contact": contact,
            "appeals": appeals,
            "appeals_url": appeals_url,
            "bbox": bbox,
            "area": area,
            "accent": accent,
            "photos": photos,
            "license": license,
            "discussion": discussion,
            "mail_answers": mail_answers,
            "retention_days": retention_days,
        }
    ) | {"agency_id": agency_id, "created_at": clock.now()}

    async def work(tx: Transaction) -> None:
        agency = await tx.row("SELECT mode FROM agencies WHERE id = :id", id=agency_id)
        if agency is None:
            raise NotFound("agency_not_found")
        if await tx.row("SELECT id FROM sites WHERE jurisdiction = :place", place=place) is not None:
            raise Conflict("jurisdiction_taken", jurisdiction=place)
        chosen = moderation or ("after" if agency["mode"] == "email" else "before")
        await store.insert_site(tx, site_id, columns | {"moderation": chosen}, key, normalised, DEFAULT_CATEGORIES)
        await journal.record(tx, "site_added", journal.COMMAND_LINE, subject=site_id, site_id=site_id)

    await database.write(work)
    return await by_id(database, site_id)


def new_key() -> str:
    """Public, yet not to be guessed: a key names a site and nothing more."""
    return KEY_PREFIX + secrets.token_urlsafe(18)


def normalised_origins(texts: Sequence[str]) -> list[str]:
    """In the given order, each once. Raises Invalid where one is not an origin or there is none."""
    try:
        found = list(dict.fromkeys(origins.normalise(text.strip()) for text in texts))
    except origins.NotAnOrigin as error:
        raise Invalid((FieldError("origin", "origin", (("value", str(error)),)),)) from None
    if not found:
        raise Invalid((FieldError("origin", "required"),))
    return found


def _check(*rules: tuple[str, str, bool]) -> None:
    """Raises Invalid with each field whose rule does not hold."""
    wrong = tuple(FieldError(field, code) for field, code, holds in rules if not holds)
    if wrong:
        raise Invalid(wrong)


def checked_site(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a site, ready for its row; those that are not given are not looked at. Raises Invalid."""
    bbox = columns.get("bbox")
    _check(
        ("name", "required", bool(str(columns.get("name", "-")).strip())),
        ("jurisdiction", "jurisdiction", _JURISDICTION.fullmatch(str(columns.get("jurisdiction", "-"))) is not None),
        ("time_zone", "time_zone", _is_time_zone(columns.get("time_zone", "UTC"))),
        ("language", "language", columns.get("language", DEFAULT_LANGUAGE) in LANGUAGES),
        ("contact", "unknown", columns.get("contact", "optional") in get_args(Contact)),
        ("discussion", "unknown", columns.get("discussion", "off") in get_args(Discussion)),
        ("mail_answers", "unknown", columns.get("mail_answers", "publish") in get_args(MailAnswers)),
        ("appeals_url", "required", columns.get("appeals") != "handoff" or bool(columns.get("appeals_url"))),
        ("appeals_url", "url", _is_url(columns.get("appeals_url"))),
        ("bbox", "bbox", bbox is None or _is_box(bbox)),
        ("accent", "colour", _COLOUR.fullmatch(columns.get("accent") or "#000000") is not None),
        ("photos", "photos", 0 <= columns.get("photos", PHOTOS) <= MOST_PHOTOS),
        ("license", "license", _is_license(columns.get("license", LICENSE))),
        ("retention_days", "positive", columns.get("retention_days", 1) > 0),
    )
    checked = dict(columns)
    if "area" in checked:
        checked["area"] = _area(checked["area"], bbox)
    if bbox is not None:
        checked["bbox"] = ",".join(f"{number:.10g}" for number in bbox)
    if "name" in checked:
        checked["name"] = checked["name"].strip()
    return checked


def _area(text: str | bytes | None, bbox: Box | None) -> str | None:
    """A territory as it is kept; an empty text takes it away. Raises Invalid."""
    if not text:
        return None
    try:
        area = geojson.parse_area(text)
    except geojson.InvalidArea as error:
        values = (("where", error.where), ("max", geojson.MAX_POINTS))
        raise Invalid((FieldError("area", error.code, values),)) from None
    if bbox and not boxes_overlap(bbox, area.box):  # most likely latitude stands first
        raise Invalid((FieldError("area", "area_elsewhere"),))
    return geojson.to_geometry(area)


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _is_box(bbox: tuple[float, float, float, float]) -> bool:
    west, south, east, north = bbox
    return -180 <= west < east <= 180 and -90 <= south < north <= 90


def _is_url(text: str | None) -> bool:
    return text is None or (text.startswith(("https://", "http://")) and text.isprintable() and " " not in text)


def _is_license(text: str) -> bool:
    """An SPDX name, or the address of a licence of one's own."""
    return _SPDX.fullmatch(text) is not None or (len(text) <= 500 and _is_url(text))

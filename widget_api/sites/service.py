"""Find sites by key, id, jurisdiction or territory, with a cache; add agencies and sites."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

import orjson

from widget_api import clock, journal
from widget_api.database import Database, Row, Transaction, Work
from widget_api.errors import Conflict, FieldError, Invalid, NotFound
from widget_api.geo import geojson
from widget_api.geo.model import Area, Box
from widget_api.permissions import AGENCY_ROLES
from widget_api.sites import origins, store
from widget_api.sites.borders import Place, find_place, parse_border
from widget_api.sites.deadlines import Calendar
from widget_api.sites.model import COLLECTION, DEFAULT_CATEGORIES, Site, is_slug
from widget_api.sites.questions import has_markup
from widget_api.sites.settings import MAX_NAME, clean_settings
from widget_api.validation import has_link, is_email

KEY_PREFIX = "wk_"
_KEY = re.compile(r"wk_[A-Za-z0-9_-]{1,61}")
_JURISDICTION = re.compile(r"[\w.:\[\]-]{1,255}")
_REGISTRY_NUMBER = re.compile(r"\d{2}-[\d-]{6,12}")  # 77-22-123456; older ones are shorter
DIGEST_HOURS = range(7, 13)  # at which an agency may get its morning letters

# Sites with the settings counter at which they were read. A process rarely has more than one Database.
_cache: WeakKeyDictionary[Database, dict[str, tuple[int, Site]]] = WeakKeyDictionary()


async def by_key(database: Database, key: str) -> Site:
    """The enabled site of a valid key. A rotated key is valid until its overlap ends. Raises NotFound."""
    return (await by_key_with_version(database, key))[0]


async def by_key_with_version(database: Database, key: str) -> tuple[Site, int]:
    """`by_key` with the version of everything that readers of the site see, for entity tags."""
    found = await _find_key(database, key)
    if found is None or found["disabled_at"] is not None:
        raise NotFound("site_not_found")
    if found["expires_at"] is not None and found["expires_at"] <= clock.now():
        raise NotFound("site_not_found")
    return await _load_cached(database, found["site_id"], found["settings"]), found["version"]


async def _find_key(database: Database, key: str) -> Row | None:
    own, _, slug = key.partition(COLLECTION)
    if not _KEY.fullmatch(own) or not (slug == "" or is_slug(slug)):
        return None
    return await store.find_key(database, own, slug)


async def find_expired(database: Database, key: str) -> Site | None:
    """The enabled site of an expired key, which host pages may still contain."""
    found = await _find_key(database, key)
    if found is None or found["disabled_at"] is not None or found["expires_at"] is None:
        return None
    return await _load_cached(database, found["site_id"], found["settings"])


async def by_id(database: Database, site_id: str) -> Site:
    """A site by its identifier, even if it is disabled. Raises NotFound."""
    counters = await store.find_counters(database, site_id)
    if counters is None:
        raise NotFound("site_not_found")
    return await _load_cached(database, site_id, counters["settings"])


async def by_jurisdiction(database: Database, name: str) -> Site | None:
    """The enabled site with this GeoReport jurisdiction_id."""
    row = await store.find_jurisdiction(database, name)
    return None if row is None else await by_id(database, row["id"])


async def list_sites(database: Database, *, disabled: bool = False, collections: bool = False) -> list[Site]:
    """Every enabled site, oldest first; with `disabled` the others too, with `collections` also theirs."""
    rows = [
        row
        for row in await store.list_sites(database, collections=collections)
        if disabled or row["disabled_at"] is None
    ]
    return [await _load_cached(database, row["id"], row["settings"]) for row in rows]


@dataclass(frozen=True)
class OtherSite:
    """Another site, to which a resident is directed."""

    name: str
    agency: str
    url: str


async def find_other_site(
    database: Database, site: Site, where: tuple[float, float] | None, public_url: str
) -> OtherSite | None:
    """The site to which a point outside of `site` belongs, as residents are told of it."""
    found = await find_covering_site(database, site, where)
    return OtherSite(found.name, found.agency.name, f"{public_url}/s/{found.key}") if found else None


async def find_covering_site(database: Database, site: Site, where: tuple[float, float] | None) -> Site | None:
    """The enabled site with the smallest territory around a point; None where the point lies in `site` itself."""
    if where is None or site.covers(*where):
        return None
    fitting = [
        one
        for one in await list_sites(database)
        if one.id != site.id and one.territory is not None and one.territory.covers(*where)
    ]
    return min(fitting, key=lambda one: one.territory.size if one.territory else 0, default=None)


@dataclass(frozen=True)
class Receiver:
    """Who gets a report of a place outside the site's territory: another site, or the platforms of this one."""

    site: Site  # where the report is stored
    name: str  # of the agency or the platforms, as the resident is told before sending


async def find_receiver(database: Database, site: Site, where: tuple[float, float] | None) -> Receiver | None:
    """The receiver of a report outside the territory; None inside it, and where the site refuses such reports.

    A test hands nothing on: the setting is not among those that are copied to it.
    """
    if site.outside == "refuse" or where is None or site.covers(*where):
        return None
    if other := await find_covering_site(database, site, where):
        return Receiver(other, other.agency.name)
    names = await store.list_platform_names(database, site.id)
    return Receiver(site, ", ".join(names)) if names else None


async def _load_cached(database: Database, site_id: str, settings: int) -> Site:
    known = _cache.setdefault(database, {})
    cached = known.get(site_id)
    if cached is not None and cached[0] == settings:
        return cached[1]
    # A change since the counter was read stores a newer site under an older number, which is read again later.
    site = await store.load_site(database, site_id)
    if site is None:
        raise NotFound("site_not_found")
    known[site_id] = (settings, site)
    return site


async def add_agency(database: Database, **options: Any) -> str:
    """Add an agency with the options of `plan_agency`. Returns its id. Raises Invalid, NotFound (the parent)."""
    agency_id, work = plan_agency(**options)
    await database.write(work)
    return agency_id


def plan_agency(
    *,
    name: str,
    email: str,
    mode: Literal["cabinet", "email"] = "cabinet",
    parent_id: str | None = None,
    digest: bool | None = None,
    who: journal.Who = journal.COMMAND_LINE,
    **more: Any,
) -> tuple[str, Work[None]]:
    """The identifier of a new agency, and the work that adds it, which raises NotFound without the parent.

    `digest` None: enabled if the agency works by e-mail. `more` are columns of `check_agency`. Raises Invalid.
    """
    columns = check_agency({"name": name, "email": email, **more})
    columns |= {"mode": mode, "digest": mode == "email" if digest is None else digest}
    agency_id = clock.new_id()

    async def work(tx: Transaction) -> None:
        if parent_id is not None and await tx.row("SELECT id FROM agencies WHERE id = :id", id=parent_id) is None:
            raise NotFound("agency_not_found")
        await tx.insert("agencies", id=agency_id, parent_id=parent_id, created_at=clock.now(), **columns)
        await journal.record(tx, "agency_added", who, subject=agency_id)

    return agency_id, work


def check_agency(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Validate columns of an agency. Returns their stored values. Missing ones are not checked. Raises Invalid."""
    inn, number, senders = columns.get("inn"), columns.get("registry_number"), columns.get("senders", ())
    factor_roles, hour = columns.get("factor_roles", ()), columns.get("digest_hour")
    wrong = _find_wrong(
        ("name", "required", bool(str(columns.get("name", "-")).strip())),
        ("name", "too_long", _fits(columns)),
        ("name", "links", not has_link(str(columns.get("name", "")))),
        ("email", "email", "email" not in columns or is_email(columns["email"])),
        ("inn", "inn", inn is None or re.fullmatch(r"\d{10}|\d{12}", inn) is not None),
        ("registry_number", "registry_number", number is None or _REGISTRY_NUMBER.fullmatch(number) is not None),
        ("factor_roles", "unknown", set(AGENCY_ROLES).issuperset(factor_roles)),
        ("digest_hour", "unknown", hour is None or hour in DIGEST_HOURS),
        ("senders", "email", all(is_email(one) or is_email(f"a{one}") for one in senders)),
    )
    _refuse(wrong)
    checked = dict(columns)
    if "name" in checked:
        checked["name"] = checked["name"].strip()
    if "factor_roles" in checked:
        checked["factor_roles"] = orjson.dumps(sorted(set(factor_roles))).decode()
    if "senders" in checked:
        checked["senders"] = orjson.dumps(list(dict.fromkeys(one.strip().lower() for one in senders))).decode()
    return checked


async def add_site(database: Database, *, agency_id: str, **options: Any) -> Site:
    """Add a site with the options of `plan_site`. Raises Invalid, NotFound (agency), Conflict (jurisdiction)."""
    agency = await database.row("SELECT inn FROM agencies WHERE id = :id", id=agency_id)
    inn = agency["inn"] if agency else None
    site_id, work = await asyncio.to_thread(plan_site, agency_id=agency_id, inn=inn, **options)
    await database.write(work)
    return await by_id(database, site_id)


def plan_site(
    *,
    name: str,
    agency_id: str,
    allowed_origins: Sequence[str],
    type: Literal["basic", "extended"] = "extended",  # noqa: A002 - the domain's word
    moderation: Literal["before", "after"] | None = None,
    jurisdiction: str | None = None,
    inn: str | None = None,
    who: journal.Who = journal.COMMAND_LINE,
    **settings: Any,
) -> tuple[str, Work[None]]:
    """The identifier of a new site, and the work that adds it with a key, the default categories and, by default, the
    jurisdiction of its first origin. The work raises NotFound (the agency), Conflict (the jurisdiction is another's).

    `moderation` None: `after` where the agency works by e-mail, else `before`. `inn`: the agency's, for its region.
    Other settings, as `check_site` takes them, have the defaults of their columns (database/schema/sites.py). Raises
    Invalid.
    """
    normalised = normalise_origins(allowed_origins)
    place = jurisdiction or origins.host_of(normalised[0])
    site_id, key = clock.new_id(), generate_key()
    columns = check_site({"name": name, "type": type, "jurisdiction": place, **settings}, find_place(None, inn))
    columns |= {"agency_id": agency_id, "created_at": clock.now()}

    async def work(tx: Transaction) -> None:
        agency = await tx.row("SELECT mode FROM agencies WHERE id = :id", id=agency_id)
        if agency is None:
            raise NotFound("agency_not_found")
        if await tx.row("SELECT id FROM sites WHERE jurisdiction = :place", place=place) is not None:
            raise Conflict("jurisdiction_taken", jurisdiction=place)
        chosen = moderation or ("after" if agency["mode"] == "email" else "before")
        await store.insert_site(tx, site_id, columns | {"moderation": chosen}, key, normalised, DEFAULT_CATEGORIES)
        await journal.record(tx, "site_added", who, subject=site_id, site_id=site_id)

    return site_id, work


def generate_key(prefix: str = KEY_PREFIX) -> str:
    """A random key. Keys are public, but cannot be guessed."""
    return prefix + secrets.token_urlsafe(18)


def normalise_origins(texts: Sequence[str]) -> list[str]:
    """Origins in normal form, in order, without duplicates. Raises Invalid where one is invalid or none is given."""
    try:
        found = list(dict.fromkeys(origins.normalise_origin(text.strip()) for text in texts))
    except origins.InvalidOrigin as error:
        raise Invalid((FieldError("origin", "origin", (("value", str(error)),)),)) from None
    if not found:
        raise Invalid((FieldError("origin", "required"),))
    return found


def _find_wrong(*rules: tuple[str, str, bool]) -> list[FieldError]:
    """The errors of rules, each (field, code, holds), that do not hold."""
    most = {"too_long": (("max", MAX_NAME),)}
    return [FieldError(field, code, most.get(code, ())) for field, code, holds in rules if not holds]


def _refuse(wrong: Sequence[FieldError]) -> None:
    """Raises Invalid with the errors, if there are any."""
    if wrong:
        raise Invalid(tuple(wrong))


def check_site(columns: Mapping[str, Any], place: Place | None = None) -> dict[str, Any]:
    """Validate settings of a site. Returns their stored values. Missing ones are not checked. Raises Invalid.

    A border is a text of GeoJSON, expected at `place` if no box is given, or an Area that is checked already. Takes
    seconds for the largest.
    """
    settings, wrong = clean_settings(columns)
    bbox = columns.get("bbox")
    wrong += _find_wrong(
        ("jurisdiction", "jurisdiction", _JURISDICTION.fullmatch(str(columns.get("jurisdiction", "-"))) is not None),
        ("bbox", "bbox", bbox is None or _is_box(bbox)),
        ("consent_text", "markup", not has_markup(columns.get("consent_text") or "")),
    )
    _refuse(wrong)
    checked = {**columns, **settings}
    if "area" in checked:
        place = find_place(bbox, None) or place
        area = checked["area"] or None
        if area and not isinstance(area, Area):
            area = parse_border(area, place)
        checked["area"] = area and geojson.to_geometry(area)
    if bbox is not None:
        checked["bbox"] = ",".join(f"{number:.10g}" for number in bbox)
    if "consent_text" in checked:  # sections of the document are separated by empty lines
        checked["consent_text"] = "\n".join(filter(None, map(str.strip, checked["consent_text"].split("\n")))) or None
    if "calendar" in checked:
        try:
            checked["calendar"] = Calendar.dump(checked["calendar"])
        except ValueError:
            raise Invalid((FieldError("calendar", "date"),)) from None
    return checked


def _fits(columns: Mapping[str, Any]) -> bool:
    return len(str(columns.get("name", "")).strip()) <= MAX_NAME


def parse_box(text: str | None) -> Box | None:
    """A box written as «west,south,east,north». Raises Invalid."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise Invalid((FieldError("bbox", "bbox"),)) from None
    return west, south, east, north


def _is_box(bbox: tuple[float, float, float, float]) -> bool:
    west, south, east, north = bbox
    return -180 <= west < east <= 180 and -90 <= south < north <= 90

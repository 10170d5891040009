"""Add, change and delete the districts of a site: named polygons by which reports are filtered and counted.

Every change lets `problems.districts` go through the reports of the site and the entries of its collections, from the
first one on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from widget_api import clock, journal, schedule
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.geo import geojson
from widget_api.geo.model import Area
from widget_api.sites import store
from widget_api.sites.borders import WrongBorder, load_document, parse_part
from widget_api.sites.model import Site
from widget_api.validation import clean

MAX_DISTRICTS = 100  # of a site
MAX_NAME = 100  # characters
MAX_POLYGONS = 500  # of a district
JOB = "districts"
SETTLING = 30  # seconds from a change to the job: requests that began with the districts before end meanwhile
_NAMES = ("name", "NAME", "title")  # properties that name a feature, the first one found

Borders = Mapping[str, Area]  # by name
_Work = Callable[[Transaction, Mapping[str, Row]], Awaitable[Mapping[str, int]]]


def job_of(site_id: str) -> str:
    """The name of a site's own job: one site holds up no other, however often its districts change."""
    return f"{JOB}:{site_id}"


async def count_reports(database: Database, site_id: str) -> dict[str, int]:
    """The number of reports in each district that has any, erased and unpublished ones too."""
    counts = Counter[str]()
    for seen in ("published", "NOT published AND mirror_of IS NULL"):  # an index each
        rows = await database.rows(
            "SELECT district, COUNT(*) AS count FROM problems"
            f" WHERE site_id = :site_id AND district IS NOT NULL AND {seen} GROUP BY district",
            site_id=site_id,
        )
        counts.update({row["district"]: row["count"] for row in rows})
    return counts


async def is_pending(database: Database, site_id: str) -> bool:
    """Whether reports wait for their district."""
    sql = "SELECT 1 FROM sites WHERE id = :site_id AND districts_from IS NOT NULL"
    return await database.row(sql, site_id=site_id) is not None


async def load_districts(
    database: Database,
    site: Site,
    text: str | bytes,
    who: journal.Who = journal.COMMAND_LINE,
    *,
    latitude_first: bool = False,
) -> tuple[int, int]:
    """Add the districts of a FeatureCollection; those whose name exists get the new border. Returns how many of each.

    Raises Invalid with everything that is wrong; then nothing is stored.
    """
    borders = await asyncio.to_thread(parse_collection, site, text, latitude_first=latitude_first)

    async def work(tx: Transaction, known: Mapping[str, Row]) -> Mapping[str, int]:
        added = [name for name in borders if name not in known]
        _check_room(known, added, borders)
        for name in added:
            await _insert(tx, site.id, name, borders[name])
        for name in borders.keys() & known.keys():
            await _update(tx, known[name]["id"], {"area": geojson.to_geometry(borders[name])})
        return {"added": len(added), "changed": len(borders) - len(added)}

    counts = await _change(database, site.id, work, who)
    return counts["added"], counts["changed"]


async def add_district(
    database: Database,
    site: Site,
    name: str,
    text: str | bytes,
    who: journal.Who = journal.COMMAND_LINE,
    *,
    latitude_first: bool = False,
) -> None:
    """Add a district, given by a polygon. Raises Invalid, also a WrongBorder."""
    name, area = await asyncio.to_thread(_check_one, site, name, text, latitude_first)

    async def work(tx: Transaction, known: Mapping[str, Row]) -> Mapping[str, int]:
        if name in known:
            raise Invalid((FieldError("name", "district_taken"),))
        _check_room(known, [name], {name: area})
        await _insert(tx, site.id, name, area)
        return {"added": 1}

    await _change(database, site.id, work, who)


async def change_district(
    database: Database,
    site: Site,
    district_id: str,
    name: str,
    text: str | bytes = "",
    who: journal.Who = journal.COMMAND_LINE,
    *,
    latitude_first: bool = False,
) -> None:
    """Rename a district, and replace its border unless `text` is empty.

    Raises Invalid, also a WrongBorder, and NotFound.
    """
    name, area = await asyncio.to_thread(_check_one, site, name, text or None, latitude_first)

    async def work(tx: Transaction, known: Mapping[str, Row]) -> Mapping[str, int]:
        before = _find(known, district_id)
        if name != before["name"] and name in known:
            raise Invalid((FieldError("name", "district_taken"),))
        columns: dict[str, Any] = {"name": name}
        if area is not None:
            _check_room({other: row for other, row in known.items() if other != before["name"]}, [], {name: area})
            columns["area"] = geojson.to_geometry(area)
        await _update(tx, district_id, columns)
        return {"changed": 1}

    await _change(database, site.id, work, who)


async def delete_district(
    database: Database, site_id: str, district_id: str, who: journal.Who = journal.COMMAND_LINE
) -> None:
    """Delete a district. Its reports get another one that covers them, or none. Raises NotFound."""

    async def work(tx: Transaction, known: Mapping[str, Row]) -> Mapping[str, int]:
        _find(known, district_id)
        await tx.run("DELETE FROM districts WHERE id = :id", id=district_id)
        return {"deleted": 1}

    await _change(database, site_id, work, who)


def parse_collection(site: Site, text: str | bytes, *, latitude_first: bool = False) -> Borders:
    """The districts of a GeoJSON FeatureCollection by name.

    Raises Invalid with everything that is wrong: a WrongBorder, of the first district that lies wrong, if one does.
    """
    found = load_document(text)
    features = found.get("features") if isinstance(found, dict) else None
    if not isinstance(features, list) or not features:
        raise Invalid((FieldError("area", "district_features"),))
    if len(features) > MAX_DISTRICTS:
        raise Invalid((FieldError("area", "district_many", (("max", MAX_DISTRICTS),)),))
    if sum(map(geojson.count_points, features)) > geojson.MAX_POINTS:  # before the borders are looked at
        raise Invalid((FieldError("area", "district_points", (("max", geojson.MAX_POINTS),)),))
    borders, wrong, misplaced = dict[str, Area](), list[FieldError](), list[WrongBorder]()
    for at, feature in enumerate(features, start=1):
        name, field = _name_feature(feature), f"area.{at}"
        values = (("name", name or str(at)),)
        if not name:
            wrong.append(FieldError(field, "district_unnamed", (("number", at),)))
        elif len(name) > MAX_NAME:
            wrong.append(FieldError(field, "district_long", (("name", name[:MAX_NAME]), ("max", MAX_NAME))))
        elif name in borders:
            wrong.append(FieldError(field, "district_twice", values))
        try:
            borders[name] = _parse_border(site, feature, latitude_first)
        except Invalid as error:
            wrong += [_name_error(one, field, name or str(at)) for one in error.fields]
            misplaced += [error] if isinstance(error, WrongBorder) else []
    _raise_wrong(wrong, misplaced)
    return borders


def is_collection(text: str | bytes, name: str = "") -> bool:
    """Whether a text has several features; or, if no name is given for a single one, a feature with a name."""
    try:
        found = geojson.load(text)
    except geojson.InvalidArea:
        return False
    features = found.get("features") if isinstance(found, dict) else None
    if not isinstance(features, list):
        return False
    return len(features) > 1 or (not name.strip() and any(map(_name_feature, features)))


def _name_feature(feature: Any) -> str:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    given = properties if isinstance(properties, dict) else {}
    found = (given.get(key) for key in _NAMES)
    names = (" ".join(clean(str(name)).split()) for name in found if isinstance(name, (str, int, float)))
    return next(filter(None, names), "")


def _check_one(site: Site, name: str, text: str | bytes | None, latitude_first: bool) -> tuple[str, Any]:
    """The name and the border of one district. Raises Invalid, also a WrongBorder."""
    name, wrong, misplaced, area = " ".join(clean(name).split()), list[FieldError](), list[WrongBorder](), None
    if not name:
        wrong.append(FieldError("name", "required"))
    elif len(name) > MAX_NAME:
        wrong.append(FieldError("name", "too_long", (("max", MAX_NAME),)))
    if text is not None:
        try:
            area = _parse_border(site, load_document(text), latitude_first) if text.strip() else None
            if area is None:
                wrong.append(FieldError("area", "district_required"))
        except Invalid as error:
            wrong += error.fields
            misplaced += [error] if isinstance(error, WrongBorder) else []
    _raise_wrong(wrong, misplaced)
    return name, area


def _parse_border(site: Site, found: Any, latitude_first: bool) -> Area:
    """Raises Invalid, also a WrongBorder."""
    area = parse_part(found, site, latitude_first=latitude_first)
    if len(area.polygons) > MAX_POLYGONS:
        raise Invalid((FieldError("area", "area_large", (("max", geojson.MAX_POINTS),)),))
    return area


def _raise_wrong(wrong: list[FieldError], misplaced: list[WrongBorder]) -> None:
    """Raise Invalid with everything that is wrong, as the first WrongBorder if there is one: it has the picture."""
    if misplaced:
        misplaced[0].fields = tuple(wrong)
        raise misplaced[0]
    if wrong:
        raise Invalid(tuple(wrong))


def _name_error(error: FieldError, field: str, name: str) -> FieldError:
    """The error of the border of one feature among several."""
    return FieldError(field, error.code.replace("area", "district", 1), (("name", name), *error.values))


def _check_room(known: Mapping[str, Row], added: list[str], borders: Borders) -> None:
    """Raises Invalid if there are too many districts, or if their borders have too many points: each request that
    finds changed settings reads them all."""
    if len(known) + len(added) > MAX_DISTRICTS:
        raise Invalid((FieldError("area", "district_many", (("max", MAX_DISTRICTS),)),))
    others = sum(geojson.count_points(geojson.load(row["area"])) for name, row in known.items() if name not in borders)
    if others + sum(area.points for area in borders.values()) > geojson.MAX_POINTS:
        raise Invalid((FieldError("area", "district_points", (("max", geojson.MAX_POINTS),)),))


def _find(known: Mapping[str, Row], district_id: str) -> Row:
    found = next((row for row in known.values() if row["id"] == district_id), None)
    if found is None:
        raise NotFound
    return found


async def _insert(tx: Transaction, site_id: str, name: str, area: Area) -> None:
    values = {"site_id": site_id, "name": name, "area": geojson.to_geometry(area)}
    await tx.insert("districts", id=clock.new_id(), created_at=clock.now(), **values)


async def _update(tx: Transaction, district_id: str, columns: Mapping[str, Any]) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    await tx.run(f"UPDATE districts SET {assignments} WHERE id = :id", id=district_id, **columns)


async def _change(database: Database, site_id: str, work: _Work, who: journal.Who) -> Mapping[str, int]:
    """Run a change of a site's districts, with everything that has to follow it."""

    async def change(tx: Transaction) -> Mapping[str, int]:
        await store.bump_version(tx, site_id)  # locks the site: a change at a time
        rows = await tx.rows("SELECT id, name, area FROM districts WHERE site_id = :site_id", site_id=site_id)
        counts = await work(tx, {row["name"]: row for row in rows})
        for one_id in (site_id, *(row["id"] for row in await store.list_collections(tx, site_id))):
            await tx.run("UPDATE sites SET districts_from = 0 WHERE id = :id", id=one_id)
            await schedule.postpone(tx, job_of(one_id), clock.now() + SETTLING)
        await journal.record(tx, "districts_changed", who, subject=site_id, site_id=site_id, details=counts)
        return counts

    return await database.write(change, site_id)

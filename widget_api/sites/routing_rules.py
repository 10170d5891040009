"""Rules that say which service gets a report when it is accepted.

Of the rules that match, one of the report's category precedes one of all categories, then one of an area precedes one
of the whole site, then the older rule.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from widget_api import clock, journal
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, NotFound
from widget_api.geo import geojson
from widget_api.geo.model import Area
from widget_api.permissions import sql_roles
from widget_api.sites import store
from widget_api.sites.borders import WrongBorder, load_document, parse_part

MAX_DAYS = 365
MAX_RULES = 200  # per site; each is tried when a report is accepted
MAX_POINTS = 5000  # of an area
MAX_AREA_LENGTH = 500_000  # characters of GeoJSON
MAX_NAME_LENGTH = 100
OWN_AREA = "area"  # in `where`: a border that is the rule's own
# The enabled agencies directly below the agency of a site, which it made itself; those further below answer to them.
_SERVICES = (
    "SELECT a.id, a.name, a.email, a.mode, a.delegated FROM agencies a JOIN sites s ON s.agency_id = a.parent_id"
    " WHERE s.id = :site_id AND a.id <> a.parent_id AND a.disabled_at IS NULL"
)
# A collection has the districts of its site.
_DISTRICT = (
    "SELECT 1 FROM districts d JOIN sites s ON s.id = d.site_id OR s.parent_id = d.site_id"
    " WHERE d.id = :id AND s.id = :site_id"
)


@lru_cache(maxsize=256)
def _parse_area(text: str) -> Area:
    return geojson.parse_area(text)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A subordinate agency to which reports can be assigned."""

    id: str
    name: str
    email: str
    mode: str  # cabinet | email
    delegated: bool  # it answers residents by itself


@dataclass(frozen=True, kw_only=True)
class Rule:
    id: str
    service: Service
    category: str | None
    area: str | None  # GeoJSON geometry, of a district its present border
    area_name: str | None
    lost: bool  # it is of a district that was deleted
    days: int | None
    user_id: str | None
    user_name: str | None
    below: bool  # the service is still below the site's agency; it may have been put elsewhere or disabled since

    def matches(self, category: str, point: tuple[float, float] | None) -> bool:
        """Whether a report of this category at this point (latitude, longitude) falls under the rule."""
        if not self.below or self.lost or self.category not in (None, category):
            return False
        return self.area is None or (point is not None and _parse_area(self.area).covers(*point))


async def list_services(reader: Database | Transaction, site_id: str) -> list[Service]:
    """The agencies below the one of a site, by name."""
    rows = await reader.rows(f"{_SERVICES} ORDER BY a.name, a.id", site_id=site_id)
    return [_service(row) for row in rows]


async def find_service(reader: Database | Transaction, site_id: str, agency_id: str) -> Service | None:
    row = await reader.row(f"{_SERVICES} AND a.id = :agency_id", site_id=site_id, agency_id=agency_id)
    return None if row is None else _service(row)


def _service(row: Row) -> Service:
    names = ("id", "name", "email", "mode")
    return Service(**{name: row[name] for name in names}, delegated=bool(row["delegated"]))


async def list_rules(reader: Database | Transaction, site_id: str) -> list[Rule]:
    """A site's rules in the order in which they are tried."""
    rows: Sequence[Row] = await reader.rows(
        "SELECT r.id AS rule_id, r.category, r.days, r.user_id,"
        " COALESCE(d.area, r.area) AS area, COALESCE(d.name, r.area_name) AS area_name,"
        " r.district_id IS NOT NULL AND d.id IS NULL AS lost,"
        " COALESCE(u.name, u.email) AS user_name,"
        " a.disabled_at IS NULL AND a.parent_id = (SELECT agency_id FROM sites WHERE id = :site_id) AS below,"
        " a.id, a.name, a.email, a.mode, a.delegated FROM routing_rules r JOIN agencies a ON a.id = r.agency_id"
        " LEFT JOIN users u ON u.id = r.user_id AND u.disabled_at IS NULL"
        " LEFT JOIN districts d ON d.id = r.district_id WHERE r.site_id = :site_id"
        " ORDER BY r.category IS NULL, COALESCE(r.area, r.district_id) IS NULL, r.created_at, r.id",
        site_id=site_id,
    )
    return [
        Rule(
            id=row["rule_id"],
            service=_service(row),
            category=row["category"],
            area=row["area"],
            area_name=row["area_name"],
            lost=bool(row["lost"]),
            days=row["days"],
            user_id=row["user_id"] if row["user_name"] else None,  # a disabled user looks after nothing
            user_name=row["user_name"],
            below=bool(row["below"]),
        )
        for row in rows
    ]


async def find_rule(
    reader: Database | Transaction, site_id: str, category: str, lat: float | None, lng: float | None
) -> Rule | None:
    """The rule that applies to a report of this category at this place, None if there is none."""
    point = None if lat is None or lng is None else (lat, lng)
    return next((rule for rule in await list_rules(reader, site_id) if rule.matches(category, point)), None)


async def add_rule(
    database: Database,
    site_id: str,
    given: Mapping[str, str],
    who: journal.Who = journal.COMMAND_LINE,
    *,
    latitude_first: bool = False,
) -> str:
    """Add a rule; one of the same category and area is replaced. Returns its identifier.

    `given` has the texts of a form: `service`, and optionally `category`, `where`, `area` (GeoJSON), `area_name`,
    `days`, `user`. `where` is a district's id, OWN_AREA for the border in `area`, or empty for everywhere. Raises
    Invalid, also a WrongBorder, with every malformed field; a border that would be ignored is one.
    """
    text = {name: value.strip() for name, value in given.items()}
    wrong = []
    days = text.get("days", "")
    if days and not (days.isascii() and days.isdigit() and 1 <= int(days) <= MAX_DAYS):
        wrong.append(FieldError("days", "days", (("max", MAX_DAYS),)))
    misplaced: WrongBorder | None = None
    area, own = None, bool(text.get("area") or text.get("area_name"))
    where = text.get("where", OWN_AREA if own else "")
    if own and where != OWN_AREA:
        wrong.append(FieldError("where", "required"))
    elif where == OWN_AREA:
        try:
            area = await _check_area(database, site_id, text.get("area", ""), latitude_first)
        except Invalid as error:
            wrong += error.fields
            misplaced = error if isinstance(error, WrongBorder) else None
        if not text.get("area_name"):
            wrong.append(FieldError("area_name", "required"))
    if len(text.get("area_name", "")) > MAX_NAME_LENGTH:
        wrong.append(FieldError("area_name", "too_long", (("max", MAX_NAME_LENGTH),)))
    rule_id = clock.new_id()

    async def work(tx: Transaction) -> None:
        missing = list(wrong)
        service = await find_service(tx, site_id, text.get("service", ""))
        if service is None:
            missing.append(FieldError("service", "required" if not text.get("service") else "unknown"))
        if text.get("category") and not await store.has_category(tx, site_id, text["category"]):
            missing.append(FieldError("category", "unknown"))
        district = where if where != OWN_AREA else ""
        if district and await tx.row(_DISTRICT, id=district, site_id=site_id) is None:
            missing.append(FieldError("where", "unknown"))
        if text.get("user") and await find_colleague(tx, site_id, text["user"]) is None:
            missing.append(FieldError("user", "unknown"))
        if misplaced is not None:
            misplaced.fields = tuple(missing)
            raise misplaced
        if missing or service is None:
            raise Invalid(tuple(missing))
        rule: dict[str, Any] = {
            "site_id": site_id,
            "category": text.get("category") or None,
            "district_id": district or None,
            "area": area,
            "area_name": text.get("area_name") or None if area else None,
        }
        same = " AND ".join(
            f"{name} = :{name}" if value is not None else f"{name} IS NULL"
            for name, value in rule.items()
            if name != "area_name"
        )
        values = {name: value for name, value in rule.items() if value is not None and name != "area_name"}
        await tx.run(f"DELETE FROM routing_rules WHERE {same}", **values)
        counted = await tx.row("SELECT COUNT(*) AS count FROM routing_rules WHERE site_id = :id", id=site_id)
        if counted is not None and counted["count"] >= MAX_RULES:
            raise Conflict("too_many_rules", most=MAX_RULES)
        await tx.insert(
            "routing_rules",
            id=rule_id,
            **rule,
            agency_id=service.id,
            days=int(days) if days else None,
            user_id=text.get("user") or None,
            created_at=clock.now(),
        )
        details = _describe(rule | {"days": int(days) if days else None})
        await journal.record(tx, "routing_rule_added", who, subject=service.id, site_id=site_id, details=details)

    await database.write(work, site_id)
    return rule_id


async def _check_area(database: Database, site_id: str, text: str, latitude_first: bool) -> str:
    """The GeoJSON of a rule's own border. Raises Invalid, also a WrongBorder."""
    if not text:
        raise Invalid((FieldError("area", "required"),))
    site = await store.load_site(database, site_id)
    if site is None:
        raise NotFound("site_not_found")
    found = load_document(text) if len(text) <= MAX_AREA_LENGTH else None
    if found is None or geojson.count_points(found) > MAX_POINTS:
        raise Invalid((FieldError("area", "area_large", (("max", MAX_POINTS),)),))
    return geojson.to_geometry(await asyncio.to_thread(parse_part, found, site, latitude_first=latitude_first))


def _describe(rule: Mapping[str, Any] | Row) -> dict[str, journal.Detail]:
    """Details of an entry, which tell the rules of one service apart. Of a border of its own there is no code."""
    named = {name: rule[name] for name in ("category", "district_id", "days") if rule[name] is not None}
    return named | ({"own_area": True} if rule["area"] else {})


async def remove_rule(database: Database, site_id: str, rule_id: str, who: journal.Who) -> None:
    """Remove a rule. Raises NotFound."""

    async def work(tx: Transaction) -> None:
        row = await tx.row(
            "DELETE FROM routing_rules WHERE id = :id AND site_id = :site_id"
            " RETURNING agency_id, category, district_id, area, days",
            id=rule_id,
            site_id=site_id,
        )
        if row is None:
            raise NotFound("rule_not_found")
        details = _describe(row)
        await journal.record(
            tx, "routing_rule_removed", who, subject=row["agency_id"], site_id=site_id, details=details
        )

    await database.write(work, site_id)


_COLLEAGUES = (
    "SELECT u.id, COALESCE(u.name, u.email) AS name FROM users u"
    f" WHERE u.agency_id = {{agency}} AND u.disabled_at IS NULL AND u.role IN ({sql_roles('problems.decide')})"
)


async def list_colleagues(reader: Database | Transaction, agency_id: str | None) -> list[tuple[str, str]]:
    """The identifiers and names of an agency's users to whom a report can be assigned."""
    sql = _COLLEAGUES.format(agency=":agency_id") + " ORDER BY 2, 1"
    return [(row["id"], row["name"]) for row in await reader.rows(sql, agency_id=agency_id)]


async def find_colleague(reader: Database | Transaction, site_id: str, user_id: str) -> str | None:
    """The name of a user of the site's agency to whom a report can be assigned."""
    sql = _COLLEAGUES.format(agency="(SELECT agency_id FROM sites WHERE id = :site_id)") + " AND u.id = :user_id"
    row = await reader.row(sql, site_id=site_id, user_id=user_id)
    return None if row is None else str(row["name"])

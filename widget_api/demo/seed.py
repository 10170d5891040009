"""Fill two empty databases with a town and a platform. Existing data are kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from widget_api import clock, i18n, journal
from widget_api.addresses import service as addresses
from widget_api.addresses.files import Place
from widget_api.attachments.storage import Storage
from widget_api.comments import service as discussion
from widget_api.comments.model import Comment
from widget_api.database import Database, Row
from widget_api.demo import entries, photos, samples
from widget_api.demo.town import DISTRICTS, border_ring, town_houses
from widget_api.followers import service as following
from widget_api.ops.schema import migrate
from widget_api.people.accounts import add_user
from widget_api.permissions import Role
from widget_api.platform.model import DEFAULT, Platform
from widget_api.platform.store import platforms
from widget_api.problems.persons import Person
from widget_api.problems.store import followers
from widget_api.problems.store.contacts import email_hash
from widget_api.sites import changes, districts, routing_rules, service, view
from widget_api.sites.model import Site

JURISDICTION = "zarechensk.example"
UTILITY = f"vodokanal.{JURISDICTION}"
PROBLEMS = 320  # a year's problems in a town of this size
GROWING = 12  # of the last two weeks, all of one category: statistics name it as one that grows
PLATFORMS_OWN = 12  # reported to the platform itself; the town's pages show them too
_NEIGHBOURS = ("vera", "oleg", "timur")  # who follow a problem and comment on it
SeededData = dict[str, Any]


@dataclass(frozen=True)
class DemoAddresses:
    """The addresses of the demonstration's services."""

    service: str
    platform: str
    pages: str
    mail: str


def _named(name: str) -> str:
    return i18n.text("ru", f"demo.town.{name}")


async def seed_databases(
    database_url: str, platform_url: str, places: DemoAddresses, before: SeededData | None, media_url: str
) -> SeededData:
    """Fill the databases. Returns addresses, keys, logins and tokens, those of an earlier run where there is one."""
    for url in (platform_url, database_url):
        await migrate(url)
    if before is not None and await _still_there(database_url, platform_url, before):
        return await _update_addresses(database_url, platform_url, before, places)
    seeded: SeededData = {**asdict(places), "sites": [], "users": [], "tokens": []}
    await _platform(platform_url, places, seeded)
    await _town(database_url, places, seeded, media_url)
    return seeded


async def _still_there(database_url: str, platform_url: str, seeded: SeededData) -> bool:
    for url, site in ((database_url, seeded["sites"][0]), (platform_url, seeded["platform_site"])):
        database = Database(url, readers=1)
        await database.connect()
        try:
            row = await database.row("SELECT 1 FROM site_keys WHERE key = :key", key=site["key"])
        finally:
            await database.disconnect()
        if row is None:
            return False
    return True


async def _update_addresses(
    database_url: str, platform_url: str, before: SeededData, places: DemoAddresses
) -> SeededData:
    """Update an earlier run's addresses and snippets to the present ports, and register the new origins."""
    seeded: SeededData = before | asdict(places)
    for url, sites, instance, origin in (
        (database_url, seeded["sites"], "service", places.pages),
        (platform_url, [seeded["platform_site"]], "platform", places.platform),
    ):
        database = Database(url, readers=1)
        await database.connect()
        try:
            for known in sites:
                known["snippet"] = known["snippet"].replace(before[instance], seeded[instance])
                site = await service.by_id(database, await changes.find_site_id(database, known["key"]))
                if origin not in site.origins:
                    await changes.update_site(database, site.id, {}, add_origins=[origin])
            old, new = (f"{one['platform']}/open311/v2" for one in (before, seeded))
            if old != new:
                await database.write(lambda tx, old=old, new=new: platforms.relocate(tx, old, new))  # type: ignore[misc]
        finally:
            await database.disconnect()
    return seeded


async def _platform(url: str, places: DemoAddresses, seeded: SeededData) -> None:
    database = Database(url, readers=1)
    await database.connect()
    try:
        agency = await service.add_agency(database, name=_named("platform"), email="centre@platform.example")
        site = await service.add_site(
            database,
            name=_named("platform_site"),
            agency_id=agency,
            allowed_origins=[places.platform],
            jurisdiction=JURISDICTION,
            area=_border(),
        )
        of_utility = await service.add_site(
            database,
            name=_named("utility_platform"),
            agency_id=agency,
            allowed_origins=[places.platform],
            jurisdiction=UTILITY,
            area=_border(),
        )
        seeded["platform_site"] = _site(site, places.platform)
        await _user(database, seeded, "platform", "centre@platform.example", Role.AGENT, agency)
        await _load_addresses(database, site, of_utility)
        for one in (site, of_utility):
            token = await changes.add_token(database, one.id, "platform", None)
            seeded["tokens"].append({"instance": "platform", "site": one.key, "scope": "platform", "token": token})
    finally:
        await database.disconnect()
    await samples.add_problems(url, site, PLATFORMS_OWN)


def _border() -> bytes:
    return orjson.dumps({"type": "Polygon", "coordinates": [border_ring()]})


async def _load_addresses(database: Database, *sites: Site) -> None:
    for site in sites:
        places = [Place(*house) for house in town_houses() if site.covers(house.lat, house.lng)]
        await addresses.load(database, site.id, places, journal.COMMAND_LINE)


def _districts() -> bytes:
    features = [
        {
            "type": "Feature",
            "properties": {"name": _named(name)},
            "geometry": {"type": "Polygon", "coordinates": [border_ring(*ends)]},
        }
        for name, ends in DISTRICTS.items()
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


async def _town(url: str, places: DemoAddresses, seeded: SeededData, media_url: str) -> None:
    border = _border()
    database = Database(url, readers=1)
    await database.connect()
    try:
        agency = await service.add_agency(
            database,
            name=_named("agency"),
            email="priem@zarechensk.example",
            inn="5022000000",
            postal_address="140400, Зареченск, Советская улица, 1",
        )
        town = await service.add_site(
            database,
            name=_named("site"),
            agency_id=agency,
            allowed_origins=[places.pages],
            jurisdiction=JURISDICTION,
            area=border,
            discussion="moderated",
        )
        await districts.load_districts(database, town, _districts())
        town = await service.by_id(database, town.id)
        utility = await service.add_agency(
            database, name=_named("utility"), email="office@vodokanal.example", mode="email", parent_id=agency
        )
        basic = await service.add_site(
            database,
            name=_named("utility_site"),
            agency_id=utility,
            allowed_origins=[places.pages],
            type="basic",
            jurisdiction=UTILITY,
            area=border,
        )
        roads = await service.add_agency(
            database, name=_named("roads"), email="roads@zarechensk.example", parent_id=agency
        )
        await _load_addresses(database, town, basic)
        for category, subordinate, days in (
            ("roads", roads, "5"),
            ("yards", roads, "5"),
            ("greenery", roads, "5"),
            ("lighting", roads, "3"),
            ("snow", roads, "3"),
            ("water", utility, "3"),
        ):
            rule = {"category": category, "service": subordinate, "days": days}
            await routing_rules.add_rule(database, town.id, rule)
        seeded["sites"] += [_site(town, places.service), _site(basic, places.service)]
        await _exchange(database, places, seeded, basic)
        await _user(database, seeded, "service", "agent@zarechensk.example", Role.AGENT, agency)
        await _user(database, seeded, "service", "head@zarechensk.example", Role.HEAD, agency)
        await _user(database, seeded, "service", "admin@zarechensk.example", Role.ADMIN, agency)
        await _user(database, seeded, "service", "viewer@zarechensk.example", Role.VIEWER, agency)
        await _user(database, seeded, "service", "roads@zarechensk.example", Role.AGENT, roads)
        await _user(database, seeded, "service", "operator@service.example", Role.OPERATOR, None)
        for scope in ("georeport", "platform"):
            token = await changes.add_token(database, town.id, scope, None)
            seeded["tokens"].append({"instance": "service", "site": town.key, "scope": scope, "token": token})
    finally:
        await database.disconnect()
    await samples.add_problems(url, town, PROBLEMS)
    lamps = tuple(category for category in town.categories if category.code == "lighting")
    await samples.add_problems(url, replace(town, categories=lamps), PROBLEMS + GROWING)
    database = Database(url, readers=1)
    await database.connect()
    try:
        await photos.attach_photos(database, Storage(media_url), town)
        await _add_neighbours(database, town)
        for child in await entries.add_collections(database, url, town):
            if child.collection and child.collection.preset in photos.PICTURED:
                await photos.attach_photos(database, Storage(media_url), child)
    finally:
        await database.disconnect()


async def _exchange(database: Database, places: DemoAddresses, seeded: SeededData, utility: Site) -> None:
    """Connect the sites to the platform. Its keys are per site, so the second site has a platform of its own."""
    first, second = (one["token"] for one in seeded["tokens"] if one["instance"] == "platform")
    url, name = f"{places.platform}/open311/v2", i18n.text("ru", "demo.platform")
    default = Platform(id=DEFAULT, name=name, url=url, key=first, protocol="georeport")
    own = replace(default, id=clock.new_id(), name=_named("utility_platform"), key=second, site_id=utility.id)
    for platform in (default, own):
        await platforms.insert_platform(database, platform)
    await database.write(lambda tx: platforms.set_serves(tx, DEFAULT, utility.id, False), utility.id)


async def _user(
    database: Database, seeded: SeededData, instance: str, email: str, role: Role, agency: str | None
) -> None:
    _, password = await add_user(database, email=email, role=role, agency_id=agency)
    seeded["users"].append({"instance": instance, "email": email, "password": password, "role": role})


def _site(site: Site, public_url: str) -> dict[str, str]:
    return {
        "name": site.name,
        "key": site.key,
        "snippet": view.make_snippet(site.key, site.type, i18n.text(site.language, "sites.snippet_link"), public_url),
        "jurisdiction": site.jurisdiction,
    }


def describe(seeded: SeededData) -> str:
    """The addresses and logins to print."""
    at = {"service": seeded["service"], "platform": seeded["platform"]}
    lines = [
        "",
        f"  Host pages with the widget   {seeded['pages']}",
        f"  The service                  {seeded['service']}",
        f"  Its cabinet                  {seeded['service']}/cabinet/",
        f"  The central platform         {seeded['platform']}/cabinet/",
        f"  Letters                      {seeded['mail']}",
        "",
        *(
            f"  {user['role']:<9} {user['email']:<28} {user['password']}  {at[user['instance']]}/cabinet/"
            for user in seeded["users"]
        ),
        "",
        *(
            line
            for site in seeded["sites"]
            for line in (
                f"  {site['name']}: {site['key']}",
                f"    its code  {seeded['service']}/s/{site['key']}/install",
            )
        ),
        "",
        "  All of this is in data/demo.json too; data/service.log and data/platform.log have more. Ctrl-C ends it.",
        "",
    ]
    return "\n".join(lines)


async def _add_neighbours(database: Database, town: Site) -> None:
    """Add two comments, one of the agency and a waiting one to the newest problem in progress, and followers."""
    problem = await _busiest(database, town)
    for name in _NEIGHBOURS:
        await _follow(database, town, problem, name)
    await _say(database, town, problem, "vera", publish=True)
    await discussion.post_official_comment(database, town, problem["id"], _text("official"), None)
    await _say(database, town, problem, "oleg", publish=True)
    await _say(database, town, problem, "timur", publish=False)


async def _busiest(database: Database, town: Site) -> Row:
    row = await database.row(
        "SELECT id, number FROM problems WHERE site_id = :site_id AND published"
        " ORDER BY CASE WHEN status = 'in_progress' THEN 0 ELSE 1 END, created_at DESC LIMIT 1",
        site_id=town.id,
    )
    assert row is not None, "a town without problems"
    return row


def _text(name: str) -> str:
    return i18n.text("ru", f"demo.people.{name}")


def _person(name: str) -> Person:
    return Person(
        email=f"{name}@resident.example",
        language="ru",
        consent_version="demo",
        consent_hash="demo",
        ip=None,
        name_version="demo",
        name_hash="demo",
    )


async def _follow(database: Database, town: Site, problem: Row, name: str) -> None:
    await following.follow_problem(database, town.id, problem["number"], _person(name), None)
    hashed = email_hash(_person(name).email)
    for row in await followers.list_of_address(database, hashed):
        await following.confirm_following(database, row)


async def _say(database: Database, town: Site, problem: Row, name: str, *, publish: bool) -> None:
    comment = Comment(name=_text(f"{name}.name"), text=_text(f"{name}.text"))
    await discussion.post_comment(database, town, problem["number"], comment, _person(name))
    row = await database.row(
        "SELECT c.id, c.site_id FROM comments c JOIN commenters w ON w.comment_id = c.id"
        " WHERE c.site_id = :site_id AND w.email_hash = :hash",
        site_id=town.id,
        hash=email_hash(_person(name).email),
    )
    assert row is not None, "it was posted just now"
    await discussion.confirm_comment(database, row)
    if publish:
        await discussion.decide_comment(database, town.id, row["id"], "published", None)

"""Commands `platform …`: central platforms, their sites, services and erasures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from widget_api import clock
from widget_api.cli.running import Failure, Json, format_times, print_result, print_table, run_command
from widget_api.database import Database, Transaction
from widget_api.errors import Invalid
from widget_api.platform.model import DEFAULT, When
from widget_api.settings import Contacts, Settings, is_address, platform_address
from widget_api.sites import changes

group = typer.Typer(help="Central platforms.", no_args_is_help=True)
PlatformId = Annotated[str, typer.Argument(help="Of the platform; that of the settings is «default».")]
WHEN_HELP = (
    "When a GeoReport platform that is no instance of this service gets a report of a site that moderates: when it is"
    " accepted, or as soon as its author confirms."
)
Site = Annotated[str, typer.Option(help="Id, key or jurisdiction.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="platform")


async def find_platform(database: Database, text: str) -> Any:
    """A platform by its id or, where it is unique, its name. Raises Failure."""
    from widget_api.platform.store import platforms

    rows = await database.rows("SELECT id FROM platforms WHERE id = :text OR name = :text", text=text)
    if len(rows) != 1:
        raise Failure(f"{text} is not a platform, or the name of several: see platform list")
    return await platforms.find_platform(database, rows[0]["id"])


async def find_unknown_sites(
    database: Database, settings: Settings, site_ids: Sequence[str], only: str | None = None
) -> list[str]:
    """Say which platforms do not know the sites that they serve, and what to do."""
    from widget_api.outbound import Outbound
    from widget_api.platform import jurisdictions

    outbound = Outbound(production=settings.production)
    try:
        return [one.explain() for one in await jurisdictions.find_unknown(database, outbound, site_ids, only=only)]
    finally:
        await outbound.close()


async def checked_platform(
    database: Database, protocol: str, given: dict[str, Any], own: str | None = None
) -> dict[str, Any]:
    """Validate columns of a platform, `own` if it exists. Returns their stored values. Raises Failure."""
    from widget_api.platform import signature

    name, url, key = given.get("name"), given.get("url"), given.get("key")
    if name is not None:
        existing = await database.row("SELECT id FROM platforms WHERE id = :name OR name = :name", name=name)
        if not name.strip() or name == DEFAULT or (existing is not None and existing["id"] != own):
            raise Failure(
                f"--name: {name or 'it'} is empty or another platform's: commands know platforms by their names"
            )
    if url is not None:
        if not is_address(url):
            raise Failure("--url: must be an address that begins with http:// or https://")
        given = given | {"url": platform_address(url, protocol)}
    if key is not None and protocol == "webhook" and not signature.is_readable(key):
        raise Failure("--key: what follows whsec_ must be base64")
    return given


@group.command("add")
def add_platform(
    name: Annotated[str, typer.Option(help="Named in the consent document where contacts go there.")],
    url: Annotated[str, typer.Option(help="Its GeoReport root, or where its webhook receives.")],
    key: Annotated[str, typer.Option(help="api_key, or the webhook's secret.")],
    protocol: Annotated[Literal["georeport", "webhook"], typer.Option()] = "georeport",
    jurisdiction: Annotated[str | None, typer.Option(help="Of --site, else of the oldest site.")] = None,
    contacts: Annotated[Contacts, typer.Option(help="What it learns of a resident.")] = "none",
    contact: Annotated[str | None, typer.Option(help="Whom to write to where there is no call for an erasure.")] = None,
    site: Annotated[str | None, typer.Option(help="For this site only; default: for all.")] = None,
    when: Annotated[When, typer.Option(help=WHEN_HELP)] = "accepted",
    as_json: Json = False,
) -> None:
    """Register another central platform."""

    async def command(database: Database, settings: Settings) -> tuple[str, list[str]]:
        from widget_api.platform.model import Platform
        from widget_api.platform.store import platforms

        given = await checked_platform(database, protocol, {"name": name, "url": url, "key": key})
        platform = Platform(
            **given,
            id=clock.new_id(),
            protocol=protocol,
            jurisdiction=jurisdiction,
            contacts=contacts,
            contact=contact,
            site_id=await changes.find_site_id(database, site) if site else None,
            sends_when=when,
        )
        await platforms.insert_platform(database, platform)
        served = await platforms.sites_of(database, platform.id)
        return platform.id, await find_unknown_sites(database, settings, served, platform.id)

    platform_id, unknown = run_command(command)
    print_result(
        {"platform": platform_id} | ({"unknown": unknown} if unknown else {}),
        [f"platform {platform_id}", *unknown],
        as_json,
    )


@group.command("set")
def set_platform(
    platform: PlatformId,
    name: Annotated[str | None, typer.Option()] = None,
    url: Annotated[str | None, typer.Option()] = None,
    key: Annotated[str | None, typer.Option(help="A new api_key or secret.")] = None,
    jurisdiction: Annotated[str | None, typer.Option()] = None,
    contacts: Annotated[Contacts | None, typer.Option()] = None,
    contact: Annotated[str | None, typer.Option(help="Whom to write to about an erasure.")] = None,
    when: Annotated[When | None, typer.Option(help=WHEN_HELP)] = None,
    disabled: Annotated[bool | None, typer.Option("--disabled/--enabled", help="Switch it off, or on again.")] = None,
    as_json: Json = False,
) -> None:
    """Change a platform. Of «default» the settings say all but --contact and --when."""
    given = {"name": name, "url": url, "key": key, "jurisdiction": jurisdiction, "contacts": contacts}
    wished: dict[str, Any] = {field: value for field, value in given.items() if value is not None}

    async def command(database: Database, settings: Settings) -> None:
        from widget_api.platform.store import platforms

        found = await find_platform(database, platform)
        if found.id == DEFAULT and (wished or disabled is not None):
            raise Failure("the settings WIDGET_PLATFORM_… say this of the default platform")
        if contact is not None:
            wished["contact"] = contact or None
        if when is not None:
            wished["sends_when"] = when
        if disabled is not None:
            wished["disabled_at"] = clock.now() if disabled else None
        if not wished:
            raise Failure("nothing to change")
        await platforms.change_platform(
            database, found.id, await checked_platform(database, found.protocol, wished, found.id)
        )

    run_command(command)
    print_result({"platform": platform}, [f"changed {platform}"], as_json)


@group.command("list")
def list_platforms(as_json: Json = False) -> None:
    """Platforms, how far each was read, and whether it rests because it does not answer."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        from widget_api.platform.store import platforms

        if settings.platform is not None:  # a shell without the service's settings must not disable its platform
            await platforms.sync_default(database, settings)
        return [format_times(row) for row in await platforms.list_overview(database)]

    rows = run_command(command)
    columns = (
        "id",
        "name",
        "url",
        "protocol",
        "contacts",
        "sends_when",
        "polled_at",
        "last_error",
        "rests_until",
        "disabled_at",
    )
    print_result(rows, print_table([row | {"rests_until": row["paused_until"]} for row in rows], columns), as_json)


@group.command("serve")
def serve_site(
    platform: PlatformId,
    site: Site,
    on: Annotated[bool, typer.Option("--on/--off", help="Whether it gets what happens from now on.")] = True,
    jurisdiction: Annotated[str | None, typer.Option(help="What the site is called there.")] = None,
    as_json: Json = False,
) -> None:
    """Give a platform a site, or take it away, from now on; see `move` for what was before."""

    async def command(database: Database, settings: Settings) -> list[str]:
        from widget_api.platform.store import platforms

        found, site_id = await find_platform(database, platform), await changes.find_site_id(database, site)

        async def work(tx: Transaction) -> None:
            await platforms.set_serves(tx, found.id, site_id, on)
            if jurisdiction:
                await platforms.set_jurisdiction(tx, found.id, site_id, jurisdiction)

        await database.write(work, site_id)
        return await find_unknown_sites(database, settings, [site_id] if on else [], found.id)

    unknown = run_command(command)
    print_result(
        {"platform": platform, "site": site, "on": on} | ({"unknown": unknown} if unknown else {}),
        [f"{platform}: {site} {'on' if on else 'off'}", *unknown],
        as_json,
    )


@group.command("move")
def move_site(
    site: Site,
    source: Annotated[str, typer.Option("--from", help="The platform that has it.")],
    target: Annotated[str, typer.Option("--to", help="The platform that gets it.")],
    unread: Annotated[
        bool, typer.Option("--unread", help="Though the old platform's last news cannot be read.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Move a site to another platform, with the story of each report. Broken off, it is begun again."""

    async def command(database: Database, settings: Settings) -> int:
        from widget_api.outbound import Outbound
        from widget_api.platform import migration

        old, new = await find_platform(database, source), await find_platform(database, target)
        if old.id == new.id:
            raise Failure("--from and --to are the same platform")
        if new.disabled:  # its deliveries would be dropped
            raise Failure(f"--to: {target} is switched off; first platform set {target} --enabled")
        outbound = Outbound(production=settings.production)
        try:
            site_id = await changes.find_site_id(database, site)
            return await migration.move_site(database, outbound, site_id, old, new, unread=unread)
        finally:
            await outbound.close()

    moved = run_command(command)
    print_result({"site": site, "owed": moved}, [f"moved; {moved} events go to {target}"], as_json)


@group.command("services")
def list_services(platform: PlatformId, site: Site, as_json: Json = False) -> None:
    """What a platform takes, and which of the site's categories goes where."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        from widget_api.platform import mapping

        found = await find_platform(database, platform)
        return mapping.mapping_as_dict(
            await mapping.read_mapping(database, found.id, await changes.find_site_id(database, site))
        )

    rows = run_command(command)
    print_result(rows, print_table(rows, ("category", "service", "mapped", "state", "unanswered")), as_json)


@group.command("map")
def map_categories(
    platform: PlatformId,
    site: Site,
    pairs: Annotated[list[str], typer.Argument(help="category=service; category= for its own code again.")],
    as_json: Json = False,
) -> None:
    """Say which of a platform's services a category goes to."""
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise Failure(f"{wrong[0]}: must be category=service")

    async def command(database: Database, settings: Settings) -> None:
        from widget_api.platform import mapping

        found = await find_platform(database, platform)
        wished = dict(pair.split("=", 1) for pair in pairs)
        try:
            await mapping.change_mapping(database, found.id, await changes.find_site_id(database, site), wished)
        except Invalid as error:
            wrong = error.fields[0]
            known = "its service's code is too long" if wrong.code == "too_long" else "no category: see category list"
            raise Failure(f"{wrong.field}: {known}") from None

    run_command(command)
    print_result({"platform": platform, "site": site}, [f"mapped {len(pairs)}"], as_json)


@group.command("erasures")
def list_erasures(
    everything: Annotated[bool, typer.Option("--all", help="Those that are acknowledged, too.")] = False,
    as_json: Json = False,
) -> None:
    """Erasures and corrections that a platform has not acknowledged yet."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        from widget_api.platform import erasure

        return [format_times(row) for row in await erasure.list_erasures(database, everything=everything)]

    rows = run_command(command)
    columns = ("problem_id", "number", "platform", "asks", "way", "remote_id", "contact", "owed_at", "told_at")
    print_result(rows, print_table(rows, (*columns, *(("acknowledged_at", "note") if everything else ()))), as_json)


@group.command("acknowledge")
def acknowledge_erasure(
    platform: PlatformId,
    problem: Annotated[list[str], typer.Argument(help="problem_id of `platform erasures`.")],
    note: Annotated[str, typer.Option(help="How you know: date and sender of the answer.")],
    as_json: Json = False,
) -> None:
    """Record that a platform has erased or corrected what it was asked to."""

    async def command(database: Database, settings: Settings) -> list[str]:
        from widget_api.platform import erasure

        found = await find_platform(database, platform)
        done = {"acknowledged_at": clock.now(), "note": note}
        unknown = [one for one in problem if not await erasure.update_erasure(database, one, found.id, done)]
        if unknown:
            raise Failure(f"no erasure or correction of {unknown[0]} is waiting there")
        return problem

    acknowledged = run_command(command)
    print_result({"acknowledged": acknowledged}, [f"acknowledged {len(acknowledged)}"], as_json)

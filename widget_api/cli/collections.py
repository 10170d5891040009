"""Commands `collection …`: add a site's collections, change and list them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from widget_api import journal
from widget_api.cli.running import Json, print_result, print_table, run_command
from widget_api.database import Database
from widget_api.errors import FieldError, Invalid
from widget_api.problems import imported, sheets
from widget_api.problems.model import Actor
from widget_api.settings import Settings
from widget_api.signing import Signer
from widget_api.sites import changes, entry_links, presets, rights, service, view
from widget_api.sites import collection as collections
from widget_api.sites.model import Action, Who
from widget_api.sites.rights import May
from widget_api.sites.settings import Discussion, Moderation

SiteOption = Annotated[str, typer.Option("--site", help="The site's id, key or jurisdiction.")]
SlugOption = Annotated[str, typer.Option(help="Its name in addresses: latin letters, digits, hyphens.")]

collection = typer.Typer(help="Collections of a site: lists of their own, beside its problems.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(collection, name="collection")


@collection.command("add")
def add_collection(
    site: SiteOption,
    slug: SlugOption,
    preset: Annotated[str, typer.Option(help=", ".join(presets.NAMES))],
    title: Annotated[str | None, typer.Option(help="Else that of the preset.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Show it to nobody before `collection set --on`.")] = False,
    as_json: Json = False,
) -> None:
    """Add a collection with the texts, categories and questions of a preset, published at once unless it is a draft."""

    async def command(database: Database, settings: Settings) -> dict[str, str]:
        parent = await service.by_id(database, await changes.find_site_id(database, site))
        added = await collections.add_collection(database, parent, slug, preset, title=title, draft=draft)
        return {"collection": added.id, "url": f"{settings.public_url}/s/{added.key}"}

    added = run_command(command)
    print_result(added, [f"{name} {value}" for name, value in added.items()], as_json)


@collection.command("set")
def set_collection(
    site: SiteOption,
    slug: SlugOption,
    title: Annotated[str | None, typer.Option()] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    principles: Annotated[str | None, typer.Option(help="How it works, as its page states it.")] = None,
    action: Annotated[str | None, typer.Option(help=", ".join(get_args(Action)))] = None,
    who: Annotated[Who | None, typer.Option(help="Who may add an entry.")] = None,
    opens: Annotated[str | None, typer.Option(help="The first day that takes entries; empty: no limit.")] = None,
    closes: Annotated[str | None, typer.Option(help="The last day that takes entries; empty: no limit.")] = None,
    discussion: Annotated[Discussion | None, typer.Option(help="Comments under entries.")] = None,
    moderation: Annotated[
        Moderation | None, typer.Option(help="Entries are published after a decision, or before.")
    ] = None,
    votes_open: Annotated[str | None, typer.Option(help="The first day of a vote; empty: no limit.")] = None,
    votes_close: Annotated[str | None, typer.Option(help="The last day of a vote; empty: no limit.")] = None,
    votes: Annotated[str | None, typer.Option(help="Votes that one person has in the collection.")] = None,
    threshold: Annotated[str | None, typer.Option(help="Votes that an entry needs; 0: no threshold.")] = None,
    min_age: Annotated[str | None, typer.Option(help="Of who votes: 14, 16, 18, or 0 for any.")] = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Show it, or do not.")] = None,
    as_json: Json = False,
) -> None:
    """Change a collection's texts, who may add entries and when; hide it or show it again."""
    given = {
        "title": title,
        "summary": description,
        "principles": principles,
        "action": action,
        "who": who,
        "opens": opens,
        "closes": closes,
        "votes_open": votes_open,
        "votes_close": votes_close,
        "votes_per_person": votes,
        "votes_needed": threshold,
        "min_age": min_age,
        "discussion": discussion,
        "moderation": moderation,
    }

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        parent = await service.by_id(database, await changes.find_site_id(database, site))
        child = await service.by_id(database, await collections.find_collection_id(database, parent.id, slug))
        chosen = {name: text for name, text in given.items() if text is not None}
        await collections.change_collection(database, child, chosen)
        if enabled is not None:
            await changes.disable_site(database, child.id, disabled=not enabled)
        return next(one for one in await _describe(database, settings, parent.id) if one["slug"] == slug)

    found = run_command(command)
    print_result(found, [f"{name}: {value}" for name, value in found.items()], as_json)


@collection.command("list")
def list_collections(site: SiteOption, as_json: Json = False) -> None:
    """All collections of a site, hidden ones too."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        return await _describe(database, settings, await changes.find_site_id(database, site))

    rows = run_command(command)
    print_result(rows, print_table(rows, ("slug", "preset", "title", "action", "who", "enabled", "count")), as_json)


@collection.command("import")
def import_entries(site: SiteOption, slug: SlugOption, file: Path, as_json: Json = False) -> None:
    """Load entries from a CSV or XLSX file, published at once; names the rows that are wrong."""

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        parent = await service.by_id(database, await changes.find_site_id(database, site))
        child = await service.by_id(database, await collections.find_collection_id(database, parent.id, slug))
        try:
            table = await imported.check_table(database, child, await asyncio.to_thread(file.read_bytes))
        except sheets.Unreadable:
            raise Invalid((FieldError("file", "sheet"),)) from None
        done = await imported.import_entries(
            database, child, list(table.good.values()), Actor(kind="agent"), journal.COMMAND_LINE
        )
        wrong = [f"{one.line} {one.column}: {one.error.code}" for one in table.wrong]
        return {"imported": done, "known": table.known, "wrong": wrong}

    found = run_command(command)
    rows = [f"imported {found['imported']}, known {found['known']}", *(f"row {one}" for one in found["wrong"])]
    print_result(found, rows, as_json)


@collection.command("invite")
def invite(
    site: SiteOption,
    slug: SlugOption,
    organisation: Annotated[str | None, typer.Option(help="Make a link that opens the form for its people.")] = None,
    revoke: Annotated[str | None, typer.Option(help="The id of a link that is to open nothing any more.")] = None,
    as_json: Json = False,
) -> None:
    """Links that open a collection's form for an organisation: make or revoke one, and list them."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        signer, public_url = Signer(settings.secret_keys), settings.public_url
        parent_id = await changes.find_site_id(database, site)
        child = await service.by_id(database, await collections.find_collection_id(database, parent_id, slug))
        if organisation is not None:
            await entry_links.add_link(database, child, organisation)
        if revoke is not None:
            await entry_links.revoke_link(database, child, revoke)
        return [
            {
                "id": row["id"],
                "organisation": row["name"],
                "url": None if row["revoked_at"] else entry_links.link_url(signer, public_url, child, row["id"]),
            }
            for row in await entry_links.list_links(database, child.id)
        ]

    rows = run_command(command)
    print_result(rows, print_table(rows, ("id", "organisation", "url")), as_json)


@collection.command("agencies")
def name_agencies(
    site: SiteOption,
    slug: SlugOption,
    host: Annotated[
        str | None, typer.Option(help="Let the agency that has a site there work with the collection.")
    ] = None,
    may: Annotated[May, typer.Option(help="What it may do.")] = "moderate",
    remove: Annotated[str | None, typer.Option(help="The id or name of an agency that may not any more.")] = None,
    as_json: Json = False,
) -> None:
    """Other agencies that invite to visits or moderate: name or remove one, and list them."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        parent_id = await changes.find_site_id(database, site)
        child = await service.by_id(database, await collections.find_collection_id(database, parent_id, slug))
        if host is not None:
            agency_id = await rights.find_agency_by_host(database, child, host)
            await rights.name_agency(database, child, agency_id, may, journal.COMMAND_LINE)
        if remove is not None:
            agency_id = await changes.find_agency_id(database, remove)
            await rights.name_agency(database, child, agency_id, None, journal.COMMAND_LINE)
        named = await rights.list_named_agencies(database, child.id)
        return [{"agency": row["agency_id"], "name": row["name"], "may": row["may"]} for row in named]

    rows = run_command(command)
    print_result(rows, print_table(rows, ("agency", "name", "may")), as_json)


async def _describe(database: Database, settings: Settings, site_id: str) -> list[dict[str, Any]]:
    parent = await service.by_id(database, site_id)
    return [
        {
            "collection": child.id,
            **view.collection_values(child, count, settings.public_url),
            "principles": child.collection.principles if child.collection else "",
            "discussion": child.discussion,
            "moderation": child.moderation,
            "enabled": await changes.find_disabled_at(database, child.id) is None,
        }
        for child, _, count in await collections.list_collections(database, parent, disabled=True)
    ]

"""`platform …`: the central platforms, that of the settings and others."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from widget_api import clock
from widget_api.cli.running import Json, run, show, table, times
from widget_api.database import Database
from widget_api.settings import Settings
from widget_api.sites import changes

group = typer.Typer(help="Central platforms.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="platform")


@group.command("add")
def add_platform(
    name: Annotated[str, typer.Option(help="Named in the consent document where contacts go there.")],
    url: Annotated[str, typer.Option(help="Its GeoReport root, or where its webhook receives.")],
    key: Annotated[str, typer.Option(help="api_key, or the webhook's secret.")],
    protocol: Annotated[Literal["georeport", "webhook"], typer.Option()] = "georeport",
    jurisdiction: Annotated[str | None, typer.Option(help="Default: each site's own.")] = None,
    contacts: Annotated[Literal["none", "email", "all"], typer.Option(help="What it learns of a resident.")] = "none",
    site: Annotated[str | None, typer.Option(help="For this site only; default: for all.")] = None,
    as_json: Json = False,
) -> None:
    """Register another central platform."""

    async def command(database: Database, settings: Settings) -> str:
        from widget_api.platform.model import Platform
        from widget_api.platform.store import platforms

        platform = Platform(
            id=clock.new_id(),
            name=name,
            url=url.rstrip("/"),
            key=key,
            protocol=protocol,
            jurisdiction=jurisdiction,
            contacts=contacts,
            site_id=await changes.find(database, site) if site else None,
        )
        await platforms.add(database, platform)
        return platform.id

    platform_id = run(command)
    show({"platform": platform_id}, [f"platform {platform_id}"], as_json)


@group.command("list")
def list_platforms(as_json: Json = False) -> None:
    """Platforms, and how far each was read."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        from widget_api.platform.store import platforms

        if settings.platform is not None:  # a shell without the service's settings must not switch its platform off
            await platforms.sync_default(database, settings)
        rows = await database.rows(
            """
            SELECT p.id, p.name, p.url, p.protocol, p.jurisdiction, p.contacts, p.site_id, p.disabled_at,
                   MAX(c.polled_at) AS polled_at, MAX(c.last_error) AS last_error
            FROM platforms p LEFT JOIN platform_cursors c ON c.platform_id = p.id
            GROUP BY p.id, p.name, p.url, p.protocol, p.jurisdiction, p.contacts, p.site_id, p.disabled_at, p.created_at
            ORDER BY p.created_at, p.id
            """
        )
        return [times({name: row[name] for name in row.keys()}) for row in rows]  # noqa: SIM118 - rows yield values

    rows = run(command)
    columns = ("id", "name", "url", "protocol", "contacts", "polled_at", "last_error", "disabled_at")
    show(rows, table(rows, columns), as_json)

"""Command `addresses`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from widget_api import journal
from widget_api.cli.running import Failure, Json, print_result, run_command
from widget_api.database import Database
from widget_api.settings import Settings
from widget_api.sites import changes

addresses = typer.Typer(no_args_is_help=True, help="Addresses of a town: suggested, and named for a point.")


def register(app: typer.Typer) -> None:
    app.add_typer(addresses, name="addresses")


@addresses.command("load")
def load_addresses(
    file: Annotated[Path, typer.Argument(help="CSV with street,house,lat,lng, GeoJSON, or PBF.")],
    site: Annotated[str, typer.Option(help="A site's id or jurisdiction.")],
    as_json: Json = False,
) -> None:
    """Put the addresses of a file in the place of those of the site."""
    from widget_api.addresses import files, service

    async def command(database: Database, settings: Settings) -> dict[str, str | int]:
        site_id = await changes.find_site_id(database, site)
        if not file.is_file():
            raise Failure(f"there is no file {file}")
        streets, houses = await service.load(database, site_id, files.read(file), journal.COMMAND_LINE)
        return {"site": site_id, "streets": streets, "houses": houses}

    done = run_command(command)
    print_result(done, [f"{done['houses']} houses in {done['streets']} streets"], as_json)

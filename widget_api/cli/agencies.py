"""`agency …`: who answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from widget_api.cli.running import Json, run, show, table, times
from widget_api.database import Database
from widget_api.settings import Settings
from widget_api.sites import changes, service

Mode = Literal["cabinet", "email"]

agency = typer.Typer(help="Agencies: who answers.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(agency, name="agency")


@agency.command("add")
def add_agency(
    name: Annotated[str, typer.Option(help="Its official name.")],
    email: Annotated[str, typer.Option(help="Its mailbox; named in the consent document.")],
    parent: Annotated[str | None, typer.Option(help="Id or name of the agency above it.")] = None,
    mode: Annotated[Mode, typer.Option(help="Works in the cabinet, or from its mailbox.")] = "cabinet",
    inn: Annotated[str | None, typer.Option(help="INN, for the consent document (152-FZ).")] = None,
    address: Annotated[str | None, typer.Option(help="Postal address, for the consent document.")] = None,
    as_json: Json = False,
) -> None:
    """Register an agency."""

    async def command(database: Database, settings: Settings) -> str:
        return await service.add_agency(
            database,
            name=name,
            email=email,
            mode=mode,
            parent_id=await changes.find_agency(database, parent) if parent else None,
            inn=inn,
            postal_address=address,
        )

    agency_id = run(command)
    show({"agency": agency_id}, [f"agency {agency_id}"], as_json)


@agency.command("list")
def list_agencies(as_json: Json = False) -> None:
    """Agencies, oldest first."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        return [times(row) for row in await changes.agencies(database)]

    rows = run(command)
    show(rows, table(rows, ("id", "name", "email", "mode", "parent_id")), as_json)

"""Commands `agency …`: add, change and list agencies."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

import typer

from widget_api.cli.running import Json, format_times, print_result, print_table, run_command
from widget_api.database import Database
from widget_api.settings import Settings
from widget_api.sites import changes, service

Mode = Literal["cabinet", "email"]
AgencyArgument = Annotated[str, typer.Argument(help="The agency's id or name.")]
_REGISTRY = "Number in Roskomnadzor's register of operators, for the consent document."
_SENDERS = "Who may answer by mail beside its mailbox: a comma list of addresses and @domains."

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
    registry_number: Annotated[str | None, typer.Option(help=_REGISTRY)] = None,
    senders: Annotated[str | None, typer.Option(help=_SENDERS)] = None,
    digest: Annotated[bool | None, typer.Option(help="A letter each working morning. Default: by mode email.")] = None,
    as_json: Json = False,
) -> None:
    """Register an agency."""

    async def command(database: Database, settings: Settings) -> str:
        return await service.add_agency(
            database,
            name=name,
            email=email,
            mode=mode,
            parent_id=await changes.find_agency_id(database, parent) if parent else None,
            inn=inn,
            postal_address=address,
            registry_number=registry_number,
            senders=_listed_agency(senders) or (),
            digest=digest,
        )

    agency_id = run_command(command, create="in development")
    print_result({"agency": agency_id}, [f"agency {agency_id}"], as_json)


@agency.command("set")
def set_agency(
    agency: AgencyArgument,
    name: Annotated[str | None, typer.Option()] = None,
    email: Annotated[str | None, typer.Option(help="Its mailbox.")] = None,
    parent: Annotated[str | None, typer.Option(help="Id or name of the agency above it; empty: none.")] = None,
    mode: Annotated[Mode | None, typer.Option()] = None,
    inn: Annotated[str | None, typer.Option()] = None,
    address: Annotated[str | None, typer.Option(help="Postal address.")] = None,
    registry_number: Annotated[str | None, typer.Option(help=_REGISTRY)] = None,
    senders: Annotated[str | None, typer.Option(help=_SENDERS)] = None,
    digest: Annotated[bool | None, typer.Option(help="A letter each working morning.")] = None,
    digest_hour: Annotated[
        int | None, typer.Option(help="When morning letters come: 7 to 12; 0: at 8, to people at 9.")
    ] = None,
    approval: Annotated[bool | None, typer.Option(help="A head approves answers of agents.")] = None,
    delegated: Annotated[
        bool | None, typer.Option("--delegated/--not-delegated", help="A service answers by itself.")
    ] = None,
    factor_roles: Annotated[str | None, typer.Option(help="Who must have a second factor: admin,head,…")] = None,
    as_json: Json = False,
) -> None:
    """Change an agency; what is not given stays as it is."""
    given: dict[str, Any] = {
        "name": name,
        "email": email,
        "mode": mode,
        "inn": inn,
        "postal_address": address,
        "registry_number": registry_number,
        "senders": _listed_agency(senders),
        "digest": digest,
        "approval": approval,
        "delegated": delegated,
        "factor_roles": _listed_agency(factor_roles),
    }

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        agency_id = await changes.find_agency_id(database, agency)
        columns = {column: value for column, value in given.items() if value is not None}
        if digest_hour is not None:
            columns["digest_hour"] = digest_hour or None
        if parent is not None:
            columns["parent_id"] = await changes.find_agency_id(database, parent) if parent else None
        await changes.update_agency(database, agency_id, columns)
        found = next(row for row in await changes.list_agencies(database) if row["id"] == agency_id)
        return format_times(found)

    found = run_command(command)
    print_result(found, [f"{name}: {value}" for name, value in found.items()], as_json)


@agency.command("provider")
def set_provider(
    agency: AgencyArgument,
    issuer: Annotated[str, typer.Option(help="Its address, exactly as its description says.")] = "",
    client_id: Annotated[str, typer.Option(help="Given out by it.")] = "",
    client_secret: Annotated[str, typer.Option(help="Given out by it; - reads it from standard input.")] = "",
    name: Annotated[str, typer.Option(help="As the button on the sign-in page shows it.")] = "",
    claim: Annotated[str, typer.Option(help="The claim with the role.")] = "groups",
    role: Annotated[list[str] | None, typer.Option(help="value=role, for each value of the claim.")] = None,
    replaces_factor: Annotated[bool, typer.Option(help="Counts as the second factor.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Let nobody in by it any more.")] = False,
    as_json: Json = False,
) -> None:
    """Let an agency's people sign in by its own OpenID Connect provider."""
    given = {"issuer": issuer, "client_id": client_id, "name": name, "claim": claim, "roles": "\n".join(role or ())}
    from_input = client_secret == "-"  # noqa: S105 - says where it comes from
    given["client_password"] = sys.stdin.readline().strip() if from_input else client_secret
    given["replaces_factor"] = "yes" if replaces_factor else ""

    async def command(database: Database, settings: Settings) -> dict[str, str]:
        from widget_api.app import open_context
        from widget_api.people import providers

        agency_id = await changes.find_agency_id(database, agency)
        if remove:
            await providers.remove_provider(database, agency_id)
            return {"agency": agency_id}
        async with open_context(settings) as context:
            await providers.set_provider(context, agency_id, given)
            link = f"{settings.public_url}/cabinet/sign-in/{agency_id}"
            return {"agency": agency_id, "sign_in": link, "redirect_uri": providers.callback_url(context, agency_id)}

    found = run_command(command)
    print_result(found, [f"{name}: {value}" for name, value in found.items()], as_json)


@agency.command("disable")
def disable_agency(agency: AgencyArgument, as_json: Json = False) -> None:
    """Close the cabinet to its people, and disable its sites. Services below it stay as they are."""
    _switch(agency, as_json, disabled=True)


@agency.command("enable")
def enable_agency(agency: AgencyArgument, as_json: Json = False) -> None:
    """Undo disable, for the sites too that it disabled."""
    _switch(agency, as_json, disabled=False)


def _switch(agency: str, as_json: bool, *, disabled: bool) -> None:
    async def command(database: Database, settings: Settings) -> str:
        agency_id = await changes.find_agency_id(database, agency)
        await changes.disable_agency(database, agency_id, disabled=disabled)
        return agency_id

    agency_id = run_command(command)
    said = f"agency {agency_id} {'disabled' if disabled else 'enabled'}"
    print_result({"agency": agency_id, "disabled": disabled}, [said], as_json)


def _listed_agency(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


@agency.command("list")
def list_agencies(as_json: Json = False) -> None:
    """Agencies, oldest first."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        return [format_times(row) for row in await changes.list_agencies(database)]

    rows = run_command(command)
    print_result(
        rows,
        print_table(
            rows, ("id", "name", "email", "mode", "parent_id", "senders", "digest", "email_failure", "disabled_at")
        ),
        as_json,
    )

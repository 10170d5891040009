"""Commands `application …`: list, approve and refuse applications for a site, and load the register of names."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from widget_api import journal
from widget_api.cli.running import Failure, Json, format_times, print_result, print_table, run_command
from widget_api.database import Database
from widget_api.settings import Settings

ApplicationArgument = Annotated[str, typer.Argument(help="The application's id.")]
_COLUMNS = ("id", "state", "origin", "name", "sent_at", "proof", "site_id")

application = typer.Typer(help="Applications for a site, sent from /sites/new.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(application, name="application")


@application.command("list")
def list_applications(
    everything: Annotated[bool, typer.Option("--all", help="Those that are decided too, the newest first.")] = False,
    as_json: Json = False,
) -> None:
    """Applications that wait for a decision, the oldest first."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        from widget_api.registration import service, store

        found = []
        for row in await store.list_applications(database, decided=everything):
            found_row = await service.find_application(database, row["id"])
            marks = await service.describe(database, found_row, await service.find_overlaps(database, found_row))
            proof = row["proof_method"] or ("letter" if row["letter_id"] else None)
            columns = {
                name: row[name] for name in ("id", "state", "origin", "name", "sent_at", "decided_at", "site_id")
            }
            found.append(format_times(columns) | {"proof": proof, "marks": [mark.code for mark in marks]})
        return found

    rows = run_command(command)
    print_result(rows, print_table(rows, (*_COLUMNS, "marks")), as_json)


@application.command("approve")
def approve(
    application: ApplicationArgument,
    settled: Annotated[
        list[str] | None, typer.Option(help="A site whose agency has answered the warning before its term.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add its agency and site, and invite the contact person, after looking for the proof once more."""

    async def command(database: Database, settings: Settings) -> tuple[str, str, list[str]]:
        from widget_api.cli.platforms import find_unknown_sites
        from widget_api.outbound import Outbound
        from widget_api.registration import service

        outbound = Outbound(production=settings.production)
        try:
            agency, site = await service.approve(
                database, settings, outbound, application, journal.COMMAND_LINE, settled=settled or ()
            )
        finally:
            await outbound.close()
        return agency, site, await find_unknown_sites(database, settings, [site])

    agency_id, site_id, unknown = run_command(command)
    print_result(
        {"agency": agency_id, "site": site_id} | ({"unknown": unknown} if unknown else {}),
        [f"agency {agency_id}", f"site {site_id}", *unknown],
        as_json,
    )


@application.command("refuse")
def refuse(
    application: ApplicationArgument,
    reason: Annotated[str, typer.Option(help="What the applicant reads in the letter.")],
    as_json: Json = False,
) -> None:
    """Refuse it; the applicant gets the reason by letter."""

    async def command(database: Database, settings: Settings) -> None:
        from widget_api.registration import service

        await service.refuse(database, application, reason, journal.COMMAND_LINE)

    run_command(command)
    print_result({"application": application, "state": "refused"}, [f"application {application} refused"], as_json)


@application.command("names")
def load_names(
    file: Annotated[Path, typer.Argument(help="CSV with the columns inn,name in UTF-8. It replaces the one before.")],
    as_json: Json = False,
) -> None:
    """Load a register, by which the form finds the name of an agency and operators see another one."""

    async def command(database: Database, settings: Settings) -> tuple[int, int]:
        from widget_api.database import Transaction
        from widget_api.registration import store
        from widget_api.registration.model import is_inn

        names = _read_names(file)
        valid = {inn: name for inn, name in names.items() if is_inn(inn) and name}

        async def work(tx: Transaction) -> None:
            await store.replace_names(tx, valid)

        await database.write(work)
        return len(valid), len(names)

    count, total = run_command(command)
    print_result({"names": count, "skipped": total - count}, [f"names: {count} of {total}"], as_json)


def _read_names(file: Path) -> dict[str, str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            return {row["inn"].strip(): " ".join(row["name"].split()) for row in csv.DictReader(source)}
    except (KeyError, AttributeError, UnicodeDecodeError, csv.Error):
        raise Failure(f"{file}: needs the columns inn,name in UTF-8") from None

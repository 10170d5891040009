"""Command `journal`: print who did what that concerns security or personal data."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from widget_api import clock, journal
from widget_api.cli.running import Failure, Json, print_result, print_table, run_command
from widget_api.database import Database
from widget_api.settings import Settings

DAY_SECONDS = 86_400


def register(app: typer.Typer) -> None:
    app.command("journal")(read_journal)


def read_journal(
    kind: Annotated[str | None, typer.Option(help="One kind of act, as `signed_in`.")] = None,
    email: Annotated[str | None, typer.Option(help="Of the user who acted, or whom it was about.")] = None,
    days: Annotated[int, typer.Option(min=1, help="How far back.")] = 30,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the newest first.")] = 200,
    as_json: Json = False,
) -> None:
    """Who did what: sign-ins, roles, settings, exports, contacts read. Nothing in it can be changed."""
    if kind is not None and kind not in journal.KINDS:
        raise Failure(f"--kind: must be one of {', '.join(journal.KINDS)}")

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        address = None if email is None else email.strip().lower()
        since = clock.now() - days * DAY_SECONDS
        return await journal.read(database, kind=kind, email=address, since=since, limit=limit)

    rows = [entry | {"at": clock.rfc3339(entry["at"])} for entry in run_command(command)]
    lines = [entry | {"who": entry["email"] or entry["user_id"] or entry["role"]} for entry in rows]
    print_result(rows, print_table(lines, ("at", "kind", "who", "ip", "subject", "site_id", "details")), as_json)

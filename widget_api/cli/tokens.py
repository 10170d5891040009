"""`token …`: which programs may come in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from widget_api import clock
from widget_api.cli.running import Failure, Json, run, show, table, times
from widget_api.database import Database
from widget_api.settings import Settings
from widget_api.sites import changes

token = typer.Typer(help="Tokens of programs.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(token, name="token")


@token.command("add")
def add_token(
    site: Annotated[str, typer.Option(help="The site's id, key or jurisdiction.")],
    scope: Annotated[Literal["georeport", "platform"], typer.Option(help="Report only, or exchange updates too.")],
    expires: Annotated[str | None, typer.Option(help="Days it is good for, or a date; without it, for good.")] = None,
    as_json: Json = False,
) -> None:
    """Let a program in. The token is shown once."""
    expires_at = None if expires is None else _moment(expires)

    async def command(database: Database, settings: Settings) -> str:
        return await changes.add_token(database, await changes.find(database, site), scope, expires_at)

    made = run(command)
    show({"token": made}, [made], as_json)


def _moment(text: str) -> int:
    """«30» is so many days from now, «2027-01-31» the first moment of that day (UTC), anything longer RFC 3339."""
    now = clock.now()
    try:
        if text.isascii() and text.isdigit():
            moment = now + int(text) * changes.DAY
        else:
            moment = clock.parse_rfc3339(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise Failure("--expires: must be a number of days or a date like 2027-01-31") from None
    if not now < moment < now + 100 * 365 * changes.DAY:
        raise Failure("--expires: must lie in the future, and not too far")
    return moment


@token.command("list")
def list_tokens(
    site: Annotated[str | None, typer.Option(help="Of this site only.")] = None, as_json: Json = False
) -> None:
    """Tokens by their first characters."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        site_id = await changes.find(database, site) if site else None
        return [times(row) for row in await changes.tokens(database, site_id)]

    rows = run(command)
    show(rows, table(rows, ("id", "hint", "scope", "site", "expires_at", "revoked_at")), as_json)


@token.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(help="Its id, or the token itself.")], as_json: Json = False
) -> None:
    """End a token at once."""

    async def command(database: Database, settings: Settings) -> None:
        await changes.revoke_token(database, token)

    run(command)
    show({"revoked": True}, ["revoked"], as_json)

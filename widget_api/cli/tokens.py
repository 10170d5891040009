"""Commands `token …` and `platform speak`: tokens of programs, and whose answers are official."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from widget_api import clock
from widget_api.cli import platforms
from widget_api.cli.running import Failure, Json, format_times, print_result, print_table, run_command
from widget_api.database import Database, Transaction
from widget_api.settings import Settings
from widget_api.sites import changes

token = typer.Typer(help="Tokens of programs.", no_args_is_help=True)
MAX_NAME_LENGTH = 100  # characters


def register(app: typer.Typer) -> None:
    app.add_typer(token, name="token")


@token.command("add")
def add_token(
    site: Annotated[str, typer.Option(help="The site's id, key or jurisdiction.")],
    scope: Annotated[Literal["georeport", "platform"], typer.Option(help="Report only, or exchange updates too.")],
    expires: Annotated[str | None, typer.Option(help="Days it is good for, or a date; without it, for good.")] = None,
    name: Annotated[str | None, typer.Option(help="Whose it is, as timelines show it: everybody reads it.")] = None,
    as_json: Json = False,
) -> None:
    """Let a program in. The token is shown once."""
    expires_at = None if expires is None else _parse_moment(expires)

    async def command(database: Database, settings: Settings) -> str:
        if name is not None and not 1 <= len(name.strip()) <= MAX_NAME_LENGTH:
            raise Failure(f"--name: must have 1 to {MAX_NAME_LENGTH} characters")
        shown = name.strip() if name else None
        return await changes.add_token(database, await changes.find_site_id(database, site), scope, expires_at, shown)

    secret = run_command(command)
    print_result({"token": secret}, [secret], as_json)


def _parse_moment(text: str) -> int:
    """Parse an expiry: «30» days from now, «2027-01-31» at 00:00 UTC, or RFC 3339. Raises Failure."""
    now = clock.now()
    try:
        if text.isascii() and text.isdigit():
            moment = now + int(text) * clock.DAY
        else:
            moment = clock.parse_rfc3339(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise Failure("--expires: must be a number of days or a date like 2027-01-31") from None
    if not now < moment < now + 100 * 365 * clock.DAY:
        raise Failure("--expires: must lie in the future, and not too far")
    return moment


@token.command("list")
def list_tokens(
    site: Annotated[str | None, typer.Option(help="Of this site only.")] = None, as_json: Json = False
) -> None:
    """Tokens by their first characters."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        site_id = await changes.find_site_id(database, site) if site else None
        return [format_times(row) for row in await changes.list_tokens(database, site_id)]

    rows = run_command(command)
    columns = ("id", "hint", "name", "scope", "site", "last_used_on", "expires_at", "revoked_at")
    print_result(rows, print_table(rows, columns), as_json)


@token.command("rotate")
def rotate_token(
    token: Annotated[str, typer.Argument(help="Its id.")],
    overlap: Annotated[int, typer.Option(min=0, max=90, help="Days for which the earlier secret is good.")] = 7,
    as_json: Json = False,
) -> None:
    """Give a token another secret, shown once. It stays the same program: its reports and rights are kept."""

    async def command(database: Database, settings: Settings) -> str:
        return await changes.rotate_token(database, token, overlap)

    secret = run_command(command)
    print_result({"token": secret}, [secret], as_json)


@token.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(help="Its id, or the token itself.")], as_json: Json = False
) -> None:
    """End a token at once."""

    async def command(database: Database, settings: Settings) -> None:
        await changes.revoke_token(database, token)

    run_command(command)
    print_result({"revoked": True}, ["revoked"], as_json)


@platforms.group.command("speak")
def speak(
    source: Annotated[str, typer.Argument(help="A platform, or the id of a token of scope platform.")],
    site: platforms.Site,
    on: Annotated[bool, typer.Option("--on/--off", help="Whether its answers are the agency's.")] = True,
    as_json: Json = False,
) -> None:
    """Let what a platform says be the official answer of a site's agency, or no longer."""

    async def command(database: Database, settings: Settings) -> None:
        from widget_api.platform.store.platforms import set_speaks

        site_id = await changes.find_site_id(database, site)
        token = await database.row(
            "SELECT id FROM tokens WHERE id = :id AND site_id = :site_id AND scope = 'platform'",
            id=source,
            site_id=site_id,
        )
        speaker = token["id"] if token is not None else (await platforms.find_platform(database, source)).id

        async def work(tx: Transaction) -> None:
            await set_speaks(tx, site_id, speaker, on)

        await database.write(work, site_id)

    run_command(command)
    print_result({"source": source, "site": site, "on": on}, [f"{source}: {site} {'on' if on else 'off'}"], as_json)

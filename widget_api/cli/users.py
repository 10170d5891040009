"""Commands `user …`: add, change, disable and list users of the cabinet."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from widget_api import i18n
from widget_api.cli.running import LANGUAGE, Failure, Json, format_times, print_result, print_table, run_command
from widget_api.database import Database
from widget_api.permissions import AgencyRole, Role
from widget_api.settings import Settings
from widget_api.sites import changes

user = typer.Typer(help="People who work in the cabinet.", no_args_is_help=True)

EMAIL = Annotated[str, typer.Option(help="Who: the address they sign in with.")]
NAME = Annotated[str | None, typer.Option(help="The person's name.")]
POST = Annotated[str | None, typer.Option(help="The person's position.")]


def register(app: typer.Typer) -> None:
    app.add_typer(user, name="user")


@user.command("add")
def add_user(
    email: Annotated[str, typer.Option(help="To sign in with.")],
    role: Annotated[Role, typer.Option(help="operator: of the service.")],
    agency: Annotated[str | None, typer.Option(help="Id or name; an operator has none.")] = None,
    name: NAME = None,
    post: POST = None,
    language: Annotated[str, LANGUAGE] = i18n.DEFAULT_LANGUAGE,
    as_json: Json = False,
) -> None:
    """Give somebody access to the cabinet. The password is shown once."""

    async def command(database: Database, settings: Settings) -> dict[str, str]:
        from widget_api.people.accounts import add_user

        agency_id = await changes.find_agency_id(database, agency) if agency else None
        user_id, password = await add_user(
            database, email=email, role=role, agency_id=agency_id, language=language, name=name, post=post
        )
        return {"user": user_id, "password": password}

    _show_password(run_command(command), as_json)


@user.command("invite")
def invite_user(
    email: Annotated[str, typer.Option(help="To write to, and to sign in with.")],
    agency: Annotated[str, typer.Option(help="Id or name.")],
    role: Annotated[AgencyRole, typer.Option(help="In the agency.")],
    name: NAME = None,
    post: POST = None,
    language: Annotated[str, LANGUAGE] = i18n.DEFAULT_LANGUAGE,
    as_json: Json = False,
) -> None:
    """Invite somebody by a letter, with a link to choose a password: valid once, for seven days."""

    async def command(database: Database, settings: Settings) -> str:
        from widget_api import journal
        from widget_api.mail.sender import can_send
        from widget_api.people import invitations

        if not can_send(settings):
            raise Failure("no letter can be sent: set WIDGET_SMTP_URL")
        agency_id = await changes.find_agency_id(database, agency)
        invitee = invitations.Invitee(
            email=email, role=role, agency_id=agency_id, language=language, name=name or "", post=post or ""
        )
        return await invitations.invite(database, invitee, journal.COMMAND_LINE)

    invitation = run_command(command)
    print_result({"invitation": invitation}, [f"invitation {invitation}"], as_json)


@user.command("set")
def set_user(
    email: EMAIL,
    role: Annotated[Role | None, typer.Option(help="operator: of the service, without an agency.")] = None,
    agency: Annotated[str | None, typer.Option(help="Id or name.")] = None,
    name: NAME = None,
    post: POST = None,
    language: Annotated[str | None, LANGUAGE] = None,
    as_json: Json = False,
) -> None:
    """Change somebody's role, agency, name, position or language. Their sessions end."""
    given = {"role": role, "name": name, "post": post, "language": language}

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        from widget_api.people import accounts

        columns: dict[str, Any] = {column: value for column, value in given.items() if value is not None}
        if agency is not None:
            columns["agency_id"] = await changes.find_agency_id(database, agency)
        elif role == Role.OPERATOR:
            columns["agency_id"] = None
        if not columns:
            raise Failure("nothing to change: give --role, --agency, --name, --post or --language")
        return {"user": await accounts.update_user(database, email, columns)}

    print_result(run_command(command), ["set"], as_json)


@user.command("disable")
def disable_user(
    email: EMAIL,
    reports_to: Annotated[
        str, typer.Option(help="Who gets the reports they look after: a colleague's address, or «nobody».")
    ] = "nobody",
    as_json: Json = False,
) -> None:
    """Let somebody in no longer. Their sessions end; what they decided stays theirs."""

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        from widget_api.people import accounts

        return {"user": await accounts.disable_user(database, email, heir=await _find_heir(database, reports_to))}

    print_result(run_command(command), ["disabled"], as_json)


async def _find_heir(database: Database, reports_to: str) -> str:
    if reports_to == "nobody":
        return ""
    row = await database.row("SELECT id FROM users WHERE email = :email", email=reports_to)
    return str(row["id"]) if row is not None else "unknown"


@user.command("enable")
def enable_user(email: EMAIL, as_json: Json = False) -> None:
    """Let somebody in again, with the password they had."""

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        from widget_api.people import accounts

        return {"user": await accounts.enable_user(database, email)}

    print_result(run_command(command), ["enabled"], as_json)


@user.command("reset-password")
def reset_password(email: EMAIL, as_json: Json = False) -> None:
    """Give somebody another password, shown once. Their sessions end."""

    async def command(database: Database, settings: Settings) -> dict[str, str]:
        from widget_api.people import accounts

        user_id, password = await accounts.reset_password(database, email)
        return {"user": user_id, "password": password}

    _show_password(run_command(command), as_json)


@user.command("reset-factor")
def reset_factor(email: EMAIL, as_json: Json = False) -> None:
    """Take the second factor from somebody who lost it: the password is enough then. Their sessions end."""

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        from widget_api.people import second_factor

        return {"user": await second_factor.reset(database, email)}

    print_result(run_command(command), ["reset"], as_json)


@user.command("sessions")
def list_sessions(email: EMAIL, as_json: Json = False) -> None:
    """Where somebody is signed in."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        from widget_api.people import accounts

        return [
            format_times(
                {
                    "created_at": session.created_at,
                    "expires_at": session.expires_at,
                    "ip": session.ip,
                    "device": " · ".join(session.device) or None,
                }
            )
            for session in await accounts.list_sessions_of(database, email)
        ]

    rows = run_command(command)
    print_result(rows, print_table(rows, ("created_at", "expires_at", "ip", "device")), as_json)


@user.command("list")
def list_users(as_json: Json = False) -> None:
    """Everyone who may sign in."""

    async def command(database: Database, settings: Settings) -> list[dict[str, Any]]:
        rows = await database.rows(
            """
            SELECT u.id, u.email, u.role, a.name AS agency, u.name, u.post, u.created_at, u.signed_in_at, u.disabled_at,
                   u.factor_secret IS NOT NULL AS second_factor
            FROM users u LEFT JOIN agencies a ON a.id = u.agency_id ORDER BY u.created_at, u.id
            """
        )
        return [format_times({name: row[name] for name in row.keys()}) for row in rows]  # noqa: SIM118 - rows yield values

    rows = run_command(command)
    print_result(
        rows, print_table(rows, ("id", "email", "role", "agency", "name", "signed_in_at", "disabled_at")), as_json
    )


def _show_password(credentials: dict[str, str], as_json: bool) -> None:
    print_result(credentials, [f"user {credentials['user']}", f"password {credentials['password']}"], as_json)

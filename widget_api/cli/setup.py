"""Command `setup`: ask what an installation needs to know, and write the file of settings."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from widget_api import i18n, settings
from widget_api.cli.running import LANGUAGE, Failure, Json, print_result
from widget_api.ops.findings import Finding
from widget_api.settings import SettingsError, env_file

DEFAULT_FILE = Path("/etc/widget/widget.env")
_KEYS = "WIDGET_SECRET_KEYS"
_KEY_BYTES = 48
# The questions in their order, with what is proposed where neither a file nor an option has an answer.
_QUESTIONS: dict[str, Callable[[Mapping[str, str]], str | None]] = {
    "WIDGET_PUBLIC_URL": lambda values: None,
    "WIDGET_DATABASE_URL": lambda values: f"sqlite:///{values['WIDGET_DATA']}/widget.db",
    "WIDGET_SMTP_URL": lambda values: "smtp://localhost:25",
    "WIDGET_MAIL_FROM": lambda values: f"widget@{urlsplit(values['WIDGET_PUBLIC_URL']).hostname}",
    "WIDGET_OPERATOR_CONTACT": lambda values: None,
}


def register(app: typer.Typer) -> None:
    app.command()(setup)


def setup(
    file: Annotated[Path, typer.Option(help="File to write.")] = DEFAULT_FILE,
    public_url: Annotated[str | None, typer.Option(help="WIDGET_PUBLIC_URL")] = None,
    database_url: Annotated[str | None, typer.Option(help="WIDGET_DATABASE_URL")] = None,
    smtp_url: Annotated[
        str | None,
        typer.Option(help="WIDGET_SMTP_URL; answer the question if others may list this machine's processes."),
    ] = None,
    mail_from: Annotated[str | None, typer.Option(help="WIDGET_MAIL_FROM")] = None,
    operator_contact: Annotated[str | None, typer.Option(help="WIDGET_OPERATOR_CONTACT")] = None,
    check: Annotated[
        bool | None, typer.Option("--check/--no-check", help="Try database and mail server; by default this is asked.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take what is proposed.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Change a file that exists without asking.")] = False,
    language: Annotated[str | None, LANGUAGE] = None,
    as_json: Json = False,
) -> None:
    """Ask five questions and write the settings of an installation, with generated secret keys.

    Where there is a file already, its answers are proposed, and its other lines and its keys stay.
    """
    options = {
        "WIDGET_PUBLIC_URL": public_url,
        "WIDGET_DATABASE_URL": database_url,
        "WIDGET_SMTP_URL": smtp_url,
        "WIDGET_MAIL_FROM": mail_from,
        "WIDGET_OPERATOR_CONTACT": operator_contact,
    }
    conversation = _Conversation(language or _terminal_language(), ask=not yes)
    _require_writable(file, conversation)
    present = file.read_text() if file.exists() else None
    if present is not None and not force and not conversation.confirm("exists", default=False, file=file):
        raise Failure(conversation.text("kept", file=file))
    values = _known_values(present)
    for number, (name, propose) in enumerate(_QUESTIONS.items(), 1):
        proposed = values.pop(name, None) or propose(values)
        values[name] = conversation.answer(number, name, options[name], proposed, values)
    loaded = settings.load(values)  # the other lines of the file, too
    env_file.write(file, env_file.fill_in(present or env_file.read_template(), values))
    wanted = conversation.confirm("check", default=True) if check is None and not yes else check
    findings = asyncio.run(_check(loaded)) if wanted else []
    _report(conversation, file, findings, values, as_json)
    if not all(one.ok for one in findings):
        raise typer.Exit(1)


class _Conversation:
    """Questions to whoever installs the service. They go to standard error, so that the result stands alone."""

    def __init__(self, language: str, *, ask: bool) -> None:
        self.language = language
        self._ask = ask

    def text(self, key: str, **values: object) -> str:
        return i18n.text(self.language, f"setup.{key}", **values)

    def confirm(self, key: str, *, default: bool, **values: object) -> bool:
        return typer.confirm(self.text(key, **values), default=default, err=True) if self._ask else default

    def answer(self, number: int, name: str, given: str | None, proposed: str | None, values: Mapping[str, str]) -> str:
        """Return an answer that the settings accept: the given one, else one that is asked for until it is right.

        Raises Failure for a wrong option, and where nothing may be asked and nothing is proposed.
        """
        key = name.removeprefix("WIDGET_").lower()
        if given is not None or not self._ask:
            answer = (given if given is not None else proposed) or ""
            if not _is_accepted(name, answer, values):
                raise Failure(f"--{key.replace('_', '-')}: {self.text(f'wrong.{key}')}")
            return answer
        typer.echo(f"\n{number}/{len(_QUESTIONS)}  {self.text(f'about.{key}')}", err=True)
        while True:
            answer = typer.prompt(self.text(f"ask.{key}"), default=proposed, err=True).strip()
            if _is_accepted(name, answer, values):
                return str(answer)
            typer.echo(self.text(f"wrong.{key}"), err=True)


def _terminal_language() -> str:
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return i18n.supported_language(next((os.environ[name] for name in names if os.environ.get(name)), None))


def _require_writable(file: Path, conversation: _Conversation) -> None:
    """Raise Failure if the file could not be replaced, before five questions are answered in vain."""
    folder = next(path for path in file.absolute().parents if path.exists())
    if (file.exists() and not file.is_file()) or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise Failure(conversation.text("not_writable", file=file))


def _known_values(present: str | None) -> dict[str, str]:
    """Return what need not be asked, and the answers of a file that exists, unless they are those of the example."""
    example = env_file.read_values(env_file.read_template())
    values = env_file.read_values(present) if present is not None else dict(example)
    values = {name: value for name, value in values.items() if name not in _QUESTIONS or value != example[name]}
    values.setdefault("WIDGET_DATA", example["WIDGET_DATA"])
    values.setdefault(_KEYS, secrets.token_urlsafe(_KEY_BYTES))
    return values


def _is_accepted(name: str, answer: str, values: Mapping[str, str]) -> bool:
    """Whether the settings accept an answer. An error of another variable is not this answer's."""
    if not answer or not env_file.can_contain(answer):
        return False
    try:
        settings.load({**values, name: answer})
    except SettingsError as error:
        return not str(error).startswith(name)
    return True


async def _check(loaded: settings.Settings) -> list[Finding]:
    from widget_api.ops import doctor
    from widget_api.ops.doctor_servers import check_mail

    return [await doctor.check_connection(loaded), await check_mail(loaded)]


def _report(
    conversation: _Conversation, file: Path, findings: list[Finding], values: Mapping[str, str], as_json: bool
) -> None:
    contact = next((one for one in values["WIDGET_OPERATOR_CONTACT"].split(",") if "@" in one), "ADDRESS").strip()
    commands = [
        "widget-admin migrate",
        "systemctl enable --now widget-serve widget-work widget-backup.timer widget-rehearse.timer",
        f"widget-admin user add --email {contact} --role operator",
        "systemctl start widget-backup widget-rehearse",
        "widget-admin doctor",
    ]
    checks = [{"name": one.name, "ok": one.ok, "detail": one.text(conversation.language)} for one in findings]
    document: dict[str, Any] = {"file": str(file), "checks": checks, "next": commands}
    lines = [
        "",
        *(f"{'ok  ' if one['ok'] else 'FAIL'} {one['name']}: {one['detail']}" for one in checks),
        conversation.text("written", file=file),
        conversation.text("next"),
        *(f"  {command}" for command in commands),
    ]
    print_result(document, lines, as_json)

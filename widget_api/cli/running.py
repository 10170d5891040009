"""What every command shares: settings, a database with a fitting schema, one JSON document or plain lines as output."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

import orjson
import typer

from widget_api import clock, i18n, settings
from widget_api.cli import confidential
from widget_api.database import Database
from widget_api.errors import DomainError, Invalid
from widget_api.ops import schema
from widget_api.settings import Settings

Result = TypeVar("Result")
CreateDatabase = Literal["never", "in development", "always"]


def _language(code: str | None) -> str | None:
    if code is not None and code not in i18n.LANGUAGES:
        raise typer.BadParameter(f"{code!r} is not one of {', '.join(i18n.LANGUAGES)}.")
    return code


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
LANGUAGE = typer.Option(help=f"One of {', '.join(i18n.LANGUAGES)}.", callback=_language)
_LANGUAGE = "en"  # of the command line, as of its option names and of the settings' own messages


class Failure(Exception):
    """The command cannot do what was asked. The message is one line."""


def load() -> Settings:
    """The settings of the environment, for a command that ends: what it logs are warnings. Raises SettingsError."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    return settings.load(os.environ)


def load_to_serve() -> Settings:
    """The same for a process that stays, with logs to be read by machines. Raises SettingsError.

    Nothing of the settings is left in its environment, which the programs it starts would inherit.
    """
    loaded = settings.load(os.environ)
    prepare_to_serve(loaded)
    for line in settings.unknown(os.environ):
        logging.getLogger(__name__).warning("%s", line)
    confidential.clear_environment()
    return loaded


def prepare_to_serve(loaded: Settings) -> None:
    """Set up a process that stays: its logs, and that no other process looks into it."""
    from widget_api import logs  # its libraries take longer to import than most commands to run

    confidential.forbid_inspection()
    logs.configure(production=loaded.production)


def outside_production(loaded: Settings, command: str) -> None:
    if loaded.production:
        raise Failure(f"{command} is refused in production: made-up problems have no place among real ones")


def run(command: Callable[[Database, Settings], Awaitable[Result]], *, create: CreateDatabase = "never") -> Result:
    """Run a command on the connected database of the settings. Raises SchemaBehind where there is none to work with.

    `create` says where the command may make the database: `agency add` is the first thing one types in development.
    """
    loaded = load()
    may_create = create == "always" or (create == "in development" and not loaded.production)

    async def connected() -> Result:
        await schema.ensure_schema(loaded, create=may_create)
        database = Database(loaded.database_url, readers=1)
        await database.connect()
        try:
            return await command(database, loaded)
        finally:
            await database.disconnect()

    return asyncio.run(connected())


def show(document: Any, lines: Sequence[str], as_json: bool) -> None:
    """Print a command's result: for programs as one JSON document, else for people."""
    if as_json:
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    for line in lines:
        print(_shown(line, "\n\t"))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """Rows as aligned columns under their names."""
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    widths = [max(len(line[index]) for line in [list(columns), *cells]) for index in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [list(columns), *cells]
    ]


def times(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its times (columns `…_at`) as RFC 3339, the way the API writes them."""
    return {
        name: clock.rfc3339(value) if name.endswith("_at") and isinstance(value, int) else value
        for name, value in row.items()
    }


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (list, tuple, set, frozenset)):
        return _shown(",".join(str(one) for one in value)) or "-"
    return _shown(str(value))


def _shown(text: str, kept: str = "") -> str:
    """What others typed or answered, on a terminal, which obeys none of it: control characters but those `kept`."""
    unseen = ("Cc", "Cs", "Zl", "Zp")
    return "".join("\ufffd" if unicodedata.category(one) in unseen and one not in kept else one for one in text)


def described(error: Exception) -> str:
    """One line for people: what is wrong, and with which option where one is to blame."""
    if isinstance(error, Invalid):
        return "; ".join(
            f"--{wrong.field.replace('_', '-')}: {_text(wrong.code, dict(wrong.values))}" for wrong in error.fields
        )
    if isinstance(error, DomainError):
        key = f"errors.{error.code}"
        if error.code == "site_not_found":  # its text is a webmaster's, and sends them to whoever reads this
            return "there is no such site; `site list` names them"
        if i18n.has(key):
            return i18n.text(_LANGUAGE, key, **error.values)
        return ": ".join([error.code.replace("_", " "), *(str(value) for value in error.values.values())])
    return str(error) or type(error).__name__


def _text(code: str, values: Mapping[str, Any]) -> str:
    for key in (f"sites.fields.{code}", f"fields.{code}"):
        if i18n.has(key):
            return i18n.text(_LANGUAGE, key, **values)
    return code

"""Provide what all commands share: settings, a database with the current schema, output as JSON or text."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal, TypeVar

import orjson
import typer

from widget_api import clock, i18n, settings
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
_LANGUAGE = "en"  # of the command line


class Failure(Exception):
    """The command failed. The message is one line."""


def load_settings() -> Settings:
    """The settings of the environment, for a short-lived command that logs warnings only. Raises SettingsError."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    return settings.load(os.environ)


def load_serving_settings() -> Settings:
    """The same for a long-running process, with structured logs. Raises SettingsError.

    Removes the settings from the environment, which child processes would inherit.
    """
    loaded = settings.load(os.environ)
    prepare_to_serve(loaded)
    for line in settings.unknown(os.environ):
        logging.getLogger(__name__).warning("%s", line)
    clear_environment()
    return loaded


def prepare_to_serve(loaded: Settings) -> None:
    """Configure the logs of a long-running process, and hide it from other processes."""
    from widget_api import logs  # slow to import

    forbid_inspection()
    logs.configure(production=loaded.production)


def refuse_production(loaded: Settings, command: str) -> None:
    if loaded.production:
        raise Failure(f"{command} is refused in production: made-up problems have no place among real ones")


def run_command(
    command: Callable[[Database, Settings], Awaitable[Result]], *, create: CreateDatabase = "never"
) -> Result:
    """Run a command with a connected database. Raises SchemaBehind where its schema is missing or old.

    `create` says where the command may create the database, as `agency add` does in development.
    """
    loaded = load_settings()
    _delete_unfinished_when_ended()
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


def _delete_unfinished_when_ended() -> None:
    """Let SIGTERM, and the end of the terminal, unwind what runs, so that it deletes its unfinished files."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
                signal.signal(number, _unwind)


def _unwind(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    atexit.register(signal.raise_signal, number)  # to systemd an exit code would be a failure
    raise SystemExit


def print_result(document: Any, lines: Sequence[str], as_json: bool) -> None:
    """Print a command's result, as one JSON document or as text."""
    if as_json:
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    for line in lines:
        print(_printable(line, "\n\t"))


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """Format rows as aligned columns under their names."""
    cells = [[_format_cell(row[name]) for name in columns] for row in rows]
    widths = [max(len(line[index]) for line in [list(columns), *cells]) for index in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [list(columns), *cells]
    ]


def format_times(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its times (columns `…_at`) in RFC 3339."""
    return {
        name: clock.rfc3339(value) if name.endswith("_at") and isinstance(value, int) else value
        for name, value in row.items()
    }


def _format_cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (list, tuple, set, frozenset)):
        return _printable(",".join(str(one) for one in value)) or "-"
    return _printable(str(value))


def _printable(text: str, allowed: str = "") -> str:
    """Replace control characters except `kept` in untrusted text, so that a terminal does not execute them."""
    unseen = ("Cc", "Cs", "Zl", "Zp")
    return "".join("\ufffd" if unicodedata.category(one) in unseen and one not in allowed else one for one in text)


def describe_error(error: Exception) -> str:
    """An error as one line, with the option that caused it."""
    if isinstance(error, Invalid):
        return "; ".join(
            f"--{wrong.field.replace('_', '-')}: {_error_text(wrong.code, dict(wrong.values))}"
            for wrong in error.fields
        )
    if isinstance(error, DomainError):
        key = f"errors.{error.code}"
        if error.code == "site_not_found":  # the API's text is for webmasters
            return "there is no such site; `site list` names them"
        if i18n.has(key):
            return i18n.text(_LANGUAGE, key, **error.values)
        return ": ".join([error.code.replace("_", " "), *(str(value) for value in error.values.values())])
    return str(error) or type(error).__name__


def _error_text(code: str, values: Mapping[str, Any]) -> str:
    for key in (f"sites.fields.{code}", f"fields.{code}"):
        if i18n.has(key):
            return i18n.text(_LANGUAGE, key, **values)
    return code


_PR_SET_DUMPABLE = 4
_ENV_START, _ENV_END = 50, 51  # fields of /proc/self/stat, counted from 1 (proc_pid_stat(5))


def forbid_inspection() -> None:
    """Forbid processes without CAP_SYS_PTRACE to read this one's memory, environment and files; disable core dumps."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def clear_environment() -> None:
    """Remove the settings, once they are read, from the environment and from its copy in /proc.

    The initial environment stays in memory after variables are unset, and is copied to every program that the process
    starts.
    """
    names = [name for name in os.environ if is_confidential(name)]
    for name in names:
        del os.environ[name]
    with contextlib.suppress(OSError):  # not Linux
        _overwrite(is_confidential)


def is_confidential(name: str) -> bool:
    return name.startswith("WIDGET_") or name in settings.S3_CREDENTIALS


def _overwrite(concerns: Callable[[str], bool]) -> None:
    """Overwrite the values of variables in the process's initial environment block, which is no longer used."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()  # from the third on
    start, end = int(fields[_ENV_START - 3]), int(fields[_ENV_END - 3])
    place = start
    for variable in ctypes.string_at(start, end - start).split(b"\0"):
        name, equals, value = variable.partition(b"=")
        if equals and concerns(os.fsdecode(name)):
            ctypes.memset(place + len(name) + 1, 0, len(value))
        place += len(variable) + 1

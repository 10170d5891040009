"""Define the command line `widget-api` for operators, with one module for each group of commands."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from widget_api import __version__
from widget_api.cli import (
    addresses,
    agencies,
    applications,
    categories,
    collections,
    data,
    install,
    platforms,
    queue,
    server,
    setup,
    sites,
    tokens,
    users,
)
from widget_api.cli.running import Failure, describe_error
from widget_api.errors import DomainError
from widget_api.ops.schema import SchemaBehind
from widget_api.settings import SettingsError

_Usage: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

app = typer.Typer(
    name="widget-api",
    help="The service behind the widget of municipal sites.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """The service behind the widget of municipal sites."""


for group in (
    setup,
    server,
    agencies,
    sites,
    addresses,
    applications,
    categories,
    collections,
    install,
    users,
    tokens,
    platforms,
    queue,
    data,
):
    group.register(app)


def main() -> None:
    """Run a command. A failure prints one line to standard error; exit code 2 for settings and usage, 1 otherwise."""
    os.umask(0o077)  # files such as the database and letters must not be readable by other users
    sys.exit(_run())


def _run() -> int:
    try:
        result = app(standalone_mode=False)
    except SettingsError as error:
        return _complain(str(error), 2)
    except _Usage as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # without arguments print the help
            error.show()
            return 2
        return _complain(error.format_message(), 2)
    except (DomainError, Failure, SchemaBehind) as error:
        return _complain(describe_error(error), 1)
    except OSError as error:
        return _complain(str(error) or type(error).__name__, 1)
    except (typer.Abort, KeyboardInterrupt):
        return _complain("interrupted", 130)
    except Exception as error:  # drivers have errors of their own; PYTHONDEVMODE=1 shows where they come from
        if os.environ.get("PYTHONDEVMODE"):
            raise
        return _complain(f"{type(error).__name__}: {error}", 1)
    return result if isinstance(result, int) else 0


def _complain(message: str, code: int) -> int:
    print(" ".join(message.split()), file=sys.stderr)
    return code

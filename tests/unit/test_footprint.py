"""A serving process does not import heavy libraries that it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from widget_api import __version__

PROGRAM = (
    "import gc, sys; from widget_api import __main__, cli; cli.main = lambda: print(gc.isenabled()); __main__.main()\n"
    "import widget_api.app, widget_api.web.connections; print(*sys.modules)"
)
# Each costs megabytes or a tenth of the start: migrations, SQLAlchemy's engine and the tables, pictures, spreadsheets,
# PostgreSQL, QR codes, calendars of all countries, coloured tracebacks, the models of API answers.
HEAVY = (
    *("alembic", "mako", "sqlalchemy.ext.asyncio", "PIL", "pillow_heif", "openpyxl", "asyncpg", "obstore", "segno"),
    *("widget_api.database.schema", "sqlalchemy.dialects.postgresql", "holidays", "rich"),
    "widget_api.openapi.answers",
)


@pytest.fixture(scope="module")
def started() -> list[str]:
    """Whether the garbage collector is on while a command runs, and the modules that serving loads."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.split()


@pytest.mark.parametrize("module", HEAVY)
def test_serving_imports_no_heavy_libraries(started: list[str], module: str) -> None:
    assert "widget_api.app" in started
    assert module not in started


def test_the_garbage_collector_waits_for_the_imports_alone(started: list[str]) -> None:
    assert started[0] == "True"
    version = [sys.executable, "-m", "widget_api", "--version"]
    done = subprocess.run(version, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == f"{__version__}\n"

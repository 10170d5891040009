"""A serving process does not import heavy libraries that it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from widget_api import __version__

LOADED = "import sys, widget_api.app, widget_api.cli, widget_api.web.connections; print(*sys.modules)"
# Each costs megabytes or a tenth of the start: migrations, SQLAlchemy's engine and the tables, pictures, spreadsheets,
# PostgreSQL, QR codes, calendars of all countries, coloured tracebacks, the models of API answers.
HEAVY = (
    *("alembic", "mako", "sqlalchemy.ext.asyncio", "PIL", "pillow_heif", "openpyxl", "asyncpg", "obstore", "segno"),
    *("widget_api.database.schema", "sqlalchemy.dialects.postgresql", "holidays", "rich"),
    "widget_api.openapi.answers",
)


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", HEAVY)
def test_serving_imports_no_heavy_libraries(loaded: set[str], module: str) -> None:
    assert "widget_api.app" in loaded
    assert module not in loaded


def test_the_garbage_collector_waits_for_the_imports_alone() -> None:
    program = (
        "import gc; from widget_api import __main__, cli; cli.main = lambda: print(gc.isenabled()); __main__.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "True\n"
    version = [sys.executable, "-m", "widget_api", "--version"]
    done = subprocess.run(version, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == f"{__version__}\n"

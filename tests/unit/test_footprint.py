"""A process that serves holds in memory what it serves with, and no more: heavy libraries load where they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = "import sys, widget_api.app, widget_api.cli, widget_api.web.connections; print(*sys.modules)"
# Each costs megabytes: migrations, an engine for whole tables, pictures, spreadsheets, PostgreSQL, sign-in by QR code,
# what the API answers in models.
HEAVY = (
    *("alembic", "mako", "sqlalchemy.ext.asyncio", "PIL", "pillow_heif", "openpyxl", "asyncpg", "obstore", "segno"),
    "widget_api.openapi.answers",
)


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", HEAVY)
def test_what_is_heavy_is_not_loaded_to_serve(loaded: set[str], module: str) -> None:
    assert "widget_api.app" in loaded
    assert module not in loaded

"""The tables in code match the tables made by the migrations."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.migrations import VERSIONS
from widget_api.database import engine_url
from widget_api.database.schema import metadata
from widget_api.ops import schema

CHANGELOG = Path(__file__).parents[3] / "CHANGELOG.md"


def looked_at(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """Full-text indexes are excluded: a virtual table on SQLite, an index on an expression on PostgreSQL."""
    ours = kind == "table" and str(name).startswith(("problem_words", "alembic_"))
    return not ours and name not in ("ix_problems_words", "ix_problems_unpublished_words")


def differences(connection: Connection) -> list[Any]:
    options = {"include_object": looked_at, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_migrations_are_named_in_their_order_and_have_no_downgrade() -> None:
    """To go back, restore a backup with the release that wrote it (docs/operating.md, «Updating»)."""
    for path in VERSIONS.glob("*.py"):
        assert "def downgrade" not in path.read_text(), path.name
    scripts = ScriptDirectory(str(VERSIONS.parent))
    assert schema.list_revisions() == [one.revision for one in scripts.walk_revisions()][::-1]
    assert schema.latest_revision() == scripts.get_current_head()


def test_each_release_has_one_migration() -> None:
    """That of the next one grows until it is released: CONTRIBUTING.md, «Migrations»."""
    released = max(map(numbers, re.findall(r"^## \[(\d+\.\d+\.\d+)\]", CHANGELOG.read_text(), re.MULTILINE)))
    since = schema.list_revisions()[schema.list_revisions().index("0006") + 1 :]  # 1.0.0 had six
    assert [one for one in since if "." not in one] == [], "named NNNN_version_X_Y_Z.py"
    assert len([one for one in since if numbers(one) > released]) <= 1


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


async def test_migrations_create_the_tables_defined_in_code(database_url: str) -> None:
    engine = create_async_engine(engine_url(database_url))
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()

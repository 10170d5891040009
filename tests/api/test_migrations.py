"""Which schemas `migrate` carries over, from which it refuses to go on, and that it does so entirely or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ONE_DATABASE, running
from tests.factories import EMAIL, make_site, run_statement, submit_report
from tests.support import commands
from tests.support.exchange import wait_until_nothing_due
from tests.support.mail import MailSink
from tests.support.postgres import PostgreSQL
from tests.support.upgrade import unpack
from widget_api.database import Database
from widget_api.ops import schema


async def test_a_database_of_the_last_commit_before_the_release_goes_on(
    new_database: Callable[..., str], make_settings: Callable[..., Any], mail_sink: MailSink
) -> None:
    """Its deliveries wait, and go out once the service runs."""
    url = new_database(migrated=False)
    await schema.migrate(url)
    database = Database(url)
    await database.connect()
    try:
        await submit_report(database, await make_site(database))
        await run_statement(database, "UPDATE alembic_version SET version_num = '0063'")
        queued = await database.rows("SELECT * FROM deliveries ORDER BY id")
        assert {row["state"] for row in queued} == {"pending"}
        await schema.migrate(url)
        assert await schema.current_revision(database) == schema.latest_revision()
        assert await database.rows("SELECT * FROM deliveries ORDER BY id") == queued
        async with running(make_settings(database_url=url)):
            await wait_until_nothing_due(database)
        assert len(mail_sink.to(EMAIL)) == 1
    finally:
        await database.disconnect()


@ONE_DATABASE
@pytest.mark.parametrize("revision", ["0007", "0062"])
def test_databases_of_earlier_commits_are_sent_to_that_one(dialect: str, tmp_path: Path, revision: str) -> None:
    settings = {"WIDGET_DATABASE_URL": f"sqlite:///{tmp_path / 'widget.db'}"}
    assert commands.attempt("migrate", settings=settings, directory=tmp_path).returncode == 0
    with sqlite3.connect(tmp_path / "widget.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    for command in ("migrate",), ("site", "list"):
        done = commands.attempt(*command, settings=settings, directory=tmp_path)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        assert revision in done.stderr
        assert schema.ITS_COMMIT in done.stderr


async def test_an_interrupted_upgrade_leaves_the_earlier_schema(
    dialect: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """It fails after the data were written: nothing is left of it, and another `migrate` carries over everything."""
    server: PostgreSQL | None = request.getfixturevalue("postgres") if dialect == "postgresql" else None
    url = unpack(dialect, tmp_path, server)
    database = Database(url)
    await database.connect()
    try:
        earlier = await database.rows("SELECT * FROM problems ORDER BY id")
        await run_statement(database, "CREATE UNIQUE INDEX uq_tokens_earlier_hash ON tokens (id)")
        with pytest.raises(Exception, match="uq_tokens_earlier_hash"):
            await schema.migrate(url)
        assert await schema.current_revision(database) == "0006"
        assert [dict(row) for row in await database.rows("SELECT * FROM problems ORDER BY id")] == [
            dict(row) for row in earlier
        ]
        await run_statement(database, "DROP INDEX uq_tokens_earlier_hash")
        await schema.migrate(url)
        assert await schema.current_revision(database) == schema.latest_revision()
        due = await database.rows("SELECT first_due FROM problems ORDER BY id")
        assert [row["first_due"] for row in due] == [row["answer_due"] for row in earlier]
    finally:
        await database.disconnect()
        if server is not None:
            server.drop(url)

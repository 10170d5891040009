"""Which schemas `migrate` carries over, from which it refuses to go on, and that it does so entirely or not at all."""

from __future__ import annotations

import json
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
from widget_api import clock
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
        await run_statement(database, "ALTER TABLE sites DROP COLUMN consent")  # which 1.2.0 adds, and these tables
        for table in ("address_houses", "address_trigrams", "address_streets"):
            await run_statement(database, f"DROP TABLE {table}")
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


async def test_an_upgrade_is_done_wholly_or_not(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """It fails after the data were written: nothing is left of it, and another `migrate` carries over everything."""
    server: PostgreSQL | None = request.getfixturevalue("postgres") if dialect == "postgresql" else None
    url = unpack(dialect, tmp_path, server)
    database = Database(url)
    await database.connect()
    try:
        await Earlier(database).add_what_was_not_recorded()
        earlier = await table(database, "problems")
        await run_statement(database, "CREATE UNIQUE INDEX uq_tokens_earlier_hash ON tokens (id)")
        with pytest.raises(Exception, match="uq_tokens_earlier_hash"):
            await schema.migrate(url)
        assert await schema.current_revision(database) == "0006"
        assert await table(database, "problems") == earlier
        await run_statement(database, "DROP INDEX uq_tokens_earlier_hash")
        await schema.migrate(url)
        assert await schema.current_revision(database) == schema.latest_revision()
        await check_what_is_kept(database)
    finally:
        await database.disconnect()
        if server is not None:
            server.drop(url)


async def table(database: Database, name: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.rows(f"SELECT * FROM {name} ORDER BY id")]


DAY = 86_400
NOON = clock.parse_rfc3339("2026-11-26T09:00:00Z")  # of the day that was recorded; reports are due on 10 December


class Earlier:
    """Writes to the recorded database what 1.0.0 would have written."""

    def __init__(self, database: Database) -> None:
        self._database, self._position = database, 1_000

    async def run(self, sql: str, **values: Any) -> None:
        await run_statement(self._database, sql, **values)

    async def event(self, number: int, day: int, status: str | None = None, **changes: Any) -> None:
        """Of a report of the first site, days after the recorded one."""
        (report,) = await self._database.rows(f"SELECT id, site_id FROM problems WHERE {report_of(number)}")
        self._position += 1
        values = {
            "site_id": report["site_id"],
            "id": f"added-{self._position}",
            "position": self._position,
            "problem_id": report["id"],
            "kind": "status",
            "status": status,
            "at": NOON + day * DAY,
            "actor": "agent",
            "data": "{}",
        } | changes
        await self._database.write(lambda tx: tx.insert("events", **values))

    async def answer(self, number: int, day: int, **changes: Any) -> None:
        (text,) = await self._database.rows("SELECT id FROM texts ORDER BY id LIMIT 1")
        await self.event(number, day, "resolved", text_id=text["id"], **changes)
        await self.run(
            f"UPDATE problems SET status = 'resolved', has_answer = TRUE, answered_at = :at WHERE {report_of(number)}"
            " AND answered_at IS NULL",
            at=NOON + day * DAY,
        )

    async def add_what_was_not_recorded(self) -> None:
        for day, told in ((1, "2026-12-20"), (2, "2026-12-24")):
            await self.event(6, day, "planned", data=f'{{"expected_on": "{told}"}}')
        await self.event(1, 15, "reopened", actor="resident")
        await self.answer(1, 16)
        await self.event(1, 17, kind="rated", actor="resident")
        await self.run(f"UPDATE problems SET rating = 4 WHERE {report_of(1)}")
        (token,) = await self._database.rows("SELECT id FROM tokens WHERE scope = 'georeport'")
        await self.answer(3, 1, source=token["id"])
        await self.run(f"UPDATE problems SET published = FALSE, erased_at = :at WHERE {report_of(4)}", at=NOON)
        author = f"problem_id = (SELECT id FROM problems WHERE {report_of(2)})"
        await self.run(f"UPDATE contacts SET name = 'Анна' WHERE {author}")
        await self.run("UPDATE sites SET appeals = 'identified'")
        await self.run("UPDATE platforms SET jurisdiction = 'area' WHERE site_id IS NULL")


def report_of(number: int) -> str:
    return f"number = {number} AND site_id = (SELECT id FROM sites WHERE ordinal = 1)"


async def check_what_is_kept(database: Database) -> None:
    """What the service since 1.1.0 relies on, of what 1.0.0 did not keep or kept otherwise."""
    due = ("2026-12-10", "2026-12-10")
    expected = {  # days after the recorded one
        1: (*due, True, 0, False, True, 0, 17, [15], 0),
        2: (*due, False, None, None, False, None, None, [], None),  # its address is not confirmed
        3: (*due, False, None, None, True, 0, None, [], 0),  # whoever has a token does not speak for the agency
        4: (*due, False, None, None, True, 0, None, [], 0),  # erased, and had been published
        6: ("2026-12-10", "2026-12-24", False, None, None, True, 0, None, [], 0),
    }
    for number, kept in expected.items():
        (row,) = await database.rows(f"SELECT * FROM problems WHERE {report_of(number)}")
        dues = (row["first_due"], row["answer_due"])
        answer = (bool(row["has_answer"]), day(row["answered_at"]), row["answered_in_time"])
        figures = (bool(row["counted"]), day(row["reacted_at"]), day(row["rated_at"]))
        returns = [day(at) for at in json.loads(row["returns"])]
        assert (*dues, *answer, *figures, returns, day(row["decidable_at"])) == kept, number
    for sql, rows in (
        ("SELECT authors FROM site_counters c JOIN sites s ON s.id = c.site_id ORDER BY ordinal", [(3,), (1,)]),
        ("SELECT DISTINCT updates_read FROM platform_links", [(True,)]),
        ("SELECT COUNT(*) FROM contact_keys", [(1,)]),
        ("SELECT DISTINCT appeals, undecided_told > 0 FROM sites", [("off", True)]),
        # the second site has another log from now on
        (
            "SELECT ordinal, cursor IS NULL FROM platform_cursors c JOIN sites s ON s.id = c.site_id"
            " WHERE platform_id = 'default' ORDER BY ordinal",
            [(1, False), (2, True)],
        ),
    ):
        assert [tuple(row) for row in await database.rows(sql)] == rows, sql


def day(at: int | None) -> int | None:
    return None if at is None else (at - NOON) // DAY

"""Which schemas `migrate` carries over, from which it refuses to go on, and that it does so entirely or not at all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.conftest import ONE_DATABASE, running
from tests.factories import run_statement
from tests.support import commands, migrations
from tests.support.mail import MailSink
from tests.support.postgres import PostgreSQL
from tests.support.upgrade import unpack
from tests.support.waiting import await_for
from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.ops import schema


@asynccontextmanager
async def recorded(dialect: str, directory: Path, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """The database that 1.0.0 left behind."""
    server: PostgreSQL | None = request.getfixturevalue("postgres") if dialect == "postgresql" else None
    url = unpack(dialect, directory, server)
    database = Database(url)
    await database.connect()
    try:
        yield database
    finally:
        await database.disconnect()
        if server is not None:
            server.drop(url)


WAITING = clock.parse_rfc3339("2026-11-26T10:00:00Z")  # after the recorded deliveries


async def fill_queues(tx: Transaction) -> dict[str, str]:
    """Put a letter into each queue of 1.1.0. Returns the identifiers of what they are about."""
    user, site, entry = [
        (await tx.row(sql))["id"]  # type: ignore[index]
        for sql in (
            "SELECT id FROM users",
            "SELECT id FROM sites WHERE ordinal = 1",
            f"SELECT id FROM problems WHERE {report_of(3)}",
        )
    ]
    agency = (await tx.row("SELECT agency_id FROM users"))["agency_id"]  # type: ignore[index]
    at, waits = {"created_at": WAITING}, {"next_at": WAITING}
    await tx.insert("password_letters", user_id=user, asked_at=WAITING, **waits)
    await tx.run("UPDATE users SET factor_letter_at = :at, provider_letter_at = :later", at=WAITING, later=WAITING + 1)
    person = {"agency_id": agency, "role": "agent", "language": "ru", "expires_at": WAITING + DAY}
    await tx.insert("invitations", id="new", email="new@gorod.test", **person, **waits)
    await tx.insert(
        "webmaster_letters", id="code", site_id=site, email="web@gorod.test", options="", asked_at=WAITING, **waits
    )
    visit = {"id": "visit", "site_id": site, "agency_id": agency, "at": WAITING + DAY, "place": "", "text": ""}
    await tx.insert("visits", **visit, **at)
    guest = {"visit_id": "visit", "problem_id": entry, "state": "open", "invited_at": WAITING}
    await tx.insert("visit_invitations", id="guest", site_id=site, letter="called_off", **guest, **waits)
    await tx.insert("renewals", problem_id=entry, site_id=site, letter="remind", asked_at=WAITING, **waits)
    wish = {"language": "ru", "origin": "https://new.test", "host": "new.test", "name": "", "inn": "", "email": ""}
    contact = {
        "contact_email": "asks@new.test",
        "contact_name": "",
        "consent_at": 1,
        "consent_hash": "",
        "consent_ip": "",
    }
    await tx.insert(
        "applications", id="wish", state="draft", proof_token="proof", updated_at=1, **wish, **contact, **at
    )
    for place, (kind, email, about) in enumerate(
        (
            ("link", "asks@new.test", {"application_id": "wish"}),
            ("handover", "agency@gorod.test", {"application_id": "wish", "site_id": site}),
            ("origin_lost", "agent@gorod.test", {"site_id": site, "origin": "https://gorod.test"}),
        )
    ):
        letter = {"kind": kind, "email": email, "language": "ru", "next_at": WAITING + place}
        await tx.insert("registration_letters", id=kind, **letter, **about, **at)
    return {user: "user", site: "site", entry: "entry", agency: "agency"}


async def add_digests(tx: Transaction) -> None:
    """The digests that were deliveries of any event, and one that was sent."""
    (event,) = await tx.rows("SELECT site_id, problem_id, id AS event_id, position FROM events ORDER BY id LIMIT 1")
    (user,) = await tx.rows("SELECT id, agency_id FROM users WHERE email = 'agent@gorod.test'")
    for sink, state in (
        (f"digest:{user['agency_id']}:2026-11-25", "delivered"),
        (f"digest:{user['agency_id']}:2026-11-26", "pending"),
        (f"user:{user['id']}:digest:2026-11-26", "leased"),
        (f"operator:{user['id']}:2026-11-26", "pending"),
        (f"report:{user['id']}:2026-11-16:2026-11-22", "pending"),
    ):
        times = {"next_at": WAITING, "created_at": WAITING}
        await tx.insert("deliveries", id=sink, sink=sink, state=state, **event, **times)
        await tx.insert("delivery_attempts", id=sink, delivery_id=sink, at=WAITING, outcome="retry")


async def test_what_waits_at_the_last_commit_before_the_release_goes_out(
    dialect: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    make_settings: Callable[..., Any],
    mail_sink: MailSink,
) -> None:
    """Deliveries, and the letters of the eight queues that 1.1.0 had."""
    async with recorded(dialect, tmp_path, request) as database:
        await migrations.upgrade(database.url, "1.1.0")
        await run_statement(database, "UPDATE alembic_version SET version_num = '0063'")
        known = await database.write(fill_queues)
        queued = await table(database, "deliveries")
        await database.write(add_digests)
        await schema.migrate(database.url)
        assert await schema.current_revision(database) == schema.latest_revision()
        assert await table(database, "deliveries") == queued
        digested = "SELECT DISTINCT digested_on FROM agencies WHERE digested_on <> ''"
        assert [tuple(row) for row in await database.rows(digested)] == [("2026-11-26",)]

        def named(value: str) -> str:
            return known.get(value, value)

        waiting = {
            (row["kind"], named(row["subject"]), row["next_at"] - WAITING): {
                name: named(value) for name, value in json.loads(row["parameters"]).items()
            }
            for row in await table(database, "letters")
        }
        lost = {"letter": "origin_lost", "site_id": "site", "origin": "https://gorod.test", "user_id": "user"}
        assert waiting == {
            ("password_reset", "user", 0): {},
            ("factor_removed", "user", 0): {},
            ("provider_changed", "user", 1): {},
            ("invitation", "new", 0): {},
            ("site_code", "code", 0): {},
            ("visit", "guest", 0): {"letter": "called_off"},
            ("renewal", "entry", 0): {"letter": "remind"},
            ("registration", "wish", 0): {"letter": "link", "application_id": "wish"},
            ("registration", "wish", 1): {"letter": "handover", "application_id": "wish", "site_id": "site"},
            ("registration", "site", 2): lost,
            ("agency_digest", "agency", 0): {"day": "2026-11-26"},
            ("notices", "user", 0): {"day": "2026-11-26"},
            ("period_report", "user", 0): {"first": "2026-11-16", "last": "2026-11-22"},
            ("undecided", "user", 0): {"day": "2026-11-26"},
        }
        with time_machine.travel(WAITING + 60):
            async with running(make_settings(database_url=database.url)):
                for waits in (
                    "SELECT 1 FROM letters",
                    "SELECT 1 FROM deliveries WHERE sink = 'resident' AND state <> 'delivered'",
                ):
                    await await_for(partial(is_none, database, waits), f"{waits}: never ends")
        for address, number in {
            "agent@gorod.test": 4,
            "new@gorod.test": 1,
            "web@gorod.test": 1,
            "asks@new.test": 1,
        }.items():
            assert len(mail_sink.to(address)) == number, address


async def is_none(database: Database, sql: str) -> bool:
    return await database.row(sql) is None


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
    async with recorded(dialect, tmp_path, request) as database:
        await Earlier(database).add_what_was_not_recorded()
        earlier = await table(database, "problems")
        await run_statement(database, "CREATE UNIQUE INDEX uq_tokens_earlier_hash ON tokens (id)")
        with pytest.raises(Exception, match="uq_tokens_earlier_hash"):
            await schema.migrate(database.url)
        assert await schema.current_revision(database) == "0006"
        assert await table(database, "problems") == earlier
        await run_statement(database, "DROP INDEX uq_tokens_earlier_hash")
        await schema.migrate(database.url)
        assert await schema.current_revision(database) == schema.latest_revision()
        await check_what_is_kept(database)


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

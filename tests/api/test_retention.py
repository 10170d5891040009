"""Erasure: on request, and of everything past its retention period."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import time_machine

from tests.factories import OPERATOR, make_site, submit_report
from widget_api import clock
from widget_api.database import Database
from widget_api.demo import samples
from widget_api.ops import retention
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings

DAY = 86_400


async def erased(database: Database) -> set[int]:
    return {row[0] for row in await database.rows("SELECT number FROM problems WHERE erased_at IS NOT NULL")}


async def test_all_reports_of_an_address_are_erased_case_insensitively(database: Database) -> None:
    one, other = await make_site(database), await make_site(database)
    await submit_report(database, one, email="anna@example.test")
    await submit_report(database, other, email="Anna@Example.test")
    stays = await submit_report(database, one, email="boris@example.test")
    done = await retention.erase_person(database, "ANNA@example.test")
    assert {(row["site"], row["number"]) for row in done} == {(one.id, 1), (other.id, 1)}
    kept = await database.rows("SELECT problem_id FROM contacts")
    assert [row[0] for row in kept] == [stays.problem_id]
    assert await retention.erase_person(database, "anna@example.test") == []


async def test_reports_untouched_for_the_retention_period_are_erased(database: Database) -> None:
    short, long = await make_site(database, retention_days=30), await make_site(database, retention_days=300)
    await submit_report(database, short)
    touched = await submit_report(database, short)
    await submit_report(database, long)
    now = clock.now()
    with time_machine.travel(now + 20 * DAY):
        await lifecycle.change(database, OPERATOR, short.id, touched.problem_id, Change(to="accepted"))
    with time_machine.travel(now + 29 * DAY):
        assert (await retention.erase_expired(database))["erased"] == 0
    with time_machine.travel(now + 31 * DAY):
        assert (await retention.erase_expired(database))["erased"] == 1
    assert await erased(database) == {1}
    consents = await database.rows("SELECT withdrawn_at FROM consents")
    assert [row["withdrawn_at"] for row in consents] == [None] * 3, "nobody has withdrawn a consent"


async def test_expired_sessions_and_old_letters_are_deleted(database: Database) -> None:
    now = clock.now()

    async def leave(tx: Any) -> None:
        await tx.insert(
            "users", id="u", email="u@gorod.test", role="operator", password_hash="x", language="ru", created_at=0
        )
        for name, ends in (("old", now - 1), ("new", now + 1000)):
            await tx.insert("sessions", token_hash=name, user_id="u", created_at=0, expires_at=ends)
            await tx.insert("spent", id=name, expires_at=ends)
        for name, at in (("old", now - 3 * DAY), ("new", now - 100)):
            await tx.insert("confirmation_letters", id=name, email_hash="h", at=at)

    await database.write(leave)
    done = await retention.erase_expired(database)
    assert (done["sessions"], done["letters"], done["spent"]) == (1, 1, 1)


async def test_generated_problems_are_published_without_deliveries(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    site = await make_site(database)
    real = await submit_report(database, site)
    added, present = await samples.add_problems(settings.database_url, site, 120)
    assert (added, present) == (120, 120)
    assert await samples.add_problems(settings.database_url, site, 120) == (0, 120)
    assert await samples.add_problems(settings.database_url, site, 130) == (10, 130)
    rows = await database.rows("SELECT * FROM problems WHERE published ORDER BY number")
    numbers = [row["number"] for row in rows]
    assert numbers == list(range(real.number + 1, real.number + 131)), "numbers go on without a gap"
    assert all(38.5 <= row["lng"] <= 39.1 and 54.9 <= row["lat"] <= 55.3 for row in rows)
    assert all(row["created_at"] < clock.now() and len(row["description"]) > 20 for row in rows)
    left = await database.rows("SELECT problem_id FROM deliveries")
    assert {row[0] for row in left} <= {real.problem_id}
    counted = await database.row("SELECT COUNT(*) AS many, MAX(position) AS last FROM events")
    counters = await database.row("SELECT number, position FROM site_counters")
    assert counted is not None
    assert counters is not None
    assert counted["many"] == counted["last"] == counters["position"]
    assert counters["number"] == 131
    newest = rows[-1]
    stored = await database.rows(
        "SELECT kind, status FROM events WHERE problem_id = :id ORDER BY position", id=newest["id"]
    )
    assert [tuple(row) for row in stored][:2] == [("received", "moderation"), ("status", "accepted")]
    assert tuple(stored[-1])[1] == newest["status"]


async def test_generated_problems_lie_in_the_sites_area_and_can_be_changed(
    database: Database, settings: Settings
) -> None:
    site = await make_site(database, bbox=(10.0, 20.0, 11.0, 21.0))
    await samples.add_problems(settings.database_url, site, 5)
    rows = await database.rows("SELECT id, lat, lng, status FROM problems")
    assert all(10 <= row["lng"] <= 11 and 20 <= row["lat"] <= 21 for row in rows)
    for row in rows:
        if row["status"] == "accepted":
            await lifecycle.change(database, OPERATOR, site.id, row["id"], Change(to="in_progress"))

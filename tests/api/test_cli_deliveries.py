"""`widget-api deliveries`: choose by sink, platform and problem, list every attempt, retry, drop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import add_platform, make_site, submit_report
from tests.support.processes import CommandFailed
from widget_api.database import Database
from widget_api.deliveries import queue
from widget_api.problems import lifecycle


@pytest.fixture
async def dead_deliveries(database: Database) -> dict[str, str]:
    """Dead deliveries of two reports to two platforms and to the authors: (sink, number) → id."""
    for platform in ("p", "q"):
        await add_platform(database, platform, name=f"Платформа {platform}")
    site = await make_site(database)
    for number in (1, 2):
        receipt = await submit_report(database, site, email=f"a{number}@example.test")
        await lifecycle.confirm(database, site.id, receipt.problem_id)
    rows = await database.rows("SELECT d.id, d.sink, p.number FROM deliveries d JOIN problems p ON p.id = d.problem_id")
    await database.write(lambda tx: tx.run("UPDATE deliveries SET state = 'dead', last_error = 'no'"))
    return {f"{row['sink']} {row['number']}": row["id"] for row in rows}


async def states(database: Database, dead_deliveries: dict[str, str]) -> dict[str, str]:
    rows = {row["id"]: row["state"] for row in await database.rows("SELECT id, state FROM deliveries")}
    return {name: rows[one] for name, one in dead_deliveries.items()}


async def test_deliveries_are_filtered_by_sink_platform_and_problem(
    database: Database, dead_deliveries: dict[str, str], cli: Callable[..., Any]
) -> None:
    def listed(*options: str) -> set[str]:
        return {row["id"] for row in cli("deliveries", "list", *options)}

    def these(*parts: str) -> set[str]:
        found = {one for name, one in dead_deliveries.items() if all(part in name for part in parts)}
        assert found
        return found

    assert listed() == set(dead_deliveries.values())
    assert listed("--sink", "platform") == these("platform:")
    assert listed("--sink", "platform:p", "--sink", "resident") == these("platform:p") | these("resident")
    assert listed("--platform", "q") == listed("--platform", "Платформа q") == these("platform:q")
    assert listed("--problem", "2") == these(" 2")
    assert listed("--problem", "2", "--platform", "p") == these("platform:p", " 2")
    assert listed("--state", "dropped") == listed("--sink", "nobody") == set()


async def test_all_dead_deliveries_of_a_filter_are_retried_or_dropped(
    database: Database, dead_deliveries: dict[str, str], cli: Callable[..., Any]
) -> None:
    assert len(cli("deliveries", "retry", "--dead", "--platform", "p")["retried"]) == 2
    chosen = ("--dead", "--sink", "platform:q", "--problem", "1")
    assert cli("deliveries", "drop", *chosen, "--reason", "Её нет") == {"dropped": [dead_deliveries["platform:q 1"]]}
    now = await states(database, dead_deliveries)
    for name, state in now.items():
        expected = "pending" if "platform:p" in name else "dropped" if name == "platform:q 1" else "dead"
        assert state == expected, name
    dropped = await database.row("SELECT reason, decided_by, decided_at FROM deliveries WHERE state = 'dropped'")
    assert dropped is not None
    assert (dropped["reason"], dropped["decided_by"]) == ("Её нет", None)
    assert dropped["decided_at"] is not None
    for wrong in (
        ("retry",),
        ("retry", "--platform", "p"),
        ("retry", dead_deliveries["platform:q 2"], "--dead"),
        ("retry", dead_deliveries["platform:q 2"], "--sink", "agency"),
        ("drop", dead_deliveries["platform:q 2"], "--reason", " "),
        ("drop", dead_deliveries["platform:q 2"], "--reason", "у" * 501),
        ("drop", dead_deliveries["platform:q 1"], "--reason", "снова"),
        ("show", "nothing"),
    ):
        with pytest.raises(CommandFailed):
            cli("deliveries", *wrong)
    assert await states(database, dead_deliveries) == now


async def test_every_attempt_of_a_delivery_is_listed(
    database: Database, dead_deliveries: dict[str, str], cli: Callable[..., Any]
) -> None:
    one = dead_deliveries["platform:p 1"]
    cli("deliveries", "retry", one)
    row = await database.row("SELECT next_at FROM deliveries WHERE id = :id", id=one)
    assert row is not None
    now = row["next_at"]
    for error, retry_in in (("503: busy", 5), ("400: unknown service_code", None)):
        (delivery,) = await queue.claim(database, "w", 1, now)
        await queue.finish(database, "w", delivery, now, error, retry_in)
        now += 5
    found = cli("deliveries", "show", one)
    assert (found["state"], found["platform_name"], found["number"]) == ("dead", "Платформа p", 1)
    assert [(tried["outcome"], tried["error"]) for tried in found["tries"]] == [
        ("retry", "503: busy"),
        ("dead", "400: unknown service_code"),
    ]
    assert all(tried["at"].endswith("Z") for tried in found["tries"])

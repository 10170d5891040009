"""A stalled queue and a failing exchange are reported by health, metrics, doctor and the cabinet until they recover."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Client
from tests.factories import add_platform, make_site, submit_report
from tests.support.processes import CommandFailed, Service
from tests.support.waiting import await_for
from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.deliveries.admin import STALLED
from widget_api.platform.store import log
from widget_api.problems import lifecycle
from widget_api.sites.model import Site

DAY = 86_400
ALERTS = Path(__file__).resolve().parents[2] / "docs" / "alerts.yml"
Labels = frozenset[tuple[str, str]]
pytestmark = pytest.mark.settings(work="off")


def metrics(text: str) -> dict[str, dict[Labels, float]]:
    """Metric → labels → value."""
    return {
        family.name: {frozenset(sample.labels.items()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


def fetched(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def examined(service: Service) -> dict[str, tuple[bool, str]]:
    """The output of doctor, whether it succeeds or not."""
    try:
        document = service.cli("doctor")
    except CommandFailed as failure:
        document = json.loads(failure.output)
    return {check["name"]: (check["ok"], check["detail"]) for check in document["checks"]}


# --- the queue, in real processes ---


async def test_a_stalled_queue_is_reported_everywhere_until_a_worker_runs(
    serve: Callable[..., Service], database: Database
) -> None:
    service = serve(work="off", database_url=database.url)
    await submit_report(database, await make_site(database))

    async def due(since: int) -> None:
        at = clock.now() - since
        await database.write(lambda tx: tx.run("UPDATE deliveries SET next_at = :at", at=at))

    await due(STALLED // 2)
    assert fetched(f"{service.url}/readyz")[0] == 200
    assert examined(service)["queue"][0], "half a minute is no standstill"
    await due(2 * STALLED)
    status, text = fetched(f"{service.url}/readyz")
    assert status == 503
    assert "stalled" in text
    found = metrics(fetched(f"{service.url}/metrics")[1])
    for name in ("widget_queue_stalled_seconds", "widget_queue_overdue_seconds"):
        assert found[name][frozenset()] >= 2 * STALLED, name
    well, detail = examined(service)["queue"]
    assert not well
    assert "no progress" in detail
    assert "1 pending" in detail

    serve(database_url=database.url)  # which is ready when the queue moves
    await await_for(lambda: database.row("SELECT 1 FROM deliveries WHERE state = 'delivered'"))
    assert fetched(f"{service.url}/readyz")[0] == 200
    assert examined(service)["queue"] == (True, "empty")
    found = metrics(fetched(f"{service.url}/metrics")[1])
    assert found["widget_queue_stalled_seconds"][frozenset()] == found["widget_queue_overdue_seconds"][frozenset()] == 0


# --- what stands in it, platform by platform ---


@pytest.fixture
async def site(database: Database) -> Site:
    for one, disabled in (("p", None), ("q", None), ("gone", 5)):
        url = "http://127.0.0.1:9/v2"
        await add_platform(database, one, name=f"Платформа {one}", url=url, disabled_at=disabled)
    return await make_site(database)


async def measured(client: Client) -> dict[str, dict[Labels, float]]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return metrics(answer.text)


def of(found: dict[str, dict[Labels, float]], name: str, platform: str) -> float | None:
    """The metric of a platform; None if there is none."""
    return found[f"widget_platform_{name}"].get(
        frozenset({"platform": platform, "name": f"Платформа {platform}"}.items())
    )


async def test_metrics_count_deliveries_by_state_and_priority(client: Client, database: Database, site: Site) -> None:
    for number in range(3):
        await submit_report(database, site, email=f"a{number}@example.test")

    async def spread(tx: Transaction) -> None:
        ids = [row["id"] for row in await tx.rows("SELECT id FROM deliveries ORDER BY id")]
        for one, (state, lane) in zip(ids, (("pending", 0), ("dead", 1), ("dropped", 2)), strict=True):
            await tx.run(
                "UPDATE deliveries SET state = :state, lane = :lane WHERE id = :id", state=state, lane=lane, id=one
            )

    await database.write(spread)
    found = await measured(client)
    standing = {(dict(one)["state"], dict(one)["lane"]): value for one, value in found["widget_queue_length"].items()}
    assert {key for key, value in standing.items() if value} == {("pending", "0"), ("dead", "1")}
    assert len(standing) == 9, "what is empty is told as well: an alert needs something to look at"
    by_state = {dict(one)["state"]: value for one, value in found["widget_deliveries"].items()}
    assert by_state == {"pending": 1, "leased": 0, "delivered": 0, "dead": 1, "dropped": 1}


async def test_every_platform_has_metrics(client: Client, database: Database, site: Site) -> None:
    receipt = await submit_report(database, site)
    await lifecycle.confirm(database, site.id, receipt.problem_id)
    other = await make_site(database)
    now = clock.now()
    found = await measured(client)
    assert of(found, "undelivered", "p") == of(found, "undelivered", "q") == 1
    assert of(found, "undelivered", "gone") is None
    for name in ("circuit_open", "dead_deliveries", "sites_unread", "erasures_unacknowledged"):
        assert of(found, name, "p") == 0, name
    assert of(found, "last_read_timestamp_seconds", "p") is None

    async def worse(tx: Transaction) -> None:
        await tx.run("UPDATE platforms SET paused_until = :until, pause_reason = '503' WHERE id = 'p'", until=now + 600)
        await tx.run("UPDATE platforms SET paused_until = :until WHERE id = 'q'", until=now - 1)
        await tx.run("UPDATE deliveries SET created_at = :at WHERE sink = 'platform:p'", at=now - 5000)
        await tx.run("UPDATE deliveries SET state = 'dead' WHERE sink = 'platform:q'")
        for one, at, error in ((site.id, now - 100, None), (other.id, now - 900, "404: no such jurisdiction")):
            await tx.insert("platform_cursors", platform_id="p", site_id=one, polled_at=at, last_error=error)
        for one, at, acknowledged in (("p", now - 31 * DAY, None), ("q", now - 40 * DAY, now), ("gone", now - 9, None)):
            await tx.insert(
                "platform_erasures",
                problem_id=receipt.problem_id,
                platform_id=one,
                site_id=site.id,
                event_id="e",
                way="call",
                owed_at=at,
                acknowledged_at=acknowledged,
            )

    await database.write(worse)
    found = await measured(client)
    assert (of(found, "circuit_open", "p"), of(found, "circuit_open", "q")) == (1, 0)
    assert (of(found, "oldest_undelivered_seconds", "p") or 0) >= 5000
    assert (of(found, "undelivered", "q"), of(found, "oldest_undelivered_seconds", "q")) == (0, 0)
    assert (of(found, "dead_deliveries", "p"), of(found, "dead_deliveries", "q")) == (0, 1)
    assert of(found, "sites_unread", "p") == 1
    assert of(found, "last_read_timestamp_seconds", "p") == now - 900
    assert (of(found, "erasures_unacknowledged", "p"), of(found, "erasures_unacknowledged", "q")) == (1, 0)
    assert (of(found, "oldest_erasure_unacknowledged_seconds", "p") or 0) >= 31 * DAY
    assert of(found, "erasures_unacknowledged", "gone") == 1, "switched off, it still has to forget"


async def test_a_failed_poll_is_reported_and_keeps_the_age(client: Client, database: Database, site: Site) -> None:
    began = clock.now()
    with time_machine.travel(began, tick=False):
        await log.write_cursor(database, "p", site.id, None, None)
    with time_machine.travel(began + 600, tick=False):
        await log.write_cursor(database, "p", site.id, None, "503: busy")
    found = await measured(client)
    assert (of(found, "last_read_timestamp_seconds", "p"), of(found, "sites_unread", "p")) == (began, 1)
    await log.write_cursor(database, "p", site.id, None, None)
    assert of(await measured(client), "sites_unread", "p") == 0


async def test_a_site_that_left_a_platform_keeps_its_age(client: Client, database: Database, site: Site) -> None:
    left, closed = await make_site(database), await make_site(database)
    now = clock.now()

    async def work(tx: Transaction) -> None:
        for one, at in ((site.id, now - 100), (left.id, now - 9000), (closed.id, now - 9000)):
            await tx.insert("platform_cursors", platform_id="p", site_id=one, polled_at=at)
        await tx.insert("platform_sites", platform_id="p", site_id=left.id, serves=False, since=now)
        await tx.run("UPDATE sites SET disabled_at = :now WHERE id = :id", id=closed.id, now=now)

    await database.write(work)
    assert of(await measured(client), "last_read_timestamp_seconds", "p") == now - 100


async def test_doctor_reports_the_exchanges_state(database: Database, site: Site, cli: Callable[..., Any]) -> None:
    def platform_checks() -> dict[str, tuple[bool, str]]:
        with pytest.raises(CommandFailed) as failure:  # the platforms' addresses have no listener
            cli("doctor")
        checks = json.loads(failure.value.output)["checks"]
        return {check["detail"]: (check["ok"], check["detail"]) for check in checks if check["name"] == "platform"}

    assert len(platform_checks()) == 2, "the third is switched off"
    receipt = await submit_report(database, site)
    await lifecycle.confirm(database, site.id, receipt.problem_id)
    now = clock.now()

    async def worse(tx: Transaction) -> None:
        await tx.run(
            "UPDATE platforms SET paused_until = :until, pause_reason = '503: busy' WHERE id = 'p'", until=now + 600
        )
        await tx.run("UPDATE deliveries SET state = 'dead' WHERE sink = 'platform:q'")
        await tx.insert("platform_cursors", platform_id="q", site_id=site.id, last_error="404: no such jurisdiction")
        await tx.insert(
            "platform_erasures",
            problem_id=receipt.problem_id,
            platform_id="gone",
            site_id=site.id,
            event_id="e",
            way="letter",
            owed_at=now - 31 * DAY,
        )

    await database.write(worse)
    p, q, gone = platform_checks().values()
    assert "left alone until" in p[1]
    assert "503: busy" in p[1]
    assert "1 wait for it" in p[1]
    assert "1 dead, see deliveries list --state dead --platform q" in q[1]
    assert "news of 1 sites cannot be read: 404: no such jurisdiction" in q[1]
    assert gone[0] is False
    assert "Платформа gone is disabled; 1 erasures or corrections are not acknowledged" in gone[1]
    await database.write(lambda tx: tx.run("UPDATE platform_erasures SET owed_at = :at", at=now - 29 * DAY))
    assert list(platform_checks().values())[2][0] is True, "it has thirty days"


@pytest.mark.parametrize(
    ("change", "well"),
    [
        ("UPDATE platforms SET paused_until = NULL", True),
        (f"UPDATE platforms SET paused_until = {4_102_444_800}, pause_reason = 'x' WHERE id = 'p'", False),
    ],
)
async def test_an_open_circuit_is_an_error_even_if_the_platform_answers(
    database: Database, site: Site, cli: Callable[..., Any], serve: Callable[..., Service], change: str, well: bool
) -> None:
    answering = serve(work="off")
    agency = answering.cli("agency", "add", "--name", "А", "--email", "a@gorod.test")["agency"]
    answering.cli("site", "add", "--name", "С", "--agency", agency, "--origin", "https://gorod.test")

    async def work(tx: Transaction) -> None:
        await tx.run("DELETE FROM platforms WHERE id <> 'p'")
        await tx.run("UPDATE platforms SET url = :url", url=f"{answering.url}/open311/v2")
        await tx.run(change)

    await database.write(work)
    try:
        document = cli("doctor")
    except CommandFailed as failure:
        document = json.loads(failure.output)
    (found,) = [check for check in document["checks"] if check["name"] == "platform"]
    assert "answers" in found["detail"]
    assert found["ok"] is well


# --- the example of alerts ---


async def test_the_example_alerts_use_existing_metrics(client: Client, database: Database, site: Site) -> None:
    async def work(tx: Transaction) -> None:
        await tx.insert("chores", name="purge", next_at=1, done_at=1)
        await tx.insert("platform_cursors", platform_id="p", site_id=site.id, polled_at=1)

    await database.write(work)
    found = await measured(client)
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert len(rules) >= 8
    asked = {name for rule in rules for name in re.findall(r"widget_\w+", rule["expr"])}
    assert asked <= set(found) | {"widget_limits_shared"}
    assert all(rule["labels"]["severity"] in ("page", "ticket") for rule in rules)
    assert all({"summary", "description"} <= rule["annotations"].keys() for rule in rules)
    operating = (ALERTS.parent / "operating.md").read_text()
    assert set(found) - {"widget_limits_shared"} <= set(re.findall(r"widget_\w+", operating)), "each is explained"

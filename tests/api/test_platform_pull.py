"""Polling when one platform or one of its answers is faulty: nothing else is lost."""

from __future__ import annotations

import orjson
import pytest

from tests.conftest import GOROD
from tests.factories import existing, make_site, run_statement
from tests.fake_platform import FakePlatform, Fault
from tests.support.exchange import PlatformWorker, accept_report, poll_platform, timeline
from widget_api import clock
from widget_api.context import Context
from widget_api.database import Row
from widget_api.platform import pull
from widget_api.platform.model import Cursor
from widget_api.platform.store import log, platforms
from widget_api.sites.model import Site

pytestmark = GOROD


@pytest.fixture
def context(exchange_context: Context) -> Context:
    return exchange_context


async def test_polling_resumes_after_the_last_page_read(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "PAGE_SIZE", 1)
    problem = await accept_report(context, site)
    await platform_worker.until_idle()
    at = clock.now() - 10
    fields = {"update_id": "1", "service_request_id": "1", "status": "IN_PROGRESS", "description": "Выехали"}
    fake.news, fake.broken = [fields | {"updated_datetime": clock.rfc3339(at)}], {"requests": "500"}
    await pull.poll_platforms(context)
    asked = [one.path for one in fake.calls if one.path == "servicerequestupdates" and one.method == "GET"]
    assert len(asked) == 2, "a platform without pages returns the same one again"
    assert ("status", "in_progress", "Выехали") in await timeline(context, problem)
    early = "SELECT e.kind FROM events e JOIN problems p ON p.id = e.problem_id WHERE e.at < p.created_at"
    assert await context.database.rows(early) == [], "the platform's clock is late"
    (row,) = await context.database.rows("SELECT cursor, polled_at, last_error FROM platform_cursors")
    assert (row["polled_at"], row["last_error"]) == (None, "500: told to answer 500")
    assert Cursor(**orjson.loads(row["cursor"])).since == at
    platform = existing(await platforms.find_platform(context.database, "default"))
    refusals: tuple[tuple[Fault, bool], ...] = (("400", True), ("405", False))
    for fault, known in refusals:
        fake.broken = {"requests": fault}
        failed = await pull.poll_site(context.database, context.outbound, platform, site.id, respect_pauses=False)
        assert (failed is not None) == known, "a list that is refused is a failure, one that does not exist is none"


async def test_recent_requests_are_read_every_time_and_all_from_time_to_time(
    context: Context, site: Site, fake: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "REQUESTS_PAUSE", 0)

    async def days_back() -> int:
        fake.calls.clear()
        await pull.poll_platforms(context)
        starts = [one.fields["start_date"] for one in fake.calls if one.path == "requests"]
        return round((clock.now() - clock.parse_rfc3339(min(starts))) / 86_400)

    assert await days_back() > 700, "the first time"
    assert [await days_back() for _ in range(2)] == [89, 89], "a platform that lists few"
    monkeypatch.setattr(pull, "SMALL_LIST", -1)
    assert await days_back() == 89
    assert [await days_back() for _ in range(2)] == [7, 7]
    del pull._pauses[context.database]["default", site.id, "whole"]  # an hour later
    assert [await days_back() for _ in range(2)] == [89, 7]


async def test_an_unanswered_token_does_not_block_others(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "MAX_TOKENS", 1)
    fake.tokens = True
    reports = [await accept_report(context, site, description=f"Яма номер {number}") for number in range(2)]
    for _ in range(3):
        await platform_worker.round()

    await run_statement(
        context.database,
        "UPDATE platform_links SET remote_token = 'no/such', linked_at = linked_at + 60 WHERE problem_id = :id",
        id=reports[1],
    )
    fake.resolved, rows = True, list[Row]()
    for _ in range(50):
        await poll_platform(context, site)
        rows = [*await context.database.rows("SELECT problem_id FROM platform_links WHERE remote_id IS NOT NULL")]
        if rows:
            break
    assert [row["problem_id"] for row in rows] == [reports[0]]


async def test_an_unexpected_failure_of_one_platform_does_not_stop_others(
    context: Context, site: Site, fake: FakePlatform, caplog: pytest.LogCaptureFixture
) -> None:
    other = await make_site(context.database)
    await log.write_cursor(context.database, "default", site.id, Cursor(since=1), None)

    await run_statement(
        context.database,
        "UPDATE platform_cursors SET cursor = :cursor",
        cursor='{"since": 1, "written_by": "a later version"}',
    )
    await pull.poll_platforms(context)
    assert await log.cursor(context.database, "default", other.id) is not None
    assert "platform default: what it tells cannot be used" in caplog.text

"""A platform's own problems are shown with their source, kept up to date, and never sent back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import GOROD, Client
from tests.factories import AGENT, existing, make_site, run_statement, submit_report
from tests.fake_platform import FakePlatform
from tests.support.cabinet import Enter
from tests.support.exchange import PlatformWorker, accept_report, poll_platform, status, timeline
from widget_api.clock import now, rfc3339
from widget_api.context import Context
from widget_api.errors import Refused
from widget_api.platform import mirror
from widget_api.platform.store import platforms, services
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings
from widget_api.sites.model import Site

URL = "https://platform.test/problems/901"
pytestmark = GOROD


def own(number: int = 901, **changes: Any) -> dict[str, Any]:
    """A request that somebody else sent to the platform, as the platform lists it."""
    return {
        "service_request_id": str(number),
        "status": "open",
        "service_code": "snow",
        "service_name": "Снег",
        "description": "Сугроб у остановки",
        "requested_datetime": rfc3339(now() - 3600),
        "updated_datetime": rfc3339(now() - 3600),
        "address": "ул. Ленина, 1",
        "lat": 55.09,
        "long": 38.77,
        "extended_attributes": {"url": URL},
        **changes,
    }


@pytest.fixture
def settings(exchange_settings: Settings) -> Settings:
    return exchange_settings


async def shown(client: Client, site: Site) -> list[Any]:
    answer = await client.get(f"/api/v1/sites/{site.key}/problems")
    assert answer.status_code == 200
    items: list[Any] = answer.json()["items"]
    return items


async def mirrored(context: Context) -> Any:
    (row,) = await context.database.rows("SELECT * FROM problems WHERE mirror_of IS NOT NULL")
    return row


async def test_a_platforms_own_problem_is_shown_with_its_source(
    client: Client, context: Context, site: Site, fake: FakePlatform
) -> None:
    theirs = own(expected_datetime="2099-03-01T23:30:00-05:00")
    fake.own = [theirs]
    for _ in range(2):
        await poll_platform(context, site)
    (item,) = await shown(client, site)
    assert (item["description"], item["category"], item["status"]) == ("Сугроб у остановки", "snow", "accepted")
    assert (item["source"], item["answer_due"]) == ("platform", "2099-03-01")
    assert item["created_at"] == theirs["requested_datetime"]
    one = (await client.get(f"/api/v1/sites/{site.key}/problems/{item['number']}")).json()
    assert (one["source_name"], one["source_url"]) == ("127.0.0.1", URL)
    page = await client.get(f"/s/{site.key}/problems/{item['number']}")
    assert f'href="{URL}"' in page.text
    named = replace(existing(context.settings.platform), name="Портал области")
    await platforms.sync_default(context.database, replace(context.settings, platform=named))
    fake.own = [own(902, description="Лёд на мосту")]
    await poll_platform(context, site)
    number = next(one["number"] for one in await shown(client, site) if one["description"] == "Лёд на мосту")
    one = (await client.get(f"/api/v1/sites/{site.key}/problems/{number}")).json()
    assert one["source_name"] == "Портал области"


async def test_mirrored_problems_without_a_date_are_never_overdue(
    client: Client, context: Context, site: Site, fake: FakePlatform
) -> None:
    """The site's own deadlines apply to its agency, not to a platform with its own rules."""
    long_ago = rfc3339(now() - 80 * 86_400)
    fake.own = [own(requested_datetime=long_ago, updated_datetime=long_ago)]
    await poll_platform(context, site)
    (item,) = await shown(client, site)
    assert (item["answer_due"], item["overdue"]) == (None, False)
    one = (await client.get(f"/api/v1/sites/{site.key}/problems/{item['number']}")).json()
    assert (one["answer_due"], one["kept"]) == (None, None)
    assert (await client.get(f"/api/v1/sites/{site.key}/problems?overdue=true")).json()["items"] == []
    assert (await client.get(f"/api/v1/sites/{site.key}/stats")).json()["overdue"] == 0
    rows = (await client.get(f"/api/v1/sites/{site.key}/problems.csv")).text
    page = (await client.get(f"/s/{site.key}/problems/{item['number']}")).text
    answer = (
        await client.get(
            f"/open311/v2/requests/{item['number']}.json",
            params={"jurisdiction_id": "gorod.test", "extensions": "true"},
        )
    ).text
    for text in (rows, page, answer):
        assert "9999" not in text


async def test_reports_sent_from_here_are_not_mirrored(
    client: Client, context: Context, site: Site, fake: FakePlatform
) -> None:
    await accept_report(context, site)
    fake.faults.append("lost answer")
    platform_worker = PlatformWorker(context)
    await platform_worker.round()
    assert len(fake.requests) == 1
    await poll_platform(context, site)  # it has arrived, and its number is not known here
    assert len(await shown(client, site)) == 1
    await platform_worker.until_idle()
    await poll_platform(context, site)
    assert len(fake.requests) == 1
    assert len(await shown(client, site)) == 1
    fake.tokens = True
    await accept_report(context, site)
    await PlatformWorker(context).round()
    await poll_platform(context, site)
    assert len(await shown(client, site)) == 2, "nor is one that waits for its number"


async def test_mirrored_problems_create_no_deliveries(context: Context, fake: FakePlatform) -> None:
    site = await make_site(context.database, jurisdiction="gorod.test", agency={"mode": "email"})
    fake.own = [own()]
    await poll_platform(context, site)
    fake.news = [{"update_id": "1", "service_request_id": "901", "status": "FIXED", "updated_datetime": rfc3339(now())}]
    await poll_platform(context, site)
    assert (await mirrored(context))["status"] == "resolved"
    assert await context.database.rows("SELECT 1 FROM deliveries") == []


async def test_mirrored_problems_cannot_be_decided_here(
    context: Context, site: Site, fake: FakePlatform, enter: Enter
) -> None:
    """The cabinet lists them, says who answers, and offers nothing that would be refused."""
    fake.own = [own()]
    await poll_platform(context, site)
    problem = await mirrored(context)
    anna, page = await enter("agent", site.agency.id), f"/cabinet/problems/{problem['id']}"
    shown = await anna.read("/cabinet/problems")
    assert "отвечает: 127.0.0.1" in shown.text
    assert page in shown.links
    assert "/cabinet/bulk" not in [form.action for form in shown.forms], "nothing could be chosen"
    await submit_report(context.database, site)
    bulk = (await anna.read("/cabinet/problems")).form("/cabinet/bulk")
    answer = await anna.client.post(bulk.action, data=bulk.fields | {"action": "accept", "all": "yes"})
    assert "принадлежит платформе" not in (await anna.read(answer.headers["location"])).text
    assert page not in (await anna.read("/cabinet/problems?tab=work")).links_without_query
    assert "отвечает: 127.0.0.1" in (await anna.client.get("/cabinet/problems?view=map")).text
    one = await anna.read(page)
    assert "решают его там" in one.text
    assert URL in one.links
    assert {form.action.partition("?")[0].removeprefix(page) for form in one.forms if page in form.action} == {"/note"}
    with pytest.raises(Refused, match="mirrored"):
        await lifecycle.change(context.database, AGENT, site.id, problem["id"], Change(to="in_progress"))
    assert await status(context, problem["id"]) == "accepted"


async def test_without_updates_the_request_list_is_compared(context: Context, site: Site, fake: FakePlatform) -> None:
    fake.updates_known = False
    sent = await accept_report(context, site)
    await PlatformWorker(context).round()
    fake.own = [own(), own(902, status="closed", status_notes="Убрано", description="Лёд на мосту")]
    await poll_platform(context, site)
    rows = await context.database.rows("SELECT description, status FROM problems WHERE mirror_of IS NOT NULL")
    assert {row["description"]: row["status"] for row in rows} == {
        "Сугроб у остановки": "accepted",
        "Лёд на мосту": "resolved",
    }
    moment = rfc3339(now())
    fake.own = [own(status="closed", status_notes="Вывезли", updated_datetime=moment)]
    fake.requests[0] |= {"status": "closed", "status_notes": "Яма засыпана", "updated_datetime": moment}
    for _ in range(2):
        await poll_platform(context, site)
    assert ("status", "resolved", "Яма засыпана") in await timeline(context, sent)
    (there,) = await context.database.rows("SELECT * FROM problems WHERE description = 'Сугроб у остановки'")
    assert [one for one in await timeline(context, there["id"]) if one[0] == "status"] == [
        ("status", "resolved", "Вывезли")
    ]


async def test_open_requests_are_polled_individually_from_time_to_time(
    context: Context, site: Site, fake: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a platform that lists only the newest requests, and with more open ones than one round covers."""
    monkeypatch.setattr(mirror, "MAX_STATES", 2)
    fake.updates_known, fake.most = False, 0
    reports = [await accept_report(context, site, description=f"Яма номер {number}") for number in range(5)]
    await PlatformWorker(context).until_idle()

    await run_statement(
        context.database, "UPDATE platform_links SET linked_at = linked_at - 60 WHERE problem_id = :id", id=reports[0]
    )
    fake.requests[0] |= {"status": "closed", "updated_datetime": rfc3339(now())}
    for _ in range(4):
        await poll_platform(context, site)
    assert [await status(context, one) for one in reports] == ["resolved", *["accepted"] * 4]
    fake.requests[4] |= {"status": "closed", "updated_datetime": rfc3339(now())}
    for _ in range(4):
        await poll_platform(context, site)
    assert await status(context, reports[4]) == "resolved", "after the last it begins with the first again"


async def test_the_category_is_found_by_the_mapping(context: Context, site: Site, fake: FakePlatform) -> None:
    await services.write_mapping(context.database, "default", site.id, {"snow": "42", "roads": "7"})
    fake.own = [own(service_code="42"), own(902, service_code="77", description="Что-то ещё")]
    await poll_platform(context, site)
    rows = await context.database.rows("SELECT description, category FROM problems")
    assert {row["description"]: row["category"] for row in rows} == {
        "Сугроб у остановки": "snow",
        "Что-то ещё": "other",
    }
    await accept_report(context, site)
    await PlatformWorker(context).round()
    assert fake.requests[0]["service_code"] == "7"


async def test_invalid_requests_are_ignored(client: Client, context: Context, site: Site, fake: FakePlatform) -> None:
    fake.own = [
        own(901, description=None, service_name="Снег"),
        own(902, lat=None, long=None, address=None),
        own(903, lat=955.0),
        own(904, description="Я" * 9000, requested_datetime="2999-01-01T00:00:00Z"),
        own(905, description=None, service_name=None),
        own(906, description="\x00\x1b", service_name=" "),
        own(907, extended_attributes={"url": "javascript:alert(1)"}, description="Ссылка"),
    ]  # fmt: skip
    await poll_platform(context, site)
    items = await shown(client, site)
    assert sorted(item["description"][:6] for item in items) == ["Снег", "Ссылка", "Сугроб", "ЯЯЯЯЯЯ"]
    rows = await context.database.rows("SELECT source_url, created_at FROM problems")
    assert {row["source_url"] for row in rows} == {URL, None}
    assert all(row["created_at"] <= now() for row in rows)


async def test_after_a_restart_only_news_are_read(context: Context, site: Site, fake: FakePlatform) -> None:
    await poll_platform(context, site)
    spans = [one.fields.get("end_date") for one in fake.calls if one.path == "requests"]
    assert len(spans) > 4, "two years back, the first time"
    fake.calls.clear()
    await poll_platform(context, site)
    (call,) = [one for one in fake.calls if one.path == "requests"]
    assert "end_date" not in call.fields

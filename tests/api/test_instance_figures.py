"""The figures of all sites together, of a platform token's sites, and the public page of them."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine

from tests.api.test_published_figures import DAY, NOON, answer_reports, figures
from tests.conftest import Client
from tests.factories import AGENT, make_site, submit_report
from tests.support import migrations
from widget_api.browse.received import Received
from widget_api.context import Context
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Site

EMPTY = {"sites": 0, "settlements": 0, "reports": 0, "resolved": 0, "share_resolved": None, "confirmed_authors": 0}


async def instance(client: Client) -> dict[str, Any]:
    answer = await client.get("/api/v1/stats")
    assert answer.status_code == 200
    assert "s-maxage" in answer.headers["cache-control"]
    return dict(answer.json())


async def confirmed(context: Context, site: Site, email: str) -> str:
    problem_id = (await submit_report(context.database, site, email=email)).problem_id
    await lifecycle.confirm(context.database, site.id, problem_id)
    return problem_id


async def test_an_empty_service_has_figures(client: Client) -> None:
    assert await instance(client) == EMPTY | {"outcomes": Received().to_json()}
    page = await client.get("/stats")
    assert page.status_code == 200
    assert "Сообщений" in page.text


async def test_enabled_sites_are_counted_together(client: Client, context: Context, site: Site) -> None:
    other, disabled = await make_site(context.database), await make_site(context.database)
    await answer_reports(context, site, (1, 2))
    for one in (other, disabled):
        problem_id = (await submit_report(context.database, one)).problem_id
        await lifecycle.change(context.database, AGENT, one.id, problem_id, Change(to="accepted"))
    await submit_report(context.database, other)  # not published
    await changes.disable_site(context.database, disabled.id)
    found = await instance(client)
    assert found.pop("outcomes") == Received(published=3, unconfirmed=1, resolved=2).to_json()
    assert found == EMPTY | {"sites": 2, "settlements": 2, "reports": 3, "resolved": 2, "share_resolved": 0.6667}
    page = await client.get("/stats?lang=en")
    for text in ("<dd>3</dd>", "<dd>2</dd>", "<dd>67 %</dd>", "Municipalities"):
        assert text in page.text


async def test_a_settlement_is_a_topmost_agency(client: Client, context: Context, site: Site) -> None:
    service = await sites.add_agency(
        context.database, name="Водоканал", email="voda@gorod.test", parent_id=site.agency.id
    )
    district = await sites.add_agency(context.database, name="Участок", email="u@gorod.test", parent_id=service)
    for number, agency_id in enumerate((site.agency.id, service, district)):
        place = {"name": "Сайт", "agency_id": agency_id, "jurisdiction": f"s{number}.test"}
        await sites.add_site(context.database, **place, allowed_origins=("https://voda.test",))
    await sites.add_agency(context.database, name="Без сайта", email="b@gorod.test")
    found = await instance(client)
    assert (found["sites"], found["settlements"]) == (4, 1)


async def test_an_author_is_counted_once_a_site_and_after_erasure(client: Client, context: Context, site: Site) -> None:
    first = await confirmed(context, site, "anna@example.test")
    await confirmed(context, site, "Anna@EXAMPLE.test")
    await confirmed(context, site, "vera@example.test")
    await submit_report(context.database, site, email="nobody@example.test")  # not confirmed
    assert (await instance(client))["confirmed_authors"] == 2
    await lifecycle.erase(context.database, AGENT, site.id, first)
    assert (await instance(client))["confirmed_authors"] == 2
    await confirmed(context, site, "anna@example.test")  # her second report still knows the address
    assert (await instance(client))["confirmed_authors"] == 2
    await confirmed(context, await make_site(context.database), "anna@example.test")
    assert (await instance(client))["confirmed_authors"] == 3


async def test_the_migration_counts_the_authors_there_are(client: Client, context: Context, site: Site) -> None:
    for email in ("anna@example.test", "ANNA@example.test", "vera@example.test"):
        await confirmed(context, site, email)
    await submit_report(context.database, site, email="nobody@example.test")
    await context.database.write(lambda tx: tx.run("UPDATE site_counters SET authors = 0"))
    await migrations.run(context.settings.database_url, "version_1_1_0", "fill_sites")
    assert (await instance(client))["confirmed_authors"] == 2


async def test_unchanged_figures_return_304(client: Client, context: Context, site: Site) -> None:
    tag = {"If-None-Match": (await client.get("/api/v1/stats")).headers["etag"]}
    assert (await client.get("/api/v1/stats", headers=tag)).status_code == 304
    await answer_reports(context, site, (1,))
    assert (await client.get("/api/v1/stats", headers=tag)).status_code == 200
    assert (await client.get("/api/v1/stats?from=2026-01-01")).json()["code"] == "parameter_unknown"


SITES = 850


async def test_hundreds_of_sites_equal_a_naive_count(client: Client, context: Context, record_property: Any) -> None:
    model = await make_site(context.database)
    await answer_reports(context, model, (1, 30))
    tables = ("agencies", "sites", "site_counters", "site_figures")

    async def copy(tx: Any) -> None:
        rows = {
            table: await tx.rows(f"SELECT * FROM {table} WHERE {column} = :id", id=value)
            for table, column, value in (
                ("agencies", "id", model.agency.id),
                ("sites", "id", model.id),
                ("site_counters", "site_id", model.id),
                ("site_figures", "site_id", model.id),
            )
        }
        for number in range(SITES - 1):
            names = {"agencies": "id", "sites": "id", "site_counters": "site_id", "site_figures": "site_id"}
            for table in tables:
                for row in rows[table]:
                    values = {name: row[name] for name in row.keys()} | {names[table]: f"copy-{number}"}  # noqa: SIM118
                    if table == "sites":
                        values |= {"agency_id": f"copy-{number}", "jurisdiction": f"copy{number}.test", "ordinal": None}
                        values |= {"disabled_at": 1 if number % 17 == 0 else None}
                    await tx.insert(table, **values)

    await context.database.write(copy)
    begun = time.perf_counter()
    found = await instance(client)
    record_property("milliseconds", round((time.perf_counter() - begun) * 1000))
    enabled = [one for one in await context.database.rows("SELECT id, disabled_at FROM sites") if not one[1]]
    counts = {row[0]: 0 for row in enabled}
    for row in await context.database.rows(
        "SELECT site_id, count FROM site_figures WHERE grain = 'd' AND measure = 'received'"
    ):
        if row["site_id"] in counts:
            counts[row["site_id"]] += row["count"]
    assert (found["sites"], found["settlements"]) == (len(enabled), len(enabled)) == (800, 800)
    assert (found["reports"], found["resolved"]) == (sum(counts.values()),) * 2 == (1600, 1600)


# --- a platform ---


@pytest.fixture
async def bearer(context: Context, site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {await changes.add_token(context.database, site.id, 'platform')}"}


async def test_a_platform_reads_the_figures_of_its_site(
    client: Client, context: Context, site: Site, bearer: dict[str, str]
) -> None:
    await answer_reports(context, site, (1, 30), marks=(5,))
    await answer_reports(context, await make_site(context.database), (1,))
    for query in ({}, {"from": "2026-11-26"}):
        with time_machine.travel(NOON + 20 * DAY, tick=False):
            answer = await client.get("/api/v1/platform/stats", params=query, headers=bearer)
        found = answer.json()
        (one,) = found.pop("sites")
        public = await figures(client, site, **query)
        assert found == public
        known = {"key": site.key, "jurisdiction": site.jurisdiction, "name": site.name}
        names = ("total", "open", "resolved", "overdue", "median_days")
        assert one == known | {name: public[name] for name in names}
        assert answer.headers["cache-control"] == "no-store"


async def test_platform_figures_need_a_token_of_the_scope(
    client: Client, context: Context, site: Site, bearer: dict[str, str]
) -> None:
    other = await changes.add_token(context.database, site.id, "georeport")
    for headers in ({}, {"Authorization": f"Bearer {other}"}, {"Authorization": "Bearer wrong"}):
        assert (await client.get("/api/v1/platform/stats", headers=headers)).status_code == 401
    for query in ("from=2026-02-30", "from=2026-02-02&to=2026-02-01", "district=west"):
        answer = await client.get(f"/api/v1/platform/stats?{query}", headers=bearer)
        assert answer.status_code == 400, query

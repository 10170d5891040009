"""Reports that are sent with a test key are worked on as others are, and reach the agency's administrators alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from tests.api.test_canary import public_routes
from tests.conftest import ONE_DATABASE, Client, running
from tests.factories import AGENT, EMAIL, HOST_ORIGIN, existing, make_site, submit_report
from tests.fake_platform import FakePlatform
from tests.support.cabinet import Cabinet, Enter, PageText
from tests.support.exchange import wait_until_nothing_due
from tests.support.mail import MailSink
from tests.support.public_api import Widget
from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import NotFound
from widget_api.followers.service import confirm_following, follow_problem
from widget_api.ops import retention
from widget_api.people import accounts, organisation_store
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.problems.persons import Person
from widget_api.problems.store import contacts, followers, notices
from widget_api.residents import my_reports
from widget_api.settings import Settings
from widget_api.sites import changes, testing
from widget_api.sites import service as sites
from widget_api.sites import store as site_store
from widget_api.sites.model import Site

CANARY = "канарейка проверяет форму"


@pytest.fixture
async def test_site(context: Context, site: Site) -> Site:
    return await testing.add_test_site(context.database, site)


async def published(database: Database, site: Site, **changes: Any) -> str:
    problem_id = (await submit_report(database, site, **({"description": CANARY} | changes))).problem_id
    await lifecycle.confirm(database, site.id, problem_id)
    answer = Change(to="resolved", text=f"Ответ: {changes.get('description', CANARY)}")
    for change in (Change(to="accepted"), answer) if site.moderation == "before" else (answer,):
        await lifecycle.change(database, AGENT, site.id, problem_id, change)
    return problem_id


async def test_nobody_gets_a_report_of_a_test_but_its_author_whose_letters_say_so(
    make_settings: Callable[..., Settings], database_url: str, fake: FakePlatform, mail_sink: MailSink
) -> None:
    settings = make_settings(database_url=database_url, platform_url=fake.url, platform_key="secret")
    async with running(settings) as app:
        database = app.state.context.database
        site = await make_site(database, agency={"mode": "email", "email": "priem@gorod.test"})
        for role in ("agent", "head", "admin"):
            of: dict[str, Any] = {"role": role, "agency_id": site.agency.id}
            await accounts.add_user(database, email=f"{role}@gorod.test", **of)
        test = await testing.add_test_site(database, site)
        await published(database, test)
        open_one = (await submit_report(database, test)).problem_id
        await lifecycle.confirm(database, test.id, open_one)
        below = {"name": "Водоканал", "email": "voda@gorod.test", "mode": "email"}
        service_id = await sites.add_agency(database, **below, parent_id=site.agency.id)
        await lifecycle.change(database, AGENT, test.id, open_one, Change(to="forwarded", service=service_id))
        assert await database.rows("SELECT 1 FROM problems WHERE assigned_agency IS NOT NULL") == []
        await changes.update_agency(database, site.agency.id, {"mode": "cabinet"})
        await changes.update_agency(database, site.agency.id, {"mode": "email"})  # which sends what waits
        await wait_until_nothing_due(database)
        assert [row[0] for row in await database.rows("SELECT DISTINCT sink FROM deliveries")] == ["resident"]
        assert await database.rows("SELECT 1 FROM notices") == []
    assert len(mail_sink.letters) >= 2
    assert {str(letter.message["To"]) for letter in mail_sink.letters} == {"anna@example.test"}
    assert [str(one.message["Subject"])[:7] for one in mail_sink.letters] == ["[тест] "] * len(mail_sink.letters)
    assert not fake.requests
    assert not fake.updates


async def test_no_door_shows_a_report_of_a_test(client: Client, context: Context, site: Site, test_site: Site) -> None:
    database = context.database
    await published(database, site, description="Настоящая яма")
    await published(database, test_site)
    token = await changes.add_token(database, site.id, "platform")
    doors = public_routes(site, (1, 2))
    doors += ["/stats", "/api/v1/stats", "/", "/mine", "/track", "/robots.txt", "/sites/new", "/metrics", "/healthz"]
    doors += ["/open311/v2/services.json", "/open311/v2/requests.json", "/open311/discovery.json"]
    for path in doors:
        answer = await client.get(path, headers={"Accept-Language": "ru"})
        assert answer.status_code < 500, path
        assert "канарейка" not in answer.text.lower(), path
        assert test_site.key not in answer.text, path
        assert test_site.id not in answer.text, path
    events = await client.get(
        f"/api/v1/platform/events?site={site.jurisdiction}", headers={"Authorization": f"Bearer {token}"}
    )
    assert events.status_code == 200
    assert "канарейка" not in events.text
    named = await client.get(f"/open311/v2/requests.json?jurisdiction_id={test_site.jurisdiction}")
    assert named.status_code == 404
    figures = (await client.get("/api/v1/stats")).json()
    assert (figures["sites"], figures["reports"], figures["confirmed_authors"]) == (1, 1, 1)
    own = (await client.get(f"/api/v1/sites/{site.key}/stats")).json()
    assert own["total"] == 1


async def test_what_is_read_across_sites_leaves_tests_out(context: Context, site: Site, test_site: Site) -> None:
    database, hashed = context.database, contacts.email_hash(EMAIL)
    neighbour = Person(email=EMAIL, language="ru", consent_version="1", consent_hash="0" * 64, ip=None)
    for one in (site, test_site):
        problem_id = (await submit_report(database, one)).problem_id
        await lifecycle.confirm(database, one.id, problem_id)
        await lifecycle.change(database, AGENT, one.id, problem_id, Change(to="accepted"))
        await follow_problem(database, one.id, 1, neighbour, None)
    for row in await database.rows("SELECT * FROM followers"):
        await confirm_following(database, row)
    assert [row["site_id"] for row in await followers.of_person(database, hashed)] == [site.id]
    assert [row["sites"] for row in await organisation_store.list_every_agency(database)] == [1]
    assert [row["site_id"] for row in await site_store.list_holders(database, HOST_ORIGIN)] == [site.id]
    reports = await my_reports.list_reports(database, hashed)
    assert [row["id"] for row in reports] != []
    assert len(reports) == 1
    dates = await database.write(lambda tx: notices.list_dates(tx, site.agency.id, "2000-01-01", "2999-01-01"))
    assert len(dates) == 1
    platform = Platform(id="p1", name="Портал", url="https://portal.test", key="k" * 20, protocol="georeport")
    await platforms.insert_platform(database, platform)
    assert await platforms.sites_of(database, platform.id) == [site.id]
    assert await platforms.platforms_of_site(database, test_site.id) == []


async def test_lists_and_figures_of_the_cabinet_leave_tests_out(
    context: Context, site: Site, test_site: Site, admin: Cabinet, enter: Enter
) -> None:
    await published(context.database, test_site)
    await submit_report(context.database, test_site, description=CANARY)
    for role, cabinet in (("admin", admin), ("operator", await enter("operator", None))):
        for path in (
            "/cabinet/", "/cabinet/problems", "/cabinet/problems?status=resolved", "/cabinet/problems.csv",
            "/cabinet/analytics?from=all", "/cabinet/analytics/report", "/cabinet/inbox", "/cabinet/sites",
            "/cabinet/operator/agencies", "/cabinet/operator/state", f"/cabinet/problems?site={test_site.id}",
            "/cabinet/organisation/routing", "/cabinet/new-report",
        ):  # fmt: skip
            answer = await cabinet.client.get(path)
            assert "канарейка" not in answer.text, (role, path)
            assert test_site.id not in answer.text, (role, path)
    for collections in (False, True):
        assert await sites.list_sites(context.database, disabled=True, collections=collections) == [site]
    with pytest.raises(NotFound):
        await changes.find_site_id(context.database, test_site.key)


@ONE_DATABASE
async def test_its_pages_and_widget_say_it(client: Client, context: Context, site: Site, test_site: Site) -> None:
    await published(context.database, test_site)
    configuration = (await client.get(f"/api/v1/sites/{test_site.key}")).json()
    assert configuration["test"] == "Тестовый режим"
    assert configuration["submit"] == "Отправить проверочное сообщение"
    assert configuration["categories"][0]["track"].startswith("Тестовый режим: ")
    assert "test" not in (await client.get(f"/api/v1/sites/{site.key}")).json()
    for path in ("", "/report", "/problems/1", "/embed"):
        page = await client.get(f"/s/{test_site.key}{path}")
        assert page.status_code == 200
        assert "Тестовый режим" in page.text
        assert page.headers["x-robots-tag"] == "noindex, nofollow"
        assert "Тестовый режим" not in (await client.get(f"/s/{site.key}{path}")).text
    assert CANARY in (await client.get(f"/api/v1/sites/{test_site.key}/problems")).text


@ONE_DATABASE
async def test_the_test_key_works_on_the_sites_and_at_home(client: Client, site: Site, test_site: Site) -> None:
    assert test_site.key.startswith("wk_test_")
    home = ("http://localhost:3000", "http://127.0.0.1", "http://site.localhost")
    for origin in (HOST_ORIGIN, *home):
        answer = await client.get(f"/api/v1/sites/{test_site.key}/challenge", headers={"Origin": origin})
        assert answer.status_code == 200, origin
    for origin in (*home, "https://evil.test", "http://localhost.evil.test"):
        answer = await client.get(f"/api/v1/sites/{site.key}/challenge", headers={"Origin": origin})
        assert answer.status_code == 403, origin
    for origin in ("https://evil.test", "http://localhost.evil.test"):
        answer = await client.get(f"/api/v1/sites/{test_site.key}/challenge", headers={"Origin": origin})
        assert answer.status_code == 403, origin
    framing = (await client.get(f"/s/{test_site.key}/embed")).headers["content-security-policy"]
    assert "http://localhost:*" in framing
    assert "localhost" not in (await client.get(f"/s/{site.key}/embed")).headers["content-security-policy"]


async def test_it_has_the_settings_of_the_site_at_any_time(context: Context, site: Site, test_site: Site) -> None:
    database = context.database
    await changes.set_category(database, site.id, "roads", {"name": "Ямы"})
    await changes.set_category(database, site.id, "snow", {"enabled": False})
    await changes.update_site(database, site.id, {"contact": "required"}, add_origins=["https://new.test"])
    now, test = await sites.by_id(database, site.id), await sites.by_key(database, test_site.key)
    assert (test.categories, test.origins, test.contact) == (now.categories, now.origins, "required")
    assert test.retention_days == testing.RETENTION_DAYS
    await changes.disable_site(database, site.id)
    with pytest.raises(NotFound):
        await sites.by_key(database, test_site.key)
    await changes.disable_site(database, site.id, disabled=False)
    assert await testing.add_test_site(database, now) == await sites.by_key(database, test_site.key)


async def test_an_administrator_makes_the_key_reads_reports_and_deletes_them(
    context: Context, site: Site, admin: Cabinet
) -> None:
    path = f"/cabinet/sites/{site.id}/testing"
    assert (await admin.send(path, path)).status_code == 303
    test = existing(await testing.find_test_site(context.database, site.id))
    page = await admin.read(path)
    assert test.key in page.text
    live = await submit_report(context.database, site)
    problem = (await submit_report(context.database, test, description=CANARY)).problem_id
    page = await admin.read(path)
    assert CANARY in page.text
    assert f"/cabinet/problems/{problem}" in page.links
    assert "Тестовый режим" in (await admin.read(f"/cabinet/problems/{problem}")).text
    assert "Тестовый режим" not in (await admin.read(f"/cabinet/problems/{live.problem_id}")).text
    assert (await admin.decide(problem, "accepted")).status_code == 303
    assert (await admin.send(path, path, do="purge")).status_code == 422
    assert (await admin.send(path, path, do="purge", sure="yes")).status_code == 303
    assert CANARY not in (await admin.read(path)).text
    left = await context.database.rows("SELECT site_id FROM problems WHERE erased_at IS NULL")
    assert [row["site_id"] for row in left] == [site.id]
    for _ in range(2):  # pressed twice
        assert (await admin.send(path, f"{path}/key", key=test.key)).status_code == 303
    replaced = existing(await testing.find_test_site(context.database, site.id))
    assert replaced.key.startswith(testing.KEY_PREFIX)
    assert (await admin.client.get(f"/s/{test.key}")).status_code == 404
    assert (await admin.client.get(f"/s/{replaced.key}")).status_code == 200
    (keys,) = await context.database.rows("SELECT COUNT(*) FROM site_keys WHERE site_id = :id", id=test.id)
    assert keys[0] == 2, "once"


@ONE_DATABASE
async def test_reports_of_a_test_are_erased_after_a_week(context: Context, site: Site, test_site: Site) -> None:
    for one in (site, test_site):
        await submit_report(context.database, one)
    with time_machine.travel(clock.now() + 6 * 86_400, tick=False):
        assert (await retention.erase_expired(context.database))["erased"] == 0
    with time_machine.travel(clock.now() + 8 * 86_400, tick=False):
        await retention.erase_expired(context.database)
    left = await context.database.rows("SELECT site_id FROM problems WHERE erased_at IS NULL")
    assert [row["site_id"] for row in left] == [site.id]


@ONE_DATABASE
async def test_a_report_goes_in_by_the_test_key(client: Client, context: Context, test_site: Site) -> None:
    widget = Widget(client, test_site, "http://localhost:3000")
    answer = await widget.send(email=None)
    assert answer.status_code == 201, answer.text
    row = existing(await context.database.row("SELECT site_id FROM problems"))
    assert row["site_id"] == test_site.id
    page = await client.get((await client.get(widget.root)).json()["links"]["track"])
    given = {"number": "1", "code": answer.json()["code"]}
    assert (await client.post("/track", data=PageText(page.text).form("/track").fields | given)).status_code == 303


@ONE_DATABASE
def test_commands_tell_the_test_key(cli: Callable[..., Any], database: Database) -> None:
    agency = cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    added = cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", HOST_ORIGIN)
    assert added["test_key"].startswith("wk_test_")
    assert cli("site", "show", added["key"])["test_key"] == added["test_key"]
    assert [one["key"] for one in cli("site", "list")] == [added["key"]]

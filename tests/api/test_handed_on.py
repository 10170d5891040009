"""A report of a place outside the territory is taken and handed to whom it belongs, where the site allows that."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from tests.conftest import Client, running
from tests.factories import AGENT, EMAIL, existing, make_site
from tests.fake_platform import FakePlatform
from tests.support.cabinet import PageText
from tests.support.exchange import PlatformWorker
from tests.support.pictures import noise, photo
from tests.support.public_api import Widget
from widget_api.context import Context
from widget_api.problems import forms, lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings
from widget_api.sites import changes, testing
from widget_api.sites import service as sites
from widget_api.sites.model import Site

TOWN, VILLAGE = (38.7, 55.0, 38.9, 55.1), (39.0, 55.0, 39.2, 55.1)
IN_VILLAGE = {"lat": 55.05, "lng": 39.1, "address": "Полевая, 3"}
NOWHERE = {"lat": 60.0, "lng": 30.0, "address": "Далеко"}


@pytest.fixture
async def town(context: Context) -> Site:
    site = await make_site(context.database, bbox=TOWN, name="Сайт города")
    await changes.update_site(context.database, site.id, {"outside": "forward"})
    return await sites.by_id(context.database, site.id)


@pytest.fixture
async def village(context: Context) -> Site:
    return await make_site(context.database, bbox=VILLAGE, name="Сайт села", agency={"name": "Администрация села"})


async def stored(context: Context) -> Any:
    return existing(await context.database.row("SELECT * FROM problems"))


async def test_reports_go_to_the_site_of_a_place(client: Client, context: Context, town: Site, village: Site) -> None:
    place = (await client.get(f"/api/v1/sites/{town.key}/place?lat=55.05&lng=39.1")).json()
    assert (place["inside"], place["receiver"]) == (False, "Администрация села")
    assert "сообщение получит Администрация села" in place["detail"]
    assert place["other"]["agency"] == "Администрация села"
    await changes.set_category(context.database, village.id, "roads", {"enabled": False})
    widget = Widget(client, town)
    ticket = await widget.ticket()
    file = {"file": ("яма.jpg", photo(noise(80, 60)), "image/jpeg")}
    origin = {"Origin": widget.origin}
    uploaded = await client.post(f"{widget.root}/photos", data={"ticket": ticket}, files=file, headers=origin)
    assert uploaded.status_code == 201, uploaded.text
    body: dict[str, Any] = {"location": IN_VILLAGE, "photos": [uploaded.json()["photo"]], "ticket": ticket}
    sent = await widget.send(**body)
    assert sent.status_code == 201, sent.text
    assert sent.json()["receiver"] == "Администрация села"
    row = await stored(context)
    assert (row["site_id"], row["category"], row["number"]) == (village.id, "other", 1)
    assert "thumb" in row["photos"]
    assert (await client.get(sent.json()["track_url"])).status_code == 200
    again = await widget.send(**body)
    assert again.content == sent.content, "the same attempt is one report"
    consent = existing(await context.database.row("SELECT version FROM consents"))
    document = (await client.get(f"/s/{town.key}/consent/{consent['version']}")).text
    assert "ведомство, которое за него отвечает" in document


async def test_nothing_changes_where_a_site_forbids_it(client: Client, context: Context, village: Site) -> None:
    site = await make_site(context.database, bbox=TOWN)
    assert site.outside == "refuse"
    place = (await client.get(f"/api/v1/sites/{site.key}/place?lat=55.05&lng=39.1")).json()
    assert "receiver" not in place
    refused = await Widget(client, site).send(location=IN_VILLAGE)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "outside"
    version = (await client.get(f"/s/{site.key}/consent")).text
    assert "ведомство, которое за него отвечает" not in version


async def test_a_place_of_nobody_goes_to_a_platform_or_nowhere(client: Client, context: Context, town: Site) -> None:
    refused = await Widget(client, town).send(location=NOWHERE)
    assert refused.status_code == 422, "there is neither another site nor a platform"
    assert (await client.get(f"/api/v1/sites/{town.key}/place?lat=60&lng=30")).json().get("receiver") is None
    await make_site(context.database, bbox=VILLAGE)
    test = await testing.add_test_site(context.database, town)
    assert await sites.find_receiver(context.database, town, (55.05, 39.1)) is not None
    assert await sites.find_receiver(context.database, test, (55.05, 39.1)) is None


@contextlib.asynccontextmanager
async def with_platform(
    make_settings: Callable[..., Settings], database_url: str, fake: FakePlatform
) -> AsyncIterator[tuple[Client, Context]]:
    """A service whose sites have a platform, which may get contacts."""
    platform = {"platform_url": fake.url, "platform_key": "secret", "platform_contacts": "all"}
    settings = make_settings(database_url=database_url, work="off", **platform)
    async with running(settings) as app:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
            yield client, app.state.context


async def accept(context: Context) -> None:
    """Accept the only report and deliver it to its platform."""
    row = await stored(context)
    await lifecycle.confirm(context.database, row["site_id"], row["id"])
    await lifecycle.change(context.database, AGENT, row["site_id"], row["id"], Change(to="accepted"))
    await PlatformWorker(context).until_idle()


async def test_the_platform_is_named_and_gets_it(
    make_settings: Callable[..., Settings], database_url: str, fake: FakePlatform
) -> None:
    async with with_platform(make_settings, database_url, fake) as (client, context):
        site = await make_site(context.database, bbox=TOWN, jurisdiction="gorod.test")
        await changes.update_site(context.database, site.id, {"outside": "forward"})
        place = (await client.get(f"/api/v1/sites/{site.key}/place?lat=60&lng=30")).json()
        assert place["receiver"] == "127.0.0.1"
        assert f"Его получит {place['receiver']}." in place["track"]
        consent = {"version": await Widget(client, site).consent(), "processing": True, "publish_name": True}
        sent = await Widget(client, site).send(location=NOWHERE, name="Анна", consent=consent)
        assert (sent.status_code, sent.json()["receiver"]) == (201, place["receiver"])
        assert (await stored(context))["site_id"] == site.id
        named = await context.database.rows("SELECT 1 FROM contacts WHERE publish_name")
        assert len(named) == 1, "the pages are those of the site that was agreed to"
        await accept(context)
        (request,) = fake.requests
        assert [request[name] for name in ("jurisdiction_id", "lat", "email")] == ["gorod.test", "60.000000", EMAIL]


async def test_the_receivers_platform_gets_no_contacts(
    make_settings: Callable[..., Settings], database_url: str, fake: FakePlatform
) -> None:
    """The document that was agreed to is that of the first site, and names the platforms of that site."""
    async with with_platform(make_settings, database_url, fake) as (client, context):
        town = await make_site(context.database, bbox=TOWN)
        await changes.update_site(context.database, town.id, {"outside": "forward"})
        await make_site(context.database, bbox=VILLAGE, jurisdiction="selo.test")
        sent = await Widget(client, town).send(location=IN_VILLAGE, name="Анна", phone="+7 900 000-00-00")
        assert sent.status_code == 201, sent.text
        await accept(context)
        (request,) = fake.requests
        assert request["jurisdiction_id"] == "selo.test"
        assert not {"email", "first_name", "phone"} & set(request)


async def test_the_name_is_published_by_the_site_alone_that_asked_for_it(
    client: Client, context: Context, town: Site, village: Site
) -> None:
    version = await Widget(client, town).consent()
    consent = {"version": version, "processing": True, "publish_name": True}
    for key, location in (("1", IN_VILLAGE), ("2", {"lat": 55.05, "lng": 38.8})):
        sent = await Widget(client, town).send(key, location=location, name="Анна", consent=consent)
        assert sent.status_code == 201, sent.text
    rows = await context.database.rows("SELECT c.site_id, c.purpose, c.version FROM consents c ORDER BY c.purpose")
    assert sorted((row["site_id"] == village.id, row["purpose"]) for row in rows) == [
        (False, "processing"), (False, "publish_name"), (True, "processing")
    ]  # fmt: skip
    assert {row["version"] for row in rows if row["purpose"] == "processing"} == {version}
    named = await context.database.rows("SELECT site_id, name FROM contacts WHERE publish_name")
    assert [tuple(row) for row in named] == [(town.id, "Анна")]


async def test_a_receiver_that_needs_an_email_gets_none_without(
    client: Client, context: Context, town: Site, village: Site
) -> None:
    await changes.update_site(context.database, village.id, {"contact": "required"})
    refused = await Widget(client, town).send(location=IN_VILLAGE, email=None)
    assert refused.status_code == 422
    assert [(one["field"], one["code"]) for one in refused.json()["errors"]] == [("email", "required")]
    assert (await Widget(client, town).send("2", location={"lat": 55.05, "lng": 38.8}, email=None)).status_code == 201


async def test_a_receiver_without_the_category_other_gets_it_in_its_last_one(
    client: Client, context: Context, town: Site, village: Site
) -> None:
    for code in ("roads", "other"):
        await changes.set_category(context.database, village.id, code, {"enabled": False})
    last = (await sites.by_id(context.database, village.id)).categories[-1]
    assert (await Widget(client, town).send(location=IN_VILLAGE)).status_code == 201
    assert (await stored(context))["category"] == last.code


async def test_a_repeat_is_the_same_report_when_the_receiver_is_gone(
    client: Client, context: Context, town: Site, village: Site
) -> None:
    """Nobody would take it now, but it was taken."""
    widget = Widget(client, town)
    ticket = await widget.ticket()
    sent = await widget.send(ticket=ticket, location=IN_VILLAGE)
    assert sent.status_code == 201
    await changes.disable_site(context.database, village.id)
    again = await widget.send(ticket=ticket, location=IN_VILLAGE)
    assert (again.status_code, again.content) == (201, sent.content)
    anew = await widget.send("another", location=IN_VILLAGE)
    assert (anew.status_code, anew.json()["errors"][0]["code"]) == (422, "outside")
    assert await widget.written() == 1


async def test_sites_that_hand_on_to_each_other(client: Client, context: Context, town: Site, village: Site) -> None:
    await changes.update_site(context.database, village.id, {"outside": "forward"})
    for site, location, receiver in ((town, IN_VILLAGE, village), (village, {"lat": 55.05, "lng": 38.8}, town)):
        sent = await Widget(client, site).send(location=location)
        assert sent.status_code == 201, sent.text
        row = await context.database.row("SELECT site_id FROM problems WHERE site_id = :id", id=receiver.id)
        assert row is not None, "each has that of its own place, though the key is the same"
    for site in (town, village):
        assert (await Widget(client, site).send("2", location=NOWHERE)).status_code == 422


async def test_the_form_without_javascript_says_who_gets_it_before_it_is_sent(
    client: Client, context: Context, town: Site, village: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", 0)
    path = f"/s/{town.key}/report"
    fields = PageText((await client.get(path)).text).form(path).fields
    fields |= {"category": "roads", "description": "Яма у клуба", "address": "Полевая", "consent": "yes"}
    fields["coordinates"] = "55.05, 39.1"
    answer = await client.post(path, data=fields)
    assert answer.status_code == 422
    assert "Сообщение получит Администрация села" in answer.text
    assert await context.database.rows("SELECT 1 FROM problems") == []
    again = PageText(answer.text).form(path).fields
    assert again["receiver"] == "Администрация села"
    given = fields | again | {"category": "roads", "consent": "yes"}
    assert "получит Администрация города" not in PageText(answer.text).text
    assert "Его получит Администрация села." in PageText(answer.text).text
    assert "Сообщение получит: Администрация села" in PageText(answer.text).text
    await changes.disable_site(context.database, village.id)
    refused = await client.post(path, data=given)
    assert refused.status_code == 422, "nobody is left to get it"
    assert "Яма у клуба" in refused.text
    assert "за пределами нашей территории" in refused.text
    assert await context.database.rows("SELECT 1 FROM problems") == []
    await changes.disable_site(context.database, village.id, disabled=False)
    sent = await client.post(path, data=given)
    assert sent.status_code == 200, sent.text
    assert (await stored(context))["site_id"] == village.id
    assert "Последний день для ответа: Администрация села" in sent.text
    (track,) = [link for link in PageText(sent.text).links if link.startswith("/track")]
    form = PageText((await client.get(track)).text).form("/track").fields
    (code,) = re.findall(r'class="code">(.{9})<', sent.text)
    assert (await client.post("/track", data=form | {"code": code})).status_code == 303

"""Directories: entries are found by their answers, and dated ones fold away by themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import orjson
import pytest
import time_machine
from selectolax.lexbor import LexborHTMLParser

from tests.api.test_collections import Collected, add_entry, enter
from tests.api.test_districts import load, run_when_due
from tests.api.test_report_form import filled
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, HOST_ORIGIN, RESIDENT, existing
from tests.support.cabinet import Cabinet, Enter
from tests.support.journal import read_journal
from tests.support.mail import MailSink
from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database
from widget_api.database.bulk import open_writer
from widget_api.mail import outbox as letters
from widget_api.problems import forms, lifecycle
from widget_api.problems.model import Change, Contact
from widget_api.problems.projections import rebuild
from widget_api.renewals import mail as renewals_mail
from widget_api.renewals import service as renewals
from widget_api.residents import calendar_file
from widget_api.signing import Signer
from widget_api.sites import changes, collection, entry_links
from widget_api.sites import service as sites
from widget_api.sites.model import Site

NOON = clock.parse_rfc3339("2026-11-28T09:00:00Z")  # at the site
pytestmark = pytest.mark.settings(work="off")


async def add_programme(context: Context, child: Site, title: str, begins: str, ends: str = "", **more: Any) -> str:
    answers = {"centre": "Центр", "form": "online", "begins": begins} | ({"ends": ends} if ends else {})
    return await add_entry(context.database, child, title, category="course", answers=answers, **more)


class Listed:
    """Reads the list of a collection by the API and on its page."""

    def __init__(self, client: Client, city: Site, slug: str) -> None:
        self.client, self.path = client, f"/s/{city.key}/c/{slug}"
        self.api = f"/api/v1/sites/{city.key}/collections/{slug}/entries"

    async def titles(self, query: str = "") -> list[str]:
        """The titles of the list, the same on the page."""
        found = await self.client.get(f"{self.api}?{query}")
        assert found.status_code == 200, found.text
        titles = [one["title"] for one in found.json()["items"]]
        page = (await self.client.get(f"{self.path}?{query}")).text
        assert sorted(titles, key=page.index) == titles
        return titles


@pytest.fixture
async def centres(context: Context, client: Client, city: Site) -> Listed:
    child = await collection.add_collection(context.database, city, "centres", "resource-centres")
    for title, region, support in (
        ("Первый", "Московская область", ["consulting", "grants"]),
        ("Второй", "Московская область", ["training"]),
        ("Третий", "Тверская область", ["consulting", "training"]),
    ):
        answers = {"region": region, "support": support, "contacts": "Звоните"}
        await add_entry(context.database, child, title, category="regional", answers=answers)
    return Listed(client, city, "centres")


async def test_entries_are_found_by_their_answers(context: Context, client: Client, centres: Listed) -> None:
    for query, found in (
        ("field.support=grants", {"Первый"}),
        ("field.support=consulting,training", {"Первый", "Второй", "Третий"}),
        ("field.support=grants&field.support=training", {"Первый", "Второй", "Третий"}),
        ("field.region=московской+области", {"Первый", "Второй"}),
        ("field.region=Тверская&field.support=grants", set()),
        ("field.region=Тверская&field.support=training", {"Третий"}),
    ):
        assert set(await centres.titles(query)) == found, query
    for query, parameter in (
        ("field.support=money", "field.support"),
        ("field.none=1", "field.none"),
        ("field.contacts=Звоните", "field.contacts"),
        ("field.region=—", "field.region"),
        ("past=true", "past"),
    ):
        refused = await client.get(f"{centres.api}?{query}")
        assert (refused.status_code, parameter in refused.text) == (400, True), query
    assert len((await client.get(f"{centres.api}.csv?field.support=grants")).text.splitlines()) == 2
    page = (await client.get(f"{centres.path}?field.support=grants")).text
    assert '<option value="grants" selected' in page
    assert (await client.get(f"/api/v1/sites/{centres.path.split('/')[2]}/problems?field.a=b")).status_code == 400


async def test_the_page_counts_support_by_region_and_names_what_is_missing(
    context: Context, client: Client, city: Site, centres: Listed
) -> None:
    child = await sites.by_key(context.database, f"{city.key}/c/centres")
    other = await collection.add_collection(context.database, city, "others", "resource-centres")
    for number in range(3):
        elsewhere = {"region": "Тверская область", "support": ["grants"], "contacts": "Звоните"}
        await add_entry(context.database, other, f"Другой {number}", category="regional", answers=elsewhere)
    answers = {"region": "московская  область", "support": ["grants"], "contacts": "Звоните"}
    await add_entry(context.database, child, "Четвёртый", category="regional", answers=answers)
    page = LexborHTMLParser((await client.get(centres.path)).text)
    lines = page.css("section table:not(.outcomes) tr")
    rows = [[cell.text(strip=True) for cell in line.css("th, td")] for line in lines]
    keys = {name: place for place, name in enumerate(rows[0])}
    moscow, tver = rows[1:]
    assert (moscow[0].casefold(), tver[0]) == ("московская область", "Тверская область")
    for name, in_moscow, in_tver in (("Консультации", "1", "1"), ("Обучение", "1", "1"), ("Гранты", "2", "нет")):
        assert moscow[keys[name]].endswith(in_moscow), name
        assert tver[keys[name]].endswith(in_tver), name
    assert (moscow[-1][-1], tver[-1][-1]) == ("3", "1")
    notice = page.css("section .notice")[0].text()
    assert ("Помещение" in notice, "Гранты" in notice) == (True, False)
    chosen = {"text": '"datatype":"string"', "choice": '"datatype":"singlevaluelist"', "moscow": '[["msk","Москва"]]'}
    sql = (
        "UPDATE site_categories SET questions = REPLACE(REPLACE(questions, :text, :choice), '[]', :moscow)"
        " WHERE site_id = :id"
    )
    await context.database.write(lambda tx: tx.run(sql, id=other.id, **chosen))
    await changes.update_site(context.database, other.id, {"name": "Выбор"})
    listed = (await client.get(f"{centres.api.replace('centres/entries', 'others')}/coverage")).json()["regions"]
    assert [(one["name"], one["total"]) for one in listed] == [("Москва", 0)], "those to choose from, empty ones too"
    link = page.css("section td a")[1].attributes["href"]
    assert len(await centres.titles(str(link).partition("?")[2].partition("#")[0])) == 1


async def test_a_map_and_the_api_tell_in_which_districts_there_is_nothing(
    context: Context, client: Client, city: Site, centres: Listed
) -> None:
    database, api = context.database, centres.api.replace("/entries", "/coverage")
    found = (await client.get(api)).json()
    assert ("districts" in found, found["more"]) == (False, 0)
    assert {one["name"]: one["total"] for one in found["regions"]} == {"Московская область": 2, "Тверская область": 1}
    assert found["regions"][0]["counts"]["grants"] == 1
    assert ("premises" in found["missing"], "grants" in found["missing"]) == (True, False)
    # Entries get the districts of their site, those of before too.
    await load(database, city, Центр=(38.75, 55.05, 0.05), Заречный=(38.85, 55.05, 0.05))
    await run_when_due(database)
    child = await sites.by_key(database, f"{city.key}/c/centres")
    answers = {"region": "Тверская область", "support": ["premises"], "contacts": "Звоните"}
    await add_entry(database, child, "Четвёртый", category="regional", answers=answers, lat=None, lng=None)
    await add_entry(database, child, "Пятый", category="regional", answers=answers)
    answered = await client.get(api)
    centre, beyond = sorted(answered.json()["districts"], key=lambda one: -one["total"])
    assert [centre["name"], centre["total"], centre["counts"]["training"]] == ["Центр", 4, 2]
    assert [beyond["name"], beyond["total"], set(beyond["counts"].values())] == ["Заречный", 0, {0}]
    assert answered.json()["elsewhere"] == 1
    assert (await client.get(api, headers={"If-None-Match": answered.headers["etag"]})).status_code == 304
    page = LexborHTMLParser((await client.get(centres.path)).text)
    (full,), (empty,) = page.css("svg.coverage a"), page.css("svg.coverage g")
    assert (full.css("title")[0].text(), empty.css("title")[0].text()) == ("Центр: 4", "Заречный: нет")
    assert (str(empty.css("path")[0].attributes["fill"]), full.css("path")[0].attributes.get("fill")) == (
        "url(#empty)",
        None,
    )
    assert [one.text() for one in page.css("svg.coverage text")] == ["0", "4"]  # by name
    assert "Заречный" in page.css("section .notice")[1].text()
    query = str(full.attributes["href"]).partition("?")[2].partition("#")[0]
    assert set(await centres.titles(query)) == {"Первый", "Второй", "Третий", "Пятый"}
    assert await centres.titles(query + "&field.support=premises") == ["Пятый"]
    await collection.add_collection(database, city, "experts", "experts")
    assert (await client.get(api.replace("centres", "experts"))).status_code == 404
    cabinet = await enter(client, context, city)
    inbox = (await cabinet.client.get(f"/cabinet/problems?status=all&{query}")).text
    assert ("Пятый" in inbox, "Четвёртый" in inbox) == (True, False)
    assert inbox.count(f'<option value="{centre["id"]}"') == 1


async def test_an_entry_is_found_by_its_answers_of_now_and_no_more_once_it_is_gone(
    context: Context, city: Site, centres: Listed
) -> None:
    database = context.database
    rows = {row["description"][:6]: row for row in await database.rows("SELECT * FROM problems")}
    site_id = rows["Первый"]["site_id"]
    await lifecycle.change(database, RESIDENT, site_id, rows["Второй"]["id"], Change(to="withdrawn"))
    await lifecycle.erase(database, RESIDENT, site_id, rows["Третий"]["id"])
    left = {tuple(row)[1:] for row in await database.rows("SELECT * FROM entry_answers")}
    number = rows["Первый"]["number"]
    assert left == {
        ("region", "московск", number), ("region", "област", number), ("region", "=Московская область", number),
        ("support", "consulting", number), ("support", "grants", number),
    }  # fmt: skip
    async with open_writer(context.settings.database_url) as bulk:
        await rebuild.rebuild_all(bulk)
    assert {tuple(row)[1:] for row in await database.rows("SELECT * FROM entry_answers")} == left


async def test_programmes_to_come_are_listed_soonest_first_and_past_ones_by_themselves(
    context: Context, client: Client, city: Site
) -> None:
    child = await collection.add_collection(context.database, city, "school", "programmes")
    listed = Listed(client, city, "school")
    with time_machine.travel(NOON, tick=False):
        for title, *days in (
            ("Вчера", "2026-11-27"),
            ("Давно", "2026-09-01", "2026-10-01"),
            ("Идёт", "2026-09-01", "2026-12-31"),
            ("Скоро", "2026-11-28T18:00:00"),
            ("Потом", "2027-02-01", "2027-01-01"),
        ):
            await add_programme(context, child, title, *days)
        await add_entry(context.database, child, "Всегда", category="course", answers={"centre": "Центр"})
        assert await listed.titles() == ["Идёт", "Скоро", "Потом", "Всегда"]
        assert await listed.titles("past=true") == ["Вчера", "Давно"]
        assert await listed.titles("sort=new&field.form=online") == ["Потом", "Скоро", "Идёт"]
        first = (await client.get(f"{listed.api}?limit=3")).json()
        rest = (await client.get(f"{listed.api}?limit=3&cursor={first['next']}")).json()
        assert [one["title"] for one in (*first["items"], *rest["items"])] == await listed.titles()
        assert len((await client.get(f"{listed.api}.geojson")).json()["features"]) == 6
        page = (await client.get(f"{listed.path}?limit=3")).text
        (following,) = set(re.findall(r'href="([^"]+cursor=[^"]+)#list"', page))
        page = (await client.get(unescape(following))).text
        assert ("Всегда" in page, "Потом" in page) == (True, False)
        around = f"{listed.api.replace('/entries', '/clusters')}?zoom=12&bbox=38.6,55.0,38.9,55.2"
        mapped = [(await client.get(around + more)).json()["total"] for more in ("", "&past=true")]
        assert mapped == [4, 2]  # what stands in the list beside the map
        page = (await client.get(listed.path)).text
        assert f'href="{listed.path}?past=true#list"' in page
        assert "Прошедшие" in page
        tag = (await client.get(listed.api)).headers["etag"]
    with time_machine.travel(NOON + 86_400, tick=False):  # nobody does anything
        again = await client.get(listed.api, headers={"If-None-Match": tag})
        assert [one["title"] for one in again.json()["items"]] == ["Идёт", "Потом", "Всегда"]
        assert await listed.titles("past=true") == ["Скоро", "Вчера", "Давно"]


@ONE_DATABASE
async def test_a_programme_is_a_file_for_calendars(context: Context, client: Client, city: Site) -> None:
    child = await collection.add_collection(context.database, city, "school", "programmes")
    title, path = "Школа фандрайзинга; для НКО, новых", f"/s/{city.key}/c/school"
    with time_machine.travel(NOON, tick=False):
        await add_programme(context, child, title, "2026-12-01", "2026-12-31")
        await add_programme(context, child, "Прошла", "2026-11-01")
        await add_entry(context.database, child, "Всегда", category="course", answers={"centre": "Центр"})
        page = await client.get(f"{path}/1")
        assert f'href="{path}/1.ics"' in page.text
        found = await client.get(f"{path}/1.ics")
        for title, begins in (("Без конца", "2026-12-01"), ("Опечатка", "0987-01-01")):
            await add_programme(context, child, title, begins, "9999-12-31")
        endless, slip = [(await client.get(f"{path}/{number}.ics")).text for number in (4, 5)]
        everything = (await client.get(f"{path}/calendar.ics")).text
        for missing in ("3.ics", "9.ics"):
            assert (await client.get(f"{path}/{missing}")).status_code == 404
    assert found.headers["content-type"] == "text/calendar; charset=utf-8"
    assert all(len(line.encode()) <= 75 for line in found.text.split("\r\n"))
    lines = found.text.replace("\r\n ", "").split("\r\n")
    for line in (
        "SUMMARY:Школа фандрайзинга\\; для НКО\\, новых",
        "DTSTART;VALUE=DATE:20261201",
        "DTEND;VALUE=DATE:20270101",
        f"URL:https://widget.test{path}/1",
        "LOCATION:ул. Октябрьской Революции\\, 205",
    ):
        assert line in lines
    assert lines[0] == "BEGIN:VCALENDAR"
    assert any(line.startswith("DTSTAMP:2026") and line.endswith("Z") for line in lines)
    assert "DTEND;VALUE=DATE:20261202" in endless.splitlines(), "the last day of all has no day after it"
    assert "DTSTART;VALUE=DATE:09870101" in slip.splitlines()
    assert (everything.count("BEGIN:VEVENT"), "Прошла" in everything) == (2, False)
    assert calendar_file.escape("a\r\nb\\") == "a\\nb\\\\"
    await collection.add_collection(context.database, city, "centres", "resource-centres")
    assert (await client.get(f"/s/{city.key}/c/centres/calendar.ics")).status_code == 404


async def test_a_link_of_an_organisation_opens_the_form_and_names_it(
    context: Context, client: Client, city: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", 0)
    database = context.database
    child = await collection.add_collection(database, city, "volunteers", "volunteers")
    other = await collection.add_collection(database, city, "others", "volunteers")
    for one in (child, other):
        await changes.update_site(database, one.id, {"who": "invited"})
    child = await sites.by_id(database, child.id)
    link_id = await entry_links.add_link(database, child, " Центр  «Рядом» ")
    url = entry_links.link_url(context.signer, context.settings.public_url, child, link_id)
    path = url.removeprefix(context.settings.public_url)
    for closed in (f"/s/{child.key}/report", f"{path}x", path.replace("volunteers", "others")):
        assert (await client.get(closed)).status_code == 409, closed
    page = await client.get(path)
    assert "Центр «Рядом»" in unescape(page.text)
    typed = {"title": "Негде переодеться", "category": "equipment", "answers.help": "search"}
    fields = filled(page.text, **typed, **{"answers.organisation": "Самозванцы"})
    assert (await client.post(f"/s/{child.key}/report", data=fields | {"by": "x"})).status_code == 409
    assert (await client.post(f"/s/{child.key}/report", data=fields)).status_code == 200
    (row,) = await database.rows("SELECT site_id, answers FROM problems")
    assert row["site_id"] == child.id
    assert orjson.loads(row["answers"])["organisation"] == "Центр «Рядом»"
    # A program of the organisation sends the same, with what its link has.
    collected, by = Collected(client, city, "volunteers"), path.partition("by=")[2]
    own: dict[str, Any] = {"category": "equipment", "answers": {"help": ["search"], "organisation": "Самозванцы"}}
    for wrong in ({}, {"by": ""}, {"by": by + "x"}, {"by": path.replace("volunteers", "others")}):
        refused = await collected.add(**own, **wrong)
        assert (refused.status_code, refused.json()["code"]) == (409, "collection_invited"), wrong
    assert (await collected.add(**own, by=by)).status_code == 201
    (_, row) = await database.rows("SELECT answers FROM problems ORDER BY number")
    assert orjson.loads(row["answers"])["organisation"] == "Центр «Рядом»"
    assert "по приглашению" in (await client.get(f"/s/{child.key}")).text
    fields = filled((await client.get(path)).text, **typed)
    await entry_links.revoke_link(database, child, link_id)
    assert (await collected.add("key-2", **own, by=by)).status_code == 409
    assert (await client.get(path)).status_code == 409
    assert (await client.post(f"/s/{child.key}/report", data=fields)).status_code == 409
    await changes.update_site(database, child.id, {"who": "agency"})
    agencys = await sites.by_id(database, child.id)
    still = await entry_links.add_link(database, agencys, "Рядом")
    url = entry_links.link_url(context.signer, "", agencys, still)
    assert (await client.get(url)).status_code == 409


async def test_another_register_may_vouch_for_an_organisation(
    client: Client, context: Context, city: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A register of members kept elsewhere takes the place of the agency's links by one attribute."""

    class Members:
        async def find_organisation(self, database: Database, signer: Signer, site: Site, token: str) -> str | None:
            return "Добровольцы" if token == "member-7" else None

    child = await collection.add_collection(context.database, city, "volunteers", "volunteers")
    await changes.update_site(context.database, child.id, {"who": "invited"})
    link = await entry_links.add_link(context.database, child, "Рядом")
    own = entry_links.link_url(context.signer, "", child, link)
    monkeypatch.setattr(entry_links, "REGISTER", Members())
    opened = await client.get(f"/s/{child.key}/report?by=member-7")
    assert (opened.status_code, "Добровольцы" in opened.text) == (200, True)
    assert (await client.get(f"/s/{child.key}/report?by=member-8")).status_code == 409
    assert (await client.get(own)).status_code == 409, "links count where the register says so"


async def test_links_are_made_and_revoked_in_the_cabinet(context: Context, city: Site, enter: Enter) -> None:
    child = await collection.add_collection(context.database, city, "volunteers", "volunteers")
    path = f"/cabinet/sites/{city.id}/collections/volunteers"
    cabinet = await enter("admin", city.agency.id)
    assert f"{path}/links" in (await cabinet.read(path)).links
    path += "/links"
    for name, status in ((" ", 422), ("я" * 151, 422), ("Рядом", 303)):
        assert (await cabinet.send(path, path, organisation=name)).status_code == status
    shown = (await cabinet.read(path)).text
    assert f"/s/{child.key}/report?by=" in shown
    (link,) = await entry_links.list_links(context.database, child.id)
    for _ in range(2):
        await cabinet.client.post(f"{path}/{link['id']}/revoke", data={"form_token": await token_of(cabinet, path)})
    assert "Отозвана" in (await cabinet.read(path)).text
    assert (await cabinet.client.get(f"{path}/x/revoke")).status_code == 405
    written = [entry["kind"] for entry in await read_journal(context.database)]
    assert (written.count("entry_link_added"), written.count("entry_link_revoked")) == (1, 1)


async def token_of(cabinet: Cabinet, path: str) -> str:
    return (await cabinet.read(path)).forms[0].fields["form_token"]


def test_a_command_makes_and_revokes_links(cli: Callable[..., Any], database: Database) -> None:
    agency = cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    key = cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", HOST_ORIGIN)["key"]
    cli("collection", "add", "--site", key, "--preset", "volunteers", "--slug", "help")
    at = ("collection", "invite", "--site", key, "--slug", "help")
    (made,) = cli(*at, "--organisation", "Рядом")
    assert f"/s/{key}/c/help/report?by=" in made["url"]
    (revoked,) = cli(*at, "--revoke", made["id"])
    assert (revoked["organisation"], revoked["url"]) == ("Рядом", None)


async def test_an_entry_is_asked_about_yearly_and_hidden_without_an_answer(
    context: Context, client: Client, city: Site, mail_sink: MailSink
) -> None:
    database = context.database
    child = await collection.add_collection(database, city, "centres", "resource-centres")
    await collection.add_collection(database, city, "school", "programmes")
    listed = Listed(client, city, "centres")
    with time_machine.travel(NOON, tick=False) as traveller:
        for title in ("Живой", "Молчащий", "Безымянный"):
            contact = Contact(email=None if title == "Безымянный" else f"{title}@example.test")
            await add_entry(database, child, title, category="regional", contact=contact)
        await add_programme(context, await sites.by_key(database, f"{city.key}/c/school"), "Курс", "2029-01-01")

        async def pass_days(days: int) -> list[tuple[str, str]]:
            """Let so many days pass, each with a run and its letters. Returns addresses and subjects of the letters."""
            seen = len(mail_sink.letters)
            for step in (1, days - 1):
                traveller.move_to(clock.now() + step * 86_400)
                await renewals.run(database, clock.now())
                while not await letters.send_due(context, renewals_mail.LETTERS):
                    pass
            return sorted((str(one.message["To"]), one.subject.partition(" ")[0]) for one in mail_sink.letters[seen:])

        assert await pass_days(364) == []
        alive, silent = "Живой@example.test", "Молчащий@example.test"
        assert await pass_days(2) == [(alive, "Запись"), (silent, "Запись")]
        pages = {}
        for letter in mail_sink.letters:
            found = existing(re.search(r"/renew/\S+", letter.text))
            pages[str(letter.message["To"])] = found[0]
        for _ in range(2):  # a scanner of mail opens every link
            assert (await client.get(pages[alive])).status_code == 200
        assert (await database.rows("SELECT COUNT(*) AS n FROM renewals WHERE asked_at IS NULL"))[0]["n"] == 0
        for _ in range(2):
            assert (await client.post(pages[alive])).status_code == 303
        assert "через год" in (await client.get(pages[alive])).text
        assert await pass_days(15) == [(silent, "Напоминание:")]
        assert len(await listed.titles()) == 3
        assert await pass_days(15) == [("priem@gorod.test", "Запись")]
        assert await pass_days(15) == []
        assert set(await listed.titles()) == {"Живой", "Безымянный"}
        assert "Молчащий@" not in mail_sink.letters[-1].text
        (row,) = await database.rows("SELECT * FROM problems WHERE status = 'moderation'")
        await lifecycle.change(database, AGENT, child.id, row["id"], Change(to="accepted"))
        assert len(await listed.titles()) == 3
        assert "<form" not in (await client.get(renewals_mail.renewal_url(context, row["id"]))).text
        assert {to for to, _ in await pass_days(330)} == {alive}
        assert {to for to, _ in await pass_days(40)} >= {silent}  # a year after it was hidden
        page = renewals_mail.renewal_url(context, row["id"])
        await lifecycle.erase(database, RESIDENT, child.id, row["id"])
        assert "больше нет" in (await client.get(page)).text


async def test_the_days_of_the_yearly_question(context: Context, city: Site, mail_sink: MailSink) -> None:
    """A year, two weeks and two more: on the day, not a second sooner, and after the letter before has left."""
    database = context.database
    child = await collection.add_collection(database, city, "centres", "resource-centres")
    with time_machine.travel(NOON, tick=False) as traveller:
        entries = [await add_entry(database, child, title, category="regional") for title in ("А", "Б", "В", "Г")]
        silent, late, merged, gone = entries
        due = clock.now()

        async def pass_days(days: int) -> tuple[int, int, int]:
            nonlocal due
            due += days * 86_400
            assert await renewals.run(database, due - 1) == (0, 0, 0)
            traveller.move_to(due)
            done = await renewals.run(database, due)
            assert await renewals.run(database, due + 30 * 86_400) == (0, 0, 0), "the letter has not left"
            while not await letters.send_due(context, renewals_mail.LETTERS):
                pass
            return done

        await changes.disable_site(database, child.id)
        assert await renewals.run(database, due + 365 * 86_400) == (0, 0, 0)
        await changes.disable_site(database, child.id, disabled=False)
        assert await pass_days(365) == (4, 0, 0)
        assert await pass_days(14) == (0, 4, 0)
        await renewals.confirm(database, child.id, late)
        await lifecycle.change(database, AGENT, child.id, merged, Change(to="duplicate", duplicate_of=1))
        await lifecycle.erase(database, RESIDENT, child.id, gone)
        before, sent_before = await database.rows("SELECT id FROM deliveries"), len(mail_sink.letters)
        assert await pass_days(14) == (0, 0, 1)
        assert len(await database.rows("SELECT id FROM deliveries")) == len(before), "no other letter tells of it"
        assert [one.recipients for one in mail_sink.letters[sent_before:]] == [("priem@gorod.test",)]
        await lifecycle.change(database, AGENT, child.id, silent, Change(to="accepted"))
        await lifecycle.erase(database, RESIDENT, child.id, late)
        for days, done in ((365, (1, 0, 0)), (14, (0, 1, 0)), (14, (0, 0, 1))):  # who was merged is not asked
            assert await pass_days(days) == done
        await lifecycle.change(database, AGENT, child.id, silent, Change(to="rejected", text="Закрылся"))
        await renewals.confirm(database, child.id, silent)
    (row,) = await database.rows(
        "SELECT p.status, r.confirmed_at FROM renewals r JOIN problems p ON p.id = r.problem_id WHERE p.id = :id",
        id=silent,
    )
    assert tuple(row) == ("rejected", None), "the agency's word stands"


async def test_its_author_brings_a_hidden_entry_back(context: Context, client: Client, city: Site) -> None:
    database = context.database
    child = await collection.add_collection(database, city, "centres", "resource-centres")
    with time_machine.travel(NOON, tick=False) as traveller:
        merged = await add_entry(database, child, "Двойник", category="regional")
        entry = await add_entry(database, child, "Центр", category="regional")
        for place, days in enumerate((366, 15, 15)):
            if place == 2:
                await lifecycle.change(database, AGENT, child.id, merged, Change(to="duplicate", duplicate_of=2))
            traveller.move_to(clock.now() + days * 86_400)
            await renewals.run(database, clock.now())
            await database.write(lambda tx: tx.run("DELETE FROM letters"))
        assert await Listed(client, city, "centres").titles("status=duplicate,accepted") == ["Двойник"]
        page = renewals_mail.renewal_url(context, entry).removeprefix(context.settings.public_url)
        assert "вернётся" in (await client.get(page)).text
        await client.post(page)
        assert "Центр" in await Listed(client, city, "centres").titles()
        assert (await client.get("/renew/forged")).status_code == 404


async def test_an_author_brings_no_spam_of_the_agencys_mark_back(context: Context, client: Client, city: Site) -> None:
    database = context.database
    child = await collection.add_collection(database, city, "centres", "resource-centres")
    with time_machine.travel(NOON, tick=False) as traveller:
        entry = await add_entry(database, child, "Казино", category="regional")
        for days in (366, 15, 15):
            traveller.move_to(clock.now() + days * 86_400)
            await renewals.run(database, clock.now())
            await database.write(lambda tx: tx.run("DELETE FROM letters"))
        await lifecycle.mark_spam(database, AGENT, child.id, entry, True)
        page = renewals_mail.renewal_url(context, entry).removeprefix(context.settings.public_url)
        await client.post(page)
        assert await Listed(client, city, "centres").titles() == []
        assert "больше нет" in (await client.get(page)).text
        await lifecycle.mark_spam(database, AGENT, child.id, entry, False)
        await client.post(page)
        assert await Listed(client, city, "centres").titles() == ["Казино"]

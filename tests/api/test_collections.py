"""A collection is a child site: its entries are sent, moderated, read and erased as problems are, and never mixed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.test_canary import public_routes
from tests.api.test_letters import letters
from tests.api.test_report_form import filled
from tests.conftest import ONE_DATABASE, Client, running
from tests.factories import AGENT, EMAIL, HOST_ORIGIN, RESIDENT, existing, make_site, problem_body, submit_report
from tests.fake_platform import FakePlatform
from tests.support.cabinet import Cabinet, signed_in
from tests.support.exchange import wait_until_nothing_due
from tests.support.mail import MailSink
from tests.support.public_api import Widget
from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import Conflict, Invalid, NotFound
from widget_api.ops import retention
from widget_api.people import report_letters
from widget_api.people.model import User
from widget_api.problems import forms, lifecycle
from widget_api.problems.model import Change, join_entry
from widget_api.settings import Settings
from widget_api.sites import changes, collection, presets
from widget_api.sites import service as sites
from widget_api.sites.model import Question, Site

CANARY = "канарейка"
ANSWER = "Проект вошёл в программу на следующий год, деньги выделены, работы начнутся в мае."
ANSWERS = {"number": "12000", "datetime": "2099-12-01", "string": "Дом культуры", "text": "Строка\nвторая"}


@pytest.fixture
async def city(context: Context) -> Site:
    return await make_site(context.database, discussion="moderated")


@pytest.fixture
async def budgeting(context: Context, city: Site) -> Site:
    return await collection.add_collection(context.database, city, "budget", "budgeting")


class Collected(Widget):
    """Sends an entry as a program of the site does, with the ticket of the site."""

    def __init__(self, client: Client, city: Site, slug: str) -> None:
        super().__init__(client, city)
        self.collection = f"{self.root}/collections/{slug}"

    async def add(self, key: str = "key-1", **changes: Any) -> httpx2.Response:
        headers = {"Origin": HOST_ORIGIN, "Idempotency-Key": key}
        configuration = (await self.client.get(self.collection)).json()
        body = problem_body(
            configuration["consent"]["version"],
            **{
                "ticket": await self.ticket(),
                "title": "Сквер у школы",
                "category": configuration["categories"][0]["code"],
                **changes,
            },
        )
        return await self.client.post(f"{self.collection}/entries", json=body, headers=headers)


def answer(question: Question) -> str | list[str]:
    keys = [key for key, _ in question.values]
    return keys[:2] if question.datatype == "multivaluelist" else keys[0] if keys else ANSWERS[question.datatype]


def answer_all(child: Site) -> dict[str, str | list[str]]:
    return {question.code: answer(question) for question in child.fields}


async def add_entry(database: Database, child: Site, title: str = "Сквер у школы", **changes: Any) -> str:
    """An entry that is published."""
    given = {"category": child.categories[0].code, "description": join_entry(title, f"{title}: подробности")} | changes
    problem_id = (await submit_report(database, child, **given)).problem_id
    await lifecycle.confirm(database, child.id, problem_id)
    await lifecycle.change(database, AGENT, child.id, problem_id, Change(to="accepted"))
    return problem_id


async def enter(client: Client, context: Context, site: Site, role: str = "head") -> Cabinet:
    client.cookies.clear()
    return await signed_in(client, context, site, role)


@pytest.mark.parametrize("name", presets.NAMES)
async def test_an_entry_of_every_preset_goes_the_whole_way(
    client: Client, context: Context, city: Site, mail_sink: MailSink, name: str
) -> None:
    """What all presets share: from the collection to the erasure of its entry."""
    database, preset, russian = context.database, presets.find(name), {"Accept-Language": "ru"}
    child = await collection.add_collection(database, city, f"the-{name}", name)
    collected, given = Collected(client, city, f"the-{name}"), answer_all(child)
    sent = await collected.add(answers=given)
    if preset.who != "residents":
        assert (sent.status_code, sent.json()["code"]) == (409, "collection_closed")
        await changes.update_site(database, child.id, {"who": "residents"})
        sent = await collected.add(answers=given)
    assert sent.status_code == 201, sent.text
    receipt = sent.json()
    assert (receipt["number"], receipt["status"]) == (1, "moderation")
    configuration = (await client.get(f"{collected.collection}")).json()
    for due in (receipt["answer_due"], *(one["answer_due"] for one in configuration["categories"])):
        assert (due is not None) == (preset.answer_days is not None)
    assert (await collected.add(answers=given)).json() == receipt
    assert (await client.get(f"{collected.collection}/entries")).json() == {"items": [], "next": None}
    problem_id = (await database.rows("SELECT id FROM problems"))[0]["id"]
    (letter,) = await letters(context, mail_sink, EMAIL)
    assert child.name in letter.text
    assert "Сквер" not in letter.text, "what a stranger wrote goes to no mailbox that is not confirmed"
    await lifecycle.confirm(database, child.id, problem_id)
    await lifecycle.change(database, AGENT, child.id, problem_id, Change(to="accepted"))
    letter = (await letters(context, mail_sink, EMAIL))[-1]
    assert "Запись опубликована" in letter.text
    assert "роблем" not in letter.text.replace(child.name, ""), "an entry is none"
    private = receipt["track_url"].removeprefix("https://widget.test")
    page = await client.get(private, headers=russian)
    for words in ("Сквер у школы", "Запись опубликована", *(question.description for question in child.fields)):
        assert words in unescape(page.text), words

    (item,) = (await client.get(f"{collected.collection}/entries?q=сквер")).json()["items"]
    assert (item["title"], item["participants"]) == ("Сквер у школы", 0)
    assert item["description"] == "Глубокая яма на пешеходном переходе у школы"
    assert item["url"] == f"https://widget.test/s/{city.key}/c/the-{name}/1"
    dates = {one.code for one in child.fields if one.datatype == "datetime"}
    numbers = {one.code for one in child.fields if one.datatype == "number"}
    shown = {code: text[:10] if code in dates else text for code, text in item["answers"].items()}
    assert shown == given
    detail = (await client.get(f"{collected.collection}/entries/1")).json()
    assert {code: value for code, value in detail.items() if code in item} == item
    assert detail["timeline"][-1]["status"] == "accepted"
    (feature,) = (await client.get(f"{collected.collection}/entries.geojson")).json()["features"]
    assert feature["properties"]["answers"] == item["answers"]
    (row,) = csv.DictReader(io.StringIO((await client.get(f"{collected.collection}/entries.csv")).text))
    assert (row["title"], row["participants"]) == ("Сквер у школы", "0")
    for code, text in item["answers"].items():
        assert row[f"answers.{code}"] == (" ".join(text) if isinstance(text, list) else text)

    figures = [(await client.get(f"{root}/stats")).json()["total"] for root in (collected.root, collected.collection)]
    assert figures == [0, 1]
    consent = (await client.get(f"/s/{city.key}/c/the-{name}/consent", headers=russian)).text
    assert city.agency.name in unescape(consent)
    for act in ("join", "contact"):
        assert (i18n.text("ru", f"participation.consent.{act}.recipient") in consent) == (act == preset.action), act

    listed = await client.get(f"/s/{city.key}/c/the-{name}", headers=russian)
    assert listed.status_code == 200
    assert preset.title["ru"] in unescape(listed.text)
    assert f'href="/s/{city.key}/c/the-{name}/1"' in listed.text
    page = await client.get(f"/s/{city.key}/c/the-{name}/1")
    for question in child.fields:
        assert question.description in unescape(page.text)
        for key in [given[question.code]] if isinstance(given[question.code], str) else given[question.code]:
            words = "1\xa0декабря" if question.code in dates else dict(question.values).get(str(key), str(key))
            words = "12\u202f000" if question.code in numbers else words
            assert words in unescape(page.text).replace("&nbsp;", "\xa0"), question.code
    assert preset.title["ru"] in unescape((await client.get(f"/s/{city.key}")).text)

    await lifecycle.erase(database, RESIDENT, child.id, problem_id)
    assert (await client.get(f"{collected.collection}/entries")).json()["items"] == []
    gone = await client.get(f"/s/{city.key}/c/the-{name}/1")
    assert gone.status_code == 404
    assert f'class="button primary" href="/s/{city.key}/c/the-{name}"' in gone.text
    assert "Сквер" not in (await client.get(private)).text
    assert EMAIL not in str([tuple(row) for row in await database.rows("SELECT * FROM contacts")])


def test_every_preset_is_complete_in_both_languages() -> None:
    for name in presets.NAMES:
        preset = presets.find(name)
        texts = [preset.title, preset.summary, preset.entry, preset.add, *(name for _, name in preset.categories)]
        for field in preset.fields:
            texts += [field["description"], *([field["hint"]] if "hint" in field else [])]
            texts += [value["name"] for value in field.get("values", ())]
        assert all(set(text) == {"ru", "en"} and all(text.values()) for text in texts), name
        assert len({code for code, _ in preset.categories}) == len(preset.categories) > 1
        assert {"moderation", "accepted", "rejected", "withdrawn"} <= preset.statuses
        for language in ("ru", "en"):
            assert len(preset.questions(language)) == len(preset.fields)


async def test_the_list_of_collections_promises_nothing_more(client: Client, context: Context, city: Site) -> None:
    database = context.database
    for name in presets.NAMES:
        child = await collection.add_collection(database, city, name, name)
        if child.collection and child.collection.who == "residents":
            await add_entry(database, child)
    answer = await client.get(f"/api/v1/sites/{city.key}/collections")
    listed = {one["slug"]: one for one in answer.json()["items"]}
    assert tuple(listed) == presets.NAMES
    actions = {slug: one["action"] for slug, one in listed.items() if one["action"] != "none"}
    assert actions == {
        "volunteers": "support",
        "budgeting": "vote",
        "initiatives": "join",
        **dict.fromkeys(("experts", "resource-centres", "programmes"), "contact"),
    }
    assert [one["slug"] for one in listed.values() if one["voting"]] == ["budgeting"]
    assert listed["budgeting"]["count"] == 1
    assert [one["code"] for one in listed["budgeting"]["fields"]] == ["cost", "own_share", "benefits"]
    tag = answer.headers["etag"]
    assert (await client.get(answer.url, headers={"If-None-Match": tag})).status_code == 304
    await add_entry(database, await sites.by_key(database, f"{city.key}/c/budgeting"))
    assert (await client.get(answer.url, headers={"If-None-Match": tag})).status_code == 200
    for slug in presets.NAMES:
        for action in ("vote", "join", "contact", "support"):
            path = f"/api/v1/sites/{city.key}/collections/{slug}/entries/1/{action}"
            sent = await client.post(path, json={}, headers={"Origin": HOST_ORIGIN})
            page = await client.get(f"/s/{city.key}/c/{slug}/1")
            assert (sent.status_code == 404) == (page.status_code == 404 or actions.get(slug) != action), (slug, action)
            offered = f'href="/s/{city.key}/c/{slug}/1/{action}"' in page.text
            assert offered == (sent.status_code != 404 and action != "support"), (slug, action)
    for slug in presets.NAMES:
        page = await client.get(f"/s/{city.key}/c/{slug}")
        counted = {"support": "По числу голосов", "vote": "По числу голосов", "join": "По числу участников"}
        sort = re.search(r'<option value="support">([^<]+)', page.text)
        assert (sort and sort[1].strip()) == counted.get(actions.get(slug, "")), slug
    voice = {"supporter": "0e37df36-f698-11e6-8dd4-cb9ced3df976", "ticket": await Widget(client, city).ticket()}
    path = f"/api/v1/sites/{city.key}/collections/volunteers/entries/1/support"
    sent = await client.post(path, json=voice, headers={"Origin": HOST_ORIGIN})
    assert sent.json() == {"supporters": 1}, sent.text


async def test_no_door_of_the_city_shows_an_entry_and_no_door_of_a_collection_a_problem(
    client: Client, context: Context, city: Site, budgeting: Site
) -> None:
    database = context.database
    problem = (await submit_report(database, city, description="Настоящая яма")).problem_id
    await lifecycle.change(database, AGENT, city.id, problem, Change(to="accepted"))
    await lifecycle.change(database, AGENT, city.id, problem, Change(to="resolved", text="Сделано"))
    entry = await add_entry(database, budgeting, CANARY)
    await lifecycle.change(database, AGENT, budgeting.id, entry, Change(to="in_progress", text=CANARY))
    token = await changes.add_token(database, city.id, "platform")
    signed = {"Authorization": f"Bearer {token}"}
    doors = public_routes(city, (1, 2))
    doors += ["/stats", "/api/v1/stats", "/", "/mine", "/track", "/robots.txt", "/sites/new", "/metrics"]
    doors += ["/open311/v2/services.json", "/open311/discovery.json", f"/open311/v2/requests.json?api_key={token}"]
    for path in doors:
        found = await client.get(path, headers={"Accept-Language": "ru"})
        assert found.status_code < 500, path
        assert CANARY not in found.text.lower(), path
    events = f"/api/v1/platform/events?site={city.jurisdiction}"
    feed = (await client.get(events, headers=signed)).json()["events"]
    assert len(feed) == 3
    assert all("collection" not in one["data"] for one in feed)
    own = (await client.get(f"{events}&collection=budget", headers=signed)).json()["events"]
    assert {one["data"]["collection"] for one in own} == {"budget"}
    assert len(own) >= 3
    assert (await client.get(f"{events}&collection=none", headers=signed)).status_code == 404
    assert (await client.get(f"/open311/v2/requests.json?jurisdiction_id=collection.{budgeting.id}")).status_code == 404
    assert (await client.get("/api/v1/stats")).json()["reports"] == 1
    assert (await client.get(f"/api/v1/sites/{city.key}/stats")).json()["total"] == 1
    figures = (await client.get("/api/v1/platform/stats", headers=signed)).json()
    assert (figures["total"], len(figures["sites"])) == (1, 1)
    for path in ("", "/1", "/feed.atom", "/report", "/consent"):
        assert "яма" not in (await client.get(f"/s/{city.key}/c/budget{path}")).text.lower(), path
    for path in ("entries", "entries/1", "entries.geojson", "entries.csv"):
        found = await client.get(f"/api/v1/sites/{city.key}/collections/budget/{path}")
        assert CANARY in found.text, path
        assert "яма" not in found.text, path
    assert await sites.list_sites(database, disabled=True) == [city]
    with pytest.raises(NotFound):
        await changes.find_site_id(database, f"{city.key}/c/budget")


async def test_the_cabinet_moderates_and_answers_entries_under_the_name_of_their_collection(
    client: Client, context: Context, city: Site, budgeting: Site
) -> None:
    given: dict[str, Any] = {"category": "yards", "description": join_entry("Сквер", "Посадить деревья")}
    entry = (await submit_report(context.database, budgeting, answers={"cost": "12000"}, **given)).problem_id
    cabinet = await enter(client, context, city)
    name = "Официальный сайт города: Инициативное бюджетирование"
    listed = await cabinet.read("/cabinet/problems")
    assert name in listed.text
    assert f"/cabinet/problems/{entry}" in listed.links
    assert "Сквер" in (await cabinet.read(f"/cabinet/problems?site={budgeting.id}")).text
    assert "Сквер" not in (await cabinet.read(f"/cabinet/problems?site={city.id}")).text
    assert (await cabinet.decide(entry, "accepted")).status_code == 303
    assert (await cabinet.decide(entry, "answered", text=ANSWER, anyway="yes")).status_code == 303
    page = (await client.get(f"/s/{city.key}/c/budget/1")).text
    assert (ANSWER in page, page.count("12\u202f000")) == (True, 1), "its cost is told once"
    # Counted together are the problems of cities; a collection by itself.
    rows = await context.database.rows("SELECT id FROM users")
    user = User(id=rows[0]["id"], email="", role="head", agency_id=city.agency.id, agency_name="", language="ru")
    assert (await report_letters.count_sites(context.database, user)).sites == (city,)
    rows = await context.database.rows("SELECT DISTINCT site_id FROM site_figures")
    assert [row["site_id"] for row in rows] == [budgeting.id]
    assert (await cabinet.read(f"/cabinet/analytics?from=all&site={budgeting.id}")).text
    for path in ("/cabinet/sites", "/cabinet/organisation/services"):
        assert budgeting.id not in (await cabinet.client.get(path)).text, path


async def test_an_official_of_a_directory_has_its_statuses_alone(client: Client, context: Context, city: Site) -> None:
    database = context.database
    child = await collection.add_collection(database, city, "centres", "resource-centres")
    given: dict[str, Any] = {"category": "regional", "description": join_entry("Центр", "Помогаем")}
    entry = (await submit_report(database, child, **given)).problem_id
    cabinet = await enter(client, context, city)
    assert (await cabinet.decide(entry, "accepted")).status_code == 303
    page = await cabinet.read(f"/cabinet/problems/{entry}")
    offered = {status for form in page.forms for status in form.choices.get("to", [])}
    assert offered == {"duplicate", "rejected"}
    with time_machine.travel(clock.now() + 200 * 86_400, tick=False):
        (item,) = (await client.get(f"/api/v1/sites/{city.key}/collections/centres/entries")).json()["items"]
        assert (item["overdue"], item["answer_due"]) == (False, None)
        assert (await client.get(f"/s/{city.key}/c/centres/1")).status_code == 200


async def test_an_official_enters_an_entry_with_its_title(
    client: Client, context: Context, city: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", 0)
    child = await collection.add_collection(context.database, city, "experts", "experts")
    cabinet, path = await enter(client, context, city), f"/cabinet/new-report?site={child.id}"
    typed = {
        "category": "law", "description": "Двадцать лет практики", "address": "Коломна", "channel": "visit",
        "received_on": str(clock.rfc3339(clock.now())[:10]), "answers.formats": "lecture", "answers.cities": "Коломна",
    }  # fmt: skip
    assert (await cabinet.send(path, "/cabinet/new-report", **typed, title="")).status_code == 422
    assert (await cabinet.send(path, "/cabinet/new-report", **typed, title="Право НКО")).status_code == 200
    page = await client.get(f"/s/{city.key}/c/experts/1")
    assert "Право НКО" in page.text
    assert "Лекция" in page.text
    assert "/report" not in (await client.get(f"/s/{city.key}/c/experts")).text


async def test_letters_name_the_collection_and_platforms_get_no_entry(
    make_settings: Callable[..., Settings], database_url: str, mail_sink: MailSink, fake: FakePlatform
) -> None:
    settings = make_settings(database_url=database_url, platform_url=fake.url, platform_key="secret")
    async with running(settings) as app:
        database = app.state.context.database
        city = await make_site(database, agency={"mode": "email", "email": "priem@gorod.test"})
        child = await collection.add_collection(database, city, "budget", "budgeting")
        await add_entry(database, child)
        await wait_until_nothing_due(database)
        sinks = {row["sink"] for row in await database.rows("SELECT sink FROM deliveries")}
    assert sinks == {"resident", "agency"}
    letters = mail_sink.letters
    to = {str(letter.message["To"]) for letter in letters}
    assert to == {"anna@example.test", "priem@gorod.test"}
    for letter in letters:
        assert "Инициативное бюджетирование" in letter.text, letter.message["Subject"]


async def test_the_form_without_scripts_asks_keeps_and_sends_an_entry(
    client: Client, context: Context, city: Site, budgeting: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", 0)
    path = f"/s/{city.key}/c/budget/report"
    page = await client.get(path, headers={"Accept-Language": "ru"})
    assert "Название проекта" in page.text
    fields = filled(page.text, title="Сквер", **{"answers.cost": "12000", "answers.benefits": "Все"})
    consent = f"/s/{city.key}/c/budget/consent/{fields['consent_version']}"
    assert "название записи и ответы на вопросы" in (await client.get(consent)).text
    for missing in ("title", "answers.cost"):
        refused = await client.post(path, data=fields | {missing: ""})
        assert refused.status_code == 422
        assert f'href="#field-{missing.replace(".", "-")}"' in refused.text
        assert "Сломана лавочка" in refused.text
    refused = await client.post(path, data=fields | dict.fromkeys(("title", "description", "consent"), ""))
    assert "Заполните: Название проекта." in refused.text
    done = await client.post(path, data=fields)
    assert done.status_code == 200, done.text
    assert f'href="/s/{city.key}/c/budget"' in done.text
    private = await client.get(re.findall(r'id="track-link" href="https://[^/]+([^"]+)"', done.text)[0])
    for shown in (refused, done, private):
        main = shown.text.partition("<main")[2].partition("</main>")[0]
        assert not re.search("сообщени|проблем", main, re.IGNORECASE), main
    assert "Номер записи" in (await client.get(f"/track?site={city.key}/c/budget")).text
    row = existing(await context.database.row("SELECT site_id, description FROM problems"))
    assert (row["site_id"], row["description"]) == (budgeting.id, "Сквер\n\nСломана лавочка\nу подъезда")


async def test_forms_under_an_entry_work(
    client: Client, context: Context, city: Site, budgeting: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", 0)
    await add_entry(context.database, budgeting)
    for what, typed in (("follow", {}), ("comment", {"text": "Поддерживаю", "name": "Пётр"})):
        path = f"/s/{city.key}/c/budget/1/{what}"
        page = await client.get(path)
        fields = filled(page.text, **{"category": "—", "description": "—", "address": "—"} | typed)
        sent = await client.post(path, data=fields)
        assert (sent.status_code, sent.headers["location"][: len(path)]) == (303, path)
    tables = ("followers", "comments")
    counts = [(await context.database.rows(f"SELECT site_id FROM {table}"))[0]["site_id"] for table in tables]
    assert counts == [budgeting.id] * 2


async def test_a_period_and_who_may_add_decide_whether_entries_are_taken(
    client: Client, context: Context, city: Site, budgeting: Site
) -> None:
    database, now = context.database, clock.now()
    collected, page = Collected(client, city, "budget"), f"/s/{city.key}/c/budget"
    answers = answer_all(budgeting)
    for columns, taken in (
        ({"opens_at": now + 60}, False),
        ({"opens_at": now - 60, "closes_at": now}, False),
        ({"who": "invited", "opens_at": None, "closes_at": None}, False),
        ({"who": "residents", "closes_at": now + 600}, True),
    ):
        await changes.update_site(database, budgeting.id, columns)
        with time_machine.travel(now, tick=False):
            sent = await collected.add(answers=answers)
            assert sent.status_code == (201 if taken else 409), columns
            form = await client.get(f"{page}/report")
            assert (form.status_code, "Сейчас это недоступно" in form.text) == ((200, False) if taken else (409, True))
            assert (f'href="{page}/report"' in (await client.get(page)).text) == taken
            closed = "Сейчас новые записи не принимаются." in (await client.get(page)).text
            assert closed == (not taken and columns.get("who") != "invited")


async def test_keys_and_origins_are_the_sites(client: Client, context: Context, city: Site, budgeting: Site) -> None:
    database, path = context.database, "/api/v1/sites/{}/collections/budget/entries"
    await changes.update_site(database, city.id, {"contact": "required"}, add_origins=["https://new.test"])
    child = await sites.by_id(database, budgeting.id)
    assert "https://new.test" in child.origins
    assert child.contact == "required"
    foreign = await client.post(path.format(city.key), json={}, headers={"Origin": "https://evil.test"})
    assert foreign.status_code == 403
    other = await make_site(database)
    collected = Collected(client, city, "budget")
    ticket = await Widget(client, other).ticket()
    assert (await collected.add(answers=answer_all(child), ticket=ticket)).json()["code"] == "ticket_other_site"
    assert (await client.get(path.format(other.key))).status_code == 404
    key = await changes.rotate_key(database, city.id)
    assert (await client.get(path.format(city.key))).status_code == 404
    assert (await client.get(path.format(key))).status_code == 200
    assert (await sites.by_id(database, budgeting.id)).key == f"{key}/c/budget"
    for slug in ("", "BUDGET", "budget/", "test"):
        with pytest.raises(NotFound):
            await sites.by_key(database, f"{key}/c/{slug}" if slug else f"{key}/c/x")
    await changes.disable_site(database, city.id)
    assert (await client.get(path.format(key))).status_code == 404


async def test_all_errors_of_an_entry_come_at_once(client: Client, city: Site, budgeting: Site) -> None:
    sent = await Collected(client, city, "budget").add(title="", description="Я", answers={"cost": "дорого"})
    assert sent.status_code == 422
    wrong = {one["field"] for one in sent.json()["errors"]}
    assert wrong == {"title", "description", "answers.cost", "answers.benefits"}


@ONE_DATABASE
async def test_erasure_and_age_reach_entries(client: Client, context: Context, city: Site, budgeting: Site) -> None:
    database, path = context.database, f"/api/v1/sites/{city.key}/collections/budget/entries"
    entry = await add_entry(database, budgeting, CANARY, answers={"cost": "777"})
    await lifecycle.erase(database, RESIDENT, budgeting.id, entry)
    assert (await client.get(path)).json()["items"] == []
    row = existing(await database.row("SELECT description, answers FROM problems"))
    assert (row["description"], row["answers"]) == ("", "{}")
    await add_entry(database, budgeting, CANARY)
    with time_machine.travel(clock.now() + (city.retention_days + 1) * 86_400, tick=False):
        assert (await retention.erase_expired(database))["erased"] == 1


async def test_what_cannot_be_a_collection_is_refused(context: Context, city: Site, budgeting: Site) -> None:
    database = context.database
    for site, slug, preset in ((city, "Бюджет", "budgeting"), (city, "x", "unknown"), (budgeting, "x", "budgeting")):
        with pytest.raises(Invalid):
            await collection.add_collection(database, site, slug, preset)
    with pytest.raises(Conflict):
        await collection.add_collection(database, city, "budget", "initiatives")
    for name, text in (
        ("action", "fly"), ("who", "all"), ("min_age", "15"), ("votes_per_person", "0"),
        ("votes_per_person", "много"), ("votes_close", "2026-02-30"), ("title", " "), ("opens", "2026-02-30"),
        ("summary", "<b>a</b>"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as raised:
            await collection.change_collection(database, budgeting, {name: text})
        assert [error.field for error in raised.value.fields] == [name]
    with pytest.raises(Invalid):
        await collection.change_collection(database, budgeting, {"opens": "2026-03-02", "closes": "2026-03-01"})


@ONE_DATABASE
async def test_the_days_of_a_period_are_those_of_the_site_also_when_clocks_change(context: Context) -> None:
    database = context.database
    child = await collection.add_collection(
        database, await make_site(database, time_zone="Europe/Berlin"), "budget", "budgeting"
    )
    days = {"opens": "2026-03-29", "closes": "2026-03-29", "votes_open": "2026-10-25", "votes_close": "2026-10-25"}
    await collection.change_collection(database, child, days)
    child = await sites.by_id(database, child.id)
    own = child.collection
    assert own is not None
    assert {name: text for name, text in collection.setting_values(child).items() if name in days} == days
    assert (own.opens_at, own.closes_at) == (
        clock.parse_rfc3339("2026-03-28T23:00:00Z"),
        clock.parse_rfc3339("2026-03-29T22:00:00Z"),
    )
    assert (own.voting.opens_at, own.voting.closes_at) == (
        clock.parse_rfc3339("2026-10-24T22:00:00Z"),
        clock.parse_rfc3339("2026-10-25T23:00:00Z"),
    )


def test_commands_add_change_and_list(cli: Callable[..., Any], database: Database) -> None:
    agency = cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    key = cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", HOST_ORIGIN)["key"]
    added = cli("collection", "add", "--site", key, "--preset", "budgeting", "--slug", "budget")
    assert set(added) == {"collection", "url"}
    assert added["url"].endswith(f"/s/{key}/c/budget")
    at = ("collection", "set", "--site", key, "--slug", "budget")
    changed = cli(*at, "--title", "Наш бюджет", "--who", "agency", "--opens", "2026-01-01", "--closes", "2026-01-31")
    assert (changed["title"], changed["who"]) == ("Наш бюджет", "agency")
    assert (changed["opens_at"], changed["closes_at"]) == ("2025-12-31T21:00:00Z", "2026-01-31T21:00:00Z")
    votes = ("--action", "vote", "--votes-close", "2026-02-28", "--votes", "2", "--min-age", "14")
    assert cli(*at, *votes)["voting"] == {
        "opens_at": None,
        "closes_at": "2026-02-28T21:00:00Z",
        "per_person": 2,
        "min_age": 14,
        "threshold": None,
    }
    assert cli(*at, "--opens", "", "--off")["enabled"] is False
    (listed,) = cli("collection", "list", "--site", key)
    assert (listed["collection"], listed["opens_at"], listed["enabled"]) == (added["collection"], None, False)
    assert [one["key"] for one in cli("site", "list")] == [key]


async def test_an_entry_is_followed_and_discussed_as_a_problem_is(
    client: Client, context: Context, city: Site, budgeting: Site
) -> None:
    await add_entry(context.database, budgeting)
    collected = Collected(client, city, "budget")
    version = (await client.get(collected.collection)).json()["consent"]["version"]
    given = {"email": "m@mail.test", "consent": {"version": version, "processing": True}}
    for door, more in (("follow", {}), ("comments", {"name": "Мария", "text": "Давно пора"})):
        sent = await client.post(
            f"{collected.collection}/entries/1/{door}",
            json={**given, **more, "ticket": await collected.ticket()},
            headers={"Origin": HOST_ORIGIN},
        )
        assert sent.status_code == 202, sent.text
    assert (await client.get(f"{collected.collection}/entries/1/comments")).json() == {"items": [], "next": None}
    for read in (
        "stats",
        "area",
        "place?lat=55&lng=38",
        "similar?lat=55&lng=38&category=yards",
        "clusters?bbox=30,50,45,60&zoom=12",
    ):
        assert (await client.get(f"{collected.collection}/{read}")).status_code == 200, read

"""«Сегодня», the filters of the list and the exports, compared with a naive filter over all reports."""

from __future__ import annotations

import csv
import io
import os
import random
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import time_machine

from tests.factories import AGENT, make_site, submit_report
from tests.support import migrations
from tests.support.cabinet import PASSWORD, Enter
from tests.support.journal import read_journal
from widget_api import clock
from widget_api.cabinet.problems import exports
from widget_api.casework import queries
from widget_api.casework import service as casework
from widget_api.casework.selection import Cursor, Selection
from widget_api.context import Context
from widget_api.database import word_forms
from widget_api.people import store
from widget_api.people.model import User
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.deadline import is_overdue, is_running
from widget_api.problems.model import OPEN, Actor, Change, Contact, Update
from widget_api.sites.deadlines import add_working_days, local_date
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

ZONES = {"Город": "Europe/Moscow", "Порт": "Asia/Vladivostok"}
TEXTS = (
    "На улице разбиты фонари, темно", "Нет ни одного фонаря у школы", "Глубокая яма на дороге",
    "Ямы и колея, ёлка упала", "=1+1 мусор не вывозят", "Мусор у подъезда; кошки",
)  # fmt: skip
ADDRESSES = ("ул. Ленина, 5", "проспект Мира, 12", None)
CATEGORIES = ("roads", "lighting", "garbage")
MIRRORED = (3, 12, 13)  # accepted, resolved, and one that its platform does not publish
DAY = 86_400
Row = Mapping[str, Any]
Naive = Callable[[Row], bool]


@pytest.fixture
async def towns(context: Context) -> list[Site]:
    """Two sites of one agency in distant time zones, and a neighbour's; reports of every kind on each."""
    first = await make_site(context.database, agency={"name": "Город"})
    second = await make_site(
        context.database, agency={"name": "Порт", "parent_id": first.agency.id}, time_zone=ZONES["Порт"]
    )
    neighbour = await make_site(context.database, agency={"name": "Соседи"})
    dice = random.Random(7)
    for site in (first, second, neighbour):
        for index in range(14):
            at = clock.now() - dice.choice((0, 3, 12, 13, 14, 15, 40)) * DAY - index * 3600
            receipt = await submit_report(
                context.database, site, description=TEXTS[index % len(TEXTS)],
                address=ADDRESSES[index % len(ADDRESSES)], category=CATEGORIES[index % len(CATEGORIES)],
                lat=55.0 + index / 100, lng=38.7, received_at=at,
            )  # fmt: skip
            await _live(context, site, receipt.problem_id, index)
    return [first, second]


async def _live(context: Context, site: Site, problem_id: str, index: int) -> None:
    database = context.database
    if index in (3, 4, 5, 6, 7, 11, 12):
        await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="accepted"))
    if index == 5:
        await dialogue.ask(database, AGENT, site.id, problem_id, "Где именно?")
        said = dialogue.Clarification(id=clock.new_id(), text="У третьего подъезда")
        await dialogue.clarify(database, site, problem_id, said)
    if index in (6, 7, 12):
        await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="resolved", text="Сделано"))
    if index == 7:
        back = Update(id=clock.new_id(), at=clock.now(), status="reopened", text="Не сделано", actor="resident")
        await lifecycle.import_update(database, Actor(kind="source", source="default"), site.id, problem_id, back)
    if index == 8:
        await lifecycle.mark_spam(database, AGENT, site.id, problem_id, True)
    if index in MIRRORED:
        sql = "UPDATE problems SET mirror_of = 'default', source_name = 'Платформа' WHERE id = :id"
        await database.write(lambda tx: tx.run(sql, id=problem_id))
    if index % 4 == 0:
        assigned = "UPDATE problems SET assigned_agency = 'dorogi', assigned_user = 'anna' WHERE id = :id"
        await database.write(lambda tx: tx.run(assigned, id=problem_id))
    if index in (9, 11):
        await lifecycle.erase(database, Actor(kind="operator"), site.id, problem_id)


def official(site: Site, role: Any = "head") -> User:
    return User(id="u", email="a@b.test", role=role, agency_id=site.agency.id, agency_name="", language="ru")


async def every_report(context: Context, towns: list[Site]) -> list[Row]:
    names = {site.id: site for site in towns}
    rows = [dict(row) for row in await context.database.rows("SELECT * FROM problems")]
    return [row | {"zone": names[row["site_id"]].time_zone} for row in rows if row["site_id"] in names and listed(row)]


def listed(row: Row) -> bool:
    return row["mirror_of"] is None or bool(row["published"])


def today(row: Row) -> date:
    return local_date(clock.now(), row["zone"])


def day(row: Row) -> str:
    return datetime.fromtimestamp(row["created_at"], ZoneInfo(row["zone"])).date().isoformat()


def open_now(row: Row) -> bool:
    return row["status"] in OPEN and not row["spam"] and row["erased_at"] is None


def own(row: Row) -> bool:
    return row["mirror_of"] is None


def returned(row: Row) -> bool:
    return open_now(row) and (row["status"] == "reopened" or row["awaits"] == "agency")


def soon(row: Row) -> bool:
    last = add_working_days(today(row), 3).isoformat()
    return is_running(row) and today(row).isoformat() <= row["answer_due"] <= last


def says(words: str) -> Naive:
    return lambda row: word_forms.contains(f"{row['description']} {row['address'] or ''}", words)


SINCE, UNTIL = "2026-11-18", "2026-11-29"  # thirteen days and two days before the tests' own
FILTERS: dict[str, tuple[Mapping[str, str], Naive]] = {
    "all": ({}, lambda row: True),
    "new": ({"tab": "moderation"}, lambda row: row["status"] == "moderation" and open_now(row)),
    "work": ({"tab": "work"}, lambda row: row["status"] != "moderation" and open_now(row) and own(row)),
    "overdue": ({"tab": "overdue"}, lambda row: is_overdue(row, today(row))),
    "returned": ({"tab": "returned"}, returned),
    "soon": ({"status": "soon"}, soon),
    "ended": ({"status": "ended"}, lambda row: row["status"] not in OPEN or row["erased_at"] is not None),
    "spam": ({"status": "spam"}, lambda row: bool(row["spam"])),
    "nobody's": (
        {"service": "none", "person": "none"},
        lambda row: row["assigned_agency"] is None and row["assigned_user"] is None,
    ),
    "a service's": ({"service": "dorogi"}, lambda row: row["assigned_agency"] == "dorogi"),
    "a service's in a tab": (
        {"service": "dorogi", "tab": "overdue"},
        lambda row: row["assigned_agency"] == "dorogi" and is_overdue(row, today(row)),
    ),
    "a person's": ({"person": "anna", "q": "мусор"}, lambda row: row["assigned_user"] == "anna" and says("мусор")(row)),
    "outside the districts": ({"district": "none"}, lambda row: row["district"] is None),
    "the agency's own": ({"responder": "agency"}, own),
    "a platform's": ({"responder": "platform"}, lambda row: not own(row)),
    "a platform's closed ones": (
        {"responder": "platform", "status": "ended"},
        lambda row: not own(row) and row["status"] not in OPEN,
    ),
    "a platform's overdue ones": ({"responder": "platform", "tab": "overdue"}, lambda row: False),
    "one status": ({"status": "accepted"}, lambda row: row["status"] == "accepted"),
    "statuses": ({"status": "resolved,reopened"}, lambda row: row["status"] in ("resolved", "reopened")),
    "the public's group": ({"status": "done"}, lambda row: row["status"] in ("resolved", "answered", "confirmed")),
    "category": ({"category": "roads"}, lambda row: row["category"] == "roads"),
    "categories": ({"category": "roads,garbage"}, lambda row: row["category"] != "lighting"),
    "since": ({"since": SINCE}, lambda row: day(row) >= SINCE),
    "until": ({"until": UNTIL}, lambda row: day(row) <= UNTIL),
    "period": ({"since": SINCE, "until": UNTIL}, lambda row: SINCE <= day(row) <= UNTIL),
    "place": ({"bbox": "38.6,55.025,38.8,55.085"}, lambda row: row["cell"] is not None and 3 <= _step(row) <= 8),
    "a word in another form": ({"q": "фонарь"}, says("фонарь")),
    "a word in capitals": ({"q": "ФОНАРЯМИ"}, says("фонарь")),
    "ё and е": ({"q": "елка"}, says("ёлка")),
    "two words": ({"q": "яма дорога"}, says("яма дорога")),
    "a street, abbreviated otherwise": ({"q": "улица Ленина"}, says("ул. Ленина")),
    "the beginning of a word": ({"q": "подъез"}, says("подъез")),
    "a number": ({"q": "№ 5"}, lambda row: row["number"] == 5 or says("5")(row)),
    "no word": ({"q": "!?"}, lambda row: False),
    "words of overdue ones": (
        {"tab": "overdue", "q": "мусор"},
        lambda row: is_overdue(row, today(row)) and says("мусор")(row),
    ),
    "words of returned ones": ({"tab": "returned", "q": "мусор"}, lambda row: returned(row) and says("мусор")(row)),
    "category of new ones": (
        {"tab": "moderation", "category": "lighting"},
        lambda row: row["status"] == "moderation" and open_now(row) and row["category"] == "lighting",
    ),
    "category and words in a place": (
        {"category": "garbage", "q": "кошка", "bbox": "38,55,39,55.06"},
        lambda row: row["category"] == "garbage" and says("кошка")(row) and _step(row) <= 6,
    ),
    "soon to answer, by category": (
        {"status": "soon", "category": "roads"},
        lambda row: soon(row) and row["category"] == "roads",
    ),
    "nonsense": (
        {"tab": "x", "status": "y", "since": "2026-02-31", "bbox": "1", "sort": "z", "after": "z"},
        lambda row: True,
    ),
}
ORDERS: Mapping[str, tuple[Callable[[Row], Any], bool]] = {
    "new": (lambda row: (row["created_at"], row["number"], row["site_id"]), True),
    "old": (lambda row: (row["created_at"], row["number"], row["site_id"]), False),
    "due": (lambda row: (row["answer_due"], row["number"], row["site_id"]), False),
}


def _step(row: Row) -> int:
    return round((float(row["lat"]) - 55) * 100)


@pytest.mark.parametrize("most_found", [5_000, 0], ids=["by the shortest index", "along the list"])
async def test_every_filter_in_every_order_matches_a_naive_filter(
    context: Context, towns: list[Site], monkeypatch: pytest.MonkeyPatch, most_found: int
) -> None:
    monkeypatch.setattr(queries, "MAX_FOUND", most_found)
    rows = await every_report(context, towns)
    sites = await store.list_visible_sites(context.database, official(towns[0]))
    assert len(sites) == 2
    found_any = 0
    for name, (parameters, naive) in FILTERS.items():
        for order, (key, backwards) in ORDERS.items():
            fitting = [row for row in rows if naive(row) and (order != "due" or is_running(row))]
            selection = Selection.read({"sort": order, **parameters})
            fitting.sort(key=key, reverse=backwards)
            # The exact number stands first, whatever the order.
            expected = [row["id"] for row in sorted(fitting, key=lambda row: row["number"] != selection.number)]
            assert Selection.read(selection.parameters()) == selection, "an address says all of it"
            found, after = list[str](), None
            while True:  # by pages of three
                following = selection.parameters() | ({"after": str(after)} if after else {})
                asked = (sites, Selection.read(following), clock.now())
                page, after = await queries.read_page(context.database, *asked, most=3)
                found += [row["id"] for row in page]
                if after is None:
                    break
            if name != "nonsense" or order == "new":  # its own order is invalid too
                assert found == expected, (name, order)
                count = await queries.count_problems(context.database, sites, selection, clock.now())
                assert count == len(expected), (name, order)
            found_any += bool(expected)
    assert found_any > len(FILTERS) * 2, "most filters find something"


async def test_who_sees_contacts_finds_reports_by_their_author(
    context: Context, enter: Enter, caplog: pytest.LogCaptureFixture, database_url: str
) -> None:
    """By words of the name, a telephone or an address; others learn nothing, and addresses say nothing."""
    database, path = context.database, "/cabinet/problems/by-author"
    site, neighbour = await make_site(database), await make_site(database, agency={"name": "Соседи"})
    ivan = Contact(email="Ivan@Resident.test", name="Иван Семёнов", phone="8 (916) 123-45-67, после 18")
    first = (await submit_report(database, site, contact=ivan)).problem_id
    other = (await submit_report(database, site, contact=Contact(name="Семён Иванов", phone="23-34-45"))).problem_id
    await submit_report(database, neighbour, contact=ivan)
    anna, boris = await enter("agent", site.agency.id), await enter("head", site.agency.id)

    async def found(person: Any, address: str) -> list[str]:
        links = (await person.read(address)).links_without_query
        return [link.rpartition("/")[2] for link in links if re.fullmatch(r"/cabinet/problems/[0-9a-f-]{36}", link)]

    searches = {
        "семенов": [first], "ИВАН Семёнов": [first], "Семён": [other], "Сем": [], "+7 916 123-45-67": [first],
        "9161234567": [first], "233445": [other], "ivan@resident.TEST": [first], "nobody@resident.test": [],
        "Семёнов 2-33-44-5": [],
    }  # fmt: skip
    for text, problems in searches.items():
        answer = await anna.send("/cabinet/problems?tab=moderation&sort=old", path, author=text)
        address = answer.headers["location"]
        assert "tab=moderation" in address
        assert await found(anna, address) == problems, text
    kinds = [entry["details"]["by"] for entry in await read_journal(database, "contacts_searched")]
    expected = ["by_email"] * 2 + ["by_name"] * 4 + ["by_phone"] * 4
    assert sorted(kinds) == expected, "each search once, its pages never"

    address = (await anna.send("/cabinet/problems", path, author="Семёнов")).headers["location"]
    assert "автор: Семёнов" in (await anna.read(address)).text
    assert await found(anna, f"{address}&q=фонарь") == []
    assert await found(boris, address) == [], "somebody else's search"
    assert "поиск по автору устарел" in (await boris.read(address)).text
    lines = list(csv.reader(io.StringIO((await boris.client.get(address.replace("problems", "problems.csv"))).text)))
    assert len(lines) == 1, "its export"
    assert "done=nobody" in (await anna.send("/cabinet/problems", path, author="№ !")).headers["location"]
    views = await anna.send(address, "/cabinet/views", view_name="Семёнов")
    assert views.headers["location"].startswith("/cabinet/problems?author=")
    assert [row["query"] for row in await database.rows("SELECT query FROM saved_views")] == [""]
    with time_machine.travel(clock.now() + 2 * DAY):
        await anna.sign_in("agent-0@gorod.test", PASSWORD)
        assert "поиск по автору устарел" in (await anna.read(address)).text
    for role, agency in (("viewer", site.agency.id), ("operator", None)):
        person = await enter(role, agency)
        assert path not in [form.action for form in (await person.read("/cabinet/problems")).forms]
        token = (await person.read("/cabinet/")).form("/cabinet/sign-out").fields
        assert (await person.client.post(path, data=token | {"author": "Семёнов"})).status_code == 403
    assert "емёнов" not in caplog.text
    await lifecycle.erase(database, Actor(kind="operator"), site.id, first)
    keys = [tuple(row) for row in await database.rows("SELECT key, problem_id FROM contact_keys ORDER BY 1, 2")]
    assert len({problem_id for _, problem_id in keys}) == 2, "the erased one has none"
    await database.write(lambda tx: tx.run("DELETE FROM contact_keys"))
    await migrations.run(database_url, "version_1_1_0", "add_contact_keys")  # as contacts of earlier releases get them
    assert [tuple(row) for row in await database.rows("SELECT key, problem_id FROM contact_keys ORDER BY 1, 2")] == keys


async def test_a_cursor_of_another_order_is_ignored() -> None:
    assert Cursor.read("2026-01-01.5.x", "new") is None
    assert Cursor.read("17.5.x", "due") is None


async def test_today_lists_waiting_reports_once_most_urgent_first(
    context: Context, towns: list[Site], enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await casework.read_today(context.database, official(towns[0]))
    rows, seen = await every_report(context, towns), set[str]()
    assert [section.name for section in found.sections] == ["overdue", "returned", "soon", "new"]
    for section in found.sections:
        fitting = [row for row in rows if FILTERS[section.name][1](row)]
        assert section.count == len(fitting) > 0, section.name
        key, backwards = ORDERS["due" if section.name in ("overdue", "soon") else "new"]
        expected = [row["id"] for row in sorted(fitting, key=key, reverse=backwards) if row["id"] not in seen]
        assert [row["id"] for row in section.rows] == expected[: casework.SECTION_SIZE], section.name
        seen |= set(expected)
    monkeypatch.setattr(casework, "SECTION_SIZE", 2)
    person = await enter("viewer", towns[0].agency.id)
    page = await person.read("/cabinet/")
    opened = [link for link in page.links if link.startswith("/cabinet/problems/")]
    assert "?tab=overdue&sort=due" in opened[0], "the list beside the report is the section it was opened from"
    shown = [link.partition("?")[0].rpartition("/")[2] for link in opened]
    assert 4 < len(shown) == len(set(shown)) <= 8
    texts = {row["id"]: row["description"] for row in rows}
    assert all(texts[problem_id][:60] in page.text for problem_id in shown)
    for section in found.sections:
        assert f"{section.count} " in page.text
        if section.name in ("overdue", "soon"):  # how many days are left, beside the date
            first = next(row for row in rows if row["id"] == section.rows[0]["id"])
            days = (date.fromisoformat(first["answer_due"]) - today(first)).days
            left = "остался 1 день" if days == 1 else f"осталось {days} д"
            said = f"просрочено на {-days} д" if days < 0 else "сегодня" if not days else left
            assert (said in page.text) == (days <= 7), "three working days around New Year are ten"
    for link in ("?tab=overdue&sort=due", "?tab=returned", "?status=soon&sort=due", "?tab=moderation"):
        assert f"/cabinet/problems{link}" in page.links
    assert "/cabinet/inbox" not in page.links, "no mailbox, no discussion"


async def test_today_says_when_nothing_waits(context: Context, site: Site, enter: Enter) -> None:
    page = await (await enter("agent", site.agency.id)).read("/cabinet/")
    assert "На сегодня всё" in page.text
    assert "/cabinet/problems" in page.links


async def test_exports_contain_the_filtered_list_with_types_and_without_formulas(
    context: Context, towns: list[Site], enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(casework, "EXPORT_PAGE", 4)
    person = await enter("head", towns[0].agency.id)
    rows, names = await every_report(context, towns), {site.id: site.agency.name for site in towns}
    for parameters, naive in (FILTERS["all"], FILTERS["categories"], FILTERS["no word"]):
        expected = sorted((row for row in rows if naive(row)), key=ORDERS["new"][0], reverse=True)
        answer = await person.client.get("/cabinet/problems.csv", params=parameters)
        assert answer.headers["content-disposition"].endswith('.csv"')
        assert answer.headers["cache-control"] == "private, no-store"
        lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
        assert [line[0] for line in lines[1:]] == [str(row["number"]) for row in expected]
        sheet = openpyxl.load_workbook(
            io.BytesIO((await person.client.get("/cabinet/problems.xlsx", params=parameters)).content)
        ).worksheets[0]
        cells = list(sheet.iter_rows(values_only=True))
        assert [row[0] for row in cells[1:]] == [row["number"] for row in expected]
        assert list(cells[0]) == lines[0]
        if expected:
            by_name = dict(zip(cells[0], zip(*cells[1:], strict=True), strict=True))
            zones = [ZoneInfo(row["zone"]) for row in expected]
            assert list(by_name["Получено"]) == [
                datetime.fromtimestamp(row["created_at"], zone).replace(tzinfo=None)
                for row, zone in zip(expected, zones, strict=True)
            ]
            assert [at.date().isoformat() for at in by_name["Ответ до"]] == [row["answer_due"] for row in expected]
            assert {type(value) for value in by_name["Широта"]} <= {float, int, type(None)}
            answering = ["Платформа" if row["mirror_of"] else names[row["site_id"]] for row in expected]
            assert list(by_name["Кто отвечает"]) == answering
            assert "anna@example.test" in by_name["Почта автора"]
            texts = dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))["Сообщение"]
            dangerous = [row["description"].startswith("=") for row in expected]
            assert [text.startswith("'=") for text in texts] == dangerous
            assert any(dangerous) or parameters
            assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)
        assert (sheet.freeze_panes, sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("A2", "landscape", 9)
    entries = await read_journal(context.database, "exported")
    assert len(entries) == 6, "one for each file"
    assert {(entry["details"]["rows"], entry["details"]["contacts"]) for entry in entries} == {
        (len([row for row in rows if FILTERS[name][1](row)]), True) for name in ("all", "categories", "no word")
    }
    monkeypatch.setattr(exports, "MAX_SHEET_ROWS", 3)
    assert (await person.client.get("/cabinet/problems.xlsx")).status_code == 409
    assert len(await read_journal(context.database, "exported")) == 6
    page = await person.read("/cabinet/problems?category=roads")
    assert "/cabinet/problems.xlsx?category=roads" in page.links


async def test_files_are_offered_to_who_may_take_them(towns: list[Site], enter: Enter) -> None:
    """Whoever asks for them all the same: test_cabinet_matrix.py."""
    for role in ("viewer", "agent", "head", "admin"):
        page = await (await enter(role, towns[0].agency.id)).read("/cabinet/problems")
        assert ("/cabinet/problems.csv" in page.links) == (role in ("head", "admin"))


async def test_addresses_of_earlier_releases_redirect(enter: Enter, towns: list[Site]) -> None:
    person = await enter("agent", towns[0].agency.id)
    for former, now in (
        ("/cabinet/?tab=overdue&q=яма", "/cabinet/problems?tab=overdue"),
        ("/cabinet/?tab=closed", "/cabinet/problems?tab=closed"),
        ("/cabinet/?after=1.2.x", "/cabinet/problems?after=1.2.x"),
    ):
        answer = await person.client.get(former)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(now)
    for former, name in (("closed", "ended"), ("spam", "spam"), ("replied", "returned")):
        links = (await person.read(f"/cabinet/problems?tab={former}")).links_without_query
        query = FILTERS[name][0]
        chosen = "&".join(f"{key}={value}" for key, value in query.items())
        assert links == (await person.read(f"/cabinet/problems?{chosen}")).links_without_query
    for path in ("/cabinet/comments", "/cabinet/mail", "/cabinet/sites"):
        assert (await person.client.get(path)).status_code == 200


async def test_automatically_accepted_reports_are_new_until_work_begins(context: Context, enter: Enter) -> None:
    database = context.database
    site = await make_site(database, moderation="after")
    problem_id = (await submit_report(database, site)).problem_id
    await lifecycle.confirm(database, site.id, problem_id)
    person, page = await enter("agent", site.agency.id), f"/cabinet/problems/{problem_id}"
    for path in ("/cabinet/", "/cabinet/problems?tab=moderation"):
        assert page in (await person.read(path)).links_without_query, path
    await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="in_progress"))
    for path in ("/cabinet/", "/cabinet/problems?tab=moderation"):
        assert page not in (await person.read(path)).links_without_query, path


async def test_exports_are_rate_limited_and_leave_no_temporary_files(
    context: Context, enter: Enter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The rows of a sheet, contacts among them, are in temporary files while it is written."""
    site = await make_site(context.database)
    await submit_report(context.database, site)
    person, hits, waiting = await enter("admin", site.agency.id), list[str](), list[str]()
    folder = tmp_path / "exports"
    folder.mkdir()

    async def hit(name: str, *parts: str, cost: int = 1) -> None:
        hits.append(name)

    async def interrupted(*_: Any) -> AsyncIterator[Any]:
        waiting.extend(name for _, _, names in os.walk(folder) for name in names)
        if waiting:
            raise RuntimeError("the database went away")
        yield

    monkeypatch.setattr(context.limits, "hit", hit)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(casework, "read_export", interrupted)
    with pytest.raises(RuntimeError):
        await person.client.get("/cabinet/problems.xlsx")
    assert hits == ["exports"]
    assert waiting
    assert [(folders, names) for _, folders, names in os.walk(folder)] == [([], [])]

"""An agency makes a collection from a preset, sets it up, hides it, and nobody else can."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import datetime
import html
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import openpyxl
import orjson
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.test_collections import add_entry, enter
from tests.api.test_journal import entries
from tests.api.test_participation import add_participant
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, existing, make_site
from tests.support.cabinet import Cabinet, PageText
from tests.support.processes import CommandFailed
from widget_api import clock, journal
from widget_api.context import Context
from widget_api.participation import service
from widget_api.participation import store as participants
from widget_api.people import accounts
from widget_api.problems import imported, lifecycle, sheets
from widget_api.problems.model import Actor, Change
from widget_api.sites import changes, collection, presets
from widget_api.sites import service as sites
from widget_api.sites.model import Site


@pytest.fixture
async def admin(client: Client, context: Context, city: Site) -> Cabinet:
    return await enter(client, context, city, "admin")


def desk(city: Site, slug: str = "") -> str:
    return f"/cabinet/sites/{city.id}/collections" + (f"/{slug}" if slug else "")


async def create(admin: Cabinet, city: Site, chosen: str, **typed: str) -> httpx2.Response:
    return await admin.send(f"{desk(city)}?preset={chosen}", desk(city), **typed)


async def publish(admin: Cabinet, city: Site, slug: str) -> httpx2.Response:
    own = desk(city, slug)
    await admin.send(own, own, principles="Решает совет.")
    return await admin.send(own, f"{own}/hide", do="show")


async def test_a_preset_makes_a_collection(client: Client, context: Context, city: Site, admin: Cabinet) -> None:
    listed = await admin.read(desk(city))
    assert {f"{desk(city)}?preset={name}" for name in presets.NAMES} <= set(listed.links)
    made = await create(admin, city, "budgeting")
    assert made.headers["location"] == f"{desk(city, 'budgeting')}?done=added"
    page, own_desk = f"/s/{city.key}/c/budgeting", desk(city, "budgeting")
    refused = await admin.send(own_desk, f"{own_desk}/hide", do="show")  # without its rules
    assert refused.status_code == 422
    assert "field-principles-error" in refused.text
    unknown = await client.get(f"/s/{city.key}/c/nothing")
    for path in ("", "/report", "/feed.atom", "/consent"):
        draft = await client.get(page + path)
        assert (draft.status_code, draft.text) == (404, unknown.text.replace("nothing", "budgeting")), path
    assert (await client.get(f"/api/v1/sites/{city.key}/collections")).json()["items"] == []
    draft_page = await admin.read(own_desk)
    assert "Первый день голосования" in draft_page.text
    preview = next(link for link in draft_page.links if "preview=" in link)
    previewed = await client.get(preview)
    assert "Инициативное бюджетирование" in previewed.text
    assert previewed.headers["cache-control"] == "no-store"
    assert (await client.get(preview.replace("budgeting", "experts"))).status_code == 404
    with time_machine.travel(clock.now() + 3601, tick=False):
        assert (await client.get(preview)).status_code == 404
    typed = {
        "title": "Наш бюджет", "summary": "Проекты жителей", "principles": "Голосует каждый.\nРешает совет.",
        "who": "agency", "discussion": "moderated", "opens": "2026-01-01", "closes": "2026-01-31",
    }  # fmt: skip
    assert (await admin.send(desk(city, "budgeting"), desk(city, "budgeting"), **typed)).status_code == 303
    assert (await admin.send(own_desk, f"{own_desk}/hide", do="show")).headers["location"].endswith("?done=shown")
    with time_machine.travel(clock.now() + 60, tick=False):
        await admin.send(own_desk, f"{own_desk}/hide", do="hide")
        assert (await client.get(preview)).status_code == 404, "the link was one to the draft"
        newer = next(link for link in (await admin.read(own_desk)).links if "preview=" in link)
        assert (await client.get(newer)).status_code == 200
        await admin.send(own_desk, f"{own_desk}/hide", do="show")
    shown = (await client.get(page)).text
    assert all(word in shown for word in ("Наш бюджет", "Проекты жителей", "Голосует каждый.\nРешает совет."))
    child = await sites.by_key(context.database, f"{city.key}/c/budgeting")
    own = child.collection
    assert own is not None
    assert (own.who, child.discussion, own.action) == ("agency", "moderated", "vote")
    assert own.closes_at is not None
    assert (own.opens_at, clock.rfc3339(own.closes_at)) == (1767214800, "2026-01-31T21:00:00Z")
    again = (await admin.read(desk(city, "budgeting"))).form(desk(city, "budgeting")).fields
    assert typed.items() - again.items() == {("who", "agency"), ("discussion", "moderated")}  # selects
    text = (await admin.read(desk(city, "budgeting"))).text
    assert f'site-key="{city.key}" type="extended" view="inline" collection="budgeting"' in text
    kinds = [row["kind"] for row in await context.database.rows("SELECT kind FROM journal WHERE role = 'admin'")]
    assert {"site_added", "site_changed"} <= set(kinds)


async def test_a_hidden_collection_is_nowhere(client: Client, context: Context, city: Site, admin: Cabinet) -> None:
    await create(admin, city, "experts", slug="people")
    await publish(admin, city, "people")
    own, page = desk(city, "people"), f"/s/{city.key}/c/people"
    for do, done, status, listed in (("hide", "hidden", 404, 0), ("show", "shown", 200, 1)):
        assert (await admin.send(own, f"{own}/hide", do=do)).headers["location"] == f"{own}?done={done}"
        assert (await client.get(page)).status_code == status
        found = (await client.get(f"/api/v1/sites/{city.key}/collections")).json()["items"]
        assert len(found) == listed
        assert ("не опубликован" in (await admin.read(desk(city))).text) == (listed == 0)
    rows = await context.database.rows("SELECT kind, role FROM journal WHERE kind LIKE 'site_%abled' ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("site_enabled", "admin"),
        ("site_disabled", "admin"),
        ("site_enabled", "admin"),
    ]


@ONE_DATABASE
async def test_what_is_wrong_is_named_and_kept(client: Client, context: Context, city: Site, admin: Cabinet) -> None:
    await create(admin, city, "budgeting")
    proposed = (await admin.read(f"{desk(city)}?preset=budgeting")).form(desk(city)).fields
    assert proposed["slug"] == "budgeting-2"
    for typed, sentence in (
        ({"slug": "budgeting"}, "Раздел с адресом «budgeting» у сайта уже есть"),
        ({"slug": "Бюджет"}, "строчные латинские буквы"),
        ({"title": " "}, "Заполните это поле"),
        ({"title": "<b>Бюджет"}, "Теги HTML"),
        ({"preset": "none"}, "Такого варианта нет"),
    ):
        refused = await create(admin, city, "budgeting", **typed)
        assert refused.status_code == 422, typed
        assert sentence in refused.text, typed
    own = desk(city, "budgeting")
    wrong = {"title": "", "opens": "завтра", "who": "all", "principles": "<script>", "summary": "x" * 1001}
    refused = await admin.send(own, own, **wrong)
    found = re.findall(r'href="#field-(\w+)"', refused.text)
    assert (refused.status_code, found) == (422, ["title", "summary", "principles", "who", "opens"])
    assert "&lt;script&gt;" in refused.text
    assert (await admin.send(own, own, principles="")).status_code == 303
    for name, value in (("opens", "0001-01-01"), ("votes_needed", "1000001"), ("votes_per_person", "0")):
        assert re.findall(r'href="#field-(\w+)"', (await admin.send(own, own, **{name: value})).text) == [name]
    refused = await admin.send(own, own, opens="2026-02-02", closes="2026-02-01")
    assert "Последний день раньше первого" in refused.text


async def test_questions_are_those_of_all_categories(context: Context, city: Site, admin: Cabinet) -> None:
    await create(admin, city, "budgeting")
    await publish(admin, city, "budgeting")
    own = f"{desk(city, 'budgeting')}/categories"
    form = (await admin.read(f"{own}/yards")).form(f"{own}/yards")
    question = 'Кто; "где"'
    asked = {"q4.description": question, "q4.datatype": "string", "q4.hint": "", "q4.options": "", "q4.code": ""}
    selects = {"q1.datatype": "number", "q2.datatype": "number", "q3.datatype": "string"}
    saved = await admin.client.post(form.action, data=form.fields | selects | asked | {"do": "save"})
    assert saved.headers["location"] == f"{own}?done=saved", saved.text
    new = (await admin.read(own)).forms[-1].fields | {"name": "Пруды", "code": "ponds"}
    assert (await admin.client.post(own, data=new)).headers["location"] == f"{own}/ponds?done=added"
    child = await sites.by_key(context.database, f"{city.key}/c/budgeting")
    assert [category.code for category in child.categories][-1] == "ponds"
    for category in child.categories:
        assert [one.description for one in category.questions][-1] == question, category.code
    for path in (f"{desk(city, 'budgeting')}/import/template.csv", f"/cabinet/problems.csv?site={child.id}"):
        head = next(csv.reader(io.StringIO((await admin.client.get(path)).text), delimiter=";"))
        assert question in head, path
    assert all(not category.questions for category in (await sites.by_id(context.database, city.id)).categories)


@ONE_DATABASE
async def test_who_reads_changes_nothing_and_moderation_is_the_operators(
    client: Client, context: Context, city: Site
) -> None:
    await collection.add_collection(context.database, city, "budget", "budgeting")
    own = desk(city, "budget")
    for role in ("head", "agent", "viewer"):
        cabinet = await enter(client, context, city, role)
        page = await cabinet.read(own)
        assert [form for form in page.forms if form.action == own] == []
        assert (await cabinet.read(desk(city))).links.count(own) == 1
    moderations: dict[str, str] = {"admin": "before", "operator": "after"}
    for role, moderation in moderations.items():
        cabinet = await enter(client, context, city, role)
        assert (await cabinet.send(own, own, moderation="after")).status_code == 303
        assert (await sites.by_key(context.database, f"{city.key}/c/budget")).moderation == moderation
    other = await make_site(context.database)
    cabinet = await enter(client, context, other, "admin")
    for path in (own, f"{own}/categories", f"/cabinet/sites/{other.id}/collections/budget"):
        assert (await client.get(path)).status_code == 404, path


@ONE_DATABASE
async def test_the_list_says_when_entries_are_taken(context: Context, city: Site, admin: Cabinet) -> None:
    child = await collection.add_collection(context.database, city, "budget", "budgeting")
    await changes.update_site(context.database, child.id, {"opens_at": 1767214800, "closes_at": 1769893200})
    for at, said in (
        (1767214799, "начнётся 1 января"),
        (1769893199, "до 31 января"),
        (1769893200, "закончился 31 января"),
    ):
        with time_machine.travel(at, tick=False):
            admin.client.cookies.clear()
            _, password = await accounts.reset_password(context.database, f"admin-{city.agency.id}@gorod.test")
            await admin.sign_in(f"admin-{city.agency.id}@gorod.test", password)
            assert said.replace(" ", "\N{NO-BREAK SPACE}") in (await admin.client.get(desk(city))).text.replace(
                " ", "\N{NO-BREAK SPACE}"
            )


HEAD = ["ID", "Имя и тема", "Категория", "Описание", "Адрес", "Форматы", "Города"]
ROWS = [
    ["1", "Право НКО", "Право", "Двадцать лет практики", "Коломна", "Лекция; Консультация", "Коломна"],
    ["2", "Сборы средств", "finance", "Веду сборы", "Мира, 5", "Лекция", "Везде"],
]


def sheet(rows: list[list[str]]) -> bytes:
    return "\r\n".join(";".join(f'"{cell}"' for cell in row) for row in rows).encode()


def book(rows: list[list[Any]]) -> bytes:
    made, file = openpyxl.Workbook(), io.BytesIO()
    made.active.append([])  # type: ignore[union-attr]
    for row in rows:
        made.active.append(row)  # type: ignore[union-attr]
    made.save(file)
    return file.getvalue()


async def check(admin: Cabinet, own: str, content: bytes, status: int = 200) -> PageText:
    form = (await admin.read(f"{own}/import")).form(f"{own}/import")
    sent = await admin.client.post(form.action, data=form.fields, files={"file": ("t", content)})
    assert sent.status_code == status, sent.text
    return PageText(sent.text)


async def load(admin: Cabinet, own: str, content: bytes) -> str:
    form = (await check(admin, own, content)).form(f"{own}/import")
    done = await admin.client.post(form.action, data=form.fields | {"do": "store"})
    assert done.status_code == 303, done.text
    return done.headers["location"].rpartition("=")[2]


async def test_a_file_is_checked_then_loaded_once(
    client: Client, context: Context, city: Site, admin: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imported, "BATCH_SIZE", 1)
    await collection.add_collection(context.database, city, "experts", "experts")
    own, database = desk(city, "experts"), context.database
    wrong = ["3", "", "Пруды", "Текст", "", "Танцы", ""]
    page = await check(admin, own, sheet([[*HEAD, "Цвет"], *([*row, "синий"] for row in (*ROWS, ROWS[0], wrong))]))
    for said in (
        "1 строка с ошибками", "Строка 5, «Имя и тема»: Заполните это поле",
        "Строка 5, «Категория» — «Пруды»: Такого варианта нет", "Строка 5, «Адрес»: Укажите место",
        "Строка 5, «Форматы» — «Танцы»: Такого варианта нет", "Строка 5, «Города»: Заполните это поле",
        "1 строка загружена раньше или повторяется", "незнакомы, их не загрузим: Цвет.", "Можно загрузить 2 записи",
    ):  # fmt: skip
        assert said in page.text, said
    assert await database.rows("SELECT 1 FROM problems") == []
    assert await load(admin, own, sheet([HEAD, *ROWS])) == "2"
    items = (await client.get(f"/api/v1/sites/{city.key}/collections/experts/entries")).json()["items"]
    assert {item["title"]: item["answers"] for item in items} == {
        "Право НКО": {"formats": ["lecture", "advice"], "cities": "Коломна"},
        "Сборы средств": {"formats": ["lecture"], "cities": "Везде"},
    }
    child = await sites.by_key(database, f"{city.key}/c/experts")
    exported = list(
        csv.reader(io.StringIO((await client.get(f"/cabinet/problems.csv?site={child.id}")).text), delimiter=";")
    )
    entry = dict(zip(exported[0], exported[2], strict=True))
    assert [entry[name] for name in ("Имя и тема", "Сообщение", "Форматы", "Города")] == [
        "Право НКО", "Двадцать лет практики", "Лекция, Консультация", "Коломна",
    ]  # fmt: skip
    changed = [*ROWS[0][:3], "Тридцать лет практики", *ROWS[0][4:]]
    assert "2 строки загружены раньше" in (await check(admin, own, book([HEAD, changed, ROWS[1]]), 422)).text
    assert await database.rows("SELECT 1 FROM deliveries") == []
    assert await database.rows("SELECT 1 FROM unsent_forms WHERE shown_at IS NULL") == []
    for content, sentence in ((b"", "Выберите файл"), (sheet([HEAD[:1], ["1"]]), "«Имя и тема»")):
        assert sentence in (await check(admin, own, content, 422)).text
    monkeypatch.setattr(sheets, "MAX_SIZE", 2**20)
    whole = sheet([HEAD, *ROWS])
    assert "больше 1" in (await check(admin, own, whole + b"\n" * (2**20 + 1 - len(whole)), 422)).text
    done = await entries(database, "entries_imported")
    assert [(one["details"], one["role"]) for one in done] == [({"rows": 1}, "admin")] * 2
    forms = (await admin.read(f"{own}/import")).form(f"{own}/import").fields | {"do": "store", "unsent": "gone"}
    gone = await client.post(f"{own}/import", data=forms)
    assert (gone.status_code, "пролежал больше суток" in gone.text) == (422, True)


@ONE_DATABASE
async def test_the_template_is_filled_in_and_loaded(context: Context, city: Site, admin: Cabinet) -> None:
    child = await collection.add_collection(context.database, city, "school", "programmes")
    own = desk(city, "school")
    for kind in ("xlsx", "csv"):
        content = (await admin.client.get(f"{own}/import/template.{kind}?lang=en")).content
        assert "no rows" in (await check(admin, f"{own}", content, 422)).text or kind
    made = openpyxl.load_workbook(io.BytesIO((await admin.client.get(f"{own}/import/template.xlsx")).content))
    rows, hints = made.worksheets
    assert "Курс" in str(hints["B3"].value)
    named = {str(cell.value): place for place, cell in enumerate(rows[1], 1)}
    typed: dict[str, Any] = {
        "Название программы": "=HYPERLINK(1)", "Категория": "course", "Описание": "Учим\nвсему", "Широта": 55.05,
        "Долгота": "38,75", "Кто проводит": 1917, "Начало": datetime.datetime.fromisoformat("2026-12-01T18:30"),
        "Окончание": "31.12.2026", "Форма": "Очно", "Стоимость, ₽": "12 000,50",
    }  # fmt: skip
    for title, value in typed.items():
        rows.cell(2, named[title], value)
    rows.cell(2, named["Название программы"]).data_type = "s"
    file = io.BytesIO()
    made.save(file)
    assert await load(admin, own, file.getvalue()) == "1"
    (row,) = await context.database.rows(
        "SELECT description, answers, lat, lng FROM problems WHERE site_id = :i", i=child.id
    )
    answers = orjson.loads(row["answers"])
    assert (row["description"], row["lat"], row["lng"]) == ("=HYPERLINK(1)\n\nУчим\nвсему", 55.05, 38.75)
    assert answers == {
        "centre": "1917",
        "begins": "2026-12-01T18:30:00+03:00",
        "ends": "2026-12-31T00:00:00+03:00",
        "form": answers["form"],
        "price": "12000.50",
    }


def packed(way: int = zipfile.ZIP_DEFLATED, **parts: bytes) -> bytes:
    file = io.BytesIO()
    given = {
        "xl/workbook.xml": b'<workbook xmlns:r="r"><sheets><sheet r:id="a"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": b'<Relationships><Relationship Id="a" Target="s.xml"/></Relationships>',
        "xl/s.xml": b"<worksheet/>",
    } | {name.replace("__", "/").replace("_xml", ".xml"): content for name, content in parts.items()}
    with zipfile.ZipFile(file, "w", way) as archive:
        for name, content in given.items():
            archive.writestr(name, content)
    return file.getvalue()


CELL = b'<row><c t="inlineStr"><is><t>x</t></is></c></row>'


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("empty", b""),
        ("empty", packed()),
        ("not_table", b"\0\1\2"),
        ("not_table", b"PK\x03\x04 not a zip"),
        ("not_table", book([["a"], ["b"]])[:-200]),
        ("not_table", packed(xl__s_xml=b"<row><c")),
        ("not_table", packed(xl__s_xml=b'<!DOCTYPE a [<!ENTITY b "c">]><row><c><v>&b;</v></c></row>')),
        ("not_table", packed(xl__s_xml=b'<row><c t="s"><v>7</v></c></row>')),
        ("not_table", packed(xl__workbook_xml=b"<workbook/>")),
        ("not_table", packed(zipfile.ZIP_LZMA)),
        ("too_large", b"a;b\n" * 2_000_000),
        ("too_large", packed(xl__s_xml=b"<a>" + b" " * 30_000_000 + b"</a>")),
        ("too_large", packed(xl__s_xml=b"<a>" + b"<b/>" * 1_600_000 + b"</a>")),
        (  # each of the cells would have ten thousand characters of its own
            "too_large",
            packed(
                xl__sharedStrings_xml=b"<s><si><t>'=" + b"x" * 9_990 + b"</t></si></s>",
                xl__s_xml=b"<a>" + (b"<row>" + b'<c t="s"><v>0</v></c>' * 60 + b"</row>") * 60 + b"</a>",
            ),
        ),
        ("too_many", b"a;b\n" * 5002),
        ("too_many", packed(xl__s_xml=b"<a>" + CELL * 5002 + b"</a>")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_hostile_file_is_refused(code: str, content: bytes) -> None:
    with pytest.raises(sheets.Unreadable) as refused:
        sheets.read_rows(content)
    assert refused.value.code == code


def test_what_spreadsheets_write_is_read() -> None:
    shared = b'<sst xmlns:x="m"><x:si><x:r><x:t>A</x:t></x:r><x:r><x:t>B</x:t></x:r></x:si></sst>'
    rows = b'<row r="3"><c r="C3" t="s"><v>0</v></c><c r="BM3"><v>9</v></c></row><row/><row r="900"/>'
    rows += b'<row><c><f>1+1</f><v>2</v></c><c t="str"><f>"a"</f><v>\'=a</v></c></row>'
    found = sheets.read_rows(packed(xl__sharedStrings_xml=shared, xl__s_xml=b"<w>" + rows + b"</w>"))
    assert found == [(3, ["", "", "AB"]), (901, ["2", "=a"])]
    assert sheets.read_rows("а;б\r\n\r\n1;'-2".encode("cp1251")) == [(1, ["а", "б"]), (3, ["1", "-2"])]


ANY_CELL = st.one_of(st.text(max_size=40), st.floats(), st.sampled_from(["=1+1", "31.02.2026", "1e400", "45000.99999"]))
WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@pytest.mark.filterwarnings("ignore:Overlapped entries")  # zipfile of Python 3.13 suspects a bomb; the size is bounded
@settings(max_examples=40)
@given(
    st.lists(st.lists(ANY_CELL, max_size=4), max_size=4),
    st.sampled_from((0, *WAYS)),
    st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=6),
)
def test_any_bytes_are_rows_or_a_clear_error(rows: list[list[Any]], way: int, damage: list[tuple[int, int]]) -> None:
    texts = [[html.escape("".join(one for one in str(cell) if one.isprintable())) for cell in row] for row in rows]
    cells = "".join(f"<row>{''.join(f'<c><v>{text}</v></c>' for text in row)}</row>" for row in texts)
    whole = packed(way, xl__s_xml=f"<w>{cells}</w>".encode()) if way else sheet([list(map(str, row)) for row in rows])
    content = bytearray(whole)
    for place, value in damage if content else ():
        content[place % len(content)] = value
    for one in (bytes(content), bytes(content[: len(content) // 2])):
        with contextlib.suppress(sheets.Unreadable):
            assert all(isinstance(cell, str) for _, row in sheets.read_rows(one) for cell in row)


@ONE_DATABASE
def test_a_command_loads_entries_once_and_names_wrong_rows(cli: Callable[..., Any], tmp_path: Path) -> None:
    agency = cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    key = cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test")["key"]
    cli("collection", "add", "--site", key, "--preset", "experts", "--slug", "experts")
    file, (first, second) = tmp_path / "t.csv", ROWS
    at = ("collection", "import", "--site", key, "--slug", "experts", str(file))
    file.write_bytes(sheet([HEAD, first, ["3", second[1], "Пруды", *second[3:]]]))
    assert cli(*at) == {"imported": 1, "known": 0, "wrong": ["3 category: unknown"]}
    file.write_bytes(book([HEAD, *ROWS]))
    assert cli(*at) == {"imported": 1, "known": 1, "wrong": []}
    assert cli(*at) == {"imported": 0, "known": 2, "wrong": []}
    file.write_bytes(b"PK nothing")
    with pytest.raises(CommandFailed, match="file"):
        cli(*at)


@ONE_DATABASE
async def test_rows_that_two_people_load_at_once_are_stored_once(context: Context, city: Site) -> None:
    child = await collection.add_collection(context.database, city, "experts", "experts")
    table = await imported.check_table(context.database, child, sheet([HEAD, *ROWS, ["x" * 300, *ROWS[0][1:]]]))
    given = child, list(table.good.values()), Actor(kind="agent"), journal.COMMAND_LINE
    done = await asyncio.gather(*(imported.import_entries(context.database, *given) for _ in range(2)))
    assert sorted(done) == [0, 3]


@ONE_DATABASE
async def test_no_page_of_an_entry_calls_it_a_report(context: Context, city: Site, admin: Cabinet) -> None:
    child = await collection.add_collection(context.database, city, "initiatives", "initiatives")
    path = f"/cabinet/problems/{await add_entry(context.database, child, 'Субботник')}"
    for page in (path, f"{path}/photos", f"{path}/correct"):
        text = (await admin.read(page)).text
        assert ("Запись — не обращение" in text, "Сообщение о проблеме — не" in text) == (True, False), page
        main = text.partition("<article" if page == path else "<main")[2].partition("</main>")[0]
        assert not re.search("сообщени", main, re.IGNORECASE), page


@ONE_DATABASE
async def test_a_collection_without_categories_takes_no_row(context: Context, city: Site) -> None:
    child = await collection.add_collection(context.database, city, "experts", "experts")
    table = await imported.check_table(context.database, replace(child, categories=()), sheet([HEAD, ROWS[0]]))
    assert (table.good, {(one.column, one.error.code) for one in table.wrong}) == ({}, {("category", "unknown")})


@ONE_DATABASE
async def test_a_count_for_councils_is_verified(client: Client, context: Context, city: Site, admin: Cabinet) -> None:
    database, page = context.database, desk(city, "budget")
    await create(admin, city, "budgeting", slug="budget")
    await publish(admin, city, "budget")
    child = await sites.by_key(database, f"{city.key}/c/budget")
    other = await collection.add_collection(database, city, "other", "budgeting")
    await add_entry(database, other, "Чужой")
    names = ("Сквер", "Мост <b>", "Каток", "Тир", "Тот же сквер")
    voted = [await add_entry(database, child, name) for name in names]
    given = {0: ["anna", "bert", "vera"], 1: ["anna", "bert", "dora"], 2: ["anna"], 4: ["gleb"]}
    rows: dict[tuple[int, str], Any] = {}
    for entry, people in given.items():
        for person in people:
            ip = "192.0.2.1" if entry == 0 else f"192.0.{entry}.{len(rows)}"
            row_id = await add_participant(database, child, voted[entry], f"{person}@example.test", ip=ip)
            row = rows[entry, person] = await participants.find(database, row_id)
            assert row is not None
            assert await service.confirm(database, row) == "done"

    async def leave(entry: int, person: str) -> None:
        row = existing(await participants.find(database, rows[entry, person]["id"]))
        assert await service.leave(database, row)

    await leave(1, "dora")
    await lifecycle.change(database, AGENT, child.id, voted[4], Change(to="duplicate", duplicate_of=1))
    assert (await admin.send(page, page, votes_needed="x")).status_code == 422
    assert (await admin.send(page, page, votes_needed="2")).status_code == 303
    shown = await client.get(f"{page}/count")
    assert "Мост &lt;b&gt;" in shown.text
    text = PageText(shown.text).text
    for said in (
        "голосование ещё идёт",
        "Это не голосование по закону",
        "Порог: 2 голоса.",
        "не больше 3 голосов",
        "Голосов поддержки 6 Участников (по адресам почты) 3 Отозвано голосов 1 Голосов людей, удаливших данные 0",
        "1 № 1 · Сквер 3 набран 2 № 2 · Мост <b> 2 набран 3 № 3 · Каток 1 не набран 4 № 4 · Тир 0 не набран",
        "Председатель",
    ):
        assert said in text, text
    assert "Чужой" not in text
    assert re.search(r"Подсчитано \d+\s\w+ \d{4}, \d\d:", text), "paper needs the year"
    (address,) = re.findall(r'href="https://widget.test(/s/[^"]+/count/[^"]+)"', shown.text)
    assert "Числа с тех пор не изменились" in (await client.get(address, headers={"Accept-Language": "ru"})).text
    public = (await client.get(address)).text
    assert ("anna" in public, "разных почт" in public) == (False, False)
    await leave(2, "anna")
    assert "числа с тех пор изменились" in (await client.get(address, headers={"Accept-Language": "ru"})).text
    token = address.rpartition("/")[2]
    for path in (f"{address}x", f"/s/{other.key}/count/{token}"):
        assert (await client.get(path)).status_code == 404, path
    await collection.add_collection(database, city, "experts", "experts")
    assert (await client.get(f"{desk(city, 'experts')}/count")).status_code == 404

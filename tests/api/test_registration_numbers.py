"""Numbers of reports in the agency's own document system: by the API, and from a file. By mail: test_mailbox.py."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.conftest import Client
from tests.factories import RESIDENT, make_site, submit_report
from tests.support.cabinet import Cabinet, Enter, PageText
from widget_api.problems import lifecycle
from widget_api.sites import changes
from widget_api.sites.model import Site

API = "/api/v1/platform/documents"
PATH = "/cabinet/registration-numbers"


@pytest.fixture
def database(app: Any) -> Any:
    return app.state.context.database


@pytest.fixture
async def reports(database: Any, site: Site) -> list[str]:
    """Five reports of the site; the fifth is erased. A neighbour has a sixth."""
    found = [(await submit_report(database, site)).problem_id for _ in range(5)]
    await lifecycle.erase(database, RESIDENT, site.id, found[4])
    return found


async def numbers(database: Any, site: Site) -> dict[int, tuple[str, str | None]]:
    rows = await database.rows(
        "SELECT number, document_number, document_date FROM problems"
        " WHERE site_id = :site AND document_number IS NOT NULL ORDER BY number",
        site=site.id,
    )
    return {row["number"]: (row["document_number"], row["document_date"]) for row in rows}


# --- the API ---


async def test_the_document_system_writes_and_reads_numbers(
    database: Any, site: Site, reports: list[str], client: Client
) -> None:
    mine = {"Authorization": "Bearer " + await changes.add_token(database, site.id, "platform")}
    items = [
        {"number": 2, "document_number": " 01-15/2231 ", "document_date": "2026-11-25"},
        {"number": 1, "document_number": "01-15/2232"},
    ]
    sent = await client.put(API, json={"items": items}, headers=mine)
    assert (sent.status_code, sent.json()) == (200, {"registered": 2}), sent.text
    assert await numbers(database, site) == {1: ("01-15/2232", None), 2: ("01-15/2231", "2026-11-25")}
    first = (await client.get(f"{API}?limit=1", headers=mine)).json()
    assert first == {"items": [{"number": 1, "document_number": "01-15/2232", "document_date": None}], "next": 1}
    rest = (await client.get(f"{API}?after={first['next']}", headers=mine)).json()
    assert ([one["number"] for one in rest["items"]], rest["next"]) == ([2], None)
    gone = await client.put(API, json={"items": [{"number": 2, "document_number": None}]}, headers=mine)
    assert gone.status_code == 200
    assert list(await numbers(database, site)) == [1]
    other = await make_site(database, agency={"name": "Соседи"})
    theirs = {"Authorization": "Bearer " + await changes.add_token(database, other.id, "platform")}
    assert (await client.get(API, headers=theirs)).json() == {"items": [], "next": None}
    assert "01-15/2232" not in (await client.get("/api/v1/platform/events?after=0", headers=mine)).text


async def test_all_that_is_wrong_is_told_at_once_and_nothing_is_recorded(
    database: Any, site: Site, reports: list[str], client: Client
) -> None:
    other = await make_site(database, agency={"name": "Соседи"})
    await submit_report(database, other)
    for _ in range(6):
        await submit_report(database, other)
    token = {"Authorization": "Bearer " + await changes.add_token(database, site.id, "platform")}
    body = {
        "items": [
            {"number": 1, "document_number": "верный"},
            {"number": "2", "document_number": "а"},
            {"number": 3, "document_number": "9" * 61},
            {"number": 4, "document_date": "2026-11-25"},
            {"number": 3, "document_number": "а", "document_date": "25.11.2026"},
        ]
    }
    refused = await client.put(API, json=body, headers=token)
    assert refused.status_code == 422
    assert {(one["field"], one["code"]) for one in refused.json()["errors"]} == {
        ("items.1.number", "number"),
        ("items.2.document_number", "too_long"),
        ("items.3.document_number", "required"),
        ("items.4.document_date", "date"),
    }
    foreign, erased, none = ({"number": number, "document_number": "а"} for number in (6, 5, 999))
    refused = await client.put(API, json={"items": [body["items"][0], foreign, erased, none]}, headers=token)
    assert refused.status_code == 422
    assert [(one["field"], one["code"]) for one in refused.json()["errors"]] == [
        (f"items.{place}.number", "unknown_report") for place in (1, 2, 3)
    ], "another site's, an erased one and none look the same"
    twice = await client.put(API, json={"items": [body["items"][0]] * 2}, headers=token)
    assert [(one["field"], one["code"]) for one in twice.json()["errors"]] == [("items.1.number", "repeated")]
    many = await client.put(API, json={"items": [{"number": 1}] * 1001}, headers=token)
    assert [one["code"] for one in many.json()["errors"]] == ["too_many"]
    bodies: list[dict[str, Any]] = [{}, {"items": None}, {"items": {}}, {"items": [None]}, {"items": ["1"]}]
    for wrong in bodies:
        assert (await client.put(API, json=wrong, headers=token)).status_code == 422, wrong
    assert await numbers(database, site) == {}
    georeport = {"Authorization": f"Bearer {await changes.add_token(database, site.id, 'georeport')}"}
    for headers in ({}, georeport, {"Authorization": "Bearer nothing"}):
        assert (await client.put(API, json=body, headers=headers)).status_code == 401
        assert (await client.get(API, headers=headers)).status_code == 401


# --- a file ---


async def check(cabinet: Cabinet, content: bytes) -> httpx2.Response:
    form = (await cabinet.read(PATH)).form(PATH)
    files = [("file", ("номера.csv", content, "text/csv"))]
    return await cabinet.client.post(form.action, data=form.fields, files=files)


async def test_a_file_is_shown_with_its_wrong_rows_and_then_recorded(
    database: Any, enter: Enter, site: Site, reports: list[str]
) -> None:
    agent = await enter("agent", site.agency.id)
    content = (
        "number;document_number;document_date\r\n"
        "1;01-15/1;25.11.2026\r\n"
        "№ 2;'-15/2;2026-11-26\r\n"
        "\r\n"
        '3;"01-15;3"\r\n'
        "4;;\r\n"
        "999;01-15/4;\r\n"
        "5;01-15/5;\r\n"
        "два;01-15/6;\r\n"
        "1;01-15/7;\r\n"
        "4;01-15/8;31.02.2026\r\n"
        f"4;{'9' * 61};\r\n"
        "4;;25.11.2026\r\n"
    )
    shown = await check(agent, b"\xef\xbb\xbf" + content.encode())
    assert shown.status_code == 200, shown.text
    page = PageText(shown.text)
    for words in (
        "строка 7: нет сообщения № 999",
        "строка 8: нет сообщения № 5",
        "строка 9: «два» — не номер сообщения",
        "строка 10: сообщение № 1 уже есть выше",
        "строка 11: «31.02.2026» — не дата",
        "строка 12: рег. номер длиннее 60 знаков",
        "строка 13: нет рег. номера",
        "Можно записать 3 номера",
    ):
        assert words in page.text, words
    assert await numbers(database, site) == {}, "nothing before it was looked at"
    form = page.form(PATH)
    await lifecycle.erase(database, RESIDENT, site.id, reports[2])
    done = await agent.client.post(form.action, data=form.fields)
    assert done.status_code == 303
    assert await numbers(database, site) == {1: ("01-15/1", "2026-11-25"), 2: ("-15/2", "2026-11-26")}
    answer = (await agent.read(done.headers["location"])).text
    assert "Записано номеров: 2." in answer
    assert "Не записано: 1." in answer


@pytest.mark.parametrize(
    "content",
    [
        "1,вх-1,25.11.2026\n2,вх-2,\n".encode("cp1251"),
        "Дата регистрации;Номер;Сайт;Рег. номер\n25.11.2026;1;Город;вх-1\n;2;Город;вх-2\n;3;Город;\n".encode(),
        "Reg. number\tNumber\tRegistered on\nвх-1\t1\t2026-11-25\nвх-2\t2\t\n".encode("utf-8-sig"),
    ],
    ids=["comma-1251", "an-export", "tabs"],
)
async def test_tables_as_programs_write_them(
    database: Any, enter: Enter, site: Site, reports: list[str], content: bytes
) -> None:
    agent = await enter("agent", site.agency.id)
    shown = PageText((await check(agent, content)).text)
    assert "строка" not in shown.text
    form = shown.form(PATH)
    assert (await agent.client.post(form.action, data=form.fields)).status_code == 303
    assert await numbers(database, site) == {1: ("вх-1", "2026-11-25"), 2: ("вх-2", None)}


async def test_what_is_no_table_is_refused(database: Any, enter: Enter, site: Site, reports: list[str]) -> None:
    agent = await enter("agent", site.agency.id)
    for content, words in (
        (b"", "Выберите файл"),
        (b"PK\x03\x04\x00\x00", "Это не CSV"),
        (b"1;" + b"9" * 70_000, "больше 64 КБ"),
        ("\n".join(f"{number};1" for number in range(1, 1003)).encode(), "строк с номерами. Разделите его"),
        (b"number;document_number\n", "нет строк с номерами"),
        (b"1\n2\n", "строка 2: не хватает столбцов"),
    ):
        refused = await check(agent, content)
        assert refused.status_code == 422, words
        assert words in refused.text, words
    assert await numbers(database, site) == {}

"""The report of a period: its numbers are those of statistics, on the page, in the workbook and where it is shown."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
import time_machine

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, RESIDENT, existing, make_site, submit_report
from tests.support.cabinet import Cabinet, Enter
from tests.support.journal import read_journal
from widget_api import clock
from widget_api.browse import figures, published_reports, regional_report, statistics
from widget_api.browse.statistics import Query
from widget_api.context import Context
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Change
from widget_api.sites.model import Site
from widget_api.status_table import PUBLIC_STATUSES

NOW = clock.parse_rfc3339("2026-12-03T09:00:00Z")
DAY = 86_400
NOVEMBER = "from=2026-11-01&to=2026-11-30"
REPORT, XLSX = "/cabinet/analytics/report", "/cabinet/analytics/report.xlsx"
EVIL = '=HYPERLINK("https://evil.test";"Город")'
pytestmark = [pytest.mark.settings(work="off"), pytest.mark.site(name=EVIL)]


@pytest.fixture(autouse=True)
def december() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


async def report_on(context: Context, site: Site, day: str, *changes: Change, after: int = 1, **report: Any) -> str:
    """A report received on a day, and decided once a day from some days later."""
    at = clock.parse_rfc3339(f"{day}T09:00:00Z")
    with time_machine.travel(at, tick=False):
        problem_id = (await submit_report(context.database, site, **report)).problem_id
        await lifecycle.confirm(context.database, site.id, problem_id)
        await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
    for place, change in enumerate(changes):
        with time_machine.travel(at + (after + place) * DAY, tick=False):
            actor = RESIDENT if change.to == "reopened" else AGENT
            await lifecycle.change(context.database, actor, site.id, problem_id, change)
    return problem_id


async def fill(context: Context, site: Site) -> None:
    resolved, answered = Change(to="resolved", text="Засыпали"), Change(to="answered", text="Ответили")
    first = await report_on(context, site, "2025-11-05", answered)
    await report_on(context, site, "2026-10-10", resolved)
    await report_on(context, site, "2026-11-02", resolved)
    await report_on(context, site, "2026-11-02", resolved, Change(to="reopened", text="Не засыпали"))
    await report_on(context, site, "2026-11-03", answered, category="snow", after=20)
    await report_on(context, site, "2026-11-04", Change(to="rejected", text="Не городское"), category="snow")
    await report_on(context, site, "2026-11-04", Change(to="redirected", text="Области", responsible="Область"))
    await report_on(context, site, "2026-11-05")
    row = existing(await context.database.row("SELECT number FROM problems WHERE id = :id", id=first))
    await report_on(context, site, "2026-11-06", Change(to="duplicate", duplicate_of=row["number"]))


def rows_of(sheet: Any) -> dict[str, list[Any]]:
    """The rows of a sheet by their first cell, the head aside."""
    return {row[0]: list(row[1:]) for row in sheet.iter_rows(values_only=True) if row[0]}


async def workbook(cabinet: Cabinet, query: str = NOVEMBER) -> bytes:
    answer = await cabinet.client.get(f"{XLSX}?{query}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    return bytes(answer.content)


async def test_every_number_of_the_workbook_is_that_of_statistics(enter: Enter, context: Context, site: Site) -> None:
    await fill(context, site)
    head = await enter("head", site.agency.id)
    book = openpyxl.load_workbook(io.BytesIO(await workbook(head)), data_only=True)
    assert book.sheetnames == ["Отчёт", "Как считаются числа", "По темам", "Темы в сравнении"]
    query = Query(sites=(site,), first=date(2026, 11, 1), last=date(2026, 11, 30))
    rows = rows_of(book["Отчёт"])
    for column, one in ((0, query), (1, query.shifted_back()), (3, query.year_ago())):
        assert one is not None
        found = await statistics.read(context.database, one, NOW)
        expected = {
            "Поступило": found.total,
            "Виджет на сайте": found.by_source.get("widget", 0),
            "Телефон": 0,
            "Итог по поступившим": found.total,
            "Поддержано": found.by_status["resolved"] + found.by_status["confirmed"],
            "Разъяснено": found.by_status["answered"],
            "Не поддержано": found.by_status["rejected"],
            "Перенаправлено": found.by_status["redirected"],
            "Повторные": found.by_status["duplicate"],
            "В работе": found.open,
            "Рассмотрено": found.answered,
            "В срок": found.in_time,
            "С нарушением срока": found.late,
            "Вернули авторы": found.returned,
            "Медиана до ответа, часов": found.median_hours,
            "90 % ответов — не дольше, часов": statistics.percentile(found.answer_hours, 90),
            "Оценок": found.rated,
        }
        assert {name: rows[name][column] for name in expected} == expected
    assert rows["Поступило"] == [7, 1, 6, 1, 6]
    assert rows["Повторные"][0] == rows["Вернули авторы"][0] == rows["С нарушением срока"][0] == 1
    by_category = await statistics.read_by(context.database, query, "category", NOW)
    topics = rows_of(book["По темам"])
    assert topics["Снег и наледь"][0] == by_category["snow"].total == 2
    assert topics["Всего"][0] == 7
    assert topics["Всего"][-2:] == [1, 1]
    await head.read(f"{REPORT}?{NOVEMBER}")


async def test_sums_are_formulas_and_texts_are_none(enter: Enter, context: Context, site: Site) -> None:
    await fill(context, site)
    await context.database.write(
        lambda tx: tx.run("UPDATE agencies SET name = :name WHERE id = :id", name="+1", id=site.agency.id)
    )
    book = openpyxl.load_workbook(io.BytesIO(await workbook(await enter("admin", site.agency.id))))
    sheet = book["Отчёт"]
    assert [sheet["A2"].value, sheet["A3"].value] == ["+1", EVIL]
    assert {sheet["A2"].data_type, sheet["A3"].data_type} == {"s"}
    formulas = {row[0].value: row[1].value for row in sheet.iter_rows() if row[1].data_type == "f"}
    assert list(formulas) == ["Поступило", "Итог по поступившим", "Рассмотрено", "Доля рассмотренных в срок"]
    assert all(str(one).startswith("=SUM(") for one in list(formulas.values())[:3])
    assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "portrait")
    assert sheet.sheet_properties.pageSetUpPr is not None
    assert (sheet.page_setup.fitToHeight, sheet.sheet_properties.pageSetUpPr.fitToPage) == (0, True)
    assert sheet.print_title_rows == "$6:$6"
    assert book["По темам"].page_setup.orientation == "landscape"


async def test_an_export_is_noted_and_for_those_who_read_statistics(enter: Enter, context: Context, site: Site) -> None:
    await workbook(await enter("head", site.agency.id), f"{NOVEMBER}&site={site.id}")
    for role in ("agent", "viewer"):
        await (await enter(role, site.agency.id)).read(XLSX, 404)
    (entry,) = await read_journal(context.database, "exported")
    assert (entry["site_id"], entry["details"]) == (site.id, {"what": "report", "format": "xlsx"})


@ONE_DATABASE
@pytest.mark.parametrize("query", ["from=all", "to=2026-11-30", "from=2026-11-03&to=2026-11-04", NOVEMBER])
async def test_any_period_makes_a_report(enter: Enter, context: Context, site: Site, query: str) -> None:
    head = await enter("head", site.agency.id)
    openpyxl.load_workbook(io.BytesIO(await workbook(head, query)))
    await head.read(f"{REPORT}?{query}")
    await fill(context, site)
    openpyxl.load_workbook(io.BytesIO(await workbook(head, query)))
    await head.read(f"{REPORT}?{query}")


def test_the_outcomes_cover_every_public_status() -> None:
    """Otherwise the sum of the parts would not be what was received."""
    for status in PUBLIC_STATUSES:
        found = statistics.combine([statistics.Statistics(by_status={status: 1})])
        assert sum(value or 0 for value in figures.measure(found, "report", figures.OUTCOMES).values()) == 1, status


@ONE_DATABASE
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice Calc, which `make test-full` installs")
async def test_another_program_calculates_the_same(enter: Enter, context: Context, site: Site, tmp_path: Path) -> None:
    await fill(context, site)
    content = await workbook(await enter("head", site.agency.id))

    def convert(kind: str) -> None:
        command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", kind]
        subprocess.run([*command, "--outdir", tmp_path, tmp_path / "report.xlsx"], check=True, capture_output=True)

    openpyxl.load_workbook(io.BytesIO(content)).save(tmp_path / "report.xlsx")  # without the values of formulas
    convert("csv:Text - txt - csv (StarCalc):59,34,76,1,,0,false,false,false,false,false,-1")
    cached = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    for name in cached.sheetnames:
        with (tmp_path / f"report-{name}.csv").open(encoding="utf-8", newline="") as file:
            calculated = list(csv.reader(file, delimiter=";"))
        for row, result in zip(cached[name].iter_rows(values_only=True), calculated, strict=False):
            for cell, text in zip(row, result, strict=False):
                if isinstance(cell, int | float):
                    share = text.endswith("%")  # shown in whole percents
                    number = float(text.rstrip("%")) / (100 if share else 1)
                    assert number == pytest.approx(cell, abs=0.005 if share else 0), (name, row)
                elif cell is not None:
                    assert text == cell
    (tmp_path / "report.xlsx").write_bytes(content)
    convert("pdf")
    pages = (tmp_path / "report.pdf").read_bytes()
    assert pages.count(b"/Type/Page\n") + pages.count(b"/Type/Page/") in range(4, 7)


# --- publication -----------------------------------------------------------------------------------------------------


async def publish(cabinet: Cabinet, query: str = NOVEMBER) -> None:
    answer = await cabinet.send(f"{REPORT}?{query}", f"{REPORT}/publish")
    assert answer.status_code == 303


async def test_a_report_is_published_stays_as_it_was_and_is_withdrawn(
    enter: Enter, context: Context, site: Site, client: Client
) -> None:
    await fill(context, site)
    head, city = await enter("head", site.agency.id), f"/s/{site.key}"
    page = f"{city}/reports/2026-11-01--2026-11-30"
    assert page not in (await client.get(city)).text
    await publish(head)
    token = (await head.read(REPORT)).forms[0].fields["form_token"]
    again = await head.client.post(f"{REPORT}/publish?{NOVEMBER}", data={"form_token": token})
    assert again.status_code == 303, "it is left as it is"
    shown = await client.get(page)
    assert shown.status_code == 200
    assert "Отчёт о сообщениях жителей: ноябрь 2026" in shown.text.replace("\u00a0", " ")
    assert page in (await client.get(city)).text
    assert page not in (await client.get(f"{city}?status=resolved")).text
    for row in await context.database.rows("SELECT id FROM problems"):
        await lifecycle.erase(context.database, RESIDENT, site.id, row["id"])
    await report_on(context, site, "2026-11-07", category="snow")
    assert (await client.get(page)).text == shown.text
    (row,) = await published_reports.list_reports(context.database, site.id)
    await head.send(f"{REPORT}?{NOVEMBER}", f"{REPORT}/{row['id']}/withdraw")
    assert (await client.get(page)).status_code == 404
    assert page not in (await client.get(city)).text
    entries = await read_journal(context.database)
    noted = [one for one in entries if one["kind"] in ("report_published", "report_withdrawn")]
    assert [(one["kind"], one["role"], one["subject"], one["site_id"]) for one in reversed(noted)] == [
        (kind, "head", row["id"], site.id) for kind in ("report_published", "report_withdrawn")
    ]
    assert noted[0]["details"] == {"first_day": "2026-11-01", "last_day": "2026-11-30"}


@ONE_DATABASE
async def test_only_the_whole_of_a_finished_period_is_published(enter: Enter, context: Context, site: Site) -> None:
    head = await enter("head", site.agency.id)
    for query in (
        "from=2026-12-01&to=2026-12-03",
        "from=all",
        f"{NOVEMBER}&category=roads",
        f"{NOVEMBER}&district=none",
    ):
        shown = await head.read(f"{REPORT}?{query}")
        assert not [form for form in shown.forms if "publish" in form.action], query
        token = shown.forms[0].fields["form_token"]
        answer = await head.client.post(f"{REPORT}/publish?{query}", data={"form_token": token})
        assert answer.status_code == 404, query
    await make_site(context.database, agency={"name": "Служба", "parent_id": site.agency.id})
    shown = await head.read(f"{REPORT}?{NOVEMBER}")
    assert not [form for form in shown.forms if "publish" in form.action], "two sites"
    assert [form for form in (await head.read(f"{REPORT}?{NOVEMBER}&site={site.id}")).forms if "publish" in form.action]


@ONE_DATABASE
@pytest.mark.parametrize("many", [4, 5])
async def test_few_ratings_are_not_shown(enter: Enter, context: Context, site: Site, client: Client, many: int) -> None:
    for day in range(1, many + 1):
        problem_id = await report_on(context, site, f"2026-11-0{day}", Change(to="resolved", text="Засыпали"))
        with time_machine.travel(clock.parse_rfc3339("2026-11-20T09:00:00Z"), tick=False):
            await dialogue.rate(context.database, site.id, problem_id, 4)
    await publish(await enter("admin", site.agency.id))
    (row,) = await context.database.rows("SELECT content FROM published_reports")
    lines = orjson.loads(row["content"])["lines"]
    assert (lines["rating"][0], lines["rated"][0]) == ((4, 5) if many == 5 else (None, None))
    assert (await client.get(f"/s/{site.key}/reports/2026-11-01--2026-11-30")).status_code == 200


async def test_what_is_not_published_is_not_found(site: Site, client: Client) -> None:
    for period in ("2026-11-01--2026-11-29", "2026-11-01", "x--y", "2026-11-01--%00", "--"):
        assert (await client.get(f"/s/{site.key}/reports/{period}")).status_code == 404, period


def test_times_of_a_line_are_all_told_in_the_same_unit() -> None:
    for values, expected in (
        ((60.0, 30.0, 240.0), ["2,5 дн.", "1,2 дн.", "+1,2 дн.", "10 дн.", "−7,5 дн."]),
        ((47.0, 30.0, None), ["47 ч", "30 ч", "+17 ч", "—", "—"]),
    ):
        line = regional_report.Line(name="median", label="Медиана", kind="hours", values=values)
        now, before, year = (regional_report.format_value("ru", line, value) for value in line.values)
        changes = [regional_report.format_value("ru", line, value, signed=True) for value in line.changes]
        assert [now, before, changes[0], year, changes[1]] == expected, values

"""Serve /cabinet/registration-numbers: record numbers of the agency's document system from a file.

The file is checked row by row and shown first. What can be recorded then comes back in the form that records it, and is
checked anew.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet.http import language_of, render_page, require_user, sent_file, session_form, to_fields
from widget_api.cabinet.problems.entering import find_chosen_site, render_choice
from widget_api.database import Database
from widget_api.errors import NotFound
from widget_api.people.model import User
from widget_api.problems import registration
from widget_api.problems.registration import MAX_AT_ONCE, Registration
from widget_api.sites.model import Site

PATH = "/cabinet/registration-numbers"
MAX_SIZE = 65_536  # bytes in UTF-8, so that the form with the rows can be read
_MAX_UPLOAD_SIZE = 4 * 2**20  # bytes; of larger files the refusal names no limit
_COLUMNS = ("number", "document_number", "document_date")
_NUMBER = re.compile(r"№?\s*([1-9][0-9]{0,8})")
_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_FORMULA = re.compile(r"^'(?=[=+@-])")  # the apostrophe that exports put before what a spreadsheet would compute
_MAX_CELL = 40  # characters of a wrong cell that are shown


@dataclass(frozen=True)
class WrongRow:
    line: int
    code: str  # of channels.numbers.row
    value: str = ""


@dataclass
class Table:
    """What a file says. `problem` is the code of what is wrong with the whole of it."""

    rows: dict[int, Registration] = field(default_factory=dict)  # by line
    wrong: list[WrongRow] = field(default_factory=list)
    problem: str = ""


def read_table(content: bytes) -> Table:
    """Read a CSV file with `;`, `,` or tabs, in UTF-8 or windows-1251, with or without a head."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1251", "replace")
    if "\0" in text:
        return Table(problem="not_text")
    if len(text.encode()) > MAX_SIZE:
        return Table(problem="too_large")
    first = text.lstrip().partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    table, seen, end = Table(), set[int](), 0
    places: tuple[int, ...] = (0, 1, 2)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        for place, cells in enumerate(reader):
            line, end = end + 1, reader.line_num
            cells = [_FORMULA.sub("", cell.strip()) for cell in cells]
            if place == 0 and cells and not _NUMBER.fullmatch(cells[0]):
                places = _find_columns(cells)
                continue
            if any(cells):
                _read_row(table, line, [cells[at] if at < len(cells) else None for at in places], seen)
    except csv.Error:
        return Table(problem="not_text")
    if len(table.rows) > MAX_AT_ONCE:
        return Table(problem="too_many")
    return table if table.rows or table.wrong else Table(problem="empty")


def _find_columns(head: list[str]) -> tuple[int, ...]:
    """The places of the columns by their names, those of the API or of an export; else the first three."""
    names = {
        name: {name, *(i18n.text(language, f"cabinet.export.{name}").casefold() for language in i18n.LANGUAGES)}
        for name in _COLUMNS
    }
    found = [next((at for at, cell in enumerate(head) if cell.casefold() in names[name]), -1) for name in _COLUMNS]
    return (0, 1, 2) if -1 in found[:2] else (found[0], found[1], found[2] if found[2] >= 0 else len(head))


def _read_row(table: Table, line: int, cells: list[str | None], seen: set[int]) -> None:
    number, document_number, day = cells[0] or "", " ".join((cells[1] or "").split()), cells[2] or ""
    if not document_number and not day and cells[1] is not None:
        return  # an export has rows without a number
    numbered, iso = _NUMBER.fullmatch(number), _parse_day(day)
    code, value = "", ""
    if cells[1] is None:
        code = "columns"
    elif numbered is None:
        code, value = "number", number
    elif int(numbered[1]) in seen:
        code, value = "repeated", numbered[1]
    elif wrong := registration.find_errors(document_number, iso):
        code, value = wrong[0].code, day
    if code or numbered is None:
        table.wrong.append(WrongRow(line, code, value[:_MAX_CELL]))
        return
    seen.add(int(numbered[1]))
    table.rows[line] = Registration(number=int(numbered[1]), document_number=document_number, document_date=iso or None)


def _parse_day(text: str) -> str:
    """A day as YYYY-MM-DD where it is written as in Russia; anything else as it is."""
    if found := _DAY.fullmatch(text):
        try:
            return date(int(found[3]), int(found[2]), int(found[1])).isoformat()
        except ValueError:
            pass
    return text


async def _check(database: Database, site: Site, table: Table) -> None:
    """Move rows about reports that the site does not have to the wrong ones."""
    found = await registration.find_reports(database, site.id, {one.number for one in table.rows.values()})
    unknown = {line: one for line, one in table.rows.items() if one.number not in found}
    table.wrong += [WrongRow(line, "unknown", str(one.number)) for line, one in unknown.items()]
    table.wrong.sort(key=lambda row: row.line)
    table.rows = {line: one for line, one in table.rows.items() if line not in unknown}


async def show_form(request: Request, user: User) -> Response:
    """GET /cabinet/registration-numbers?site=…, without a site where there are several: the choice of one."""
    found = await find_chosen_site(request, user)
    if found is None:
        return await render_choice(request, user, PATH, "channels.numbers.title")
    return _render(request, user, found[1])


def _render(
    request: Request, user: User, site: Site, status: int = 200, *, table: Table | None = None, problem: str = ""
) -> Response:
    language = language_of(request, user)
    rows = list(table.rows.values()) if table else []
    limits = {"too_large": MAX_SIZE // 1024, "too_many": MAX_AT_ONCE}
    return render_page(
        request,
        user,
        "register.html",
        status,
        site=site,
        table=table,
        rows=rows,
        days=[i18n.format_date(language, one.document_date) if one.document_date else "" for one in rows],
        wrong=[
            i18n.text(
                language,
                f"channels.numbers.row.{one.code}",
                line=one.line,
                value=one.value,
                max=registration.MAX_NUMBER_LENGTH,
            )
            for one in (table.wrong if table else ())
        ],
        sent=_write_rows(rows),
        errors={"file": i18n.text(language, f"channels.numbers.{problem}", max=limits.get(problem, 0))}
        if problem
        else {},
        done=_count(request, "done"),
        left=_count(request, "left"),
        section="list",
        here=f"{PATH}?site={site.id}",
    )


def _write_rows(rows: list[Registration]) -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=";").writerows(
        [one.number, one.document_number, one.document_date or ""] for one in rows
    )
    return file.getvalue()


def _count(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return int(text) if re.fullmatch("[0-9]{1,4}", text) else None


async def send_form(request: Request, user: User) -> Response:
    """POST /cabinet/registration-numbers?site=…: check a file, or record the rows that were checked (`rows`)."""
    given, sent = await session_form(request, _MAX_UPLOAD_SIZE, 1)
    with web.closing_files(one for _, one in sent):
        found = await find_chosen_site(request, user)
        if found is None:
            raise NotFound("site_not_found")
        site, database, fields = found[1], web.context(request).database, to_fields(given)
        if "rows" in fields:
            rows = list(read_table(fields["rows"].encode()).rows.values())
            done = await registration.register(database, site.id, rows, skip_unknown=True)
            return web.see_other(f"{PATH}?site={site.id}&done={done}&left={len(rows) - done}")
        content = sent_file(sent)
    if content is None:
        return _render(request, user, site, 422, problem="missing")
    table = read_table(content)
    if table.problem:
        return _render(request, user, site, 422, problem=table.problem)
    await _check(database, site, table)
    return _render(request, user, site, 200 if table.rows else 422, table=table)


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_form)),
    Route(PATH, require_user(send_form), methods=["POST"]),
]

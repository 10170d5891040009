"""Serve /cabinet/problems.csv and .xlsx: the filtered list as a table, for those who answer for the agency.

Contacts are in it for users who see them, so each export is an entry of the journal, written before the first byte is.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, errors, i18n, journal, web
from widget_api.browse import open_data_formats
from widget_api.cabinet.http import XLSX_TYPE, file_headers, journal_user, language_of, require_user
from widget_api.cabinet.problems import author_search
from widget_api.cabinet.problems.inbox_rows import LIST_PATH, category_name, platform_name
from widget_api.cabinet.problems.view import source_text
from widget_api.casework import service as casework
from widget_api.casework.selection import Selection
from widget_api.database import Row
from widget_api.people.model import User
from widget_api.problems.imported import name_columns
from widget_api.problems.model import split_entry
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date, promised_date
from widget_api.sites.model import Site

MAX_SHEET_ROWS = 100_000  # a minute of work; Excel itself takes 1,048,576
_PIECE = 65_536  # bytes of a file that are sent at a time
# Columns and their widths in characters.
_COLUMNS = {
    "number": 8,
    "site": 24,
    "status": 18,
    "category": 22,
    "description": 60,
    "address": 32,
    "district": 22,
    "lat": 11,
    "lng": 11,
    "received": 17,
    "channel": 22,
    "due": 12,
    "answered": 17,
    "responsible": 24,
    "responder": 24,
    "document_number": 18,
    "document_date": 12,
}
_CONTACT_COLUMNS = {"name": 24, "email": 28, "phone": 18}
_SEPARATOR = ";"  # of spreadsheets of countries with a decimal comma
Cells = list[Any]


@dataclass(frozen=True)
class _Table:
    """An export for one user: the selected reports as rows of numbers, texts, dates and times."""

    request: Request
    user: User
    selection: Selection
    language: str
    child: Site | None = None  # a collection, where only its entries are selected: they have a title and answers

    @property
    def columns(self) -> Mapping[str, int]:
        columns = dict[str, int]()
        for name, width in _COLUMNS.items():
            if name == "description" and self.child is not None:
                columns["title"] = 32
            columns[name] = width
        columns |= {f"answers.{one.code}": 24 for one in (self.child.fields if self.child else ())}
        return columns | (_CONTACT_COLUMNS if self.user.may("contacts.read") else {})

    @property
    def head(self) -> list[str]:
        own = name_columns(self.child, self.language) if self.child else {}
        return [
            own[name]
            if name == "title" or name.startswith("answers.")
            else i18n.text(self.language, f"cabinet.export.{name}")
            for name in self.columns
        ]

    async def pages(self) -> AsyncIterator[list[Cells]]:
        database, known = web.context(self.request).database, dict[str, Site]()
        async for rows in casework.read_export(database, self.user, self.selection):
            for site_id in {row["site_id"] for row in rows} - known.keys():
                known[site_id] = await sites.by_id(database, site_id)
            yield [self._cells(row, known[row["site_id"]]) for row in rows]

    def _cells(self, row: Row, site: Site) -> Cells:
        """Times are those of the site's clocks, without a zone, as spreadsheets have them."""
        zone = ZoneInfo(site.time_zone)
        answered, due = row["answered_at"], promised_date(row["answer_due"])
        cells: dict[str, Any] = {
            "number": row["number"],
            "site": site.name,
            "status": i18n.text(self.language, f"status.{row['status']}"),
            "category": category_name(self.language, site, row["category"]),
            "description": row["description"],
            "address": row["address"],
            "district": next((one.name for one in site.districts if one.id == row["district"]), None),
            "lat": row["lat"],
            "lng": row["lng"],
            "received": datetime.fromtimestamp(row["created_at"], zone).replace(tzinfo=None),
            "channel": source_text(self.language, row),
            "due": date.fromisoformat(due) if due else None,
            "answered": datetime.fromtimestamp(answered, zone).replace(tzinfo=None) if answered is not None else None,
            "responsible": row["responsible"],
            "responder": platform_name(self.language, row) or site.agency.name,
            "document_number": row["document_number"],
            "document_date": date.fromisoformat(row["document_date"]) if row["document_date"] else None,
        }
        if self.child is not None:
            cells["title"], cells["description"] = split_entry(row["description"])
            known = site.known_category(row["category"])
            for code, answer in orjson.loads(row["answers"]).items():
                cells[f"answers.{code}"] = known.describe_answer(code, answer)[1] if known else None
        return [cells.get(name, row[name] if name in _CONTACT_COLUMNS else None) for name in self.columns]


async def get_csv(request: Request, user: User) -> Response:
    """GET /cabinet/problems.csv with the parameters of the list."""
    table = await _open(request, user, "csv")
    return web.StreamedResponse(_csv(table), _headers("csv"), open_data_formats.CSV_TYPE)


async def get_xlsx(request: Request, user: User) -> Response:
    """GET /cabinet/problems.xlsx with the parameters of the list."""
    table, file = await _open(request, user, "xlsx"), tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is sent
    try:
        await _write_sheet(table, file)
    except BaseException:
        file.close()
        raise
    return web.StreamedResponse(_pieces(file), _headers("xlsx"), XLSX_TYPE)


async def _open(request: Request, user: User, kind: str) -> _Table:
    """Check the permission, count the rows and note the export. Raises NotFound, Conflict for a sheet too long."""
    context, selection = web.context(request), author_search.read_selection(request, user)
    await context.limits.hit("exports", web.client_address(request), user.id)
    database = context.database
    rows = await casework.count_export(database, user, selection)
    if kind == "xlsx" and rows > MAX_SHEET_ROWS:
        raise errors.Conflict("sheet_too_long", most=i18n.format_number(language_of(request, user), MAX_SHEET_ROWS))
    details: dict[str, journal.Detail] = {"rows": rows, "format": kind, "contacts": user.may("contacts.read")}
    who = journal_user(request, user)
    await journal.note(database, "exported", who, site_id=selection.site_id, details=details)
    site = await sites.by_id(database, selection.site_id) if selection.site_id else None
    child = site if site is not None and site.collection else None
    return _Table(request, user, selection, language_of(request, user), child)


def _headers(ending: str) -> dict[str, str]:
    return file_headers(f"problems-{local_date(clock.now(), 'UTC')}.{ending}")


async def _csv(table: _Table) -> AsyncIterator[bytes]:
    yield open_data_formats.header(_SEPARATOR, table.head)
    async for rows in table.pages():
        yield open_data_formats.table(([_text(cell) for cell in row] for row in rows), _SEPARATOR)


def _text(cell: Any) -> Any:
    """Dates as ISO 8601 without a «T», which spreadsheets of every language read as dates."""
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes")
    return str(cell) if isinstance(cell, date) else cell


async def _write_sheet(table: _Table, file: IO[bytes]) -> None:
    """Write rows to temporary files as they come, so that memory does not grow with them."""
    import xlsxwriter  # only here: few processes ever need it

    book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_urls": False, "strings_to_formulas": False})
    sheet = book.add_worksheet(i18n.text(table.language, "cabinet.list.title"))
    text = book.add_format({"text_wrap": True, "valign": "top"})
    plain = book.add_format({"valign": "top"})
    day = book.add_format({"num_format": "dd.mm.yyyy", "valign": "top"})
    moment = book.add_format({"num_format": "dd.mm.yyyy hh:mm", "valign": "top"})
    for index, width in enumerate(table.columns.values()):
        sheet.set_column(index, index, width)
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&C&P / &N")
    sheet.write_row(0, 0, table.head, book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1}))

    def write(first: int, rows: Sequence[Cells]) -> None:
        for at, row in enumerate(rows, first):
            for index, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(at, index, cell, moment)
                elif isinstance(cell, date):
                    sheet.write_datetime(at, index, cell, day)
                elif isinstance(cell, str):
                    sheet.write_string(at, index, cell, text)
                elif cell is not None:
                    sheet.write_number(at, index, cell, plain)

    count = 0
    try:
        async for rows in table.pages():
            await asyncio.to_thread(write, count + 1, rows)
            count += len(rows)
        sheet.autofilter(0, 0, count, len(table.columns) - 1)
    finally:  # a book that is not closed leaves its temporary files
        await asyncio.to_thread(book.close)
    file.seek(0)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


routes: list[BaseRoute] = [
    Route(f"{LIST_PATH}.csv", require_user(get_csv)),
    Route(f"{LIST_PATH}.xlsx", require_user(get_xlsx)),
]

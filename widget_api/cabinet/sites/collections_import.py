"""Serve /cabinet/sites/{site_id}/collections/{slug}/import: a collection's entries from a file.

The file is checked row by row and shown first. It is kept for a day, as unsent forms are; when the rows are confirmed
it is read and checked anew.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.browse import open_data_formats
from widget_api.cabinet import unsent_forms
from widget_api.cabinet.http import (
    XLSX_TYPE,
    file_headers,
    journal_user,
    language_of,
    render_page,
    require_user,
    sent_file,
    session_form,
    to_fields,
)
from widget_api.cabinet.sites.settings import PATH, desk_path, find_settable_site
from widget_api.people.model import User
from widget_api.problems import imported, sheets
from widget_api.problems.imported import Table, WrongCell
from widget_api.sites.model import Site
from widget_api.sites.questions import LISTS

_MAX_SHOWN = 20  # good rows
_MAX_WRONG = 100  # errors
_MAX_VALUE = 60  # characters of a wrong cell
_TYPES = {"csv": open_data_formats.CSV_TYPE, "xlsx": XLSX_TYPE}


async def show_form(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/collections/{slug}/import"""
    return _render(request, user, await find_settable_site(request, user))


async def send_form(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/collections/{slug}/import: check a file, or store its good rows (`do` = store)."""
    given, sent = await session_form(request, 2 * sheets.MAX_SIZE, 1)
    with web.closing_files(one for _, one in sent):
        child, database = await find_settable_site(request, user), web.context(request).database
        storing, content = to_fields(given).get("do") == "store", sent_file(sent, sheets.MAX_SIZE + 1)
        if content is None:
            return _render(request, user, child, 422, problem="gone" if storing else "missing")
        try:
            table = await imported.check_table(database, child, content)
        except sheets.Unreadable as error:
            return _render(request, user, child, 422, problem=error.code)
        if storing:
            who = journal_user(request, user)
            count = await imported.import_entries(database, child, list(table.good.values()), user.actor, who)
            return web.see_other(f"{desk_path(child)}/import?done={count}")
        form_id = await unsent_forms.store_for_confirmation(request, user, given, sent) if table.good else None
    response = _render(request, user, child, 200 if table.good else 422, table=table, form_id=form_id or "")
    if form_id:
        unsent_forms.remember_browser(request, response)
    return response


def _render(
    request: Request,
    user: User,
    child: Site,
    status: int = 200,
    *,
    table: Table | None = None,
    problem: str = "",
    form_id: str = "",
) -> Response:
    language, done = language_of(request, user), request.query_params.get("done", "")
    named = imported.name_columns(child, language)
    shown = list(table.good.items())[:_MAX_SHOWN] if table else []
    limits = {"too_large": sheets.MAX_SIZE // 2**20, "too_many": i18n.format_number(language, sheets.MAX_ROWS)}
    return render_page(
        request,
        user,
        "collections_import.html",
        status,
        site=child,
        table=table,
        rows=[(line, *report.description.split("\n\n", 1), report) for line, report in shown],
        wrong=[_describe(language, named, one) for one in table.wrong[:_MAX_WRONG]] if table else [],
        wrong_rows=len({one.line for one in table.wrong}) if table else 0,
        columns=_describe_columns(child, named, language),
        form_id=form_id,
        errors={
            "file": i18n.text(
                language,
                f"collections_cabinet.import.problem.{problem}",
                max=limits.get(problem, 0),
                title=named["title"],
            )
        }
        if problem
        else {},
        done=int(done) if done.isascii() and done.isdigit() and len(done) < 6 else None,
        section="sites",
        here=f"{desk_path(child)}/import",
    )


def _describe(language: str, named: dict[str, str], one: WrongCell) -> str:
    """What is wrong with a cell: the line, the column and the sentence of the form."""
    field = "location" if one.error.code == "required" and one.column == "address" else "cell"
    values = tuple(pair for pair in one.error.values if pair[0] != "question")  # the column names it
    sentence = i18n.field_error(language, field, one.error.code, values)
    key = f"collections_cabinet.import.wrong.{'cell' if one.value else 'empty'}"
    value = one.value if len(one.value) <= _MAX_VALUE else f"{one.value[:_MAX_VALUE]}…"
    return i18n.text(language, key, line=one.line, column=named[one.column], value=value, sentence=sentence)


def _describe_columns(child: Site, named: dict[str, str], language: str) -> list[tuple[str, str]]:
    """Each column and what it takes."""
    categories = "; ".join(i18n.category_name(child.language, one.code, one.name) for one in child.categories)
    hints = {name: i18n.text(language, f"collections_cabinet.import.hint.{name}") for name in imported.PLAIN_COLUMNS}
    hints["category"] += f": {categories}"
    for one in child.fields:
        hint = i18n.text(language, f"collections_cabinet.import.hint.{one.datatype}")
        hint += f": {'; '.join(name for _, name in one.values)}" if one.datatype in LISTS else ""
        must = i18n.text(language, "collections_cabinet.import.must") if one.required else ""
        hints[f"answers.{one.code}"] = f"{hint}{must}"
    return [(title, hints[name]) for name, title in named.items()]


async def get_template(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/collections/{slug}/import/template.{kind}: an empty table with the right head."""
    child, language = await find_settable_site(request, user), language_of(request, user)
    kind, named = request.url.path.rpartition(".")[2], imported.name_columns(child, language)
    columns = _describe_columns(child, named, language)
    content = _write_book(language, columns) if kind == "xlsx" else open_data_formats.header(";", list(named.values()))
    assert child.collection is not None, "find_site was asked for one"
    return Response(content, headers=file_headers(f"{child.collection.slug}.{kind}"), media_type=_TYPES[kind])


def _write_book(language: str, columns: list[tuple[str, str]]) -> bytes:
    import xlsxwriter  # only here: few processes ever need it

    file = BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        bold: Any = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        wrap: Any = book.add_format({"text_wrap": True, "valign": "top"})
        rows, hints = (
            book.add_worksheet(i18n.text(language, f"collections_cabinet.import.sheet.{name}"))
            for name in ("rows", "hints")
        )
        rows.freeze_panes(1, 0)
        hints.set_column(1, 1, 80)
        for at, (title, hint) in enumerate(columns):
            rows.set_column(at, at, 24)
            rows.write_string(0, at, title, bold)
            hints.write_string(at, 0, title, bold)
            hints.write_string(at, 1, hint, wrap)
        hints.set_column(0, 0, 30)
    return file.getvalue()


_ONE = PATH + "/{site_id}/collections/{slug}/import"
routes: list[BaseRoute] = [
    Route(_ONE, require_user(show_form), methods=["GET"]),
    Route(_ONE, require_user(send_form), methods=["POST"]),
    *(Route(f"{_ONE}/template.{kind}", require_user(get_template), methods=["GET"]) for kind in _TYPES),
]

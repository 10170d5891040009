"""Serve /cabinet/organisation/journal: who did what, for administrators and operators. Nothing in it can be changed.

Administrators see what concerns their agency and those below it, operators everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Mapping
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, journal, web
from widget_api.browse import open_data_formats
from widget_api.browse.queries import midnight
from widget_api.cabinet.http import file_headers, journal_user, language_of, render_page, require_user
from widget_api.database import Row
from widget_api.people import accounts, journal_sentences, journal_store, store
from widget_api.people.journal_store import Selection
from widget_api.people.model import User
from widget_api.sites.deadlines import local_date

PATH = "/cabinet/organisation/journal"
PAGE_LENGTH = 50
COLUMNS = ("at", "kind", "what", "details", "who", "role", "about", "site", "ip", "sentence")


async def show_journal(request: Request, user: User) -> Response:
    """GET /cabinet/organisation/journal?kind&person&from&to&after"""
    database, language = web.context(request).database, language_of(request, user)
    zone = await accounts.find_time_zone(database, user)
    given = _read_filters(request.query_params)
    selection = _selection(user, given, zone, request.query_params.get("after", ""))
    rows = await journal_store.list_entries(database, selection, PAGE_LENGTH + 1)
    shown = rows[:PAGE_LENGTH]
    sites = await store.list_report_sites(database, user)
    readable = {site.id for site in sites if site.undecided_before is None}  # whose reports the user may open
    names = await journal_store.find_names(database, shown)
    query = urlencode({name: value for name, value in given.items() if value})
    older = f"{shown[-1]['at']}.{shown[-1]['id']}" if len(rows) > PAGE_LENGTH else ""
    return render_page(
        request,
        user,
        "organisation_journal.html",
        entries=[entry_view(language, row, user, zone, names, readable) for row in shown],
        given=given,
        kinds=journal_sentences.list_kinds(language),
        people=[(row["id"], row["name"]) for row in await journal_store.list_users(database, user.agency_id)],
        filtered=bool(query),
        file=f"{PATH}.csv?{query}" if query else f"{PATH}.csv",
        older=f"{PATH}?{urlencode({**given, 'after': older})}" if older else "",
        newest=f"{PATH}?{query}" if selection.after else "",
        section="organisation",
        part="journal",
        here=f"{PATH}?{query}" if query else PATH,
    )


def _read_filters(parameters: Mapping[str, str]) -> dict[str, str]:
    """The filters of a query string, without unknown values."""
    kind, person = parameters.get("kind", ""), parameters.get("person", "").replace("\0", "")
    days = {name: day if clock.is_date(day := parameters.get(name, "")) else "" for name in ("from", "to")}
    return {"kind": kind if kind in journal.KINDS else "", "person": person, **days}


def _selection(user: User, given: Mapping[str, str], zone: str, after: str = "") -> Selection:
    return Selection(
        agency_id=user.agency_id,
        kind=given["kind"],
        user_id=given["person"],
        since=midnight(given["from"], zone, 0),
        until=midnight(given["to"], zone, 1),
        after=_read_cursor(after),
    )


def _read_cursor(text: str) -> tuple[int, str] | None:
    at, _, entry_id = text.replace("\0", "").partition(".")
    return (int(at), entry_id) if at.isascii() and at.isdigit() and len(at) < 18 else None


def entry_view(
    language: str, row: Row, reader: User, zone: str, names: Mapping[str, str], readable: Container[str] = frozenset()
) -> dict[str, str]:
    """An entry in words. It links to a report of a site among `readable`."""
    key = f"cabinet.role.{row['role']}"
    role = key if i18n.has(key) else f"organisation.journal.role.{row['role']}"
    # Whoever works at the operator or at an agency above is nobody's business here.
    foreign = not reader.may("service.operate") and row["user_id"] is not None and not row["own"]
    own = row["subject"] == row["user_id"]
    act, site = journal_sentences.write_act(language, row, hidden=foreign), journal_sentences.name_site(language, row)
    return {
        "moment": i18n.format_moment(language, row["at"], zone),
        "what": journal_sentences.kind_text(language, row["kind"]),
        "act": act,
        "where": "" if site in act else site,
        "details": journal_sentences.details_text(language, orjson.loads(row["details"]), names, row["kind"]),
        "sentence": journal_sentences.write_sentence(language, row, names, hidden=foreign),
        "who": "" if foreign else row["acted"] or "",
        "role": i18n.text(language, role),
        "about": "" if own else journal_sentences.name_subject(language, row),
        "href": f"/cabinet/problems/{row['subject']}" if row["report_site"] in readable else "",
        "site": row["site"] or "",
        "ip": "" if foreign else row["ip"] or "",
    }


async def export_journal(request: Request, user: User) -> Response:
    """GET /cabinet/organisation/journal.csv?kind&person&from&to. The export is an entry of the journal too."""
    context, language = web.context(request), language_of(request, user)
    await context.limits.hit("exports", web.client_address(request), user.id)
    await journal.note(context.database, "exported", journal_user(request, user), details={"what": "journal"})
    zone = await accounts.find_time_zone(context.database, user)
    selection = _selection(user, _read_filters(request.query_params), zone)

    async def lines() -> AsyncIterator[bytes]:
        yield open_data_formats.header(
            ";", [i18n.text(language, f"organisation.journal.file.{one}") for one in COLUMNS]
        )
        async for rows in journal_store.all_entries(context.database, selection):
            names = await journal_store.find_names(context.database, rows)
            views = [entry_view(language, row, user, zone, names) | _file_cells(row, zone) for row in rows]
            yield open_data_formats.table(([view[one] for one in COLUMNS] for view in views), ";")

    headers = file_headers(f"journal-{local_date(clock.now(), zone)}.csv")
    return web.StreamedResponse(lines(), headers, open_data_formats.CSV_TYPE)


def _file_cells(row: Row, zone: str) -> dict[str, str]:
    return {"at": datetime.fromtimestamp(row["at"], ZoneInfo(zone)).isoformat(" "), "kind": row["kind"]}


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_journal, requires="journal.read"), methods=["GET"]),
    Route(PATH + ".csv", require_user(export_journal, requires="journal.read"), methods=["GET"]),
]

"""Serve /cabinet/organisation/journal: who did what, for administrators and operators. Nothing in it can be changed.

Administrators see what concerns their agency and those below it, operators everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Mapping
from datetime import datetime
from typing import Any
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
from widget_api.people import accounts, journal_store, store
from widget_api.people.journal_store import Selection
from widget_api.people.model import User
from widget_api.sites.deadlines import local_date

PATH = "/cabinet/organisation/journal"
PAGE_LENGTH = 50
_READERS = ("admin", "operator")
COLUMNS = ("at", "kind", "what", "details", "who", "role", "about", "site", "ip")


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
    query = urlencode({name: value for name, value in given.items() if value})
    older = f"{shown[-1]['at']}.{shown[-1]['id']}" if len(rows) > PAGE_LENGTH else ""
    return render_page(
        request,
        user,
        "organisation_journal.html",
        entries=[entry_view(language, row, user, zone, readable) for row in shown],
        given=given,
        kinds=sorted(((kind, kind_text(language, kind)) for kind in journal.KINDS), key=lambda pair: pair[1]),
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


def kind_text(language: str, kind: str) -> str:
    return i18n.text(language, f"organisation.journal.kind.{kind}")


def entry_view(
    language: str, row: Row, reader: User, zone: str, readable: Container[str] = frozenset()
) -> dict[str, str]:
    """An entry in words. It links to a report of a site among `readable`."""
    key = f"cabinet.role.{row['role']}"
    role = key if i18n.has(key) else f"organisation.journal.role.{row['role']}"
    about = row["person"] or row["invited"] or row["agency"] or row["platform"] or row["token"] or ""
    if row["number"] is not None:
        about = i18n.text(language, "common.number", number=row["number"])
    # Whoever works at the operator or at an agency above is nobody's business here.
    details = details_text(language, orjson.loads(row["details"]))
    if row["kind"] == "decided_in_place":
        details = i18n.text(language, "organisation.journal.in_place", agency=row["site_agency"], status=details)
    foreign = reader.role != "operator" and row["user_id"] is not None and not row["own"]
    return {
        "moment": i18n.format_moment(language, row["at"], zone),
        "what": kind_text(language, row["kind"]),
        "details": details,
        "who": "" if foreign else row["acted"] or "",
        "role": i18n.text(language, role),
        "about": "" if row["subject"] == row["user_id"] else about,
        "href": f"/cabinet/problems/{row['subject']}" if row["report_site"] in readable else "",
        "site": row["site"] or "",
        "ip": "" if foreign else row["ip"] or "",
    }


def details_text(language: str, details: Mapping[str, Any]) -> str:
    """What an entry says beside its kind; codes without a text stay codes."""

    def word(group: str, code: str) -> str:
        key = "cabinet.role" if group == "of.role" else f"organisation.journal.{group}"
        for known in (f"{key}.{code}", f"organisation.journal.value.{code}" if group.startswith("of.") else ""):
            if known and i18n.has(known):
                return i18n.text(language, known)
        return code

    said, valued = [], [one.split(":", 2) for one in details.get("values", ())]
    for name, value in details.items():
        if name == "role":
            said.append(i18n.text(language, f"cabinet.role.{value}"))
        elif name == "status":
            said.append(i18n.text(language, f"status.{value}"))
        elif name == "category":
            said.append(i18n.category_name(language, value))
        elif name == "values":
            said += [
                i18n.text(
                    language,
                    "organisation.journal.became",
                    what=word("column", column),
                    before=word(f"of.{column}", before),
                    after=word(f"of.{column}", after),
                )
                for column, before, after in valued
            ]
        elif name == "columns":
            named = {column for column, *_ in valued}
            said += [", ".join(word("column", one) for one in value if one not in named)] if set(value) - named else []
        elif isinstance(value, list):
            said.append(", ".join(word("column", one) for one in value))
        elif isinstance(value, str):
            said.append(word("value", value))
        elif isinstance(value, bool):
            said.append(f"{word('detail', name)}: {word('value', 'yes' if value else 'no')}")
        else:
            said.append(f"{word('detail', name)}: {value}")
    return "; ".join(said)


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
            views = [entry_view(language, row, user, zone) | _file_cells(row, zone) for row in rows]
            yield open_data_formats.table(([view[one] for one in COLUMNS] for view in views), ";")

    headers = file_headers(f"journal-{local_date(clock.now(), zone)}.csv")
    return web.StreamedResponse(lines(), headers, open_data_formats.CSV_TYPE)


def _file_cells(row: Row, zone: str) -> dict[str, str]:
    return {"at": datetime.fromtimestamp(row["at"], ZoneInfo(zone)).isoformat(" "), "kind": row["kind"]}


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_journal, roles=_READERS), methods=["GET"]),
    Route(PATH + ".csv", require_user(export_journal, roles=_READERS), methods=["GET"]),
]

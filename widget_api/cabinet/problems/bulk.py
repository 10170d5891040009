"""Serve /cabinet/bulk: choose reports in the list, preview what will happen to them, confirm, undo."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet.http import Fields, path_identifier, render_page, require_user, session_fields, session_form
from widget_api.cabinet.problems import author_search
from widget_api.cabinet.problems.inbox_rows import LIST_PATH, TODAY_PATH, selection_url
from widget_api.casework import bulk as bulk_service
from widget_api.casework.bulk import ACTIONS, FIELDS
from widget_api.casework.selection import Selection
from widget_api.errors import Conflict, Invalid, Malformed
from widget_api.people.model import User
from widget_api.sites import routing_rules

PATH = "/cabinet/bulk"
_MAX_FORM_SIZE = 65_536  # bytes of the identifiers of a page


async def choose(request: Request, user: User) -> Response:
    """POST /cabinet/bulk?{selection}: keep what was chosen, and preview it. The form is that of the list."""
    form, _ = await session_form(request, _MAX_FORM_SIZE, 0)
    sent, selection = dict(form), author_search.read_selection(request, user)
    action = next((one for one in ACTIONS if one == sent.get("action")), None)
    if action is None:
        raise Malformed
    counted = sent.get("count", "") if sent.get("all") else ""
    chosen = None if sent.get("all") else [value for name, value in form if name == "id" and "\0" not in value]
    try:
        bulk_id = await bulk_service.create_bulk(
            web.context(request).database, user, action, selection, chosen, counted=counted
        )
    except Invalid as error:
        return web.see_other(selection_url(selection, done=error.fields[0].code))
    except Conflict:
        return web.see_other(selection_url(selection, done="changed"))
    return web.see_other(selection_url(selection, f"{PATH}/{bulk_id}"))


async def preview(
    request: Request, user: User, status: int = 200, given: Fields | None = None, wrong: Invalid | None = None
) -> Response:
    """GET /cabinet/bulk/{bulk_id}?{selection}"""
    database, selection = web.context(request).database, Selection.read(request.query_params)
    bulk = await bulk_service.read_bulk(database, user, path_identifier(request, "bulk_id"))
    if bulk.state != "draft":
        return web.see_other(selection_url(selection))
    of_person = bulk.action == "person"
    return render_page(
        request,
        user,
        "bulk.html",
        status,
        bulk=bulk,
        action=selection_url(selection, f"{PATH}/{bulk.id}"),
        back=selection_url(selection),
        here=selection_url(selection, f"{PATH}/{bulk.id}"),
        services=await bulk_service.list_services(database, bulk.id) if bulk.action == "service" else [],
        colleagues=await routing_rules.list_colleagues(database, user.agency_id) if of_person else [],
        given={name: (given or {}).get(name, "") for name in FIELDS},
        errors=wrong,
    )


async def confirm(request: Request, user: User) -> Response:
    """POST /cabinet/bulk/{bulk_id}?{selection}"""
    fields, bulk_id = await session_fields(request), path_identifier(request, "bulk_id")
    try:
        await bulk_service.confirm_bulk(web.context(request).database, user, bulk_id, fields)
    except Invalid as error:
        return await preview(request, user, 422, fields, error)
    return web.see_other(selection_url(Selection.read(request.query_params)))


async def discard(request: Request, user: User) -> Response:
    """POST /cabinet/bulk/{bulk_id}/discard: undo a bulk that waits, or put the result of another away.

    Leads back to the page of the button: «today» (`?from=today`), or the list.
    """
    await session_fields(request)
    bulk_id = path_identifier(request, "bulk_id")
    state = await bulk_service.discard_bulk(web.context(request).database, user.id, bulk_id)
    done = {None: {"done": "late"}, "pending": {"done": "undone"}}.get(state, {})
    path = TODAY_PATH if request.query_params.get("from") == "today" else LIST_PATH
    return web.see_other(selection_url(Selection.read(request.query_params), path, **done))


routes: list[BaseRoute] = [
    Route(PATH, require_user(choose, keeps=False), methods=["POST"]),
    Route(f"{PATH}/{{bulk_id}}", require_user(preview)),
    Route(f"{PATH}/{{bulk_id}}", require_user(confirm), methods=["POST"]),
    Route(f"{PATH}/{{bulk_id}}/discard", require_user(discard, keeps=False), methods=["POST"]),
]

"""/cabinet/deliveries: what waits and what was given up. Everything is a plain form; nothing needs a script."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet import deliveries_service, deliveries_view
from widget_api.cabinet.deliveries_service import Selection
from widget_api.cabinet.http import identifier, inside, language_of, page, session_fields, signed_in
from widget_api.cabinet.problem_view import field_errors
from widget_api.errors import Invalid
from widget_api.people.model import User

PATH = "/cabinet/deliveries"
DONE = ("retried", "dropped")


async def queue(request: Request, user: User) -> Response:
    """GET /cabinet/deliveries?tab&kind&after"""
    return await _queue(request, user, Selection.read(request.query_params))


async def _queue(
    request: Request,
    user: User,
    selection: Selection,
    status: int = 200,
    *,
    wrong: Invalid | None = None,
    given: str = "",
) -> Response:
    language = language_of(request, user)
    found = await deliveries_service.queue(web.context(request).database, user, selection)
    first = replace(selection, after="")
    done = request.query_params.get("done", "")
    return page(
        request,
        user,
        "deliveries.html",
        status,
        found=found,
        deliveries=deliveries_view.deliveries(language, found),
        tabs=[(tab, _address(replace(first, tab=tab)), tab == selection.tab) for tab in deliveries_service.TABS],
        older=_address(replace(selection, after=found.next)) if found.next else "",
        newest=_address(first) if selection.after else "",
        errors=field_errors(language, wrong),
        wrong_id=request.path_params.get("delivery_id", ""),
        given=given,
        longest=deliveries_service.LONGEST_REASON,
        done=done if done in DONE else "",
        here=_address(selection),
    )


async def retry(request: Request, user: User) -> Response:
    """POST /cabinet/deliveries/{delivery_id}/retry"""
    fields = await session_fields(request)
    await deliveries_service.retry(web.context(request).database, user, identifier(request, "delivery_id"))
    return web.see_other(_back(fields.get("next", ""), "retried"))


async def retry_dead(request: Request, user: User) -> Response:
    """POST /cabinet/deliveries/retry: all dead ones, of one `kind` where it is given."""
    fields = await session_fields(request)
    await deliveries_service.retry_dead(web.context(request).database, user, fields.get("kind", ""))
    return web.see_other(_back(fields.get("next", ""), "retried"))


async def drop(request: Request, user: User) -> Response:
    """POST /cabinet/deliveries/{delivery_id}/drop, with a `reason`."""
    fields = await session_fields(request)
    reason = fields.get("reason", "")
    try:
        await deliveries_service.drop(web.context(request).database, user, identifier(request, "delivery_id"), reason)
    except Invalid as error:
        return await _queue(request, user, Selection.read(fields), 422, wrong=error, given=reason)
    return web.see_other(_back(fields.get("next", ""), "dropped"))


def _address(selection: Selection) -> str:
    query = urlencode(selection.parameters())
    return f"{PATH}?{query}" if query else PATH


def _back(wanted: str, done: str) -> str:
    """Where the button stood; the queue says what was done, a report's page shows it."""
    target = inside(wanted)
    if target.partition("?")[0] != PATH:
        return target
    return f"{target}{'&' if '?' in target else '?'}done={done}"


routes: list[BaseRoute] = [
    Route(PATH, signed_in(queue)),
    Route(PATH + "/retry", signed_in(retry_dead), methods=["POST"]),
    Route(PATH + "/{delivery_id}/retry", signed_in(retry), methods=["POST"]),
    Route(PATH + "/{delivery_id}/drop", signed_in(drop), methods=["POST"]),
]

"""Serve /cabinet/deliveries: waiting, dead and dropped deliveries, without scripts."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet.http import inside_path, language_of, path_identifier, render_page, require_user, session_fields
from widget_api.cabinet.organisation import deliveries_service
from widget_api.cabinet.organisation.deliveries_service import Selection
from widget_api.errors import Invalid
from widget_api.people.model import User

PATH = "/cabinet/deliveries"
OUTCOMES = ("retried", "dropped")


async def show_queue(request: Request, user: User) -> Response:
    """GET /cabinet/deliveries?tab&kind&after"""
    return await _render_queue(request, user, Selection.read(request.query_params))


async def _render_queue(
    request: Request,
    user: User,
    selection: Selection,
    status: int = 200,
    *,
    wrong: Invalid | None = None,
    given: str = "",
) -> Response:
    language = language_of(request, user)
    found = await deliveries_service.read_queue(web.context(request).database, user, selection)
    first = replace(selection, after="")
    return render_page(
        request,
        user,
        "deliveries.html",
        status,
        found=found,
        deliveries=deliveries_service.delivery_views(language, found),
        tabs=[(tab, _queue_url(replace(first, tab=tab)), tab == selection.tab) for tab in deliveries_service.TABS],
        older=_queue_url(replace(selection, after=found.next)) if found.next else "",
        newest=_queue_url(first) if selection.after else "",
        errors=wrong,
        wrong_id=request.path_params.get("delivery_id", ""),
        given=given,
        longest=deliveries_service.MAX_REASON_LENGTH,
        outcomes=OUTCOMES,
        here=_queue_url(selection),
    )


async def retry_delivery(request: Request, user: User) -> Response:
    """POST /cabinet/deliveries/{delivery_id}/retry"""
    fields = await session_fields(request)
    await deliveries_service.retry_delivery(
        web.context(request).database, user, path_identifier(request, "delivery_id")
    )
    return web.see_other(_redirect_back(fields.get("next", ""), "retried"))


async def retry_dead_deliveries(request: Request, user: User) -> Response:
    """POST /cabinet/deliveries/retry: retry all dead deliveries, optionally of one `kind`."""
    fields = await session_fields(request)
    await deliveries_service.retry_dead_deliveries(web.context(request).database, user, fields.get("kind", ""))
    return web.see_other(_redirect_back(fields.get("next", ""), "retried"))


async def drop_delivery(request: Request, user: User) -> Response:
    """POST /cabinet/deliveries/{delivery_id}/drop, with a `reason`."""
    fields = await session_fields(request)
    reason = fields.get("reason", "")
    try:
        await deliveries_service.drop_delivery(
            web.context(request).database, user, path_identifier(request, "delivery_id"), reason
        )
    except Invalid as error:
        return await _render_queue(request, user, Selection.read(fields), 422, wrong=error, given=reason)
    return web.see_other(_redirect_back(fields.get("next", ""), "dropped"))


def _queue_url(selection: Selection) -> str:
    query = urlencode(selection.parameters())
    return f"{PATH}?{query}" if query else PATH


def _redirect_back(wanted: str, done: str) -> str:
    """Redirect to the page of the button: the queue with a notice, or a report's page."""
    target = inside_path(wanted)
    if target.partition("?")[0] != PATH:
        return target
    return f"{target}{'&' if '?' in target else '?'}done={done}"


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_queue)),
    Route(PATH + "/retry", require_user(retry_dead_deliveries), methods=["POST"]),
    Route(PATH + "/{delivery_id}/retry", require_user(retry_delivery), methods=["POST"]),
    Route(PATH + "/{delivery_id}/drop", require_user(drop_delivery), methods=["POST"]),
]

"""/cabinet/comments: the queue of the moderator. Everything is a plain form; nothing needs a script."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet import comments_service, comments_view, inbox_rows
from widget_api.cabinet.http import identifier, inside, language_of, page, session_fields, signed_in
from widget_api.cabinet.problem_view import field_errors
from widget_api.comments import store
from widget_api.comments.model import MAX_REASON_LENGTH
from widget_api.errors import Invalid
from widget_api.people.model import User

PATH = "/cabinet/comments"


async def queue(request: Request, user: User) -> Response:
    """GET /cabinet/comments?tab&after"""
    tab, after = request.query_params.get("tab", ""), request.query_params.get("after", "")
    return await _queue(request, user, tab, after)


async def _queue(
    request: Request,
    user: User,
    tab: str,
    after: str = "",
    status: int = 200,
    *,
    wrong: Invalid | None = None,
    given: str = "",
) -> Response:
    language = language_of(request, user)
    found = await comments_service.queue(web.context(request).database, user, tab, after)
    here = f"{PATH}?tab={found.tab}"
    return page(
        request,
        user,
        "comments.html",
        status,
        comments=comments_view.comments(language, found.rows, found.may),
        tabs=[(one, f"{PATH}?tab={one}", one == found.tab) for one in comments_service.TABS],
        tab=found.tab,
        waiting=found.waiting,
        older=f"{here}&after={found.next[0]}.{quote(found.next[1])}" if found.next else "",
        newest=here if after else "",
        errors=field_errors(language, wrong),
        wrong_id=request.path_params.get("comment_id", ""),
        given=given,
        longest=MAX_REASON_LENGTH,
        done=request.query_params.get("done", ""),
        here=here,
    )


async def decide(request: Request, user: User) -> Response:
    """POST /cabinet/comments/{comment_id}: `verdict` published or rejected, `reason` for the latter."""
    fields = await session_fields(request)
    comment_id, verdict, reason = identifier(request, "comment_id"), fields.get("verdict", ""), fields.get("reason", "")
    database = web.context(request).database
    try:
        await comments_service.decide(database, user, comment_id, verdict, reason)
    except Invalid as error:
        comment = await store.find_comment(database, comment_id)
        tab = comment["state"] if comment is not None else ""
        named = Invalid(tuple(replace(wrong, field="rejection") for wrong in error.fields))
        return await _queue(request, user, tab, status=422, wrong=named, given=reason)
    target = inside(fields.get("next", ""))
    if target == inbox_rows.LIST:
        target = PATH
    return web.see_other(f"{target}{'&' if '?' in target else '?'}done={verdict}")


routes: list[BaseRoute] = [
    Route(PATH, signed_in(queue)),
    Route(PATH + "/{comment_id}", signed_in(decide), methods=["POST"]),
]

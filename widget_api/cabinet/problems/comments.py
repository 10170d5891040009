"""Serve /cabinet/comments: the queue of comments to moderate, without scripts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet.http import inside_path, language_of, path_identifier, render_page, require_user, session_fields
from widget_api.cabinet.problems import inbox_rows
from widget_api.casework import comments as comments_service
from widget_api.comments import store
from widget_api.comments.model import MAX_REASON_LENGTH
from widget_api.comments.moderation import describe_comment
from widget_api.database import Row
from widget_api.errors import Invalid
from widget_api.people.model import User

PATH = "/cabinet/comments"


async def show_queue(request: Request, user: User) -> Response:
    """GET /cabinet/comments?tab&after"""
    tab, after = request.query_params.get("tab", ""), request.query_params.get("after", "")
    return await _render_queue(request, user, tab, after)


async def _render_queue(
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
    found = await comments_service.read_queue(web.context(request).database, user, tab, after)
    here = f"{PATH}?tab={found.tab}"
    return render_page(
        request,
        user,
        "comments.html",
        status,
        comments=comment_views(language, found.rows, found.may),
        tabs=[(one, f"{PATH}?tab={one}", one == found.tab) for one in comments_service.TABS],
        tab=found.tab,
        waiting=found.waiting,
        older=f"{here}&after={found.next[0]}.{quote(found.next[1])}" if found.next else "",
        newest=here if after else "",
        errors=wrong,
        wrong_id=request.path_params.get("comment_id", ""),
        given=given,
        longest=MAX_REASON_LENGTH,
        here=here,
    )


async def decide_comment(request: Request, user: User) -> Response:
    """POST /cabinet/comments/{comment_id}: `verdict` published or rejected, `reason` for the latter."""
    fields = await session_fields(request)
    comment_id, database = path_identifier(request, "comment_id"), web.context(request).database
    verdict, reason = fields.get("verdict", ""), fields.get("reason", "")
    try:
        await comments_service.decide_comment(database, user, comment_id, verdict, reason)
    except Invalid as error:
        comment = await store.find_comment(database, comment_id)
        tab = comment["state"] if comment is not None else ""
        named = Invalid(tuple(replace(wrong, field="rejection") for wrong in error.fields))
        return await _render_queue(request, user, tab, status=422, wrong=named, given=reason)
    target = inside_path(fields.get("next", ""))
    if target == inbox_rows.TODAY_PATH:
        target = PATH
    return web.see_other(f"{target}{'&' if '?' in target else '?'}done={verdict}")


def comment_views(language: str, rows: Iterable[Row], may: frozenset[str]) -> list[dict[str, Any]]:
    """Comments with what pages say of them; `may` are the sites that the user moderates."""
    return [dict(row) | describe_comment(language, row) | {"may": row["site_id"] in may} for row in rows]


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_queue)),
    Route(PATH + "/{comment_id}", require_user(decide_comment), methods=["POST"]),
]

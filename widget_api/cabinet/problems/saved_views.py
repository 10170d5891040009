"""Serve /cabinet/views: save and delete filters of the list."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet.http import require_user, session_fields
from widget_api.cabinet.problems.inbox_rows import selection_url
from widget_api.casework import saved_views
from widget_api.casework.selection import Selection
from widget_api.people.model import User

PATH = "/cabinet/views"


async def save_view(request: Request, user: User) -> Response:
    """POST /cabinet/views?{selection}"""
    fields, selection = await session_fields(request), Selection.read(request.query_params)
    name = " ".join(fields.get("view_name", "").split())[: saved_views.MAX_NAME_LENGTH]
    done = "unnamed"
    if name:
        saved = await saved_views.save_view(web.context(request).database, user, name, selection)
        done = "view" if saved else "views"
    return web.see_other(selection_url(selection, done=done))


async def delete_view(request: Request, user: User) -> Response:
    """POST /cabinet/views/delete?{selection}"""
    name = (await session_fields(request)).get("view_name", "")
    await saved_views.delete_view(web.context(request).database, user, name)
    return web.see_other(selection_url(Selection.read(request.query_params)))


routes: list[BaseRoute] = [
    Route(PATH, require_user(save_view), methods=["POST"]),
    Route(f"{PATH}/delete", require_user(delete_view, keeps=False), methods=["POST"]),
]

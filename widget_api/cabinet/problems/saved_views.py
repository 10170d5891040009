"""Keep filters of the list under names, each user's own."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet.http import require_user, session_fields
from widget_api.cabinet.problems.inbox_rows import selection_url
from widget_api.cabinet.problems.inbox_service import Inbox
from widget_api.cabinet.problems.selection import Selection
from widget_api.database import Database, Transaction
from widget_api.people.model import User

PATH = "/cabinet/views"
MAX_NAME_LENGTH = 60
MAX_VIEWS = 20


async def list_views(database: Database, user: User, found: Inbox) -> list[tuple[str, str, bool]]:
    """Name and link of each saved view, and whether it is what the list shows.

    One of a site that the user does not see any more leads to the plain list.
    """
    rows = await database.rows("SELECT name, query FROM saved_views WHERE user_id = :id ORDER BY name", id=user.id)
    sites, current = {None, *(site.id for site in found.sites)}, _to_query(found.selection)
    views = []
    for row in rows:
        selection = Selection.read(dict(parse_qsl(row["query"])))
        if selection.site_id not in sites:
            selection = Selection()
        views.append((row["name"], selection_url(selection), row["query"] == current))
    return views


def _to_query(selection: Selection) -> str:
    return urlencode({name: value for name, value in selection.parameters().items() if name not in ("after", "author")})


async def save_view(request: Request, user: User) -> Response:
    """POST /cabinet/views?{selection}: save the selection; one of the same name is replaced."""
    fields, selection = await session_fields(request), Selection.read(request.query_params)
    name = " ".join(fields.get("view_name", "").split())[:MAX_NAME_LENGTH]

    async def work(tx: Transaction) -> bool:
        await tx.run("DELETE FROM saved_views WHERE user_id = :id AND name = :name", id=user.id, name=name)
        if len(await tx.rows("SELECT name FROM saved_views WHERE user_id = :id", id=user.id)) >= MAX_VIEWS:
            return False
        await tx.insert_unless_there("saved_views", user_id=user.id, name=name, query=_to_query(selection))
        return True

    done = "unnamed"
    if name:
        done = "view" if await web.context(request).database.write(work) else "views"
    return web.see_other(selection_url(selection, done=done))


async def delete_view(request: Request, user: User) -> Response:
    """POST /cabinet/views/delete?{selection}"""
    name = (await session_fields(request)).get("view_name", "")
    await web.context(request).database.write(
        lambda tx: tx.run("DELETE FROM saved_views WHERE user_id = :id AND name = :name", id=user.id, name=name)
    )
    return web.see_other(selection_url(Selection.read(request.query_params)))


routes: list[BaseRoute] = [
    Route(PATH, require_user(save_view), methods=["POST"]),
    Route(f"{PATH}/delete", require_user(delete_view, keeps=False), methods=["POST"]),
]

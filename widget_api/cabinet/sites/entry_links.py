"""Serve /cabinet/sites/{site_id}/collections/{slug}/links: links that open a collection's form for an organisation."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet.http import journal_user, path_identifier, render_page, require_user, session_fields
from widget_api.cabinet.sites.settings import PATH, desk_path, find_settable_site
from widget_api.errors import Invalid
from widget_api.people.model import User
from widget_api.sites import entry_links
from widget_api.sites.model import Site


async def show_links(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/collections/{slug}/links"""
    return await _render(request, user, await find_settable_site(request, user))


async def add_link(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/collections/{slug}/links"""
    fields, child = await session_fields(request), await find_settable_site(request, user)
    name, who = fields.get("organisation", ""), journal_user(request, user)
    try:
        await entry_links.add_link(web.context(request).database, child, name, who)
    except Invalid as error:
        return await _render(request, user, child, 422, name, error)
    return web.see_other(f"{desk_path(child)}/links?done=added")


async def revoke_link(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/collections/{slug}/links/{link_id}/revoke"""
    await session_fields(request)
    child, link_id = await find_settable_site(request, user), path_identifier(request, "link_id")
    await entry_links.revoke_link(web.context(request).database, child, link_id, journal_user(request, user))
    return web.see_other(f"{desk_path(child)}/links?done=revoked")


async def _render(
    request: Request, user: User, child: Site, status: int = 200, name: str = "", wrong: Invalid | None = None
) -> Response:
    context = web.context(request)
    signer, public_url = context.signer, context.settings.public_url
    rows = await entry_links.list_links(context.database, child.id)
    return render_page(
        request,
        user,
        "entry_links.html",
        status,
        site=child,
        rows=[
            (one, "" if one["revoked_at"] else entry_links.link_url(signer, public_url, child, one["id"]))
            for one in rows
        ],
        name=name,
        longest=entry_links.MAX_NAME,
        asks=entry_links.asks_organisation(child),
        errors=wrong,
        outcomes=("added", "revoked"),
        section="sites",
        here=f"{desk_path(child)}/links",
    )


_LINKS = PATH + "/{site_id}/collections/{slug}/links"
routes: list[BaseRoute] = [
    Route(_LINKS, require_user(show_links), methods=["GET"]),
    Route(_LINKS, require_user(add_link), methods=["POST"]),
    Route(_LINKS + "/{link_id}/revoke", require_user(revoke_link, keeps=False), methods=["POST"]),
]

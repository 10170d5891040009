"""Serve /cabinet/sites/{site_id}/testing: a site's test key, and the reports that were sent with it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet.http import journal_user, render_page, require_user, session_fields
from widget_api.cabinet.sites.settings import PATH, find_settable_site
from widget_api.errors import FieldError, Invalid
from widget_api.people.model import User
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor
from widget_api.problems.store import records
from widget_api.sites import changes, testing, view
from widget_api.sites.model import Site

_MOST = 100  # shown
_OUTCOMES = ("made", "purged", "rotated")


async def show_testing(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/testing"""
    return await _render(request, user, await find_settable_site(request, user))


async def change_testing(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/testing: make the test key, or delete all reports of tests (`do` = purge)."""
    fields = await session_fields(request)
    site, database = await find_settable_site(request, user), web.context(request).database
    test = await testing.find_test_site(database, site.id)
    if fields.get("do") == "purge":
        if fields.get("sure") != "yes":
            return await _render(request, user, site, 422, Invalid((FieldError("sure", "required"),)))
        for row in await records.list_not_erased(database, test.id) if test else ():
            await lifecycle.erase(database, Actor(kind=user.kind, user_id=user.id), row["site_id"], row["id"])
        return web.see_other(f"{PATH}/{site.id}/testing?done=purged")
    await testing.add_test_site(database, site, journal_user(request, user))
    return web.see_other(f"{PATH}/{site.id}/testing?done=made")


async def rotate_key(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/testing/key: a new test key; the earlier one is void at once."""
    fields = await session_fields(request)
    site, database = await find_settable_site(request, user), web.context(request).database
    test = await testing.find_test_site(database, site.id)
    if test is not None and fields.get("key") == test.key:  # not again by a second press
        await changes.rotate_key(database, test.id, who=journal_user(request, user))
    return web.see_other(f"{PATH}/{site.id}/testing?done=rotated")


async def _render(
    request: Request, user: User, site: Site, status: int = 200, wrong: Invalid | None = None
) -> Response:
    context = web.context(request)
    test = await testing.find_test_site(context.database, site.id)
    rows = await records.list_not_erased(context.database, test.id) if test else []
    link_text = i18n.text(site.language, "sites.snippet_link")
    return render_page(
        request,
        user,
        "site_testing.html",
        status,
        site=site,
        test=test,
        snippet=view.make_snippet(test.key, test.type, link_text, context.settings.public_url) if test else "",
        rows=rows[:_MOST],
        most=_MOST if len(rows) > _MOST else None,
        errors=wrong,
        outcomes=_OUTCOMES,
        section="sites",
        here=f"{PATH}/{site.id}/testing",
    )


_PAGE = PATH + "/{site_id}/testing"
routes: list[BaseRoute] = [
    Route(_PAGE, require_user(show_testing), methods=["GET"]),
    Route(_PAGE, require_user(change_testing, keeps=False), methods=["POST"]),
    Route(_PAGE + "/key", require_user(rotate_key, keeps=False), methods=["POST"]),
]

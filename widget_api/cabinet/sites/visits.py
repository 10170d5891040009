"""Serve /cabinet/collections/{collection_id}/events and /agencies: visits of inspectors, and other agencies.

An agency that has the collection in its cabinet sees all visits; one that was named for it sees its own alone, and of
the entries what is public.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import listing
from widget_api.browse.listing.answers import PREFIX
from widget_api.cabinet.http import (
    Fields,
    Handler,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.database import Database, Row
from widget_api.database.word_forms import stems
from widget_api.errors import Invalid, NotFound, Refused
from widget_api.people import store as people
from widget_api.people.model import User
from widget_api.problems.model import split_entry
from widget_api.sites import rights
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site
from widget_api.visits import service, store
from widget_api.visits.model import MAX_PLACE, MAX_RESULT, MAX_TEXT, read_visit

PATH = "/cabinet/collections"
_MOST = 100  # visits shown, and entries found
_CHOSEN = re.compile(r"entry\.([1-9][0-9]{0,8})")
_DONE = frozenset({"added", "invited", "reported", "called_off", "named", "removed"})


async def list_collections(database: Database, user: User) -> list[Site]:
    """The collections to whose authors the user's agency may send invitations."""
    if user.agency_id is None or not user.may("visits.invite"):
        return []
    ids = [one.id for one in await people.list_visible_sites(database, user) if one.kind == "collection"]
    ids += await rights.list_named_collections(database, user.agency_id)
    found = [await sites.by_id(database, site_id) for site_id in dict.fromkeys(ids)]
    return [site for site in found if site.collection is not None and site.collection.visits]


async def _find(request: Request, user: User) -> tuple[Site, str, bool]:
    """The collection, the user's agency, and whether it sees all visits. Raises NotFound, Refused."""
    database, site_id = web.context(request).database, path_identifier(request, "collection_id")
    visible = any(
        one.id == site_id and one.kind == "collection" for one in await people.list_visible_sites(database, user)
    )
    named = user.agency_id and site_id in await rights.list_named_collections(database, user.agency_id)
    site = await sites.by_id(database, site_id) if visible or named else None
    if site is None or site.collection is None or not site.collection.visits:
        raise NotFound
    if user.agency_id is None or not user.may("visits.invite"):
        raise Refused
    return site, user.agency_id, visible


async def show_visits(request: Request, user: User) -> Response:
    """GET /cabinet/collections/{collection_id}/events"""
    return await _render_visits(request, user, *await _find(request, user))


async def add_visit(request: Request, user: User) -> Response:
    """POST /cabinet/collections/{collection_id}/events"""
    fields = await session_fields(request)
    site, agency_id, sees_all = await _find(request, user)
    try:
        visit = read_visit(fields, site.time_zone, clock.now())
    except Invalid as error:
        return await _render_visits(request, user, site, agency_id, sees_all, 422, fields, error)
    database = web.context(request).database
    visit_id = await service.add_visit(database, site, agency_id, visit, journal_user(request, user))
    return web.see_other(f"{PATH}/{site.id}/events/{visit_id}?done=added")


async def _render_visits(
    request: Request,
    user: User,
    site: Site,
    agency_id: str,
    sees_all: bool,
    status: int = 200,
    given: Fields | None = None,
    wrong: Invalid | None = None,
) -> Response:
    database = web.context(request).database
    return _render(
        request,
        user,
        "visits.html",
        status,
        wrong,
        site=site,
        rows=await store.list_visits(database, site.id, None if sees_all else agency_id, _MOST),
        given=given or {},
        today=local_date(clock.now(), site.time_zone).isoformat(),
        longest={"place": MAX_PLACE, "text": MAX_TEXT},
        names_agencies=sees_all and user.may("organisation.manage"),
        here=f"{PATH}/{site.id}/events",
    )


def _render(request: Request, user: User, template: str, status: int, wrong: Invalid | None, **values: Any) -> Response:
    return render_page(
        request,
        user,
        template,
        status,
        errors=wrong,
        outcomes=_DONE,
        section="sites",
        **values,
    )


# --- one visit -----------------------------------------------------------------------------------------------------


async def _find_visit(request: Request, user: User) -> tuple[Site, str, bool, Row]:
    site, agency_id, sees_all = await _find(request, user)
    visit = await store.find(web.context(request).database, path_identifier(request, "visit_id"))
    if visit is None or visit["site_id"] != site.id or not (sees_all or visit["agency_id"] == agency_id):
        raise NotFound
    return site, agency_id, sees_all, visit


async def show_visit(request: Request, user: User) -> Response:
    """GET /cabinet/collections/{collection_id}/events/{visit_id}?category&districts: the visit, and whom to invite."""
    return await _render_visit(request, user, 200)


async def invite(request: Request, user: User) -> Response:
    """POST …/events/{visit_id}/invite: the entries that are ticked, `entry.{number}`."""
    fields = await session_fields(request)
    site, agency_id, _, visit = await _find_visit(request, user)
    numbers = [int(found[1]) for name in fields if (found := _CHOSEN.fullmatch(name))]
    database, who = web.context(request).database, journal_user(request, user)
    try:
        sent = await service.invite(database, site, visit["id"], agency_id, numbers, who)
    except Invalid as error:
        return await _render_visit(request, user, 422, error)
    return web.see_other(f"{PATH}/{site.id}/events/{visit['id']}?done=invited&sent={sent}")


async def publish_result(request: Request, user: User) -> Response:
    """POST …/events/{visit_id}/result"""
    fields = await session_fields(request)
    site, agency_id, _, visit = await _find_visit(request, user)
    text = fields.get("result", "")
    try:
        await service.publish_result(web.context(request).database, site, visit["id"], agency_id, text)
    except Invalid as error:
        return await _render_visit(request, user, 422, error, result=text)
    return web.see_other(f"{PATH}/{site.id}/events/{visit['id']}?done=reported")


async def call_off(request: Request, user: User) -> Response:
    """POST …/events/{visit_id}/call-off"""
    await session_fields(request)
    site, agency_id, _, visit = await _find_visit(request, user)
    await service.call_off(web.context(request).database, site, visit["id"], agency_id)
    return web.see_other(f"{PATH}/{site.id}/events/{visit['id']}?done=called_off")


async def _render_visit(
    request: Request, user: User, status: int, wrong: Invalid | None = None, result: str | None = None
) -> Response:
    site, agency_id, sees_all, visit = await _find_visit(request, user)
    database, now, language = web.context(request).database, clock.now(), language_of(request, user)
    invited = await store.list_invited(database, visit["id"])
    own, begun = visit["agency_id"] == agency_id, visit["at"] <= now
    asks = own and not begun and visit["called_off_at"] is None
    query = {name: request.query_params.get(name, "") for name in ("category", "districts")}
    found = await _search(database, site, query) if asks else []
    reached = {row["number"] for row in await store.list_reached(database, site.id, [one["number"] for one in found])}
    known = {one["number"] for one in invited}
    sent = request.query_params.get("sent", "")
    return _render(
        request,
        user,
        "visit.html",
        status,
        wrong,
        site=site,
        visit=visit,
        own=own,
        begun=begun,
        asks=asks,
        sees_all=sees_all,
        invited=[(one, split_entry(one["description"])[0]) for one in invited],
        accepted=sum(one["state"] == "accepted" for one in invited),
        query=query,
        categories=[(one.code, i18n.category_name(language, one.code, one.name)) for one in site.categories],
        found=[(one, one["number"] in reached) for one in found if one["number"] not in known],
        sent=int(sent) if re.fullmatch("[0-9]{1,3}", sent) else 0,
        result=visit["result"] or "" if result is None else result,
        longest=MAX_RESULT,
        here=f"{PATH}/{site.id}/events/{visit['id']}",
    )


async def _search(database: Database, site: Site, query: Fields) -> list[dict[str, Any]]:
    """Entries by category and words of their districts."""
    pairs = [("category", query["category"])] * (site.category(query["category"]) is not None)
    pairs += [(f"{PREFIX}districts", query["districts"][:200])] * bool(stems(query["districts"][:200]))
    today = local_date(clock.now(), site.time_zone)
    rows = await listing.rows(database, site.id, listing.parse(pairs, site), today, _MOST)
    found = [listing.item(row, today, site, "") for row in rows]
    for one in found:
        one["districts"] = one["answers"].get("districts", "")
    return found


# --- agencies that may invite or moderate --------------------------------------------------------------------------


async def _find_named(request: Request, user: User) -> Site:
    """The collection, for an administrator who has it in the cabinet. Raises NotFound, Refused."""
    database, site_id = web.context(request).database, path_identifier(request, "collection_id")
    seen = next((one for one in await people.list_moderated_sites(database, user) if one.id == site_id), None)
    if seen is None or seen.kind != "collection":
        await _find(request, user)  # who may invite knows that it is there
        raise Refused
    if not (user.may("organisation.manage") and seen.is_own):
        raise Refused
    return await sites.by_id(database, site_id)


async def show_agencies(request: Request, user: User) -> Response:
    """GET /cabinet/collections/{collection_id}/agencies"""
    return await _render_agencies(request, user, await _find_named(request, user))


async def remove_agency(request: Request, user: User) -> Response:
    """POST /cabinet/collections/{collection_id}/agencies/{agency_id}/remove"""
    await session_fields(request)
    site, database = await _find_named(request, user), web.context(request).database
    agency_id, who = path_identifier(request, "agency_id"), journal_user(request, user)
    await rights.name_agency(database, site, agency_id, None, who)
    return web.see_other(f"{PATH}/{site.id}/agencies?done=removed")


async def add_agency(request: Request, user: User) -> Response:
    """POST /cabinet/collections/{collection_id}/agencies: name the agency that has a site on `host`."""
    fields = await session_fields(request)
    site, database = await _find_named(request, user), web.context(request).database
    try:
        agency_id = await rights.find_agency_by_host(database, site, fields.get("host", ""))
        await rights.name_agency(database, site, agency_id, fields.get("may", ""), journal_user(request, user))
    except Invalid as error:
        return await _render_agencies(request, user, site, 422, fields, error)
    return web.see_other(f"{PATH}/{site.id}/agencies?done=named")


async def _render_agencies(
    request: Request,
    user: User,
    site: Site,
    status: int = 200,
    given: Fields | None = None,
    wrong: Invalid | None = None,
) -> Response:
    return _render(
        request,
        user,
        "collection_agencies.html",
        status,
        wrong,
        site=site,
        rows=await rights.list_named_agencies(web.context(request).database, site.id),
        rights=(allowed := rights.list_rights(site)),
        choices=[(may, i18n.text(language_of(request, user), f"visits.agencies.{may}")) for may in allowed],
        given=given or {},
        desk=f"/cabinet/sites/{site.parent_id}/collections/{site.collection.slug if site.collection else ''}",
        here=f"{PATH}/{site.id}/agencies",
    )


def _routes(path: str, get: Handler | None, post: Handler | None, *, keeps: bool = True) -> list[Route]:
    route = [Route(path, require_user(get), methods=["GET"])] if get else []
    return route + ([Route(path, require_user(post, keeps=keeps), methods=["POST"])] if post else [])


_EVENTS = PATH + "/{collection_id}/events"
_EVENT = _EVENTS + "/{visit_id}"
routes: list[BaseRoute] = [
    *_routes(_EVENTS, show_visits, add_visit),
    *_routes(_EVENT, show_visit, None),
    *_routes(_EVENT + "/invite", None, invite, keeps=False),
    *_routes(_EVENT + "/result", None, publish_result),
    *_routes(_EVENT + "/call-off", None, call_off, keeps=False),
    *_routes(PATH + "/{collection_id}/agencies", show_agencies, add_agency),
    *_routes(PATH + "/{collection_id}/agencies/{agency_id}/remove", None, remove_agency, keeps=False),
]

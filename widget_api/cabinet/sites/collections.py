"""Serve /cabinet/sites/{site_id}/collections: a site's collections, a new one from a preset, and their settings.

Who may change settings of the site changes those of its collections; others read. Moderation is the operator's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.cabinet.http import journal_user, language_of, render_page, require_user, session_fields
from widget_api.cabinet.sites.settings import PATH, desk_path, find_settable_site, find_site, setting_choices
from widget_api.errors import Conflict, FieldError, Invalid
from widget_api.people import store
from widget_api.people.model import User
from widget_api.problems.store import records
from widget_api.signing import Purpose
from widget_api.sites import changes, collection, presets, view
from widget_api.sites.model import Site

_OPERATOR_FIELD = "moderation"
_RULES = ("who", "action", "opens", "closes", "votes_open", "votes_close")  # that publishing puts into effect
OUTCOMES = ("added", "saved", "hidden", "shown")


async def list_collections(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/collections; with ?preset=… the form of a new one."""
    return await _render_list(request, user, await find_site(request, user), request.query_params.get("preset", ""))


async def add_collection(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/collections: add a draft of a collection from a preset."""
    fields, site = await session_fields(request), await find_settable_site(request, user)
    given = {name: fields.get(name, "").strip() for name in ("preset", "title", "slug")}
    database, who = web.context(request).database, journal_user(request, user)
    try:
        child = await collection.add_collection(
            database, site, given["slug"], given["preset"], who, title=given["title"], draft=True
        )
    except Invalid as error:
        return await _render_list(request, user, site, given["preset"], 422, given, error)
    except Conflict:
        taken = Invalid((FieldError("slug", "collection_taken", (("slug", given["slug"]),)),))
        return await _render_list(request, user, site, given["preset"], 422, given, taken)
    return web.see_other(f"{desk_path(child)}?done=added")


async def show_collection(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/collections/{slug}"""
    child = await find_site(request, user)
    return await _render_one(request, user, child, collection.setting_values(child))


async def change_collection(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/collections/{slug}"""
    fields, child = await session_fields(request), await find_settable_site(request, user)
    database, who = web.context(request).database, journal_user(request, user)
    before = collection.setting_values(child)
    given = {name: fields.get(name, text) for name, text in before.items() if _may_change(user, name)}
    try:
        await collection.change_collection(database, child, given, who)
    except Invalid as error:
        return await _render_one(request, user, child, before | given, 422, error)
    return web.see_other(f"{desk_path(child)}?done=saved")


async def hide_collection(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/collections/{slug}/hide: hide it, or publish it (`do` = show), with its rules."""
    fields, child = await session_fields(request), await find_settable_site(request, user)
    hidden = fields.get("do") != "show"
    try:
        if not hidden:
            collection.require_rules(child)
    except Invalid as error:
        return await _render_one(request, user, child, collection.setting_values(child), 422, error)
    await changes.disable_site(web.context(request).database, child.id, journal_user(request, user), disabled=hidden)
    return web.see_other(f"{desk_path(child)}?done={'hidden' if hidden else 'shown'}")


def _may_change(user: User, name: str) -> bool:
    return user.may("sites.change") and (name != _OPERATOR_FIELD or user.may("service.operate"))


async def _render_list(
    request: Request,
    user: User,
    site: Site,
    preset: str,
    status: int = 200,
    given: Mapping[str, str] | None = None,
    wrong: Invalid | None = None,
) -> Response:
    context, language = web.context(request), language_of(request, user)
    found = await collection.list_collections(context.database, site, disabled=True)
    readable = await _list_readable(request, user)
    chosen = preset if preset in presets.NAMES and user.may("sites.change") else ""
    proposed = {
        "title": presets.choose_text(presets.find(chosen).title, site.language) if chosen else "",
        "slug": collection.propose_slug(chosen, {child.collection.slug for child, *_ in found if child.collection}),
    }
    return render_page(
        request,
        user,
        "collections.html",
        status,
        site=site,
        rows=[await _describe(request, user, child, readable) for child, *_ in found],
        may_set=user.may("sites.change"),
        presets={name: presets.choose_text(presets.find(name).title, language) for name in presets.NAMES},
        chosen=chosen,
        given=given or proposed,
        address=f"{context.settings.public_url}/s/{site.key}/c/",
        longest=collection.LENGTHS["title"],
        errors=wrong,
        section="sites",
        here=f"{PATH}/{site.id}/collections",
    )


async def _list_readable(request: Request, user: User) -> frozenset[str]:
    """The ids of the sites whose reports the user reads."""
    return frozenset(one.id for one in await store.list_visible_sites(web.context(request).database, user))


async def _describe(request: Request, user: User, child: Site, readable: frozenset[str]) -> dict[str, Any]:
    """What the pages say of a collection: its state, and entries, which only those see who read its reports."""
    database, language, own = web.context(request).database, language_of(request, user), child.collection
    assert own is not None, "a site of its own"
    now, who = clock.now(), own.who
    state = "taken" if own.takes_entries(now) else "closed" if own.closes_at and own.closes_at <= now else "opens"
    at = {"taken": own.closes_at, "closed": own.closes_at, "opens": own.opens_at}[state]
    days = collection.setting_values(child)
    day = i18n.format_date(language, days["opens" if state == "opens" else "closes"]) if at is not None else ""
    key = f"residents.{state}{'' if day else '_ever'}" if who == "residents" else who
    published, waiting = await records.count_stages(database, child.id)
    return {
        "site": child,
        "path": desk_path(child),
        "count": published,
        "waiting": waiting,
        "readable": child.id in readable,
        "hidden": await changes.find_disabled_at(database, child.id) is not None,
        "taking": i18n.text(language, f"collections_cabinet.taking.{key}", day=day),
    }


async def _render_one(
    request: Request,
    user: User,
    child: Site,
    given: Mapping[str, str],
    status: int = 200,
    wrong: Invalid | None = None,
) -> Response:
    context, language = web.context(request), language_of(request, user)
    assert child.collection is not None, "find_site was asked for one"
    # A preview is of this draft: once it was published and is hidden again, earlier links show nothing.
    draft = [child.id, await changes.find_disabled_at(context.database, child.id)]
    named, rules = setting_choices(language), collection.setting_values(child)
    choices = {
        name: named[name]
        if name in named
        else [(value, i18n.text(language, f"collections_cabinet.{name}.{value}")) for value in values]
        for name, values in collection.CHOICES.items()
    }
    return render_page(
        request,
        user,
        "collections_one.html",
        status,
        site=child,
        given=given,
        preset=presets.choose_text(presets.find(child.collection.preset).title, language),
        choices=choices,
        rules={name: rules[name] for name in _RULES if child.collection.action == "vote" or "votes" not in name},
        may_change={name: _may_change(user, name) for name in given},
        limits=collection.LENGTHS,
        preview=f"/s/{child.key}?preview={context.signer.sign(Purpose.PREVIEW, draft)}",
        snippet=view.make_collection_snippet(child, context.settings.public_url),
        address=f"{context.settings.public_url}/s/{child.key}",
        errors=wrong,
        outcomes=OUTCOMES,
        section="sites",
        here=desk_path(child),
        of=await _describe(request, user, child, await _list_readable(request, user)),
    )


_ONE = PATH + "/{site_id}/collections/{slug}"
routes: list[BaseRoute] = [
    Route(PATH + "/{site_id}/collections", require_user(list_collections), methods=["GET"]),
    Route(PATH + "/{site_id}/collections", require_user(add_collection), methods=["POST"]),
    Route(_ONE, require_user(show_collection), methods=["GET"]),
    Route(_ONE, require_user(change_collection), methods=["POST"]),
    Route(_ONE + "/hide", require_user(hide_collection, keeps=False), methods=["POST"]),
]

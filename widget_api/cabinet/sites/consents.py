"""Serve /cabinet/sites/{site_id}/consent: the consent document, what is missing in it, and its versions.

The document is composed from the agency's details and the site's settings; the agency adds a paragraph of its own.
Versions are never changed: what residents agreed to stays readable at its address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import ndiff
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet.http import Fields, journal_user, language_of, render_page, require_user, session_fields
from widget_api.cabinet.sites.settings import PATH, find_settable_site
from widget_api.database import Row
from widget_api.errors import FieldError, Invalid
from widget_api.people.model import User
from widget_api.sites import changes, consent
from widget_api.sites.model import Site
from widget_api.sites.service import check_site

REQUIRED = ("inn", "postal_address", "registry_number")  # details that 152-FZ wants in the document
_MOST_VERSIONS = 100  # shown; earlier ones stay at their addresses


async def show_consent(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/consent?version: with what changed in a version, if one is named."""
    site = await find_settable_site(request, user)
    return await _render(request, user, site, {"consent_text": site.consent_text})


async def change_consent(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/consent: `do` is preview or save."""
    fields = await session_fields(request)
    site, context = await find_settable_site(request, user), web.context(request)
    text = fields.get("consent_text", "")
    try:
        if len(text) > consent.MAX_OWN_TEXT:
            raise Invalid((FieldError("consent_text", "too_long", (("max", consent.MAX_OWN_TEXT),)),))
        checked = check_site({"consent_text": text})["consent_text"] or ""
        if fields.get("do") == "preview":
            return await _render(request, user, site, fields, draft=replace(site, consent_text=checked))
        if checked != site.consent_text:
            columns, who = {"consent_text": checked}, journal_user(request, user)
            await changes.update_site(context.database, site.id, columns, who=who)
            changed = replace(site, consent_text=checked)
            await consent.store_changed(context.database, changed, context.settings, user.id)
    except Invalid as error:
        return await _render(request, user, site, fields, 422, wrong=error)
    return web.see_other(f"{PATH}/{site.id}/consent?done=1")


async def _render(
    request: Request,
    user: User,
    site: Site,
    given: Fields,
    status: int = 200,
    *,
    draft: Site | None = None,
    wrong: Invalid | None = None,
) -> Response:
    context, language = web.context(request), language_of(request, user)
    database, settings = context.database, context.settings
    current = await consent.current_document(database, site, settings, site.language)
    shown = await consent.compose_document(database, draft or site, settings, site.language)
    versions = await consent.list_documents(database, site.id)
    asked = request.query_params.get("version", "")
    chosen = next((row for row in versions if row["version"] == asked), None)
    earlier = chosen and _find_earlier(versions, chosen)
    return render_page(
        request,
        user,
        "site_consent.html",
        status,
        site=site,
        given=given.get("consent_text", ""),
        most=consent.MAX_OWN_TEXT,
        missing=[name for name in REQUIRED if not getattr(site.agency, name)],
        details=f"/cabinet/operator/agencies/{site.agency.id}"
        if user.may("service.operate")
        else "/cabinet/organisation/details",
        document=shown,
        draft=draft is not None,
        changes=list_changes(current.body, shown.body) if draft else [],
        versions=[_version_view(language, row, site, current.version) for row in versions[:_MOST_VERSIONS]],
        chosen=chosen and _version_view(language, chosen, site, current.version),
        chosen_changes=list_changes(earlier["body"] if earlier else "", chosen["body"]) if chosen else [],
        earlier=earlier is not None,
        errors=wrong,
        section="sites",
        here=f"{PATH}/{site.id}/consent",
    )


def _find_earlier(versions: Sequence[Row], chosen: Row) -> Row | None:
    """The version before one, of the same purpose and language."""
    same = [row for row in versions if (row["purpose"], row["language"]) == (chosen["purpose"], chosen["language"])]
    place = same.index(chosen) + 1
    return same[place] if place < len(same) else None


def _version_view(language: str, row: Row, site: Site, current: str) -> dict[str, Any]:
    return {
        "version": row["version"],
        "purpose": row["purpose"],
        "language": i18n.LANGUAGES[i18n.supported_language(row["language"])].name,
        "moment": i18n.format_moment(language, row["created_at"], site.time_zone),
        "who": row["who"] or "",
        "current": row["version"] == current,
        "url": f"/s/{site.key}/consent/{row['version']}",
    }


def list_changes(before: str, after: str) -> list[tuple[str, str]]:
    """The lines of two texts that differ: «+» or «-» with the line."""
    lines = ndiff([one for one in before.split("\n") if one], [one for one in after.split("\n") if one])
    return [(one[0], one[2:]) for one in lines if one[0] in "+-"]


_PAGE = PATH + "/{site_id}/consent"
routes: list[BaseRoute] = [
    Route(_PAGE, require_user(show_consent), methods=["GET"]),
    Route(_PAGE, require_user(change_consent), methods=["POST"]),
]

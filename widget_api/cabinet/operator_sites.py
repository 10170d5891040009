"""Serve /cabinet/operator/site: the form of a new site, with the fields of `widget-api site add`. For operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, journal, web
from widget_api.cabinet.http import Errors, journal_user, language_of, render_page, require_user, session_fields
from widget_api.cabinet.sites import PATH as SITES_PATH
from widget_api.errors import FieldError, Invalid
from widget_api.people import organisation_store
from widget_api.people.model import User
from widget_api.sites import service as sites
from widget_api.sites.model import (
    DEFAULT_LICENSE,
    DEFAULT_PHOTOS,
    DEFAULT_TIME_ZONE,
    MAX_NAME,
    MAX_PHOTOS,
    ConsentRule,
    Contact,
    Discussion,
    MailAnswers,
)

PATH = "/cabinet/operator/site"
LONGEST_AREA = 80_000  # characters; larger territories are set by `site set --area`
_CHOICES: dict[str, tuple[str, ...]] = {
    "type": ("extended", "basic"),
    "moderator": ("agent", "operator"),
    "moderation": ("", "before", "after"),  # empty: by the agency's mode
    "contact": get_args(Contact),
    "consent": get_args(ConsentRule),
    "discussion": get_args(Discussion),
    "mail_answers": get_args(MailAnswers),
    "appeals": ("off", "handoff"),
}
_DEFAULTS = {  # in the order of the form
    **dict.fromkeys(("name", "agency", "origin"), ""),
    **{name: _CHOICES[name][0] for name in ("type", "moderator", "moderation")},
    "time_zone": DEFAULT_TIME_ZONE,
    "language": i18n.DEFAULT_LANGUAGE,
    **dict.fromkeys(("jurisdiction", "bbox", "area"), ""),
    **{name: _CHOICES[name][0] for name in ("contact", "consent", "discussion", "mail_answers", "appeals")},
    "appeals_url": "",
    "photos": str(DEFAULT_PHOTOS),
    "accent": "",
    "license": DEFAULT_LICENSE,
    "retention_days": str(journal.DEFAULT_RETENTION),
}


async def show_form(request: Request, user: User) -> Response:
    """GET /cabinet/operator/site?agency"""
    return await _render_form(request, user, {"agency": request.query_params.get("agency", "")})


async def _render_form(
    request: Request, user: User, given: Mapping[str, str], status: int = 200, wrong: Errors = None
) -> Response:
    language = language_of(request, user)
    agencies = await organisation_store.list_every_agency(web.context(request).database)
    return render_page(
        request,
        user,
        "operator_site.html",
        status,
        given={**_DEFAULTS, **given},
        agencies=[(row["id"], row["name"]) for row in agencies],
        choices={
            name: [(value, i18n.text(language, f"operator.site.choice.{name}.{value or 'mode'}")) for value in values]
            for name, values in _CHOICES.items()
        },
        site_languages=[(code, one.name) for code, one in i18n.LANGUAGES.items()],
        most_photos=MAX_PHOTOS,
        longest_name=MAX_NAME,
        longest_area=LONGEST_AREA,
        errors=wrong,
        section="sites",
        here=PATH,
    )


async def add_site(request: Request, user: User) -> Response:
    """POST /cabinet/operator/site: a refused form is shown again with all that was typed, and all errors at once."""
    fields, database = await session_fields(request), web.context(request).database
    given = {name: fields.get(name, default).strip() for name, default in _DEFAULTS.items()}
    try:
        known = {row["id"] for row in await organisation_store.list_every_agency(database)}
        options = _parse(given, known)
        site = await sites.add_site(database, **options, who=journal_user(request, user))
    except Invalid as error:
        return await _render_form(request, user, given, 422, error)
    except errors.Conflict as error:
        taken = {"jurisdiction": web.error_detail(language_of(request, user), error)}
        return await _render_form(request, user, given, 422, taken)
    return web.see_other(f"{SITES_PATH}/{site.id}")


def _parse(given: Mapping[str, str], agencies: set[str]) -> dict[str, Any]:
    """The arguments of `sites.add_site`. Raises Invalid with the errors of all fields."""
    wrong = [FieldError(name, "unknown") for name, values in _CHOICES.items() if given[name] not in values]
    if given["agency"] not in agencies:
        wrong.append(FieldError("agency", "unknown" if given["agency"] else "required"))
    options: dict[str, Any] = {name: given[name] for name in ("name", "time_zone", "language", "license", *_CHOICES)}
    options |= {name: given[name] or None for name in ("jurisdiction", "appeals_url", "area", "moderation")}
    options["accent"] = given["accent"].lower() or None
    options |= {name: _number(given[name]) for name in ("photos", "retention_days")}

    def check(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Invalid as error:
            wrong.extend(error.fields)

    options["allowed_origins"] = check(lambda: sites.normalise_origins(given["origin"].split()))
    options["bbox"] = check(lambda: sites.parse_box(given["bbox"] or None))
    checked = {"discussion", "contact", "consent", "mail_answers"}  # reported above
    columns = {name: value for name, value in options.items() if name not in checked and value is not None}
    check(lambda: sites.check_site(columns))
    if wrong:
        order = list(_DEFAULTS)
        raise Invalid(tuple(sorted(wrong, key=lambda error: order.index(error.field))))
    return options | {"agency_id": given["agency"]}


def _number(text: str) -> int:
    """A number of at most six digits; -1, which no field takes, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else -1


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_form, requires="service.operate"), methods=["GET"]),
    Route(PATH, require_user(add_site, requires="service.operate"), methods=["POST"]),
]

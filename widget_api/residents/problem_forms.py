"""Build the values of the section under a problem's page: the follow form, the comments, the comment form."""

from __future__ import annotations

from typing import Any

from widget_api import clock, i18n
from widget_api.comments import service
from widget_api.comments.model import NAME_LENGTH, TEXT_LENGTH
from widget_api.context import Context
from widget_api.errors import Conflict, FieldError, Invalid
from widget_api.residents import report_form
from widget_api.residents.forms import Form
from widget_api.sites import consent
from widget_api.sites.model import Site

LENGTH_LIMITS = {"name": NAME_LENGTH[1], "text": TEXT_LENGTH[1]}


async def section_values(context: Context, site: Site, number: int, language: str, cursor: str) -> dict[str, Any]:
    """Values of the macro `under` of city/people.html. `cursor` selects a later page of comments."""
    forms = await read_form_values(context, site, language)
    found: dict[str, Any] = {
        "follow": forms,
        "discussion": site.discussion != "off",
        "comments": [],
        "next": None,
        "later": False,
        "comment": None,
        "limits": LENGTH_LIMITS,
    }
    if not found["discussion"]:
        return found
    database = context.database
    page = await service.read_page(database, site, number, cursor)
    found |= {
        "comments": [{**one, "day": _format_day(language, one["at"], site.time_zone)} for one in page["items"]],
        "next": page["next"],
        "later": bool(cursor),
    }
    try:
        await service.find_open_problem(database, site, number)
    except Conflict:
        return found  # merged: comments stay visible, new ones go to the other problem
    return found | {"comment": await read_form_values(context, site, language)}


def _format_day(language: str, at: str, time_zone: str) -> str:
    return i18n.format_day(language, clock.parse_rfc3339(at), time_zone)


FormValues = dict[str, Any]


async def read_form_values(
    context: Context, site: Site, language: str, form: Form | None = None, wrong: Invalid | None = None, token: str = ""
) -> FormValues:
    """Values of a form for the macros of city/people.html. `token` keeps the identifier of a repeated attempt."""
    form = form or Form({})
    document = await consent.current_document(context.database, site, context.settings, language)
    of_name = await consent.current_document(context.database, site, context.settings, language, "publish_name")
    outdated = wrong is not None and any(error.code == "consent_version" for error in wrong.fields)
    return {
        "form": form,
        "token": token or report_form.issue_form_id(context.signer, site),
        "trap": report_form.TRAP_FIELD,
        "consent_version": document.version,
        "name_version": of_name.version,
        "publishing": form.one("publish_name") == "yes" and not outdated,
        "agreed": form.one("consent") == "yes" and not outdated,
        "errors": _error_texts(language, wrong.fields if wrong else ()),
    }


def _error_texts(language: str, wrong: tuple[FieldError, ...]) -> dict[str, str]:
    named = ((report_form.PAGE_FIELDS.get(error.field, error.field), error) for error in wrong)
    sentences: dict[str, str] = {}
    for place, error in named:
        own = f"people.fields.{error.code}_{place}"
        text = i18n.text(language, own, **dict(error.values)) if i18n.has(own) else None
        sentences.setdefault(place, text or i18n.field_error(language, place, error.code, error.values))
    return sentences

"""Serve /cabinet/organisation/templates: the pages of an agency's templates of answers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
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
from widget_api.casework import answer_templates
from widget_api.errors import FieldError, Invalid, NotFound, Refused
from widget_api.people.model import User
from widget_api.problems.lifecycle import LONGEST_TEXT
from widget_api.problems.model import STATUSES, TRANSITIONS

PATH = "/cabinet/organisation/templates"
DEFAULTS = {  # the set that is offered, with the decision of each
    "done": "resolved",
    "planned": "planned",
    "forwarded": "forwarded",
    "explained": "answered",
    "elsewhere": "redirected",
}
MAX_TITLE_LENGTH = 80  # characters
DECISIONS = [status for status in STATUSES if any(status in to for to in TRANSITIONS["agent"].values())]


def _read(fields: Mapping[str, str]) -> dict[str, str | None]:
    """The columns of a template. Raises Invalid with every wrong field."""
    title, text, status = (fields.get(name, "").strip() for name in ("title", "body", "status"))
    wrong = [FieldError(name, "required") for name, value in (("title", title), ("body", text)) if not value]
    for name, value, most in (("title", title, MAX_TITLE_LENGTH), ("body", text, LONGEST_TEXT)):
        if len(value) > most:
            wrong.append(FieldError(name, "too_long", (("max", most),)))
    if unknown := answer_templates.find_unknown(text):
        wrong.append(FieldError("body", "placeholder", (("unknown", ", ".join(dict.fromkeys(unknown))),)))
    if status and status not in DECISIONS:
        wrong.append(FieldError("status", "unknown"))
    if wrong:
        raise Invalid(tuple(wrong))
    return {"title": title, "text": text, "status": status or None}


def _require_changer(handler: Handler) -> Handler:
    async def guarded(request: Request, user: User) -> Response:
        if not user.may("templates.change"):
            raise Refused
        return await handler(request, user)

    return guarded


async def show_templates(
    request: Request, user: User, status: int = 200, *, given: Fields | None = None, wrong: Invalid | None = None
) -> Response:
    """GET /cabinet/organisation/templates, …/{template_id}: the list with the form that adds one, or the form of one.

    Raises NotFound, also for another agency's.
    """
    language = language_of(request, user)
    found = await answer_templates.list_templates(web.context(request).database, user)
    shown = None
    if "template_id" in request.path_params:
        template_id = path_identifier(request, "template_id")
        shown = next((row for row in found if row["id"] == template_id), None)
        if shown is None:
            raise NotFound
    stored = {"title": shown["title"], "body": shown["text"], "status": shown["status"] or ""} if shown else {}
    given = stored if given is None else given
    return render_page(
        request,
        user,
        "templates.html",
        status,
        templates=found,
        shown=shown,
        given={name: given.get(name, "") for name in ("title", "body", "status")},
        names=answer_templates.placeholder_names(language),
        decisions=[(to, i18n.text(language, f"status_action.{to}")) for to in DECISIONS],
        errors=wrong,
        longest={"title": MAX_TITLE_LENGTH, "body": LONGEST_TEXT},
        section="organisation",
        here=request.url.path,
    )


async def add_template(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/templates: one template, or the default set."""
    fields = await session_fields(request)
    try:
        found = _defaults(user.language) if fields.get("do") == "defaults" else [_read(fields)]
        await answer_templates.add(web.context(request).database, user, journal_user(request, user), found)
    except Invalid as error:
        return await show_templates(request, user, 422, given=fields, wrong=error)
    return web.see_other(f"{PATH}?done=1")


def _defaults(language: str) -> list[dict[str, str | None]]:
    names = answer_templates.placeholder_names(language)
    return [
        {
            "title": i18n.text(language, f"answering.default.{code}.title"),
            "text": i18n.text(language, f"answering.default.{code}.text", **names),
            "status": status,
        }
        for code, status in DEFAULTS.items()
    ]


async def change_template(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/templates/{template_id}: change or delete it."""
    fields, template_id = await session_fields(request), path_identifier(request, "template_id")
    try:
        columns, database = None if fields.get("do") == "delete" else _read(fields), web.context(request).database
        await answer_templates.change(database, user, journal_user(request, user), template_id, columns)
    except Invalid as error:
        return await show_templates(request, user, 422, given=fields, wrong=error)
    return web.see_other(f"{PATH}?done=1")


routes: list[BaseRoute] = [
    Route(PATH, require_user(_require_changer(show_templates))),
    Route(PATH, require_user(_require_changer(add_template)), methods=["POST"]),
    Route(PATH + "/{template_id}", require_user(_require_changer(show_templates))),
    Route(PATH + "/{template_id}", require_user(_require_changer(change_template)), methods=["POST"]),
]

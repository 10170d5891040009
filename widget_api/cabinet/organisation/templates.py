"""Serve /cabinet/organisation/templates: an agency's templates of answers, and fill them in for a report.

An answer is public, so that placeholders stand for public facts of the report alone. Their names are words of the
dictionaries; those of every language are good, since colleagues may read the cabinet in different ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, journal, web
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
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, NotFound, Refused
from widget_api.people.model import User
from widget_api.problems.lifecycle import LONGEST_TEXT
from widget_api.problems.model import STATUSES, TRANSITIONS
from widget_api.sites.model import Site

PATH = "/cabinet/organisation/templates"
PLACEHOLDERS = ("number", "category", "address", "date")
DEFAULTS = {  # the set that is offered, with the decision of each
    "done": "resolved",
    "planned": "planned",
    "forwarded": "forwarded",
    "explained": "answered",
    "elsewhere": "redirected",
}
MAX_TITLE_LENGTH = 80  # characters
MAX_TEMPLATES = 100  # per agency
DECISIONS = [status for status in STATUSES if any(status in to for to in TRANSITIONS["agent"].values())]
_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")


# --- placeholders --------------------------------------------------------------------------------------------------


def placeholder_names(language: str) -> dict[str, str]:
    """The name of each placeholder in a language, with its braces."""
    return {code: f"{{{i18n.text(language, f'answering.placeholder.{code}')}}}" for code in PLACEHOLDERS}


def _known_names() -> dict[str, str]:
    return {name: code for language in i18n.LANGUAGES for code, name in placeholder_names(language).items()}


def find_unknown(text: str) -> list[str]:
    known = _known_names()
    return [found[0] for found in _PLACEHOLDER.finditer(text) if _normalise(found) not in known]


def has_placeholder(text: str) -> bool:
    """Whether a text still has a placeholder: one that had no value, such as a missing address."""
    known = _known_names()
    return any(_normalise(found) in known for found in _PLACEHOLDER.finditer(text))


def _normalise(found: re.Match[str]) -> str:
    return f"{{{found[1].strip().lower()}}}"


def fill(text: str, site: Site, problem: Row) -> str:
    """Replace the placeholders by the report's facts, in the site's language. Those without a value stay."""
    category = site.known_category(problem["category"])
    values = {
        "number": str(problem["number"]),
        "category": i18n.category_name(site.language, problem["category"], category.name if category else None),
        "address": problem["address"] or "",
        "date": i18n.format_day(site.language, problem["created_at"], site.time_zone),
    }
    known = _known_names()
    return _PLACEHOLDER.sub(lambda found: values.get(known.get(_normalise(found), ""), "") or found[0], text)


# --- the agency's templates ----------------------------------------------------------------------------------------


async def list_templates(database: Database, user: User) -> list[Row]:
    """The templates of the user's agency, by title."""
    rows = await database.rows(
        "SELECT * FROM answer_templates WHERE agency_id = :agency_id ORDER BY title, id", agency_id=user.agency_id
    )
    return list(rows)


async def list_for(database: Database, user: User, site: Site, problem: Row, to: list[str]) -> list[dict[str, Any]]:
    """The templates that fit one of the decisions `to`, filled in for a report."""
    return [
        {"id": row["id"], "title": row["title"], "status": row["status"], "text": fill(row["text"], site, problem)}
        for row in (await list_templates(database, user) if to else ())
        if row["status"] is None or row["status"] in to
    ]


def insert_text(given: Fields, shown: list[dict[str, Any]]) -> Fields:
    """The fields of a decision with the chosen template behind the text, and its decision where none is chosen."""
    chosen = next((one for one in shown if one["id"] == given.get("template")), None)
    if chosen is None:
        return given
    text = "\n\n".join(part for part in (given.get("text", "").strip(), chosen["text"]) if part)
    return given | {"text": text, "to": given.get("to") or chosen["status"] or ""}


def _read(fields: Mapping[str, str]) -> dict[str, str | None]:
    """The columns of a template. Raises Invalid with every wrong field."""
    title, text, status = (fields.get(name, "").strip() for name in ("title", "body", "status"))
    wrong = [FieldError(name, "required") for name, value in (("title", title), ("body", text)) if not value]
    for name, value, most in (("title", title, MAX_TITLE_LENGTH), ("body", text, LONGEST_TEXT)):
        if len(value) > most:
            wrong.append(FieldError(name, "too_long", (("max", most),)))
    if unknown := find_unknown(text):
        wrong.append(FieldError("body", "placeholder", (("unknown", ", ".join(dict.fromkeys(unknown))),)))
    if status and status not in DECISIONS:
        wrong.append(FieldError("status", "unknown"))
    if wrong:
        raise Invalid(tuple(wrong))
    return {"title": title, "text": text, "status": status or None}


async def add(database: Database, user: User, who: journal.Who, found: list[dict[str, str | None]]) -> None:
    """Add templates. Raises Invalid beyond MAX_TEMPLATES."""

    async def work(tx: Transaction) -> None:
        row = await tx.row("SELECT COUNT(*) FROM answer_templates WHERE agency_id = :agency", agency=user.agency_id)
        if row is not None and row[0] + len(found) > MAX_TEMPLATES:
            raise Invalid((FieldError("title", "too_many", (("max", MAX_TEMPLATES),)),))
        for columns in found:
            template_id = clock.new_id()
            await tx.insert(
                "answer_templates", id=template_id, agency_id=user.agency_id, changed_at=clock.now(), **columns
            )
            await journal.record(tx, "template_added", who, subject=template_id)

    await database.write(work)


async def change(
    database: Database, user: User, who: journal.Who, template_id: str, columns: Mapping[str, str | None] | None
) -> None:
    """Change a template of the user's agency, or delete it (None). Raises NotFound."""
    own = "WHERE id = :id AND agency_id = :agency_id"
    key = {"id": template_id, "agency_id": user.agency_id}

    async def work(tx: Transaction) -> None:
        if columns is None:
            done = await tx.run(f"DELETE FROM answer_templates {own}", **key)
        else:
            done = await tx.run(
                f"UPDATE answer_templates SET title = :title, text = :text, status = :status, changed_at = :now {own}",
                **key,
                **columns,
                now=clock.now(),
            )
        if not done:
            raise NotFound
        kind: journal.Kind = "template_deleted" if columns is None else "template_changed"
        await journal.record(tx, kind, who, subject=template_id)

    await database.write(work)


# --- the pages -----------------------------------------------------------------------------------------------------


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
    found = await list_templates(web.context(request).database, user)
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
        names=placeholder_names(language),
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
        await add(web.context(request).database, user, journal_user(request, user), found)
    except Invalid as error:
        return await show_templates(request, user, 422, given=fields, wrong=error)
    return web.see_other(f"{PATH}?done=1")


def _defaults(language: str) -> list[dict[str, str | None]]:
    names = placeholder_names(language)
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
        columns = None if fields.get("do") == "delete" else _read(fields)
        await change(web.context(request).database, user, journal_user(request, user), template_id, columns)
    except Invalid as error:
        return await show_templates(request, user, 422, given=fields, wrong=error)
    return web.see_other(f"{PATH}?done=1")


routes: list[BaseRoute] = [
    Route(PATH, require_user(_require_changer(show_templates))),
    Route(PATH, require_user(_require_changer(add_template)), methods=["POST"]),
    Route(PATH + "/{template_id}", require_user(_require_changer(show_templates))),
    Route(PATH + "/{template_id}", require_user(_require_changer(change_template)), methods=["POST"]),
]

"""Serve /cabinet/mail: the letters that wait for review, and the decision about each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.cabinet.http import (
    Fields,
    foreign_file,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.casework import held_mail
from widget_api.clock import rfc3339
from widget_api.database import Row
from widget_api.people.model import DECISION_FIELDS, User, read_change
from widget_api.problems.model import NEEDS

PATH = "/cabinet/mail"
_EXCERPT_LENGTH = 240  # characters
_UNTRUSTED = frozenset({"sender", "dmarc", "token"})


async def show_queue(request: Request, user: User) -> Response:
    """GET /cabinet/mail"""
    database, language = web.context(request).database, language_of(request, user)
    rows = await held_mail.read_queue(database, user)
    return render_page(
        request,
        user,
        "letters.html",
        letters=letter_views(language, rows),
        failing=await held_mail.list_failing_agencies(database, user),
        here=PATH,
    )


def letter_views(language: str, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Letters as a queue shows them."""
    return [
        _row_view(language, row, row["time_zone"])
        | {"number": row["number"], "site": row["site_name"], "of": {"language": row["language"]}}
        for row in rows
    ]


def _row_view(language: str, row: Row, time_zone: str) -> dict[str, Any]:
    details, text = orjson.loads(row["details"]), row["text"] or ""
    known = i18n.has(key := f"mailbox.held.{row['reason']}")
    return {
        "id": row["id"],
        "sender": row["sender"] or "",
        "subject": row["subject"] or "",
        "text": text,
        "excerpt": text if len(text) <= _EXCERPT_LENGTH else text[:_EXCERPT_LENGTH].rstrip() + "…",
        "why": i18n.text(language, key if known else "mailbox.held.other"),
        "untrusted": row["reason"] in _UNTRUSTED,
        "attached": details.get("attached", 0),
        "received": i18n.format_moment(language, row["received_at"], time_zone),
        "received_at": rfc3339(row["received_at"]),
        "problem_id": row["problem_id"],
    }


async def show_letter(
    request: Request, user: User, status: int = 200, *, given: Fields | None = None, wrong: errors.Invalid | None = None
) -> Response:
    """GET /cabinet/mail/{letter_id}"""
    context, language = web.context(request), language_of(request, user)
    found = await held_mail.read_letter(context.database, user, path_identifier(request, "letter_id"))
    details = orjson.loads(found.letter["details"])
    read = {
        "to": found.letter["status"] or "",
        "text": found.letter["text"] or "",
        "expected_on": found.letter["expected_on"] or "",
        "responsible": details.get("responsible", ""),
        "duplicate_of": details.get("duplicate_of", ""),
    }
    try:
        attached = await held_mail.list_attachments(context, user, found.letter["id"])
    except errors.Unavailable:  # of the storage; the text can be read without it
        attached = []
    return render_page(
        request,
        user,
        "letter.html",
        status,
        letter=_row_view(language, found.letter, found.site.time_zone),
        of=found.site,
        enclosed=attached,
        needs=NEEDS,
        problem=found.problem,
        choices=[(to, i18n.text(language, f"status_action.{to}")) for to in found.transitions],
        given={name: (given or read).get(name, "") for name in DECISION_FIELDS},
        errors=wrong,
        here=f"{PATH}/{found.letter['id']}",
    )


async def decide_letter(request: Request, user: User) -> Response:
    """POST /cabinet/mail/{letter_id}: `action` accept or decline, with the fields of a decision."""
    fields = await session_fields(request)
    context, letter_id = web.context(request), path_identifier(request, "letter_id")
    if fields.get("action") == "decline":
        await held_mail.decline_letter(context.database, user, letter_id)
        return web.see_other(f"{PATH}?done=refused")
    try:
        await held_mail.accept_letter(context, user, letter_id, read_change(fields))
    except errors.Invalid as error:
        return await show_letter(request, user, 422, given=fields, wrong=error)
    return web.see_other(f"{PATH}?done=taken")


async def get_attachment(request: Request, user: User) -> Response:
    """GET /cabinet/mail/{letter_id}/attached/{place}"""
    found = await held_mail.list_attachments(web.context(request), user, path_identifier(request, "letter_id"))
    place = int(request.path_params["place"])
    media_type = found[place].media_type if place < len(found) else None
    if media_type is None:
        raise errors.NotFound
    return foreign_file(found[place].content, media_type, found[place].name, "attached")


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_queue)),
    Route(PATH + "/{letter_id}", require_user(show_letter)),
    Route(PATH + "/{letter_id}", require_user(decide_letter), methods=["POST"]),
    Route(PATH + "/{letter_id}/attached/{place:int}", require_user(get_attachment)),
]

"""Serve /cabinet/problems/{id}/outside: record an answer that the agency gave the author outside the system.

It is an ordinary decision whose text names the letter. Its files are for the agency alone, unless the official
publishes them: a letter has the author's name and address.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.attachments.documents.model import MAX_DOCUMENTS
from widget_api.cabinet.http import (
    Fields,
    field_errors,
    journal_user,
    language_of,
    path_identifier,
    receive_answer_files,
    render_page,
    require_user,
    session_form,
    to_fields,
)
from widget_api.cabinet.problems.inbox_rows import LIST_PATH
from widget_api.casework import answer_files, bulk, stored_decisions
from widget_api.casework import service as casework
from widget_api.database import Row
from widget_api.errors import Conflict, FieldError, Invalid, Refused
from widget_api.people.model import User, VisibleSite, allowed_transitions
from widget_api.problems.model import ANSWERS, Change
from widget_api.problems.registration import MAX_NUMBER_LENGTH
from widget_api.sites.deadlines import local_date

_FIELDS = ("to", "text", "number", "day", "publish")
_PLACES = {"photos": "to"}  # the field of this form that shows the error of another of a decision


async def _find(request: Request, user: User) -> tuple[VisibleSite, Row, list[str]]:
    """The report and the answers the user may give it. Raises NotFound, Refused."""
    site, row = await casework.find_problem(web.context(request).database, user, path_identifier(request, "problem_id"))
    free = not (row["erased_at"] or row["spam"] or row["mirror_of"])
    to = [status for status in allowed_transitions(user, site, row["status"]) if status in ANSWERS] if free else []
    if not to or not user.may("problems.answer", site):
        raise Refused("transition")
    return site, row, to


async def show_form(
    request: Request,
    user: User,
    status: int = 200,
    *,
    given: Fields | None = None,
    wrong: Invalid | None = None,
    files: answer_files.AnswerFiles | None = None,
    conflict: bool = False,
    refused: str = "",
    undone: bool = False,
) -> Response:
    """GET /cabinet/problems/{problem_id}/outside"""
    site, row, to = await _find(request, user)
    language, files = language_of(request, user), files or answer_files.AnswerFiles()
    given = given or {}
    texts = {"text": i18n.text(site.language, "channels.outside.default"), "to": "answered"}
    return render_page(
        request,
        user,
        "outside.html",
        status,
        number=row["number"],
        seen=row["status_event"],
        site=site,
        decisions=[(one, i18n.text(language, f"status_action.{one}")) for one in to],
        given={name: given.get(name, texts.get(name, "")) for name in _FIELDS},
        errors=field_errors(language, wrong) | files.wrong,
        files=files,
        most=MAX_DOCUMENTS,
        longest=MAX_NUMBER_LENGTH,
        today=local_date(clock.now(), site.time_zone).isoformat(),
        conflict=conflict,
        refused=refused,
        undone=undone,
        back=f"{LIST_PATH}/{row['id']}",
        section="list",
        here=f"{LIST_PATH}/{row['id']}/outside",
    )


async def send_form(request: Request, user: User) -> Response:
    """POST /cabinet/problems/{problem_id}/outside"""
    given, sent = await session_form(request)
    with web.closing_files(one for _, one in sent):
        context, fields = web.context(request), to_fields(given)
        site, row, _ = await _find(request, user)
        letters = [(name, one) for name, one in sent if name == "documents"]
        files = await receive_answer_files(request, user, site.id, row["id"], given, letters)
    try:
        wish = _read_change(site, fields)
        if files.wrong:
            return await show_form(request, user, 422, given=fields, files=files)
        shown, hidden = (files.documented, ()) if fields.get("publish") == "yes" else ((), files.documented)
        wish = replace(wish, documents=shown, internal_documents=hidden)
        seen, who = fields.get("seen", ""), journal_user(request, user)
        site, row = await casework.find_decidable(context.database, user, row["id"], wish, seen=seen)
        if await casework.needs_approval(context.database, user, row, wish):
            raise Refused("approval")
        await casework.check_decision(context.database, user, site, row, wish)
        parameters = stored_decisions.to_parameters(wish, who, form={name: fields.get(name, "") for name in _FIELDS})
        if not await bulk.schedule_decision(context.database, user, row, parameters):
            return await show_form(request, user, 409, given=fields, files=files, conflict=True)
    except Invalid as error:
        moved = tuple(replace(one, field=_PLACES.get(one.field, one.field)) for one in error.fields)
        return await show_form(request, user, 422, given=fields, wrong=Invalid(moved), files=files)
    except Conflict as error:
        if error.code != "problem_changed":
            raise
        return await show_form(request, user, 409, given=fields, files=files, conflict=True)
    except Refused as error:
        if error.code != "approval":
            raise
        refused = i18n.text(language_of(request, user), "channels.outside.approval")
        return await show_form(request, user, 409, given=fields, files=files, refused=refused)
    return web.see_other(f"{LIST_PATH}/{row['id']}?done=waits")


def _read_change(site: VisibleSite, fields: Fields) -> Change:
    """The decision, whose text is the official's sentence and the letter. Raises Invalid with every wrong field."""
    to, number, day = fields.get("to", ""), " ".join(fields.get("number", "").split()), fields.get("day", "").strip()
    wrong = []
    if to not in ANSWERS:
        wrong.append(FieldError("to", "required"))
    if not number or len(number) > MAX_NUMBER_LENGTH:
        wrong.append(FieldError("number", "too_long" if number else "required", (("max", MAX_NUMBER_LENGTH),)))
    if not clock.is_date(day):
        wrong.append(FieldError("day", "date" if day else "required"))
    elif day > local_date(clock.now(), site.time_zone).isoformat():
        wrong.append(FieldError("day", "date_future"))
    if wrong:
        raise Invalid(tuple(wrong))
    letter = i18n.text(
        site.language, "channels.outside.line", number=number, date=i18n.format_date(site.language, day, today=date.min)
    )
    text = "\n\n".join(part for part in (fields.get("text", "").strip(), letter) if part)
    return Change(to="resolved" if to == "resolved" else "answered", text=text, outside=True)


PATH = f"{LIST_PATH}/{{problem_id}}/outside"
routes: list[BaseRoute] = [
    Route(PATH, require_user(show_form)),
    Route(PATH, require_user(send_form), methods=["POST"]),
]

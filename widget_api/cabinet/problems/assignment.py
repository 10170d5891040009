"""Assign a report to a colleague; what a service does with a report assigned to it: report the work, or return it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet.http import (
    path_identifier,
    receive_answer_files,
    require_user,
    session_fields,
    session_form,
    to_fields,
)
from widget_api.cabinet.problems.inbox_routes import end_form, redirect_done, show_problem
from widget_api.cabinet.problems.inbox_rows import LIST_PATH
from widget_api.casework import drafts
from widget_api.casework import service as casework
from widget_api.errors import Invalid, Refused
from widget_api.people.model import User, VisibleSite
from widget_api.problems import assignment

FILE_FIELDS = ("photo", "photos", "photo_remove")


async def assign_colleague(request: Request, user: User) -> Response:
    """POST /cabinet/problems/{problem_id}/assign"""
    fields, problem_id = await session_fields(request, "user"), path_identifier(request, "problem_id")
    try:
        await casework.assign_colleague(web.context(request).database, user, problem_id, fields.get("user", ""))
    except Invalid as error:
        return await show_problem(request, user, 422, given=fields, wrong=error)
    return web.see_other(redirect_done(request, problem_id, "assigned"))


async def report_work(request: Request, user: User) -> Response:
    """POST /cabinet/problems/{problem_id}/work: the service's draft of the answer, with photos."""
    database, problem_id = web.context(request).database, path_identifier(request, "problem_id")
    sent_form, sent = await session_form(request, own=("work_text", *FILE_FIELDS))
    with web.closing_files(one for _, one in sent):
        fields = to_fields(sent_form)
        site, _ = await casework.find_problem(database, user, problem_id)
        service_id = _require_service(user, site)
        files = await receive_answer_files(request, user, site.id, problem_id, sent_form, sent)
        wrong: Invalid | None = None
        if not files.wrong:
            try:
                text, photos = fields.get("work_text", ""), files.attached
                await assignment.report_work(database, user.actor, site.id, problem_id, service_id, text, photos)
                return await end_form(request, user, problem_id, "work_text", "reported")
            except Invalid as error:
                wrong = error
        return await show_problem(request, user, 422, given=fields, files=files, wrong=wrong)


async def return_report(request: Request, user: User) -> Response:
    """POST /cabinet/problems/{problem_id}/return"""
    fields, problem_id = await session_fields(request, "return_reason"), path_identifier(request, "problem_id")
    database = web.context(request).database
    site, _ = await casework.find_problem(database, user, problem_id)
    service_id = _require_service(user, site)
    try:
        await assignment.return_report(
            database, user.actor, site.id, problem_id, service_id, fields.get("return_reason", "")
        )
    except Invalid as error:
        return await show_problem(request, user, 422, given=fields, wrong=error)
    await drafts.delete_draft(database, user, problem_id)
    return web.see_other(LIST_PATH)


def _require_service(user: User, site: VisibleSite) -> str:
    """The user's agency, where it works on the report as a service. Raises Refused."""
    if site.assigned_to is None or not user.may("problems.decide"):
        raise Refused
    return site.assigned_to


routes: list[BaseRoute] = [
    Route("/cabinet/problems/{problem_id}/assign", require_user(assign_colleague), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/work", require_user(report_work), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/return", require_user(return_report), methods=["POST"]),
]

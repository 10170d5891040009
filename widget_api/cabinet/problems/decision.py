"""Decide about a report: set a status, extend its due date, keep a draft, submit it to a head or return it.

A decision after which nobody works on the report waits a minute, in which it can be undone (bulk).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.attachments.links import make_document_token
from widget_api.cabinet.http import (
    Fields,
    journal_user,
    language_of,
    path_identifier,
    receive_answer_files,
    require_user,
    session_fields,
    session_form,
    to_fields,
)
from widget_api.cabinet.problems import outside_answer
from widget_api.cabinet.problems.inbox_routes import OTHER_FIELDS, redirect_done, show_problem
from widget_api.cabinet.problems.inbox_rows import TODAY_PATH
from widget_api.casework import answer_files, bulk, drafts, letter_preview, stored_decisions, weak_answers
from widget_api.casework import service as casework
from widget_api.people.model import FINAL_STATUSES, User, read_decision
from widget_api.problems.model import Change


async def decide_problem(request: Request, user: User) -> Response:
    """POST /cabinet/problems/{problem_id}: a decision with text, photos and documents.

    A rejected form is shown again with all of them. So it is where another button of the form was pressed (`do`):
    insert a template, preview the author's letter, keep or discard the draft.
    """
    context, problem_id = web.context(request), path_identifier(request, "problem_id")
    database = context.database
    sent_form, sent = await session_form(request, beside=OTHER_FIELDS)
    with web.closing_files(one for _, one in sent):
        fields, files = to_fields(sent_form), answer_files.AnswerFiles()
        try:
            site, row = await casework.find_problem(database, user, problem_id)
        except errors.NotFound:
            await casework.check_decided_meanwhile(database, user, problem_id, fields.get("seen", ""))
            raise
        if sent or any(name in ("photo", "document") for name, _ in sent_form):
            casework.require_decidable(user, site, row)
            files = await receive_answer_files(request, user, site.id, problem_id, sent_form, sent)
        again = partial(show_problem, request, user, given=fields, files=files)
        match fields.get("do", ""):
            case "template":
                return await again()
            case "draft" if not files.wrong:
                casework.require_actor(user, site, row)
                await drafts.save_draft(database, user, site.id, problem_id, fields, files)
                return web.see_other(redirect_done(request, problem_id, "drafted"))
            case "discard":
                await drafts.delete_draft(database, user, problem_id)
                return web.see_other(redirect_done(request, problem_id, "discarded"))
        try:
            wish = replace(read_decision(fields), photos=files.attached, documents=files.documented)
            if files.wrong:
                return await again(422)
            if fields.get("do") == "preview":
                return await again(letter=await letter_preview.preview_letter(context, user, problem_id, wish, files))
            seen = fields.get("seen", "")
            await casework.find_decidable(database, user, problem_id, wish, seen=seen)
            gaps = weak_answers.find_gaps(wish.text or "", wish.to if isinstance(wish, Change) else "", site.language)
            if gaps and fields.get("anyway") != "yes":
                return await again(422, gaps=gaps)
            who = journal_user(request, user)
            if await casework.needs_approval(database, user, row, wish):
                await casework.check_decision(database, user, site, row, wish)
                await drafts.save_draft(database, user, site.id, problem_id, fields, files, submitted_by=who)
                return web.see_other(redirect_done(request, problem_id, "submitted"))
            approves = fields.get("approves", "")
            if isinstance(wish, Change) and wish.to in FINAL_STATUSES:
                await casework.check_decision(database, user, site, row, wish)
                await drafts.check_approved(database, user, problem_id, approves)
                await drafts.save_draft(database, user, site.id, problem_id, fields, files)  # what «undo» shows again
                parameters = stored_decisions.to_parameters(wish, who, approves=approves)
                waits = await bulk.schedule_decision(database, user, row, parameters)
                return web.see_other(redirect_done(request, problem_id, "waits" if waits else "busy"))
            await stored_decisions.decide(database, user, who, problem_id, wish, seen=seen, approves=approves)
        except errors.Invalid as error:
            return await again(422, wrong=error)
        except errors.Conflict as error:
            if error.code != "problem_changed":
                raise
            return await again(409, conflict=True)
    if site.undecided_before is not None:  # the operator may not read it any more
        return web.see_other(f"{TODAY_PATH}?done={wish.to if isinstance(wish, Change) else ''}")
    return web.see_other(redirect_done(request, problem_id))


async def undo_decision(request: Request, user: User) -> Response:
    """POST /cabinet/problems/{problem_id}/undo: the user's own decision while it waits. Its form is shown again."""
    await session_fields(request)
    context, problem_id = web.context(request), path_identifier(request, "problem_id")
    site, _ = await casework.find_problem(context.database, user, problem_id)
    waiting = await bulk.find_waiting(context.database, user, problem_id)
    if waiting is None or not waiting.own:
        return web.see_other(redirect_done(request, problem_id, "late"))
    undone = await bulk.discard_bulk(context.database, user.id, waiting.bulk_id)
    if undone and waiting.form is not None:
        tokens = [("document", make_document_token(context.signer, problem_id, one)) for one in waiting.documents]
        files = await answer_files.list_received(context, site.id, problem_id, tokens)
        return await outside_answer.show_form(request, user, given=waiting.form, files=files, undone=True)
    return web.see_other(redirect_done(request, problem_id, "undone" if undone else "late"))


async def autosave_draft(request: Request, user: User) -> Response:
    """POST /cabinet/problems/{problem_id}/draft: the fields of the page's forms, sent by its script.

    Answers with what the page says of it: `saved`, and `others` who write about the same report.
    """
    context, problem_id = web.context(request), path_identifier(request, "problem_id")
    language = language_of(request, user)
    given, sent = await session_form(request, files=0)
    with web.closing_files(one for _, one in sent):
        site, row = await casework.find_problem(context.database, user, problem_id)
        casework.require_actor(user, site, row)
        files = await answer_files.list_received(context, site.id, problem_id, given)
        await drafts.save_draft(context.database, user, site.id, problem_id, to_fields(given), files)
        own, others = await drafts.list_drafts(context.database, user, problem_id)
    saved = own and i18n.text(
        language, "answering.draft.saved", moment=i18n.format_moment(language, own.changed_at, site.time_zone)
    )
    typing = [i18n.text(language, "answering.draft.typing", name=one.name) for one in others if one.is_typing]
    return web.json_response({"saved": saved or "", "others": " ".join(typing)}, headers={"Cache-Control": "no-store"})


async def return_draft(request: Request, user: User) -> Response:
    """POST /cabinet/problems/{problem_id}/draft/return: a colleague's submitted draft, with a remark."""
    fields: Fields = await session_fields(request, "remark", "author")
    problem_id, database = path_identifier(request, "problem_id"), web.context(request).database
    site, _ = await casework.find_problem(database, user, problem_id)
    if not user.may("drafts.approve"):
        raise errors.Refused
    try:
        who, author_id, remark = journal_user(request, user), fields.get("author", ""), fields.get("remark", "")
        await drafts.return_draft(database, user, who, site.id, problem_id, author_id, remark)
    except errors.Invalid as error:
        return await show_problem(request, user, 422, given=fields, wrong=error)
    return web.see_other(redirect_done(request, problem_id, "returned"))


routes: list[BaseRoute] = [
    Route("/cabinet/problems/{problem_id}", require_user(decide_problem), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/undo", require_user(undo_decision, keeps=False), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/draft", require_user(autosave_draft, keeps=False), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/draft/return", require_user(return_draft), methods=["POST"]),
]

"""The pages and forms of the cabinet: the list, one report."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, journal, web
from widget_api.attachments.documents import service as documents
from widget_api.attachments.documents.model import MAX_DOCUMENTS as MOST_DOCUMENTS
from widget_api.cabinet import answer_files, inbox_rows, inbox_service, problem_view
from widget_api.cabinet import comments_service as discussion
from widget_api.cabinet import comments_view as discussion_view
from widget_api.cabinet.http import (
    FILES,
    LIMIT,
    PHOTOS,
    Fields,
    fields_of,
    find_user,
    identifier,
    language_of,
    page,
    session_fields,
    session_form,
    signed_in,
    who,
)
from widget_api.people.model import DECISION_FIELDS, Selection, User, read_change
from widget_api.problems import pictures
from widget_api.problems.model import NEEDS
from widget_api.sites import service as sites
from widget_api.sites.model import Site

# --- the list --------------------------------------------------------------------------------------------------------


async def inbox(request: Request, user: User) -> Response:
    return page(request, user, "list.html", **await _list(request, user))


async def _list(request: Request, user: User) -> dict[str, Any]:
    """What the list shows, alone or beside a problem."""
    context, language = web.context(request), language_of(request, user)
    found = await inbox_service.read_inbox(context.database, user, Selection.read(request.query_params))
    of_rows = await _sites(request, {str(row["site_id"]) for row in found.rows})
    return {
        "found": found,
        "lines": inbox_rows.lines(language, found, of_rows),
        "thumbs": {row["id"]: pictures.thumb_url(context, row["photos"]) for row in found.rows},
        "tabs": inbox_rows.tabs(found),
        "poll": inbox_rows.address_of(found.selection, "/cabinet/version"),
        "here": inbox_rows.address_of(found.selection),
        "older": inbox_rows.older(found),
        "newest": inbox_rows.newest(found),
    }


async def _sites(request: Request, site_ids: set[str]) -> dict[str, Site]:
    return {site_id: await sites.by_id(web.context(request).database, site_id) for site_id in site_ids}


async def version(request: Request) -> Response:
    """Whether the list may look different by now; asked for every second or so, answered with 304 if not."""
    database, user = web.context(request).database, await find_user(request)
    if user is None:
        return Response(status_code=401, headers={"Cache-Control": "no-store"})
    text = await inbox_service.inbox_version(database, user, Selection.read(request.query_params))
    headers = {"ETag": f'"{text}"', "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    if f'"{text}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(text, headers=headers, media_type="text/plain")


# --- one report ------------------------------------------------------------------------------------------------------


async def problem(request: Request, user: User) -> Response:
    return await _problem(request, user)


async def _problem(
    request: Request,
    user: User,
    status: int = 200,
    *,
    given: Fields | None = None,
    wrong: errors.Invalid | None = None,
    conflict: bool = False,
    files: answer_files.Files | None = None,
    refused: str = "",
) -> Response:
    context, language = web.context(request), language_of(request, user)
    database = context.database
    dossier = await inbox_service.read_problem(database, user, identifier(request, "problem_id"))
    site = await sites.by_id(database, dossier.site.id)
    if user.sees_contacts and problem_view.has_contact(dossier):
        subject = dossier.row["id"]
        await journal.note(database, "contact_read", who(request, user), subject=subject, site_id=site.id)
    given, photos = given or {}, await _photos(request, dossier.row["id"])
    if files is None and request.state.restored is not None:  # those that had been taken in when the form was sent
        files = await answer_files.kept(context, site.id, dossier.row["id"], request.state.restored.fields)
    talk = await discussion.under(database, user, dossier.site, dossier.row)
    selection, path = Selection.read(request.query_params), f"/cabinet/problems/{dossier.row['id']}"
    return page(
        request,
        user,
        "problem.html",
        status,
        **await _list(request, user),
        dossier=dossier,
        problem=problem_view.problem(language, dossier, site),
        photos=[one for one in photos if one["role"] == "report"],
        every_photo=photos,
        action=inbox_rows.address_of(selection, path),
        spam_action=inbox_rows.address_of(selection, f"{path}/spam"),
        needs=NEEDS,
        entries=problem_view.entries(language, dossier),
        sent=problem_view.sent(language, dossier.deliveries),
        ask_action=inbox_rows.address_of(selection, f"{path}/ask"),
        talk=talk,
        comments=discussion_view.comments(language, talk.rows, talk.may) if talk else [],
        say_action=inbox_rows.address_of(selection, f"{path}/comment"),
        read_action=inbox_rows.address_of(selection, f"{path}/read"),
        given={name: given.get(name, "") for name in (*DECISION_FIELDS, "question", "comment")},
        refused=refused,
        documents=documents.signed_documents(
            context, await documents.list_attached(database, site.id, dossier.row["id"])
        ),
        files=(files := files or answer_files.Files()),
        most={"photos": PHOTOS, "documents": MOST_DOCUMENTS},
        errors=problem_view.field_errors(language, wrong) | files.wrong,
        conflict=problem_view.latest_status(language, dossier) if conflict else None,
        done=request.query_params.get("done", ""),
    )


async def _photos(request: Request, problem_id: str) -> list[dict[str, Any]]:
    context = web.context(request)
    return pictures.gallery(context, await pictures.list_pictures(context.database, problem_id))


async def decide(request: Request, user: User) -> Response:
    """The decision with its text, photos and documents; a refused form gives back all of them."""
    context, problem_id, language = web.context(request), identifier(request, "problem_id"), language_of(request, user)
    sent_form, sent = await session_form(request, LIMIT, FILES, beside=("question", "comment"))
    with web.closing_files(one for _, one in sent):
        fields = fields_of(sent_form)
        files = answer_files.Files()
        if sent or any(name in ("photo", "document") for name, _ in sent_form):
            site_id = await inbox_service.answers_for(context.database, user, problem_id)
            files = await answer_files.kept(context, site_id, problem_id, sent_form)
            taking = answer_files.take(context, site_id, problem_id, files, sent, language, web.client_network(request))
            await web.cancel_on_disconnect(request, taking)
        again = partial(_problem, request, user, given=fields, files=files)
        try:
            wish = replace(read_change(fields), photos=files.attached, documents=files.documented)
            if files.wrong:
                return await again(422)
            await inbox_service.decide(context.database, user, problem_id, wish, seen=fields.get("seen", ""))
        except errors.Invalid as error:
            return await again(422, wrong=error)
        except errors.Conflict as error:
            if error.code != "problem_changed":
                raise
            return await again(409, conflict=True)
    return web.see_other(_done(request, problem_id))


async def ask(request: Request, user: User) -> Response:
    fields = await session_fields(request, "question")
    problem_id = identifier(request, "problem_id")
    try:
        await inbox_service.ask(web.context(request).database, user, problem_id, fields.get("question", ""))
    except errors.Invalid as error:
        return await _problem(request, user, 422, given=fields, wrong=error)
    except errors.Refused as error:
        if error.code == "refused":
            raise
        return await _problem(
            request, user, 409, given=fields, refused=web.error_detail(language_of(request, user), error)
        )
    return web.see_other(_done(request, problem_id, "asked"))


async def say(request: Request, user: User) -> Response:
    """The agency's own comment, public at once."""
    fields = await session_fields(request, "comment")
    problem_id = identifier(request, "problem_id")
    try:
        await discussion.say(web.context(request).database, user, problem_id, fields.get("comment", ""))
    except errors.Invalid as error:
        named = errors.Invalid(tuple(replace(wrong, field="comment") for wrong in error.fields))
        return await _problem(request, user, 422, given=fields, wrong=named)
    return web.see_other(_done(request, problem_id, "said"))


async def read_reply(request: Request, user: User) -> Response:
    await session_fields(request)
    problem_id = identifier(request, "problem_id")
    await inbox_service.read_reply(web.context(request).database, user, problem_id)
    return web.see_other(_done(request, problem_id, "read"))


async def mark_spam(request: Request, user: User) -> Response:
    fields = await session_fields(request)
    problem_id = identifier(request, "problem_id")
    await inbox_service.mark_spam(web.context(request).database, user, problem_id, fields.get("spam") == "yes")
    return web.see_other(_done(request, problem_id))


def _done(request: Request, problem_id: str, deed: str = "decided") -> str:
    return inbox_rows.address_of(Selection.read(request.query_params), f"/cabinet/problems/{problem_id}", done=deed)


async def root(request: Request) -> Response:
    return web.see_other(inbox_rows.LIST)


routes: list[BaseRoute] = [
    Route("/", root),  # who opens the bare address works here; residents come by links
    Route("/cabinet", root),
    Route("/cabinet/", signed_in(inbox)),
    Route("/cabinet/version", version),
    Route("/cabinet/problems/{problem_id}", signed_in(problem)),
    Route("/cabinet/problems/{problem_id}", signed_in(decide), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/ask", signed_in(ask), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/comment", signed_in(say), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/read", signed_in(read_reply), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/spam", signed_in(mark_spam), methods=["POST"]),
]

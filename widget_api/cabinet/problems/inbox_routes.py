"""Serve what waits today, the list of reports, and one report with its forms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.attachments.documents import service as documents
from widget_api.attachments.documents.model import MAX_DOCUMENTS as MOST_DOCUMENTS
from widget_api.browse import similar
from widget_api.cabinet.http import (
    Fields,
    field_errors,
    find_user,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
    version_response,
)
from widget_api.cabinet.organisation import first_steps
from widget_api.cabinet.problems import (
    author_search,
    comments,
    correction,
    inbox_rows,
    list_map,
    participation,
)
from widget_api.cabinet.problems import photos as photo_pages
from widget_api.cabinet.problems import view as problem_view
from widget_api.casework import (
    answer_files,
    answer_templates,
    bulk,
    drafts,
    letter_preview,
    notes,
    queries,
    saved_views,
)
from widget_api.casework import comments as discussion
from widget_api.casework import service as casework
from widget_api.casework.assignment_view import Assignment
from widget_api.casework.selection import Selection
from widget_api.database import Row
from widget_api.people import journal_store
from widget_api.people.model import DECISION_FIELDS, User
from widget_api.problems import extension, pictures
from widget_api.problems.model import NEEDS
from widget_api.registration import store as registration
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

# The paths of a report's forms below its own.
_FORMS = (
    "ask",
    "assign",
    "comment",
    "document",
    "draft",
    "draft/return",
    "note",
    "read",
    "return",
    "spam",
    "undo",
    "work",
)
# The fields of the page's other forms, which are sent with the decision's.
OTHER_FIELDS = ("question", "comment", "note", "work_text", "return_reason", "remark")
_FORMER_PARAMETERS = {"tab", "q", "site", "after"}
MAX_OFFERED_SITES = 50  # whose categories the filter offers

# --- today -----------------------------------------------------------------------------------------------------------


async def show_today(request: Request, user: User) -> Response:
    context, language = web.context(request), language_of(request, user)
    if _FORMER_PARAMETERS & request.query_params.keys():  # bookmarks of the time when the list was here
        return web.see_other(f"{inbox_rows.LIST_PATH}?{request.url.query}")
    today = await casework.read_today(context.database, user)
    steps = await first_steps.read_steps(context, user, language)
    rows = [row for section in today.sections for row in section.rows]
    sites_by_id = await _sites_by_id(request, {str(row["site_id"]) for row in rows})
    return render_page(
        request,
        user,
        "today.html",
        today=today,
        bulks=await bulk.list_bulks(context.database, user),
        query="?from=today",
        steps=steps,
        wanted=(
            await registration.list_unanswered(context.database, user.agency_id)
            if user.agency_id is not None and user.may("organisation.manage")
            else ()
        ),
        version=first_steps.add_version(today.version, steps),
        date=i18n.format_weekday(language, local_date(today.now, today.sites[0].time_zone if today.sites else "UTC")),
        sections=[
            {
                "name": section.name,
                "href": inbox_rows.selection_url(section.selection),
                "count": section.count,
                "many": inbox_rows.count_text(section.count) or "0",
                "lines": inbox_rows.inbox_rows(language, section.rows, section.selection, today, sites_by_id),
            }
            for section in today.sections
        ],
        thumbs=_thumbs(request, rows),
        poll="/cabinet/version?steps=1" if steps else "/cabinet/version",
        here=inbox_rows.TODAY_PATH,
    )


def _thumbs(request: Request, rows: Iterable[Row]) -> dict[str, str | None]:
    return {row["id"]: pictures.thumb_url(web.context(request), row["photos"]) for row in rows}


# --- the list --------------------------------------------------------------------------------------------------------


async def show_inbox(request: Request, user: User) -> Response:
    """GET /cabinet/problems?{selection}"""
    context, values = web.context(request), await _list_values(request, user)
    found: casework.Inbox = values["found"]
    chosen, reader = replace(found.selection, after=None), context.database.in_threads()
    of = casework.select_sites(found.sites, chosen)
    decides = any(site.assigned_to is None and site.undecided_before is None for site in of)
    chooses = user.may("problems.decide") and decides and not chosen.view and chosen.responder != "platform"
    total = sum(row["mirror_of"] is None for row in found.rows)
    if chooses and (found.next or found.selection.after):
        every, most = bulk.choose_all(chosen), bulk.MAX_REPORTS + 1
        total = await queries.count_problems(reader, of, every, found.now, most=most)
    if chosen.view == "map":
        most, settings = list_map.MAX_REPORTS, context.settings
        rows, more = await queries.read_page(reader, of, chosen, found.now, columns=list_map.COLUMNS, most=most)
        zoom = settings.tiles_zoom if settings.tiles else None
        values["map"] = list_map.draw_map(language_of(request, user), rows, chosen, zoom)
        values["map_limit"] = most if more else 0
        values["attribution"] = settings.tiles_attribution if settings.tiles else ""
    return render_page(
        request,
        user,
        "list.html",
        **values,
        bulks=await bulk.list_bulks(context.database, user),
        views=[
            (name, inbox_rows.selection_url(selection), shown)
            for name, selection, shown in await saved_views.list_views(context.database, user, found)
        ],
        plain=chosen.parameters().keys() <= {"view"},
        switch=[(view, inbox_rows.selection_url(replace(chosen, view=view))) for view in ("", "map")],
        chooses=chooses,
        total=total,
        max_reports=bulk.MAX_REPORTS,
        forms={
            name: inbox_rows.selection_url(found.selection, f"/cabinet/{name}")
            for name in ("bulk", "views", "views/delete")
        },
        query=inbox_rows.selection_url(found.selection, ""),
    )


async def _list_values(request: Request, user: User) -> dict[str, Any]:
    """Values of the list, alone or beside a report."""
    context, language = web.context(request), language_of(request, user)
    found = await casework.read_inbox(context.database, user, author_search.read_selection(request, user))
    chosen = found.selection
    assignees = await casework.list_assignees(context.database, user, found)
    offered = [site.id for site in found.sites if chosen.site_id in (None, site.id)][:MAX_OFFERED_SITES]
    of_rows = await _sites_by_id(request, {*offered, *(str(row["site_id"]) for row in found.rows)})
    return {
        "found": found,
        "lines": inbox_rows.inbox_rows(language, found.rows, found.selection, found, of_rows),
        "thumbs": _thumbs(request, found.rows),
        "tabs": inbox_rows.tab_links(found),
        "chips": inbox_rows.filter_chips(language, found, of_rows, assignees),
        "options": inbox_rows.filter_options(language, found, of_rows) | assignees,
        "by_author": inbox_rows.selection_url(replace(chosen, after=None, author=""), author_search.PATH)
        if author_search.may_search(user, found.sites)
        else "",
        "chosen": chosen.fields(),
        "clear": inbox_rows.selection_url(Selection(tab=chosen.tab)),
        "export": {
            kind: inbox_rows.selection_url(replace(chosen, after=None), f"{inbox_rows.LIST_PATH}.{kind}")
            for kind in ("xlsx", "csv")
            if user.may("problems.export")
        },
        "poll": inbox_rows.selection_url(found.selection, "/cabinet/version"),
        "here": inbox_rows.selection_url(found.selection),
        "older": inbox_rows.selection_url(replace(chosen, after=found.next)) if found.next else "",
        "newest": inbox_rows.selection_url(replace(chosen, after=None)) if chosen.after else "",
    }


async def _sites_by_id(request: Request, site_ids: set[str]) -> dict[str, Site]:
    return {site_id: await sites.by_id(web.context(request).database, site_id) for site_id in site_ids}


async def get_version(request: Request) -> Response:
    """The version of the list, which pages poll every second; 304 where it is unchanged."""
    database, user = web.context(request).database, await find_user(request)
    if user is None:
        return Response(status_code=401, headers={"Cache-Control": "no-store"})
    selection = Selection.read(request.query_params)
    version = await casework.read_version(database, user, selection)
    if "steps" in request.query_params:
        steps = await first_steps.read_steps(web.context(request), user, language_of(request, user))
        version = first_steps.add_version(version, steps)
    return version_response(request, version)


# --- one report ------------------------------------------------------------------------------------------------------


async def show_problem(
    request: Request,
    user: User,
    status: int = 200,
    *,
    given: Fields | None = None,
    wrong: errors.Invalid | None = None,
    conflict: bool = False,
    files: answer_files.AnswerFiles | None = None,
    refused: str = "",
    letter: letter_preview.LetterPreview | None = None,
    gaps: list[str] | None = None,
) -> Response:
    """The page of a report; a rejected form is shown with what was typed (`given`), its files and errors."""
    context, language = web.context(request), language_of(request, user)
    database = context.database
    dossier = await casework.read_problem(database, user, path_identifier(request, "problem_id"))
    site = await sites.by_id(database, dossier.site.id)
    people = await participation.read_participants(database, user, language, dossier.site, site, dossier.row)
    if user.may("contacts.read") and (problem_view.has_contact(dossier) or (people and people.rows)):
        subject = dossier.row["id"]
        await journal_store.note_contact_read(database, journal_user(request, user), subject, site.id)
    given, photos = given or {}, await _photos(request, user, dossier)
    if files is None and request.state.restored is not None:  # those received when the form was sent
        files = await answer_files.list_received(context, site.id, dossier.row["id"], request.state.restored.fields)
    own, others = await drafts.list_drafts(database, user, dossier.row["id"])
    submitted = (
        next((one for one in others if one.submitted_at is not None), None) if user.may("drafts.approve") else None
    )
    if submitted is not None and (own is None or own.fields.get("approves") != submitted.version):
        own = None  # it is no correction of what waits for approval now
    if not given and request.state.restored is None and (draft := own or submitted):
        given, files = dict(draft.fields), await drafts.list_files(context, site.id, dossier.row["id"], draft)
        given |= {"approves": submitted.version} if submitted else {}
    entries, objection = problem_view.entry_views(language, dossier, site)
    talk = await discussion.read_discussion(database, user, dossier.site, dossier.row)
    selection, path = Selection.read(request.query_params), f"/cabinet/problems/{dossier.row['id']}"
    shown_templates = await answer_templates.list_for(database, user, site, dossier.row, dossier.transitions)
    if given.get("do") == "template":
        given = answer_templates.insert_text(given, shown_templates)
    reasons = problem_view.reject_reasons(language, site)
    given = problem_view.insert_reason(given, reasons)
    return render_page(
        request,
        user,
        "problem.html",
        status,
        **await _list_values(request, user),
        site=site if site.collection else None,
        dossier=dossier,
        responsible_agency=site.agency.name,
        problem=problem_view.problem_view(language, dossier, site),
        photos=[one for one in photos if one["role"] == "report"],
        every_photo=photos,
        may_correct=correction.may_correct(user, dossier.site, dossier.row),
        may_change_photos=photo_pages.may_change_photos(user, dossier.site, dossier.row) and bool(photos),
        action=inbox_rows.selection_url(selection, path),
        near=await _list_near(request, dossier, site),
        actions={name: inbox_rows.selection_url(selection, f"{path}/{name}") for name in _FORMS},
        rule_text=problem_view.rule_text(language, dossier.assignment.rule),
        planned_rule_text=problem_view.rule_text(language, dossier.assignment.rule, planned=True),
        service_due=i18n.format_date(language, dossier.assignment.due) if dossier.assignment.due else "",
        drafts=problem_view.draft_views(language, own, others, entries, site.time_zone),
        submitted=submitted,
        may_extend=casework.may_extend(user, dossier.site, dossier.row),
        extension_limit=i18n.format_date(language, extension.last_date(dossier.row)),
        approved=await casework.list_approved(database, user),
        needs=NEEDS,
        reasons=reasons,
        entries=entries,
        objection=objection,
        sent=problem_view.delivery_rows(language, dossier.deliveries, dossier.row),
        people=people,
        talk=talk,
        comments=comments.comment_views(language, talk.rows, talk.may) if talk else [],
        notes=await notes.list_notes(database, user, language, dossier.row["id"], site.time_zone)
        if dossier.site.is_own
        else [],
        may_note=notes.may_write(user, dossier.site),
        templates=shown_templates,
        may_change_templates=user.may("templates.change"),
        letter=letter,
        gaps=gaps or [],
        may_register=casework.may_register(user, dossier.site, dossier.row),
        document=[given.get(name, dossier.row[name] or "") for name in ("document_number", "document_date")],
        unsaved=letter is not None or bool(gaps) or given.get("do") == "template",
        given=_given_values(dossier.assignment, given),
        refused=refused,
        documents=documents.signed_documents(
            context,
            await documents.list_attached(
                database, site.id, dossier.row["id"], internal=user.may("contacts.read", dossier.site)
            ),
        ),
        files=(files := files or answer_files.AnswerFiles()),
        most={"photos": answer_files.MAX_PHOTOS, "documents": MOST_DOCUMENTS},
        errors=field_errors(language, wrong) | files.wrong,
        conflict=problem_view.latest_status(language, dossier, site) if conflict else None,
        undoable=(undoable := await bulk.find_waiting(database, user, dossier.row["id"])),
        waits=undoable is not None and not undoable.failed,
    )


def _given_values(work: Assignment, given: Fields) -> Fields:
    """The values of the page's forms. The draft of a service that reported its work begins the answer."""
    names = (*DECISION_FIELDS, *OTHER_FIELDS, "approves")
    draft = {"text": work.service_text} if work.outcome == "reported" and not given else {}
    return {name: given.get(name, "") for name in names} | draft


async def _list_near(request: Request, dossier: casework.ProblemDetail, site: Site) -> list[dict[str, Any]]:
    """Open published reports near by, or at the same address where this one has no point, into which it may be merged:
    first those of its category."""
    context, row = web.context(request), dossier.row
    if "duplicate" not in dossier.transitions:
        return []
    database, today = context.database, local_date(dossier.now, site.time_zone)
    if row["lat"] is None:
        address, public_url = row["address"] or "", context.settings.public_url
        items = await similar.at_address(database, site, address, row["category"], today, public_url)
    else:
        codes = [row["category"], *(one.code for one in site.categories if one.code != row["category"])]
        place = (row["lat"], row["lng"])
        items = (await similar.near(database, site, place, codes, today, context.settings.public_url))["items"]
    return [item for item in items if item["number"] != row["number"]]


async def _photos(request: Request, user: User, dossier: casework.ProblemDetail) -> list[dict[str, Any]]:
    """The photos of the events that the user may read; those that the agency hid are its own alone."""
    context, seen = web.context(request), {event["id"] for event in dossier.timeline}
    rows = await pictures.list_pictures(context.database, dossier.row["id"])
    may_see_hidden = user.may("contacts.read", dossier.site)
    shown = [row for row in rows if row["event_id"] in seen and (row["role"] != "hidden" or may_see_hidden)]
    return pictures.gallery(context, shown)


async def ask_author(request: Request, user: User) -> Response:
    fields = await session_fields(request, "question")
    problem_id = path_identifier(request, "problem_id")
    try:
        await casework.ask_author(web.context(request).database, user, problem_id, fields.get("question", ""))
    except errors.Invalid as error:
        return await show_problem(request, user, 422, given=fields, wrong=error)
    except errors.Refused as error:
        if error.code == "refused":
            raise
        return await show_problem(
            request, user, 409, given=fields, refused=web.error_detail(language_of(request, user), error)
        )
    return await end_form(request, user, problem_id, "question", "asked")


async def post_comment(request: Request, user: User) -> Response:
    """Publish a comment of the agency."""
    fields = await session_fields(request, "comment")
    problem_id = path_identifier(request, "problem_id")
    try:
        await discussion.post_official_comment(
            web.context(request).database, user, problem_id, fields.get("comment", "")
        )
    except errors.Invalid as error:
        named = errors.Invalid(tuple(replace(wrong, field="comment") for wrong in error.fields))
        return await show_problem(request, user, 422, given=fields, wrong=named)
    return await end_form(request, user, problem_id, "comment", "said")


async def add_note(request: Request, user: User) -> Response:
    fields = await session_fields(request, "note")
    problem_id = path_identifier(request, "problem_id")
    try:
        await notes.add_note(web.context(request).database, user, problem_id, fields.get("note", ""))
    except errors.Invalid as error:
        return await show_problem(request, user, 422, given=fields, wrong=error)
    return await end_form(request, user, problem_id, "note", "noted")


async def register_problem(request: Request, user: User) -> Response:
    """Record the report's number in the agency's document system."""
    fields = await session_fields(request)
    problem_id = path_identifier(request, "problem_id")
    number, day = fields.get("document_number", ""), fields.get("document_date", "")
    try:
        await casework.register(web.context(request).database, user, problem_id, number, day)
    except errors.Invalid as error:
        return await show_problem(request, user, 422, given=fields, wrong=error)
    return web.see_other(redirect_done(request, problem_id, "registered"))


async def read_reply(request: Request, user: User) -> Response:
    await session_fields(request)
    problem_id = path_identifier(request, "problem_id")
    await casework.read_reply(web.context(request).database, user, problem_id)
    return web.see_other(redirect_done(request, problem_id, "read"))


async def mark_spam(request: Request, user: User) -> Response:
    fields = await session_fields(request)
    problem_id = path_identifier(request, "problem_id")
    await casework.mark_spam(web.context(request).database, user, problem_id, fields.get("spam") == "yes")
    return web.see_other(redirect_done(request, problem_id))


async def end_form(request: Request, user: User, problem_id: str, field: str, done: str) -> Response:
    """Take what one of the page's forms has sent out of the user's draft, and redirect to the report."""
    await drafts.delete_draft(web.context(request).database, user, problem_id, field)
    return web.see_other(redirect_done(request, problem_id, done))


def redirect_done(request: Request, problem_id: str, done: str = "decided") -> str:
    """The address of a report after an action, which the page confirms once."""
    return inbox_rows.selection_url(Selection.read(request.query_params), f"/cabinet/problems/{problem_id}", done=done)


async def show_front(request: Request) -> Response:
    """GET /: what the service is, and where to go. Who is signed in goes on to their work."""
    if await find_user(request):
        return web.see_other(inbox_rows.TODAY_PATH)
    return web.html_response(request, "front.html")


async def redirect_root(request: Request) -> Response:
    return web.see_other(inbox_rows.TODAY_PATH)


routes: list[BaseRoute] = [
    Route("/", show_front),
    Route("/cabinet", redirect_root),
    Route(inbox_rows.LIST_PATH, require_user(show_inbox)),
    Route("/cabinet/version", get_version),
    Route("/cabinet/problems/{problem_id}", require_user(show_problem)),
    Route("/cabinet/problems/{problem_id}/ask", require_user(ask_author), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/comment", require_user(post_comment), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/document", require_user(register_problem), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/note", require_user(add_note), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/read", require_user(read_reply), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/spam", require_user(mark_spam), methods=["POST"]),
]

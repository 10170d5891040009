"""/moderate/{token}: the page a moderator's letter leads to. Looking decides nothing; a press does, without cookies."""

from __future__ import annotations

from typing import cast, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet import comments_view, moderation_links
from widget_api.cabinet.http import form_fields
from widget_api.comments import mail, service, store
from widget_api.comments.model import MAX_REASON_LENGTH, Verdict
from widget_api.context import Context
from widget_api.database import Row
from widget_api.errors import Invalid, NotFound, Refused
from widget_api.sites import service as sites
from widget_api.sites.model import Site

_PATH = "/moderate/{token}"


async def show(request: Request) -> Response:
    """GET /moderate/{token}"""
    context = web.context(request)
    _, comment, site = await _of_link(context, request.path_params["token"])
    return await _page(request, comment, site)


async def decide(request: Request) -> Response:
    """POST /moderate/{token}: `verdict` published or rejected; a reason where the moderator gives one.

    The answer is the page itself, since only whoever presses is led on: a letter that lies about, its comment long
    decided, must not hand out the next one to whatever opens it.
    """
    context, token = web.context(request), request.path_params["token"]
    fields = await form_fields(request)
    opened, comment, site = await _of_link(context, token)
    await context.limits.hit("confirmations", web.client_address(request))
    verdict, reason = fields.get("verdict", ""), fields.get("reason", "")
    if verdict not in get_args(Verdict):
        raise Refused
    if comment is not None:
        if verdict == "rejected" and not reason.strip():
            commenter = await store.find_commenter(context.database, comment["id"])
            language = commenter["language"] if commenter else site.language
            reason = i18n.text(language, "people.comment.no_reason")
        try:
            await service.decide_comment(context.database, site.id, comment["id"], cast(Verdict, verdict), None, reason)
        except Invalid as error:
            return await _page(request, comment, site, 422, wrong=error, given=reason)
        opened, comment, site = await _of_link(context, token)
    return await _page(request, comment, site, next_url=await _next(context, opened, site))


async def _next(context: Context, opened: moderation_links.Opened, site: Site) -> str:
    """The page of another comment that waits; empty where none does."""
    others = await store.list_queue(context.database, [site.id], "moderation", None, 1)
    return moderation_links.decide(context, site, others[0]["id"], opened.since) if others else ""


async def _of_link(context: Context, token: str) -> tuple[moderation_links.Opened, Row | None, Site]:
    """What the token says, the comment (None where there is nothing to decide any more), and its site.

    Raises NotFound («link_invalid»).
    """
    found = moderation_links.read(context, token)
    comment = await store.find_with_problem(context.database, found.comment_id) if found else None
    if found is None or comment is None:
        raise NotFound("link_invalid")  # taken back by its author: nothing tells whose site it was
    site = await sites.by_id(context.database, comment["site_id"])
    if not mail.is_moderated_by_mail(site) or not moderation_links.sent_to(site, found.mailbox):
        raise NotFound("link_invalid")
    return found, (comment if comment["published"] and comment["state"] != "unconfirmed" else None), site


async def _page(
    request: Request,
    comment: Row | None,
    site: Site,
    status: int = 200,
    *,
    wrong: Invalid | None = None,
    given: str = "",
    next_url: str = "",
) -> Response:
    language = web.negotiate_language(request, site.language)
    return web.html_response(
        request,
        "cabinet/mailed.html",
        status,
        private=True,
        language=language,
        site=site,
        comment=comments_view.comments(language, [comment], frozenset())[0] if comment else None,
        action=f"/moderate/{request.path_params['token']}",
        next_url=next_url,
        error=i18n.field_error(language, "reason", wrong.fields[0].code, wrong.fields[0].values) if wrong else "",
        given=given,
        longest=MAX_REASON_LENGTH,
    )


routes: list[BaseRoute] = [
    Route(_PATH, show, methods=["GET"]),
    Route(_PATH, decide, methods=["POST"]),
]

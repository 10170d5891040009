"""Serve /cabinet/inbox: the comments and letters that wait for the user, on one page.

Each kind has a page of its own as well, /cabinet/comments and /cabinet/mail, with what was decided before.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet.http import language_of, render_page, require_user
from widget_api.cabinet.problems import comments, held_mail
from widget_api.casework import comments as comments_service
from widget_api.casework import held_mail as held_mail_service
from widget_api.comments.model import MAX_REASON_LENGTH
from widget_api.database import Row
from widget_api.people.model import User

PATH = "/cabinet/inbox"


async def show_inbox(request: Request, user: User) -> Response:
    """GET /cabinet/inbox"""
    database, language = web.context(request).database, language_of(request, user)
    letters: Sequence[Row] = ()
    failing: Sequence[Row] = ()
    if request.state.letters_waiting is not None:
        letters = await held_mail_service.read_queue(database, user)
        failing = await held_mail_service.list_failing_agencies(database, user)
    queue = await comments_service.read_queue(database, user, "", "")
    return render_page(
        request,
        user,
        "inbox.html",
        letters=held_mail.letter_views(language, letters),
        failing=failing,
        comments=comments.comment_views(language, queue.rows, queue.may),
        more_comments=queue.next is not None,
        longest=MAX_REASON_LENGTH,
        here=PATH,
    )


routes: list[BaseRoute] = [Route(PATH, require_user(show_inbox))]

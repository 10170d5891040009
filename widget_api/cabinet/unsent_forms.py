"""Show rejected forms of the cabinet again, and the fields of another form of the same page.

`people.unsent_forms` stores the forms. This module finds a form's page and browser, and decides when it is deleted.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from widget_api import i18n, web
from widget_api.cabinet.problems import inbox_rows
from widget_api.people import unsent_forms as unsent
from widget_api.people.model import User
from widget_api.people.unsent_forms import Files, Pairs, UnsentForm

BROWSER_COOKIE = "cabinet-browser"  # the cookie that identifies the browser of a form
CABINET_PATH = "/cabinet"
SIGN_IN_PATH = "/cabinet/sign-in"


class ForeignSessionForm(Exception):
    """A form that was issued to `user_id` in another session."""

    def __init__(self, user_id: str, given: Pairs, sent: Files) -> None:
        super().__init__(user_id)
        self.user_id, self.given, self.sent = user_id, given, sent


async def store_and_redirect(
    request: Request, old: ForeignSessionForm, user: User | None, language: str, *, keeps: bool
) -> Response:
    """Store the form and redirect to the page that shows it again, by way of the sign-in page if necessary."""
    form_id, page = None, _page_path(request)
    with web.closing_files(one for _, one in old.sent):
        if keeps and unsent.is_worth_keeping(old.given, old.sent):
            form_id = await _store_form(request, old.user_id, page, old.given, old.sent, "session")
    target = _with_unsent(page, form_id) if form_id else page
    if user is None:
        response = web.see_other(f"{SIGN_IN_PATH}?next={quote(target)}" if form_id else SIGN_IN_PATH)
    elif user.id == old.user_id:
        response = web.see_other(target)
    else:
        sentence = i18n.text(language, "cabinet.unsent.another_user" if form_id else "errors.foreign_form")
        way_back = web.recovery_link(CABINET_PATH, "")
        response = web.html_response(
            request, "error.html", 403, language=language, code=403, message=sentence, back=way_back
        )
    if form_id:
        remember_browser(request, response)
    return response


async def finish_response(request: Request, user: User, response: Response, language: str) -> Response:
    """Complete a response: delete a stored form that was sent, store fields of another form, fill a stored form."""
    context = web.context(request)
    if sent_at_last := getattr(request.state, "resent", ""):
        await unsent.delete_form(context, user.id, read_browser(request), sent_at_last)
    shown: UnsentForm | None = request.state.restored
    beside: tuple[Pairs, Files] | None = getattr(request.state, "beside", None)
    if beside is not None:
        address = response.headers.get("location", "")
        with web.closing_files(one for _, one in beside[1]):
            page = urlsplit(address).path or _page_path(request)
            form_id = await _store_form(request, user.id, page, *beside, "beside")
        if form_id:
            remember_browser(request, response)
            if address:
                response.headers["location"] = _with_unsent(address, form_id, anchor="")
            else:
                shown = await unsent.find_form(context, user.id, read_browser(request), form_id)
    if shown is not None and response.headers.get("content-type", "").startswith("text/html"):
        from widget_api.cabinet.refill import refill_form  # its parser takes 4 MB, which most processes never need

        body = refill_form(bytes(response.body).decode(), shown, lambda key: i18n.text(language, key)).encode()
        response.body = body
        response.headers["content-length"] = str(len(body))
        await unsent.mark_shown(context.database, shown.id)
    return response


async def _store_form(request: Request, user_id: str, page: str, given: Pairs, sent: Files, reason: str) -> str | None:
    """Store a form with its files, those of an earlier attempt included. Returns its identifier."""
    context, earlier = web.context(request), dict(given).get("unsent", "")
    left_out = [value for name, value in given if name == "unsent_leave"]
    brought = await unsent.read_files(context, user_id, read_browser(request), earlier, left_out) if earlier else []
    with web.closing_files(one for _, one in brought):
        form_id = await unsent.store_form(
            context,
            user_id=user_id,
            browser=read_browser(request),
            page=page,
            action=request.url.path.replace("\0", ""),  # which PostgreSQL does not store
            fields=given,
            files=[*sent, *brought],
            reason=reason,
        )
    if earlier and form_id:
        await unsent.delete_form(context, user_id, read_browser(request), earlier)
    return form_id


async def store_for_confirmation(request: Request, user: User, given: Pairs, sent: Files) -> str | None:
    """Store a form with files that are checked first, until a second one confirms it.

    With the identifier as its field `unsent` the second one gets the same files. Call `remember_browser` with the
    response.
    """
    form_id = await _store_form(request, user.id, _page_path(request), given, sent, "beside")
    if form_id:
        await unsent.mark_shown(web.context(request).database, form_id)
    return form_id


async def find_restored(request: Request, user: User) -> UnsentForm | None:
    """The stored form that the address names, if it is this user's and this browser's."""
    form_id = request.query_params.get("unsent", "") if request.method == "GET" else ""
    return await unsent.find_form(web.context(request), user.id, read_browser(request), form_id) if form_id else None


async def path_after_sign_in(request: Request, user_id: str, wanted: str) -> str:
    """The path after signing in: the requested one, else that of an unsent form."""
    if wanted == inbox_rows.TODAY_PATH and (
        kept := await unsent.find_newest_unseen(web.context(request), user_id, read_browser(request))
    ):
        return _with_unsent(kept.page, kept.id)
    return wanted


def read_browser(request: Request) -> str:
    """The value of this browser's cookie, or a new one."""
    if not hasattr(request.state, "browser"):
        request.state.browser = web.cookie(request, BROWSER_COOKIE) or unsent.generate_browser()
    return cast(str, request.state.browser)


def remember_browser(request: Request, response: Response) -> None:
    web.set_cookie(request, response, BROWSER_COOKIE, read_browser(request), max_age=unsent.FORM_LIFETIME)


def _page_path(request: Request) -> str:
    """The page of a form: the referring one, else the nearest above the form's address."""
    referer = urlsplit(request.headers.get("referer", ""))
    query = urlencode([pair for pair in parse_qsl(referer.query) if pair[0] not in ("unsent", "done", "lang")])
    for start in (referer.path, request.url.path):
        path = start
        while path.startswith(f"{CABINET_PATH}/") and path != SIGN_IN_PATH:
            if _is_page(request, path):
                return f"{path}?{query}" if query and path == referer.path else path
            path = path.rpartition("/")[0]
    return inbox_rows.TODAY_PATH


def _is_page(request: Request, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    return "\0" not in path and any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


def _with_unsent(address: str, form_id: str, anchor: str = "#unsent") -> str:
    return f"{address}{'&' if '?' in address else '?'}unsent={form_id}{anchor}"

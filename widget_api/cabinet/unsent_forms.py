"""Show a form of the cabinet again that could not be taken, and what stood in another form beside the one that was.

The stored form is `service.py`'s; here is which page it belongs to, which browser it came from, and when it goes.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from widget_api import i18n, web
from widget_api.cabinet import inbox_rows
from widget_api.cabinet import unsent_forms_service as unsent
from widget_api.cabinet.unsent_forms_service import Files, Pairs, Unsent
from widget_api.people.model import User

BROWSER = "cabinet-browser"  # the cookie that says which browser a form came from
PATH = "/cabinet"
SIGN_IN = "/cabinet/sign-in"


class OldForm(Exception):
    """A form that we gave to `user_id`, in a session that is not this one."""

    def __init__(self, user_id: str, given: Pairs, sent: Files) -> None:
        super().__init__(user_id)
        self.user_id, self.given, self.sent = user_id, given, sent


async def show_again(request: Request, old: OldForm, user: User | None, language: str, *, keeps: bool) -> Response:
    """Keep the form for its user and lead to where it is shown: past the sign-in where nobody is signed in."""
    form_id, page = None, _page_of(request)
    with web.closing_files(one for _, one in old.sent):
        if keeps and unsent.worth_keeping(old.given, old.sent):
            form_id = await _keep(request, old.user_id, page, old.given, old.sent, "session")
    target = _with_unsent(page, form_id) if form_id else page
    if user is None:
        response = web.see_other(f"{SIGN_IN}?next={quote(target)}" if form_id else SIGN_IN)
    elif user.id == old.user_id:
        response = web.see_other(target)
    else:
        sentence = i18n.text(language, "cabinet.unsent.another_user" if form_id else "errors.foreign_form")
        way_back = web.recovery_link(PATH, "")
        response = web.html_response(
            request, "error.html", 403, language=language, code=403, message=sentence, back=way_back
        )
    if form_id:
        _remember_browser(request, response)
    return response


async def after(request: Request, user: User, response: Response, language: str) -> Response:
    """Forget what was sent at last, keep what stood in another form beside it, fill a form that was kept."""
    context = web.context(request)
    if sent_at_last := getattr(request.state, "resent", ""):
        await unsent.discard(context, user.id, browser(request), sent_at_last)
    shown: Unsent | None = request.state.restored
    beside: tuple[Pairs, Files] | None = getattr(request.state, "beside", None)
    if beside is not None:
        address = response.headers.get("location", "")
        with web.closing_files(one for _, one in beside[1]):
            page = urlsplit(address).path or _page_of(request)
            form_id = await _keep(request, user.id, page, *beside, "beside")
        if form_id:
            _remember_browser(request, response)
            if address:
                response.headers["location"] = _with_unsent(address, form_id, anchor="")
            else:
                shown = await unsent.find(context, user.id, browser(request), form_id)
    if shown is not None and response.headers.get("content-type", "").startswith("text/html"):
        from widget_api.cabinet.refill import refill  # its parser is 4 MB that most processes never need

        body = refill(bytes(response.body).decode(), shown, lambda key: i18n.text(language, key)).encode()
        response.body = body
        response.headers["content-length"] = str(len(body))
        await unsent.mark_shown(context.database, shown.id)
    return response


async def _keep(request: Request, user_id: str, page: str, given: Pairs, sent: Files, reason: str) -> str | None:
    """Store a form with the files that it brought along from its last showing. Returns its identifier."""
    context, earlier = web.context(request), dict(given).get("unsent", "")
    left_out = [value for name, value in given if name == "unsent_leave"]
    brought = await unsent.files_of(context, user_id, browser(request), earlier, left_out) if earlier else []
    with web.closing_files(one for _, one in brought):
        form_id = await unsent.keep(
            context,
            user_id=user_id,
            browser=browser(request),
            page=page,
            action=request.url.path.replace("\0", ""),  # which PostgreSQL cannot keep
            fields=given,
            files=[*sent, *brought],
            reason=reason,
        )
    if earlier and form_id:
        await unsent.discard(context, user_id, browser(request), earlier)
    return form_id


async def restored(request: Request, user: User) -> Unsent | None:
    """The form that the address asks to show again, where it is this user's and this browser's."""
    form_id = request.query_params.get("unsent", "") if request.method == "GET" else ""
    return await unsent.find(web.context(request), user.id, browser(request), form_id) if form_id else None


async def after_sign_in(request: Request, user_id: str, wanted: str) -> str:
    """Where signing in leads: where one wanted to go, else to what one could not send."""
    if wanted == inbox_rows.LIST and (
        kept := await unsent.newest_unseen(web.context(request), user_id, browser(request))
    ):
        return _with_unsent(kept.page, kept.id)
    return wanted


def browser(request: Request) -> str:
    """The value of this browser's cookie, a new one where it has none."""
    if not hasattr(request.state, "browser"):
        request.state.browser = web.cookie(request, BROWSER) or unsent.new_browser()
    return cast(str, request.state.browser)


def _remember_browser(request: Request, response: Response) -> None:
    web.set_cookie(request, response, BROWSER, browser(request), max_age=unsent.LIFE)


def _page_of(request: Request) -> str:
    """The page a form stood on: the one it was sent from, else the nearest above the form's own address."""
    referer = urlsplit(request.headers.get("referer", ""))
    query = urlencode([pair for pair in parse_qsl(referer.query) if pair[0] not in ("unsent", "done", "lang")])
    for start in (referer.path, request.url.path):
        path = start
        while path.startswith(f"{PATH}/") and path != SIGN_IN:
            if _is_page(request, path):
                return f"{path}?{query}" if query and path == referer.path else path
            path = path.rpartition("/")[0]
    return inbox_rows.LIST


def _is_page(request: Request, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    return "\0" not in path and any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


def _with_unsent(address: str, form_id: str, anchor: str = "#unsent") -> str:
    return f"{address}{'&' if '?' in address else '?'}unsent={form_id}{anchor}"

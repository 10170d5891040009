"""Between the cabinet and HTTP: who asks, what a form of a session says, a page for a user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import Response

from widget_api import errors, http
from widget_api.cabinet import lines, service
from widget_api.cabinet.deliveries import service as deliveries
from widget_api.cabinet.discussion import service as discussion
from widget_api.cabinet.letters import service as letters
from widget_api.cabinet.model import User

SESSION = "cabinet"  # the cookie
PATH = "/cabinet"
SIGN_IN = "/cabinet/sign-in"
_FORM_LIMIT = 262_144  # bytes: the longest answer, each Russian letter sent as «%D1%8F»
_LONGEST_PART = 65_536  # bytes of one field of a form with files

Handler = Callable[[Request, User], Awaitable[Response]]
Fields = dict[str, str]


def signed_in(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Only for users; others are sent to sign in, and from there back to where they wanted to go."""

    async def guarded(request: Request) -> Response:
        user = await service.session_user(http.context(request).database, http.cookie(request, SESSION))
        if user is not None:
            request.state.letters_waiting = await letters.waiting(http.context(request), user)
            request.state.comments_waiting = await discussion.waiting(http.context(request).database, user)
            request.state.dead = await deliveries.dead(http.context(request).database, user)
            return await handler(request, user)
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        again = f"?next={quote(target)}" if request.method in ("GET", "HEAD") and target != lines.LIST else ""
        return http.see_other(SIGN_IN + again)

    return guarded


def language_of(request: Request, user: User) -> str:
    """A person's own choice counts for more than their browser's, but not than the address they opened."""
    return http.language(request) if request.query_params.get("lang") else user.language


async def form_fields(request: Request) -> Fields:
    """A form's fields; the last of a name wins. Raises Refused where it was not sent from a page of ours."""
    http.from_our_own_page(request)
    if http.media_type(request) != "application/x-www-form-urlencoded":
        raise errors.WrongType
    sent = (await http.body(request, _FORM_LIMIT)).decode("utf-8", "replace")
    try:
        pairs = parse_qsl(sent, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise errors.Malformed from None
    return {name: value.replace("\0", "").replace("\r\n", "\n") for name, value in pairs}


async def session_fields(request: Request) -> Fields:
    """The same of a form that carries this session's token. Raises Refused where it does not."""
    fields = await form_fields(request)
    of_session(request, fields.get("form_token", ""))
    return fields


def of_session(request: Request, token: str) -> None:
    """Raises Refused where a form does not carry this session's token."""
    if not service.is_form_token(http.cookie(request, SESSION) or "", token):
        raise errors.Refused("foreign_form")


async def session_form(request: Request, limit: int, files: int) -> tuple[list[tuple[str, str]], list[Any]]:
    """Fields and files of a form that carries this session's token. Close the files when done."""
    if http.media_type(request) != "multipart/form-data":  # a program, or a browser that was told to send none
        return list((await session_fields(request)).items()), []
    http.from_our_own_page(request)
    given, sent = await http.multipart(request, limit, files=files, fields=100, part=_LONGEST_PART)
    try:
        of_session(request, dict(given).get("form_token", ""))
    except errors.Refused:
        with http.closing(one for _, one in sent):
            raise
    return given, sent


def inside(address: str) -> str:
    """An address inside the cabinet, so that a forged link leads nowhere else."""
    return address if address.startswith(f"{PATH}/") and not set(address) & set("\\\r\n\t") else lines.LIST


def identifier(request: Request, name: str) -> str:
    """An identifier out of the path. One with NUL is none, and PostgreSQL would not even look for it."""
    value = str(request.path_params[name])
    if "\0" in value:
        raise errors.NotFound
    return value


def page(request: Request, user: User, template: str, status: int = 200, **values: Any) -> Response:
    """A page of the cabinet: in the user's language, with the token its forms need."""
    return http.html(
        request,
        f"cabinet/{template}",
        status,
        language=language_of(request, user),
        user=user,
        form_token=service.form_token(http.cookie(request, SESSION) or ""),
        comments_waiting=request.state.comments_waiting,
        letters_waiting=request.state.letters_waiting,
        dead_deliveries=request.state.dead,
        **values,
    )

"""Between the cabinet and HTTP: who asks, what a form of a session says, a page for a user.

A form that cannot be taken, because its session has ended or is another by now, is kept and shown again
(`unsent/`). So is what stood in another form of the same page when one of them was sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import Response

from widget_api import errors, journal, web
from widget_api.attachments.documents import model as documents
from widget_api.attachments.photos.model import MAX_FILE_SIZE
from widget_api.cabinet import comments_service as discussion
from widget_api.cabinet import deliveries_service as deliveries
from widget_api.cabinet import form_tokens, inbox_rows
from widget_api.cabinet import held_mail_service as letters
from widget_api.cabinet import unsent_forms as form_recovery
from widget_api.cabinet import unsent_forms_service as unsent
from widget_api.cabinet.unsent_forms import PATH, SIGN_IN, OldForm
from widget_api.cabinet.unsent_forms_service import Files, Pairs
from widget_api.people import sign_in
from widget_api.people.model import User

__all__ = ["PATH", "SESSION", "SIGN_IN"]

SESSION = "cabinet"  # the cookie
PHOTOS = 5  # of one answer
FILES = 30  # of one form; more than an answer may have are refused by name
LIMIT = (
    PHOTOS * MAX_FILE_SIZE + documents.MAX_DOCUMENTS * documents.MAX_FILE_SIZE + 2**20
)  # bytes of a form with all it may hold
_FORM_LIMIT = 262_144  # bytes: the longest answer, each Russian letter sent as «%D1%8F»
_LONGEST_PART = 65_536  # bytes of one field of a form with files

Handler = Callable[[Request, User], Awaitable[Response]]
Fields = dict[str, str]


def signed_in(handler: Handler, *, keeps: bool = True) -> Callable[[Request], Awaitable[Response]]:
    """Only for users; others are sent to sign in, and from there back to where they wanted to go.

    `keeps` is False for forms in which nothing is written, or passwords alone: those are never stored.
    """

    async def guarded(request: Request) -> Response:
        context = web.context(request)
        user = await find_user(request)
        if user is None:
            return await _to_sign_in(request, keeps=keeps)
        request.state.user = user
        request.state.letters_waiting = await letters.waiting(context, user)
        request.state.comments_waiting = await discussion.waiting(context.database, user)
        request.state.dead = await deliveries.dead(context.database, user)
        request.state.restored = await form_recovery.restored(request, user)
        language = language_of(request, user)
        try:
            response = await handler(request, user)
        except OldForm as old:
            return await form_recovery.show_again(request, old, user, language, keeps=keeps)
        return await form_recovery.after(request, user, response, language)

    return guarded


async def find_user(request: Request) -> User | None:
    """Return whose session the request belongs to, and note the session's token in `request.state.session`.

    Before migration 0007 the cookie had its plain name under https too. A neighbouring host can set that one, so it
    counts for sessions of that time alone, which end within twelve hours of the upgrade.
    """
    database, token = web.context(request).database, web.cookie(request, SESSION) or ""
    user = await sign_in.find_session_user(database, token)
    if user is None and (earlier := request.cookies.get(SESSION)):
        user = await sign_in.find_session_user(database, earlier, before_0007=True)
        token = earlier if user is not None else token
    request.state.session = token
    return user


async def _to_sign_in(request: Request, *, keeps: bool) -> Response:
    if request.method in ("GET", "HEAD"):
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return web.see_other(SIGN_IN + (f"?next={quote(target)}" if target != inbox_rows.LIST else ""))
    try:
        await session_form(request, LIMIT, FILES)
    except OldForm as old:
        return await form_recovery.show_again(request, old, None, web.negotiate_language(request), keeps=keeps)
    except (errors.Refused, errors.Malformed, errors.TooLarge, errors.WrongType):
        pass  # nothing of ours to keep
    return web.see_other(SIGN_IN)


def who(request: Request, user: User) -> journal.Who:
    """The user as the journal names them."""
    return journal.Who(role=user.role, user_id=user.id, agency_id=user.agency_id, ip=web.client_address(request))


def language_of(request: Request, user: User) -> str:
    """A person's own choice counts for more than their browser's, but not than the address they opened."""
    return web.negotiate_language(request) if request.query_params.get("lang") else user.language


async def form_fields(request: Request) -> Fields:
    """A form's fields; the last of a name wins. Raises Refused where it was not sent from a page of ours."""
    return fields_of(await _pairs(request))


async def _pairs(request: Request) -> Pairs:
    web.require_same_origin(request)
    if web.media_type(request) != "application/x-www-form-urlencoded":
        raise errors.WrongType
    sent = (await web.read_body(request, _FORM_LIMIT)).decode("utf-8", "replace")
    try:
        return parse_qsl(sent, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise errors.Malformed from None


def fields_of(given: Pairs) -> Fields:
    """By name, the last of each, with the line ends of a text and without what PostgreSQL cannot keep."""
    return {name: value.replace("\0", "").replace("\r\n", "\n") for name, value in given}


async def session_fields(request: Request, *own: str) -> Fields:
    """The fields of a form that carries this session's token.

    `own` names those of this form where other forms of the page come along: they are kept beside it.
    """
    given, sent = await session_form(request, LIMIT, FILES, own=own)
    with web.closing_files(one for _, one in sent):
        return fields_of(given)


async def session_form(
    request: Request, limit: int, files: int, own: Collection[str] = (), beside: Collection[str] = ()
) -> tuple[Pairs, Files]:
    """Fields and files of a form that carries this session's token. Close the files when done.

    Of a page whose forms are sent as one, `own` or `beside` says which fields are another form's. Those are kept and
    not returned. Raises Refused.
    """
    if web.media_type(request) == "multipart/form-data":
        web.require_same_origin(request)

        async def is_ours(fields: Mapping[str, str]) -> bool:
            """Whoever has no form of ours keeps no files here either: nobody need be signed in to send one."""
            token = fields.get("form_token", "")
            return form_tokens.form_user_id(web.context(request).signer, token) is not None or _is_own(request, token)

        given, sent = await web.read_multipart(
            request, limit, files=files, fields=100, part=_LONGEST_PART, admit=is_ours
        )
    else:
        given, sent = await _pairs(request), []
    try:
        _of_session(request, given, sent)
    except errors.Refused:
        with web.closing_files(one for _, one in sent):
            raise
    if form_id := dict(given).get("unsent", ""):
        left_out = [value for name, value in given if name == "unsent_leave"]
        user: User = request.state.user
        sent += await unsent.files_of(web.context(request), user.id, form_recovery.browser(request), form_id, left_out)
        request.state.resent = form_id
        given = [(name, value) for name, value in given if name not in ("unsent", "unsent_leave")]
    return _apart(request, given, sent, own, beside) if own or beside else (given, sent)


def _of_session(request: Request, given: Pairs, sent: Files) -> None:
    """Raises Refused where a form is none of ours, OldForm where it is another session's."""
    token = dict(given).get("form_token", "")
    if _is_own(request, token):
        return
    whose = form_tokens.form_user_id(web.context(request).signer, token)
    if whose is None:
        raise errors.Refused("foreign_form")
    raise OldForm(whose, given, sent)


def _is_own(request: Request, token: str) -> bool:
    """Whether a form is this session's."""
    signer, user = web.context(request).signer, getattr(request.state, "user", None)
    return user is not None and form_tokens.is_form_token(signer, request.state.session, user.id, token)


def _apart(
    request: Request, given: Pairs, sent: Files, own: Collection[str], beside: Collection[str]
) -> tuple[Pairs, Files]:
    def is_own(name: str) -> bool:
        return name in own if own else name not in beside

    others = [pair for pair in given if not is_own(pair[0]) and pair[0] not in unsent.MACHINERY]
    other_files = [pair for pair in sent if not is_own(pair[0])]
    if unsent.worth_keeping(others, other_files):
        seen = [pair for pair in given if pair[0] == "seen"]  # what the writer of the rest had seen
        request.state.beside = ([*seen, *others], other_files)
        other_files = []
    with web.closing_files(one for _, one in other_files):
        return given, [pair for pair in sent if is_own(pair[0])]


def inside(address: str) -> str:
    """An address inside the cabinet, so that a forged link leads nowhere else."""
    return address if address.startswith(f"{PATH}/") and not set(address) & set("\\\r\n\t") else inbox_rows.LIST


def identifier(request: Request, name: str) -> str:
    """An identifier out of the path. One with NUL is none, and PostgreSQL would not even look for it."""
    value = str(request.path_params[name])
    if "\0" in value:
        raise errors.NotFound
    return value


def page(request: Request, user: User, template: str, status: int = 200, **values: Any) -> Response:
    """A page of the cabinet: in the user's language, with the token its forms need."""
    return web.html_response(
        request,
        f"cabinet/{template}",
        status,
        language=language_of(request, user),
        user=user,
        form_token=form_tokens.form_token(web.context(request).signer, request.state.session, user.id),
        comments_waiting=request.state.comments_waiting,
        letters_waiting=request.state.letters_waiting,
        dead_deliveries=request.state.dead,
        **values,
    )

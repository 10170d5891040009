"""Authenticate the cabinet's requests, read forms of a session, and render pages for a user.

A form whose session has ended or changed is stored and shown again (`unsent_forms`). So are the fields of another form
of the same page when one of them is sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import Response

from widget_api import errors, i18n, journal, web
from widget_api.attachments.documents import model as documents
from widget_api.attachments.photos.model import MAX_FILE_SIZE
from widget_api.cabinet import form_tokens, unsent_forms
from widget_api.cabinet.organisation import deliveries_service
from widget_api.cabinet.problems import inbox_rows
from widget_api.cabinet.unsent_forms import CABINET_PATH, SIGN_IN_PATH, ForeignSessionForm
from widget_api.casework import answer_files, comments, held_mail
from widget_api.casework.answer_files import MAX_PHOTOS, AnswerFiles
from widget_api.errors import FieldError, Invalid
from widget_api.people import sign_in, store
from widget_api.people import unsent_forms as unsent_forms_service
from widget_api.people.model import User
from widget_api.people.unsent_forms import Files, Pairs
from widget_api.permissions import Action

__all__ = ["CABINET_PATH", "SESSION_COOKIE", "SIGN_IN_PATH"]

SESSION_COOKIE = "cabinet"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FACTOR_PATH = "/cabinet/account/factor"
MAX_FILES = 30  # per form; those beyond an answer's limit are rejected by name
MAX_FORM_SIZE = (
    MAX_PHOTOS * MAX_FILE_SIZE + documents.MAX_DOCUMENTS * documents.MAX_FILE_SIZE + 2**20
)  # bytes of a form with all it may hold
_MAX_FIELDS = 250  # of a form; the grid over a photo has 192
_MAX_PLAIN_FORM_SIZE = 262_144  # bytes: the longest answer, each Russian letter sent as «%D1%8F»
_MAX_FIELD_SIZE = 65_536  # bytes of one field of a form with files

Handler = Callable[[Request, User], Awaitable[Response]]
Fields = dict[str, str]
Errors = Invalid | Mapping[str, str] | None  # of a rejected form, as raised or in words by field


def require_user(
    handler: Handler, *, keeps: bool = True, factor: bool = True, requires: Action | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """Require a user: others are redirected to the sign-in page, and from there back.

    So are users who have to set up a second factor, to the page where they do. `factor` is False for what they may use
    before. `keeps` is False for forms without text or with passwords alone, which are never stored. Users without the
    permission that the page `requires` get the response to an unknown page.
    """

    @web.at_once
    async def guarded(request: Request) -> Response:
        context = web.context(request)
        user = await _find_session_user(request)
        if user is None:
            return await _redirect(request, None, SIGN_IN_PATH, keeps=keeps)
        request.state.user = user
        if factor and user.must_set_factor:
            return await _redirect(request, user, FACTOR_PATH, keeps=keeps)
        if requires is not None and not user.may(requires):
            raise errors.NotFound
        request.state.letters_waiting = await held_mail.count_waiting(context, user)
        request.state.comments_waiting = await comments.count_waiting(context.database, user)
        request.state.dead = await deliveries_service.count_dead(context.database, user)
        request.state.reads_reports = user.agency_id is not None or bool(
            await store.list_report_sites(context.database, user)
        )
        request.state.restored = await unsent_forms.find_restored(request, user)
        language = language_of(request, user)
        try:
            response = await handler(request, user)
        except ForeignSessionForm as old:
            return await unsent_forms.store_and_redirect(request, old, user, language, keeps=keeps)
        return await unsent_forms.finish_response(request, user, response, language)

    return guarded


async def find_user(request: Request) -> User | None:
    """Return whose session the request belongs to; None also for users who have to set up a second factor first."""
    user = await _find_session_user(request)
    return None if user is None or user.must_set_factor else user


async def _find_session_user(request: Request) -> User | None:
    """Return whose session the request belongs to, and note the session's token in `request.state.session`.

    Before migration 0007 the cookie had its plain name under https too. A neighbouring host can set that one, so it
    counts for sessions of that time alone, which end within twelve hours of the upgrade.
    """
    database, token = web.context(request).database, web.cookie(request, SESSION_COOKIE) or ""
    user = await sign_in.find_session_user(database, token)
    if user is None and (earlier := request.cookies.get(SESSION_COOKIE)):
        user = await sign_in.find_session_user(database, earlier, before_0007=True)
        token = earlier if user is not None else token
    request.state.session = token
    return user


async def _redirect(request: Request, user: User | None, address: str, *, keeps: bool) -> Response:
    """Redirect to a page that comes first; what a form has is stored, and shown again afterwards."""
    if request.method in ("GET", "HEAD"):
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return web.see_other(address + (f"?next={quote(target)}" if target != inbox_rows.TODAY_PATH else ""))
    language = web.negotiate_language(request)
    try:
        own = await session_form(request, longest=unsent_forms_service.MAX_FIELDS_SIZE)  # a pasted border is long
    except ForeignSessionForm as old:
        return await unsent_forms.store_and_redirect(request, old, user, language, keeps=keeps)
    except (errors.Refused, errors.Malformed, errors.TooLarge, errors.WrongType):
        return web.see_other(address)  # not a form of the cabinet
    assert user is not None, "without a user every form is another session's"
    return await unsent_forms.store_and_redirect(
        request, ForeignSessionForm(user.id, *own), user, language, keeps=keeps
    )


def journal_user(request: Request, user: User) -> journal.Who:
    """The user for entries of the journal."""
    return journal.Who(role=user.role, user_id=user.id, agency_id=user.agency_id, ip=web.client_address(request))


def language_of(request: Request, user: User) -> str:
    """The language of a page: that of the address, else the user's own, else the browser's."""
    return web.negotiate_language(request) if request.query_params.get("lang") else user.language


async def form_fields(request: Request) -> Fields:
    """A form's fields, the last of each name. Raises Refused where another origin's page sent it."""
    return to_fields(await _pairs(request))


async def _pairs(request: Request, most: int = _MAX_FIELDS) -> Pairs:
    web.require_same_origin(request)
    if web.media_type(request) != "application/x-www-form-urlencoded":
        raise errors.WrongType
    sent = (await web.read_body(request, _MAX_PLAIN_FORM_SIZE)).decode("utf-8", "replace")
    try:
        return parse_qsl(sent, keep_blank_values=True, max_num_fields=most)
    except ValueError:
        raise errors.Malformed from None


def to_fields(given: Pairs) -> Fields:
    """Fields by name, the last of each, with normalised line ends and without NUL, which PostgreSQL does not store."""
    return {name: value.replace("\0", "").replace("\r\n", "\n") for name, value in given}


async def session_fields(request: Request, *own: str, most: int = _MAX_FIELDS) -> Fields:
    """The fields of a form with this session's token.

    `own` names those of this form where other forms of the page are sent with it; the others are stored.
    """
    given, sent = await session_form(request, own=own, most=most)
    with web.closing_files(one for _, one in sent):
        return to_fields(given)


async def session_form(
    request: Request,
    limit: int = MAX_FORM_SIZE,
    files: int = MAX_FILES,
    own: Collection[str] = (),
    beside: Collection[str] = (),
    most: int = _MAX_FIELDS,
    longest: int = _MAX_FIELD_SIZE,
) -> tuple[Pairs, Files]:
    """Fields and files of a form with this session's token. Close the files when done.

    Where several forms of a page are sent as one, `own` or `beside` says which fields are another form's; these are
    stored and not returned. `most` is the number of fields that are read, `longest` the size of the longest in bytes,
    for forms with files. Raises Refused.
    """
    if web.media_type(request) == "multipart/form-data":
        web.require_same_origin(request)

        async def is_ours(fields: Mapping[str, str]) -> bool:
            """Whether the form's token is valid; files of other senders, who need not be signed in, are not read."""
            token = fields.get("form_token", "")
            return form_tokens.form_user_id(web.context(request).signer, token) is not None or _is_own(request, token)

        given, sent = await web.read_multipart(request, limit, files=files, fields=most, part=longest, admit=is_ours)
    else:
        given, sent = await _pairs(request, most), []
    try:
        _check_session(request, given, sent)
    except errors.Refused:
        with web.closing_files(one for _, one in sent):
            raise
    if form_id := dict(given).get("unsent", ""):
        left_out = [value for name, value in given if name == "unsent_leave"]
        user: User = request.state.user
        sent += await unsent_forms_service.read_files(
            web.context(request), user.id, unsent_forms.read_browser(request), form_id, left_out
        )
        request.state.resent = form_id
        given = [(name, value) for name, value in given if name not in ("unsent", "unsent_leave")]
    return _split_fields(request, given, sent, own, beside) if own or beside else (given, sent)


def sent_file(sent: Files, most: int = -1) -> bytes | None:
    """The content of the form's `file`, up to so many bytes; None where none was chosen."""
    chosen = next((one for name, one in sent if name == "file" and one.size), None)
    if chosen is None:
        return None
    chosen.file.seek(0)
    return chosen.file.read(most)


async def receive_answer_files(
    request: Request, user: User, site_id: str, problem_id: str, given: Pairs, sent: Files
) -> AnswerFiles:
    """The files of an answer that came in earlier attempts and the new ones, as long as the browser waits."""
    context = web.context(request)
    files = await answer_files.list_received(context, site_id, problem_id, given)
    receiving = answer_files.receive_files(
        context, site_id, problem_id, files, sent, language_of(request, user), web.client_address(request)
    )
    await web.cancel_on_disconnect(request, receiving)
    return files


def _check_session(request: Request, given: Pairs, sent: Files) -> None:
    """Raises Refused where a form's token is forged, ForeignSessionForm where it is of another session."""
    token = dict(given).get("form_token", "")
    if _is_own(request, token):
        return
    whose = form_tokens.form_user_id(web.context(request).signer, token)
    if whose is None:
        raise errors.Refused("foreign_form")
    raise ForeignSessionForm(whose, given, sent)


def _is_own(request: Request, token: str) -> bool:
    """Whether a form is this session's."""
    signer, user = web.context(request).signer, getattr(request.state, "user", None)
    return user is not None and form_tokens.is_form_token(signer, request.state.session, user.id, token)


def _split_fields(
    request: Request, given: Pairs, sent: Files, own: Collection[str], beside: Collection[str]
) -> tuple[Pairs, Files]:
    def is_own(name: str) -> bool:
        return name in own if own else name not in beside

    others = [pair for pair in given if not is_own(pair[0]) and pair[0] not in unsent_forms_service.TECHNICAL_FIELDS]
    other_files = [pair for pair in sent if not is_own(pair[0])]
    if unsent_forms_service.is_worth_keeping(others, other_files):
        seen = [pair for pair in given if pair[0] == "seen"]  # the state of the page when the rest was written
        request.state.beside = ([*seen, *others], other_files)
        other_files = []
    with web.closing_files(one for _, one in other_files):
        return given, [pair for pair in sent if is_own(pair[0])]


def inside_path(address: str) -> str:
    """A path inside the cabinet, to prevent open redirects."""
    return (
        address
        if address.startswith(f"{CABINET_PATH}/") and not set(address) & set("\\\r\n\t")
        else inbox_rows.TODAY_PATH
    )


def file_headers(name: str) -> dict[str, str]:
    """Headers of a file for this user alone, which is saved under a name of ASCII letters."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}


def foreign_file(content: bytes, media_type: str, name: str, ascii_name: str) -> Response:
    """A file that somebody sent in, as a download that is never rendered from this origin."""
    headers = file_headers(f"{ascii_name}.{name.rpartition('.')[2]}")
    headers["Content-Disposition"] += f"; filename*=UTF-8''{quote(name, safe='')}"
    headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return Response(content, headers=headers, media_type=media_type)


def version_response(request: Request, version: str) -> Response:
    """The version of a page, which it polls; 304 where it is the one that the browser knows."""
    headers = {"ETag": f'"{version}"', "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(version, headers=headers, media_type="text/plain")


def path_identifier(request: Request, name: str) -> str:
    """An identifier in the path. Raises NotFound for one with NUL, which PostgreSQL rejects."""
    value = str(request.path_params[name])
    if "\0" in value:
        raise errors.NotFound
    return value


def field_errors(language: str, wrong: Invalid | None) -> dict[str, str]:
    """Error messages by field, the cabinet's own where there is one."""
    return {} if wrong is None else {error.field: _error_text(language, error) for error in wrong.fields}


def _error_text(language: str, error: FieldError) -> str:
    own = f"cabinet.fields.{error.code}_{error.field}"
    if i18n.has(own):
        return i18n.text(language, own, **dict(error.values))
    known = any(i18n.has(f"{tree}.{error.code}") for tree in ("fields", "sites.fields"))
    code = error.code if known else "invalid"
    return i18n.field_error(language, error.field, code, error.values)


def render_page(
    request: Request,
    user: User,
    template: str,
    status: int = 200,
    *,
    errors: Errors = None,
    outcomes: Collection[str] | None = None,
    **values: Any,
) -> Response:
    """A page of the cabinet in the user's language, with the token for its forms.

    The page gets what has just been done (`done` in its address), if it is one of its `outcomes`; by default any.
    """
    language, done = language_of(request, user), request.query_params.get("done", "")
    common = {
        "language": language,
        "user": user,
        "form_token": form_tokens.form_token(web.context(request).signer, request.state.session, user.id),
        "comments_waiting": request.state.comments_waiting,
        "letters_waiting": request.state.letters_waiting,
        "dead_deliveries": request.state.dead,
        "reads_reports": request.state.reads_reports,
        "errors": errors if isinstance(errors, Mapping) else field_errors(language, errors),
        "done": done if outcomes is None or done in outcomes else "",
    }
    return web.html_response(request, f"cabinet/{template}", status, **(common | values))

"""Render and handle the forms without scripts under a problem's page: to follow it, and to comment on it.

They are protected by a signed identifier, a trap field, a minimum filling time and stricter limits. A rejected form is
shown again with its values.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from widget_api import clock, i18n, web
from widget_api.comments import service
from widget_api.comments.model import NAME_LENGTH, TEXT_LENGTH
from widget_api.context import Context
from widget_api.errors import Conflict, FieldError, Invalid, TooMany
from widget_api.problems import forms, personal_data
from widget_api.problems.forms import Form
from widget_api.sites import consent
from widget_api.sites.model import Site

LENGTH_LIMITS = {"name": NAME_LENGTH[1], "text": TEXT_LENGTH[1]}
_FIELD_ORDER = ("role", "text", "name", "email", "declared", "consent")


async def section_values(context: Context, site: Site, number: int, language: str, cursor: str) -> dict[str, Any]:
    """Values of the macro `under` of city/people.html. `cursor` selects a later page of comments."""
    values = await read_form_values(context, site, language)
    found: dict[str, Any] = {
        "follow": values,
        "discussion": site.discussion != "off",
        "comments": [],
        "next": None,
        "later": False,
        "comment": None,
        "limits": LENGTH_LIMITS,
    }
    if not found["discussion"]:
        return found
    database = context.database
    page = await service.read_page(database, site, number, cursor)
    found |= {
        "comments": [{**one, "day": _format_day(language, one["at"], site.time_zone)} for one in page["items"]],
        "next": page["next"],
        "later": bool(cursor),
    }
    try:
        await service.find_open_problem(database, site, number)
    except Conflict:
        return found  # merged: comments stay visible, new ones go to the other problem
    return found | {"comment": await read_form_values(context, site, language)}


def _format_day(language: str, at: str, time_zone: str) -> str:
    return i18n.format_day(language, clock.parse_rfc3339(at), time_zone)


async def read_form_values(
    context: Context, site: Site, language: str, form: Form | None = None, wrong: Invalid | None = None, token: str = ""
) -> dict[str, Any]:
    """Values of a form for the macros of city/people.html. `token` keeps the identifier of a repeated attempt."""
    form = form or Form({})
    errors = wrong.fields if wrong else ()
    return {
        "form": form,
        "token": token or forms.issue_form_id(context.signer, site),
        "trap": forms.TRAP_FIELD,
        "errors": _error_texts(language, errors),
        "personal": personal_data.describe(form, language),
        **await read_consent_values(context, site, language, form, errors),
    }


async def read_consent_values(
    context: Context, site: Site, language: str, form: Form, wrong: tuple[FieldError, ...]
) -> dict[str, Any]:
    """The current documents, and what was agreed to; a document that has changed must be agreed to anew."""
    document = await consent.current_document(context.database, site, context.settings, language)
    of_name = await consent.current_document(context.database, site, context.settings, language, "publish_name")
    outdated = any(error.code == "consent_version" for error in wrong)
    return {
        "consent_version": document.version,
        "name_version": of_name.version,
        "publishing": form.one("publish_name") == "yes" and not outdated,
        "agreed": form.one("consent") == "yes" and not outdated,
    }


def _error_texts(language: str, wrong: tuple[FieldError, ...]) -> dict[str, str]:
    """Error messages by the names of the form's fields, in its order."""
    named = ((forms.PAGE_FIELDS.get(error.field, error.field), error) for error in wrong)
    sentences: dict[str, str] = {}
    for place, error in named:
        own = f"people.fields.{error.code}_{place}"
        text = i18n.text(language, own, **dict(error.values)) if i18n.has(own) else None
        sentences.setdefault(place, text or i18n.field_error(language, place, error.code, error.values))
    return {name: sentences[name] for name in _FIELD_ORDER if name in sentences} | sentences


FormKind = Literal["follow", "comment", "vote", "join", "contact"]  # the last segment of the form's address


@dataclass(frozen=True)
class Submission:
    """An accepted form: its fields, its identifier, and the body of the equivalent API request."""

    form: Form
    id: str
    data: Mapping[str, Any]
    language: str


class SubmissionRejected(Exception):
    """The form is shown again with this status and notice. With its token it can be sent again at once: a new one is
    refused for the time that people need to fill in a form."""

    def __init__(self, status: int, notice: str, retry_after: int = 0, *, keeps_token: bool = False) -> None:
        super().__init__(notice)
        self.status, self.notice, self.retry_after, self.keeps_token = status, notice, retry_after, keeps_token


async def check_submission(request: Request, site: Site, form: Form) -> Submission:
    """Check a form's identifier, trap, timing and limits. Raises SubmissionRejected."""
    context, language = web.context(request), web.negotiate_language(request, site.language)
    form_id = forms.read_form_id(context.signer, site, form.one("form"))
    if form_id is None:
        raise SubmissionRejected(422, i18n.text(language, "people.form.stale"))
    suspicion = forms.find_suspicion(form, form_id, clock.now())
    if suspicion is not None:
        raise SubmissionRejected(422, i18n.text(language, f"people.form.suspicion.{suspicion}"))
    try:
        await context.limits.hit("forms", web.client_address(request), site.id)
    except TooMany as error:
        minutes = error.retry_after // 60 + 1
        raise SubmissionRejected(
            429, i18n.text(language, "people.form.too_many", count=minutes), error.retry_after, keeps_token=True
        ) from None
    data = {
        "name": form.one("name"),
        "text": form.one("text"),
        "email": form.one("email"),
        "consent": forms.to_consent(form),
        "lang": language,
    }
    return Submission(form, form_id.id, data, language)


async def answer_unsubscribe(request: Request) -> Response:
    """Lead back to the page, whose button was pressed; a mail program must not be redirected (RFC 8058)."""
    if b"One-Click" in await web.read_body(request, forms.MAX_FORM_SIZE):
        return Response(headers={"Cache-Control": "no-store"})
    return web.see_other(request.url.path + web.language_query(request))


async def read_form(request: Request) -> Form:
    """Read a form's body. Raises Refused (sent by another origin's page), Malformed."""
    web.require_same_origin(request)
    return forms.parse_form(await web.read_body(request, forms.MAX_FORM_SIZE))


async def show_form(request: Request, site: Site, what: FormKind, number: int, **more: Any) -> Response:
    """The page with the empty form, or with the notice that it was sent."""
    language = web.negotiate_language(request, site.language)
    filled = await read_form_values(web.context(request), site, language)
    return _render_page(request, site, what, number, done="done" in request.query_params, **filled, **more)


async def handle_form(
    request: Request,
    site: Site,
    what: FormKind,
    number: int,
    take: Callable[[Submission], Awaitable[None]],
    **more: Any,
) -> Response:
    """Pass a sent form to `take`, and redirect. Where it is rejected, show it again with its values; `more` are values
    of its template."""
    form = await read_form(request)
    try:
        await take(await check_submission(request, site, form))
    except (SubmissionRejected, Invalid) as error:
        return await _show_again(request, site, what, number, form, error, **more)
    language = web.language_query(request).replace("?", "&")
    return web.see_other(f"{site.entries_path}/{number}/{what}?done=1{language}")


async def _show_again(
    request: Request,
    site: Site,
    what: FormKind,
    number: int,
    form: Form,
    error: SubmissionRejected | Invalid,
    **more: Any,
) -> Response:
    context, language = web.context(request), web.negotiate_language(request, site.language)
    notice, status, wrong, keeps_token = "", 422, error if isinstance(error, Invalid) else None, True
    if isinstance(error, SubmissionRejected):
        notice, status, keeps_token = error.notice, error.status, error.keeps_token
    token = form.one("form") if keeps_token else ""
    filled = await read_form_values(context, site, language, form, wrong, token)
    response = _render_page(request, site, what, number, status, notice=notice, **filled, **more)
    if isinstance(error, SubmissionRejected) and error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _render_page(
    request: Request,
    site: Site,
    what: FormKind,
    number: int,
    status: int = 200,
    *,
    notice: str = "",
    done: bool = False,
    **filled: Any,
) -> Response:
    return web.html_response(
        request,
        "city/below.html",
        status,
        language=web.negotiate_language(request, site.language),
        site=site,
        what=what,
        number=number,
        limits=LENGTH_LIMITS,
        notice=notice,
        done=done,
        **filled,
    )

"""The forms without scripts under a problem: a signed identifier, a trap, a shortest time, a consent, stricter limits.

What a person typed comes back with whatever was wrong, so nothing has to be written twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from widget_api import clock, i18n, web
from widget_api.errors import Invalid, TooMany
from widget_api.residents import form_values, forms, report_form
from widget_api.residents.forms import Form
from widget_api.residents.problem_forms import LIMITS
from widget_api.sites.model import Site

What = Literal["follow", "comment"]  # the last word of the form's address


@dataclass(frozen=True)
class Sent:
    """A form that passed: its fields, its own identifier, and the same as the API's JSON."""

    form: Form
    id: str
    data: Mapping[str, Any]
    language: str


class Held(Exception):
    """The form goes back to whoever sent it: `status` and the notice above it."""

    def __init__(self, status: int, notice: str, retry_after: int = 0) -> None:
        super().__init__(notice)
        self.status, self.notice, self.retry_after = status, notice, retry_after


async def received(request: Request, site: Site, form: Form) -> Sent:
    """Raises Held where a person has to look at it again."""
    context, language = web.context(request), web.negotiate_language(request, site.language)
    form_id = report_form.read_id(context.signer, site, form.one("form"))
    if form_id is None:
        raise Held(422, i18n.text(language, "people.form.stale"))
    suspicion = report_form.suspicion(form, form_id, clock.now())
    if suspicion is not None:
        raise Held(422, i18n.text(language, f"people.form.suspicion.{suspicion}"))
    try:
        await context.limits.hit("forms", web.client_address(request), site.id)
    except TooMany as error:
        minutes = error.retry_after // 60 + 1
        raise Held(429, i18n.text(language, "people.form.too_many", count=minutes), error.retry_after) from None
    data = {
        "name": form.one("name"),
        "text": form.one("text"),
        "email": form.one("email"),
        "consent": {
            "version": form.one("consent_version"),
            "processing": form.one("consent") == "yes",
            "publish_name": form.one("publish_name") == "yes",
            "name_version": form.one("name_version") or None,
        },
        "lang": language,
    }
    return Sent(form, form_id.id, data, language)


async def read(request: Request) -> Form:
    """The body of a form of ours. Raises Refused where another page sent it, Malformed."""
    web.require_same_origin(request)
    return forms.parse(await web.read_body(request, forms.LIMIT))


async def asked(request: Request, site: Site, what: What, number: int) -> Response:
    """The page of the form alone, not filled in yet, or with the word that it was sent."""
    language = web.negotiate_language(request, site.language)
    filled = await form_values.values(web.context(request), site, language)
    return _page(request, site, what, number, done="done" in request.query_params, **filled)


async def taken(
    request: Request, site: Site, what: What, number: int, take: Callable[[Sent], Awaitable[None]]
) -> Response:
    """The form was sent: `take` does what it asks for. Where it cannot, the form comes back with all that was typed."""
    form = await read(request)
    try:
        await take(await received(request, site, form))
    except (Held, Invalid) as error:
        return await _again(request, site, what, number, form, error)
    kept = web.language_query(request).replace("?", "&")
    return web.see_other(f"/s/{site.key}/problems/{number}/{what}?done=1{kept}")


async def _again(request: Request, site: Site, what: What, number: int, form: Form, held: Held | Invalid) -> Response:
    context, language = web.context(request), web.negotiate_language(request, site.language)
    notice, status, wrong = "", 422, held if isinstance(held, Invalid) else None
    if isinstance(held, Held):
        notice, status = held.notice, held.status
    token = form.one("form") if wrong is not None or status == 429 else ""
    filled = await form_values.values(context, site, language, form, wrong, token)
    response = _page(request, site, what, number, status, notice=notice, **filled)
    if isinstance(held, Held) and held.retry_after:
        response.headers["Retry-After"] = str(held.retry_after)
    return response


def _page(
    request: Request,
    site: Site,
    what: What,
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
        limits=LIMITS,
        notice=notice,
        done=done,
        **filled,
    )

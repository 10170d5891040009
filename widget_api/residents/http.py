"""The forms without scripts under a problem: a signed identifier, a trap, a shortest time, a consent, stricter limits.

What a person typed comes back with whatever was wrong, so nothing has to be written twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from widget_api import clock, http, i18n
from widget_api.errors import Invalid, TooMany
from widget_api.residents import forms, people
from widget_api.residents.forms import Form
from widget_api.residents.people import Values
from widget_api.residents.report import reading
from widget_api.sites.model import Site


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
    context, language = http.context(request), http.language(request, site.language)
    form_id = reading.read_id(context.signer, site, form.one("form"))
    if form_id is None:
        raise Held(422, i18n.text(language, "people.form.stale"))
    suspicion = reading.suspicion(form, form_id, clock.now())
    if suspicion is not None:
        raise Held(422, i18n.text(language, f"people.form.suspicion.{suspicion}"))
    try:
        await context.limits.hit("forms", http.client_address(request), site.id)
    except TooMany as error:
        minutes = error.retry_after // 60 + 1
        raise Held(429, i18n.text(language, "people.form.too_many", count=minutes), error.retry_after) from None
    data = {
        "name": form.one("name"),
        "text": form.one("text"),
        "email": form.one("email"),
        "consent": {"version": form.one("consent_version"), "processing": form.one("consent") == "yes"},
        "lang": language,
    }
    return Sent(form, form_id.id, data, language)


async def read(request: Request) -> Form:
    """The body of a form of ours. Raises Refused where another page sent it, Malformed."""
    http.from_our_own_page(request)
    return forms.parse(await http.body(request, forms.LIMIT))


async def asked(request: Request, site: Site, template: str, more: Values) -> Response:
    """The page of the form alone, not filled in yet, or with the word that it was sent."""
    language = http.language(request, site.language)
    return http.html(
        request,
        template,
        language=language,
        site=site,
        done="done" in request.query_params,
        notice="",
        **await people.values(http.context(request), site, language),
        **more,
    )


async def again(
    request: Request, site: Site, template: str, form: Form, held: Held | Invalid, more: Values
) -> Response:
    """The page of the form alone, with all that was typed and what is wrong."""
    context, language = http.context(request), http.language(request, site.language)
    notice, status, wrong = "", 422, held if isinstance(held, Invalid) else None
    if isinstance(held, Held):
        notice, status = held.notice, held.status
    token = form.one("form") if wrong is not None or status == 429 else ""
    filled = await people.values(context, site, language, form, wrong, token)
    response = http.html(
        request, template, status, language=language, site=site, notice=notice, done=False, **filled, **more
    )
    if isinstance(held, Held) and held.retry_after:
        response.headers["Retry-After"] = str(held.retry_after)
    return response

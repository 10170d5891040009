"""What is answered: JSON, our own pages under their policy, the way on after a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from widget_api import pages
from widget_api.http.asking import context, language

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(content, status, headers, "application/json")


def html(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """One of our own pages, under a policy that allows nothing but our own files."""
    chosen = values.pop("language", None) or language(request)
    values.setdefault("theme", request.cookies.get("theme"))
    page = pages.render(template, chosen, request=request, **values)
    headers = {
        "Content-Security-Policy": values.get("policy", PAGE_POLICY),
        "Referrer-Policy": "same-origin",  # with no-referrer, our own forms would send `Origin: null`
        "Cache-Control": "no-store",
        "Content-Language": chosen,
    }
    if values.get("private"):
        headers["X-Robots-Tag"] = "noindex, nofollow"
    response = HTMLResponse(page, status, headers)
    if request.query_params.get("lang"):
        remember_language(response, chosen, secure=context(request).settings.secure_cookies)
    return response


def remember_language(response: Response, chosen: str, *, secure: bool) -> None:
    """A choice holds for the pages that follow."""
    response.set_cookie("lang", chosen, max_age=31_536_000, httponly=True, samesite="lax", secure=secure)


def see_other(address: str) -> Response:
    """After a form: a page to be fetched, so that reloading it sends nothing again."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})

"""Build responses: JSON, HTML pages with their security headers, redirects after a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from widget_api.web import pages
from widget_api.web.compression import PUBLIC_PAGE
from widget_api.web.requests import context, cookie, cookie_name, negotiate_language

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)

_YEAR = 365 * 86_400  # seconds


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(content, status, headers, "application/json")


def html_response(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page with a Content-Security-Policy that allows only the service's own files.

    `public` declares that the page contains nothing of its reader, which compression.py requires; `private` keeps it
    out of search engines.
    """
    chosen = values.pop("language", None) or negotiate_language(request)
    values.setdefault("theme", cookie(request, "theme"))
    page = pages.render(template, chosen, request=request, **values)
    headers = {
        "Content-Security-Policy": values.get("policy", PAGE_POLICY),
        "Referrer-Policy": "same-origin",  # with no-referrer, the page's forms would send `Origin: null`
        "Cache-Control": "no-store",
        "Content-Language": chosen,
    }
    if values.get("public"):
        request.scope[PUBLIC_PAGE] = True
    if values.get("private"):
        headers["X-Robots-Tag"] = "noindex, nofollow"
    response = HTMLResponse(page, status, headers)
    if request.query_params.get("lang"):
        remember_language(request, response, chosen)
    return response


def set_cookie(request: Request, response: Response, name: str, value: str, *, max_age: int) -> None:
    """Set a cookie that scripts and other sites cannot read; `max_age` in seconds."""
    response.set_cookie(
        cookie_name(context(request), name),
        value,
        max_age=max_age,
        httponly=True,
        samesite="lax",
        secure=context(request).settings.https,
    )


def delete_cookie(request: Request, response: Response, name: str) -> None:
    """Delete a cookie. With the prefix `__Host-` browsers require the attributes the prefix demands here as well."""
    response.delete_cookie(
        cookie_name(context(request), name), secure=context(request).settings.https, httponly=True, samesite="lax"
    )


def remember_language(request: Request, response: Response, chosen: str) -> None:
    """Store the chosen language for the following pages."""
    set_cookie(request, response, "lang", chosen, max_age=_YEAR)


def see_other(address: str) -> Response:
    """Redirect after a form to a page whose reload does not send the form again."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})

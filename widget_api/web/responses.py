"""Build responses: JSON, HTML pages with their security headers, redirects after a form, conditional responses.

ETags (RFC 9110) are computed from the versions of their data, not from bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from widget_api import __version__, clock
from widget_api.web import pages
from widget_api.web.middleware import PUBLIC_PAGE
from widget_api.web.requests import context, cookie, cookie_name, negotiate_language, query_pairs

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
PHOTO_POLICY = PAGE_POLICY.replace("img-src 'self'", "img-src 'self' blob:")  # photos.js draws photos smaller

# Of pages that hold the widget, which shows photos before they are sent, and that can be installed.
WIDGET_POLICY = PHOTO_POLICY.replace("form-action", "manifest-src 'self'; form-action")

_YEAR = 365 * clock.DAY  # seconds
SHARED_CACHE_CONTROL = "max-age=0, s-maxage=10, stale-while-revalidate=30"


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(content, status, headers, "application/json")


def html_response(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page with a Content-Security-Policy that allows only the service's own files.

    `public` declares that the page contains nothing of its reader, which compression requires; `private` keeps it
    out of search engines.
    """
    chosen = values.pop("language", None) or negotiate_language(request)
    values.setdefault("theme", cookie(request, "theme"))
    values.setdefault("operator_contact", context(request).settings.operator_contact)
    page = pages.render(template, chosen, request=request, **values)
    headers = _page_headers(chosen, values.get("policy", PAGE_POLICY))
    if values.get("public"):
        request.scope[PUBLIC_PAGE] = True
    if values.get("private") or getattr(values.get("site"), "is_test", None):
        headers["X-Robots-Tag"] = "noindex, nofollow"
    response = HTMLResponse(page, status, headers)
    if request.query_params.get("lang"):
        remember_language(request, response, chosen)
    return response


def _page_headers(language: str, policy: str = PAGE_POLICY) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",  # with no-referrer, the page's forms would send `Origin: null`
        "Cache-Control": "no-store",
        "Content-Language": language,
    }


def kept_page_response(request: Request, content: bytes, etag: str, language: str) -> Response:
    """Return a page that is kept, rendered once for each language and theme, which are all it depends on.

    Shared caches may store it, except where a language is chosen by the URL: that response sets a cookie.
    """
    request.scope[PUBLIC_PAGE] = True
    headers = _page_headers(language) | {"ETag": etag, "Vary": "Accept-Language, Cookie"}
    chosen = request.query_params.get("lang")
    if not chosen:
        headers["Cache-Control"] = SHARED_CACHE_CONTROL
    not_modified = is_not_modified(request, etag)
    response = Response(status_code=304, headers=headers) if not_modified else HTMLResponse(content, headers=headers)
    if chosen:
        remember_language(request, response, language)
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


def make_etag(*parts: object, weak: bool = False) -> str:
    """Return an ETag computed from these parts and this release; weak if equal content may have different bytes."""
    name = hashlib.sha256("\0".join([__version__, *[str(part) for part in parts]]).encode()).hexdigest()
    return f'{"W/" if weak else ""}"{name}"'


def is_not_modified(request: Request, etag: str, *, exists: bool = True) -> bool:
    """Whether the client has this version already. Proxies may have made the tag weak.

    `*` matches any existing resource (RFC 9110, 13.1.2): pass `exists=False` while that is not known.
    """
    tags = request.headers.get("if-none-match", "").strip()
    return exists if tags == "*" else etag.removeprefix("W/") in tags


def next_page_header(request: Request, cursor: str | None) -> dict[str, str]:
    """Return `Link: <…>; rel="next"` (RFC 8288): the same query with the cursor of the next page."""
    if cursor is None:
        return {}
    query = [(name, value) for name, value in query_pairs(request.scope["query_string"]) if name != "cursor"]
    address = context(request).settings.public_url + quote(request.scope["path"])
    return {"Link": f'<{address}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'}


def cacheable_response(
    content: Any,
    etag: str,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Return a response that shared caches may store for some seconds. Content other than bytes is sent as JSON."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    all_headers = {"ETag": etag, "Cache-Control": SHARED_CACHE_CONTROL, **(headers or {})}
    return Response(body, status, all_headers, media_type if status == 200 else None)

"""Respond to errors: with problem+json under /api/, with a page elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from widget_api import errors, i18n
from widget_api.web.requests import API_PREFIX, negotiate_language
from widget_api.web.responses import html_response

log = logging.getLogger("widget_api.http")


STATUS: Mapping[type[errors.DomainError], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Refused: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.WrongType: 415,
    errors.Invalid: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
    errors.Busy: 503,
}
# Pages that help after an error: a new private link can be obtained by code or by letter.
_RECOVERY_LINKS = {"private_link_invalid": "/track", "application_link_invalid": "/sites/new"}
MAX_LISTED_VALUES = 50  # allowed values listed in an error
_CODE_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "wrong_type", 400: "malformed"}


def problem_response(request: Request, status: int, error: errors.DomainError) -> Response:
    """Return a response by RFC 9457, with the invalid fields in `errors`."""
    chosen = negotiate_language(request)
    content: dict[str, Any] = {
        "type": f"urn:igrajdanin:problem:{error.code}",
        "title": i18n.text(chosen, f"titles.{status}"),
        "status": status,
        "detail": error_detail(chosen, error),
        "code": error.code,
    }
    content |= {name: value for name, value in error.values.items() if isinstance(value, (str, int))}
    content |= _allowed(error.values.get("allowed"))
    if isinstance(error, errors.Invalid):
        content["errors"] = [
            {"field": e.field, "code": e.code, "detail": i18n.field_error(chosen, e.field, e.code, e.values)}
            | {name: value for name, value in e.values if name == "url"}
            | _allowed(e.allowed)
            for e in error.fields
        ]
    return Response(orjson.dumps(content), status, {"Content-Language": chosen}, "application/problem+json")


def _allowed(values: Any) -> dict[str, Any]:
    return {"allowed": list(values[:MAX_LISTED_VALUES])} if values else {}


def format_allowed_values(chosen: str, values: Any) -> str:
    """Return « Можно: new, updated.», empty without values."""
    if not values:
        return ""
    more = ", …" if len(values) > MAX_LISTED_VALUES else ""
    return " " + i18n.text(chosen, "errors.allowed", values=", ".join(values[:MAX_LISTED_VALUES]) + more)


def error_detail(chosen: str, error: errors.DomainError) -> str:
    """Return the sentence of an error in the visitor's language."""
    key = f"errors.{error.code}"
    text = i18n.text(chosen, key if i18n.has(key) else "errors.failed", **error.values)
    return text + format_allowed_values(chosen, error.values.get("allowed"))


def recovery_link(path: str, code: str) -> dict[str, str] | None:
    """Return a link to continue after an error: the start page of the same part of the service."""
    parts = path.split("/")
    if parts[1] == "cabinet":
        return {"kind": "cabinet", "href": "/cabinet/"}
    if parts[1] == "s" and parts[3:4] == ["c"] and len(parts) > 5 and code != "collection_not_found":
        return {"kind": "collection", "href": "/".join(parts[:5])}
    if parts[1] == "s" and len(parts) > 3 and code != "site_not_found":
        return {"kind": "site", "href": "/".join(parts[:3])}
    return None


def error_response(request: Request, status: int, error: errors.DomainError) -> Response:
    """Return problem+json under /api/, a page elsewhere."""
    if request.url.path.startswith(API_PREFIX):
        response = problem_response(request, status, error)
    else:
        if error.code == "site_not_found" and "/c/" in request.url.path:  # followed to a list that is hidden now
            error = errors.NotFound("collection_not_found")
        message, recovery_path = error_detail(negotiate_language(request), error), _RECOVERY_LINKS.get(error.code)
        back = recovery_link(request.url.path, error.code)
        response = html_response(
            request, "error.html", status, code=status, message=message, recovery_path=recovery_path, back=back
        )
    response.headers["Cache-Control"] = "no-store"
    if isinstance(error, errors.Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, 15.5.2
    if isinstance(error, (errors.TooMany, errors.Busy)):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


async def on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.DomainError)
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if status >= 500:
        log.warning("%s: %s", type(error).__name__, error.__cause__ or error.__context__)
    return error_response(request, status, error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Respond to errors of Starlette itself: unknown paths, methods, broken forms."""
    assert isinstance(error, HTTPException)
    response = error_response(
        request, error.status_code, errors.DomainError(_CODE_BY_STATUS.get(error.status_code, "failed"))
    )
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        response.headers["Allow"] = ", ".join(sorted(_allowed_methods(request)))
    return response


def _allowed_methods(request: Request) -> set[str]:
    """Return the methods of all routes of a path (RFC 9110, 10.2.1); Starlette lists those of the first one only."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return {method for route in routes for method in getattr(route, "methods", None) or ()}


async def on_crash(request: Request, error: Exception) -> Response:
    log.error("unhandled", exc_info=error)
    return error_response(request, 500, errors.DomainError())

"""Build conditional responses (RFC 9110), whose ETags are computed from the versions of their data, not from bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from widget_api import __version__
from widget_api.web.requests import context, query_pairs

SHARED_CACHE_CONTROL = "max-age=0, s-maxage=10, stale-while-revalidate=30"


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

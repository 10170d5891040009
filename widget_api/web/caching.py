"""Conditional answers: named by what they follow from, so that an unchanged one costs its asker nothing (RFC 9110)."""

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
    """The ETag of what follows from these parts and this release; weak where bytes may differ but not the sense."""
    name = hashlib.sha256("\0".join([__version__, *[str(part) for part in parts]]).encode()).hexdigest()
    return f'{"W/" if weak else ""}"{name}"'


def is_not_modified(request: Request, wanted: str, *, there: bool = True) -> bool:
    """Whether the asker has it already; proxies may have weakened the tag on its way.

    `*` stands for any tag of what exists (RFC 9110, 13.1.2): where that is not known yet, `there` is False.
    """
    asked = request.headers.get("if-none-match", "").strip()
    return there if asked == "*" else wanted.removeprefix("W/") in asked


def next_page_header(request: Request, cursor: str | None) -> dict[str, str]:
    """`Link: <…>; rel="next"` (RFC 8288): the same question with the cursor of the page after this one."""
    if cursor is None:
        return {}
    asked = [(name, value) for name, value in query_pairs(request.scope["query_string"]) if name != "cursor"]
    address = context(request).settings.public_url + quote(request.scope["path"])
    return {"Link": f'<{address}?{urlencode([*asked, ("cursor", cursor)])}>; rel="next"'}


def cacheable_response(
    content: Any,
    etag: str,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """An answer that shared caches may hold for some seconds. Content that is not bytes is sent as JSON."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    known = {"ETag": etag, "Cache-Control": SHARED_CACHE_CONTROL, **(headers or {})}
    return Response(body, status, known, media_type if status == 200 else None)

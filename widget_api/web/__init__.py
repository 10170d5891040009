"""Between the domain and HTTP: errors to problem+json or a page, CORS, body limits, languages, headers, the log."""

from widget_api.web.bodies import Sent, body, closing, json_object, media_type, multipart, unless_gone
from widget_api.web.caching import SHARED, cacheable, next_page, tag, unchanged
from widget_api.web.compression import Compressed
from widget_api.web.errors import detail, offered, on_crash, on_domain_error, on_http_exception, way_back
from widget_api.web.expensive_reads import costly
from widget_api.web.middleware import Around
from widget_api.web.requests import (
    client_address,
    context,
    cookie,
    cookie_name,
    from_our_own_page,
    kept_language,
    language,
    pairs,
    sender,
)
from widget_api.web.responses import PAGE_POLICY, delete_cookie, html, json, remember_language, see_other, set_cookie
from widget_api.web.streaming import Streamed

__all__ = [
    "PAGE_POLICY",
    "SHARED",
    "Around",
    "Compressed",
    "Sent",
    "Streamed",
    "body",
    "cacheable",
    "client_address",
    "closing",
    "context",
    "cookie",
    "cookie_name",
    "costly",
    "delete_cookie",
    "detail",
    "from_our_own_page",
    "html",
    "json",
    "json_object",
    "kept_language",
    "language",
    "media_type",
    "multipart",
    "next_page",
    "offered",
    "on_crash",
    "on_domain_error",
    "on_http_exception",
    "pairs",
    "remember_language",
    "see_other",
    "sender",
    "set_cookie",
    "tag",
    "unchanged",
    "unless_gone",
    "way_back",
]

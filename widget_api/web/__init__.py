"""Connect the domain to HTTP: error responses, CORS, body limits, languages, headers, the request log."""

from widget_api.web.bodies import (
    UploadedFile,
    cancel_on_disconnect,
    closing_files,
    media_type,
    read_body,
    read_json_object,
    read_multipart,
)
from widget_api.web.compression import CompressionMiddleware
from widget_api.web.errors import (
    error_detail,
    format_allowed_values,
    on_crash,
    on_domain_error,
    on_http_exception,
    recovery_link,
)
from widget_api.web.fair_queue import expensive_read
from widget_api.web.middleware import HeadersMiddleware
from widget_api.web.requests import (
    client_address,
    client_network,
    context,
    cookie,
    cookie_name,
    language_query,
    negotiate_language,
    query_pairs,
    require_same_origin,
)
from widget_api.web.responses import (
    PAGE_POLICY,
    SHARED_CACHE_CONTROL,
    cacheable_response,
    delete_cookie,
    html_response,
    is_not_modified,
    json_response,
    make_etag,
    next_page_header,
    remember_language,
    see_other,
    set_cookie,
)
from widget_api.web.streaming import StreamedResponse

__all__ = [
    "PAGE_POLICY",
    "SHARED_CACHE_CONTROL",
    "CompressionMiddleware",
    "HeadersMiddleware",
    "StreamedResponse",
    "UploadedFile",
    "cacheable_response",
    "cancel_on_disconnect",
    "client_address",
    "client_network",
    "closing_files",
    "context",
    "cookie",
    "cookie_name",
    "delete_cookie",
    "error_detail",
    "expensive_read",
    "format_allowed_values",
    "html_response",
    "is_not_modified",
    "json_response",
    "language_query",
    "make_etag",
    "media_type",
    "negotiate_language",
    "next_page_header",
    "on_crash",
    "on_domain_error",
    "on_http_exception",
    "query_pairs",
    "read_body",
    "read_json_object",
    "read_multipart",
    "recovery_link",
    "remember_language",
    "require_same_origin",
    "see_other",
    "set_cookie",
]

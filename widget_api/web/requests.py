"""Read properties of a request: language, client address, cookies, origin of a form."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from widget_api import errors, i18n
from widget_api.web import limits

if TYPE_CHECKING:
    from widget_api.context import Context

API_PREFIX = "/api/"
_ZERO_WEIGHT = re.compile(r"q=0(\.0*)?")  # «not acceptable» (RFC 9110, 12.4.2)


def context(request: Request) -> Context:
    return cast("Context", request.app.state.context)


def query_pairs(query: bytes) -> list[tuple[str, str]]:
    """Return names and values in order, including blank ones. `Request.query_params` builds more than is needed."""
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)


def negotiate_language(request: Request, default: str = i18n.DEFAULT_LANGUAGE) -> str:
    """Return ?lang=, else (on pages) the cookie's, else the first supported in Accept-Language, else the default."""
    language = request.query_params.get("lang")
    if not language and not request.scope["path"].startswith(API_PREFIX):
        language = cookie(request, "lang")
    if language:
        return i18n.supported_language(language)
    for part in request.headers.get("accept-language", "")[:200].split(","):
        tag, _, weight = part.partition(";")
        short = tag.strip().lower().partition("-")[0]
        if short in i18n.LANGUAGES and not _ZERO_WEIGHT.fullmatch(weight.strip()):
            return short
    return default


def client_address(request: Request) -> str:
    """Return the address of the peer, or that reported by trusted proxies (X-Forwarded-For, read from the right)."""
    address = request.client.host if request.client else "0.0.0.0"  # noqa: S104 - a name for «unknown», not a bind
    trusted = context(request).settings.trusted_proxies
    # A proxy may add its own line (HAProxy does) after the client's, which cannot be trusted.
    for hop in reversed(",".join(request.headers.getlist("x-forwarded-for")).split(",")):
        if not hop or not _in_networks(address, trusted) or not _is_address(hop.strip()):
            break
        address = hop.strip()
    return address


def client_network(request: Request) -> str:
    """Return the network under which the client is counted."""
    return limits.network_of(client_address(request))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _in_networks(address: str, networks: tuple[Any, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def cookie_name(context: Context, name: str) -> str:
    """Return a cookie name, with TLS one that browsers accept from this host only, for all of its pages.

    Without the prefix a sibling host could set a cookie of this name for a parent domain (RFC 6265bis, 4.1.3.2).
    """
    return f"__Host-{name}" if context.settings.https else name


def cookie(request: Request, name: str) -> str | None:
    """Return the value of one of the service's cookies. None if it is sent twice: another host has set one of them.

    Starlette's `cookies` returns the last one.
    """
    full_name = cookie_name(context(request), name)
    pairs = (pair.partition("=") for pair in ";".join(request.headers.getlist("cookie")).split(";"))
    values = [value.strip() for own, _, value in pairs if own.strip() == full_name]
    return values[0] if len(values) == 1 else None


def language_query(request: Request) -> str:
    """Return the query that preserves a language given in the URL, empty if there is none."""
    language = request.query_params.get("lang")
    return f"?lang={i18n.supported_language(language)}" if language else ""


def require_same_origin(request: Request) -> None:
    """Raise Refused if a form was sent from a page of another origin (login and action CSRF)."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = urlsplit(context(request).settings.public_url)
    own = {f"{ours.scheme}://{ours.netloc}", f"{request.url.scheme}://{request.url.netloc}"}
    same = site in ("same-origin", "none") if site else origin is None or origin in own
    if not same:
        raise errors.Refused("foreign_form")

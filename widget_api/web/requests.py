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
    """Names and values in order, blank ones too. `Request.query_params` makes more of them than a parser needs."""
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)


def negotiate_language(request: Request, default: str = i18n.DEFAULT_LANGUAGE) -> str:
    """?lang=, else (on a page) what was chosen before, else the first known of Accept-Language, else the default."""
    asked = request.query_params.get("lang")
    if not asked and not request.scope["path"].startswith(API_PREFIX):
        asked = cookie(request, "lang")
    if asked:
        return i18n.known(asked)
    for part in request.headers.get("accept-language", "")[:200].split(","):
        tag, _, weight = part.partition(";")
        short = tag.strip().lower().partition("-")[0]
        if short in i18n.LANGUAGES and not _ZERO_WEIGHT.fullmatch(weight.strip()):
            return short
    return default


def client_address(request: Request) -> str:
    """The peer, or what the nearest proxies we trust say of it (X-Forwarded-For is read from the right)."""
    address = request.client.host if request.client else "0.0.0.0"  # noqa: S104 - a name for «unknown», not a bind
    trusted = context(request).settings.trusted_proxies
    # A proxy may add a line of its own (HAProxy does) below the caller's, which says what the caller likes.
    for hop in reversed(",".join(request.headers.getlist("x-forwarded-for")).split(",")):
        if not hop or not _in_networks(address, trusted) or not _is_address(hop.strip()):
            break
        address = hop.strip()
    return address


def client_network(request: Request) -> str:
    """The network the caller is counted under."""
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
    """Where residents come by TLS, one that browsers take from this very host alone, for all of its pages.

    Without the prefix a neighbouring host could set a cookie of this name for a parent domain (RFC 6265bis, 4.1.3.2).
    """
    return f"__Host-{name}" if context.settings.https else name


def cookie(request: Request, name: str) -> str | None:
    """The value of one of our cookies. Sent twice it is none: one of the two was set by somebody else.

    Starlette's `cookies` takes the last of them.
    """
    wanted = cookie_name(context(request), name)
    sent = (one.partition("=") for one in ";".join(request.headers.getlist("cookie")).split(";"))
    found = [value.strip() for own, _, value in sent if own.strip() == wanted]
    return found[0] if len(found) == 1 else None


def language_query(request: Request) -> str:
    """The query that keeps a language chosen in the address."""
    asked = request.query_params.get("lang")
    return f"?lang={i18n.known(asked)}" if asked else ""


def require_same_origin(request: Request) -> None:
    """Raises Refused where a form was sent from somebody else's page (login and action CSRF)."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = urlsplit(context(request).settings.public_url)
    own = {f"{ours.scheme}://{ours.netloc}", f"{request.url.scheme}://{request.url.netloc}"}
    same = site in ("same-origin", "none") if site else origin is None or origin in own
    if not same:
        raise errors.Refused("foreign_form")

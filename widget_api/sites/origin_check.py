"""Which pages may speak for a site. Key and origin identify, they never authorise: limits hold without them."""

from __future__ import annotations

from widget_api.errors import Refused
from widget_api.sites import origins
from widget_api.sites.model import Site


def admit(site: Site, origin_header: str | None, public_url: str) -> str:
    """The origin a write comes from. A missing one is the service itself, which is always allowed.

    Raises Refused («origin_not_registered») that names the origin and where to register it. A browser writes origins
    in small letters (WHATWG URL, host serializing), so anything else is a look-alike and compared as it stands.
    """
    own = origins.of_url(public_url)
    if origin_header is None:
        return own
    origin = _as_browsers_write(origin_header)
    if origin is not None and (origin == own or origin in site.origins):
        return origin
    raise Refused("origin_not_registered", origin=origin_header[:300], register_url=register_url(public_url))


def register_url(public_url: str) -> str:
    """Where a webmaster learns how to have an origin registered."""
    return f"{public_url}/sites/new"


def _as_browsers_write(header: str) -> str | None:
    if header != header.lower():
        return None
    try:
        return origins.normalise(header)
    except origins.NotAnOrigin:
        return None

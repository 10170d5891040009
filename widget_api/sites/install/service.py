"""The install check of a site: what its counts say, what one of its pages holds, and the link that opens the check."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from widget_api import clock, journal
from widget_api.database import Database
from widget_api.errors import FieldError, Invalid
from widget_api.outbound import Outbound
from widget_api.settings import Settings
from widget_api.signing import Purpose, Signer
from widget_api.sites import changes, origins
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.install import inspection, store
from widget_api.sites.install.inspection import KeyState, Line, Service
from widget_api.sites.install.overview import SHOWN_DAYS, Overview, overview
from widget_api.sites.model import Site

if TYPE_CHECKING:
    from widget_api.context import Context

log = logging.getLogger(__name__)
MOST_REGISTERED = 20  # origins a site may get through the cabinet


async def read_overview(database: Database, settings: Settings, site: Site) -> Overview:
    today = local_date(clock.now(), site.time_zone)
    first = (today - timedelta(days=SHOWN_DAYS - 1)).isoformat()
    sightings = await store.since(database, site.id, first)
    return overview(sightings, today, site.origins, origins.of_url(settings.public_url))


async def examine(
    database: Database, settings: Settings, outbound: Outbound, site: Site, url: str
) -> tuple[str, list[Line]]:
    """Look at one page now: its address and what was found. Raises Invalid where it is none of the site's."""
    held = Service(public_url=settings.public_url, keys=await _keys(database, site))
    return await inspection.inspect(outbound, site, held, url.strip(), private=not settings.production)


async def _keys(database: Database, site: Site) -> dict[str, KeyState]:
    now = clock.now()
    return {row["key"]: _state(row, site, now) for row in await changes.keys(database, site.id)}


def _state(row: Mapping[str, Any], site: Site, now: int) -> KeyState:
    if row["key"] == site.key:
        return "current"
    return "expired" if row["expires_at"] is not None and row["expires_at"] <= now else "old"


async def register_refused(database: Database, site: Site, origin: str, who: journal.Who) -> None:
    """Add an origin the widget was refused on. What nobody has tried cannot be added this way.

    Raises Invalid.
    """
    since = (local_date(clock.now(), site.time_zone) - timedelta(days=SHOWN_DAYS)).isoformat()
    seen = await store.since(database, site.id, since)
    tried = any(one.kind == "origin_refused" and one.origin == origin for one in seen)
    try:
        written = origins.normalise(origin)
    except origins.NotAnOrigin:
        written = ""
    if not tried or written != origin:
        raise Invalid((FieldError("origin", "origin_not_tried"),))
    if len(site.origins) >= MOST_REGISTERED:
        raise Invalid((FieldError("origin", "too_many_origins"),))
    await changes.update(database, site.id, {}, add_origins=[origin], who=who)
    log.info("origin added in the cabinet to site %s: %s", site.id, origin)


# --- the link ------------------------------------------------------------------------------------------------------


def check_link(settings: Settings, site: Site) -> str:
    """Opens the check of this site without signing in; good for 90 days."""
    token = Signer(settings.secret_keys).sign(Purpose.INSTALL, {"s": site.id})
    return f"{settings.public_url}/s/{site.key}/install/check?token={token}"


async def of_link(context: Context, token: str) -> Site | None:
    """The site a link is for, whatever became of the key in its address."""
    payload = context.signer.read(Purpose.INSTALL, token)
    return await sites.by_id(context.database, payload["s"]) if isinstance(payload, dict) else None

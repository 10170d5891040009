"""Check a site's installation by its counts and by fetching one of its pages; sign the link to the check."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from widget_api import clock, journal, schedule
from widget_api.database import Database, Transaction
from widget_api.errors import FieldError, Invalid
from widget_api.outbound import Outbound
from widget_api.permissions import may
from widget_api.settings import Settings
from widget_api.signing import Purpose, Signer
from widget_api.sites import changes, origins, store
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.install import inspection
from widget_api.sites.install import sightings as install_sightings
from widget_api.sites.install.inspection import CheckLine, ExpectedService, KeyState
from widget_api.sites.install.overview import SHOWN_DAYS, OldKeyUse, Overview, list_old_key_uses, make_overview
from widget_api.sites.model import Site

if TYPE_CHECKING:
    from widget_api.context import Context

log = logging.getLogger(__name__)
MAX_REGISTERED_ORIGINS = 20  # limit of origins added in the cabinet


async def read_overview(database: Database, settings: Settings, site: Site) -> Overview:
    today = local_date(clock.now(), site.time_zone)
    first = (today - timedelta(days=SHOWN_DAYS - 1)).isoformat()
    sightings = await install_sightings.list_since(database, site.id, first)
    return make_overview(sightings, today, site.origins, origins.origin_of_url(settings.public_url))


async def check_page(
    database: Database, settings: Settings, outbound: Outbound, site: Site, url: str
) -> tuple[str, list[CheckLine]]:
    """Fetch and check one page. Returns its final address and the results. Raises Invalid (not a page of the site)."""
    expected = ExpectedService(public_url=settings.public_url, keys=await _key_states(database, site))
    return await inspection.inspect_page(outbound, site, expected, url.strip(), private=not settings.production)


async def _key_states(database: Database, site: Site) -> dict[str, KeyState]:
    now = clock.now()
    return {row["key"]: _key_state(row, site, now) for row in await changes.list_keys(database, site.id)}


def _key_state(row: Mapping[str, Any], site: Site, now: int) -> KeyState:
    if row["key"] == site.key:
        return "current"
    return "expired" if row["expires_at"] is not None and row["expires_at"] <= now else "old"


async def register_refused_origin(database: Database, site: Site, origin: str, who: journal.Who) -> None:
    """Register an origin on which the widget was refused within the last days. Raises Invalid."""
    since = (local_date(clock.now(), site.time_zone) - timedelta(days=SHOWN_DAYS)).isoformat()
    seen = await install_sightings.list_since(database, site.id, since)
    tried = any(one.kind == "origin_refused" and one.origin == origin for one in seen)
    try:
        written = origins.normalise_origin(origin)
    except origins.InvalidOrigin:
        written = ""
    if not tried or written != origin:
        raise Invalid((FieldError("origin", "origin_not_tried"),))
    await _add_origin(database, site, origin, who)


async def add_origin(database: Database, site: Site, text: str, who: journal.Who) -> str:
    """Register the origin of an address as people write it. Returns it. Raises Invalid."""
    text = text.strip()
    try:
        origin = origins.origin_of_address(text)
    except origins.InvalidOrigin:
        raise Invalid((FieldError("origin", "origin" if text else "required", (("value", text[:200]),)),)) from None
    if origin not in site.origins:
        await _add_origin(database, site, origin, who)
    return origin


async def _add_origin(database: Database, site: Site, origin: str, who: journal.Who) -> None:
    """Raises Invalid where another agency has the host, which it hands over to an application alone. Operators may.

    What an agency adds is claimed: it does not stand in the way of who proves that the domain is theirs.
    """
    if len(site.origins) >= MAX_REGISTERED_ORIGINS:
        raise Invalid((FieldError("origin", "too_many_origins"),))
    of_operator = may(who.role, "service.operate")

    async def check_holders(tx: Transaction) -> None:
        holders = await store.list_holders(tx, origin)
        if not of_operator and any(row["agency_id"] != site.agency.id for row in holders):
            raise Invalid((FieldError("origin", "origin_held"),))

    async with schedule.exclusive(database, store.HOLDERS_LOCK):  # two agencies at once, in two processes
        await changes.update_site(
            database, site.id, {}, add_origins=[origin], claimed=not of_operator, who=who, along=check_holders
        )
    log.info("origin added in the cabinet to site %s: %s", site.id, origin)


async def remove_origin(
    database: Database,
    site: Site,
    origin: str,
    who: journal.Who,
    *,
    along: Callable[[Transaction], Awaitable[None]] | None = None,
) -> None:
    """Remove an origin of the site; the widget stops working on it at once. `along` is of the same transaction."""
    await changes.update_site(database, site.id, {}, remove_origins=[origin], who=who, along=along)
    log.info("origin removed in the cabinet from site %s: %s", site.id, origin)


async def read_old_key_uses(database: Database, site: Site, today: date) -> list[OldKeyUse]:
    """Where keys before the current one were used within the last SHOWN_DAYS."""
    since = (today - timedelta(days=SHOWN_DAYS - 1)).isoformat()
    return list_old_key_uses(await install_sightings.list_since(database, site.id, since), today)


# --- the link ------------------------------------------------------------------------------------------------------


def make_check_url(settings: Settings, site: Site) -> str:
    """The address of the site's check without signing in, valid for 90 days."""
    token = Signer(settings.secret_keys).sign(Purpose.INSTALL, {"s": site.id})
    return f"{settings.public_url}/s/{site.key}/install/check?token={token}"


async def find_site_by_link(context: Context, token: str) -> Site | None:
    """The site of a link's token, even if the key in its address has changed."""
    payload = context.signer.read(Purpose.INSTALL, token)
    return await sites.by_id(context.database, payload["s"]) if isinstance(payload, dict) else None

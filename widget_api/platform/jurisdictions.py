"""Ask the platforms of a site whether they know it, before its first report would fail there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from widget_api.database import Database
from widget_api.outbound import Outbound
from widget_api.platform.client import Client, TemporaryFailure
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.sites import service as sites

TIME_LIMIT = 5  # seconds for all


@dataclass(frozen=True, kw_only=True)
class UnknownSite:
    """A site that a platform does not know by the name it would be sent with, or whose address is wrong."""

    platform: Platform
    site_name: str
    site_key: str
    jurisdiction: str

    def explain(self) -> str:
        """Say on the command line what to do."""
        name = self.platform.name
        return (
            f"warning: {name} does not know {self.site_name} as {self.jurisdiction}, or its URL is wrong: have its"
            f" operator add the site, or name it as {name} does: platform serve {self.platform.id}"
            f" --site {self.site_key} --jurisdiction NAME"
        )


async def find_unknown(
    database: Database, outbound: Outbound, site_ids: Sequence[str], *, only: str | None = None
) -> list[UnknownSite]:
    """Ask the platforms that serve these sites, or the one named by `only`. Those that do not respond are left out."""
    unknown = list[UnknownSite]()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TIME_LIMIT):
            for site_id in site_ids:
                for platform_id in await platforms.platforms_of_site(database, site_id):
                    if only in (None, platform_id):
                        unknown += await _ask(database, outbound, site_id, platform_id)
    return unknown


async def _ask(database: Database, outbound: Outbound, site_id: str, platform_id: str) -> list[UnknownSite]:
    platform, site = await platforms.find_platform(database, platform_id), await sites.by_id(database, site_id)
    if platform is None or platform.protocol != "georeport":
        return []
    jurisdiction = await platforms.jurisdiction(database, platform, site)
    try:
        if await Client(outbound, platform, jurisdiction).knows_jurisdiction():
            return []
    except TemporaryFailure:
        return []
    return [UnknownSite(platform=platform, site_name=site.name, site_key=site.key, jurisdiction=jurisdiction)]

"""Whose place it is: whether a point lies in a site's territory, and where else it belongs."""

from __future__ import annotations

from dataclasses import dataclass

from widget_api.database import Database
from widget_api.sites import service
from widget_api.sites.model import Site


@dataclass(frozen=True)
class Other:
    """Another agency's site, as a resident is sent there."""

    name: str
    agency: str
    url: str


async def other(database: Database, site: Site, where: tuple[float, float] | None, public_url: str) -> Other | None:
    """The enabled site a point outside `site` belongs to: of several the smallest. Reads nothing for a point inside."""
    if where is None or site.covers(*where):
        return None
    fitting = [
        one
        for one in await service.all_sites(database)
        if one.id != site.id and one.territory is not None and one.territory.covers(*where)
    ]
    if not fitting:
        return None
    chosen = min(fitting, key=lambda one: one.territory.size if one.territory else 0)
    return Other(chosen.name, chosen.agency.name, f"{public_url}/s/{chosen.key}")

"""Find the site whose territory contains a point outside another site's."""

from __future__ import annotations

from dataclasses import dataclass

from widget_api.database import Database
from widget_api.sites import service
from widget_api.sites.model import Site


@dataclass(frozen=True)
class OtherSite:
    """Another site, to which a resident is directed."""

    name: str
    agency: str
    url: str


async def find_other_site(
    database: Database, site: Site, where: tuple[float, float] | None, public_url: str
) -> OtherSite | None:
    """The enabled site with the smallest territory around a point; None where the point lies in `site` itself."""
    if where is None or site.covers(*where):
        return None
    fitting = [
        one
        for one in await service.list_sites(database)
        if one.id != site.id and one.territory is not None and one.territory.covers(*where)
    ]
    if not fitting:
        return None
    chosen = min(fitting, key=lambda one: one.territory.size if one.territory else 0)
    return OtherSite(chosen.name, chosen.agency.name, f"{public_url}/s/{chosen.key}")

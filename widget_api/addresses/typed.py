"""Complete the place of a form that was sent: the point of a typed address, and the address of a point.

Forms with scripts do both while they are filled in (static/address.js).
"""

from __future__ import annotations

from dataclasses import dataclass

from widget_api.addresses import search, store
from widget_api.database import Database
from widget_api.errors import FieldError
from widget_api.problems import forms, intake
from widget_api.problems.forms import Form
from widget_api.sites.model import Site

CHOICE = "address_choice"  # the address chosen of several, empty for the text as it was typed
ASKED = "address_asked"  # the text for which they were offered
UNCLEAR = FieldError("location.address", "address_unclear")


@dataclass(frozen=True)
class Place:
    """Address and coordinates as fields of a form have them, and the addresses of which one is to be chosen first."""

    address: str
    coordinates: str
    offered: tuple[str, ...] = ()


async def find_source(database: Database, site: Site) -> str:
    """The path that suggests addresses of a site, empty where none are loaded."""
    return f"/api/v1/sites/{site.key}/addresses" if await store.is_filled(database, _owner(site)) else ""


async def complete(
    database: Database, site: Site, address: str, coordinates: str, *, choice: str | None = None, asked: str = ""
) -> Place:
    """Complete a place from the addresses of the site.

    An address that means one house gets its point, if it is in the territory; one that may mean several is offered
    (`offered`), unless `choice` is empty: it stays as typed. `choice` is None where nothing was chosen.
    """
    owner, address = _owner(site), " ".join((choice or address).split())
    if coordinates.strip():
        lat, lng = forms.split_coordinates(coordinates)
        point = intake.parse_point({"location": {"lat": lat, "lng": lng}})
        if point is not None and not address and (near := await search.find_near(database, owner, *point)):
            address = near[0]["text"]
        return Place(address, coordinates)
    if not address or (choice == "" and address == " ".join(asked.split())):
        return Place(address, coordinates)
    certain, likely = await search.resolve(database, owner, address)
    if certain is None:
        return Place(address, coordinates, tuple(one["text"] for one in likely if site.covers(one["lat"], one["lng"])))
    is_inside = site.covers(certain["lat"], certain["lng"])
    return Place(address, f"{certain['lat']:.6f}, {certain['lng']:.6f}" if is_inside else coordinates)


async def complete_form(database: Database, site: Site, form: Form) -> tuple[str, ...]:
    """Complete the place of a report's form. Returns the addresses of which one is to be chosen first."""
    choice = form.one(CHOICE) if form.has(CHOICE) else None
    place = await complete(
        database, site, form.one("address"), form.one("coordinates"), choice=choice, asked=form.one(ASKED)
    )
    form.fill(address=place.address, coordinates=place.coordinates)
    return place.offered


def _owner(site: Site) -> str:
    return site.parent_id or site.id

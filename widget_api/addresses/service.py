"""Load the addresses of a site in the place of those it has."""

from __future__ import annotations

from collections.abc import Iterable

from widget_api import journal
from widget_api.addresses import spelling, store
from widget_api.addresses.files import Place
from widget_api.addresses.spelling import House
from widget_api.addresses.store import Street
from widget_api.database import Database, Transaction
from widget_api.journal import Who


async def load(database: Database, site_id: str, places: Iterable[Place], who: Who) -> tuple[int, int]:
    """Replace the site's addresses. Of several houses with one address the first counts. Returns how many streets and
    houses there are now."""
    houses = dict[str, dict[str, tuple[House, str, float, float]]]()
    for place in places:
        house = spelling.read_house(place.house)
        if house is not None:
            houses.setdefault(place.street, {}).setdefault(house.key, (house, place.house, place.lat, place.lng))
    streets = list[Street]()
    for number, name in enumerate(sorted(houses)):
        inner = sorted(houses[name].values(), key=lambda one: (one[0].number, one[0].key))
        _, _, lat, lng = inner[len(inner) // 2]
        streets.append(Street(number, name, lat, lng))
    by_number = {street.number: list(houses[street.name].values()) for street in streets}
    found = len(streets), sum(map(len, by_number.values()))

    async def work(tx: Transaction) -> None:
        await store.replace(tx, site_id, streets, by_number)
        counts = {"streets": found[0], "houses": found[1]}
        await journal.record(tx, "addresses_loaded", who, subject=site_id, site_id=site_id, details=counts)

    await database.write(work)
    return found

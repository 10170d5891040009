"""Load the addresses of a site in the place of those it has.

Street by street in small transactions, so that the single writer of the database serves residents in between. Until the
end some streets are still those of before, which harms less than seconds in which no report can be sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from widget_api import journal
from widget_api.addresses import spelling, store
from widget_api.addresses.files import Place
from widget_api.addresses.store import NumberedHouse, Street
from widget_api.database import Database, Transaction
from widget_api.errors import FieldError, Invalid
from widget_api.journal import Who

BATCH_SIZE = 1000  # houses; some hundredths of a second


async def load(database: Database, site_id: str, places: Iterable[Place], who: Who) -> tuple[int, int]:
    """Replace the site's addresses. Of several houses with one address the first counts. Returns how many streets and
    houses there are now.

    Raises `Invalid` where there is no house among them: that would erase what the site has.
    """
    houses = dict[str, dict[str, NumberedHouse]]()
    for place in places:
        house = spelling.read_house(place.house)
        if house is not None:
            houses.setdefault(place.street, {}).setdefault(house.key, (house, place.house, place.lat, place.lng))
    if not houses:
        raise Invalid((FieldError("file", "addresses_none"),))
    streets = list[Street]()
    for number, name in enumerate(sorted(houses)):
        inner = sorted(houses[name].values(), key=lambda one: (one[0].number, one[0].key))
        _, _, lat, lng = inner[len(inner) // 2]
        streets.append(Street(number, name, lat, lng))
    by_number = {street.number: list(houses[street.name].values()) for street in streets}
    found = len(streets), sum(map(len, by_number.values()))

    before = await store.find_last_street(database, site_id)
    for batch in _batches(streets, by_number):
        rows = store.make_rows(site_id, batch, by_number)  # others write meanwhile
        await database.write(partial(store.replace_streets, rows=rows))

    async def end(tx: Transaction) -> None:
        await store.delete_streets(tx, site_id, len(streets), before)
        counts = {"streets": found[0], "houses": found[1]}
        await journal.record(tx, "addresses_loaded", who, subject=site_id, site_id=site_id, details=counts)

    await database.write(end)
    return found


def _batches(streets: Sequence[Street], houses: Mapping[int, Sequence[NumberedHouse]]) -> Iterator[Sequence[Street]]:
    """Streets in their order, in parts of some `BATCH_SIZE` houses."""
    batch, size = list[Street](), 0
    for street in streets:
        batch.append(street)
        size += len(houses[street.number])
        if size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch

"""Keep the streets and houses of a site, and read them by the letters of a name, by a number, by a point."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from widget_api.addresses import spelling
from widget_api.addresses.spelling import House
from widget_api.database import Database, Row, Transaction
from widget_api.database.near import in_box_around

NumberedHouse = tuple[House, str, float, float]  # with its number as loaded, latitude and longitude
_CANDIDATES = 60  # streets that share most letters with what was typed


@dataclass(frozen=True)
class Street:
    """A street of a site: its name as loaded, and a point of it, the house in the middle."""

    number: int
    name: str
    lat: float
    lng: float


class Rows(NamedTuple):
    """Streets whose numbers follow each other, with their letters and houses, as rows of the tables."""

    first: int
    last: int
    streets: list[tuple[Any, ...]]
    trigrams: list[tuple[Any, ...]]
    houses: list[tuple[Any, ...]]


def make_rows(site_id: str, streets: Sequence[Street], houses: Mapping[int, Iterable[NumberedHouse]]) -> Rows:
    """`houses`: by the number of their street."""
    rows = Rows(streets[0].number, streets[-1].number, [], [], [])
    for street in streets:
        rows.streets.append((site_id, street.number, street.name, street.lat, street.lng))
        read = spelling.read_street(street.name)
        rows.trigrams.extend((site_id, one, street.number) for one in sorted(spelling.trigrams(read.tokens)))
        for house, text, lat, lng in houses[street.number]:
            rows.houses.append((site_id, street.number, house.number, house.key, text, lat, lng))
    return rows


async def replace_streets(tx: Transaction, rows: Rows) -> None:
    """Put streets and their houses in the place of those that have the same numbers."""
    await delete_streets(tx, rows.streets[0][0], rows.first, rows.last)
    await tx.run_many(
        "INSERT INTO address_streets (site_id, street, name, lat, lng) VALUES (:a, :b, :c, :d, :e)", rows.streets
    )
    await tx.run_many("INSERT INTO address_trigrams (site_id, trigram, street) VALUES (:a, :b, :c)", rows.trigrams)
    await tx.run_many(
        "INSERT INTO address_houses (site_id, street, number, house, text, lat, lng)"
        " VALUES (:a, :b, :c, :d, :e, :f, :g)",
        rows.houses,
    )


async def delete_streets(tx: Transaction, site_id: str, first: int, last: int) -> None:
    """Delete the streets with these numbers, and their houses."""
    for table in ("address_houses", "address_trigrams", "address_streets"):
        await tx.run(
            f"DELETE FROM {table} WHERE site_id = :site_id AND street BETWEEN :first AND :last",
            site_id=site_id,
            first=first,
            last=last,
        )


async def find_last_street(database: Database, site_id: str) -> int:
    """The greatest number of a street, -1 where there is none."""
    row = await database.row(
        "SELECT MAX(street) AS last FROM address_streets WHERE site_id = :site_id", site_id=site_id
    )
    return row["last"] if row is not None and row["last"] is not None else -1


async def is_filled(database: Database, site_id: str) -> bool:
    """Whether the site has addresses."""
    row = await database.row("SELECT 1 FROM address_streets WHERE site_id = :site_id LIMIT 1", site_id=site_id)
    return row is not None


async def find_streets(database: Database, site_id: str, trigrams: Sequence[str]) -> list[Street]:
    """The streets that share most of the trigrams, some dozens at the most. Served by the primary key of trigrams."""
    if not trigrams:
        return []
    names = {f"t{at}": one for at, one in enumerate(trigrams)}
    rows = await database.rows(
        "SELECT s.street, s.name, s.lat, s.lng FROM (SELECT street, COUNT(*) AS shared FROM address_trigrams"
        f" WHERE site_id = :site_id AND trigram IN ({', '.join(f':{name}' for name in names)})"
        " GROUP BY street ORDER BY shared DESC, street LIMIT :limit) AS found"
        " JOIN address_streets s ON s.site_id = :site_id AND s.street = found.street",
        site_id=site_id,
        limit=_CANDIDATES,
        **names,
    )
    return [Street(row["street"], row["name"], row["lat"], row["lng"]) for row in rows]


async def find_houses(database: Database, site_id: str, street: int, number: int) -> Sequence[Row]:
    """The houses of a street with that number: `house` (House.key), `text`, `lat`, `lng`."""
    return await database.rows(
        "SELECT house, text, lat, lng FROM address_houses WHERE site_id = :site_id AND street = :street"
        " AND number = :number ORDER BY house",
        site_id=site_id,
        street=street,
        number=number,
    )


async def find_near(
    database: Database, site_id: str, lat: float, lng: float, metres: float, limit: int
) -> Sequence[Row]:
    """The houses nearest to a point in a box around it: `name` of the street, `text`, `lat`, `lng`. By the index of
    latitude."""
    near_by, edges = in_box_around(lat, lng, metres)
    return await database.rows(
        f"""
        SELECT s.name, h.text, h.lat, h.lng
        FROM (
            SELECT street, text, lat, lng FROM address_houses WHERE site_id = :site_id AND {near_by}
            ORDER BY (lat - :lat) * (lat - :lat) + (lng - :lng) * (lng - :lng) * :shrink, street, number, house
            LIMIT :limit
        ) AS h
        JOIN address_streets s ON s.site_id = :site_id AND s.street = h.street
        """,
        site_id=site_id,
        lat=lat,
        lng=lng,
        shrink=math.cos(math.radians(lat)) ** 2,  # a degree of longitude is shorter than one of latitude
        limit=limit,
        **edges,
    )

"""Projections stay equal to a rebuild from the problems, however the problems change."""

from __future__ import annotations

import hashlib
import random
from datetime import date
from typing import Any

import orjson
import pytest

from tests.factories import AGENT, make_site, run_statement, submit_report
from widget_api.browse import listing
from widget_api.database import Database, Transaction
from widget_api.database.bulk import open_writer
from widget_api.database.schema import site_figures
from widget_api.errors import DomainError
from widget_api.geo import cells
from widget_api.problems import lifecycle
from widget_api.problems.model import NEEDS, STATUSES, Change
from widget_api.problems.projections import items, rebuild
from widget_api.problems.projections.figures import measure_hours
from widget_api.problems.store import records
from widget_api.status_table import PUBLIC_STATUSES

NEEDED: dict[str, Any] = {"text": "Сделали", "expected_on": "2030-12-30", "responsible": "Водоканал", "duplicate_of": 1}


Kept = tuple[dict[Any, Any], dict[Any, int], dict[int, Any]]


async def stored(database: Database) -> Kept:
    """The cells and statistics without empty ones, and the list items."""
    found: dict[Any, Any] = {}
    for row in await database.rows("SELECT * FROM site_cells"):
        counts = tuple(row[status] for status in PUBLIC_STATUSES)
        if any(counts):
            key = row["site_id"], row["level"], row["category"], row["cell"]
            found[key] = (counts, round(row["lat_sum"], 6), round(row["lng_sum"], 6), row["number_sum"])
    figures = await database.rows("SELECT * FROM site_figures")
    names = [column.name for column in site_figures.primary_key]
    items_found = {
        row["id"]: (bytes(row["item"]), row["due"]) for row in await database.rows("SELECT * FROM problem_items")
    }
    return found, {tuple(row[name] for name in names): row["count"] for row in figures}, items_found


async def voice(database: Database, problem_id: str, name: Any) -> None:
    async def work(tx: Transaction) -> None:
        await records.count(tx, problem_id, name, 1)

    await database.write(work)


async def anew(database: Database) -> None:
    async with open_writer(database.url) as bulk:
        await rebuild.rebuild_all(bulk)


@pytest.mark.parametrize("seed", range(4))
async def test_incremental_changes_equal_a_rebuild(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    site = await make_site(database)
    sent: list[str] = []
    for _ in range(60):
        if not sent or chance.random() < 0.3:
            place: dict[str, Any] = {"lat": None, "lng": None}
            if chance.random() < 0.9:
                place = {"lat": 55 + chance.random() / 9, "lng": 38 + chance.random() / 9}
            receipt = await submit_report(database, site, category=chance.choice(("roads", "snow")), **place)
            sent.append(receipt.problem_id)
            continue
        chosen = chance.choice(sent)
        if chance.random() < 0.1:
            await voice(database, chosen, chance.choice(("supporters", "comments")))
            continue
        if chance.random() < 0.1:
            await lifecycle.erase(database, AGENT, site.id, chosen)
            sent.remove(chosen)
            continue
        status: Any = chance.choice(STATUSES)
        needs = {name: NEEDED[name] for name in NEEDS.get(status, ())}
        change = Change(to=status, **needs)
        try:
            await lifecycle.change(database, AGENT, site.id, chosen, change)
        except DomainError:
            continue  # not allowed by the transition table
    grown = await stored(database)
    assert all(grown)
    await anew(database)
    assert await stored(database) == grown


async def test_a_cell_with_one_problem_names_it(database: Database) -> None:
    site = await make_site(database)
    receipt = await submit_report(database, site)
    found, figures, made = await stored(database)
    assert (found, {measure for _, _, measure, *_ in figures}, made) == ({}, {"outcome"}, {})  # in moderation
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    found, figures, _ = await stored(database)
    assert {row[3] for row in found.values()} == {receipt.number}
    assert len(found) == 10
    assert sum(many for (_, grain, measure, *_), many in figures.items() if (grain, measure) == ("m", "received")) == 1


async def test_projections_of_another_version_are_rebuilt(database: Database) -> None:
    site = await make_site(database)
    receipt = await submit_report(database, site)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    before = await stored(database)
    await rebuild.ensure(database.url)

    async def damage(tx: Any) -> None:
        await tx.run("DELETE FROM site_cells")
        await tx.run("DELETE FROM problem_items")
        await tx.run("UPDATE site_figures SET count = count + 5")
        await records.update(tx, receipt.problem_id, {"cell": None})

    await database.write(damage)
    assert not await rebuild.ensure(database.url)

    await run_statement(database, "UPDATE projections SET version = 0")
    assert await rebuild.ensure(database.url)
    assert await stored(database) == before


async def test_list_items_match_their_rows(database: Database) -> None:
    """With any text and on any day."""
    site = await make_site(database)
    texts = ('"url":"/here"', "\x1a/photos", "\\u001a/x", "Яма «у школы»\n\ttab", "\u2028\U0001f6a7", "%b %(a)s {x}")
    for text in texts:
        await submit_report(database, site, status="accepted", description=text, address=text, lat=None, lng=None)
    photo = {
        "url": "/photos/a.jpg",
        "thumb": "/photos/a.thumb.jpg",
        "small": "/photos/a.small.jpg",
        "width": 1,
        "height": 2,
        "alt": '"thumb":"/x',
    }
    receipt = await submit_report(database, site, status="planned")

    async def show(tx: Transaction) -> None:
        await records.update(tx, receipt.problem_id, {"photos": orjson.dumps([photo]).decode()})

    await database.write(show)
    rows = await database.rows(f"SELECT {listing.COLUMNS} FROM problems ORDER BY created_at DESC, number DESC")
    for today in (date(2020, 1, 1), date(2100, 1, 1)):
        page = await listing.page(database, site, listing.Filters(), today, "https://w.test")
        assert page["items"] == [listing.item(row, today, site, "https://w.test") for row in rows]
        assert {item["overdue"] for item in page["items"]} == {today.year == 2100}
        assert page["items"][0]["photos"] == [
            photo | {name: f"https://w.test{photo[name]}" for name in ("url", "thumb", "small")}
        ]


def test_cells_are_tiles_in_z_order() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        lat, lng = chance.uniform(-85, 85), chance.uniform(-180, 180)
        x, y = cells.tile_position(lat, lng, cells.LEVEL)
        assert cells.deinterleave(cells.cell_at(lat, lng)) == (x, y)
        assert cells.deinterleave(cells.parent(cells.cell_at(lat, lng), 12)) == cells.tile_position(lat, lng, 12)
        north, west = cells.tile_corner(x, y, cells.LEVEL)
        south, east = cells.tile_corner(x + 1, y + 1, cells.LEVEL)
        assert south <= lat <= north
        assert west <= lng <= east
    assert cells.cell_at(90, 180) == cells.interleave(2**20 - 1, 0)
    assert cells.cell_at(-90, -180) == cells.interleave(0, 2**20 - 1)


def test_durations_are_hours_and_from_two_days_on_whole_days() -> None:
    hour = 3600
    expected = {
        0: "0",
        hour - 1: "0",
        hour: "1",
        48 * hour - 1: "47",
        48 * hour: "48",
        71 * hour: "48",
        72 * hour: "72",
    }
    assert {seconds: measure_hours(0, seconds) for seconds in expected} == expected
    assert measure_hours(10, 0) == "0"
    assert measure_hours(0, 10**12) == str(9999 * 24)


def test_a_changed_list_item_needs_a_new_version() -> None:
    """If this hash changes, change VERSION: stored bytes were built the old way."""
    photos = b'[{"url":"/photos/a.jpg","thumb":"/photos/b.jpg"}]'
    row: Any = (7, "roads", "Яма", "Мира, 5", 55.1, 38.7, "accepted", 1_700_000_000, 1_700_000_001, "2023-12-01")
    row += (photos, 3, True, "widget", 1_700_000_002, 1, None, False, None, "{}", 0)
    assert len(row) == len(items.COLUMNS)
    made = items.encode(row, entry=False) + str(items.due(row)).encode()
    assert (rebuild.VERSION, hashlib.sha256(made).hexdigest()[:16]) == (10, "f56ebed2602cc735")

"""Find the requests and updates of a query, and read their lists in chunks while they are sent.

Positions are found in batches, and the content of each chunk is read when it is due. A position takes a few bytes and a
text kilobytes, so an expensive filter runs once a batch, while memory holds no more than a chunk. A chunk shows the
state at the time it is read, without entries that may no longer be seen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date

from widget_api.attachments.photos.model import photo_path
from widget_api.browse import listing
from widget_api.browse.listing import Filters, Projection
from widget_api.browse.listing.conditions import conditions, order
from widget_api.browse.queries import SORTS
from widget_api.database import Database, Row
from widget_api.open311 import parameters, present, store
from widget_api.open311.georeport import Fields
from widget_api.open311.intake import Sender
from widget_api.problems.model import ANSWERS
from widget_api.sites.model import Site

CHUNK_SIZE = 50  # requests or updates; up to some hundred kilobytes with long texts

Chunks = AsyncIterator[Sequence[Fields]]
BATCH_SIZE = 1000  # rows a query
_POSITIONS = Projection("p.created_at, p.updated_at, p.number")


async def stream_requests(
    database: Database,
    site: Site,
    reader: Sender | None,
    query: parameters.RequestQuery,
    language: str,
    public_url: str,
) -> Chunks:
    """Read the requests of a query. Runs in threads, since many reads in a row would block the event loop."""
    database = database.in_threads()
    async for numbers in find_numbers(database, site.id, _token_id(reader), query):
        for first in range(0, len(numbers), CHUNK_SIZE):
            chunk = numbers[first : first + CHUNK_SIZE]
            yield await _read_requests(database, site, reader, chunk, language, public_url, notes=query.extended)


async def read_request(
    database: Database, site: Site, reader: Sender | None, number: int, language: str, public_url: str, *, notes: bool
) -> Sequence[Fields]:
    """Return one request in a list, or an empty list if it does not exist or the reader may not see it."""
    return await _read_requests(database, site, reader, [number], language, public_url, notes=notes)


async def _read_requests(
    database: Database,
    site: Site,
    reader: Sender | None,
    numbers: Sequence[int],
    language: str,
    public_url: str,
    *,
    notes: bool,
) -> Sequence[Fields]:
    """Read requests by number. Platforms always get the extended attributes, since they recognise known reports by
    `event_id`."""
    rows = await store.read_requests(database, site.id, _token_id(reader), numbers)
    extended = notes or (reader is not None and reader.trusted)
    timelines = await store.read_timelines(database, [row["id"] for row in rows]) if extended and rows else {}
    answered = [row["id"] for row in rows if row["status"] in ANSWERS and row["has_answer"]]
    corrections = await store.read_corrections(database, answered) if answered else {}
    return [
        present.request_fields(
            row,
            site,
            language,
            public_url,
            corrected=corrections.get(row["status_event"]),
            timeline=timelines.get(row["id"]),
            notes=notes,
        )
        for row in rows
    ]


async def stream_updates(
    database: Database, site: Site, reader: Sender | None, query: parameters.UpdateQuery, public_url: str
) -> Chunks:
    """Read the updates of a query, in threads as above."""
    database = database.in_threads()
    trusted = reader is not None and reader.trusted
    skip, left, past = query.page.skip, query.page.limit, 0
    while left:
        positions = await store.find_update_positions(
            database,
            site.id,
            token_id=_token_id(reader),
            everything=trusted,
            since=query.since,
            until=query.until,
            after=query.after,
            numbers=query.numbers,
            past=past,
            limit=min(BATCH_SIZE, left),
            offset=skip,
        )
        for first in range(0, len(positions), CHUNK_SIZE):
            ids = [row["id"] for row in positions[first : first + CHUNK_SIZE]]
            yield await _read_updates(database, site, reader, ids, public_url)
        if len(positions) < min(BATCH_SIZE, left):
            return
        skip, left, past = 0, left - len(positions), positions[-1]["position"]


async def _read_updates(
    database: Database, site: Site, reader: Sender | None, event_ids: Sequence[str], public_url: str
) -> Sequence[Fields]:
    trusted = reader is not None and reader.trusted
    rows = await store.read_updates(
        database, site.id, token_id=_token_id(reader), everything=trusted, event_ids=event_ids
    )
    texts = await store.read_texts(database, present.responsible_texts(rows))
    photos = await store.read_first_photos(database, site.id, [row["id"] for row in rows])
    return [
        present.update_fields(row, texts, photo and f"{public_url}{photo_path(photo)}", trusted=trusted)
        for row in rows
        for photo in [photos.get(row["id"])]
    ]


def _token_id(reader: Sender | None) -> str | None:
    return reader.token_id if reader else None


async def find_numbers(
    database: Database, site_id: str, token_id: str | None, query: parameters.RequestQuery
) -> AsyncIterator[Sequence[int]]:
    """Yield the numbers on the requested page. Each batch begins after the last row of the one before."""
    skip, left, filters = query.page.skip, query.page.limit, query.filters
    if query.numbers is not None:
        rows = await store.visible_numbers(database, site_id, token_id, query.numbers) if query.numbers else ()
        yield [row["number"] for row in rows][skip : skip + left]
        return
    while left:
        size = min(BATCH_SIZE, skip + left)
        rows = await find_positions(database, site_id, token_id, filters, size)
        numbers = [row["number"] for row in rows if row["updated_at"] <= query.until]
        batch = numbers[skip : skip + left]
        yield batch
        if len(numbers) < size:
            return
        left, skip = left - len(batch), max(0, skip - len(numbers))
        filters = filters.starting_after(listing.position(filters, rows[-1]))


async def find_positions(
    database: Database, site_id: str, token_id: str | None, filters: Filters, limit: int
) -> Sequence[Row]:
    """Return created_at, updated_at and number of the next requests, including unpublished ones sent with the token."""
    public = await listing.rows(database, site_id, filters, date.max, limit, _POSITIONS)
    if token_id is None:
        return public
    where = conditions(site_id, filters, date.max, database.dialect, store.UNSEEN_SQL)
    own = await database.rows(
        f"SELECT {_POSITIONS.columns} FROM problems p WHERE {where} {order(filters)} LIMIT :limit",
        limit=limit,
        token=token_id,
        **where.values,
    )
    newest_first = SORTS[filters.sort].newest_first != filters.backwards
    both = sorted((*public, *own), key=lambda row: listing.position(filters, row), reverse=newest_first)
    return both[:limit]

"""Read lists of requests and updates in chunks while they are sent.

Positions are found in batches, and the content of each chunk is read when it is due. A position takes a few bytes and a
text kilobytes, so an expensive filter runs once a batch, while memory holds no more than a chunk. A chunk shows the
state at the time it is read, without entries that may no longer be seen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from widget_api.attachments.photos.model import photo_path
from widget_api.database import Database
from widget_api.open311 import parameters, present, search, store
from widget_api.open311.georeport import Fields
from widget_api.open311.intake import Sender
from widget_api.open311.search import BATCH_SIZE
from widget_api.sites.model import Site

CHUNK_SIZE = 50  # requests or updates; up to some hundred kilobytes with long texts

Chunks = AsyncIterator[Sequence[Fields]]


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
    async for numbers in search.find_numbers(database, site.id, _token_id(reader), query):
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
    return [
        present.request_fields(row, site, language, public_url, timeline=timelines.get(row["id"]), notes=notes)
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

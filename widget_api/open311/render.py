"""Long answers, chunk by chunk: which ones is found in batches of positions, what is told of them read as it is sent.

Positions are few bytes, texts are kilobytes: a batch costs one look for its filter, however dear, and no more memory
than a chunk. What changes meanwhile is told as it is then; what may no longer be seen is left out.
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

CHUNK_SIZE = 50  # requests or updates told at once: some hundred kilobytes where each has much to say

Chunks = AsyncIterator[Sequence[Fields]]


async def stream_requests(
    database: Database, site: Site, asker: Sender | None, asked: parameters.RequestQuery, language: str, public_url: str
) -> Chunks:
    """In threads: an answer is many reads in a row, which would leave nobody else a turn."""
    database = database.in_threads()
    async for numbers in search.find_numbers(database, site.id, _token_id(asker), asked):
        for first in range(0, len(numbers), CHUNK_SIZE):
            chunk = numbers[first : first + CHUNK_SIZE]
            yield await _read_requests(database, site, asker, chunk, language, public_url, notes=asked.extended)


async def read_request(
    database: Database, site: Site, asker: Sender | None, number: int, language: str, public_url: str, *, notes: bool
) -> Sequence[Fields]:
    """That one, or nothing where it is not this asker's to see."""
    return await _read_requests(database, site, asker, [number], language, public_url, notes=notes)


async def _read_requests(
    database: Database,
    site: Site,
    asker: Sender | None,
    numbers: Sequence[int],
    language: str,
    public_url: str,
    *,
    notes: bool,
) -> Sequence[Fields]:
    """A platform is always told what else there is to know: by `event_id` it recognises what it has already."""
    rows = await store.read_requests(database, site.id, _token_id(asker), numbers)
    extended = notes or (asker is not None and asker.trusted)
    timelines = await store.read_timelines(database, [row["id"] for row in rows]) if extended and rows else {}
    return [
        present.request_fields(row, site, language, public_url, timeline=timelines.get(row["id"]), notes=notes)
        for row in rows
    ]


async def stream_updates(
    database: Database, site: Site, asker: Sender | None, asked: parameters.UpdateQuery, public_url: str
) -> Chunks:
    database = database.in_threads()
    trusted = asker is not None and asker.trusted
    skip, left, past = asked.page.skip, asked.page.many, 0
    while left:
        found = await store.find_update_positions(
            database,
            site.id,
            token_id=_token_id(asker),
            everything=trusted,
            since=asked.since,
            until=asked.until,
            after=asked.after,
            numbers=asked.numbers,
            past=past,
            limit=min(BATCH_SIZE, left),
            offset=skip,
        )
        for first in range(0, len(found), CHUNK_SIZE):
            ids = [row["id"] for row in found[first : first + CHUNK_SIZE]]
            yield await _read_updates(database, site, asker, ids, public_url)
        if len(found) < min(BATCH_SIZE, left):
            return
        skip, left, past = 0, left - len(found), found[-1]["position"]


async def _read_updates(
    database: Database, site: Site, asker: Sender | None, event_ids: Sequence[str], public_url: str
) -> Sequence[Fields]:
    trusted = asker is not None and asker.trusted
    rows = await store.read_updates(
        database, site.id, token_id=_token_id(asker), everything=trusted, event_ids=event_ids
    )
    texts = await store.read_texts(database, present.responsible_texts(rows))
    photos = await store.read_first_photos(database, site.id, [row["id"] for row in rows])
    return [
        present.update_fields(row, texts, photo and f"{public_url}{photo_path(photo)}", trusted=trusted)
        for row in rows
        for photo in [photos.get(row["id"])]
    ]


def _token_id(asker: Sender | None) -> str | None:
    return asker.token_id if asker else None

"""The photos of a problem: attached in the transaction that brings them, read with it, forgotten with it.

Callers turn tokens into photos first: `intake.photos`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from widget_api import clock
from widget_api.attachments import links
from widget_api.attachments.photos import model
from widget_api.attachments.photos import store as photo_store
from widget_api.attachments.photos.model import UNATTACHED_LIFETIME, Role
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid
from widget_api.problems.model import Photo
from widget_api.problems.store import records

LIFE_FOR_PLATFORMS = 7 * 86_400  # seconds; deliveries are tried for a day and a half, a dead one may be replayed
MOST_IN_A_LETTER = 8 * 1024 * 1024  # bytes; a third more when encoded, and mail servers commonly take 15 MB


async def attach(
    tx: Transaction, site_id: str, problem_id: str, event_id: str, role: Role, photos: Sequence[Photo]
) -> None:
    """Give loose photos to an event of a problem; those of a report become what public lists show.

    Raises Invalid («photos.0» unknown) where one is taken, too old or another site's: then none is attached.
    """
    since = clock.now() - UNATTACHED_LIFETIME
    shown, wrong = list[dict[str, Any]](), list[FieldError]()
    for place, one in enumerate(photos):
        row = await photo_store.attach(
            tx,
            photo_id=one.id,
            site_id=site_id,
            problem_id=problem_id,
            event_id=event_id,
            role=role,
            place=place,
            alt=one.alt,
            since=since,
        )
        if row is None:
            wrong.append(FieldError(f"photos.{place}", "unknown"))
        else:
            shown.append(model.photo_view(one.id, row["width"], row["height"], one.alt))
    if wrong:
        raise Invalid(tuple(wrong))
    if role == "report" and shown:
        await records.update(tx, problem_id, {"photos": orjson.dumps(shown).decode()})


def choose_role(kind: str, actor: str) -> Role:
    """Of what an event from elsewhere brings. What an author adds is for the agency: nobody has looked at it, as at the
    words it comes with."""
    if kind == "received":
        return "report"
    return "clarification" if actor == "resident" else "answer"


async def join(
    tx: Transaction, site_id: str, problem_id: str, event_id: str, role: Role, photo_id: str, place: int
) -> None:
    """Give one more loose photo to an event, at its place among those that came before it or come later."""
    attached = await photo_store.attach(
        tx,
        photo_id=photo_id,
        site_id=site_id,
        problem_id=problem_id,
        event_id=event_id,
        role=role,
        place=place,
        alt=None,
        since=clock.now() - UNATTACHED_LIFETIME,
    )
    if attached is not None and role == "report":
        rows = [row for row in await photo_store.list_of_problem(tx, problem_id) if row["role"] == "report"]
        shown = [model.photo_view(row["id"], row["width"], row["height"], row["alt"]) for row in rows]
        await records.update(tx, problem_id, {"photos": orjson.dumps(shown).decode()})


async def list_pictures(reader: Database | Transaction, problem_id: str) -> list[Row]:
    """id, event_id, role, place, alt, width, height of each photo: by the time of its event, in its sender's order."""
    return list(await photo_store.list_of_problem(reader, problem_id))


async def remove(tx: Transaction, problem_id: str, now: int) -> None:
    """Out of reach at once; the storage follows when it is swept."""
    await photo_store.remove_of_problem(tx, problem_id, now)
    await records.update(tx, problem_id, {"photos": "[]"})


def gallery(context: Context, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Photos for a page that may show them before they are published: rows of `of` with signed `url` and `thumb`."""
    return [
        {
            **dict(row),
            "url": links.sign_photo_url(context, row["id"]),
            "thumb": links.sign_photo_url(context, row["id"], ".thumb"),
        }
        for row in rows
    ]


def list_of_event(rows: Sequence[Row], event_id: str, public_url: str) -> list[dict[str, Any]]:
    """The public photos an event brought, as lists tell those of a report."""
    return [
        shown | {size: public_url + shown[size] for size in ("url", "thumb", "small")}
        for row in rows
        if row["event_id"] == event_id and row["role"] == "answer"
        for shown in [model.photo_view(row["id"], row["width"], row["height"], row["alt"])]
    ]


def thumb_url(context: Context, photos: str) -> str | None:
    """The signed address of the smallest picture of a problem's first photo, from its column `photos`."""
    first = next(iter(orjson.loads(photos)), None) if photos != "[]" else None
    named = model.parse_file_name(first["url"].rpartition("/")[2]) if first else None
    return (
        links.sign_photo_url(context, named[0], ".small" if "small" in first else ".thumb") if first and named else None
    )


def list_platform_urls(context: Context, problem: Row) -> list[str]:
    """Addresses of a report's pictures for another system to fetch: signed until long after the last try to tell it.

    They count from the release, so that a repeat is the same to the byte; once published the picture is open anyway.
    """
    until = (problem["released_at"] or problem["created_at"]) + LIFE_FOR_PLATFORMS
    named = [model.parse_file_name(one["url"].rpartition("/")[2]) for one in orjson.loads(problem["photos"])]
    return [links.sign_photo_url(context, one[0], until=until) for one in named if one is not None]


def list_of_answer(context: Context, rows: Sequence[Row], event_id: str, at: int) -> list[str]:
    """The same of the pictures that came with a decision of that time."""
    until = at + LIFE_FOR_PLATFORMS
    named = [row["id"] for row in rows if row["event_id"] == event_id and row["role"] == "answer"]
    return [links.sign_photo_url(context, photo_id, until=until) for photo_id in named]


async def read_files(context: Context, rows: Sequence[Row]) -> list[tuple[str, bytes]]:
    """Names and contents for a letter: the pictures themselves, thumbnails where they would be too much together.

    Raises Unavailable where the storage does not answer.
    """
    contents = [await context.storage.get(row["id"], "") for row in rows]
    if sum(len(content or b"") for content in contents) > MOST_IN_A_LETTER:
        contents = [await context.storage.get(row["id"], ".thumb") for row in rows]
    return [(f"photo-{place}.jpg", content) for place, content in enumerate(contents, 1) if content]

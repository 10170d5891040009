"""Attach photos to the events of a problem, list, serve and remove them.

Callers resolve upload tokens to photos first (`attachments.links.read_photo_token`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

import orjson

from widget_api import clock
from widget_api.attachments import links
from widget_api.attachments.photos import model
from widget_api.attachments.photos import store as photo_store
from widget_api.attachments.photos.model import PUBLIC_ROLES, Role
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.problems.model import Photo
from widget_api.problems.store import history, records

LIFE_FOR_PLATFORMS = 7 * clock.DAY  # seconds; deliveries are retried for 1.5 days, and dead ones may be replayed
MOST_IN_A_LETTER = 8 * 1024 * 1024  # bytes; encoding adds a third, and mail servers commonly accept 15 MB
_PUBLIC = ", ".join(f"'{role}'" for role in sorted(PUBLIC_ROLES))


async def attach(
    tx: Transaction, site_id: str, problem_id: str, event_id: str, role: Role, photos: Sequence[Photo]
) -> None:
    """Attach uploaded photos to an event of a problem; public lists show those of the role `report`.

    Raises Invalid («photos.0» unknown) if one is attached already, too old or another site's: then none is attached.
    """
    shown, wrong = list[dict[str, Any]](), list[FieldError]()
    for place, photo in enumerate(photos):
        row = await photo_store.attach(tx, site_id, problem_id, event_id, role, photo.id, place, photo.alt)
        if row is None:
            wrong.append(FieldError(f"photos.{place}", "unknown"))
        else:
            shown.append(model.photo_view(photo.id, row["width"], row["height"], photo.alt))
    if wrong:
        raise Invalid(tuple(wrong))
    if role == "report" and shown:
        await records.update(tx, problem_id, {"photos": orjson.dumps(shown).decode()})


async def count_work(tx: Transaction, problem_id: str) -> int:
    """Count the photos of the service's reports that are not published."""
    return sum(row["role"] == "work" for row in await photo_store.list_of_problem(tx, problem_id))


async def publish_work(tx: Transaction, problem_id: str, event_id: str) -> None:
    """Show the photos of the service's reports with the agency's answer."""
    await photo_store.change_role(tx, problem_id, "work", "answer", event_id)


def choose_role(kind: str, actor: str) -> Role:
    """Return the role of pictures that came with an event.

    Pictures added by an author are shown to the agency only: nobody moderated them.
    """
    if kind == "received":
        return "report"
    return "clarification" if actor == "resident" else "answer"


async def join(
    tx: Transaction, site_id: str, problem_id: str, event_id: str, role: Role, photo_id: str, place: int
) -> None:
    """Attach one more uploaded photo to an event, at its place among the others."""
    attached = await photo_store.attach(tx, site_id, problem_id, event_id, role, photo_id, place)
    if attached is not None and role == "report":
        await _update_shown(tx, problem_id)


async def _update_shown(tx: Transaction, problem_id: str) -> None:
    """Update the photos that lists show with a problem."""
    rows = [row for row in await photo_store.list_of_problem(tx, problem_id) if row["role"] == "report"]
    shown = [model.photo_view(row["id"], row["width"], row["height"], row["alt"]) for row in rows]
    await records.update(tx, problem_id, {"photos": orjson.dumps(shown).decode()})


async def hide(tx: Transaction, problem_id: str, photo_id: str, *, instead: str | None = None) -> None:
    """Hide a public photo, which the agency alone sees from then on. `instead` is an uploaded one that takes its place.

    Raises NotFound where the problem has no such public photo, Invalid if `instead` is unknown or attached.
    """
    photo = await _find_photo(tx, problem_id, photo_id, PUBLIC_ROLES)
    await photo_store.set_role(tx, problem_id, photo_id, "hidden")
    if instead is not None:
        problem = await records.find(tx, problem_id)
        assert problem is not None, "a photo without its problem"
        place, alt = photo["place"], photo["alt"]
        attached = await photo_store.attach(
            tx, problem["site_id"], problem_id, photo["event_id"], photo["role"], instead, place, alt
        )
        if attached is None:
            raise Invalid((FieldError("photo", "unknown"),))
    await _update_shown(tx, problem_id)


async def unhide(tx: Transaction, problem_id: str, photo_id: str) -> None:
    """Publish a hidden photo again, as the kind of its event says. Raises NotFound where it is not hidden."""
    photo = await _find_photo(tx, problem_id, photo_id, {"hidden"})
    received = await history.find_received(tx, problem_id)
    role = "report" if photo["event_id"] == received.id else "answer"
    await photo_store.set_role(tx, problem_id, photo_id, role)
    await _update_shown(tx, problem_id)


async def _find_photo(tx: Transaction, problem_id: str, photo_id: str, roles: Collection[str]) -> Row:
    rows = await photo_store.list_of_problem(tx, problem_id)
    photo = next((row for row in rows if row["id"] == photo_id and row["role"] in roles), None)
    if photo is None:
        raise NotFound("photo_not_found")
    return photo


async def list_pictures(reader: Database | Transaction, problem_id: str) -> list[Row]:
    """List photos by the time of their events, in the sender's order: id, event_id, role, place, alt, width, height."""
    return list(await photo_store.list_of_problem(reader, problem_id))


Access = Literal["public", "signed", "hidden"]


async def find_access(database: Database, photo_id: str) -> Access | None:
    """Who may see a photo: everybody, whoever has its link, or the agency alone; None if it does not exist."""
    row = await database.row_at_once(
        f"SELECT f.role, p.published AND f.role IN ({_PUBLIC}) AS public FROM photos f"
        " LEFT JOIN problems p ON p.id = f.problem_id WHERE f.id = :id AND f.removed_at IS NULL",
        id=photo_id,
    )
    if row is None:
        return None
    return "hidden" if row["role"] == "hidden" else "public" if row["public"] else "signed"


async def remove(tx: Transaction, problem_id: str, now: int) -> None:
    """Make the photos inaccessible at once; their files are deleted when the storage is swept."""
    await photo_store.remove_of_problem(tx, problem_id, now)
    await records.update(tx, problem_id, {"photos": "[]"})


async def remove_drafted(tx: Transaction, problem_id: str, now: int) -> None:
    """Make the photos of unsent answers inaccessible, before their drafts are deleted."""
    for row in await tx.rows("SELECT content FROM drafts WHERE problem_id = :id", id=problem_id):
        for photo_id in orjson.loads(row["content"])["photo"]:
            await photo_store.remove_one_unattached(tx, photo_id, now)


def gallery(context: Context, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows of `list_pictures` with signed `url` and `thumb`, for pages that show unpublished photos."""
    shown = []
    for row in rows:
        sign = links.sign_hidden_photo_url if row["role"] == "hidden" else links.sign_photo_url
        shown.append({**dict(row), "url": sign(context, row["id"]), "thumb": sign(context, row["id"], ".thumb")})
    return shown


def list_of_event(rows: Sequence[Row], event_id: str, public_url: str) -> list[dict[str, Any]]:
    """Return the public photos of an event in the form that lists have for those of a report."""
    return [
        shown | {size: public_url + shown[size] for size in ("url", "thumb", "small")}
        for row in rows
        if row["event_id"] == event_id and row["role"] == "answer"
        for shown in [model.photo_view(row["id"], row["width"], row["height"], row["alt"])]
    ]


def thumb_url(context: Context, photos: str) -> str | None:
    """Return the signed URL of the smallest size of a problem's first photo, from its column `photos`."""
    first = next(iter(orjson.loads(photos)), None) if photos != "[]" else None
    named = model.parse_file_name(first["url"].rpartition("/")[2]) if first else None
    return (
        links.sign_photo_url(context, named[0], ".small" if "small" in first else ".thumb") if first and named else None
    )


def list_platform_urls(context: Context, problem: Row) -> list[str]:
    """Return signed URLs of a report's pictures for a platform, valid until long after its last delivery attempt.

    The validity counts from the release, so that retries send the same bytes; published pictures need no signature.
    """
    until = (problem["released_at"] or problem["created_at"]) + LIFE_FOR_PLATFORMS
    named = [model.parse_file_name(photo["url"].rpartition("/")[2]) for photo in orjson.loads(problem["photos"])]
    return [links.sign_photo_url(context, name[0], until=until) for name in named if name is not None]


def list_of_answer(context: Context, rows: Sequence[Row], event_id: str, at: int) -> list[str]:
    """Return signed URLs of the pictures of a decision made at `at`, for a platform."""
    until = at + LIFE_FOR_PLATFORMS
    photo_ids = [row["id"] for row in rows if row["event_id"] == event_id and row["role"] == "answer"]
    return [links.sign_photo_url(context, photo_id, until=until) for photo_id in photo_ids]


async def read_files(context: Context, rows: Sequence[Row]) -> list[tuple[str, bytes]]:
    """Read photos as (file name, content) for a letter; thumbnails if they exceed MOST_IN_A_LETTER together.

    Raises Unavailable if the storage does not respond.
    """
    contents = [await context.storage.get(row["id"], "") for row in rows]
    if sum(len(content or b"") for content in contents) > MOST_IN_A_LETTER:
        contents = [await context.storage.get(row["id"], ".thumb") for row in rows]
    return [(f"photo-{place}.jpg", content) for place, content in enumerate(contents, 1) if content]

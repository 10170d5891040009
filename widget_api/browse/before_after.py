"""Read the newest solved problems that can be shown as a pair of pictures: what a resident sent, and the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson

from widget_api.attachments.photos.model import photo_view
from widget_api.database import Database

_RECENT = 500  # problems that changed last, among which solved ones are searched
_MOST_PHOTOS = 100


@dataclass(frozen=True, kw_only=True)
class Solved:
    """A solved problem. Its pictures are as in lists of the API, with paths below the public URL."""

    number: int
    description: str
    created_at: int
    solved_at: int  # when the answer with the picture came
    before: dict[str, Any]
    after: dict[str, Any]


async def list_newest(database: Database, site_id: str, most: int) -> Sequence[Solved]:
    """List the solved problems with both pictures that changed last."""
    rows = await database.rows_at_once(
        "WITH recent AS MATERIALIZED (SELECT id, number, description, status, created_at, updated_at, photos"
        " FROM problems WHERE site_id = :site_id AND published ORDER BY updated_at DESC, number DESC LIMIT :recent)"
        " SELECT r.number, r.description, r.created_at, r.photos, f.id, f.width, f.height, f.alt, e.at"
        " FROM recent r JOIN photos f ON f.problem_id = r.id AND f.role = 'answer' AND f.removed_at IS NULL"
        " JOIN events e ON e.site_id = :site_id AND e.id = f.event_id"
        " WHERE r.status IN ('resolved', 'confirmed') AND r.photos <> '[]'"
        " ORDER BY r.updated_at DESC, r.number DESC, e.at DESC, e.id DESC, f.place LIMIT :photos",
        site_id=site_id,
        recent=_RECENT,
        photos=_MOST_PHOTOS,
    )
    newest = [next(photos) for _, photos in groupby(rows, key=lambda row: row["number"])]
    return [
        Solved(
            number=row["number"],
            description=row["description"],
            created_at=row["created_at"],
            solved_at=row["at"],
            before=orjson.loads(row["photos"])[0],
            after=photo_view(row["id"], row["width"], row["height"], row["alt"]),
        )
        for row in newest[:most]
    ]

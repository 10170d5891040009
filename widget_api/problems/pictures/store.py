"""SQL that joins photos with what may be seen of their problem."""

from __future__ import annotations

from widget_api.attachments.photos.model import PUBLIC_ROLES
from widget_api.database import Database

_PUBLIC = ", ".join(f"'{role}'" for role in sorted(PUBLIC_ROLES))


async def is_public(database: Database, photo_id: str) -> bool | None:
    """Whether everybody may see a photo; None where there is none."""
    row = await database.row_at_once(
        f"SELECT p.published AND f.role IN ({_PUBLIC}) AS public FROM photos f"
        " LEFT JOIN problems p ON p.id = f.problem_id WHERE f.id = :id AND f.removed_at IS NULL",
        id=photo_id,
    )
    return None if row is None else bool(row["public"])

"""A page of what is published under a problem, for the API and for the page without scripts alike."""

from __future__ import annotations

from typing import Any

from widget_api import clock, i18n
from widget_api.browse.queries import Comments
from widget_api.comments import store
from widget_api.comments.model import PAGE
from widget_api.database import Database
from widget_api.errors import NotFound
from widget_api.problems.store import records
from widget_api.sites.model import Site
from widget_api.validation import parse_query


async def page(database: Database, site: Site, number: int, cursor: str) -> dict[str, Any]:
    """`items` oldest first and `next`. Raises NotFound, Malformed («cursor»)."""
    problem = await records.by_number(database, site.id, number)
    if problem is None or not problem["published"]:
        raise NotFound("problem_not_found")
    place = parse_query(Comments, {"cursor": cursor} if cursor else {}).cursor
    rows = await store.published(database, site.id, problem["id"], place)
    items = [
        {
            "name": row["name"] or i18n.text(site.language, "people.comment.nameless"),
            "text": row["body"],
            "at": clock.rfc3339(row["decided_at"]),
            "official": bool(row["official"]),
            "agency": site.agency.name if row["official"] else None,
        }
        for row in rows[:PAGE]
    ]
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return {"items": items, "next": f"{last['decided_at']}.{last['id']}" if last else None}

"""Keep filters of the list of reports under names, each user's own."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from widget_api.casework.selection import Selection
from widget_api.casework.service import Inbox
from widget_api.database import Database, Transaction
from widget_api.people.model import User

MAX_NAME_LENGTH = 60
MAX_VIEWS = 20


async def list_views(database: Database, user: User, found: Inbox) -> list[tuple[str, Selection, bool]]:
    """Name and selection of each saved view, and whether it is what the list shows.

    One of a site that the user does not see any more has the selection of the plain list.
    """
    rows = await database.rows("SELECT name, query FROM saved_views WHERE user_id = :id ORDER BY name", id=user.id)
    sites, current = {None, *(site.id for site in found.sites)}, _to_query(found.selection)
    views = []
    for row in rows:
        selection = Selection.read(dict(parse_qsl(row["query"])))
        if selection.site_id not in sites:
            selection = Selection()
        views.append((row["name"], selection, row["query"] == current))
    return views


def _to_query(selection: Selection) -> str:
    return urlencode({name: value for name, value in selection.parameters().items() if name not in ("after", "author")})


async def save_view(database: Database, user: User, name: str, selection: Selection) -> bool:
    """Save a selection; one of the same name is replaced. Returns False beyond MAX_VIEWS."""

    async def work(tx: Transaction) -> bool:
        await tx.run("DELETE FROM saved_views WHERE user_id = :id AND name = :name", id=user.id, name=name)
        if len(await tx.rows("SELECT name FROM saved_views WHERE user_id = :id", id=user.id)) >= MAX_VIEWS:
            return False
        await tx.insert_unless_there("saved_views", user_id=user.id, name=name, query=_to_query(selection))
        return True

    return await database.write(work)


async def delete_view(database: Database, user: User, name: str) -> None:
    await database.write(
        lambda tx: tx.run("DELETE FROM saved_views WHERE user_id = :id AND name = :name", id=user.id, name=name)
    )

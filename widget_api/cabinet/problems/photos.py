"""Hide photos of a report from the public, and cover faces and number plates on them.

Covering makes another picture, which takes the place of the original. Hidden photos stay with the agency. The areas are
cells of a grid, chosen by checkboxes, so that neither a script nor a mouse is needed.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import journal, web
from widget_api.attachments.photos import service as photo_service
from widget_api.attachments.photos.intake import Area
from widget_api.cabinet.http import journal_user, path_identifier, render_page, require_user, session_form
from widget_api.casework import service as casework
from widget_api.database import Row, Transaction
from widget_api.errors import NotFound, Refused, Unavailable
from widget_api.people.model import User, VisibleSite
from widget_api.problems import correction, pictures
from widget_api.problems.record import find_existing
from widget_api.sites import service as sites

COLUMNS, ROWS = 16, 12
_KINDS: dict[str, journal.Kind] = {"hide": "photo_hidden", "show": "photo_shown", "cover": "photo_covered"}


def may_change_photos(user: User, site: VisibleSite, row: Row) -> bool:
    """Whether the user may hide and cover photos: who answers for the agency, of a report that is its own."""
    moderated = row["status"] != "moderation" or user.may("problems.moderate", site)
    here = not row["erased_at"] and not row["mirror_of"]
    return user.may("problems.answer", site) and here and moderated


async def show_photos(request: Request, user: User) -> Response:
    """GET /cabinet/problems/{problem_id}/photos, of `cover` with the grid"""
    visible, row, found = await _find_photos(request, user)
    site = await sites.by_id(web.context(request).database, visible.id)
    chosen = request.query_params.get("cover", "")
    return render_page(
        request,
        user,
        "photos.html",
        site=site if site.collection else None,
        number=row["number"],
        back=f"/cabinet/problems/{row['id']}",
        photos=found,
        covered=next((one for one in found if one["id"] == chosen and one["role"] != "hidden"), None),
        columns=COLUMNS,
        rows=ROWS,
        outcomes=_KINDS,
        wrong=request.query_params.get("wrong", ""),
        section="list",
        here=f"/cabinet/problems/{row['id']}/photos",
    )


async def change_photo(request: Request, user: User) -> Response:
    """POST: `do` (hide, show or cover) with `photo`, and `cell`s «row-column» to be covered"""
    given, _ = await session_form(request, 65_536, 0)
    site, row, found = await _find_photos(request, user)
    context, fields = web.context(request), dict(given)
    action, photo_id, here = fields.get("do", ""), fields.get("photo", ""), f"/cabinet/problems/{row['id']}/photos"
    if action not in _KINDS or all(one["id"] != photo_id for one in found):
        raise NotFound
    instead = None
    if action == "cover":
        areas = parse_cells([value for name, value in given if name == "cell"])
        if not areas:
            return web.see_other(f"{here}?cover={photo_id}&wrong=cells#grid")
        original = await context.storage.get(photo_id, "")
        if original is None:
            raise Unavailable
        instead = (
            await photo_service.receive(context, site.id, original, sender=web.client_address(request), cover=areas)
        ).id

    async def work(tx: Transaction) -> None:
        problem = await find_existing(tx, site.id, row["id"])
        if action == "show":
            await pictures.unhide(tx, row["id"], photo_id)
        else:
            await pictures.hide(tx, row["id"], photo_id, instead=instead)
        await correction.record_photos(tx, user.actor, problem)
        await journal.record(tx, _KINDS[action], journal_user(request, user), subject=row["id"], site_id=site.id)

    await context.database.write(work, site.id)
    return web.see_other(f"{here}?done={action}")


async def _find_photos(request: Request, user: User) -> tuple[VisibleSite, Row, list[dict[str, object]]]:
    """A report, its site, and its photos that the public sees or saw. Raises NotFound, Refused."""
    context = web.context(request)
    site, row = await casework.find_problem(context.database, user, path_identifier(request, "problem_id"))
    if not may_change_photos(user, site, row):
        raise Refused
    rows = await pictures.list_pictures(context.database, row["id"])
    shown = [one for one in rows if one["role"] in ("report", "answer", "hidden")]
    return site, row, pictures.gallery(context, shown)


def parse_cells(cells: list[str]) -> list[Area]:
    """The areas of cells «row-column» of the grid; others are ignored."""
    wanted = {(row, column) for row in range(ROWS) for column in range(COLUMNS) if f"{row}-{column}" in cells}
    return [(column / COLUMNS, row / ROWS, (column + 1) / COLUMNS, (row + 1) / ROWS) for row, column in sorted(wanted)]


routes: list[BaseRoute] = [
    Route("/cabinet/problems/{problem_id}/photos", require_user(show_photos), methods=["GET"]),
    Route("/cabinet/problems/{problem_id}/photos", require_user(change_photo, keeps=False), methods=["POST"]),
]

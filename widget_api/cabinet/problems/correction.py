"""Serve /cabinet/problems/{problem_id}/correct: a report's category, text and place, and the answer it got."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, journal, web
from widget_api.addresses import typed
from widget_api.cabinet.http import (
    Fields,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.cabinet.problems.inbox_rows import coordinates_text
from widget_api.cabinet.sites.districts import map_values
from widget_api.casework import service as casework
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, Refused
from widget_api.people.model import User, VisibleSite
from widget_api.problems import correction, timeline
from widget_api.problems.correction import Correction
from widget_api.problems.forms import split_coordinates
from widget_api.problems.model import ANSWERS
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.validation import clean


def may_correct(user: User, site: VisibleSite, row: Row) -> bool:
    """Whether the user may correct a report: who answers for the agency, and moderates what is not accepted yet."""
    moderated = row["status"] != "moderation" or user.may("problems.moderate", site)
    return moderated and user.may("problems.answer", site) and correction.is_correctable(row)


def may_correct_answer(user: User, site: VisibleSite, row: Row) -> bool:
    """Whether the user may correct the answer; where a head approves answers, a head."""
    return may_correct(user, site, row) and row["status"] in ANSWERS and not user.needs_approval


async def show_correction(request: Request, user: User) -> Response:
    return await _render(request, user, *await _find(request, user))


async def correct_report(request: Request, user: User) -> Response:
    """POST /cabinet/problems/{problem_id}/correct"""
    fields = await session_fields(request)
    site, row, _ = await _find(request, user)
    database, changed = web.context(request).database, True

    async def note(tx: Transaction) -> None:
        await journal.record(tx, "corrected", journal_user(request, user), subject=row["id"], site_id=site.id)

    try:
        if "answer" in fields:
            visible, _ = await casework.find_problem(database, user, row["id"])
            if not may_correct_answer(user, visible, row):
                raise Refused
            text, seen = fields["answer"], fields.get("seen", "")
            await correction.correct_answer(database, user.actor, site.id, row["id"], text, seen=seen, along=note)
        else:
            if fields.get("stored", _digest(row)) != _digest(row):
                raise Invalid((FieldError("description", "stale"),))
            place = await _complete_place(database, site, row, fields)
            fields = fields | {"address": place.address, "place": place.coordinates}
            if place.offered:
                error = Invalid((replace(typed.UNCLEAR, field="address"),))
                found = await _find(request, user)
                return await _render(request, user, *found, 422, given=fields, wrong=error, offered=place.offered)
            wish = read_correction(fields, row)
            changed = await correction.correct_report(database, user.actor, site, row["id"], wish, along=note)
    except Invalid as error:
        return await _render(request, user, *await _find(request, user), 422, given=fields, wrong=error)
    return web.see_other(f"/cabinet/problems/{row['id']}/correct?done={'done' if changed else 'nothing'}")


async def _complete_place(database: Database, site: Site, row: Row, given: Fields) -> typed.Place:
    """The address and coordinates of the form. Another address leads to its house, unless the point was corrected as
    well; without a house, and where the former address means the same one, the report keeps its point."""
    address, point = given.get("address", ""), given.get("place", "").strip()
    moved = address.split() != (row["address"] or "").split()
    if row["lat"] is not None and not (moved if address.strip() else point):
        return typed.Place(address, point)
    leads = bool(address.strip()) and moved and point == _place_text(row)
    choice, asked = given.get(typed.CHOICE), given.get(typed.ASKED, "")
    found = await typed.complete(database, site, address, "" if leads else point, choice=choice, asked=asked)
    if not leads:
        return found
    former = await typed.complete(database, site, row["address"] or "", "")
    return replace(found, coordinates=point) if found.coordinates in ("", former.coordinates) else found


def read_correction(given: Fields, row: Row) -> Correction:
    """Parse the form. Raises Invalid («place») for something else than two numbers."""
    place, lat, lng = given.get("place", "").strip(), None, None
    if place == _place_text(row):  # which is rounded
        lat, lng = row["lat"], row["lng"]
    elif place:
        try:
            lat, lng = (float(number) for number in split_coordinates(place))
        except ValueError:
            raise Invalid((FieldError("place", "coordinates"),)) from None
    return Correction(
        category=given.get("category", ""),
        description=clean(given.get("description", "")),
        address=" ".join(clean(given.get("address", "")).split()),
        lat=lat,
        lng=lng,
    )


def _digest(row: Row) -> str:
    """Names what a report says, so that a form of an older page does not bring back what was taken out."""
    said = [row[name] for name in ("category", "description", "address", "lat", "lng")]
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _place_text(row: Row) -> str:
    return coordinates_text(row).replace(", ", "; ")


async def _find(request: Request, user: User) -> tuple[Site, Row, str | None]:
    """The site and the report, and its answer where the user may correct it. Raises NotFound, Refused."""
    database = web.context(request).database
    visible, row = await casework.find_problem(database, user, path_identifier(request, "problem_id"))
    if not may_correct(user, visible, row):
        raise Refused
    answer = None
    if may_correct_answer(user, visible, row):
        answer = timeline.find_answer(await timeline.read_timeline(database, row["id"], public=True))
    return await sites.by_id(database, visible.id), row, answer["text"] if answer else None


async def _render(
    request: Request,
    user: User,
    site: Site,
    row: Row,
    answer: str | None,
    status: int = 200,
    *,
    given: Fields | None = None,
    wrong: Invalid | None = None,
    offered: Sequence[str] = (),
) -> Response:
    language = language_of(request, user)
    categories = [(one.code, i18n.category_name(language, one.code, one.name)) for one in site.categories]
    if all(code != row["category"] for code, _ in categories):
        categories.append((row["category"], i18n.category_name(language, row["category"], None)))
    stored = {
        "category": row["category"],
        "description": row["description"],
        "address": row["address"] or "",
        "place": _place_text(row),
        "answer": answer or "",
    }
    return render_page(
        request,
        user,
        "correction.html",
        status,
        **await map_values(request, site),
        site=site if site.collection else None,
        number=row["number"],
        seen=row["status_event"],
        stored=_digest(row),
        back=f"/cabinet/problems/{row['id']}",
        categories=categories,
        given=stored | (given or {}),
        answer=answer,
        errors=wrong,
        offered=offered,
        outcomes=("done", "nothing"),
        section="list",
        here=f"/cabinet/problems/{row['id']}/correct",
    )


routes: list[BaseRoute] = [
    Route("/cabinet/problems/{problem_id}/correct", require_user(show_correction), methods=["GET"]),
    Route("/cabinet/problems/{problem_id}/correct", require_user(correct_report), methods=["POST"]),
]

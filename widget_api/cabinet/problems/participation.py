"""Show the agency who takes part in an entry: the count, the people to those who see contacts, and a file of them.

Voices that came in a burst from one network are marked, not dropped: a family, a school and a forger look alike, and
who decides must see that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, journal, web
from widget_api.browse import open_data_formats
from widget_api.cabinet.http import file_headers, journal_user, language_of, path_identifier, require_user
from widget_api.casework import service as casework
from widget_api.database import Database, Row
from widget_api.errors import Refused
from widget_api.participation import service, store
from widget_api.participation.model import COUNTED, Act, find_bursts
from widget_api.participation.tally import find_network
from widget_api.people.model import User, VisibleSite
from widget_api.problems import counts
from widget_api.sites import service as sites
from widget_api.sites.model import Site

SHOWN = 200  # rows on the page; the file has all
_COLUMNS = ("moment", "name", "role", "text", "email", "burst")


@dataclass(frozen=True, kw_only=True)
class ParticipantsView:
    """`rows` are empty for users who see no contacts, and for requests, which are between two people."""

    act: Act
    count: int
    elsewhere: int  # of them at other instances
    bursts: Sequence[int]  # the sizes of groups that came from one network within an hour
    rows: Sequence[dict[str, Any]]
    voting: str  # when voices are counted


def may_see_people(user: User, site: VisibleSite, act: Act) -> bool:
    """Whether the user may see who takes part: who answers for the agency."""
    return user.may("contacts.read", site) and act in COUNTED


async def read_participants(
    database: Database, user: User, language: str, visible: VisibleSite, site: Site, problem: Row
) -> ParticipantsView | None:
    """Who takes part in an entry; None where its collection offers nothing of the kind, or it is erased."""
    action = site.collection.action if site.collection else "none"
    act = next((one for one in get_args(Act) if one == action), None)
    if act is None or problem["erased_at"] is not None:
        return None
    found = await store.list_confirmed(database, problem["id"], act)
    rows = list(_describe(found, language, site.time_zone))
    period, days = service.describe_period(site, language)
    groups = [row["burst"] for row in rows if row["burst"]]
    return ParticipantsView(
        act=act,
        count=problem["participants"] if act in COUNTED else len(found),
        elsewhere=problem["participants"] - (await counts.read_own(database, problem["id"]))["participants"],
        bursts=[groups.count(group) for group in sorted(set(groups))],
        rows=rows[-SHOWN:] if may_see_people(user, visible, act) else [],
        voting=i18n.text(language, f"participation.vote.period.{period}", **days) if act == "vote" else "",
    )


def _describe(found: Sequence[Row], language: str, time_zone: str) -> Iterator[dict[str, Any]]:
    arrivals = [(row["id"], find_network(row["ip"]), row["confirmed_at"]) for row in found if row["ip"]]
    marked = find_bursts(arrivals)
    for row in found:
        moment = i18n.format_moment(language, row["confirmed_at"], time_zone)
        yield {**{name: row[name] for name in ("name", "role", "text", "email")}, "moment": moment} | {
            "burst": marked.get(row["id"])
        }


async def get_csv(request: Request, user: User) -> Response:
    """GET /cabinet/problems/{problem_id}/participants.csv. Noted in the journal: it is personal data."""
    context, language = web.context(request), language_of(request, user)
    visible, problem = await casework.find_problem(context.database, user, path_identifier(request, "problem_id"))
    site = await sites.by_id(context.database, visible.id)
    view = await read_participants(context.database, user, language, visible, site, problem)
    if view is None or not may_see_people(user, visible, view.act):
        raise Refused
    await context.limits.hit("exports", web.client_address(request), user.id)
    found = await store.list_confirmed(context.database, problem["id"], view.act)
    details: dict[str, journal.Detail] = {"rows": len(found), "format": "csv", "contacts": True}
    who = journal_user(request, user)
    await journal.note(context.database, "exported", who, subject=problem["id"], site_id=site.id, details=details)
    head = [i18n.text(language, f"participation.cabinet.{name}") for name in _COLUMNS]
    rows = ([row[name] for name in _COLUMNS] for row in _describe(found, language, site.time_zone))
    body = open_data_formats.header(";", head) + open_data_formats.table(rows, ";")
    headers = file_headers(f"participants-{problem['number']}.csv")
    return Response(body, headers=headers, media_type=open_data_formats.CSV_TYPE)


routes: list[BaseRoute] = [
    Route("/cabinet/problems/{problem_id}/participants.csv", require_user(get_csv), methods=["GET"]),
]

"""Read who works on a report: the service, the colleague, what the service said last, and what may be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from widget_api.casework.queries import parse_data
from widget_api.database import Database, Row
from widget_api.people import store
from widget_api.people.model import User, VisibleSite
from widget_api.problems.model import OPEN
from widget_api.sites import routing_rules
from widget_api.sites.routing_rules import Rule, Service


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Who works on a report, for its page."""

    service: Service | None
    due: str | None  # the date the service was given
    user_id: str | None
    colleagues: list[tuple[str, str]]  # identifiers and names; empty where the user may not assign
    services: list[Service]  # to which the user may forward it
    rule: Rule | None  # which applies if a report in moderation is accepted
    outcome: str | None  # what the service did last, until the agency acts: returned | reported
    service_text: str  # its text
    names: dict[str, str]  # of the users named in the timeline, by identifier
    works: bool  # the user works on it for the service


async def read_assignment(
    database: Database,
    user: User,
    site: VisibleSite,
    row: Row,
    timeline: Sequence[Row],
    texts: Mapping[str, str],
) -> Assignment:
    can_act = can_assign(user, row)
    of_agency = site.assigned_to is None
    services = await routing_rules.list_services(database, site.id) if site.is_own else []
    given = row["assigned_agency"] and await routing_rules.find_service(database, site.id, row["assigned_agency"])
    kinds = {"reported": "work_reported", "returned": "assignment_returned"}
    wanted = kinds.get(row["service_outcome"] or "")
    event = next((one for one in reversed(timeline) if one["kind"] == wanted), None)
    rule = None
    if site.is_own and row["status"] == "moderation" and not row["mirror_of"]:
        rule = await routing_rules.find_rule(database, site.id, row["category"], row["lat"], row["lng"])
    users = [parse_data(one).get("user") for one in timeline if one["kind"] == "assigned"]
    return Assignment(
        service=given or None,
        due=row["assigned_due"],
        user_id=row["assigned_user"],
        colleagues=await routing_rules.list_colleagues(database, user.agency_id)
        if can_act and of_agency and user.agency_id
        else [],
        services=services,
        rule=rule,
        outcome=None if site.named else row["service_outcome"],
        service_text=texts.get(event["text_id"] or "", "") if event is not None else "",
        names=await store.list_names(database, [user_id for user_id in users if user_id], of=site.named),
        works=not of_agency and can_act,
    )


def can_assign(user: User, row: Row) -> bool:
    """Whether the user may assign an open report to a colleague, or act for the service it is assigned to."""
    free = row["status"] in OPEN and not (row["erased_at"] or row["mirror_of"] or row["spam"])
    return free and user.may("problems.decide")

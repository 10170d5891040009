"""List and moderate comments within a user's permissions: on visible sites, by the moderator that each site names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from widget_api.casework import queries
from widget_api.comments import service as discussion
from widget_api.comments import store as comments
from widget_api.comments.model import Verdict
from widget_api.comments.store import Position
from widget_api.database import Database, Row
from widget_api.errors import NotFound, Refused
from widget_api.people import store
from widget_api.people.model import User, VisibleSite
from widget_api.sites import service as sites

Tab = Literal["moderation", "published", "rejected"]
TABS: tuple[Tab, ...] = get_args(Tab)
PAGE_SIZE = 30
MAX_COUNT = 100  # beyond it the menu shows «99+»


@dataclass(frozen=True, kw_only=True)
class CommentQueue:
    """A page of comments; `may` holds the sites that this user moderates."""

    tab: Tab
    rows: Sequence[Row]
    next: Position | None
    may: frozenset[str]
    waiting: int


def _list_discussing_sites(visible: Sequence[VisibleSite]) -> list[str]:
    return [site.id for site in visible if site.discussion != "off"]


async def count_waiting(database: Database, user: User) -> int | None:
    """The number of waiting comments, up to MAX_COUNT; None where no visible site has a discussion."""
    of = _list_discussing_sites(await store.list_moderated_sites(database, user))
    return await comments.count_waiting(database, of, MAX_COUNT) if of else None


async def read_queue(database: Database, user: User, tab: str, after: str) -> CommentQueue:
    """A page of a tab. Invalid parameters are ignored."""
    visible = await store.list_moderated_sites(database, user)
    of = _list_discussing_sites(visible)
    chosen: Tab = next((one for one in TABS if one == tab), "moderation")
    position = _parse_position(after)
    rows = await comments.list_queue(database, of, chosen, position, PAGE_SIZE, reader=user.agency_id)
    last = rows[PAGE_SIZE - 1] if len(rows) > PAGE_SIZE else None
    return CommentQueue(
        tab=chosen,
        rows=rows[:PAGE_SIZE],
        next=(last["created_at" if chosen == "moderation" else "decided_at"], last["id"]) if last else None,
        may=frozenset(site.id for site in visible if user.may("problems.moderate", site)),
        waiting=await comments.count_waiting(database, of, MAX_COUNT),
    )


def _parse_position(text: str) -> Position | None:
    at, _, comment_id = text.replace("\0", "").partition(".")
    return (int(at), comment_id) if at.isascii() and at.isdigit() and len(at) < 12 else None


async def decide_comment(database: Database, user: User, comment_id: str, verdict: str, reason: str) -> None:
    """Publish or reject a comment. Raises NotFound, Refused, Invalid."""
    comment = await comments.find_with_problem(database, comment_id)
    visible = await store.list_moderated_sites(database, user)
    site = next((one for one in visible if comment is not None and one.id == comment["site_id"]), None)
    if comment is None or site is None or comment["state"] == "unconfirmed":
        raise NotFound("comment_not_found")
    if not user.may("problems.moderate", site):
        raise Refused("comment_not_yours")
    if verdict not in get_args(Verdict):
        raise Refused
    await discussion.decide_comment(database, site.id, comment_id, cast(Verdict, verdict), user.id, reason)


def may_post(user: User) -> bool:
    """Whether the user may comment for the agency: its own users may, where a head approves answers the head alone.

    A comment is public speech of the agency, like an answer. The operator may not speak for it.
    """
    return user.may("comments.write") and not user.needs_approval


async def post_official_comment(database: Database, user: User, problem_id: str, text: str) -> None:
    """Publish a comment of the agency. Raises NotFound, Refused, Invalid («text»), Conflict (merged)."""
    visible = await store.list_moderated_sites(database, user)
    problem = await queries.find_problem(database, visible, problem_id)
    if problem is None:
        raise NotFound("problem_not_found")
    if not may_post(user):
        raise Refused
    site = await sites.by_id(database, problem["site_id"])
    await discussion.post_official_comment(database, site, problem_id, text, user.id)


@dataclass(frozen=True, kw_only=True)
class Discussion:
    """The comments of a report."""

    rows: Sequence[Row]
    may: frozenset[str]
    may_say: bool


async def read_discussion(database: Database, user: User, site: VisibleSite, problem: Row) -> Discussion | None:
    """The comments of a report; None where the site has no discussion."""
    if site.discussion == "off" or site.assigned_to is not None:
        return None
    return Discussion(
        rows=await comments.list_of_problem(database, site.id, problem["id"], reader=user.agency_id),
        may=frozenset({site.id} if user.may("problems.moderate", site) else ()),
        may_say=may_post(user) and bool(problem["published"]) and problem["duplicate_of"] is None,
    )

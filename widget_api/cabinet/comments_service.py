"""What a user may read of comments and do about them: the sites they see, the moderator those sites name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from widget_api.cabinet import inbox_store
from widget_api.comments import service as discussion
from widget_api.comments import store as comments
from widget_api.comments.model import Verdict
from widget_api.comments.store import Position
from widget_api.database import Database, Row
from widget_api.errors import NotFound, Refused
from widget_api.people import store
from widget_api.people.model import User, VisibleSite, is_moderator
from widget_api.sites import service as sites

Tab = Literal["moderation", "published", "rejected"]
TABS: tuple[Tab, ...] = get_args(Tab)
PAGE = 30
COUNTED = 100  # beyond it the menu says «99+»


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A page of comments; `may` holds the sites about whose comments this user decides."""

    tab: Tab
    rows: Sequence[Row]
    next: Position | None
    may: frozenset[str]
    waiting: int


def _discussing(visible: Sequence[VisibleSite]) -> list[str]:
    return [site.id for site in visible if site.discussion != "off"]


async def waiting(database: Database, user: User) -> int | None:
    """How many comments wait, up to COUNTED; None where no site this user sees has a discussion."""
    of = _discussing(await store.list_visible_sites(database, user))
    return await comments.count_waiting(database, of, COUNTED) if of else None


async def queue(database: Database, user: User, tab: str, after: str) -> Queue:
    """What does not make sense in the address is as good as absent."""
    visible = await store.list_visible_sites(database, user)
    of = _discussing(visible)
    chosen: Tab = next((one for one in TABS if one == tab), "moderation")
    rows = await comments.list_queue(database, of, chosen, _place(after), PAGE)
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return Queue(
        tab=chosen,
        rows=rows[:PAGE],
        next=(last["created_at" if chosen == "moderation" else "decided_at"], last["id"]) if last else None,
        may=frozenset(site.id for site in visible if is_moderator(user, site)),
        waiting=await comments.count_waiting(database, of, COUNTED),
    )


def _place(text: str) -> Position | None:
    at, _, comment_id = text.replace("\0", "").partition(".")
    return (int(at), comment_id) if at.isascii() and at.isdigit() and len(at) < 12 else None


async def decide(database: Database, user: User, comment_id: str, verdict: str, reason: str) -> Row:
    """Publish or reject; returns the comment as it was. Raises NotFound (another agency's too), Refused, Invalid."""
    comment = await comments.find_with_problem(database, comment_id)
    visible = await store.list_visible_sites(database, user)
    site = next((one for one in visible if comment is not None and one.id == comment["site_id"]), None)
    if comment is None or site is None or comment["state"] == "unconfirmed":
        raise NotFound("comment_not_found")
    if not is_moderator(user, site):
        raise Refused("comment_not_yours")
    if verdict not in get_args(Verdict):
        raise Refused
    await discussion.decide_comment(database, site.id, comment_id, cast(Verdict, verdict), user.id, reason)
    return comment


def may_say(user: User) -> bool:
    """The agency's word is said by its own people; the operator of the service is not the agency."""
    return user.role in ("admin", "head", "agent")


async def say(database: Database, user: User, problem_id: str, text: str) -> None:
    """The agency's own comment. Raises NotFound, Refused, Invalid («text»), Conflict (merged)."""
    visible = await store.list_visible_sites(database, user)
    problem = await inbox_store.problem(database, visible, problem_id)
    if problem is None:
        raise NotFound("problem_not_found")
    if not may_say(user):
        raise Refused
    site = await sites.by_id(database, problem["site_id"])
    await discussion.post_official_comment(database, site, problem_id, text, user.id)


@dataclass(frozen=True, kw_only=True)
class Talk:
    """The discussion beside a report."""

    rows: Sequence[Row]
    may: frozenset[str]
    may_say: bool


async def under(database: Database, user: User, site: VisibleSite, problem: Row) -> Talk | None:
    """None where the site allows none."""
    if site.discussion == "off":
        return None
    return Talk(
        rows=await comments.list_of_problem(database, site.id, problem["id"]),
        may=frozenset({site.id} if is_moderator(user, site) else ()),
        may_say=may_say(user) and bool(problem["published"]) and problem["duplicate_of"] is None,
    )

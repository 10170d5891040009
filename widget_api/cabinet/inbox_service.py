"""Read the inbox and decide about reports, within a user's permissions."""

from __future__ import annotations

from dataclasses import dataclass

from widget_api import clock
from widget_api.cabinet import inbox_store
from widget_api.database import Database, Row
from widget_api.errors import Conflict, NotFound, Refused
from widget_api.people import store
from widget_api.people.model import Cursor, Selection, Tab, User, VisibleSite, allowed_transitions, is_moderator
from widget_api.problems import change as problems
from widget_api.problems import dialogue
from widget_api.problems.model import OPEN, Change, has_author_here
from widget_api.problems.store import contacts

# --- coming and going ----------------------------------------------------------------------------------------------


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """A page of the list. `counts` are those of the tabs with work to do."""

    sites: list[VisibleSite]
    selection: Selection
    rows: list[Row]
    next: Cursor | None
    counts: dict[Tab, int]
    version: str
    now: int


@dataclass(frozen=True, kw_only=True)
class ProblemDetail:
    """A report with everything that the cabinet shows of it."""

    site: VisibleSite
    row: Row
    contact: Row | None  # personal data: for those who may see it
    timeline: list[Row]
    texts: dict[str, str]
    deliveries: list[Row]
    links: list[Row]
    transitions: list[str]
    may_mark_spam: bool
    may_ask: bool
    duplicate_id: str | None
    now: int


def select_sites(sites: list[VisibleSite], selection: Selection) -> list[VisibleSite]:
    """The sites of a selection. Raises NotFound, also for another agency's site."""
    if selection.site_id is None:
        return sites
    found = [site for site in sites if site.id == selection.site_id]
    if not found:
        raise NotFound("site_not_found")
    return found


async def read_inbox(database: Database, user: User, selection: Selection) -> Inbox:
    sites = await store.list_visible_sites(database, user)
    of = select_sites(sites, selection)
    now = clock.now()
    # Read before the rows, so that a change in between is seen as a newer version at the next poll.
    at = await _make_version(database, of, now)
    rows, following = await inbox_store.read_page(database, of, selection, now)
    waiting: tuple[Tab, ...] = ("moderation", "replied", "overdue")
    counts = {tab: await inbox_store.count_problems(database, of, Selection(tab=tab), now) for tab in waiting}
    return Inbox(sites=sites, selection=selection, rows=rows, next=following, counts=counts, version=at, now=now)


async def read_version(database: Database, user: User, selection: Selection) -> str:
    """A text that changes whenever the list may look different; cheap enough to be polled every second."""
    return await _make_version(
        database, select_sites(await store.list_visible_sites(database, user), selection), clock.now()
    )


async def _make_version(database: Database, sites: list[VisibleSite], now: int) -> str:
    position, version = await store.read_versions(database, [site.id for site in sites])
    return f"{len(sites)}-{position}-{version}-{now // 3600}"  # a new day may begin at any full hour


async def read_problem(database: Database, user: User, problem_id: str) -> ProblemDetail:
    """A report with its details. Raises NotFound, also for another agency's."""
    site, row = await find_problem(database, user, problem_id)
    return ProblemDetail(
        site=site,
        row=row,
        contact=await contacts.find(database, problem_id),
        timeline=list(await inbox_store.list_events(database, site.id, problem_id)),
        texts=await inbox_store.read_texts(database, site.id, problem_id),
        deliveries=list(await inbox_store.list_deliveries(database, site.id, problem_id)),
        links=list(await inbox_store.list_links(database, site.id, problem_id)),
        transitions=_allowed_transitions(user, site, row),
        may_ask=_may_ask(user, site, row),
        may_mark_spam=row["status"] == "moderation"
        and not row["mirror_of"]
        and not row["erased_at"]
        and is_moderator(user, site),
        duplicate_id=await inbox_store.find_id(database, site.id, row["duplicate_of"]),
        now=clock.now(),
    )


async def find_problem(database: Database, user: User, problem_id: str) -> tuple[VisibleSite, Row]:
    """A report that the user may see, and its site. Raises NotFound, also for another agency's."""
    sites = await store.list_visible_sites(database, user)
    row = await inbox_store.find_problem(database, sites, problem_id)
    if row is None:
        raise NotFound("problem_not_found")
    return next(site for site in sites if site.id == row["site_id"]), row


# --- deciding ------------------------------------------------------------------------------------------------------


async def require_decidable(database: Database, user: User, problem_id: str) -> str:
    """The site of a report that this user may decide about. Raises NotFound (also another agency's), Refused."""
    site, row = await find_problem(database, user, problem_id)
    if not _allowed_transitions(user, site, row):
        raise Refused("transition")
    return site.id


async def decide_problem(database: Database, user: User, problem_id: str, wish: Change, *, seen: str) -> None:
    """Set a report's status. Raises what `problems.change.change` raises, NotFound for another agency's."""
    site, row = await find_problem(database, user, problem_id)
    if row["status_event"] != seen:
        raise Conflict("problem_changed")
    if wish.to not in _allowed_transitions(user, site, row):
        raise Refused("transition")
    await problems.change(database, user.actor, site.id, problem_id, wish, seen=seen)


def _allowed_transitions(user: User, site: VisibleSite, row: Row) -> list[str]:
    """The statuses this user may set; none where the report is erased, spam or a platform's."""
    if row["erased_at"] or row["spam"] or row["mirror_of"]:
        return []
    return allowed_transitions(user, site, row["status"])


def _may_ask(user: User, site: VisibleSite, row: Row) -> bool:
    """Whether the user may ask the author a question: about open reports made here, if the user may decide."""
    if row["status"] not in OPEN or row["spam"] or row["erased_at"] or not has_author_here(row["source"]):
        return False
    return bool(_allowed_transitions(user, site, row))


async def ask_author(database: Database, user: User, problem_id: str, text: str) -> None:
    """Ask the author a question. Raises what `problems.dialogue.ask` raises, NotFound for another agency's."""
    site, row = await find_problem(database, user, problem_id)
    if not _may_ask(user, site, row):
        raise Refused("nobody_to_ask")
    await dialogue.ask(database, user.actor, site.id, problem_id, text)


async def read_reply(database: Database, user: User, problem_id: str) -> None:
    """Mark the author's reply as read, without an answer."""
    site, row = await find_problem(database, user, problem_id)
    if not _allowed_transitions(user, site, row):
        raise Refused
    await dialogue.mark_read(database, site.id, problem_id)


async def mark_spam(database: Database, user: User, problem_id: str, spam: bool) -> None:
    site, _ = await find_problem(database, user, problem_id)
    if not is_moderator(user, site):
        raise Refused
    await problems.mark_spam(database, user.actor, site.id, problem_id, spam)

"""Read the inbox and decide about reports, within a user's permissions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from widget_api import clock
from widget_api.casework import queries
from widget_api.casework.assignment_view import Assignment, can_assign, read_assignment
from widget_api.casework.selection import NONE, Cursor, Selection, Tab
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused
from widget_api.events import APPROVAL
from widget_api.people import organisation_store, store
from widget_api.people.model import (
    EXTENDED,
    FINAL_STATUSES,
    User,
    VisibleSite,
    allowed_transitions,
    choose_counted,
)
from widget_api.platform.store import platforms
from widget_api.problems import assignment, dialogue, extension, lifecycle, registration
from widget_api.problems.deadline import find_decision_cutoff
from widget_api.problems.model import OPEN, Change, Extension, has_author_here
from widget_api.problems.notices import is_for
from widget_api.problems.record import find_existing
from widget_api.problems.store import contacts
from widget_api.sites import routing_rules
from widget_api.sites.deadlines import Calendar

# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """A page of the list. `counts` are those of the tabs with work to do, with the filters of the page."""

    sites: list[VisibleSite]
    selection: Selection
    rows: list[Row]
    next: Cursor | None
    counts: dict[Tab, int]
    version: str
    now: int


@dataclass(frozen=True, kw_only=True)
class Section:
    """What waits for one reason: the selection that lists all of it, its number up to MAX_COUNT, the most urgent."""

    name: str
    selection: Selection
    count: int
    rows: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class Today:
    """What waits for the user, the worst first. A report stands in one section, the worst of its own."""

    sites: list[VisibleSite]
    sections: list[Section]
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
    elsewhere: list[str]  # names of the platforms that have the report or get it
    links: list[Row]
    transitions: list[str]
    may_mark_spam: bool
    may_ask: bool
    assignment: Assignment
    duplicate_id: str | None
    now: int


def select_sites(sites: list[VisibleSite], selection: Selection) -> list[VisibleSite]:
    """The sites of a selection. Raises NotFound, also for another agency's site."""
    if selection.site_id is None:
        return choose_counted(sites) if selection.counted else sites
    found = [site for site in sites if site.id == selection.site_id]
    if not found:
        raise NotFound("site_not_found")
    return found


async def read_inbox(database: Database, user: User, selection: Selection) -> Inbox:
    sites, selection = await store.list_report_sites(database, user), replace(selection, user_id=user.id)
    of = select_sites(sites, selection)
    now = clock.now()
    # Read before the rows, so that a change in between is seen as a newer version at the next poll.
    at = await _make_version(database, of, now)
    rows, following = await queries.read_page(database, of, selection, now)
    waiting: tuple[Tab, ...] = ("moderation", "overdue", "returned")
    counts = {tab: await queries.count_problems(database, of, selection.of_tab(tab), now) for tab in waiting}
    return Inbox(
        sites=sites,
        selection=selection,
        rows=rows,
        next=following,
        counts=counts,
        version=at,
        now=now,
    )


async def list_assignees(database: Database, user: User, found: Inbox) -> dict[str, list[tuple[str, str]]]:
    """The services and colleagues by whom the list can be filtered: identifiers and names.

    A service sees only what is assigned to it, so it has nothing to choose. Who was chosen is among them always.
    """
    if user.agency_id is None or not any(site.assigned_to is None for site in found.sites):
        return {"service": [], "person": []}
    agencies = await organisation_store.list_agencies(database, user.agency_id)
    services = [(row["id"], row["name"]) for row in agencies if row["id"] != user.agency_id]
    people, chosen = await routing_rules.list_colleagues(database, user.agency_id), found.selection.person
    if chosen not in ("", NONE, *dict(people)):  # somebody who left
        people += (await store.list_names(database, [chosen], of=user.agency_id)).items()
    return {"service": services, "person": people}


_SECTIONS = {
    "overdue": Selection(tab="overdue", sort="due"),
    "approval": Selection(status="approval"),
    "remark": Selection(status="remark"),
    "returned": Selection(tab="returned"),
    "soon": Selection(status="soon", sort="due"),
    "new": Selection(tab="moderation"),
}
SECTION_SIZE = 20  # reports shown of a section; its list shows all


async def read_today(database: Database, user: User) -> Today:
    sites = await store.list_report_sites(database, user)
    now = clock.now()
    at = await _make_version(database, sites, now)
    sections, shown = list[Section](), set[str]()
    for name, selection in _SECTIONS.items():
        selection = replace(selection, user_id=user.id)
        if not is_for(name, user.role):
            continue
        count = await queries.count_problems(database, sites, selection, now)
        if selection.part.draft and not count:  # where nobody asks for approval, nothing is said of it
            continue
        most = SECTION_SIZE + len(shown)  # so many may stand in a worse section
        rows = (await queries.read_page(database, sites, selection, now, most=most))[0] if count else []
        rows = [row for row in rows if row["id"] not in shown][:SECTION_SIZE]
        shown |= {row["id"] for row in rows}
        sections.append(Section(name=name, selection=selection, count=count, rows=rows))
    return Today(sites=sites, sections=sections, version=at, now=now)


async def count_new(database: Database, user: User) -> int | None:
    """The number of reports that await the user's moderation, up to MAX_COUNT; None for one who reads no reports."""
    sites = await store.list_report_sites(database, user)
    selection = Selection(tab="moderation")
    return await queries.count_problems(database, sites, selection, clock.now()) if sites else None


async def read_version(database: Database, user: User, selection: Selection) -> str:
    """A text that changes whenever the list may look different; cheap enough to be polled every second."""
    return await _make_version(
        database, select_sites(await store.list_report_sites(database, user), selection), clock.now()
    )


async def _make_version(database: Database, sites: list[VisibleSite], now: int) -> str:
    position, version = await store.read_versions(database, [site.id for site in sites])
    return f"{len(sites)}-{position}-{version}-{now // 3600}"  # a new day may begin at any full hour


async def read_problem(database: Database, user: User, problem_id: str) -> ProblemDetail:
    """A report with its details. Raises NotFound, also for another agency's."""
    site, row = await find_problem(database, user, problem_id)
    events = await queries.list_events(database, site.id, problem_id, reader=user.agency_id)
    timeline = _limit_timeline(user, site, events)
    texts = await queries.read_texts(database, site.id, problem_id)
    return ProblemDetail(
        site=site,
        row=row,
        contact=await contacts.find(database, problem_id) if site.is_own else None,
        timeline=timeline,
        texts=texts,
        assignment=await read_assignment(database, user, site, row, timeline, texts),
        deliveries=list(await queries.list_deliveries(database, site.id, problem_id)) if site.is_own else [],
        elsewhere=[] if row["mirror_of"] else [one.name for one in await platforms.list_recipients(database, row)],
        links=list(await queries.list_links(database, site.id, problem_id)) if site.is_own else [],
        transitions=find_transitions(user, site, row),
        may_ask=_may_ask(user, site, row),
        may_mark_spam=row["status"] == "moderation"
        and not row["mirror_of"]
        and not row["erased_at"]
        and user.may("problems.moderate", site),
        duplicate_id=await queries.find_id(database, site.id, row["duplicate_of"]),
        now=clock.now(),
    )


_CONVERSATION = frozenset({"asked", "clarified", "rated"})
_SERVICES_OWN = frozenset({"work_reported", "assignment_returned"})


def _limit_timeline(user: User, site: VisibleSite, rows: Sequence[Row]) -> list[Row]:
    """The events that the user may read: a service neither spam marks nor what other services wrote.

    How an agency came to a decision is its own.
    What passes between author and agency is for those who answer: it holds addresses and telephones.
    """
    rows = [row for row in rows if row["kind"] not in APPROVAL or queries.parse_data(row)["agency"] == user.agency_id]
    if not user.may("contacts.read"):  # what was taken out of a report may be personal data
        rows = [row for row in rows if row["kind"] != "corrected"]
    if site.undecided_before is not None:
        rows = [row for row in rows if row["kind"] not in _CONVERSATION]
    if site.is_own:
        return list(rows)
    hidden = {"corrected"}
    if site.named is None:
        hidden |= {"spam", "unspam"} | (frozenset() if site.delegated else _CONVERSATION)
    return [
        row
        for row in rows
        if row["kind"] not in hidden
        and (row["kind"] not in _SERVICES_OWN or queries.parse_data(row).get("service") == site.assigned_to)
    ]


async def find_problem(database: Database, user: User, problem_id: str) -> tuple[VisibleSite, Row]:
    """A report that the user may see, and its site. Raises NotFound, also for another agency's."""
    sites = await store.list_report_sites(database, user) + await store.list_visible_sites(database, user, tests=True)
    row = await queries.find_problem(database, sites, problem_id)
    if row is None:
        raise NotFound("problem_not_found")
    return next(site for site in sites if site.id == row["site_id"]), row


async def check_decided_meanwhile(database: Database, user: User, problem_id: str, seen: str) -> None:
    """Raise Conflict for an operator who wanted to decide in the agency's place, and whom the agency anticipated.

    The operator has seen the report: it waited for too long until it was decided, and `seen`, its former status event,
    stands on no other page.
    """
    found = await queries.find_decided(database, problem_id, seen) if user.may("service.operate") else None
    if found is None or found["decidable_at"] is None:
        return
    calendar = Calendar.load(found["time_zone"], found["calendar"])
    if found["decidable_at"] < find_decision_cutoff(calendar, found["status_at"]):
        raise Conflict("decided_meanwhile")


# --- exports -------------------------------------------------------------------------------------------------------

EXPORT_PAGE = 500  # reports read at a time


async def count_export(database: Database, user: User, selection: Selection) -> int:
    """The number of reports in an export. Raises NotFound for users who may not export, as for an unknown address."""
    if not user.may("problems.export"):
        raise NotFound
    sites = select_sites(await store.list_visible_sites(database, user), selection)
    return await queries.count_problems(
        database.in_threads(), sites, replace(selection, user_id=user.id), clock.now(), most=None
    )


async def read_export(database: Database, user: User, selection: Selection) -> AsyncIterator[Sequence[Row]]:
    """Yield the selected reports in their order, a page at a time; with contacts, if the user sees them.

    Reports assigned to a service are exported by their agency alone.

    Reads run in threads, so that they do not block other requests.
    """
    sites = select_sites(await store.list_visible_sites(database, user), selection)
    columns = queries.EXPORTED_WITH_CONTACTS if user.may("contacts.read") else queries.EXPORTED
    now, following = clock.now(), replace(selection, after=None, user_id=user.id)
    while True:
        rows, after = await queries.read_page(
            database.in_threads(), sites, following, now, columns=columns, most=EXPORT_PAGE
        )
        yield rows
        if after is None:
            return
        following = replace(following, after=after)


# --- deciding ------------------------------------------------------------------------------------------------------


def require_decidable(user: User, site: VisibleSite, row: Row) -> None:
    """Raises Refused where the user may not decide about the report."""
    if not find_transitions(user, site, row):
        raise Refused("transition")


def require_actor(user: User, site: VisibleSite, row: Row) -> None:
    """Raises Refused where the user has nothing to write about the report."""
    if not find_transitions(user, site, row) and not can_assign(user, row) and not user.may("problems.answer"):
        raise Refused


async def decide_problem(
    database: Database,
    user: User,
    problem_id: str,
    wish: Change | Extension,
    *,
    seen: str,
    along: lifecycle.Along | None = None,
) -> None:
    """Set a report's status, or extend its due date. `along` is called in the same transaction.

    Raises what `lifecycle.change` and `problems.extension.extend` raise, Refused("approval") for a decision that
    a head has to approve, NotFound for another agency's.
    """
    site, row = await find_decidable(database, user, problem_id, wish, seen=seen)
    if await needs_approval(database, user, row, wish):
        raise Refused("approval")
    if isinstance(wish, Extension):
        await extension.extend(database, user.actor, site.id, problem_id, wish, seen=seen, along=along)
    else:
        await lifecycle.change(database, user.actor, site.id, problem_id, wish, seen=seen, along=along)


async def find_decidable(
    database: Database, user: User, problem_id: str, wish: Change | Extension, *, seen: str
) -> tuple[VisibleSite, Row]:
    """A report about which the user may decide so, and its site. Raises NotFound, Conflict, Refused."""
    site, row = await find_problem(database, user, problem_id)
    if row["status_event"] != seen:
        raise Conflict("problem_changed")
    possible = (
        may_extend(user, site, row) if isinstance(wish, Extension) else wish.to in find_transitions(user, site, row)
    )
    if not possible:
        raise Refused("transition")
    return site, row


async def check_decision(database: Database, user: User, site: VisibleSite, row: Row, wish: Change | Extension) -> None:
    """Raise Invalid where the decision could not be made as it is, so that a head is not asked in vain."""
    if isinstance(wish, Extension):
        extension.check(row, wish)
    else:
        await lifecycle.check_change(database, user.actor, site.id, row["id"], wish)


def may_extend(user: User, site: VisibleSite, row: Row) -> bool:
    """Whether the user may extend the due date: who answers the resident."""
    return _answers(site) and extension.is_extendable(row) and bool(find_transitions(user, site, row))


async def needs_approval(database: Database, user: User, row: Row, wish: Change | Extension) -> bool:
    """Whether a head has to approve an agent's decision: answers where the agency wants it, and dates far ahead.

    Without anybody who could approve, nothing is to be approved.
    """
    if not user.may("drafts.submit"):
        return False
    if isinstance(wish, Extension):
        far = True
    else:
        far = wish.to == "planned" and (wish.expected_on or "") > extension.last_date(row)
    wanted = far or (user.needs_approval and isinstance(wish, Change) and wish.to in FINAL_STATUSES)
    return wanted and await store.has_approver(database, user.agency_id)


async def list_approved(database: Database, user: User) -> list[str]:
    """The choices of the decision's form that a head has to approve, whatever their date (`needs_approval`)."""
    if not user.may("drafts.submit") or not await store.has_approver(database, user.agency_id):
        return []
    return [EXTENDED, *(FINAL_STATUSES if user.needs_approval else ())]


def find_transitions(user: User, site: VisibleSite, row: Row) -> list[str]:
    """The statuses this user may set; none where the report is erased, spam or a platform's."""
    if row["erased_at"] or row["spam"] or row["mirror_of"]:
        return []
    return allowed_transitions(user, site, row["status"])


def may_assign_colleague(user: User, site: VisibleSite, row: Row) -> bool:
    return site.assigned_to is None and user.agency_id is not None and can_assign(user, row)


async def assign_colleague(
    database: Database, user: User, problem_id: str, chosen: str, *, seen: str | None = None
) -> None:
    """Assign a report to a colleague; «» is nobody. Raises Refused, Invalid («user»), Conflict, NotFound.

    `seen` is the status event that the user was looking at.
    """
    site, row = await find_problem(database, user, problem_id)
    if seen not in (None, row["status_event"]):
        raise Conflict("problem_changed")
    if not may_assign_colleague(user, site, row):
        raise Refused
    if chosen and chosen not in dict(await routing_rules.list_colleagues(database, user.agency_id)):
        raise Invalid((FieldError("user", "unknown"),))
    await assignment.assign_user(database, user.actor, site.id, problem_id, chosen or None)


def _answers(site: VisibleSite) -> bool:
    """Whether the user answers this site's residents: the agency itself, or a service to which it is left.

    An operator who decides in the agency's place leaves the answer to it.
    """
    return (site.assigned_to is None or site.delegated) and site.undecided_before is None


def _may_ask(user: User, site: VisibleSite, row: Row) -> bool:
    """Whether the user may ask the author a question: about open reports made here, if the user may decide."""
    if not _answers(site):
        return False
    if row["status"] not in OPEN or row["spam"] or row["erased_at"] or not has_author_here(row["source"]):
        return False
    return bool(find_transitions(user, site, row))


async def ask_author(database: Database, user: User, problem_id: str, text: str) -> None:
    """Ask the author a question. Raises what `problems.dialogue.ask` raises, Refused, NotFound for another agency's."""
    site, row = await find_problem(database, user, problem_id)
    if not user.may("problems.decide") or not _answers(site):
        raise Refused
    if not _may_ask(user, site, row):
        raise Refused("nobody_to_ask")
    await dialogue.ask(database, user.actor, site.id, problem_id, text)


def may_register(user: User, site: VisibleSite, row: Row) -> bool:
    """Whether the user may record the report's number in the agency's document system: who answers for the agency."""
    return user.may("problems.answer", site) and not row["erased_at"] and not row["mirror_of"]


async def register(database: Database, user: User, problem_id: str, number: str, day: str) -> None:
    """Record the report's number and date in the agency's document system; empty ones delete it.

    Raises NotFound (also another agency's report), Refused, Invalid, Conflict for an erased report.
    """
    site, row = await find_problem(database, user, problem_id)
    if not may_register(user, site, row):
        raise Refused
    number, day = number.strip(), day.strip()
    if wrong := registration.find_errors(number, day):
        raise Invalid(tuple(wrong))

    async def work(tx: Transaction) -> None:
        await find_existing(tx, site.id, problem_id)
        await registration.set_registration(tx, problem_id, number, day)

    await database.write(work, site.id)


async def read_reply(database: Database, user: User, problem_id: str) -> None:
    """Mark the author's reply as read, without an answer."""
    site, row = await find_problem(database, user, problem_id)
    if not find_transitions(user, site, row) or not _answers(site):
        raise Refused
    await dialogue.mark_read(database, site.id, problem_id)


async def mark_spam(database: Database, user: User, problem_id: str, spam: bool) -> None:
    site, _ = await find_problem(database, user, problem_id)
    if not user.may("problems.moderate", site):
        raise Refused
    await lifecycle.mark_spam(database, user.actor, site.id, problem_id, spam)

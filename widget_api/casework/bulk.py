"""Decide about many reports at once, or close one, a minute after it was confirmed, so that it can be undone.

The chosen reports are kept with the status event that each had then. The worker executes a bulk in batches; each report
is decided as on its own page, and marked in the same transaction. So a process killed at any moment loses nothing and
decides nothing twice, and what others decided meanwhile stays.

A decision after which nobody works on a report is a bulk of this one report (`schedule_decision`). It has no preview,
its parameters are the decision, and no result to read where it was carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import orjson

from widget_api import clock, journal
from widget_api.casework import queries, stored_decisions
from widget_api.casework import service as casework
from widget_api.casework.selection import Selection
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused, Unavailable
from widget_api.people import accounts_store, store
from widget_api.people.model import User, VisibleSite, read_change
from widget_api.problems.model import OPEN, Change
from widget_api.sites import routing_rules

Action = Literal["accept", "service", "person", "reject", "decide"]
ACTIONS: tuple[Action, ...] = ("accept", "service", "person", "reject")  # about many; «decide» is about one
_STATUSES = {"accept": "accepted", "service": "forwarded", "reject": "rejected"}
FIELDS = ("text", "service", "service_due", "user")
MAX_REPORTS = 5_000
DELAY = 60  # seconds in which a bulk can be undone
LEASE = 60  # seconds after which another process continues a bulk
BATCH_SIZE = 100
AT_ONCE = 4  # reports decided concurrently, whose transactions are committed together
KEPT_DAYS = 7
MAX_LISTED = 50  # reports named on a page
log = logging.getLogger(__name__)


class _Undone(Exception):
    """Rolls back the transaction of a report: a rehearsal ended, or another process has decided it."""


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """A bulk for its pages. `left` has some of the reports that are left out: why, number,
    identifier, and the site's short name where the user has several."""

    id: str
    action: Action
    state: str
    seconds: int  # until it is executed
    number: int | None  # of the report that a decision is about
    problem_id: str  # the same; empty where the user may not open it any more, as an operator once the agency decided
    counts: Mapping[str, int]  # by outcome, «» = to be done
    left: Sequence[tuple[str, int, str, str]]

    @property
    def done(self) -> int:
        return self.counts.get("done", 0)

    @property
    def count(self) -> int:
        return self.done + self.counts.get("", 0)


# --- choosing ------------------------------------------------------------------------------------------------------


def find_obstacle(user: User, site: VisibleSite, row: Row, action: str) -> str | None:
    """Why a report cannot be part of the bulk; None where it can."""
    if action == "person":
        possible = casework.may_assign_colleague(user, site, row)
    else:
        possible = _STATUSES.get(action) in casework.find_transitions(user, site, row)
    if possible:
        return None
    for reason, holds in (
        ("erased", row["erased_at"]),
        ("mirrored", row["mirror_of"]),
        ("spam", row["spam"]),
        ("closed", row["status"] not in OPEN),
        ("accepted", action == "accept" and row["status"] != "moderation"),
    ):
        if holds:
            return reason
    return "forbidden"


def choose_all(selection: Selection) -> Selection:
    """What «all of the list» means: the agency's own reports, on every page. A platform's are decided there."""
    return replace(selection, after=None, responder=selection.responder or "agency")


async def create_bulk(
    database: Database,
    user: User,
    action: Action,
    selection: Selection,
    problem_ids: Sequence[str] | None,
    *,
    counted: str = "",
) -> str:
    """Keep the chosen reports, by default all of the selection, for a preview. Returns the bulk's identifier.

    `counted` is how many the user was told all of the selection are. Raises Conflict where there are not so many now,
    Invalid for more than MAX_REPORTS and for none, Refused, NotFound for an unknown site.
    """
    if not user.may("problems.decide"):
        raise Refused
    # An operator decides in an agency's place about one report at a time.
    sites = [one for one in await store.list_report_sites(database, user) if one.undecided_before is None]
    now = clock.now()
    rows: Sequence[Row | None]
    if problem_ids is None:
        chosen, of = choose_all(replace(selection, user_id=user.id)), casework.select_sites(sites, selection)
        columns, most = queries.COLUMNS, MAX_REPORTS + 1
        rows, _ = await queries.read_page(database.in_threads(), of, chosen, now, columns=columns, most=most)
    else:
        rows = [await queries.find_problem(database, sites, one) for one in dict.fromkeys(problem_ids)]
    if not rows or len(rows) > MAX_REPORTS:
        raise Invalid((FieldError("id", "too_many" if rows else "required", (("max", MAX_REPORTS),)),))
    if problem_ids is None and counted and counted != str(len(rows)):
        raise Conflict("problem_changed")
    by_id, bulk_id, found = {site.id: site for site in sites}, clock.new_id(), [row for row in rows if row is not None]
    approved = action == "reject" and bool(found)
    approved = approved and await casework.needs_approval(database, user, found[0], Change(to="rejected"))
    values = {"user_id": user.id, "action": action, "state": "draft", "unknown": len(rows) - len(found)}
    await database.write(lambda tx: tx.insert("bulks", id=bulk_id, created_at=now, execute_at=now, **values))
    for first in range(0, len(found), BATCH_SIZE):

        async def keep(tx: Transaction, part: Sequence[Row] = found[first : first + BATCH_SIZE]) -> None:
            for row in part:
                outcome = find_obstacle(user, by_id[row["site_id"]], row, action) or ("approval" if approved else None)
                report = {"problem_id": row["id"], "seen": row["status_event"], "outcome": outcome}
                await tx.insert("bulk_reports", bulk_id=bulk_id, **report)

        await database.write(keep)
    return bulk_id


async def read_bulk(database: Database, user: User, bulk_id: str) -> Bulk:
    """A bulk of this user. Raises NotFound."""
    row = await database.row("SELECT * FROM bulks WHERE id = :id AND user_id = :user_id", id=bulk_id, user_id=user.id)
    if row is None:
        raise NotFound
    counted = await database.rows(
        "SELECT COALESCE(outcome, '') AS outcome, COUNT(*) AS many FROM bulk_reports WHERE bulk_id = :id GROUP BY 1",
        id=bulk_id,
    )
    counts = {one["outcome"]: one["many"] for one in counted}
    one = (
        None
        if row["action"] != "decide"
        else await database.row(
            "SELECT p.id, p.number FROM bulk_reports r JOIN problems p ON p.id = r.problem_id WHERE r.bulk_id = :id",
            id=bulk_id,
        )
    )
    left = await database.rows(
        "SELECT r.outcome, p.number, p.id, p.site_id FROM bulk_reports r JOIN problems p ON p.id = r.problem_id"
        " WHERE r.bulk_id = :id AND r.outcome <> 'done' ORDER BY r.outcome, p.number, p.site_id LIMIT :most",
        id=bulk_id,
        most=MAX_LISTED,
    )
    sites = await store.list_report_sites(database, user)
    shorts = {site.id: site.short if len(sites) > 1 else "" for site in sites}
    visible = [one for one in left if await queries.find_problem(database, sites, one["id"])]
    opens = one is not None and await queries.find_problem(database, sites, one["id"]) is not None
    return Bulk(
        id=bulk_id,
        action=row["action"],
        state=row["state"],
        seconds=max(0, row["execute_at"] - clock.now()),
        number=one["number"] if one else None,
        problem_id=one["id"] if one and opens else "",
        counts=counts | ({"unknown": row["unknown"]} if row["unknown"] else {}),
        left=[(one["outcome"], one["number"], one["id"], shorts.get(one["site_id"], "")) for one in visible],
    )


async def list_bulks(database: Database, user: User) -> list[Bulk]:
    """The user's bulks that wait, run, or whose result is not put away."""
    sql = "SELECT id FROM bulks WHERE user_id = :user_id AND state <> 'draft' ORDER BY created_at, id"
    return [await read_bulk(database, user, row["id"]) for row in await database.rows(sql, user_id=user.id)]


async def list_services(database: Database, bulk_id: str) -> list[tuple[str, str]]:
    """The services to which every report of a bulk can be forwarded."""
    sql = "SELECT DISTINCT p.site_id FROM bulk_reports r JOIN problems p ON p.id = r.problem_id WHERE r.bulk_id = :id"
    of_sites = [
        {(service.id, service.name) for service in await routing_rules.list_services(database, row["site_id"])}
        for row in await database.rows(f"{sql} AND r.outcome IS NULL", id=bulk_id)
    ]
    return sorted(set.intersection(*of_sites), key=lambda pair: pair[1]) if of_sites else []


# --- confirming and undoing ----------------------------------------------------------------------------------------


async def confirm_bulk(database: Database, user: User, bulk_id: str, given: Mapping[str, str]) -> None:
    """Schedule a bulk with the fields of its form. One that is not a draft any more stays as it is.

    Raises NotFound, and Invalid for what a report's own page would not take either: one of each site is decided, and
    rolled back.
    """
    bulk = await read_bulk(database, user, bulk_id)
    parameters = {name: given.get(name, "").strip() for name in FIELDS}
    needed = {"service": "service", "person": "user"}.get(bulk.action)
    if needed and not parameters[needed]:
        raise Invalid((FieldError(needed, "required"),))

    async def stop(tx: Transaction) -> None:
        raise _Undone

    for row in {row["site_id"]: row for row in await _list_open(database, bulk_id, MAX_REPORTS)}.values():
        with contextlib.suppress(_Undone, Refused, Conflict, NotFound):
            await _decide(database.with_step(stop), user, bulk.action, parameters, row)
    await database.write(
        lambda tx: tx.run(
            "UPDATE bulks SET state = 'pending', execute_at = :at, parameters = :parameters"
            " WHERE id = :id AND state = 'draft'",
            id=bulk_id,
            at=clock.now() + DELAY,
            parameters=orjson.dumps(parameters).decode(),
        )
    )


async def schedule_decision(database: Database, user: User, row: Row, parameters: Mapping[str, Any]) -> bool:
    """Let a decision about one report wait for its minute (`stored_decisions.to_parameters`).

    The caller has checked it. Returns False where another decision about the report waits already.
    """
    now, bulk_id = clock.now(), clock.new_id()

    async def work(tx: Transaction) -> bool:
        await tx.advance(row["site_id"], 0, 0)  # colleagues' open pages reload; and of two at once one is the first
        others = await tx.rows(_DECISIONS.format(columns="b.id, b.state, b.user_id", join=""), problem_id=row["id"])
        if any(one["state"] != "done" for one in others):
            return False
        for one in others:  # the user's own that was not carried out
            await _delete(tx, one["id"] if one["user_id"] == user.id else "")
        at, content = now + DELAY, orjson.dumps(parameters).decode()
        values = {"action": "decide", "state": "pending", "parameters": content, "created_at": now, "execute_at": at}
        await tx.insert("bulks", id=bulk_id, user_id=user.id, unknown=0, **values)
        await tx.insert("bulk_reports", bulk_id=bulk_id, problem_id=row["id"], seen=row["status_event"])
        return True

    return await database.write(work, row["site_id"])


_DECISIONS = """
    SELECT {columns} FROM bulks b JOIN bulk_reports r ON r.bulk_id = b.id {join}
    WHERE r.problem_id = :problem_id AND b.action = 'decide' ORDER BY b.state DESC, b.id
"""


async def _delete(tx: Transaction, bulk_id: str) -> None:
    await tx.run("DELETE FROM bulk_reports WHERE bulk_id = :id", id=bulk_id)
    await tx.run("DELETE FROM bulks WHERE id = :id", id=bulk_id)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A decision about a report that waits for its minute, or was not carried out then."""

    bulk_id: str
    failed: bool
    to: str
    duplicate_of: int | None
    text: str  # for people of the same agency, as drafts are: it may never be sent
    seconds: int
    own: bool  # the reader's own
    name: str  # of who decided, for the same people
    form: dict[str, str] | None  # that of an answer given outside, which is no draft
    documents: tuple[str, ...]


async def find_waiting(database: Database, user: User, problem_id: str) -> Waiting | None:
    """The decision about a report that waits, or the user's own that was not carried out."""
    columns = "b.id, b.state, b.user_id, b.parameters, b.execute_at, u.agency_id, COALESCE(u.name, u.email) AS name"
    sql = _DECISIONS.format(columns=columns, join="JOIN users u ON u.id = b.user_id")
    rows = await database.rows(sql, problem_id=problem_id)
    row = next((one for one in rows if one["state"] != "done" or one["user_id"] == user.id), None)
    if row is None:
        return None
    parameters = orjson.loads(row["parameters"])
    change, colleague = stored_decisions.read_change(parameters), row["agency_id"] == user.agency_id
    return Waiting(
        bulk_id=row["id"],
        failed=row["state"] == "done",
        to=change.to,
        duplicate_of=change.duplicate_of,
        text=(change.text or "") if colleague else "",
        seconds=max(0, row["execute_at"] - clock.now()),
        own=row["user_id"] == user.id,
        name=row["name"] if colleague else "",
        form=parameters["form"],
        documents=change.documents + change.internal_documents,
    )


async def discard_bulk(database: Database, user_id: str, bulk_id: str) -> str | None:
    """Undo a bulk, or put its result away. Returns the state it had; None if it is being executed or not there."""
    sites = await database.rows(
        "SELECT DISTINCT p.site_id FROM bulk_reports r JOIN problems p ON p.id = r.problem_id JOIN bulks b"
        " ON b.id = r.bulk_id WHERE b.id = :id AND b.user_id = :user_id AND b.action = 'decide'",
        id=bulk_id,
        user_id=user_id,
    )

    async def work(tx: Transaction) -> str | None:
        sql = "UPDATE bulks SET state = 'draft' WHERE id = :id AND user_id = :user_id AND state = :state"
        for state in ("pending", "done", "draft"):
            if await tx.run(sql, id=bulk_id, user_id=user_id, state=state):
                await _delete(tx, bulk_id)
                for one in sites:
                    await tx.advance(one["site_id"], 0, 0)  # open pages of the report reload
                return state
        return None

    return await database.write(work, *(one["site_id"] for one in sites))


async def purge_bulks(database: Database) -> int:
    """Delete previews and results that nobody has put away for KEPT_DAYS. Returns their number."""
    rows = await database.rows(
        "SELECT id, user_id FROM bulks WHERE state IN ('draft', 'done') AND created_at < :before",
        before=clock.now() - KEPT_DAYS * clock.DAY,
    )
    return sum([await discard_bulk(database, row["user_id"], row["id"]) is not None for row in rows])


# --- executing -----------------------------------------------------------------------------------------------------

# A time further ahead than a delay or lease was written by a clock that has been set back since.
_DUE = "state IN ('pending', 'running') AND NOT (execute_at > :now AND execute_at <= :late)"


async def execute_due(database: Database) -> None:
    """Execute the bulks whose minute has passed, and those that a killed process left.

    They take turns by batches, so that one of thousands of reports delays no other.
    """
    running = list[str]()
    while True:
        for row in await database.rows(f"SELECT id FROM bulks WHERE {_DUE} ORDER BY execute_at, id", **_moment()):
            if await database.write(partial(_claim, bulk_id=row["id"])):
                running.append(row["id"])
        running = [bulk_id for bulk_id in running if await execute_batch(database, bulk_id)]
        if not running:
            return


async def _claim(tx: Transaction, bulk_id: str) -> int:
    sql = f"UPDATE bulks SET state = 'running', execute_at = :until WHERE id = :id AND {_DUE}"
    return await tx.run(sql, id=bulk_id, until=clock.now() + LEASE, **_moment())


def _moment() -> dict[str, int]:
    return {"now": clock.now(), "late": clock.now() + max(DELAY, LEASE)}


async def execute_batch(database: Database, bulk_id: str) -> bool:
    """Decide the next reports of a bulk; False where none is left."""
    bulk = await database.row("SELECT * FROM bulks WHERE id = :id", id=bulk_id)
    if bulk is None or bulk["state"] != "running":
        return False
    user, rows = await store.find_user(database, bulk["user_id"]), await _list_open(database, bulk_id, BATCH_SIZE)
    parameters = orjson.loads(bulk["parameters"])
    for first in range(0, len(rows), AT_ONCE):
        part = rows[first : first + AT_ONCE]
        await asyncio.gather(*(_execute(database, user, bulk, parameters, row) for row in part))
    renew = "UPDATE bulks SET execute_at = :until WHERE id = :id AND state = 'running'"
    await database.write(lambda tx: tx.run(renew, id=bulk_id, until=clock.now() + LEASE))
    if not rows:
        await _finish(database, bulk)
    return bool(rows)


async def _list_open(database: Database, bulk_id: str, most: int) -> Sequence[Row]:
    return await database.rows(
        "SELECT r.problem_id, r.seen, p.site_id FROM bulk_reports r JOIN problems p ON p.id = r.problem_id"
        " WHERE r.bulk_id = :id AND r.outcome IS NULL ORDER BY r.problem_id LIMIT :most",
        id=bulk_id,
        most=most,
    )


async def _execute(database: Database, user: User | None, bulk: Row, parameters: Mapping[str, Any], row: Row) -> None:
    """Decide about one report, or note why it is left."""

    async def mark(tx: Transaction, outcome: str = "done") -> None:
        changed = await tx.run(
            "UPDATE bulk_reports SET outcome = :outcome"
            " WHERE bulk_id = :bulk_id AND problem_id = :problem_id AND outcome IS NULL",
            bulk_id=bulk["id"],
            problem_id=row["problem_id"],
            outcome=outcome,
        )
        if not changed:
            raise _Undone

    outcome = "disabled" if user is None else await _try(database.with_step(mark), user, bulk, parameters, row)
    if outcome:
        with contextlib.suppress(_Undone):
            await database.write(lambda tx: mark(tx, outcome))


async def _try(database: Database, user: User, bulk: Row, parameters: Mapping[str, Any], row: Row) -> str:
    """Decide about one report. Returns why it is left, «» where it is not. Raises Unavailable."""
    try:
        await _decide(database, user, bulk["action"], parameters, row)
    except Unavailable:
        raise
    except (Conflict, Invalid):
        return "changed"
    except (Refused, NotFound) as error:
        if error.code == "approval":
            return error.code
        return await _explain(database, user, bulk["action"], row["problem_id"])
    except _Undone:
        return ""
    except Exception:
        log.exception("bulk %s: report %s is left", bulk["id"], row["problem_id"])
        return "failed"
    return ""


async def _decide(database: Database, user: User, action: str, parameters: Mapping[str, Any], row: Row) -> None:
    if action == "decide":
        await stored_decisions.carry_out(database, user, row, parameters)
    elif action == "person":
        chosen = parameters["user"]
        await casework.assign_colleague(database, user, row["problem_id"], chosen, seen=row["seen"])
    else:
        wish = read_change({**parameters, "to": _STATUSES[action]})
        await casework.decide_problem(database, user, row["problem_id"], wish, seen=row["seen"])


async def _explain(database: Database, user: User, action: str, problem_id: str) -> str:
    """Why a report that was possible at the preview is refused now."""
    try:
        site, row = await casework.find_problem(database, user, problem_id)
    except NotFound:
        return "forbidden"
    return find_obstacle(user, site, row, action) or "changed"


async def _finish(database: Database, bulk: Row) -> None:
    """End a bulk, and forget its texts. A decision about one report stays only where it was not carried out."""
    person = await accounts_store.find_by_id(database, bulk["user_id"])
    assert person is not None, "users are disabled, never deleted"

    async def work(tx: Transaction) -> None:
        ended = "UPDATE bulks SET state = 'done', parameters = :left WHERE id = :id AND state = 'running'"
        if not await tx.run(ended, id=bulk["id"], left=bulk["parameters"] if bulk["action"] == "decide" else "{}"):
            return
        counted = await tx.row(
            "SELECT COUNT(*) AS many, COUNT(CASE WHEN outcome = 'done' THEN 1 END) AS decided,"
            " COUNT(CASE WHEN outcome = 'erased' THEN 1 END) AS erased FROM bulk_reports WHERE bulk_id = :id",
            id=bulk["id"],
        )
        assert counted is not None, "an aggregate without its row"
        if bulk["action"] == "decide":
            if counted["decided"] or counted["erased"]:
                await _delete(tx, bulk["id"])
            return
        who = journal.Who(role=person["role"], user_id=person["id"], agency_id=person["agency_id"])
        left = counted["many"] - counted["decided"]
        details = {"action": f"bulk_{bulk['action']}", "reports": counted["decided"], "left": left}
        await journal.record(tx, "bulk", who, details=details)

    await database.write(work)

"""Take part in an entry, confirm that, leave; nobody learns from an answer whether an address takes part."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import orjson

from widget_api import clock, i18n
from widget_api.comments.model import remove_invisible
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import NEWS
from widget_api.deliveries.sinks import PARTICIPANT, REQUEST
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused
from widget_api.participation import store
from widget_api.participation.model import (
    COUNTED,
    LETTERS_A_DAY,
    MESSAGES_A_DAY,
    REQUESTS_A_DAY,
    TEXT_LENGTH,
    Act,
    State,
    Words,
    split_roles,
)
from widget_api.problems import counts, resident_mail
from widget_api.problems.model import OPEN
from widget_api.problems.persons import Person
from widget_api.problems.store import contacts, history, records
from widget_api.problems.submit import Spend
from widget_api.sites import presets
from widget_api.sites import service as sites
from widget_api.sites import store as sites_store
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Collection, Site
from widget_api.validation import clean


def require_action(site: Site, act: Act) -> Collection:
    """The collection whose entries offer the action. Raises NotFound."""
    if site.collection is None or site.collection.action != act:
        raise NotFound
    return site.collection


def describe_period(site: Site, language: str, *, today: date | None = None) -> tuple[str, dict[str, str]]:
    """When one votes: the key of its text, and the days `opens` and `closes`, the last one, or nothing.

    Days have the year if it is not that of `today`, by default the clock's.
    """
    assert site.collection is not None, "entries are voted for"
    voting = site.collection.voting
    days = {
        name: i18n.format_day(language, at - later, site.time_zone, today=today) if at is not None else ""
        for name, at, later in (("opens", voting.opens_at, 0), ("closes", voting.closes_at, 1))
    }
    return "both" if all(days.values()) else next((name for name, day in days.items() if day), "none"), days


async def find_entry(reader: Database | Transaction, site: Site, number: int, act: Act) -> Row:
    """A published entry that takes the action now. Nobody joins what is over.

    Raises NotFound, Conflict (merged, closed, not the time to vote).
    """
    collection = require_action(site, act)
    problem = await records.find_published(reader, site.id, number)
    if problem["duplicate_of"] is not None:
        raise Conflict("problem_merged", number=problem["duplicate_of"])
    today = local_date(clock.now(), site.time_zone).isoformat()
    if problem["status"] not in OPEN or (act == "join" and (problem["ends_on"] or today) < today):
        raise Conflict("entry_closed")
    if act == "vote" and (wrong := collection.voting.find_refusal(clock.now())):
        raise Conflict(f"voting_{wrong}")
    return problem


def list_roles(site: Site, problem: Row) -> tuple[str, ...]:
    """The roles that an entry names; none where it names none."""
    field = presets.find(site.collection.preset).roles if site.collection else None
    answers: dict[str, Any] = orjson.loads(problem["answers"])
    return split_roles(answers.get(field)) if field else ()


async def list_wanted_roles(reader: Database | Transaction, site: Site, problem: Row) -> tuple[str, ...]:
    """Those of an entry's roles in which nobody joined yet."""
    roles = list_roles(site, problem)
    taken = {row["role"] for row in await store.list_confirmed(reader, problem["id"], "join")} if roles else set()
    return tuple(role for role in roles if role not in taken)


async def ask_to_confirm(
    database: Database, site: Site, number: int, act: Act, person: Person, words: Words, spend: Spend | None
) -> None:
    """Send a letter with the link that confirms. The same person and words are one row, and get another letter.

    A confirmed row gets it too: the letter leads to where one can leave, and its absence would reveal a participant.
    Raises what `find_entry` and `spend` raise.
    """
    now = clock.now()

    async def work(tx: Transaction) -> None:
        problem = await find_entry(tx, site, number, act)
        if spend is not None:
            await spend(tx)
        known = await store.find_same(tx, problem["id"], act, person, words)
        row_id = known["id"] if known else await store.add(tx, site.id, problem["id"], act, person, words, now)
        email = known["email"] if known else person.email
        sink = PARTICIPANT + row_id
        await resident_mail.enqueue_limited_letter(tx, problem["id"], sink, email, now, "action", LETTERS_A_DAY)

    await database.write(work, site.id)


async def find_state(reader: Database | Transaction, site: Site, row: Row) -> State:
    """What the link of a row leads to now, by the service's clock."""
    if row["person"] is None:  # who stopped, and a voice after the end of the vote
        return "gone"
    if row["confirmed_at"] is not None:
        return "done"
    problem = await reader.row("SELECT number FROM problems WHERE id = :id", id=row["problem_id"])
    try:
        await find_entry(reader, site, problem["number"] if problem else 0, row["action"])
    except Conflict as error:
        return "early" if error.code == "voting_early" else "closed" if error.code == "voting_closed" else "gone"
    except NotFound:
        return "gone"
    if row["action"] == "vote" and site.collection is not None:
        given = await store.count_voices(reader, site.id, row["person"])
        return "waiting" if given < site.collection.voting.per_person else "full"
    return "waiting"


async def find_site(database: Database, row: Row) -> Site | None:
    """The collection of a row; None while it is disabled."""
    site = await sites.by_id(database, row["site_id"])
    try:
        return await sites.by_key(database, site.key)
    except NotFound:
        return None


async def confirm(database: Database, row: Row) -> State:
    """Confirm, and count where that is public. What decides, the rules of the vote too, is read under the lock of the
    collection, so that two confirmations at once are one after the other. Raises Refused (the author of the entry got
    REQUESTS_A_DAY)."""
    site, now = await find_site(database, row), clock.now()
    if site is None:
        return "gone"

    async def work(tx: Transaction) -> State:
        current = await store.find(tx, row["id"])
        if current is None:
            return "gone"
        as_it_is = replace(site, collection=await sites_store.read_collection(tx, site.id))
        state = await find_state(tx, as_it_is, current)
        if state != "waiting":
            return state
        earlier = await store.find_counted(tx, current) if current["action"] in COUNTED else None
        if earlier is not None:  # the person joined with other words: the newest are those that hold
            await store.forget(tx, earlier, now)
        await store.confirm(tx, current["id"], now)
        if current["action"] == "contact":
            if await contacts.letters_today(tx, current["problem_id"], now, "request") >= REQUESTS_A_DAY:
                raise Refused("enough_requests", most=REQUESTS_A_DAY)
            await contacts.add_letter(tx, current["problem_id"], now, "request")
            received = await history.received_event(tx, current["problem_id"])
            await resident_mail.enqueue_letter(tx, received, f"{REQUEST}{current['id']}", now)
        elif earlier is None:
            await counts.change(tx, current["site_id"], current["problem_id"], "participants", 1)
        return "done"

    return await database.write(work, site.id)


async def write_to_participants(database: Database, site: Site, problem: Row, text: str) -> None:
    """Send a text of the entry's author to all who joined it. The same text is sent once.

    Raises NotFound, Invalid («message»), Refused (MESSAGES_A_DAY were sent).
    """
    require_action(site, "join")
    text, now = remove_invisible(clean(text)), clock.now()
    shortest, longest = TEXT_LENGTH
    if len(text) < shortest:
        raise Invalid((FieldError("message", "too_short", (("min", shortest),)),))
    if len(text) > longest:
        raise Invalid((FieldError("message", "too_long", (("max", longest),)),))

    async def work(tx: Transaction) -> None:
        await records.find_published(tx, site.id, problem["number"])
        if any(one["body"] == text for one in await history.texts_of(tx, problem["id"])):
            return
        if await contacts.letters_today(tx, problem["id"], now, "author") >= MESSAGES_A_DAY:
            raise Refused("enough_for_today", most=MESSAGES_A_DAY)
        await contacts.add_letter(tx, problem["id"], now, "author")
        received = await history.received_event(tx, problem["id"])
        text_id = await history.add_text(tx, site.id, problem["id"], text)
        for row in await store.list_confirmed(tx, problem["id"], "join"):
            await resident_mail.enqueue_letter(tx, received, f"{PARTICIPANT}{row['id']}:{text_id}", now, priority=NEWS)

    await database.write(work, site.id)


async def leave(database: Database, row: Row) -> bool:
    """Withdraw and erase the person. False for a voice after the end of the vote, which stays. Idempotent."""
    return await _forget(database, row, clock.now(), erases=False)


async def erase(database: Database, row: Row, at: int) -> None:
    """Erase the person as of a moment: a voice within the vote goes, one after its end counts on without a person."""
    await _forget(database, row, at, erases=True)


def stays_counted(collection: Collection | None, row: Row, at: int) -> bool:
    """Whether this is a voice that can no longer be withdrawn, since the vote was over by then."""
    is_voice = row["action"] == "vote" and row["confirmed_at"] is not None
    return is_voice and collection is not None and collection.voting.is_over(at)


async def _forget(database: Database, row: Row, at: int, *, erases: bool) -> bool:
    """Erase the person, and with it what is counted unless that stays; False where it does, then only if `erases`."""

    async def work(tx: Transaction) -> bool:
        current = await store.find(tx, row["id"])
        if current is None:
            return True
        counts_on = stays_counted(await sites_store.read_collection(tx, row["site_id"]), current, at)
        if (counts_on and not erases) or current["stopped_at"] is not None or current["person"] is None:
            return not counts_on
        await store.forget(tx, current, at, counts_on=counts_on)
        if not counts_on and current["confirmed_at"] is not None and current["action"] in COUNTED:
            await counts.change(tx, current["site_id"], current["problem_id"], "participants", -1)
        return not counts_on

    return await database.write(work, row["site_id"])


async def erase_all_of(database: Database, email: str) -> int:
    """Erase what a mailbox takes part in or was asked to confirm. Returns the number of rows."""
    rows = await store.list_all_of_person(database, email)
    for row in rows:
        await erase(database, row, clock.now())
    return len(rows)


async def erase_again(database: Database) -> int:
    """Erase what a restored backup brought back, as it was erased at the time."""
    rows = await store.list_forgotten(database)
    for row in rows:
        await erase(database, row, row["forgotten_at"])
    return len(rows)


async def purge(database: Database, before: int) -> int:
    """Delete what nobody confirmed, and erase requests that were handed on, both before a time."""
    rows = await store.list_old_requests(database, before)
    for row in rows:
        await erase(database, row, clock.now())
    return await store.forget_unconfirmed(database, before) + len(rows)

"""Say something under a problem, confirm it, decide about it, take it back. Nothing of it leaves for a platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from widget_api import clock, events
from widget_api.comments import moderator_letters, store
from widget_api.comments.model import DECISIONS, REASON, TEXT, Comment, Verdict, visible
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue
from widget_api.deliveries.model import HAPPENED
from widget_api.deliveries.sinks import COMMENTER
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused
from widget_api.problems import letters
from widget_api.problems.persons import Person
from widget_api.problems.store import history, records
from widget_api.sites.model import Site
from widget_api.validation import clean

Once = Callable[[Transaction], Awaitable[bool]]  # False where what it uses up was used for the same before


async def open_to(reader: Database | Transaction, site: Site, number: int) -> Row:
    """The published problem that may be spoken under. Raises NotFound (off, or unknown), Conflict (merged)."""
    check_on(site)
    problem = await records.by_number(reader, site.id, number)
    if problem is None or not problem["published"]:
        raise NotFound("problem_not_found")
    if problem["duplicate_of"] is not None:
        raise Conflict("discussion_moved", number=problem["duplicate_of"])
    return problem


def check_on(site: Site) -> None:
    """Raises NotFound where the site allows no discussion."""
    if site.discussion == "off":
        raise NotFound("discussion_off")


async def post(
    database: Database,
    site: Site,
    number: int,
    comment: Comment,
    person: Person,
    once: Once | None = None,
) -> None:
    """Keep the words and ask their author to confirm. The same words of the same address again are said once.

    `once` uses up what this was sent with, before anything is looked up: a ticket or a form that could be used again
    would tell that the address guessed is the one that wrote a published comment. Raises what `open_to` and `once` do.
    """
    now, comment_id = clock.now(), clock.new_id()

    async def work(tx: Transaction) -> None:
        problem = await open_to(tx, site, number)
        if once is not None and not await once(tx):
            return
        if await store.said_before(tx, problem["id"], person.email, comment.text):
            return
        await store.add(tx, comment_id, site.id, problem["id"], comment, person, now)
        await letters.ask_to_confirm(tx, problem["id"], f"{COMMENTER}{comment_id}:confirm", person.email, now)

    await database.write(work, site.id)


async def confirm(database: Database, comment: Row) -> None:
    """The author pressed the button of the mailed page: a moderator may see it now. Twice is once."""

    now = clock.now()

    async def work(tx: Transaction) -> None:
        if await store.confirm(tx, comment["id"], now):
            await moderator_letters.tell(tx, comment, now)

    await database.write(work, comment["site_id"])


async def decide(
    database: Database, site_id: str, comment_id: str, verdict: Verdict, user_id: str | None, reason: str = ""
) -> None:
    """Publish a comment, or reject it with a reason that its author reads; deciding the same twice is once.

    Raises Invalid («reason»), NotFound (taken back meanwhile), Refused (not confirmed yet).
    """
    reason, now = visible(clean(reason)), clock.now()
    if verdict == "rejected":
        _check("reason", reason, 1, REASON)

    async def work(tx: Transaction) -> None:
        comment = await store.find(tx, comment_id)
        if comment is None or comment["site_id"] != site_id:
            raise NotFound("comment_not_found")
        before = comment["state"]
        if before == verdict:
            return
        if verdict not in DECISIONS[before]:
            raise Refused("comment_unconfirmed")
        await store.decide(tx, comment_id, verdict, user_id, reason if verdict == "rejected" else None, now)
        if "published" in (before, verdict):
            await records.count(tx, comment["problem_id"], "comments", 1 if verdict == "published" else -1)
        await events.advance(tx, site_id)
        if not comment["official"]:
            received = await history.received_event(tx, comment["problem_id"])
            await letters.enqueue_letter(tx, received, f"{COMMENTER}{comment_id}:{verdict}", now, lane=HAPPENED)

    await database.write(work, site_id)


async def say_officially(database: Database, site: Site, problem_id: str, text: str, user_id: str | None) -> None:
    """The agency's own word, public at once under its name; the same words twice in a row are said once.

    Raises Invalid («text»), NotFound (the problem is not public, or the site allows no discussion), Conflict (merged).
    """
    text, now = visible(clean(text)), clock.now()
    _check("text", text, *TEXT)

    async def work(tx: Transaction) -> None:
        problem = await records.full(tx, site.id, problem_id)
        if problem is None:
            raise NotFound("problem_not_found")
        await open_to(tx, site, problem["number"])
        if await store.last_official(tx, problem_id) == text:
            return
        comment = Comment(name=site.agency.name, text=text)
        await store.add_official(tx, clock.new_id(), site.id, problem_id, comment, user_id, now)
        await records.count(tx, problem_id, "comments", 1)
        await events.advance(tx, site.id)

    await database.write(work, site.id)


async def hide_name(database: Database, comment: Row) -> None:
    """The author takes back the consent to publish the name; the words stay. Twice is once."""
    site_id, now = comment["site_id"], clock.now()

    async def work(tx: Transaction) -> None:
        if await store.hide_name(tx, comment["id"], now):
            await events.advance(tx, site_id)

    await database.write(work, site_id)


async def withdraw(database: Database, comment: Row) -> None:
    """The author takes it back, at any time: words and person are gone. Twice is once."""
    site_id, now = comment["site_id"], clock.now()

    async def work(tx: Transaction) -> None:
        current = await store.find(tx, comment["id"])
        if current is None:
            return
        await enqueue.drop_for_problem(tx, current["problem_id"], f"{COMMENTER}{current['id']}%", "withdrawn")
        await store.remove(tx, site_id, current["id"], now)
        if current["state"] == "published":
            await records.count(tx, current["problem_id"], "comments", -1)
            await events.advance(tx, site_id)

    await database.write(work, site_id)


async def forget(database: Database, email: str) -> int:
    """Take back everything an address said. Returns how many comments that were."""
    rows = await store.of_person(database, email)
    for row in rows:
        await withdraw(database, row)
    return len(rows)


def _check(field: str, text: str, shortest: int, longest: int) -> None:
    if not text:
        raise Invalid((FieldError(field, "required"),))
    if len(text) < shortest:
        raise Invalid((FieldError(field, "too_short", (("min", shortest),)),))
    if len(text) > longest:
        raise Invalid((FieldError(field, "too_long", (("max", longest),)),))

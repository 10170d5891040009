"""List, post, confirm, moderate and withdraw comments. None of them is sent to platforms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from widget_api import clock, events, i18n
from widget_api.browse.queries import Comments
from widget_api.comments import mail, store
from widget_api.comments.model import (
    DECISIONS,
    MAX_REASON_LENGTH,
    PAGE_SIZE,
    TEXT_LENGTH,
    Comment,
    Verdict,
    remove_invisible,
)
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue
from widget_api.deliveries.model import HAPPENED
from widget_api.deliveries.sinks import COMMENTER
from widget_api.errors import Conflict, NotFound, Refused
from widget_api.problems import resident_mail
from widget_api.problems.persons import Person
from widget_api.problems.store import history, records
from widget_api.sites.model import Site
from widget_api.validation import check_length, clean, parse_query

SpendOnce = Callable[[Transaction], Awaitable[bool]]  # False where the same request used it up before


async def find_open_problem(reader: Database | Transaction, site: Site, number: int) -> Row:
    """A published problem that accepts comments. Raises NotFound (no discussion, or unknown), Conflict (merged)."""
    require_discussion(site)
    problem = await records.find_published(reader, site.id, number)
    if problem["duplicate_of"] is not None:
        raise Conflict("discussion_moved", number=problem["duplicate_of"])
    return problem


def require_discussion(site: Site) -> None:
    """Raises NotFound where the site allows no discussion."""
    if site.discussion == "off":
        raise NotFound("discussion_off")


async def post_comment(
    database: Database,
    site: Site,
    number: int,
    comment: Comment,
    person: Person,
    once: SpendOnce | None = None,
) -> None:
    """Store a comment and ask its author to confirm it. The same text from the same address is stored once.

    `once` spends the ticket or form before anything is looked up: one that could be reused would reveal whether an
    address wrote a published comment. Raises what `find_open_problem` and `once` raise.
    """
    now, comment_id = clock.now(), clock.new_id()

    async def work(tx: Transaction) -> None:
        problem = await find_open_problem(tx, site, number)
        if once is not None and not await once(tx):
            return
        if await store.has_same_comment(tx, problem["id"], person.email, comment.text):
            return
        await store.add_comment(tx, comment_id, site.id, problem["id"], comment, person, now)
        await resident_mail.enqueue_limited_letter(
            tx, problem["id"], f"{COMMENTER}{comment_id}:confirm", person.email, now
        )

    await database.write(work, site.id)


async def confirm_comment(database: Database, comment: Row) -> None:
    """Confirm a comment, which makes it visible to moderators. Idempotent."""
    now = clock.now()

    async def work(tx: Transaction) -> None:
        if await store.confirm_comment(tx, comment["id"], now):
            await mail.enqueue_moderator_letter(tx, comment, now)

    await database.write(work, comment["site_id"])


async def decide_comment(
    database: Database, site_id: str, comment_id: str, verdict: Verdict, user_id: str | None, reason: str = ""
) -> None:
    """Publish a comment, or reject it with a reason for its author. Idempotent.

    Raises Invalid («reason»), NotFound (withdrawn meanwhile), Refused (not confirmed yet).
    """
    reason, now = remove_invisible(clean(reason)), clock.now()
    if verdict == "rejected":
        check_length("reason", reason, MAX_REASON_LENGTH)

    async def work(tx: Transaction) -> None:
        comment = await store.find_comment(tx, comment_id)
        if comment is None or comment["site_id"] != site_id:
            raise NotFound("comment_not_found")
        before = comment["state"]
        if before == verdict:
            return
        if verdict not in DECISIONS[before]:
            raise Refused("comment_unconfirmed")
        await store.set_decision(tx, comment_id, verdict, user_id, reason if verdict == "rejected" else None, now)
        if "published" in (before, verdict):
            await records.count(tx, comment["problem_id"], "comments", 1 if verdict == "published" else -1)
        await events.advance(tx, site_id)
        if not comment["official"]:
            received = await history.received_event(tx, comment["problem_id"])
            await resident_mail.enqueue_letter(
                tx, received, f"{COMMENTER}{comment_id}:{verdict}", now, priority=HAPPENED
            )

    await database.write(work, site_id)


async def post_official_comment(
    database: Database, site: Site, problem_id: str, text: str, user_id: str | None
) -> None:
    """Publish a comment of the agency under its name. The same text twice in a row is published once.

    Raises Invalid («text»), NotFound (the problem is not public, or the site allows no discussion), Conflict (merged).
    """
    text, now = remove_invisible(clean(text)), clock.now()
    check_length("text", text, TEXT_LENGTH[1], TEXT_LENGTH[0])

    async def work(tx: Transaction) -> None:
        problem = await records.full(tx, site.id, problem_id)
        if problem is None:
            raise NotFound("problem_not_found")
        await find_open_problem(tx, site, problem["number"])
        if await store.last_official_text(tx, problem_id) == text:
            return
        comment = Comment(name=site.agency.name, text=text)
        await store.add_official_comment(tx, clock.new_id(), site.id, problem_id, comment, user_id, now)
        await records.count(tx, problem_id, "comments", 1)
        await events.advance(tx, site.id)

    await database.write(work, site.id)


async def hide_commenter_name(database: Database, comment: Row) -> None:
    """Withdraw the consent to publish the author's name; the text stays. Idempotent."""
    site_id, now = comment["site_id"], clock.now()

    async def work(tx: Transaction) -> None:
        if await store.hide_commenter_name(tx, comment["id"], now):
            await events.advance(tx, site_id)

    await database.write(work, site_id)


async def withdraw_comment(database: Database, comment: Row) -> None:
    """Erase a comment and its author's data at the author's request. Idempotent."""
    site_id, now = comment["site_id"], clock.now()

    async def work(tx: Transaction) -> None:
        current = await store.find_comment(tx, comment["id"])
        if current is None:
            return
        await enqueue.drop_for_problem(tx, current["problem_id"], f"{COMMENTER}{current['id']}%", "withdrawn")
        await store.erase_comment(tx, site_id, current["id"], now)
        if current["state"] == "published":
            await records.count(tx, current["problem_id"], "comments", -1)
            await events.advance(tx, site_id)

    await database.write(work, site_id)


async def erase_comments_of(database: Database, email: str) -> int:
    """Erase all comments of an address. Returns their number."""
    rows = await store.list_of_address(database, email)
    for row in rows:
        await withdraw_comment(database, row)
    return len(rows)


async def read_page(database: Database, site: Site, number: int, cursor: str) -> dict[str, Any]:
    """A page of published comments: `items`, oldest first, and `next`. Raises NotFound, Malformed («cursor»)."""
    problem = await records.find_published(database, site.id, number)
    place = parse_query(Comments, {"cursor": cursor} if cursor else {}).cursor
    rows = await store.list_published(database, site.id, problem["id"], place)
    items = [
        {
            "name": row["name"] or i18n.text(site.language, "people.comment.nameless"),
            "text": row["body"],
            "at": clock.rfc3339(row["decided_at"]),
            "official": bool(row["official"]),
            "agency": site.agency.name if row["official"] else None,
        }
        for row in rows[:PAGE_SIZE]
    ]
    last = rows[PAGE_SIZE - 1] if len(rows) > PAGE_SIZE else None
    return {"items": items, "next": f"{last['decided_at']}.{last['id']}" if last else None}

"""Keep the letters that no event of a report causes, and send them: each is a row until the mail server accepts it.

A letter has a kind, a subject (the identifier of what it is about) and parameters. Both are references: an address, a
token or a text is found when the letter is written, so that nothing personal waits here, and a letter whose subject is
gone is never sent. A package hands the handlers of its kinds to the worker.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import GiveUp, Retry
from widget_api.mail import messages, sender, verp
from widget_api.mail.messages import Thread

if TYPE_CHECKING:
    from widget_api.context import Context

RETRY_DELAY = 60  # seconds
POLL_INTERVAL = 1.0  # seconds between two queries for due letters
MAX_LETTERS_PER_DAY = 5  # of one kind to one person
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Letter:
    id: str
    kind: str
    subject: str
    parameters: Mapping[str, str]
    created_at: int

    @classmethod
    def of(cls, row: Row) -> Letter:
        return cls(
            id=row["id"],
            kind=row["kind"],
            subject=row["subject"],
            parameters=json.loads(row["parameters"]),
            created_at=row["created_at"],
        )


Outcome = Literal["sent", "unwanted", "refused"]


async def _record_nothing(tx: Transaction, letter: Letter, outcome: Outcome) -> None:
    pass


@dataclass(frozen=True)
class Handler:
    """What is done with the letters of a kind.

    `write` composes one; None if it is no longer wanted. It raises GiveUp where it cannot be, and Retry where it is too
    early. `record` stores what became of it, in the transaction that deletes its row. After `lifetime` seconds it is
    refused. `bounces` says whose address is marked when the letter comes back: that of the letter's subject.
    """

    kind: str
    write: Callable[[Context, Letter], Awaitable[EmailMessage | None]]
    record: Callable[[Transaction, Letter, Outcome], Awaitable[None]] = _record_nothing
    lifetime: int | None = None
    bounces: verp.Bounce | None = None


# --- enqueue ---------------------------------------------------------------------------------------------------------


async def enqueue(tx: Transaction, kind: str, subject: str, **parameters: str) -> None:
    """Enqueue a letter in place of the same one that has not left yet. Parameters are references."""
    now = clock.now()
    await tx.run(
        "INSERT INTO letters (id, kind, subject, parameters, created_at, next_at)"
        " VALUES (:id, :kind, :subject, :parameters, :now, :now) ON CONFLICT (kind, subject, parameters)"
        " DO UPDATE SET id = excluded.id, created_at = excluded.created_at, next_at = excluded.next_at",
        id=clock.new_id(),
        kind=kind,
        subject=subject,
        parameters=json.dumps(parameters, sort_keys=True),
        now=now,
    )


async def cancel(tx: Transaction, kind: str, subject: str) -> None:
    """Delete the letters about a subject that have not left yet."""
    await tx.run("DELETE FROM letters WHERE kind = :kind AND subject = :subject", kind=kind, subject=subject)


async def cancel_all(tx: Transaction, kind: str, subjects: str, **values: Any) -> None:
    """Delete the letters that have not left yet about what a SELECT finds."""
    await tx.run(f"DELETE FROM letters WHERE kind = :kind AND subject IN ({subjects})", kind=kind, **values)


async def is_waiting(reader: Database | Transaction, kind: str, subject: str) -> bool:
    """Whether a letter about the subject has not left yet."""
    sql = "SELECT 1 FROM letters WHERE kind = :kind AND subject = :subject LIMIT 1"
    return await reader.row(sql, kind=kind, subject=subject) is not None


async def count_waiting(database: Database) -> int:
    """The number of letters that have not left yet."""
    row = await database.row("SELECT COUNT(*) AS count FROM letters")
    return int(row["count"]) if row else 0


def waits_sql(kind: str, subject: str) -> str:
    """The condition that a letter about the subject, a column, has not left yet."""
    return f"EXISTS (SELECT 1 FROM letters WHERE letters.kind = '{kind}' AND letters.subject = {subject})"


# --- send ------------------------------------------------------------------------------------------------------------


async def send_due(context: Context, *handlers: Handler) -> float:
    """Send one due letter of each kind, in the worker. Returns the seconds to wait before the next call.

    Kinds take turns, so that many invitations to a visit do not hold up a new password.
    """
    now, pause = clock.now(), POLL_INTERVAL
    rows = await context.database.rows("SELECT DISTINCT kind FROM letters WHERE next_at <= :now", now=now)
    due = {row["kind"] for row in rows}
    for handler in handlers:
        if handler.kind in due and await _send(context, handler, now):
            pause = 0
    return pause


async def _send(context: Context, handler: Handler, now: int) -> bool:
    """Send a due letter. False where another worker has it in hand."""
    letter = await context.database.write(partial(claim, kind=handler.kind, now=now))
    if letter is None:
        return False
    outcome: Outcome = "sent"
    try:
        if handler.lifetime is not None and letter.created_at <= now - handler.lifetime:
            raise GiveUp("the mail server did not take it in time")
        message = await handler.write(context, letter)
        if message is None:
            outcome = "unwanted"
        else:
            await sender.send_message(context.settings, message, _bounce_address(context, handler, letter))
    except Retry as error:
        _log.warning("a letter (%s) could not be sent yet: %s", letter.kind, error)
        if error.after is not None:
            await context.database.write(partial(defer, letter=letter, next_at=now + round(error.after)))
        return True
    except GiveUp as error:
        _log.warning("a letter (%s) cannot be sent: %s", letter.kind, error)
        outcome = "refused"
    await context.database.write(partial(end, handler=handler, letter=letter, outcome=outcome))
    return True


def _bounce_address(context: Context, handler: Handler, letter: Letter) -> str | None:
    if handler.bounces is None:
        return None
    return verp.bounce_address(context.settings, context.signer, handler.bounces, letter.subject)


async def claim(tx: Transaction, kind: str, now: int) -> Letter | None:
    """Claim the letter of a kind that is due first. It is due again later, in case this process ends meanwhile."""
    row = await tx.row(
        "UPDATE letters SET next_at = :next_at WHERE next_at <= :now AND id = (SELECT id FROM letters"
        " WHERE kind = :kind AND next_at <= :now ORDER BY next_at, id LIMIT 1) RETURNING *",
        kind=kind,
        now=now,
        next_at=now + RETRY_DELAY,
    )
    return None if row is None else Letter.of(row)


async def defer(tx: Transaction, letter: Letter, next_at: int) -> None:
    await tx.run("UPDATE letters SET next_at = :next_at WHERE id = :id", id=letter.id, next_at=next_at)


async def end(tx: Transaction, handler: Handler, letter: Letter, outcome: Outcome) -> None:
    """Delete a letter, and record what became of it. Another one may have taken its place meanwhile."""
    await tx.run("DELETE FROM letters WHERE id = :id", id=letter.id)
    await handler.record(tx, letter, outcome)


def compose(
    context: Context, template: str, language: str, to: str, agency: str, parts: tuple[object, ...], **values: Any
) -> EmailMessage:
    """Compose a letter from an agency; `parts` identify it. Raises GiveUp."""
    own = messages.message_id(context.settings.public_url, *parts)
    return messages.compose(
        template,
        language,
        to=to,
        mail_from=context.settings.mail_from,
        sender_name=agency,
        thread=Thread(root=own, own=own),
        values={"agency": agency, **values},
    )

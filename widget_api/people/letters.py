"""Send the letters of user accounts: each waits in a row of its kind until the mail server accepts or refuses it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from typing import Any

from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.deliveries.model import GiveUp, Retry
from widget_api.mail import messages, sender
from widget_api.mail.messages import Thread
from widget_api.people import accounts_store

RETRY_DELAY = 60  # seconds
POLL_INTERVAL = 1.0  # seconds between two queries for due letters
MAX_LETTERS_PER_DAY = 5  # of one kind to one person
_log = logging.getLogger(__name__)

Letter = Mapping[str, Any]
Write = Callable[[Context, Letter], Awaitable[EmailMessage | None]]
End = Callable[[Transaction, Letter, bool], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The letters of one kind.

    `claim` returns a due letter, which is due again at its third argument, in case this process ends before it is sent.
    `write` composes it; None if it is no longer wanted. `end` records that it was sent or, with True, given up.
    """

    name: str
    has_due: Callable[[Database, int], Awaitable[bool]]
    claim: Callable[[Transaction, int, int], Awaitable[Letter | None]]
    write: Write
    end: End


async def send_due(context: Context, queue: Queue) -> float:
    """Send one due letter, in the worker. Returns the seconds to wait before the next call."""
    now = clock.now()
    if not await queue.has_due(context.database, now):
        return POLL_INTERVAL

    async def claim(tx: Transaction) -> Letter | None:
        return await queue.claim(tx, now, now + RETRY_DELAY)

    letter, given_up = await context.database.write(claim), False
    if letter is None:
        return POLL_INTERVAL
    try:
        message = await queue.write(context, letter)
        if message is not None:
            await sender.send_message(context.settings, message)
    except Retry as error:
        _log.warning("a letter (%s) could not be sent yet: %s", queue.name, error)
        return 0
    except GiveUp as error:
        _log.warning("a letter (%s) cannot be sent: %s", queue.name, error)
        given_up = True

    async def end(tx: Transaction) -> None:
        await queue.end(tx, letter, given_up)

    await context.database.write(end)
    return 0


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


def of_table(name: str, table: str, write: Write, end: End, *, key: str = "id") -> Queue:
    """The letters of a kind that are rows of a table with `next_at`; each is given as its row."""
    return Queue(
        name=name,
        has_due=partial(accounts_store.has_due_letter, table),
        claim=partial(accounts_store.claim_letter, table, key),
        write=write,
        end=end,
    )


def of_users(name: str, column: str, template: str, path: str) -> Queue:
    """The letters of a kind of which a user has one at most: `column` says when it is due, `path` where to go."""

    async def write(context: Context, letter: Letter) -> EmailMessage | None:
        user = await accounts_store.find_by_id(context.database, letter["id"])
        if user is None or not await accounts_store.may_sign_in(context.database, user["id"]):
            return None
        agency = await accounts_store.find_agency_name(context.database, user["agency_id"])
        whose = agency or i18n.text(user["language"], "cabinet.operator")
        parts, url = (column, user["id"], letter["due_at"]), context.settings.public_url + path
        return compose(context, template, user["language"], user["email"], whose, parts, url=url, email=user["email"])

    return Queue(
        name=name,
        has_due=partial(accounts_store.has_due_user_letter, column),
        claim=partial(accounts_store.claim_user_letter, column),
        write=write,
        end=partial(accounts_store.end_user_letter, column),
    )

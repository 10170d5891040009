"""Send the letters of user accounts: each waits in a row of its kind until the mail server accepts or refuses it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.deliveries.model import GiveUp, Retry
from widget_api.mail import messages, sender
from widget_api.mail.messages import Thread

RETRY_DELAY = 60  # seconds
POLL_INTERVAL = 1.0  # seconds between two queries for due letters
MAX_LETTERS_PER_DAY = 5  # of one kind to one person
_log = logging.getLogger(__name__)

Letter = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The letters of one kind.

    `claim` returns a due letter, which is due again at its third argument, in case this process ends before it is sent.
    `write` composes it; None if it is no longer wanted. `end` records that it was sent or, with True, given up.
    """

    name: str
    has_due: Callable[[Database, int], Awaitable[bool]]
    claim: Callable[[Transaction, int, int], Awaitable[Letter | None]]
    write: Callable[[Context, Letter], Awaitable[EmailMessage | None]]
    end: Callable[[Transaction, Letter, bool], Awaitable[None]]


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
    try:
        return messages.compose(
            template,
            language,
            to=to,
            mail_from=context.settings.mail_from,
            sender_name=agency,
            thread=Thread(root=own, own=own),
            values={"agency": agency, **values},
        )
    except messages.InvalidAddress:
        raise GiveUp("the address is none a letter could go to") from None

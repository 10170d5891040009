"""Record the outcome of a letter, once even if the letter comes again, and enqueue an acknowledgement to its author."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

from widget_api import clock
from widget_api.context import Context
from widget_api.database import Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.deliveries.model import REQUESTED
from widget_api.mailbox import store
from widget_api.mailbox.model import Verdict
from widget_api.mailbox.parse import Letter
from widget_api.problems.model import Change
from widget_api.problems.store import history

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}>")  # safe for a header of ours


def key(raw: bytes, letter: Letter | None, target: str) -> str:
    """Return a key that is the same for the same letter to the same report, whichever servers it passed."""
    header, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    names = ("Message-ID", "Date", "From", "Subject")
    header_text = "\0".join(str(letter.message.get(name, "")) for name in names) if letter else header.decode("latin-1")
    digest = hashlib.sha256(f"{header_text}\0{target}\0".encode("utf-8", "surrogateescape"))
    digest.update(body.strip())
    return digest.hexdigest()


async def record_outcome(
    context: Context, key: str, verdict: Verdict, also: Callable[[Transaction, str], Awaitable[None]] | None = None
) -> None:
    """Record the outcome of a letter. `also` runs in the same transaction, if the letter was not recorded before."""

    async def work(tx: Transaction) -> None:
        letter_id = await store.insert_letter(tx, key, verdict, clock.now())
        if letter_id is not None and also is not None:
            await also(tx, letter_id)

    await context.database.write(work)


def build_details(letter: Letter, change: Change | None, left_out: list[str] | None = None) -> dict[str, Any]:
    """Build the remaining details of a letter: further fields of its change, omitted attachments, Message-ID."""
    identifier = str(letter.message.get("Message-ID", "")).strip()
    values = {
        "answers": identifier if _MESSAGE_ID.fullmatch(identifier) else None,
        "responsible": change.responsible if change else None,
        "duplicate_of": change.duplicate_of if change else None,
        "left_out": (left_out or [])[:20] or None,
        "attached": len(letter.attachments) or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def acknowledgement_enqueuer(problem: Row) -> Callable[[Transaction, str], Awaitable[None]]:
    """Return a function that enqueues an acknowledgement of a letter. Use it for verified senders only."""

    async def enqueue_acknowledgement(tx: Transaction, letter_id: str) -> None:
        received = await history.received_event(tx, problem["id"])
        await enqueue.enqueue(
            tx,
            site_id=problem["site_id"],
            problem_id=problem["id"],
            event_id=received["id"],
            position=received["position"],
            sink=sinks.MAILBOX + letter_id,
            opens=False,
            now=clock.now(),
            priority=REQUESTED,
        )

    return enqueue_acknowledgement

"""Record the outcome of a letter, once even if the letter comes again, and acknowledge it to its author.

Only verified authors get an acknowledgement, a delivery of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Row, Transaction
from widget_api.deliveries import enqueue
from widget_api.deliveries.model import REQUESTED, Delivery
from widget_api.deliveries.sinks import MAILBOX
from widget_api.mail import messages, sender
from widget_api.mail.messages import Thread
from widget_api.mailbox import store
from widget_api.mailbox.model import Verdict
from widget_api.mailbox.parse import Letter
from widget_api.problems.model import Change
from widget_api.problems.store import history, records
from widget_api.sites import moving
from widget_api.sites import service as sites
from widget_api.sites.model import Site

Also = Callable[[Transaction, str], Awaitable[None]]
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}>")  # safe for a header of ours


def key(raw: bytes, letter: Letter | None, target: str) -> str:
    """Return a key that is the same for the same letter to the same report, whichever servers it passed."""
    header, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    names = ("Message-ID", "Date", "From", "Subject")
    header_text = "\0".join(str(letter.message.get(name, "")) for name in names) if letter else header.decode("latin-1")
    digest = hashlib.sha256(f"{header_text}\0{target}\0".encode("utf-8", "surrogateescape"))
    digest.update(body.strip())
    return digest.hexdigest()


async def record_outcome(context: Context, key: str, verdict: Verdict, also: Also | None = None) -> None:
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


def acknowledgement_enqueuer(problem: Row) -> Also:
    """Return a function that enqueues an acknowledgement of a letter. Use it for verified senders only."""

    async def enqueue_acknowledgement(tx: Transaction, letter_id: str) -> None:
        received = await history.find_received(tx, problem["id"])
        await enqueue.enqueue_event(tx, received, MAILBOX + letter_id, clock.now(), priority=REQUESTED)

    return enqueue_acknowledgement


async def deliver(context: Context, delivery: Delivery) -> None:
    """Handle a delivery of the sinks `mailbox:<letter>`. A letter deleted meanwhile is not acknowledged."""
    letter_id = delivery.sink.removeprefix(MAILBOX)
    letter = await store.find_letter(context.database, letter_id)
    problem = await records.find(context.database, delivery.problem_id)
    if letter is None or problem is None or not letter["sender"]:
        return
    site = await sites.by_id(context.database, delivery.site_id)
    await moving.require_enabled(context.database, site.agency.id)
    public_url = context.settings.public_url
    details = orjson.loads(letter["details"])
    answer = messages.compose(
        "mail_taken",
        site.language,
        to=letter["sender"],
        mail_from=context.settings.mail_from,
        sender_name=site.name,
        thread=Thread(
            root=messages.message_id(public_url, problem["id"], "agency"),
            own=messages.message_id(public_url, letter_id, "taken"),
        ),
        answers=details.get("answers"),
        values={
            "agency": site.agency.name,
            "problem_number": problem["number"],
            "cabinet_url": _cabinet_url(public_url, letter, problem),
            "left_out": ", ".join(details.get("left_out", ())),
            **_outcome_values(site, letter, problem["number"]),
        },
    )
    await sender.send_message(
        context.settings, answer, ""
    )  # RFC 3834, section 3.3: an empty envelope sender prevents replies


def _outcome_values(site: Site, letter: Row, number: int) -> dict[str, Any]:
    language, state = site.language, letter["state"]
    if state == "taken" and letter["status"] is None:
        text = i18n.text(language, "mailbox.taken.registered", number=number)
    elif state == "taken":
        status = i18n.text(language, f"status.{letter['status']}")
        text = i18n.text(language, "mailbox.taken.taken", number=number, status=status)
        if letter["expected_on"]:
            day = i18n.format_date(language, letter["expected_on"])
            text += " " + i18n.text(language, "mailbox.taken.until", date=day)
    else:
        kind = "held" if state == "held" else "refused"
        known = i18n.has(key := f"mailbox.{kind}.{letter['reason']}")
        reason = i18n.text(language, key if known else "mailbox.refused.declined")
        text = i18n.text(language, f"mailbox.taken.{kind}", number=number, reason=reason)
    return {"state": state, "said": text}


def _cabinet_url(public_url: str, letter: Row, problem: Row) -> str:
    if letter["state"] == "held":
        return f"{public_url}/cabinet/mail/{letter['id']}"
    return f"{public_url}/cabinet/problems/{problem['id']}"

"""Acknowledge letters to their authors, if these were verified, with the outcome."""

from __future__ import annotations

from typing import Any

import orjson

from widget_api import i18n
from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries.model import Delivery, GiveUp
from widget_api.deliveries.sinks import MAILBOX
from widget_api.mail import messages, sender
from widget_api.mail.messages import Thread
from widget_api.mailbox import store
from widget_api.problems.store import records
from widget_api.sites import service as sites
from widget_api.sites.model import Site


async def deliver(context: Context, delivery: Delivery) -> None:
    """Handle a delivery of the sinks `mailbox:<letter>`. A letter deleted meanwhile is not acknowledged."""
    letter_id = delivery.sink.removeprefix(MAILBOX)
    letter = await store.find_letter(context.database, letter_id)
    problem = await records.find(context.database, delivery.problem_id)
    if letter is None or problem is None or not letter["sender"]:
        return
    site = await sites.by_id(context.database, delivery.site_id)
    public_url = context.settings.public_url
    details = orjson.loads(letter["details"])
    try:
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
    except messages.InvalidAddress:
        raise GiveUp("the writer's address is none a letter could go to") from None
    await sender.send_message(
        context.settings, answer, ""
    )  # RFC 3834, section 3.3: an empty envelope sender prevents replies


def _outcome_values(site: Site, letter: Row, number: int) -> dict[str, Any]:
    language, state = site.language, letter["state"]
    if state == "taken":
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

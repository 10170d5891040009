"""Compose and send letters to residents about a problem: common template values, sender and return address."""

from __future__ import annotations

from typing import Any

from widget_api import i18n
from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries.model import GiveUp
from widget_api.mail import messages, sender, verp
from widget_api.mail.messages import Thread
from widget_api.sites.model import Site

_PREHEADER = 120  # characters; mail programs show no more


def about_problem(site: Site, problem: Row, language: str) -> dict[str, Any]:
    """Return the template values that every letter about a problem has."""
    category = site.category(problem["category"])
    return {
        "agency": site.agency.name,
        "site_name": site.name,
        "problem_number": problem["number"],
        "category_name": i18n.category_name(language, problem["category"], category.name if category else None),
    }


def preheader(text: str) -> str:
    """Return the text that a mail program's list shows beside the subject."""
    line = " ".join(text.split())
    return line if len(line) <= _PREHEADER else line[:_PREHEADER].rsplit(" ", 1)[0] + "…"


async def send(
    context: Context,
    template: str,
    language: str,
    to: str,
    site: Site,
    thread: Thread,
    values: dict[str, Any],
    unsubscribe: str | None = None,
    author_of: str | None = None,
    follower: str | None = None,
) -> None:
    """Compose a letter in the agency's name and pass it to the mail server. Raises GiveUp, Retry.

    `author_of` is the id of the problem whose author gets it, `follower` a follower's id: the bounce address is made
    from it, so that a returned letter marks that address as failed.
    """
    try:
        letter = messages.compose(
            template,
            language,
            to=to,
            mail_from=context.settings.mail_from,
            sender_name=site.agency.name,
            thread=thread,
            values=values,
            unsubscribe=unsubscribe,
        )
    except messages.InvalidAddress:
        raise GiveUp("the resident's address is none a letter could go to") from None
    await sender.send_message(context.settings, letter, _bounce_address(context, author_of, follower))


def _bounce_address(context: Context, author_of: str | None, follower: str | None) -> str | None:
    if author_of is not None:
        return verp.bounce_address(context.settings, context.signer, "contact", author_of)
    if follower is not None:
        return verp.bounce_address(context.settings, context.signer, "follower", follower)
    return None

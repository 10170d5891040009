"""Send letters to those who take part in entries, and hand requests on to the authors of entries."""

from __future__ import annotations

from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries import queries
from widget_api.deliveries.model import Delivery
from widget_api.deliveries.sinks import PARTICIPANT, REQUEST
from widget_api.mail import links, messages
from widget_api.mail.messages import Thread
from widget_api.participation import store
from widget_api.problems.resident_mail import about_problem, send
from widget_api.problems.store import contacts, history, records
from widget_api.sites import service as sites


async def deliver_to_participant(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `participant:<row>[:<text>]`. A letter that is outdated counts as delivered."""
    row_id, _, text_id = delivery.sink.removeprefix(PARTICIPANT).partition(":")
    row, problem = await _read(context, delivery, row_id)
    if row is None or problem is None or not problem["published"]:
        return
    site, language = await sites.by_id(context.database, delivery.site_id), row["language"]
    about = about_problem(site, problem, language)
    root = messages.message_id(context.settings.public_url, row["id"], "action")
    if text_id:  # of the entry's author
        text = next(
            (one["body"] for one in await history.texts_of(context.database, problem["id"]) if one["id"] == text_id),
            None,
        )
        if not text or row["confirmed_at"] is None:
            return
        leave_url = links.own_action_url(context, row["id"])
        own = messages.message_id(context.settings.public_url, row["id"], text_id)
        values = {
            **about,
            "text": text,
            "page_url": links.problem_url(context, site, problem["number"]),
            "stop_url": leave_url,
        }
        await send(
            context, "participants_news", language, row["email"], site, Thread(root=root, own=own), values, leave_url
        )
        return
    asked_at = await queries.find_created_at(context.database, delivery.id)
    own = (
        root if asked_at == row["created_at"] else messages.message_id(context.settings.public_url, row["id"], asked_at)
    )
    values = {
        **about,
        "act": row["action"],
        "done": row["confirmed_at"] is not None,
        "action_url": links.action_url(context, row["id"]),
    }
    await send(context, "action_confirmation", language, row["email"], site, Thread(root=root, own=own), values)


async def deliver_request(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `request:<row>`: to the author of the entry, to the agency where the entry is its own.

    An answer goes to the sender's address if they agreed to show it; otherwise nobody sees it.
    """
    row, problem = await _read(context, delivery, delivery.sink.removeprefix(REQUEST))
    if row is None or problem is None or not problem["published"]:
        return
    site = await sites.by_id(context.database, delivery.site_id)
    contact = await contacts.find_reached(context.database, problem["id"])
    to, language = (contact["email"], contact["language"]) if contact else (site.agency.email, site.language)
    sender = row["email"] if row["show_email"] else None
    answers_to = str(messages.format_address(sender)) if sender else None
    values = {
        **about_problem(site, problem, language),
        "text": row["text"],
        "name": row["name"],
        "email": sender,
        "page_url": links.problem_url(context, site, problem["number"]),
    }
    root = messages.message_id(context.settings.public_url, row["id"], "request")
    await send(context, "entry_request", language, to, site, Thread(root=root, own=root), values, reply_to=answers_to)


async def _read(context: Context, delivery: Delivery, row_id: str) -> tuple[Row | None, Row | None]:
    row = await store.find(context.database, row_id)
    if row is None or row["email"] is None:
        return None, None
    return row, await records.find(context.database, delivery.problem_id)

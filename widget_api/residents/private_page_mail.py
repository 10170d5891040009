"""Carries the letter with the new link of a private page, after its author has changed it."""

from __future__ import annotations

from widget_api.context import Context
from widget_api.deliveries import queries
from widget_api.deliveries.model import Delivery
from widget_api.mail import links, messages
from widget_api.mail.messages import Thread
from widget_api.problems import resident_mail
from widget_api.problems.store import contacts, records
from widget_api.sites import service as sites


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of sink `link`. Whoever wants no letters about this problem gets this one: it is about their safety.

    An address that is forgotten or was never confirmed gets nothing.
    """
    problem = await records.find(context.database, delivery.problem_id)
    contact = await contacts.find(context.database, delivery.problem_id)
    if problem is None or contact is None or not contact["email"] or contact["failed_at"] is not None:
        return
    if contact["confirmed_at"] is None:
        return
    site = await sites.by_id(context.database, delivery.site_id)
    public_url = context.settings.public_url
    asked_at = await queries.find_created_at(context.database, delivery.id)
    await resident_mail.send(
        context,
        "link",
        contact["language"],
        contact["email"],
        site,
        Thread(
            root=messages.message_id(public_url, problem["id"]),
            own=messages.message_id(public_url, problem["id"], "link", asked_at),
        ),
        {
            **resident_mail.about_problem(site, problem, contact["language"]),
            "track_url": links.track_url(context, problem["id"], problem["link_id"]),
        },
        author_of=problem["id"],
    )

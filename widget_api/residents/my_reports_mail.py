"""Carries the letter with the link to all reports of an address."""

from __future__ import annotations

from widget_api.context import Context
from widget_api.deliveries import queries
from widget_api.deliveries.model import Delivery, GiveUp
from widget_api.mail import links, messages, sender
from widget_api.mail.messages import Thread
from widget_api.problems.store import contacts
from widget_api.residents import my_reports_store
from widget_api.sites import service as sites


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of sink `reports`. An address forgotten since has nothing to get."""
    contact = await contacts.find(context.database, delivery.problem_id)
    if contact is None or not contact["email"] or contact["confirmed_at"] is None or contact["failed_at"] is not None:
        return
    site = await sites.by_id(context.database, delivery.site_id)
    asked_at = await queries.find_created_at(context.database, delivery.id)
    state = await my_reports_store.links_state(context.database, contact["email_hash"])
    own = messages.message_id(context.settings.public_url, delivery.problem_id, "reports", asked_at)
    try:
        letter = messages.compose(
            "reports",
            contact["language"],
            to=contact["email"],
            mail_from=context.settings.mail_from,
            sender_name=site.agency.name,
            thread=Thread(root=own, own=own),
            values={"agency": site.agency.name, "reports_url": links.reports_url(context, delivery.problem_id, state)},
        )
    except messages.InvalidAddress:
        raise GiveUp("the resident's address is none a letter could go to") from None
    await sender.send_message(context.settings, letter)

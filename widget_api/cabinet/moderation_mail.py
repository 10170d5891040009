"""Writes to an agency that works from its mailbox which comments wait for its decision, each with a link of its own."""

from __future__ import annotations

from widget_api import clock
from widget_api.cabinet import comments_view, moderation_links
from widget_api.comments import mail, store
from widget_api.context import Context
from widget_api.deliveries.model import Delivery, GiveUp
from widget_api.deliveries.sinks import MODERATOR
from widget_api.mail import messages, sender, verp
from widget_api.mail.messages import Thread
from widget_api.sites import service as sites

NAMED = 10  # comments in one letter; the page of each leads on to the next
COUNTED = 100


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `moderator:<comment>`. Where nothing waits any more there is nothing to say."""
    site = await sites.by_id(context.database, delivery.site_id)
    if not mail.is_moderated_by_mail(site):
        return
    rows = (await store.list_queue(context.database, [site.id], "moderation", None, NAMED))[:NAMED]
    if not rows:
        return
    waiting = await store.count_waiting(context.database, [site.id], COUNTED)
    shown = comments_view.comments(site.language, rows, frozenset())
    own = messages.message_id(context.settings.public_url, delivery.sink.removeprefix(MODERATOR), "moderator")
    try:
        letter = messages.compose(
            "comments_waiting",
            site.language,
            to=site.agency.email,
            mail_from=context.settings.mail_from,
            sender_name=site.name,
            thread=Thread(root=own, own=own),
            values={
                "agency": site.agency.name,
                "site_name": site.name,
                "comments": [(one, moderation_links.decide(context, site, one.id, clock.now())) for one in shown],
                "waiting": waiting,
                "more": waiting - len(shown),
            },
        )
    except messages.InvalidAddress:
        raise GiveUp("the agency's address is none a letter could go to") from None
    bounces_to = verp.bounce_address(context.settings, context.signer, "agency", site.agency.id)
    await sender.send_message(context.settings, letter, bounces_to)

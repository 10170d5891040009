"""Send letters about comments: to their authors (confirmation, decision) and to agencies that moderate by mail."""

from __future__ import annotations

from widget_api import clock
from widget_api.comments import store
from widget_api.context import Context
from widget_api.database import Row, Transaction
from widget_api.deliveries import queries
from widget_api.deliveries.model import HAPPENED, Delivery
from widget_api.deliveries.sinks import COMMENTER, MODERATOR
from widget_api.mail import links, messages
from widget_api.mail.messages import Thread
from widget_api.problems import resident_mail
from widget_api.problems.resident_mail import about_problem, send
from widget_api.problems.store import history, records
from widget_api.sites import service as sites
from widget_api.sites.model import Site

_STATES = {"confirm": "unconfirmed", "published": "published", "rejected": "rejected"}


async def deliver_to_commenter(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `commenter:<id>:<what>`. A letter that is outdated counts as delivered."""
    comment_id, _, what = delivery.sink.removeprefix(COMMENTER).partition(":")
    comment = await store.find_comment(context.database, comment_id)
    commenter = await store.find_commenter(context.database, comment_id)
    problem = await records.find(context.database, delivery.problem_id)
    if comment is None or commenter is None or problem is None or not problem["published"]:
        return
    if comment["state"] != _STATES.get(what):
        return
    site = await sites.by_id(context.database, delivery.site_id)
    public_url, language = context.settings.public_url, commenter["language"]
    root = messages.message_id(public_url, comment_id, "comment")
    asked_at = await queries.find_created_at(context.database, delivery.id)
    about = about_problem(site, problem, language)
    if what == "confirm":  # quotes nothing, since anybody may have entered this address
        template, values = "comment_confirmation", {**about, "comment_url": links.comment_url(context, comment_id)}
        thread = Thread(root=root, own=root)
    else:
        template, values = (
            "comment_decided",
            {
                **about,
                "published": what == "published",
                "text": comment["body"],
                "reason": comment["reason"],
                "page_url": links.problem_url(context, site, problem["number"]),
                "own_url": links.own_comment_url(context, comment_id),
            },
        )
        thread = Thread(root=root, own=messages.message_id(public_url, comment_id, "comment", what, asked_at))
    await send(context, template, language, commenter["email"], site, thread, values)


LETTER_INTERVAL = clock.HOUR  # seconds between two letters to a site's moderators


def is_moderated_by_mail(site: Site) -> bool:
    """Whether comments of this site are moderated by mail."""
    return site.discussion != "off" and site.moderator == "agent" and site.agency.mode == "email"


async def enqueue_moderator_letter(tx: Transaction, comment: Row, now: int) -> None:
    """Enqueue a letter about a comment that waits for moderation, at most one per site in LETTER_INTERVAL.

    The first comment is reported at once, those that follow in the next letter. The transaction holds the lock of the
    site, so two comments never plan a letter each.
    """
    site = await history.find_site(tx, comment["site_id"])
    if site["discussion"] == "off" or site["moderator"] != "agent" or site["mode"] != "email":
        return  # `is_moderated_by_mail`, as the transaction sees it
    name = f"{MODERATOR}{comment['site_id']}"
    planned = await store.last_letter_at(tx, name)
    if planned is not None and planned > now:
        return
    leaves_at = now if planned is None else max(now, planned + LETTER_INTERVAL)
    await store.plan_letter(tx, name, leaves_at)
    received = await history.received_event(tx, comment["problem_id"])
    await resident_mail.enqueue_letter(
        tx, received, f"{MODERATOR}{comment['id']}", now, priority=HAPPENED, leaves_at=leaves_at
    )

"""Writes to whoever said something under a problem: the letter that asks, and what the moderator decided."""

from __future__ import annotations

from widget_api.comments import store
from widget_api.context import Context
from widget_api.deliveries import queries
from widget_api.deliveries.model import Delivery
from widget_api.deliveries.sinks import COMMENTER
from widget_api.mail import links, messages
from widget_api.mail.messages import Thread
from widget_api.problems.resident_mail import about_problem, send
from widget_api.problems.store import records
from widget_api.sites import service as sites

_STATES = {"confirm": "unconfirmed", "published": "published", "rejected": "rejected"}


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `commenter:<id>:<what>`. What holds no longer counts as delivered."""
    comment_id, _, what = delivery.sink.removeprefix(COMMENTER).partition(":")
    comment = await store.find(context.database, comment_id)
    commenter = await store.commenter(context.database, comment_id)
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
    if what == "confirm":  # nothing anybody typed stands in it: it goes to an address anybody may have typed
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

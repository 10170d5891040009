"""Writes to whoever follows a problem: first the letter that asks, then every step the public sees."""

from __future__ import annotations

from widget_api import i18n
from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries.model import Delivery
from widget_api.deliveries.sinks import FOLLOWER
from widget_api.mail import messages
from widget_api.mail.messages import Thread
from widget_api.problems import wording
from widget_api.problems.following import store
from widget_api.problems.store import records
from widget_api.residents import links
from widget_api.residents import store as resident_store
from widget_api.residents.notify import about_problem, preheader, send
from widget_api.sites import service as sites
from widget_api.sites.model import Site


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `follower:<id>`. What is no longer wanted counts as delivered."""
    follower = await store.find(context.database, delivery.sink.removeprefix(FOLLOWER))
    problem = await records.find(context.database, delivery.problem_id)
    if follower is None or problem is None or follower["stopped_at"] is not None or not problem["published"]:
        return
    confirmed = follower["confirmed_at"] is not None
    if (delivery.kind == "received") == confirmed:
        return  # nothing left to confirm, or news for an address nobody confirmed
    site = await sites.by_id(context.database, delivery.site_id)
    if confirmed:
        await _news(context, delivery, site, problem, follower)
    else:
        await _confirmation(context, delivery, site, problem, follower)


async def _confirmation(context: Context, delivery: Delivery, site: Site, problem: Row, follower: Row) -> None:
    """Nothing anybody typed stands in it: it goes to an address anybody may have typed."""
    public_url, language = context.settings.public_url, follower["language"]
    asked_at = await resident_store.asked_at(context.database, delivery.id)
    root = _root(public_url, follower)
    again = asked_at is not None and asked_at != follower["created_at"]
    await send(
        context,
        "follow_confirmation",
        language,
        follower["email"],
        site,
        Thread(root=root, own=messages.message_id(public_url, follower["id"], asked_at) if again else root),
        {**about_problem(site, problem, language), "follow_url": links.follow(context, follower["id"])},
        follower=follower["id"],
    )


async def _news(context: Context, delivery: Delivery, site: Site, problem: Row, follower: Row) -> None:
    public_url, language = context.settings.public_url, follower["language"]
    entry = await wording.entry_of(context.database, delivery)
    if entry["actor"] == "resident":
        entry["text"] = None  # the author's own words, which nobody moderated
    title, stop_url = wording.title(language, entry), links.unfollow(context, follower["id"])
    number = entry["duplicate_of"] or problem["number"]
    author = wording.author(language, entry, site.agency.name)
    about = i18n.text(language, f"people.mail.news.about.{wording.meaning(entry)}", number=number, sender=author)
    shown = entry["duplicate_of"] or problem["number"]
    await send(
        context,
        "followed",
        language,
        follower["email"],
        site,
        Thread(
            root=_root(public_url, follower),
            own=messages.message_id(public_url, delivery.event_id, "follower", follower["id"]),
        ),
        {
            **about_problem(site, problem, language),
            "title": title,
            "about": about,
            "preheader": preheader(f"{title}. {entry['text'] or about}"),
            "text": entry["text"],
            "official": entry["official"],
            "author": author,
            "why": i18n.text(language, "people.mail.news.why", number=problem["number"], site=site.name),
            "page_url": links.public(context, site, shown),
            "stop_url": stop_url,
        },
        unsubscribe=stop_url,
        follower=follower["id"],
    )


def _root(public_url: str, follower: Row) -> str:
    """One problem is one thread of letters to each who follows it."""
    return messages.message_id(public_url, follower["problem_id"], "follower", follower["id"])

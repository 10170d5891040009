"""Send letters about a problem's public events to its followers and to authors of reports merged into it.

The first letter to a follower asks for confirmation, the last one says that the report was erased or withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries import queries
from widget_api.deliveries.model import Delivery
from widget_api.deliveries.sinks import AUTHOR, FOLLOWER
from widget_api.followers import service as following
from widget_api.mail import links, messages
from widget_api.mail.messages import Thread
from widget_api.mail.verp import Bounce
from widget_api.problems import wording
from widget_api.problems.merges import list_merges
from widget_api.problems.resident_mail import about_problem, preheader, send
from widget_api.problems.store import contacts, followers, records
from widget_api.sites import service as sites
from widget_api.sites.model import Site


async def deliver_to_follower(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `follower:<id>`. A letter that is outdated counts as delivered."""
    follower = await followers.find(context.database, delivery.sink.removeprefix(FOLLOWER))
    problem = await records.find(context.database, delivery.problem_id)
    if follower is None or problem is None or follower["stopped_at"] is not None:
        return
    last = delivery.kind == "erased" or delivery.status == "withdrawn"
    if not problem["published"] and not last:
        return
    confirmed = follower["confirmed_at"] is not None
    if (delivery.kind == "received") == confirmed:
        return  # nothing left to confirm, or news for an address nobody confirmed
    site = await sites.by_id(context.database, delivery.site_id)
    if not confirmed:
        await _send_confirmation(context, delivery, site, problem, follower)
        return
    public_url, name = context.settings.public_url, "why_last" if last else "why"
    news = _News(
        email=follower["email"],
        language=follower["language"],
        thread=Thread(
            root=_thread_root(public_url, follower),
            own=messages.message_id(public_url, delivery.event_id, "follower", follower["id"]),
        ),
        why=wording.say(
            site, follower["language"], f"people.mail.news.{name}", number=problem["number"], site=site.name
        ),
        stop_url=None if last else links.unfollow_url(context, follower["id"]),
        bounces=("follower", follower["id"]),
    )
    await _send_news(context, delivery, site, problem, news)
    if last:  # the address was kept for this letter alone
        await following.stop_following(context.database, follower)


async def deliver_to_merged_author(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `author:<merged report>`. A letter that is outdated counts as delivered."""
    merged = await records.find(context.database, delivery.sink.removeprefix(AUTHOR))
    problem = await records.find(context.database, delivery.problem_id)
    if merged is None or problem is None or not problem["published"]:
        return
    contact = await contacts.find_reached(context.database, merged["id"])
    if contact is None or problem["id"] not in [one["id"] for one in await list_merges(context.database, merged)]:
        return  # reopened or merged elsewhere meanwhile
    site = await sites.by_id(context.database, delivery.site_id)
    public_url, language = context.settings.public_url, contact["language"]
    why = {"number": problem["number"], "own": merged["number"], "site": site.name}
    news = _News(
        email=contact["email"],
        language=language,
        thread=Thread(
            root=messages.message_id(public_url, merged["id"]),
            own=messages.message_id(public_url, delivery.event_id, "author", merged["id"]),
        ),
        why=wording.say(site, language, "people.mail.news.why_merged", **why),
        stop_url=links.stop_url(context, merged["id"]),
        bounces=("contact", merged["id"]),
    )
    await _send_news(context, delivery, site, problem, news)


async def _send_confirmation(context: Context, delivery: Delivery, site: Site, problem: Row, follower: Row) -> None:
    """Send the letter that asks for confirmation. It quotes nothing, since anybody may have entered this address."""
    public_url, language = context.settings.public_url, follower["language"]
    asked_at = await queries.find_created_at(context.database, delivery.id)
    root = _thread_root(public_url, follower)
    again = asked_at is not None and asked_at != follower["created_at"]
    await send(
        context,
        "follow_confirmation",
        language,
        follower["email"],
        site,
        Thread(root=root, own=messages.message_id(public_url, follower["id"], asked_at) if again else root),
        {**about_problem(site, problem, language), "follow_url": links.follow_url(context, follower["id"])},
        bounces=("follower", follower["id"]),
    )


@dataclass(frozen=True, kw_only=True)
class _News:
    """The recipient of a letter about a public event, and the reason for it. `stop_url` None: the last letter."""

    email: str
    language: str
    thread: Thread
    why: str
    stop_url: str | None
    bounces: tuple[Bounce, str]


async def _send_news(context: Context, delivery: Delivery, site: Site, problem: Row, news: _News) -> None:
    language, entry = news.language, await wording.read_entry(context.database, delivery)
    if entry["actor"] == "resident":
        entry["text"] = None  # another author's text, which is not moderated
    title, author = wording.event_title(language, site, entry), wording.author(language, entry, site.agency.name)
    number = entry["duplicate_of"] or problem["number"]
    page = links.problem_url(context, site, number) if news.stop_url else links.report_url(context, site)
    meaning, shown = wording.text_name(entry), entry.get("apart_from") or number
    about = wording.say(site, language, f"status_news.{meaning}", number=shown, sender=author)
    await send(
        context,
        "followed",
        language,
        news.email,
        site,
        news.thread,
        {
            **about_problem(site, problem, language),
            "title": title,
            "about": about,
            "preheader": preheader(f"{title}. {entry['text'] or about}"),
            "text": entry["text"],
            "official": entry["official"],
            "author": author,
            "why": news.why,
            "page_url": page,
            "stop_url": news.stop_url,
        },
        unsubscribe=news.stop_url,
        bounces=news.bounces,
    )


def _thread_root(public_url: str, follower: Row) -> str:
    """The Message-ID that joins a follower's letters about one problem to a thread."""
    return messages.message_id(public_url, follower["problem_id"], "follower", follower["id"])

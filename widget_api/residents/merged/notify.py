"""Writes to the author of a merged report what becomes of the one it was merged into."""

from __future__ import annotations

from widget_api import i18n
from widget_api.context import Context
from widget_api.deliveries.model import Delivery
from widget_api.deliveries.sinks import AUTHOR
from widget_api.mail import messages
from widget_api.mail.messages import Thread
from widget_api.problems import wording
from widget_api.problems.following import service as following
from widget_api.problems.store import contacts, records
from widget_api.residents import links
from widget_api.residents.notify import about_problem, preheader, send
from widget_api.sites import service as sites


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `author:<merged report>`. What is no longer wanted counts as delivered."""
    merged = await records.find(context.database, delivery.sink.removeprefix(AUTHOR))
    problem = await records.find(context.database, delivery.problem_id)
    if merged is None or problem is None or not problem["published"]:
        return
    contact = await contacts.find(context.database, merged["id"])
    if contact is None or not contact["email"] or contact["confirmed_at"] is None:
        return
    if contact["stopped_at"] is not None or contact["failed_at"] is not None:
        return
    if problem["id"] not in [one["id"] for one in await following.merges(context.database, merged)]:
        return  # taken up again, or merged elsewhere meanwhile
    site = await sites.by_id(context.database, delivery.site_id)
    public_url, language = context.settings.public_url, contact["language"]
    entry = await wording.entry_of(context.database, delivery)
    if entry["actor"] == "resident":
        entry["text"] = None  # another author's own words, which nobody moderated
    title, stop_url = wording.title(language, entry), links.stop(context, merged["id"])
    number = entry["duplicate_of"] or problem["number"]
    sender = wording.author(language, entry, site.agency.name)
    about = i18n.text(language, f"people.mail.news.about.{wording.meaning(entry)}", number=number, sender=sender)
    await send(
        context,
        "followed",
        language,
        contact["email"],
        site,
        Thread(
            root=messages.message_id(public_url, merged["id"]),
            own=messages.message_id(public_url, delivery.event_id, "author", merged["id"]),
        ),
        {
            **about_problem(site, problem, language),
            "title": title,
            "about": about,
            "preheader": preheader(f"{title}. {entry['text'] or about}"),
            "text": entry["text"],
            "official": entry["official"],
            "author": sender,
            "why": i18n.text(
                language, "people.mail.news.why_merged", number=problem["number"], own=merged["number"], site=site.name
            ),
            "page_url": links.public(context, site, number),
            "stop_url": stop_url,
        },
        unsubscribe=stop_url,
        author_of=merged["id"],
    )

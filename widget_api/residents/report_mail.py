"""Writes to the resident: the one letter that asks to confirm, then, to confirmed addresses only, what happens."""

from __future__ import annotations

from datetime import timedelta

from widget_api import i18n
from widget_api.attachments import links as photo_links
from widget_api.attachments.documents import service
from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries import queries
from widget_api.deliveries.model import Delivery
from widget_api.mail import links, messages
from widget_api.mail.messages import Thread
from widget_api.problems import pictures, resident_mail, wording
from widget_api.problems.merges import list_merges
from widget_api.problems.model import OPEN, REOPEN_DAYS, allowed
from widget_api.problems.store import contacts, records
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

FILES_LIFE = 30 * 86_400  # seconds a letter's links to what came with an answer are good for


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of sink `resident`. What is no longer wanted counts as delivered."""
    problem = await records.find(context.database, delivery.problem_id)
    contact = await contacts.find(context.database, delivery.problem_id)
    if problem is None or contact is None or not contact["email"]:
        return
    if contact["stopped_at"] is not None or contact["failed_at"] is not None:  # wants none, or nobody takes them there
        return
    confirmed = contact["confirmed_at"] is not None
    if (delivery.kind == "received") == confirmed:
        return  # nothing left to confirm, or news for an address nobody confirmed
    site = await sites.by_id(context.database, delivery.site_id)
    language = contact["language"]
    if delivery.kind == "received":
        await _confirmation(context, delivery, site, problem, contact["email"], language)
    else:
        await _news(context, delivery, site, problem, contact["email"], language)


async def _confirmation(
    context: Context, delivery: Delivery, site: Site, problem: Row, email: str, language: str
) -> None:
    """Nothing the sender typed stands in it: it goes to an address anybody may have typed."""
    asked_at = await queries.find_created_at(context.database, delivery.id)
    public_url = context.settings.public_url
    root = messages.message_id(public_url, problem["id"])
    again = asked_at is not None and asked_at != problem["created_at"]  # the author asked for another one
    own = messages.message_id(public_url, problem["id"], asked_at) if again else root
    await resident_mail.send(
        context,
        "confirmation",
        language,
        email,
        site,
        Thread(root=root, own=own),
        {
            **resident_mail.about_problem(site, problem, language),
            "confirm_url": links.confirm_url(context, problem["id"], problem["link_id"]),
        },
        author_of=problem["id"],
    )


async def _news(context: Context, delivery: Delivery, site: Site, problem: Row, email: str, language: str) -> None:
    entry = await wording.read_entry(context.database, delivery)
    merges = await list_merges(context.database, problem) if entry["status"] == "duplicate" else []
    into = merges[-1]["number"] if merges else None  # where the problem is worked on
    about = _about(language, problem, entry, into)
    public_url = context.settings.public_url
    stop_url = links.stop_url(context, problem["id"])
    attached = await _attached(context, delivery, problem, language)
    await resident_mail.send(
        context,
        "status",
        language,
        email,
        site,
        Thread(
            root=messages.message_id(public_url, problem["id"]),
            own=messages.message_id(public_url, delivery.event_id),
        ),
        {
            **resident_mail.about_problem(site, problem, language),
            "title": (title := wording.title(language, entry)),
            "about": about,
            "preheader": resident_mail.preheader(f"{title}. {entry['text'] or about}"),
            "button": _button(language, entry),
            "text": entry["text"],
            "attached": attached,
            "author": wording.author(language, entry, site.agency.name),
            "next": _next(language, site, problem, entry),
            "track_url": links.track_url(context, problem["id"], problem["link_id"]),
            "into": into,
            "into_url": links.problem_url(context, site, into) if into else None,
            "stop_url": stop_url,
        },
        unsubscribe=stop_url,
        author_of=problem["id"],
    )


async def _attached(context: Context, delivery: Delivery, problem: Row, language: str) -> list[tuple[str, str]]:
    """Names and links of what came with a decision. They open for a while even where the public sees nothing."""
    until = delivery.at + FILES_LIFE
    rows = await pictures.list_pictures(context.database, problem["id"])
    photos = [one for one in rows if one["event_id"] == delivery.event_id and one["role"] == "answer"]
    files = await service.list_attached(context.database, delivery.site_id, problem["id"])
    of_event = [one for one in files if one["event_id"] == delivery.event_id]
    return [
        *(
            (
                one["alt"] or i18n.text(language, "common.photo", number=place),
                photo_links.sign_photo_url(context, one["id"], until=until),
            )
            for place, one in enumerate(photos, 1)
        ),
        *((one["name"], one["url"]) for one in service.signed_documents(context, of_event, until)),
    ]


def _about(language: str, problem: Row, entry: wording.Entry, into: int | None) -> str:
    """What this event means for whoever reads of it: each status has its own sentence or two."""
    return i18n.text(
        language,
        f"mail.about_status.{wording.text_name(entry)}",
        number=into or entry["duplicate_of"] or entry.get("apart_from") or problem["number"],
        sender=wording.author(language, entry, ""),
    )


def _button(language: str, entry: wording.Entry) -> str:
    """The button says what there is to do."""
    name = entry["status"] or entry["kind"]
    own = f"mail.status.buttons.{name}"
    return i18n.text(language, own if i18n.has(own) else "mail.status.buttons.else")


def _next(language: str, site: Site, problem: Row, entry: wording.Entry) -> str | None:
    """What the resident can expect or do after this event; nothing where events have moved on since."""
    status = entry["status"]
    if status in OPEN and status != "planned" and problem["status"] in OPEN:
        return i18n.text(language, "mail.status.due", date=i18n.format_date(language, problem["answer_due"]))
    if status is not None and "reopened" in allowed("resident", status):
        last = local_date(entry["at"], site.time_zone) + timedelta(days=REOPEN_DAYS)
        return i18n.text(language, f"mail.status.reopen.{status}", date=i18n.format_date(language, last))
    return None

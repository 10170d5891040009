"""Send letters to authors of reports: the confirmation, news, a changed private link, the link to all reports.

Addresses that are not confirmed get the confirmation only.
"""

from __future__ import annotations

from datetime import timedelta

from widget_api import i18n
from widget_api.attachments import links as photo_links
from widget_api.attachments.documents import service
from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries import queries
from widget_api.deliveries.model import Delivery, GiveUp
from widget_api.mail import links, messages, sender
from widget_api.mail.messages import Thread
from widget_api.problems import pictures, resident_mail, wording
from widget_api.problems.merges import list_merges
from widget_api.problems.model import OPEN, REOPEN_DAYS, allowed
from widget_api.problems.store import contacts, records
from widget_api.residents import my_reports_service
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

FILE_LINK_LIFETIME = 30 * 86_400  # seconds


async def deliver_to_author(context: Context, delivery: Delivery) -> None:
    """The handler of sink `resident`. A letter that is outdated counts as delivered."""
    problem = await records.find(context.database, delivery.problem_id)
    contact = await contacts.find(context.database, delivery.problem_id)
    if problem is None or contact is None or not contact["email"]:
        return
    if (
        contact["stopped_at"] is not None or contact["failed_at"] is not None
    ):  # unsubscribed, or the address rejects mail
        return
    confirmed = contact["confirmed_at"] is not None
    if (delivery.kind == "received") == confirmed:
        return  # nothing left to confirm, or news for an address nobody confirmed
    site = await sites.by_id(context.database, delivery.site_id)
    language = contact["language"]
    if delivery.kind == "received":
        await _send_confirmation(context, delivery, site, problem, contact["email"], language)
    else:
        await _send_news(context, delivery, site, problem, contact["email"], language)


async def _send_confirmation(
    context: Context, delivery: Delivery, site: Site, problem: Row, email: str, language: str
) -> None:
    """Send the letter that asks for confirmation. It quotes nothing, since anybody may have entered this address."""
    asked_at = await queries.find_created_at(context.database, delivery.id)
    public_url = context.settings.public_url
    root = messages.message_id(public_url, problem["id"])
    again = asked_at is not None and asked_at != problem["created_at"]  # the author requested another one
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


async def _send_news(context: Context, delivery: Delivery, site: Site, problem: Row, email: str, language: str) -> None:
    entry = await wording.read_entry(context.database, delivery)
    merges = await list_merges(context.database, problem) if entry["status"] == "duplicate" else []
    into = merges[-1]["number"] if merges else None  # where the problem is worked on
    about = _about_text(language, problem, entry, into)
    public_url = context.settings.public_url
    stop_url = links.stop_url(context, problem["id"])
    attached = await _list_attachments(context, delivery, problem, language)
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
            "button": _button_text(language, entry),
            "text": entry["text"],
            "attached": attached,
            "author": wording.author(language, entry, site.agency.name),
            "next": _next_text(language, site, problem, entry),
            "track_url": links.track_url(context, problem["id"], problem["link_id"]),
            "into": into,
            "into_url": links.problem_url(context, site, into) if into else None,
            "stop_url": stop_url,
        },
        unsubscribe=stop_url,
        author_of=problem["id"],
    )


async def _list_attachments(context: Context, delivery: Delivery, problem: Row, language: str) -> list[tuple[str, str]]:
    """Names and signed links of a decision's photos and documents, valid even if the problem is not public."""
    until = delivery.at + FILE_LINK_LIFETIME
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


def _about_text(language: str, problem: Row, entry: wording.Entry, into: int | None) -> str:
    """What an event means for its reader; each status has its own text."""
    return i18n.text(
        language,
        f"mail.about_status.{wording.text_name(entry)}",
        number=into or entry["duplicate_of"] or entry.get("apart_from") or problem["number"],
        sender=wording.author(language, entry, ""),
    )


def _button_text(language: str, entry: wording.Entry) -> str:
    """The label of the button, by what there is to do."""
    name = entry["status"] or entry["kind"]
    own = f"mail.status.buttons.{name}"
    return i18n.text(language, own if i18n.has(own) else "mail.status.buttons.else")


def _next_text(language: str, site: Site, problem: Row, entry: wording.Entry) -> str | None:
    """What the resident can expect or do after this event; None where the status has changed since."""
    status = entry["status"]
    if status in OPEN and status != "planned" and problem["status"] in OPEN:
        return i18n.text(language, "mail.status.due", date=i18n.format_date(language, problem["answer_due"]))
    if status is not None and "reopened" in allowed("resident", status):
        last = local_date(entry["at"], site.time_zone) + timedelta(days=REOPEN_DAYS)
        return i18n.text(language, f"mail.status.reopen.{status}", date=i18n.format_date(language, last))
    return None


async def deliver_reports_link(context: Context, delivery: Delivery) -> None:
    """The handler of sink `reports`. Nothing is sent to an address that was erased meanwhile."""
    contact = await contacts.find(context.database, delivery.problem_id)
    if contact is None or not contact["email"] or contact["confirmed_at"] is None or contact["failed_at"] is not None:
        return
    site = await sites.by_id(context.database, delivery.site_id)
    asked_at = await queries.find_created_at(context.database, delivery.id)
    state = await my_reports_service.hash_private_links(context.database, contact["email_hash"])
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


async def deliver_private_link(context: Context, delivery: Delivery) -> None:
    """The handler of sink `link`. Also sent to authors who unsubscribed, since it concerns their security.

    Nothing is sent to an address that is erased or was never confirmed.
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

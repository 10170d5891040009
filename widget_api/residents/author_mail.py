"""Send letters to authors of reports: the confirmation, news, a changed private link, the link to all reports.

Addresses that are not confirmed get the confirmation only.
"""

from __future__ import annotations

from widget_api import clock, i18n
from widget_api.attachments import links as photo_links
from widget_api.attachments.documents import service
from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries import queries
from widget_api.deliveries.model import Delivery
from widget_api.mail import links, messages, sender
from widget_api.mail.messages import Thread
from widget_api.problems import pictures, resident_mail, wording
from widget_api.problems.merges import list_merges
from widget_api.problems.store import contacts, records
from widget_api.residents import my_reports
from widget_api.sites import service as sites
from widget_api.sites.model import Site

FILE_LINK_LIFETIME = 30 * clock.DAY  # seconds


async def deliver_to_author(context: Context, delivery: Delivery) -> None:
    """The handler of sink `resident`. A letter that is outdated counts as delivered."""
    problem = await records.find(context.database, delivery.problem_id)
    asks = delivery.kind == "received"
    contact = await contacts.find_reached(context.database, delivery.problem_id, confirmed=not asks)
    if problem is None or contact is None:
        return
    site = await sites.by_id(context.database, delivery.site_id)
    language = contact["language"]
    if asks:
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
            "channel": problem["channel"],
        },
        bounces=("contact", problem["id"]),
    )


async def _send_news(context: Context, delivery: Delivery, site: Site, problem: Row, email: str, language: str) -> None:
    entry = await wording.read_entry(context.database, delivery)
    merges = await list_merges(context.database, problem) if entry["status"] == "duplicate" else []
    public_url = context.settings.public_url
    stop_url = links.stop_url(context, problem["id"])
    news = resident_mail.Letter(
        language=language,
        attached=await _list_attachments(context, delivery, problem, language),
        into=merges[-1]["number"] if merges else None,
        track_url=links.track_url(context, problem["id"], problem["link_id"]),
        stop_url=stop_url,
    )
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
        resident_mail.news_values(context, site, problem, entry, news),
        unsubscribe=stop_url,
        bounces=("contact", problem["id"]),
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


async def deliver_reports_link(context: Context, delivery: Delivery) -> None:
    """The handler of sink `reports`. Nothing is sent to an address that was erased meanwhile."""
    contact = await contacts.find_reached(context.database, delivery.problem_id, even_stopped=True)
    if contact is None:
        return
    site = await sites.by_id(context.database, delivery.site_id)
    asked_at = await queries.find_created_at(context.database, delivery.id)
    state = await my_reports.hash_private_links(context.database, contact["email_hash"])
    own = messages.message_id(context.settings.public_url, delivery.problem_id, "reports", asked_at)
    letter = messages.compose(
        "reports",
        contact["language"],
        to=contact["email"],
        mail_from=context.settings.mail_from,
        sender_name=site.agency.name,
        thread=Thread(root=own, own=own),
        values={"agency": site.agency.name, "reports_url": links.reports_url(context, delivery.problem_id, state)},
    )
    await sender.send_message(context.settings, letter)


async def deliver_private_link(context: Context, delivery: Delivery) -> None:
    """The handler of sink `link`. Also sent to authors who unsubscribed, since it concerns their security."""
    problem = await records.find(context.database, delivery.problem_id)
    contact = await contacts.find_reached(context.database, delivery.problem_id, even_stopped=True)
    if problem is None or contact is None:
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
        bounces=("contact", problem["id"]),
    )

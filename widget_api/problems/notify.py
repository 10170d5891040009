"""Write to agencies that work from their mailbox: each report once it is released, then what others did to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from widget_api import i18n
from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries import queries, sinks
from widget_api.deliveries.model import Delivery, Retry
from widget_api.errors import Unavailable
from widget_api.geo import model as places
from widget_api.mail import messages, sender, verp
from widget_api.mail.messages import Thread
from widget_api.problems import pictures, registration, timeline, wording
from widget_api.problems.deadline import find_service_due
from widget_api.problems.model import OPEN
from widget_api.problems.store import contacts, records
from widget_api.sites import moving, routing_rules
from widget_api.sites import service as sites
from widget_api.sites.model import Site

PATIENCE = 4  # delivery attempts for which a letter waits for its photos


async def deliver(context: Context, delivery: Delivery) -> None:
    """Handle the sink `agency`. Of a report that was erased meanwhile only the erasure is sent."""
    problem = await records.find(context.database, delivery.problem_id)
    if problem is None or (problem["erased_at"] is not None and delivery.kind != "erased"):
        return
    site = await sites.by_id(context.database, delivery.site_id)
    await moving.require_enabled(context.database, site.agency.id)
    public_url = context.settings.public_url
    root = messages.message_id(public_url, problem["id"], "agency")
    photos = await pictures.list_pictures(context.database, problem["id"])
    if delivery.kind == "received":
        template, values, own = "agency_report", await _report(context, site, problem, len(photos), delivery), root
    else:
        photos = [photo for photo in photos if photo["event_id"] == delivery.event_id]
        template, values = "agency_event", await _event(context, delivery, site, problem)
        own = messages.message_id(public_url, delivery.event_id, "agency")
    reply_to = None  # erased and mirrored problems cannot be answered
    if problem["erased_at"] is None and problem["mirror_of"] is None:
        reply_to = verp.reply_address(context.settings, context.signer, problem["id"], site.id, site.agency.id)
    letter = messages.compose(
        template,
        site.language,
        to=site.agency.email,
        mail_from=context.settings.mail_from,
        sender_name=site.name,
        thread=Thread(root=root, own=own),
        reply_to=reply_to,
        headers=registration.mail_headers(problem),
        values={
            "reply_to": reply_to,
            "mail_answers": site.mail_answers,
            "agency": site.agency.name,
            "site": site,
            "site_name": site.name,
            "problem_number": problem["number"],
            "category_name": site.category_name(site.language, problem["category"]),
            "cabinet_url": f"{public_url}/cabinet/problems/{problem['id']}",
            **values,
        },
        pictures=await _files(context, delivery, photos),
    )
    await sender.send_message(
        context.settings, letter, verp.bounce_address(context.settings, context.signer, "agency", site.agency.id)
    )


async def deliver_to_service(context: Context, delivery: Delivery) -> None:
    """Handle the sink `service:<agency>`: the report as a letter to the service it was assigned to, or that did the
    work with which the author did not agree.

    The letter has no contact of the author: the consent names the agency as their recipient, not its services. A
    service without the cabinet replies to the agency's mailbox. Nothing is sent if the report is no longer assigned.
    """
    problem = await records.find(context.database, delivery.problem_id)
    agency_id = delivery.sink.removeprefix(sinks.SERVICE)
    if problem is None or problem["erased_at"] is not None or problem["assigned_agency"] != agency_id:
        return
    await moving.require_enabled(context.database, agency_id)
    site, service = (
        await sites.by_id(context.database, delivery.site_id),
        await routing_rules.find_service(context.database, delivery.site_id, agency_id),
    )
    if service is None:
        return
    photos = [one for one in await pictures.list_pictures(context.database, problem["id"]) if one["role"] == "report"]
    report, public_url = await _report(context, site, problem, len(photos)), context.settings.public_url
    due, again = find_service_due(problem), delivery.status == "reopened"
    entry = await wording.read_entry(context.database, delivery)
    letter = messages.compose(
        "service_report",
        site.language,
        to=service.email,
        mail_from=context.settings.mail_from,
        sender_name=site.agency.name,
        thread=Thread(
            root=messages.message_id(public_url, problem["id"], agency_id),
            own=messages.message_id(public_url, delivery.event_id, agency_id),
        ),
        reply_to=site.agency.email,
        values={
            **report,
            "due": wording.due_text(site.language, due),
            "agency": site.agency.name,
            "by_mail": service.mode == "email",
            "site": site,
            "site_name": site.name,
            "text": entry["text"],
            "speaker": i18n.text(site.language, "events.actor.resident") if again else site.agency.name,
            "news": "again" if again else "first",
            "problem_number": problem["number"],
            "category_name": site.category_name(site.language, problem["category"]),
            "cabinet_url": f"{public_url}/cabinet/problems/{problem['id']}",
        },
        pictures=await _files(context, delivery, photos),
    )
    await sender.send_message(
        context.settings, letter, verp.bounce_address(context.settings, context.signer, "agency", agency_id)
    )


async def _files(context: Context, delivery: Delivery, photos: Sequence[Row]) -> list[tuple[str, bytes]]:
    """Read the photos to attach. Raises Retry at first; later the letter goes without them: the cabinet shows them."""
    try:
        return await pictures.read_files(context, photos)
    except Unavailable as error:
        if delivery.attempts < PATIENCE:
            raise Retry(f"the storage of photos: {error.__cause__}") from error
        return []


async def _report(
    context: Context, site: Site, problem: Row, photos: int, delivery: Delivery | None = None
) -> dict[str, Any]:
    """The facts of a report; with the author's contact and additions for the agency, whose delivery is given."""
    language = site.language
    contact = await contacts.find(context.database, problem["id"]) if delivery else None
    place = None
    if problem["lat"] is not None:
        place = f"{problem['lat']:.6f}, {problem['lng']:.6f}"
    facts = {
        "category": site.category_name(site.language, problem["category"]),
        "received": i18n.format_moment(language, problem["created_at"], site.time_zone),
        "address": problem["address"],
        "coordinates": place,
        "photos": i18n.text(language, "mail.agency_report.attached", count=photos) if photos else None,
        **_person(language, contact),
    }
    page = f"{context.settings.public_url}{site.entries_path}/{problem['number']}"
    return {
        "due": wording.due_text(language, problem["answer_due"]),
        "page_url": page if problem["published"] else None,
        "map_url": places.map_link(problem["lat"], problem["lng"]) if place else None,
        "description": problem["description"],
        "added": await _list_additions(context, problem, delivery) if delivery else [],
        "facts": [(i18n.text(language, f"mail.agency_report.{key}"), value) for key, value in facts.items() if value],
    }


async def _list_additions(context: Context, problem: Row, delivery: Delivery) -> list[str]:
    """List the author's additions from before the letter was due; each later one is sent as a letter of its own.

    It is due with the release, or when the agency begins to work from its mailbox.
    """
    entries = await timeline.read_timeline(context.database, problem["id"], public=False)
    since = await queries.find_created_at(context.database, delivery.id) or 0
    added = [entry for entry in entries if entry["kind"] == "clarified" and entry["text"]]
    return [entry["text"] for entry in added if entry["at"] <= since]


def _person(language: str, contact: Row | None) -> dict[str, str | None]:
    """Return the author's contact, which the agency may have: it is the operator of these data (152-FZ, article 3)."""
    if contact is None:
        return {}
    email = contact["email"]
    if email:
        key = "confirmed" if contact["confirmed_at"] is not None else "unconfirmed"
        email = i18n.text(language, f"mail.agency_report.{key}", email=email)
    return {"name": contact["name"], "phone": contact["phone"], "email": email}


async def _event(context: Context, delivery: Delivery, site: Site, problem: Row) -> dict[str, Any]:
    language = site.language
    entry = await wording.read_entry(context.database, delivery)
    reopened = entry["status"] == "reopened" and problem["status"] in OPEN
    return {
        "title": wording.event_title(language, site, entry),
        "note": wording.note(language, entry),
        "text": entry["text"],
        "author": wording.author(language, entry, site.agency.name),
        "photos": entry["photos"],
        "due": wording.due_text(language, problem["answer_due"]) if reopened else None,
    }

"""Remind an agency that works by mail of the day an answer is due, before and for some weeks after it."""

from __future__ import annotations

from datetime import date, timedelta

from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue
from widget_api.deliveries.model import Delivery
from widget_api.deliveries.sinks import REMINDER
from widget_api.mail import messages, sender, verp
from widget_api.mail.messages import Thread
from widget_api.mailbox import store
from widget_api.problems import registration
from widget_api.problems.deadline import is_running
from widget_api.problems.store import history, records
from widget_api.sites import moving
from widget_api.sites import service as sites
from widget_api.sites.deadlines import Calendar
from widget_api.sites.model import Site

DAYS_BEFORE = 2  # working days
REPEAT_DAYS = 7
MAX_WEEKS = 4  # of reminders; later only the digest and the cabinet show the report as overdue
MAX_HOLIDAY_DAYS = 14  # days that always include two working days


def reminder_kind(answer_due: date, today: date, calendar: Calendar) -> str | None:
    """Return the reminder due on a day: soon | late | late1 … late4. After an interruption only the newest is sent."""
    if today <= answer_due:
        return "soon" if today >= calendar.subtract_working_days(answer_due, DAYS_BEFORE) else None
    weeks = ((today - answer_due).days - 1) // REPEAT_DAYS
    if weeks > MAX_WEEKS:
        return None
    return f"late{weeks}" if weeks else "late"


async def enqueue_reminders(database: Database) -> int:
    """Enqueue the reminders due today that were not enqueued before. Returns their number."""
    enqueued = 0
    for site in await sites.list_sites(database, collections=True):
        if site.agency.mode != "email":
            continue
        today = site.calendar.local_date(clock.now())
        first = (today - timedelta(days=REPEAT_DAYS * (MAX_WEEKS + 1) + 1)).isoformat()
        last = (today + timedelta(days=MAX_HOLIDAY_DAYS)).isoformat()
        for row in await store.due_between(database, [site.id], first, last):
            kind = reminder_kind(date.fromisoformat(row["answer_due"]), today, site.calendar)
            if kind is not None:
                sink = f"{REMINDER}{kind}:{row['answer_due']}"
                enqueued += await _enqueue(database, row, sink)
    return enqueued


async def _enqueue(database: Database, problem: Row, sink: str) -> bool:
    """Enqueue a reminder, once. The sink contains the day, so a new deadline gets reminders of its own."""
    if await store.is_enqueued(database, problem["id"], sink):
        return False

    async def work(tx: Transaction) -> None:
        await enqueue.enqueue_event(tx, await history.find_received(tx, problem["id"]), sink, clock.now())

    await database.write(work, problem["site_id"])
    return True


async def deliver(context: Context, delivery: Delivery) -> None:
    """Handle a delivery of the sinks `reminder:<kind>:<day>`. Nothing is sent if the report was answered meanwhile."""
    kind, _, day = delivery.sink.removeprefix(REMINDER).partition(":")
    problem = await records.find(context.database, delivery.problem_id)
    site = await sites.by_id(context.database, delivery.site_id)
    if problem is None or not _is_still_due(problem, site, day):
        return
    await moving.require_enabled(context.database, site.agency.id)
    public_url, language = context.settings.public_url, site.language
    reply_to = verp.reply_address(context.settings, context.signer, problem["id"], site.id, site.agency.id)
    letter = messages.compose(
        "agency_reminder",
        language,
        to=site.agency.email,
        mail_from=context.settings.mail_from,
        sender_name=site.name,
        thread=Thread(
            root=messages.message_id(public_url, problem["id"], "agency"),
            own=messages.message_id(public_url, problem["id"], kind, day, "reminder"),
        ),
        reply_to=reply_to,
        headers=registration.mail_headers(problem),
        values={
            "agency": site.agency.name,
            "site_name": site.name,
            "problem_number": problem["number"],
            "category_name": site.category_name(language, problem["category"]),
            "kind": "soon" if kind == "soon" else "late",
            "due": i18n.format_date(language, day),
            "status": i18n.text(language, f"status.{problem['status']}"),
            "address": problem["address"],
            "description": problem["description"],
            "cabinet_url": f"{public_url}/cabinet/problems/{problem['id']}",
            "reply_to": reply_to,
        },
    )
    await sender.send_message(
        context.settings, letter, verp.bounce_address(context.settings, context.signer, "agency", site.agency.id)
    )


def _is_still_due(problem: Row, site: Site, day: str) -> bool:
    return site.agency.mode == "email" and problem["answer_due"] == day and is_running(problem)

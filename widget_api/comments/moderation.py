"""Send moderators by mail the comments that wait, with a link for each, and read those links."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from widget_api import clock, i18n
from widget_api.comments import mail, store
from widget_api.context import Context
from widget_api.database import Row
from widget_api.deliveries.model import Delivery
from widget_api.deliveries.sinks import MODERATOR
from widget_api.mail import messages, sender, verp
from widget_api.mail.messages import Thread
from widget_api.problems.wording import first_line
from widget_api.signing import Purpose
from widget_api.sites import moving
from widget_api.sites import service as sites
from widget_api.sites.model import Site

MAX_COMMENTS = 10  # in one letter; the page of each links to the next
MAX_COUNT = 100
_FIRST_LINE_LENGTH = 90  # characters of the report


def describe_comment(language: str, row: Row) -> dict[str, str]:
    """What pages and letters say of a comment to those who moderate it."""
    decided = ""
    if row["decided_at"] is not None:
        moment = i18n.format_moment(language, row["decided_at"], row["time_zone"])
        who = row["user_email"] or i18n.text(language, "events.actor.agent")
        decided = i18n.text(language, "cabinet.comments.decided", who=who, moment=moment)
    return {
        "text": row["body"],
        "at": i18n.format_moment(language, row["created_at"], row["time_zone"]),
        "report": first_line(row["description"], _FIRST_LINE_LENGTH),
        "site": row["site_name"],
        "decided": decided,
    }


@dataclass(frozen=True)
class ModerationLink:
    """A token's contents; `mailbox` names the one that its letter was sent to, at `since`."""

    comment_id: str
    mailbox: str
    since: int


def moderation_url(context: Context, site: Site, comment_id: str, since: int) -> str:
    """The address of a comment's page, valid for 30 days after its letter while the agency has this mailbox.

    A link from another comment's page expires with that one's letter: otherwise a single letter would open all future
    comments.
    """
    token = context.signer.sign(Purpose.MODERATE, {"c": comment_id, "m": hash_mailbox(site), "t": since})
    return f"{context.settings.public_url}/moderate/{token}"


def read_token(context: Context, token: str) -> ModerationLink | None:
    """A token's contents; None where it is forged or expired."""
    payload = context.signer.read(Purpose.MODERATE, token)
    if not isinstance(payload, dict) or payload.get("t", 0) + Purpose.MODERATE.value[1] <= clock.now():
        return None
    return ModerationLink(payload["c"], payload["m"], payload["t"])


def hash_mailbox(site: Site) -> str:
    return hashlib.sha256(f"{site.agency.id} {site.agency.email.casefold()}".encode()).hexdigest()[:16]


async def deliver_to_moderator(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `moderator:<comment>`. Sends nothing where no comment waits any more."""
    site = await sites.by_id(context.database, delivery.site_id)
    if not mail.is_moderated_by_mail(site):
        return
    await moving.require_enabled(context.database, site.agency.id)
    rows = (await store.list_queue(context.database, [site.id], "moderation", None, MAX_COMMENTS))[:MAX_COMMENTS]
    if not rows:
        return
    waiting = await store.count_waiting(context.database, [site.id], MAX_COUNT)
    shown = [dict(row) | describe_comment(site.language, row) for row in rows]
    own = messages.message_id(context.settings.public_url, delivery.sink.removeprefix(MODERATOR), "moderator")
    letter = messages.compose(
        "comments_waiting",
        site.language,
        to=site.agency.email,
        mail_from=context.settings.mail_from,
        sender_name=site.name,
        thread=Thread(root=own, own=own),
        values={
            "agency": site.agency.name,
            "site_name": site.name,
            "comments": [(one, moderation_url(context, site, one["id"], clock.now())) for one in shown],
            "waiting": waiting,
            "more": waiting - len(shown),
        },
    )
    bounces_to = verp.bounce_address(context.settings, context.signer, "agency", site.agency.id)
    await sender.send_message(context.settings, letter, bounces_to)

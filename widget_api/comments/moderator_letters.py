"""Tells an agency that works from its mailbox which comments wait: a letter an hour and site, however many come in."""

from __future__ import annotations

from widget_api.comments import store
from widget_api.database import Row, Transaction
from widget_api.deliveries.model import HAPPENED
from widget_api.deliveries.sinks import MODERATOR
from widget_api.problems import letters
from widget_api.problems.store import history
from widget_api.sites.model import Site

PAUSE = 3600  # seconds between two letters to a site's moderators


def by_mail(site: Site) -> bool:
    """Whether the comments of this site are decided from a mailbox."""
    return site.discussion != "off" and site.moderator == "agent" and site.agency.mode == "email"


async def tell(tx: Transaction, comment: Row, now: int) -> None:
    """A comment waits since now. The first in an hour is told at once; others wait for the next, which names them.

    The transaction holds the lock of the site, so two comments never plan a letter each.
    """
    if not await store.decided_by_mail(tx, comment["site_id"]):
        return
    name = f"{MODERATOR}{comment['site_id']}"
    planned = await store.last_letter(tx, name)
    if planned is not None and planned > now:
        return
    leaves_at = now if planned is None else max(now, planned + PAUSE)
    await store.plan_letter(tx, name, leaves_at)
    received = await history.received_event(tx, comment["problem_id"])
    await letters.enqueue_letter(tx, received, f"{MODERATOR}{comment['id']}", now, lane=HAPPENED, leaves_at=leaves_at)

"""The addresses in a moderator's letter: each opens one comment, for whoever reads that mailbox."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from widget_api import clock
from widget_api.context import Context
from widget_api.signing import Purpose
from widget_api.sites.model import Site


@dataclass(frozen=True)
class Opened:
    """What a token opens: one comment; `mailbox` is what `sent_to` compares, `since` when its letter was written."""

    comment_id: str
    mailbox: str
    since: int


def decide(context: Context, site: Site, comment_id: str, since: int) -> str:
    """The page with the buttons. Good for 30 days after its letter, and no longer than the agency has this mailbox.

    A link that came from another one's page ends with that one's letter: else a single letter would open all that ever
    waits, to whoever finds it.
    """
    token = context.signer.sign(Purpose.MODERATE, {"c": comment_id, "m": _mailbox(site), "t": since})
    return f"{context.settings.public_url}/moderate/{token}"


def read(context: Context, token: str) -> Opened | None:
    """None where the token is not one of ours, or its letter too old."""
    payload = context.signer.read(Purpose.MODERATE, token)
    if not isinstance(payload, dict) or payload.get("t", 0) + Purpose.MODERATE.value[1] <= clock.now():
        return None
    return Opened(payload["c"], payload["m"], payload["t"])


def sent_to(site: Site, mailbox: str) -> bool:
    """Whether the agency's letters still go where this one went."""
    return mailbox == _mailbox(site)


def _mailbox(site: Site) -> str:
    return hashlib.sha256(f"{site.agency.id} {site.agency.email.casefold()}".encode()).hexdigest()[:16]

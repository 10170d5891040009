"""The addresses in a moderator's letter: each opens one comment, for whoever reads that mailbox."""

from __future__ import annotations

import hashlib

from widget_api.context import Context
from widget_api.signing import Purpose
from widget_api.sites.model import Site


def decide(context: Context, site: Site, comment_id: str) -> str:
    """The page with the buttons. Good for 30 days, and no longer than the agency has this mailbox."""
    token = context.signer.sign(Purpose.MODERATE, {"c": comment_id, "m": _mailbox(site)})
    return f"{context.settings.public_url}/moderate/{token}"


def read(context: Context, token: str) -> tuple[str, str] | None:
    """The comment, and what `sent_to` compares; None where the token is not one of ours."""
    payload = context.signer.read(Purpose.MODERATE, token)
    return (payload["c"], payload["m"]) if isinstance(payload, dict) else None


def sent_to(site: Site, mailbox: str) -> bool:
    """Whether the agency's letters still go where this one went."""
    return mailbox == _mailbox(site)


def _mailbox(site: Site) -> str:
    return hashlib.sha256(f"{site.agency.id} {site.agency.email.casefold()}".encode()).hexdigest()[:16]

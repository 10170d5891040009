"""The addresses only a problem's author knows. Each is signed for one purpose, so none opens another door."""

from __future__ import annotations

from widget_api.context import Context
from widget_api.signing import Purpose


def track(context: Context, problem_id: str) -> str:
    """The private page."""
    return f"{context.settings.public_url}/t/{context.signer.sign(Purpose.TRACK, problem_id)}"


def confirm(context: Context, problem_id: str) -> str:
    """The page with the button that confirms the address."""
    return f"{context.settings.public_url}/confirm/{context.signer.sign(Purpose.CONFIRM, problem_id)}"


def reports(context: Context, problem_id: str) -> str:
    """All reports of the address that this one was confirmed with."""
    return f"{context.settings.public_url}/mine/{context.signer.sign(Purpose.REPORTS, problem_id)}"


def stop(context: Context, problem_id: str) -> str:
    """The page with the button that ends the letters; mail programs post to it themselves (RFC 8058)."""
    return f"{context.settings.public_url}/unsubscribe/{context.signer.sign(Purpose.UNSUBSCRIBE, problem_id)}"

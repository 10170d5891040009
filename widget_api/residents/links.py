"""The addresses that only letters carry. Each is signed for one purpose, so none opens another door."""

from __future__ import annotations

from widget_api.context import Context
from widget_api.signing import Purpose
from widget_api.sites.model import Site


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


def follow(context: Context, follower_id: str) -> str:
    """The page with the button that begins following."""
    return f"{context.settings.public_url}/follow/{context.signer.sign(Purpose.FOLLOW, follower_id)}"


def unfollow(context: Context, follower_id: str) -> str:
    """The page with the button that ends it; mail programs post to it themselves (RFC 8058)."""
    return f"{context.settings.public_url}/unfollow/{context.signer.sign(Purpose.UNFOLLOW, follower_id)}"


def comment(context: Context, comment_id: str) -> str:
    """The page with the button that hands a comment to the moderator."""
    return f"{context.settings.public_url}/comment/{context.signer.sign(Purpose.COMMENT, comment_id)}"


def own_comment(context: Context, comment_id: str) -> str:
    """What became of it, and the button that takes it back."""
    return f"{context.settings.public_url}/my-comment/{context.signer.sign(Purpose.OWN_COMMENT, comment_id)}"


def public(context: Context, site: Site, number: int) -> str:
    """The problem's page for everybody."""
    return f"{context.settings.public_url}/s/{site.key}/problems/{number}"

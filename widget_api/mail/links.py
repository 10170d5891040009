"""The addresses that only letters carry. Each is signed for one purpose, so none opens another door.

An author can change the link to their private page. With the earlier one dies whatever would lead to the new one: the
way on from the page of a confirmation, the link to all reports of the address. What does its work without showing the
page stays good in letters of before: confirming, stopping letters, following, comments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from widget_api.signing import Purpose

if TYPE_CHECKING:
    from widget_api.context import Context
    from widget_api.sites.model import Site


@dataclass(frozen=True)
class LinkTarget:
    """What a token names: an identifier, and which of its links this is. None is the first one."""

    identifier: str
    link_id: str | None = None


def read_link(context: Context, purpose: Purpose, token: str) -> LinkTarget | None:
    """What a link of ours names, whether or not it was changed since. None where it is none, or too old."""
    match context.signer.read(purpose, token):
        case str(identifier):
            return LinkTarget(identifier)
        case [str(identifier), str(link_id)]:
            return LinkTarget(identifier, link_id)
    return None


def track_url(context: Context, problem_id: str, link_id: str | None = None) -> str:
    """The private page. `link_id` is the problem's: what was signed with an earlier one opens nothing any more."""
    return f"{context.settings.public_url}/t/{_sign(context, Purpose.TRACK, problem_id, link_id)}"


def confirm_url(context: Context, problem_id: str, link_id: str | None = None) -> str:
    """The page with the button that confirms the address. It leads on to the private page of `link_id`."""
    return f"{context.settings.public_url}/confirm/{_sign(context, Purpose.CONFIRM, problem_id, link_id)}"


def reports_url(context: Context, problem_id: str, state: str | None = None) -> str:
    """All reports of the address that this one was confirmed with; `state` is that of their private links."""
    return f"{context.settings.public_url}/mine/{_sign(context, Purpose.REPORTS, problem_id, state)}"


def _sign(context: Context, purpose: Purpose, identifier: str, link_id: str | None) -> str:
    return context.signer.sign(purpose, identifier if link_id is None else [identifier, link_id])


def stop_url(context: Context, problem_id: str) -> str:
    """The page with the button that ends the letters; mail programs post to it themselves (RFC 8058)."""
    return f"{context.settings.public_url}/unsubscribe/{context.signer.sign(Purpose.UNSUBSCRIBE, problem_id)}"


def follow_url(context: Context, follower_id: str) -> str:
    """The page with the button that begins following."""
    return f"{context.settings.public_url}/follow/{context.signer.sign(Purpose.FOLLOW, follower_id)}"


def unfollow_url(context: Context, follower_id: str) -> str:
    """The page with the button that ends it; mail programs post to it themselves (RFC 8058)."""
    return f"{context.settings.public_url}/unfollow/{context.signer.sign(Purpose.UNFOLLOW, follower_id)}"


def comment_url(context: Context, comment_id: str) -> str:
    """The page with the button that hands a comment to the moderator."""
    return f"{context.settings.public_url}/comment/{context.signer.sign(Purpose.COMMENT, comment_id)}"


def own_comment_url(context: Context, comment_id: str) -> str:
    """What became of it, and the button that takes it back."""
    return f"{context.settings.public_url}/my-comment/{context.signer.sign(Purpose.OWN_COMMENT, comment_id)}"


def problem_url(context: Context, site: Site, number: int) -> str:
    """The problem's page for everybody."""
    return f"{context.settings.public_url}/s/{site.key}/problems/{number}"


def report_url(context: Context, site: Site) -> str:
    """The page that takes a report."""
    return f"{context.settings.public_url}/s/{site.key}/report"

"""Build and read the signed links in letters. Each is signed for one purpose and valid for no other.

An author can replace the link to their private page. That also invalidates the links that would lead to the new one:
the link on the page of a confirmation, and the link to all reports of the address. Links that do not show the private
page stay valid in earlier letters: confirming, stopping letters, following, comments.
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
    """The content of a token: an identifier, and the id of its link, None for the first one."""

    identifier: str
    link_id: str | None = None


def read_link(context: Context, purpose: Purpose, token: str) -> LinkTarget | None:
    """Read a token, even if its link was replaced since. Returns None if it is invalid or expired."""
    match context.signer.read(purpose, token):
        case str(identifier):
            return LinkTarget(identifier)
        case [str(identifier), str(link_id)]:
            return LinkTarget(identifier, link_id)
    return None


def track_url(context: Context, problem_id: str, link_id: str | None = None) -> str:
    """Return the link to the private page. `link_id` is the problem's; links with an earlier one are invalid."""
    return f"{context.settings.public_url}/t/{_sign(context, Purpose.TRACK, problem_id, link_id)}"


def confirm_url(context: Context, problem_id: str, link_id: str | None = None) -> str:
    """Return the link to the page that confirms the address. That page links to the private page of `link_id`."""
    return f"{context.settings.public_url}/confirm/{_sign(context, Purpose.CONFIRM, problem_id, link_id)}"


def reports_url(context: Context, problem_id: str, state: str | None = None) -> str:
    """Return the link to all reports of a confirmed address. `state` is that of their private links."""
    return f"{context.settings.public_url}/mine/{_sign(context, Purpose.REPORTS, problem_id, state)}"


def _sign(context: Context, purpose: Purpose, identifier: str, link_id: str | None) -> str:
    return context.signer.sign(purpose, identifier if link_id is None else [identifier, link_id])


def stop_url(context: Context, problem_id: str) -> str:
    """Return the link that ends the letters of a problem. Mail programs may post to it themselves (RFC 8058)."""
    return f"{context.settings.public_url}/unsubscribe/{context.signer.sign(Purpose.UNSUBSCRIBE, problem_id)}"


def follow_url(context: Context, follower_id: str) -> str:
    """Return the link that confirms a subscription."""
    return f"{context.settings.public_url}/follow/{context.signer.sign(Purpose.FOLLOW, follower_id)}"


def unfollow_url(context: Context, follower_id: str) -> str:
    """Return the link that ends a subscription. Mail programs may post to it themselves (RFC 8058)."""
    return f"{context.settings.public_url}/unfollow/{context.signer.sign(Purpose.UNFOLLOW, follower_id)}"


def comment_url(context: Context, comment_id: str) -> str:
    """Return the link that submits a comment to the moderator."""
    return f"{context.settings.public_url}/comment/{context.signer.sign(Purpose.COMMENT, comment_id)}"


def own_comment_url(context: Context, comment_id: str) -> str:
    """Return the link to the state of a comment, where its author can withdraw it."""
    return f"{context.settings.public_url}/my-comment/{context.signer.sign(Purpose.OWN_COMMENT, comment_id)}"


def action_url(context: Context, row_id: str) -> str:
    """Return the link that confirms a voice, a participation or a request."""
    return f"{context.settings.public_url}/action/{context.signer.sign(Purpose.ACTION, row_id)}"


def own_action_url(context: Context, row_id: str) -> str:
    """Return the link to a confirmed action, where it can be withdrawn."""
    return f"{context.settings.public_url}/my-action/{context.signer.sign(Purpose.OWN_ACTION, row_id)}"


def problem_url(context: Context, site: Site, number: int) -> str:
    """Return the address of a problem's public page."""
    return f"{context.settings.public_url}{site.entries_path}/{number}"


def report_url(context: Context, site: Site) -> str:
    """Return the address of a site's report form."""
    return f"{context.settings.public_url}/s/{site.key}/report"

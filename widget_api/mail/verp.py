"""Build and parse addresses that identify what a returned letter is about: an answer to a report, or a bounce.

They are variable envelope return paths (VERP), as subaddresses of one mailbox (RFC 5233): `widget+r<token>@gorod.ru`.
Without WIDGET_INBOUND that mailbox is not read, and none are built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from widget_api import clock
from widget_api.settings import Settings
from widget_api.signing import ADDRESS_LENGTH, Purpose, Signer

Bounce = Literal["agency", "contact", "follower"]
Use = Literal["reply"] | Bounce
_MARKS: dict[str, Use] = {"r": "reply", "a": "agency", "c": "contact", "f": "follower"}
_PURPOSES: dict[Use, Purpose] = {
    "reply": Purpose.REPLY,
    "agency": Purpose.BOUNCED_AGENCY,
    "contact": Purpose.BOUNCED_CONTACT,
    "follower": Purpose.BOUNCED_FOLLOWER,
}


@dataclass(frozen=True)
class Destination:
    """The parsed content of an address in our form. Verify it with `is_ours`."""

    use: Use
    identifier: str
    token: str


def reply_address(settings: Settings, signer: Signer, problem_id: str, site_id: str, agency_id: str) -> str | None:
    """Return the address for an agency's answer to a report, valid while the report belongs to this site and agency."""
    return _make_address(settings, signer, "reply", problem_id, about(site_id, agency_id))


def bounce_address(settings: Settings, signer: Signer, use: Bounce, identifier: str) -> str | None:
    """Return the address to which an undeliverable letter to an agency, an author or a follower is returned."""
    return _make_address(settings, signer, use, identifier, "")


def about(site_id: str, agency_id: str) -> str:
    return f"{site_id} {agency_id}"


def parse_address(settings: Settings, signer: Signer, address: str) -> Destination | None:
    """Parse an address. Returns None if it does not have the form of ours."""
    local, _, domain = address.strip().casefold().rpartition("@")
    own_local, _, own_domain = settings.mailbox.casefold().rpartition("@")
    name, _, token = local.partition("+")
    use = _MARKS.get(token[:1])
    if name != own_local or domain != own_domain or use is None or len(token) != ADDRESS_LENGTH + 1:
        return None
    identifier = signer.read_mail_token(token[1:])
    return Destination(use, identifier, token[1:]) if identifier else None


def is_ours(signer: Signer, destination: Destination, about: str = "") -> bool:
    """Whether the address was signed by us, about this, and has not expired."""
    return signer.verify_mail_token(_PURPOSES[destination.use], destination.token, about, clock.now() // clock.DAY)


def _make_address(settings: Settings, signer: Signer, use: Use, identifier: str, about: str) -> str | None:
    if settings.inbound is None:
        return None
    local, _, domain = settings.mailbox.rpartition("@")
    token = signer.sign_for_mail(_PURPOSES[use], identifier, about, clock.now() // clock.DAY)
    mark = next(mark for mark, meaning in _MARKS.items() if meaning == use)
    return f"{local}+{mark}{token}@{domain}"

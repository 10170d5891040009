"""Define what an application for a site has, how often proofs are checked, and the check digits of an INN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from widget_api import clock

KEPT_DAYS = 30  # of drafts nobody continued, and of decided applications
SENT_KEPT_DAYS = 180  # of those that wait for a decision
MAX_NAME_LENGTH = 120  # characters of the name of an agency or a person, and of a post
MAX_REASON_LENGTH = 2000
ANSWER_DAYS = 3  # working days for which who merely claimed an origin keeps it after the warning

Method = Literal["file", "meta", "dns"]
METHODS: tuple[Method, ...] = get_args(Method)
State = Literal["draft", "sent", "approved", "refused"]
KIND = "registration"  # of letters
LetterKind = Literal[
    "link", "refused", "handover", "claim_wanted", "origin_lost", "origin_removed", "proof_failed", "proof_stopped"
]

# A proof is checked again each month, after a failure each day. Administrators are told after three days of failures,
# then every two weeks. Eight weeks after the first letter the origin is removed, unless the site just does not answer.
PROOF_INTERVAL = 30 * clock.DAY
RETRY_INTERVAL = clock.DAY
WARN_AFTER = 3 * clock.DAY
MIN_FAILURES = 3  # checks, before anybody is told
WARN_INTERVAL = 14 * clock.DAY
STOP_AFTER = 56 * clock.DAY

PROOF_NAME = "igrajdanin-widget"  # of the meta tag, and of the TXT record's value
PROOF_PATH = "/.well-known/igrajdanin-widget.txt"

_WEIGHTS = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


@dataclass(frozen=True)
class Sight:
    """What a check of a proof saw. `code` names its text (`registration.saw.<code>`), `values` are its placeholders."""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        return self.code == "found"

    @property
    def reached(self) -> bool:
        """Whether the site or its name server answered, so that the proof is known to be missing."""
        return self.code != "unreachable"


@dataclass(frozen=True)
class Mark:
    """What an operator should know of an application. `code` names its text (`registration.mark.<code>`)."""

    code: str
    tone: Literal["good", "note", "warning"]
    value: str = ""


def proof_text(method: str, token: str) -> str:
    """What an applicant puts on their site, or into its DNS."""
    if method == "meta":
        return f'<meta name="{PROOF_NAME}" content="{token}">'
    return f"{PROOF_NAME}={token}"


def is_inn(text: str) -> bool:
    """Whether a text is an INN of an organisation (10 digits) or a person (12), by its check digits."""
    if not (text.isascii() and text.isdigit() and len(text) in (10, 12)):
        return False
    digits = [int(one) for one in text]

    def check(place: int) -> bool:
        weights = _WEIGHTS[len(_WEIGHTS) - place :]
        return sum(w * d for w, d in zip(weights, digits, strict=False)) % 11 % 10 == digits[place]

    return check(9) if len(digits) == 10 else check(10) and check(11)

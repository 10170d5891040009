"""Define comments: their states, their limits, and the characters removed from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

State = Literal["unconfirmed", "moderation", "published", "rejected"]
Verdict = Literal["published", "rejected"]

NAME_LENGTH = (1, 60)  # characters
TEXT_LENGTH = (3, 2000)
MAX_REASON_LENGTH = 500
PAGE_SIZE = 20

# Verdicts by state: a moderator may also revoke a publication and correct a mistaken rejection.
DECISIONS: dict[str, frozenset[Verdict]] = {
    "unconfirmed": frozenset(),
    "moderation": frozenset({"published", "rejected"}),
    "published": frozenset({"rejected"}),
    "rejected": frozenset({"published"}),
}
# Characters that reverse the text around them or that nobody sees. Hangul fillers count as letters, yet are blank.
INVISIBLE = r"\u00ad\u115f\u1160\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\u3164\ufeff\uffa0"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")


@dataclass(frozen=True, kw_only=True)
class Comment:
    """The text of a comment and the name of its author."""

    name: str
    text: str


def remove_invisible(text: str) -> str:
    """Remove invisible and direction characters, and reduce runs of empty lines to one."""
    return re.sub(r"\n{3,}", "\n\n", _INVISIBLE.sub("", text)).strip()

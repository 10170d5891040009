"""What a comment is: its life, how long it may be, what is taken out of it before it is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

State = Literal["unconfirmed", "moderation", "published", "rejected"]
Verdict = Literal["published", "rejected"]

NAME = (1, 60)  # characters of what the commenter wants to be called
TEXT = (3, 2000)
REASON = 500
PAGE = 20

# A moderator may decide, take back what was published, and put right a rejection that was a mistake.
DECISIONS: dict[str, frozenset[Verdict]] = {
    "unconfirmed": frozenset(),
    "moderation": frozenset({"published", "rejected"}),
    "published": frozenset({"rejected"}),
    "rejected": frozenset({"published"}),
}
# Turn the text around them, or hide in it: a name written backwards, a word nobody sees.
# Fillers of Hangul count as letters and are drawn as nothing.
UNSEEN = r"\u00ad\u115f\u1160\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\u3164\ufeff\uffa0"
_UNSEEN = re.compile(f"[{UNSEEN}]")


@dataclass(frozen=True, kw_only=True)
class Comment:
    """What somebody wants to say, and as whom."""

    name: str
    text: str


def visible(text: str) -> str:
    """Without marks that change how the rest of a page reads; at most one empty line in a row."""
    return re.sub(r"\n{3,}", "\n\n", _UNSEEN.sub("", text)).strip()

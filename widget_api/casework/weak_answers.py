"""Find what an answer leaves unsaid: what was done, when, or why not. «Меры приняты» tells a resident nothing.

A warning, not a rule: whoever knows better sends the answer all the same. The words are stems from the dictionaries:
each stands for all words that begin with it, several for a phrase.
"""

from __future__ import annotations

import re
from functools import cache

from widget_api import i18n
from widget_api.casework.answer_templates import has_placeholder
from widget_api.problems.model import ANSWERS

MIN_LENGTH = 12  # characters beside stock phrases
ENOUGH_LENGTH = 150  # characters; an answer so long and without stock phrases is believed to say something
_UNFILLED = "… ("  # a gap that the ready templates leave, with a hint what belongs there


def find_gaps(text: str, to: str, language: str) -> list[str]:
    """The codes of what a decision's text lacks: stock, short, action, reason, date, placeholder. Empty: it is good."""
    if has_placeholder(text) or _UNFILLED in text:
        return ["placeholder"]
    if to not in ANSWERS or not text.strip():
        return []
    plain = _normalise(text)
    rest = " ".join(_stems(language, "stock").sub(" ", plain).split())
    says = {kind: bool(_stems(language, kind).search(rest)) for kind in ("action", "reason", "date")}
    says["date"] = says["date"] or bool(re.search(r"\d", rest))
    if len(rest) >= MIN_LENGTH and (any(says.values()) or (rest == plain and len(rest) >= ENOUGH_LENGTH)):
        return []
    first = ["stock"] if rest != plain else ["short"] if len(plain) < MIN_LENGTH else []
    wanted = ("action", "date") if to == "resolved" else ("reason",)
    return first + [kind for kind in wanted if not says[kind]]


def _normalise(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower().replace("ё", "е")))


@cache
def _stems(language: str, kind: str) -> re.Pattern[str]:
    phrases = i18n.text(language, f"answering.weak.words.{kind}").split("; ")
    return re.compile("|".join(r"\b" + r"\w* ".join(map(re.escape, phrase.split())) + r"\w*" for phrase in phrases))

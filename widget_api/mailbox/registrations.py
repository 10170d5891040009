"""Find the number that an agency's document system gave to a report in a letter: «вх. № 12-34 от 01.12.2026».

It stands in the subject, or in the header field `X-Registration-Number`, which may hold the number alone. Whether the
letter is the agency's is verified elsewhere.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from email.message import Message

from widget_api.mailbox import decode
from widget_api.problems.registration import MAIL_HEADER, MAX_NUMBER_LENGTH

_DAY = r"(?:\s+(?:от|of|dated)\s+(?P<day>\d{1,2}\.\d{1,2}\.\d{4}|\d{4}-\d{2}-\d{2})(?:\s*г(?:ода|\.)?(?!\w))?)?"
_SIGN = r"(?:№|no\b\.?|n\b|#)"
# The number ends with a letter or a digit, so that «№ 12-34.» and «(вх. № 12-34)» leave their punctuation behind.
_IN_SUBJECT = re.compile(
    rf"(?:(?<![\s,;(\[–—-])[\s,;(\[–—-]+)?\b(?:вх(?:\.|одящий)|рег(?:\.|истрационный)|reg(?:\.|istration)|incoming)\s*+(?:(?:номер|number)\s*+)?{_SIGN}"
    rf"\s*+(?P<number>[^\s,;()\[\]«»\"]{{0,{MAX_NUMBER_LENGTH - 1}}}\w)(?![^\s,;()\[\]«»\".:]){_DAY}[)\]]?",
    re.IGNORECASE,
)
_IN_HEADER = re.compile(
    rf"(?:вх\.|рег\.|reg\.)?\s*+(?:{_SIGN}\s*+)?(?P<number>.{{0,{MAX_NUMBER_LENGTH - 1}}}?\w){_DAY}", re.IGNORECASE
)


@dataclass(frozen=True)
class FoundNumber:
    document_number: str
    document_date: str | None


def find_number(message: Message, subject: str) -> FoundNumber | None:
    """The number in a letter, that of the header field first."""
    match = _IN_HEADER.fullmatch(decode.read_field(message, MAIL_HEADER).strip()) or _IN_SUBJECT.search(subject)
    return FoundNumber(match["number"], _parse_day(match["day"] or "")) if match else None


def strip_number(subject: str) -> str:
    """The subject without the number, so that it can be read as a command."""
    return _IN_SUBJECT.sub("", subject, count=1).strip()


def _parse_day(text: str) -> str | None:
    """A day as YYYY-MM-DD; None for one that no calendar has."""
    with suppress(ValueError):
        year, month, day = text.split("-") if "-" in text else reversed(text.split("."))
        return date(int(year), int(month), int(day)).isoformat()
    return None

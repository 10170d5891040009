"""What a returned letter says (RFC 3464): whether the mailbox failed for good, and why, without naming anybody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

from widget_api import redaction
from widget_api.mailbox import decode

_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
MAX_LENGTH = 300


@dataclass(frozen=True)
class Failure:
    """`status` is the enhanced code of RFC 3463; `said` what the foreign server told."""

    status: str
    said: str

    def __str__(self) -> str:
        return f"{self.status} {self.said}".strip()[:MAX_LENGTH]


def parse_failure(message: Message) -> Failure | None:
    """The failure for good of a recipient; None where a letter is only late, was passed on, or nothing is said."""
    for group in _groups(message):
        action = str(group.get("Action", "")).strip().lower()
        found = _STATUS.search(str(group.get("Status", "")))
        if action == "failed" and found and found[1].startswith("5"):
            said = decode.read_field(group, "Diagnostic-Code").partition(";")[2].strip()
            return Failure(found[1], redaction.EMAIL.sub("…@…", said.removeprefix(found[1])))
    return None


def _groups(message: Message) -> list[Message]:
    """The fields for each recipient; the parser makes a small message of every group."""
    parts = message.get_payload() if message.is_multipart() else None
    groups: list[Message] = []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, Message) and part.get_content_type() == "message/delivery-status":
            inside = part.get_payload() if part.is_multipart() else None
            groups += [one for one in inside if isinstance(one, Message)] if isinstance(inside, list) else []
    return groups

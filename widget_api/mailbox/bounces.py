"""Parse a bounce (RFC 3464): whether the failure is permanent, and its reason, without addresses."""

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
    """A permanent failure. `status` is the enhanced code of RFC 3463, `diagnostic` the remote server's text."""

    status: str
    diagnostic: str

    def __str__(self) -> str:
        return f"{self.status} {self.diagnostic}".strip()[:MAX_LENGTH]


def parse_failure(message: Message) -> Failure | None:
    """Return the permanent failure of a recipient, or None if the letter is delayed, relayed, or the report is
    incomplete."""
    for group in _recipient_groups(message):
        action = str(group.get("Action", "")).strip().lower()
        status = _STATUS.search(str(group.get("Status", "")))
        if action == "failed" and status and status[1].startswith("5"):
            diagnostic = decode.read_field(group, "Diagnostic-Code").partition(";")[2].strip()
            return Failure(status[1], redaction.EMAIL.sub("…@…", diagnostic.removeprefix(status[1])))
    return None


def _recipient_groups(message: Message) -> list[Message]:
    """Return the fields of each recipient. The parser represents every group as a message."""
    parts = message.get_payload() if message.is_multipart() else None
    groups: list[Message] = []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, Message) and part.get_content_type() == "message/delivery-status":
            inside = part.get_payload() if part.is_multipart() else None
            groups += [group for group in inside if isinstance(group, Message)] if isinstance(inside, list) else []
    return groups

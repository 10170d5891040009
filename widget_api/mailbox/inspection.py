"""Classify a letter before its content is considered: from a person, automatic, a bounce, or one of our own.

A letter that cannot be parsed is rejected here. Of a bounce (RFC 3464), the permanent failure and its reason are read.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from email.message import Message
from typing import Literal
from urllib.parse import urlsplit

from widget_api import redaction
from widget_api.mailbox import decode, parse
from widget_api.mailbox.model import Arrival
from widget_api.mailbox.parse import Letter
from widget_api.settings import Settings

log = logging.getLogger(__name__)
Kind = Literal["answer", "bounce", "automatic", "loop"]
MAX_HOPS = 60  # Received fields; RFC 5321, 6.3 allows servers to assume a loop at 100
# Exchange also marks its notices in the header, which some gateways remove.
_AWAY_SUBJECT = re.compile(
    r"^\s*(?:автоответ|автоматический ответ|автоматическое уведомление|вне офиса|нет на месте|отсутствую"
    r"|automatic reply|auto(?:matic)?[ -]?reply|auto(?:matic)?[ -]?response|out of (?:the )?office|ooo)\b",
    re.IGNORECASE,
)
_OUR_MESSAGE_ID = re.compile(r"<[0-9a-f-]{36}\.[a-z][\w.-]*@([^>]+)>")
_AUTOREPLY_FIELDS = (
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponse",
    "X-Auto-Reply",
    "X-Yandex-Autoreply",
    "X-Mailru-Autoreply",
)
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
MAX_FAILURE_LENGTH = 300


@dataclass(frozen=True)
class Classification:
    kind: Kind
    reason: str = ""


def inspect_letter(arrival: Arrival, settings: Settings) -> tuple[Letter, Classification, Failure | None]:
    """Parse and classify a letter. Returns it with its classification and, of a bounce, the failure.

    Raises TooComplex, also for an unforeseen error of the library: such a letter would otherwise be delivered again and
    again, and delay the following ones.
    """
    try:
        letter = parse.read_letter(arrival.raw)
        classification = classify(
            letter.message,
            envelope_sender=arrival.sender,
            own=frozenset({settings.mailbox.lower()}),
            host=urlsplit(settings.public_url).hostname or "",
        )
        failure = parse_failure(letter.message) if classification.kind == "bounce" else None
        return letter, classification, failure
    except (parse.TooComplex, MemoryError):
        raise
    except Exception as error:
        log.warning("a letter cannot be parsed: %s", type(error).__name__)
        raise parse.TooComplex from error


def classify(message: Message, *, envelope_sender: str | None, own: frozenset[str], host: str) -> Classification:
    """Classify a letter. `envelope_sender` is "" for «<>» and None if unknown; `own` are our sender addresses.

    RFC 3834, section 2, says which letters must not be answered, RFC 3464 defines the form of bounces.
    """
    if _is_report(message, "delivery-status"):
        return Classification("bounce")
    if _is_ours(message, own, host):
        return Classification("loop", "loop")
    if any(message.get(name) for name in ("List-Id", "List-Post")):
        return Classification("loop", "list")
    if _is_report(message, "disposition-notification"):
        return Classification("automatic", "read_receipt")  # RFC 8098
    submitted = _first_value(message, "Auto-Submitted")
    if submitted not in ("", "no"):
        return Classification("automatic", "auto_submitted")
    if _first_value(message, "Precedence") in ("auto_reply", "bulk", "junk", "list") or any(
        map(message.get, _AUTOREPLY_FIELDS)
    ):
        return Classification("automatic", "auto_submitted")
    if _AWAY_SUBJECT.match(decode.read_field(message, "Subject")):
        return Classification("automatic", "away")
    if envelope_sender == "":
        return Classification("automatic", "null_sender")
    return Classification("answer")


def _first_value(message: Message, name: str) -> str:
    return str(message.get(name, "")).partition(";")[0].partition("(")[0].strip().lower()


def _is_report(message: Message, kind: str) -> bool:
    declared = str(message.get_param("report-type", "")).lower()
    return message.get_content_type() == "multipart/report" and declared in ("", kind) and _has_part(message, kind)


def _has_part(message: Message, kind: str) -> bool:
    parts = message.get_payload() if message.is_multipart() else None
    return isinstance(parts, list) and any(
        isinstance(part, Message) and part.get_content_type() == f"message/{kind}" for part in parts[:10]
    )


def _is_ours(message: Message, own: frozenset[str], host: str) -> bool:
    """Whether a letter of ours came back to us, or a letter loops."""
    identifier = str(message.get("Message-ID", "")).strip().lower()
    match = _OUR_MESSAGE_ID.fullmatch(identifier)  # an agency's mail server may have our host's name in its own form
    if (match and match[1] == host.lower()) or message.get("X-Widget-Loop"):
        return True
    if len(message.get_all("Received", [])) > MAX_HOPS:
        return True
    return bool(own & set(parse.extract_addresses(message, "From", "Sender")))


@dataclass(frozen=True)
class Failure:
    """A permanent failure. `status` is the enhanced code of RFC 3463, `diagnostic` the remote server's text."""

    status: str
    diagnostic: str

    def __str__(self) -> str:
        return f"{self.status} {self.diagnostic}".strip()[:MAX_FAILURE_LENGTH]


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

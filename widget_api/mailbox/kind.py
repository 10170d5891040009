"""What a letter is, before anybody looks at what it says: a person's, a machine's, a returned one, one of our own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from widget_api.mailbox import decode, parse

Kind = Literal["answer", "bounce", "automatic", "loop"]
MAX_HOPS = 60  # Received fields; RFC 5321, 6.3 lets a server take 100 for a loop
# Exchange marks its notices in the header too; the subject is what is left after some gateways.
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


@dataclass(frozen=True)
class Classification:
    kind: Kind
    reason: str = ""


def classify(message: Message, *, envelope_sender: str | None, own: frozenset[str], host: str) -> Classification:
    """`envelope_sender` is «» for «<>» and None where nobody told it; `own` are addresses we write from.

    RFC 3834, section 2, says which letters nobody should answer; RFC 3464 how a returned one looks.
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
    """A letter of ours that came back to us, or one that never ends."""
    identifier = str(message.get("Message-ID", "")).strip().lower()
    named = _OUR_MESSAGE_ID.fullmatch(identifier)  # an agency's mail server may well have our host's name
    if (named and named[1] == host.lower()) or message.get("X-Widget-Loop"):
        return True
    if len(message.get_all("Received", [])) > MAX_HOPS:
        return True
    return bool(own & set(parse.extract_addresses(message, "From", "Sender")))

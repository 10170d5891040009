"""Compose letters from templates, with headers that no input can break out of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import urlsplit

from widget_api import clock
from widget_api.deliveries.model import GiveUp
from widget_api.validation import encode_domain
from widget_api.web import pages

MAX_HEADER_LENGTH = 200
MAX_LINE_LENGTH = 75  # of a header with encoded words (RFC 2047, 2)
_LOCAL = re.compile(r"[^\s@<>,;:\"()\\\[\]]{1,64}")  # as in validation.is_email: no quoted local parts
_DOMAIN = re.compile(r"[^\s@<>,;:\"()\\\[\]]{1,253}")


class InvalidAddress(GiveUp):
    """The text is not an address to which a letter can be sent."""

    def __init__(self) -> None:
        super().__init__("no letter can be sent to this address")


class UnfoldedHeader(UnstructuredHeader, BaseHeader):
    """A header that is not folded: clients do not decode identifiers and addresses in encoded words (RFC 2047, 5)."""

    def fold(self, *, policy: Policy[Any]) -> str:
        text = str(self)
        return f"{self.name}: {text}{policy.linesep}" if text.isascii() else super().fold(policy=policy)


class Subject(UnstructuredHeader, BaseHeader):
    """Folded by `email.header`: the newer code leaves a space outside the encoded words, where readers must drop it.

    RFC 2047, 6.2: white space between adjacent encoded words is ignored, so «принято в работу» arrives as «принято
    вработу».
    """

    def fold(self, *, policy: Policy[Any]) -> str:
        text = Header(str(self), "utf-8", maxlinelen=MAX_LINE_LENGTH, header_name=self.name)
        return f"{self.name}: {text.encode(linesep=policy.linesep)}{policy.linesep}"


_KINDS = HeaderRegistry()
_KINDS.map_to_type("subject", Subject)
for _name in ("message-id", "in-reply-to", "references", "list-unsubscribe", "list-unsubscribe-post", "reply-to"):
    _KINDS.map_to_type(_name, UnfoldedHeader)
_POLICY = SMTP.clone(header_factory=_KINDS)


@dataclass(frozen=True, kw_only=True)
class Thread:
    """The place of a letter in the thread of its problem: all letters refer to the first (RFC 5322, 3.6.4)."""

    root: str
    own: str

    @property
    def is_root(self) -> bool:
        return self.root == self.own


def message_id(public_url: str, *parts: object) -> str:
    """Build a Message-ID that is the same for the same parts, so that mail programs recognize a repeated letter."""
    return f"<{'.'.join(str(part) for part in parts)}@{urlsplit(public_url).hostname}>"


def clean_header(text: str) -> str:
    """Make a text safe for a header: no control characters, such as CR, LF and NUL, no line separators, limited length.

    Encoded words (RFC 2047) are broken up too, since the email package would decode them, including line ends.
    """
    visible = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs") else letter for letter in text)
    return " ".join(visible.split()).replace("=?", "= ?")[:MAX_HEADER_LENGTH]


def format_address(text: str, name: str = "") -> Address:
    """Build an address for a header, with an internationalised domain in ASCII form. Raises InvalidAddress."""
    local, _, domain = text.rpartition("@")
    if clean_header(text) != text or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise InvalidAddress
    try:
        return Address(clean_header(name), local, encode_domain(domain))
    except ValueError:
        raise InvalidAddress from None


def compose(
    template: str,
    language: str,
    *,
    to: str,
    mail_from: str,
    sender_name: str,
    thread: Thread,
    values: Mapping[str, Any],
    unsubscribe: str | None = None,
    pictures: Sequence[tuple[str, bytes]] = (),
    reply_to: str | None = None,
    answers: str | None = None,
    headers: Mapping[str, str] | None = None,
    mark: str = "",
) -> EmailMessage:
    """Compose a letter from templates/mail/<template>/ with `pictures` (name, JPEG).

    `mark` begins the subject, `answers` is the Message-ID of the letter to which this one is an automatic reply,
    `headers` are further fields.
    Raises InvalidAddress if `to` is not an address.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = format_address(parseaddr(mail_from)[1], sender_name)
    message["To"] = format_address(to)
    message["Subject"] = clean_header(mark + pages.render(f"mail/{template}/subject.txt", language, **values))
    message["Date"] = format_datetime(datetime.fromtimestamp(clock.now(), UTC))
    message["Message-ID"] = thread.own
    if reply_to is not None:
        message["Reply-To"] = reply_to
    if answers is not None:
        message["In-Reply-To"] = answers
        message["References"] = f"{thread.root} {answers}"
    elif not thread.is_root:
        message["In-Reply-To"] = thread.root
        message["References"] = thread.root
    # RFC 3834: prevents automatic replies such as holiday notices
    message["Auto-Submitted"] = "auto-generated" if answers is None else "auto-replied"
    message["X-Widget-Loop"] = urlsplit(f"//{mail_from.rpartition('@')[2].strip('<> ')}").hostname or "widget"
    if unsubscribe is not None:
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    for name, value in (headers or {}).items():
        message[name] = clean_header(value)
    message.set_content(pages.render(f"mail/{template}/body.txt", language, **values) + "\n")
    message.add_alternative(pages.render(f"mail/{template}/body.html", language, **values), subtype="html")
    for name, content in pictures:
        message.add_attachment(content, maintype="image", subtype="jpeg", filename=name)
    message["Content-Language"] = language  # last, since set_content removes Content-* headers
    return message

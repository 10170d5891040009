"""Parse a letter, even a malformed one: its author, the author's own text, and the attachments, within fixed limits."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import Message
from email.utils import getaddresses

from widget_api.mailbox import decode, markup, quotations

MAX_SIZE = 25 * 1024 * 1024  # bytes of a letter; Russian mail providers accept 25 to 30 MB
MAX_PARTS = 100
MAX_MULTIPARTS = 25  # the parser examines each line once for every enclosing level
MAX_HEADER_SIZE = 256 * 1024  # bytes; a letter that passed a hundred servers has a quarter of that
MAX_FIELD_LENGTH = 8000  # bytes; the library parses parameters in quadratic time
MAX_DEPTH = 12
MAX_LINES = 600_000  # 25 MB in lines of base64 are 340,000
MAX_TEXT_LENGTH = 100_000  # characters that are processed
MAX_ORNAMENT_SIZE = 24 * 1024  # bytes: a logo or an icon of a signature, not a photo
_MULTIPART = re.compile(rb"multipart/", re.IGNORECASE)
_FIELD = re.compile(rb"^content-[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_IGNORED_TYPES = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature", "text/html"}
)


class TooComplex(ValueError):
    """The letter has more parts, levels or lines than any letter of a person."""


@dataclass(frozen=True)
class Attachment:
    name: str
    media_type: str  # as declared in the letter; the content decides
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A parsed letter."""

    message: Message = field(repr=False)
    subject: str
    author: str | None  # the address in From, if there is exactly one
    named: tuple[str, ...]  # the addresses of all From fields
    recipients: tuple[str, ...]  # of the header
    text: str  # without quotations and signature
    attachments: tuple[Attachment, ...] = ()
    left_out: tuple[str, ...] = ()  # names of parts that an answer cannot contain


def parse_message(raw: bytes) -> Message:
    """Parse a letter. Raises TooComplex before the parser sees input that would take it long."""
    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # the parser ends a line at a bare CR too
    if len(_MULTIPART.findall(lines)) > MAX_MULTIPARTS or lines.count(b"\n") > MAX_LINES:
        raise TooComplex
    end = (b"\n" + lines[: MAX_HEADER_SIZE + 4]).find(b"\n\n")
    if (len(lines) if end < 0 else end) > MAX_HEADER_SIZE:
        raise TooComplex
    if any(field.end() - field.start() > MAX_FIELD_LENGTH for field in _FIELD.finditer(lines)):
        raise TooComplex
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
    except (RecursionError, MessageError, ValueError):
        raise TooComplex from None
    return message


def read_letter(raw: bytes) -> Letter:
    """Parse all parts of a letter that an answer is made of. Raises TooComplex."""
    message = parse_message(raw)
    plain: list[str] = []
    html: list[str] = []
    files: list[tuple[Message, bytes, str]] = []
    left_out: list[str] = []
    for part, related in _walk_parts(message):
        media_type = part.get_content_type()
        if media_type.startswith("message/"):
            left_out.append(_file_name(part) or media_type)
            continue
        content = _decode_content(part)
        if _is_text(part, media_type, plain, html):
            content_text = decode.decode_text(content[: 4 * MAX_TEXT_LENGTH], part.get_content_charset())
            if media_type == "text/html":
                html.append(content_text)
            else:
                plain.append(_unflow(part, content_text))
        elif media_type not in _IGNORED_TYPES or _file_name(part):
            files.append((part, content, "related" if related else ""))
    html_text, images = markup.extract_text("\n".join(html)) if html else ("", set())
    text = "\n\n".join(part for part in plain if part.strip()) or html_text
    return Letter(
        message=message,
        subject=decode.read_field(message, "Subject"),
        author=_find_author(message),
        named=extract_addresses(message, "From"),
        recipients=extract_addresses(message, "To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"),
        text=quotations.strip_quotations(text[:MAX_TEXT_LENGTH].replace("\0", "")),
        attachments=tuple(
            Attachment(_file_name(part) or "", part.get_content_type(), content)
            for part, content, related in files
            if not _is_ornament(part, content, images, bool(related))
        ),
        left_out=tuple(name for name in left_out if name),
    )


def extract_addresses(message: Message, *names: str) -> tuple[str, ...]:
    """Return the distinct addresses in these fields, without display names.

    Encoded words are not decoded before, since one may contain text that looks like an address (RFC 2047, 5).
    """
    values = [value for name in names for value in decode.read_fields(message, name)]
    try:
        addresses = [address.strip().lower() for _, address in getaddresses(values)]
    except RecursionError:  # deeply nested comments
        return ()
    return tuple(dict.fromkeys(address for address in addresses if "@" in address))


def _find_author(message: Message) -> str | None:
    """Return the only address of the only From field, unless it is written in a form that has misled parsers."""
    fields, addresses = decode.read_fields(message, "From"), extract_addresses(message, "From")
    if len(fields) != 1 or len(addresses) != 1:
        return None
    plain = re.fullmatch(r"(?:[^<>]*<\s*([^<>\s]+)\s*>|([^<>\s,;()]+))\s*", fields[0])
    return addresses[0] if plain and (plain[1] or plain[2]).lower() == addresses[0] else None


def _walk_parts(message: Message) -> Iterator[tuple[Message, bool]]:
    """Yield every leaf, and whether it belongs to an HTML text (RFC 2387). Letters within the letter are leaves."""
    pending: list[tuple[Message, int, bool]] = [(message, 0, False)]
    seen = 0
    while pending:
        part, depth, related = pending.pop()
        seen += 1
        if seen > MAX_PARTS or depth > MAX_DEPTH:
            raise TooComplex
        payload = (
            part.get_payload() if part.is_multipart() else None
        )  # of a leaf, get_payload would decode it by the declared charset
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            inside = part.get_content_subtype() == "related"
            pending += [(child, depth + 1, inside) for child in reversed(payload) if isinstance(child, Message)]
        else:
            yield part, related


def _decode_content(part: Message) -> bytes:
    """Decode the content of a part. Invalid base64 is returned undecoded."""
    content = part.get_payload(decode=True)
    if isinstance(content, bytes):
        return content
    payload = part.get_payload()
    return payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else b""


def _is_text(part: Message, media_type: str, plain: list[str], html: list[str]) -> bool:
    """Whether a part is text to read rather than a file: the first texts. A malformed multipart counts as text."""
    if media_type.startswith("multipart/"):
        return True
    if part.get_content_disposition() == "attachment" or (_file_name(part) and (plain or html)):
        return False
    return media_type in ("text/plain", "text/html")


def _unflow(part: Message, text: str) -> str:
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    return quotations.unflow(text, delete_space=str(part.get_param("delsp", "")).lower() == "yes")


def _file_name(part: Message) -> str:
    for field_name in ("Content-Disposition", "Content-Type"):
        value = next(iter(decode.read_fields(part, field_name)), "")
        if not value.isascii():  # a file name in bare 8-bit characters
            part.replace_header(field_name, value)
    try:
        name = part.get_filename()
    except ValueError:  # an unknown charset, or a continuation index with too many digits for a number
        name = None
    return decode.decode_header(name) if name else ""


def _is_ornament(part: Message, content: bytes, images: set[str], related: bool) -> bool:
    """Whether a part is the logo of a signature: small, and embedded in the text. A larger one is a pasted photo."""
    if part.get_content_maintype() != "image" or part.get_content_disposition() == "attachment":
        return False
    identifier = str(part.get("Content-ID", "")).strip().strip("<>")
    return len(content) <= MAX_ORNAMENT_SIZE and bool(identifier) and (related or identifier in images)

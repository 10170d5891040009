"""Reads a letter as it came, whole or broken: who wrote, what they wrote themselves, what they sent along. Bounded."""

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

MAX_SIZE = 25 * 1024 * 1024  # bytes of a letter; Russian mailboxes take 25 to 30 MB
MAX_PARTS = 100
MAX_MULTIPARTS = 25  # the parser looks at each line once for every level it is in
MAX_HEADER_SIZE = 256 * 1024  # bytes; of a letter that went through a hundred servers, a quarter of that
MAX_FIELD_LENGTH = 8000  # bytes; the library takes parameters apart in time that grows with the square of their length
MAX_DEPTH = 12
MAX_LINES = 600_000  # 25 MB in lines of base64 are 340,000
MAX_TEXT_LENGTH = 100_000  # characters that are looked at
MAX_ORNAMENT_SIZE = 24 * 1024  # bytes: a logo or an icon of a signature, no photo
_MULTIPART = re.compile(rb"multipart/", re.IGNORECASE)
_FIELD = re.compile(rb"^content-[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_IGNORED_TYPES = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature", "text/html"}
)


class TooComplex(ValueError):
    """More parts, levels or lines than any letter of a person has."""


@dataclass(frozen=True)
class Attachment:
    name: str
    media_type: str  # as the letter says; what it is, its content says
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What was read of a letter."""

    message: Message = field(repr=False)
    subject: str
    author: str | None  # the writer, where there is exactly one
    named: tuple[str, ...]  # the addresses of all From fields
    recipients: tuple[str, ...]  # as its header names them
    text: str  # the writer's own words
    attachments: tuple[Attachment, ...] = ()
    left_out: tuple[str, ...] = ()  # names of what no answer can hold


def parse_message(raw: bytes) -> Message:
    """Raises TooComplex before the parser gets to see what would keep it busy."""
    told = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # the parser ends a line at a bare CR too
    if len(_MULTIPART.findall(told)) > MAX_MULTIPARTS or told.count(b"\n") > MAX_LINES:
        raise TooComplex
    end = (b"\n" + told[: MAX_HEADER_SIZE + 4]).find(b"\n\n")
    if (len(told) if end < 0 else end) > MAX_HEADER_SIZE:
        raise TooComplex
    if any(field.end() - field.start() > MAX_FIELD_LENGTH for field in _FIELD.finditer(told)):
        raise TooComplex
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
    except (RecursionError, MessageError, ValueError):
        raise TooComplex from None
    return message


def read_letter(raw: bytes) -> Letter:
    """Everything an answer is made of. Raises TooComplex."""
    message = parse_message(raw)
    plain: list[str] = []
    html: list[str] = []
    kept: list[tuple[Message, bytes, str]] = []
    left_out: list[str] = []
    for part, related in _walk_parts(message):
        media_type = part.get_content_type()
        if media_type.startswith("message/"):
            left_out.append(_file_name(part) or media_type)
            continue
        content = _decode_content(part)
        if _is_text(part, media_type, plain, html):
            said = decode.decode_text(content[: 4 * MAX_TEXT_LENGTH], part.get_content_charset())
            if media_type == "text/html":
                html.append(said)
            else:
                plain.append(_unflow(part, said))
        elif media_type not in _IGNORED_TYPES or _file_name(part):
            kept.append((part, content, "related" if related else ""))
    marked, images = markup.extract_text("\n".join(html)) if html else ("", set())
    text = "\n\n".join(part for part in plain if part.strip()) or marked
    return Letter(
        message=message,
        subject=decode.read_field(message, "Subject"),
        author=_find_author(message),
        named=extract_addresses(message, "From"),
        recipients=extract_addresses(message, "To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"),
        text=quotations.strip_quotations(text[:MAX_TEXT_LENGTH].replace("\0", "")),
        attachments=tuple(
            Attachment(_file_name(part) or "", part.get_content_type(), content)
            for part, content, related in kept
            if not _is_ornament(part, content, images, bool(related))
        ),
        left_out=tuple(name for name in left_out if name),
    )


def extract_addresses(message: Message, *names: str) -> tuple[str, ...]:
    """All addresses of these fields, each once, without the names people wrote before them.

    Encoded words are not read before: one of them may hold what looks like an address (RFC 2047, 5).
    """
    values = [value for name in names for value in decode.read_fields(message, name)]
    try:
        found = [address.strip().lower() for _, address in getaddresses(values)]
    except RecursionError:  # comments in comments: nobody is named so
        return ()
    return tuple(dict.fromkeys(address for address in found if "@" in address))


def _find_author(message: Message) -> str | None:
    """The one address of the one From field, where it stands there plainly: parsers have been misled by the rest."""
    fields, found = decode.read_fields(message, "From"), extract_addresses(message, "From")
    if len(fields) != 1 or len(found) != 1:
        return None
    plain = re.fullmatch(r"(?:[^<>]*<\s*([^<>\s]+)\s*>|([^<>\s,;()]+))\s*", fields[0])
    return found[0] if plain and (plain[1] or plain[2]).lower() == found[0] else None


def _walk_parts(message: Message) -> Iterator[tuple[Message, bool]]:
    """Every leaf, and whether it belongs to an HTML text (RFC 2387). Letters within the letter are leaves."""
    waiting: list[tuple[Message, int, bool]] = [(message, 0, False)]
    seen = 0
    while waiting:
        part, depth, related = waiting.pop()
        seen += 1
        if seen > MAX_PARTS or depth > MAX_DEPTH:
            raise TooComplex
        payload = part.get_payload() if part.is_multipart() else None  # else it decodes, by whatever charset is named
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            inside = part.get_content_subtype() == "related"
            waiting += [(child, depth + 1, inside) for child in reversed(payload) if isinstance(child, Message)]
        else:
            yield part, related


def _decode_content(part: Message) -> bytes:
    """Decoded as far as it can be: what is no base64 stays as it came."""
    content = part.get_payload(decode=True)
    if isinstance(content, bytes):
        return content
    held = part.get_payload()
    return held.encode("utf-8", "surrogateescape") if isinstance(held, str) else b""


def _is_text(part: Message, media_type: str, plain: list[str], html: list[str]) -> bool:
    """What is read, not saved: the first texts. A multipart that fell apart is read as the text it then is."""
    if media_type.startswith("multipart/"):
        return True
    if part.get_content_disposition() == "attachment" or (_file_name(part) and (plain or html)):
        return False
    return media_type in ("text/plain", "text/html")


def _unflow(part: Message, said: str) -> str:
    if str(part.get_param("format", "")).lower() != "flowed":
        return said
    return quotations.unflow(said, delete_space=str(part.get_param("delsp", "")).lower() == "yes")


def _file_name(part: Message) -> str:
    for name in ("Content-Disposition", "Content-Type"):
        value = next(iter(decode.read_fields(part, name)), "")
        if not value.isascii():  # a name in bare letters
            part.replace_header(name, value)
    try:
        found = part.get_filename()
    except ValueError:  # a charset that is none, a place in a row with more digits than a number has
        found = None
    return decode.decode_header(found) if found else ""


def _is_ornament(part: Message, content: bytes, images: set[str], related: bool) -> bool:
    """The logo of a signature: small, and shown by the text itself. What is large is a photo pasted into it."""
    if part.get_content_maintype() != "image" or part.get_content_disposition() == "attachment":
        return False
    identifier = str(part.get("Content-ID", "")).strip().strip("<>")
    return len(content) <= MAX_ORNAMENT_SIZE and bool(identifier) and (related or identifier in images)

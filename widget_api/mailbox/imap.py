"""Reads a mailbox elsewhere by IMAP: what is unread, marked as read once it is kept, never deleted."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import ssl
from dataclasses import dataclass
from email import message_from_bytes
from urllib.parse import parse_qs, unquote, urlsplit

from imap_tools import AND, BaseMailBox, MailBox, MailBoxStartTls, MailMessageFlags

from widget_api import network
from widget_api.context import Context
from widget_api.mailbox import parse, service
from widget_api.mailbox.model import Arrival

TIMEOUT = 30  # seconds an answer of the server may take
BATCH_SIZE = 50  # letters of one look


@dataclass(frozen=True, repr=False)
class Account:
    """What WIDGET_INBOUND says: imaps://user:password@host:port/folder?move=Done."""

    host: str
    port: int
    direct: bool
    user: str
    password: str
    folder: str
    move: str | None


def parse_account(url: str) -> Account:
    parts = urlsplit(url)
    direct = parts.scheme == "imaps"
    return Account(
        host=parts.hostname or "",
        port=parts.port or (993 if direct else 143),
        direct=direct,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        folder=unquote(parts.path.strip("/")) or "INBOX",
        move=parse_qs(parts.query).get("move", [None])[0],
    )


async def fetch(context: Context, url: str) -> int:
    """Take in what is unread; returns how many. Raises what the server or the connection has to say.

    The library waits for its server, so each of its calls runs in a thread, one after another.
    """
    chosen = parse_account(url)
    mailbox = await asyncio.to_thread(_connect, chosen)
    try:
        unread = await asyncio.to_thread(mailbox.uids, AND(seen=False))
        failed: Exception | None = None
        for identifier in unread[:BATCH_SIZE]:
            raw = await asyncio.to_thread(_fetch_raw, mailbox, identifier)
            try:
                if raw is None:
                    await service.record_oversized(context, f"{url.rpartition('@')[2]} {identifier}")
                else:
                    await service.receive_letter(context, Arrival(raw, _envelope_sender(raw), ()))
            except Exception as error:  # it stays unread and comes again; those behind it need not wait for that
                failed = failed or error
                continue
            await asyncio.to_thread(_mark_read, mailbox, identifier, chosen.move)
        if failed is not None:
            raise failed
        return len(unread[:BATCH_SIZE])
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            await asyncio.to_thread(mailbox.logout)


def count_unread(chosen: Account) -> int:
    """How many letters are unread; for whoever wants to know whether the mailbox can be read at all."""
    mailbox = _connect(chosen)
    try:
        if chosen.move and not mailbox.folder.exists(chosen.move):
            raise imaplib.IMAP4.error(f"there is no folder {chosen.move}")
        return len(mailbox.uids(AND(seen=False)))
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            mailbox.logout()


def _connect(chosen: Account) -> BaseMailBox:
    mailbox: BaseMailBox
    if chosen.direct:
        context = ssl.create_default_context()
        mailbox = MailBox(chosen.host, chosen.port, timeout=TIMEOUT, ssl_context=context)
    elif network.is_loopback(chosen.host):
        from imap_tools import MailBoxUnencrypted

        mailbox = MailBoxUnencrypted(chosen.host, chosen.port, timeout=TIMEOUT)
    else:  # a password crosses no network in the clear
        mailbox = MailBoxStartTls(chosen.host, chosen.port, timeout=TIMEOUT, ssl_context=ssl.create_default_context())
    try:
        mailbox.login(chosen.user, chosen.password, initial_folder=chosen.folder)
    except BaseException:
        mailbox.client.shutdown()
        raise
    return mailbox


def _fetch_raw(mailbox: BaseMailBox, identifier: str) -> bytes | None:
    """A letter as it lies there, not marked by our looking at it; None of one that is too large."""
    size = _fetch_item(mailbox, identifier, "(RFC822.SIZE)")
    digits = size[0].rpartition(b"RFC822.SIZE ")[2].partition(b")")[0] if isinstance(size[0], bytes) else b""
    if digits.isdigit() and int(digits) > parse.MAX_SIZE:
        return None
    content = _fetch_item(mailbox, identifier, "(BODY.PEEK[])")
    return content[0][1] if isinstance(content[0], tuple) else None


def _fetch_item(mailbox: BaseMailBox, identifier: str, wanted: str) -> list[bytes | tuple[bytes, bytes]]:
    status, data = mailbox.client.uid("FETCH", identifier, wanted)
    if status != "OK":
        raise imaplib.IMAP4.error(f"FETCH {wanted} answered {status}")
    return [one for one in data if one is not None] or [b""]


def _mark_read(mailbox: BaseMailBox, identifier: str, move: str | None) -> None:
    """Marked after what became of it is on the disk: interrupted in between, it comes again and is known."""
    mailbox.flag(identifier, MailMessageFlags.SEEN, True)
    if move:
        mailbox.move(identifier, move)


def _envelope_sender(raw: bytes) -> str | None:
    """What the server that delivered it wrote down of the envelope (RFC 5321, 4.4)."""
    head = message_from_bytes(raw.partition(b"\r\n\r\n")[0][:200_000] + b"\r\n\r\n")
    path = head.get("Return-Path")
    return None if path is None else str(path).strip().strip("<>")

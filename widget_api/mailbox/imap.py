"""Poll a mailbox by IMAP. Unread letters are processed and then marked as read; none is deleted."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import ssl
from dataclasses import dataclass
from email import message_from_bytes
from urllib.parse import parse_qs, unquote, urlsplit

from imap_tools import AND, BaseMailBox, MailBox, MailBoxStartTls, MailMessageFlags

from widget_api import outbound
from widget_api.context import Context
from widget_api.mailbox import parse, service
from widget_api.mailbox.model import Arrival

TIMEOUT = 30  # seconds for a response of the server
BATCH_SIZE = 50  # letters a poll


@dataclass(frozen=True, repr=False)
class Account:
    """The account in WIDGET_INBOUND: imaps://user:password@host:port/folder?move=Done."""

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
    """Process the unread letters. Returns their number. Raises the errors of the server and the connection.

    The library blocks, so each of its calls runs in a thread, one after another.
    """
    account = parse_account(url)
    mailbox = await asyncio.to_thread(_connect, account)
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
            except Exception as error:  # the letter stays unread and is tried again; the others are processed now
                failed = failed or error
                continue
            await asyncio.to_thread(_mark_read, mailbox, identifier, account.move)
        if failed is not None:
            raise failed
        return len(unread[:BATCH_SIZE])
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            await asyncio.to_thread(mailbox.logout)


def count_unread(account: Account) -> int:
    """Count the unread letters, to check that the mailbox can be read."""
    mailbox = _connect(account)
    try:
        if account.move and not mailbox.folder.exists(account.move):
            raise imaplib.IMAP4.error(f"there is no folder {account.move}")
        return len(mailbox.uids(AND(seen=False)))
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            mailbox.logout()


def _connect(account: Account) -> BaseMailBox:
    mailbox: BaseMailBox
    if account.direct:
        context = ssl.create_default_context()
        mailbox = MailBox(account.host, account.port, timeout=TIMEOUT, ssl_context=context)
    elif outbound.is_loopback(account.host):
        from imap_tools import MailBoxUnencrypted

        mailbox = MailBoxUnencrypted(account.host, account.port, timeout=TIMEOUT)
    else:  # a password must not cross a network in clear text
        mailbox = MailBoxStartTls(account.host, account.port, timeout=TIMEOUT, ssl_context=ssl.create_default_context())
    try:
        mailbox.login(account.user, account.password, initial_folder=account.folder)
    except BaseException:
        mailbox.client.shutdown()
        raise
    return mailbox


def _fetch_raw(mailbox: BaseMailBox, identifier: str) -> bytes | None:
    """Fetch a letter without marking it as read. Returns None if it is too large."""
    size = _fetch_item(mailbox, identifier, "(RFC822.SIZE)")
    digits = size[0].rpartition(b"RFC822.SIZE ")[2].partition(b")")[0] if isinstance(size[0], bytes) else b""
    if digits.isdigit() and int(digits) > parse.MAX_SIZE:
        return None
    content = _fetch_item(mailbox, identifier, "(BODY.PEEK[])")
    return content[0][1] if isinstance(content[0], tuple) else None


def _fetch_item(mailbox: BaseMailBox, identifier: str, item: str) -> list[bytes | tuple[bytes, bytes]]:
    status, data = mailbox.client.uid("FETCH", identifier, item)
    if status != "OK":
        raise imaplib.IMAP4.error(f"FETCH {item} answered {status}")
    return [part for part in data if part is not None] or [b""]


def _mark_read(mailbox: BaseMailBox, identifier: str, move: str | None) -> None:
    """Mark a letter as read, once its outcome is committed. After an interruption it comes again and is recognized."""
    mailbox.flag(identifier, MailMessageFlags.SEEN, True)
    if move:
        mailbox.move(identifier, move)


def _envelope_sender(raw: bytes) -> str | None:
    """Return the envelope's sender from Return-Path, which the delivering server writes (RFC 5321, 4.4), or None."""
    head = message_from_bytes(raw.partition(b"\r\n\r\n")[0][:200_000] + b"\r\n\r\n")
    path = head.get("Return-Path")
    return None if path is None else str(path).strip().strip("<>")

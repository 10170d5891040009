"""Check whether answers can come in by mail, and which agencies' mailboxes bounce letters."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote, urlsplit

from widget_api import network
from widget_api.clock import rfc3339
from widget_api.database import Database
from widget_api.ops.doctor.check_result import TIMEOUT, Finding, error_line
from widget_api.settings import Settings

NAME = "inbound"


async def check_inbound(loaded: Settings) -> Finding:
    if loaded.inbound is None:
        return Finding(NAME, True, "none set: agencies answer in the cabinet")
    if loaded.smtp_url is None and loaded.production:
        return Finding(NAME, False, "WIDGET_INBOUND is set, but no letter leaves that could be answered")
    return await (_check_lmtp(loaded.inbound) if loaded.inbound.startswith("lmtp") else _check_imap(loaded.inbound))


async def _check_lmtp(url: str) -> Finding:
    """Check whether the running service listens on the LMTP socket: without it no mail is accepted."""
    parts = urlsplit(url)
    target = f"{parts.hostname}:{parts.port}" if parts.hostname else unquote(parts.path)
    opening = (
        asyncio.open_connection(parts.hostname, parts.port)
        if parts.hostname
        else asyncio.open_unix_connection(unquote(parts.path))
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await opening
            try:
                greeting = (await reader.readline()).decode("ascii", "replace").strip()
                writer.write(b"QUIT\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        return Finding(NAME, False, f"{target}: {error_line(error)}: is serve or work running?")
    if not greeting.startswith("220"):
        return Finding(NAME, False, f"{target} answers {greeting[:100] or 'nothing'}")
    return Finding(NAME, True, f"{target} answers{_exposure_note(parts.hostname)}")


def _exposure_note(host: str | None) -> str:
    """Return a warning if other machines can connect: the sender that an LMTP client names is trusted."""
    return "" if network.is_loopback(host) else "; only your mail server may reach it: whoever does is believed"


async def _check_imap(url: str) -> Finding:
    from widget_api.mailbox import imap

    account = imap.parse_account(url)
    target = f"{account.host}:{account.port}"
    try:
        unread = await asyncio.wait_for(asyncio.to_thread(imap.count_unread, account), 3 * TIMEOUT)
    except Exception as error:
        return Finding(NAME, False, f"{target}: {error_line(error)}")
    return Finding(NAME, True, f"{target}: {account.folder} can be read, {unread} unread")


async def check_bounces(database: Database) -> list[Finding]:
    rows = await database.rows(
        "SELECT name, email_failure, email_failed_at FROM agencies WHERE email_failed_at IS NOT NULL ORDER BY name"
    )
    return [
        Finding(
            "mailbox",
            False,
            f"{row['name']} sent a letter back at {rfc3339(row['email_failed_at'])}: {row['email_failure']}",
        )
        for row in rows
    ]

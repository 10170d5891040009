"""Receive letters from our mail server by LMTP (RFC 2033), replying for each recipient once the letter is stored."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from widget_api.context import Context
from widget_api.errors import Unavailable
from widget_api.mailbox import service
from widget_api.mailbox.model import Arrival
from widget_api.mailbox.parse import MAX_SIZE

log = logging.getLogger(__name__)
MAX_RECIPIENTS = 50
MAX_CONNECTIONS = 20  # Postfix's default per destination; each may hold a letter in memory
# The library's own replies after DATA, and those we send instead.
_REPLACED_REPLIES = {
    "552 Error: Too much mail data": "552 5.3.4 Too large",
    "500 Line too long (see RFC5321 4.5.3.1.6)": "500 5.6.0 A line is too long",
}
_REPLY_ACCEPTED = "250 2.0.0 Kept"
_REPLY_TOO_MANY = "421 4.3.2 Too many conversations at the same time, try again later"
_REPLY_TRY_LATER = "451 4.3.0 Cannot be kept now, try again later"


class AlreadyListening(OSError):
    """Another process listens on the socket."""


class _Lmtp(LMTP):
    """An LMTP connection with replies per recipient and a limited number of connections.

    The library's own error after DATA is a single reply, whereas the protocol requires one for each recipient (RFC
    2033, 4.2). `connections` holds the open connections of one server, whose number the library does not limit.
    """

    def __init__(self, *args: Any, connections: set[_Lmtp], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(error)

    async def _handle_client(self) -> None:
        if len(self._connections) <= MAX_CONNECTIONS:
            await super()._handle_client()
            return
        await self.push(_REPLY_TOO_MANY)
        if self.transport is not None:
            self.transport.close()

    async def push(self, status: Any) -> None:
        reply = _REPLACED_REPLIES.get(status)
        if reply is None:
            await super().push(status)
            return
        recipients = self.envelope.rcpt_tos if self.envelope is not None else []
        await super().push("\r\n".join([reply] * max(1, len(recipients))))


class Handler:
    """Handles the server's callbacks, whose names the library defines."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = asyncio.Lock()  # a letter may be 25 MB

    async def handle_RCPT(  # noqa: N802
        self, server: LMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        arrival = Arrival(content, (envelope.mail_from or "").strip("<>"), tuple(envelope.rcpt_tos))
        try:
            async with self._lock:
                await service.receive_letter(self._context, arrival)
            answer = _REPLY_ACCEPTED
        except Unavailable as error:
            log.warning("a letter cannot be stored now: %s", error.__cause__ or error)
            answer = _REPLY_TRY_LATER
        except Exception:
            log.warning("a letter cannot be stored now", exc_info=True)
            answer = _REPLY_TRY_LATER
        return "\r\n".join([answer] * len(envelope.rcpt_tos))


@contextlib.asynccontextmanager
async def run_server(context: Context, url: str) -> AsyncIterator[asyncio.Server]:
    """Run a server at lmtp://host:port or lmtp:///path within the block. Raises OSError and AlreadyListening."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    handler = Handler(context)
    connections = set[_Lmtp]()

    def protocol() -> LMTP:
        return _Lmtp(
            handler,
            connections=connections,
            data_size_limit=MAX_SIZE,
            enable_SMTPUTF8=True,
            hostname=context.settings.mailbox.rpartition("@")[2],
            ident="widget",
            loop=loop,
        )

    with contextlib.ExitStack() as stack:
        if parts.hostname:
            server = await loop.create_server(protocol, parts.hostname, parts.port)
        else:
            path = Path(unquote(parts.path))
            stack.enter_context(_lock_socket(path))
            server = await loop.create_unix_server(protocol, path)
            path.chmod(0o660)  # noqa: ASYNC240 - once at start; the mail server's user is in our group
        try:
            yield server
        finally:
            server.close()


@contextlib.contextmanager
def _lock_socket(path: Path) -> Iterator[None]:
    """Lock the file beside a socket. The socket's own file does not tell whether its server is running."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyListening(f"{path} is another process's") from None
        yield
    finally:
        os.close(descriptor)

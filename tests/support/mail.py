"""A mail server that accepts everything, records every conversation, and can be configured to misbehave."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, Envelope, Session

from widget_api.context import Context
from widget_api.mail import outbox
from widget_api.worker import LETTERS, Worker

Behaviour = Literal["accept", "later", "refuse", "lose the answer", "hang"]


@dataclass(frozen=True)
class Letter:
    """One received message."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None, "a letter without a text part"
        return str(part.get_content())

    @property
    def html(self) -> str | None:
        part = self.message.get_body(("html",))
        return None if part is None else str(part.get_content())

    @property
    def links(self) -> list[str]:
        """URLs in the text part, in order."""
        return re.findall(r"https?://[^\s<>\"]+", self.text)


@dataclass
class Conversation:
    """The lines exchanged on one connection: `C: …` from the client, `S: …` from this server."""

    lines: list[str] = field(default_factory=list)

    def add(self, who: str, data: bytes) -> None:
        self.lines += [f"{who}: {line}" for line in data.decode(errors="replace").splitlines()]


class _RememberingSMTP(SMTP):
    def __init__(self, sink: MailSink, **options: Any) -> None:
        super().__init__(sink, **options)
        self._conversation = Conversation()
        sink.conversations.append(self._conversation)

    def data_received(self, data: bytes) -> None:
        self._conversation.add("C", data)
        super().data_received(data)

    async def push(self, status: Any) -> None:
        self._conversation.add("S", status if isinstance(status, bytes) else status.encode())
        await super().push(status)


class MailSink:
    """An SMTP server on 127.0.0.1; `stop()` and `start()` take it down and bring it back on the same port."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        """`tls` is used from the first byte; `options` are those of aiosmtpd's server: STARTTLS, authentication."""
        self._tls, self._options = tls, options
        self.letters: list[Letter] = []
        self.conversations: list[Conversation] = []
        self.behaviour: Behaviour = "accept"
        self.refusal = "550 5.1.1 No such mailbox"
        self.port = 0
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail sink", daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def _on_loop(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def start(self) -> None:
        async def listen() -> asyncio.Server:
            def make() -> SMTP:
                return _RememberingSMTP(
                    self, hostname="mail.test", enable_SMTPUTF8=True, loop=self._loop, **self._options
                )

            return await self._loop.create_server(make, "127.0.0.1", self.port, ssl=self._tls)

        self._server = self._on_loop(listen())
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        async def close() -> None:
            if self._server is not None:
                # asyncio leaves the socket of a connection open that it accepts while its server is being closed.
                for listening in self._server.sockets:
                    self._loop.remove_reader(listening.fileno())
                await asyncio.sleep(0)
                self._server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
            await asyncio.sleep(0)

        self._on_loop(close())
        self._server = None

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        match self.behaviour:
            case "later":
                return "451 4.3.0 Try again later"
            case "refuse":
                return self.refusal
            case "hang":
                await asyncio.sleep(3600)
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        with self._arrived:
            self.letters.append(Letter(envelope.mail_from or "", tuple(envelope.rcpt_tos), content))
            self._arrived.notify_all()
        if self.behaviour == "lose the answer":
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 2.0.0 Accepted"

    def to(self, address: str) -> list[Letter]:
        return [letter for letter in list(self.letters) if address in letter.recipients]

    def wait(
        self, address: str, count: int = 1, *, matching: Callable[[Letter], bool] = lambda _: True, limit: float = 30
    ) -> list[Letter]:
        """The letters to `address` once there are `count` of them. Fails after `limit` seconds."""

        def found() -> list[Letter]:
            return [letter for letter in self.to(address) if matching(letter)]

        deadline = time.monotonic() + limit
        with self._arrived:
            while len(found()) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    came = [(letter.recipients, letter.subject) for letter in self.letters]
                    raise AssertionError(f"{len(found())} of {count} letters to {address} in {limit} s; all: {came}")
                self._arrived.wait(left)
            return found()


async def deliver_due(context: Context) -> None:
    """Do what a worker does until no delivery and no letter is due."""
    worker = Worker(context)
    while claimed := await worker._claim(16):
        for delivery in claimed:
            await worker._deliver_group([delivery])
    while not await outbox.send_due(context, *LETTERS):
        pass

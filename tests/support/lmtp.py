"""An LMTP client (RFC 2033), as mail servers use it, that reads one answer per recipient."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence


class Lmtp:
    """One LMTP session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, port: int = 0, *, path: str = "") -> Lmtp:
        opened = asyncio.open_unix_connection(path) if path else asyncio.open_connection("127.0.0.1", port)
        reader, writer = await opened
        client = cls(reader, writer)
        assert (await client.answer()).startswith("220")
        assert (await client.command("LHLO mail.widget.test")).startswith("250")
        return client

    async def answer(self) -> str:
        """The last line of one answer."""
        while True:
            line = (await asyncio.wait_for(self._reader.readline(), 60)).decode().rstrip("\r\n")
            if line[3:4] != "-":
                return line

    async def command(self, line: str) -> str:
        self._writer.write(line.encode() + b"\r\n")
        return await self.answer()

    async def deliver(self, raw: bytes, recipients: Sequence[str], sender: str = "priem@gorod.test") -> list[str]:
        """The answers after DATA, one per recipient."""
        assert (await self.command(f"MAIL FROM:<{sender}>")).startswith("250")
        for recipient in recipients:
            assert (await self.command(f"RCPT TO:<{recipient}>")).startswith("250")
        assert (await self.command("DATA")).startswith("354")
        content = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")
        self._writer.write(content + (b"" if content.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        await self._writer.drain()
        return [await self.answer() for _ in recipients]

    async def close(self) -> None:
        await self.command("QUIT")
        self._writer.close()
        await self._writer.wait_closed()

"""Compress what everybody may read. Every other answer goes out as it is.

An answer that holds a secret and reflects what was asked tells, by its compressed length, whether both are alike
(BREACH, 2013). So only those are compressed that a shared cache may hold by their own `Cache-Control`, and pages that
say of themselves that they hold nothing of their reader: no token, no form to send, no session.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable, MutableMapping
from typing import Any

import brotli
from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PUBLIC_PAGE = "public_page"  # in a scope: nothing on this page is its reader's own
MINIMUM_SIZE = 800  # bytes; below, a packet is a packet
THREAD_THRESHOLD = 32_768  # bytes from which others are answered meanwhile
QUALITY = {"br": 4, "gzip": 6}  # of an answer made for one request: as long as making it, not longer
_CACHE_SIZE = 2 * 1024 * 1024  # bytes of compressed answers
_TYPES = re.compile(r"(?:text/|application/(?:[\w.+-]+\+)?(?:json|xml)\b)")

Encode = Callable[[bytes, bool], bytes]  # a piece, and whether it is the last


class CompressionMiddleware:
    """`Vary` on whatever might be compressed, and a weak `ETag`: the same answer in another coding has other bytes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: LRUCache[tuple[str, str], bytes] = LRUCache(_CACHE_SIZE, getsizeof=len)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, _CompressedResponse(scope, send, self._kept).send)


class _CompressedResponse:
    """One answer on its way out; its head waits for the first piece of its body."""

    def __init__(self, scope: Scope, send: Send, kept: MutableMapping[tuple[str, str], bytes]) -> None:
        self._scope, self._send, self._kept = scope, send, kept
        self._start: Message | None = None
        self._coding, self._tag = "", ""
        self._encode: Encode | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._coding = self._prepare(message)
            if self._coding:
                self._start = message
            else:
                await self._send(message)
            return
        if self._start is not None:
            message = await self._begin(self._start, message)
        elif self._encode is not None:
            message = await self._go_on(message)
        await self._send(message)

    def _prepare(self, start: Message) -> str:
        """Say by what a public answer varies. Returns its coding, if it gets one."""
        headers = MutableHeaders(raw=start["headers"])
        if not self._scope.get(PUBLIC_PAGE) and "s-maxage" not in headers.get("cache-control", ""):
            return ""
        if start["status"] not in (200, 304) or "content-encoding" in headers:
            return ""
        headers.add_vary_header("Accept-Encoding")
        coding = _best_encoding(Headers(scope=self._scope).get("accept-encoding", ""))
        etag = headers.get("etag", "")
        if coding and etag.startswith('"'):  # a strong one: it names the very bytes
            self._tag, headers["etag"] = etag, f"W/{etag}"
        fits = start["status"] == 200 and self._scope["method"] == "GET"
        return coding if fits and _TYPES.match(headers.get("content-type", "")) else ""

    async def _begin(self, start: Message, first: Message) -> Message:
        self._start, headers, body = None, MutableHeaders(raw=start["headers"]), first.get("body", b"")
        more = first.get("more_body", False)
        if not more and len(body) < MINIMUM_SIZE:
            await self._send(start)
            return first
        headers["content-encoding"] = self._coding
        if more:
            del headers["content-length"]
            self._encode = _encoder(self._coding)
            await self._send(start)
            return await self._go_on(first)
        place = (self._tag, self._coding)
        packed = self._kept.get(place)
        if packed is None:
            packed = await _run(_encoder(self._coding), body, last=True)
            if place[0] and len(packed) < _CACHE_SIZE:
                self._kept[place] = packed
        headers["content-length"] = str(len(packed))
        await self._send(start)
        return {**first, "body": packed}

    async def _go_on(self, message: Message) -> Message:
        assert self._encode is not None
        body, more = message.get("body", b""), message.get("more_body", False)
        return {**message, "body": await _run(self._encode, body, last=not more)}


async def _run(encode: Encode, body: bytes, *, last: bool) -> bytes:
    """Both libraries let other threads go on."""
    return await asyncio.to_thread(encode, body, last) if len(body) >= THREAD_THRESHOLD else encode(body, last)


def _best_encoding(header: str) -> str:
    """The best coding that is accepted; one with a weight of zero is not (RFC 9110, 12.5.3)."""
    if not header:
        return ""
    offered = dict[str, str]()
    for part in header[:200].lower().split(","):
        name, _, weight = part.partition(";")
        offered[name.strip()] = weight.strip().replace(" ", "")
    return next((one for one in QUALITY if one in offered and not re.fullmatch(r"q=0(\.0*)?", offered[one])), "")


def _encoder(coding: str) -> Encode:
    """Each piece can be read as soon as it is there."""
    if coding == "br":
        packer: Any = brotli.Compressor(quality=QUALITY["br"], lgwin=18)  # a small window: 32 may be open at once
        return lambda body, last: packer.process(body) + (packer.finish() if last else packer.flush())
    zipper = zlib.compressobj(QUALITY["gzip"], wbits=31)
    return lambda body, last: zipper.compress(body) + zipper.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

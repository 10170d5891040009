"""A third-party GeoReport v2 platform: real TCP, its own formats, and every way a server can fail."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from widget_api.open311 import georeport
from widget_api.open311.georeport import CONTENT_TYPE, Format

Fault = Literal["500", "503", "429", "hang", "lost answer", "garbage", "400", "403", "405", "redirect", "drop"]


@dataclass
class Sent:
    """One request as received."""

    method: str
    path: str
    fields: dict[str, str]
    key: str | None


@dataclass
class FakePlatform:
    """`faults` are used up in order, one per call; `requests` and `updates` hold the effects."""

    formats: tuple[Format, ...] = ("json", "xml")
    honours_keys: bool = False  # Idempotency-Key: not part of the specification
    tokens: bool = False  # returns a token first, the id later
    retry_after: int = 7
    faults: deque[Fault] = field(default_factory=deque)
    first_try: tuple[Fault, ...] = ()  # faults for the first call with each Idempotency-Key, in order
    own: list[dict[str, Any]] = field(default_factory=list)  # requests that others sent to it, as it lists them
    jurisdiction: str | None = None  # their jurisdiction; others have none
    services: list[dict[str, Any]] = field(default_factory=list)
    updates_known: bool = True  # the extension of servicerequestupdates
    most: int = 1000  # requests in a list without given numbers
    away: Fault | None = None  # the fault of every call
    broken: dict[str, Fault] = field(default_factory=dict)  # the fault of every call of a path
    poison: frozenset[str] = frozenset()  # requests with one of these descriptions are disconnected
    bitter: Mapping[str, Fault] = field(default_factory=dict)  # those with one of these meet its fault
    calls: list[Sent] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    updates: list[dict[str, str]] = field(default_factory=list)
    news: list[dict[str, Any]] = field(default_factory=list)
    by_key: dict[str, int] = field(default_factory=dict)
    met: dict[str, Fault] = field(default_factory=dict)
    resolved: bool = False  # tokens are resolved to ids now
    port: int = 0

    async def start(self) -> FakePlatform:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}.{form}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def posts(self, path: str) -> list[Sent]:
        return [call for call in self.calls if call.method == "POST" and call.path == path]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path, form = request.match_info["path"], request.match_info["form"]
        fields = {name: str(value) for name, value in (*request.query.items(), *(await request.post()).items())}
        if form not in self.formats:
            return web.Response(status=404, text="no such format")
        self.calls.append(Sent(request.method, path, fields, request.headers.get("Idempotency-Key")))
        fault = self.faults.popleft() if self.faults else self._first(request.headers.get("Idempotency-Key"))
        described = fields.get("description", "")
        fault = self.away or ("drop" if described in self.poison else self.bitter.get(described, fault))
        fault = self.broken.get(path, fault)
        if fault is not None and fault not in ("lost answer", "garbage"):
            return await self._fail(request, fault)
        document = self._answer(request.method, path, fields, request.headers.get("Idempotency-Key"))
        if fault == "lost answer":
            return await self._fail(request, "drop")
        if fault == "garbage":
            return web.Response(text="<html><h1>It works")
        if document is None:
            return web.Response(status=404, text="nothing here")
        kind: Format = "json" if form == "json" else "xml"
        return web.Response(
            body=georeport.render_document(document, kind), headers={"Content-Type": CONTENT_TYPE[kind]}
        )

    def _first(self, key: str | None) -> Fault | None:
        if key is None or key in self.met or not self.first_try:
            return None
        self.met[key] = self.first_try[len(self.met) % len(self.first_try)]
        return self.met[key]

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "drop":
            assert request.transport is not None
            request.transport.abort()
        if fault == "redirect":
            return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})
        if fault == "429":
            return web.Response(status=429, headers={"Retry-After": str(self.retry_after)})
        errors = georeport.errors_document([(int(fault) if fault.isdigit() else 500, f"told to answer {fault}")])
        return web.Response(
            status=int(fault) if fault.isdigit() else 500, body=georeport.render_document(errors, "xml")
        )

    def _answer(self, method: str, path: str, fields: dict[str, str], key: str | None) -> georeport.Document | None:
        match method, path.split("/"):
            case "POST", ["requests"]:
                return georeport.requests_document([self._take(fields, key)])
            case "GET", ["requests"]:
                asked = fields.get("service_request_id", "").split(",")
                listed = [*(_request(number, one) for number, one in enumerate(self.requests, 1)), *self._own(fields)]
                if asked == [""]:
                    return georeport.requests_document(listed[: self.most])
                return georeport.requests_document([one for one in listed if one["service_request_id"] in asked])
            case "GET", ["services"] if self.services:
                return georeport.services_document(
                    [{k: v for k, v in one.items() if k != "attributes"} for one in self.services]
                )
            case "GET", ["services", code] if self.services:
                (found,) = [one["attributes"] for one in self.services if one["service_code"] == code]
                return georeport.definition_document(code, found)
            case "GET", ["tokens", token] if self.tokens:
                number = token.removeprefix("token-")
                return georeport.requests_document(
                    [{"token": token, "service_request_id": number if self.resolved else None}]
                )
            case "POST", ["servicerequestupdates"]:
                self.updates.append(fields)
                return georeport.updates_document([{"update_id": f"theirs-{len(self.updates)}"}])
            case "GET", ["servicerequestupdates"] if self.updates_known:
                return georeport.updates_document(self.news)
        return None

    def _own(self, fields: dict[str, str]) -> list[dict[str, Any]]:
        return self.own if self.jurisdiction in (None, fields.get("jurisdiction_id")) else []

    def _take(self, fields: dict[str, str], key: str | None) -> dict[str, str | None]:
        if key is None or key not in self.by_key or not self.honours_keys:
            self.requests.append(fields)
            if key is not None:
                self.by_key[key] = len(self.requests)
        number = str(self.by_key[key] if key is not None else len(self.requests))
        return {"token": f"token-{number}"} if self.tokens else {"service_request_id": number}


def _request(number: int, fields: dict[str, str]) -> dict[str, str | None]:
    names: Callable[[str], str | None] = fields.get
    return {
        "service_request_id": str(number),
        "service_code": names("service_code"),
        "description": names("description"),
        "lat": names("lat"),
        "long": names("long"),
        **{name: fields[name] for name in ("status", "status_notes", "updated_datetime") if name in fields},
    }

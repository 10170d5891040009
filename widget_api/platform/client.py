"""Call GeoReport v2 at one platform, in JSON or, if the platform has no JSON, in XML.

Responses are parsed by what they contain, since their Content-Type is often wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, urlencode

from widget_api import clock
from widget_api.open311 import parse
from widget_api.open311.georeport import Format
from widget_api.open311.parse import RemoteRequest, RemoteUpdate, Unreadable
from widget_api.outbound import Answer, Failed, Outbound
from widget_api.platform.model import Cursor, Platform, PlatformService, ServiceQuestion

Result = TypeVar("Result")
Read = Callable[[bytes, str], Result]
FORMATS: tuple[Format, ...] = ("json", "xml")
ABSENT_STATUSES = frozenset({404, 406, 415})  # the format is missing, or the resource itself
UNAVAILABLE_STATUSES = frozenset({401, 403, 429, 502, 503, 504})  # the platform rejects every request alike
RETRY_STATUSES = frozenset({401, 403, 408, 425, 429})  # 401 and 403 too: the operator can correct a key meanwhile
PAGE_SIZE, LARGE_PAGE_SIZE = 200, 1000
_OWN_STATUS = re.compile(r"(\d{3})\b[\s:—-]*")  # with which many platforms begin what they say
MAX_PAGES = 100
LARGE_ANSWER = 65_536  # bytes; larger responses are parsed in a thread

_formats: dict[str, Format] = {}  # by platform URL: the format of the last usable response, tried first


class TemporaryFailure(Exception):
    """The call failed, or its outcome is unknown, and may be repeated.

    `after` is the Retry-After of the platform, in seconds. `away` is True if the platform rejects every request, not
    only this one. `silent` is True if there was no response at all.
    """

    def __init__(self, reason: str, after: float | None = None, *, away: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.away = away
        self.silent = silent


class PermanentFailure(Exception):
    """The platform rejected the request, and would reject it again. `reason` begins with the status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Client:
    """Client of one jurisdiction at one platform. Every method raises TemporaryFailure and PermanentFailure."""

    outbound: Outbound
    platform: Platform
    jurisdiction: str

    async def send_request(self, fields: Sequence[tuple[str, str]], idempotency_key: str) -> RemoteRequest:
        """Create a service request. Raises TemporaryFailure also if the response is unreadable, since the request may
        have been created."""
        replies = await self._call("requests", parse.parse_requests, form=fields, idempotency_key=idempotency_key)
        for reply in replies:
            if reply.id or reply.token:
                return reply
        raise TemporaryFailure("the reply names no request")

    async def send_update(self, fields: Sequence[tuple[str, str]], idempotency_key: str) -> None:
        await self._call("servicerequestupdates", _accept_any, form=fields, idempotency_key=idempotency_key)

    async def updates_of(self, request_ids: Sequence[str]) -> list[RemoteUpdate]:
        """Return all updates of these requests. Only other instances of this service support this filter."""
        query = {"service_request_id": ",".join(request_ids), "page_size": str(LARGE_PAGE_SIZE)}
        updates: list[RemoteUpdate] = []
        for number in range(1, MAX_PAGES):
            page = await self._call("servicerequestupdates", parse.parse_updates, query={**query, "page": str(number)})
            updates += page
            if len(page) < LARGE_PAGE_SIZE:
                break
        return updates

    async def updates(self, cursor: Cursor, page: int) -> list[RemoteUpdate]:
        query = {"start_date": clock.rfc3339(cursor.since), "page": str(page), "page_size": str(PAGE_SIZE)}
        if cursor.after is not None:
            query["after"] = str(cursor.after)
        return await self._call("servicerequestupdates", parse.parse_updates, query=query)

    async def requests(self, query: Mapping[str, str]) -> list[RemoteRequest]:
        return await self._call("requests", parse.parse_requests, query=query)

    async def services(self) -> list[PlatformService]:
        """Return the services with their questions. A missing or unreadable definition counts as one without them."""
        services = []
        for service in await self._call("services", parse.parse_services, query={}):
            code = service["service_code"]
            assert code is not None, "parse_services leaves those out"
            questions: tuple[ServiceQuestion, ...] = ()
            if service["metadata"] == "true":
                with contextlib.suppress(PermanentFailure, TemporaryFailure):
                    path = f"services/{quote(code, safe='')}"
                    attributes = await self._call(path, parse.parse_attributes, query={})
                    questions = tuple(
                        ServiceQuestion(code=code, name=name, required=required) for code, name, required in attributes
                    )
            services.append(
                PlatformService(
                    code=code,
                    name=service["service_name"] or code,
                    description=service["description"],
                    group=service["group"],
                    questions=questions,
                )
            )
        return services

    async def knows_jurisdiction(self) -> bool:
        """Whether the platform has this jurisdiction, as far as it says."""
        try:
            await self._call("services", parse.parse_services, query={})
        except PermanentFailure as error:
            return error.status not in (400, 404)
        return True

    async def software(self) -> str | None:
        """Return the software named in the discovery document. Most platforms have none."""
        return await self._call("discovery", parse.parse_software, query={})

    async def id_of(self, token: str) -> str | None:
        """Return the request id of a token, or None if the platform has not assigned one yet."""
        replies = await self._call(f"tokens/{quote(token, safe='')}", parse.parse_requests, query={})
        return next((reply.id for reply in replies if reply.id), None)

    async def _call(
        self,
        path: str,
        read: Read[Result],
        *,
        query: Mapping[str, str] | None = None,
        form: Sequence[tuple[str, str]] | None = None,
        idempotency_key: str | None = None,
    ) -> Result:
        common = [("jurisdiction_id", self.jurisdiction), ("api_key", self.platform.key)]
        answer = None
        preferred = _formats.get(self.platform.url, FORMATS[0])
        for format_ in sorted(FORMATS, key=lambda name: name != preferred):
            url = f"{self.platform.url}/{path}.{format_}"
            headers = {"Idempotency-Key": idempotency_key} if idempotency_key else None
            try:
                if form is None:
                    address = f"{url}?{urlencode([*common, *(query or {}).items()])}"
                    answer = await self.outbound.request("GET", address, operator=True)
                else:
                    fields = [*common, *form]
                    answer = await self.outbound.request("POST", url, operator=True, form=fields, headers=headers)
            except Failed as error:
                raise TemporaryFailure(str(error), away=True, silent=True) from error
            if answer.status in ABSENT_STATUSES:
                continue
            if 200 <= answer.status < 300:
                try:
                    result = await _parse_answer(read, answer)
                    _formats[self.platform.url] = format_
                    return result
                except Unreadable as error:
                    if form is not None:  # repeating it in XML could create a second request
                        raise TemporaryFailure(f"the answer cannot be read: {error}") from error
                    continue
            break
        assert answer is not None
        raise _error_message(answer)


async def _parse_answer(read: Read[Result], answer: Answer) -> Result:
    """Parse a response, in a thread if it is large, since parsing would block the event loop."""
    if len(answer.body) < LARGE_ANSWER:
        return read(answer.body, answer.content_type)
    return await asyncio.to_thread(read, answer.body, answer.content_type)


def _accept_any(body: bytes, content_type: str) -> None:
    """Ignore the body: the status alone says that an update was accepted, and some platforms send an empty body."""


def _error_message(answer: Answer) -> TemporaryFailure | PermanentFailure:
    if answer.status < 400:
        return TemporaryFailure(f"{answer.status}: no answer that can be used")
    text = describe_error(answer)
    if answer.status >= 500 or answer.status in RETRY_STATUSES:
        return TemporaryFailure(text, answer.retry_after, away=answer.status in UNAVAILABLE_STATUSES)
    return PermanentFailure(answer.status, text)


def describe_error(answer: Answer) -> str:
    """Return the status of an error response and what it says, which may begin with the status itself."""
    text = parse.parse_error(answer.body, answer.content_type).strip()
    repeated = _OWN_STATUS.match(text)
    if repeated and int(repeated[1]) == answer.status:
        text = text[repeated.end() :]
    return f"{answer.status}: {text or 'no reason given'}"

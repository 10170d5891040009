"""Speaks GeoReport v2 to one platform: JSON first, XML where that is absent, whatever the answer is labelled as."""

from __future__ import annotations

import asyncio
import contextlib
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
ABSENT_STATUSES = frozenset({404, 406, 415})  # this format, or the thing itself
UNAVAILABLE_STATUSES = frozenset({401, 403, 429, 502, 503, 504})  # to anybody
RETRY_STATUSES = frozenset({401, 403, 408, 425, 429})  # a key is something a person can mend while we wait
PAGE_SIZE, LARGE_PAGE_SIZE = 200, 1000
MAX_PAGES = 100
LONG_ANSWER = 65_536  # bytes of an answer

_formats: dict[str, Format] = {}  # what the platform at this address was last understood in: spares a vain question


class TemporaryFailure(Exception):
    """No, or not known, for now. `after` is what the platform asked for, in seconds.

    `away`: it is the platform that does not answer, whatever it is asked.
    """

    def __init__(self, reason: str, after: float | None = None, *, away: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.away = away
        self.silent = silent  # there was no answer at all


class PermanentFailure(Exception):
    """The platform says that this will never do."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status


@dataclass(frozen=True)
class Client:
    """One platform and one jurisdiction there. Every method raises Later, Refused."""

    outbound: Outbound
    platform: Platform
    jurisdiction: str

    async def send_request(self, fields: Sequence[tuple[str, str]], idempotency_key: str) -> RemoteRequest:
        """Later too where an answer came that cannot be read: the request may have been taken."""
        found = await self._call("requests", parse.parse_requests, form=fields, idempotency_key=idempotency_key)
        for reply in found:
            if reply.id or reply.token:
                return reply
        raise TemporaryFailure("the reply names no request")

    async def send_update(self, fields: Sequence[tuple[str, str]], idempotency_key: str) -> None:
        await self._call("servicerequestupdates", _accept_any, form=fields, idempotency_key=idempotency_key)

    async def updates_of(self, request_ids: Sequence[str]) -> list[RemoteUpdate]:
        """Of these requests, from their beginning. Another instance of this service alone knows this filter."""
        query = {"service_request_id": ",".join(request_ids), "page_size": str(LARGE_PAGE_SIZE)}
        found: list[RemoteUpdate] = []
        for page in range(1, MAX_PAGES):
            told = await self._call("servicerequestupdates", parse.parse_updates, query={**query, "page": str(page)})
            found += told
            if len(told) < LARGE_PAGE_SIZE:
                break
        return found

    async def updates(self, cursor: Cursor, page: int) -> list[RemoteUpdate]:
        query = {"start_date": clock.rfc3339(cursor.since), "page": str(page), "page_size": str(PAGE_SIZE)}
        if cursor.after is not None:
            query["after"] = str(cursor.after)
        return await self._call("servicerequestupdates", parse.parse_updates, query=query)

    async def requests(self, query: Mapping[str, str]) -> list[RemoteRequest]:
        return await self._call("requests", parse.parse_requests, query=query)

    async def services(self) -> list[PlatformService]:
        """What it takes. A definition that is missing, or cannot be read, is one without questions."""
        found = []
        for one in await self._call("services", parse.parse_services, query={}):
            code = one["service_code"]
            assert code is not None, "reading leaves those out"
            questions: tuple[ServiceQuestion, ...] = ()
            if one["metadata"] == "true":
                with contextlib.suppress(PermanentFailure, TemporaryFailure):
                    told = await self._call(f"services/{quote(code, safe='')}", parse.parse_attributes, query={})
                    questions = tuple(ServiceQuestion(code=code, name=name, required=must) for code, name, must in told)
            found.append(
                PlatformService(
                    code=code,
                    name=one["service_name"] or code,
                    description=one["description"],
                    group=one["group"],
                    questions=questions,
                )
            )
        return found

    async def software(self) -> str | None:
        """What it says it is; most say nothing."""
        return await self._call("discovery", parse.parse_software, query={})

    async def id_of(self, token: str) -> str | None:
        """None while the platform has not decided."""
        found = await self._call(f"tokens/{quote(token, safe='')}", parse.parse_requests, query={})
        return next((reply.id for reply in found if reply.id), None)

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
        spoken = _formats.get(self.platform.url, FORMATS[0])
        for format_ in sorted(FORMATS, key=lambda one: one != spoken):
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
                    if form is not None:  # sent again as XML it might be taken twice
                        raise TemporaryFailure(f"the answer cannot be read: {error}") from error
                    continue
            break
        assert answer is not None
        raise _error_message(answer)


async def _parse_answer(read: Read[Result], answer: Answer) -> Result:
    """Beside what else is asked of this process, where it takes long."""
    if len(answer.body) < LONG_ANSWER:
        return read(answer.body, answer.content_type)
    return await asyncio.to_thread(read, answer.body, answer.content_type)


def _accept_any(body: bytes, content_type: str) -> None:
    """An update was taken if the status says so; some answer with an empty body."""


def _error_message(answer: Answer) -> TemporaryFailure | PermanentFailure:
    text = parse.parse_error(answer.body, answer.content_type)
    if answer.status < 400:
        return TemporaryFailure(f"{answer.status}: no answer that can be used")
    if answer.status >= 500 or answer.status in RETRY_STATUSES:
        return TemporaryFailure(
            f"{answer.status}: {text}", answer.retry_after, away=answer.status in UNAVAILABLE_STATUSES
        )
    return PermanentFailure(answer.status, text)

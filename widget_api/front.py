"""Repeats an answer of the public API while it cannot have changed: a shared cache that asks the database, not a clock.

It stands before routing, and knows no headers: what the application once answered goes out again as it was. An answer
follows from its question, from what the database holds and, since all times here are whole seconds
(docs/decisions/0004-whole-seconds.md), from the second; so it is good as long as neither of the last two moves.

What is asked for the first time is handed on and nothing more: most such questions, a further page of a list or one
corner of the map, are asked once, and keeping them would cost more than many of them take to answer
(docs/decisions/0031-kept-when-asked-again.md).

Under uvicorn most of this does not even come here as requests: `protocol.py` asks `at_hand` before it makes any.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from widget_api import clock, logs

Message = MutableMapping[str, Any]
Header = tuple[bytes, bytes]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
# The application's context and a request's target: an answer that needs no waiting, as (pattern, headers, body).
AtOnce = Callable[[Any, bytes], tuple[str, list[Header], bytes] | None]
Question = tuple[Any, ...]  # the target, then headers

PATHS = "/api/v1/sites/"
MOST_BYTES = 2 * 1024 * 1024
MOST_ASKED = 20_000  # questions that are remembered without their answers
# The request headers a public read may depend on; an answer that varies by another one is not kept.
_ASKED_BY = frozenset({b"if-none-match", b"accept-language"})
_LOOKED_AT = _ASKED_BY | {b"content-length", b"transfer-encoding", b"expect"}


@dataclass(slots=True)
class Answer:
    """What the application sent, how its path is told in the log, and how much it takes in memory.

    `head` is `start` as it was last written, where `always` stood before it (protocol.py).
    """

    start: Message
    body: Message
    pattern: str
    size: int
    seconds: float = 0.0  # that making it took; a repeat takes none to tell of
    head: bytes = b""
    always: object = None


class Front:
    """Answers of the present moment."""

    def __init__(self, app: Application, at_once: AtOnce | None = None) -> None:
        self.app = app
        self.at_once = at_once
        self.context: Any = None  # the application's, once it has started
        self._moment: object = None
        self._answers: dict[Question, Answer] = {}  # the oldest first
        self._bytes = 0
        self._asked: set[int] = set()  # hashes of the questions that came before, in whatever moment

    def at_hand(self, asked: Question) -> Answer | None:
        """What can be told without waiting: this very moment's answer again, or one that is made sooner than that."""
        known = self._answers.get(asked)
        if known is not None:
            moment = (self.context.database.state_at_once(), clock.now())
            return known if moment == self._moment else None
        if hash(asked) in self._asked:
            return None  # it is worth keeping, which `__call__` does
        told = self._told(asked)
        if told is not None:
            self._remember(asked)
        return told

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(PATHS):
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        asked = question(_target(scope), scope["headers"])
        if asked is None:
            await self.app(scope, receive, send)
            return
        if hash(asked) not in self._asked:
            self._remember(asked)
            await self._ask(asked, scope, receive, send)
            return
        state = await self.context.database.state()
        if state is None:
            await self.app(scope, receive, send)
            return
        moment = (state, clock.now())
        if moment != self._moment:
            self._answers, self._bytes, self._moment = {}, 0, moment
        known = self._answers.get(asked)
        if known is None:
            listening = Listening(send)
            pattern = await self._ask(asked, scope, receive, listening)
            self._keep(moment, asked, listening, pattern)
            return
        await send(known.start)
        await send(known.body)
        logs.request("GET", known.pattern, known.start["status"], time.perf_counter() - begun)

    async def _ask(self, asked: Question, scope: Message, receive: Receive, send: Send) -> str:
        """Whoever can answer sooner does. Returns the pattern of what was asked."""
        told = self._told(asked)
        if told is None:
            await self.app(scope, receive, send)
            return logs.pattern(scope)
        await send(told.start)
        await send(told.body)
        logs.request("GET", told.pattern, told.start["status"], told.seconds)
        return told.pattern

    def _told(self, asked: Question) -> Answer | None:
        if self.at_once is None or any(name == b"if-none-match" for name, _ in asked[1:]):
            return None
        begun = time.perf_counter()
        try:
            told = self.at_once(self.context, asked[0])
        except Exception:  # the whole way will meet it too, and says so in the log and to the asker
            told = None
        if told is None:
            return None
        pattern, headers, body = told
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        seconds = time.perf_counter() - begun
        return Answer(start, {"type": "http.response.body", "body": body}, pattern, 0, seconds)

    def _remember(self, asked: Question) -> None:
        """That it was asked, whenever; two of one hash are taken for one."""
        if len(self._asked) >= MOST_ASKED:
            self._asked.clear()
        self._asked.add(hash(asked))

    def _keep(self, moment: object, asked: Question, heard: Listening, pattern: str) -> None:
        """The moment is the one before the application looked: what it saw of a later one is not taken for it.

        Where there is no room the oldest answers go: whatever is asked often is soon back.
        """
        if heard.start is None or heard.body is None or moment != self._moment or not _shareable(heard.start):
            return
        told = len(asked[0]) + sum(len(value) for _, value in asked[1:])
        size = len(heard.body.get("body", b"")) + told + 1000  # the headers, the objects around them
        if size > MOST_BYTES or asked in self._answers:
            return
        while self._bytes + size > MOST_BYTES:
            self._bytes -= self._answers.pop(next(iter(self._answers))).size
        self._bytes += size
        self._answers[asked] = Answer(heard.start, heard.body, pattern, size)


class Listening:
    """Hands on what the application sends and keeps it, where it is one whole message."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.start: Message | None = None
        self.body: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        elif message["type"] == "http.response.body" and self.body is None and not message.get("more_body"):
            self.body = message
        else:
            self.start = None  # sent in parts
        await self._send(message)


def question(target: bytes, headers: Iterable[Header]) -> Question | None:
    """All that a public read looks at: the target of the request line, headers it may depend on. None with a body."""
    asked: list[object] = [target]
    for header in headers:
        if header[0] in _LOOKED_AT:
            if header[0] not in _ASKED_BY:
                return None
            asked.append(header)
    return tuple(asked)


def _target(scope: Message) -> bytes:
    """As the request line has it, where that is no whole address."""
    path, query = scope["raw_path"], scope["query_string"]
    return b"%b?%b" % (path, query) if query else bytes(path)


def _shareable(start: Message) -> bool:
    """Whether the answer itself says that shared caches may hold it, and by what it varies."""
    if start["status"] not in (200, 304):
        return False
    shared = False
    for name, value in start["headers"]:
        if name == b"cache-control":
            shared = b"s-maxage" in value
        elif name == b"vary" and not {one.strip() for one in value.lower().split(b",")} <= _ASKED_BY:
            return False
    return shared

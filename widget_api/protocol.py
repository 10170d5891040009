"""uvicorn's HTTP protocol, asking the front first: what is at hand is written before a task or a scope is made of it.

Only the plainest requests are looked at: GET by HTTP/1.1 on a kept connection, without a body, with nothing unanswered
before it and nothing waiting to be written. All others go on to uvicorn as they came
(docs/decisions/0018-repeats-below-asgi.md).
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from widget_api import logs
from widget_api.front import Answer, Front, Header, question


class Protocol(HttpToolsProtocol):
    """Works with any application; one that has a `front` is spared its repeats."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._front: Front | None = getattr(self.app, "front", None)
        self._told: Answer | None = None

    def on_headers_complete(self) -> None:
        self._told = self._at_hand()
        if self._told is None:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        answer, self._told = self._told, None
        if answer is None:
            super().on_message_complete()
            return
        head, body = _head(answer, self.server_state.default_headers), answer.body.get("body")
        if body:
            self.transport.writelines((head, body))
        else:
            self.transport.write(head)
        logs.request("GET", answer.pattern, answer.start["status"], answer.seconds)
        self.on_response_complete()

    def _at_hand(self) -> Answer | None:
        if self._front is None or not self._plain():
            return None
        asked = question(self.url, self.headers)
        return None if asked is None else self._front.at_hand(asked)

    def _plain(self) -> bool:
        """Whether uvicorn would do nothing else with the request than hand it on at once."""
        parser, cycle, limit = self.parser, self.cycle, self.limit_concurrency
        return (
            parser.get_method() == b"GET"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and (cycle is None or cycle.response_complete)  # type: ignore[redundant-expr] # None before the first
            and not self.flow.write_paused
            and not self.transport.is_closing()
            and (limit is None or max(len(self.connections), len(self.tasks)) < limit)
        )


def _head(answer: Answer, always: list[Header]) -> bytes:
    """The status line and the headers; `always` are uvicorn's own, among them the date, a new list every second."""
    if answer.always is not always:
        lines = [b"%b: %b\r\n" % header for header in (*always, *answer.start["headers"])]
        answer.head = b"".join((STATUS_LINE[answer.start["status"]], *lines, b"\r\n"))
        answer.always = always
    return answer.head

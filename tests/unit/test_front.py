"""The front repeats an answer only where the application would give the same one again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from widget_api.front import Front

PATH = "/api/v1/sites/wk_a/problems"
SHARED = [(b"cache-control", b"max-age=0, s-maxage=10"), (b"etag", b'"1"')]


class Behind:
    """An application that counts, and a database that moves when told."""

    def __init__(self, headers: list[tuple[bytes, bytes]] = SHARED, status: int = 200, parts: int = 1) -> None:
        self.headers, self.status, self.parts = headers, status, parts
        self.calls = 0
        self.current: object | None = 1
        database = SimpleNamespace(state=self._state)
        self.front = Front(self._answer)
        self.front.context = SimpleNamespace(database=database)

    async def _state(self) -> object | None:
        return self.current

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        for part in range(self.parts):
            body = str(self.calls).encode()
            await send({"type": "http.response.body", "body": body, "more_body": part < self.parts - 1})

    async def ask(self, path: str = PATH, query: bytes = b"", method: str = "GET", **headers: str) -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": raw,
        }
        await self.front(scope, None, send)  # type: ignore[arg-type]
        return sent

    async def kept(self, **asked: Any) -> list[Any]:
        """Asked twice: the second answer is the one that is kept."""
        await self.ask(**asked)
        return await self.ask(**asked)


@pytest.fixture(autouse=True)
def still() -> Any:
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        yield clock


async def test_the_same_question_gets_the_same_messages() -> None:
    behind = Behind()
    kept = await behind.kept(accept_language="ru")
    assert await behind.ask(accept_language="ru", origin="https://elsewhere.test") == kept
    assert behind.calls == 2


async def test_what_is_asked_once_is_not_kept() -> None:
    behind = Behind()
    await behind.ask()
    assert (await behind.ask())[1]["body"] == b"2"
    assert (await behind.ask())[1]["body"] == b"2"


async def test_what_was_asked_before_is_kept_at_once_in_another_moment() -> None:
    behind = Behind()
    await behind.kept()
    behind.current = 2
    assert (await behind.ask())[1]["body"] == b"3"
    assert (await behind.ask())[1]["body"] == b"3"


async def test_it_asks_again_in_the_next_second(still: Any) -> None:
    behind = Behind()
    await behind.kept()
    still.shift(1)
    await behind.ask()
    assert behind.calls == 3


async def test_what_changes_while_the_application_looks_is_not_kept() -> None:
    behind = Behind()
    answer = behind._answer
    await behind.ask()

    async def overtaken(scope: Any, receive: Any, send: Any) -> None:
        behind.front.app, behind.current = answer, 2
        await behind.kept(query=b"other")
        await answer(scope, receive, send)

    behind.front.app = overtaken
    await behind.ask()
    calls = behind.calls
    await behind.ask()
    assert behind.calls == calls + 1


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/api/v1/sites/wk_b/problems"},
        {"query": b"limit=1"},
        {"if_none_match": '"1"'},
        {"accept_language": "en"},
    ],
)
async def test_another_question_is_another_answer(other: dict[str, Any]) -> None:
    behind = Behind()
    await behind.kept()
    await behind.ask(**other)
    assert behind.calls == 3


@pytest.mark.parametrize(
    "behind",
    [
        lambda: Behind([(b"cache-control", b"no-store")]),
        lambda: Behind([]),
        lambda: Behind([*SHARED, (b"vary", b"Accept-Language, Origin")]),
        lambda: Behind(status=404),
        lambda: Behind(parts=3),
    ],
    ids=["no-store", "silent", "varies by more", "refused", "in parts"],
)
async def test_what_a_shared_cache_may_not_hold_is_never_repeated(behind: Any) -> None:
    made = behind()
    await made.kept()
    await made.ask()
    assert made.calls == 3


async def test_without_a_state_nothing_is_repeated() -> None:
    behind = Behind()
    behind.current = None
    await behind.kept()
    await behind.ask()
    assert behind.calls == 3


@pytest.mark.parametrize("asked", [{"method": "POST"}, {"method": "HEAD"}, {"path": "/s/wk_a"}])
async def test_writes_and_pages_pass_by(asked: dict[str, Any]) -> None:
    behind = Behind()
    await behind.kept(**asked)
    await behind.ask(**asked)
    assert behind.calls == 3


async def test_its_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widget_api.front.MOST_BYTES", 10_000)
    monkeypatch.setattr("widget_api.front.MOST_ASKED", 50)
    behind = Behind()
    for number in range(100):
        await behind.kept(query=str(number).encode())
    assert 5 <= len(behind.front._answers) < 10
    assert 1 <= len(behind.front._asked) <= 50


async def test_what_can_be_told_at_once_does_not_come_to_the_application() -> None:
    behind = Behind()
    behind.front.at_once = lambda context, target: ("/{key}", list(SHARED), b"at once: " + target)
    for _ in range(4):
        start, body = await behind.ask(query=b"limit=2")
        assert (start["status"], body["body"]) == (200, f"at once: {PATH}?limit=2".encode())
    assert behind.calls == 0
    await behind.ask(query=b"limit=2", if_none_match="*")
    assert behind.calls == 1


async def test_what_cannot_be_told_at_once_does() -> None:
    behind = Behind()
    behind.front.at_once = lambda context, target: None
    await behind.ask()
    assert behind.calls == 1


async def test_what_fails_at_once_goes_the_whole_way_where_it_is_told() -> None:
    def broken(context: Any, target: bytes) -> Any:
        raise OSError("the disk is gone")

    behind = Behind()
    behind.front.at_once = broken
    assert (await behind.ask())[0]["status"] == 200
    assert behind.calls == 1

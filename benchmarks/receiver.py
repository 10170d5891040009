"""A central platform that takes everything and does nothing with it: bare ASGI that counts and looks at the clock.

`python -m benchmarks.receiver PORT`. POST …/requests.json and …/servicerequestupdates.json are answered as GeoReport
has it, POST /hook with 204. GET /seen tells how many events came, when the first and the last did, how long each was on
its way (reports say in their text when they were sent), and the last body with its type; GET /forget begins anew.
"""

from __future__ import annotations

import itertools
import re
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
import uvicorn

Message = MutableMapping[str, Any]
SENT = re.compile(rb"sent(?:%3D|=)(\d+)")  # microseconds since 1970


class Receiver:
    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.forget()

    def forget(self) -> None:
        self.events, self.first, self.last = 0, 0.0, 0.0
        self.ways: list[int] = []
        self.bodies: dict[str, tuple[bytes, str]] = {}

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        path, status = scope["path"], 200
        if scope["method"] == "POST":
            body = await _body(receive)
            self._came(path, body, scope)
            answer = self._answer(path)
            status = 200 if answer else 204
        elif path == "/seen":
            answer = orjson.dumps(self._seen())
        elif path == "/forget":
            self.forget()
            answer = b"{}"
        else:
            answer = b"[]"  # it has no services, requests or updates of its own
        headers = [(b"content-length", str(len(answer)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _came(self, path: str, body: bytes, scope: Message) -> None:
        now = time.time()
        self.first, self.last = self.first or now, now
        self.events += max(1, body.count(b'"specversion"'))
        self.ways += [int(now * 1_000_000) - int(found) for found in SENT.findall(body)]
        if len(body) > len(self.bodies.get(path, (b"", ""))[0]):
            kinds = [value.decode() for name, value in scope["headers"] if name == b"content-type"]
            self.bodies[path] = body, kinds[0]

    def _answer(self, path: str) -> bytes:
        if path.endswith("/requests.json"):
            return b'[{"service_request_id":"%d"}]' % next(self.numbers)
        return b'[{"update_id":"%d"}]' % next(self.numbers) if path.endswith("updates.json") else b""

    def _seen(self) -> dict[str, Any]:
        bodies = {path: [body.decode(), kind] for path, (body, kind) in self.bodies.items()}
        return {"events": self.events, "first": self.first, "last": self.last, "ways": self.ways, "bodies": bodies}


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


if __name__ == "__main__":
    uvicorn.run(
        Receiver(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        lifespan="off",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
    )

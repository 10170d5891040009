"""What the application is measured against: bare ASGI under the same uvicorn with the same options.

`python -m benchmarks.baseline PORT FILE`: /hello says hello, /bytes sends the file, a POST is parsed and dropped.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import orjson
import uvicorn

Message = MutableMapping[str, Any]
HELLO = b'{"hello":"world"}'
RECEIVED = b'{"number":1,"status":"moderation"}'


class Baseline:
    """The least an ASGI application can do."""

    def __init__(self, page: bytes) -> None:
        self.page = page

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "POST":
            chunks, more = [], True
            while more:
                message = await receive()
                chunks.append(message.get("body", b""))
                more = message.get("more_body", False)
            orjson.loads(b"".join(chunks))
            status, body = 201, RECEIVED
        else:
            status, body = 200, self.page if scope["path"] == "/bytes" else HELLO
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        Baseline(Path(sys.argv[2]).read_bytes()),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        lifespan="off",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
    )

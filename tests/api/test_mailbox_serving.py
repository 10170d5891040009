"""Two real processes and one address: one listens, acknowledged letters survive its death, and the other takes over."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable

import pytest

from tests.factories import SECRET, existing
from tests.support.lmtp import Lmtp
from tests.support.mailbox import letter
from tests.support.processes import Service, free_port
from widget_api import settings as settings_module
from widget_api.mail import verp
from widget_api.signing import Signer

pytestmark = pytest.mark.faults


def delivered(port: int, raw: bytes, to: str, limit: float = 60) -> str:
    """The server's answer, once a process listens."""

    async def conversation() -> str:
        client = await Lmtp.connect(port)
        (answer,) = await client.deliver(raw, [to])
        await client.close()
        return answer

    deadline = time.monotonic() + limit
    while True:
        try:
            return asyncio.run(conversation())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_another_process_listens_after_the_first_is_killed(serve: Callable[..., Service]) -> None:
    port = free_port()
    first = serve(inbound=f"lmtp://127.0.0.1:{port}")
    second = serve(**{name.removeprefix("WIDGET_").lower(): first.settings[name]
                      for name in ("WIDGET_DATABASE_URL", "WIDGET_INBOUND")})  # fmt: skip
    agency = first.cli("agency", "add", "--name", "А", "--email", "priem@gorod.test", "--mode", "email")["agency"]
    site = first.cli("site", "add", "--name", "С", "--agency", agency, "--origin", "https://gorod.test")["site"]
    first.cli("load-demo", "--problems", "300")
    settings = settings_module.load(first.settings | {"WIDGET_DATA": str(first.directory)})
    workable = "'accepted', 'forwarded', 'in_progress', 'planned', 'reopened'"
    with contextlib.closing(sqlite3.connect(first.directory / "widget.db")) as database:
        ids = [row[0] for row in database.execute(f"SELECT id FROM problems WHERE status IN ({workable})")]
    assert len(ids) >= 2

    def send(problem_id: str) -> None:
        reply = existing(verp.reply_address(settings, Signer((SECRET,)), problem_id, site, agency))
        raw = letter("resolved", reply=reply, root="x@widget.test")
        assert delivered(port, raw, reply).startswith("250")

    send(ids[0])
    first.kill()
    send(ids[1])
    assert second.process is not None
    with contextlib.closing(sqlite3.connect(first.directory / "widget.db")) as database:
        rows = database.execute("SELECT problem_id, state FROM mailbox_messages ORDER BY received_at, id").fetchall()
        statuses = database.execute("SELECT status FROM problems WHERE id IN (?, ?)", ids[:2]).fetchall()
    assert rows == [(ids[0], "taken"), (ids[1], "taken")]
    assert statuses == [("resolved",), ("resolved",)]

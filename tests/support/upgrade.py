"""Everything outside that a service talks to when it is upgraded: mail, a GeoReport platform, a webhook, visitors.

Used by the script that makes the recording (tests/recorded/upgrade/make.py) and by the test that upgrades it.
"""

import asyncio
import json
import tarfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
from aiohttp import web

from tests.fake_platform import FakePlatform
from tests.support.cabinet import PageText
from tests.support.exchange import KEY
from tests.support.mail import MailSink
from tests.support.postgres import PostgreSQL
from tests.support.waiting import wait_for
from widget_api import clock
from widget_api.platform import signature
from widget_api.sites.tickets import solve_challenge

Result = TypeVar("Result")
RECORDED = Path(__file__).parents[1] / "recorded" / "upgrade"
SECRET = "upgrade-secret-of-more-than-32-characters"
PUBLIC_URL = "https://widget.test"
ORIGIN, VILLAGE = "https://gorod.test", "https://posyolok.test"
PATIENCE = 60.0  # seconds; the machine may be busy with other tests


def unpack(dialect: str, directory: Path, server: PostgreSQL | None) -> str:
    """Put what was recorded into the directory, its database onto the server if there is one; return the URL."""
    with tarfile.open(RECORDED / f"{dialect}.tar.gz") as archive:
        archive.extractall(directory, filter="data")
    if server is None:
        return f"sqlite:///{directory / 'widget.db'}"
    url = server.database()
    server.run((directory / "widget.sql").read_text(), name=url.rpartition("/")[2])
    return url


class Peers:
    """Mail, a GeoReport platform and a webhook receiver, in their own threads.

    `hook_status` is the receiver's answer; None: it never answers.
    """

    def __init__(self) -> None:
        self.mail = MailSink()
        self.platform = FakePlatform()
        self.hook_status: int | None = 204
        self.hook_waiting = False  # requests without an answer
        self.hook_events: list[dict[str, Any]] = []  # of requests answered with 204
        self.hook_url = ""
        self.clock: Callable[[], int] = clock.now
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="peers", daemon=True)
        self._thread.start()
        self._run(self._start())

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _start(self) -> None:
        await self.platform.start()
        app = web.Application()
        app.router.add_post("/hook", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.hook_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): text for name, text in request.headers.items()}
        assert signature.is_valid(KEY, headers, body, self.clock())
        if self.hook_status is None:
            self.hook_waiting = True
            await asyncio.sleep(3600)
        elif self.hook_status == 204:
            events = json.loads(body)
            self.hook_events += events if isinstance(events, list) else [events]
        return web.Response(status=self.hook_status or 500)

    def close(self) -> None:
        self._run(self.platform.stop())
        self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.mail.close()


def until(what: str, condition: Callable[[], Result]) -> Result:
    """Wait for a truthy result. Raises AssertionError if there is none."""
    return wait_for(condition, f"{what} did not arrive")


def path_of(link: str) -> str:
    """The path and query of a letter's link, whatever port the service uses now."""
    parts = urlsplit(link)
    assert f"{parts.scheme}://{parts.netloc}" == PUBLIC_URL, link
    return parts.path + (f"?{parts.query}" if parts.query else "")


class Visitor(httpx2.Client):
    """A browser of the service behind a proxy that terminates TLS; it keeps no connection open."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, timeout=PATIENCE, limits=httpx2.Limits(max_keepalive_connections=0))

    def read(self, path: str, status: int = 200) -> PageText:
        answer = self.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code}\n{answer.text}"
        return PageText(answer.text)

    def press(self, link: str) -> httpx2.Response:
        """Send the only form of the page that a letter links to."""
        path = path_of(link)
        (form,) = [one for one in self.read(path).forms if one.method == "post"]
        answer = self.post(form.action or path, data=form.fields)
        assert answer.status_code in (200, 303), f"{path}: {answer.status_code}\n{answer.text}"
        return answer


class Widget:
    """Calls the API as the widget does on a page of the site's origin."""

    def __init__(self, url: str, key: str, origin: str = ORIGIN) -> None:
        self.client, self.root = Visitor(url), f"/api/v1/sites/{key}"
        self.headers = {"Origin": origin}

    def get(self, path: str) -> Any:
        answer = self.client.get(self.root + path, headers=self.headers)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def consent(self) -> dict[str, Any]:
        return {"version": self.get("")["consent"]["version"], "processing": True}

    def challenge(self) -> str:
        return str(solve_challenge(self.get("/challenge")))

    def ticket(self, challenge: str | None = None) -> str:
        answer = self.send("/tickets", {"challenge": challenge or self.challenge()})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])

    def upload(self, content: bytes, ticket: str) -> httpx2.Response:
        files = {"file": ("photo.jpg", content, "image/jpeg")}
        return self.client.post(f"{self.root}/photos", files=files, data={"ticket": ticket}, headers=self.headers)

    def body(self, description: str, consent: dict[str, Any] | None = None) -> dict[str, Any]:
        """A report without photos, contacts and a ticket."""
        return {
            "category": "roads",
            "description": description,
            "location": {"lat": 55.0794, "lng": 38.7783, "address": "ул. Октябрьской Революции, 205"},
            "consent": (consent or self.consent()) | {"publish_name": False},
            "lang": "ru",
        }

    def send(self, path: str, body: Any, idempotency_key: str | None = None) -> httpx2.Response:
        headers = self.headers | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})
        return self.client.post(self.root + path, json=body, headers=headers)


def make_event(identifier: str, at: int, number: int, text: str) -> dict[str, Any]:
    """An event about one of our reports, from a platform that signs."""
    return {
        "specversion": "1.0",
        "id": identifier,
        "source": "https://central.test",
        "type": "ru.igrajdanin.problem.note",
        "time": clock.rfc3339(at),
        "data": {"number": number, "jurisdiction": "gorod.test", "kind": "note", "text": text},
    }


def sign_event(event: dict[str, Any], now: int) -> dict[str, Any]:
    """Content and headers of the request that delivers it."""
    content = json.dumps(event).encode()
    return {"content": content, "headers": signature.sign(KEY, "m-1", now, content)}

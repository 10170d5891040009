"""GET /tiles/{z}/{x}/{y} from an archive and from a real upstream that counts its requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import time_machine
from aiohttp import web

from tests.conftest import ONE_DATABASE, Client, running
from tests.factories import make_site
from tests.support.processes import CommandFailed
from tests.support.waiting import wait_for
from tests.unit.tiles.test_archive import picture, write
from widget_api import outbound
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.tiles import service
from widget_api.tiles.model import TileAddress, tile_at
from widget_api.web import limits

pytestmark = ONE_DATABASE  # tiles come from files and other servers

BOX = (38.6, 55.0, 38.9, 55.2)
LAT, LNG = 55.08, 38.78
HERE = tile_at(LAT, LNG, 13)
ABROAD = tile_at(48.85, 2.35, 13)


def path(address: TileAddress) -> str:
    return f"/tiles/{address.z}/{address.x}/{address.y}"


class Server:
    """A tile server on a port of its own."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answer: Callable[[], web.StreamResponse] = lambda: web.Response(body=picture(), content_type="image/png")
        self.wait = 0.0
        self.ending = asyncio.Event()
        self.most_at_once = self._now = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.path_qs] += 1
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), self.wait)
            return self.answer()
        finally:
            self._now -= 1

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/{path:.*}", self.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        (port,) = [one.getsockname()[1] for one in site._server.sockets]  # type: ignore[union-attr]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            self.ending.set()  # otherwise it would wait for delayed requests
            await runner.cleanup()


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
def asking(make_settings: Callable[..., Settings], database_url: str) -> Any:
    """`asking(tiles)`: a client of the application with these tiles and one site around Kolomna."""

    @contextlib.asynccontextmanager
    async def ask(tiles: str, **more: str) -> AsyncIterator[tuple[Client, Any]]:
        async with running(make_settings(database_url=database_url, tiles=tiles, **more)) as app:
            await make_site(app.state.context.database, bbox=BOX)
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url="https://widget.test") as client:
                yield client, app.state.context

    return ask


@pytest.fixture
def proxying(asking: Any, server: Server) -> Any:
    @contextlib.asynccontextmanager
    async def ask(**more: str) -> AsyncIterator[tuple[Client, Any]]:
        async with server.serving() as url, asking(f"{url}/t/{{z}}/{{x}}/{{y}}.png?key=k", **more) as both:
            yield both

    return ask


def archive(folder: Path) -> str:
    tiles = {(HERE.z, HERE.x, HERE.y): picture(), (ABROAD.z, ABROAD.x, ABROAD.y): picture()}
    return str(write(folder / "town.pmtiles", tiles))


# --- an archive ---


async def test_archive_tiles_have_a_long_cache_time_and_a_content_type(asking: Any, tmp_path: Path) -> None:
    async with asking(archive(tmp_path)) as (client, _):
        found = await client.get(path(HERE))
        assert (found.status_code, found.content) == (200, picture())
        assert found.headers["content-type"] == "image/png"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["cache-control"].startswith("public, max-age=86400")
        assert "set-cookie" not in found.headers
        unchanged = await client.get(path(HERE), headers={"If-None-Match": found.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        absent = await client.get(path(TileAddress(13, HERE.x + 1, HERE.y)))
        assert (absent.status_code, absent.content) == (404, b"")
        assert absent.headers["cache-control"] == "public, max-age=300"


async def test_only_tiles_of_our_sites_are_served(asking: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_TERRITORY_LIFETIME", 0.0)
    async with asking(archive(tmp_path)) as (client, context):
        assert (await client.get(path(ABROAD))).status_code == 404
        paris = await make_site(context.database, bbox=(2.2, 48.8, 2.5, 48.9))
        assert (await client.get(path(ABROAD))).status_code == 200
        context.tiles._cache.clear()
        await changes.disable_site(context.database, paris.id)
        assert (await client.get(path(ABROAD))).status_code == 404


async def test_tiles_around_a_territory_are_served_up_to_a_distance(proxying: Any, server: Server) -> None:
    async with proxying() as (client, _):
        _, south, east, north = BOX
        for lat, lng, status in (
            (LAT, east + 0.05, 200),
            (south - 0.04, LNG, 200),
            (LAT, east + 0.13, 200),  # plus half a wide screen
            (LAT, east + 0.2, 404),
            (north + 0.2, LNG, 404),
        ):
            assert (await client.get(path(tile_at(lat, lng, 14)))).status_code == status, (lat, lng)
        for z in (0, 3, 8):
            assert (await client.get(path(tile_at(LAT, LNG, z)))).status_code == 200, "what is far out touches it"
        assert (await client.get(path(TileAddress(3, 0, 0)))).status_code == 404
        assert (await client.get(path(tile_at(LAT, LNG, 19)))).status_code == 200
    assert sum(server.asked.values()) == 7, "what is not ours is not asked for"


async def test_an_invalid_tile_is_404_without_an_upstream_request(proxying: Any, server: Server) -> None:
    async with proxying() as (client, _):
        for tail in (
            "20/0/0", "13/8192/0", "-1/0/0", "13/1e3/0", "1/0/0.png", "13/../../etc/passwd", "%2e%2e/0/0", "1/0/%00",
            "a/b/c", "19/" + "9" * 3000 + "/0", "٣/٤/٥", "1/0/0/0", "13/4977.0/2560", "13//0",
        ):  # fmt: skip
            assert (await client.get(f"/tiles/{tail}")).status_code == 404, tail
    assert not server.asked


async def test_without_a_tile_source_tiles_are_404(client: Client) -> None:
    assert (await client.get(path(HERE))).status_code == 404


async def test_a_broken_archive_gives_404_and_the_service_keeps_running(asking: Any, tmp_path: Path) -> None:
    archive(tmp_path)
    broken = tmp_path / "town.pmtiles"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:127] + b"\0" * (len(whole) - 127))
    async with asking(str(broken)) as (client, context):
        assert (await client.get(path(HERE))).status_code == 404
        assert "cannot be read" in context.tiles.fault
        assert (await client.get("/healthz")).status_code == 200


# --- an upstream ---


async def test_a_hundred_concurrent_requests_cause_one_upstream_request(proxying: Any, server: Server) -> None:
    server.wait = 0.2
    async with proxying() as (client, _):
        answers = await asyncio.gather(*(client.get(path(HERE)) for _ in range(100)))
        assert {(answer.status_code, answer.content) for answer in answers} == {(200, picture())}
        assert (await client.get(path(HERE))).status_code == 200
    assert server.asked == {f"/t/{HERE.z}/{HERE.x}/{HERE.y}.png?key=k": 1}


async def test_a_request_that_sees_the_cached_tile_late_does_not_repeat_it(
    proxying: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxying() as (client, context):
        looks, may_go_on = asyncio.Event(), asyncio.Event()
        ours = context.tiles._is_in_territory

        async def slowly(*asked: Any) -> bool:
            looks.set()
            await may_go_on.wait()
            return bool(await ours(*asked))

        monkeypatch.setattr(context.tiles, "_is_in_territory", slowly)
        late = asyncio.create_task(client.get(path(HERE)))
        await looks.wait()
        monkeypatch.setattr(context.tiles, "_is_in_territory", ours)
        first = await client.get(path(HERE))
        may_go_on.set()
        assert (await late).content == first.content
    assert sum(server.asked.values()) == 1


async def test_a_disconnect_does_not_cancel_the_shared_request(proxying: Any, server: Server) -> None:
    server.wait = 60
    async with proxying() as (client, context):
        first = asyncio.create_task(context.tiles.get(context.database, HERE))
        await asyncio.to_thread(wait_for, lambda: server.asked)
        first.cancel()
        second = asyncio.create_task(client.get(path(HERE)))
        server.ending.set()
        assert (await second).status_code == 200
    assert sum(server.asked.values()) == 1


async def test_concurrent_upstream_requests_are_limited(proxying: Any, server: Server) -> None:
    server.wait = 0.05
    around = [TileAddress(17, x, y) for x in range(10) for y in range(10)]
    corner = tile_at(LAT, LNG, 17)
    async with proxying() as (client, _):
        wanted = [path(TileAddress(17, corner.x + one.x, corner.y + one.y)) for one in around]
        answers = await asyncio.gather(*(client.get(one) for one in wanted))
    assert {answer.status_code for answer in answers} == {200}
    assert server.most_at_once <= service.MAX_CONCURRENT


async def test_missing_tiles_are_cached_briefly(proxying: Any, server: Server) -> None:
    server.answer = lambda: web.Response(status=404)
    async with proxying() as (client, _):
        assert [(await client.get(path(HERE))).status_code for _ in range(3)] == [404, 404, 404]
    assert sum(server.asked.values()) == 1


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=500),
        lambda: web.Response(status=403),
        lambda: web.Response(status=429),
        lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        lambda: web.Response(text="<html>captcha</html>", content_type="text/html"),
        lambda: web.Response(body=b"<svg xmlns='http://www.w3.org/2000/svg'/>", content_type="image/svg+xml"),
        lambda: web.Response(body=picture(), content_type="text/html"),
        lambda: web.Response(body=b"\x89PNG\r\n\x1a\n" + b"\0" * 3_000_000, content_type="image/png"),
    ],
    ids=["500", "403", "429", "redirect", "page", "svg", "wrong type", "too large"],
)
async def test_invalid_upstream_answers_are_not_passed_on(
    proxying: Any, server: Server, answer: Callable[[], web.StreamResponse]
) -> None:
    server.answer = answer
    async with proxying() as (client, _):
        refused = await client.get(path(HERE))
        assert (refused.status_code, refused.content) == (502, b"")
        assert refused.headers["cache-control"] == "public, max-age=5"
        assert (await client.get(path(HERE))).status_code == 502
    assert sum(server.asked.values()) == 1, "a failure is remembered for a moment"


async def test_slow_and_oversized_upstream_answers_are_not_read(
    proxying: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxying() as (client, _):
        monkeypatch.setattr(service, "MAX_TILE_SIZE", len(picture()) - 1)
        assert (await client.get(path(HERE))).status_code == 502
        monkeypatch.setattr(service, "TIMEOUT", 0.2)
        server.wait = 5.0
        assert (await client.get(path(TileAddress(HERE.z, HERE.x + 1, HERE.y)))).status_code == 504


async def test_an_unavailable_upstream_is_paused(proxying: Any, server: Server) -> None:
    server.answer = lambda: web.Response(status=503)
    async with proxying() as (client, context):
        for step in range(9):
            await client.get(path(TileAddress(HERE.z, HERE.x + step % 3, HERE.y + step // 3)))
        assert sum(server.asked.values()) == service._MAX_FAILURES
        server.answer = lambda: web.Response(body=picture(), content_type="image/png")
        context.tiles.source._paused_until = 0.0
        context.tiles._cache.clear()
        assert (await client.get(path(HERE))).status_code == 200


async def test_stale_tiles_are_served_while_the_upstream_is_unavailable(
    proxying: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxying() as (client, _):
        good = await client.get(path(HERE))
        server.answer = lambda: web.Response(status=500)
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + service.TILE_LIFETIME + 1)
        stale = await client.get(path(HERE))
        assert (stale.status_code, stale.content) == (200, good.content)
        assert sum(server.asked.values()) == 2
        assert (await client.get(path(HERE))).status_code == 200
        assert sum(server.asked.values()) == 2, "and it is left alone for a moment"


async def test_the_tile_cache_is_bounded(proxying: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CACHE_SIZE", 60_000)
    server.answer = lambda: web.Response(body=picture() + b"\0" * 20_000, content_type="image/png")
    async with proxying() as (client, context):
        for step in range(6):
            assert (
                await client.get(path(TileAddress(HERE.z, HERE.x + step % 3, HERE.y + step // 3)))
            ).status_code == 200
        assert len(context.tiles._cache) == 2
        assert context.tiles._cache.currsize <= 60_000


async def test_tiles_are_not_served_to_other_sites(proxying: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.RATES, "tiles", "5/minute")
    async with proxying() as (client, _):
        with time_machine.travel(1_795_500_000, tick=False):
            answers = [await client.get(path(HERE)) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_the_upstreams_address_is_in_no_log(
    proxying: Any, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """It may hold a key."""
    server.answer = lambda: web.Response(status=500)
    async with proxying() as (client, context):
        await client.get(path(HERE))
        assert "key=k" not in repr(context.settings)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("widget_api")]
    assert any("cannot be fetched" in line for line in ours)
    assert not any("key=k" in line for line in ours)  # the upstream of this test logs its own requests
    assert outbound.SECONDS > service.TIMEOUT


# --- doctor ---


def test_doctor_checks_the_tile_source(cli: Callable[..., Any], tmp_path: Path, dialect: str) -> None:
    def tiles(**changes: str) -> dict[str, Any]:
        try:
            findings = cli("doctor", **changes)
        except CommandFailed as failure:
            findings = json.loads(failure.output)
        return next(one for one in findings["checks"] if one["name"] == "tiles")

    town = archive(tmp_path)
    assert tiles()["ok"] is True
    assert "no site has a territory" in tiles(tiles=town)["detail"]
    agency = cli("agency", "add", "--name", "Администрация", "--email", "a@gorod.test")["agency"]
    add = ("site", "add", "--name", "Сайт", "--agency", agency, "--origin")
    west, south = HERE.box[:2]
    cli(*add, "https://a.test", "--bbox", f"{west + 0.001},{south + 0.001},{west + 0.002},{south + 0.002}")
    found = tiles(tiles=town)
    assert (found["ok"], "image/png" in found["detail"]) == (True, True)
    assert "WIDGET_TILES_ATTRIBUTION" in found["detail"]
    assert "WIDGET_TILES_ATTRIBUTION" not in tiles(tiles=town, tiles_attribution="© OSM")["detail"]
    down = tiles(tiles="http://127.0.0.1:9/{z}/{x}/{y}?key=secret")
    assert (down["ok"], "could not be fetched" in down["detail"]) == (False, True)
    assert "secret" not in down["detail"]

"""Public answers are compressed, whole or streamed; private ones never are."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import Any

import brotli
import httpx2
import pytest

from tests.api.test_reads import town
from tests.conftest import ONE_DATABASE
from tests.factories import submit_report
from widget_api import clock
from widget_api.context import Context
from widget_api.mail import links
from widget_api.sites.model import Site
from widget_api.web import middleware

# Compression does not depend on the database; the contents are tested on both in test_reads.py and others.
pytestmark = ONE_DATABASE
READ = {"br": brotli.decompress, "gzip": gzip.decompress}
PUBLIC = (
    "/s/{key}", "/s/{key}?q=яма", "/s/{key}/feed.atom", "/s/{key}/sitemap.xml", "/api/v1/sites/{key}",
    "/api/v1/sites/{key}/problems?limit=50", "/api/v1/sites/{key}/problems.geojson", "/api/v1/sites/{key}/problems.csv",
    "/api/v1/sites/{key}/numbers.csv", "/api/v1/sites/{key}/clusters?zoom=16&bbox=38,54,40,56", "/w/1/loader.js",
    "/static/pages.css",
)  # fmt: skip


@pytest.fixture
async def site(context: Context) -> Site:
    return await town(context.database)


async def raw(app: Any, path: str, **headers: str) -> tuple[int, dict[str, str], list[bytes]]:
    """Status, headers and body chunks as they leave the application; httpx2 would decompress them."""
    start, pieces = dict[str, Any](), list[bytes]()
    target, _, query = path.partition("?")

    async def receive() -> Any:
        await asyncio.Event().wait()  # the client stays connected and sends nothing

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            pieces.append(message.get("body", b""))

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "method": "GET", "path": target, "raw_path": target.encode(),
        "query_string": httpx2.URL(f"https://w.test/?{query}").query,
        "headers": [(b"host", b"widget.test"), *given], "scheme": "https", "client": ("127.0.0.1", 1),
        "server": ("widget.test", 443),
    }  # fmt: skip
    await app(scope, receive, send)
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, pieces


async def test_compressed_answers_have_the_same_content(app: Any, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    this_second = clock.now()
    monkeypatch.setattr(clock, "now", lambda: this_second)  # open data files contain the time of writing
    for path in PUBLIC:
        path = path.format(key=site.key)
        _, plain, pieces = await raw(app, path)
        whole = b"".join(pieces)
        assert "content-encoding" not in plain, path
        assert "Accept-Encoding" in plain["vary"]
        for asked, coding in (("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip")):
            for _ in range(2):  # first built, then cached
                status, headers, pieces = await raw(app, path, accept_encoding=asked)
                packed = b"".join(pieces)
                assert (status, headers["content-encoding"]) == (200, coding)
                assert "Accept-Encoding" in headers["vary"]
                assert headers.get("content-length", str(len(packed))) == str(len(packed))
                assert READ[coding](packed) == whole
                assert len(packed) < len(whole) * 0.6
                if "etag" in headers:
                    assert headers["etag"] == f"W/{plain['etag'].removeprefix('W/')}"
                    status, again, _ = await raw(app, path, accept_encoding=asked, if_none_match=headers["etag"])
                    assert (status, again["etag"]) == (304, headers["etag"])
                    assert "Accept-Encoding" in again["vary"]
                    assert "content-encoding" not in again


async def test_every_chunk_of_a_streamed_answer_can_be_decompressed_at_once(
    app: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from widget_api.browse import open_data_routes as service

    monkeypatch.setattr(service, "PORTION", 10)
    path = f"/api/v1/sites/{site.key}/problems.csv"
    _, _, plain = await raw(app, path)
    assert len([piece for piece in plain if piece]) > 3
    _, _, packed = await raw(app, path, accept_encoding="gzip")
    reader, read = zlib.decompressobj(wbits=31), list[bytes]()
    for piece in packed:
        read.append(reader.decompress(piece))
    assert [piece for piece in read if piece] == [piece for piece in plain if piece]


async def test_short_answers_and_those_for_other_clients_are_not_compressed(app: Any, site: Site) -> None:
    for asked in ("", "identity", "br;q=0", "gzip;q=0.0, br; q=0", "zstd", "*"):
        _, headers, _ = await raw(app, f"/api/v1/sites/{site.key}/problems", accept_encoding=asked)
        assert "content-encoding" not in headers, asked
        assert headers["etag"].startswith('"')
    _, headers, pieces = await raw(app, f"/api/v1/sites/{site.key}/problems?q=nothing", accept_encoding="br")
    assert ("s-maxage" in headers["cache-control"], "content-encoding" in headers) == (True, False)
    assert len(b"".join(pieces)) < middleware.MINIMUM_SIZE


async def test_pages_with_a_secret_or_a_form_are_not_compressed(app: Any, context: Context, site: Site) -> None:
    receipt = await submit_report(context.database, site, status="accepted")
    paths = [
        f"/s/{site.key}/report",
        f"/s/{site.key}/problems/{receipt.number}",
        f"/s/{site.key}/install",
        links.track_url(context, receipt.problem_id).removeprefix(context.settings.public_url),
        "/track",
        "/cabinet/sign-in",
    ]
    for path in paths:
        status, headers, pieces = await raw(app, path, accept_encoding="gzip, br")
        assert status == 200, path
        assert len(b"".join(pieces)) > middleware.MINIMUM_SIZE, path
        assert "content-encoding" not in headers, path

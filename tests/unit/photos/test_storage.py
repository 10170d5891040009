"""Both storages do the same: a folder, and a bucket of a server that speaks as much of S3 as is used here."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from widget_api import clock
from widget_api.errors import Unavailable
from widget_api.photos.storage import Storage


class Bucket(ThreadingHTTPServer):
    """Objects by path; every request must be signed."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.broken = False
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bucket

    def log_message(self, *arguments: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        if self.server.broken or "AWS4-HMAC-SHA256" not in self.headers.get("Authorization", ""):
            status, body = 403, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.broken:
            self.server.objects[self.key] = content
        self.answer(200, ETag='"1"')

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            prefix = f"{self.key.rstrip('/')}/"
            found = [one.removeprefix(prefix) for one in self.server.objects]
            named = "".join(
                f"<Contents><Key>{one}</Key><LastModified>2026-11-24T00:00:00Z</LastModified><ETag>1</ETag>"
                "<Size>1</Size></Contents>"
                for one in sorted(found)
                if one.startswith(query["prefix"][0])
            )
            body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{named}</ListBucketResult>"
            self.answer(200, body.encode(), Content_Type="application/xml")
        elif self.key in self.server.objects:
            self.answer(200, self.server.objects[self.key], ETag='"1"', Last_Modified="Tue, 24 Nov 2026 00:00:00 GMT")
        else:
            self.answer(404)

    def do_POST(self) -> None:
        """Several are deleted with one request, named relative to the bucket."""
        wanted = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert urlsplit(self.path).query == "delete"
        keys = re.findall(r"<Key>([^<]+)</Key>", wanted)
        if not self.server.broken:
            for one in keys:
                self.server.objects.pop(f"{self.key.rstrip('/')}/{one}", None)
        done = "".join(f"<Deleted><Key>{one}</Key></Deleted>" for one in keys)
        self.answer(200, f"<DeleteResult>{done}</DeleteResult>".encode(), Content_Type="application/xml")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    server = Bucket()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "ru-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["file", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "file":
        return Storage((tmp_path / "медиа и всё").as_uri())
    request.getfixturevalue("bucket")
    return Storage("s3://photos/of/town")


async def test_pictures_come_and_go(storage: Storage) -> None:
    photo_id = clock.new_id()
    assert await storage.get(photo_id, "") is None
    await storage.put(photo_id, "", b"picture")
    await storage.put(photo_id, ".thumb", b"thumb")
    assert await storage.get(photo_id, "") == b"picture"
    assert await storage.get(photo_id, ".thumb") == b"thumb"
    assert sorted([name for names in [one async for one in storage.photos()] for name in names]) == [
        photo_id,
        f"{photo_id}.thumb",
    ]
    await storage.delete(photo_id)
    await storage.delete(photo_id)
    assert await storage.get(photo_id, "") is None
    assert await storage.get(photo_id, ".thumb") is None


async def test_it_is_examined_by_using_it(storage: Storage) -> None:
    await storage.examine()
    assert [one async for one in storage.photos() if one] == []


async def test_nobody_else_on_the_machine_looks_into_the_folder(tmp_path: Path) -> None:
    await Storage((tmp_path / "media").as_uri()).put(clock.new_id(), "", b"picture")
    assert (tmp_path / "media" / "photos").stat().st_mode & 0o077 == 0


async def test_what_does_not_answer_is_unavailable(bucket: Bucket, tmp_path: Path) -> None:
    bucket.broken = True
    for storage in (Storage("s3://photos"), Storage("file:///dev/null/media")):
        with pytest.raises(Unavailable) as failure:
            await storage.put(clock.new_id(), "", b"picture")
        assert failure.value.__cause__ is not None

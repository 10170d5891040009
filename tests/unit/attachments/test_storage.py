"""Both storages behave the same: a folder, and a bucket of a real S3 server."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from tests.support.processes import free_port
from tests.support.s3 import LISTED, S3
from widget_api import clock
from widget_api.attachments.bucket import Misconfigured
from widget_api.attachments.photos.model import SIZES
from widget_api.attachments.storage import Storage, photo_file_name
from widget_api.errors import Unavailable


@pytest.fixture(params=["file", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "file":
        return Storage((tmp_path / "медиа и всё").as_uri())
    s3: S3 = request.getfixturevalue("s3")
    return Storage(f"s3://{s3.bucket()}/of/town")


async def test_pictures_are_stored_replaced_and_deleted(storage: Storage) -> None:
    photo_id = clock.new_id()
    assert await storage.get(photo_id, "") is None
    await storage.put(photo_id, "", b"picture")
    await storage.put(photo_id, ".thumb", b"thumb")
    await storage.put(photo_id, ".small", b"small")
    assert await storage.get(photo_id, "") == b"picture"
    assert await storage.get(photo_id, ".thumb") == b"thumb"
    assert sorted([name for names in [one async for one in storage.photos()] for name in names]) == [
        photo_id,
        f"{photo_id}.small",
        f"{photo_id}.thumb",
    ]
    await storage.delete(photo_id)
    await storage.delete(photo_id)
    assert await storage.get(photo_id, "") is None
    assert [await storage.get(photo_id, size) for size in SIZES] == [None] * 3
    photo_id = clock.new_id()
    await storage.put(photo_id, "", b"first")
    await storage.put(photo_id, "", b"second")
    assert await storage.get(photo_id, "") == b"second"


async def test_a_storage_is_checked_by_writing_to_it(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    await storage.examine()
    assert [one async for one in storage.photos() if one] == []

    async def read_something_else(*_: object) -> bytes:
        return b"what another service wrote"

    monkeypatch.setattr(type(storage._place()), "get", read_something_else)
    with pytest.raises(Unavailable):
        await storage.examine()


async def test_the_folder_is_not_readable_by_other_users(tmp_path: Path) -> None:
    await Storage((tmp_path / "media").as_uri()).put(clock.new_id(), "", b"picture")
    assert (tmp_path / "media" / "photos").stat().st_mode & 0o077 == 0


async def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo_id, synced = clock.new_id(), list[tuple[bool, bool]]()
    file = tmp_path / photo_file_name(photo_id, "")

    def note(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), file.exists()))

    monkeypatch.setattr(os, "fsync", note)
    await Storage(tmp_path.as_uri()).put(photo_id, "", b"picture")
    assert synced == [(False, False), (True, True)], "first the content, then the folder's entry"


async def test_documents_are_stored_separately_from_pictures(storage: Storage) -> None:
    document_id, photo_id = clock.new_id(), clock.new_id()
    assert await storage.get_document(document_id) is None
    await storage.put_document(document_id, b"%PDF" * 500_000)
    await storage.put(photo_id, "", b"picture")
    assert await storage.get_document(document_id) == b"%PDF" * 500_000
    assert [name for names in [one async for one in storage.documents()] for name in names] == [document_id]
    assert [name for names in [one async for one in storage.photos()] for name in names] == [photo_id]
    await storage.delete_document(document_id)
    await storage.delete_document(document_id)
    assert await storage.get_document(document_id) is None
    assert await storage.get(photo_id, "") == b"picture"


async def test_listings_are_paged(storage: Storage) -> None:
    ids = {clock.new_id() for _ in range(LISTED + 20)}
    await asyncio.gather(*(storage.put(one, "", b"x") for one in ids))
    assert {name for names in [one async for one in storage.photos()] for name in names} == ids


async def test_a_bucket_is_used_under_its_prefix_only(s3: S3) -> None:
    bucket, photo_id = s3.bucket(), clock.new_id()
    await Storage(f"s3://{bucket}/of/town").put(photo_id, "", b"picture")
    assert s3.keys(bucket) == [f"of/town/photos/{photo_id[-2:]}/{photo_id}.jpg"]
    assert await Storage(f"s3://{bucket}/of").get(photo_id, "") is None
    assert [one async for one in Storage(f"s3://{bucket}/of/towns").photos() if one] == []


async def every_call(storage: Storage) -> list[BaseException | None]:
    """The error of every operation on a storage."""

    async def listing() -> list[list[str]]:
        return [one async for one in storage.photos()]

    one = clock.new_id()
    calls = (storage.put(one, "", b"picture"), storage.get(one, ""), storage.delete(one), storage.examine(), listing())
    failures = await asyncio.gather(*calls, return_exceptions=True)
    for failure in failures:
        assert isinstance(failure, Unavailable), failure
    return [failure.__cause__ for failure in failures if isinstance(failure, Unavailable)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "refuses the keys of AWS_ACCESS_KEY_ID: SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "refuses the keys of AWS_ACCESS_KEY_ID: InvalidAccessKeyId"),
        ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "AWS_ENDPOINT_URL is no address"),
    ],
)
async def test_wrong_credentials_are_reported_by_every_operation(
    s3: S3, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], said: str
) -> None:
    bucket = s3.bucket()
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    for cause in await every_call(Storage(f"s3://{bucket}")):
        assert said in str(cause)
        assert isinstance(cause, Misconfigured)
        assert "\n" not in str(cause)


async def test_a_missing_bucket_is_reported(s3: S3) -> None:
    storage = Storage("s3://nothing-here")
    for call in (storage.put(clock.new_id(), "", b"x"), storage.get(clock.new_id(), ""), storage.examine()):
        with pytest.raises(Unavailable) as failure:
            await call
        assert isinstance(failure.value.__cause__, Misconfigured)
        assert "there is no bucket nothing-here: NoSuchBucket" in str(failure.value.__cause__)


@pytest.mark.parametrize("url", ["s3:///photos", "s3://photos?endpoint=http://elsewhere", "s3://key:secret@photos"])
async def test_bucket_urls_are_validated(s3: S3, url: str) -> None:
    for cause in await every_call(Storage(url)):
        assert isinstance(cause, Misconfigured)
        assert "secret" not in str(cause)


async def test_an_unreachable_server_is_unavailable_and_can_recover(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = s3.bucket()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    for cause in await every_call(Storage(f"s3://{bucket}")):
        assert isinstance(cause, OSError)
        assert not isinstance(cause, Misconfigured)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    await Storage(f"s3://{bucket}").examine()


async def test_a_read_only_folder_is_unavailable() -> None:
    with pytest.raises(Unavailable) as failure:
        await Storage("file:///dev/null/media").put(clock.new_id(), "", b"picture")
    assert failure.value.__cause__ is not None

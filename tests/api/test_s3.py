"""Photos in an S3 bucket, from the report to the purge: a real service and a real S3 server."""

from __future__ import annotations

import io
import json
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.factories import AGENT, EMAIL, HOST_ORIGIN, problem_body
from tests.support.processes import CommandFailed, Service, free_port, run_command
from tests.support.s3 import S3
from tests.support.waiting import wait_for
from widget_api.database import Database
from widget_api.problems import lifecycle
from widget_api.problems.model import Change

OURS = {"Origin": HOST_ORIGIN}


@pytest.fixture
def dialect() -> str:
    """Photos are not in the database: one dialect is enough."""
    return "sqlite"


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "#336699").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def bucket(s3: S3) -> str:
    return s3.bucket()


@pytest.fixture
def service(serve: Callable[..., Service], bucket: str) -> Service:
    return serve(media_url=f"s3://{bucket}/of/town", challenge="off")


@pytest.fixture
def root(service: Service) -> str:
    """The site's part of the API."""
    agency = service.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    options = ("--agency", agency, "--origin", HOST_ORIGIN, "--type", "extended")
    key = service.cli("site", "add", "--name", "Сайт", *options)["key"]
    return f"{service.url}/api/v1/sites/{key}"


def sent(root: str) -> httpx2.Response:
    return httpx2.post(f"{root}/photos", files={"file": ("a.jpg", picture(), "image/jpeg")}, headers=OURS, timeout=30)


async def report(service: Service, root: str, **changes: Any) -> dict[str, Any]:
    """A published report with a photo."""
    version = httpx2.get(root, timeout=30).json()["consent"]["version"]
    body = problem_body(version, photos=[sent(root).json()["photo"]], **changes)
    answer = httpx2.post(
        f"{root}/problems", json=body, headers={**OURS, "Idempotency-Key": str(uuid.uuid4())}, timeout=30
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    database = Database(service.settings["WIDGET_DATABASE_URL"], readers=1)
    await database.connect()
    row = await database.row("SELECT id, site_id FROM problems WHERE number = :number", number=found["number"])
    assert row is not None
    await lifecycle.change(database, AGENT, row["site_id"], row["id"], Change(to="accepted"))
    await database.disconnect()
    return found


def shown(root: str, number: int) -> dict[str, Any]:
    (photo,) = httpx2.get(f"{root}/problems/{number}", timeout=30).json()["photos"]
    found: dict[str, Any] = photo
    return found


async def test_a_photo_is_uploaded_shown_saved_and_deleted(service: Service, root: str, s3: S3, bucket: str) -> None:
    number = (await report(service, root, email=None))["number"]
    assert len(s3.keys(bucket)) == 3
    assert all(name.startswith("of/town/photos/") for name in s3.keys(bucket))
    photo = shown(root, number)
    for size, address in ((640, photo["url"]), (480, photo["thumb"]), (240, photo["small"])):
        answer = httpx2.get(address, timeout=30)
        assert answer.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(answer.content)).width == size

    copy = service.directory / "copy.zip"
    written = service.cli("backup", str(copy))
    assert written["media"] is None, "a bucket has copies of its own"
    later = await report(service, root, email="later@example.test")
    assert len(s3.keys(bucket)) == 6
    restored = service.cli("restore", str(copy))
    assert restored["media"] is None
    assert len(s3.keys(bucket)) == 3, "what the copy knows nothing of is gone, what it knows is there"
    assert httpx2.get(f"{root}/problems/{later['number']}", timeout=30).status_code == 404
    assert httpx2.get(shown(root, number)["url"], timeout=30).status_code == 200

    second = await report(service, root, email=EMAIL)
    assert len(s3.keys(bucket)) == 6
    assert service.cli("erase", "--email", EMAIL)["erased"]
    wait_for(lambda: len(s3.keys(bucket)) <= 3, "what was erased is still there")
    assert httpx2.get(f"{root}/problems/{second['number']}", timeout=30).status_code == 404
    assert httpx2.get(shown(root, number)["url"], timeout=30).status_code == 200
    assert "photos" in service.cli("purge")
    assert len(s3.keys(bucket)) == 3, "what is shown is not forgotten"


def test_reports_without_photos_are_accepted_while_the_bucket_is_unavailable(
    serve: Callable[..., Service], s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    service = serve(media_url=f"s3://{bucket}", challenge="off")
    assert "the bucket of WIDGET_MEDIA_URL is away" in service.log
    agency = service.cli("agency", "add", "--name", "А", "--email", "a@gorod.test")["agency"]
    key = service.cli("site", "add", "--name", "С", "--agency", agency, "--origin", HOST_ORIGIN)["key"]
    root = f"{service.url}/api/v1/sites/{key}"
    answer = sent(root)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    version = httpx2.get(root, timeout=30).json()["consent"]["version"]
    keyed = {**OURS, "Idempotency-Key": "k"}
    assert httpx2.post(f"{root}/problems", json=problem_body(version), headers=keyed, timeout=30).status_code == 201
    with pytest.raises(CommandFailed) as failure:
        service.cli("doctor")
    (found,) = [one for one in json.loads(failure.value.output)["checks"] if one["name"] == "storage"]
    assert not found["ok"]
    assert f"s3://{bucket}" in found["detail"]
    with urllib.request.urlopen(f"{service.url}/readyz", timeout=20) as ready:
        assert ready.status == 200


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_bucket_that_refuses_stops_the_start_with_one_line(
    serve: Callable[..., Service], s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    service = serve(media_url=f"s3://{bucket}", start=False)
    with pytest.raises(CommandFailed) as failure:
        run_command(command, settings=service.settings, directory=service.directory)
    assert failure.value.code == 2
    assert failure.value.errors.splitlines() == [
        f"WIDGET_MEDIA_URL: the bucket {bucket} refuses the keys of AWS_ACCESS_KEY_ID: SignatureDoesNotMatch"
    ]


def test_doctor_writes_reads_and_deletes_a_test_object(service: Service, s3: S3, bucket: str) -> None:
    checks = {one["name"]: one for one in service.cli("doctor")["checks"]}
    assert checks["storage"] == {
        "name": "storage",
        "ok": True,
        "detail": f"s3://{bucket}/of/town can be written and read",
    }
    assert s3.keys(bucket) == []

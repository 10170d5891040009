"""Pictures uploaded with the form: under any field name that clients use, checked before the answer."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx2
import pytest

from tests.conftest import GOROD, ONE_DATABASE, Client
from tests.support.georeport import ROOT, PictureServer, Worker, photos_of
from tests.support.pictures import halves, noise, photo
from widget_api.attachments.photos.model import MAX_FILE_SIZE
from widget_api.context import Context
from widget_api.sites import changes
from widget_api.sites.model import Site

File = tuple[str, tuple[str, bytes, str]]
pytestmark = [pytest.mark.settings(work="off"), GOROD]


def file(name: str, content: bytes | None = None, kind: str = "jpeg") -> File:
    return name, ("camera.bin", photo(halves(64, 48), kind) if content is None else content, "application/octet-stream")


async def send(
    client: Client, key: str, *files: File, path: str = "requests.json", headers: Any = None, **more: Any
) -> httpx2.Response:
    form = {"api_key": key, "service_code": "roads", "lat": "55.08", "long": "38.77", "description": "Яма", **more}
    return await client.post(f"{ROOT}/{path}", data=form, files=list(files), headers=headers)


async def many(context: Context, table: str) -> int:
    row = await context.database.row(f"SELECT COUNT(*) AS many FROM {table}")
    assert row is not None
    return int(row["many"])


@ONE_DATABASE
@pytest.mark.parametrize("name", ["media", "media[]", "media_url", "file", "photo", "photo1", "photo12"])
async def test_all_field_names_of_clients_are_accepted(client: Client, context: Context, key: str, name: str) -> None:
    answer = await send(client, key, file(name, kind="png"))
    assert answer.status_code == 200, answer.text
    assert [one["width"] for one in await photos_of(context)] == [64]


async def test_pictures_keep_their_order_and_limit(client: Client, context: Context, site: Site, key: str) -> None:
    sizes = range(40, 40 + site.photos + 2)
    sent = [file(f"photo{place}", photo(halves(width, 30))) for place, width in enumerate(sizes, 1)]
    assert (await send(client, key, *sent, file("report", b"%PDF-1.7"))).status_code == 200
    assert [one["width"] for one in await photos_of(context)] == list(sizes)[: site.photos]


async def test_pictures_are_checked_after_key_and_fields_and_every_invalid_one_is_named(
    client: Client, context: Context, key: str
) -> None:
    assert (await send(client, "wrong", file("media"))).status_code == 403
    answer = await send(client, key, file("media", b"MZ"), service_code="nonsense")
    assert [one["description"].partition(":")[0] for one in answer.json()] == ["service_code"]
    assert await many(context, "photos") == 0
    for form in ("json", "xml"):
        large = file("photo3", photo(noise(64, 48)) + bytes(MAX_FILE_SIZE))
        wrong = (file("media", b"MZ"), file("photo2"), large)
        answer = await send(client, key, *wrong, path=f"requests.{form}")
        assert answer.status_code == 400, form
        assert [name in answer.text for name in ("media: ", "photo2: ", "photo3: ")] == [True, False, True]
        answer = await send(client, key, file("file", photo(noise(640, 480))[:300]), path=f"requests.{form}")
        assert (answer.status_code, "file: " in answer.text) == (400, True)
        assert await many(context, "problems") == 0


@pytest.mark.parametrize("written", ["{}", "data:image/jpeg;base64,{}", "spaces"])
async def test_old_clients_send_base64_as_text_field(client: Client, context: Context, key: str, written: str) -> None:
    text = base64.b64encode(photo(noise(64, 48))).decode()
    assert "+" in text
    text = text.replace("+", " ") if written == "spaces" else written.format(text)
    form = {"api_key": key, "service_code": "roads", "lat": "55.08", "long": "38.77", "description": "Яма"}
    answer = await client.post(f"{ROOT}/requests.json", data=form | {"media": text})
    assert answer.status_code == 200, answer.text
    assert [one["width"] for one in await photos_of(context)] == [64]


async def test_base64_is_cleaned_like_files_and_empty_ones_ignored(client: Client, context: Context, key: str) -> None:
    form = {"api_key": key, "service_code": "roads", "lat": "55.08", "long": "38.77", "description": "Яма"}
    wrong = form | {"media": base64.b64encode(b"MZ" + bytes(100)).decode()}
    answer = await client.post(f"{ROOT}/requests.json", data=wrong)
    assert (answer.status_code, "media: " in answer.text) == (400, True)
    answer = await client.post(f"{ROOT}/requests.json", data=wrong | {"api_key": "wrong"})
    assert answer.status_code == 403
    answer = await client.post(f"{ROOT}/requests.json", data=form | {"media": "A" * 300_000})
    assert (answer.status_code, "multipart/form-data" in answer.text) == (400, True)
    assert await many(context, "problems") == 0
    for nothing in ("none", "https://example.org/yama.jpg", "…"):
        answer = await client.post(f"{ROOT}/requests.json", data=form | {"media": nothing})
        assert answer.status_code == 200
    assert await photos_of(context) == []
    assert (await send(client, key, file("media", b""))).status_code == 200
    assert await photos_of(context) == []


async def test_a_retry_is_the_same_report_and_other_files_another(client: Client, context: Context, key: str) -> None:
    named = {"Idempotency-Key": "k-1"}
    first = await send(client, key, file("media"), headers=named)
    again = await send(client, key, file("media"), headers=named)
    assert (first.status_code, first.content) == (200, again.content)
    assert (await many(context, "problems"), await many(context, "photos")) == (1, 1)
    other = await send(client, key, file("media", photo(noise(64, 48))), headers=named)
    assert other.status_code == 400


@pytest.mark.parametrize("scope", ["georeport", "platform"])
async def test_concurrent_retries_create_one_report(client: Client, context: Context, site: Site, scope: Any) -> None:
    key = await changes.add_token(context.database, site.id, scope)
    born = {"extended_attributes[event_id]": "0193b2c4-0000-7000-8000-000000000001"}
    repeats = [send(client, key, file("media"), headers={"Idempotency-Key": "k-1"}, **born) for _ in range(6)]
    answers = await asyncio.gather(*repeats)
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].status_code == 200, answers[0].text
    assert await many(context, "problems") == 1
    kept = await context.database.rows("SELECT problem_id FROM photos WHERE removed_at IS NULL")
    assert [row["problem_id"] is not None for row in kept] == [True]


async def test_files_take_precedence_over_urls(
    client: Client, context: Context, site: Site, key: str, pictures: PictureServer, worker: Worker
) -> None:
    urls = [pictures.set_answer(f"/{width}", photo(halves(width, 30))) for width in range(200, 210)]
    answer = await send(client, key, file("photo1"), file("photo2", photo(halves(66, 48))), media_url=urls)
    assert answer.status_code == 200, answer.text
    await worker.until_idle()
    widths = [one["width"] for one in await photos_of(context)]
    assert widths == [64, 66, *range(200, 210)][: site.photos]


async def test_an_update_may_contain_pictures(client: Client, context: Context, site: Site) -> None:
    key = await changes.add_token(context.database, site.id, "platform")
    assert (await send(client, key)).status_code == 200
    fields = {"service_request_id": "1", "update_id": "7", "description": "Сделано", "status": "FIXED"}
    for _ in range(2):
        answer = await send(client, key, file("photo1"), path="servicerequestupdates.json", **fields)
        assert answer.status_code == 200, answer.text
    (found,) = (await client.get(f"{ROOT}/servicerequestupdates.json")).json()
    assert (await client.get(found["media_url"])).status_code == 200
    assert await many(context, "photos") == 1
    wrong = await send(
        client, key, file("photo1", b"MZ"), path="servicerequestupdates.xml", **(fields | {"update_id": "8"})
    )
    assert (wrong.status_code, "photo1: " in wrong.text) == (400, True)

"""Photos: uploaded, attached once, visible to those who may see them, deleted with their report."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import orjson
import pytest
import time_machine
from PIL import Image

from tests.api.test_letters import letters
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, HOST_ORIGIN, OPERATOR, RESIDENT, existing, make_site, problem_body, submit_report
from tests.support import bad_files
from tests.support.cabinet import Cabinet
from tests.support.mail import MailSink
from tests.support.public_api import Widget, problem
from tests.support.waiting import wait_for
from widget_api import clock
from widget_api.attachments import links, storage
from widget_api.attachments.photos import intake, service
from widget_api.attachments.photos.model import SIZES
from widget_api.attachments.storage import Storage
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.deliveries.model import Retry
from widget_api.errors import Unavailable
from widget_api.ops import backup, retention, schema
from widget_api.people import accounts
from widget_api.problems import lifecycle, notify, pictures
from widget_api.problems.model import Change, Photo
from widget_api.problems.store import records
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.model import Site

DAY = 86_400
pytestmark = pytest.mark.site(type="extended")


def jpeg(width: int = 640, height: int = 480, colour: str = "#336699") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    return out.getvalue()


async def upload(widget: Widget, content: bytes, *, ticket: str | None, **headers: str) -> httpx2.Response:
    return await widget.client.post(
        f"{widget.root}/photos",
        files={"file": ("camera.bin", content, "application/octet-stream")},
        data={"ticket": ticket} if ticket is not None else {},
        headers={"Origin": widget.origin, **headers},
    )


async def pictured(context: Context, site: Site, *, many: int = 1, **report: Any) -> tuple[str, list[str]]:
    """A report with photos: its id and theirs."""
    received = [await service.receive(context, site.id, jpeg()) for _ in range(many)]
    attached = tuple(Photo(one.id, f"Снимок {place}") for place, one in enumerate(received))
    receipt = await submit_report(context.database, site, photos=attached, **report)
    return receipt.problem_id, [one.id for one in received]


async def kept(context: Context, photo_id: str) -> bool:
    return await context.storage.get(photo_id, "") is not None


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def seen(client: Client, photo_id: str) -> tuple[int, int]:
    """The public view of a photo and its thumbnail."""
    answers = [await client.get(f"/photos/{photo_id}{size}.jpg") for size in SIZES]
    return answers[0].status_code, answers[1].status_code


# --- sending one in ---


async def test_an_uploaded_photo_is_visible_only_with_a_signed_link(widget: Widget) -> None:
    answer = await upload(widget, jpeg(3000, 1000), ticket=await widget.ticket())
    assert answer.status_code == 201, answer.text
    assert set(answer.json()) == {"photo", "thumb", "location"}
    assert answer.headers["access-control-allow-origin"] == HOST_ORIGIN
    assert answer.headers["cache-control"] == "no-store"
    thumb = await widget.client.get(answer.json()["thumb"])
    assert thumb.status_code == 200
    assert thumb.headers["cache-control"] == "private, no-store"
    assert Image.open(io.BytesIO(thumb.content)).size == (480, 160)
    bare = await widget.client.get(answer.json()["thumb"].partition("?")[0])
    assert bare.status_code == 404


async def test_refusals_follow_the_order_of_the_contract(widget: Widget) -> None:
    client, root = widget.client, widget.root
    ours = {"Origin": HOST_ORIGIN}
    file = {"file": ("a.jpg", b"GIF89a", "image/jpeg")}
    assert problem(await client.post("/api/v1/sites/wk_none/photos", files=file), 404)["code"] == "site_not_found"
    foreign = await client.post(f"{root}/photos", files=file, headers={"Origin": "https://evil.test"})
    assert problem(foreign, 403)["code"] == "origin_not_registered"
    assert foreign.headers["access-control-allow-origin"] == "https://evil.test"
    assert problem(await client.post(f"{root}/photos", json={}, headers=ours), 415)["code"] == "wrong_type"
    large = {"file": ("a.jpg", b"\xff\xd8\xff" + bytes(11 * 1024 * 1024), "image/jpeg")}
    assert problem(await client.post(f"{root}/photos", files=large, headers=ours), 413)["code"] == "photo_too_large"
    typed = await client.post(f"{root}/photos", files=file, headers=ours)  # before the missing ticket
    assert problem(typed, 415)["code"] == "photo_type"
    nameless = await client.post(f"{root}/photos", files={"picture": ("a.jpg", jpeg(), "image/jpeg")}, headers=ours)
    assert problem(nameless, 400)["code"] == "malformed"
    many = [("file", ("a.jpg", jpeg(8, 8), "image/jpeg")), ("file", ("b.jpg", jpeg(8, 8), "image/jpeg"))]
    assert problem(await client.post(f"{root}/photos", files=many, headers=ours), 400)["code"] == "malformed"
    assert problem(await upload(widget, jpeg(), ticket=None), 403)["code"] == "ticket_missing"
    assert problem(await upload(widget, b"\xff\xd8\xff nonsense", ticket="forged"), 403)["code"] == "ticket_invalid"
    broken = problem(await upload(widget, b"\xff\xd8\xff nonsense", ticket=await widget.ticket()), 422)
    assert (broken["code"], broken["errors"][0]["field"]) == ("photo_broken", "file")
    assert (await widget.client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("sent", ["declared", "undeclared"])
async def test_oversized_uploads_are_not_read_to_the_end(widget: Widget, sent: str) -> None:
    """A chunked body has no declared length, so the bytes are counted."""
    read = 0

    async def endless() -> Any:
        nonlocal read
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n\xff\xd8\xff'
        for _ in range(400):
            read += 65_536
            yield bytes(65_536)

    headers = {"Origin": HOST_ORIGIN, "Content-Type": "multipart/form-data; boundary=b"}
    if sent == "declared":
        headers["Content-Length"] = str(400 * 65_536)
    answer = await widget.client.post(f"{widget.root}/photos", content=endless(), headers=headers)
    assert problem(answer, 413)["code"] == "photo_too_large"


@ONE_DATABASE
async def test_bodies_other_than_forms_are_refused(widget: Widget) -> None:
    for body in (
        b"",
        b"--b",
        b"--b\r\n\r\n\r\n--b--",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b"\x00" * 99,
    ):
        headers = {"Origin": HOST_ORIGIN, "Content-Type": "multipart/form-data; boundary=b"}
        answer = await widget.client.post(f"{widget.root}/photos", content=body, headers=headers)
        assert problem(answer, 400)["code"] == "malformed", body
        unbound = await widget.client.post(
            f"{widget.root}/photos", content=body, headers=headers | {"Content-Type": "multipart/form-data"}
        )
        assert problem(unbound, 400)["code"] == "malformed"


async def test_a_ticket_allows_a_limited_number_of_uploads(widget: Widget) -> None:
    ticket = await widget.ticket()
    tokens = [(await upload(widget, jpeg(), ticket=ticket)).json()["photo"] for _ in range(widget.site.photos + 2)]
    assert problem(await upload(widget, jpeg(), ticket=ticket), 403)["code"] == "ticket_photos"
    assert (await upload(widget, jpeg(), ticket=await widget.ticket())).status_code == 201
    assert (await widget.send(ticket=ticket, photos=tokens[:1])).status_code == 201
    assert problem(await upload(widget, jpeg(), ticket=ticket), 403)["code"] == "ticket_spent"


async def test_concurrent_and_failed_uploads_are_counted(widget: Widget, context: Context) -> None:
    """A file of many scans costs a hundred times as much as it takes to make; the ticket is what its sender pays."""
    ticket, most = await widget.ticket(), widget.site.photos + 2
    files = [bad_files.jpeg_of_scans(400) if number % 2 else jpeg() for number in range(most + 3)]
    answers = await asyncio.gather(*(upload(widget, file, ticket=ticket) for file in files))
    codes = [answer.json().get("code", "") for answer in answers]
    assert codes.count("ticket_photos") == 3
    assert set(codes) == {"", "photo_too_complex", "ticket_photos"}
    assert len(await context.database.rows("SELECT 1 FROM photos")) == codes.count("")


@pytest.mark.parametrize(
    "room",
    [
        pytest.param(1, marks=pytest.mark.settings(unattached_quota="2"), id="quota of the site"),
        pytest.param(0, marks=pytest.mark.settings(min_free_space="999999999"), id="disk"),
    ],
)
async def test_without_room_reports_are_received_without_photos(widget: Widget, context: Context, room: int) -> None:
    await changes.set_category(context.database, widget.site.id, "roads", {"photo_required": True})
    ticket, large = await widget.ticket(), jpeg(2000, 1500)
    answers = [await upload(widget, large, ticket=ticket) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * room + [503] * (3 - room)
    paused = problem(answers[-1], 503)
    assert (paused["code"], "Отправьте без них" in paused["detail"]) == ("photos_paused", True)
    assert (await widget.send(ticket=ticket)).status_code == 201, "though its category demands a photo"
    attached = [answer.json()["photo"] for answer in answers[:room]]
    assert (await widget.send("key-2", photos=attached)).status_code == 201
    again = await upload(widget, large, ticket=await widget.ticket())
    assert again.status_code == (201 if room else 503), "a photo that has its report waits no more"


async def test_uploads_are_limited_by_address(
    context: Context, widget: Widget, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = []

    async def hit(name: str, *parts: str) -> None:
        hits.append(name)

    monkeypatch.setattr(context.limits, "hit", hit)
    await upload(widget, jpeg(), ticket="forged")
    assert hits == ["photos"]


@ONE_DATABASE
@pytest.mark.settings(challenge="off")
@pytest.mark.site
async def test_without_challenges_no_ticket_is_needed(widget: Widget) -> None:
    assert (await upload(widget, jpeg(), ticket=None)).status_code == 201


# --- attaching ---


async def test_a_report_has_its_photos_in_order(widget: Widget, context: Context) -> None:
    ticket = await widget.ticket()
    first, second = [
        (await upload(widget, jpeg(colour=colour), ticket=ticket)).json()["photo"] for colour in ("red", "blue")
    ]
    sent: dict[str, Any] = {"ticket": ticket, "photos": [second, {"photo": first, "alt": " Яма \n у школы "}]}
    answer = await widget.send(**sent)
    assert answer.status_code == 201, answer.text
    repeated = await widget.send(**sent)
    assert repeated.content == answer.content, "a repeat needs neither ticket nor tokens"
    again = problem(await widget.send("key-2", photos=[first]), 422)
    assert [(one["field"], one["code"]) for one in again["errors"]] == [("photos.0", "unknown")]
    assert "фотографии" in again["errors"][0]["detail"]
    assert await widget.written() == 1, "a report whose photo is taken is not half taken in"
    row = existing(await context.database.row("SELECT id, photos FROM problems"))
    shown = orjson.loads(row["photos"])
    assert [one["alt"] for one in shown] == [None, "Яма у школы"]
    attached = await pictures.list_pictures(context.database, row["id"])
    assert [(one["role"], one["place"], one["alt"]) for one in attached] == [
        ("report", 0, None),
        ("report", 1, "Яма у школы"),
    ]
    assert shown[0]["url"] == f"/photos/{attached[0]['id']}.jpg"


async def test_invalid_photo_tokens_are_named_and_nothing_is_stored(widget: Widget, context: Context) -> None:
    ticket = await widget.ticket()
    good = (await upload(widget, jpeg(), ticket=ticket)).json()["photo"]
    other = await make_site(context.database)
    foreign = (await service.receive(context, other.id, jpeg())).token
    theirs = existing(links.read_photo_token(context.signer, other.id, foreign))
    resigned = links.make_photo_token(context.signer, widget.site.id, theirs)
    assert links.read_photo_token(context.signer, widget.site.id, foreign) is None, "before the table is even asked"
    old = links.make_photo_token(context.signer, widget.site.id, clock.new_id())  # never received
    for wrong, fields in (
        ([good, "forged", good], {"photos.1", "photos.2"}),
        ([foreign], {"photos.0"}),
        ([resigned], {"photos.0"}),
        ([old], {"photos.0"}),
        ([{"photo": good, "alt": 5}], {"photos.0.alt"}),
        ([{"photo": good, "alt": "x" * 501}], {"photos.0.alt"}),
        ([7, None, {}], {"photos.0", "photos.1", "photos.2"}),
        (good, {"photos"}),
        ([good] * 4, {"photos"}),
    ):
        refused = problem(await widget.send(clock.new_id(), photos=wrong), 422)
        assert {one["field"] for one in refused["errors"]} == fields
    assert await widget.written() == 0
    assert (await widget.send(ticket=ticket, photos=[good])).status_code == 201, "the good one is good still"


async def test_unused_photos_are_deleted_after_a_day(widget: Widget, context: Context) -> None:
    received = await service.receive(context, widget.site.id, jpeg())
    now = clock.now()
    with time_machine.travel(now + DAY - 60):
        assert await service.purge(context.database, context.storage) == 0
    with time_machine.travel(now + DAY + 60):
        refused = problem(await widget.send(photos=[received.token]), 422)
        assert refused["errors"][0]["field"] == "photos.0"
        assert await service.purge(context.database, context.storage) == 1
    assert not await kept(context, received.id)
    assert await context.database.row("SELECT 1 FROM photos") is None


async def test_a_photo_can_be_attached_to_one_report_only(widget: Widget, context: Context) -> None:
    received = await service.receive(context, widget.site.id, jpeg())
    body = problem_body(await widget.consent(), photos=[received.token])
    tickets = [await widget.ticket() for _ in range(6)]
    answers = await asyncio.gather(
        *(
            widget.client.post(
                f"{widget.root}/problems",
                json=body | {"ticket": ticket},
                headers={"Origin": HOST_ORIGIN, "Idempotency-Key": ticket[-20:]},
            )
            for ticket in tickets
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 5


async def test_a_category_may_require_a_photo(widget: Widget, context: Context) -> None:
    await changes.set_category(context.database, widget.site.id, "roads", {"photo_required": True})
    refused = problem(await widget.send(), 422)
    assert [(one["field"], one["code"]) for one in refused["errors"]] == [("photos", "required")]
    ticket = await widget.ticket()
    token = (await upload(widget, jpeg(), ticket=ticket)).json()["photo"]
    assert (await widget.send(ticket=ticket, photos=[token])).status_code == 201


# --- who sees it ---


async def test_photos_of_published_reports_alone_are_public(client: Client, context: Context, site: Site) -> None:
    problem_id, (photo_id,) = await pictured(context, site)
    assert await seen(client, photo_id) == (404, 404)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
    picture = await client.get(f"/photos/{photo_id}.jpg")
    assert picture.status_code == 200
    headers = picture.headers
    assert headers["content-type"] == "image/jpeg"
    assert headers["cache-control"] == "public, max-age=300"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["content-disposition"].startswith("inline")
    unchanged = await client.get(f"/photos/{photo_id}.jpg", headers={"If-None-Match": headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    (item,) = (await client.get(f"/api/v1/sites/{site.key}/problems")).json()["items"]
    assert item["photos"] == [
        {
            "url": f"https://widget.test/photos/{photo_id}.jpg",
            "thumb": f"https://widget.test/photos/{photo_id}.thumb.jpg",
            "small": f"https://widget.test/photos/{photo_id}.small.jpg",
            "width": 640,
            "height": 480,
            "alt": "Снимок 0",
        }
    ]
    for name, most in (("thumb", 480), ("small", 240)):
        shown = await client.get(item["photos"][0][name])
        assert max(Image.open(io.BytesIO(shown.content)).size) == most
    for name in (
        *("..%2F..%2Fwidget.db", "%2e%2e/secret_keys", "x.jpg", "{id}.png"),
        *("{id}.thumb.thumb.jpg", "{ID}.jpg", "{id}.jpg%00", "{id}%2F.jpg"),
    ):
        answer = await client.get(f"/photos/{name.replace('{id}', photo_id).replace('{ID}', photo_id.upper())}")
        assert answer.status_code == 404, name
        assert answer.headers["content-type"].startswith("text/html")

    received = await service.receive(context, site.id, jpeg())
    event = existing(await context.database.row("SELECT id FROM events WHERE status = 'accepted'"))

    async def clarify(tx: Any) -> None:
        await pictures.attach(tx, site.id, problem_id, event["id"], "clarification", [Photo(received.id)])

    await context.database.write(clarify)
    assert await seen(client, photo_id) == (200, 200)
    assert await seen(client, received.id) == (404, 404), "those of a clarification are the agency's"
    one = (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()
    assert one["photos"] == item["photos"]
    both = await pictures.list_pictures(context.database, problem_id)
    assert [one["role"] for one in both] == ["report", "clarification"]


@pytest.mark.parametrize("status", ["rejected", "duplicate"])
async def test_photos_of_rejected_reports_are_never_public(
    client: Client, context: Context, site: Site, status: str
) -> None:
    other, _ = await pictured(context, site)
    await lifecycle.change(context.database, AGENT, site.id, other, Change(to="accepted"))
    problem_id, (photo_id,) = await pictured(context, site)
    change = Change(to=status, text="Не городская территория", duplicate_of=1)  # type: ignore[arg-type]
    await lifecycle.change(context.database, AGENT, site.id, problem_id, change)
    assert await seen(client, photo_id) == (404, 404)
    signed = await client.get(links.sign_photo_url(context, photo_id))
    assert (signed.status_code, signed.headers["cache-control"]) == (200, "private, no-store")


async def test_a_signed_link_is_valid_for_one_photo_and_one_hour(client: Client, context: Context, site: Site) -> None:
    one, other = [await service.receive(context, site.id, jpeg()) for _ in range(2)]
    link = links.sign_photo_url(context, one.id)
    signature = link.partition("?")[2]
    assert (await client.get(link)).status_code == 200
    assert (await client.get(f"/photos/{other.id}.jpg?{signature}")).status_code == 404
    end, _, seal = signature.removeprefix("s=").partition(".")
    later = f"{int(end) + 10_000}.{seal}"
    for forged in (
        later, f"{int(end) + 1}.{seal}", f"0{end}.{seal}", f"٣{end}.{seal}", f"{end}.", f".{seal}", seal, "s", "€.€",
        f"{end}.{seal}x", "9" * 30 + f".{seal}", "²." + seal,
    ):  # fmt: skip
        assert (await client.get(f"/photos/{one.id}.jpg", params={"s": forged})).status_code == 404, forged
    with time_machine.travel(clock.now() + links.LINK_LIFETIME + 1):
        assert (await client.get(link)).status_code == 404


# --- forgetting ---


@pytest.mark.parametrize("how", ["erased", "withdrawn"])
async def test_erasure_and_withdrawal_remove_the_photos(client: Client, context: Context, site: Site, how: str) -> None:
    problem_id, photo_ids = await pictured(context, site, many=2)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
    link = links.sign_photo_url(context, photo_ids[0])
    assert (await client.get(link)).status_code == 200
    if how == "erased":
        await lifecycle.erase(context.database, RESIDENT, site.id, problem_id)
    else:
        await lifecycle.change(context.database, RESIDENT, site.id, problem_id, Change(to="withdrawn"))
    for gone in (link, link.replace(".jpg", ".thumb.jpg")):
        assert (await client.get(gone)).status_code == 404, "at once, before anything is swept"
    assert await seen(client, photo_ids[1]) == (404, 404)
    row = existing(await context.database.row("SELECT photos FROM problems"))
    assert row["photos"] == "[]"
    assert await pictures.list_pictures(context.database, problem_id) == []
    assert await service.sweep(context.database, context.storage) == 2
    assert [await kept(context, photo_id) for photo_id in photo_ids] == [False, False]
    assert await context.database.row("SELECT 1 FROM photos") is None


async def test_an_interrupted_sweep_is_resumed(context: Context, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    problem_id, photo_ids = await pictured(context, site, many=2)
    await lifecycle.erase(context.database, OPERATOR, site.id, problem_id)
    real, deleted = Storage.delete, list[str]()

    async def failing(self: Storage, photo_id: str) -> None:
        if deleted:
            raise Unavailable
        deleted.append(photo_id)
        await real(self, photo_id)

    monkeypatch.setattr(Storage, "delete", failing)
    with pytest.raises(Unavailable):
        await service.sweep(context.database, context.storage)
    monkeypatch.undo()
    assert await service.sweep(context.database, context.storage) == 2
    assert [await kept(context, photo_id) for photo_id in photo_ids] == [False, False]


async def test_a_storage_failure_returns_no_token_and_leaves_nothing(
    widget: Widget, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Storage.put

    async def failing(self: Storage, photo_id: str, size: Any, content: bytes) -> None:
        if size:
            raise Unavailable from OSError("no space left on device")
        await real(self, photo_id, size, content)

    monkeypatch.setattr(Storage, "put", failing)
    ticket = await widget.ticket()
    problem(await upload(widget, jpeg(), ticket=ticket), 503)
    monkeypatch.undo()
    await service.sweep(context.database, context.storage)
    assert [one async for one in context.storage.photos() if one] == []
    for _ in range(widget.site.photos + 2):
        assert (await upload(widget, jpeg(), ticket=ticket)).status_code == 201, (
            "what was not their fault costs nothing"
        )


async def test_a_backup_contains_photos_and_restoring_it_repeats_erasures(
    client: Client, context: Context, site: Site, settings: Settings, tmp_path: Path
) -> None:
    stays, (stayed,) = await pictured(context, site)
    goes, (gone,) = await pictured(context, site)
    for one in (stays, goes):
        await lifecycle.change(context.database, AGENT, site.id, one, Change(to="accepted"))
    picture = (await client.get(f"/photos/{stayed}.jpg")).content
    await backup.write_backup(settings, tmp_path / "copy.zip", schema.latest_revision())
    _, (unknown,) = await pictured(context, site)  # sent after the copy
    await lifecycle.erase(context.database, RESIDENT, site.id, goes)
    await service.sweep(context.database, context.storage)
    await context.storage.delete(stayed)  # lost with the disk
    await backup.restore_backup(settings, tmp_path / "copy.zip", schema.latest_revision())
    assert await kept(context, gone), "the copy holds it; or this would prove nothing"
    assert await retention.replay_erasures(context.database) == 1
    assert await seen(client, gone) == (404, 404)
    await service.reconcile(context.database, context.storage)
    assert (await client.get(f"/photos/{stayed}.jpg")).content == picture
    assert [await kept(context, one) for one in (gone, unknown)] == [False, False]


# --- pages ---


async def test_public_pages_and_georeport_show_photos(client: Client, context: Context, site: Site) -> None:
    problem_id, photo_ids = await pictured(context, site, many=2)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
    listed = (await client.get(f"/s/{site.key}")).text
    assert f'src="https://widget.test/photos/{photo_ids[0]}.small.jpg"' in listed
    assert photo_ids[1] not in listed, "one thumbnail a line"
    page = (await client.get(f"/s/{site.key}/problems/1")).text
    for place, photo_id in enumerate(photo_ids):
        assert f'href="https://widget.test/photos/{photo_id}.jpg"' in page
        assert f"Снимок {place}" in page
    (request,) = (await client.get("/open311/v2/requests/1.json")).json()
    assert request["media_url"] == f"https://widget.test/photos/{photo_ids[0]}.jpg"


async def test_photos_of_earlier_releases_have_no_small_picture(client: Client, context: Context, site: Site) -> None:
    problem_id, (photo_id,) = await pictured(context, site)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
    # attached after an upgrade, received before
    assert context.storage.folder is not None
    (context.storage.folder / storage.photo_file_name(photo_id, ".small")).unlink()
    small = await client.get(f"/photos/{photo_id}.small.jpg")
    assert small.content == await context.storage.get(photo_id, ".thumb")
    row = existing(await context.database.row("SELECT photos FROM problems"))
    (photo_row,) = orjson.loads(row["photos"])
    del photo_row["small"]

    async def as_it_was(tx: Transaction) -> None:
        await records.update(tx, problem_id, {"photos": orjson.dumps([photo_row]).decode()})

    await context.database.write(as_it_was)
    assert f'src="https://widget.test/photos/{photo_id}.thumb.jpg"' in (await client.get(f"/s/{site.key}")).text
    (item,) = (await client.get(f"/api/v1/sites/{site.key}/problems")).json()["items"]
    assert "small" not in item["photos"][0]
    assert pictures.thumb_url(context, row["photos"]) == links.sign_photo_url(context, photo_id, ".small")
    assert pictures.thumb_url(context, orjson.dumps([photo_row]).decode()) == links.sign_photo_url(
        context, photo_id, ".thumb"
    )


async def test_the_cabinet_shows_unpublished_photos(client: Client, context: Context, site: Site) -> None:
    problem_id, (photo_id,) = await pictured(context, site)
    await accounts.add_user(
        context.database,
        email="a@gorod.test",
        role="agent",
        agency_id=site.agency.id,
        password="a long enough password",
    )
    person = Cabinet(client)
    await person.sign_in("a@gorod.test", "a long enough password")
    for path, size in (("/cabinet/", ".small"), (f"/cabinet/problems/{problem_id}", "")):
        link = links.sign_photo_url(context, photo_id, size)  # type: ignore[arg-type]
        assert link in (await client.get(path)).text
        assert (await client.get(link)).status_code == 200


# --- the child ---


async def test_a_disconnect_ends_the_decoder_process(
    context: Context, site: Site, app: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sleeping = tmp_path / "sleeping.py"
    sleeping.write_text(
        f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    monkeypatch.setattr(intake, "_CHILD", (str(sleeping),))
    widget = Widget(httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://widget.test"), site)
    ticket = await widget.ticket()
    form = httpx2.Request(
        "POST", "https://widget.test/", files={"file": ("a.jpg", jpeg(), "image/jpeg")}, data={"ticket": ticket}
    )
    body, headers = b"".join(form.stream), form.headers  # type: ignore[arg-type]
    left, sent = asyncio.Event(), list[Any]()
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{widget.root}/photos",
        "raw_path": b"",
        "query_string": b"",
        "root_path": "",
        "scheme": "https",
        "http_version": "1.1",
        "server": ("widget.test", 443),
        "client": ("203.0.113.7", 1),
        "headers": [(b"content-type", headers["content-type"].encode()), (b"origin", HOST_ORIGIN.encode())],
        "app": app,
        "state": {},
    }
    call = asyncio.create_task(app(scope, receive, send))
    written = tmp_path / "pid"
    pid = int(await asyncio.to_thread(wait_for, lambda: written.exists() and written.read_text()))
    left.set()
    await asyncio.wait_for(call, 10)
    assert not alive(pid), "and it is gone before the request is"
    assert await context.database.row("SELECT 1 FROM photos") is None
    await widget.client.aclose()


async def test_decoder_processes_are_limited_and_do_not_block_the_event_loop(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most = 0, 0
    real = intake._run_decoder

    async def counted(descriptor: int) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await real(descriptor)
        finally:
            running -= 1

    monkeypatch.setattr(intake, "_run_decoder", counted)
    senders = [f"192.0.{number}.1" for number in range(3 * intake.MAX_CHILDREN)]
    await asyncio.gather(*(service.receive(context, site.id, jpeg(), sender=sender) for sender in senders))
    assert most == intake.MAX_CHILDREN


# --- where they go ---


async def test_letters_to_agencies_have_the_photos_attached(context: Context, mail_sink: MailSink) -> None:
    site = await make_site(context.database, agency={"mode": "email"})
    problem_id, photo_ids = await pictured(context, site, many=2)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
    (letter,) = await letters(context, mail_sink, "priem@gorod.test")
    attached = list(letter.message.iter_attachments())
    assert [part.get_filename() for part in attached] == ["photo-1.jpg", "photo-2.jpg"]
    assert [part.get_content_type() for part in attached] == ["image/jpeg"] * 2
    assert attached[0].get_payload(decode=True) == await context.storage.get(photo_ids[0], "")
    assert "Фотографии: 2, приложены к письму" in letter.text
    assert "/photos/" not in letter.text, "no link that opens unpublished pictures for whoever gets the letter"


async def test_large_photos_are_attached_as_thumbnails_and_unavailable_ones_waited_for(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem_id, photo_ids = await pictured(context, site, many=2)
    monkeypatch.setattr(pictures, "MOST_IN_A_LETTER", 100)
    files = await pictures.read_files(context, await pictures.list_pictures(context.database, problem_id))
    assert [content for _, content in files] == [await context.storage.get(one, ".thumb") for one in photo_ids]

    # A letter waits for photos that cannot be read, and finally leaves without them.
    async def failing(self: Storage, photo_id: str, size: Any) -> bytes:
        raise Unavailable

    problem_id, _ = await pictured(context, site)
    rows = await pictures.list_pictures(context.database, problem_id)
    monkeypatch.setattr(Storage, "get", failing)
    early, late = [SimpleNamespace(attempts=attempts) for attempts in (1, notify.PATIENCE)]
    with pytest.raises(Retry):
        await notify._files(context, early, rows)  # type: ignore[arg-type]
    assert await notify._files(context, late, rows) == []  # type: ignore[arg-type]


async def test_photo_urls_for_platforms_work_and_are_stable(client: Client, context: Context, site: Site) -> None:
    problem_id, photo_ids = await pictured(context, site, many=2)
    await lifecycle.confirm(context.database, site.id, problem_id)
    row = existing(await context.database.row("SELECT * FROM problems"))
    assert row["released_at"] is not None
    assert not row["published"]
    urls = pictures.list_platform_urls(context, row)
    assert [photo_id in address for photo_id, address in zip(photo_ids, urls, strict=True)] == [True, True]
    for address in urls:
        assert (await client.get(address)).status_code == 200
    with time_machine.travel(clock.now() + 3 * DAY):
        assert pictures.list_platform_urls(context, row) == urls
        assert (await client.get(urls[0])).status_code == 200
    with time_machine.travel(clock.now() + 31 * DAY):
        assert (await client.get(urls[0])).status_code == 404
        await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
        assert (await client.get(urls[0])).status_code == 200, "published: the link that ended is as good as any"

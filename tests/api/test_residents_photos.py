"""Photos that an author adds later: visible to author and agency only, stored once, with or without text."""

from __future__ import annotations

import io
import re
from html import unescape

import httpx2
import pytest
from PIL import Image

from tests.conftest import Client
from tests.factories import existing, submit_report
from tests.support.cabinet import PageText, signed_in
from widget_api.context import Context
from widget_api.mail import links
from widget_api.problems import dialogue, lifecycle, pictures
from widget_api.problems.model import Actor, Change
from widget_api.problems.store import history
from widget_api.problems.submit import Receipt
from widget_api.signing import Purpose
from widget_api.sites.model import Site

AGENT = Actor(kind="agent")


def jpeg(colour: str = "red", size: tuple[int, int] = (640, 480)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "JPEG")
    return written.getvalue()


@pytest.fixture
def address(context: Context, receipt: Receipt) -> str:
    return links.track_url(context, receipt.problem_id).removeprefix("https://widget.test")


async def send(
    client: Client, address: str, words: str, *photos: bytes, form: str | None = None, **more: str
) -> httpx2.Response:
    if form is None:
        form = PageText((await client.get(address)).text).form(f"{address}/clarified").fields["form"]
    files = [("photos", (f"{place}.jpg", photo, "image/jpeg")) for place, photo in enumerate(photos)]
    files = files or [("photos", ("", b"", "application/octet-stream"))]  # an empty field as sent by browsers
    return await client.post(f"{address}/clarified", data={"words": words, "form": form, **more}, files=files)


async def clarifications(context: Context, receipt: Receipt) -> list[tuple[str, int]]:
    """Text and number of photos of each clarification."""
    stored = [row for row in await history.timeline(context.database, receipt.problem_id) if row["kind"] == "clarified"]
    attached = [row["event_id"] for row in await pictures.list_pictures(context.database, receipt.problem_id)]
    return [(row["text"] or "", attached.count(row["id"])) for row in stored]


async def test_text_with_photos_or_photos_alone_are_accepted_until_the_erasure(
    client: Client, context: Context, receipt: Receipt, address: str
) -> None:
    assert (await send(client, address, "Вот она", jpeg("red"), jpeg("blue"))).status_code == 303
    assert (await send(client, address, "", jpeg("green"))).status_code == 303
    assert await clarifications(context, receipt) == [("Вот она", 2), ("", 1)]
    page = (await client.get(address)).text
    assert len(re.findall(r"<img ", page)) == 3
    shown = [unescape(link) for link in re.findall(r'<img src="https://widget.test([^"]+)"', page)]
    assert [(await client.get(picture)).status_code for picture in shown] == [200] * 3
    for form in ("", "x", "a.b.c"):
        assert (await send(client, address, f"Без формы {form}", jpeg(), form=form)).status_code == 303
        assert (await clarifications(context, receipt))[-1] == (f"Без формы {form}".strip(), 1)
    await client.post(f"{address}/erased")
    assert [(await client.get(picture)).status_code for picture in shown] == [404] * 3
    assert "<img " not in (await client.get(address)).text


async def test_what_is_refused_is_not_stored_and_keeps_its_input(
    client: Client, context: Context, receipt: Receipt, address: str
) -> None:
    refused = await send(client, address, " ")
    assert refused.status_code == 422
    assert "Напишите, что хотите добавить" in refused.text
    assert await clarifications(context, receipt) == []
    refused = await send(client, address, "Много", *(jpeg(colour) for colour in ("red", "blue", "green", "black")))
    assert refused.status_code == 422
    assert await clarifications(context, receipt) == []
    refused = await send(client, address, "я" * 4001, jpeg())
    assert refused.status_code == 422
    assert 'name="photo" value="' in refused.text
    assert "я" * 4001 in refused.text
    content = b"--x\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(200 * 1024 * 1024)}
    assert (await client.post(f"{address}/clarified", content=content, headers=headers)).status_code == 413
    for body in (b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n"):
        answer = await client.post(
            f"{address}/clarified", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert answer.status_code in (400, 422)
    refused = await send(client, address, "Вот <она>", jpeg(), b"no picture")
    assert refused.status_code == 422
    assert "Вот &lt;она&gt;" in refused.text
    assert 'href="#field-photos"' in refused.text
    (token,) = re.findall(r'name="photo" value="([^"]+)"', refused.text)
    assert await clarifications(context, receipt) == []
    assert (await send(client, address, "Вот она", photo=token)).status_code == 303
    assert await clarifications(context, receipt) == [("Вот она", 1)]


async def test_forms_sent_twice_are_one(client: Client, context: Context, receipt: Receipt, address: str) -> None:
    form = PageText((await client.get(address)).text).form(f"{address}/clarified").fields["form"]
    for _ in range(2):
        assert (await send(client, address, "Вот она", jpeg(), form=form)).status_code == 303
    assert await clarifications(context, receipt) == [("Вот она", 1)]
    loose = existing(await context.database.row("SELECT COUNT(*) AS many FROM photos WHERE problem_id IS NULL"))
    assert loose["many"] == 0  # the second upload was not even processed
    # the user went back, changed the form and sent it
    assert (await send(client, address, "И ещё", jpeg("blue"), form=form)).status_code == 303
    assert await clarifications(context, receipt) == [("Вот она", 1), ("И ещё", 1)]


async def test_the_form_id_of_another_report_is_ignored(
    client: Client, context: Context, site: Site, receipt: Receipt, address: str
) -> None:
    other = await submit_report(context.database, site)
    theirs = await history.timeline(context.database, other.problem_id)
    stolen = context.signer.sign(Purpose.FORM, {"c": theirs[0]["id"], "p": receipt.problem_id})
    assert (await send(client, address, "Вот она", jpeg(), form=stolen)).status_code == 303  # the id is used: a new one
    assert await clarifications(context, receipt) == [("Вот она", 1)]
    elsewhere = context.signer.sign(Purpose.FORM, {"c": "not-mine", "p": other.problem_id})
    assert (await send(client, address, "И здесь", form=elsewhere)).status_code == 303
    assert all(row["id"] != "not-mine" for row in await history.timeline(context.database, receipt.problem_id))


async def test_a_closed_report_accepts_no_photos(
    client: Client, context: Context, site: Site, receipt: Receipt, address: str
) -> None:
    form = PageText((await client.get(address)).text).form(f"{address}/clarified").fields["form"]
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="resolved", text="Всё"))
    refused = await send(client, address, "Вот она", jpeg(), form=form)
    assert refused.status_code == 409
    assert "уже закрыто" in refused.text
    row = existing(await context.database.row("SELECT COUNT(*) AS many FROM photos"))
    assert row["many"] == 0


async def test_after_ten_messages_a_day_no_photo_is_processed(
    client: Client, context: Context, site: Site, receipt: Receipt, address: str
) -> None:
    for count in range(dialogue.A_DAY):
        await dialogue.clarify(
            context.database, site, receipt.problem_id, dialogue.Clarification(id=f"c{count}", text=f"{count}")
        )
    refused = await send(client, address, "Ещё", jpeg())
    assert refused.status_code == 409
    assert "Ещё" in refused.text
    row = existing(await context.database.row("SELECT COUNT(*) AS many FROM photos"))
    assert row["many"] == 0


async def test_photos_are_visible_to_the_agency_and_not_public(
    client: Client, context: Context, site: Site, receipt: Receipt, address: str
) -> None:
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    await send(client, address, "Вот она", jpeg())
    (photo,) = await pictures.list_pictures(context.database, receipt.problem_id)
    assert photo["role"] == "clarification"
    assert (await client.get(f"/photos/{photo['id']}.jpg")).status_code == 404
    for door in (f"/s/{site.key}/problems/1", f"/api/v1/sites/{site.key}/problems/1"):
        assert photo["id"] not in (await client.get(door)).text
    await signed_in(client, context, site)
    page = (await client.get(f"/cabinet/problems/{receipt.problem_id}")).text
    assert page.count(f"/photos/{photo['id']}.thumb.jpg") == 2  # in the waiting reply, and in the history

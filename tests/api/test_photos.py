"""The way of a photo: sent in, attached once, seen by whoever may see it, forgotten with its report."""

from __future__ import annotations

import io
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.api.test_report import Widget, problem
from tests.factories import HOST_ORIGIN, make_site


def jpeg(width: int = 640, height: int = 480, colour: str = "#336699") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
async def widget(client: httpx2.AsyncClient, app: Any) -> Widget:
    return Widget(client, await make_site(app.state.context.database, type="extended"))


async def upload(widget: Widget, content: bytes, *, ticket: str | None, **headers: str) -> httpx2.Response:
    return await widget.client.post(
        f"{widget.root}/photos",
        files={"file": ("camera.bin", content, "application/octet-stream")},
        data={"ticket": ticket} if ticket is not None else {},
        headers={"Origin": widget.origin, **headers},
    )


async def test_a_photo_comes_in_and_is_shown_by_a_signed_link_only(widget: Widget) -> None:
    answer = await upload(widget, jpeg(3000, 1000), ticket=await widget.ticket())
    assert answer.status_code == 201, answer.text
    assert set(answer.json()) == {"photo", "thumb", "location"}
    assert answer.headers["access-control-allow-origin"] == HOST_ORIGIN
    thumb = await widget.client.get(answer.json()["thumb"])
    assert thumb.status_code == 200
    assert thumb.headers["cache-control"] == "private, no-store"
    assert Image.open(io.BytesIO(thumb.content)).size == (480, 160)
    bare = await widget.client.get(answer.json()["thumb"].partition("?")[0])
    assert bare.status_code == 404


async def test_a_report_carries_its_photos_in_order(widget: Widget) -> None:
    ticket = await widget.ticket()
    first, second = [
        (await upload(widget, jpeg(colour=colour), ticket=ticket)).json()["photo"] for colour in ("red", "blue")
    ]
    answer = await widget.send(ticket=ticket, photos=[first, {"photo": second, "alt": " Яма \n у школы "}])
    assert answer.status_code == 201, answer.text
    again = problem(await widget.send("key-2", photos=[first]), 422)
    assert [(one["field"], one["code"]) for one in again["errors"]] == [("photos.0", "unknown")]

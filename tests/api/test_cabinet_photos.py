"""Photos that the agency hides from the public, or covers in part."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.conftest import Client
from tests.factories import AGENT, submit_report
from tests.support.cabinet import Enter
from tests.support.journal import read_journal
from tests.support.pictures import noise, photo
from widget_api.attachments.photos import service as photos
from widget_api.cabinet.problems.photos import COLUMNS, ROWS, parse_cells
from widget_api.context import Context
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Photo
from widget_api.sites.model import Site


@pytest.fixture
async def problem(context: Context, site: Site) -> str:
    """A published report with two photos."""
    sent = [await photos.receive(context, site.id, photo(noise(320, 240))) for _ in range(2)]
    receipt = await submit_report(context.database, site, photos=tuple(Photo(one.id) for one in sent))
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    return receipt.problem_id


async def shown(client: Client, site: Site) -> list[str]:
    """What the public sees: the same in the list, in the detail, and where the files are."""
    items = (await client.get(f"/api/v1/sites/{site.key}/problems")).json()["items"]
    detail = (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()
    urls = [one["url"] for one in items[0]["photos"]]
    assert [one["url"] for one in detail["photos"]] == urls
    for url in urls:
        assert (await client.get(url)).status_code == 200
    return urls


async def test_a_hidden_photo_is_the_agencys_alone_until_it_is_shown_again(
    context: Context, enter: Enter, site: Site, problem: str, client: Client
) -> None:
    path, agent = f"/cabinet/problems/{problem}/photos", await enter("agent", site.agency.id)
    before = await shown(client, site)
    page = await agent.read(path)
    hide = next(form for form in page.forms if form.fields.get("photo", "?") in before[0])
    given_away = next(link for link in page.links if hide.fields["photo"] in link and "?s=" in link)
    assert (await client.get(given_away)).status_code == 200
    assert (await agent.client.post(path, data=hide.fields | {"do": "hide"})).status_code == 303
    assert await shown(client, site) == before[1:]
    assert (await client.get(before[0])).status_code == 404
    assert (await client.get(given_away)).status_code == 404, "a link from before opens it no more"
    page = await agent.read(path)
    assert "Скрыта: видит только ведомство" in page.text
    signed = next(link for link in page.links if hide.fields["photo"] in link and "?s=" in link)
    assert (await agent.client.get(signed)).status_code == 200
    assert (await agent.client.post(path, data=hide.fields | {"do": "hide"})).status_code == 404, "hidden already"
    await agent.client.post(path, data=hide.fields | {"do": "show"})
    assert await shown(client, site) == before
    kinds = [entry["kind"] for entry in await read_journal(context.database)]
    assert kinds[:2] == ["photo_shown", "photo_hidden"]


async def test_a_covered_photo_takes_the_place_of_the_original(
    context: Context, enter: Enter, site: Site, problem: str, client: Client
) -> None:
    path, agent = f"/cabinet/problems/{problem}/photos", await enter("head", site.agency.id)
    before = await shown(client, site)
    photo_id = before[0].rpartition("/")[2].removesuffix(".jpg")
    grid = next(form for form in (await agent.read(f"{path}?cover={photo_id}")).forms if "photo" in form.fields)
    nothing = await agent.client.post(path, data=grid.fields | {"do": "cover", "cell": "99-99"})
    assert "wrong=cells" in nothing.headers["location"]
    every = [f"{row}-{column}" for row in range(ROWS) for column in range(COLUMNS)]
    whole = await agent.client.post(path, data=grid.fields | {"do": "hide", "cell": every})
    assert whole.status_code == 303, "every cell of the grid may be marked"
    await agent.client.post(path, data=grid.fields | {"do": "show"})
    cells = [f"{row}-{column}" for row in range(ROWS // 2) for column in range(COLUMNS // 2)]
    sent = await agent.client.post(path, data=grid.fields | {"do": "cover", "cell": cells})
    assert sent.status_code == 303
    after = await shown(client, site)
    assert after[1] == before[1]
    assert after[0] != before[0]
    assert (await client.get(before[0])).status_code == 404
    for size in ("", ".thumb", ".small"):
        picture = Image.open(io.BytesIO((await client.get(after[0].replace(".jpg", f"{size}.jpg"))).content))
        quarter = picture.crop((4, 4, picture.width // 2 - 4, picture.height // 2 - 4)).convert("L")
        assert quarter.getextrema()[1] < 60, "the whole corner is dark"  # type: ignore[operator]
        assert picture.convert("L").getextrema()[1] > 150  # type: ignore[operator]
    assert await context.storage.get(photo_id, "") is not None, "the original stays with the agency"
    (entry,) = await read_journal(context.database, "photo_covered")
    assert (entry["role"], entry["subject"], entry["site_id"]) == ("head", problem, site.id)


def test_cells_are_shares_of_the_picture() -> None:
    assert parse_cells(["0-0", f"{ROWS - 1}-{COLUMNS - 1}", "-1-0", "x", f"0-{COLUMNS}"]) == [
        (0, 0, 1 / COLUMNS, 1 / ROWS),
        (1 - 1 / COLUMNS, 1 - 1 / ROWS, 1, 1),
    ]


async def test_a_photo_of_another_report_is_not_hidden(enter: Enter, site: Site, problem: str) -> None:
    cabinet, path = await enter("agent", site.agency.id), f"/cabinet/problems/{problem}/photos"
    token = (await cabinet.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]
    given = {"form_token": token, "photo": "0" * 36, "do": "hide"}
    assert (await cabinet.client.post(path, data=given)).status_code == 404

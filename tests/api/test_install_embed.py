"""The page inside an iframe: who may frame it, which attributes it takes from its URL, and where it is counted."""

from __future__ import annotations

import httpx2
import pytest

from tests.conftest import ONE_DATABASE, Client
from tests.factories import HOST_ORIGIN, PUBLIC_URL, make_site
from widget_api.context import Context
from widget_api.sites import changes
from widget_api.sites.install import sightings
from widget_api.sites.model import Site

pytestmark = pytest.mark.site(accent="#AA0055")


async def embed(client: Client, key: str, query: str = "", referer: str = "") -> httpx2.Response:
    headers = {"Sec-Fetch-Dest": "iframe"} | ({"Referer": referer} if referer else {})
    return await client.get(f"/s/{key}/embed{query}", headers=headers)


def framing(answer: httpx2.Response) -> str:
    [line] = [
        part for part in answer.headers["content-security-policy"].split("; ") if part.startswith("frame-ancestors")
    ]
    return str(line)


async def counted(context: Context, site: Site) -> dict[tuple[str, str], int]:
    await context.sightings.flush(context.database)
    return {(one.kind, one.origin): one.count for one in await sightings.list_since(context.database, site.id, "")}


@ONE_DATABASE
async def test_only_the_sites_origins_may_frame_it(client: Client, context: Context) -> None:
    for registered, expected in (
        (["https://gorod.test"], "https://gorod.test"),
        (["https://gorod.test:443"], "https://gorod.test"),
        (["http://gorod.test:8080"], "http://gorod.test:8080"),
        (["https://город.рф"], "https://xn--c1ac3aaj.xn--p1ai"),
        (["https://b.test", "https://a.test"], "https://a.test https://b.test"),
    ):
        site = await make_site(context.database, allowed_origins=registered)
        answer = await embed(client, site.key)
        assert framing(answer) == f"frame-ancestors {expected}", expected
        assert f'data-origins="{expected}"' in answer.text


async def test_a_preview_is_framed_by_our_pages_and_other_parameters_are_ignored(client: Client, site: Site) -> None:
    answer = await embed(client, site.key, "?preview=1")
    assert framing(answer) == "frame-ancestors 'self'"
    assert f'data-origins="{PUBLIC_URL}"' in answer.text
    for name in ("type", "view", "theme", "category", "accent", "lang", "preview"):
        page = await client.get(f"/s/{site.key}/embed", params={name: '"><script>alert(1)</script>'})
        assert page.status_code == 200, name
        assert "alert(1)" not in page.text


async def test_a_rotated_key_may_not_be_framed(client: Client, context: Context, site: Site) -> None:
    await changes.rotate_key(context.database, site.id)
    answer = await embed(client, site.key, referer=f"{HOST_ORIGIN}/page?secret=1")
    assert answer.status_code == 404
    assert framing(answer) == "frame-ancestors 'none'"
    assert await counted(context, site) == {("key_expired", HOST_ORIGIN): 1}


async def test_the_framing_origin_is_counted_without_its_path(client: Client, context: Context, site: Site) -> None:
    for referer in (f"{HOST_ORIGIN}/secret/page?id=1", HOST_ORIGIN, "https://other.test/", f"{PUBLIC_URL}/s/x", "x"):
        await embed(client, site.key, referer=referer)
    await client.get(f"/s/{site.key}/embed", headers={"Referer": HOST_ORIGIN})  # opened directly
    await embed(client, site.key, "?preview=1", HOST_ORIGIN)
    assert await counted(context, site) == {("framed", HOST_ORIGIN): 2, ("origin_refused", "https://other.test"): 1}


async def test_attributes_are_read_from_the_url(client: Client, site: Site) -> None:
    page = (await embed(client, site.key, "?type=basic&theme=dark&category=roads&accent=%23FFCC00&lang=en")).text
    for part in ('type="basic"', 'theme="dark"', 'category="roads"', 'data-accent="#ffcc00" data-ink="#1b2430"'):
        assert part in page
    assert 'lang="en"' in page
    assert 'view="inline"' in page
    assert 'view="figures"' in (await embed(client, site.key, "?view=figures")).text
    assert 'data-accent="#AA0055" data-ink="#ffffff"' in (await embed(client, site.key)).text

"""The public pages of a site show what is published, and nothing else; only the embed page may be framed."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from tests.factories import AGENT, EMAIL, make_site, submit_report
from widget_api.context import Context
from widget_api.problems import service as problems
from widget_api.problems.model import Change, Contact
from widget_api.sites.model import Site


async def publish(context: Context, site: Site, **report: Any) -> str:
    receipt = await submit_report(context.database, site, **report)
    await problems.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    return receipt.problem_id


async def test_an_empty_site_says_how_to_begin(client: httpx2.AsyncClient, site: Site) -> None:
    page = await client.get(f"/s/{site.key}")
    assert page.status_code == 200
    assert "Вы можете отправить первое" in page.text
    assert f'href="/s/{site.key}/report"' in page.text


async def test_only_published_problems_are_listed(client: httpx2.AsyncClient, context: Context, site: Site) -> None:
    await submit_report(context.database, site, description="Ещё на модерации")
    await publish(context, site, description="Яма <b>у школы</b>\nи ещё текст")
    page = (await client.get(f"/s/{site.key}")).text
    assert "Ещё на модерации" not in page
    assert "Яма &lt;b&gt;у школы&lt;/b&gt;</a>" in page
    assert "Принято" in page


async def test_the_list_goes_on(client: httpx2.AsyncClient, context: Context, site: Site) -> None:
    for index in range(21):
        await publish(context, site, description=f"Проблема номер {index}.")
    first = (await client.get(f"/s/{site.key}")).text
    assert "Проблема номер 0." not in first
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = (await client.get(older)).text
    assert "Проблема номер 0." in second
    assert (await client.get(f"/s/{site.key}?cursor=wrong")).status_code == 400


async def test_a_problem_has_its_page(client: httpx2.AsyncClient, context: Context, site: Site) -> None:
    contact = Contact(email=EMAIL, name="Анна Иванова", phone="+7 912 345-67-89")
    problem_id = await publish(context, site, contact=contact)
    await problems.change(
        context.database, AGENT, site.id, problem_id, Change(to="resolved", text="Яму заделали <script>")
    )
    page = (await client.get(f"/s/{site.key}/problems/1")).text
    assert "Официальный ответ" in page
    assert "Яму заделали &lt;script&gt;" in page
    for private in (EMAIL, "Анна", "912", "/t/"):
        assert private not in page


@pytest.mark.parametrize("number", ["0", "2", "x", "-1", "²", "1e3", "9" * 40])
async def test_a_number_that_is_none_is_not_found(
    client: httpx2.AsyncClient, context: Context, site: Site, number: str
) -> None:
    await publish(context, site)
    page = await client.get(f"/s/{site.key}/problems/{number}")
    assert page.status_code == 404
    assert "Такого сообщения нет" in page.text


async def test_an_unpublished_problem_has_no_page(client: httpx2.AsyncClient, context: Context, site: Site) -> None:
    await submit_report(context.database, site)
    assert (await client.get(f"/s/{site.key}/problems/1")).status_code == 404


async def test_only_the_embed_page_may_be_framed_and_by_the_sites_origins(
    client: httpx2.AsyncClient, context: Context
) -> None:
    site = await make_site(context.database, allowed_origins=["https://gorod.test", "https://www.gorod.test:8443"])
    embed = await client.get(f"/s/{site.key}/embed")
    policy = embed.headers["content-security-policy"]
    assert "frame-ancestors https://gorod.test https://www.gorod.test:8443" in policy
    assert "script-src 'self'" in policy
    assert f'<igrajdanin-widget site-key="{site.key}"' in embed.text
    for address in (f"/s/{site.key}", f"/s/{site.key}/report", "/track"):
        assert "frame-ancestors 'none'" in (await client.get(address)).headers["content-security-policy"]


async def test_pages_speak_the_visitors_language(client: httpx2.AsyncClient, site: Site) -> None:
    english = await client.get(f"/s/{site.key}", headers={"Accept-Language": "en-GB,ru;q=0.5"})
    assert '<html lang="en">' in english.text
    assert '<html lang="ru">' in (await client.get(f"/s/{site.key}")).text
    await client.get(f"/s/{site.key}?lang=en")
    assert '<html lang="en">' in (await client.get(f"/s/{site.key}")).text

"""Links and names in API answers: pages and names of the listed items, the next page, and hints in errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.api.test_problems import publish
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, PUBLIC_URL, submit_report
from tests.support.public_api import Widget
from widget_api.browse.queries import GROUPS, SORTS
from widget_api.context import Context
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does


async def listed(client: Client, site: Site, query: str = "") -> httpx2.Response:
    answer = await client.get(f"/api/v1/sites/{site.key}/problems{query}")
    assert answer.status_code == 200, answer.text
    return answer


async def test_list_items_have_their_page_and_category_name(client: Client, context: Context, site: Site) -> None:
    number = await publish(context.database, site)
    address = f"{PUBLIC_URL}/s/{site.key}/problems/{number}"
    for query in ("", "?status=accepted"):  # the two code paths that build a page
        (item,) = (await listed(client, site, query)).json()["items"]
        assert item["url"] == address
        assert item["category_name"] == "Дороги и тротуары"
        assert list(item)[:4] == ["number", "url", "category", "category_name"]
        assert (await client.get(urlsplit(item["url"]).path)).status_code == 200
    detail = (await client.get(f"/api/v1/sites/{site.key}/problems/{number}?lang=en")).json()
    assert (detail["url"], detail["category_name"]) == (address, "Roads and pavements")


async def test_a_renamed_category_and_a_rotated_key_show_at_once(
    client: Client, context: Context, site: Site, cli: Callable[..., Any]
) -> None:
    """The stored bytes of each item hold neither of them."""
    number = await publish(context.database, site)
    before = await listed(client, site)
    name = 'Дороги «и» "тротуары" \\ 2'
    cli("category", "set", "roads", "--site", site.key, "--name", name)
    for query in ("", "?category=roads"):
        answer = await listed(client, site, query)
        assert answer.json()["items"][0]["category_name"] == name
    answer = await client.get(f"/api/v1/sites/{site.key}/problems", headers={"If-None-Match": before.headers["etag"]})
    assert answer.status_code == 200, "who has the old name is told the new one"
    key = cli("site", "rotate-key", site.key, "--overlap", "1")["key"]
    fresh = await sites.by_key(context.database, key)
    for query in ("", "?category=roads"):
        (item,) = (await listed(client, fresh, query)).json()["items"]
        assert item["url"] == f"{PUBLIC_URL}/s/{key}/problems/{number}"


async def test_next_links_lead_through_all_pages(client: Client, context: Context, site: Site) -> None:
    numbers = {await publish(context.database, site) for _ in range(5)}
    for query in ("limit=2", "limit=2&status=new&sort=updated&q="):
        seen, address = list[int](), f"/api/v1/sites/{site.key}/problems?{query}"
        while address:
            answer = await client.get(address)
            body = answer.json()
            seen += [one["number"] for one in body["items"]]
            link = answer.headers.get("link")
            assert (link is None) == (body["next"] is None), query
            address = ""
            if link:
                found = re.fullmatch(rf'<{re.escape(PUBLIC_URL)}(/api/[^>]+)>; rel="next"', link)
                assert found is not None, link
                address = found[1]
                assert "Link" in answer.headers["access-control-expose-headers"]
        assert sorted(seen) == sorted(numbers)


@ONE_DATABASE
async def test_an_invalid_parameter_error_lists_valid_values(client: Client, site: Site) -> None:
    for query, parameter, some in (
        ("status=broken", "status", {*GROUPS, "planned"}),
        ("sort=best", "sort", set(SORTS)),
        ("overdue=yes", "overdue", {"true"}),
        ("colour=red", "colour", {"status", "category", "bbox", "q", "since", "until", "overdue", "sort", "limit"}),
    ):
        answer = await client.get(f"/api/v1/sites/{site.key}/problems?{query}")
        assert (answer.status_code, answer.json()["parameter"]) == (400, parameter), query
        allowed = answer.json()["allowed"]
        assert some <= set(allowed)
        assert all(one in answer.json()["detail"] for one in some)
        if parameter != "colour":
            for one in allowed:
                assert (await client.get(f"/api/v1/sites/{site.key}/problems?{parameter}={one}")).status_code == 200


async def test_an_invalid_field_error_lists_valid_values(client: Client, context: Context, site: Site) -> None:
    widget = Widget(client, site)
    answer = await widget.send(category="nonsense")
    (error,) = [one for one in answer.json()["errors"] if one["field"] == "category"]
    assert error["allowed"] == [one.code for one in site.categories]
    for code in (f"c{index}" for index in range(45)):  # beside the twelve of each site
        await changes.set_category(context.database, site.id, code, {"name": code})
    answer = await widget.send(category="nonsense")
    (error,) = [one for one in answer.json()["errors"] if one["field"] == "category"]
    assert len(error["allowed"]) == 50, "bounded"


async def test_georeport_errors_describe_valid_values_in_words(client: Client, context: Context, site: Site) -> None:
    key = await changes.add_token(context.database, site.id, "georeport")
    form = {"api_key": key, "service_code": "nonsense", "lat": "55", "long": "38", "description": "Яма"}
    (error,) = (await client.post("/open311/v2/requests.json", data=form)).json()
    assert "roads, yards" in error["description"]
    (error,) = (await client.get("/open311/v2/requests.json?status=broken")).json()
    assert error["description"].endswith("Можно: open, closed.")
    receipt = await submit_report(context.database, site)
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    key = await changes.add_token(context.database, site.id, "platform")
    form = {"api_key": key, "service_request_id": str(receipt.number), "status": "ON_THE_MOON"}
    (error,) = (await client.post("/open311/v2/servicerequestupdates.json", data=form)).json()
    assert "IN_PROGRESS" in error["description"]


async def test_the_site_page_links_the_machine_readable_formats(client: Client, context: Context, site: Site) -> None:
    number = await publish(context.database, site)
    for address in (f"/s/{site.key}", f"/s/{site.key}/problems/{number}"):
        page = (await client.get(address)).text
        links = re.findall(r'<link rel="(service-desc|alternate)" type="([^"]+)"[^>]* href="([^"]+)"', page)
        found = {(relation, kind) for relation, kind, _ in links}
        assert {("service-desc", "application/json"), ("alternate", "application/geo+json")} <= found
        for _, kind, link in links:
            answer = await client.get(link)
            assert answer.status_code == 200
            assert answer.headers["content-type"].partition(";")[0] == kind

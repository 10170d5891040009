"""Every public read with invalid input: answered or refused by name, without hints at unpublished data."""

from __future__ import annotations

import pytest

from tests.api.test_problems import publish
from tests.conftest import Client
from tests.factories import make_site, submit_report
from widget_api.context import Context
from widget_api.problems.model import Contact
from widget_api.sites.model import Site

UNREADABLE = ("%00", "%", "%zz", "%ff%fe", "%ed%a0%80", "a%0d%0ab", "%F0%9F%98%80", "%E2%80%AE")
NAMES = (
    "q", "cursor", "status", "category", "bbox", "limit", "since", "until", "zoom", "lang", "separator", "comments",
)  # fmt: skip
WRONG = (
    *(f"{name}={value}" for name in NAMES for value in UNREADABLE),
    *("foo=1", "%00=1", "=", "&&=&", f"{'a' * 1000}=1", "limit=5&limit=6", "sort=new&sort=due", "q=a&q=b"),
    *(f"limit={value}" for value in ("0", "-1", "101", "1e9", "9" * 20, "1.5", "%D9%A1", "%C2%B2")),
    *(f"zoom={value}&bbox=38,54,40,56" for value in ("99", "-1", "1.5", "1e1", "NaN", "9" * 20, "%D9%A1", "")),
    *(f"sort={value}" for value in ("nope", "new;drop", "due%20desc")),
    *("bbox=1,2,3", "bbox=39,55,38,56", "bbox=170,55,-170,56", "bbox=nan,nan,nan,nan", "bbox=-inf,-90,inf,90"),
    *("bbox=1e1,1e1,2e1,2e1", "bbox=1e400,1,2,3", "bbox=38,54,40,56,1", "bbox=,,,"),
    *("bbox=-181,0,0,1", "bbox=0,-91,1,0"),
    *("q=%27%20OR%201=1--", "q=NEAR(a", "q=%22", "q=*", "q=%26|!():*", "q=%5C", "q=-"),
    *(f"q={'a' * 201}", f"q={'a' * 60_000}"),
    *("cursor=AAAA", f"cursor={'A' * 5000}", "cursor=bnVsbA", "cursor=W10"),
    *("cursor=WzEsMiwzXQ", "cursor=WzFlNDAwLDEsMV0"),
    *("since=2026-13-01", "since=0000-01-01", "until=9999-12-31", "until=0001-01-01"),
    *("since=2026-01-02&until=2026-01-01", "overdue=1", "status=,", "status=nope"),
    *("lat=NaN&lng=1&category=roads", "lat=91&lng=0&category=roads"),
    *("lat=55&lng=38&category=%00", "lat=1&lat=2&lng=1&category=roads", "comments=99999999999.x", "separator=pipe"),
)
NUMBERS = ("0", "-1", "01", "1.0", "+1", "1e0", "%D9%A1", "%C2%B2", "2147483648", "9" * 30, "0" * 30 + "1", "1%00", "x")
API = ("", "/problems", "/problems/1", "/problems/1/comments", "/clusters", "/similar", "/stats", "/problems.geojson")
PAGES = ("", "/problems/1", "/problems/1/follow", "/problems/1/comment", "/feed.atom", "/sitemap.xml", "/report")
pytestmark = pytest.mark.settings(rate_limits="off")  # they are tested elsewhere


async def town(context: Context) -> Site:
    """A site with one published and one unpublished problem."""
    site = await make_site(context.database, discussion="moderated")
    await publish(context.database, site)
    await submit_report(context.database, site, contact=Contact())
    return site


async def test_any_query_is_answered_or_refused_by_name(client: Client, context: Context) -> None:
    site = await town(context)
    reads = [f"/api/v1/sites/{site.key}{rest}" for rest in (*API, "/problems.csv")]
    reads += [f"/s/{site.key}{rest}" for rest in PAGES] + ["/api/v1/openapi.json"]
    refused = 0
    for read in reads:
        for query in WRONG if read.startswith("/api/") else WRONG[::6]:  # pages use the same parser and take longer
            answer = await client.get(f"{read}?{query}")
            assert answer.status_code in (200, 400), (read, query[:60], answer.status_code)
            if answer.status_code == 400 and read.startswith("/api/"):
                refused += 1
                assert answer.headers["content-type"] == "application/problem+json", (read, query[:60])
                assert answer.json()["detail"], (read, query[:60])
                assert "«" in answer.json()["detail"] or answer.json().get("errors"), (read, query[:60], answer.text)
    assert refused > len(WRONG)


async def test_a_cursor_of_another_site_filter_or_order_is_invalid(client: Client, context: Context) -> None:
    site, other = [await make_site(context.database) for _ in range(2)]
    for one in (site, other):
        for _ in range(3):
            await publish(context.database, one)

    async def cursor(of: Site, query: str) -> str:
        answer = await client.get(f"/api/v1/sites/{of.key}/problems?limit=1{query}")
        return str(answer.json()["next"])

    own = await cursor(site, "")
    list_of = f"/api/v1/sites/{site.key}/problems"
    assert (await client.get(f"{list_of}?cursor={own}")).status_code == 200
    for wrong in (
        await cursor(other, ""), await cursor(site, "&status=new"), await cursor(site, "&sort=support"), own[:-1],
        own + "x", f"{own}&status=new", f"{own}&sort=updated",
    ):  # fmt: skip
        answer = await client.get(f"{list_of}?cursor={wrong}")
        assert (answer.status_code, "cursor" in answer.text) == (400, True), wrong
        assert (await client.get(f"/s/{site.key}?cursor={wrong}")).status_code == 400


async def test_an_unpublished_number_looks_like_an_unknown_one(client: Client, context: Context) -> None:
    """Compares status, headers and body, except for the number itself."""
    site = await town(context)
    for conditions in (None, "*", '"x"', 'W/"x", *'):
        headers = {"If-None-Match": conditions} if conditions else {}
        for read in (f"/api/v1/sites/{site.key}/problems/N", f"/s/{site.key}/problems/N"):
            for rest in ("", "/comments", "/follow", "/comment"):
                for method in ("GET", "HEAD"):
                    seen = []
                    for number in ("2", "7"):
                        answer = await client.request(method, read.replace("/N", f"/{number}") + rest, headers=headers)
                        body = answer.text.replace(f"/problems/{number}", "/problems/N")
                        seen.append((answer.status_code, sorted(answer.headers.items()), body))
                        assert answer.status_code in (404, 405), (read, rest, method, number)
                    assert seen[0] == seen[1], (read, rest, method)
        known = await client.get(f"/api/v1/sites/{site.key}/problems/1", headers={"If-None-Match": "*"})
        assert known.status_code == 304, conditions


async def test_invalid_numbers_are_not_found(client: Client, context: Context) -> None:
    site = await town(context)
    for number in NUMBERS:
        for read in (f"/api/v1/sites/{site.key}/problems/{number}", f"/s/{site.key}/problems/{number}"):
            for rest in ("", "/comments", "/follow", "/comment"):
                assert (await client.get(read + rest)).status_code in (404, 405), read + rest

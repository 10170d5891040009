"""What is told of a list before routing is what the whole way tells, to the byte, and only while it is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.api.test_reads import town
from tests.factories import make_site, submit_report
from widget_api import clock
from widget_api.context import Context
from widget_api.problems import at_once
from widget_api.problems.listing import SORTS
from widget_api.sites import changes
from widget_api.sites.model import Site


@pytest.fixture
def told(app: Any, context: Context) -> list[bytes]:
    """The targets that were answered before routing, as they come."""
    seen: list[bytes] = []

    def noting(held: Context, target: bytes) -> Any:
        answer = at_once.page(held, target)
        if answer is not None:
            seen.append(target)
        return answer

    app.front.at_once = noting
    return seen


@pytest.fixture
def fresh(app: Any) -> Callable[[], None]:
    """Nobody has asked anything yet: a second asking goes the same way, and is kept."""

    def forget() -> None:
        app.front._asked.clear()
        app.front._answers.clear()

    return forget


async def both_ways(
    app: Any, client: httpx2.AsyncClient, forget: Callable[[], None], path: str
) -> tuple[httpx2.Response, httpx2.Response]:
    """Before routing where that is possible, and the whole way."""
    forget()
    quick = await client.get(path)
    before, app.front.at_once = app.front.at_once, None
    forget()
    whole = await client.get(path)
    app.front.at_once = before
    return quick, whole


async def test_each_page_is_the_same_both_ways(
    app: Any, client: httpx2.AsyncClient, context: Context, told: list[bytes], fresh: Callable[[], None]
) -> None:
    site = await town(context.database)
    base = f"/api/v1/sites/{site.key}/problems"
    await client.get(base)  # so that the key is known
    asked = 0
    for sort in SORTS:
        for limit in (1, 2, 7, 20, 100):
            query = f"?sort={sort}&limit={limit}"
            for _ in range(60):
                quick, whole = await both_ways(app, client, fresh, base + query)
                assert (quick.status_code, quick.content) == (200, whole.content)
                assert quick.headers.multi_items() == whole.headers.multi_items()
                asked += 1
                following = quick.json()["next"]
                if following is None:
                    break
                query = f"?sort={sort}&limit={limit}&cursor={following}"
    assert len(told) == (asked if context.database.dialect == "sqlite" else 0)
    assert asked > 200


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=101",
        "?sort=old",
        "?cursor=x",
        "?cursor=00000000.1.1",
        "?cursor=&limit=3",
        "?xcursor=1",
        "?unknown=1",
        "?limit=2&limit=3",
        "?status=accepted",
        "?q=яма",
        "?since=2026-01-01",
        "?bbox=38,54,40,56",
        "?lang=en&v=1&problem=3",
        "?%6cimit=2",
        "?limit=%32",
        "?",
        "?&&limit=2&",
        "?q=",
        "?sort=new%00",
    ],
)
async def test_whatever_else_is_asked_is_answered_alike(
    app: Any, client: httpx2.AsyncClient, site: Site, told: list[bytes], fresh: Callable[[], None], query: str
) -> None:
    base = f"/api/v1/sites/{site.key}/problems"
    await client.get(base)
    quick, whole = await both_ways(app, client, fresh, base + query)
    assert (quick.status_code, quick.content) == (whole.status_code, whole.content)
    assert quick.headers.multi_items() == whole.headers.multi_items()


async def test_a_cursor_of_another_site_or_order_is_refused(
    client: httpx2.AsyncClient, context: Context, told: list[bytes]
) -> None:
    site, other = await town(context.database), await make_site(context.database)
    base = f"/api/v1/sites/{site.key}/problems"
    cursor = (await client.get(base + "?limit=1")).json()["next"]
    assert (await client.get(f"{base}?limit=1&cursor={cursor}")).status_code == 200
    await client.get(f"/api/v1/sites/{other.key}/problems")
    for wrong in (
        f"/api/v1/sites/{other.key}/problems?limit=1&cursor={cursor}",
        f"{base}?limit=1&sort=updated&cursor={cursor}",
        f"{base}?limit=1&cursor={cursor[:-1]}",
        f"{base}?limit=1&cursor={cursor}1",
        f"{base}?limit=1&cursor={'0' if cursor[0] != '0' else '1'}{cursor[1:]}",
    ):
        refused = await client.get(wrong)
        assert (refused.status_code, refused.json()["parameter"]) == (400, "cursor"), wrong


@pytest.mark.parametrize("change", ["disabled", "rotated", "rotated later"])
async def test_a_key_that_is_good_no_more_is_refused(
    client: httpx2.AsyncClient, context: Context, told: list[bytes], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    site = await make_site(context.database, moderation="after")
    await submit_report(context.database, site, status="accepted")
    base = f"/api/v1/sites/{site.key}/problems"
    for limit in (1, 2):
        assert (await client.get(f"{base}?limit={limit}")).status_code == 200
    if change == "disabled":
        await changes.disable(context.database, site.id)
    else:
        await changes.rotate_key(context.database, site.id, overlap_days=int(change == "rotated later"))
    if change == "rotated later":
        assert (await client.get(f"{base}?limit=3")).status_code == 200
        later = clock.now() + 86_400 + 1
        monkeypatch.setattr(clock, "now", lambda: later)
    for limit in (4, 5):
        assert (await client.get(f"{base}?limit={limit}")).status_code == 404


async def test_what_was_committed_is_in_the_next_answer_and_its_tag(
    client: httpx2.AsyncClient, context: Context, told: list[bytes]
) -> None:
    site = await make_site(context.database, moderation="after")
    base, seen = f"/api/v1/sites/{site.key}/problems", set()
    await client.get(base)
    for many in range(1, 6):
        await submit_report(context.database, site, status="accepted")
        answer = await client.get(f"{base}?limit={50 + many}")
        assert len(answer.json()["items"]) == many
        seen.add(answer.headers["etag"])
    assert len(seen) == 5
    assert len(told) == (5 if context.database.dialect == "sqlite" else 0)

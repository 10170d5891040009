"""POST …/support: a vote counts once, costs one ticket, stores no identity, and moves along in a merge."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.api.test_problems import publish
from tests.conftest import running
from tests.factories import AGENT, make_site, submit_report
from tests.support.public_api import Widget
from widget_api.database import Database
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.web import limits


@pytest.fixture
def database(app: Any) -> Database:
    found: Database = app.state.context.database
    return found


async def support(widget: Widget, number: object, supporter: object = None, ticket: object = None) -> httpx2.Response:
    body = {"supporter": supporter or str(uuid.uuid4()), "ticket": ticket}
    return await widget.client.post(
        f"{widget.root}/problems/{number}/support", json=body, headers={"Origin": widget.origin}
    )


async def supporters(widget: Widget, number: int) -> int:
    return int((await widget.client.get(f"{widget.root}/problems/{number}")).json()["supporters"])


async def problem_id(database: Database, site: Site, number: int) -> str:
    row = await database.row("SELECT id FROM problems WHERE site_id = :s AND number = :n", s=site.id, n=number)
    assert row is not None
    return str(row["id"])


async def voice(widget: Widget, number: int, supporter: str | None = None) -> None:
    answer = await support(widget, number, supporter, await widget.ticket())
    assert answer.status_code == 200, answer.text


async def test_a_vote_counts_once_and_a_retry_uses_no_ticket(widget: Widget, database: Database, site: Site) -> None:
    number, me = await publish(database, site), str(uuid.uuid4())
    first = await support(widget, number, me, await widget.ticket())
    assert (first.status_code, first.json()) == (200, {"supporters": 1})
    assert first.headers["cache-control"] == "no-store"
    for again in (me, me.upper(), me.replace("-", ""), f"urn:uuid:{me}"):
        repeat = await support(widget, number, again)
        assert (repeat.status_code, repeat.json()) == (200, {"supporters": 1})
    await voice(widget, number)
    assert await supporters(widget, number) == 2

    number, me = await publish(database, site), str(uuid.uuid4())
    spent = await widget.ticket()
    assert (await support(widget, number, me, spent)).status_code == 200
    refused = await support(widget, number, None, spent)
    assert (refused.status_code, refused.json()["code"]) == (403, "ticket_spent")
    fresh = await widget.ticket()
    assert (await support(widget, number, me, fresh)).status_code == 200
    assert (await support(widget, number, None, fresh)).status_code == 200, "the repeat above left it whole"
    assert (await support(widget, number, None, fresh)).status_code == 403
    assert await supporters(widget, number) == 2


async def test_a_vote_changes_only_the_public_count(widget: Widget, database: Database, site: Site) -> None:
    number = await publish(database, site)
    url = f"{widget.root}/problems"
    before = await widget.client.get(url)
    version = (await sites.by_key_with_version(database, site.key))[1]
    await voice(widget, number)
    assert (await sites.by_key_with_version(database, site.key))[1] > version
    after = await widget.client.get(url, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    (old,), (new,) = before.json()["items"], after.json()["items"]
    assert new == old | {"supporters": 1}


async def test_concurrent_votes_of_one_supporter_count_once(widget: Widget, database: Database, site: Site) -> None:
    number, me = await publish(database, site), str(uuid.uuid4())
    tickets = [await widget.ticket() for _ in range(8)]
    answers = await asyncio.gather(*(support(widget, number, me, ticket) for ticket in tickets))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["supporters"] for answer in answers} == {1}
    left = await database.row("SELECT COUNT(*) FROM spent WHERE id LIKE 't:%'")
    assert left is not None
    assert left[0] == 1, "seven tickets were not used"


async def test_refusals_follow_the_order_of_the_contract_and_an_invalid_supporter_is_refused(
    widget: Widget, database: Database, site: Site
) -> None:
    number = await publish(database, site)
    post, path = widget.client.post, f"{widget.root}/problems/{number}/support"
    own = {"Origin": widget.origin}
    assert (await post(path.replace(site.key, "wk_unknown"), json={}, headers=own)).status_code == 404
    assert (await post(path, json={}, headers={"Origin": "https://evil.test"})).status_code == 403
    assert (await post(path, content=b"x" * 70_000, headers=own)).status_code == 413
    assert (await post(path, content=b"{}", headers=own)).status_code == 415
    assert (await post(path, content=b"{", headers=own | {"Content-Type": "application/json"})).status_code == 400
    missing = await support(widget, number, "not a uuid")
    assert (missing.status_code, missing.json()["code"]) == (403, "ticket_missing")
    assert (await support(widget, number, "not a uuid", "forged")).json()["code"] == "ticket_invalid"
    wrong = await support(widget, number, "not a uuid", await widget.ticket())
    assert wrong.status_code == 422
    assert [(error["field"], error["code"]) for error in wrong.json()["errors"]] == [("supporter", "uuid")]
    assert await supporters(widget, number) == 0
    for supporter in (1, ["a"], {"a": 1}, "", "0" * 33, "x" * 36, "{" * 10_000, "'; DROP TABLE supports"):
        body = {"supporter": supporter, "ticket": await widget.ticket()}
        assert (await post(path, json=body, headers=own)).status_code == 422, supporter
        assert await supporters(widget, number) == 0


async def test_unpublished_and_unknown_problems_look_the_same(widget: Widget, database: Database, site: Site) -> None:
    hidden = await submit_report(database, site)
    other = await make_site(database)
    foreign = [await publish(database, other) for _ in range(3)][-1]
    answers = [await support(widget, number) for number in (hidden.number, foreign, 0, "99999999999999", "1.5", "x")]
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["code"] for answer in answers} == {"problem_not_found"}


async def test_closed_problems_take_no_votes_but_keep_old_ones(widget: Widget, database: Database, site: Site) -> None:
    number, me = await publish(database, site), str(uuid.uuid4())
    await voice(widget, number, me)
    wish = Change(to="resolved", text="Готово")
    await lifecycle.change(database, AGENT, site.id, await problem_id(database, site, number), wish)
    ticket = await widget.ticket()
    refused = await support(widget, number, None, ticket)
    assert (refused.status_code, refused.json()["code"]) == (409, "problem_closed")
    assert "новое сообщение" in refused.json()["detail"]
    assert (await support(widget, number, me)).json() == {"supporters": 1}
    another = await publish(database, site)
    assert (await support(widget, another, None, ticket)).status_code == 200, "the refusal cost no ticket"


async def test_votes_move_along_when_problems_are_merged(widget: Widget, database: Database, site: Site) -> None:
    kept, merged = await publish(database, site), await publish(database, site)
    both, one = str(uuid.uuid4()), str(uuid.uuid4())
    await voice(widget, kept, both)
    await voice(widget, merged, both)
    await voice(widget, merged, one)
    wish = Change(to="duplicate", duplicate_of=kept)
    merged_id = await problem_id(database, site, merged)
    await lifecycle.change(database, AGENT, site.id, merged_id, wish)
    assert await supporters(widget, kept) == 2, "who supported both counts once"
    assert (await support(widget, kept, one)).json() == {"supporters": 2}
    refused = await support(widget, merged, None, await widget.ticket())
    assert (refused.status_code, refused.json()["code"], refused.json()["number"]) == (409, "problem_merged", kept)
    assert f"№ {kept}" in refused.json()["detail"]
    await lifecycle.change(database, AGENT, site.id, merged_id, Change(to="in_progress"))
    assert await supporters(widget, merged) == 2, "taken up again, it has its voices"
    await lifecycle.change(database, AGENT, site.id, merged_id, wish)
    assert await supporters(widget, kept) == 2, "merging twice is merging once"


async def test_stored_votes_are_anonymous(widget: Widget, database: Database, site: Site) -> None:
    other = await make_site(database)
    elsewhere = Widget(widget.client, other)
    me = str(uuid.uuid4())
    await voice(widget, await publish(database, site), me)
    await voice(elsewhere, await publish(database, other), me)
    rows = await database.rows("SELECT * FROM supports")
    kept = {row["supporter"] for row in rows}
    assert len(kept) == 2, "the same browser is another voice on another site"
    assert all(me not in value and me.replace("-", "") not in value for value in kept)
    assert set(rows[0].keys()) == {"problem_id", "supporter", "site_id", "at"}


async def test_without_challenges_votes_need_no_ticket_but_are_rate_limited(
    make_settings: Callable[..., Settings], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.RATES, "supports", "3/minute")
    async with running(make_settings(database_url=database_url, challenge="off")) as app:
        database = app.state.context.database
        site = await make_site(database)
        number = await publish(database, site)
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="https://widget.test"
        ) as client:
            widget = Widget(client, site)
            answers = [await support(widget, number) for _ in range(5)]
            count = await supporters(widget, number)
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert count == 3

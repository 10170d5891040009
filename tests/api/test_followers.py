"""POST …/follow and its letters: nobody learns who follows, and unconfirmed addresses get no news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.test_letters import letters
from tests.api.test_problems import publish
from tests.conftest import Client, running
from tests.factories import AGENT, OPERATOR, RESIDENT, existing, make_site, submit_report
from tests.support.mail import Letter, MailSink
from tests.support.public_api import Widget, problem
from tests.support.waiting import await_for
from widget_api import clock
from widget_api.context import Context
from widget_api.followers import service
from widget_api.ops import retention
from widget_api.problems import lifecycle, submit
from widget_api.problems.model import Actor, Change, Contact
from widget_api.settings import Settings
from widget_api.sites.model import Site
from widget_api.web import limits

WE = "vera-follows@example.test"
OTHER = "oleg-follows@example.test"


async def follow(widget: Widget, number: object, email: Any = WE, **changes: Any) -> httpx2.Response:
    body: dict[str, Any] = {
        "email": email,
        "consent": {"version": await widget.consent(), "processing": True},
        "ticket": None,
        "lang": "ru",
    } | changes
    if body["ticket"] is None:
        body["ticket"] = await widget.ticket()
    url = f"{widget.root}/problems/{number}/follow"
    return await widget.client.post(url, json=body, headers={"Origin": widget.origin})


async def press(client: Client, link: str) -> None:
    """Press the button of a mailed page, without cookies and scripts."""
    path = link.removeprefix("https://widget.test")
    page = (await client.get(path)).text
    assert page.count("<form") == 1
    assert f'action="{path}"' in page
    assert (await client.post(path)).status_code == 303


class Followed:
    """A published problem that residents follow, or another one of its site where `number` is given."""

    def __init__(self, widget: Widget, context: Context, sink: MailSink, number: int) -> None:
        self.widget, self.context, self.sink, self.number = widget, context, sink, number
        self.site, self.database = widget.site, context.database

    async def follow(self, email: Any = WE, number: object = None, **changes: Any) -> httpx2.Response:
        return await follow(self.widget, self.number if number is None else number, email, **changes)

    async def following(self, email: str = WE, number: int | None = None) -> Letter:
        """Follow, and confirm by the newest letter."""
        before = len(self.sink.to(email))
        assert (await self.follow(email, number)).status_code == 202
        letter = (await self.letters(email))[before]
        await press(self.widget.client, letter.links[0])
        return letter

    async def letters(self, email: str = WE) -> list[Letter]:
        return await letters(self.context, self.sink, email)

    async def id_of(self, number: int | None = None) -> str:
        found = "SELECT id FROM problems WHERE site_id = :site AND number = :number"
        row = await self.database.row(found, site=self.site.id, number=number or self.number)
        return str(existing(row)["id"])

    async def change(self, actor: Any = AGENT, number: int | None = None, **wish: Any) -> None:
        await lifecycle.change(self.database, actor, self.site.id, await self.id_of(number), Change(**wish))


@pytest.fixture
async def pit(widget: Widget, context: Context, site: Site, mail_sink: MailSink) -> Followed:
    number = await publish(context.database, site, description="https://spam.test КУПИТЕ")
    return Followed(widget, context, mail_sink, number)


async def test_following_begins_when_the_letters_button_is_pressed(pit: Followed) -> None:
    answer = await pit.follow()
    assert (answer.status_code, answer.json(), answer.headers["cache-control"]) == (202, {}, "no-store")
    (letter,) = await pit.letters()
    (link,) = letter.links
    assert [line for line in letter.text.splitlines() if "://" in line] == [link]
    assert link.startswith("https://widget.test/follow/")
    for typed in ("spam.test", "КУПИТЕ", "Октябрьской"):
        assert typed not in str(letter.message) + letter.text + (letter.html or "")
    path = link.removeprefix("https://widget.test")
    page = await pit.widget.client.get(path)
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert WE not in page.text
    await pit.change(to="in_progress")
    assert len(await pit.letters()) == 1, "looking at the page begins nothing"
    await press(pit.widget.client, link)
    again = await pit.widget.client.get(path)
    assert "<form" not in again.text
    assert f"/s/{pit.site.key}/problems/{pit.number}" in again.text
    assert (await pit.widget.client.post(path)).status_code == 303, "twice is once"
    await pit.change(to="planned", expected_on="2099-12-12")
    await pit.letters()
    assert len(pit.sink.to(WE)) == 2


async def test_every_public_change_is_a_letter_in_one_thread(pit: Followed) -> None:
    first = await pit.following()
    await pit.change(to="in_progress")
    await pit.change(to="resolved", text="Яму <b>засыпали</b> щебнем.")
    _, working, solved = await pit.letters()
    root = first.message["Message-ID"]
    assert [letter.message["References"] for letter in (working, solved)] == [root, root]
    assert working.subject == solved.subject
    assert len({letter.message["Message-ID"] for letter in (first, working, solved)}) == 3
    assert "Яму <b>засыпали</b> щебнем." in solved.text
    assert "Яму &lt;b&gt;засыпали&lt;/b&gt; щебнем." in (solved.html or "")
    assert pit.site.agency.name in solved.text
    page, stop = solved.links
    assert page == f"https://widget.test/s/{pit.site.key}/problems/{pit.number}"
    assert solved.message["List-Unsubscribe"] == f"<{stop}>"
    assert solved.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    rows = await pit.database.rows("SELECT sink, position FROM deliveries WHERE sink LIKE 'follower:%'")
    assert len({row["sink"] for row in rows}) == 1
    assert len(rows) == 3


async def test_letters_are_in_the_followers_language(pit: Followed) -> None:
    await pit.follow(lang="en")
    (letter,) = await pit.letters()
    assert letter.message["Content-Language"] == "en"
    await press(pit.widget.client, letter.links[0])
    await pit.change(to="in_progress")
    news = (await pit.letters())[-1]
    assert "Work has begun" in news.text


async def test_words_of_the_author_are_not_sent_to_followers(pit: Followed) -> None:
    number = await publish(pit.database, pit.site, "resolved")
    await pit.following(number=number)
    await pit.change(RESIDENT, number, to="reopened", text="Слова жителя")
    news = (await pit.letters())[-1]
    assert "проблема осталась" in news.text
    assert "Слова жителя" not in news.text + (news.html or "")


async def test_an_author_who_follows_gets_one_letter(pit: Followed) -> None:
    receipt = await submit_report(pit.database, pit.site, contact=Contact(email=WE))
    await lifecycle.confirm(pit.database, pit.site.id, receipt.problem_id)
    await pit.change(number=receipt.number, to="accepted")
    await pit.letters()
    await pit.following(number=receipt.number)
    before = len(pit.sink.to(WE))
    await pit.change(number=receipt.number, to="in_progress")
    assert len(await pit.letters()) == before + 1


async def test_whether_an_address_follows_cannot_be_probed(pit: Followed) -> None:
    await pit.following()
    ticket = await pit.widget.ticket()
    known, new = await pit.follow(WE, ticket=ticket), await pit.follow(OTHER)
    assert (known.status_code, known.content) == (new.status_code, new.content) == (202, b"{}")
    assert dict(known.headers) == dict(new.headers)
    assert problem(await pit.follow(OTHER, ticket=ticket), 403)["code"] == "ticket_spent"
    assert len(await pit.letters()) == 1, "who follows is not asked again"
    row = existing(await pit.database.row("SELECT COUNT(*) AS many FROM followers WHERE email = :e", e=WE))
    assert row["many"] == 1


@pytest.mark.settings(challenge="off")
async def test_fifty_concurrent_requests_create_one_follower(pit: Followed) -> None:
    answers = await asyncio.gather(*(pit.follow(WE.upper(), ticket="-") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    rows = await pit.database.rows("SELECT id FROM followers")
    assert len(rows) == 1
    assert 1 <= len(await pit.letters(WE.upper())) <= 3


async def test_following_does_not_use_the_letter_quota_of_reports(pit: Followed) -> None:
    for index in range(5):
        number = await publish(pit.database, pit.site)
        assert (await pit.follow(WE.replace("@", f"+{index}@"), number)).status_code == 202
        await pit.letters()
    assert len(pit.sink.letters) == submit.OTHER_LETTERS_A_DAY == 2
    await submit_report(pit.database, pit.site, email=WE)
    assert "Подтвердите почту" in (await pit.letters())[-1].subject
    await submit_report(pit.database, pit.site, email=WE)
    await pit.letters()
    assert len(pit.sink.letters) == submit.LETTERS_A_DAY == 3


async def test_follows_and_comments_of_one_address_are_limited(
    make_settings: Callable[..., Settings], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("follows", "comments"):
        monkeypatch.setitem(limits.RATES, name, "2/minute")
    async with running(make_settings(database_url=database_url, challenge="off")) as app:
        database = app.state.context.database
        site = await make_site(database, discussion="moderated")
        number = await publish(database, site)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="https://widget.test") as client:
            widget = Widget(client, site)
            answers = [await follow(widget, number, ticket="-") for _ in range(3)]
            url = f"{widget.root}/problems/{number}/comments"
            answers += [await client.post(url, json={}, headers={"Origin": widget.origin}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429, 422, 422, 429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_the_address_is_in_no_public_answer(pit: Followed) -> None:
    letter = await pit.following()
    (row,) = await pit.database.rows("SELECT id, email_hash FROM followers")
    shown = f"/s/{pit.site.key}/problems/{pit.number}"
    pages = (f"/s/{pit.site.key}", shown, f"{shown}/follow")
    api = (pit.widget.root, f"{pit.widget.root}/problems", f"{pit.widget.root}/problems/{pit.number}")
    mailed = letter.links[0].removeprefix("https://widget.test")
    for address in (*api, *pages, mailed):
        text = (await pit.widget.client.get(address)).text
        for secret in ("vera-follows", row["email_hash"]):
            assert secret not in text, (address, secret)


async def test_refusals_follow_the_order_of_the_contract_and_invalid_addresses_are_refused(pit: Followed) -> None:
    post, path = pit.widget.client.post, f"{pit.widget.root}/problems/{pit.number}/follow"
    own = {"Origin": pit.widget.origin}
    assert problem(await post(path.replace(pit.site.key, "wk_unknown"), json={}, headers=own), 404)
    evil = await post(path, json={}, headers={"Origin": "https://evil.test"})
    assert problem(evil, 403)["code"] == "origin_not_registered"
    assert evil.headers["access-control-allow-origin"] == "https://evil.test"
    assert problem(await post(path, content=b"x" * 70_000, headers=own), 413)
    assert problem(await post(path, content=b"{}", headers=own), 415)
    assert problem(await post(path, content=b"{", headers=own | {"Content-Type": "application/json"}), 400)
    missing = await post(path, json={"email": "x"}, headers=own)
    assert problem(missing, 403)["code"] == "ticket_missing"
    wrong = problem(await post(path, json={"email": "x", "ticket": await pit.widget.ticket()}, headers=own), 422)
    errors = [(error["field"], error["code"]) for error in wrong["errors"]]
    assert errors == [("email", "email"), ("consent.processing", "required"), ("consent.version", "required")]
    old = await pit.follow(consent={"version": "000000000000", "processing": True})
    assert [error["code"] for error in problem(old, 422)["errors"]] == ["consent_version"]
    assert await pit.database.rows("SELECT id FROM followers") == []
    for email in (
        1, ["a@b.test"], {"a": 1}, "", "x", "a@b", "a b@c.test", "a@b.test\r\nBcc: x@y.test", "a" * 300 + "@b.test",
    ):  # fmt: skip
        assert (await pit.follow(email)).status_code == 422, email
        assert await pit.database.rows("SELECT id FROM followers") == []


async def test_unpublished_and_unknown_problems_look_the_same(pit: Followed) -> None:
    hidden = await submit_report(pit.database, pit.site)
    numbers = (hidden.number, 99, 0, "99999999999999", "1.5", "x", "-1")
    answers = [await pit.follow(number=number, ticket="-") for number in numbers]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    pages = [await pit.widget.client.get(f"/s/{pit.site.key}/problems/{number}/follow") for number in numbers]
    assert {page.status_code for page in pages} == {404}


async def test_followers_of_a_merged_problem_move_along_once(pit: Followed) -> None:
    kept, merged = await publish(pit.database, pit.site), await publish(pit.database, pit.site)
    await pit.following(number=kept)
    await pit.following(number=merged)
    await pit.following(OTHER, merged)
    await pit.change(number=merged, to="duplicate", duplicate_of=kept)
    received = (await pit.letters(OTHER))[-1]
    assert f"/problems/{kept}" in received.links[0]
    before = {email: len(pit.sink.to(email)) for email in (WE, OTHER)}
    await pit.change(number=kept, to="in_progress")
    await pit.letters()
    assert {email: len(pit.sink.to(email)) - before[email] for email in before} == {WE: 1, OTHER: 1}
    third = "third-follows@example.test"
    assert (await pit.follow(third, merged)).status_code == 202, "who follows a merged one follows the other"
    row = existing(await pit.database.row("SELECT problem_id FROM followers WHERE email = :e", e=third))
    assert row["problem_id"] == await pit.id_of(kept)
    await press(pit.widget.client, received.links[1])
    assert OTHER not in {row["email"] for row in await pit.database.rows("SELECT email FROM followers")}


async def test_one_click_unsubscribes_and_erases_the_address(pit: Followed) -> None:
    await pit.following()
    await pit.change(to="in_progress")
    stop = (await pit.letters())[-1].links[1].removeprefix("https://widget.test")
    page = await pit.widget.client.get(stop)
    assert page.text.count("<form") == 1
    clicked = await pit.widget.client.post(stop, data={"List-Unsubscribe": "One-Click"})
    assert clicked.status_code == 200, "a mail program must not be redirected"
    assert "<form" not in (await pit.widget.client.get(stop)).text
    await pit.change(to="resolved", text="Готово")
    assert len(await pit.letters()) == 2
    (row,) = await pit.database.rows("SELECT * FROM followers")
    assert (row["email"], row["email_hash"], row["ip"]) == (None, None, None)
    assert row["consent_version"], "what was agreed to stays known"
    await pit.following()
    assert len(pit.sink.to(WE)) == 3, "who changes their mind is asked anew"


@pytest.mark.parametrize("how", ["withdraw", "erase", "both", "retention"])
async def test_followers_of_an_unpublished_problem_are_erased(pit: Followed, how: str) -> None:
    await pit.following()
    await pit.follow(OTHER)  # without confirming
    if how in ("withdraw", "both"):
        await pit.change(RESIDENT, to="withdrawn")
    if how != "withdraw":
        actor = Actor(kind="system") if how == "retention" else OPERATOR
        await lifecycle.erase(pit.database, actor, pit.site.id, await pit.id_of())
    _, *received = await pit.letters()
    if how == "retention":
        assert received == []
    else:
        (last,) = received
        assert "на сайте его больше нет" in last.text
        assert last.links == [f"https://widget.test/s/{pit.site.key}/report"]
        assert "List-Unsubscribe" not in last.message
    assert {row["email"] for row in await pit.database.rows("SELECT email FROM followers")} == {None}


async def test_followers_without_a_final_letter_are_erased_too(pit: Followed) -> None:
    await pit.following()
    pit.sink.stop()
    await pit.change(RESIDENT, to="withdrawn")
    assert (await retention.erase_expired(pit.database))["followers"] == 0
    with time_machine.travel(clock.now() + 32 * 86_400, tick=False):
        assert (await retention.erase_expired(pit.database))["followers"] == 1
    assert {row["email"] for row in await pit.database.rows("SELECT email FROM followers")} == {None}


async def test_a_follower_who_stopped_meanwhile_is_not_confirmed(pit: Followed) -> None:
    """The button of the letter was pressed in one window while the other one ended it."""
    await pit.follow()
    await pit.letters()
    (read_before,) = await pit.database.rows("SELECT * FROM followers")
    await service.stop_following(pit.database, read_before)
    await service.confirm_following(pit.database, read_before)
    (row,) = await pit.database.rows("SELECT confirmed_at, stopped_at FROM followers")
    assert (row["confirmed_at"], row["stopped_at"] is None) == (None, False)
    await pit.change(to="in_progress")
    assert len(await pit.letters()) == 1


async def test_erasing_an_address_ends_all_its_follows(pit: Followed) -> None:
    for number in (pit.number, await publish(pit.database, pit.site)):
        await pit.following(number=number)
    assert await retention.erase_words(pit.database, WE.upper()) == {
        "follows": 2,
        "comments": 0,
        "participations": 0,
    }
    await pit.change(to="in_progress")
    assert len(await pit.letters()) == 2
    assert await retention.erase_words(pit.database, WE) == {"follows": 0, "comments": 0, "participations": 0}


async def test_letters_are_delayed_and_not_lost_while_the_mail_server_is_down(pit: Followed) -> None:
    await pit.following()
    pit.sink.behaviour = "later"
    await pit.change(to="in_progress")
    await pit.change(to="resolved", text="Готово")
    failed = "SELECT 1 FROM deliveries WHERE sink LIKE 'follower:%' AND attempts > 0 AND state = 'pending'"
    await await_for(lambda: pit.database.row(failed))
    pit.sink.behaviour = "accept"
    news = (await pit.letters())[1:]
    assert ["Работа началась" in letter.text for letter in news] == [True, False], "in their order"

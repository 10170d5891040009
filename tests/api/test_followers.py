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


async def id_of(context: Context, site: Site, number: int) -> str:
    row = existing(
        await context.database.row("SELECT id FROM problems WHERE site_id = :s AND number = :n", s=site.id, n=number)
    )
    return str(row["id"])


async def change(context: Context, site: Site, number: int, actor: Any = AGENT, **wish: Any) -> None:
    await lifecycle.change(context.database, actor, site.id, await id_of(context, site, number), Change(**wish))


async def press(client: Client, link: str) -> None:
    """Press the button of a mailed page, without cookies and scripts."""
    path = link.removeprefix("https://widget.test")
    page = (await client.get(path)).text
    assert page.count("<form") == 1
    assert f'action="{path}"' in page
    assert (await client.post(path)).status_code == 303


async def following(widget: Widget, context: Context, sink: MailSink, number: int, email: str = WE) -> Letter:
    """Follow, and confirm by the newest letter."""
    before = len(sink.to(email))
    assert (await follow(widget, number, email)).status_code == 202
    letter = (await letters(context, sink, email))[before]
    await press(widget.client, letter.links[0])
    return letter


async def test_following_begins_when_the_letters_button_is_pressed(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site, description="https://spam.test КУПИТЕ")
    answer = await follow(widget, number)
    assert (answer.status_code, answer.json(), answer.headers["cache-control"]) == (202, {}, "no-store")
    (letter,) = await letters(context, mail_sink, WE)
    (link,) = letter.links
    assert [line for line in letter.text.splitlines() if "://" in line] == [link]
    assert link.startswith("https://widget.test/follow/")
    for typed in ("spam.test", "КУПИТЕ", "Октябрьской"):
        assert typed not in str(letter.message) + letter.text + (letter.html or "")
    path = link.removeprefix("https://widget.test")
    page = await widget.client.get(path)
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert WE not in page.text
    await change(context, site, number, to="in_progress")
    assert len(await letters(context, mail_sink, WE)) == 1, "looking at the page begins nothing"
    await press(widget.client, link)
    again = await widget.client.get(path)
    assert "<form" not in again.text
    assert f"/s/{site.key}/problems/{number}" in again.text
    assert (await widget.client.post(path)).status_code == 303, "twice is once"
    await change(context, site, number, to="planned", expected_on="2099-12-12")
    await letters(context, mail_sink, WE)
    assert len(mail_sink.to(WE)) == 2


async def test_every_public_change_is_a_letter_in_one_thread(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    first = await following(widget, context, mail_sink, number)
    await change(context, site, number, to="in_progress")
    await change(context, site, number, to="resolved", text="Яму <b>засыпали</b> щебнем.")
    _, working, solved = await letters(context, mail_sink, WE)
    root = first.message["Message-ID"]
    assert [letter.message["References"] for letter in (working, solved)] == [root, root]
    assert working.subject == solved.subject
    assert len({letter.message["Message-ID"] for letter in (first, working, solved)}) == 3
    assert "Яму <b>засыпали</b> щебнем." in solved.text
    assert "Яму &lt;b&gt;засыпали&lt;/b&gt; щебнем." in (solved.html or "")
    assert site.agency.name in solved.text
    page, stop = solved.links
    assert page == f"https://widget.test/s/{site.key}/problems/{number}"
    assert solved.message["List-Unsubscribe"] == f"<{stop}>"
    assert solved.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    rows = await context.database.rows("SELECT sink, position FROM deliveries WHERE sink LIKE 'follower:%'")
    assert len({row["sink"] for row in rows}) == 1
    assert len(rows) == 3


async def test_letters_are_in_the_followers_language(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    await follow(widget, number, lang="en")
    (letter,) = await letters(context, mail_sink, WE)
    assert letter.message["Content-Language"] == "en"
    await press(widget.client, letter.links[0])
    await change(context, site, number, to="in_progress")
    news = (await letters(context, mail_sink, WE))[-1]
    assert "Work has begun" in news.text


async def test_words_of_the_author_are_not_sent_to_followers(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site, "resolved")
    await following(widget, context, mail_sink, number)
    await change(context, site, number, RESIDENT, to="reopened", text="Слова жителя")
    news = (await letters(context, mail_sink, WE))[-1]
    assert "проблема осталась" in news.text
    assert "Слова жителя" not in news.text + (news.html or "")


async def test_an_author_who_follows_gets_one_letter(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    receipt = await submit_report(context.database, site, contact=Contact(email=WE))
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await change(context, site, receipt.number, to="accepted")
    await letters(context, mail_sink, WE)
    await following(widget, context, mail_sink, receipt.number)
    before = len(mail_sink.to(WE))
    await change(context, site, receipt.number, to="in_progress")
    assert len(await letters(context, mail_sink, WE)) == before + 1


async def test_whether_an_address_follows_cannot_be_probed(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    await following(widget, context, mail_sink, number)
    ticket = await widget.ticket()
    known, new = await follow(widget, number, WE, ticket=ticket), await follow(widget, number, OTHER)
    assert (known.status_code, known.content) == (new.status_code, new.content) == (202, b"{}")
    assert dict(known.headers) == dict(new.headers)
    assert problem(await follow(widget, number, OTHER, ticket=ticket), 403)["code"] == "ticket_spent"
    assert len(await letters(context, mail_sink, WE)) == 1, "who follows is not asked again"
    row = existing(await context.database.row("SELECT COUNT(*) AS many FROM followers WHERE email = :e", e=WE))
    assert row["many"] == 1


@pytest.mark.settings(challenge="off")
async def test_fifty_concurrent_requests_create_one_follower(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    answers = await asyncio.gather(*(follow(widget, number, WE.upper(), ticket="-") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    rows = await context.database.rows("SELECT id FROM followers")
    assert len(rows) == 1
    assert 1 <= len(await letters(context, mail_sink, WE.upper())) <= 3


async def test_following_does_not_use_the_letter_quota_of_reports(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    numbers = [await publish(context.database, site) for _ in range(5)]
    for index, number in enumerate(numbers):
        assert (await follow(widget, number, WE.replace("@", f"+{index}@"))).status_code == 202
        await letters(context, mail_sink, WE)
    assert len(mail_sink.letters) == submit.OTHER_LETTERS_A_DAY == 2
    await submit_report(context.database, site, email=WE)
    assert "Подтвердите почту" in (await letters(context, mail_sink, WE))[-1].subject
    await submit_report(context.database, site, email=WE)
    await letters(context, mail_sink, WE)
    assert len(mail_sink.letters) == submit.LETTERS_A_DAY == 3


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


async def test_the_address_is_in_no_public_answer(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    letter = await following(widget, context, mail_sink, number)
    (row,) = await context.database.rows("SELECT id, email_hash FROM followers")
    pages = (f"/s/{site.key}", f"/s/{site.key}/problems/{number}", f"/s/{site.key}/problems/{number}/follow")
    api = (widget.root, f"{widget.root}/problems", f"{widget.root}/problems/{number}")
    mailed = letter.links[0].removeprefix("https://widget.test")
    for address in (*api, *pages, mailed):
        text = (await widget.client.get(address)).text
        for secret in ("vera-follows", row["email_hash"]):
            assert secret not in text, (address, secret)


async def test_refusals_follow_the_order_of_the_contract_and_invalid_addresses_are_refused(
    widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    post, path = widget.client.post, f"{widget.root}/problems/{number}/follow"
    own = {"Origin": widget.origin}
    assert problem(await post(path.replace(site.key, "wk_unknown"), json={}, headers=own), 404)
    evil = await post(path, json={}, headers={"Origin": "https://evil.test"})
    assert problem(evil, 403)["code"] == "origin_not_registered"
    assert evil.headers["access-control-allow-origin"] == "https://evil.test"
    assert problem(await post(path, content=b"x" * 70_000, headers=own), 413)
    assert problem(await post(path, content=b"{}", headers=own), 415)
    assert problem(await post(path, content=b"{", headers=own | {"Content-Type": "application/json"}), 400)
    missing = await post(path, json={"email": "x"}, headers=own)
    assert problem(missing, 403)["code"] == "ticket_missing"
    wrong = problem(await post(path, json={"email": "x", "ticket": await widget.ticket()}, headers=own), 422)
    errors = [(error["field"], error["code"]) for error in wrong["errors"]]
    assert errors == [("email", "email"), ("consent.processing", "required"), ("consent.version", "required")]
    old = await follow(widget, number, consent={"version": "000000000000", "processing": True})
    assert [error["code"] for error in problem(old, 422)["errors"]] == ["consent_version"]
    assert await context.database.rows("SELECT id FROM followers") == []
    for email in (
        1,
        ["a@b.test"],
        {"a": 1},
        "",
        "x",
        "a@b",
        "a b@c.test",
        "a@b.test\r\nBcc: x@y.test",
        "a" * 300 + "@b.test",
    ):
        assert (await follow(widget, number, email)).status_code == 422, email
        assert await context.database.rows("SELECT id FROM followers") == []


async def test_unpublished_and_unknown_problems_look_the_same(widget: Widget, context: Context, site: Site) -> None:
    hidden = await submit_report(context.database, site)
    numbers = (hidden.number, 99, 0, "99999999999999", "1.5", "x", "-1")
    answers = [await follow(widget, number, ticket="-") for number in numbers]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    pages = [await widget.client.get(f"/s/{site.key}/problems/{number}/follow") for number in numbers]
    assert {page.status_code for page in pages} == {404}


async def test_followers_of_a_merged_problem_move_along_once(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    kept, merged = await publish(context.database, site), await publish(context.database, site)
    await following(widget, context, mail_sink, kept)
    await following(widget, context, mail_sink, merged)
    await following(widget, context, mail_sink, merged, OTHER)
    await change(context, site, merged, to="duplicate", duplicate_of=kept)
    received = (await letters(context, mail_sink, OTHER))[-1]
    assert f"/problems/{kept}" in received.links[0]
    before = {email: len(mail_sink.to(email)) for email in (WE, OTHER)}
    await change(context, site, kept, to="in_progress")
    await letters(context, mail_sink, WE)
    assert {email: len(mail_sink.to(email)) - before[email] for email in before} == {WE: 1, OTHER: 1}
    third = "third-follows@example.test"
    assert (await follow(widget, merged, third)).status_code == 202, "who follows a merged one follows the other"
    row = existing(await context.database.row("SELECT problem_id FROM followers WHERE email = :e", e=third))
    assert row["problem_id"] == await id_of(context, site, kept)
    await press(widget.client, received.links[1])
    assert OTHER not in {row["email"] for row in await context.database.rows("SELECT email FROM followers")}


async def test_one_click_unsubscribes_and_erases_the_address(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    await following(widget, context, mail_sink, number)
    await change(context, site, number, to="in_progress")
    stop = (await letters(context, mail_sink, WE))[-1].links[1].removeprefix("https://widget.test")
    page = await widget.client.get(stop)
    assert page.text.count("<form") == 1
    clicked = await widget.client.post(stop, data={"List-Unsubscribe": "One-Click"})
    assert clicked.status_code == 200, "a mail program must not be redirected"
    assert "<form" not in (await widget.client.get(stop)).text
    await change(context, site, number, to="resolved", text="Готово")
    assert len(await letters(context, mail_sink, WE)) == 2
    (row,) = await context.database.rows("SELECT * FROM followers")
    assert (row["email"], row["email_hash"], row["ip"]) == (None, None, None)
    assert row["consent_version"], "what was agreed to stays known"
    await following(widget, context, mail_sink, number)
    assert len(mail_sink.to(WE)) == 3, "who changes their mind is asked anew"


@pytest.mark.parametrize("how", ["withdraw", "erase", "both", "retention"])
async def test_followers_of_an_unpublished_problem_are_erased(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink, how: str
) -> None:
    number = await publish(context.database, site)
    await following(widget, context, mail_sink, number)
    await follow(widget, number, OTHER)  # without confirming
    if how in ("withdraw", "both"):
        await change(context, site, number, RESIDENT, to="withdrawn")
    if how != "withdraw":
        actor = Actor(kind="system") if how == "retention" else OPERATOR
        await lifecycle.erase(context.database, actor, site.id, await id_of(context, site, number))
    _, *received = await letters(context, mail_sink, WE)
    if how == "retention":
        assert received == []
    else:
        (last,) = received
        assert "на сайте его больше нет" in last.text
        assert last.links == [f"https://widget.test/s/{site.key}/report"]
        assert "List-Unsubscribe" not in last.message
    assert {row["email"] for row in await context.database.rows("SELECT email FROM followers")} == {None}


async def test_followers_without_a_final_letter_are_erased_too(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    await following(widget, context, mail_sink, number)
    mail_sink.stop()
    await change(context, site, number, RESIDENT, to="withdrawn")
    assert (await retention.erase_expired(context.database))["followers"] == 0
    with time_machine.travel(clock.now() + 32 * 86_400, tick=False):
        assert (await retention.erase_expired(context.database))["followers"] == 1
    assert {row["email"] for row in await context.database.rows("SELECT email FROM followers")} == {None}


async def test_a_follower_who_stopped_meanwhile_is_not_confirmed(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    """The button of the letter was pressed in one window while the other one ended it."""
    database = context.database
    number = await publish(database, site)
    await follow(widget, number)
    await letters(context, mail_sink, WE)
    (read_before,) = await database.rows("SELECT * FROM followers")
    await service.stop_following(database, read_before)
    await service.confirm_following(database, read_before)
    (row,) = await database.rows("SELECT confirmed_at, stopped_at FROM followers")
    assert (row["confirmed_at"], row["stopped_at"] is None) == (None, False)
    await change(context, site, number, to="in_progress")
    assert len(await letters(context, mail_sink, WE)) == 1


async def test_erasing_an_address_ends_all_its_follows(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    numbers = [await publish(context.database, site) for _ in range(2)]
    for number in numbers:
        await following(widget, context, mail_sink, number)
    assert await retention.erase_words(context.database, WE.upper()) == {
        "follows": 2,
        "comments": 0,
        "participations": 0,
    }
    await change(context, site, numbers[0], to="in_progress")
    assert len(await letters(context, mail_sink, WE)) == 2
    assert await retention.erase_words(context.database, WE) == {"follows": 0, "comments": 0, "participations": 0}


async def test_letters_are_delayed_and_not_lost_while_the_mail_server_is_down(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    await following(widget, context, mail_sink, number)
    mail_sink.behaviour = "later"
    await change(context, site, number, to="in_progress")
    await change(context, site, number, to="resolved", text="Готово")
    failed = "SELECT 1 FROM deliveries WHERE sink LIKE 'follower:%' AND attempts > 0 AND state = 'pending'"
    await await_for(lambda: context.database.row(failed))
    mail_sink.behaviour = "accept"
    news = (await letters(context, mail_sink, WE))[1:]
    assert ["Работа началась" in letter.text for letter in news] == [True, False], "in their order"

"""What visitors do with entries: effective when confirmed, once a person, withdrawable; nobody is shown to anybody."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.test_canary import public_routes
from tests.api.test_collections import add_entry
from tests.api.test_letters import letters
from tests.api.test_report_form import filled
from tests.conftest import ONE_DATABASE, Client
from tests.factories import HOST_ORIGIN, OPERATOR, RESIDENT, run_statement
from tests.support.cabinet import Cabinet
from tests.support.mail import MailSink
from tests.support.public_api import Widget
from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.errors import Conflict, Invalid, NotFound
from widget_api.mail import links
from widget_api.ops import retention
from widget_api.participation import model, service, store
from widget_api.people import accounts
from widget_api.problems import forms, lifecycle
from widget_api.problems.model import Change
from widget_api.problems.persons import Person
from widget_api.problems.store.contacts import email_hash, mailbox_hash
from widget_api.sites import changes, collection
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site
from widget_api.web import limits

VERA = "vera-votes@example.test"
DAY = 86_400


async def add_participant(database: Database, child: Site, problem_id: str, email: str = VERA, **said: Any) -> str:
    """Somebody who asked for the collection's action, by no letter; `ip` and what `Words` has may be given."""
    person = Person(email=email, language="ru", consent_version="1", consent_hash="x", ip=said.pop("ip", "192.0.2.1"))
    act: Any = child.collection and child.collection.action
    return await database.write(
        lambda tx: store.add(tx, child.id, problem_id, act, person, model.Words(**said), clock.now()), child.id
    )


class Visitor(Widget):
    """Acts on entries of one collection."""

    def __init__(self, client: Client, context: Context, city: Site, child: Site) -> None:
        super().__init__(client, city)
        self.context, self.child = context, child
        assert child.collection is not None
        self.entries = f"{self.root}/collections/{child.collection.slug}/entries"
        self.act, self.version = child.collection.action, ""

    async def ask(self, number: int = 1, email: str = VERA, **changes: Any) -> httpx2.Response:
        if not self.version:
            configuration = (await self.client.get(self.entries.removesuffix("/entries"))).json()
            self.version = configuration["consent"]["version"]
        body = {
            "email": email,
            "declared": True,
            "consent": {"version": self.version, "processing": True},
            "ticket": await self.ticket(),
            **changes,
        }
        url = f"{self.entries}/{number}/{self.act}"
        return await self.client.post(url, json=body, headers={"Origin": HOST_ORIGIN})

    async def rows(self) -> list[Row]:
        return list(await self.context.database.rows("SELECT * FROM participants ORDER BY created_at, id"))

    async def press(self, row: Row, purpose: str = "action") -> str:
        """Press the button of the confirmation's page (or the own one's), and return what it says then."""
        url = links.action_url if purpose == "action" else links.own_action_url
        path = url(self.context, row["id"]).removeprefix("https://widget.test")
        assert (await self.client.post(path)).status_code == 303
        return (await self.client.get(path, headers={"Accept-Language": "ru"})).text

    async def take_part(self, number: int = 1, email: str = VERA, **changes: Any) -> Row:
        """Ask and confirm."""
        before = {row["id"] for row in await self.rows()}
        sent = await self.ask(number, email, **changes)
        assert (sent.status_code, sent.json()) == (202, {}), sent.text
        (row,) = [row for row in await self.rows() if row["id"] not in before]
        await self.press(row)
        return row

    async def count(self, number: int = 1) -> int:
        return int((await self.client.get(f"{self.entries}/{number}")).json()["participants"])

    async def set_rules(self, **columns: Any) -> None:
        await changes.update_site(self.context.database, self.child.id, columns)
        self.child = await sites.by_id(self.context.database, self.child.id)


async def add_visitor(
    client: Client, context: Context, city: Site, preset: str, entries: int = 1, **given: Any
) -> Visitor:
    child = await collection.add_collection(context.database, city, "things", preset)
    for place in range(entries):
        await add_entry(context.database, child, f"Запись {place}", **given)
    return Visitor(client, context, city, child)


@pytest.fixture
async def voter(client: Client, context: Context, city: Site) -> Visitor:
    return await add_visitor(client, context, city, "budgeting", 4)


async def test_a_voice_counts_when_the_letters_button_is_pressed(
    voter: Visitor, context: Context, mail_sink: MailSink
) -> None:
    assert (await voter.ask()).json() == {}
    (letter,) = await letters(context, mail_sink, VERA)
    (link,) = letter.links
    assert [line for line in letter.text.splitlines() if "://" in line] == [link]
    path = link.removeprefix("https://widget.test")
    for _ in range(2):  # mail scanners follow links
        page = await voter.client.get(path)
        assert (page.status_code, page.text.count("<form"), VERA in page.text) == (200, 1, False)
        assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert await voter.count() == 0
    tag = (await voter.client.get(voter.entries)).headers["etag"]
    for _ in range(2):  # twice is once
        assert (await voter.client.post(path)).status_code == 303
    assert await voter.count() == 1
    assert (await voter.client.get(voter.entries, headers={"If-None-Match": tag})).json()["items"][-1][
        "participants"
    ] == 1
    page = await voter.client.get(path)
    assert "<form" not in page.text
    assert "/my-action/" in page.text
    # Asked again, the same letter leads to where a voice is withdrawn; the answer says nothing.
    assert (await voter.ask()).json() == {}
    assert "уже подтвердили" in (await letters(context, mail_sink, VERA))[-1].text
    assert len(await voter.rows()) == 1


async def test_one_person_is_one_voice(voter: Visitor) -> None:
    for email in (VERA, VERA.upper(), "vera-votes+2@example.test", "Vera-Votes+x+y@EXAMPLE.test"):
        assert (await voter.ask(email=email)).status_code == 202
    (row,) = await voter.rows()
    await voter.press(row)
    await voter.ask(email="vera-votes+3@example.test")
    assert len(await voter.rows()) == 1
    await voter.take_part(email="veravotes@example.test")  # letters of the name are not ours to drop
    assert await voter.count() == 2


def test_addresses_of_one_mailbox_are_one_person_and_no_others() -> None:
    mailboxes = (
        ("ivan.petrov@ya.ru", "ivan-petrov@yandex.ru", "Ivan.Petrov+2@Narod.ru", "ivan-petrov@yandex.com.tr"),
        ("ivanpetrov@ya.ru",),  # a dot is a hyphen there, which is not left out
        ("ivan.petrov@gmail.com", "IvanPetrov+a.b@googlemail.com", "i.v.a.n.petrov@ｇmail.com"),
        ("ivan-petrov@gmail.com",),
        *((f"ivan.petrov@{domain}",) for domain in ("mail.ru", "bk.ru", "inbox.ru", "list.ru", "internet.ru")),
        ("ivanpetrov@mail.ru",),
        ("ivan.petrov@yandex-team.ru",),
        ("ivan.petrov@gmail.com.example.test",),
        ("ivan.petrov@example.test", "Ivan.Petrov+x@EXAMPLE.test"),
        ("ivan-petrov@example.test",),
        ("+@example.test",),
    )
    people = [{mailbox_hash(email) for email in emails} for emails in mailboxes]
    assert [len(one) for one in people] == [1] * len(mailboxes)
    assert len(set().union(*people)) == len(mailboxes)
    assert mailbox_hash("ivan.petrov@example.test") == email_hash("ivan.petrov@example.test"), "rows are as they were"


async def test_another_address_of_the_mailbox_adds_no_voice_and_withdraws(
    voter: Visitor, context: Context, mail_sink: MailSink
) -> None:
    await voter.set_rules(votes_per_person=2)
    first = await voter.take_part(1, "vera.i@ya.ru")
    assert len(await letters(context, mail_sink, "vera.i@ya.ru")) == 1
    await voter.ask(1, "Vera-I@yandex.ru")
    assert len(await voter.rows()) == 1
    assert "уже подтвердили" in (await letters(context, mail_sink, "vera.i@ya.ru"))[-1].text
    assert await letters(context, mail_sink, "vera-i@yandex.ru") == [], "it goes to the address that is known"
    await voter.take_part(2, "vera-i@yandex.by")
    third = await voter.take_part(3, "vera.i+3@narod.ru")
    assert "Все голоса уже отданы" in await voter.press(third)
    assert [await voter.count(number) for number in (1, 2, 3)] == [1, 1, 0]
    await voter.press(first, "own")
    assert "Голос засчитан" in await voter.press(third)
    assert (await retention.erase_words(context.database, "vera.i@yandex.com"))["participations"] == 2
    assert [await voter.count(number) for number in (1, 2, 3)] == [0, 0, 0]


async def test_no_more_voices_than_the_collection_gives(voter: Visitor, context: Context) -> None:
    other = await collection.add_collection(context.database, voter.site, "more", "budgeting")
    elsewhere = await add_participant(context.database, other, await add_entry(context.database, other))
    (row,) = await voter.rows()
    assert (row["id"], await service.confirm(context.database, row)) == (elsewhere, "done"), "another vote of its own"
    await context.database.write(lambda tx: tx.run("UPDATE participants SET created_at = created_at + 3600"))
    await voter.set_rules(votes_per_person=2)
    for number in (1, 2):
        await voter.take_part(number)
    row = await voter.take_part(3, "vera-votes+9@example.test")
    assert "Все голоса уже отданы" in await voter.press(row)
    assert [await voter.count(number) for number in (1, 2, 3)] == [1, 1, 0]
    await voter.press((await voter.rows())[0], "own")
    assert "Голос засчитан" in await voter.press(row)
    assert [await voter.count(number) for number in (1, 2, 3)] == [0, 1, 1]
    await lifecycle.change(context.database, RESIDENT, voter.child.id, row["problem_id"], Change(to="withdrawn"))
    await voter.take_part(4)
    assert await voter.count(4) == 1, "an entry that is gone gives its voices back"


async def test_the_most_voices_stand_first(voter: Visitor) -> None:
    for email, number in ((VERA, 3), ("oleg@example.test", 3), (VERA, 2)):
        await voter.take_part(number, email)
    listed, next_page = [], f"{voter.entries}?sort=support&limit=2"
    while next_page:
        page = (await voter.client.get(next_page)).json()
        listed += [(one["number"], one["participants"]) for one in page["items"]]
        next_page = page["next"] and f"{voter.entries}?sort=support&limit=2&cursor={page['next']}"
    assert listed == [(3, 2), (2, 1), (4, 0), (1, 0)]
    page = await voter.client.get(f"/s/{voter.site.key}/c/things?sort=support")
    assert '<option value="support" selected>' in page.text


async def test_two_confirmations_at_once_are_one_after_the_other(voter: Visitor, context: Context) -> None:
    await voter.set_rules(votes_per_person=1)
    for number in (1, 2):
        await voter.ask(number)
    rows = await voter.rows()
    states = await asyncio.gather(*(service.confirm(context.database, row) for row in (*rows, *rows)))
    assert sorted(states) == ["done", "done", "full", "full"]
    assert await voter.count(1) + await voter.count(2) == 1


async def test_processes_that_confirm_while_the_vote_ends_agree_on_its_end(
    voter: Visitor, context: Context, database_url: str
) -> None:
    """Each process has a clock of its own but the moment that counts is the one before the row is written."""
    now = clock.now()
    await voter.set_rules(votes_per_person=2, votes_close_at=now + DAY)
    for number in (1, 2, 3, 4):
        await voter.ask(number)
    rows = await voter.rows()
    others = [Database(database_url, readers=1) for _ in range(2)]
    try:
        for other in others:
            await other.connect()
        with time_machine.travel(now + DAY - 1, tick=False):
            both = [(one, row) for row in rows for one in (context.database, *others)]
            states = await asyncio.gather(*(service.confirm(one, row) for one, row in both))
        assert sorted(states) == ["done"] * 6 + ["full"] * 6
        await voter.press((await voter.rows())[0], "own")
        with time_machine.travel(now + DAY, tick=False):
            last = await asyncio.gather(*(service.confirm(one, row) for one, row in both))
        assert set(last) <= {"done", "closed", "gone"}
        # The period is moved while a letter is under way: what the button meets is the period of then.
        await changes.update_site(context.database, voter.child.id, {"votes_close_at": now + 2 * DAY})
        with time_machine.travel(now + DAY, tick=False):
            await asyncio.gather(*(service.confirm(one, row) for one, row in both))
    finally:
        for other in others:
            await other.disconnect()
    counted = [await voter.count(number) for number in (1, 2, 3, 4)]
    voices = [row for row in await voter.rows() if row["confirmed_at"] and not row["stopped_at"]]
    assert (sum(counted), len(voices)) == (2, 2)


async def test_the_period_is_checked_when_a_voice_is_confirmed(voter: Visitor) -> None:
    now = clock.now()
    await voter.set_rules(votes_open_at=now + 100, votes_close_at=now + DAY)
    page = f"/s/{voter.site.key}/c/things/1"
    early = await voter.ask()
    assert (early.status_code, early.json()["code"]) == (409, "voting_early")
    with time_machine.travel(now + 100, tick=False):
        await voter.ask()
        await voter.ask(2)
        assert f'href="{page}/vote"' in (await voter.client.get(page)).text
    first, second = await voter.rows()
    assert "ещё не началось" in await voter.press(first)
    with time_machine.travel(now + DAY - 1, tick=False):
        assert "Голос засчитан" in await voter.press(first)
    with time_machine.travel(now + DAY, tick=False):
        assert "Голосование закончилось" in await voter.press(second)
        assert (await voter.ask(3)).json()["code"] == "voting_closed"
        assert (await voter.client.get(f"{page}/vote")).status_code == 409
        assert f'href="{page}/vote"' not in (await voter.client.get(page)).text
        assert "отозвать голос нельзя" in await voter.press(first, "own")
    assert (await voter.count(1), await voter.count(2)) == (1, 0)


async def test_a_withdrawn_voice_is_gone_and_may_be_given_again(voter: Visitor) -> None:
    row = await voter.take_part()
    path = links.own_action_url(voter.context, row["id"]).removeprefix("https://widget.test")
    assert (await voter.client.get(path)).text.count("<form") == 1
    for _ in range(2):
        assert "удалены" in await voter.press(row, "own")
    assert await voter.count() == 0
    (left,) = await voter.rows()
    assert [left[name] for name in ("email", "email_hash", "person", "ip")] == [None] * 4
    assert "Голос засчитан" not in await voter.press(row), "an old letter restarts nothing"
    await voter.take_part()
    assert await voter.count() == 1


async def test_erasure_takes_a_voice_within_the_vote_and_its_person_after_it(voter: Visitor, context: Context) -> None:
    database, now = context.database, clock.now()
    await voter.set_rules(votes_close_at=now + DAY)
    first, second = await voter.take_part(1), await voter.take_part(2, "oleg@example.test")
    await voter.ask(3)
    await voter.ask(3, "pavel@example.test")
    assert (await retention.erase_words(database, "Vera-votes+erase@example.test"))["participations"] == 2
    with time_machine.travel(now + DAY, tick=False):
        assert (await retention.erase_words(database, "oleg@example.test"))["participations"] == 1
        assert (await retention.erase_words(database, "oleg@example.test"))["participations"] == 0
        assert (await retention.erase_words(database, "pavel@example.test"))["participations"] == 1
        assert all(row["stopped_at"] for row in await voter.rows() if row["confirmed_at"] is None), "none was given"
        assert "Голос засчитан" not in await voter.press(second)
        await voter.set_rules(votes_close_at=now + 2 * DAY)  # prolonged: a voice without a person stays all the same
        await voter.press(second, "own")
        assert await voter.count(2) == 1
        await voter.set_rules(votes_close_at=now + DAY)
    assert (await voter.count(1), await voter.count(2)) == (0, 1)
    assert all(row["email"] is row["person"] is row["ip"] is None for row in await voter.rows())
    # A restored backup brings both back; what was erased is erased as it was then.
    for row in (first, second):
        sql = "UPDATE participants SET email = 'x', person = 'x', stopped_at = NULL WHERE id = :id"
        await run_statement(database, sql, id=row["id"])
    await database.write(lambda tx: tx.run("UPDATE problems SET participants = 1 WHERE number = 1"))
    with time_machine.travel(now + 5 * DAY, tick=False):
        assert await retention.replay_erasures(database) == 2
    counts = await database.rows("SELECT participants FROM problems ORDER BY number LIMIT 2")
    assert [row["participants"] for row in counts] == [0, 1]


@pytest.mark.parametrize("with_entry", [False, True])
async def test_a_vote_that_ended_is_prolonged_only_while_its_voters_are_known(
    voter: Visitor, context: Context, with_entry: bool
) -> None:
    database, now = context.database, clock.now()
    day = str(local_date(now, voter.child.time_zone) + timedelta(days=9))
    await voter.set_rules(votes_close_at=now + DAY)
    withdrawn, row = await voter.take_part(2), await voter.take_part()
    await voter.press(withdrawn, "own")
    with time_machine.travel(now + 2 * DAY, tick=False):
        await collection.change_collection(database, voter.child, {"votes_close": day})
        await voter.set_rules(votes_close_at=now + DAY)
        if with_entry:  # as retention erases it
            await lifecycle.erase(database, OPERATOR, voter.child.id, row["problem_id"])
        else:
            await retention.erase_words(database, VERA)
        for text in (day, ""):
            with pytest.raises(Invalid) as raised:
                await collection.change_collection(database, voter.child, {"title": "Другой", "votes_close": text})
            assert [(one.field, one.code) for one in raised.value.fields] == [("votes_close", "voters_erased")]
        await collection.change_collection(database, voter.child, {"title": "Другой", "votes_per_person": "1"})


@ONE_DATABASE
async def test_a_merged_entry_gives_its_voices_back_and_the_action_stays_while_any_count(
    voter: Visitor, context: Context
) -> None:
    database = context.database
    await voter.set_rules(votes_per_person=1)
    given = await voter.take_part(4)
    await voter.ask(3)
    other = (await voter.rows())[-1]
    assert "Все голоса уже отданы" in await voter.press(other)
    await lifecycle.change(
        database, OPERATOR, voter.child.id, given["problem_id"], Change(to="duplicate", duplicate_of=3)
    )
    assert await voter.count(3) == 0, "nobody but its voters gives a voice to the entry that stays"
    await voter.press(other)
    assert await voter.count(3) == 1
    child = await sites.by_id(database, voter.child.id)
    for action in ("join", "none"):
        with pytest.raises(Invalid) as raised:
            await collection.change_collection(database, child, {"action": action})
        assert [(one.field, one.code) for one in raised.value.fields] == [("action", "action_with_participants")]
    await collection.change_collection(database, child, {"action": "vote", "votes_per_person": "2"})
    await voter.press(given, "own")
    await lifecycle.erase(database, RESIDENT, child.id, other["problem_id"])
    await collection.change_collection(database, child, {"action": "join"})


@ONE_DATABASE
async def test_rules_and_votes_that_change_meanwhile_decide(
    voter: Visitor, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something else is committed after a request read what it needs, and before its own transaction."""
    database, write = context.database, context.database.write
    yesterday = str(local_date(clock.now() - DAY, voter.child.time_zone))

    def commit_before_the_next(other: Callable[[], Awaitable[Any]]) -> None:
        task = asyncio.current_task()

        async def late(*given: Any) -> Any:
            if asyncio.current_task() is task:  # the worker's writes are none of ours
                monkeypatch.setattr(database, "write", write)
                await other()
            return await write(*given)

        monkeypatch.setattr(database, "write", late)

    async def change(**given: str) -> None:
        await collection.change_collection(database, await sites.by_id(database, voter.child.id), given)

    given = await voter.take_part(1)
    await voter.ask(2)
    asked = (await voter.rows())[-1]
    commit_before_the_next(lambda: change(votes_per_person="1"))
    assert await service.confirm(database, asked) == "full"
    commit_before_the_next(lambda: change(votes_close=yesterday))
    assert await service.confirm(database, asked) == "closed"
    await change(votes_close="")
    commit_before_the_next(lambda: change(votes_close=yesterday))
    assert not await service.leave(database, given)
    assert await voter.count(1) == 1
    await change(votes_close="")
    assert await service.leave(database, given)
    commit_before_the_next(lambda: change(action="join"))
    assert await service.confirm(database, asked) == "gone"
    await change(action="vote")
    commit_before_the_next(lambda: service.confirm(database, asked))
    with pytest.raises(Invalid):
        await change(action="join")
    assert await voter.count(2) == 1
    await change(votes_close=yesterday)
    row = (await voter.rows())[-1]
    commit_before_the_next(lambda: lifecycle.erase(database, OPERATOR, voter.child.id, row["problem_id"]))
    with pytest.raises(Invalid):
        await change(votes_close="")


async def test_closed_disabled_and_withdrawn_entries_take_no_voice(voter: Visitor, context: Context) -> None:
    database = context.database
    await voter.ask()
    (row,) = await voter.rows()
    await changes.disable_site(database, voter.child.id)
    assert (await voter.ask(2)).status_code == 404
    gone = await voter.press(row)
    assert ("Здесь больше ничего нет" in gone, "/c/things/1" in gone) == (True, False)
    await changes.disable_site(database, voter.child.id, disabled=False)
    await lifecycle.change(
        database, OPERATOR, voter.child.id, row["problem_id"], Change(to="answered", text="Решение принято")
    )
    assert (await voter.ask()).json()["code"] == "entry_closed"
    merged = (await database.rows("SELECT id FROM problems WHERE number = 4"))[0]["id"]
    await lifecycle.change(database, OPERATOR, voter.child.id, merged, Change(to="duplicate", duplicate_of=3))
    assert (await voter.ask(4)).json()["code"] == "problem_merged"
    assert "Здесь больше ничего нет" in await voter.press(row)
    await voter.set_rules(action="none")
    assert (await voter.ask(2)).status_code == 404
    await voter.set_rules(action="vote")
    other = await voter.take_part(2)
    await lifecycle.change(database, RESIDENT, voter.child.id, other["problem_id"], Change(to="withdrawn"))
    assert (await voter.ask(2)).status_code == 404
    own = links.own_action_url(context, other["id"]).removeprefix("https://widget.test")
    page = (await voter.client.get(own)).text
    assert ("Запись 1" in page, "/c/things/2" in page) == (False, False)
    mine = await store.list_confirmed_of_address(database, email_hash(VERA))
    assert [one["number"] for one in mine] == []
    await lifecycle.erase(database, RESIDENT, voter.child.id, other["problem_id"])
    assert [one["id"] for one in await voter.rows()] == [row["id"]]
    path = links.own_action_url(context, other["id"]).removeprefix("https://widget.test")
    assert (await voter.client.get(path)).status_code == 404


@ONE_DATABASE
async def test_foreign_old_and_forged_links_do_nothing(voter: Visitor, context: Context) -> None:
    await voter.ask()
    (row,) = await voter.rows()
    confirmation, own, follow = (
        make(context, row["id"]).removeprefix("https://widget.test")
        for make in (links.action_url, links.own_action_url, links.follow_url)
    )
    swapped = [f"/action/{path.rpartition('/')[2]}" for path in (own, follow)] + [confirmation + "x", "/action/x"]
    swapped.append(f"/my-action/{confirmation.rpartition('/')[2]}")
    for path in swapped:
        assert (await voter.client.post(path)).status_code == 404, path
    voice = await voter.take_part(2)
    with time_machine.travel(clock.now() + 32 * DAY, tick=False):
        assert (await voter.client.post(confirmation)).status_code == 404
        assert (await retention.erase_expired(context.database))["participants"] == 1
    (left,) = await voter.rows()
    assert (left["id"], left["person"]) == (voice["id"], voice["person"]), "a voice stays as long as its entry"


@ONE_DATABASE
async def test_what_is_missing_is_said_and_limits_hold(
    voter: Visitor, context: Context, mail_sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await voter.ask(email="vera", declared="yes", consent={})
    wrong = {(one["field"], one["code"]) for one in sent.json()["errors"]}
    assert wrong >= {("email", "email"), ("declared", "required"), ("consent.processing", "required")}
    assert (await voter.ask(ticket=None)).json()["code"] == "ticket_missing"
    ticket = await voter.ticket()
    assert (await voter.ask(ticket=ticket)).status_code == 202
    assert (await voter.ask(2, ticket=ticket)).json()["code"] == "ticket_spent"
    for number in (2, 3, 4, 1, 2):
        assert (await voter.ask(number)).status_code == 202
        await letters(context, mail_sink, VERA)
    assert len(await letters(context, mail_sink, VERA)) == model.LETTERS_A_DAY
    monkeypatch.setitem(limits.RATES, "participants", "1/minute")
    monkeypatch.setattr(context.limits, "_rates", limits.RateLimiter(context.settings)._rates)
    assert [(await voter.ask()).status_code for _ in range(2)] == [202, 429]


async def test_the_page_without_scripts_votes(voter: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", 0)
    path = f"/s/{voter.site.key}/c/things/1/vote"
    page = await voter.client.get(path, headers={"Accept-Language": "ru"})
    assert "Мне уже есть 16 лет" in page.text
    fields = filled(page.text, email=VERA, consent="yes") | {"declared": ""}
    refused = await voter.client.post(path, data=fields)
    assert refused.status_code == 422
    assert 'id="field-declared-error"' in refused.text
    empty = await voter.client.post(path, data=fields | {"email": "", "declared": "", "consent": ""})
    order = re.findall(r'<a href="#field-(\w+)">', empty.text)
    assert order == re.findall(r'<input [^>]*id="field-(email|declared|consent)"', empty.text)
    assert order == ["email", "declared", "consent"]
    sent = await voter.client.post(path, data=fields | {"declared": "yes"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{path}?done=1")
    assert (
        "Подтвердить голос"
        in (await voter.client.get(sent.headers["location"], headers={"Accept-Language": "ru"})).text
    )
    assert len(await voter.rows()) == 1


async def test_platforms_learn_the_count(voter: Visitor, context: Context) -> None:
    await voter.take_part(email="oleg@example.test")
    await voter.press(await voter.take_part(), "own")
    token = await changes.add_token(context.database, voter.site.id, "platform")
    feed = await voter.client.get(
        f"/api/v1/platform/events?site={voter.site.jurisdiction}&collection=things",
        headers={"Authorization": f"Bearer {token}"},
    )
    counted = [one for one in feed.json()["events"] if one["type"] == "ru.igrajdanin.problem.counted"]
    assert [(one["data"]["number"], one["data"]["participants"]) for one in counted] == [(1, 1), (1, 2), (1, 1)]
    assert {one["data"]["collection"] for one in counted} == {"things"}


@ONE_DATABASE
async def test_the_consent_names_what_the_action_does_with_data(client: Client, context: Context, city: Site) -> None:
    shown = {
        "budgeting": "учесть ваш голос один раз",
        "initiatives": "Автор записи, к которой вы присоединились",
        "experts": "Автор записи, которому вы написали",
    }
    for preset in shown:
        await collection.add_collection(context.database, city, preset, preset)
        page = (await client.get(f"/s/{city.key}/c/{preset}/consent", headers={"Accept-Language": "ru"})).text
        assert [words in page for words in shown.values()] == [one == preset for one in shown]
    page = (await client.get(f"/s/{city.key}/consent", headers={"Accept-Language": "ru"})).text
    assert not any(words in page for words in shown.values())


# --- to join ---


@pytest.fixture
async def joiner(client: Client, context: Context, city: Site) -> Visitor:
    answers = {"begins": "2099-12-01", "needs": "садовник, водитель"}
    return await add_visitor(client, context, city, "initiatives", answers=answers)


async def test_who_joins_is_shown_to_the_author_who_writes_to_all_and_sees_no_address(
    joiner: Visitor, context: Context, mail_sink: MailSink
) -> None:
    (wrong,) = (await joiner.ask(role="повар")).json()["errors"]
    assert (wrong["field"], wrong["code"], wrong["allowed"]) == ("role", "unknown", ["садовник", "водитель"])
    said: dict[str, Any] = {"name": "Вера", "role": "водитель", "text": "Есть прицеп"}
    first = await joiner.take_part(**said)
    await joiner.ask(email="oleg@example.test", name="Олег")
    assert await joiner.count() == 1
    private = links.track_url(context, first["problem_id"]).removeprefix("https://widget.test")
    page = (await joiner.client.get(private)).text
    assert all(word in page for word in said.values())
    assert "Олег" not in page, "who did not confirm is not there"
    assert "@example.test" not in page

    sent = await joiner.client.post(f"{private}/messaged", data={"message": "Встречаемся в десять"})
    assert sent.headers["location"].endswith("?done=messaged")
    await joiner.client.post(f"{private}/messaged", data={"message": "Встречаемся в десять"})
    for text in ("АБ", "\u200b" * 9, "А" * 2001):
        assert (await joiner.client.post(f"{private}/messaged", data={"message": text})).status_code == 422
    # Beside the letter to confirm with, in any order: both were due.
    news = [one for one in await letters(context, mail_sink, VERA) if "Встречаемся в десять" in one.text]
    assert len(news) == 1
    assert ("инициативы № 1" in news[0].text, "запис" in news[0].text.lower()) == (True, False)
    assert "anna@" not in str(news[0].message) + news[0].text, "nor do participants see the author's"
    assert len(await letters(context, mail_sink, "oleg@example.test")) == 1
    (entry,) = await context.database.rows("SELECT * FROM problems")
    assert await service.list_wanted_roles(context.database, joiner.child, entry) == ("садовник",)
    for text in ("Два", "А" * 2000):
        assert (await joiner.client.post(f"{private}/messaged", data={"message": text})).status_code == 303
    assert (await joiner.client.post(f"{private}/messaged", data={"message": "Четвёртое"})).status_code == 409

    leave = news[0].links[-1].removeprefix("https://widget.test")
    assert news[0].message["List-Unsubscribe"] == f"<https://widget.test{leave}>"
    assert (await joiner.client.post(leave, data={"List-Unsubscribe": "One-Click"})).status_code == 200
    assert await joiner.count() == 0
    assert "прицеп" not in (await joiner.client.get(private)).text
    gone = next(row for row in await joiner.rows() if row["id"] == first["id"])
    assert [gone[name] for name in ("email", "name", "role", "text", "ip")] == [None] * 5
    await joiner.set_rules(action="vote")
    with pytest.raises(NotFound):
        await service.write_to_participants(context.database, joiner.child, entry, "Пятое слово")
    await joiner.set_rules(action="join")
    await lifecycle.change(context.database, RESIDENT, joiner.child.id, entry["id"], Change(to="withdrawn"))
    with pytest.raises(NotFound):  # of a page that was opened before
        await service.write_to_participants(context.database, joiner.child, entry, "Пятое слово")


async def test_words_that_a_stranger_typed_are_another_row(joiner: Visitor) -> None:
    await joiner.ask(text="Помогу")
    await joiner.ask(text="Чужие слова")
    rows = {row["text"]: row for row in await joiner.rows()}
    path = links.action_url(joiner.context, rows["Чужие слова"]["id"]).removeprefix("https://widget.test")
    assert "Чужие слова" in (await joiner.client.get(path)).text, "it is read before it is confirmed"
    await joiner.press(rows["Помогу"])
    assert [row["text"] for row in await joiner.rows() if row["confirmed_at"]] == ["Помогу"]
    await joiner.set_rules(votes_close_at=1)  # of a vote that it was
    await joiner.take_part(text="Помогу завтра")
    counted = [row["text"] for row in await joiner.rows() if row["confirmed_at"] and not row["stopped_at"]]
    assert (counted, await joiner.count()) == (["Помогу завтра"], 1)
    before = len(await joiner.rows())
    wishes: list[dict[str, Any]] = [{"role": "водитель"}, {"role": "садовник"}, {"name": "Вера"}, {"name": "Вера"}]
    for wish in wishes:
        await joiner.ask(text="Приду", **wish)
    assert len(await joiner.rows()) == before + 3


async def test_who_joins_may_on_the_last_day(joiner: Visitor, context: Context) -> None:
    with time_machine.travel("2099-12-01T12:00:00Z", tick=False):
        await service.find_entry(context.database, joiner.child, 1, "join")
    with time_machine.travel("2099-12-02T12:00:00Z", tick=False), pytest.raises(Conflict):
        await service.find_entry(context.database, joiner.child, 1, "join")


# --- to write to the author ---


@pytest.mark.parametrize("shown", [True, False])
async def test_a_request_is_handed_on_once_with_the_address_only_if_its_owner_agreed(
    client: Client, context: Context, city: Site, mail_sink: MailSink, shown: bool
) -> None:
    visitor = await add_visitor(client, context, city, "resource-centres", email=None if shown else "anna@example.test")
    said: dict[str, Any] = {"name": "Вера", "text": "Помогите с уставом <b>", "show_email": shown}
    assert (await visitor.ask(text="")).json()["errors"][0]["field"] == "text"
    await visitor.ask(**said)
    await visitor.ask(
        **(said | {"show_email": not shown})
    )  # a stranger, of whom the owner of the address knows nothing
    address = city.agency.email if shown else "anna@example.test"
    before = len(await letters(context, mail_sink, address))
    row, _ = await visitor.rows()
    assert row["show_email"] == shown
    page = await client.get(links.action_url(context, row["id"]).removeprefix("https://widget.test"))
    assert "Помогите с уставом &lt;b&gt;" in page.text
    for _ in range(2):
        await visitor.press(row)
    (letter,) = (await letters(context, mail_sink, address))[before:]
    assert "Помогите с уставом <b>" in letter.text
    whole = str(letter.message) + letter.text + (letter.html or "")
    assert (VERA in whole) == shown
    assert letter.message["Reply-To"] == (VERA if shown else None)
    assert await visitor.count() == 0, "requests are nobody's business"
    await visitor.press(row, "own")
    assert await visitor.count() == 0, "nor is it that somebody withdrew one"
    for column in ("stopped_at", "failed_at"):  # who ended letters, or whom none reaches, gets none
        await run_statement(context.database, f"UPDATE contacts SET {column} = 1")
        sent_before = len(await letters(context, mail_sink, city.agency.email))
        await visitor.take_part(text=f"Ещё вопрос {column}")
        assert len(await letters(context, mail_sink, city.agency.email)) == sent_before + 1
        await context.database.write(lambda tx: tx.run("UPDATE contacts SET stopped_at = NULL, failed_at = NULL"))
    texts = [one["text"] for one in await visitor.rows() if one["confirmed_at"] and not one["stopped_at"]]
    assert texts == ["Ещё вопрос stopped_at", "Ещё вопрос failed_at"], "who asks again takes nothing back"
    with time_machine.travel(clock.now() + 32 * DAY, tick=False):
        await retention.erase_expired(context.database)
    assert all(one["text"] is one["email"] is None for one in await visitor.rows())


async def test_nobody_floods_the_author_of_an_entry(
    client: Client, context: Context, city: Site, mail_sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has a domain has as many addresses to confirm with as they like."""
    monkeypatch.setattr(service, "REQUESTS_A_DAY", 2)
    author = "anna@example.test"
    visitor = await add_visitor(client, context, city, "resource-centres", 2, email=author)
    before = len(await letters(context, mail_sink, author))
    with time_machine.travel(clock.now(), tick=False) as moment:
        for place in range(3):
            await visitor.ask(email=f"v{place}@flood.test", text="Срочно откройте evil.test")
        rows = await visitor.rows()
        pages = [links.action_url(context, row["id"]).removeprefix("https://widget.test") for row in rows]
        assert [(await client.post(page)).status_code for page in pages] == [303, 303, 403]
        assert "Нажмите кнопку из письма завтра" in (await client.post(pages[2])).text
        await visitor.take_part(2, "v9@flood.test", text="О другой записи")
        assert len(await letters(context, mail_sink, author)) == before + 3
        moment.shift(DAY + 1)
        assert (await client.post(pages[2])).status_code == 303
        assert len(await letters(context, mail_sink, author)) == before + 4


# --- what the agency sees, and what nobody does ---


def test_a_burst_is_five_within_an_hour_from_one_network() -> None:
    spread = [(f"a{place}", "192.0.2.1", place * 900) for place in range(9)]
    close = [(f"b{place}", "192.0.2.2", 100 + place) for place in range(5)]
    assert model.find_bursts(close[:4]) == {}
    assert model.find_bursts([*spread, *close]) == {f"b{place}": 1 for place in range(5)}


async def test_the_agency_sees_people_and_bursts_and_nobody_else_does(voter: Visitor, context: Context) -> None:
    database, canary = context.database, "канарейка"
    problem_id = (await database.rows("SELECT id FROM problems WHERE number = 1"))[0]["id"]
    for place in range(6):
        ip = f"2001:db8:1:{place}::7" if place < 5 else "192.0.2.9"
        row = await store.find(
            database, await add_participant(database, voter.child, problem_id, f"canary{place}@example.test", ip=ip)
        )
        assert row is not None
        await service.confirm(database, row)
    path, sees_people = f"/cabinet/problems/{problem_id}", {"head": True, "agent": True, "viewer": False}
    for role, sees in sees_people.items():
        email = f"{role}@gorod.test"
        user: dict[str, Any] = {"email": email, "role": role, "agency_id": voter.site.agency.id}
        _, password = await accounts.add_user(database, **user)
        voter.client.cookies.clear()
        cabinet = Cabinet(voter.client)
        await cabinet.sign_in(email, password)
        page = (await cabinet.read(path)).text
        assert "6 голосов" in page
        assert "5 подтверждений за час" in page
        assert ("canary0@example.test" in page) == sees
        file = await voter.client.get(f"{path}/participants.csv")
        assert file.status_code == (200 if sees else 403)
        if sees:
            rows = list(csv.reader(io.StringIO(file.text), delimiter=";"))[1:]
            assert [row[-2:] for row in rows] == [[f"canary{n}@example.test", "1" if n < 5 else ""] for n in range(6)]
    assert len(await database.rows("SELECT details FROM journal WHERE kind = 'exported'")) == 2
    await database.write(lambda tx: tx.run("UPDATE participants SET ip = NULL"))  # as they are forgotten
    assert "6 голосов" in (await Cabinet(voter.client).read(path)).text
    voter.client.cookies.clear()
    assert await voter.count() == 6
    said = "UPDATE participants SET name = :canary, text = :canary, role = :canary"
    await database.write(lambda tx: tx.run(said, canary=canary))
    token = await changes.add_token(database, voter.site.id, "platform")
    doors = public_routes(voter.site, (1,), slug="things")
    assert any(door.endswith("/c/things/1/vote") for door in doors)
    doors += [
        "/",
        "/mine",
        "/api/v1/stats",
        f"/api/v1/platform/events?collection=things&site={voter.site.jurisdiction}",
    ]
    for door in doors:
        found = await voter.client.get(door, headers={"Authorization": f"Bearer {token}"})
        assert "canary" not in found.text, door
        assert canary not in found.text, door

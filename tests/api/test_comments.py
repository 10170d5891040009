"""Comments and their queue in the cabinet: nothing unmoderated is public, and no address ever is."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.api.test_followers import press
from tests.api.test_letters import letters
from tests.api.test_problems import publish
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, OPERATOR, existing, make_site, run_statement, submit_report
from tests.support.cabinet import PASSWORD, signed_in
from tests.support.database_files import database_files_contain
from tests.support.mail import Letter, MailSink
from tests.support.public_api import Widget, problem
from widget_api import clock, web
from widget_api.comments import service, store
from widget_api.comments.model import PAGE_SIZE
from widget_api.context import Context
from widget_api.database import Row
from widget_api.ops import retention
from widget_api.people import accounts
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.signing import Purpose
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.web import responses

CANARY = "canary-comments@example.test"
TEXT = "И у соседнего дома такая же яма"
QUEUE = "/cabinet/comments"
pytestmark = pytest.mark.site(discussion="moderated")


async def post_comment(widget: Widget, number: object, text: Any = TEXT, **changes: Any) -> httpx2.Response:
    body: dict[str, Any] = {
        "name": "Сосед",
        "text": text,
        "email": CANARY,
        "consent": {"version": await widget.consent(), "processing": True, "publish_name": True},
        "ticket": None,
        "lang": "ru",
    } | changes
    if body["ticket"] is None:
        body["ticket"] = await widget.ticket()
    url = f"{widget.root}/problems/{number}/comments"
    return await widget.client.post(url, json=body, headers={"Origin": widget.origin})


async def comments(context: Context) -> list[Row]:
    return list(await context.database.rows("SELECT * FROM comments ORDER BY created_at, id"))


async def confirmed_comment(widget: Widget, context: Context, number: int, text: str = TEXT, **changes: Any) -> Row:
    """A comment confirmed by its author."""
    before = {row["id"] for row in await comments(context)}
    answer = await post_comment(widget, number, text, **changes)
    assert answer.status_code == 202, answer.text
    (comment,) = [row for row in await comments(context) if row["id"] not in before]
    await service.confirm_comment(context.database, comment)
    return comment


class Talk:
    """The discussion of a published problem."""

    def __init__(self, widget: Widget, context: Context, sink: MailSink, number: int, problem_id: str) -> None:
        self.widget, self.context, self.sink, self.number, self.problem_id = widget, context, sink, number, problem_id
        self.client, self.site, self.database = widget.client, widget.site, context.database
        self.url, self.page = f"{widget.root}/problems/{number}/comments", f"/s/{widget.site.key}/problems/{number}"

    async def post(self, text: Any = TEXT, **changes: Any) -> httpx2.Response:
        return await post_comment(self.widget, self.number, text, **changes)

    async def confirmed(self, text: str = TEXT, **changes: Any) -> Row:
        return await confirmed_comment(self.widget, self.context, self.number, text, **changes)

    async def read(self, cursor: str = "") -> dict[str, Any]:
        answer = await self.client.get(f"{self.url}?cursor={cursor}" if cursor else self.url)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def comments(self) -> list[Row]:
        return await comments(self.context)

    async def counted(self) -> int:
        row = await self.database.row("SELECT comments FROM problems WHERE id = :id", id=self.problem_id)
        return int(existing(row)["comments"])

    async def decide(self, comment: Row, verdict: Any = "published", reason: str = "") -> None:
        await service.decide_comment(self.database, comment["site_id"], comment["id"], verdict, None, reason)

    async def letters(self, email: str = CANARY) -> list[Letter]:
        return await letters(self.context, self.sink, email)


@pytest.fixture
async def talk(widget: Widget, context: Context, site: Site, mail_sink: MailSink) -> Talk:
    number = await publish(context.database, site)
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=number))
    return Talk(widget, context, mail_sink, number, row["id"])


async def test_a_comment_is_posted_confirmed_moderated_and_published(talk: Talk) -> None:
    answer = await talk.post()
    assert (answer.status_code, answer.json(), answer.headers["cache-control"]) == (202, {}, "no-store")
    (letter,) = await talk.letters()
    (link,) = letter.links
    assert [line for line in letter.text.splitlines() if "://" in line] == [link]
    assert TEXT not in str(letter.message) + letter.text + (letter.html or "")
    (comment,) = await talk.comments()
    for state in ("unconfirmed", "moderation"):
        assert (await talk.comments())[0]["state"] == state
        assert await talk.read() == {"items": [], "next": None}
        if state == "unconfirmed":
            assert "<form" in (await talk.client.get(link.removeprefix("https://widget.test"))).text
            await press(talk.client, link)
    version = (await sites.by_key_with_version(talk.database, talk.site.key))[1]
    await talk.decide(comment)
    (item,) = (await talk.read())["items"]
    assert item == {"name": "Сосед", "text": TEXT, "at": item["at"], "official": False, "agency": None}
    assert item["at"].endswith("Z")
    assert (await sites.by_key_with_version(talk.database, talk.site.key))[1] > version
    assert await talk.counted() == 1
    published = (await talk.letters())[-1]
    assert "опубликован" in published.subject
    assert published.message["References"] == letter.message["Message-ID"]
    assert "<form" not in (await talk.client.get(link.removeprefix("https://widget.test"))).text


async def test_a_verdict_can_be_reversed_and_a_rejection_tells_its_reason(talk: Talk) -> None:
    comment = await talk.confirmed()
    await talk.decide(comment, "rejected", "Не о <b>яме</b>")
    letter = (await talk.letters())[-1]
    assert "Не о <b>яме</b>" in letter.text
    assert "Не о &lt;b&gt;яме&lt;/b&gt;" in (letter.html or "")
    for verdict, many in (("rejected", 0), ("published", 1), ("published", 1), ("rejected", 0), ("published", 1)):
        await talk.decide(comment, verdict, "Грубость" if verdict == "rejected" else "")
        assert (await talk.counted(), len((await talk.read())["items"])) == (many, many)


async def test_the_author_withdraws_a_comment(talk: Talk) -> None:
    comment = await talk.confirmed()
    await talk.decide(comment)
    letter = (await talk.letters())[-1]
    own = letter.links[-1].removeprefix("https://widget.test")
    page = (await talk.client.get(own)).text
    assert TEXT in page
    assert f'action="{own}"' in page
    assert (await talk.client.post(own)).status_code == 303
    assert (await talk.client.get(own)).status_code == 200
    assert (await talk.client.post(own)).status_code == 303, "twice is once"
    assert (await talk.read())["items"] == []
    assert await talk.counted() == 0
    assert await talk.comments() == []
    assert await talk.database.rows("SELECT * FROM commenters") == []


async def test_a_name_is_shown_only_with_its_own_consent(talk: Talk) -> None:
    given = {"version": await talk.widget.consent(), "processing": True}
    for consent, shown in ((given, "Житель"), (given | {"publish_name": True}, "Сосед Семён")):
        await talk.post(f"{TEXT} {len(consent)}", name="Сосед Семён", consent=consent)
        comment = (await talk.comments())[-1]
        await service.confirm_comment(talk.database, comment)
        await talk.decide(comment)
        assert (await talk.read())["items"][-1]["name"] == shown
    page = talk.page
    assert (await talk.client.get(page)).text.count("Сосед Семён") == 1
    silent, agreed = await talk.database.rows("SELECT * FROM commenters ORDER BY comment_id")
    document = (await talk.client.get(talk.widget.root)).json()["consent"]["publish_name"]["version"]
    assert silent["name_version"] is None
    assert agreed["name_version"] == document != agreed["consent_version"]
    assert len(agreed["name_hash"]) == 64
    assert agreed["ip"]

    own = f"/my-comment/{talk.context.signer.sign(Purpose.OWN_COMMENT, agreed['comment_id'])}"
    assert f'action="{own}/name"' in (await talk.client.get(own)).text
    for _ in range(2):  # idempotent
        assert (await talk.client.post(f"{own}/name")).status_code == 303
    assert [item["name"] for item in (await talk.read())["items"]] == ["Житель", "Житель"]
    for door in (page, own, f"{talk.widget.root}/problems/{talk.number}"):
        assert "Семён" not in (await talk.client.get(door)).text, door
    (row,) = await talk.database.rows("SELECT * FROM commenters WHERE name_withdrawn_at IS NOT NULL")
    assert row["comment_id"] == agreed["comment_id"]
    assert len((await talk.read())["items"]) == 2, "the words stay"


async def test_comments_of_the_agency_are_public_at_once_and_marked(talk: Talk) -> None:
    for _ in range(2):  # the same form again
        await service.post_official_comment(talk.database, talk.site, talk.problem_id, "Бригада выедет в среду", None)
    (item,) = (await talk.read())["items"]
    assert (item["official"], item["agency"], item["name"]) == (True, talk.site.agency.name, talk.site.agency.name)


@ONE_DATABASE
async def test_nobody_can_pose_as_the_agency_or_mix_alphabets_in_a_word(talk: Talk) -> None:
    for name in (
        "Администрация города",
        "Официальный сайт города",
        "АДМИНИСТРАЦИЯ  ГОРОДА",
        "Aдминистрация г\u200bорода",
        *(f"Администрация{filler} горо{filler}да" for filler in "\u115f\u1160\u3164\uffa0"),
    ):
        errors = problem(await talk.post(name=name), 422)["errors"]
        assert [(error["field"], error["code"]) for error in errors] == [("name", "name_official")], name
    for name in ("Упpава города", "Αдминистрация", "Ｍэрия", "Иван Ivаnov", "Пётр (cосед)"):
        (wrong,) = problem(await talk.post(name=name), 422)["errors"]
        assert (wrong["field"], wrong["code"]) == ("name", "name_mixed"), name
        assert "алфавитов" in wrong["detail"]
    for name in ("Анна Smith", "IT-отдел", "Żółć", "Ёж 2й", "José", "Соседка из 5А", "李", "Оʼніл"):
        assert (await talk.post(name=name)).status_code == 202, name


async def test_all_invalid_fields_are_named_at_once_and_a_consent_to_another_document(talk: Talk) -> None:
    errors = problem(await talk.post("ab", name="x" * 61, email="x", consent=None), 422)["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [
        ("name", "too_long"),
        ("text", "too_short"),
        ("email", "email"),
        ("consent.processing", "required"),
        ("consent.version", "required"),
    ]
    for text in (None, 1, ["x"], "   ", "\u200b\u202e\ufeff", "x" * 2001, "x" * 2000 + "\r"):
        assert (await talk.post(text)).status_code == 422, text
    assert await talk.comments() == []
    assert (await talk.post("x" * 2000, name="x" * 60)).status_code == 202
    version = await talk.widget.consent()
    consent = {"version": version, "processing": True, "publish_name": True, "name_version": version}
    refused = await talk.post(consent=consent)
    (error,) = problem(refused, 422)["errors"]
    assert (error["field"], error["code"]) == ("consent.publish_name", "consent_version")


async def test_comment_text_is_escaped(talk: Talk) -> None:
    name, text = '<img src=x onerror="alert(1)">', "<a href='https://spam.test'>жми</a> https://spam.test \u202eобратно"
    comment = await talk.confirmed(text, name=name)
    await talk.decide(comment)
    (item,) = (await talk.read())["items"]
    assert item["name"] == name
    assert "\u202e" not in item["text"], "nothing that turns the page around"
    page = (await talk.client.get(talk.page)).text
    assert "<img src=x" not in page
    assert 'href="https://spam.test' not in page
    assert "href='https://spam.test" not in page
    assert "&lt;img src=x" in page


async def test_comments_are_paged(talk: Talk) -> None:
    for index in range(PAGE_SIZE + 5):
        await service.post_official_comment(talk.database, talk.site, talk.problem_id, f"Слово {index:02}", None)
    first = await talk.read()
    second = await talk.read(first["next"])
    texts = [item["text"] for item in first["items"] + second["items"]]
    assert texts == [f"Слово {index:02}" for index in range(PAGE_SIZE + 5)]
    assert second["next"] is None
    page = (await talk.client.get(talk.page)).text
    assert ("Слово 00" in page, "Слово 24" in page) == (True, False)
    more = (await talk.client.get(f"{talk.page}?comments={first['next']}")).text
    assert ("Слово 00" in more, "Слово 24" in more) == (False, True)
    for cursor in ("x", "1", ".", "-1.a", "9" * 13 + ".a", "1." + "a" * 100, "1.\x00"):
        answer = await talk.client.get(talk.url, params={"cursor": cursor})
        assert answer.status_code in (200, 400), cursor
    answer = await talk.client.get(talk.url, params={"cursor": "x"})
    assert problem(answer, 400)["parameter"] == "cursor"


async def test_unchanged_comments_return_304_without_a_query(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    url, first = talk.url, await talk.client.get(talk.url)
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["cache-control"] == web.SHARED_CACHE_CONTROL
    tagged, any_tag = {"If-None-Match": first.headers["etag"]}, {"If-None-Match": "*"}
    monkeypatch.setattr(service, "read_page", None)  # without a query
    assert (await talk.client.get(url, headers=tagged)).status_code == 304
    monkeypatch.undo()
    assert (await talk.client.get(url, headers=any_tag)).status_code == 304
    assert (await talk.client.get(url.replace(f"/{talk.number}/", "/999/"), headers=any_tag)).status_code == 404
    monkeypatch.setattr(responses, "__version__", "0.0.0")
    assert (await talk.client.get(url, headers=tagged)).status_code == 200, "another release may say it otherwise"
    monkeypatch.undo()
    await talk.decide(await talk.confirmed())
    assert (await talk.client.get(url, headers=tagged)).status_code == 200


async def test_a_ticket_allows_one_comment_and_a_retry_creates_no_second(talk: Talk) -> None:
    ticket = await talk.widget.ticket()
    assert (await talk.post(ticket=ticket)).status_code == 202
    assert (await talk.post(ticket=ticket)).status_code == 202, "the network lost the answer"
    other = await talk.post("Другие слова", ticket=ticket)
    assert problem(other, 403)["code"] == "ticket_spent"
    assert len(await talk.comments()) == 1


async def test_the_address_of_a_published_comment_cannot_be_probed(talk: Talk) -> None:
    """Neither by the answer, nor by the ticket afterwards, nor by the result of a second request with it."""
    await talk.decide(await talk.confirmed())
    seen = []
    for guess in (CANARY, "somebody-else@example.test"):
        ticket = await talk.widget.ticket()
        answers = [
            await talk.post(email=guess, ticket=ticket),
            await talk.post(email=guess, ticket=ticket),
            await talk.post("Другие слова", email=f"spy-of-{guess}", ticket=ticket),
            await talk.post(email=f"spy-of-{guess}", ticket=ticket),
        ]
        seen.append([(answer.status_code, answer.json().get("code")) for answer in answers])
        assert await talk.letters(f"spy-of-{guess}") == []
    spent = (403, "ticket_spent")
    assert seen == [[(202, None), (202, None), spent, spent]] * 2


async def test_the_address_of_a_comment_cannot_be_probed_with_the_form(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await talk.decide(await talk.confirmed())
    monkeypatch.setattr("widget_api.problems.forms.MIN_FILLING_TIME", 0)
    path = f"{talk.page}/comment"
    for guess in (CANARY, "somebody-else@example.test"):
        page = await talk.client.get(path)
        given = fields(page.text) | {"name": "Сосед", "text": TEXT, "email": guess, "consent": "yes"}
        assert (await talk.client.post(path, data=given)).status_code == 303
        again = await talk.client.post(path, data=given | {"email": f"spy-of-{guess}", "text": "Другие слова"})
        assert again.status_code == 303
        assert await talk.letters(f"spy-of-{guess}") == []


async def test_comments_do_not_use_the_letter_quota_of_reports(talk: Talk) -> None:
    for index in range(4):
        assert (await talk.post(f"Слова {index}")).status_code == 202
    assert len(await talk.letters()) == 2
    await submit_report(talk.database, talk.site, email=CANARY)
    assert "Подтвердите почту" in (await talk.letters())[-1].subject


@pytest.mark.settings(challenge="off", rate_limits="off")
async def test_fifty_concurrent_posts_create_one_comment(talk: Talk) -> None:
    answers = await asyncio.gather(*(talk.post(ticket="-") for _ in range(50)))
    (comment,) = await talk.comments()
    await service.confirm_comment(talk.database, comment)
    await asyncio.gather(*(talk.decide(comment) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert await talk.counted() == 1
    assert len(await talk.letters()) <= 2


async def test_comments_are_refused_where_discussion_is_off(client: Client, context: Context) -> None:
    silent = await make_site(context.database)
    number = await publish(context.database, silent)
    widget = Widget(client, silent)
    answers = [
        await client.get(f"{widget.root}/problems/{number}/comments"),
        await post_comment(widget, number, ticket="-"),
    ]
    assert {problem(answer, 404)["code"] for answer in answers} == {"discussion_off"}
    assert (await client.get(f"/s/{silent.key}/problems/{number}/comment")).status_code == 404
    page = (await client.get(f"/s/{silent.key}/problems/{number}")).text
    assert 'id="comments"' not in page
    assert 'id="follow"' in page
    cabinet = await signed_in(client, context, silent)
    assert QUEUE not in (await cabinet.read("/cabinet/")).links
    assert "Проверять нечего" in (await cabinet.read(QUEUE)).text


async def test_comments_on_unpublished_unknown_and_merged_problems_are_refused(talk: Talk) -> None:
    hidden = await submit_report(talk.database, talk.site)
    numbers = (hidden.number, 99, 0, "99999999999999", "1.5", "x")
    for answers in (
        [await post_comment(talk.widget, number, ticket="-") for number in numbers],
        [await talk.client.get(f"{talk.widget.root}/problems/{number}/comments") for number in numbers],
    ):
        assert {problem(answer, 404)["code"] for answer in answers} == {"problem_not_found"}
        assert len({answer.content for answer in answers}) == 1
    kept = await publish(talk.database, talk.site)
    duplicate = Change(to="duplicate", duplicate_of=kept)
    await lifecycle.change(talk.database, AGENT, talk.site.id, talk.problem_id, duplicate)
    refused = problem(await talk.post(ticket="-"), 409)
    assert (refused["code"], refused["number"]) == ("discussion_moved", kept)
    page = await talk.client.get(talk.page)
    assert page.status_code == 200
    assert f'action="{talk.page}/comment"' not in page.text


async def test_refusals_follow_the_order_of_the_contract(talk: Talk) -> None:
    post, path = talk.client.post, talk.url
    own = {"Origin": talk.widget.origin}
    assert problem(await post(path.replace(talk.site.key, "wk_unknown"), json={}, headers=own), 404)
    assert problem(await post(path, json={}, headers={"Origin": "https://evil.test"}), 403)
    assert problem(await post(path, content=b"x" * 70_000, headers=own), 413)
    assert problem(await post(path, content=b"{}", headers=own), 415)
    assert problem(await post(path, content=b"[]", headers=own | {"Content-Type": "application/json"}), 400)
    assert problem(await post(path, json={}, headers=own), 403)["code"] == "ticket_missing"
    assert problem(await post(path, json={"ticket": await talk.widget.ticket()}, headers=own), 422)


async def test_the_address_is_in_no_public_answer(talk: Talk) -> None:
    await talk.decide(await talk.confirmed())
    await talk.confirmed("Тайное, ещё не проверено")
    rejected = await talk.confirmed("Отклонённое")
    await talk.decide(rejected, "rejected", "Тайная причина")
    await talk.letters()
    (hashed,) = {row["email_hash"] for row in await talk.database.rows("SELECT email_hash FROM commenters")}
    site_paths = (
        "",
        "/problems",
        f"/problems/{talk.number}",
        f"/problems/{talk.number}/comments",
        "/problems?q=canary",
    )
    pages = (f"/s/{talk.site.key}", talk.page, f"{talk.page}/comment")
    feed = f"/open311/v2/requests/{talk.number}.json?jurisdiction_id={talk.site.jurisdiction}"
    for address in (*(talk.widget.root + path for path in site_paths), *pages, feed):
        text = (await talk.client.get(address)).text
        for secret in ("canary-comments", hashed, "Тайн", "Отклонённое", "127.0.0.1"):
            assert secret not in text.replace("q=canary", ""), (address, secret)
    rows = await talk.database.rows("SELECT kind FROM events")
    assert {row["kind"] for row in rows} == {"received", "status"}, "no event tells any platform"


async def test_erasure_removes_text_and_author(talk: Talk) -> None:
    await talk.decide(await talk.confirmed())
    await talk.confirmed("Ещё слова", email="other@example.test")
    assert await retention.erase_words(talk.database, CANARY.upper()) == {
        "follows": 0,
        "comments": 1,
        "participations": 0,
    }
    assert await talk.counted() == 0
    assert [row["body"] for row in await talk.comments()] == ["Ещё слова"]
    await lifecycle.erase(talk.database, OPERATOR, talk.site.id, talk.problem_id)
    assert await talk.comments() == []
    assert await talk.database.rows("SELECT * FROM commenters") == []


async def test_unconfirmed_comments_are_purged(talk: Talk) -> None:
    kept = await talk.confirmed()
    await talk.post("Не подтверждено")

    await run_statement(talk.database, "UPDATE comments SET created_at = :old", old=clock.now() - 32 * 86_400)
    assert (await retention.erase_expired(talk.database))["unanswered"] == 1
    assert [row["id"] for row in await talk.comments()] == [kept["id"]]
    assert len(await talk.database.rows("SELECT * FROM commenters")) == 1
    assert await store.find_comment(talk.database, kept["id"]) is not None
    assert not database_files_contain(talk.database, "Не подтверждено")


# --- the page without scripts --------------------------------------------------------------------------------------


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the first form on a page."""
    import re

    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return dict(found[:2])


async def test_commenting_without_scripts(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{talk.page}/comment"
    page = await talk.client.get(path)
    assert page.status_code == 200
    given = fields(page.text) | {"name": "Сосед", "text": TEXT, "email": CANARY, "consent": "yes"}
    fast = await talk.client.post(path, data=given)
    assert fast.status_code == 422
    assert "слишком быстро" in fast.text
    assert TEXT in fast.text
    monkeypatch.setattr("widget_api.problems.forms.MIN_FILLING_TIME", 0)
    trapped = await talk.client.post(path, data=given | {"website": "https://spam.test"})
    assert trapped.status_code == 422
    stale = await talk.client.post(path, data=given | {"form": "forged"})
    assert stale.status_code == 422
    wrong = await talk.client.post(path, data=given | {"name": "", "consent": ""})
    assert wrong.status_code == 422
    assert "Напишите, как к вам обращаться." in wrong.text
    foreign = await talk.client.post(path, data=given, headers={"Origin": "https://evil.test"})
    assert foreign.status_code == 403
    given |= {"text": f"{TEXT}, 8 900 123-45-67"}
    warned = await talk.client.post(path, data=given)
    assert warned.status_code == 422
    assert "Похоже, в нём есть телефон." in warned.text
    assert await talk.comments() == []
    given |= {"personal_seen": "8900123-45-67"}
    assert f'name="personal_seen" value="{given["personal_seen"]}"' in warned.text
    for _ in range(2):  # sent twice, stored once
        done = await talk.client.post(path, data=given)
        assert done.status_code == 303
        assert "На почту идёт письмо" in (await talk.client.get(done.headers["location"])).text
    assert len(await talk.comments()) == 1
    assert len(await talk.letters()) == 1


async def test_following_without_scripts(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widget_api.problems.forms.MIN_FILLING_TIME", 0)
    path = f"{talk.page}/follow"
    page = await talk.client.get(talk.page)
    assert f'action="{path}"' in page.text
    given = fields(page.text) | {"email": CANARY}
    assert (await talk.client.post(path, data=given)).status_code == 422, "no consent"
    done = await talk.client.post(path, data=given | {"consent": "yes"})
    assert done.status_code == 303
    assert "/follow/" in (await talk.letters())[0].links[0]
    elsewhere = await make_site(talk.database)
    other = await publish(talk.database, elsewhere)
    moved = await talk.client.post(f"/s/{elsewhere.key}/problems/{other}/follow", data=given | {"consent": "yes"})
    assert moved.status_code == 422, "a form is good for its own site"


# --- The comment queue in the cabinet: who sees it, who decides, and that moderation cannot be bypassed ---


async def test_a_waiting_comment_is_counted_and_can_be_published(talk: Talk) -> None:
    comment = await talk.confirmed("Слова <b>соседа</b> https://spam.test", name="<i>Имя</i>")
    await talk.post("Ещё не подтверждено")
    cabinet = await signed_in(talk.client, talk.context, talk.site)
    page = await cabinet.read(QUEUE)
    assert "Слова <b>соседа</b> https://spam.test" in page.text, "as text"
    assert "<i>Имя</i>" in page.text
    assert "https://spam.test" not in page.links
    assert "Ещё не подтверждено" not in page.text
    assert CANARY not in page.text
    assert "Входящие 1" in (await cabinet.read("/cabinet/")).text
    form = next(form for form in page.forms if form.action == f"{QUEUE}/{comment['id']}")
    answer = await talk.client.post(form.action, data=form.fields | {"verdict": "published"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{QUEUE}?tab=moderation")
    assert await talk.counted() == 1
    assert "Входящие 1" not in (await cabinet.read("/cabinet/")).text
    published = await cabinet.read(f"{QUEUE}?tab=published")
    assert "agent-" in published.text, "who decided"
    row = (await talk.comments())[0]
    assert row["user_id"]
    assert row["decided_at"]


async def test_a_rejection_needs_a_reason(talk: Talk) -> None:
    comment = await talk.confirmed()
    cabinet = await signed_in(talk.client, talk.context, talk.site)
    form = next(form for form in (await cabinet.read(QUEUE)).forms if form.action.endswith(comment["id"]))
    without = await talk.client.post(form.action, data=form.fields | {"verdict": "rejected", "reason": " "})
    assert without.status_code == 422
    assert "Напишите причину" in without.text
    assert (await talk.comments())[0]["state"] == "moderation"
    done = await talk.client.post(form.action, data=form.fields | {"verdict": "rejected", "reason": "Реклама"})
    assert done.status_code == 303
    assert "Реклама" in (await talk.letters())[-1].text
    assert "Реклама" in (await cabinet.read(f"{QUEUE}?tab=rejected")).text


@pytest.mark.parametrize(
    ("role", "theirs", "status"),
    [("viewer", True, 403), ("operator", False, 404), ("agent", False, 404), ("admin", True, 303)],
)
async def test_only_the_sites_moderator_decides_on_comments(talk: Talk, role: str, theirs: bool, status: int) -> None:
    comment = await talk.confirmed()
    of = talk.site if theirs else None if role == "operator" else await make_site(talk.database, discussion="moderated")
    cabinet = await signed_in(talk.client, talk.context, of, role)
    page = await cabinet.read(QUEUE)
    assert (comment["body"] in page.text) == theirs
    offered = [form for form in page.forms if form.action.endswith(comment["id"])]
    assert bool(offered) == (status == 303)
    fields = {"form_token": page.forms[0].fields["form_token"], "verdict": "published"}
    answer = await talk.client.post(f"{QUEUE}/{comment['id']}", data=fields)
    assert answer.status_code == status
    assert await talk.counted() == (1 if status == 303 else 0)


async def test_moderation_of_comments_cannot_be_bypassed(talk: Talk) -> None:
    await talk.post()
    (comment,) = await talk.comments()
    cabinet = await signed_in(talk.client, talk.context, talk.site)
    token = (await cabinet.read(QUEUE)).forms[0].fields["form_token"]
    with pytest.raises(Exception, match="comment_unconfirmed"):
        await talk.decide(comment)
    other = await make_site(talk.database, discussion="moderated")
    with pytest.raises(Exception, match="comment_not_found"):
        await service.decide_comment(talk.database, other.id, comment["id"], "published", None)
    address = f"{QUEUE}/{comment['id']}"
    for given, status in (
        ({"form_token": token, "verdict": "published"}, 404),  # not confirmed by its author
        ({"form_token": "forged", "verdict": "published"}, 403),
        ({"verdict": "published"}, 403),
    ):
        assert (await talk.client.post(address, data=given)).status_code == status
    assert (
        await talk.client.post(f"{QUEUE}/unknown", data={"form_token": token, "verdict": "published"})
    ).status_code == 404
    confirmed = await talk.confirmed("Второй")
    for verdict in ("moderation", "unconfirmed", "", "official"):
        answer = await talk.client.post(f"{QUEUE}/{confirmed['id']}", data={"form_token": token, "verdict": verdict})
        assert answer.status_code == 403, verdict
    talk.client.cookies.clear()
    anonymous = await talk.client.post(f"{QUEUE}/{confirmed['id']}", data={"form_token": token, "verdict": "published"})
    assert anonymous.status_code == 303
    assert anonymous.headers["location"].startswith("/cabinet/sign-in")
    assert (await talk.read())["items"] == []


async def test_the_agency_comments_from_the_report_page(talk: Talk) -> None:
    page = f"/cabinet/problems/{talk.problem_id}"
    cabinet = await signed_in(talk.client, talk.context, talk.site)
    empty = await cabinet.send(page, f"{page}/comment", comment="")
    assert empty.status_code == 422
    assert "Напишите комментарий." in empty.text
    assert (await cabinet.send(page, f"{page}/comment", comment="Бригада в пути")).status_code == 303
    (item,) = (await talk.read())["items"]
    assert (item["text"], item["official"], item["agency"]) == ("Бригада в пути", True, talk.site.agency.name)
    (kept,) = await talk.comments()
    assert kept["user_id"]
    talk.client.cookies.clear()
    viewer = await signed_in(talk.client, talk.context, talk.site, "viewer")
    shown = await viewer.read(page)
    assert "Бригада в пути" in shown.text
    assert not any(form.action.startswith(f"{page}/comment") for form in shown.forms)


async def test_a_head_speaks_for_an_agency_whose_answers_a_head_approves(talk: Talk) -> None:
    page = f"/cabinet/problems/{talk.problem_id}"
    agent = await signed_in(talk.client, talk.context, talk.site)
    form = (await agent.read(page)).form(f"{page}/comment")
    await changes.update_agency(talk.database, talk.site.agency.id, {"approval": True})
    assert (await agent.client.post(form.action, data=form.fields | {"comment": "Сами"})).status_code == 303, "no head"
    agency_id = talk.site.agency.id
    await accounts.add_user(talk.database, email="head@gorod.test", role="head", agency_id=agency_id, password=PASSWORD)
    assert (await agent.client.post(form.action, data=form.fields | {"comment": "Едем"})).status_code == 403
    shown = await agent.read(page)
    assert not any(form.action.startswith(f"{page}/comment") for form in shown.forms)
    assert "В обсуждении от имени ведомства отвечает руководитель" in shown.text
    talk.client.cookies.clear()
    assert (await agent.sign_in("head@gorod.test", PASSWORD)).status_code == 303
    assert (await agent.send(page, f"{page}/comment", comment="Едем")).status_code == 303
    assert [item["text"] for item in (await talk.read())["items"]] == ["Сами", "Едем"]

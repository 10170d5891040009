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
from tests.factories import AGENT, OPERATOR, existing, make_site, submit_report
from tests.support.cabinet import PASSWORD, signed_in
from tests.support.database_files import database_files_contain
from tests.support.mail import MailSink
from tests.support.public_api import Widget, problem
from widget_api import clock, web
from widget_api.comments import service, store
from widget_api.comments.model import PAGE_SIZE
from widget_api.context import Context
from widget_api.database import Row
from widget_api.ops import retention
from widget_api.people import accounts
from widget_api.people.model import Role
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.signing import Purpose
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.web import responses

CANARY = "canary-comments@example.test"
TEXT = "И у соседнего дома такая же яма"
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


async def read(widget: Widget, number: object, cursor: str = "") -> dict[str, Any]:
    query = f"?cursor={cursor}" if cursor else ""
    answer = await widget.client.get(f"{widget.root}/problems/{number}/comments{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def comments(context: Context) -> list[Row]:
    return list(await context.database.rows("SELECT * FROM comments ORDER BY created_at, id"))


async def counted(context: Context, number: int) -> int:
    row = existing(await context.database.row("SELECT comments FROM problems WHERE number = :n", n=number))
    return int(row["comments"])


async def confirmed_comment(widget: Widget, context: Context, number: int, text: str = TEXT, **changes: Any) -> Row:
    """A comment confirmed by its author."""
    before = {row["id"] for row in await comments(context)}
    answer = await post_comment(widget, number, text, **changes)
    assert answer.status_code == 202, answer.text
    (comment,) = [row for row in await comments(context) if row["id"] not in before]
    await service.confirm_comment(context.database, comment)
    return comment


async def decide(context: Context, comment: Row, verdict: Any = "published", reason: str = "") -> None:
    await service.decide_comment(context.database, comment["site_id"], comment["id"], verdict, None, reason)


async def test_a_comment_is_posted_confirmed_moderated_and_published(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    answer = await post_comment(widget, number)
    assert (answer.status_code, answer.json(), answer.headers["cache-control"]) == (202, {}, "no-store")
    (letter,) = await letters(context, mail_sink, CANARY)
    (link,) = letter.links
    assert [line for line in letter.text.splitlines() if "://" in line] == [link]
    assert TEXT not in str(letter.message) + letter.text + (letter.html or "")
    (comment,) = await comments(context)
    for state in ("unconfirmed", "moderation"):
        assert (await comments(context))[0]["state"] == state
        assert await read(widget, number) == {"items": [], "next": None}
        if state == "unconfirmed":
            assert "<form" in (await widget.client.get(link.removeprefix("https://widget.test"))).text
            await press(widget.client, link)
    version = (await sites.by_key_with_version(context.database, site.key))[1]
    await decide(context, comment)
    (item,) = (await read(widget, number))["items"]
    assert item == {"name": "Сосед", "text": TEXT, "at": item["at"], "official": False, "agency": None}
    assert item["at"].endswith("Z")
    assert (await sites.by_key_with_version(context.database, site.key))[1] > version
    assert await counted(context, number) == 1
    published = (await letters(context, mail_sink, CANARY))[-1]
    assert "опубликован" in published.subject
    assert published.message["References"] == letter.message["Message-ID"]
    assert "<form" not in (await widget.client.get(link.removeprefix("https://widget.test"))).text


async def test_expired_unconfirmed_comments_are_removed_from_the_files(
    widget: Widget, context: Context, site: Site
) -> None:
    await post_comment(widget, await publish(context.database, site))
    assert len(await comments(context)) == 1
    assert await store.delete_unconfirmed(context.database, clock.now() + 1) == 1
    assert await comments(context) == []
    assert not database_files_contain(context.database, TEXT)


async def test_a_rejection_tells_the_author_the_reason(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    comment = await confirmed_comment(widget, context, number)
    await decide(context, comment, "rejected", "Не о <b>яме</b>")
    assert (await read(widget, number))["items"] == []
    letter = (await letters(context, mail_sink, CANARY))[-1]
    assert "Не о <b>яме</b>" in letter.text
    assert "Не о &lt;b&gt;яме&lt;/b&gt;" in (letter.html or "")
    assert await counted(context, number) == 0


async def test_a_published_comment_can_be_hidden_and_restored(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    comment = await confirmed_comment(widget, context, number)
    for verdict, many in (("published", 1), ("published", 1), ("rejected", 0), ("rejected", 0), ("published", 1)):
        await decide(context, comment, verdict, "Грубость" if verdict == "rejected" else "")
        assert (await counted(context, number), len((await read(widget, number))["items"])) == (many, many)


async def test_the_author_withdraws_a_comment(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    comment = await confirmed_comment(widget, context, number)
    await decide(context, comment)
    letter = (await letters(context, mail_sink, CANARY))[-1]
    own = letter.links[-1].removeprefix("https://widget.test")
    page = (await widget.client.get(own)).text
    assert TEXT in page
    assert f'action="{own}"' in page
    assert (await widget.client.post(own)).status_code == 303
    assert (await widget.client.get(own)).status_code == 200
    assert (await widget.client.post(own)).status_code == 303, "twice is once"
    assert (await read(widget, number))["items"] == []
    assert await counted(context, number) == 0
    assert await comments(context) == []
    assert await context.database.rows("SELECT * FROM commenters") == []


async def test_a_name_is_shown_only_with_its_own_consent(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    given = {"version": await widget.consent(), "processing": True}
    for consent, shown in ((given, "Житель"), (given | {"publish_name": True}, "Сосед Семён")):
        await post_comment(widget, number, f"{TEXT} {len(consent)}", name="Сосед Семён", consent=consent)
        comment = (await comments(context))[-1]
        await service.confirm_comment(context.database, comment)
        await decide(context, comment)
        assert (await read(widget, number))["items"][-1]["name"] == shown
    page = f"/s/{site.key}/problems/{number}"
    assert (await widget.client.get(page)).text.count("Сосед Семён") == 1
    silent, agreed = await context.database.rows("SELECT * FROM commenters ORDER BY comment_id")
    document = (await widget.client.get(widget.root)).json()["consent"]["publish_name"]["version"]
    assert silent["name_version"] is None
    assert agreed["name_version"] == document != agreed["consent_version"]
    assert len(agreed["name_hash"]) == 64
    assert agreed["ip"]

    own = f"/my-comment/{context.signer.sign(Purpose.OWN_COMMENT, agreed['comment_id'])}"
    assert f'action="{own}/name"' in (await widget.client.get(own)).text
    for _ in range(2):  # idempotent
        assert (await widget.client.post(f"{own}/name")).status_code == 303
    assert [item["name"] for item in (await read(widget, number))["items"]] == ["Житель", "Житель"]
    for door in (page, own, f"{widget.root}/problems/{number}"):
        assert "Семён" not in (await widget.client.get(door)).text, door
    (row,) = await context.database.rows("SELECT * FROM commenters WHERE name_withdrawn_at IS NOT NULL")
    assert row["comment_id"] == agreed["comment_id"]
    assert len((await read(widget, number))["items"]) == 2, "the words stay"


async def test_comments_of_the_agency_are_public_at_once_and_marked(
    widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=number))
    for _ in range(2):  # the same form again
        await service.post_official_comment(context.database, site, row["id"], "Бригада выедет в среду", None)
    (item,) = (await read(widget, number))["items"]
    assert (item["official"], item["agency"], item["name"]) == (True, site.agency.name, site.agency.name)


@ONE_DATABASE
async def test_nobody_can_pose_as_the_agency_or_mix_alphabets_in_a_word(
    widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    for name in (
        "Администрация города",
        "Официальный сайт города",
        "АДМИНИСТРАЦИЯ  ГОРОДА",
        "Aдминистрация г\u200bорода",
        *(f"Администрация{filler} горо{filler}да" for filler in "\u115f\u1160\u3164\uffa0"),
    ):
        errors = problem(await post_comment(widget, number, name=name), 422)["errors"]
        assert [(error["field"], error["code"]) for error in errors] == [("name", "name_official")], name
    for name in ("Упpава города", "Αдминистрация", "Ｍэрия", "Иван Ivаnov", "Пётр (cосед)"):
        (wrong,) = problem(await post_comment(widget, number, name=name), 422)["errors"]
        assert (wrong["field"], wrong["code"]) == ("name", "name_mixed"), name
        assert "алфавитов" in wrong["detail"]


async def test_names_in_any_alphabet_are_accepted(widget: Widget, context: Context, site: Site) -> None:
    number = await publish(context.database, site)
    for name in ("Анна Smith", "IT-отдел", "Żółć", "Ёж 2й", "José", "Соседка из 5А", "李", "Оʼніл"):
        assert (await post_comment(widget, number, name=name)).status_code == 202, name


async def test_all_invalid_fields_are_named_at_once_and_a_consent_to_another_document(
    widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    errors = problem(await post_comment(widget, number, "ab", name="x" * 61, email="x", consent=None), 422)["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [
        ("name", "too_long"),
        ("text", "too_short"),
        ("email", "email"),
        ("consent.processing", "required"),
        ("consent.version", "required"),
    ]
    for text in (None, 1, ["x"], "   ", "\u200b\u202e\ufeff", "x" * 2001, "x" * 2000 + "\r"):
        assert (await post_comment(widget, number, text)).status_code == 422, text
    assert await comments(context) == []
    assert (await post_comment(widget, number, "x" * 2000, name="x" * 60)).status_code == 202
    version = await widget.consent()
    consent = {"version": version, "processing": True, "publish_name": True, "name_version": version}
    refused = await post_comment(widget, number, consent=consent)
    (error,) = problem(refused, 422)["errors"]
    assert (error["field"], error["code"]) == ("consent.publish_name", "consent_version")


async def test_comment_text_is_escaped(widget: Widget, context: Context, site: Site, mail_sink: MailSink) -> None:
    number = await publish(context.database, site)
    name, text = '<img src=x onerror="alert(1)">', "<a href='https://spam.test'>жми</a> https://spam.test \u202eобратно"
    comment = await confirmed_comment(widget, context, number, text, name=name)
    await decide(context, comment)
    (item,) = (await read(widget, number))["items"]
    assert item["name"] == name
    assert "\u202e" not in item["text"], "nothing that turns the page around"
    page = (await widget.client.get(f"/s/{site.key}/problems/{number}")).text
    assert "<img src=x" not in page
    assert 'href="https://spam.test' not in page
    assert "href='https://spam.test" not in page
    assert "&lt;img src=x" in page


async def test_comments_are_paged(widget: Widget, context: Context, site: Site) -> None:
    number = await publish(context.database, site)
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=number))
    for index in range(PAGE_SIZE + 5):
        await service.post_official_comment(context.database, site, row["id"], f"Слово {index:02}", None)
    first = await read(widget, number)
    second = await read(widget, number, first["next"])
    texts = [item["text"] for item in first["items"] + second["items"]]
    assert texts == [f"Слово {index:02}" for index in range(PAGE_SIZE + 5)]
    assert second["next"] is None
    page = (await widget.client.get(f"/s/{site.key}/problems/{number}")).text
    assert ("Слово 00" in page, "Слово 24" in page) == (True, False)
    more = (await widget.client.get(f"/s/{site.key}/problems/{number}?comments={first['next']}")).text
    assert ("Слово 00" in more, "Слово 24" in more) == (False, True)
    for cursor in ("x", "1", ".", "-1.a", "9" * 13 + ".a", "1." + "a" * 100, "1.\x00"):
        answer = await widget.client.get(f"{widget.root}/problems/{number}/comments", params={"cursor": cursor})
        assert answer.status_code in (200, 400), cursor
    answer = await widget.client.get(f"{widget.root}/problems/{number}/comments", params={"cursor": "x"})
    assert problem(answer, 400)["parameter"] == "cursor"


async def test_unchanged_comments_return_304_without_a_query(
    widget: Widget, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await publish(context.database, site)
    url = f"{widget.root}/problems/{number}/comments"
    first = await widget.client.get(url)
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["cache-control"] == web.SHARED_CACHE_CONTROL
    tagged, any_tag = {"If-None-Match": first.headers["etag"]}, {"If-None-Match": "*"}
    monkeypatch.setattr(service, "read_page", None)  # without a query
    assert (await widget.client.get(url, headers=tagged)).status_code == 304
    monkeypatch.undo()
    assert (await widget.client.get(url, headers=any_tag)).status_code == 304
    assert (await widget.client.get(url.replace(f"/{number}/", "/999/"), headers=any_tag)).status_code == 404
    monkeypatch.setattr(responses, "__version__", "0.0.0")
    assert (await widget.client.get(url, headers=tagged)).status_code == 200, "another release may say it otherwise"
    monkeypatch.undo()
    await decide(context, await confirmed_comment(widget, context, number))
    assert (await widget.client.get(url, headers=tagged)).status_code == 200


async def test_a_ticket_allows_one_comment_and_a_retry_creates_no_second(
    widget: Widget, context: Context, site: Site
) -> None:
    number, ticket = await publish(context.database, site), await widget.ticket()
    assert (await post_comment(widget, number, ticket=ticket)).status_code == 202
    assert (await post_comment(widget, number, ticket=ticket)).status_code == 202, "the network lost the answer"
    other = await post_comment(widget, number, "Другие слова", ticket=ticket)
    assert problem(other, 403)["code"] == "ticket_spent"
    assert len(await comments(context)) == 1


async def test_the_address_of_a_published_comment_cannot_be_probed(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    """Neither by the answer, nor by the ticket afterwards, nor by the result of a second request with it."""
    number = await publish(context.database, site)
    await decide(context, await confirmed_comment(widget, context, number))
    seen = []
    for guess in (CANARY, "somebody-else@example.test"):
        ticket = await widget.ticket()
        answers = [
            await post_comment(widget, number, email=guess, ticket=ticket),
            await post_comment(widget, number, email=guess, ticket=ticket),
            await post_comment(widget, number, "Другие слова", email=f"spy-of-{guess}", ticket=ticket),
            await post_comment(widget, number, email=f"spy-of-{guess}", ticket=ticket),
        ]
        seen.append([(answer.status_code, answer.json().get("code")) for answer in answers])
        assert await letters(context, mail_sink, f"spy-of-{guess}") == []
    spent = (403, "ticket_spent")
    assert seen == [[(202, None), (202, None), spent, spent]] * 2


async def test_the_address_of_a_comment_cannot_be_probed_with_the_form(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await publish(context.database, site)
    await decide(context, await confirmed_comment(widget, context, number))
    monkeypatch.setattr("widget_api.problems.forms.MIN_FILLING_TIME", 0)
    path = f"/s/{site.key}/problems/{number}/comment"
    for guess in (CANARY, "somebody-else@example.test"):
        page = await widget.client.get(path)
        given = fields(page.text) | {"name": "Сосед", "text": TEXT, "email": guess, "consent": "yes"}
        assert (await widget.client.post(path, data=given)).status_code == 303
        again = await widget.client.post(path, data=given | {"email": f"spy-of-{guess}", "text": "Другие слова"})
        assert again.status_code == 303
        assert await letters(context, mail_sink, f"spy-of-{guess}") == []


async def test_comments_do_not_use_the_letter_quota_of_reports(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    for index in range(4):
        assert (await post_comment(widget, number, f"Слова {index}")).status_code == 202
    assert len(await letters(context, mail_sink, CANARY)) == 2
    await submit_report(context.database, site, email=CANARY)
    assert "Подтвердите почту" in (await letters(context, mail_sink, CANARY))[-1].subject


@pytest.mark.settings(challenge="off", rate_limits="off")
async def test_fifty_concurrent_posts_create_one_comment(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    answers = await asyncio.gather(*(post_comment(widget, number, ticket="-") for _ in range(50)))
    (comment,) = await comments(context)
    await service.confirm_comment(context.database, comment)
    await asyncio.gather(*(decide(context, comment) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert await counted(context, number) == 1
    assert len(await letters(context, mail_sink, CANARY)) <= 2


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


async def test_comments_on_unpublished_unknown_and_merged_problems_are_refused(
    widget: Widget, context: Context, site: Site
) -> None:
    hidden = await submit_report(context.database, site)
    numbers = (hidden.number, 99, 0, "99999999999999", "1.5", "x")
    for answers in (
        [await post_comment(widget, number, ticket="-") for number in numbers],
        [await widget.client.get(f"{widget.root}/problems/{number}/comments") for number in numbers],
    ):
        assert {problem(answer, 404)["code"] for answer in answers} == {"problem_not_found"}
        assert len({answer.content for answer in answers}) == 1
    kept, merged = await publish(context.database, site), await publish(context.database, site)
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=merged))
    await lifecycle.change(context.database, AGENT, site.id, row["id"], Change(to="duplicate", duplicate_of=kept))
    refused = problem(await post_comment(widget, merged, ticket="-"), 409)
    assert (refused["code"], refused["number"]) == ("discussion_moved", kept)
    page = await widget.client.get(f"/s/{site.key}/problems/{merged}")
    assert page.status_code == 200
    assert f'action="/s/{site.key}/problems/{merged}/comment"' not in page.text


async def test_refusals_follow_the_order_of_the_contract(widget: Widget, context: Context, site: Site) -> None:
    number = await publish(context.database, site)
    post, path = widget.client.post, f"{widget.root}/problems/{number}/comments"
    own = {"Origin": widget.origin}
    assert problem(await post(path.replace(site.key, "wk_unknown"), json={}, headers=own), 404)
    assert problem(await post(path, json={}, headers={"Origin": "https://evil.test"}), 403)
    assert problem(await post(path, content=b"x" * 70_000, headers=own), 413)
    assert problem(await post(path, content=b"{}", headers=own), 415)
    assert problem(await post(path, content=b"[]", headers=own | {"Content-Type": "application/json"}), 400)
    assert problem(await post(path, json={}, headers=own), 403)["code"] == "ticket_missing"
    assert problem(await post(path, json={"ticket": await widget.ticket()}, headers=own), 422)


async def test_an_unconfirmed_comment_cannot_be_published(widget: Widget, context: Context, site: Site) -> None:
    number = await publish(context.database, site)
    await post_comment(widget, number)
    (comment,) = await comments(context)
    with pytest.raises(Exception, match="comment_unconfirmed"):
        await decide(context, comment)
    other = await make_site(context.database, discussion="moderated")
    await service.confirm_comment(context.database, comment)
    with pytest.raises(Exception, match="comment_not_found"):
        await service.decide_comment(context.database, other.id, comment["id"], "published", None)
    assert await counted(context, number) == 0


async def test_the_address_is_in_no_public_answer(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    await decide(context, await confirmed_comment(widget, context, number))
    await confirmed_comment(widget, context, number, "Тайное, ещё не проверено")
    rejected = await confirmed_comment(widget, context, number, "Отклонённое")
    await decide(context, rejected, "rejected", "Тайная причина")
    await letters(context, mail_sink, CANARY)
    (hashed,) = {row["email_hash"] for row in await context.database.rows("SELECT email_hash FROM commenters")}
    site_paths = ("", "/problems", f"/problems/{number}", f"/problems/{number}/comments", "/problems?q=canary")
    pages = (f"/s/{site.key}", f"/s/{site.key}/problems/{number}", f"/s/{site.key}/problems/{number}/comment")
    feed = f"/open311/v2/requests/{number}.json?jurisdiction_id={site.jurisdiction}"
    for address in (*(widget.root + path for path in site_paths), *pages, feed):
        text = (await widget.client.get(address)).text
        for secret in ("canary-comments", hashed, "Тайн", "Отклонённое", "127.0.0.1"):
            assert secret not in text.replace("q=canary", ""), (address, secret)
    rows = await context.database.rows("SELECT kind FROM events")
    assert {row["kind"] for row in rows} == {"received", "status"}, "no event tells any platform"


async def test_erasure_removes_text_and_author(widget: Widget, context: Context, site: Site) -> None:
    number = await publish(context.database, site)
    await decide(context, await confirmed_comment(widget, context, number))
    await confirmed_comment(widget, context, number, "Ещё слова", email="other@example.test")
    assert await retention.erase_words(context.database, CANARY.upper()) == {
        "follows": 0,
        "comments": 1,
        "participations": 0,
    }
    assert await counted(context, number) == 0
    assert [row["body"] for row in await comments(context)] == ["Ещё слова"]
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=number))
    await lifecycle.erase(context.database, OPERATOR, site.id, row["id"])
    assert await comments(context) == []
    assert await context.database.rows("SELECT * FROM commenters") == []


async def test_unconfirmed_comments_are_purged(widget: Widget, context: Context, site: Site) -> None:
    number = await publish(context.database, site)
    kept = await confirmed_comment(widget, context, number)
    await post_comment(widget, number, "Не подтверждено")

    async def age(tx: Any) -> None:
        old = clock.now() - 32 * 86_400
        await tx.run("UPDATE comments SET created_at = :old", old=old)

    await context.database.write(age)
    assert (await retention.erase_expired(context.database))["unanswered"] == 1
    assert [row["id"] for row in await comments(context)] == [kept["id"]]
    assert len(await context.database.rows("SELECT * FROM commenters")) == 1
    assert await store.find_comment(context.database, kept["id"]) is not None


# --- the page without scripts --------------------------------------------------------------------------------------


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the first form on a page."""
    import re

    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return dict(found[:2])


async def test_commenting_without_scripts(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await publish(context.database, site)
    client, path = widget.client, f"/s/{site.key}/problems/{number}/comment"
    page = await client.get(path)
    assert page.status_code == 200
    given = fields(page.text) | {"name": "Сосед", "text": TEXT, "email": CANARY, "consent": "yes"}
    fast = await client.post(path, data=given)
    assert fast.status_code == 422
    assert "слишком быстро" in fast.text
    assert TEXT in fast.text
    monkeypatch.setattr("widget_api.problems.forms.MIN_FILLING_TIME", 0)
    trapped = await client.post(path, data=given | {"website": "https://spam.test"})
    assert trapped.status_code == 422
    stale = await client.post(path, data=given | {"form": "forged"})
    assert stale.status_code == 422
    wrong = await client.post(path, data=given | {"name": "", "consent": ""})
    assert wrong.status_code == 422
    assert "Напишите, как к вам обращаться." in wrong.text
    foreign = await client.post(path, data=given, headers={"Origin": "https://evil.test"})
    assert foreign.status_code == 403
    given |= {"text": f"{TEXT}, 8 900 123-45-67"}
    warned = await client.post(path, data=given)
    assert warned.status_code == 422
    assert "Похоже, в нём есть телефон." in warned.text
    assert await comments(context) == []
    given |= {"personal_seen": "8900123-45-67"}
    assert f'name="personal_seen" value="{given["personal_seen"]}"' in warned.text
    for _ in range(2):  # sent twice, stored once
        done = await client.post(path, data=given)
        assert done.status_code == 303
        assert "На почту идёт письмо" in (await client.get(done.headers["location"])).text
    assert len(await comments(context)) == 1
    assert len(await letters(context, mail_sink, CANARY)) == 1


async def test_following_without_scripts(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await publish(context.database, site)
    monkeypatch.setattr("widget_api.problems.forms.MIN_FILLING_TIME", 0)
    client, path = widget.client, f"/s/{site.key}/problems/{number}/follow"
    page = await client.get(f"/s/{site.key}/problems/{number}")
    assert f'action="{path}"' in page.text
    given = fields(page.text) | {"email": CANARY}
    assert (await client.post(path, data=given)).status_code == 422, "no consent"
    done = await client.post(path, data=given | {"consent": "yes"})
    assert done.status_code == 303
    assert "/follow/" in (await letters(context, mail_sink, CANARY))[0].links[0]
    elsewhere = await make_site(context.database)
    other = await publish(context.database, elsewhere)
    moved = await client.post(f"/s/{elsewhere.key}/problems/{other}/follow", data=given | {"consent": "yes"})
    assert moved.status_code == 422, "a form is good for its own site"


# --- The comment queue in the cabinet: who sees it, who decides, and that moderation cannot be bypassed ---


QUEUE = "/cabinet/comments"


async def test_a_waiting_comment_is_counted_and_can_be_published(
    client: Client, widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    comment = await confirmed_comment(
        widget, context, number, "Слова <b>соседа</b> https://spam.test", name="<i>Имя</i>"
    )
    await post_comment(widget, number, "Ещё не подтверждено")
    cabinet = await signed_in(client, context, site)
    page = await cabinet.read(QUEUE)
    assert "Слова <b>соседа</b> https://spam.test" in page.text, "as text"
    assert "<i>Имя</i>" in page.text
    assert "https://spam.test" not in page.links
    assert "Ещё не подтверждено" not in page.text
    assert CANARY not in page.text
    assert "Входящие 1" in (await cabinet.read("/cabinet/")).text
    form = next(form for form in page.forms if form.action == f"{QUEUE}/{comment['id']}")
    answer = await client.post(form.action, data=form.fields | {"verdict": "published"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{QUEUE}?tab=moderation")
    assert await counted(context, number) == 1
    assert "Входящие 1" not in (await cabinet.read("/cabinet/")).text
    published = await cabinet.read(f"{QUEUE}?tab=published")
    assert "agent-" in published.text, "who decided"
    row = (await comments(context))[0]
    assert row["user_id"]
    assert row["decided_at"]


async def test_a_rejection_needs_a_reason(
    client: Client, widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    comment = await confirmed_comment(widget, context, number)
    cabinet = await signed_in(client, context, site)
    form = next(form for form in (await cabinet.read(QUEUE)).forms if form.action.endswith(comment["id"]))
    without = await client.post(form.action, data=form.fields | {"verdict": "rejected", "reason": " "})
    assert without.status_code == 422
    assert "Напишите причину" in without.text
    assert (await comments(context))[0]["state"] == "moderation"
    done = await client.post(form.action, data=form.fields | {"verdict": "rejected", "reason": "Реклама"})
    assert done.status_code == 303
    assert "Реклама" in (await letters(context, mail_sink, CANARY))[-1].text
    assert "Реклама" in (await cabinet.read(f"{QUEUE}?tab=rejected")).text


@pytest.mark.parametrize(
    ("role", "theirs", "status"),
    [("viewer", True, 403), ("operator", False, 404), ("agent", False, 404), ("admin", True, 303)],
)
async def test_only_the_sites_moderator_decides_on_comments(
    client: Client, widget: Widget, context: Context, site: Site, role: Role, theirs: bool, status: int
) -> None:
    number = await publish(context.database, site)
    comment = await confirmed_comment(widget, context, number)
    of = site if theirs else None if role == "operator" else await make_site(context.database, discussion="moderated")
    cabinet = await signed_in(client, context, of, role)
    page = await cabinet.read(QUEUE)
    assert (comment["body"] in page.text) == theirs
    offered = [form for form in page.forms if form.action.endswith(comment["id"])]
    assert bool(offered) == (status == 303)
    fields = {"form_token": page.forms[0].fields["form_token"], "verdict": "published"}
    answer = await client.post(f"{QUEUE}/{comment['id']}", data=fields)
    assert answer.status_code == status
    assert await counted(context, number) == (1 if status == 303 else 0)


async def test_moderation_of_comments_cannot_be_bypassed(
    client: Client, widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    await post_comment(widget, number)
    (comment,) = await comments(context)
    cabinet = await signed_in(client, context, site)
    token = (await cabinet.read(QUEUE)).forms[0].fields["form_token"]
    address = f"{QUEUE}/{comment['id']}"
    for given, status in (
        ({"form_token": token, "verdict": "published"}, 404),  # not confirmed by its author
        ({"form_token": "forged", "verdict": "published"}, 403),
        ({"verdict": "published"}, 403),
    ):
        assert (await client.post(address, data=given)).status_code == status
    assert (
        await client.post(f"{QUEUE}/unknown", data={"form_token": token, "verdict": "published"})
    ).status_code == 404
    confirmed = await confirmed_comment(widget, context, number, "Второй")
    for verdict in ("moderation", "unconfirmed", "", "official"):
        answer = await client.post(f"{QUEUE}/{confirmed['id']}", data={"form_token": token, "verdict": verdict})
        assert answer.status_code == 403, verdict
    client.cookies.clear()
    anonymous = await client.post(f"{QUEUE}/{confirmed['id']}", data={"form_token": token, "verdict": "published"})
    assert anonymous.status_code == 303
    assert anonymous.headers["location"].startswith("/cabinet/sign-in")
    assert (await read(widget, number))["items"] == []


async def test_the_agency_comments_from_the_report_page(
    client: Client, widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=number))
    page = f"/cabinet/problems/{row['id']}"
    cabinet = await signed_in(client, context, site)
    empty = await cabinet.send(page, f"{page}/comment", comment="")
    assert empty.status_code == 422
    assert "Напишите комментарий." in empty.text
    assert (await cabinet.send(page, f"{page}/comment", comment="Бригада в пути")).status_code == 303
    (item,) = (await read(widget, number))["items"]
    assert (item["text"], item["official"], item["agency"]) == ("Бригада в пути", True, site.agency.name)
    (kept,) = await comments(context)
    assert kept["user_id"]
    client.cookies.clear()
    viewer = await signed_in(client, context, site, "viewer")
    shown = await viewer.read(page)
    assert "Бригада в пути" in shown.text
    assert not any(form.action.startswith(f"{page}/comment") for form in shown.forms)


async def test_a_head_speaks_for_an_agency_whose_answers_a_head_approves(
    client: Client, widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=number))
    page = f"/cabinet/problems/{row['id']}"
    agent = await signed_in(client, context, site)
    form = (await agent.read(page)).form(f"{page}/comment")
    await changes.update_agency(context.database, site.agency.id, {"approval": True})
    assert (await agent.client.post(form.action, data=form.fields | {"comment": "Сами"})).status_code == 303, "no head"
    agency_id = site.agency.id
    await accounts.add_user(
        context.database, email="head@gorod.test", role="head", agency_id=agency_id, password=PASSWORD
    )
    assert (await agent.client.post(form.action, data=form.fields | {"comment": "Едем"})).status_code == 403
    shown = await agent.read(page)
    assert not any(form.action.startswith(f"{page}/comment") for form in shown.forms)
    assert "В обсуждении от имени ведомства отвечает руководитель" in shown.text
    client.cookies.clear()
    assert (await agent.sign_in("head@gorod.test", PASSWORD)).status_code == 303
    assert (await agent.send(page, f"{page}/comment", comment="Едем")).status_code == 303
    assert [item["text"] for item in (await read(widget, number))["items"]] == ["Сами", "Едем"]


async def test_without_discussion_there_is_no_menu_entry(client: Client, context: Context) -> None:
    cabinet = await signed_in(client, context, await make_site(context.database))
    assert QUEUE not in (await cabinet.read("/cabinet/")).links
    assert "Проверять нечего" in (await cabinet.read(QUEUE)).text

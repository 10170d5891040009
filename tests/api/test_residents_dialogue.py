"""Messages between agency and author beside decisions: who may send them, who is notified, and who never sees them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, EMAIL, OPERATOR, add_platform, existing, make_site, submit_report
from tests.support.cabinet import Cabinet, signed_in
from tests.support.mail import MailSink
from widget_api import clock, events
from widget_api.context import Context
from widget_api.errors import Conflict, Invalid, Refused
from widget_api.people.accounts import add_user
from widget_api.platform import webhook
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import OPEN, RATEABLE, STATUSES, Actor, Change, Contact, next_to_act
from widget_api.problems.store import history, records
from widget_api.problems.submit import Receipt
from widget_api.sites import changes
from widget_api.sites.model import Site

from .test_letters import letters

OFFICE = "priem@gorod.test"
QUESTION = "У какого подъезда?"
WORDS = "У третьего, возле лавочки"


async def row(context: Context, receipt: Receipt) -> Any:
    return existing(await records.find(context.database, receipt.problem_id))


async def ask(context: Context, site: Site, receipt: Receipt, text: str = QUESTION, actor: Actor = AGENT) -> str | None:
    return await dialogue.ask(context.database, actor, site.id, receipt.problem_id, text)


async def clarify(context: Context, site: Site, receipt: Receipt, text: str = WORDS, form: str = "") -> bool:
    said = dialogue.Clarification(id=form or clock.new_id(), text=text)
    return await dialogue.clarify(context.database, site, receipt.problem_id, said)


async def decide(context: Context, site: Site, receipt: Receipt, to: str) -> None:
    change = Change(to=to, text="Сделано", responsible="Служба", expected_on="2099-01-01")  # type: ignore[arg-type]
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, change)


# --- whose word is waited for ---


@given(st.lists(st.sampled_from(sorted(events.KINDS))))
def test_the_last_message_determines_whose_reply_is_awaited(kinds: list[str]) -> None:
    awaits = None
    for kind in kinds:
        awaits = next_to_act(awaits, kind)
    telling = [kind for kind in kinds if kind in ("asked", "clarified", "status", "erased")]
    assert awaits == {"asked": "author", "clarified": "agency"}.get(telling[-1] if telling else "")


async def test_a_question_does_not_change_the_status(
    context: Context, site: Site, receipt: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await row(context, receipt)
    later = clock.now() + 60
    monkeypatch.setattr(clock, "now", lambda: later)
    await ask(context, site, receipt)
    after = await row(context, receipt)
    for name in ("status", "status_at", "status_event", "published", "released_at", "updated_at"):
        assert after[name] == before[name], name
    assert after["awaits"] == "author"
    await clarify(context, site, receipt)
    assert (await row(context, receipt))["awaits"] == "agency"
    await decide(context, site, receipt, "in_progress")
    assert (await row(context, receipt))["awaits"] is None


async def test_ten_messages_a_day_are_allowed(
    context: Context, site: Site, receipt: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in range(dialogue.A_DAY):
        await clarify(context, site, receipt, f"{count}")
    with pytest.raises(Refused, match="enough_for_today"):
        await clarify(context, site, receipt, "ещё")
    await ask(context, site, receipt)  # each kind is counted separately
    later = clock.now() + 86_401
    monkeypatch.setattr(clock, "now", lambda: later)
    assert await clarify(context, site, receipt, "ещё")


@ONE_DATABASE
async def test_empty_and_overlong_messages_are_refused(context: Context, site: Site, receipt: Receipt) -> None:
    for text, code in (("", "required"), (" \r\n\t", "required"), ("\0\0", "required"), ("я" * 4001, "too_long")):
        for said in (ask, clarify):
            with pytest.raises(Invalid) as refused:
                await said(context, site, receipt, text)
            assert refused.value.fields[0].code == code, text


async def test_a_repeated_message_is_stored_once_and_nul_never(context: Context, site: Site, receipt: Receipt) -> None:
    await clarify(context, site, receipt, "до\0после")
    bodies = [text["body"] for text in await history.texts_of(context.database, receipt.problem_id)]
    assert bodies == ["допосле"]
    assert await ask(context, site, receipt) is not None
    assert await ask(context, site, receipt) is None
    assert await clarify(context, site, receipt)
    assert not await clarify(context, site, receipt, f"  {WORDS}\r\n")
    assert await ask(context, site, receipt) is not None  # the same question after an answer is a new one


async def test_only_an_open_report_whose_author_writes_here_accepts_messages(
    context: Context, site: Site, receipt: Receipt
) -> None:
    await lifecycle.mark_spam(context.database, AGENT, site.id, receipt.problem_id, True)
    with pytest.raises(Refused, match="nobody_to_ask"):
        await ask(context, site, receipt)
    await lifecycle.erase(context.database, AGENT, site.id, receipt.problem_id)
    for said in (ask, clarify):
        with pytest.raises(Conflict, match="problem_erased"):
            await said(context, site, receipt)
    with pytest.raises(Conflict, match="problem_erased"):
        await dialogue.rate(context.database, site.id, receipt.problem_id, 5)
    closed = await submit_report(context.database, site)
    await decide(context, site, closed, "resolved")
    for said in (ask, clarify):
        with pytest.raises(Refused, match="report_closed"):
            await said(context, site, closed)
    for source in ("georeport", "platform"):
        foreign = await submit_report(context.database, site, source=source, contact=Contact())
        with pytest.raises(Refused, match="nobody_to_ask"):
            await ask(context, site, foreign)
    moderated = await make_site(context.database, moderator="operator")
    asked = await submit_report(context.database, moderated)
    assert await ask(context, moderated, asked, actor=OPERATOR) is not None, "the operator asks where it moderates"


# --- who is told ---


async def test_the_author_gets_the_question_at_a_confirmed_address_only(
    context: Context, site: Site, receipt: Receipt, mail_sink: MailSink
) -> None:
    await ask(context, site, receipt)
    assert all(QUESTION not in letter.text for letter in await letters(context, mail_sink, EMAIL))
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    confirmation_and = len(await letters(context, mail_sink, EMAIL))
    event_id = await ask(context, site, receipt, "У <b>какого</b> подъезда?")
    news = await letters(context, mail_sink, EMAIL)
    assert len(news) == confirmation_and + 1
    assert "Вопрос ведомства." in news[-1].text
    assert news[-1].message["Message-ID"] == f"<{event_id}@widget.test>"
    assert "У <b>какого</b> подъезда?" in news[-1].text
    assert "У &lt;b&gt;какого&lt;/b&gt; подъезда?" in (news[-1].html or "")
    assert news[-1].message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_an_agency_in_email_mode_gets_replies_and_marks(context: Context, mail_sink: MailSink) -> None:
    site = await make_site(context.database, agency={"mode": "email"})
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await clarify(context, site, receipt)
    await decide(context, site, receipt, "resolved")
    await dialogue.rate(context.database, site.id, receipt.problem_id, 2, "Заделали плохо")
    report, reply, mark = await letters(context, mail_sink, OFFICE)
    assert WORDS in reply.text
    assert reply.message["References"] == report.message["Message-ID"]
    assert report.subject == reply.subject == mark.subject, "some programs thread by equal subjects"
    assert "Автор оценил ответ: 2 из 5." in mark.text
    assert "Заделали плохо" in mark.text


async def test_clarifications_before_release_are_sent_with_the_report(context: Context, mail_sink: MailSink) -> None:
    site = await make_site(context.database, agency={"mode": "email"}, moderation="before")
    receipt = await submit_report(context.database, site)
    await clarify(context, site, receipt)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    (report,) = await letters(context, mail_sink, OFFICE)
    assert WORDS in report.text
    assert WORDS in (report.html or "")


# --- who never hears of it ---


async def test_messages_are_neither_public_nor_sent_to_platforms(
    client: Client, context: Context, site: Site, receipt: Receipt
) -> None:
    await add_platform(context.database, "p", protocol="webhook")
    await decide(context, site, receipt, "accepted")
    await ask(context, site, receipt)
    await clarify(context, site, receipt)
    await decide(context, site, receipt, "answered")
    await dialogue.rate(context.database, site.id, receipt.problem_id, 1, "Отписка")
    token = await changes.add_token(context.database, site.id, "platform", None)
    seen = [
        (await client.get(address, headers={"Authorization": f"Bearer {token}"})).text
        for address in (
            f"/api/v1/sites/{site.key}/problems/1",
            f"/api/v1/sites/{site.key}/problems",
            f"/s/{site.key}/problems/1",
            f"/open311/v2/servicerequestupdates.json?jurisdiction_id={site.jurisdiction}&api_key={token}",
            f"/open311/v2/requests/1.json?jurisdiction_id={site.jurisdiction}&api_key={token}",
            f"/api/v1/platform/events?site={site.key}&after=0",
        )
    ]
    assert '"number":1' in seen[0]
    assert "status_code" in seen[3]
    for text in seen:
        for confidential in (QUESTION, WORDS, "Отписка", "asked", "clarified", "rated", "awaits", "rating"):
            assert confidential not in text
    rows = await context.database.rows(
        "SELECT e.kind FROM deliveries d JOIN events e ON e.site_id = d.site_id AND e.id = d.event_id"
        " WHERE d.sink = 'platform:p'"
    )
    assert {found["kind"] for found in rows} == {"received", "status"}


async def test_the_feed_cursor_moves_past_skipped_events(
    client: Client, context: Context, site: Site, receipt: Receipt
) -> None:
    """However many there are: a million events of another platform must not be skipped again on every request."""
    await ask(context, site, receipt)
    token = await changes.add_token(context.database, site.id, "platform", None)

    async def read(after: int, limit: int) -> tuple[int, int]:
        address = f"/api/v1/platform/events?site={site.key}&after={after}&limit={limit}"
        found = (await client.get(address, headers={"Authorization": f"Bearer {token}"})).json()
        return len(found["events"]), found["next"]

    assert await read(0, 1) == (1, 1), "there may be more"
    assert await read(0, 2) == (1, 2)
    assert await read(1, 1) == (0, 2)
    await decide(context, site, receipt, "accepted")
    assert await read(2, 100) == (1, 3)
    found, following = await webhook.read_feed(context.database, site, "https://widget.test", 0, 2)
    assert [event["type"].rpartition(".")[2] for event in found] == ["received", "status"]
    assert int(found[-1]["sequence"]) == following == 3
    assert await read(7, 100) == (0, 7)


# --- the mark ---


def test_a_rating_requires_closure_by_the_agency() -> None:
    for status in STATUSES:
        assert status not in RATEABLE or status not in OPEN, status
        assert not {"withdrawn", "duplicate"} & RATEABLE


async def test_a_mark_can_be_given_after_an_answer_and_changed(context: Context, site: Site, receipt: Receipt) -> None:
    problem_id = receipt.problem_id
    with pytest.raises(Refused, match="nothing_to_rate"):
        await dialogue.rate(context.database, site.id, problem_id, 5)
    await decide(context, site, receipt, "resolved")
    for mark in (0, 6, -1):
        with pytest.raises(Invalid):
            await dialogue.rate(context.database, site.id, problem_id, mark)
    assert await dialogue.rate(context.database, site.id, problem_id, 2, "Плохо")
    assert not await dialogue.rate(context.database, site.id, problem_id, 2, "Плохо")
    assert await dialogue.rate(context.database, site.id, problem_id, 5)
    assert (await row(context, receipt))["rating"] == 5
    assert (await row(context, receipt))["status"] == "resolved"


# --- the cabinet ---


@pytest.fixture
async def cabinet(client: Client, context: Context, site: Site) -> Cabinet:
    return await signed_in(client, context, site)


async def test_a_question_is_asked_answered_and_marked_as_read(
    context: Context, site: Site, receipt: Receipt, cabinet: Cabinet
) -> None:
    path = f"/cabinet/problems/{receipt.problem_id}"
    page = await cabinet.read(path)
    assert "Почта автора не подтверждена" in page.text
    assert "Пока автор не ответил, срок стоит" in page.text
    refused = await cabinet.send(path, f"{path}/ask", question="  ")
    assert refused.status_code == 422
    assert "Напишите вопрос" in refused.text
    asked = await cabinet.send(path, f"{path}/ask", question=QUESTION)
    assert (asked.status_code, asked.headers["location"]) == (303, f"{path}?done=asked")
    assert "ждём ответа автора" in (await cabinet.read("/cabinet/")).text
    assert path not in (await cabinet.read("/cabinet/problems?tab=returned")).links_without_query
    await clarify(context, site, receipt)
    replied = await cabinet.read("/cabinet/problems?tab=returned")
    assert path in replied.links_without_query
    assert "автор ответил" in replied.text
    page = await cabinet.read(path)
    assert WORDS in page.text
    assert (await cabinet.send(path, f"{path}/read")).status_code == 303
    assert path not in (await cabinet.read("/cabinet/problems?tab=returned")).links_without_query
    await decide(context, site, receipt, "answered")
    await dialogue.rate(context.database, site.id, receipt.problem_id, 3, "Поздно")
    page = await cabinet.read(path)
    assert "автор оценил ответ: 3 из 5" in page.text
    assert "Поздно" in page.text


async def test_refused_questions_keep_text(context: Context, site: Site, receipt: Receipt, cabinet: Cabinet) -> None:
    path = f"/cabinet/problems/{receipt.problem_id}"
    for count in range(dialogue.A_DAY):
        await ask(context, site, receipt, f"{count}")
    refused = await cabinet.send(path, f"{path}/ask", question=QUESTION)
    assert refused.status_code == 409
    assert QUESTION in refused.text
    assert "Напишите завтра" in refused.text


@ONE_DATABASE
async def test_the_form_explains_how_the_author_is_notified(context: Context, site: Site, cabinet: Cabinet) -> None:
    for contact, confirmed, expected in (
        (Contact(email=EMAIL), True, "Автор получит письмо"),
        (Contact(email=EMAIL), False, "Почта автора не подтверждена"),
        (Contact(), False, "по номеру и коду"),
    ):
        receipt = await submit_report(context.database, site, contact=contact)
        if confirmed:
            await lifecycle.confirm(context.database, site.id, receipt.problem_id)
        assert expected in (await cabinet.read(f"/cabinet/problems/{receipt.problem_id}")).text, expected


async def test_the_language_chosen_before_signing_in_is_kept(client: Client, context: Context, site: Site) -> None:
    _, password = await add_user(context.database, email="agent@gorod.test", role="agent", agency_id=site.agency.id)
    cabinet = Cabinet(client)
    await client.get("/cabinet/sign-in?lang=en")
    await cabinet.sign_in("agent@gorod.test", password)
    assert "Reports" in (await cabinet.read("/cabinet/")).text
    await cabinet.send("/cabinet/", "/cabinet/language", language="ru")
    assert "Сообщения" in (await cabinet.read("/cabinet/")).text
    await cabinet.send("/cabinet/", "/cabinet/sign-out")
    await cabinet.sign_in("agent@gorod.test", password)
    assert "Сообщения" in (await cabinet.read("/cabinet/")).text  # the newest choice, not an earlier one

"""Reports that an agency has not decided about in time: the operator is told once, and may decide in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.conftest import Client
from tests.factories import AGENT, EMAIL, make_site, run_statement, submit_report
from tests.support.cabinet import Enter, PageText, pass_minute
from tests.support.journal import read_journal
from tests.support.mail import Letter, MailSink, deliver_due
from widget_api import clock
from widget_api.context import Context
from widget_api.mail import links
from widget_api.people import accounts, notice_letters, undecided
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes

ZONE = "Asia/Vladivostok"
OPERATOR, OFFICE = "operator@service.test", "priem@gorod.test"
WHO = "Решение принял оператор сервиса, так как ведомство не рассмотрело сообщение за три рабочих дня"
pytestmark = pytest.mark.settings(work="off")


@contextmanager
def at(text: str) -> Iterator[None]:
    with time_machine.travel(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)), tick=False):
        yield


async def letters(context: Context, mail: MailSink, to: str) -> list[Letter]:
    """All letters to an address once the jobs of this moment have run and what is due was delivered."""
    await undecided.enqueue_if_due(context)
    await notice_letters.enqueue_digests(context.database)
    await deliver_due(context)
    return mail.to(to)


async def test_the_operator_decides_where_the_agency_did_not(
    enter: Enter, context: Context, client: Client, mail_sink: MailSink
) -> None:
    database = context.database
    with at("2026-12-01T12:00"):  # a Tuesday
        site = await make_site(database, time_zone=ZONE, agency={"mode": "email"}, moderation="before")
        await changes.update_site(database, site.id, {"calendar": {"2026-12-03": False}})
        confirmed, bare, unconfirmed, spam, accepted = [
            (await submit_report(database, site, email=email)).problem_id for email in (EMAIL, None, EMAIL, None, None)
        ]
        await lifecycle.mark_spam(database, AGENT, site.id, spam, True)
        await lifecycle.change(database, AGENT, site.id, accepted, Change(to="accepted"))
        await accounts.add_user(database, email="head@gorod.test", role="head", agency_id=site.agency.id)
    with at("2026-12-01T23:30"):
        await lifecycle.confirm(database, site.id, confirmed)
        late = (await submit_report(database, site, email=EMAIL)).problem_id
    with at("2026-12-02T00:30"):
        await lifecycle.confirm(database, site.id, late)

    with at("2026-12-07T23:30"):  # the last of three working days at the site
        operator = await enter("operator", None, OPERATOR)
        assert "/cabinet/problems" not in (await operator.read("/cabinet/")).links
        assert (await operator.client.get(f"/cabinet/problems/{confirmed}")).status_code == 404
        assert await letters(context, mail_sink, OPERATOR) == []

    with at("2026-12-08T09:30"):
        await letters(context, mail_sink, OPERATOR)
        (letter,) = await letters(context, mail_sink, OPERATOR)
        shown = [one for one in letter.links if "/cabinet/problems/" in one]
        paths = [f"/cabinet/problems/{one}" for one in (confirmed, bare)]
        assert [one.removeprefix(context.settings.public_url) for one in shown] == paths
        assert "2 сообщения ждут вашего решения" in letter.subject
        operator = await enter("operator", None)
        today = await operator.read("/cabinet/")
        assert [one for one in today.links if "/cabinet/problems/" in one] == paths
        listed = await operator.read("/cabinet/problems?tab=moderation")
        assert [one for one in listed.links_without_query if "/problems/" in one] == paths[::-1]
        assert not [form for form in listed.forms if form.action.startswith("/cabinet/bulk")]
        for hidden in (unconfirmed, spam, accepted, late):
            assert (await operator.client.get(f"/cabinet/problems/{hidden}")).status_code == 404

        page = await operator.read(paths[0])
        assert page.form(paths[0]).choices["to"] == ["accepted", "rejected"]
        assert EMAIL not in page.text
        assert "не рассмотрено за три рабочих дня" in page.text
        allowed = {paths[0], f"{paths[0]}/draft", "/cabinet/sign-out", "/cabinet/language", "/cabinet/problems"}
        assert {form.action.partition("?")[0] for form in page.forms if form.method == "post"} <= allowed
        token = page.form("/cabinet/sign-out").fields
        for action, fields in (("spam", {"spam": "yes"}), ("ask", {"question": "Где?"}), ("note", {"note": "Да"})):
            assert (await operator.client.post(f"{paths[0]}/{action}", data=token | fields)).status_code == 403
        sent = page.form(paths[0]).fields | {"to": "forwarded", "responsible": "Служба"}
        assert (await operator.client.post(paths[0], data=sent)).status_code == 403

        reason = "Это реклама, а не сообщение о проблеме города."
        assert WHO in PageText((await operator.decide(confirmed, "rejected", text=reason, do="preview")).text).text
        answer = await operator.decide(confirmed, "rejected", text=reason)
        assert answer.headers["location"] == f"{paths[0]}?done=waits"
        assert (await operator.client.get(paths[0])).status_code == 404
        (entry,) = await read_journal(database, "decided_in_place")
        assert (entry["role"], entry["subject"], entry["site_id"]) == ("operator", confirmed, site.id)
        journal_page = (await operator.read("/cabinet/organisation/journal")).text
        assert "решение вместо ведомства «Администрация города» Отклонено" in journal_page

        assert WHO in " ".join((await letters(context, mail_sink, EMAIL))[-1].text.split())
        assert WHO in (await client.get(links.track_url(context, confirmed))).text
        assert [WHO in " ".join(one.text.split()) for one in mail_sink.to(OFFICE)[-2:]].count(True) == 1
        head = await enter("head", site.agency.id)
        assert WHO in (await head.read(paths[0])).text

        seen = (await operator.read(paths[1])).form(paths[1]).fields | {"to": "accepted"}
        await lifecycle.change(database, AGENT, site.id, bare, Change(to="accepted"))
        assert (await operator.client.post(paths[1], data=seen | {"seen": "guessed"})).status_code == 404
        late_answer = await operator.client.post(paths[1], data=seen)
        assert (late_answer.status_code, "Ведомство уже рассмотрело" in late_answer.text) == (409, True)

    with at("2026-12-09T09:30"):  # `late` was confirmed a day later
        assert len(await letters(context, mail_sink, OPERATOR)) == 2
        assert "Оператор сервиса решил вместо ведомства: 1" in mail_sink.to("head@gorod.test")[-1].text
    with at("2026-12-10T09:30"):
        assert len(await letters(context, mail_sink, OPERATOR)) == 2, "it was told"


@pytest.mark.waits
async def test_a_decision_that_the_agency_overtook_is_put_away(enter: Enter, context: Context) -> None:
    """The operator may not open the report any more: the notice leads nowhere, and can be hidden."""
    with at("2026-12-01T12:00"):
        site = await make_site(context.database, time_zone=ZONE, moderation="before")
        problem = (await submit_report(context.database, site, email=None)).problem_id
    with at("2026-12-08T09:30"):
        operator = await enter("operator", None)
        answer = await operator.decide(problem, "rejected", text="Это реклама, а не сообщение о проблеме города.")
        assert answer.headers["location"].endswith("done=waits")
        await lifecycle.change(context.database, AGENT, site.id, problem, Change(to="accepted"))
        await pass_minute(context.database)
        listed = await operator.read("/cabinet/problems")
        assert "не выполнено: за эту минуту оно перестало быть вам доступно" in listed.text
        assert not [one for one in (*listed.links, *(form.action for form in listed.forms)) if problem in one]
        (action,) = [form.action for form in listed.forms if form.action.endswith("/discard")]
        assert (await operator.send("/cabinet/problems", action)).status_code == 303
        assert "не выполнено" not in (await operator.read("/cabinet/problems")).text


async def test_reports_that_waited_before_an_upgrade_are_shown_and_not_told(
    enter: Enter, context: Context, mail_sink: MailSink
) -> None:
    with at("2026-12-01T12:00"):
        site = await make_site(context.database, time_zone=ZONE)
        waiting = (await submit_report(context.database, site, email=None)).problem_id
    with at("2026-12-07T12:00"):
        await run_statement(
            context.database, "UPDATE sites SET undecided_told = :now", now=clock.now()
        )  # migration 0062
        operator = await enter("operator", None, OPERATOR)
        assert f"/cabinet/problems/{waiting}" in (await operator.read("/cabinet/")).links
        assert await letters(context, mail_sink, OPERATOR) == []
        assert (await operator.decide(waiting, "accepted")).headers["location"] == "/cabinet/?done=accepted"


async def test_what_author_and_agency_wrote_each_other_stays_theirs(enter: Enter, context: Context) -> None:
    """It holds addresses and telephones; the operator who decides in the agency's place reads no contacts."""
    database = context.database
    with at("2026-12-01T12:00"):
        site = await make_site(database, time_zone=ZONE, moderation="before")
        waiting = (await submit_report(database, site, email=EMAIL)).problem_id
        await lifecycle.confirm(database, site.id, waiting)
        await dialogue.ask(database, AGENT, site.id, waiting, "Как вам позвонить?")
        addition = dialogue.Clarification(id=clock.new_id(), text="Звоните +7 914 555-01-02, Анна")
        assert await dialogue.clarify(database, site, waiting, addition)
        await accounts.add_user(database, email="head@gorod.test", role="head", agency_id=site.agency.id)
    with at("2026-12-08T09:30"):
        head, operator = await enter("head", site.agency.id), await enter("operator", None, OPERATOR)
        assert addition.text in (await head.read(f"/cabinet/problems/{waiting}")).text
        page = await operator.read(f"/cabinet/problems/{waiting}")
        assert "Как вам позвонить" not in page.text
        assert "555-01-02" not in page.text

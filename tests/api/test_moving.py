"""An agency moves between mailbox and cabinet with its work under way: nothing is lost, nothing is told twice."""

from __future__ import annotations

import pytest
import time_machine

from tests.factories import AGENT, RESIDENT, existing, make_site, submit_report
from tests.support.georeport import Worker
from tests.support.mail import Letter, MailSink
from tests.support.mailbox import AgencyMailbox
from widget_api import clock
from widget_api.context import Context
from widget_api.mailbox import reminders, service
from widget_api.mailbox.model import Arrival
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date

OFFICE = "priem@gorod.test"
pytestmark = pytest.mark.settings(inbound="lmtp://127.0.0.1:1", work="off")


@pytest.fixture
async def mailbox(context: Context) -> AgencyMailbox:
    """A report of an agency that works from its mailbox; its letter is not sent yet."""
    site = await make_site(context.database, agency={"mode": "email", "email": OFFICE})
    return AgencyMailbox(context, site, await reported(context, site, "Первое"), port=0)


async def reported(context: Context, site: object, words: str) -> str:
    problem_id = (await submit_report(context.database, site, description=words)).problem_id  # type: ignore[arg-type]
    await lifecycle.confirm(context.database, site.id, problem_id)  # type: ignore[attr-defined]
    return problem_id


async def move(mailbox: AgencyMailbox, mode: str) -> None:
    await changes.update_agency(mailbox.database, mailbox.site.agency.id, {"mode": mode})


async def answered(mailbox: AgencyMailbox, name: str) -> None:
    await service.receive_letter(mailbox.context, Arrival(mailbox.letter(name), OFFICE, (mailbox.reply,)))


async def agency_letters(mailbox: AgencyMailbox, worker: Worker, sink: MailSink) -> list[Letter]:
    """The letters to the agency beside acknowledgements, once all that is due went out."""
    await worker.until_idle()
    return [one for one in sink.to(OFFICE) if one.message["Auto-Submitted"] == "auto-generated"]


async def test_work_under_way_goes_along_to_the_cabinet_and_back(
    mailbox: AgencyMailbox, worker: Worker, mail_sink: MailSink
) -> None:
    database, site = mailbox.database, mailbox.site
    await agency_letters(mailbox, worker, mail_sink)
    await answered(mailbox, "unclear")
    due = local_date(clock.now(), site.time_zone).isoformat()
    await database.write(lambda tx: tx.run("UPDATE problems SET answer_due = :due, first_due = :due", due=due))
    assert await reminders.enqueue_reminders(database) == 1
    await move(mailbox, "cabinet")
    assert len(await agency_letters(mailbox, worker, mail_sink)) == 1, "the cabinet reminds of it"
    assert await reminders.enqueue_reminders(database) == 0
    away = await reported(mailbox.context, site, "Пришло при кабинете")
    await lifecycle.change(database, AGENT, site.id, away, Change(to="resolved", text="Сделали"))
    await lifecycle.change(database, RESIDENT, site.id, away, Change(to="reopened", text="Нет, всё по-прежнему"))
    asked = await reported(mailbox.context, site, "Второе при кабинете")
    await dialogue.ask(database, AGENT, site.id, asked, "Где именно?")
    await dialogue.clarify(database, site, asked, dialogue.Clarification(id=clock.new_id(), text="У третьего подъезда"))
    done = await reported(mailbox.context, site, "Уже решённое")
    await lifecycle.change(database, AGENT, site.id, done, Change(to="resolved", text="Сделали"))
    assert len(await agency_letters(mailbox, worker, mail_sink)) == 1, "no letters while it works in the cabinet"
    await move(mailbox, "email")
    await move(mailbox, "email")
    letters = [one.text for one in (await agency_letters(mailbox, worker, mail_sink))[1:]]
    for words, count in (
        ("Пришло при кабинете", 1), ("Нет, всё по-прежнему", 1), ("Второе при кабинете", 1),
        ("У третьего подъезда", 1), ("Уже решённое", 0), ("Первое", 0),
    ):  # fmt: skip
        assert sum(words in text for text in letters) == count, words
    assert await reminders.enqueue_reminders(database) == 1, "the one that was not sent"
    assert "Первое" in (await agency_letters(mailbox, worker, mail_sink))[-1].text
    await move(mailbox, "cabinet")
    await answered(mailbox, "resolved")
    assert (await mailbox.problem())["status"] == "resolved", "a reply to an old letter is an answer all the same"
    assert len(await mailbox.held_letters()) == 1
    many = len(await agency_letters(mailbox, worker, mail_sink))
    await move(mailbox, "email")
    assert len(await agency_letters(mailbox, worker, mail_sink)) == many


async def test_a_letter_that_is_due_goes_out_once_wherever_the_agency_works_by_then(
    mailbox: AgencyMailbox, worker: Worker, mail_sink: MailSink
) -> None:
    for mode in ("cabinet", "email", "cabinet"):
        await move(mailbox, mode)
    assert ["Первое" in one.text for one in await agency_letters(mailbox, worker, mail_sink)] == [True]


async def test_the_digest_comes_with_the_mailbox_unless_told_otherwise(context: Context) -> None:
    site = await make_site(context.database, agency={"mode": "cabinet"})
    for columns, expected in (
        ({"mode": "email"}, True),
        ({"digest": False}, False),
        ({"mode": "email"}, False),
        ({"mode": "cabinet"}, False),
        ({"mode": "email", "digest": False}, False),
    ):
        await changes.update_agency(context.database, site.agency.id, columns)
        row = existing(await context.database.row("SELECT digest FROM agencies"))
        assert bool(row["digest"]) is expected, columns


async def sent(worker: Worker, sink: MailSink, address: str = OFFICE) -> list[Letter]:
    """The letters to an address, once all that is due at this moment went out."""
    while await worker.round():
        pass
    return sink.to(address)


async def test_a_disabled_agencys_letters_go_once(mailbox: AgencyMailbox, worker: Worker, mail_sink: MailSink) -> None:
    context, site = mailbox.context, mailbox.site
    database, agency_id = context.database, site.agency.id
    due = local_date(clock.now(), site.time_zone).isoformat()

    async def make_due() -> None:  # each event computes the dates anew
        await database.write(lambda tx: tx.run("UPDATE problems SET answer_due = :due, first_due = :due", due=due))

    await make_due()
    assert await reminders.enqueue_reminders(database) == 1
    await changes.disable_agency(database, agency_id)
    reminding = "SELECT 1 FROM deliveries WHERE sink LIKE 'reminder:%'"
    assert await database.rows(reminding) == [], "another one may be due by then"
    assert await sent(worker, mail_sink) == []
    with time_machine.travel(clock.now() + 60):  # what is added in the report's own second is told with it
        clarification = dialogue.Clarification(id=clock.new_id(), text="У третьего подъезда")
        await dialogue.clarify(database, site, mailbox.problem_id, clarification)
        await make_due()
        await answered(mailbox, "resolved")
        assert (await mailbox.problem())["status"] != "resolved"
        (held,) = await mailbox.held_letters()
        assert held["reason"] == "disabled"
        assert await sent(worker, mail_sink) == [], "nor an acknowledgement"
        for _ in range(2):
            await changes.disable_agency(database, agency_id, disabled=False)
            await reminders.enqueue_reminders(database)
            letters = [one.text for one in await sent(worker, mail_sink)]
            assert len(letters) == 4, "the report, what its author added, the acknowledgement, the reminder"
            assert sum("У третьего подъезда" in text for text in letters) == 1
    rows = await database.rows("SELECT sink, attempts FROM deliveries WHERE state = 'delivered' AND attempts <> 1")
    assert rows == [], "waiting is no attempt"


async def test_a_disabled_services_letters_wait(context: Context, worker: Worker, mail_sink: MailSink) -> None:
    database, water = context.database, "voda@gorod.test"
    site = await make_site(database)
    service_id = await sites.add_agency(database, name="Водоканал", email=water, mode="email", parent_id=site.agency.id)
    problem_id = (await submit_report(database, site)).problem_id
    await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="accepted"))
    await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="forwarded", service=service_id))
    await changes.disable_agency(database, service_id)
    assert await sent(worker, mail_sink, water) == []
    await changes.disable_agency(database, service_id, disabled=False)
    assert len(await sent(worker, mail_sink, water)) == 1

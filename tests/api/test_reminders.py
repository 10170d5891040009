"""Reminders and the digest: everything due is sent once, whatever the clock and restarts do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.api.test_letters import letters
from tests.conftest import running
from tests.factories import AGENT, make_site, run_statement, submit_report
from tests.support.mail import MailSink, deliver_due
from widget_api import clock, i18n, schedule
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.errors import Invalid
from widget_api.mail import outbox
from widget_api.mailbox import digest, reminders
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.deadlines import RUSSIA, local_date
from widget_api.sites.model import Site

OFFICE = "priem@gorod.test"
MOSCOW = ZoneInfo("Europe/Moscow")


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW)


async def sinks(database: Database, kind: str) -> list[str]:
    rows = await database.rows("SELECT sink FROM deliveries WHERE sink LIKE :kind ", kind=f"{kind}:%")
    return sorted(row["sink"] for row in rows)


async def made(database: Database, **agency: object) -> tuple[Site, str]:
    """A report of Wednesday, 2 December 2026, due on the 16th, ten working days later."""
    with time_machine.travel(moscow("2026-12-02T12:00"), tick=False):
        site = await make_site(database, agency={"mode": "email", "email": OFFICE, **agency})
        receipt = await submit_report(database, site)
        await lifecycle.confirm(database, site.id, receipt.problem_id)
    return site, receipt.problem_id


async def reminders_on(database: Database, day: str, at: str = "12:00") -> int:
    with time_machine.travel(moscow(f"{day}T{at}"), tick=False):
        return await reminders.enqueue_reminders(database)


# --- reminders -------------------------------------------------------------------------------------------------------


def test_which_reminder_is_due_on_which_day_holidays_skipped() -> None:
    due = date(2026, 12, 16)
    first = date(2026, 12, 1)
    kinds = {day: reminders.reminder_kind(due, first + timedelta(days=day), RUSSIA) for day in range(60)}
    changes_at = {day: kind for day, kind in kinds.items() if kind != kinds.get(day - 1)}
    assert changes_at == {13: "soon", 16: "late", 23: "late1", 30: "late2", 37: "late3", 44: "late4", 51: None}
    due = date(2027, 1, 11)  # the first working day after the New Year holidays
    assert reminders.reminder_kind(due, date(2026, 12, 28), RUSSIA) is None
    assert reminders.reminder_kind(due, date(2026, 12, 30), RUSSIA) == "soon"


async def test_each_reminder_is_enqueued_once(database: Database) -> None:
    await made(database)
    assert await reminders_on(database, "2026-12-11") == 0
    for at in ("00:01", "12:00", "23:59"):
        await reminders_on(database, "2026-12-14", at)
    await reminders_on(database, "2026-12-16")
    for day in ("17", "18", "24", "31"):
        await reminders_on(database, f"2026-12-{day}")
    await reminders_on(database, "2027-03-01")
    assert await sinks(database, "reminder") == sorted(
        f"reminder:{kind}:2026-12-16" for kind in ("late", "late1", "late2", "soon")
    )


async def test_clock_jumps_neither_duplicate_nor_lose_reminders_and_digests(database: Database) -> None:
    await made(database)
    for day in ("2026-12-14", "2027-12-14", "2026-12-14", "2026-12-18", "2026-12-15", "2026-12-18"):
        await reminders_on(database, day)
    assert await sinks(database, "reminder") == ["reminder:late:2026-12-16", "reminder:soon:2026-12-16"]
    for at in ("2026-12-15T08:00", "2026-12-16T08:00", "2027-12-15T08:00"):
        assert await digest_on(database, at) == 1
    for at in ("2026-12-15T09:00", "2026-12-16T10:00"):
        assert await digest_on(database, at) == 0


async def test_reports_without_reminders(database: Database) -> None:
    for what in ("closed", "erased", "spam", "unreleased", "mirrored", "cabinet"):
        site, problem_id = await made(database, **({"mode": "cabinet"} if what == "cabinet" else {}))
        assignment = {"spam": "spam = TRUE", "unreleased": "released_at = NULL", "mirrored": "mirror_of = 'p'"}
        if what == "closed":
            await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="resolved", text="Готово"))
        elif what == "erased":
            await lifecycle.erase(database, AGENT, site.id, problem_id)
        elif what != "cabinet":
            await run_statement(database, f"UPDATE problems SET {assignment[what]} WHERE id = :id", id=problem_id)
        assert await reminders_on(database, "2026-12-15") == 0, what
        assert await reminders_on(database, "2026-12-20") == 0


@pytest.mark.settings(work="off")  # the worker could send what an answer is about to make needless
async def test_a_reminder_can_be_answered_and_answered_reports_get_none(
    context: Context, mail_sink: MailSink, make_settings: Callable[..., Settings], database_url: str
) -> None:
    site = await make_site(context.database, agency={"mode": "email", "email": OFFICE})
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    answered = (await submit_report(context.database, site)).problem_id
    await lifecycle.confirm(context.database, site.id, answered)

    await run_statement(
        context.database,
        "UPDATE problems SET answer_due = :day",
        day=local_date(clock.now(), site.time_zone).isoformat(),
    )
    assert await reminders.enqueue_reminders(context.database) == 2
    await lifecycle.change(context.database, AGENT, site.id, answered, Change(to="resolved", text="Засыпали"))
    async with running(make_settings(database_url=database_url)):
        received = [one for one in await letters(context, mail_sink, OFFICE) if "Ответьте до" in one.subject]
    assert len(received) == 1
    assert "Статус: Принято." in received[0].text
    assert received[0].message["References"] == f"<{receipt.problem_id}.agency@widget.test>"

    await run_statement(context.database, "UPDATE problems SET answer_due = '2020-01-01'")
    assert await reminders.enqueue_reminders(context.database) == 0, "longer ago than anybody is reminded of"


# --- the digest ------------------------------------------------------------------------------------------------------


async def digest_on(database: Database, at: str) -> int:
    with time_machine.travel(moscow(at), tick=False):
        return await digest.enqueue_digests(database)


async def test_a_digest_is_sent_on_working_mornings_if_it_has_content(database: Database) -> None:
    site, problem_id = await made(database)
    assert await digest_on(database, "2026-12-02T12:30") == 0, "the agency came after this morning"
    assert await digest_on(database, "2026-12-03T07:59") == 0
    assert await digest_on(database, "2026-12-03T08:00") == 1, "a new report"
    assert await digest_on(database, "2026-12-03T15:00") == 0, "once"
    assert await digest_on(database, "2026-12-04T08:00") == 0, "nothing to tell"
    assert await digest_on(database, "2026-12-10T08:00") == 0, "due in four working days"
    assert await digest_on(database, "2026-12-11T08:00") == 1, "due in three, as everywhere"
    assert await digest_on(database, "2026-12-13T08:00") == 0, "a Sunday"
    assert await digest_on(database, "2026-12-14T11:00") == 1, "due in two days; the service was away at eight"
    assert await digest_on(database, "2026-12-17T08:00") == 1, "overdue"
    await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="resolved", text="Готово"))
    assert await digest_on(database, "2026-12-18T08:00") == 0
    rows = await database.rows("SELECT subject, parameters FROM letters ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (site.agency.id, f'{{"day": "2026-12-{day}"}}') for day in ("03", "11", "14", "17")
    ]


async def test_an_agency_chooses_the_hour_of_its_digest(database: Database) -> None:
    site, _ = await made(database)
    await changes.update_agency(database, site.agency.id, {"digest_hour": 11})
    assert await digest_on(database, "2026-12-03T10:59") == 0
    assert await digest_on(database, "2026-12-03T11:00") == 1
    await changes.update_agency(database, site.agency.id, {"digest_hour": None})
    assert await digest_on(database, "2026-12-14T08:00") == 1
    for hour in (6, 13):
        with pytest.raises(Invalid):
            await changes.update_agency(database, site.agency.id, {"digest_hour": hour})


async def test_a_new_agency_gets_its_first_digest_on_the_next_morning(database: Database) -> None:
    await made(database)
    await run_statement(database, "UPDATE problems SET answer_due = '2026-12-03'")
    assert await digest_on(database, "2026-12-02T12:30") == 0
    assert await digest_on(database, "2026-12-03T08:00") == 1


async def test_reports_of_the_weekend_are_new_on_monday(database: Database) -> None:
    site, _ = await made(database)
    with time_machine.travel(moscow("2026-12-05T12:00"), tick=False):
        receipt = await submit_report(database, site, description="Вторая яма")
        await lifecycle.confirm(database, site.id, receipt.problem_id)
    with time_machine.travel(moscow("2026-12-07T08:00"), tick=False):
        (group,) = (await digest._build_digest(database, [site], date(2026, 12, 7), "")).groups
    assert (group.name, group.count) == ("new", 1)


async def test_digests_are_opt_in(database: Database) -> None:
    site, _ = await made(database)
    await changes.update_agency(database, site.agency.id, {"digest": False})
    assert await digest_on(database, "2026-12-03T08:00") == 0
    other, _ = await made(database, mode="cabinet", digest=True)
    assert await digest_on(database, "2026-12-03T08:00") == 1
    assert await outbox.is_waiting(database, "agency_digest", other.agency.id)


@pytest.mark.settings(work="off")
async def test_the_digest_lists_each_report_with_its_date(context: Context, mail_sink: MailSink) -> None:
    site = await make_site(context.database, agency={"mode": "email", "email": OFFICE})
    today = local_date(clock.now(), site.time_zone)
    overdue = today - timedelta(days=30)
    first, second = [(await submit_report(context.database, site)).problem_id for _ in range(2)]
    for problem_id in (first, second):
        await lifecycle.confirm(context.database, site.id, problem_id)

    async def earlier(tx: Transaction) -> None:
        await tx.run(
            "UPDATE problems SET answer_due = :day, released_at = NULL, published = TRUE WHERE number = 1",
            day=overdue.isoformat(),
        )
        await tx.run("UPDATE agencies SET created_at = 0")

    await context.database.write(earlier)
    await context.database.write(lambda tx: digest._enqueue(tx, site.agency.id, today.isoformat()))
    await deliver_due(context)
    (received,) = [one for one in mail_sink.to(OFFICE) if "Сообщения жителей" in one.subject]
    assert "1 просроченное" in received.text, "a published report, of which nothing was sent"
    assert "кроме того, что ещё не подтверждено" in received.text
    assert (
        f"№ 1 · Дороги и тротуары, ул. Октябрьской Революции, 205: срок прошёл {i18n.format_date('ru', overdue)}"
        in received.text
    )
    assert f"/cabinet/problems/{first}" in received.text


async def test_a_job_scheduled_by_a_wrong_clock_runs_again(database: Database) -> None:
    assert await schedule.begin(database, "reminders", 2_000_000_000, 600)
    assert not await schedule.begin(database, "reminders", 2_000_000_000 + 599, 600)
    assert await schedule.begin(database, "reminders", 1_900_000_000, 600), "the clock went back"
    assert not await schedule.begin(database, "reminders", 1_900_000_001, 600)

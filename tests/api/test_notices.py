"""Notices to the people of an agency: to whom, by which letter, once, and nothing at night."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.factories import AGENT, OPERATOR, RESIDENT, make_site, submit_report
from tests.support.cabinet import Enter
from tests.support.mail import Letter, MailSink, deliver_due
from widget_api import clock
from widget_api.casework import drafts
from widget_api.casework.answer_files import AnswerFiles
from widget_api.context import Context
from widget_api.deliveries.model import LEASE
from widget_api.journal import COMMAND_LINE
from widget_api.ops import retention
from widget_api.people import accounts, notice_letters
from widget_api.people import notices as choosing
from widget_api.people.model import User
from widget_api.problems import assignment, dialogue, lifecycle, notices
from widget_api.problems.dialogue import Clarification
from widget_api.problems.model import Actor, Change, Contact
from widget_api.problems.store import notices as store
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.worker import Worker

NOON = "2026-12-01T12:00"  # a Tuesday
CANARY = Contact(email="canary@resident.test", name="Канарейкин Канарей", phone="+7 900 000-00-00")
pytestmark = pytest.mark.settings(work="off")


@contextmanager
def at(text: str, zone: str = "Europe/Moscow") -> Iterator[None]:
    with time_machine.travel(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)), tick=False):
        yield


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with at(NOON):
        yield


class Agency:
    """A site, its people and its service, with the mail that reaches them."""

    def __init__(self, context: Context, mail_sink: MailSink, site: Site) -> None:
        self.context, self.database, self.mail, self.site = context, context.database, mail_sink, site

    async def add(self, name: str, role: str = "agent", agency_id: str | None = None, **ways: str) -> Actor:
        """A person who chooses these ways; without any the defaults of the role."""
        email, agency_id = f"{name}@gorod.test", agency_id or self.site.agency.id
        user_id, _ = await accounts.add_user(self.database, email=email, role=role, agency_id=agency_id)
        user = User(id=user_id, email=email, role=role, agency_id=agency_id, agency_name="", language="ru")
        if ways:
            days = ways.pop("days", "3")
            fields = {f"notice_{kind}": ways.get(kind, "off") for kind in notices.KINDS}
            await choosing.save_choices(self.database, user, fields | {"days": days})
        return user.actor

    async def report(self, **changes: Any) -> str:
        """A report that its author confirmed."""
        problem_id = (await submit_report(self.database, self.site, **changes)).problem_id
        await lifecycle.confirm(self.database, self.site.id, problem_id)
        return problem_id

    async def accept(self, **changes: Any) -> str:
        problem_id = await self.report(**changes)
        await self.change(problem_id, to="accepted")
        return problem_id

    async def change(self, problem_id: str, actor: Actor = AGENT, **wish: Any) -> None:
        await lifecycle.change(self.database, actor, self.site.id, problem_id, Change(**wish))

    async def assign(self, problem_id: str, person: Actor, by: Actor = AGENT) -> None:
        await assignment.assign_user(self.database, by, self.site.id, problem_id, person.user_id)

    async def clarify(self, problem_id: str, text: str = "Ещё одна яма") -> None:
        await dialogue.clarify(self.database, self.site, problem_id, Clarification(id=clock.new_id(), text=text))

    async def add_service(self) -> str:
        return await sites.add_agency(
            self.database, name="Водоканал", email="voda@gorod.test", parent_id=self.site.agency.id
        )

    async def set(self, table: str, **columns: Any) -> None:
        assignments = ", ".join(f"{name} = :{name}" for name in columns)
        await self.database.write(lambda tx: tx.run(f"UPDATE {table} SET {assignments}", **columns))

    async def notified(self, kind: str) -> list[str]:
        """The names of who has a notice of a kind, a name for each notice."""
        rows = await self.database.rows(
            "SELECT u.email FROM notices n JOIN users u ON u.id = n.user_id WHERE n.kind = :kind", kind=kind
        )
        return sorted(row["email"].partition("@")[0] for row in rows)

    async def letters(self, name: str) -> list[Letter]:
        """All letters to a person once everything that is due now was delivered."""
        await deliver_due(self.context)
        return self.mail.to(f"{name}@gorod.test")

    async def morning(self, text: str, name: str, zone: str = "Europe/Moscow") -> list[Letter]:
        """The letters to a person after the jobs of a moment have run."""
        with at(text, zone):
            await notice_letters.enqueue_digests(self.database)
            return await self.letters(name)

    async def away(self, person: Actor, until: str | None, stand_in: Actor | None = None) -> None:
        assert person.user_id is not None
        other = stand_in.user_id if stand_in else None
        await accounts.set_absence(self.database, person.user_id, until, other, COMMAND_LINE)


@pytest.fixture
async def agency(context: Context, mail_sink: MailSink, noon: None) -> Agency:
    return Agency(context, mail_sink, await make_site(context.database))


# --- whom it concerns ------------------------------------------------------------------------------------------------


async def test_each_kind_reaches_whom_it_concerns_and_never_who_did_it(agency: Agency) -> None:
    service_id = await agency.add_service()
    every = dict.fromkeys(("new", "assigned", "author", "service", "approval", "remark"), "letter")
    anna = await agency.add("anna", "agent", None, **every)
    boris = await agency.add("boris", "agent", None, **every)
    boss = await agency.add("boss", "head", None, **every)
    plumber = await agency.add("plumber", "agent", service_id, **every)
    await agency.add("mate", "agent", service_id, **every)
    foreign = await make_site(agency.database, agency={"email": "x@other.test"})
    await agency.add("foreign", "agent", foreign.agency.id, **every)
    problem_id = await agency.report()
    assert await agency.notified("new") == ["anna", "boris", "boss"]
    await agency.change(problem_id, anna, to="accepted")
    await agency.assign(problem_id, anna, by=anna)
    assert await agency.notified("assigned") == []
    await agency.assign(problem_id, boris, by=anna)
    for _ in range(2):
        await agency.assign(problem_id, anna, by=boris)
    assert await agency.notified("assigned") == ["anna", "boris"], "whoever looks after it already is told nothing"
    await agency.clarify(problem_id)
    assert await agency.notified("author") == ["anna", "boss"], "of agents, who looks after it"
    await agency.change(problem_id, anna, to="forwarded", service=service_id)
    assert await agency.notified("assigned") == ["anna", "boris", "mate", "plumber"]
    await assignment.report_work(agency.database, plumber, agency.site.id, problem_id, service_id, "Заделали")
    assert await agency.notified("service") == ["anna", "boss"]
    await assignment.return_report(agency.database, plumber, agency.site.id, problem_id, service_id, "Не наше")
    assert await agency.notified("service") == ["anna", "anna", "boss", "boss"]
    await agency.change(problem_id, anna, to="forwarded", service=service_id)
    await agency.change(problem_id, boris, to="resolved", text="Яму заделали")
    await agency.change(problem_id, RESIDENT, to="reopened", text="Яма на месте")
    told = ["anna", "anna", "boris", "boss", "boss", "mate", "plumber"]
    assert await agency.notified("author") == told, "whoever answered too, and the service"

    user = User(
        id=str(anna.user_id), email="", role="agent", agency_id=agency.site.agency.id, agency_name="", language="ru"
    )
    asked = (user, agency.site.id, problem_id, {"text": "Заделали"}, AnswerFiles())
    await drafts.save_draft(agency.database, *asked, submitted_by=COMMAND_LINE)
    assert await agency.notified("approval") == ["boss"]
    assert sorted(letter.subject for letter in await agency.letters("boss")) == [
        "1 новое сообщение",
        "Автор ответил или вернул 1 сообщение",
        "Прислали на утверждение 1 решение",
        "Служба ответила о 1 сообщении",
    ], "what happened to one report twice is one"
    (letter,) = [one for one in await agency.letters("voda") if one.subject.startswith("Автор не согласен с ответом")]
    assert "Яма на месте" in letter.text
    returning = (replace(user, id=str(boss.user_id), role="head"), COMMAND_LINE, agency.site.id, problem_id, user.id)
    await drafts.return_draft(agency.database, *returning, "Назовите улицу")
    assert await agency.notified("remark") == ["anna"]
    assert (await agency.letters("anna"))[-1].subject == "Вернули с замечанием 1 ваше решение"
    assert await agency.letters("foreign") == []


@pytest.mark.parametrize("way", ["no e-mail", "unconfirmed", "operator", "platform's own", "after", "accepted too"])
async def test_a_report_is_new_when_its_agency_can_take_it_up(agency: Agency, way: str) -> None:
    await agency.add("anna", new="letter")
    options = {"operator": {"moderator": "operator"}, "after": {"moderation": "after"}}.get(way, {})
    agency.site = await make_site(agency.database, agency={"email": "b@gorod.test"}, **options)
    await agency.add("boris", "agent", agency.site.agency.id, new="letter")
    if way == "no e-mail":
        await submit_report(agency.database, agency.site, contact=Contact())
    elif way == "platform's own":
        source: dict[str, Any] = {"source": "platform", "status": "accepted", "email": None, "consent": None}
        await submit_report(agency.database, agency.site, **source)
    else:
        problem_id = (await submit_report(agency.database, agency.site)).problem_id
        assert await agency.notified("new") == []
        if way == "unconfirmed":
            return
        await lifecycle.confirm(agency.database, agency.site.id, problem_id)
        assert await agency.notified("new") == ([] if way == "operator" else ["boris"])
        if way in ("operator", "accepted too"):
            await agency.change(problem_id, OPERATOR, to="accepted")
    assert await agency.notified("new") == ["boris"]


async def test_the_defaults_of_each_role(agency: Agency) -> None:
    roles: tuple[str, ...] = ("agent", "head", "admin", "viewer")
    ways = {role: notices.Choices.read(role, None).ways for role in (*roles, "operator")}
    assert ways["agent"]["assigned"] == "letter"
    assert ways["agent"]["remark"] == "letter"
    assert {way for kind, way in ways["agent"].items() if kind not in ("assigned", "remark")} == {"digest"}
    assert {kind: way for kind, way in ways["head"].items() if way != "off"} == {
        "approval": "letter",
        "overdue": "digest",
        "operator": "digest",
    }
    assert {kind for kind, way in ways["admin"].items() if way == "letter"} == {"assigned", "approval"}
    assert set(ways["viewer"].values()) == set(ways["operator"].values()) == {"off"}
    await agency.add("first", "admin", approval="letter")
    for role in roles:
        await agency.add(role, role)
    await agency.report()
    assert await agency.notified("new") == ["agent"]


async def test_the_first_administrator_and_who_is_alone_are_told_of_new_reports(agency: Agency) -> None:
    """Until they choose otherwise. Whoever was there before is told what they were told."""
    for name, told in (("first", ["first"]), ("second", ["first"] * 2)):
        await agency.add(name, "admin")
        await agency.report()
        assert await agency.notified("new") == told
    await accounts.disable_user(agency.database, "first@gorod.test")
    await agency.report()
    assert await agency.notified("new") == ["first", "first", "second"]
    await agency.add("third", "admin", approval="letter")
    await accounts.disable_user(agency.database, "second@gorod.test")
    await agency.report()
    assert await agency.notified("new") == ["first", "first", "second"], "the third chose to be told of nothing new"
    await agency.set("users", notices=None)  # as before an upgrade
    await agency.report()
    assert await agency.notified("new") == ["first", "first", "second"]


async def test_who_is_away_is_told_nothing_and_who_stands_in_is(agency: Agency) -> None:
    anna, boris, clara = [await agency.add(name, assigned="letter") for name in ("anna", "boris", "clara")]
    boss = await agency.add("boss", "head")  # whose own choice is none
    await agency.away(anna, "2026-12-04", boris)
    await agency.away(boris, "2026-12-01", boss)
    problem_id = await agency.accept()
    await agency.assign(problem_id, anna)
    assert await agency.notified("assigned") == ["boss"], "who stands in for who stands in"
    await agency.assign(problem_id, clara)
    await agency.assign(problem_id, anna, by=boss)
    assert await agency.notified("assigned") == ["boss", "clara"], "the stand-in's own action"
    await agency.away(boss, "2026-12-01", anna)
    await agency.assign(problem_id, clara)
    await agency.assign(problem_id, anna)
    assert await agency.notified("assigned") == ["boss", "clara", "clara"], "a circle of absences has nobody"
    with at("2026-12-05T12:00"):
        await agency.assign(problem_id, clara)
        await agency.assign(problem_id, anna)
    assert await agency.notified("assigned") == ["anna", "boss", "clara", "clara", "clara"], "the absence is over"


async def test_what_waits_when_somebody_leaves_goes_to_who_stands_in(agency: Agency) -> None:
    anna = await agency.add("anna", author="digest", assigned="letter")
    boris = await agency.add("boris", author="digest")
    problem_id = await agency.accept()
    await agency.clarify(problem_id, "Первое")  # for both
    await agency.assign(problem_id, anna)
    await agency.away(anna, "2026-12-10", boris)
    assert await agency.letters("anna") == []
    (digest,) = await agency.morning("2026-12-02T09:00", "boris")
    assert "Автор ответил или вернул в работу: 1" in digest.text
    assert "Поручено вам или вашей службе: 1" in digest.text
    assert await agency.morning("2026-12-11T09:00", "anna") == []


async def test_the_disabled_are_told_nothing_and_their_reports_are_everybodys(agency: Agency) -> None:
    anna = await agency.add("anna", author="letter", assigned="letter")
    await agency.add("boris", author="letter")
    problem_id = await agency.accept()
    await agency.assign(problem_id, anna)
    await accounts.disable_user(agency.database, "anna@gorod.test", heir="")
    assert await agency.letters("anna") == [], "it was enqueued before"
    await agency.clarify(problem_id)
    assert await agency.notified("author") == ["boris"]
    assert await agency.morning("2026-12-02T09:00", "anna") == []


async def test_a_service_hears_of_its_own_reports_alone_and_nothing_of_their_authors(agency: Agency) -> None:
    service_id = await agency.add_service()
    every = {kind: "digest" if kind in notices.DATES else "letter" for kind in notices.KINDS}
    plumber = await agency.add("plumber", "admin", service_id, **every)
    for name in ("anna", "boss"):
        await agency.add(name, "agent" if name == "anna" else "head", **every)
    said = {"contact": CANARY, "description": "canary: звоните Канарейкину, canary@resident.test"}
    given, other = await agency.accept(**said), await agency.accept(**said)
    await agency.change(given, to="forwarded", service=service_id, service_due="2026-12-03")
    await agency.clarify(given, "canary")
    await agency.clarify(other, "canary")
    (letter,) = await agency.letters("plumber")
    assert "№ 1" in letter.text
    assert "№ 2" not in letter.text
    assert "tab=moderation" in letter.text
    (letter, digest) = await agency.morning("2026-12-02T09:00", "plumber")
    assert "ответ до 3\xa0декабря" in digest.text, "the date that the service was given"
    every_letter = [one for name in ("plumber", "anna", "boss") for one in await agency.letters(name)]
    assert len(every_letter) > 5
    for one in every_letter:
        for secret in ("canary", "анарейкин", "900 000"):
            assert secret not in one.text + (one.html or "") + one.subject, one.subject
    with at("2026-12-03T22:00"):
        await agency.change(other, to="forwarded", service=service_id)
    await assignment.return_report(agency.database, plumber, agency.site.id, other, service_id, "Не наше")
    await assignment.return_report(agency.database, plumber, agency.site.id, given, service_id, "Не наше")
    assert len(await agency.morning("2026-12-04T09:00", "plumber")) == 2, "it is none of theirs any more"


# --- letters ---------------------------------------------------------------------------------------------------------


async def test_fifty_reports_within_an_hour_make_two_letters(agency: Agency) -> None:
    await agency.add("anna", new="letter")
    await agency.report()
    assert [letter.subject for letter in await agency.letters("anna")] == ["1 новое сообщение"]
    for minute in range(49):
        with at(f"2026-12-01T12:{minute + 1:02}"):
            await agency.report()
    with at("2026-12-01T12:59"):
        assert len(await agency.letters("anna")) == 1
    with at("2026-12-01T13:00"):
        first, second = await agency.letters("anna")
        assert second.subject == "49 новых сообщений"
        assert "и ещё 39" in second.text
        assert f"{agency.context.settings.public_url}/cabinet/problems?tab=moderation" in second.links
        assert f"{agency.context.settings.public_url}/cabinet/account#notices" in second.links
        assert first.message["Message-ID"] != second.message["Message-ID"]
    with at("2026-12-01T15:00"):
        await agency.report()
        assert len(await agency.letters("anna")) == 3
    assert await agency.morning("2026-12-02T09:00", "anna") == await agency.letters("anna"), "all was told"
    assert len(await agency.letters("anna")) == 3
    assert len(await agency.database.rows("SELECT 1 FROM deliveries WHERE sink LIKE 'user%'")) == 3


@pytest.mark.parametrize(
    "moment",
    ["2026-12-01T21:00", "2026-12-02T07:59", "2026-12-03T12:00", "2026-12-05T12:00", "2026-12-31T12:00"],
)
async def test_at_night_and_on_days_off_a_letter_waits_for_the_digest(agency: Agency, moment: str) -> None:
    anna = await agency.add("anna", assigned="letter")
    problem_id = await agency.accept()
    await agency.set("sites", calendar='{"2026-12-03": false}')  # a holiday of the region
    with at(moment):
        await agency.assign(problem_id, anna)
        assert await agency.letters("anna") == []
    morning = {"03": "2026-12-04T09:00", "05": "2026-12-07T09:00", "31": "2027-01-11T09:00"}.get(
        moment[8:10], "2026-12-02T09:00"
    )
    assert await agency.morning(morning.replace("T09:00", "T08:59"), "anna") == []
    (digest,) = await agency.morning(morning, "anna")
    assert digest.subject.startswith("Сводка на")
    assert "Поручено вам или вашей службе: 1" in digest.text


async def test_a_letter_that_could_not_leave_before_the_night_is_in_the_digest(agency: Agency) -> None:
    anna = await agency.add("anna", assigned="letter")
    with at("2026-12-01T20:59"):
        problem_id = await agency.accept()
        await agency.assign(problem_id, anna)
        (delivery,) = [one for one in await Worker(agency.context)._claim(16) if one.sink.startswith("user:")]
        await agency.database.write(
            lambda tx: store.claim(tx, str(anna.user_id), delivery.id, clock.now(), kind="assigned", until=clock.now())
        )  # and its worker is killed
    with at("2026-12-01T21:05"):
        assert await agency.letters("anna") == []
    assert len(await agency.morning("2026-12-02T09:00", "anna")) == 1
    assert len(await agency.morning("2026-12-03T09:00", "anna")) == 1


async def test_a_killed_worker_and_two_mornings_at_once_tell_nothing_twice(agency: Agency) -> None:
    anna = await agency.add("anna", assigned="letter", author="digest")
    problem_id = await agency.accept()
    await agency.assign(problem_id, anna)
    first = Worker(agency.context)
    (delivery,) = [one for one in await first._claim(16) if one.sink.startswith("user:")]
    await notice_letters.deliver(agency.context, delivery)  # sent, but its worker is killed before it says so
    await agency.assign(problem_id, await agency.add("boris"))
    await agency.assign(problem_id, anna)
    with time_machine.travel(clock.now() + LEASE + 1, tick=False):
        sent, again = await agency.letters("anna")
    assert sent.message["Message-ID"] == again.message["Message-ID"], "a mail program recognises it"
    assert sent.text == again.text, "and it tells the same"
    with at("2026-12-01T13:00"):
        assert len(await agency.letters("anna")) == 3, "what came meanwhile has a letter of its own"
        await agency.clarify(problem_id)
    with at("2026-12-02T09:00"):
        assert [await notice_letters.enqueue_digests(agency.database) for _ in range(2)] == [1, 0]
        assert len(await agency.letters("anna")) == 4
    for moment in ("2027-12-01T09:00", "2026-12-02T09:30"):  # the clock jumps and goes back
        assert len(await agency.morning(moment, "anna")) == 4


@pytest.mark.parametrize("end", ["erased", "spam", "reassigned", "answered"])
async def test_what_is_gone_is_not_told(agency: Agency, end: str) -> None:
    anna = await agency.add("anna", new="letter", assigned="letter", author="digest")
    with at("2026-12-01T20:00"):
        gone = await agency.report()
        if end != "spam":
            await agency.change(gone, to="accepted")
            await agency.assign(gone, anna)
            await agency.clarify(gone)
        stays = await agency.report()
        if end == "erased":
            await lifecycle.erase(agency.database, AGENT, agency.site.id, gone)
        elif end == "spam":
            await lifecycle.mark_spam(agency.database, AGENT, agency.site.id, gone, True)
        elif end == "answered":
            await agency.change(gone, to="resolved", text="Заделали")
        else:
            await agency.assign(gone, await agency.add("boris"))
        received = await agency.letters("anna")
    assert len(received) == 1, "the letter that hung at what is gone tells of the others"
    if end != "reassigned":
        assert "№ 2" in received[0].text
        assert "№ 1" not in received[0].text
        assert await agency.morning("2026-12-02T09:00", "anna") == received
    else:
        (_, digest) = await agency.morning("2026-12-02T09:00", "anna")
        assert "Поручено" not in digest.text
    await agency.change(stays, to="rejected", text="Не городская территория")
    states = await agency.database.rows("SELECT state FROM deliveries WHERE sink LIKE :sink", sink="user:%:assigned:%")
    assert [row["state"] for row in states] == [] if end == "spam" else ["dropped"]


# --- the digest ------------------------------------------------------------------------------------------------------


async def test_the_digest_tells_each_kind_once_with_links_to_the_lists(agency: Agency) -> None:
    await agency.add("anna")
    await agency.add("boss", "head", new="off", overdue="digest")
    await agency.report()
    late = await agency.accept()
    await agency.clarify(late)
    with at("2026-12-02T08:59"):
        await agency.report()
    await agency.set("problems", answer_due="2026-12-04")
    (digest,) = await agency.morning("2026-12-02T09:00", "anna")
    assert digest.subject == "Сводка на 2 декабря"
    for expected in ("Новые: 3", "Подходит срок: 3", "Автор ответил или вернул в работу: 1", "ответ до 4\xa0декабря"):
        assert expected in digest.text
        assert expected in str(digest.html)
    url = agency.context.settings.public_url
    for path in ("tab=moderation", "status=soon", "tab=returned"):
        assert f"{url}/cabinet/problems?{path}" in digest.links
    assert f"{url}/cabinet/problems/{late}" in digest.links
    assert await agency.letters("boss") == [], "nothing when there is nothing to say"
    for day in ("02T12:00", "03T09:00", "04T09:00"):
        assert len(await agency.morning(f"2026-12-{day}", "anna")) == 1, "once"
    assert len(await agency.morning("2026-12-05T09:00", "boss")) == 0, "a Saturday"
    (overdue,) = await agency.morning("2026-12-07T09:00", "boss")
    assert "Просрочено: 3" in overdue.text
    assert "срок прошёл 4\xa0декабря" in overdue.text
    assert len(await agency.letters("anna")) == 2
    await agency.set("problems", answer_due="2026-12-09")  # a planned date, which is another
    assert len(await agency.morning("2026-12-07T12:00", "anna")) == 2
    assert "Подходит срок: 3" in (await agency.morning("2026-12-08T09:00", "anna"))[-1].text


async def test_each_is_reminded_as_early_as_they_like_in_working_days(agency: Agency) -> None:
    for days in ("1", "3", "30"):
        await agency.add(f"days{days}", due="digest", days=days)
    await agency.accept()
    await agency.set("problems", answer_due="2026-12-14")  # a Monday
    kinds = ("days1", "days3", "days30")
    first: dict[str, str] = {}
    for day in range(2, 15):
        for name in kinds:
            if await agency.morning(f"2026-12-{day:02}T09:00", name):
                first.setdefault(name, f"{day:02}")
    assert first == {"days30": "02", "days3": "09", "days1": "11"}
    assert [len(await agency.letters(name)) for name in kinds] == [1, 1, 1]


@pytest.mark.parametrize(
    ("zone", "before", "morning"),
    [
        ("Asia/Vladivostok", "2026-12-02T08:59", "2026-12-02T09:00"),
        ("Europe/Berlin", "2026-03-27T08:59", "2026-03-27T09:00"),
        ("Europe/Berlin", "2026-03-30T08:59", "2026-03-30T09:00"),  # the first working day of summer time
        ("Europe/Moscow", "2026-12-02T08:59", "2026-12-02T15:00"),  # the service was down
        ("Europe/Moscow", "2026-12-02T21:30", "2026-12-03T09:00"),  # it was down all day
    ],
)
async def test_nine_is_the_sites_own(agency: Agency, zone: str, before: str, morning: str) -> None:
    day = before[:10] if "2026-12" in before else "2026-03-26"
    with at(f"{day}T01:00", zone):
        agency.site = await make_site(agency.database, agency={"email": "b@gorod.test"}, time_zone=zone)
        await agency.add("boris", "agent", agency.site.agency.id)
        await agency.report()
    assert await agency.morning(before, "boris", zone) == []
    assert len(await agency.morning(morning, "boris", zone)) == 1
    assert len(await agency.morning(morning.replace("T09:00", "T11:00"), "boris", zone)) == 1


@pytest.mark.parametrize("hour", [7, 12])
async def test_an_agency_chooses_the_hour_of_its_peoples_digests(agency: Agency, hour: int) -> None:
    """Seven is earlier than other letters leave."""
    await agency.add("boris")
    with at("2026-12-01T12:00"):
        await agency.report()
    await agency.set("agencies", digest_hour=hour)
    assert await agency.morning(f"2026-12-02T{hour - 1:02}:59", "boris") == []
    assert len(await agency.morning(f"2026-12-02T{hour:02}:00", "boris")) == 1


async def test_a_late_digest_tells_what_came_before_nine(agency: Agency) -> None:
    await agency.add("boris")
    for moment in ("2026-12-02T08:00", "2026-12-02T10:00"):
        with at(moment):
            await agency.report()
    (late,) = await agency.morning("2026-12-02T15:00", "boris")
    assert late.text.count("/cabinet/problems/") == 1
    _, following = await agency.morning("2026-12-03T09:00", "boris")
    assert following.text.count("/cabinet/problems/") == 1


# --- the cabinet -----------------------------------------------------------------------------------------------------

PAGE, CHOOSE = "/cabinet/account", "/cabinet/account/notices"


async def test_choices_are_made_on_the_account_page(agency: Agency, enter: Enter) -> None:
    anna = await enter("agent", agency.site.agency.id, "anna@gorod.test")
    form = (await anna.read(PAGE)).form(CHOOSE)
    assert {name: way for name, way in form.fields.items() if name.startswith("notice_")} == {
        **{f"notice_{kind}": "digest" for kind in notices.KINDS if kind not in ("assigned", "approval", "remark")},
        "notice_assigned": "letter",
        "notice_remark": "letter",
    }
    assert form.choices["notice_due"] == ["digest", "off"], "a date is told in the morning it has come"
    await agency.report()
    answer = await anna.send(PAGE, CHOOSE, notice_new="off", notice_due="letter", notice_author="x", days="7")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?done=notices#notices")
    assert "Уведомления сохранены" in (await anna.read(f"{PAGE}?done=notices")).text
    fields = (await anna.read(PAGE)).form(CHOOSE).fields
    assert [fields[name] for name in ("notice_new", "notice_due", "notice_author", "days")] == [
        "off",
        "digest",
        "digest",
        "7",
    ]
    await agency.report()
    assert await agency.notified("new") == ["anna"], "the first alone"
    for days in ("0", "31", "", "x", "³"):
        refused = await anna.send(PAGE, CHOOSE, notice_new="letter", days=days)
        assert refused.status_code == 422, days
        assert 'aria-invalid="true"' in refused.text
    assert (await anna.read(PAGE)).form(CHOOSE).fields["notice_new"] == "off"
    head = await enter("head", agency.site.agency.id)
    assert (await head.read(PAGE)).form(CHOOSE).fields["notice_approval"] == "letter"
    operator = await enter("operator", None)
    assert CHOOSE not in [form.action for form in (await operator.read(PAGE)).forms]
    assert (await operator.client.get("/cabinet/notices?after=0")).json() == {"last": "0", "text": ""}


async def test_the_browser_is_told_how_much_is_new_and_nothing_at_night(agency: Agency, enter: Enter) -> None:
    anna = await enter("agent", agency.site.agency.id, "anna@gorod.test")
    await agency.report()

    async def poll(after: str) -> dict[str, str]:
        answer = await anna.client.get("/cabinet/notices", params={"after": after})
        assert answer.headers["cache-control"] == "no-store"
        found: dict[str, str] = answer.json()
        return found

    with time_machine.travel(clock.now() + 1, tick=False):
        begun = await poll("")
        assert begun["text"] == "", "what was there when one asked is not new"
        reports = [await agency.report() for _ in range(3)]
        await lifecycle.mark_spam(agency.database, AGENT, agency.site.id, reports[-1], True)
        said = await poll(begun["last"])
        assert said["text"] == "2 новых уведомления"
        assert await poll(said["last"]) == said | {"text": ""}
        await agency.report()
    with at("2026-12-01T21:00"):
        assert await poll(said["last"]) == said | {"text": ""}
    anna.client.cookies.clear()
    assert (await anna.client.get("/cabinet/notices")).status_code == 401


async def test_the_operator_sees_the_letters_in_the_queue_and_the_agency_none(agency: Agency, enter: Enter) -> None:
    anna = await agency.add("anna", assigned="letter")
    problem_id = await agency.accept()
    await agency.assign(problem_id, anna)
    admin, operator = await enter("admin", agency.site.agency.id), await enter("operator", None)
    shown = {
        person: "Сотруднику, письмом" in (await person.read("/cabinet/deliveries?tab=waiting&kind=user")).text
        for person in (admin, operator)
    }
    assert list(shown.values()) == [False, True]
    assert "Сотруднику, письмом" not in (await admin.read(f"/cabinet/problems/{problem_id}")).text


async def test_old_notices_are_deleted(agency: Agency) -> None:
    await agency.add("anna")
    await agency.report()
    with at("2027-01-15T12:00"):
        await agency.report()
    with at("2027-02-01T12:00"):
        await retention.erase_expired(agency.database)
    assert await agency.notified("new") == ["anna"]

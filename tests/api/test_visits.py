"""Inspectors are invited to visits by letters that show nobody's address; they answer by a button, until it begins."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.test_collections import add_entry
from tests.conftest import ONE_DATABASE, Client
from tests.factories import RESIDENT, existing, make_report, make_site, run_statement
from tests.support.cabinet import Cabinet, Enter, PageText
from tests.support.journal import read_journal
from tests.support.mail import Letter, MailSink
from widget_api import clock, journal
from widget_api.context import Context
from widget_api.errors import Conflict, NotFound
from widget_api.mail import outbox as letters
from widget_api.ops import retention
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Consent, Contact
from widget_api.problems.store import contacts
from widget_api.renewals import mail as renewals_mail
from widget_api.renewals import store as renewals_store
from widget_api.residents import service as service_of_authors
from widget_api.sites import changes, collection, consent
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.visits import mail, service
from widget_api.visits.model import MAX_A_DAY, MAX_INVITED, MAX_RESULT, NOTICED, Visit

NOON = clock.parse_rfc3339("2026-11-28T09:00:00Z")
CANARY = ("kanareika@secret.test", "Канарейкина", "900 000-00-01")
VISIT = {"day": "2026-12-01", "hour": "10:00", "place": "ул. Мира, 5", "text": "Проверим пандус. Нужен час."}
pytestmark = pytest.mark.settings(work="off")


@pytest.fixture
async def inspectors(context: Context, city: Site) -> Site:
    return await collection.add_collection(context.database, city, "inspectors", "inspectors")


@pytest.fixture
async def council(context: Context) -> Site:
    """The site of another agency of the instance."""
    agency = {"name": "Общественный совет", "email": "sovet@council.test"}
    return await make_site(context.database, agency=agency, allowed_origins=["https://council.test"])


async def add_inspector(context: Context, child: Site, title: str, districts: str, **contact: Any) -> str:
    contact = {"email": f"{title}@example.test", "name": title} | contact
    return await add_entry(context.database, child, title, answers={"districts": districts}, contact=Contact(**contact))


async def deliver(context: Context) -> None:
    """Send the letters that are due."""
    while not await letters.send_due(context, mail.LETTERS):
        pass


def find_page(letter: Letter) -> str:
    found = re.search(r"/invited/\S+", letter.text)
    assert found is not None, letter.text
    return found[0]


async def add_visit(cabinet: Cabinet, child: Site, **given: str) -> str:
    """Add a visit in the cabinet. Returns the path of its page."""
    path = f"/cabinet/collections/{child.id}/events"
    sent = await cabinet.send(path, path, **(VISIT | given))
    assert sent.status_code == 303, PageText(sent.text).text
    return str(sent.headers["location"].partition("?")[0])


async def invite(cabinet: Cabinet, visit: str, *numbers: int) -> httpx2.Response:
    return await cabinet.send(visit, f"{visit}/invite", **{f"entry.{number}": "yes" for number in numbers})


async def states(context: Context) -> list[str]:
    rows = await context.database.rows(
        "SELECT i.state FROM visit_invitations i JOIN problems p ON p.id = i.problem_id ORDER BY p.number"
    )
    return [row["state"] for row in rows]


async def test_inspectors_are_found_invited_and_answer(
    client: Client, context: Context, inspectors: Site, enter: Enter, mail_sink: MailSink
) -> None:
    with time_machine.travel(NOON, tick=False) as traveller:
        await add_inspector(context, inspectors, "anna", "Центральный, Северный")
        await add_inspector(context, inspectors, "boris", "Центральный район")
        await add_inspector(context, inspectors, "vera", "Южный")
        await service_of_authors.stop_letters(
            context.database, await add_inspector(context, inspectors, "gleb", "Центральный")
        )
        cabinet = await enter("agent", inspectors.agency.id)
        viewer = await enter("viewer", inspectors.agency.id)
        for person, may in ((cabinet, True), (viewer, False)):
            links = (await person.read("/cabinet/sites")).links
            assert (f"/cabinet/collections/{inspectors.id}/events" in links) == may
        visit = await add_visit(cabinet, inspectors)
        assert "vera" in (await cabinet.read(f"{visit}?category=none&districts=—")).text
        page = await cabinet.read(f"{visit}?category=housing&districts=центральном")
        offered = page.form(f"{visit}/invite")
        assert ("anna" in page.text, "boris" in page.text, "vera" in page.text) == (True, True, False)
        assert "gleb № 4 · ЖКХ · Центральный · письмо не дойдёт" in page.text.replace("\xa0", " ")
        assert "example.test" not in page.text
        sent = await cabinet.client.post(offered.action, data=offered.fields | {"entry.1": "yes", "entry.4": "yes"})
        assert sent.headers["location"] == f"{visit}?done=invited&sent=1"
        assert (await invite(cabinet, visit, 1, 2)).headers["location"].endswith("sent=1")
        await deliver(context)
        first, second = mail_sink.letters
        assert {str(one.message["To"]) for one in (first, second)} == {"anna@example.test", "boris@example.test"}
        for words in ("Администрация города приглашает вас: 1\xa0декабря, 10:00, ул. Мира, 5.", VISIT["text"]):
            assert words in first.text
        path = find_page(first)
        for _ in range(2):  # a scanner of mail opens every link
            PageText((await client.get(path)).text).form(path)  # fails where there is none
        assert await states(context) == ["open", "open"]
        for seconds, answer in enumerate(("accepted", "accepted", "declined", "accepted")):
            traveller.move_to(NOON + seconds)
            assert (await client.post(path, data={"answer": answer})).status_code == 303
            assert await states(context) == [answer, "open"]
            answered = await context.database.rows("SELECT answered_at FROM visit_invitations WHERE state <> 'open'")
            assert answered[0]["answered_at"] == NOON + (0 if seconds == 1 else seconds), "said once"
        assert (await client.post(path, data={"answer": "maybe"})).status_code == 400
        for address in (visit, visit.rpartition("/")[0]):
            assert "Согласились 1 из 2" in (await cabinet.read(address)).text
        assert (await cabinet.client.get(f"{visit}?done=invited&sent=x")).status_code == 200
        traveller.move_to(clock.parse_rfc3339("2026-12-01T07:00:00Z"))  # 10:00 there
        visit_id, agency_id = visit.rpartition("/")[2], inspectors.agency.id
        with pytest.raises(Conflict):
            await service.invite(context.database, inspectors, visit_id, agency_id, [3], journal.COMMAND_LINE)
        await client.post(path, data={"answer": "declined"})
        assert await states(context) == ["accepted", "open"]
        assert "ответить нельзя" in (await client.get(path)).text
        assert (await client.get("/invited/forged")).status_code == 404


@ONE_DATABASE
async def test_only_confirmed_addresses_that_work_get_letters(
    context: Context, inspectors: Site, enter: Enter, mail_sink: MailSink
) -> None:
    database = context.database
    with time_machine.travel(NOON, tick=False):
        entries = [await add_inspector(context, inspectors, name, "Центр") for name in ("a", "b", "c", "d", "e")]
        cabinet = await enter("agent", inspectors.agency.id)
        visit = await add_visit(cabinet, inspectors)
        for entry, lost in zip(entries, ("confirmed_at = NULL", "stopped_at = 1", "failed_at = 1"), strict=False):
            await run_statement(database, f"UPDATE contacts SET {lost} WHERE problem_id = :id", id=entry)
        gone = await add_inspector(context, inspectors, "f", "Центр")
        await lifecycle.change(database, RESIDENT, inspectors.id, gone, Change(to="withdrawn"))
        assert (await invite(cabinet, visit, 1, 2, 3, 4, 5, 6)).headers["location"].endswith("sent=2")
        sql = "UPDATE contacts SET confirmed_at = NULL WHERE problem_id = :id"
        await database.write(lambda tx: tx.run(sql, id=entries[4]))  # before the letter leaves
        await deliver(context)
        assert [str(one.message["To"]) for one in mail_sink.letters] == ["d@example.test"]
        reached = [await contacts.find_reached(database, entry) is not None for entry in entries]
        old = await renewals_store.list_old(database, ["inspectors"], clock.now(), 10)
        for entry in entries:
            asking = partial(renewals_store.ask, problem_id=entry, site_id=inspectors.id, now=clock.now())
            await database.write(asking)
        while not await letters.send_due(context, renewals_mail.LETTERS):
            pass
        assert [str(one.message["To"]) for one in mail_sink.letters] == ["d@example.test"] * 2
    assert reached == [False, False, False, True, False]
    assert [row["id"] for row in old] == [entries[3]]


async def test_the_result_is_public_and_names_those_who_agreed(
    client: Client, context: Context, inspectors: Site, enter: Enter
) -> None:
    database, public = context.database, f"/s/{inspectors.key}"
    with time_machine.travel(NOON, tick=False) as traveller:
        document = await consent.current_document(database, inspectors, context.settings, "ru", "publish_name")
        name = {"name_version": document.version, "name_hash": document.hash}
        agreed = Consent(version="1", hash="0" * 64, publish_name=True, ip="203.0.113.7", **name)
        for title, contact, given in (
            ("Вера", {"email": "v@example.test", "name": "Вера Ясная"}, agreed),
            ("Анна", {"email": CANARY[0], "name": CANARY[1], "phone": CANARY[2]}, make_report().consent),
        ):
            reached = Contact(publish_name=True, **contact)
            answers = {"districts": "Юг"}
            await add_entry(database, inspectors, title, answers=answers, contact=reached, consent=given)
        cabinet = await enter("agent", inspectors.agency.id)
        visit = await add_visit(cabinet, inspectors, day="2026-11-28", hour="13:00")
        await invite(cabinet, visit, 1, 2)
        for row in await database.rows("SELECT id FROM visit_invitations"):
            await service.answer(database, row["id"], "accepted")
        early = await cabinet.client.post(
            f"{visit}/result", data={"result": "Пандус есть"} | await token(cabinet, visit)
        )
        assert early.status_code == 409
        assert "Выезды и итоги" not in (await client.get(public)).text
        traveller.move_to(NOON + 3600)
        for text, status in ((" ", 422), ("я" * (MAX_RESULT + 1), 422), ("я" * MAX_RESULT, 303)):
            assert (await cabinet.send(visit, f"{visit}/result", result=text)).status_code == status
        assert (await cabinet.send(visit, f"{visit}/result", result="Пандус есть")).status_code == 303
        page = PageText((await client.get(public)).text).text
        assert "28 ноября, ул. Мира, 5" in page.replace("\xa0", " ")
        assert "Участвовали 2 инспектора: Вера Ясная. Пандус есть" in page
        assert "invite" not in await actions(cabinet, visit)


async def token(cabinet: Cabinet, path: str) -> dict[str, str]:
    return {"form_token": (await cabinet.read(path)).forms[0].fields["form_token"]}


async def actions(cabinet: Cabinet, path: str) -> set[str]:
    return {form.action.rpartition("/")[2] for form in (await cabinet.read(path)).forms}


async def test_another_agency_invites_once_it_is_named_and_learns_no_address(
    client: Client, context: Context, inspectors: Site, council: Site, enter: Enter, mail_sink: MailSink
) -> None:
    path = f"/cabinet/collections/{inspectors.id}"
    with time_machine.travel(NOON, tick=False):
        entry = await add_inspector(context, inspectors, "anna", "Юг", email=CANARY[0], name=CANARY[1], phone=CANARY[2])
        own = await enter("admin", inspectors.agency.id, "own@gorod.test")
        secret = await add_visit(own, inspectors, place="Свой дом", text="Свой выезд города")
        sovet = await enter("agent", council.agency.id, "sovet@council.test")
        await sovet.read(f"{path}/events", 404)
        for host, status in (
            ("", 422),
            ("gorod.test", 422),
            ("nowhere.test", 422),
            ("http://[", 422),
            ("https://council.test/о-нас", 303),
        ):
            named = await own.send(f"{path}/agencies", f"{path}/agencies", host=host, may="invite")
            assert named.status_code == status, host
        assert "Общественный совет" in (await own.read(f"{path}/agencies")).text
        assert f"{path}/events" in (await sovet.read("/cabinet/sites")).links
        assert "Свой дом" not in (await sovet.read(f"{path}/events")).text
        await sovet.read(secret, 404)
        leader = await enter("admin", council.agency.id, "leader@council.test")
        assert (await leader.client.get(f"{path}/agencies")).status_code == 403, "its administrator names nobody"
        other = await collection.add_collection(
            context.database, await sites.by_id(context.database, str(inspectors.parent_id)), "more", "inspectors"
        )
        await own.read(f"/cabinet/collections/{other.id}/events/{secret.rpartition('/')[2]}", 404)
        await add_visit(own, other, place="Чужой раздел")
        visit = await add_visit(sovet, inspectors)
        await invite(sovet, visit, 1)
        await deliver(context)
        (letter,) = mail_sink.letters
        assert "Общественный совет приглашает вас" in letter.text
        await client.post(find_page(letter), data={"answer": "accepted"})
        seen = [await sovet.client.get(one) for one in (visit, f"{path}/events", "/cabinet/", f"/s/{inspectors.key}")]
        assert "Согласились 1 из 1" in seen[0].text
        for response in seen:
            assert response.status_code == 200
            for secret in CANARY:
                assert secret not in response.text, response.url
        await sovet.read(f"/cabinet/problems/{entry}", 404)
        assert f"{path}/agencies" not in (await sovet.read(f"{path}/events")).links
        assert (await sovet.client.get(f"{path}/agencies")).status_code == 403
        listed = (await own.read(f"{path}/events")).text
        assert ("Общественный совет" in listed, "Чужой раздел" in listed) == (True, False)
        assert await actions(own, visit) <= {"sign-out", "language", ""}  # another agency's visit is read alone
        await changes.disable_site(context.database, inspectors.id)
        assert f"{path}/events" not in (await sovet.read("/cabinet/sites")).links
        await changes.disable_site(context.database, inspectors.id, disabled=False)
        await add_inspector(context, inspectors, "boris", "Юг")
        await invite(sovet, visit, 2)
        letters = len(mail_sink.letters)
        await own.send(f"{path}/agencies", f"{path}/agencies/{council.agency.id}/remove")
        await deliver(context)
        assert len(mail_sink.letters) == letters, "an invitation that has not left stays"
        await sovet.read(visit, 404)
        written = {entry["kind"] for entry in await read_journal(context.database)}
        sent = [entry["details"] for entry in await read_journal(context.database, "inspectors_invited")]
        assert sent == [{"count": 1}, {"count": 1}]
        assert written >= {"collection_agency_named", "inspectors_invited", "collection_agency_removed"}


async def test_a_visit_that_is_called_off_is_told_to_those_who_know_of_it(
    client: Client, context: Context, inspectors: Site, enter: Enter, mail_sink: MailSink
) -> None:
    with time_machine.travel(NOON, tick=False):
        for title in ("anna", "boris", "vera", "gleb"):
            await add_inspector(context, inspectors, title, "Юг")
        cabinet = await enter("agent", inspectors.agency.id)
        visit = await add_visit(cabinet, inspectors)
        await invite(cabinet, visit, 1, 2)
        await deliver(context)
        rows = {row["problem_id"]: row["id"] for row in await context.database.rows("SELECT * FROM visit_invitations")}
        declined = next(iter(rows.values()))
        await service.answer(context.database, declined, "declined")
        await invite(cabinet, visit, 4)
        now, database = clock.now(), context.database
        leaving = existing(await database.write(lambda tx: letters.claim(tx, "visit", now)))
        await invite(cabinet, visit, 3)  # this letter has not left
        form = await token(cabinet, visit)
        for _ in range(2):
            await cabinet.client.post(f"{visit}/call-off", data=form)
        assert "invite" not in await actions(cabinet, visit)
        await database.write(lambda tx: letters.end(tx, mail.LETTERS, leaving, "sent"))  # while it was on its way
        await deliver(context)
        subjects = [str(one.message["Subject"]).partition(":")[0] for one in mail_sink.letters]
        assert sorted(subjects) == ["Отменено", "Отменено", "Приглашение", "Приглашение"]
        path = mail.invitation_url(context, declined).removeprefix(context.settings.public_url)
        await client.post(path, data={"answer": "accepted"})
        assert "accepted" not in await states(context)
        assert "Выезд отменён" in (await client.get(path)).text


async def test_what_cannot_leave_in_time_is_given_up_and_who_knows_nothing_is_told_nothing(
    context: Context, inspectors: Site, council: Site, enter: Enter, mail_sink: MailSink
) -> None:
    database, agency_id, who = context.database, inspectors.agency.id, journal.COMMAND_LINE
    with time_machine.travel(NOON, tick=False) as traveller:
        for title in ("anna", "boris", "vera"):
            await add_inspector(context, inspectors, title, "Юг")
        later, soon = [
            await service.add_visit(
                database, inspectors, agency_id, Visit(at=NOON + days * 86_400, place="Дом", text="Текст"), who
            )
            for days in (9, 5)
        ]
        await service.invite(database, inspectors, later, agency_id, [1], who)
        traveller.move_to(NOON + NOTICED)
        await deliver(context)
        await service.invite(database, inspectors, later, agency_id, [2], who)
        traveller.move_to(NOON + 2 * NOTICED + 1)
        await deliver(context)
        await service.invite(database, inspectors, soon, agency_id, [3], who)
        traveller.move_to(NOON + 5 * 86_400)  # it begins
        await deliver(context)
        with pytest.raises(Conflict):
            await service.call_off(database, inspectors, soon, agency_id)
        for _ in range(2):
            await service.call_off(database, inspectors, later, agency_id)
            await deliver(context)
        received = [(one.recipients[0], one.subject.partition(":")[0]) for one in mail_sink.letters]
        assert received == [("anna@example.test", "Приглашение"), ("anna@example.test", "Отменено")]
        with pytest.raises(Conflict):
            await service.invite(database, inspectors, later, agency_id, [3], who)
        traveller.move_to(NOON + 10 * 86_400)
        with pytest.raises(Conflict):
            await service.publish_result(database, inspectors, later, agency_id, "Пандус есть")
        city = await sites.by_id(database, str(inspectors.parent_id))
        other = await collection.add_collection(database, city, "more", "inspectors")
        for site, inviting in ((other, agency_id), (inspectors, council.agency.id)):
            with pytest.raises(NotFound):
                await service.publish_result(database, site, soon, inviting, "Пандус есть")


async def test_letters_of_visits_are_bounded_and_end_with_the_entry(
    context: Context, inspectors: Site, enter: Enter, mail_sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False) as traveller:
        entry, visit = await add_inspector(context, inspectors, "anna", "Юг"), ""
        cabinet = await enter("agent", inspectors.agency.id)
        for day in range(1, MAX_A_DAY + 2):
            visit = await add_visit(cabinet, inspectors, day=f"2026-12-{day:02}")
            sent = (await invite(cabinet, visit, 1)).headers["location"].rpartition("=")[2]
            assert sent == ("1" if day <= MAX_A_DAY else "0")
        await add_inspector(context, inspectors, "boris", "Юг")
        assert (await invite(cabinet, visit, 1, 2)).headers["location"].endswith("sent=1")
        assert (await cabinet.send(visit, f"{visit}/invite")).status_code == 422
        for most, status in ((1, 422), (2, 303)):
            monkeypatch.setattr(service, "MAX_INVITED", most)
            assert (await invite(cabinet, visit, 3)).status_code == status
        monkeypatch.undo()
        many = {f"entry.{number}": "yes" for number in range(1, MAX_INVITED + 2)}
        assert (await cabinet.send(visit, f"{visit}/invite", **many)).status_code == 422
        await lifecycle.erase(context.database, RESIDENT, inspectors.id, entry)
        await deliver(context)
        assert mail_sink.to("anna@example.test") == []
        (row, *_) = await context.database.rows("SELECT id FROM visit_invitations WHERE problem_id = :id", id=entry)
        invitation = row["id"]
        page = await cabinet.client.get(mail.invitation_url(context, invitation))
        assert "больше нет в списке" in page.text
        for wrong in ({"day": "2026-11-27"}, {"hour": "25:00"}, {"place": ""}, {"text": "я" * 2001}):
            path = f"/cabinet/collections/{inspectors.id}/events"
            refused = await cabinet.send(path, path, **(VISIT | wrong))
            assert (refused.status_code, f'id="field-{next(iter(wrong))}' in refused.text) == (422, True), wrong
        rows = await context.database.rows("SELECT id FROM visits ORDER BY at")
        for row, seconds, invited in zip((*rows[:3], rows[2]), (0, 0, 86_399, 86_400), (1, 1, 0, 1), strict=True):
            traveller.move_to(NOON + seconds)
            given = (inspectors, row["id"], inspectors.agency.id, [2], journal.COMMAND_LINE)
            assert await service.invite(context.database, *given) == invited
        traveller.move_to(NOON + inspectors.retention_days * 86_400)
        assert (await retention.erase_expired(context.database))["visits"] == 0
        traveller.move_to(NOON + (inspectors.retention_days + 10) * 86_400)
        assert (await retention.erase_expired(context.database))["visits"] == MAX_A_DAY + 1

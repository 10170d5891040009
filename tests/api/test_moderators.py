"""Another agency that was named for a collection moderates its entries in its own cabinet, until it is removed.

What it may not do, address by address, is in test_cabinet_matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from tests.api.test_cabinet_bulk import after_a_minute, carry_out, choose
from tests.api.test_collections import add_entry
from tests.api.test_notices import Agency, at
from tests.api.test_participation import add_participant
from tests.api.test_reminders import digest_on
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, existing, make_site, run_statement, submit_report
from tests.support.cabinet import Cabinet, Enter, PageText
from tests.support.journal import read_journal
from tests.support.mail import MailSink
from tests.support.pictures import noise, photo
from widget_api import clock, journal
from widget_api.attachments.photos import service as photos
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import Invalid
from widget_api.mailbox import digest
from widget_api.mailbox import store as mailbox
from widget_api.mailbox.model import Verdict
from widget_api.people import accounts, store
from widget_api.people import notices as choosing
from widget_api.problems import assignment, lifecycle, notices, pictures
from widget_api.problems.model import Change, Contact, Photo
from widget_api.problems.store import notices as notices_store
from widget_api.sites import collection, consent, rights
from widget_api.sites import service as sites
from widget_api.sites.changes import update_agency, update_site
from widget_api.sites.model import Site
from widget_api.visits import service as visits
from widget_api.visits.model import Visit

CANARY = Contact(email="canary@resident.test", name="Канарейкина", phone="+7 900 000-00-01")
SECRETS = ("canary@resident.test", "Канарейкина", "900 000-00-01", "9000000001", "Внутреннее", "own@gorod.test")
NOON = "2026-12-01T12:00"  # a Tuesday
LIST = "/cabinet/problems"
pytestmark = pytest.mark.settings(work="off")


@pytest.fixture
async def initiatives(context: Context, city: Site) -> Site:
    child = await collection.add_collection(context.database, city, "together", "initiatives")
    await update_site(context.database, child.id, {"discussion": "moderated"})
    return child


@pytest.fixture
async def council(context: Context) -> Site:
    agency = {"name": "Общественный совет", "email": "sovet@council.test", "mode": "email"}
    return await make_site(context.database, agency=agency, allowed_origins=["https://council.test"])


async def add(context: Context, child: Site, text: str) -> str:
    given: dict[str, Any] = {"category": child.categories[0].code, "description": text, "contact": CANARY}
    problem_id = (await submit_report(context.database, child, **given)).problem_id
    await lifecycle.confirm(context.database, child.id, problem_id)
    return problem_id


async def name(context: Context, child: Site, agency: Site, may: str = "moderate", *, named: bool = True) -> None:
    await rights.name_agency(context.database, child, agency.agency.id, may if named else None, journal.COMMAND_LINE)


async def waiting_comment(context: Context, child: Site, problem_id: str) -> str:
    comment_id = clock.new_id()
    said = {"name": "Пётр", "body": "Согласен", "state": "moderation", "created_at": clock.now(), "official": False}
    place = {"id": comment_id, "site_id": child.id, "problem_id": problem_id}
    await context.database.write(lambda tx: tx.insert("comments", **place, **said))
    return comment_id


async def read(cabinet: Cabinet, path: str) -> PageText:
    """A page of the named agency, which shows nothing that it is not to see."""
    answer = await cabinet.client.get(path)
    assert answer.status_code == 200, (path, answer.text)
    assert [secret for secret in SECRETS if secret in answer.text] == [], path
    return PageText(answer.text)


async def test_a_named_agency_moderates_in_its_own_cabinet(
    context: Context, city: Site, initiatives: Site, council: Site, enter: Enter
) -> None:
    database, agencies = context.database, f"/cabinet/collections/{initiatives.id}/agencies"
    entry, other, third = [await add(context, initiatives, text) for text in ("Посадим липы", "Реклама", "Каток")]
    report = (await submit_report(database, city, contact=CANARY)).problem_id
    own = await enter("admin", city.agency.id, "own@gorod.test")
    sovet = await enter("agent", council.agency.id, "sovet@council.test")
    assert (await own.send(f"{LIST}/{entry}", f"{LIST}/{entry}/note", note="Внутреннее")).status_code == 303
    await sovet.read(f"{LIST}/{entry}", 404)

    number = "UPDATE problems SET document_number = 'ДОК-17' WHERE id = :id"
    await database.write(lambda tx: tx.run(number, id=entry))
    desk = await own.read(f"/cabinet/sites/{city.id}/collections/together")
    assert agencies in desk.links
    claim = "UPDATE site_origins SET claimed_at = :at WHERE site_id = :id"
    for claimed, may, status in (
        (1, "moderate", 422),
        (None, "invite", 422),
        (None, "all", 422),
        (None, "moderate", 303),
    ):
        await run_statement(database, claim, at=claimed, id=council.id)
        assert (await own.send(agencies, agencies, host="council.test", may=may)).status_code == status, (claimed, may)
    assert "Общественный совет Проверять записи и отвечать" in (await own.read(agencies)).text

    page = await read(sovet, LIST)
    assert [text in page.text for text in ("Посадим липы", "Реклама", "Глубокая яма")] == [True, True, False]
    assert "Посадим липы" in (await read(sovet, "/cabinet/")).text
    assert "Посадим липы" in (await read(sovet, f"{LIST}?q=липы")).text
    for user, found in ((own, True), (sovet, False)):
        assert ("ДОК-17" in (await user.read(f"{LIST}/{entry}")).text) == found
        assert ("Посадим липы" in (await user.read(f"{LIST}?q=ДОК-17")).text) == found
    assert "Официальный сайт города: " in page.text, "the filter names the collection with its site"
    shown = await read(sovet, f"{LIST}/{entry}")
    assert "Контакты автора видит только ведомство, которое отвечает" in shown.text
    assert f"другому ведомству: {city.agency.name}. Жители увидят ответ от его имени." in shown.text
    forms = {form.action.partition("?")[0].removeprefix(f"{LIST}/{entry}") for form in shown.forms}
    assert {"/note", "/document", "/work"} & forms == set()
    assert "forwarded" not in shown.form(f"{LIST}/{entry}").choices["to"]
    assert not [link for link in shown.links if link.endswith(("/correct", "/photos", "/outside"))]
    await sovet.read(f"{LIST}/{report}", 404)

    assert (await sovet.decide(entry, "accepted")).status_code == 303
    assert (await sovet.decide(other, "rejected", text="Это реклама", anyway="yes")).status_code == 303
    assert (await sovet.send(f"{LIST}/{entry}", f"{LIST}/{entry}/ask", question="Кто поливает?")).status_code == 303
    comment = await waiting_comment(context, initiatives, entry)
    queue = await read(sovet, "/cabinet/comments")
    assert "Согласен" in queue.text
    verdict = {"form_token": queue.forms[0].fields["form_token"], "verdict": "published"}
    assert (await sovet.client.post(f"/cabinet/comments/{comment}", data=verdict)).status_code == 303
    await carry_out(sovet, await choose(sovet, "reject", id=third), text="Уже есть")
    await after_a_minute(context)
    states = await database.rows("SELECT id, status FROM problems")
    assert {row["id"]: row["status"] for row in states} == {
        entry: "accepted",
        other: "rejected",
        third: "rejected",
        report: "moderation",
    }

    assert (await own.decide(entry, "in_progress")).status_code == 303
    assert "own@gorod.test" not in (await read(sovet, f"{LIST}/{entry}")).text
    read_by = await read_journal(database, "contact_read")
    assert "agent" not in {one["role"] for one in read_by}, "its contacts are not even fetched"
    history = (await own.read(f"{LIST}/{entry}")).text
    assert "sovet@council.test (Общественный совет)" in history
    assert "sovet@council.test (Общественный совет)" in (await own.read("/cabinet/comments?tab=published")).text
    public = (await own.client.get(f"/s/{initiatives.key}/1")).text
    assert ("Общественный совет" in public, city.agency.name in public) == (False, True)
    for language in ("ru", "en"):
        document = await consent.current_document(database, initiatives, context.settings, language)
        assert "Общественный совет" in document.body
        assert (
            "Общественный совет"
            not in (await consent.current_document(database, city, context.settings, language)).body
        )


@ONE_DATABASE
async def test_what_the_agency_and_its_services_keep_to_themselves(
    context: Context, city: Site, initiatives: Site, council: Site, enter: Enter
) -> None:
    database = context.database
    child = await collection.add_collection(database, city, "help", "volunteers")
    plumbers = await sites.add_agency(database, name="Водоканал", email="voda@gorod.test", parent_id=city.agency.id)
    shown, hidden = [await photos.receive(context, child.id, photo(noise(64, 48))) for _ in range(2)]
    given: dict[str, Any] = {
        "category": child.categories[0].code,
        "description": "Труба. Звоните Ивану",
        "contact": CANARY,
    }
    pair = (Photo(shown.id), Photo(hidden.id))
    entry = (await submit_report(database, child, photos=pair, **given)).problem_id
    await lifecycle.confirm(database, child.id, entry)
    own = await enter("admin", city.agency.id, "own@gorod.test")
    page = f"{LIST}/{entry}"
    form = (await own.read(f"{page}/correct")).form(f"{page}/correct")
    fixed = form.fields | {"description": "Труба течёт", "category": given["category"]}
    assert (await own.client.post(f"{page}/correct", data=fixed)).status_code == 303
    await database.write(lambda tx: pictures.hide(tx, entry, hidden.id, instead=None))
    await own.decide(entry, "accepted")
    admin = existing(await store.find_enabled_user(database, "own@gorod.test"))
    assert (await own.send(page, f"{page}/assign", user=admin[0].id)).status_code == 303
    await lifecycle.change(database, AGENT, child.id, entry, Change(to="forwarded", service=plumbers))
    await assignment.report_work(database, AGENT, child.id, entry, plumbers, "Заварили трубу")
    event = existing(await database.row("SELECT id FROM events WHERE problem_id = :id AND kind = 'received'", id=entry))
    letter = {
        "id": clock.new_id(),
        "site_id": child.id,
        "problem_id": entry,
        "event_id": event["id"],
        "name": "letter.pdf",
    }
    letter |= {"media_type": "application/pdf", "bytes": 1, "internal": True, "created_at": 1}
    await database.write(lambda tx: tx.insert("documents", **letter))
    joined = await add(context, initiatives, "Посадим липы")
    await lifecycle.change(database, AGENT, initiatives.id, joined, Change(to="accepted"))
    await add_participant(database, initiatives, joined, "vera@resident.test", name="Вера Участница")
    await database.write(lambda tx: tx.run("UPDATE participants SET confirmed_at = 1"))
    for one in (child, initiatives):
        await name(context, one, council)
    sovet = await enter("admin", council.agency.id, "sovet@council.test")

    kept = ("Звоните Ивану", hidden.id, "own@gorod.test", "Заварили трубу", "letter.pdf", 'id="sent"', "service-said")
    for cabinet, found in ((own, list(kept)), (sovet, [])):
        text = (await cabinet.client.get(page)).text
        assert [word for word in kept if word in text] == found
        assert shown.id in text
        text = (await cabinet.client.get(f"{LIST}/{joined}")).text
        assert ("Вера Участница" in text) == (cabinet is own)
        returned = (await cabinet.read(f"{LIST}?tab=returned")).text
        assert ("Труба течёт" in returned) == (cabinet is own), "the agency goes on with what its service reports"
        for path in (f"{page}/correct", f"{page}/photos", f"{page}/outside", f"{LIST}/{joined}/participants.csv"):
            assert (await cabinet.client.get(path)).status_code == (200 if cabinet is own else 403), path
        assert (await cabinet.client.get(f"/cabinet/analytics?site={child.id}")).status_code == (
            200 if cabinet is own else 404
        )
        options = (await cabinet.client.get("/cabinet/analytics")).text
        assert (f'value="{child.id}"' in options) == (cabinet is own)
    form = (await sovet.read(page)).form(page)
    for action, sent in (("note", {"note": "Вот"}), ("document", {"document_number": "1"}), ("photos", {"do": "hide"})):
        answer = await sovet.client.post(f"{page}/{action}", data=form.fields | sent)
        assert answer.status_code == 403, action
    for service_id in ("", plumbers):
        sent = form.fields | {"to": "forwarded", "service": service_id, "responsible": "Завод", "text": "Туда"}
        assert (await sovet.client.post(page, data=sent)).status_code == 403
    assert (await sovet.read(f"{page}?lang=en")).text.count("letter comes as well") == 1


async def test_removal_takes_effect_at_once(context: Context, initiatives: Site, council: Site, enter: Enter) -> None:
    database = context.database
    entry, other = [await add(context, initiatives, text) for text in ("Посадим липы", "Реклама")]
    await name(context, initiatives, council)
    sovet = await enter("agent", council.agency.id, "sovet@council.test")
    found = existing(await store.find_enabled_user(database, "sovet@council.test"))
    user = found[0]
    place, seen = f"{LIST}?site={initiatives.id}", f"{LIST}/{entry}"
    form = (await sovet.read(seen)).form(seen)
    assert (await sovet.send(seen, f"{seen}/assign", user=user.id)).status_code == 303
    saved = await sovet.client.post(
        f"/cabinet/views?site={initiatives.id}", data=form.fields | {"view_name": "Инициативы"}
    )
    assert saved.status_code == 303
    await carry_out(sovet, await choose(sovet, "accept", id=other))
    comment = await waiting_comment(context, initiatives, entry)
    await name(context, initiatives, council, named=False)

    assert (await sovet.client.post(form.action, data=form.fields | {"to": "accepted"})).status_code == 404
    for path in (seen, place, f"/cabinet/version?site={initiatives.id}"):
        assert (await sovet.client.get(path)).status_code == 404, path
    verdict = {"form_token": form.fields["form_token"], "verdict": "published"}
    assert (await sovet.client.post(f"/cabinet/comments/{comment}", data=verdict)).status_code == 404
    page = await sovet.read(LIST)
    assert "липы" not in page.text
    assert place not in page.links, "the saved view leads to the plain list"
    await after_a_minute(context)
    rows = await database.rows("SELECT status, assigned_user FROM problems")
    assert {(row["status"], row["assigned_user"]) for row in rows} == {("moderation", None)}
    (left,) = await database.rows("SELECT outcome FROM bulk_reports")
    assert left["outcome"] == "forbidden"

    await name(context, initiatives, council)
    await sovet.read(seen)
    await update_site(database, initiatives.id, {"disabled_at": clock.now()})  # hidden
    await sovet.read(seen, 404)


@pytest.fixture
def noon() -> Iterator[None]:
    """The day of its test, for what other fixtures make too."""
    with at(NOON):
        yield


@pytest.mark.usefixtures("noon")
async def test_notices_and_digests_come_as_for_reports_of_their_own(
    context: Context, city: Site, council: Site, mail_sink: MailSink
) -> None:
    child = await collection.add_collection(context.database, city, "help", "volunteers")
    agency = Agency(context, mail_sink, child)
    with at(NOON):
        anna = await agency.add("anna", new="letter", author="letter", service="digest")
        ways: dict[str, Any] = {"new": "letter", "author": "letter", "due": "digest", "service": "digest"}
        boris = await agency.add("boris", agency_id=council.agency.id, **ways)
        await agency.add("head", "head", agency_id=council.agency.id, due="digest")
        await agency.add("gleb", agency_id=council.agency.id, due="digest")  # boris looks after the entry
        await agency.report()
        assert await agency.notified("new") == ["anna"]
        invite = {"site_id": child.id, "agency_id": council.agency.id, "may": "invite", "created_at": 1}
        await context.database.write(lambda tx: tx.insert("collection_agencies", **invite))
        await agency.report()
        assert await agency.notified("new") == ["anna", "anna"]
        await name(context, child, council)
        entry = await agency.report()
        assert await agency.notified("new") == ["anna", "anna", "anna", "boris"]
        await agency.assign(entry, boris, by=anna)
        assert len(await agency.letters("boris")) == 1
        await agency.clarify(entry)
        assert await agency.notified("author") == ["boris"], "who looks after it is told alone"
        await agency.change(entry, to="forwarded", service=(plumbers := await agency.add_service()))
        await assignment.report_work(context.database, AGENT, child.id, entry, plumbers, "Заварили трубу")
        assert await agency.notified("service") == ["anna"], "its services are its own"
        found = existing(await store.find_user(context.database, str(boris.user_id)))
        assert (await choosing.count_new(context.database, found, clock.first_id(clock.now() - 9)))[1] == 2
    sites = await digest._sites_of_agency(context.database, council.agency.id)
    assert [site.id for site in sites] == [council.id, child.id], "its own calendar and address"
    held = Verdict(kind="answer", state="held", reason="dmarc", site_id=child.id, problem_id=entry)
    await context.database.write(lambda tx: mailbox.insert_letter(tx, "key", held, 1))
    built = [await digest._build_digest(context.database, one, date(2026, 12, 2), "") for one in (sites, sites[1:])]
    assert [one.held for one in built] == [0, 1], "letters are held for the agency that is responsible"
    assert await digest_on(context.database, "2026-12-02T08:00") == 1
    (letter,) = await context.database.rows("SELECT subject, parameters FROM letters")
    assert tuple(letter) == (council.agency.id, '{"day": "2026-12-02"}')
    due = "UPDATE problems SET answer_due = '2026-12-03' WHERE id = :id"
    await context.database.write(lambda tx: tx.run(due, id=entry))
    people = [notices.Person.of(row) for row in await notices_store.list_people(context.database, council.agency.id)]
    with at("2026-12-02T07:00"):
        moment = clock.now()
        await context.database.write(lambda tx: notices.notice_dates(tx, people, moment, moment))
        assert await agency.notified("due") == ["boris", "head"]
        await name(context, child, council, named=False)
    with at("2026-12-02T09:00"):
        assert (await choosing.count_new(context.database, found, clock.first_id(moment - 86_400)))[1] == 0
        sent = [len(await agency.letters(one)) for one in ("boris", "head")]
        assert sent == [1, 0], "the letters that wait tell nothing any more"
        assert mail_sink.to("sovet@council.test") == []
    assert await digest_on(context.database, "2026-12-03T08:00") == 0


async def test_only_what_the_right_was_for_ends_with_it(
    client: Client, context: Context, city: Site, initiatives: Site, council: Site
) -> None:
    database, who, moment = context.database, journal.COMMAND_LINE, clock.now() + 86_400
    agency = {"name": "Палата", "email": "palata@council.test"}
    chamber = await make_site(database, agency=agency, allowed_origins=["https://council.test"])
    with pytest.raises(Invalid):  # whose is it?
        await rights.find_agency_by_host(database, initiatives, "council.test")
    control, more = [
        await collection.add_collection(database, city, slug, "inspectors") for slug in ("control", "more")
    ]
    people = {}
    for one in (council, chamber):
        email = one.agency.email
        people[one.id], _ = await accounts.add_user(database, email=email, role="agent", agency_id=one.agency.id)
    given, taken = list[str](), "UPDATE problems SET assigned_user = :user WHERE id = :id"
    visit = Visit(at=moment, place="Дом", text="Текст")
    for child, one in ((control, council), (control, chamber), (more, council)):
        await name(context, child, one)
        entry = await add_entry(database, child)
        visit_id = await visits.add_visit(database, child, one.agency.id, visit, who)
        assert await visits.invite(database, child, visit_id, one.agency.id, [1, 2], who) > 0
        given.append(visit_id)
        await run_statement(database, taken, user=people[one.id], id=entry)
    called_off = await visits.add_visit(database, control, council.agency.id, visit, who)
    assert await visits.invite(database, control, called_off, council.agency.id, [1], who) == 1
    sent = "DELETE FROM letters WHERE subject IN (SELECT id FROM visit_invitations WHERE visit_id = :id)"
    await run_statement(database, sent, id=called_off)
    await visits.call_off(database, control, called_off, council.agency.id)
    siteless = await sites.add_agency(database, name="Без сайта", email="no@site.test")
    await rights.name_agency(database, more, siteless, "moderate", who)
    assert await digest._sites_of_agency(database, siteless) == [], "it has no calendar"

    async def look() -> tuple[set[Any], set[Any]]:
        waiting = await database.rows("SELECT visit_id FROM visit_invitations i JOIN letters l ON l.subject = i.id")
        after = await database.rows("SELECT site_id, assigned_user FROM problems WHERE assigned_user IS NOT NULL")
        return {row["visit_id"] for row in waiting}, {tuple(row) for row in after}

    first, second, third = given
    assert (await look())[0] == {first, second, third, called_off}
    api = f"/api/v1/sites/{city.key}/collections/control"
    tag = (await client.get(api)).headers["etag"]
    await name(context, control, council, named=False)
    assert (await client.get(api, headers={"If-None-Match": tag})).status_code == 200, "its consent document changed"
    kept = {(control.id, people[chamber.id]), (more.id, people[council.id])}
    assert await look() == ({second, third, called_off}, kept)
    left = [await rights.list_named_agencies(database, child.id) for child in (control, more)]
    assert [[row["name"] for row in rows] for rows in left] == [["Палата"], ["Без сайта", "Общественный совет"]]
    await name(context, more, council, "invite")
    assert await look() == ({second, third, called_off}, {(control.id, people[chamber.id])})
    await name(context, control, chamber)
    assert await look() == ({second, third, called_off}, {(control.id, people[chamber.id])}), "named again"


@ONE_DATABASE
async def test_who_moderates_may_not_do_what_the_role_may_not(
    context: Context, initiatives: Site, council: Site, enter: Enter
) -> None:
    entry = await add(context, initiatives, "Посадим липы")
    await name(context, initiatives, council)
    viewer = await enter("viewer", council.agency.id)
    page = await read(viewer, f"{LIST}/{entry}")
    assert not [form for form in page.forms if form.action.startswith(f"{LIST}/{entry}")]
    await update_site(context.database, initiatives.id, {"moderator": "operator"})
    agent = await enter("agent", council.agency.id, "above@council.test")
    assert not (await read(agent, f"{LIST}/{entry}")).text.count("Принять"), "the operator checks this collection"
    await lifecycle.change(context.database, AGENT, initiatives.id, entry, Change(to="accepted"))
    assert (await agent.decide(entry, "in_progress")).status_code == 303
    await update_agency(context.database, initiatives.agency.id, {"parent_id": council.agency.id})
    found = existing(await store.find_enabled_user(context.database, "above@council.test"))
    sites = [site for site in await store.list_report_sites(context.database, found[0]) if site.id == initiatives.id]
    assert [site.is_own for site in sites] == [True], "the agency above has it already"


def test_a_command_names_and_removes_agencies(cli: Callable[..., Any], database: Database) -> None:
    agencies = [cli("agency", "add", "--name", one, "--email", f"{one}@gorod.test")["agency"] for one in ("a", "b")]
    key, _ = [
        cli("site", "add", "--name", host, "--agency", agency, "--origin", f"https://{host}.test")["key"]
        for host, agency in zip(("city", "council"), agencies, strict=True)
    ]
    cli("collection", "add", "--site", key, "--preset", "inspectors", "--slug", "control")
    at = ("collection", "agencies", "--site", key, "--slug", "control")
    assert cli(*at) == []
    for may in ("invite", "moderate"):
        assert cli(*at, "--host", "council.test", "--may", may) == [{"agency": agencies[1], "name": "b", "may": may}]
    assert cli(*at, "--remove", "b") == []

"""Subordinate services: rules that assign accepted reports, what each side sees, how work returns to the agency."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import orjson
import pytest
import time_machine
from selectolax.lexbor import LexborHTMLParser

from tests.api.test_letters import letters
from tests.conftest import Client
from tests.factories import AGENT, EMAIL, RESIDENT, existing, make_site, submit_report
from tests.support.cabinet import PASSWORD, Enter, PageText
from tests.support.exchange import accept_report as accept
from tests.support.journal import read_journal
from tests.support.mail import MailSink
from tests.support.pictures import noise, photo
from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.errors import Conflict, Invalid
from widget_api.journal import COMMAND_LINE
from widget_api.mail import links
from widget_api.people.model import User, VisibleSite, allowed_transitions
from widget_api.problems import assignment, dialogue, lifecycle
from widget_api.problems.model import Actor, Change, Contact, Update
from widget_api.sites import changes, districts, routing_rules
from widget_api.sites import service as sites
from widget_api.sites.deadlines import add_working_days, local_date
from widget_api.sites.model import Site

WATER = "Водоканал"
PHONE = "+7 912 345-67-89"
SQUARE = orjson.dumps(
    {"type": "Polygon", "coordinates": [[[38.7, 55.0], [38.8, 55.0], [38.8, 55.1], [38.7, 55.1], [38.7, 55.0]]]}
).decode()


async def add_service(context: Context, site: Site, name: str = WATER, **options: Any) -> str:
    email = f"service-{len(await changes.list_agencies(context.database))}@gorod.test"
    return await sites.add_agency(context.database, name=name, email=email, parent_id=site.agency.id, **options)


async def row(context: Context, problem_id: str) -> Any:
    return await context.database.row("SELECT * FROM problems WHERE id = :id", id=problem_id)


async def test_the_most_specific_rule_applies(context: Context, site: Site) -> None:
    database = context.database
    services = {name: await add_service(context, site, name) for name in ("all", "roads", "square", "roads in it")}
    area = {"area": SQUARE, "area_name": "Центр"}
    given: dict[str, dict[str, str]] = {
        "all": {},
        "roads": {"category": "roads"},
        "square": area,
        "roads in it": {"category": "roads", **area},
    }
    inside, outside, nowhere = (55.05, 38.75), (55.2, 38.75), (None, None)
    expected = {
        ("roads", inside): ["roads in it", "roads", "square", "all"],
        ("roads", outside): ["roads", "all"],
        ("roads", nowhere): ["roads", "all"],
        ("water", inside): ["square", "all"],
        ("water", outside): ["all"],
    }
    for names in itertools.chain.from_iterable(itertools.combinations(given, size) for size in range(5)):
        for rule in await routing_rules.list_rules(database, site.id):
            await routing_rules.remove_rule(database, site.id, rule.id, who=COMMAND_LINE)
        for name in names:
            await routing_rules.add_rule(database, site.id, {"service": services[name], **given[name]})
        for (category, (lat, lng)), order in expected.items():
            found = await routing_rules.find_rule(database, site.id, category, lat, lng)
            applies = next((name for name in order if name in names), None)
            assert (found and found.service.name) == applies, (names, category, lat)


async def test_bad_rules_are_refused_with_every_error(context: Context, site: Site) -> None:
    foreign = await sites.add_agency(context.database, name="Чужой город", email="x@other.test")
    bad = {"service": foreign, "category": "nothing", "days": "0", "area": "{}", "user": "nobody"}
    with pytest.raises(Invalid) as refused:
        await routing_rules.add_rule(context.database, site.id, bad)
    assert {error.field for error in refused.value.fields} == {
        "service",
        "category",
        "days",
        "area",
        "area_name",
        "user",
    }
    assert await routing_rules.list_rules(context.database, site.id) == []


async def test_rules_are_limited_and_refer_to_the_agencys_own_services(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, enter: Enter
) -> None:
    """Every rule is tried in the transaction of an acceptance; services below a service are not the agency's."""
    database, service_id = context.database, await add_service(context, site)
    below = await sites.add_agency(database, name="Подрядчик", email="x@below.test", parent_id=service_id)
    area = {"area": SQUARE, "area_name": "Центр"}
    for wrong, field in (({"service": below}, "service"), ({"service": service_id, **area}, "area")):
        monkeypatch.setattr(routing_rules, "MAX_POINTS", 3)
        with pytest.raises(Invalid) as refused:
            await routing_rules.add_rule(database, site.id, wrong)
        assert [error.field for error in refused.value.fields] == [field]
    monkeypatch.setattr(routing_rules, "MAX_RULES", 1)
    for _ in range(2):  # the same conditions replace the rule
        await routing_rules.add_rule(database, site.id, {"service": service_id, "category": "roads"})
    with pytest.raises(Conflict):
        await routing_rules.add_rule(database, site.id, {"service": service_id, "category": "water"})
    assert [rule.category for rule in await routing_rules.list_rules(database, site.id)] == ["roads"]
    admin = await enter("admin", site.agency.id)
    path = "/cabinet/organisation/routing"
    await districts.add_district(database, site, "Север", SQUARE)
    (north,) = await database.rows("SELECT id FROM districts")
    given = {"service": service_id, "category": "roads"}
    for wrong, sentences in (
        ({"where": "area"}, ["Нарисуйте границу", "Назовите территорию"]),
        ({"where": "area", "area_name": "Центр"}, ["Нарисуйте границу"]),
        ({"where": "", "area_name": "Центр"}, ["Выберите «Своя граница»"]),
        ({"where": north["id"], "area": SQUARE, "area_name": "Центр"}, ["Выберите «Своя граница»"]),
        ({"where": "x"}, ["Такого района больше нет"]),
    ):
        refused_page = PageText((await admin.send(path, path, **given, **wrong)).text).text
        assert all(sentence in refused_page for sentence in sentences), wrong
    monkeypatch.setattr(routing_rules, "MAX_RULES", 9)
    assert (await admin.send(path, path, **given, where=north["id"])).status_code == 303
    assert "Север" in (await admin.read(path)).text
    inside, outside = (55.05, 38.75), (55.2, 38.75)
    for point, area_name in ((inside, "Север"), (outside, None)):
        rule = existing(await routing_rules.find_rule(database, site.id, "roads", *point))
        assert rule.area_name == area_name
    await districts.delete_district(database, site.id, north["id"])
    rule = existing(await routing_rules.find_rule(database, site.id, "roads", *inside))
    assert rule.area_name is None, "the rule for everywhere applies"
    assert "район удалён, правило не действует" in (await admin.read(path)).text
    for place in ("nan,nan", "inf,1"):
        tried = await admin.read(f"/cabinet/organisation/routing?try=1&category=roads&place={place}")
        assert "Это не координаты" in tried.text


async def test_a_rule_of_a_service_that_was_put_elsewhere_does_not_apply(
    context: Context, site: Site, enter: Enter, mail_sink: MailSink
) -> None:
    database, service_id = context.database, await add_service(context, site, mode="email")
    await routing_rules.add_rule(database, site.id, {"service": service_id})
    foreign = await sites.add_agency(database, name="Чужой город", email="x@other.test")
    await changes.update_agency(database, service_id, {"parent_id": foreign})
    problem = await row(context, await accept(context, site))
    assert (problem["status"], problem["assigned_agency"]) == ("accepted", None)
    assert await letters(context, mail_sink, "service-1@gorod.test") == []
    page = await (await enter("admin", site.agency.id)).read("/cabinet/organisation/routing?try=1&category=roads")
    assert "больше не подчинена" in page.text
    assert "Подходящего правила нет" in page.text


@pytest.mark.parametrize("way", ["cabinet", "confirmation", "platform", "posted"])
async def test_acceptance_applies_the_rule_in_its_transaction(
    context: Context, site: Site, mail_sink: MailSink, way: str
) -> None:
    database = context.database
    service_id = await add_service(context, site)
    await routing_rules.add_rule(database, site.id, {"service": service_id, "category": "roads", "days": "5"})
    if way == "cabinet":
        problem_id = await accept(context, site)
    elif way == "posted":
        source: dict[str, Any] = {"source": "platform", "status": "accepted", "email": None, "consent": None}
        problem_id = (await submit_report(database, site, **source)).problem_id
    else:
        problem_id = (await submit_report(database, site)).problem_id
        if way == "confirmation":
            await changes.update_site(database, site.id, {"moderation": "after"})
            await lifecycle.confirm(database, site.id, problem_id)
        else:
            update = Update(id="00000000-0000-7000-8000-000000000001", at=0, here=True, status="accepted")
            await lifecycle.import_update(database, Actor(kind="platform", source="x"), site.id, problem_id, update)
    problem = await row(context, problem_id)
    assert (problem["status"], problem["responsible"], problem["assigned_agency"]) == ("forwarded", WATER, service_id)
    assert problem["assigned_due"] is not None
    events = await database.rows(
        "SELECT kind, status FROM events WHERE problem_id = :id ORDER BY at, id", id=problem_id
    )
    statuses = [event["status"] for event in events if event["status"]]
    assert statuses[-2:] == ["accepted", "forwarded"]
    (letter,) = await letters(context, mail_sink, "service-1@gorod.test")
    assert "Глубокая яма" in letter.text
    assert EMAIL not in str(letter.message)
    if way == "confirmation":  # one letter informs the author of both
        news = [one for one in await letters(context, mail_sink, EMAIL) if "Подтвердите" not in one.subject]
        assert [WATER in one.text for one in news] == [True]


async def test_whoever_takes_a_report_into_work_looks_after_it_and_a_new_one_is_routed(
    context: Context, site: Site, enter: Enter, mail_sink: MailSink
) -> None:
    database, service_id = context.database, await add_service(context, site)
    anna, boris = await enter("agent", site.agency.id, "anna@gorod.test"), await enter("agent", site.agency.id)
    plumber = await enter("agent", service_id)
    users = {one["email"]: one["id"] for one in await database.rows("SELECT id, email FROM users")}
    deputy = users["agent-1@gorod.test"]
    accepted = await accept(context, site)
    given = {"service": service_id, "category": "roads", "days": "5", "user": deputy}
    await routing_rules.add_rule(database, site.id, given)
    new = (await submit_report(database, site)).problem_id
    await lifecycle.confirm(database, site.id, new)
    assert "Сразу перейдёт по маршруту: Водоканал" in (await anna.read(f"/cabinet/problems/{new}")).text
    for problem_id, expected in ((new, ("forwarded", service_id)), (accepted, ("in_progress", None))):
        assert (await anna.decide(problem_id, "in_progress")).status_code == 303
        problem = await row(context, problem_id)
        assert (problem["status"], problem["assigned_agency"]) == expected
        assert problem["assigned_user"] == users["anna@gorod.test"], "who took it, not the rule's deputy"
    news = [one for one in await letters(context, mail_sink, EMAIL) if "№ 2" in one.subject and WATER in one.text]
    assert len(news) == 1, "one letter informs the author of both"
    planned = (await submit_report(database, site)).problem_id
    await lifecycle.confirm(database, site.id, planned)
    assert (await anna.decide(planned, "planned", expected_on="2099-01-12")).status_code == 303
    problem = await row(context, planned)
    assert [problem[name] for name in ("status", "expected_on", "assigned_agency", "assigned_user")] == [
        *("planned", "2099-01-12", service_id, users["anna@gorod.test"])
    ]
    assert problem["assigned_due"] is None, "the day announced is the service's too, not the rule's five days"
    news = [one for one in await letters(context, mail_sink, EMAIL) if "№ 3" in one.subject]
    assert ["12\xa0января" in one.text for one in news if "Подтвердите" not in one.subject] == [True]
    [told] = [one for one in await letters(context, mail_sink, "service-1@gorod.test") if "№ 3" in one.subject]
    assert "12\xa0января 2099" in told.text
    seen = [(await person.read(f"/cabinet/problems/{planned}")).text for person in (anna, plumber)]
    assert ["Первый срок" in text for text in seen] == [True, False], "the category's date was never the service's"
    # Nobody takes over what a colleague looks after, and the service's people look after nothing of the agency's.
    assert (await boris.decide(accepted, "planned", expected_on="2099-01-12")).status_code == 303
    assert (await boris.decide(accepted, "in_progress")).status_code == 303
    assert (await row(context, accepted))["assigned_user"] == users["anna@gorod.test"]
    await anna.send(f"/cabinet/problems/{new}", f"/cabinet/problems/{new}/assign", user="")
    await plumber.send(f"/cabinet/problems/{new}", f"/cabinet/problems/{new}")
    assert [(await row(context, new))[name] for name in ("status", "assigned_user")] == ["in_progress", None]


async def test_a_rule_does_not_apply_to_reports_accepted_earlier(context: Context, site: Site) -> None:
    problem_id = await accept(context, site)
    await routing_rules.add_rule(context.database, site.id, {"service": await add_service(context, site)})
    await lifecycle.change(
        context.database, AGENT, site.id, problem_id, Change(to="rejected", text="Ошибка, повторите позже")
    )
    await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
    assert (await row(context, problem_id))["assigned_agency"] is None


async def test_services_work_and_agencies_answer(context: Context, client: Client, site: Site, enter: Enter) -> None:
    service_id = await add_service(context, site)
    contact = Contact(email=EMAIL, name="Анна Иванова", phone=PHONE)
    problem_id = await accept(context, site, contact=contact)
    city, plumber = await enter("agent", site.agency.id), await enter("agent", service_id)
    page = f"/cabinet/problems/{problem_id}"
    await plumber.read(page, 404)
    answer = await city.decide(problem_id, "forwarded", service=service_id, service_due="2020-01-01")
    assert (answer.status_code, "Этот день уже прошёл" in answer.text) == (422, True)
    answer = await city.decide(problem_id, "forwarded", service=service_id, service_due="2099-01-12", text="Срочно")
    assert answer.status_code == 303
    assert (await row(context, problem_id))["expected_on"] is None
    for path in ("/cabinet/", "/cabinet/problems", "/cabinet/problems?tab=moderation"):
        assert page in (await plumber.read(path)).links_without_query, path
    assert page in (await plumber.read("/cabinet/problems?q=ямы")).links_without_query
    other = await accept(context, site, description="Другая яма, которой служба не занимается")
    await plumber.read(f"/cabinet/problems/{other}", 404)
    for path in ("/cabinet/", "/cabinet/problems", "/cabinet/problems?q=яма", "/cabinet/problems?q=2"):
        assert f"/cabinet/problems/{other}" not in (await plumber.read(path)).links_without_query, path
    seen = await plumber.read(page)
    assert "12 января 2099" in seen.text.replace("\xa0", " ")
    assert not any(secret in seen.text for secret in (EMAIL, "Анна Иванова", PHONE))
    form = seen.form(page)
    assert (await plumber.client.post(form.action, data=form.fields)).status_code == 303
    assert (await row(context, problem_id))["status"] == "in_progress"
    assert (await plumber.send(page, f"{page}/work", work_text=" ")).status_code == 422

    form = (await plumber.read(page)).form(f"{page}/work")
    files = {"photos": ("photo.jpg", photo(noise(64, 64)), "image/jpeg")}
    fields = form.fields | {"work_text": "Яму засыпали, асфальт положили"}
    assert (await plumber.client.post(form.action, data=fields, files=files)).status_code == 303
    assert (await row(context, problem_id))["service_outcome"] == "reported"
    readers = {entry["agency_id"] for entry in await read_journal(context.database, "contact_read")}
    assert readers == {site.agency.id}
    detail = (await client.get(f"/api/v1/sites/{site.key}/problems/1")).text
    private = (await client.get(links.track_url(context, problem_id, None))).text
    assert "Передано исполнителю" in private
    for text in (detail, private):
        assert "асфальт положили" not in text
        assert "Служба сообщила" not in text
    assert orjson.loads(detail)["timeline"][-1]["status"] == "in_progress"

    listed = await city.read("/cabinet/problems?tab=returned")
    assert (page in listed.links_without_query, "служба отчиталась" in listed.text) == (True, True)
    shown, next_step = await city.read(page), "Черновик ответа уже стоит в поле ниже"
    form = shown.form(page)
    assert (form.fields["text"], next_step in shown.text) == ("Яму засыпали, асфальт положили", True)
    await city.client.post(f"{page}/draft", data=form.fields | {"to": "resolved", "text": "Засыпали 1 декабря"})
    assert next_step not in (await city.read(page)).text, "a draft of one's own stands there"
    answered = await city.client.post(form.action, data=form.fields | {"to": "resolved", "work_photos": "yes"})
    assert answered.status_code == 303
    detail = (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()
    assert detail["answer"]["text"] == "Яму засыпали, асфальт положили"
    assert len(detail["timeline"][-1]["photos"]) == 1
    assert (await row(context, problem_id))["service_outcome"] is None

    public, private = f"/s/{site.key}/problems/1", links.track_url(context, problem_id, None)
    wish = Change(to="reopened", text="Яма там же")
    await lifecycle.change(context.database, RESIDENT, site.id, problem_id, wish)
    assert (await row(context, problem_id))["assigned_due"] is None, "its date was that of the first round"
    for status in ("reopened", "in_progress"):
        if status == "in_progress":
            assert (await city.decide(problem_id, status)).status_code == 303
        assert (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()["answer"]["disputed"] is True
        for path, words in ((public, "Автор не согласен"), (private, "Вы не согласны")):
            assert (await client.get(path)).text.count(f"{words} с этим ответом") == 1, (status, path)
        for person in (city, plumber):
            above, _, form_and_history = (await person.read(page)).text.partition(
                "Что решили" if person is city else "Ваша работа"
            )
            assert re.search("не согласен с ответом и вернул сообщение в работу: .{1,40} Яма там же", above)
            assert "Автор не согласен с этим ответом" in form_and_history
    assert (await city.decide(problem_id, "resolved", text="Заделали заново 1 декабря")).status_code == 303
    assert (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()["answer"]["disputed"] is False
    assert "вернул сообщение в работу:" not in (await city.read(page)).text


async def test_the_date_given_to_a_service_counts_for_it(context: Context, site: Site, enter: Enter) -> None:
    service_id = await add_service(context, site)
    city, plumber = await enter("agent", site.agency.id), await enter("agent", service_id)
    today = local_date(clock.now(), site.time_zone)
    given = add_working_days(today, 2)
    without, dated = await accept(context, site), await accept(context, site)
    for problem_id, day in ((without, None), (dated, given.isoformat())):
        wish = Change(to="forwarded", service=service_id, service_due=day)
        await lifecycle.change(context.database, AGENT, site.id, problem_id, wish)

    async def read(cabinet: Any, query: str) -> list[str]:
        """The dates of the reports in a list, as it says them."""
        page = LexborHTMLParser((await cabinet.client.get(f"/cabinet/{query}")).text)
        return [one.text() for one in page.css("tr:has(.c-text a) .c-due")]

    own, others = i18n.format_date("ru", given), i18n.format_date("ru", (await row(context, dated))["answer_due"])
    # Not «18 декабря» for «8 декабря».
    assert [bool(re.search(rf"\b{own}", one)) for one in await read(plumber, "problems?sort=due")] == [True, False]
    after = f"problems?sort=due&after={given.isoformat()}.2.{site.id}"
    assert [others in one for one in await read(plumber, after)] == [True]
    assert [others in one for one in await read(city, "problems?sort=due")] == [True, True]
    assert [own in one for one in await read(plumber, "problems?status=soon")] == [True]
    assert await read(city, "problems?status=soon") == []
    assert own in (await read(plumber, ""))[0]
    signed_in = existing(await context.database.row("SELECT MAX(created_at) AS at FROM sessions"))
    moment = i18n.format_moment("ru", signed_in["at"], site.time_zone).replace("\xa0", " ")
    assert moment in (await plumber.read("/cabinet/account")).text, "in the zone where the service works"
    page = f"/cabinet/problems/{dated}"
    for person, day in ((plumber, own), (city, others)):
        assert f"Ответ до {day}".replace("\xa0", " ") in (await person.read(page)).text
    with time_machine.travel(clock.now() + 86_400 * ((given - today).days + 1), tick=False):
        for person, found in ((plumber, 1), (city, 0)):
            await person.sign_in(f"agent-{1 if person is plumber else 0}@gorod.test", PASSWORD)
            assert len(await read(person, "problems?tab=overdue")) == found
            assert await read(person, "problems?tab=overdue&counted=yes") == [], "its figure counts the author's date"
            head = LexborHTMLParser((await person.client.get(page)).text).css("#head")
            assert ["Просрочено" in one.text() for one in head] == [bool(found)]


async def test_a_service_returns_a_report_with_a_reason(context: Context, site: Site, enter: Enter) -> None:
    service_id = await add_service(context, site)
    problem_id, page = await accept(context, site), ""
    page = f"/cabinet/problems/{problem_id}"
    wish = Change(to="forwarded", service=service_id)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, wish)
    city, plumber = await enter("agent", site.agency.id), await enter("agent", service_id)
    assert (await plumber.send(page, f"{page}/return", return_reason="")).status_code == 422
    form = (await plumber.read(page)).form(f"{page}/return")
    fields = form.fields | {"return_reason": "Это дорога областная"}
    assert (await plumber.client.post(form.action, data=fields)).status_code == 303
    assert (await plumber.client.post(form.action, data=fields)).status_code == 404  # it is no longer assigned to them
    problem = await row(context, problem_id)
    assert (problem["assigned_agency"], problem["service_outcome"], problem["status"]) == (
        None,
        "returned",
        "forwarded",
    )
    assert "Это дорога областная" in (await city.read(page)).text


async def test_messages_of_author_and_agency_are_hidden_from_services(
    context: Context, site: Site, enter: Enter, mail_sink: MailSink
) -> None:
    """Authors write their telephone numbers there; messages of one service are hidden from others."""
    database, service_id = context.database, await add_service(context, site)
    other_id = await add_service(context, site, "Дорожная служба")
    problem_id = await accept(context, site)
    page = f"/cabinet/problems/{problem_id}"
    wish = Change(to="forwarded", service=other_id)
    await lifecycle.change(database, AGENT, site.id, problem_id, wish)
    await assignment.return_report(database, AGENT, site.id, problem_id, other_id, "Их трубы, не наши")
    words = f"Мой телефон {PHONE}"
    await dialogue.ask(database, AGENT, site.id, problem_id, "В какой квартире течёт?")
    await dialogue.clarify(database, site, problem_id, dialogue.Clarification(id=clock.new_id(), text=words))
    wish = Change(to="forwarded", service=service_id)
    await lifecycle.change(database, AGENT, site.id, problem_id, wish)
    await dialogue.clarify(database, site, problem_id, dialogue.Clarification(id=clock.new_id(), text=f"{words}!"))
    city, plumber = await enter("agent", site.agency.id), await enter("agent", service_id)
    secrets = (words, "В какой квартире", "Их трубы")
    shown, hidden = (await city.read(page)).text, (await plumber.read(page)).text
    assert all(text in shown for text in secrets)
    assert not any(text in hidden for text in secrets)
    (letter,) = await letters(context, mail_sink, "service-1@gorod.test")
    assert PHONE not in letter.text
    token = (await plumber.read("/cabinet/account")).forms[0].fields["form_token"]
    assert (await plumber.client.post(f"{page}/read", data={"form_token": token})).status_code == 403
    assert (await row(context, problem_id))["awaits"] == "agency"
    await changes.update_agency(database, service_id, {"delegated": True})
    shown = (await plumber.read(page)).text
    assert (words in shown, "Их трубы" in shown) == (True, False)


async def test_a_service_with_delegation_answers_directly(context: Context, site: Site, enter: Enter) -> None:
    service_id = await add_service(context, site)
    page = f"/cabinet/organisation/services/{service_id}"
    admin = await enter("admin", site.agency.id)
    assert (await admin.send(page, page, answers="service")).status_code == 303
    problem_id = await accept(context, site)
    wish = Change(to="forwarded", service=service_id)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, wish)
    plumber = await enter("agent", service_id)
    assert (await plumber.decide(problem_id, "rejected", text="Не хотим")).status_code == 403
    assert (await plumber.decide(problem_id, "resolved", text="Яму засыпали 12 мая")).status_code == 303
    assert (await row(context, problem_id))["status"] == "resolved"


async def test_work_on_a_reassigned_report_is_a_conflict(context: Context, site: Site) -> None:
    """Assigned to another service between loading the page and the transaction."""
    service_id, other_id = await add_service(context, site), await add_service(context, site, "Дорожная служба")
    problem_id = await accept(context, site)
    wish = Change(to="forwarded", service=other_id)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, wish)
    for act in (assignment.report_work, assignment.return_report):
        with pytest.raises(Conflict):
            await act(context.database, AGENT, site.id, problem_id, service_id, "Сделано")
    assert (await row(context, problem_id))["service_outcome"] is None


def test_services_cannot_moderate() -> None:
    user = User(id="u", email="a@b.test", role="agent", agency_id="s", agency_name="s", language="ru")
    site = VisibleSite(id="1", name="n", time_zone="UTC", moderator="agent")
    assert user.may("problems.moderate", site)
    assert not user.may("problems.moderate", replace(site, assigned_to="s"))
    assert allowed_transitions(user, replace(site, assigned_to="s", delegated=True), "moderation") == []


async def test_permissions_for_assigned_reports(context: Context, site: Site, enter: Enter) -> None:
    """Route × role × {own agency, its service, another of its services, a foreign agency}."""
    service_id, other_id = await add_service(context, site), await add_service(context, site, "Дорожная служба")
    foreign = await make_site(context.database, agency={"name": "Чужой город", "email": "x@other.test"})
    agencies = {"own": site.agency.id, "service": service_id, "other": other_id, "foreign": foreign.agency.id}
    expected = {  # the page, assign, work, return; forms are sent even if they are not shown
        ("own", "viewer"): (200, 403, 403, 403),
        ("own", "agent"): (200, 303, 403, 403),
        ("own", "head"): (200, 303, 403, 403),
        ("own", "admin"): (200, 303, 403, 403),
        ("service", "viewer"): (200, 403, 403, 403),
        ("service", "agent"): (200, 403, 303, 303),
        ("service", "head"): (200, 403, 303, 303),
        ("service", "admin"): (200, 403, 303, 303),
        **{(agency, role): (404,) * 4 for agency in ("other", "foreign") for role in ("viewer", "agent", "admin")},
    }
    unknown = None
    for (agency, role), statuses in expected.items():
        problem_id = await accept(context, site)
        wish = Change(to="forwarded", service=service_id)
        await lifecycle.change(context.database, AGENT, site.id, problem_id, wish)
        person = await enter(role, agencies[agency])
        page = f"/cabinet/problems/{problem_id}"
        found = [await person.client.get(page)]
        token = (await person.read("/cabinet/account")).forms[0].fields["form_token"]
        for action in ("assign", "work", "return"):
            data = {"form_token": token, "user": "", "work_text": "Сделано", "return_reason": "Не наше"}
            found.append(await person.client.post(f"{page}/{action}", data=data))
        assert tuple(one.status_code for one in found) == statuses, (agency, role)
        if statuses[0] == 404:
            unknown = await person.client.get("/cabinet/problems/nothing")
            assert (unknown.status_code, found[0].text) == (404, unknown.text)
    assert unknown is not None


async def test_only_administrators_change_the_rules(context: Context, site: Site, enter: Enter) -> None:
    path, service_id = "/cabinet/organisation/routing", await add_service(context, site)
    for role in ("viewer", "agent", "head"):
        await (await enter(role, site.agency.id)).read(path, 404)
    admin, stranger = await enter("admin", site.agency.id), await enter("admin", service_id)
    assert (await admin.send(path, path, service="")).status_code == 422
    assert (await admin.send(path, path, service=service_id, category="water", days="3")).status_code == 303
    (rule,) = await routing_rules.list_rules(context.database, site.id)
    tried = await admin.read(f"{path}?try=1&category=water")
    assert f"Перейдёт службе: {WATER}" in tried.text
    assert "Подходящего правила нет" in (await admin.read(f"{path}?try=1&category=roads")).text
    assert "Это не координаты" in (await admin.read(f"{path}?try=1&category=roads&place=дом")).text
    token = (await stranger.read("/cabinet/account")).forms[0].fields["form_token"]
    for data in ({}, {"site": site.id}):
        answer = await stranger.client.post(f"{path}/{rule.id}/remove", data={"form_token": token, **data})
        assert answer.status_code == 404
    assert (await admin.send(path, f"{path}/{rule.id}/remove")).status_code == 303
    assert await routing_rules.list_rules(context.database, site.id) == []
    for kind in ("added", "removed"):  # the rules of one service are told apart
        read = await admin.read(f"/cabinet/organisation/journal?kind=routing_rule_{kind}")
        assert "Водоснабжение и канализация; рабочих дней: 3" in read.text
    read = await stranger.read("/cabinet/organisation/journal?kind=routing_rule_added")
    assert "Правило маршрута добавлено" in read.text
    assert "admin-3@gorod.test" not in read.text  # users of the agency are not shown to services
    assert "admin-3@gorod.test" in (await admin.read("/cabinet/organisation/journal?kind=routing_rule_added")).text
    done = [entry["kind"] for entry in await read_journal(context.database) if entry["role"] == "admin"]
    assert [kind for kind in done if kind != "signed_in"] == ["routing_rule_removed", "routing_rule_added"]


async def test_a_report_can_be_assigned_to_a_colleague(context: Context, site: Site, enter: Enter) -> None:
    problem_id = await accept(context, site)
    anna = await enter("agent", site.agency.id, "anna@gorod.test")
    foreign = await make_site(context.database, agency={"name": "Чужой город", "email": "x@other.test"})
    await enter("agent", foreign.agency.id, "oleg@other.test")
    page = f"/cabinet/problems/{problem_id}"
    users = {one["email"]: one["id"] for one in await context.database.rows("SELECT id, email FROM users")}
    assert (await anna.send(page, f"{page}/assign", user=users["oleg@other.test"])).status_code == 422
    assert (await anna.send(page, f"{page}/assign", user=users["anna@gorod.test"])).status_code == 303
    assert (await row(context, problem_id))["assigned_user"] == users["anna@gorod.test"]
    assert "Назначен сотрудник: anna@gorod.test" in (await anna.read(page)).text
    mine = "/cabinet/problems?tab=mine"
    assert page in (await anna.read(mine)).links_without_query
    assert page not in (await (await enter("agent", site.agency.id)).read(mine)).links_without_query

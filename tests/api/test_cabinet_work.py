"""Work in the cabinet: finding a report, each decision, and conflicts of two users."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any, cast

import httpx2
import pytest

from tests.conftest import Client
from tests.factories import AGENT, NOON, make_site, submit_report
from tests.support.cabinet import Cabinet, Enter, PageText
from widget_api import clock
from widget_api.casework import queries
from widget_api.casework import service as casework
from widget_api.people import accounts
from widget_api.people.model import FINAL_STATUSES
from widget_api.problems import lifecycle
from widget_api.problems.model import OPEN, TRANSITIONS, Actor, Change, Status, Update
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

PASSWORD = "a long enough password"
LATER = datetime.fromtimestamp(NOON + 20 * 86_400, UTC).date().isoformat()
ANSWER = "Засыпали яму <b>щебнем</b>"
GIVEN = {
    "forwarded": {"responsible": "МБУ «Дороги»"},
    "planned": {"expected_on": LATER},
    "resolved": {"text": ANSWER},
    "answered": {"text": ANSWER},
    "redirected": {"responsible": "Министерство транспорта"},
    "rejected": {"text": "Это не городская территория", "reject_reason": "no_place"},
}
AGENCY_MAY = [(before, to) for before, after in TRANSITIONS["agent"].items() for to in sorted(after)]


@pytest.fixture
def database(app: Any) -> Any:
    return app.state.context.database


@pytest.fixture
async def cabinet(database: Any, client: Client, site: Site) -> Cabinet:
    await accounts.add_user(
        database, email="anna@gorod.test", role="admin", agency_id=site.agency.id, password=PASSWORD
    )
    person = Cabinet(client)
    assert (await person.sign_in("anna@gorod.test", PASSWORD)).status_code == 303
    return person


async def state(database: Any, problem_id: str) -> dict[str, Any]:
    return dict(await database.row("SELECT * FROM problems WHERE id = :id", id=problem_id))


async def moved(database: Any, site: Site, status: str, **report: Any) -> str:
    """A report in this status."""
    problem = (await submit_report(database, site, **report)).problem_id
    if status != "moderation":
        actor = Actor(kind="platform", source="default")
        if status in ("confirmed", "withdrawn"):
            actor = Actor(kind="source", source="default")
        wanted = cast(Status, status)
        update = Update(id=clock.new_id(), at=clock.now(), status=wanted, text="Так решили", actor="agent")
        await lifecycle.import_update(database, actor, site.id, problem, update)
    return problem


# --- decisions -----------------------------------------------------------------------------------------------------


async def test_every_allowed_transition_can_be_made_with_the_form(cabinet: Cabinet, database: Any, site: Site) -> None:
    original = await moved(database, site, "accepted")
    number = (await state(database, original))["number"]
    assert len(AGENCY_MAY) > 40
    shown_after = set[str]()
    for before, to in AGENCY_MAY:
        problem = await moved(database, site, before)
        given = {"duplicate_of": f"№ {number}"} if to == "duplicate" else GIVEN.get(to, {})
        answer = await cabinet.decide(problem, to, **given)
        assert answer.status_code == 303, (before, to)
        now = await state(database, problem)
        assert now["status"] == to, (before, to)
        event = await database.row("SELECT actor, user_id FROM events WHERE id = :id", id=now["status_event"])
        assert event["actor"] == "agent"
        assert event["user_id"] is not None
        if to in shown_after:  # the page is made of the status, wherever it came from
            continue
        shown_after.add(to)
        page = await cabinet.read(answer.headers["location"])
        assert ("Решение сохранено" in page.text) is (to not in FINAL_STATUSES), "that is said before"
        assert "anna@gorod.test" in page.text
        assert ("отклонено: не понять, где это" in page.text) == (to == "rejected")
        for shown in (given.get("text"), given.get("responsible")):
            assert shown is None or shown in page.text, (before, to)


async def test_the_form_offers_only_allowed_transitions(cabinet: Cabinet, database: Any, site: Site) -> None:
    for before, allowed in TRANSITIONS["agent"].items():
        problem = await moved(database, site, before)
        page = await cabinet.read(f"/cabinet/problems/{problem}")
        forms = [form for form in page.forms if form.action == f"/cabinet/problems/{problem}"]
        offered = {to for form in forms for to in form.choices.get("to", ())}
        assert offered - {"extended"} == allowed, before  # an extension is no status
        assert ("extended" in offered) == (before in OPEN - {"moderation", "planned"}), before


async def test_forbidden_transitions_and_missing_fields_keep_input(cabinet: Cabinet, database: Any, site: Site) -> None:
    problem = await moved(database, site, "accepted")
    for to in ("confirmed", "reopened", "withdrawn", "moderation"):
        assert (await cabinet.decide(problem, to, text="Потому что")).status_code == 403
    assert (await state(database, problem))["status"] == "accepted"
    problem = await moved(database, site, "accepted")
    for given, sentence in WRONG:
        typed = {"text": given.get("text", "Первая строка\nвторая <b>")}
        if given["to"] in ("resolved", "rejected"):
            typed = {"text": given.get("text", ""), "responsible": "Служба, передумали"}
        answer = await cabinet.decide(problem, **(given | typed))
        assert answer.status_code == 422, given
        page = PageText(answer.text)
        assert sentence in page.text, given
        form = page.form(f"/cabinet/problems/{problem}")
        assert {name: form.fields.get(name) for name in typed} == typed
        assert form.fields.get("to", "") == (given["to"] if given["to"] != "shredded" else "")
    assert (await state(database, problem))["status"] == "accepted"


WRONG = [
    ({"to": ""}, "Выберите, что решили."),
    ({"to": "shredded"}, "Выберите одно из решений."),
    ({"to": "resolved"}, "Напишите ответ или причину"),
    ({"to": "rejected", "text": "   "}, "Напишите ответ или причину"),
    ({"to": "rejected", "text": "Нет", "reject_reason": ""}, "Выберите, почему сообщение отклонено"),
    ({"to": "rejected", "text": "Нет", "reject_reason": "unstated"}, "Такого варианта нет"),
    ({"to": "forwarded"}, "Назовите службу или ведомство"),
    ({"to": "redirected"}, "Назовите службу или ведомство"),
    ({"to": "planned"}, "Укажите день"),
    ({"to": "planned", "expected_on": "завтра"}, "Здесь нужна дата"),
    ({"to": "planned", "expected_on": "2020-01-01"}, "Этот день уже прошёл"),
    ({"to": "duplicate"}, "Укажите номер"),
    ({"to": "duplicate", "duplicate_of": "первое"}, "Номер состоит из одних цифр"),
    ({"to": "duplicate", "duplicate_of": "777"}, "Опубликованного сообщения с таким номером"),
    ({"to": "resolved", "text": "я" * 10_001}, "Сократите"),
]


async def test_a_conflicting_decision_is_told_and_its_text_kept(cabinet: Cabinet, database: Any, site: Site) -> None:
    problem = await moved(database, site, "accepted")
    form = (await cabinet.read(f"/cabinet/problems/{problem}")).form(f"/cabinet/problems/{problem}")
    wish = Change(to="in_progress")
    await lifecycle.change(database, AGENT, site.id, problem, wish)
    mine = form.fields | {"to": "answered", "text": "Это учтено в плане"}
    answer = await cabinet.client.post(form.action, data=mine)
    assert answer.status_code == 409
    page = PageText(answer.text)
    assert "Пока вы писали, статус изменился: «В работе»" in page.text
    again = page.form(f"/cabinet/problems/{problem}")
    assert again.fields["text"] == "Это учтено в плане"
    assert again.fields["to"] == "answered"
    assert again.fields["seen"] != form.fields["seen"]
    assert (await state(database, problem))["status"] == "in_progress"
    assert (await cabinet.client.post(again.action, data=again.fields)).status_code == 303
    assert (await state(database, problem))["status"] == "answered"
    problem = (await submit_report(database, site)).problem_id
    form = (await cabinet.read(f"/cabinet/problems/{problem}")).form(f"/cabinet/problems/{problem}")
    await lifecycle.change(database, AGENT, site.id, problem, Change(to="accepted"))
    answer = await cabinet.client.post(form.action, data=form.fields | {"to": "accepted", "text": "Спасибо"})
    assert answer.status_code == 409
    page = PageText(answer.text)
    assert "Теперь это решение принять нельзя" in page.text
    assert page.form(form.action).fields["text"] == "Спасибо"
    problem = await moved(database, site, "accepted")
    form = (await cabinet.read(f"/cabinet/problems/{problem}")).form(f"/cabinet/problems/{problem}")
    data = form.fields | {"to": "planned", "expected_on": LATER}
    statuses = [(await cabinet.client.post(form.action, data=data)).status_code for _ in range(2)]
    assert statuses == [303, 409]
    events = await database.rows("SELECT id FROM events WHERE problem_id = :id AND status = 'planned'", id=problem)
    assert len(events) == 1


async def test_of_two_people_deciding_at_once_one_is_told(
    cabinet: Cabinet, enter: Enter, database: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the report before either writes."""
    problem, other = await moved(database, site, "accepted"), await enter("agent", site.agency.id)
    path, people, words = f"/cabinet/problems/{problem}", (cabinet, other), ("Внесли в план на май", "Внесли на июнь")
    forms = [(await one.read(path)).form(path).fields for one in people]
    read, both = casework.find_decidable, asyncio.Barrier(2)

    async def meet(*given: Any, **named: Any) -> Any:
        found = await read(*given, **named)
        await both.wait()
        return found

    monkeypatch.setattr(casework, "find_decidable", meet)
    data = [
        form | {"to": "planned", "expected_on": LATER, "text": text} for form, text in zip(forms, words, strict=True)
    ]
    answers = await asyncio.gather(*(one.client.post(path, data=sent) for one, sent in zip(people, data, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    late = next(number for number, answer in enumerate(answers) if answer.status_code == 409)
    assert PageText(answers[late].text).form(path).fields["text"] == words[late]
    events = await database.rows("SELECT id FROM events WHERE problem_id = :id AND status = 'planned'", id=problem)
    assert len(events) == 1


async def test_a_spam_mark_can_be_removed(cabinet: Cabinet, database: Any, site: Site) -> None:
    problem = (await submit_report(database, site)).problem_id
    path = f"/cabinet/problems/{problem}"
    assert (await cabinet.send(path, f"{path}/spam", spam="yes")).status_code == 303
    assert (await state(database, problem))["spam"]
    page = await cabinet.read(path)
    assert not [form for form in page.forms if "to" in form.choices]  # no other decision is possible about spam
    assert path in (await cabinet.read("/cabinet/problems?tab=spam")).links_without_query
    assert path not in (await cabinet.read("/cabinet/problems?tab=moderation")).links_without_query
    assert (await cabinet.send(path, f"{path}/spam", spam="no")).status_code == 303
    assert not (await state(database, problem))["spam"]
    assert (await cabinet.decide(problem, "accepted")).status_code == 303


async def test_the_page_shows_all_of_a_report_until_it_is_erased(cabinet: Cabinet, database: Any, site: Site) -> None:
    text = "Яма у школы.\nЕй <script>alert(1)</script> третий год."
    problem = (await submit_report(database, site, description=text, page_url="https://gorod.test/news")).problem_id
    answer = await cabinet.client.get(f"/cabinet/problems/{problem}")
    assert "<script>alert(1)" not in answer.text
    page = PageText(answer.text)
    for shown in (
        "Ей <script>alert(1)</script> третий год.", "Дороги и тротуары", "ул. Октябрьской Революции, 205",
        "55.07940, 38.77830", "anna@example.test", "не подтверждена", "На модерации", "видно только здесь",
        "https://gorod.test/news", "Сообщение получено",
    ):  # fmt: skip
        assert shown in page.text
    assert "бращени" not in page.text.replace("не обращение по закону", "")  # a report is never called an appeal
    problem = await moved(database, site, "accepted")
    await lifecycle.erase(database, Actor(kind="operator"), site.id, problem)
    page = await cabinet.read(f"/cabinet/problems/{problem}")
    assert "удалены" in page.text
    assert "anna@example.test" not in page.text
    assert not [form for form in page.forms if "/problems/" in form.action]
    await cabinet.read("/cabinet/problems")
    for problem_id in ("x", "00000000-0000-7000-8000-000000000000", "%00", "%D0%B9", "%FF", "a" * 3000):
        await cabinet.read(f"/cabinet/problems/{problem_id}", 404)


# --- the list ------------------------------------------------------------------------------------------------------


async def test_the_list_shows_the_newest_first_with_text_excerpts(cabinet: Cabinet, database: Any, site: Site) -> None:
    texts = [f"{word} " + "очень длинное описание " * 10 for word in ("Первое", "Второе", "Третье")]
    ids = [(await submit_report(database, site, description=text)).problem_id for text in texts]
    page = await cabinet.read("/cabinet/problems")
    links = [link for link in page.links if "/problems/" in link]
    assert links == [f"/cabinet/problems/{problem}" for problem in reversed(ids)]
    for text in texts:
        assert text[:60] in page.text
    assert page.text.count("почта не подтверждена") == 3


async def test_paging_shows_each_report_once(cabinet: Cabinet, database: Any, site: Site) -> None:
    other = await make_site(database, agency={"name": "Район", "parent_id": site.agency.id})
    third = await make_site(database, agency={"name": "Посёлок", "parent_id": site.agency.id})
    now = clock.now() - 1
    first = await submit_report(database, third)  # so that a page ends between two reports of one second and number
    wanted = [(now + 1, first.number, third.id, first.problem_id)]
    for index in range(queries.PAGE_SIZE + 30):  # many in the same second, on two sites
        of = (site, other)[index % 2]
        receipt = await submit_report(database, of, received_at=now - index // 20)
        wanted.append((now - index // 20, receipt.number, of.id, receipt.problem_id))
    pages, path = [], "/cabinet/problems"
    while path:
        page = await cabinet.read(path)
        pages.append([link.partition("?")[0] for link in page.links if "/problems/" in link])
        older = [link for link in page.links if "after=" in link and "/problems/" not in link]
        path = older[-1] if older and len(pages[-1]) == queries.PAGE_SIZE else ""
    assert [len(links) for links in pages] == [queries.PAGE_SIZE, 31]
    expected = [f"/cabinet/problems/{row[3]}" for row in sorted(wanted, reverse=True)]
    assert [link for links in pages for link in links] == expected


async def test_one_query_and_a_query_per_branch_give_the_same_list(
    cabinet: Cabinet, database: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(3):
        await make_site(database, agency={"name": f"Район {index}", "parent_id": site.agency.id})
    for status in ("moderation", "accepted", "resolved", "accepted"):
        await moved(database, site, status)
    many = (await cabinet.read("/cabinet/problems")).links
    monkeypatch.setattr(queries, "MAX_BRANCHES", 1)
    assert (await cabinet.read("/cabinet/problems")).links == many


async def test_tabs_list_the_reports_of_their_status(cabinet: Cabinet, database: Any, site: Site) -> None:
    ids = {status: await moved(database, site, status) for status in ("moderation", "accepted", "planned", "answered")}
    late = (await submit_report(database, site, received_at=clock.now() - 60 * 86_400)).problem_id
    spam = (await submit_report(database, site)).problem_id
    await lifecycle.mark_spam(database, AGENT, site.id, spam, True)
    everything = {*ids.values(), late, spam}
    for tab, expected in (
        ("all", everything), ("moderation", {ids["moderation"], late}), ("work", {ids["accepted"], ids["planned"]}),
        ("overdue", {late}), ("closed", {ids["answered"]}), ("spam", {spam}), ("nonsense", everything),
    ):  # fmt: skip
        page = await cabinet.read(f"/cabinet/problems?tab={tab}")
        assert {link.rpartition("/")[2] for link in page.links_without_query if "/problems/" in link} == expected, tab
    assert "просрочено" in (await cabinet.read("/cabinet/problems?tab=overdue")).text


SEARCHES = {
    **dict.fromkeys(("фонарь", "ФОНАРЬ", "Фонарь", "2", "№ 2", "Гагарина", "50%"), 1),
    **dict.fromkeys(("5_%", "\\", "'", "нет такого", "9" * 30), 0),
    "\0": 3,
}


async def test_search_finds_by_number_text_and_address_and_an_invalid_cursor_is_ignored(
    cabinet: Cabinet, database: Any, site: Site
) -> None:
    await submit_report(database, site, description="Не горит фонарь во дворе", address="двор")
    await submit_report(database, site, description="Яма на дороге", address="ул. Гагарина")
    await submit_report(database, site, description="Скидка 50% на мусор", address="двор")
    for query, found in SEARCHES.items():
        page = PageText((await cabinet.client.get("/cabinet/problems", params={"q": query})).text)
        assert len([link for link in page.links if "/problems/" in link]) == found, query
    await submit_report(database, site)
    for cursor in ("x", "1.2", "1.2.3.4", "9" * 40 + ".1.x", "1.1.\0", "-1.1.x", "²..x"):
        assert (await cabinet.client.get("/cabinet/problems", params={"after": cursor})).status_code == 200, cursor


# --- how the page learns of news -----------------------------------------------------------------------------------


async def test_the_version_changes_only_with_events(cabinet: Cabinet, database: Any, site: Site) -> None:
    async def version(tag: str | None = None) -> httpx2.Response:
        return await cabinet.client.get("/cabinet/version", headers={"If-None-Match": tag} if tag else {})

    first = await version()
    assert (await version(first.headers["etag"])).status_code == 304
    problem = (await submit_report(database, site)).problem_id
    second = await version(first.headers["etag"])
    assert second.status_code == 200
    assert second.text != first.text
    for path in ("/cabinet/", "/cabinet/problems"):
        page = (await cabinet.client.get(path)).text
        assert re.search(r'data-version="([^"]+)"', page)[1] == second.text  # type: ignore[index]
    await lifecycle.confirm(database, site.id, problem)
    third = await version(second.headers["etag"])
    assert third.status_code == 200
    assert (await version(third.headers["etag"])).status_code == 304
    elsewhere = await make_site(database, agency={"name": "Соседи"})
    await submit_report(database, elsewhere)
    assert (await version(third.headers["etag"])).status_code == 304


async def test_merging_suggests_similar_reports_nearby(cabinet: Cabinet, database: Any, site: Site) -> None:
    # itself, near, far, another category
    reports: list[dict[str, Any]] = [{}, {}, {"lat": 55.1794}, {"category": "lighting"}]
    first, *_ = [await moved(database, site, "accepted", **changes) for changes in reports]
    page = await cabinet.read(f"/cabinet/problems/{first}")
    offered = page.form(f"/cabinet/problems/{first}").choices["near"]
    assert offered == ["2", "4", ""], "that of another category comes after those of its own"
    assert (await cabinet.decide(first, "duplicate", near="4")).status_code == 303
    assert (await state(database, first))["duplicate_of"] == 4


async def test_merging_without_a_point_suggests_the_same_address(cabinet: Cabinet, database: Any, site: Site) -> None:
    nowhere = {"lat": None, "lng": None}
    # itself, the same house, another one, another category
    reports: list[dict[str, Any]] = [
        {"address": "г. Зареченск, ул.Мира, д. 5", **nowhere},
        {"address": "улица Мира, 5"},
        {"address": "улица Мира, 7"},
        {"address": "ул. Мира, 5, кв. 3", "category": "lighting", **nowhere},
    ]
    first, *_ = [await moved(database, site, "accepted", **changes) for changes in reports]
    await moved(database, site, "resolved", address="улица Мира, 5")
    page = await cabinet.read(f"/cabinet/problems/{first}")
    assert page.form(f"/cabinet/problems/{first}").choices["near"] == ["2", "4", ""]
    assert "Открытые сообщения по тому же адресу" in page.text
    assert "Открытые сообщения рядом" not in page.text

"""Around an answer: internal notes and templates. The preview of the author's letter is tested in test_letters.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import ONE_DATABASE
from tests.factories import RESIDENT, make_site
from tests.support.cabinet import Cabinet, Enter, PageText
from tests.support.journal import read_journal
from tests.support.pictures import halves, photo
from widget_api.casework import answer_templates, weak_answers
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites.model import Site

PATH = "/cabinet/organisation/templates"


@pytest.fixture
def database(app: Any) -> Any:
    return app.state.context.database


async def note(cabinet: Cabinet, problem: str, words: str, **fields: str) -> Any:
    path = f"/cabinet/problems/{problem}"
    return await cabinet.send(path, f"{path}/note", note=words, **fields)


# --- notes ---


async def test_notes_are_visible_to_all_cabinet_users_and_keep_the_unsent_answer(
    database: Any, enter: Enter, site: Site, problem: str
) -> None:
    path = f"/cabinet/problems/{problem}"
    agent, viewer = await enter("agent", site.agency.id), await enter("viewer", site.agency.id)
    answer = await note(agent, problem, " Бригада выедет в пятницу ", text="Почти готово", to="resolved")
    assert answer.status_code == 303
    kept = await agent.read(answer.headers["location"].partition("#")[0])
    assert kept.form(path).fields["text"] == "Почти готово"
    assert (await note(await enter("head", site.agency.id), problem, "Звонил подрядчик")).status_code == 303
    page = await viewer.read(path)
    assert page.text.index("Бригада выедет в пятницу") < page.text.index("Звонил подрядчик"), "the newest last"
    assert "agent-0@gorod.test" in page.text
    token = page.form("/cabinet/sign-out").fields["form_token"]
    refused = await viewer.client.post(f"{path}/note", data={"form_token": token, "note": "И я"})
    assert refused.status_code == 403
    elsewhere = await make_site(database, agency={"name": "Соседи"})
    stranger = await enter("admin", elsewhere.agency.id)
    token = (await stranger.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]
    assert (await stranger.client.post(f"{path}/note", data={"form_token": token, "note": "И я"})).status_code == 404
    empty = await note(agent, problem, "  ")
    assert empty.status_code == 422
    assert "Заполните это поле" in empty.text
    assert [row["text"] for row in await database.rows("SELECT text FROM notes ORDER BY at, id")] == [
        "Бригада выедет в пятницу",
        "Звонил подрядчик",
    ]


async def test_a_note_is_no_event_and_is_erased_too(database: Any, enter: Enter, site: Site, problem: str) -> None:
    agent = await enter("agent", site.agency.id)
    before = await database.rows("SELECT id FROM events"), await database.rows("SELECT id FROM deliveries")
    await note(agent, problem, "Только для своих")
    after = await database.rows("SELECT id FROM events"), await database.rows("SELECT id FROM deliveries")
    assert [len(rows) for rows in after] == [len(rows) for rows in before]
    await lifecycle.change(database, RESIDENT, site.id, problem, Change(to="withdrawn"))
    assert (await note(agent, problem, "И после отзыва")).status_code == 303, "a report without decisions has notes"
    await lifecycle.erase(database, RESIDENT, site.id, problem)
    assert await database.rows("SELECT * FROM notes") == []
    page = await agent.read(f"/cabinet/problems/{problem}")
    assert not [form for form in page.forms if form.action.startswith(f"/cabinet/problems/{problem}")]
    token = page.form("/cabinet/sign-out").fields["form_token"]
    late = await agent.client.post(f"/cabinet/problems/{problem}/note", data={"form_token": token, "note": "Поздно"})
    assert late.status_code == 409
    assert await database.rows("SELECT * FROM notes") == []


# --- templates ---


async def add(cabinet: Cabinet, **fields: str) -> Any:
    form = next(form for form in (await cabinet.read(PATH)).forms if "title" in form.fields)
    return await cabinet.client.post(PATH, data=form.fields | fields)


async def test_templates_are_the_agencys_and_its_heads_edit_them(database: Any, enter: Enter, site: Site) -> None:
    admin, head = await enter("admin", site.agency.id), await enter("head", site.agency.id)
    assert (await add(admin, title="Яма", body="Яму № {номер} засыпали", status="resolved")).status_code == 303
    row = await database.row("SELECT * FROM answer_templates")
    one = f"{PATH}/{row['id']}"
    assert (
        await head.send(one, one, title="Ямы", body="Яму № { Number } засыпали", status="planned")
    ).status_code == 303
    row = await database.row("SELECT * FROM answer_templates")
    assert (row["title"], row["status"], row["agency_id"]) == ("Ямы", "planned", site.agency.id)
    elsewhere = await make_site(database, agency={"name": "Соседи"})
    stranger = await enter("admin", elsewhere.agency.id)
    assert "Ямы" not in (await stranger.read(PATH)).text
    await stranger.read(one, 404)
    token = (await stranger.read(PATH)).form("/cabinet/sign-out").fields["form_token"]
    for fields in ({"title": "Моё", "body": "Моё"}, {"do": "delete"}):
        assert (await stranger.client.post(one, data={"form_token": token} | fields)).status_code == 404
    for role in ("agent", "viewer", "operator"):
        cabinet = await enter(role, None if role == "operator" else site.agency.id)
        token = (await cabinet.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]
        for path in (PATH, one):
            await cabinet.read(path, 403)
            data = {"form_token": token, "title": "Моё", "body": "Моё"}
            assert (await cabinet.client.post(path, data=data)).status_code == 403, (role, path)
    assert (await head.send(one, one, do="delete")).status_code == 303
    assert await database.rows("SELECT * FROM answer_templates") == []
    kinds = [entry["kind"] for entry in await read_journal(database)]
    assert [kind for kind in kinds if kind.startswith("template")] == [
        "template_deleted",
        "template_changed",
        "template_added",
    ]


async def test_an_invalid_template_is_refused_with_a_reason(database: Any, enter: Enter, site: Site) -> None:
    admin = await enter("admin", site.agency.id)
    for fields, sentence in (
        ({"title": "", "body": "Текст"}, "Заполните это поле"),
        ({"title": "Имя", "body": "Здравствуйте, {имя}, {имя} и {}"}, "Такой подстановки нет: {имя}, {}."),
        ({"title": "Имя", "body": "Текст", "status": "confirmed"}, "Такого варианта нет"),
        ({"title": "и" * 81, "body": "Текст"}, "81"),
    ):
        answer = await add(admin, **fields)
        assert answer.status_code == 422
        assert sentence.replace("81", "80") in answer.text, fields
    assert await database.rows("SELECT * FROM answer_templates") == []


async def test_default_templates_are_offered_once_and_are_valid(
    database: Any, enter: Enter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await enter("admin", site.agency.id)
    form = next(form for form in (await admin.read(PATH)).forms if form.action == PATH)
    with monkeypatch.context() as patch:
        patch.setattr(answer_templates, "MAX_TEMPLATES", 4)
        assert (await admin.client.post(PATH, data=form.fields | {"do": "defaults"})).status_code == 422, "all or none"
    assert (await admin.client.post(PATH, data=form.fields | {"do": "defaults"})).status_code == 303
    rows = await database.rows("SELECT * FROM answer_templates")
    assert len(rows) == 5
    for row in rows:
        assert answer_templates.find_unknown(row["text"]) == []
        assert answer_templates.has_placeholder(row["text"])
        template = f"{PATH}/{row['id']}"
        assert (await admin.send(template, template)).status_code == 303, "it may be saved as it is"
    assert "Добавить пять готовых" not in (await admin.read(PATH)).text


async def test_a_template_is_filled_in_and_input_kept(database: Any, enter: Enter, site: Site, problem: str) -> None:
    admin, agent = await enter("admin", site.agency.id), await enter("agent", site.agency.id)
    await add(admin, title="Яма", body="№ {номер}, {category}, {адрес}: {дата}", status="resolved")
    await add(admin, title="Приём", body="Принято", status="accepted")  # no decision for an accepted report
    template = (await database.row("SELECT id FROM answer_templates WHERE title = 'Яма'"))["id"]
    row = await database.row("SELECT number, address FROM problems WHERE id = :id", id=problem)
    path = f"/cabinet/problems/{problem}"
    page = await agent.read(path)
    assert "Яма" in page.text
    assert "Приём" not in page.text
    fields = {"template": template, "do": "template", "text": "Здравствуйте", "question": "Где именно?"}
    answer = await agent.client.post(path, data=page.form(path).fields | fields)
    assert answer.status_code == 200
    form = PageText(answer.text).form(path)
    assert form.fields["text"].startswith(f"Здравствуйте\n\n№ {row['number']}, Дороги и тротуары, {row['address']}: ")
    assert form.fields["to"] == "resolved"
    assert form.fields["question"] == "Где именно?"
    await database.write(lambda tx: tx.run("UPDATE problems SET address = NULL WHERE id = :id", id=problem))
    answer = await agent.client.post(path, data=page.form(path).fields | fields | {"to": "planned"})
    form = PageText(answer.text).form(path)
    assert form.fields["to"] == "planned", "what was chosen stays"
    assert "Дороги и тротуары, {адрес}: " in form.fields["text"], "what is missing is seen"
    other = (await database.row("SELECT id FROM answer_templates WHERE title = 'Приём'"))["id"]
    answer = await agent.client.post(path, data=page.form(path).fields | fields | {"template": other})
    assert PageText(answer.text).form(path).fields["text"] == "Здравствуйте", "it fits no decision"
    status = await database.row("SELECT status FROM problems WHERE id = :id", id=problem)
    assert status["status"] == "accepted", "nothing is decided"


# --- what an answer leaves unsaid ---

GOOD = (
    ("resolved", "Яму засыпали щебнем и заасфальтировали 25 ноября."),
    ("resolved", "Мусор вывезли"),
    ("resolved", "Здравствуйте. Меры приняты: два светильника заменены."),
    ("resolved", "Лампу поменяли, фонарь горит"),
    ("resolved", "Ваше сообщение рассмотрено. Сломанную скамейку убрали, новую поставят в мае."),
    ("answered", "Дерево растёт на частном участке, спилить его может только собственник."),
    ("answered", "Светофор здесь не предусмотрен: по ГОСТ Р 52289 поток машин для него мал."),
    ("answered", "Реле времени заменят 12 декабря"),
    ("accepted", "Меры приняты"),
)
BAD = (
    ("resolved", "Меры приняты", ["stock", "action", "date"]),
    ("resolved", "Меры приняты 12.11.2026", ["stock", "action"]),
    (
        "resolved",
        "Уважаемый житель! Ваше обращение рассмотрено, приняты необходимые меры.",
        ["stock", "action", "date"],
    ),
    ("resolved", "Сделано", ["short", "date"]),
    ("resolved", "Заявка закрыта.", ["stock", "action", "date"]),
    ("answered", "Ваше сообщение рассмотрено. Спасибо за обращение!", ["stock", "reason"]),
    ("answered", "Информация принята к сведению.", ["stock", "reason"]),
    ("answered", "Вопрос находится на контроле администрации района", ["stock", "reason"]),
    ("planned", "{адрес}: сделаем", ["placeholder"]),
    ("resolved", "Сделано: … (что именно и какого числа).", ["placeholder"]),
)


@ONE_DATABASE
def test_a_final_answer_requires_a_text(dialect: str) -> None:
    assert {text: weak_answers.find_gaps(text, to, "ru") for to, text in GOOD} == {text: [] for _, text in GOOD}
    assert {text: weak_answers.find_gaps(text, to, "ru") for to, text, _ in BAD} == {
        text: gaps for _, text, gaps in BAD
    }
    assert weak_answers.find_gaps("Appropriate action has been taken.", "resolved", "en") == ["stock", "action", "date"]
    assert weak_answers.find_gaps("The pothole was filled on Monday.", "resolved", "en") == []


async def test_a_template_like_answer_warns_once_and_is_sent_on_the_second_press(
    database: Any, enter: Enter, site: Site, problem: str
) -> None:
    agent, path = await enter("agent", site.agency.id), f"/cabinet/problems/{problem}"
    warned = await agent.decide(problem, "resolved", text="Меры приняты", question="А где?")
    assert warned.status_code == 422
    page = PageText(warned.text)
    for said in ("общая фраза", "не сказано, что именно сделано", "не сказано когда", "Всё равно отправить"):
        assert said in page.text
    form = page.form(path)
    assert (form.fields["text"], form.fields["to"]) == ("Меры приняты", "resolved")
    assert (await agent.client.post(path, data=form.fields)).status_code == 422, "the form's own button checks again"
    assert (await agent.client.post(path, data=form.fields | {"anyway": "yes"})).status_code == 303
    row = await database.row("SELECT status FROM problems WHERE id = :id", id=problem)
    assert row["status"] == "resolved"


async def test_a_category_may_require_a_final_photo(database: Any, enter: Enter, site: Site, problem: str) -> None:
    await changes.set_category(database, site.id, "roads", {"photo_after": True})
    agent, path = await enter("agent", site.agency.id), f"/cabinet/problems/{problem}"
    text = "Яму засыпали и заасфальтировали"
    for anyway in ({}, {"anyway": "yes"}):
        refused = await agent.decide(problem, "resolved", text=text, **anyway)
        assert refused.status_code == 422
        assert "«Решено» ставят с фото после работ" in refused.text
    assert (await agent.decide(problem, "planned", text=text, expected_on="2099-12-12")).status_code == 303
    form = (await agent.read(path)).form(path)
    files = [("photos", ("после.jpg", photo(halves(80, 60)), "image/jpeg"))]
    sent = await agent.client.post(path, data=form.fields | {"to": "resolved", "text": text}, files=files)
    assert sent.status_code == 303


# --- the number in the agency's document system ---


async def test_document_numbers_are_internal_and_found(database: Any, enter: Enter, site: Site, problem: str) -> None:
    agent, path = await enter("agent", site.agency.id), f"/cabinet/problems/{problem}"
    action = f"{path}/document"
    number = {"document_number": " 01-15/2231 ", "document_date": "2026-11-25"}
    assert (await agent.send(path, action, **number)).status_code == 303
    assert "01-15/2231 от 25" in (await agent.read(path)).text
    assert path in (await agent.read("/cabinet/problems?q=01-15/2231")).links_without_query
    assert path not in (await agent.read("/cabinet/problems?q=01-15/99")).links_without_query
    for wrong in ({"document_number": ""}, {"document_date": "вчера"}, {"document_number": "1" * 61}):
        assert (await agent.send(path, action, **wrong)).status_code == 422, wrong
    elsewhere = await make_site(database, agency={"name": "Соседи"})
    for role, agency, status in (
        ("viewer", site.agency.id, 403),
        ("operator", None, 404),
        ("admin", elsewhere.agency.id, 404),
    ):
        other = await enter(role, agency)
        token = (await other.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]
        sent = await other.client.post(action, data=number | {"form_token": token})
        assert sent.status_code == status, role
    await lifecycle.erase(database, RESIDENT, site.id, problem)
    row = await database.row("SELECT document_number, document_date FROM problems WHERE id = :id", id=problem)
    assert tuple(row) == (None, None)

"""An administrator edits categories and questions in the cabinet: the command line's rules, and a preview first."""

from __future__ import annotations

import html
import re

import httpx2
import pytest

from tests.api.test_unsent_forms import selected
from tests.conftest import ONE_DATABASE, Client
from tests.factories import existing, make_site, submit_report
from tests.support.cabinet import Cabinet, PageText
from widget_api.context import Context
from widget_api.errors import Invalid
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Category, Site
from widget_api.sites.questions import MAX_QUESTIONS, parse_questions


def address(site: Site, code: str = "") -> str:
    return f"/cabinet/sites/{site.id}/categories" + (f"/{code}" if code else "")


def question(number: int, description: str, datatype: str = "string", **more: str) -> dict[str, str]:
    parts = {"description": description, "datatype": datatype, "hint": "", "options": "", "code": ""} | more
    return {f"q{number}.{part}": text for part, text in parts.items()}


async def add(admin: Cabinet, site: Site, **fields: str) -> httpx2.Response:
    form = (await admin.read(address(site))).forms[-1]
    return await admin.client.post(form.action, data=form.fields | fields)


async def press(admin: Cabinet, site: Site, do: str, code: str = "roads", **fields: str) -> httpx2.Response:
    """Open the editor, fill it in and press one of its buttons."""
    path = address(site, code)
    page = (await admin.client.get(path)).text
    kept = PageText(page).form(path).fields | selected(page)
    return await admin.client.post(path, data={**kept, "do": do, **fields})


def preview(answer: httpx2.Response) -> str:
    found = existing(re.search(r'srcdoc="([^"]*)"', answer.text))
    return html.unescape(found[1])


async def category(context: Context, site: Site, code: str = "roads") -> Category:
    return existing((await sites.by_id(context.database, site.id)).known_category(code))


async def test_what_is_saved_is_what_the_widget_and_the_form_ask(
    client: Client, context: Context, site: Site, admin: Cabinet
) -> None:
    assert address(site) in (await admin.read(f"/cabinet/sites/{site.id}/consent")).links
    given = {
        "name": "Ямы", "deadline_days": "3", "notice": "Провал опасен — 112", "responsible": "Дорожная служба",
        "photo_required": "yes", "photo_after": "yes",
        **question(1, "Глубина", "number", hint="В сантиметрах", code="depth"),
        **question(2, "Где", "singlevaluelist", options="На дороге\nВо дворе\n", required="yes"),
    }  # fmt: skip
    saved = await press(admin, site, "save", **given)
    assert saved.status_code == 303, saved.text
    assert "Сохранено" in (await admin.read(saved.headers["location"])).text
    shown = next(one for one in (await client.get(f"/api/v1/sites/{site.key}")).json()["categories"])
    assert (shown["code"], shown["name"], shown["deadline_days"], shown["photo_required"]) == ("roads", "Ямы", 3, True)
    depth, where = shown["questions"]
    assert (depth["code"], depth["datatype"], depth["hint"], depth["required"]) == (
        "depth",
        "number",
        "В сантиметрах",
        False,
    )
    assert (where["code"], where["required"]) == ("q1", True)
    assert [one["name"] for one in where["values"]] == ["На дороге", "Во дворе"]
    page = (await client.get(f"/s/{site.key}/report?category=roads")).text
    assert "Глубина" in page
    assert "Провал опасен — 112" in page
    entry = existing(await context.database.row("SELECT * FROM journal WHERE kind = 'category_changed'"))
    assert (entry["role"], entry["site_id"]) == ("admin", site.id)
    assert "Ямы" not in entry["details"]
    found = await category(context, site)
    assert (found.photo_after, found.responsible) == (True, "Дорожная служба")
    assert (await press(admin, site, "save")).status_code == 303  # unchanged: nothing is written
    rows = await context.database.rows("SELECT 1 FROM journal WHERE kind = 'category_changed'")
    assert len(rows) == 1


async def test_buttons_change_form_and_preview_but_not_the_site(context: Context, site: Site, admin: Cabinet) -> None:
    two = question(1, "Первый") | question(2, "Второй", "text")
    shown = await press(admin, site, "preview", name="Ямы и трещины", **two)
    assert shown.status_code == 200, shown.text
    draft = preview(shown)
    assert draft.index("Первый") < draft.index("Второй")
    assert "Ямы и трещины" in draft
    assert "<script" not in draft
    moved = await press(admin, site, "up.2", **two)
    assert preview(moved).index("Второй") < preview(moved).index("Первый")
    fields = PageText(moved.text).form(address(site, "roads")).fields
    assert (fields["q1.description"], fields["q2.description"]) == ("Второй", "Первый")
    added = PageText((await press(admin, site, "add", **two)).text).form(address(site, "roads")).fields
    assert added["q3.description"] == ""
    removed = PageText((await press(admin, site, "remove.1", **two)).text)
    assert removed.form(address(site, "roads")).fields["q1.description"] == "Второй"
    assert "ещё не сохранено" in removed.text
    for nonsense in ("up.0", "down.99999", "remove.x", "up.1"):
        assert (await press(admin, site, nonsense, **two)).status_code == 200
    assert await sites.by_id(context.database, site.id) == site


@ONE_DATABASE
async def test_bad_input_gets_a_sentence_and_is_kept(context: Context, site: Site, admin: Cabinet) -> None:
    for fields, sentence in (
        (question(1, "Раз", code="a") | question(2, "Два", code="a"), "уже у другого вопроса"),
        (question(1, "Раз", code="а б"), "латинские буквы"),
        (question(1, "Где", "multivaluelist"), "Добавьте варианты"),
        (question(1, "Где", "singlevaluelist", options="Тут\nТут"), "повторяется"),
        (question(1, "Где", "singlevaluelist", options="\n".join(map(str, range(51)))), "Вариантов больше 50"),
        (question(1, "", options="Тут"), "Напишите вопрос"),
        (question(1, "Что <b>там</b>"), "Теги HTML"),
        (question(1, "Что", hint='<img src="//x.test">'), "Теги HTML"),
        (question(1, "Цвет", "colour"), "Такого варианта нет"),
        (question(1, "Слово " * 40), "Сократите до 200"),
        ({"name": "<script>alert(1)</script>"}, "Теги HTML"),
        ({"deadline_days": "0"}, "от 1 до 365"),
        ({"deadline_days": "скоро"}, "от 1 до 365"),
        ({"deadline_days": "9" * 4000}, "от 1 до 365"),
        ({key: text for n in range(1, 301) for key, text in question(n, f"Вопрос {n}").items()}, "Вопросов больше 30"),
    ):
        answer = await press(admin, site, "save", **fields)
        assert answer.status_code == 422, sentence
        assert sentence in answer.text
        kept = PageText(answer.text).form(address(site, "roads")).fields
        plain = {name: text.strip() for name, text in fields.items() if not name.endswith(".datatype")}
        assert plain.items() <= kept.items()
        assert await sites.by_id(context.database, site.id) == site


@ONE_DATABASE
async def test_the_command_line_refuses_the_same(context: Context, site: Site) -> None:
    one = '{"code": "a%s", "description": "Что", "datatype": "string"}'
    with pytest.raises(Invalid):
        parse_questions("[" + ",".join(one % number for number in range(MAX_QUESTIONS + 1)) + "]")
    with pytest.raises(Invalid):
        parse_questions('[{"code": "a", "description": "<b>Что</b>", "datatype": "string"}]')
    for columns in ({"name": "<b>Ямы</b>"}, {"deadline_days": 366}, {"notice": "а" * 1001}):
        with pytest.raises(Invalid):
            await changes.set_category(context.database, site.id, "roads", columns)


async def test_answers_stay_readable_without_their_question_option_and_category(
    context: Context, site: Site, admin: Cabinet
) -> None:
    stored = parse_questions(
        '[{"code": "where", "description": "Где это", "datatype": "singlevaluelist",'
        ' "values": [{"key": "1", "name": "На мосту"}, {"key": "2", "name": "Под мостом"}]},'
        ' {"code": "depth", "description": "Глубина ямы", "datatype": "number"}]'
    )
    await changes.set_category(context.database, site.id, "roads", {"questions": stored, "name": "Мосты"})
    problem = (await submit_report(context.database, site, answers={"where": "1", "depth": "30"})).problem_id
    changed = {**question(1, "В каком месте", "singlevaluelist", options="Под мостом\nРядом", code="where")}
    path = address(site, "roads")
    form = (await admin.read(path)).form(path)
    fields = {name: text for name, text in form.fields.items() if not name.startswith("q2")}
    assert (await admin.client.post(path, data={**fields, **changed, "enabled": ""})).status_code == 303
    found = await category(context, site)
    assert [one.description for one in found.questions] == ["В каком месте"]
    assert found.questions[0].values == (("2", "Под мостом"), ("Рядом", "Рядом"))
    page = (await admin.read(f"/cabinet/problems/{problem}")).text
    assert "В каком месте На мосту" in page
    assert "Глубина ямы 30" in page
    assert "Мосты" in page
    # A new question does not take the code of the removed one, and another change keeps the words.
    await press(admin, site, "save", **changed, **question(2, "Ширина"), enabled="yes")
    await press(admin, site, "save", name="Мосты и трубы")
    assert "Глубина ямы 30" in (await admin.read(f"/cabinet/problems/{problem}")).text
    listed = await changes.list_categories(context.database, site.id)
    assert [one["code"] for one in listed[0]["questions"]] == ["where", "q1"]


async def test_categories_are_added_ordered_and_switched_off(client: Client, site: Site, admin: Cabinet) -> None:
    path = address(site)
    refused = await add(admin, site, name="Дороги", code="roads")
    assert refused.status_code == 422
    assert "уже есть" in refused.text
    assert (await add(admin, site, name=" ")).status_code == 422
    added = await add(admin, site, name="Бездомные животные")
    assert added.headers["location"] == f"{path}/own1?done=added"
    assert (await press(admin, site, "save", "own1", name="")).status_code == 422, "it has no other name"
    token = (await admin.read(path)).forms[-1].fields["form_token"]
    for _ in range(2):
        moved = await admin.client.post(path, data={"form_token": token, "do": "up.own1"})
        assert moved.status_code == 303
    await admin.client.post(path, data={"form_token": token, "do": "up.roads"})  # it is the first
    codes = [one["code"] for one in (await client.get(f"/api/v1/sites/{site.key}")).json()["categories"]]
    assert codes[0] == "roads"
    assert codes[-3:] == ["own1", "safety", "other"]
    assert (await press(admin, site, "save", "own1", enabled="")).status_code == 303
    codes = [one["code"] for one in (await client.get(f"/api/v1/sites/{site.key}")).json()["categories"]]
    assert "own1" not in codes


async def test_the_last_category_stays_on(context: Context, site: Site, admin: Cabinet) -> None:
    for one in site.categories[1:]:
        await changes.set_category(context.database, site.id, one.code, {"enabled": False})
    answer = await press(admin, site, "save", enabled="")
    assert answer.status_code == 422
    assert "последняя включённая" in answer.text
    assert (await sites.by_id(context.database, site.id)).category("roads") is not None


async def test_nobody_overwrites_what_a_colleague_saved_meanwhile(context: Context, site: Site, admin: Cabinet) -> None:
    path = address(site, "roads")
    form = (await admin.read(path)).form(path)
    await changes.set_category(context.database, site.id, "roads", {"notice": "Осторожно"})
    late = await admin.client.post(path, data=form.fields | {"name": "Ямы"})
    assert late.status_code == 422
    assert "кто-то другой" in late.text
    again = PageText(late.text).form(path)
    assert again.fields["name"] == "Ямы"
    assert (await admin.client.post(path, data=again.fields)).status_code == 303


@ONE_DATABASE
async def test_unknown_and_foreign_categories_are_not_found(context: Context, site: Site, admin: Cabinet) -> None:
    await admin.read(address(site, "nothing"), 404)
    other = await make_site(context.database)
    await admin.read(address(other), 404)
    await admin.read(address(other, "roads"), 404)

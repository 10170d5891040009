"""Collections in the extended widget: list, map, filters, one entry, tabs, the form, against a real service."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.factories import AGENT, submit_report
from tests.support.browser import NewPage, Watch
from tests.support.by_names import ByNames
from tests.support.pages import EXAMPLES
from tests.support.widget import DESKTOP, PHONE, WidgetSite, check_appearance
from widget_api.database import Database
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, join_entry
from widget_api.sites import changes, collection
from widget_api.sites import service as sites

PROJECTS = (
    ("Сквер у школы № 14", "yards", {"cost": "1200000", "benefits": "Школьники и соседи"}),
    ("Освещение аллеи в парке", "yards", {"cost": "840000", "benefits": "Все, кто гуляет вечером"}),
    ("Спортивная площадка на Заречной", "sport", {"cost": "2600000", "benefits": "Подростки района"}),
)
PROGRAMMES = tuple(
    (title, "course", {"centre": "Центр", "form": "online", "begins": day})
    for title, day in (("Была ещё раньше", "2019-05-01"), ("Будет нескоро", "2099-05-01"), ("Была давно", "2020-05-01"))
)
MEETINGS = (("Субботник на набережной", "{category}", {"needs": "водитель, фотограф"}),)
CLOSED = 1_769_893_200  # the midnight after 31 January 2026 in Moscow
EXPERTS = (
    ("Право некоммерческих организаций", "law", {"formats": ["lecture"], "cities": "Коломна"}),
    ("Заявка на грант с первого раза", "finance", {"formats": ["lecture", "advice"], "cities": "Зарайск"}),
)


async def _fill(url: str, key: str) -> None:
    database = Database(url)
    await database.connect()
    try:
        site = await sites.by_key(database, key)
        for slug, entries in (
            ("budgeting", PROJECTS),
            ("initiatives", ()),
            ("experts", EXPERTS),
            ("meetings", MEETINGS),
            ("school", PROGRAMMES),
        ):
            preset = {"meetings": "initiatives", "school": "programmes"}.get(slug, slug)
            child = await collection.add_collection(database, site, slug, preset)
            if not entries:
                await changes.update_site(database, child.id, {"closes_at": CLOSED})
            for place, (title, category, answers) in enumerate(entries):
                text = join_entry(title, f"{title}: подробности для тех, кто решает.")
                category = category.format(category=child.categories[0].code)
                given: dict[str, Any] = {"category": category, "description": text, "answers": answers}
                problem = (await submit_report(database, child, lat=55.08 + place / 100, **given)).problem_id
                await lifecycle.confirm(database, child.id, problem)
                await lifecycle.change(database, AGENT, child.id, problem, Change(to="accepted"))
    finally:
        await database.disconnect()


@pytest.fixture(scope="module")
def collected(widget_site: WidgetSite) -> WidgetSite:
    url = widget_site.service.settings["WIDGET_DATABASE_URL"]
    with ThreadPoolExecutor() as pool:  # this thread's loop is the browser's
        pool.submit(asyncio.run, _fill(url, widget_site.key)).result()
    (widget_site.folder / "participation").symlink_to(EXAMPLES / "participation")
    return widget_site


def show(page: Page, site: WidgetSite, named: str, shared: str = "") -> Locator:
    """The widget with collections in the page, when the first of their entries are there."""
    page.goto(site.page(site.snippet(f'type="extended" view="inline" collection="{named}"')) + shared)
    widget = page.locator("igrajdanin-widget")
    expect(widget.locator(".card:visible, article .facts").first).to_be_visible()
    return widget


def test_a_collection_is_shown_as_the_city_is(page: Page, collected: WidgetSite, watch: Watch) -> None:
    """Under the strictest policy; nothing of the city is asked for. Its map tells of no days to an answer."""

    def delay(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        for one in found["features"]:
            one["properties"]["overdue"] = True
        route.fulfill(response=answer, json=found)

    page.route("**/clusters?*", delay)
    page.set_viewport_size(DESKTOP)
    page.goto(f"{collected.host.url}/participation/")
    widget = page.locator("igrajdanin-widget")
    cards = widget.locator(".card")
    expect(cards).to_have_count(3)
    expect(widget.get_by_role("heading", level=2)).to_have_text("Инициативное бюджетирование")
    expect(cards.first).to_contain_text("Спортивная площадка на Заречной")
    expect(cards.first).to_contain_text(re.compile(r"2\s600\s000\s₽"))
    assert cards.first.get_attribute("href") == f"{collected.service.url}/s/{collected.key}/c/budgeting/3"
    expect(widget.get_by_text("На карте 3 проекта")).to_be_visible()
    expect(widget.locator(".mark.one")).to_have_count(3)
    expect(widget.locator(".mark .badge")).to_have_count(0)
    assert not [one.url for one in watch.requests if f"{collected.key}/problems" in one.url]
    cards.first.click()
    entry = widget.locator("article")
    expect(entry.get_by_role("heading", name="Проект № 3")).to_be_focused()
    expect(entry.get_by_role("heading", name="Спортивная площадка на Заречной")).to_be_visible()
    expect(entry).to_contain_text("Подростки района")
    expect(entry.get_by_role("button", name="Поддержать")).to_have_count(0)
    check_appearance(page, "an entry", ("dark", "contrast"))
    page.go_back()
    expect(cards.first).to_be_focused()


def test_entries_are_filtered_by_what_was_answered(new_page: NewPage, collected: WidgetSite) -> None:
    page = new_page(viewport=PHONE)
    widget = show(page, collected, "experts")
    widget.get_by_role("button", name="Фильтры").click()
    widget.get_by_label("Форматы").select_option("Консультация")
    expect(widget.locator(".card")).to_have_count(1)
    expect(widget.locator(".chosen")).to_contain_text("Выбрано: Консультация")
    assert page.url.endswith("#igrajdanin?answers=formats%3Aadvice")
    check_appearance(page, "filters of a directory on a phone", ("dark", "contrast"))
    page.reload()
    expect(widget.locator(".card")).to_have_count(1)
    widget.get_by_role("button", name="Сбросить").click()
    expect(widget.locator(".card")).to_have_count(2)


def test_past_programmes_are_a_choice_among_the_filters(desktop: Page, collected: WidgetSite) -> None:
    """List and map show what is to come; a button of the page's own opens them."""
    snippet = collected.snippet('type="extended" collection="school"')
    own = "<style>igrajdanin-widget::part(button) { display: none }</style><button id=own>Программы</button>"
    desktop.goto(collected.page(own + snippet))
    widget = desktop.locator("igrajdanin-widget")
    expect(widget.get_by_role("button")).to_have_count(0)
    desktop.evaluate("void (own.onclick = () => igrajdanin('open'))")
    desktop.get_by_role("button", name="Программы").click()
    expect(widget.locator(".card")).to_contain_text(["Будет нескоро"])
    marks = widget.get_by_role("application").get_by_role("button", name="Курс, принято: ")
    expect(marks).to_have_count(1)
    widget.get_by_role("button", name="Фильтры").click()
    expect(widget.get_by_label("Порядок").locator("option").first).to_have_text("По дате начала")
    widget.get_by_label("Когда").select_option("Прошедшие")
    expect(widget.locator(".card")).to_contain_text(["Была давно", "Была ещё раньше"])
    expect(marks).to_have_count(2)
    expect(widget.locator(".chosen")).to_contain_text("Выбрано: Прошедшие")
    check_appearance(desktop, "past programmes", ("dark", "contrast"))
    assert desktop.url.endswith("#igrajdanin?answers=past%3Atrue")
    widget.get_by_role("button", name="Сбросить").click()
    expect(widget.locator(".card")).to_contain_text(["Будет нескоро"])


def test_an_entry_is_added_with_its_title(new_page: NewPage, collected: WidgetSite) -> None:
    page = new_page(viewport=PHONE)
    widget = show(page, collected, "budgeting")
    widget.get_by_role("button", name="Предложить проект").click()
    expect(widget.get_by_role("heading", level=2)).to_have_text("Предложить проект")
    widget.get_by_label("Спорт", exact=True).press("Space")
    forward = widget.get_by_role("button", name="Далее")
    forward.click()
    forward.click()
    expect(widget.get_by_role("group", name="Исправьте поля: 4")).to_be_focused()
    check_appearance(page, "the form on a phone", ("dark", "contrast"))
    for label, text in (("Название проекта", "Каток во дворе"), ("Описание", "Заливать каждую зиму")):
        widget.get_by_label(label, exact=True).fill(text)
    widget.get_by_label("Стоимость, ₽").fill("300000")
    widget.get_by_label("Кому это нужно").fill("Дети трёх домов")
    # Another tab keeps what was typed, and the way back keeps it too.
    page.get_by_role("button", name="К списку").click()
    expect(widget.locator(".card")).to_have_count(3)
    widget.get_by_role("button", name="Предложить проект").click()
    expect(widget.get_by_label("Название проекта")).to_have_value("Каток во дворе")
    forward.click()
    widget.get_by_label("Адрес или ориентир").fill("ул. Мира, 7")
    forward.click()
    widget.get_by_label("Электронная почта").fill("anna@example.test")
    widget.get_by_label("Даю согласие").check()
    expect(widget.locator(".facts")).to_contain_text("Каток во дворе")
    with page.expect_response(re.compile("/collections/budgeting/entries$")) as answered:
        widget.get_by_role("button", name="Отправить запись").click()
    assert answered.value.status == 201
    sent = answered.value.request.post_data_json or {}
    assert (sent["title"], sent["answers"]["cost"]) == ("Каток во дворе", "300000")
    expect(widget.get_by_role("heading", name="Проект получен")).to_be_visible()
    check_appearance(page, "an entry is received", ("dark", "contrast"))


def test_a_frame_shows_a_collection(page: Page, collected: WidgetSite) -> None:
    page.goto(f"{collected.service.url}/s/{collected.key}/embed?collection=experts,%20budgeting&preview")
    expect(page.locator("igrajdanin-widget .tab").first).to_have_text("Экспертное бюро «Сообщество»")
    expect(page.locator("igrajdanin-widget .card")).to_have_count(2)


def test_each_collection_offers_what_it_has(page: Page, collected: WidgetSite) -> None:
    widget = show(page, collected, "budgeting, meetings, experts, initiatives")
    tabs = widget.get_by_role("navigation", name="Разделы").get_by_role("button")
    for at, counted in enumerate((["По числу голосов"], ["По числу участников"], [])):
        tabs.nth(at).click()
        expect(widget.locator(".card")).to_have_count((3, 1, 2)[at])
        widget.get_by_role("button", name="Фильтры").click()
        orders = widget.get_by_label("Порядок").locator("option")
        expect(orders.filter(has_text="Недавно изменённые")).to_have_count(1)
        expect(orders.filter(has_text="Скоро срок ответа")).to_have_count(0)
        expect(orders.filter(has_text="По числу")).to_have_text(counted)
        expect(widget.get_by_role("button", name="Просроченные")).to_have_count(0)
    tabs.last.click()
    expect(widget.get_by_text("Приём новых записей закончился: последний день был 31 января")).to_be_visible()
    expect(widget.get_by_role("heading", name="Инициатив пока нет")).to_be_visible()
    expect(widget.get_by_role("button", name="Предложить инициативу")).to_have_count(0)


def test_a_visitor_takes_part_by_a_letter(new_page: NewPage, collected: WidgetSite) -> None:
    page = new_page(viewport=PHONE)
    widget = show(page, collected, "budgeting, meetings")
    tabs = widget.get_by_role("navigation", name="Разделы").get_by_role("button")
    for at, (slug, act, given, sent) in enumerate(ACTS):
        tabs.nth(at).click()
        expect(widget.locator(".card")).to_have_count((3, 1)[at])
        take_part(page, widget, slug, act, given, sent)


ACTS: tuple[tuple[str, str, dict[str, str], str], ...] = (
    ("budgeting", "Голосовать", {}, "Подтвердить голос"),
    ("meetings", "Присоединиться", {"role": "водитель", "text": "Есть машина"}, "Присоединиться"),
)


def take_part(page: Page, widget: Locator, slug: str, act: str, given: dict[str, str], sent: str) -> None:
    # The press in the list opens the entry with the form.
    if slug == "budgeting":  # by names alone, as in test_widget_screen_reader.py
        ByNames(page).press("button", act, PROJECTS[0][0])
    else:
        widget.locator(".entry").last.get_by_role("button", name=act).click()
    form = widget.locator("article form")
    form.get_by_label("Электронная почта").fill("anna@example.test")
    form.locator(".button").click()
    expect(form.locator("[aria-invalid]").first).to_be_focused()
    check_appearance(page, act, ("dark", "contrast"))
    for name, text in given.items():
        field = form.locator(f"[id$={name}]")
        field.select_option(text) if name == "role" else field.fill(text)
    for tick in form.get_by_role("checkbox").all():
        tick.check()
    with page.expect_response(re.compile(f"/collections/{slug}/entries/1/(vote|join|contact)$")) as answered:
        form.locator(".button").click()
    assert answered.value.status == 202, answered.value.text()
    body = answered.value.request.post_data_json or {}
    assert {name: body[name] for name in given} == given
    message = widget.locator("[id$='-sent']")
    expect(message).to_be_focused()
    expect(message).to_contain_text(f"нажмите «{sent}»")
    # The one thing to do next is in the form.
    expect(widget.locator(".button:not(.quiet)").filter(visible=True)).to_have_count(0)
    expect(widget.get_by_role("heading", name="Ход работы")).to_have_count(1)
    page.get_by_role("button", name="К списку").click()
    if slug == "budgeting":
        expect(widget.locator(".ballot")).to_have_text("Осталось голосов: 2 из 3, если отданные подтверждены по почте.")
        expect(widget.locator(".entry").last).to_contain_text("Голос ждёт подтверждения")
        # Nothing counts before the letter's button was pressed: no tick.
        expect(widget.locator(".entry .tone-done")).to_have_count(0)

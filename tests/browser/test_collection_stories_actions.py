"""Stories of a budget, of experts and of initiatives, told by all who take part in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.conftest import ONE_DATABASE_UNLESS_FULL
from tests.support.browser import Watch
from tests.support.collection_stories import BEGIN, DESK, PHONE, Town, add_entry, decide, fill
from tests.support.pictures import file, halves, photo

pytestmark = [pytest.mark.browser, pytest.mark.long, ONE_DATABASE_UNLESS_FULL]
FoundTown = Callable[..., Town]
NewPage = Callable[..., Page]
DAY = timedelta(days=1)
ANNA, VERA, OLEG, MARIA = (f"{name}@example.test" for name in ("anna", "vera", "oleg", "maria"))


def picture(name: str) -> FilePayload:
    made: FilePayload = file(photo(halves(640, 480)), name)
    return made


def travel(town: Town, days: int, *pages: Page) -> None:
    """To that day of the story, in the service and in the browsers of these people."""
    town.travel_to(BEGIN + days * DAY)
    for page in pages:
        page.clock.set_fixed_time(BEGIN + days * DAY)


def open_entry(town: Town, page: Page, title: str) -> Locator:
    """An entry in the widget on a page of the town."""
    widget = town.show_widget(page)
    widget.locator(".card", has_text=title).click()
    entry: Locator = widget.locator("article")
    expect(entry).to_contain_text(title)
    return entry


def act_in_widget(entry: Locator, button: str, **given: str | bool) -> None:
    """Press the button of an entry's action, fill in its form and send it."""
    entry.get_by_role("button", name=button).click()
    form = entry.locator("form")
    for name, value in given.items():
        field = form.locator(f"[id$=-{name}]")
        if value is True:
            field.check()
        elif field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(str(value))
        else:
            field.fill(str(value))
    form.get_by_label(re.compile("Даю согласие")).check()
    form.locator(".button").click()
    expect(entry.locator("[id$='-sent']")).to_be_focused()


def publish_with_photo(town: Town, page: Page, text: str) -> None:
    """In the cabinet: it is done, and how that looks."""
    page.set_input_files("#field-photos", [picture("after.jpg")])
    decide(town, page, "resolved", text=text)


def count_voices(town: Town, number: int) -> int:
    return int(json.loads(town.read(f"{town.api}/entries/{number}"))["participants"])


def act_on_page(page: Page, address: str, **given: object) -> None:
    """The same without scripts."""
    page.goto(address)
    for name, value in {**given, "consent": True}.items():
        field = page.locator(f"main form [name={name}]:not([type=hidden])")
        if value is True:
            field.check()
        elif field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(str(value))
        else:
            field.fill(str(value))
    page.locator("main form button.primary").click()
    expect(page.locator("main")).to_contain_text("На почту идёт письмо")


def test_residents_propose_vote_and_see_what_was_built(found_town: FoundTown, new_page: NewPage, watch: Watch) -> None:
    """An administrator, an author, voters, an official, a council, a platform."""
    watch.allow("status of 409")
    watch.allow("favicon.ico")
    town = found_town("budgeting", "--votes", "2", "--votes-open", "2031-03-10", "--votes-close", "2031-03-20")
    desk = f"{town.service.url}/cabinet/sites/{town.site.site}/collections/{town.slug}"
    admin, author, vera = (new_page(viewport=DESK) for _ in range(3))
    oleg = new_page(viewport=PHONE, java_script_enabled=False)
    travel(town, 0, author, vera)

    # The threshold is told before the vote; two projects come from a file.
    town.sign_in(admin, "admin")
    admin.goto(desk)
    admin.get_by_label("Порог, голосов").fill("2")
    admin.get_by_role("button", name="Сохранить").click()
    rows = "Название проекта;Категория;Описание;Адрес;Стоимость, ₽;Кому это нужно\n"
    rows += "Каток;sport;Заливать каждую зиму;Мира, 5;300000;Дети\nСцена;culture;В парке;Парк;90000;Все\n"
    admin.goto(f"{desk}/import")
    admin.set_input_files("[name=file]", {"name": "t.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    admin.get_by_role("button", name="Проверить файл").click()
    admin.get_by_role("button", name="Загрузить и опубликовать").click()
    expect(admin.locator(".notice.good")).to_contain_text("Опубликованы 2 записи.")

    # The author proposes a third in the widget, with a photo.
    form = town.show_widget(author)
    form.get_by_role("button", name="Предложить проект").click()
    form.get_by_label("Дворы и парки", exact=True).check()
    for label, text in (
        ("Название проекта", "Сквер у школы"),
        ("Описание", "Посадить липы и поставить скамейки"),
        ("Стоимость, ₽", "1200000"),
        ("Кому это нужно", "Ученики и соседи"),
        ("Адрес или ориентир", "Школьная, 14"),
        ("Электронная почта", ANNA),
    ):
        form.get_by_label(re.compile(f"^{label}")).fill(text)
    form.locator("#photos").evaluate("control => control.scrollIntoView({ block: 'center' })")
    form.locator("input#photos[accept*='.heic']").set_input_files([picture("before.jpg")])
    expect(form.locator(".photo").get_by_text("Загружено")).to_be_visible()
    form.get_by_label("Даю согласие").check()
    form.get_by_role("button", name="Отправить запись").click()
    expect(form.get_by_role("heading", name="Проект получен")).to_be_visible()
    town.press_in_letter(author, ANNA, "Подтвердите", "/confirm/", "Подтвердить")

    # An official reads the project and publishes it; its author learns so. Nobody votes before the day.
    agent = town.sign_in(new_page(viewport=DESK))
    agent.get_by_role("link", name=re.compile("Сквер у школы")).first.click()
    for words in ("Сквер у школы", re.compile(r"1\s200\s000"), "Ученики и соседи", ANNA):
        expect(agent.locator("main")).to_contain_text(words)
    decide(town, agent, "accepted")
    agent.goto("about:blank")  # its session ends
    published = town.platform.wait("status", status_code="accepted", number=3)
    received = town.platform.wait("received", entry=published["entry"], collection="budgeting")
    assert (received["title"], received["answers"]["cost"], len(received["photos"])) == ("Сквер у школы", "1200000", 1)
    entry = open_entry(town, vera, "Сквер у школы")
    expect(entry).to_contain_text("Голосование начнётся 10 марта")
    expect(entry.get_by_role("button", name="Голосовать")).to_have_count(0)
    oleg.goto(f"{town.page}/3/vote")
    expect(oleg.locator("main")).to_contain_text("Голосование ещё не началось")
    oleg.goto(f"{town.page}/3")
    for words in ("Голосование: с 10 марта по 20 марта.", "У вас 2 голоса", "Порог: 2 голоса."):
        expect(oleg.locator("#action")).to_contain_text(words)

    # Vera votes in the widget. Her other mailbox names and devices are the same person; she has two voices.
    travel(town, 8, vera)
    act_in_widget(open_entry(town, vera, "Сквер у школы"), "Голосовать", declared=True, email=VERA)
    assert count_voices(town, 3) == 0
    town.press_in_letter(vera, VERA, "голос за проект № 3", "/action/", "Подтвердить голос")
    expect(vera.locator("main")).to_contain_text("Ваш голос за проект № 3 засчитан")
    expect(vera.locator("main")).to_contain_text("У вас остался 1 голос.")
    phone = new_page(viewport=PHONE)
    act_on_page(phone, f"{town.page}/3/vote", declared=True, email="Vera+2@EXAMPLE.test")
    town.letter(VERA, "уже подтвердили")
    assert count_voices(town, 3) == 1
    act_on_page(phone, f"{town.page}/1/vote", declared=True, email="vera+3@example.test")
    town.press_in_letter(phone, "vera+3@example.test", "голос за проект № 1", "/action/", "Подтвердить голос")
    act_on_page(phone, f"{town.page}/2/vote", declared=True, email="vera+4@example.test")
    phone.goto(town.letter("vera+4@example.test", "голос за проект № 2").links[0])
    expect(phone.locator("h1")).to_have_text("Все голоса уже отданы")

    # Oleg votes without scripts, for two projects, and takes one voice back.
    for number in (3, 1):
        act_on_page(oleg, f"{town.page}/{number}/vote", declared=True, email=OLEG)
        town.press_in_letter(oleg, OLEG, f"голос за проект № {number}", "/action/", "Подтвердить голос")
    oleg.get_by_role("link", name="Отозвать голос").click()
    oleg.get_by_role("button", name="Отозвать голос").click()
    expect(oleg.locator("main")).to_contain_text("Отозвано. Ваша почта")
    oleg.goto(f"{town.page}?sort=support")
    for place, words in enumerate(("2 голоса", "1 голос", "Сцена")):
        expect(oleg.locator(".entries > li").nth(place)).to_contain_text(re.compile(words.replace(" ", r"\s")))
    room = "one => one.clientHeight - parseFloat(getComputedStyle(one).paddingTop)"
    assert oleg.locator(".entries img").first.evaluate(room) > 100
    feed = [one["data"] for one in town.feed() if one["type"].endswith(".counted")]
    assert [(one["number"], one["participants"]) for one in feed] == [(3, 1), (1, 1), (3, 2), (1, 2), (1, 1)]

    # The vote is over: no voice comes or goes.
    travel(town, 18, vera)
    expect(open_entry(town, vera, "Сквер у школы")).to_contain_text("последний день был 20 марта")
    oleg.goto(f"{town.page}/2/vote")
    expect(oleg.locator("main")).to_contain_text("Голосование закончилось")
    oleg.goto(town.letter(OLEG, "голос за проект № 3").links[0])
    oleg.get_by_role("link", name="Отозвать голос").click()
    expect(oleg.locator("main")).to_contain_text("отозвать голос нельзя")

    # The count for the council; its address counts again, also when a voter was erased.
    town.sign_in(admin, "admin")
    admin.goto(desk)
    admin.get_by_role("link", name="Подсчёт голосов для совета").click()
    expect(admin.locator("h1")).to_have_text("Подсчёт голосов поддержки")
    ranking = ["1 № 3 · Сквер у школы 2 набран", "2 № 1 · Каток 1 не набран", "3 № 2 · Сцена 0 не набран"]
    expect(admin.locator(".count tbody tr")).to_have_text([re.compile(one.replace(" ", r"\s*")) for one in ranking])
    expect(admin.locator(".signature")).to_have_text(["Председатель", "Секретарь", "Подсчёт распечатал"])
    verified = str(admin.locator(".verify a").get_attribute("href"))
    with time_machine.travel(town.now()):
        assert town.service.cli("erase", "--email", "Oleg+x@example.test")["participations"] == 1
    oleg.goto(verified)
    expect(oleg.locator("main")).to_contain_text("Числа с тех пор не изменились")
    expect(oleg.locator(".count tbody tr").first).to_contain_text("набран")
    admin.reload()
    expect(admin.locator("dl.facts")).to_contain_text(re.compile(r"удаливших данные\s*1"))

    # The council decides, the agency builds; the author is told, voters are not.
    agent = town.sign_in(agent)
    agent.goto(f"{town.service.url}/cabinet/problems?site={town.collection}")
    agent.get_by_role("link", name=re.compile("Сквер у школы")).first.click()
    agent.get_by_text("Кто это").click()
    expect(agent.locator("#participants tbody tr")).to_have_text([re.compile("Данные удалены"), re.compile(VERA)])
    decide(town, agent, "in_progress", text="Совет выделил деньги, липы посадим в мае")
    publish_with_photo(town, agent, "Посадили 40 лип, поставили скамейки")
    for words in ("Совет выделил деньги", "Посадили 40 лип"):
        town.letter(ANNA, words)
    built = town.platform.wait("status", status_code="resolved")
    assert (built["entry"], built["text"]) == (received["entry"], "Посадили 40 лип, поставили скамейки")
    vera.goto(f"{town.page}/3")
    expect(vera.locator("main")).to_contain_text("Совет выделил деньги")
    expect(vera.locator(".before-after .label")).to_have_text(["До", "После"])
    assert [len(town.mail.to(who)) for who in (VERA, OLEG)] == [2, 2]
    shown = [town.read(one) for one in (town.page, f"{town.page}/3", f"{town.api}/entries", f"{town.api}/entries.csv")]
    assert not [one for one in (*shown, *town.platform.bodies, str(town.feed())) if "@example.test" in one]


@pytest.mark.full("test_participation.py hands letters on, test_cabinet_collections.py loads files with errors")
def test_experts_are_found_by_field_and_asked_by_mail(found_town: FoundTown, new_page: NewPage, watch: Watch) -> None:
    """An administrator, an official, an expert, who asks, a platform."""
    watch.allow("status of 404")
    watch.allow("status of 422")
    town = found_town("experts")
    desk = f"{town.service.url}/cabinet/sites/{town.site.site}/collections/{town.slug}"
    admin, maria, asker = (new_page(viewport=DESK) for _ in range(3))
    visitor = new_page(viewport=PHONE, java_script_enabled=False)
    travel(town, 0, asker)

    # A file with one bad row; the good ones are published when its preview was seen.
    town.sign_in(admin, "admin")
    rows = "Имя и тема;Категория;Описание;Адрес;Форматы;Города\n"
    rows += "Павел Зуев: право НКО;Право;Юрист;Коломна;Лекция; Коломна\n"
    rows += "Без формата;Право;Юрист;Коломна;Танцы;Коломна\n"
    rows += "Анна Ким: гранты;finance;Пишу заявки;Мира, 5;Консультация;Зарайск\n"
    admin.goto(f"{desk}/import")
    admin.set_input_files("[name=file]", {"name": "t.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    admin.get_by_role("button", name="Проверить файл").click()
    expect(admin.locator(".notice.bad li")).to_contain_text(["Строка 3, «Форматы» — «Танцы»: Такого варианта нет."])
    assert json.loads(town.read(f"{town.api}/entries"))["items"] == []
    admin.get_by_role("button", name="Загрузить и опубликовать").click()
    expect(admin.locator(".notice.good")).to_contain_text("Опубликованы 2 записи.")

    # An official enters a third with the expert's own address, which she confirms.
    agent = town.sign_in(new_page(viewport=DESK))
    agent.goto(f"{town.service.url}/cabinet/new-report?site={town.collection}")
    fill(
        agent,
        {
            "channel": "letter",
            "title": "Мария Лебедева: помощь пожилым",
            "category": "volunteering",
            "description": "Десять лет учу добровольцев",
            "address": "Коломна",
            "answers.formats": ["advice", "online"],
            "answers.cities": "Везде, онлайн",
            "email": MARIA,
            "consent": True,
        },
    )
    agent.locator("main form button.primary").click()
    expect(agent.locator("main")).to_contain_text("№ 3")
    assert town.letter(MARIA, "Подтвердите").recipients == (MARIA,)
    town.press_in_letter(maria, MARIA, "Подтвердите", "/confirm/", "Подтвердить")

    # Found by field without scripts, and asked: the letter is handed on without the address of whoever wrote it.
    visitor.goto(town.page)
    visitor.get_by_text("Все условия").click()
    visitor.get_by_label("Форматы").select_option("Консультация")
    visitor.get_by_label("Города").fill("онлайн")
    visitor.get_by_role("button", name="Показать").click()
    expect(visitor.locator(".entries > li")).to_contain_text(["Мария Лебедева"])
    visitor.locator(".entries > li h3 a").click()
    visitor.get_by_role("link", name="Пригласить").click()
    act_on_page(visitor, visitor.url, text="Приедете к нам в приют?", name="Вера", email=VERA)
    assert town.mail.to(MARIA) == [town.letter(MARIA, "Подтвердите")], "nothing is handed on before it is confirmed"
    town.press_in_letter(visitor, VERA, "Подтвердите письмо", "/action/", "Передать")
    expect(visitor.locator("h1")).to_have_text("Письмо передано")
    asked = town.letter(MARIA, "Приедете к нам в приют?")
    assert (VERA in asked.raw.decode() + asked.text, asked.message["Reply-To"]) == (False, None)
    assert "Вера" in asked.text
    assert "Отправитель не показал свою почту" in asked.text

    # In the widget, with the address shown: the expert answers from her own mailbox.
    widget = town.show_widget(asker)
    widget.get_by_role("button", name="Фильтры").click()
    widget.get_by_label("Форматы").select_option("Консультация")
    expect(widget.locator(".card")).to_have_count(2)
    entry = open_entry(town, asker, "Мария Лебедева")
    act_in_widget(entry, "Пригласить", text="Посоветуете, с чего начать?", email=OLEG, show_email=True)
    town.press_in_letter(asker, OLEG, "Подтвердите письмо", "/action/", "Передать")
    asked = town.letter(MARIA, "с чего начать")
    assert asked.message["Reply-To"] == OLEG
    assert f"ответ уйдёт на {OLEG}" in asked.text
    # An expert whose address nobody gave is asked through the agency.
    act_on_page(visitor, f"{town.page}/1/contact", text="Проверите наш устав?", email=VERA)
    town.press_in_letter(visitor, VERA, "автору записи № 1", "/action/", "Передать")
    town.letter("office@gorod.test", "Проверите наш устав?")
    assert not [one for one in town.mail.to(MARIA) if "устав" in one.text]

    # The agency sees how many wrote, not what. Nobody reads an address, and the platform has the entry alone.
    agent.goto(f"{town.service.url}/cabinet/problems?site={town.collection}")
    agent.get_by_role("link", name=re.compile("Мария Лебедева")).first.click()
    expect(agent.locator("#participants")).to_contain_text("Передано 2 письма")
    for private in ("приют", VERA, OLEG):
        expect(agent.locator("main")).not_to_contain_text(private)
    entry_of = town.platform.wait("received", number=3)
    assert (entry_of["collection"], entry_of["title"]) == ("experts", "Мария Лебедева: помощь пожилым")
    assert town.platform.wait("status", status_code="accepted", number=3)["entry"] == entry_of["entry"]
    shown = [
        town.read(one) for one in (town.page, f"{town.page}/3", f"{town.api}/entries/3", f"{town.api}/entries.csv")
    ]
    assert not [one for one in (*shown, *town.platform.bodies, str(town.feed())) if "@example.test" in one]
    # A month later neither the letters nor their senders are here any more.
    agent.goto("about:blank")
    travel(town, 33)
    with time_machine.travel(town.now()):
        town.service.cli("purge")
    visitor.goto(town.letter(VERA, "Подтвердите письмо").links[0])
    expect(visitor.locator("main")).not_to_contain_text("приют")


def test_an_initiative_finds_people_takes_place_and_ends(
    found_town: FoundTown, new_page: NewPage, watch: Watch
) -> None:
    """An author, who joins, an official, a platform."""
    watch.allow("status of 409")
    watch.allow("favicon.ico")
    town = found_town("initiatives")
    author, oleg = (new_page(viewport=PHONE, java_script_enabled=False) for _ in range(2))
    vera = new_page(viewport=DESK)
    travel(town, 0, vera)
    given = {"title": "Субботник на набережной", "category": "cleanup", "description": "Соберём мусор, посадим кусты"}
    given |= {"address": "Набережная", "answers.begins": "2031-03-15", "answers.ends": "2031-03-16"}
    given |= {"answers.needs": "садовник, водитель", "email": ANNA}
    assert add_entry(author, f"{town.page}/report", given) == 1
    town.press_in_letter(author, ANNA, "Подтвердите", "/confirm/", "Подтвердить")
    author.get_by_role("link", name="Открыть запись").click()
    private = author.url
    expect(author.locator("main")).to_contain_text("Пока никто не присоединился")
    expect(author.locator("dl.facts")).to_contain_text("садовник, водитель")
    agent = town.sign_in(new_page(viewport=DESK))
    agent.get_by_role("link", name=re.compile("Субботник")).first.click()
    expect(agent.locator("main")).to_contain_text(re.compile(r"Начало\s*15\sмарта"))
    decide(town, agent, "accepted")
    entry_of = town.platform.wait("received", number=1)
    assert (entry_of["collection"], entry_of["answers"]["needs"]) == ("initiatives", "садовник, водитель")
    assert town.platform.wait("status", status_code="accepted")["entry"] == entry_of["entry"]

    # Two join by confirmed mail, one with a role; the other one is still wanted.
    said = {"role": "водитель", "text": "Есть прицеп", "name": "Вера", "email": VERA}
    act_in_widget(open_entry(town, vera, "Субботник"), "Присоединиться", **said)
    author.goto(private)
    expect(author.locator("#joined")).not_to_contain_text("Вера")
    town.press_in_letter(vera, VERA, "Подтвердите участие", "/action/", "Присоединиться")
    act_on_page(oleg, f"{town.page}/1/join", text="Приду с сыном", name="Олег", email=OLEG)
    town.press_in_letter(oleg, OLEG, "Подтвердите участие", "/action/", "Присоединиться")
    oleg.goto(f"{town.page}/1")
    expect(oleg.locator("#action")).to_contain_text("2 участника")
    expect(oleg.get_by_text("Ещё нужны: садовник", exact=True)).to_be_visible()
    assert [one["data"]["participants"] for one in town.feed() if one["type"].endswith(".counted")] == [1, 2]

    # The author reads names, writes to all, and sees no address; one of them leaves by the letter.
    author.goto(private)
    expect(author.locator("#joined .comment")).to_contain_text(["Олег", "Вера · водитель"])
    expect(author.locator("#joined .comment")).to_contain_text(["Приду с сыном", "Есть прицеп"])
    expect(author.locator("#joined")).not_to_contain_text("@example.test")
    author.get_by_text("Написать всем участникам").click()
    author.fill("form[action$='/messaged'] textarea", "Встречаемся в десять у моста")
    author.get_by_role("button", name="Отправить участникам").click()
    for who in (VERA, OLEG):
        news = town.letter(who, "в десять у моста")
        assert (news.recipients, news.message["Reply-To"], ANNA in news.raw.decode()) == ((who,), None, False)
    assert not [one for one in town.mail.to(ANNA) if "у моста" in one.text]
    town.press_in_letter(oleg, OLEG, "в десять у моста", "/my-action/", "Выйти")
    expect(oleg.locator("main")).to_contain_text("Отозвано")
    author.reload()
    expect(author.locator("#joined")).to_contain_text("1 участник")
    expect(author.locator("#joined")).not_to_contain_text("Олег")
    # What the author tells of the day goes to the agency, with a photo.
    author.get_by_text(re.compile("^Дополнить")).click()
    author.fill("form[action$='/clarified'] textarea", "Привезли саженцы")
    author.set_input_files("[name=photos]", [picture("bushes.jpg")])
    author.locator("form[action$='/clarified'] button[type=submit]").click()
    agent.reload()
    expect(agent.locator("#history")).to_contain_text("Привезли саженцы")
    agent.get_by_text("Кто это").click()
    expect(agent.locator("#participants tbody")).to_contain_text(re.compile(rf"Вера\s*водитель\s*Есть прицеп\s*{VERA}"))
    agent.goto("about:blank")

    # The day after the last it is over by itself; who looks for something to do finds it among past ones.
    travel(town, 14)
    oleg = new_page(viewport=PHONE, java_script_enabled=False)  # browsers show pages of the last half minute again
    oleg.goto(f"{town.page}/1/join")
    expect(oleg.locator("main")).to_contain_text("Эта запись уже закрыта")
    oleg.goto(town.page)
    expect(oleg.locator("main")).to_contain_text("Пока ничего не запланировано")
    oleg.get_by_role("link", name="Прошедшие", exact=True).click()
    oleg.get_by_role("link", name="Субботник").click()
    expect(oleg.locator("#action")).to_contain_text("1 участник")
    expect(oleg.locator("#action a")).to_have_count(0)
    late = new_page(viewport=DESK)
    travel(town, 14, late)
    snippet = town.site.snippet(f'type="extended" view="inline" collection="{town.slug}"')
    late.goto(f"{town.site.page(snippet)}#igrajdanin?problem=1")
    entry = late.locator("igrajdanin-widget article")
    expect(entry.get_by_role("button", name="Следить")).to_be_visible()
    expect(entry.get_by_role("button", name="Присоединиться")).to_have_count(0)

    # The result with a photo; its author is told.
    agent = town.sign_in(agent)
    agent.goto(f"{town.service.url}/cabinet/problems?site={town.collection}")
    agent.get_by_role("link", name=re.compile("Субботник")).first.click()
    publish_with_photo(town, agent, "Собрали сто мешков мусора и посадили сорок кустов")
    town.letter(ANNA, "сорок кустов")
    assert town.platform.wait("status", status_code="resolved")["entry"] == entry_of["entry"]
    oleg.reload()
    expect(oleg.locator("#answer").locator("xpath=..")).to_contain_text("сорок кустов")
    expect(oleg.locator("#answer").locator("xpath=..").locator("img")).to_have_count(1)
    assert [len(town.mail.to(who)) for who in (VERA, OLEG)] == [2, 2]
    shown = [
        town.read(one) for one in (town.page, f"{town.page}/1", f"{town.api}/entries/1", f"{town.api}/entries.csv")
    ]
    hidden = ("@example.test", "Вера", "прицеп", "Олег")
    assert not [one for one in (*shown, *town.platform.bodies, str(town.feed())) if any(word in one for word in hidden)]

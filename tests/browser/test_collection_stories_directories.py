"""Stories of volunteers, inspectors, resource centres and programmes, told by all who take part in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import ONE_DATABASE_UNLESS_FULL
from tests.support.browser import Watch
from tests.support.collection_stories import BEGIN, DESK, PHONE, Town, act_below, add_entry, decide, fill
from tests.support.mail import Letter

pytestmark = [pytest.mark.browser, pytest.mark.long, ONE_DATABASE_UNLESS_FULL]
VOLUNTEER, NEIGHBOUR = "vika@volunteer.test", "petr@neighbour.test"
VERA, HIDDEN, HIDDEN_NAME, PHONE_NUMBER = "vera@resident.test", "kanareika@secret.test", "Канарейкина", "+79000000001"
ALIVE, SILENT, SEEKER = "opora@centre.test", "dom@centre.test", "maria@fund.test"
UNIVERSITY = "kurs@university.test"
COUNCIL = "Общественный совет"
FoundTown = Callable[..., Town]
NewPage = Callable[..., Page]


def test_volunteers_tell_of_a_problem_by_the_link_of_their_centre_and_get_an_answer(
    found_town: FoundTown, new_page: NewPage, watch: Watch
) -> None:
    """A volunteer centre, a volunteer, a neighbour, an official, a platform."""
    watch.allow("status of 409")
    town = found_town("volunteers", "--who", "invited", "--discussion", "moderated")
    volunteer, neighbour = new_page(viewport=PHONE), new_page(viewport=DESK)

    # The form is closed to those without a link; the administrator makes one for the centre.
    assert "/report" not in town.read(town.page)
    volunteer.goto(f"{town.page}/report")
    expect(volunteer.locator("h1")).not_to_contain_text("Рассказать о проблеме")
    admin = town.sign_in(new_page(viewport=DESK), "admin")
    admin.goto(f"{town.service.url}/cabinet/sites/{town.site.site}/collections/{town.slug}")
    admin.get_by_role("link", name="Ссылки для организаций").click()
    admin.get_by_label("Организация").fill("Волонтёрский центр «Рядом»")
    admin.get_by_role("button", name="Создать ссылку").click()
    expect(admin.locator(".notice.good")).to_contain_text("передайте организации")
    (link,) = re.findall(r"http\S+report\?by=[^\s<\"]+", admin.inner_text("main"))

    # A volunteer of the centre.
    number = add_entry(
        volunteer,
        link,
        {
            "title": "Не пускают в палаты",
            "category": "access",
            "answers.help": ["medical"],
            "answers.region": "Московская область",
            "description": "Добровольцев не пускают в палаты без пропуска больницы",
            "address": "Городская больница № 2",
            "email": VOLUNTEER,
        },
    )
    assert number == 1
    town.press_in_letter(volunteer, VOLUNTEER, "Подтвердите", "/confirm/", "Подтвердить")
    sent = town.platform.wait("received", collection="volunteers")
    assert sent["title"] == "Не пускают в палаты"
    assert sent["answers"] == {
        "organisation": "Волонтёрский центр «Рядом»",
        "help": ["medical"],
        "region": "Московская область",
    }

    # The agency: by a date, as any problem.
    agent = town.sign_in(new_page(viewport=DESK))
    agent.get_by_role("link", name="Не пускают в палаты").first.click()
    expect(agent.locator("main")).to_contain_text("Волонтёрский центр «Рядом»")
    decide(town, agent, "accepted")
    entry = agent.url.partition("?")[0]

    # Figures by region and kind of help.
    neighbour.goto(town.page)
    figures = neighbour.get_by_role("region", name="По регионам и видам помощи").get_by_role("row").last
    expect(figures).to_have_text(re.compile(r"Московская область\s*—1—{5}\s*1"))
    figures.get_by_role("link", name="1").click()
    expect(neighbour.locator("ul.entries").first).to_contain_text("Не пускают в палаты")

    # A neighbour supports it in the widget, follows and comments it on its page.
    widget = town.show_widget(neighbour)
    widget.locator(".card").first.click()
    widget.get_by_role("button", name="Поддержать").click()
    expect(widget.get_by_text("Спасибо. Ваш голос учтён.")).to_be_visible()
    neighbour.goto(f"{town.page}/1")
    main = neighbour.locator("main")
    expect(main).to_contain_text("17 марта")
    expect(main).to_contain_text("1 голос")
    act_below(neighbour, "follow", email=NEIGHBOUR)
    town.press_in_letter(neighbour, NEIGHBOUR, "следить", "/follow/", "Следить")
    neighbour.goto(f"{town.page}/1")
    act_below(neighbour, "comment", email=NEIGHBOUR, name="Пётр", text="В первой больнице то же самое")
    town.press_in_letter(neighbour, NEIGHBOUR, "комментарий", "/comment/", "Подтвердить")
    agent.goto(f"{town.service.url}/cabinet/inbox")
    agent.get_by_role("button", name="Опубликовать").click()
    expect(agent.locator(".notice.good")).to_be_visible()

    agent.goto(entry)
    decide(town, agent, "planned", expected_on="2031-03-28", text="Больница выдаст пропуска")
    decide(town, agent, "resolved", text="Пропуска выданы всем добровольцам центра 28 марта")
    for person in (VOLUNTEER, NEIGHBOUR):
        answer = town.letter(person, "Пропуска выданы всем")
        assert "Проблемы добровольцев" in answer.text
        others = {VOLUNTEER, NEIGHBOUR} - {person}
        assert not [one for one in others if one in answer.raw.decode()]
    neighbour.goto(f"{town.page}/1")
    expect(main).to_contain_text("В первой больнице то же самое")
    expect(main).to_contain_text("Пропуска выданы всем добровольцам центра 28")
    assert town.platform.wait("status", status_code="resolved")["entry"] == sent["entry"]
    assert [one["data"]["collection"] for one in town.feed()] == ["volunteers"] * len(town.feed())

    # The form closes with the link.
    admin.locator("summary", has_text="Отозвать").click()
    admin.get_by_role("button", name="Отозвать").click()
    expect(admin.locator(".notice.good")).to_contain_text("Ссылка отозвана")
    volunteer.goto(link)
    expect(volunteer.locator("main form")).to_have_count(0)
    nobody_sees(town, VOLUNTEER, NEIGHBOUR)


def nobody_sees(town: Town, *secrets: str) -> None:
    """No address or name stands in what everybody can read, and the platform knows none."""
    public = [f"{town.api}/entries/1/comments"] * (town.slug == "volunteers") + [
        town.page, f"{town.page}/1", f"{town.page}/feed.atom", town.api, f"{town.api}/entries",
        f"{town.api}/entries/1", f"{town.api}/entries.csv", f"{town.api}/entries.geojson",
    ]  # fmt: skip
    read = {address: town.read(address) for address in public} | {"feed": json.dumps(town.feed())}
    read |= {f"webhook {number}": body for number, body in enumerate(town.platform.bodies)}
    assert [(where, secret) for where, text in read.items() for secret in secrets if secret in text] == []


@pytest.mark.full("test_visits.py finds inspectors, invites them, and shows who sees which address")
def test_inspectors_offer_are_invited_by_a_council_and_come(
    found_town: FoundTown, new_page: NewPage, watch: Watch
) -> None:
    """Two residents, the agency that checks, a council of another site, a platform."""
    watch.allow("status of 401")  # the cabinet of an agent whose session ends
    town = found_town("inspectors")
    council = town.service.cli("agency", "add", "--name", COUNCIL, "--email", "sovet@council.test")["agency"]
    place = ("--origin", "https://council.test", "--jurisdiction", "council.test")
    town.service.cli("site", "add", "--name", "Сайт совета", "--agency", council, *place)

    # Residents offer: one agrees that the name is published, one does not.
    resident = new_page(viewport=PHONE)
    for title, name, email, district, agrees in (
        ("Проверю пандусы", "Вера Ясная", VERA, "Заречный, Центральный", True),
        ("Читаю сметы", HIDDEN_NAME, HIDDEN, "Заречный", False),
        ("Знаю дороги", "Олег", "oleg@resident.test", "Северный", False),
    ):
        given = {
            "title": title,
            "category": "roads" if "дороги" in title else "accessibility",
            "answers.districts": district,
            "answers.time": "weekends",
            "description": "Десять лет в строительстве",
            "address": "Октябрьская, 5",
            "email": email,
            "name": name,
            "phone": PHONE_NUMBER,
        }
        add_entry(resident, f"{town.page}/report", given | ({"publish_name": True} if agrees else {}))
        town.press_in_letter(resident, email, "Подтвердите", "/confirm/", "Подтвердить")

    # The agency checks them and names the council.
    admin = town.sign_in(new_page(viewport=DESK), "admin")
    accept(town, admin, "Проверю пандусы", "Читаю сметы", "Знаю дороги")
    published = town.letter(VERA, "Запись опубликована")
    assert (published.subject, "проблем" in published.text) == ("Запись № 1: Доступная среда", False)
    sovet = town.sign_in(new_page(viewport=DESK), "agent", council)
    sovet.goto(f"{town.service.url}/cabinet/sites")
    expect(sovet.get_by_role("link", name="Общественные инспекторы")).to_have_count(0)
    admin.goto(f"{town.service.url}/cabinet/sites/{town.site.site}/collections/{town.slug}")
    admin.get_by_role("link", name="Кто ещё работает с разделом").click()
    admin.get_by_label("Адрес его сайта").fill("council.test")
    admin.get_by_label("Что может").select_option("Приглашать на выезды")
    admin.get_by_role("button", name="Добавить").click()
    expect(admin.locator(".notice.good")).to_contain_text("Ведомство добавлено")

    # The council sets a visit, finds inspectors by field and district, and invites them.
    sovet.goto(f"{town.service.url}/cabinet/sites")
    sovet.get_by_role("link", name="Общественные инспекторы").click()
    visit = {"day": "2031-03-10", "hour": "10:00", "place": "Школа № 14", "text": "Проверим пандусы и входы"}
    fill(sovet, visit)
    sovet.get_by_role("button", name="Назначить выезд").click()
    offered = sovet.locator("#field-entries .tick")
    expect(offered).to_have_count(3)
    sovet.get_by_label("Направление").select_option("roads")
    sovet.get_by_role("button", name="Показать").click()
    expect(offered).to_have_count(1)
    expect(offered).to_contain_text("Знаю дороги")
    sovet.get_by_label("Направление").select_option("")
    sovet.get_by_label("Район").fill("заречном")
    sovet.get_by_role("button", name="Показать").click()
    expect(offered).to_have_count(2)
    expect(sovet.locator("main")).not_to_contain_text("Знаю дороги")
    seen = [sovet.content()]
    for one in offered.all():
        one.locator("input").check()
    sovet.get_by_role("button", name="Отправить приглашения").click()
    expect(sovet.locator(".notice.good")).to_contain_text("Отправлено 2 приглашения")
    event = sovet.url.partition("?")[0]

    # A button answers; a link alone does not.
    for email, button, said in ((VERA, "Приду", "Вы придёте"), (HIDDEN, "Не смогу", "Спасибо за ответ")):
        letter = town.letter(email, "приглашает вас")
        assert (COUNCIL in letter.text, visit["place"] in letter.text, visit["text"] in letter.text) == (True,) * 3
        assert "sovet@" not in letter.raw.decode()
        town.press_in_letter(resident, email, "приглашает вас", "/invited/", button)
        expect(resident.locator(".notice")).to_contain_text(said)
    assert not [one for one in town.mail.to("oleg@resident.test") if "приглашает" in one.text]
    sovet.goto(event)
    expect(sovet.locator("main")).to_contain_text("Согласились 1 из 2")
    rows = sovet.locator("table.register tbody tr")
    expect(rows.nth(0)).to_contain_text("придёт")
    expect(rows.nth(0)).to_contain_text("Вера Ясная")
    expect(rows.nth(1)).to_contain_text("не сможет")
    seen.append(sovet.content())

    # After the visit the result is published with its date and the team; it can no longer be answered.
    town.travel_to(BEGIN + timedelta(days=8))
    sovet = town.sign_in(new_page(viewport=DESK), "agent", council)
    sovet.goto(event)
    sovet.get_by_label("Что выяснили и что решено").fill("Пандус у входа крутой, школа исправит до июня")
    sovet.get_by_role("button", name="Опубликовать итог").click()
    expect(sovet.locator(".notice.good")).to_contain_text("Итог опубликован")
    seen.append(sovet.content())
    for path in ("/cabinet/", "/cabinet/problems", f"/cabinet/collections/{town.collection}/events"):
        sovet.goto(f"{town.service.url}{path}")
        seen.append(sovet.content())
    resident.reload()
    expect(resident.locator("main")).to_contain_text("ответить нельзя")
    resident.goto(town.page)
    result = resident.get_by_role("region", name="Выезды и итоги")
    for words in ("10 марта", "Школа № 14", COUNCIL, "Участвовал 1 инспектор: Вера Ясная", "школа исправит до июня"):
        expect(result).to_contain_text(re.compile(words.replace(" ", r"\s")))
    expect(town.show_widget(resident).locator(".card")).to_have_count(3)

    # The council, everybody and the platform: no address, no phone; a name with its consent alone.
    received = town.platform.wait("received", title="Читаю сметы")
    assert (received["collection"], received["answers"]["districts"]) == ("inspectors", "Заречный")
    assert not {"email", "phone", "first_name", "last_name", "name"} & received.keys()
    secrets = (VERA, HIDDEN, HIDDEN_NAME, PHONE_NUMBER)
    assert [secret for secret in secrets for text in seen if secret in text] == []
    nobody_sees(town, *secrets)
    assert "Вера Ясная" in town.read(f"{town.page}/1")


def accept(town: Town, page: Page, *titles: str) -> None:
    """Publish entries, one after the other, from the list of those that wait."""
    for title in titles:
        page.goto(f"{town.service.url}/cabinet/problems?site={town.collection}&tab=moderation")
        page.get_by_role("link", name=title).first.click()
        decide(town, page, "accepted")


def write_to_author(town: Town, page: Page, number: int, author: str, **given: Any) -> Letter:
    """Write to the author of an entry and confirm it. Returns the letter that the author gets."""
    page.goto(f"{town.page}/{number}")
    page.locator("#action a").click()
    fill(page, {**given, "consent": True})
    page.locator("main form button[type=submit]").click()
    expect(page.locator("[role=status]")).to_contain_text("нажмите «Передать»")
    assert not [one for one in town.mail.to(author) if given["text"] in one.text]
    town.press_in_letter(page, given["email"], f"автору записи № {number}", "/action/", "Передать")
    return town.letter(author, given["text"])


@pytest.mark.full("test_directories.py asks whether entries still exist, and writes to their authors")
def test_resource_centres_are_found_written_to_and_asked_whether_they_still_exist(
    found_town: FoundTown, new_page: NewPage, watch: Watch
) -> None:
    """Two organisations, the agency, somebody who seeks help, a platform; then a year passes."""
    watch.allow("status of 401")  # the cabinet of an agent whose session ends
    town = found_town("resource-centres")
    centre, seeker = new_page(viewport=PHONE), new_page(viewport=DESK)
    for title, region, support, email, point in (
        ("Центр «Опора»", "Московская область", ["consulting", "grants"], ALIVE, "55.0968, 38.7688"),
        ("Дом НКО", "Тверская область", ["training"], SILENT, "56.8587, 35.9176"),
    ):
        given = {
            "title": title,
            "category": "regional",
            "answers.region": region,
            "answers.support": support,
            "answers.contacts": "8 800 000-00-00, info@opora.test",
            "description": "Помогаем некоммерческим организациям",
            "address": "Мира, 5",
            "coordinates": point,
            "email": email,
        }
        add_entry(centre, f"{town.page}/report", given)
        town.press_in_letter(centre, email, "Подтвердите", "/confirm/", "Подтвердить")
    assert "Опора" not in town.read(town.page)
    accept(town, town.sign_in(new_page(viewport=DESK)), "Центр «Опора»", "Дом НКО")
    sent = town.platform.wait("received", title="Центр «Опора»")
    assert (sent["collection"], sent["answers"]["support"]) == ("resource-centres", ["consulting", "grants"])
    assert town.platform.wait("status", entry=sent["entry"])["status_code"] == "accepted"

    # Search by kind and direction; the table says where there is none; the map.
    seeker.goto(town.page)
    coverage = seeker.get_by_role("region", name="Где какая поддержка есть")
    expect(coverage.locator(".notice")).to_contain_text("Помещение")
    expect(coverage.get_by_role("row", name="Московская область")).to_contain_text("нет")
    coverage.get_by_role("row", name="Московская область").get_by_role("link", name="1").first.click()
    expect(seeker.locator("ul.entries").first).to_contain_text("Центр «Опора»")
    expect(seeker.locator("ul.entries").first).not_to_contain_text("Дом НКО")
    widget = town.show_widget(seeker)
    expect(widget.get_by_text("На карте 2 места")).to_be_visible()
    widget.get_by_role("button", name="Фильтры").click()
    widget.get_by_label("Виды поддержки").select_option("Обучение")
    expect(widget.locator(".card")).to_have_count(1)
    expect(widget.locator(".card")).to_contain_text("Дом НКО")

    # Somebody writes, once with the address shown and once without.
    words = "Нам нужна консультация по уставу"
    letter = write_to_author(town, seeker, 1, ALIVE, text=words, name="Мария", email=SEEKER, show_email=True)
    assert str(letter.message["Reply-To"]) == SEEKER
    assert "Вам пишут: запись № 1" in letter.subject
    words = "Перезвоните в наш фонд: 8 900 111-22-33"
    letter = write_to_author(town, seeker, 2, SILENT, text=words, name="Мария", email=SEEKER)
    assert SEEKER not in letter.raw.decode()
    assert not [one for one in town.mail.to(ALIVE) if words in one.text]

    # A year later both are asked; one answers, the other does not and is hidden after a reminder.
    town.travel_to(BEGIN + timedelta(days=367))
    town.letter(SILENT, "Запись ещё актуальна? «Дом НКО»")
    town.press_in_letter(centre, ALIVE, "Запись ещё актуальна?", "/renew/", "Всё актуально")
    expect(centre.locator(".notice")).to_contain_text("спросим через год")
    town.travel_to(BEGIN + timedelta(days=382))
    town.letter(SILENT, "Напоминание")
    town.travel_to(BEGIN + timedelta(days=397))
    received = town.letter("office@gorod.test", "Запись скрыта: «Дом НКО»")
    assert SILENT not in received.raw.decode()
    assert not [one for one in town.mail.to(ALIVE) if "Напоминание" in one.subject]
    later = new_page(viewport=DESK)  # browsers cache pages by a clock of their own
    later.goto(town.page)
    listed = later.locator("ul.entries").first
    expect(listed).to_contain_text("Центр «Опора»")
    expect(listed).not_to_contain_text("Дом НКО")
    expect(later.get_by_role("region", name="Где какая поддержка есть").locator(".notice")).to_contain_text("Обучение")
    agent = town.sign_in(new_page(viewport=DESK))
    agent.goto(f"{town.service.url}/cabinet/problems?site={town.collection}&tab=moderation")
    expect(agent.get_by_role("link", name="Дом НКО").first).to_be_visible()
    town.press_in_letter(centre, SILENT, "Напоминание", "/renew/", "Всё актуально")
    assert "Дом НКО" in town.read(town.page)
    nobody_sees(town, ALIVE, SILENT, SEEKER)


def read_calendar(text: str) -> list[dict[str, str]]:
    """The events of a calendar file: the values of their properties, unfolded and unescaped."""
    events: list[dict[str, str]] = []
    for line in text.replace("\r\n ", "").split("\r\n"):
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            events.append({})
        elif events:
            events[-1].setdefault(name.partition(";")[0], re.sub(r"\\(.)", r"\1", value))
    return events


@pytest.mark.full("test_directories.py reads calendars, test_widget_collections.py folds past programmes away")
def test_programmes_are_announced_put_into_a_calendar_and_fold_away(
    found_town: FoundTown, new_page: NewPage, watch: Watch
) -> None:
    """A university, the agency, somebody who wants to learn, a platform; then the days pass."""
    watch.allow("status of 401")  # the cabinet of an agent whose session ends
    town = found_town("programmes")
    university, learner = new_page(viewport=PHONE), new_page(viewport=DESK)
    for title, begins, ends in (
        ("Курс бухгалтера", "2031-04-10", ""),
        ("Школа фандрайзинга; для НКО, новых", "2031-03-20", "2031-03-25"),
        ("Семинар по уставу", "2031-03-05", ""),
    ):
        given = {
            "title": title,
            "category": "course",
            "answers.centre": "Университет",
            "answers.begins": begins,
            "answers.ends": ends,
            "answers.form": "onsite",
            "answers.price": "0",
            "answers.link": "https://university.test/enrol",
            "description": "Учим работать с жертвователями",
            "address": "Университетская, 1",
            "email": UNIVERSITY,
        }
        number = add_entry(university, f"{town.page}/report", given)
        town.press_in_letter(university, UNIVERSITY, f"запись № {number}", "/confirm/", "Подтвердить")
    titles = ["Семинар по уставу", "Школа фандрайзинга; для НКО, новых", "Курс бухгалтера"]
    accept(town, town.sign_in(new_page(viewport=DESK)), *titles)
    sent = town.platform.wait("received", title=titles[1])
    assert (sent["collection"], sent["answers"]["centre"]) == ("programmes", "Университет")
    assert sent["answers"]["begins"].startswith("2031-03-20")

    # What comes first stands first, on the page and in the widget.
    learner.goto(town.page)
    listed = learner.locator("ul.entries").first.locator("li")
    expect(listed).to_have_count(3)
    for place, title in enumerate(titles):
        expect(listed.nth(place)).to_contain_text(title)
    widget = town.show_widget(learner)
    for place, title in enumerate(titles):
        expect(widget.locator(".card").nth(place)).to_contain_text(title)

    # Into one's calendar, with the days, the place and the way back.
    learner.goto(f"{town.page}/2")
    expect(learner.get_by_role("link", name="https://university.test/enrol")).to_be_visible()
    with learner.expect_download() as download:
        learner.get_by_role("link", name="Добавить в календарь").click()
    (event,) = read_calendar(download.value.path().read_bytes().decode())
    assert (event["DTSTART"], event["DTEND"]) == ("20310320", "20310326")
    assert (event["SUMMARY"], event["LOCATION"]) == (titles[1], "Университетская, 1")
    assert event["URL"] == f"{town.page}/2"
    whole = read_calendar(town.read(f"{town.page}/calendar.ics"))
    assert [one["SUMMARY"] for one in whole] == titles

    letter = write_to_author(town, learner, 2, UNIVERSITY, text="Есть ли места?", email=SEEKER, show_email=True)
    assert str(letter.message["Reply-To"]) == SEEKER

    # The days pass: nobody does anything, and what is past is by itself.
    town.travel_to(BEGIN + timedelta(days=23))
    later = new_page(viewport=PHONE)  # browsers cache pages by a clock of their own
    expect(town.show_widget(later).locator(".card")).to_have_count(1)
    later.goto(town.page)
    listed = later.locator("ul.entries").first.locator("li")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text("Курс бухгалтера")
    later.get_by_role("link", name="Прошедшие").first.click()
    expect(listed).to_have_count(2)
    expect(listed.first).to_contain_text("Школа фандрайзинга")
    assert [one["SUMMARY"] for one in read_calendar(town.read(f"{town.page}/calendar.ics"))] == ["Курс бухгалтера"]
    nobody_sees(town, UNIVERSITY, SEEKER)

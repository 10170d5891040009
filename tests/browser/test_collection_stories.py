"""Stories of a budget and of volunteers, told by all who take part in them; tests/api has those of other presets."""

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.conftest import ONE_DATABASE_UNLESS_FULL
from tests.support.browser import NewPage, Watch
from tests.support.collection_stories import BEGIN, Town, act_below, add_entry, decide, fill
from tests.support.pictures import file, halves, photo
from tests.support.widget import DESKTOP, PHONE

pytestmark = [pytest.mark.long, ONE_DATABASE_UNLESS_FULL]
FoundTown = Callable[..., Town]
DAY = timedelta(days=1)
ANNA, VERA, OLEG = (f"{name}@example.test" for name in ("anna", "vera", "oleg"))
VOLUNTEER, NEIGHBOUR = "vika@volunteer.test", "petr@neighbour.test"


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


def count_voices(town: Town, number: int) -> int:
    return int(json.loads(town.read(f"{town.api}/entries/{number}"))["participants"])


def test_residents_propose_vote_and_see_what_was_built(found_town: FoundTown, new_page: NewPage, watch: Watch) -> None:
    """An administrator, an author, voters, an official, a council, a platform."""
    watch.allow("status of 409")
    watch.allow("favicon.ico")
    town = found_town("budgeting", "--votes", "2", "--votes-open", "2031-03-10", "--votes-close", "2031-03-20")
    desk = f"{town.service.url}/cabinet/sites/{town.site.site}/collections/{town.slug}"
    admin, author, vera = (new_page(viewport=DESKTOP) for _ in range(3))
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
    agent = town.sign_in(new_page(viewport=DESKTOP))
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

    # Vera votes in the widget.
    travel(town, 8, vera)
    entry = open_entry(town, vera, "Сквер у школы")
    entry.get_by_role("button", name="Голосовать").click()
    entry.locator("[id$=-declared]").check()
    entry.locator("[id$=-email]").fill(VERA)
    entry.get_by_label(re.compile("Даю согласие")).check()
    entry.locator("form .button").click()
    expect(entry.locator("[id$='-sent']")).to_be_focused()
    assert count_voices(town, 3) == 0
    town.press_in_letter(vera, VERA, "голос за проект № 3", "/action/", "Подтвердить голос")
    expect(vera.locator("main")).to_contain_text("Ваш голос за проект № 3 засчитан")
    expect(vera.locator("main")).to_contain_text("У вас остался 1 голос.")
    assert count_voices(town, 3) == 1

    # Oleg votes without scripts, for two projects, and takes one voice back.
    for number in (3, 1):
        oleg.goto(f"{town.page}/{number}/vote")
        fill(oleg, {"declared": True, "email": OLEG, "consent": True})
        oleg.locator("main form button.primary").click()
        expect(oleg.locator("main")).to_contain_text("На почту идёт письмо")
        town.press_in_letter(oleg, OLEG, f"голос за проект № {number}", "/action/", "Подтвердить голос")
    oleg.get_by_role("link", name="Отозвать голос").click()
    oleg.get_by_role("button", name="Отозвать голос").click()
    expect(oleg.locator("main")).to_contain_text("Отозвано. Ваша почта")
    oleg.goto(f"{town.page}?sort=support")
    expect(oleg.locator(".entries > li").first).to_contain_text(re.compile(r"2\sголоса"))
    room = "one => one.clientHeight - parseFloat(getComputedStyle(one).paddingTop)"
    assert oleg.locator(".entries img").first.evaluate(room) > 100
    feed = [one["data"] for one in town.feed() if one["type"].endswith(".counted")]
    assert [(one["number"], one["participants"]) for one in feed] == [(3, 1), (3, 2), (1, 1), (1, 0)]

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
    ranking = ["1 № 3 · Сквер у школы 2 набран", "2 № 1 · Каток 0 не набран", "2 № 2 · Сцена 0 не набран"]
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
    agent.set_input_files("#field-photos", [picture("after.jpg")])
    decide(town, agent, "resolved", text="Посадили 40 лип, поставили скамейки")
    for words in ("Совет выделил деньги", "Посадили 40 лип"):
        town.letter(ANNA, words)
    built = town.platform.wait("status", status_code="resolved")
    assert (built["entry"], built["text"]) == (received["entry"], "Посадили 40 лип, поставили скамейки")
    vera.goto(f"{town.page}/3")
    expect(vera.locator("main")).to_contain_text("Совет выделил деньги")
    expect(vera.locator(".before-after .label")).to_have_text(["До", "После"])
    assert [len(town.mail.to(who)) for who in (VERA, OLEG)] == [1, 2]
    shown = [town.read(one) for one in (town.page, f"{town.page}/3", f"{town.api}/entries", f"{town.api}/entries.csv")]
    assert not [one for one in (*shown, *town.platform.bodies, str(town.feed())) if "@example.test" in one]


def test_volunteers_tell_of_a_problem_by_the_link_of_their_centre_and_get_an_answer(
    found_town: FoundTown, new_page: NewPage, watch: Watch
) -> None:
    """A volunteer centre, a volunteer, a neighbour, an official, a platform."""
    watch.allow("status of 409")
    town = found_town("volunteers", "--who", "invited", "--discussion", "moderated")
    volunteer, neighbour = new_page(viewport=PHONE), new_page(viewport=DESKTOP)

    # The form is closed to those without a link; the administrator makes one for the centre.
    assert "/report" not in town.read(town.page)
    volunteer.goto(f"{town.page}/report")
    expect(volunteer.locator("h1")).not_to_contain_text("Рассказать о проблеме")
    admin = town.sign_in(new_page(viewport=DESKTOP), "admin")
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
    agent = town.sign_in(new_page(viewport=DESKTOP))
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

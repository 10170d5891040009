"""The widget for screen reader users: focus after each action, languages, announcements and names."""

import re

from playwright.sync_api import Page, expect

from tests.support.browse import CARD, browse, crowd, extended, settle
from tests.support.browser import NewPage, Watch
from tests.support.by_names import ByNames
from tests.support.city import FakeCity, picture
from tests.support.pictures import file
from tests.support.widget import DESKTOP, POLL, REPORT, TEXT, WidgetSite, draw_twice, wait_until

MORE = "Показать ещё"
TITLE = "igrajdanin-widget #title"
# Duplicate ids in one shadow root.
DUPLICATE_IDS = """() => {
  const ids = [...document.querySelector("igrajdanin-widget").shadowRoot.querySelectorAll("[id]")].map(one => one.id);
  return ids.filter((id, at) => id && ids.indexOf(id) !== at);
}"""
# Cyrillic texts outside lang="ru".
UNMARKED_CYRILLIC = """place => {
  const found = [];
  const walk = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const { textContent, parentElement } = walk.currentNode;
    if (/[а-яё]/i.test(textContent) && parentElement.closest("[lang]").lang !== "ru") found.push(textContent);
  }
  const pictures = [...place.querySelectorAll("img[alt]")];
  found.push(...pictures.filter(one => /[а-яё]/i.test(one.alt) && one.lang !== "ru").map(one => one.alt));
  return found;
}"""

# Texts announced in a dialog: the name of the focused element, and those of live regions outside it.
ANNOUNCED = """() => {
  const { shadowRoot } = document.querySelector("igrajdanin-widget");
  const focused = shadowRoot.activeElement, text = one => one.textContent.trim().replace(/\\s+/g, " ");
  const live = [...shadowRoot.querySelectorAll("[role=alert], [role=status], [aria-live]")].filter(text);
  const named = focused && focused.getAttribute("aria-labelledby");
  if (focused && live.some(one => one.contains(focused) || focused.contains(one))) return "the focus and a live region";
  return [focused && focused.matches("h2, h3, [role]") ? text(named ? shadowRoot.getElementById(named) : focused) : "",
    live.map(text)];
}"""


def allow_failures(watch: Watch) -> None:
    watch.allow("ERR_FAILED|status of (404|503)")


def open_widget(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name=REPORT, exact=True).click()


def test_back_without_a_card_focuses_the_heading(page: Page, widget_site: WidgetSite) -> None:
    """After a link to a problem that is not on the first page of the list."""
    city = FakeCity(page, widget_site)
    shown = city.problems
    city.problems = [*shown]
    address = extended(widget_site) + "#igrajdanin?problem=1187"
    city.answers["GET /problems"] = (200, {"items": shown[:2], "next": None})
    page.goto(address)
    expect(page.get_by_role("heading", name="Сообщение № 1")).to_be_focused()
    page.get_by_role("button", name="К списку").press("Enter")
    expect(page.locator(CARD)).to_have_count(2)
    expect(page.locator(TITLE)).to_be_focused()


def test_texts_of_residents_and_agencies_have_their_own_language(
    desktop: Page, watch: Watch, widget_site: WidgetSite
) -> None:
    """And a map that is tried again has the focus."""
    allow_failures(watch)
    city = FakeCity(desktop, widget_site)
    city.answers["GET /clusters"] = (503, {})
    desktop.goto(extended(widget_site, 'lang="en"'))
    desktop.get_by_role("button", name="Report a problem").first.click()
    cards = desktop.locator(CARD)
    expect(cards).to_have_count(3)
    expect(desktop.locator(".states [role=alert]")).to_be_visible()
    city.answers.clear()
    desktop.locator(".states").get_by_role("button", name="Try again").press("Enter")
    expect(desktop.locator(".mark")).to_have_count(3)
    expect(desktop.get_by_role("application")).to_be_focused()
    own = [".card-title", ".card [lang]", ".comment .text", ".opened .text", ".answer .text", ".timeline .text"]
    for at in own[:2]:
        assert {one.get_attribute("lang") for one in desktop.locator(at).all()} == {"ru"}, at
    expect(desktop.locator(".mark.one").first).to_be_visible()
    # The name of a mark contains the problem's first words; the map's attribution is the site's own text.
    assert {one.get_attribute("lang") for one in desktop.locator(".mark.one").all()} == {"ru"}
    desktop.locator(".mark").first.press("Enter")
    expect(desktop.locator(".preview h3")).to_have_attribute("lang", "ru")
    desktop.keyboard.press("Escape")
    cards.first.click()
    expect(desktop.locator(".comment")).to_have_count(2)
    for at in own[2:]:
        assert {one.get_attribute("lang") for one in desktop.locator(at).all()} == {"ru"}, at
    # Proper names have no language (WCAG 2.2, 3.1.2); all other texts of theirs are marked.
    foreign = desktop.locator("article").evaluate(UNMARKED_CYRILLIC)
    names = ("Администрация", "Сосед", "Дороги")
    assert [one for one in foreign if not one.strip().startswith(names)] == []


def test_ids_are_unique(desktop: Page, widget_site: WidgetSite) -> None:
    """The form stays in the document behind the city, and both have an address field."""
    desktop.add_init_script(
        "delete Navigator.prototype.share; Navigator.prototype.__defineGetter__('clipboard', () => undefined)"
    )
    FakeCity(desktop, widget_site)
    cards = browse(desktop, extended(widget_site))
    desktop.get_by_role("dialog").get_by_role("button", name=REPORT).click()
    expect(desktop.locator("igrajdanin-widget form:not(.bar)")).to_be_visible()
    desktop.get_by_role("button", name="К списку").click()
    cards.first.click()
    desktop.get_by_role("button", name="Поделиться").click()
    copy = desktop.get_by_role("textbox", name="Скопировать")
    expect(copy).to_be_focused()
    expect(copy).to_have_value(re.compile("/problems/1204$"))
    assert desktop.evaluate(DUPLICATE_IDS) == []


SCROLL_TO_END = """() => {
  const sheet = document.querySelector("igrajdanin-widget").shadowRoot.querySelector(".sheet");
  sheet.scrollTop = sheet.scrollHeight;
}"""


def expect_cards_after_press(page: Page, count: int, pointer: bool) -> None:
    """One press leads to so many cards, and to the button again, however far one scrolls."""
    more = page.get_by_role("button", name=MORE)
    more.click() if pointer else more.press("Enter")

    def listed() -> int:
        page.evaluate(SCROLL_TO_END)
        numbers = page.locator(CARD).evaluate_all("all => all.map(one => one.id.slice('problem-'.length))")
        return max(10_001 - int(one) for one in numbers)

    wait_until(page, lambda: listed() >= count and more.is_visible())
    for _ in range(3):
        settle(page)
        assert listed() == count
    expect(more).to_be_visible()


def test_loading_more_adds_one_page_by_keyboard_and_three_by_pointer(page: Page, widget_site: WidgetSite) -> None:
    """Then the button appears again, so that content below the widget can be reached."""
    city = FakeCity(page, widget_site)
    crowd(page, widget_site, city)
    browse(page, extended(widget_site))
    expect_cards_after_press(page, 40, pointer=False)
    expect_cards_after_press(page, 100, pointer=True)


def test_cards_photos_and_changes_of_a_problem_are_told(page: Page, widget_site: WidgetSite) -> None:
    city = FakeCity(page, widget_site)
    cards = browse(page, extended(widget_site))
    listed = page.get_by_role("list", name="Проблемы города")
    name = f"{TEXT} , В работе Просрочено , Дороги и тротуары · улица Мира, 5 · 4 дня назад"
    expect(listed.get_by_role("link", name=name, exact=True)).to_be_visible()
    assert page.locator(".card time").count() == 0
    cards.first.click()
    page.locator(".shot").first.click()
    viewer = page.get_by_role("dialog", name="Фотографии")
    expect(viewer).to_have_accessible_description("Фото 1 из 2 . До: Яма шириной в метр")
    page.keyboard.press("ArrowRight")
    expect(viewer.get_by_role("status")).to_have_text(re.compile(r"Фото 2 из 2\s?. После: Ровный асфальт"))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="К списку").click()
    cards.nth(1).click()
    status = page.locator("article [role=status]", has_text="Принято")
    expect(status).to_be_visible()
    status.evaluate("status => { status.dataset.same = '' }")
    city.problems[1] |= {"status": "planned"}
    # A live region is announced when its content changes, not when it is inserted.
    page.clock.run_for(POLL)
    expect(page.locator("article [role=status][data-same]")).to_have_text("Запланировано")


def test_the_form_announces_everything_once(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """By focus or by a live region: text with both is read twice. The search is silent until something is typed."""
    allow_failures(watch)
    city = FakeCity(desktop, widget_site)
    open_widget(desktop, widget_site.page(widget_site.snippet()))
    send = desktop.locator("igrajdanin-widget form .end .button:not([type])")
    expect(send).to_be_visible()
    expect(desktop.locator(TITLE)).to_be_focused()
    assert desktop.evaluate(ANNOUNCED) == [REPORT, []]
    desktop.locator("#search").fill("двор")
    expect(desktop.locator("#search-hint")).to_have_text("Найдено категорий: 1")
    desktop.locator("#search").fill("")
    expect(desktop.locator("#search-hint")).to_have_text("")
    send.click()
    expect(desktop.get_by_role("group", name="Исправьте поля: 4")).to_be_focused()
    assert desktop.evaluate(ANNOUNCED) == ["Исправьте поля: 4", []]
    desktop.locator("#category input").nth(1).check()
    desktop.locator("#description").fill(TEXT)
    desktop.locator("#address").fill("улица Мира, 5")
    # A restored draft is announced without moving the focus.
    desktop.reload()
    desktop.get_by_role("button", name=REPORT, exact=True).click()
    expect(desktop.get_by_role("status").filter(has_text="Черновик восстановлен")).to_be_visible()
    expect(desktop.locator(TITLE)).to_be_focused()
    assert desktop.evaluate(ANNOUNCED) == [REPORT, ["Черновик восстановлен. Стереть черновик"]]
    desktop.locator("#consent").check()
    city.answers["POST /problems"] = (503, {})
    send.click()
    expect(desktop.get_by_role("heading", name="Пока не отправлено")).to_be_focused()
    assert desktop.evaluate(ANNOUNCED)[0] == "Пока не отправлено"
    alert = desktop.get_by_role("alert")
    expect(alert).to_contain_text("Сервис не отвечает")
    expect(alert.get_by_role("button")).to_have_count(0)
    city.answers.clear()
    desktop.get_by_role("button", name="Отправить ещё раз").click()
    expect(desktop.locator(".timeline")).to_be_visible()
    assert desktop.evaluate(ANNOUNCED) == ["Сообщение получено", []]


def test_groups_and_tables_have_names_and_the_device_location_is_announced(
    new_page: NewPage, widget_site: WidgetSite
) -> None:
    here = {"latitude": 55.1, "longitude": 38.77}
    page = new_page(viewport=DESKTOP, forced_colors="active", geolocation=here, permissions=["geolocation"])
    FakeCity(page, widget_site)
    browse(page, extended(widget_site))
    page.get_by_role("button", name="Моё место").click()
    expect(page.get_by_role("status").get_by_text("Показано ваше место на карте.")).to_be_attached()
    group = page.get_by_role("group", name="Фильтры")
    expect(group.get_by_role("button")).to_have_count(5)
    page.get_by_role("button", name="Графики").click()
    tables = page.locator("igrajdanin-widget summary")
    expect(tables).to_have_count(3)  # their code is loaded by this press
    assert len(set(tables.all_inner_texts())) == 3
    # With forced colours a full bar differs from an empty one.
    fills = [
        page.locator(f".chart {at}").first.evaluate("bar => getComputedStyle(bar).backgroundColor")
        for at in (".came", ".went")
    ]
    assert fills[0] != fills[1]


def test_reopening_focuses_the_title_however_soon(page: Page, widget_site: WidgetSite) -> None:
    """If the previous content were still there, its scrollable part would take the focus without an announcement."""
    FakeCity(page, widget_site)
    page.set_viewport_size({"width": 360, "height": 560})
    for address, content in ((widget_site.page(widget_site.snippet()), "form"), (extended(widget_site), ".card")):
        open_widget(page, address)
        expect(page.locator(f"igrajdanin-widget {content}").first).to_be_visible()
        reopening_focuses_the_title_however_soon(page)


def reopening_focuses_the_title_however_soon(page: Page) -> None:
    for _ in range(2):
        expect(page.locator(TITLE)).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name=REPORT, exact=True)).to_be_focused()
        page.keyboard.press("Enter")
    # Escape directly followed by Enter: the browser has closed the dialog, but its close event comes later.
    expect(page.locator(TITLE)).to_be_focused()
    page.evaluate(
        """() => new Promise(done => {
          const dialog = document.querySelector("igrajdanin-widget").shadowRoot.querySelector("dialog");
          dialog.addEventListener("close", () => done(), { once: true });
          dialog.close();
          igrajdanin("open");
        })"""
    )
    draw_twice(page)
    expect(page.locator(TITLE)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=REPORT, exact=True)).to_be_focused()
    expect(page.locator(TITLE)).to_be_hidden()


def test_names_alone_suffice_for_every_task(
    new_page: NewPage, watch: Watch, widget_site: WidgetSite, address: str
) -> None:
    """Twelve tasks, but for the vote in a collection (test_widget_collections.py)."""
    watch.allow("status of 404")  # of the report that is not published yet
    page = new_page()
    visitor = ByNames(page)
    page.goto(address)
    visitor.press("button", REPORT)
    visitor.press("radio", "Дороги и тротуары")
    visitor.press("button", "Далее")
    visitor.fill("Что именно не так", "Яма на переходе у школы")
    visitor.choose("Выбрать фото", [file(picture())])
    visitor.read("Загружено")
    visitor.press("button", "Далее")
    visitor.fill("Адрес или ориентир", "улица Мира, 5")
    visitor.press("button", "Далее")
    visitor.press("checkbox", "Даю согласие")
    visitor.press("button", "Отправить")
    visitor.read("Сообщение получено", "Код сообщения")
    found = re.search(r"№ (\d+).*Код сообщения.*?\b([2-9A-Z]{8})\b", visitor.text(), re.DOTALL)
    assert found
    number, code = found.groups()
    # The own reports of this device, and the answer to anybody who has number and code.
    page.reload()
    visitor.press("button", REPORT)
    visitor.press("button", "Мои сообщения")
    visitor.read(f"№ {number}")
    with page.expect_popup() as opened:
        visitor.press("link", "Найти сообщение")
    visitor = ByNames(opened.value)
    visitor.fill("Номер", number)
    visitor.fill("Код", code)
    visitor.press("button", "Показать")
    visitor.read("Яма на переходе у школы")
    # What others have reported.
    page = new_page()
    visitor = ByNames(page)
    city = FakeCity(page, widget_site)
    page.goto(widget_site.page(widget_site.snippet('type="extended"')))
    visitor.press("button", REPORT)
    visitor.press("button", "Проблемы города")
    city.problems = city.problems[:1]
    visitor.press("button", "Фильтры")
    visitor.fill("Поиск", "яма")
    visitor.read("Найдено 1")
    visitor.press("link", TEXT)
    visitor.read("Яму засыпали щебнем", "И у соседнего дома такая же яма.")
    visitor.press("button", "У меня тоже")
    visitor.read("Ваш голос учтён")
    visitor.press("button", "Следить")
    visitor.fill("Электронная почта", "anna@example.test")
    visitor.press("checkbox", "Даю согласие")
    visitor.press("button", "Присылать новости")
    visitor.read("Пришлём письмо для подтверждения")
    visitor.press("button", "Написать комментарий")
    visitor.fill("Ваш комментарий", "Вторая яма рядом")
    visitor.fill("Имя", "Анна")
    visitor.fill("Электронная почта", "anna@example.test")
    visitor.press("checkbox", "Даю согласие")
    visitor.press("button", "Отправить комментарий")
    visitor.read("Комментарий появится после проверки")

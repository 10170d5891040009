"""What somebody hears who does not see the widget: where they stand after a press, in which language, what is told."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browse import CARD, SOON, browse, crowd, extended
from tests.support.browser import Watch
from tests.support.city import DELAYED, LOST, TEXT, City, picture
from tests.support.pictures import file
from tests.support.tour import DESK
from tests.support.widget import REPORT, Stand

RETRY = "Попробовать ещё раз"
MORE = "Показать ещё"
TITLE = "igrajdanin-widget #title"
# Ids that stand twice in one shadow root.
TWICE = """() => {
  const ids = [...document.querySelector("igrajdanin-widget").shadowRoot.querySelectorAll("[id]")].map(one => one.id);
  return ids.filter((id, at) => id && ids.indexOf(id) !== at);
}"""
# Texts in Cyrillic whose language is not said to be Russian.
FOREIGN = """place => {
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

# What is read out in a dialog: the name of what has the focus, and what live regions hold that is not part of it.
SAID = """() => {
  const { shadowRoot } = document.querySelector("igrajdanin-widget");
  const focused = shadowRoot.activeElement, text = one => one.textContent.trim().replace(/\\s+/g, " ");
  const live = [...shadowRoot.querySelectorAll("[role=alert], [role=status], [aria-live]")].filter(text);
  const named = focused && focused.getAttribute("aria-labelledby");
  if (focused && live.some(one => one.contains(focused) || focused.contains(one))) return "the focus and a live region";
  return [focused && focused.matches("h2, h3, [role]") ? text(named ? shadowRoot.getElementById(named) : focused) : "",
    live.map(text)];
}"""


def fails(watch: Watch) -> None:
    watch.allow("ERR_FAILED|status of (404|503)")


def open_widget(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name=REPORT, exact=True).click()


def again(page: Page) -> None:
    """With the keyboard, as a reader presses it."""
    page.get_by_role("button", name=RETRY).press("Enter")


def test_another_try_of_the_list_leads_to_its_heading_and_tells_each_failure(
    page: Page, watch: Watch, stand: Stand
) -> None:
    fails(watch)
    city = City(page, stand)
    city.answers["GET /problems"] = LOST
    open_widget(page, extended(stand))
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("alert").evaluate("alert => { alert.dataset.heard = '' }")
    again(page)
    expect(page.locator(TITLE)).to_be_focused()
    # An alert is heard when it comes: this one is another.
    expect(page.locator("[role=alert]:not([data-heard])")).to_contain_text("Список не загрузился")
    city.answers.clear()
    again(page)
    expect(page.locator(CARD)).to_have_count(3)
    expect(page.locator(TITLE)).to_be_focused()


def test_another_try_of_the_whole_leads_to_the_title(page: Page, watch: Watch, stand: Stand) -> None:
    fails(watch)
    city = City(page, stand)
    city.answers["GET "] = (503, {})
    open_widget(page, stand.page(stand.snippet()))
    expect(page.get_by_role("alert")).to_be_visible()
    city.answers.clear()
    again(page)
    expect(page.locator("igrajdanin-widget form")).to_be_visible()
    expect(page.locator(TITLE)).to_be_focused()


@pytest.mark.parametrize("answer", [LOST, (503, {})])
def test_another_try_of_a_problem_leads_to_its_heading(page: Page, watch: Watch, stand: Stand, answer: object) -> None:
    fails(watch)
    city = City(page, stand)
    cards = browse(page, extended(stand))
    city.answers["GET /problems/1203"] = answer
    cards.nth(1).click()
    expect(page.get_by_role("alert")).to_be_visible()
    city.answers.clear()
    again(page)
    expect(page.locator("article .timeline")).to_be_visible()
    expect(page.get_by_role("heading", name="Сообщение № 1")).to_be_focused()


def test_another_try_of_the_discussion_leads_to_it(page: Page, watch: Watch, stand: Stand) -> None:
    fails(watch)
    city = City(page, stand)
    city.answers["GET /problems/1204/comments"] = LOST
    browse(page, extended(stand)).first.click()
    expect(page.get_by_role("alert")).to_contain_text("Комментарии не загрузились")
    city.answers.clear()
    again(page)
    expect(page.locator(".comment")).to_have_count(2)
    expect(page.get_by_role("heading", name="Обсуждение")).to_be_focused()


def test_another_try_of_the_map_leads_into_it(new_page: Callable[..., Page], watch: Watch, stand: Stand) -> None:
    fails(watch)
    page = new_page(viewport=DESK)
    city = City(page, stand)
    city.answers["GET /clusters"] = (503, {})
    browse(page, extended(stand))
    expect(page.locator(".states [role=alert]")).to_be_visible()
    city.answers.clear()
    page.locator(".states").get_by_role("button", name=RETRY).press("Enter")
    expect(page.locator(".mark")).to_have_count(3)
    expect(page.get_by_role("application")).to_be_focused()


def test_back_without_a_card_leads_to_the_heading(page: Page, stand: Stand) -> None:
    """A link to a problem that the first page of the list does not show."""
    city = City(page, stand)
    shown = city.problems
    city.problems = [*shown]
    address = extended(stand) + "#igrajdanin?problem=1187"
    city.answers["GET /problems"] = (200, {"items": shown[:2], "next": None})
    page.goto(address)
    expect(page.get_by_role("heading", name="Сообщение № 1")).to_be_focused()
    page.get_by_role("button", name="К списку").press("Enter")
    expect(page.locator(CARD)).to_have_count(2)
    expect(page.locator(TITLE)).to_be_focused()


def test_words_of_residents_and_the_agency_keep_their_language(new_page: Callable[..., Page], stand: Stand) -> None:
    page = new_page(viewport=DESK)
    City(page, stand)
    page.goto(extended(stand, 'lang="en"'))
    page.get_by_role("button", name="Report a problem").first.click()
    cards = page.locator(CARD)
    expect(cards).to_have_count(3)
    own = [".card-title", ".card [lang]", ".comment .text", "article > .text", ".answer .text", ".timeline .text"]
    for at in own[:2]:
        assert {one.get_attribute("lang") for one in page.locator(at).all()} == {"ru"}, at
    # A mark says the first words of a problem; the ground's source is the site's own word.
    assert {one.get_attribute("lang") for one in page.locator(".mark.one").all()} == {"ru"}
    page.locator(".mark").first.press("Enter")
    expect(page.locator(".preview h3")).to_have_attribute("lang", "ru")
    page.keyboard.press("Escape")
    cards.first.click()
    expect(page.locator(".comment")).to_have_count(2)
    for at in own[2:]:
        assert {one.get_attribute("lang") for one in page.locator(at).all()} == {"ru"}, at
    # Names of bodies and people are of no language (WCAG 2.2, 3.1.2); all other words of theirs are marked.
    told = page.locator("article").evaluate(FOREIGN)
    names = ("Администрация", "Сосед", "Дороги")
    assert [one for one in told if not one.strip().startswith(names)] == []


def test_no_id_stands_twice(new_page: Callable[..., Page], stand: Stand) -> None:
    """The form keeps standing behind the city, and both have an address."""
    page = new_page(viewport=DESK)
    page.add_init_script(
        "delete Navigator.prototype.share; Navigator.prototype.__defineGetter__('clipboard', () => undefined)"
    )
    City(page, stand)
    cards = browse(page, extended(stand))
    page.get_by_role("dialog").get_by_role("button", name=REPORT).click()
    expect(page.locator("igrajdanin-widget form:not(.bar)")).to_be_visible()
    page.get_by_role("button", name="К списку").click()
    cards.first.click()
    page.get_by_role("button", name="Поделиться").click()
    copy = page.get_by_role("textbox", name="Скопировать")
    expect(copy).to_be_focused()
    expect(copy).to_have_value(re.compile("/problems/1204$"))
    assert page.evaluate(TWICE) == []


def test_a_cards_name_is_read_in_parts(page: Page, stand: Stand) -> None:
    City(page, stand)
    browse(page, extended(stand))
    listed = page.get_by_role("list", name="Проблемы города")
    name = f"{TEXT} , В работе Просрочено , Дороги и тротуары · улица Мира, 5 · 4 дня назад"
    expect(listed.get_by_role("link", name=name, exact=True)).to_be_visible()
    assert page.locator(".card time").count() == 0


def pressed(page: Page, pointer: bool) -> int:
    """How many cards there are after one press, however far one scrolls."""
    more = page.get_by_role("button", name=MORE)
    more.click() if pointer else more.press("Enter")
    counted = 0
    for _ in range(12):
        page.wait_for_timeout(150)
        page.evaluate(
            "() => { const { shadowRoot } = document.querySelector('igrajdanin-widget');"
            " const sheet = shadowRoot.querySelector('.sheet'); sheet.scrollTop = sheet.scrollHeight; }"
        )
        counted = max(counted, *(10_001 - int(one) for one in numbers(page.locator(CARD))))
    expect(more).to_be_visible()
    return counted


def numbers(cards: Locator) -> list[str]:
    found: list[str] = cards.evaluate_all("all => all.map(one => one.id.slice('problem-'.length))")
    return found


def test_one_press_brings_a_page_by_keys_and_three_by_pointer(page: Page, stand: Stand) -> None:
    """Then the button stands again, so that what is below the widget can be reached."""
    city = City(page, stand)
    crowd(page, stand, city)
    browse(page, extended(stand))
    assert pressed(page, pointer=False) == 40
    assert pressed(page, pointer=True) == 100


def test_the_viewer_says_what_is_on_the_photo(page: Page, stand: Stand) -> None:
    City(page, stand)
    browse(page, extended(stand)).first.click()
    page.locator(".shot").first.click()
    viewer = page.get_by_role("dialog", name="Фотографии")
    expect(viewer).to_have_accessible_description("Фото 1 из 2 . До: Яма шириной в метр")
    page.keyboard.press("ArrowRight")
    expect(viewer.get_by_role("status")).to_have_text(re.compile(r"Фото 2 из 2\s?. После: Ровный асфальт"))


def test_a_change_of_the_open_problem_is_told(page: Page, stand: Stand) -> None:
    city = City(page, stand)
    browse(page, extended(stand)).nth(1).click()
    status = page.locator("article [role=status]", has_text="Принято")
    expect(status).to_be_visible()
    status.evaluate("status => { status.dataset.same = '' }")
    city.problems[1] |= {"status": "planned"}
    # A live region speaks when what is in it changes, not when it comes.
    expect(page.locator("article [role=status][data-same]")).to_have_text("Запланировано", timeout=SOON)


def test_the_message_alone_is_the_alert_of_a_report_that_waits(
    new_page: Callable[..., Page], watch: Watch, stand: Stand
) -> None:
    fails(watch)
    page = new_page(viewport=DESK)
    city = City(page, stand)
    open_widget(page, stand.page(stand.snippet()))
    city.answers["POST /problems"] = (503, {})
    page.locator("#category input").nth(1).check()
    send = page.locator("igrajdanin-widget form .end .button:not([type])")
    page.locator("#description").fill(TEXT)
    page.locator("#address").fill("улица Мира, 5")
    page.locator("#consent").check()
    send.click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Сервис сейчас не отвечает")
    expect(alert.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("heading", name="Пока не отправлено")).to_be_focused()


def test_the_form_says_each_thing_once(new_page: Callable[..., Page], watch: Watch, stand: Stand) -> None:
    """By the focus or by a live region: what has both is read twice. The search is silent until something is typed."""
    fails(watch)
    page = new_page(viewport=DESK)
    city = City(page, stand)
    open_widget(page, stand.page(stand.snippet()))
    send = page.locator("igrajdanin-widget form .end .button:not([type])")
    expect(send).to_be_visible()
    assert page.evaluate(SAID) == [REPORT, []]
    page.locator("#search").fill("двор")
    expect(page.locator("#search-hint")).to_have_text("Найдена 1 категория")
    page.locator("#search").fill("")
    expect(page.locator("#search-hint")).to_have_text("")
    send.click()
    expect(page.get_by_role("group", name="Исправьте 4 поля")).to_be_focused()
    assert page.evaluate(SAID) == ["Исправьте 4 поля", []]
    page.locator("#category input").nth(1).check()
    page.locator("#description").fill(TEXT)
    page.locator("#address").fill("улица Мира, 5")
    # A draft that is there again: told without a move of the focus.
    page.reload()
    page.get_by_role("button", name=REPORT, exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Черновик восстановлен")).to_be_visible()
    assert page.evaluate(SAID) == [REPORT, ["Черновик восстановлен. Стереть черновик"]]
    page.locator("#consent").check()
    city.answers["POST /problems"] = (503, {})
    send.click()
    expect(page.get_by_role("heading", name="Пока не отправлено")).to_be_focused()
    assert page.evaluate(SAID)[0] == "Пока не отправлено"
    city.answers.clear()
    page.get_by_role("button", name="Отправить ещё раз").click()
    expect(page.locator(".timeline")).to_be_visible()
    assert page.evaluate(SAID) == ["Сообщение получено", []]


def test_groups_and_tables_have_names_of_their_own(new_page: Callable[..., Page], stand: Stand) -> None:
    page = new_page(viewport=DESK, forced_colors="active")
    City(page, stand)
    browse(page, extended(stand))
    group = page.get_by_role("group", name="Фильтры")
    expect(group.get_by_role("button")).to_have_count(5)
    page.get_by_role("button", name="Графики").click()
    tables = page.locator("igrajdanin-widget summary")
    expect(tables).to_have_count(2)  # their code comes with the press
    assert len(set(tables.all_inner_texts())) == 2
    # Where the system chooses the colours, a full bar differs from a hollow one.
    fills = [
        page.locator(f".chart {at}").first.evaluate("bar => getComputedStyle(bar).backgroundColor")
        for at in (".came", ".went")
    ]
    assert fills[0] != fills[1]


def test_the_device_s_place_on_the_map_is_told(new_page: Callable[..., Page], stand: Stand) -> None:
    here = {"latitude": 55.1, "longitude": 38.77}
    page = new_page(viewport=DESK, geolocation=here, permissions=["geolocation"])
    City(page, stand)
    browse(page, extended(stand))
    page.get_by_role("button", name="Моё место").click()
    expect(page.get_by_role("status").get_by_text("Показано ваше место на карте.")).to_be_attached()


def test_photos_are_taken_away_by_name(new_page: Callable[..., Page], stand: Stand) -> None:
    page = new_page(viewport=DESK)
    city = City(page, stand)
    open_widget(page, stand.page(stand.snippet()))
    control = page.locator("input#photos")
    control.scroll_into_view_if_needed()
    control = page.locator("input#photos[accept*='.heic']")
    control.wait_for(state="attached")
    city.answers["POST /photos"] = DELAYED
    control.set_input_files(file(picture(), "one.jpg"))
    expect(page.get_by_role("button", name="Убрать Фото 1", exact=True)).to_be_visible()
    city.release()


@pytest.mark.parametrize("kind", ["basic", "extended"])
def test_opened_again_it_begins_at_its_title(page: Page, stand: Stand, kind: str) -> None:
    """Full of what it showed before, the scrolled part would take the focus, and say nothing."""
    City(page, stand)
    page.set_viewport_size({"width": 360, "height": 560})
    open_widget(page, extended(stand) if kind == "extended" else stand.page(stand.snippet()))
    expect(page.locator(CARD if kind == "extended" else "igrajdanin-widget form").first).to_be_visible()
    for _ in range(2):
        expect(page.locator(TITLE)).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name=REPORT, exact=True)).to_be_focused()
        page.keyboard.press("Enter")


def test_opened_again_before_it_has_told_that_it_was_closed_it_is_open(page: Page, stand: Stand) -> None:
    """Escape and Enter soon after each other: the browser has closed the dialog, and says so later."""
    City(page, stand)
    open_widget(page, stand.page(stand.snippet()))
    expect(page.locator(TITLE)).to_be_focused()
    host = "const host = document.querySelector('igrajdanin-widget');"
    page.evaluate(f"{host} host.shadowRoot.querySelector('dialog').close(); igrajdanin('open')")
    page.wait_for_timeout(100)  # by then it has told
    expect(page.locator(TITLE)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=REPORT, exact=True)).to_be_focused()
    expect(page.locator(TITLE)).to_be_hidden()


def test_in_the_page_it_takes_no_focus(page: Page, stand: Stand) -> None:
    City(page, stand)
    page.goto(extended(stand, 'view="inline"'))
    expect(page.locator(CARD).first).to_be_visible()
    expect(page.locator(TITLE)).not_to_be_focused()

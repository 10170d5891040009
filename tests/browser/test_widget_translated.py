"""Translation programs change the rendered widget, and it keeps working."""

import re

from playwright.sync_api import Page, expect

from tests.support.browse import CARD, browse, extended
from tests.support.widget import WidgetSite, number, open_form, report, send, summary, to_form

DEMO_PROBLEMS = 45
# Like Google Translate: replaces every text, now and later, by another one inside two elements.
TRANSLATE = """() => {
  const skipped = "font, svg, style, textarea, option";
  const translate = text => {
    if (!text.parentElement || text.parentElement.closest(skipped) || !text.data.trim()) return;
    const outer = document.createElement("font");
    outer.append(document.createElement("font"));
    outer.firstChild.append(text.data);
    text.replaceWith(outer);
  };
  const within = node => {
    const texts = document.createNodeIterator(node, NodeFilter.SHOW_TEXT);
    for (const text of Array.from({ *[Symbol.iterator]() { for (let one; (one = texts.nextNode());) yield one; } })) {
      translate(text);
    }
  };
  for (const { shadowRoot } of document.querySelectorAll("igrajdanin-widget")) {
    within(shadowRoot);
    new MutationObserver(changes => changes.forEach(({ addedNodes }) => addedNodes.forEach(within)))
      .observe(shadowRoot, { childList: true, subtree: true });
  }
}"""
TRANSLATED = "igrajdanin-widget font > font"


def translate(page: Page) -> None:
    page.evaluate(TRANSLATE)
    expect(page.locator(TRANSLATED).first).to_be_attached()


def test_a_translated_form_can_be_sent(desktop: Page, widget_site: WidgetSite) -> None:
    open_form(desktop, widget_site.page(widget_site.snippet()))
    translate(desktop)
    send(desktop)
    expect(summary(desktop)).to_contain_text("Исправьте")
    desktop.get_by_role("button", name="Добавить имя и телефон").click()
    desktop.get_by_label("Имя (необязательно)").fill("Анна")
    assert report(desktop) > 0
    desktop.get_by_role("button", name="Сообщить ещё").click()
    assert report(desktop, "Второе сообщение") > 0


def test_a_translated_form_can_be_sent_step_by_step(page: Page, widget_site: WidgetSite) -> None:
    open_form(page, widget_site.page(widget_site.snippet()))
    translate(page)
    following = page.get_by_role("button", name="Далее")
    following.click()
    expect(page.locator("#category")).to_have_accessible_description("Выберите категорию.")
    page.get_by_label("Дороги и тротуары").click()
    page.get_by_label("Что именно не так").fill("Яма на переходе")
    following.click()
    page.get_by_role("button", name="Назад").click()
    following.click()
    page.get_by_label("Адрес или ориентир").fill("улица Мира, 5")
    following.click()
    expect(page.get_by_role("heading", name="Проверьте и отправьте")).to_be_focused()
    page.get_by_label(re.compile("Даю согласие")).check()
    send(page)
    assert number(page) > 0


def test_a_translated_list_can_be_filtered_and_read(desktop: Page, widget_site: WidgetSite) -> None:
    cards = browse(desktop, extended(widget_site))
    translate(desktop)
    desktop.get_by_role("button", name="Показать ещё").click()
    expect(cards).to_have_count(40)
    chip = desktop.get_by_role("button", name="Решено", exact=True)
    with desktop.expect_response(re.compile(r"/problems\?status=done$")) as answer:
        chip.click()
    items = answer.value.json()["items"]
    expect(desktop.locator("igrajdanin-widget .stale")).to_have_count(0)
    expect(cards).to_have_count(len(items))
    assert cards.evaluate_all("all => all.map(one => one.id)") == [f"problem-{item['number']}" for item in items]
    cards.first.click()
    expect(desktop.locator("igrajdanin-widget .timeline")).to_be_visible()
    desktop.get_by_role("button", name="К списку").click()
    expect(cards.first).to_be_focused()
    chip.click()
    expect(cards).to_have_count(20)
    desktop.get_by_label("Поиск по тексту и адресу").fill("абракадабра")
    expect(desktop.locator(CARD)).to_have_count(0)
    to_form(desktop)
    desktop.get_by_role("button", name="К списку").click()
    desktop.get_by_role("button", name="Очистить поиск").click()
    expect(cards).to_have_count(20)

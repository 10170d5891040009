"""Assistance in the form: finding a category, reports nearby, dictation, the budgets of a slow phone."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.factories import SECRET
from tests.support.browser import NewPage, Watch
from tests.support.widget import (
    ANY_ORIGIN,
    DESKTOP,
    PHONE,
    WidgetSite,
    check_appearance,
    fill_form,
    number,
    open_form,
    publish,
    report,
    send,
)
from widget_api.sites import tickets

WHOLE_WORK = tickets.MAX_NUMBER  # the real one, before the fixtures reduce it


def test_categories_are_found_by_a_part_of_their_name(page: Page, address: str) -> None:
    open_form(page, address)
    search = page.get_by_label("Найти категорию")
    choices = page.get_by_role("radio")
    expect(choices).to_have_count(12)
    expect(page.get_by_text(re.compile("Найдено категорий"))).to_have_count(0)  # without a search
    search.fill("Жкх")
    expect(choices).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="Найдено категорий: 1")).to_be_visible()
    page.get_by_label("Дом и ЖКХ").press("Space")
    search.fill("озеленЕние")
    expect(choices).to_have_count(2)  # the selected category stays visible
    search.fill("яма")  # a colloquial word that is in no category's name
    expect(page.get_by_label("Дороги и тротуары")).to_be_visible()
    for words, topic in (("не горит фонарь", "Уличное освещение"), ("бегает собака", "Безопасность и правопорядок")):
        search.fill(words)  # a phrase in any inflected form
        expect(choices).to_have_count(2)
        expect(page.get_by_label(topic)).to_be_visible()
    search.fill("")
    expect(choices).to_have_count(12)
    expect(page.get_by_label("Дом и ЖКХ")).to_be_checked()
    expect(page.locator(".choice .icon").first).to_be_visible()


def test_a_vote_replaces_a_duplicate_report(new_page: NewPage, watch: Watch, widget_site: WidgetSite) -> None:
    watch.allow("status of 404")
    here = {"latitude": 55.095211, "longitude": 38.768812}
    page = new_page(viewport=DESKTOP, geolocation=here, permissions=["geolocation"])
    address = widget_site.page(widget_site.snippet())
    open_form(page, address)
    fill_form(page, "Разбитый тротуар у рынка")
    page.get_by_role("button", name="Моё местоположение").click()
    send(page)
    first = number(page)
    publish(widget_site, first)
    page.reload()
    page.set_viewport_size(PHONE)
    open_form(page, address)
    page.get_by_label("Дороги и тротуары").click()
    page.get_by_label("Что именно не так").fill("Тот же тротуар, но яма глубже")
    page.get_by_role("button", name="Далее").click()
    page.get_by_role("button", name="Моё местоположение").click()
    widget = page.locator("igrajdanin-widget")
    expect(widget).to_contain_text("Рядом уже сообщали")
    near = page.get_by_role("listitem").filter(has_text="Разбитый тротуар у рынка")
    expect(near).to_contain_text(re.compile(r"здесь же · Принято · \d+\s[а-я]+"))
    expect(near.get_by_role("link")).to_have_attribute("href", re.compile(f"/problems/{first}$"))
    refused: list[Route] = []

    def refuse(route: Route) -> None:
        """Refuse the ticket as spent or too old: the widget gets another one by itself."""
        refused.append(route)
        route.fulfill(status=403, json={"code": "ticket_invalid"}, headers=ANY_ORIGIN)

    watch.allow("status of 403")
    page.route(re.compile("/support$"), refuse, times=1)
    with page.expect_response(lambda response: response.url.endswith("/support") and response.ok) as support:
        near.get_by_role("button", name="Это оно").press("Enter")
    assert (len(refused), support.value.json()) == (1, {"supporters": 1})
    assert page.evaluate(f"localStorage['igrajdanin:voices:{widget_site.key}']") == str(first)
    expect(page.get_by_role("heading", name=f"Ваш голос добавлен к сообщению № {first}")).to_be_focused()
    check_appearance(page, "joined", ("contrast",))
    # Nothing of what was written is lost.
    page.get_by_role("button", name="Вернуться к своему").press("Enter")
    expect(page.get_by_role("heading", name="Укажите место")).to_be_focused()
    expect(near).to_contain_text(f"Ваш голос добавлен к сообщению № {first}")


def dictated_text_is_not_changed_or_cut(desktop: Page) -> None:
    """System keyboards dictate by input composition, which ends if a script sets the value."""
    field = desktop.get_by_label("Что именно не так")
    written = field.evaluate(
        """async field => {
          const own = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value");
          let written = 0;
          Object.defineProperty(field, "value", { get() { return own.get.call(this) },
            set(to) { written++; own.set.call(this, to) } });
          field.dispatchEvent(new CompositionEvent("compositionstart"));
          for (const part of ["  яма ", "  яма на  ", "  яма на углу  "]) {
            own.set.call(field, part);
            field.dispatchEvent(new InputEvent("input", { isComposing: true, bubbles: true }));
            await new Promise(done => setTimeout(done, 20));
          }
          return written }"""
    )
    assert written == 0
    expect(field).to_have_value("  яма на углу  ")
    assert desktop.locator("igrajdanin-widget [maxlength]").count() == 0


def test_the_sites_colours_apply_unless_the_page_sets_its_own(desktop: Page, widget_site: WidgetSite) -> None:
    desktop.route(re.compile(r"\?lang="), with_colours)
    open_form(desktop, widget_site.page(widget_site.snippet()))
    sends = "document.querySelector('igrajdanin-widget').shadowRoot.querySelector('.end .button')"
    colour = f"getComputedStyle({sends}).backgroundColor"
    assert desktop.evaluate(colour) == "rgb(122, 0, 60)"
    styled = f"<style>:root {{ --igw-accent: #005500 }}</style>{widget_site.snippet()}"
    open_form(desktop, widget_site.page(styled))
    assert desktop.evaluate(colour) == "rgb(0, 85, 0)"


def with_colours(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, json=answer.json() | {"colours": "--igw-accent:#7a003c;--igw-accent-ink:#ffffff"})


def test_text_can_be_dictated_and_the_receipt_shared_and_printed(desktop: Page, address: str) -> None:
    desktop.add_init_script("navigator.share = async what => { shared = what }; print = () => { printed = 1 }")
    open_form(desktop, address)
    dictated_text_is_not_changed_or_cut(desktop)
    report(desktop, "Яма у рынка", email="anna@example.test")
    desktop.get_by_role("button", name="Поделиться").click()
    assert "/t/" in desktop.evaluate("shared.url")
    desktop.get_by_role("button", name="Распечатать").click()
    assert desktop.evaluate("printed")
    text = desktop.get_by_text("Яма у рынка")
    expect(text).to_be_hidden()
    desktop.emulate_media(media="print")
    expect(text).to_be_visible()
    expect(desktop.get_by_role("button", name="Сообщить ещё")).to_be_hidden()


def test_a_slow_phone_meets_the_time_budgets(
    page: Page, widget_site: WidgetSite, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documented budgets, with a margin: a 6× slower processor and slow 3G (400 ms, 400 kbit/s)."""
    monkeypatch.setattr(tickets, "MAX_NUMBER", WHOLE_WORK)
    challenge = tickets.Challenges((SECRET,)).issue(widget_site.site, widget_site.host.url, "127.0.0.1")
    page.route(re.compile("/challenge"), lambda route: route.fulfill(json=challenge, headers=ANY_ORIGIN))
    session = page.context.new_cdp_session(page)
    page.goto(address)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000},
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    page.evaluate(
        """() => { const element = document.querySelector("igrajdanin-widget");
          window.began = performance.now();
          igrajdanin("open");
          const timer = setInterval(() => {
            if (!element.shadowRoot.querySelector("form")) return;
            clearInterval(timer);
            window.usable = performance.now() - began;
          }, 10) }"""
    )
    with page.expect_response(re.compile("/tickets$")) as ticket:
        pass
    assert ticket.value.ok, "the service accepts the solution"
    marks = page.evaluate(
        """() => {
          const at = name => performance.getEntriesByType("resource").find(one => one.name.includes(name));
          const from = Math.max(at("/challenge").responseEnd, began + usable);
          return { usable, work: at("/tickets").startTime - from } }"""
    )
    assert marks["work"] < 2_000, "proof of work (contract, budgets)"
    assert marks["usable"] < 4_000, "one round trip of requests, and the time to run the code"

"""Following and commenting without JavaScript, and the moderation queue by keyboard, with real letters."""

import uuid

import pytest
from playwright.sync_api import Page, Route, ViewportSize, expect

from tests.factories import AGENT, submit_report
from tests.support import axe
from tests.support.accessibility_tree import accessibility_text
from tests.support.browser import NewPage, Watch
from tests.support.mail import MailSink
from tests.support.processes import Service
from tests.support.town import Town
from widget_api.comments import service as discussion
from widget_api.database import Database
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}


@pytest.fixture
def town(service: Service) -> Town:
    return Town.found(service, "agent", discussion="moderated")


@pytest.fixture
def problem(town: Town) -> str:
    """The address of a published report with an official comment."""

    async def work(database: Database) -> str:
        receipt = await submit_report(database, town.site, contact=Contact())
        await lifecycle.change(database, AGENT, town.site.id, receipt.problem_id, Change(to="accepted"))
        await discussion.post_official_comment(
            database, town.site, receipt.problem_id, "Бригада выедет в четверг", None
        )
        return f"{town.page}/problems/{receipt.number}"

    return str(town.use_database(work))


@pytest.fixture
def neighbour() -> str:
    """The e-mail address of a resident."""
    return f"{uuid.uuid4().hex[:8]}@resident.test"


def answer(page: Page, action: str, **given: str) -> None:
    """Fill in and send the form for an e-mail address."""
    form = page.locator(f"form[action$='{action}']")
    for name, value in given.items():
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=consent]").check()
    form.locator("button[type=submit]").click()


def test_following_commenting_and_moderation(
    town: Town, problem: str, neighbour: str, new_page: NewPage, service_mail: MailSink, watch: Watch
) -> None:
    watch.allow("422")
    plain = new_page(java_script_enabled=False)
    plain.goto(problem)
    expect(plain.locator("#comments")).to_contain_text("Бригада выедет в четверг")
    plain.locator("#follow summary").click()
    answer(plain, "/follow", email=neighbour)
    expect(plain.locator("[role=status]")).to_contain_text("на почту уже идёт письмо")
    (letter,) = service_mail.wait(neighbour, matching=lambda one: "/follow/" in one.text)
    plain.goto(letter.links[0])
    plain.get_by_role("button", name="Следить").click()
    expect(plain.locator("h1")).to_have_text("Вы следите за сообщением")

    plain.goto(problem)
    plain.locator("#comments summary").click()
    session = plain.context.new_cdp_session(plain)
    session.send("Accessibility.enable")
    boxes = [line for line in accessibility_text(session).splitlines() if line.lstrip().startswith("checkbox")]
    assert boxes
    assert not [line for line in boxes if "[invalid]" in line]
    answer(plain, "/comment", text="У соседнего дома <b>то же</b>", name="Вера", email=neighbour)
    expect(plain.locator("[role=status]")).to_contain_text("тогда комментарий увидит модератор")
    (letter,) = service_mail.wait(neighbour, matching=lambda one: "/comment/" in one.text)
    plain.goto(letter.links[0])
    plain.get_by_role("button", name="Подтвердить").click()
    expect(plain.locator(".notice")).to_contain_text("проверяет модератор")

    desktop = town.sign_in(new_page(viewport=DESKTOP))
    menu = desktop.get_by_role("navigation", name="Разделы кабинета").get_by_role("link", name="Входящие")
    expect(menu).to_contain_text("1")
    menu.focus()
    desktop.keyboard.press("Enter")
    expect(desktop.locator(".queue")).to_contain_text("У соседнего дома <b>то же</b>")
    assert axe.violations(desktop) == []
    publish = desktop.get_by_role("button", name="Опубликовать")
    for _ in range(30):
        desktop.keyboard.press("Tab")
        if publish.evaluate("button => button === document.activeElement"):
            break
    desktop.keyboard.press("Enter")
    expect(desktop.locator("[role=status]")).to_contain_text("опубликован")
    expect(desktop.locator(".empty")).to_be_visible()

    plain.goto(problem)
    expect(plain.locator(".comments li")).to_have_count(2)
    expect(plain.locator(".comments li").last).to_contain_text("У соседнего дома <b>то же</b>")
    service_mail.wait(neighbour, matching=lambda one: "опубликован" in one.subject)
    # What is wrong with a form is said, and what was typed stays.
    desktop.goto(f"{problem}/comment")
    desktop.locator("[name=text]").fill("Слова, которые нельзя потерять")
    desktop.get_by_role("button", name="Отправить комментарий").click()
    expect(desktop.locator(".summary")).to_be_focused()
    expect(desktop.locator("[name=text]")).to_have_value("Слова, которые нельзя потерять")
    assert axe.violations(desktop) == []
    desktop.locator(".summary a").first.click()
    expect(desktop.locator("[name=name]")).to_be_focused()


NOTIFICATIONS = """
window.shown = [];
window.asked = 0;
window.Notification = class {
  static permission = "default";
  static async requestPermission() { window.asked += 1; return (this.permission = "granted"); }
  constructor(title, options) { window.shown.push([title, options.body]); }
};
"""


def test_browser_notifications_are_opt_in(town: Town, new_page: NewPage) -> None:
    """What the service counts and when is covered by tests/api/test_notices.py; here its answers are faked."""
    page, polled = new_page(viewport=DESKTOP), list[str]()
    page.add_init_script(NOTIFICATIONS)

    def answer_poll(route: Route) -> None:
        after = route.request.url.partition("after=")[2]
        polled.append(after)
        came = {"": ("a", ""), "a": ("b", "3 новых уведомления")}.get(after, (after, ""))
        route.fulfill(json=dict(zip(("last", "text"), came, strict=True)))

    page.route("**/cabinet/notices?*", answer_poll)
    page.clock.install()
    town.sign_in(page, to="account")
    button = page.locator("#browser-notices button")
    expect(button).to_have_text("Включить в этом браузере")
    page.clock.run_for(30_000)
    assert (polled, page.evaluate("window.asked")) == ([], 0)
    button.click()
    expect(button).to_have_text("Выключить в этом браузере")
    for _ in range(2):
        with page.expect_response("**/cabinet/notices?*"):
            page.clock.run_for(10_000)
    page.wait_for_function("window.shown.length")
    assert page.evaluate("window.shown") == [["Кабинет", "3 новых уведомления"]]
    button.click()
    expect(button).to_have_text("Включить в этом браузере")
    page.clock.run_for(30_000)
    assert polled == ["", "a"]
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe.violations(page) == []

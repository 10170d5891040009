"""Following and commenting without JavaScript, and the moderation queue by keyboard, with real letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, Route, expect

from tests.factories import AGENT, make_site, submit_report
from tests.support import axe
from tests.support.accessibility_tree import accessibility_text
from tests.support.browser import Watch
from tests.support.event_loop_thread import run_in_thread
from tests.support.mail import MailSink
from tests.support.processes import Service
from widget_api.comments import service as discussion
from widget_api.database import Database
from widget_api.people import accounts
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact

pytestmark = pytest.mark.browser

NEIGHBOUR = "vera@resident.test"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}


@dataclass
class Instance:
    service: Service
    key: str
    number: int
    problem_id: str
    email: str
    password: str

    @property
    def page(self) -> str:
        return f"{self.service.url}/s/{self.key}/problems/{self.number}"

    def sign_in(self, page: Page) -> Page:
        page.goto(f"{self.service.url}/cabinet/")
        page.fill("[name=email]", self.email)
        page.fill("[name=password]", self.password)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{self.service.url}/cabinet/")
        return page


@pytest.fixture
def instance(serve: Callable[..., Service], mail_sink: MailSink) -> Instance:
    service = serve(smtp_url=mail_sink.url, rate_limits="off")

    async def create() -> Instance:
        database = Database(service.settings["WIDGET_DATABASE_URL"], readers=1)
        await database.connect()
        site = await make_site(database, discussion="moderated")
        receipt = await submit_report(database, site, contact=Contact())
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
        await discussion.post_official_comment(database, site, receipt.problem_id, "Бригада выедет в четверг", None)
        _, password = await accounts.add_user(database, email="a@gorod.test", role="agent", agency_id=site.agency.id)
        await database.disconnect()
        return Instance(service, site.key, receipt.number, receipt.problem_id, "a@gorod.test", password)

    made: Instance = run_in_thread(create())
    return made


def answer(page: Page, action: str, **given: str) -> None:
    """Fill in and send the form for an e-mail address as slowly as a person does."""
    form = page.locator(f"form[action$='{action}']")
    for name, value in given.items():
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=consent]").check()
    page.wait_for_timeout(2_100)  # forms sent within two seconds are treated as spam
    form.locator("button[type=submit]").click()


def test_following_commenting_and_moderation_by_keyboard(
    instance: Instance, new_page: Callable[..., Page], mail_sink: MailSink
) -> None:
    plain = new_page(java_script_enabled=False)
    plain.goto(instance.page)
    expect(plain.locator("#comments")).to_contain_text("Бригада выедет в четверг")
    plain.locator("#follow summary").click()
    answer(plain, "/follow", email=NEIGHBOUR)
    expect(plain.locator("[role=status]")).to_contain_text("на почту уже идёт письмо")
    (letter,) = mail_sink.wait(NEIGHBOUR, matching=lambda one: "/follow/" in one.text)
    plain.goto(letter.links[0])
    plain.get_by_role("button", name="Следить").click()
    expect(plain.locator("h1")).to_have_text("Вы следите за сообщением")

    plain.goto(instance.page)
    plain.locator("#comments summary").click()
    session = plain.context.new_cdp_session(plain)
    session.send("Accessibility.enable")
    boxes = [line for line in accessibility_text(session).splitlines() if line.lstrip().startswith("checkbox")]
    assert boxes
    assert not [line for line in boxes if "[invalid]" in line]
    answer(plain, "/comment", text="У соседнего дома <b>то же</b>", name="Вера", email=NEIGHBOUR)
    expect(plain.locator("[role=status]")).to_contain_text("тогда комментарий увидит модератор")
    (letter,) = mail_sink.wait(NEIGHBOUR, matching=lambda one: "/comment/" in one.text)
    plain.goto(letter.links[0])
    plain.get_by_role("button", name="Подтвердить").click()
    expect(plain.locator(".notice")).to_contain_text("проверяет модератор")

    desktop = instance.sign_in(new_page(viewport=DESKTOP))
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

    plain.goto(instance.page)
    expect(plain.locator(".comments li")).to_have_count(2)
    expect(plain.locator(".comments li").last).to_contain_text("У соседнего дома <b>то же</b>")
    mail_sink.wait(NEIGHBOUR, matching=lambda one: "опубликован" in one.subject)


def test_moderators_reject_without_javascript(
    instance: Instance, new_page: Callable[..., Page], mail_sink: MailSink, watch: Watch
) -> None:
    watch.allow("422")
    from tests.api.test_comments import CANARY
    from widget_api.comments import store
    from widget_api.comments.model import Comment
    from widget_api.problems.persons import Person
    from widget_api.sites import service as sites

    async def post_comment() -> None:
        database = Database(instance.service.settings["WIDGET_DATABASE_URL"], readers=1)
        await database.connect()
        site = await sites.by_key(database, instance.key)
        person = Person(email=CANARY, language="ru", consent_version="1", consent_hash="0", ip=None)
        await discussion.post_comment(database, site, instance.number, Comment(name="Кто-то", text="Реклама"), person)
        (row,) = await store.list_of_address(database, CANARY)
        await discussion.confirm_comment(database, row)
        await database.disconnect()

    run_in_thread(post_comment())
    page = instance.sign_in(new_page(viewport=PHONE, java_script_enabled=False))
    page.goto(f"{instance.service.url}/cabinet/comments")
    page.locator(".queue summary").click()
    page.get_by_role("button", name="Отклонить").click()
    expect(page.locator(".field-error")).to_contain_text("Напишите причину")
    page.locator("[name=reason]").fill("Не о сообщении")
    page.get_by_role("button", name="Отклонить").click()
    expect(page.locator("[role=status]")).to_contain_text("не показан")
    (letter,) = mail_sink.wait(CANARY, matching=lambda one: "не опубликован" in one.subject)
    assert "Не о сообщении" in letter.text


LOOKS: dict[str, list[axe.Look]] = {
    "ru": [
        *((360, "light", theme) for theme in (None, *axe.CHOSEN)), (360, "dark", None),
        (1280, "light", None), (1280, "light", "blue"), (1280, "dark", None),
    ],
    "en": [(360, "light", None), (360, "light", "blue"), (1280, "light", None)],
}  # fmt: skip


def states(instance: Instance) -> dict[str, str]:
    return {
        "problem": instance.page,
        "follow": f"{instance.page}/follow",
        "comment": f"{instance.page}/comment",
        "sent": f"{instance.page}/comment?done=1",
    }


def test_pages_are_accessible(instance: Instance, page: Page) -> None:
    """In English only structure and width: colours do not depend on the language."""
    for name, address in states(instance).items():
        for language, looks in LOOKS.items():
            page.goto(f"{address}?lang={language}".replace("?done=1?", "?done=1&"))
            page.evaluate("document.querySelectorAll('main details').forEach(fold => { fold.open = true; })")
            assert axe.violations_in_appearances(page, looks) == [], (name, language)


def test_invalid_forms_show_the_reason_and_keep_their_input(
    instance: Instance, new_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("422")
    page = new_page()
    page.goto(f"{instance.page}/comment")
    page.locator("[name=text]").fill("Слова, которые нельзя потерять")
    page.wait_for_timeout(2_100)
    page.get_by_role("button", name="Отправить комментарий").click()
    expect(page.locator(".summary")).to_be_focused()
    expect(page.locator("[name=text]")).to_have_value("Слова, которые нельзя потерять")
    assert axe.violations(page) == []
    page.locator(".summary a").first.click()
    expect(page.locator("[name=name]")).to_be_focused()


NOTIFICATIONS = """
window.shown = [];
window.asked = 0;
window.Notification = class {
  static permission = "default";
  static async requestPermission() { window.asked += 1; return (this.permission = "granted"); }
  constructor(title, options) { window.shown.push([title, options.body]); }
};
"""


def test_browser_notifications_are_opt_in(instance: Instance, new_page: Callable[..., Page]) -> None:
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
    instance.sign_in(page).goto(f"{instance.service.url}/cabinet/account")
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

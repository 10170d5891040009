"""A working day of an agency in a real browser, with the keyboard alone."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.conftest import ONE_DATABASE_UNLESS_FULL
from tests.support import axe
from tests.support.browser import NewPage
from tests.support.pictures import file, halves, photo
from tests.support.processes import Serve, Service
from tests.support.town import Town, sign_in
from widget_api import i18n
from widget_api.database import Database
from widget_api.people import accounts
from widget_api.sites import routing_rules
from widget_api.sites import service as sites

DESK = {"width": 1280, "height": 800}
LOOKS: list[axe.Look] = [
    (360, "light", None), (360, "light", "white-on-black"), (1280, "light", None), (1280, "dark", None),
]  # fmt: skip
WATER = "Водоканал"
MANY_TABS = 250


@dataclass(frozen=True)
class Hand:
    """Somebody at a page of the cabinet, with the keyboard alone."""

    page: Page

    def reach(self, target: Locator) -> None:
        expect(target).to_be_visible()
        target.evaluate("element => { window.sought = element }")
        for _ in range(MANY_TABS):
            if self.page.evaluate("sought === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {target}")

    def press(self, target: Locator) -> None:
        self.reach(target)
        self.page.keyboard.press("Enter")

    def tick(self, target: Locator) -> None:
        self.reach(target)
        self.page.keyboard.press("Space")
        expect(target).to_be_checked()

    def choose(self, value: str) -> None:
        """One of the decisions: Tab leads to the group, the arrows through it."""
        target = self.page.locator(f"#to-{value}")
        expect(target).to_be_visible()
        values = self.page.locator("[name=to]").evaluate_all("all => all.map(one => one.value)")
        self.reach(self.page.locator("[name=to]").first)
        self.page.keyboard.press("Space")
        for _ in range(values.index(value)):
            self.page.keyboard.press("ArrowDown")
        expect(target).to_be_checked()

    def write(self, target: Locator, text: str) -> None:
        self.reach(target)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        expect(target).to_have_value(text)

    def date(self, target: Locator, day: datetime) -> None:
        """A date is typed in the order of the browser's language, which may be another one than the page's."""
        self.reach(target)
        for order in ("%m%d%Y", "%d%m%Y"):
            self.page.keyboard.type(day.strftime(order))
            if target.input_value() == day.strftime("%Y-%m-%d"):
                break
            target.blur()
            target.focus()  # from its first part on
        expect(target).to_have_value(day.strftime("%Y-%m-%d"))


STAFF: dict[str, tuple[str, str]] = {
    "admin@gorod.test": ("admin", "Мария Котова"),
    "agent@gorod.test": ("agent", "Анна Сергеева"),
    "head@gorod.test": ("head", "Пётр Ильич"),
    "service@gorod.test": ("agent", "Водопроводчик"),
}


@dataclass(frozen=True)
class Agency:
    """A town whose people have names; `passwords` by e-mail address."""

    town: Town
    passwords: dict[str, str]

    def sign_in(self, page: Page, email: str) -> Page:
        """«Сегодня» of somebody."""
        return sign_in(page, self.town.service, email, self.passwords[email])

    def today(self, page: Page) -> Page:
        page.goto(f"{self.town.service.url}/cabinet/")
        return page


def found_agency(service: Service) -> Agency:
    """An agency whose answers a head approves, with a water utility, a rule that leads to it, and people in both."""
    town = Town.found(service)
    office = town.site.agency.id

    async def fill(database: Database) -> dict[str, str]:
        water = await sites.add_agency(database, name=WATER, email="water@gorod.test", parent_id=office)
        await routing_rules.add_rule(database, town.site.id, {"service": water, "category": "water"})
        passwords = {}
        for email, (role, name) in STAFF.items():
            agency = water if email.startswith("service") else office
            _, passwords[email] = await accounts.add_user(
                database, email=email, role=role, agency_id=agency, language="ru", name=name
            )
        return passwords

    made = Agency(town, town.use_database(fill))
    service.cli("agency", "set", office, "--approval")
    return made


def line(page: Page, text: str) -> Locator:
    return page.locator(".inbox .c-text a", has_text=text)


DONE = "Прорыв устранили 25 ноября: заменили два метра трубы."
AMENDED = "Прорыв устранили 25 ноября: заменили два метра трубы и восстановили асфальт."
WHY = "Трубу привезут из другого города, поэтому ремонт займёт больше времени."
AGAIN = "Трубу заменили целиком 27 ноября, воду проверили во всём доме."


@ONE_DATABASE_UNLESS_FULL
def test_a_working_day(serve: Serve, database_url: str, new_page: NewPage) -> None:
    """A report, the water utility's work, an answer that a head approves, an objection, an extension, an answer."""
    agency = found_agency(serve(database_url=database_url, challenge="off", rate_limits="off"))
    say = partial(i18n.text, "ru")
    browser: Any = {"viewport": DESK, "locale": "ru-RU"}

    def enter(email: str) -> Hand:
        return Hand(agency.sign_in(new_page(**browser), email))

    turns = itertools.count()

    def check(page: Page) -> None:
        assert axe.violations_in_turn(page, LOOKS, next(turns)) == []
        page.set_viewport_size(DESK)  # type: ignore[arg-type]

    def save(hand: Hand, done: str) -> None:
        button = "submit_for_approval" if done == "done_submitted" else "submit"
        approves = hand.page.locator("[name=approves]").count()
        hand.press(
            hand.page.get_by_role("button", name=say(f"cabinet.decide.{'approve' if approves else button}"), exact=True)
        )
        if done == "waits":
            expect(hand.page.locator("#waiting")).to_be_visible()
            check(hand.page)
            agency.town.pass_minute()
            expect(hand.page.locator("#waiting")).to_have_count(0)
        else:
            expect(hand.page.locator(".notice.good").first).to_have_text(say(f"cabinet.decide.{done}"))

    status = "#head .chip"
    agency.town.report("Другое: не горит фонарь", category="lighting")
    receipt = agency.town.report("Первое: из-под асфальта бьёт вода", category="water")

    # The agency accepts, the rule leads to the service.
    agent = enter("agent@gorod.test")
    agent.press(line(agent.page, "Первое"))
    agent.choose("accepted")
    save(agent, "done")
    expect(agent.page.locator(status).first).to_have_text(say("status.forwarded"))
    report_url = agent.page.url

    # The service takes it up, works, and says so with a photo.
    service = enter("service@gorod.test")
    service.press(line(service.page, "Первое"))
    service.press(service.page.get_by_role("button", name=say("status_action.in_progress")))
    expect(service.page.locator(status).first).to_have_text(say("status.in_progress"))
    service.write(service.page.locator("#field-work_text"), DONE)
    service.page.set_input_files("#field-photos", files=[file(photo(halves(64, 64)))])
    check(service.page)
    service.press(service.page.get_by_role("button", name=say("cabinet.assignment.work_submit")))
    expect(service.page.locator(".notice.good").first).to_have_text(say("cabinet.decide.done_reported"))

    # What the agent writes is a draft on the service, and a colleague is told who writes.
    head = enter("head@gorod.test")
    head.press(line(head.page, "Первое"))
    agency.today(agent.page)
    expect(agent.page.locator("#section-returned")).to_contain_text(say("cabinet.list.service.reported"))
    agent.press(line(agent.page, "Первое"))
    expect(agent.page.locator("#field-text")).to_have_value(DONE)
    agent.choose("resolved")
    agent.write(agent.page.locator("#field-text"), AMENDED)
    expect(agent.page.locator("#draft-kept")).not_to_be_empty()
    agent.page.evaluate("sessionStorage.clear()")
    agent.page.once("dialog", lambda dialog: dialog.accept())
    agent.page.reload()
    expect(agent.page.locator("#field-text")).to_have_value(AMENDED)
    expect(agent.page.locator("#to-resolved")).to_be_checked()
    expect(head.page.locator("#drafts-said")).to_contain_text(say("answering.draft.typing", name="Анна Сергеева"))
    agent.tick(agent.page.locator("#field-work_photos"))
    check(agent.page)
    save(agent, "done_submitted")

    # The head finds it on «Сегодня» and approves it.
    agency.today(head.page)
    expect(head.page.locator("#section-approval")).to_contain_text(say("cabinet.today.section.approval"))
    check(head.page)
    head.press(head.page.locator("#section-approval").locator(".c-text a", has_text="Первое"))
    expect(head.page.locator("#field-text")).to_have_value(AMENDED)
    check(head.page)
    save(head, "waits")
    expect(head.page.locator(status).first).to_have_text(say("status.resolved"))
    answer = agency.town.call(f"/problems/{receipt['number']}")
    assert answer["answer"]["text"] == AMENDED
    assert len(answer["timeline"][-1]["photos"]) == 1

    # The resident reads the answer, and objects.
    resident = new_page(**browser)
    resident.goto(receipt["track_url"])
    expect(resident.locator(".official").first).to_contain_text(AMENDED)
    resident.locator("summary", has_text=say("resident.judge.resolved.no")).click()
    resident.locator("[name=reason]").fill("Вода бьёт снова")
    resident.locator("form[action$='/reopened'] button").click()
    expect(resident.locator(".chips")).to_contain_text(say("status.reopened"))

    # It stands on top; more time is needed, which a head grants.
    agency.today(agent.page)
    expect(agent.page.locator("#rows .c-text a").first).to_contain_text("Первое")
    expect(agent.page.locator("#section-returned .c-text a")).to_have_count(1)
    agent.press(line(agent.page, "Первое"))
    until = datetime.now(UTC) + timedelta(days=35)
    agent.choose("extended")
    agent.write(agent.page.locator("#field-text"), WHY)
    agent.date(agent.page.locator("#field-extended_to"), until)
    check(agent.page)
    save(agent, "done_submitted")
    agency.today(head.page)
    head.press(head.page.locator("#section-approval .c-text a"))
    expect(head.page.locator("#to-extended")).to_be_checked()
    save(head, "done")
    day = i18n.format_date("ru", until.date())
    expect(head.page.locator("#facts .due")).to_contain_text(day)
    resident.reload()
    expect(resident.locator("main")).to_contain_text(WHY)
    expect(resident.locator("main")).to_contain_text(day)

    # It is answered; a head needs nobody's approval.
    head.choose("resolved")
    head.write(head.page.locator("#field-text"), AGAIN)
    save(head, "waits")
    resident.reload()
    expect(resident.locator(".official").first).to_contain_text(AGAIN)
    agency.today(agent.page)
    expect(line(agent.page, "Первое")).to_have_count(0)

    # Its photos are hidden or covered, and its words corrected, on pages of their own.
    agent.page.goto(report_url)
    for name in ("answering.photos.open", "answering.correction.open"):
        agent.press(agent.page.get_by_role("link", name=say(name)))
        expect(agent.page.get_by_role("heading", level=1)).to_contain_text(str(receipt["number"]))
        check(agent.page)
        agent.press(agent.page.get_by_role("link", name=say("common.number", number=receipt["number"])))

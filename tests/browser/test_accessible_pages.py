"""One tour of the pages: no overflow in any width, axe in the widths and the colour schemes in turn.

Pages share their structure and their colours, so `make test` looks at each in one appearance; `make test-full` in all.

States that only a story brings about (an answer in work, a conflict of two agents, a file with errors) are checked
where they arise, and so are the states of the widget and of the city's pages.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories import AGENT, RESIDENT, SECRET, run_statement, submit_report
from tests.support import axe
from tests.support.browser import Watch
from tests.support.processes import Service
from tests.support.registration import plant_application
from tests.support.town import Town
from tests.support.widget import WidgetSite
from widget_api import clock
from widget_api.attachments.storage import Storage
from widget_api.comments import service as discussion
from widget_api.comments.moderation import moderation_url
from widget_api.database import Database
from widget_api.mail import links
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Change
from widget_api.registration.mail import application_url
from widget_api.signing import Signer
from widget_api.sites import routing_rules
from widget_api.sites import service as sites

WIDE: axe.Look = (1280, "light", None)
# Each colour scheme once, in one width or the other: colours depend on neither width nor language.
CABINET: tuple[axe.Look, ...] = (
    (360, "light", None), (360, "light", "white-on-black"), WIDE, (1280, "dark", None),
)  # fmt: skip
DESK: tuple[axe.Look, ...] = (
    (360, "light", None), (360, "dark", None), (360, "light", "black-on-white"), WIDE, (1280, "light", "blue"),
    (1280, "light", "white-on-black"),
)  # fmt: skip
SITE = ("", "/code", "/access", "/usage", "/announce", "/announce/poster")
FORMS = ("/settings", "/categories", "/consent", "/testing", "/territory", "/districts", "/platforms", "/collections")
OTHERS = ("organisation/tokens", "organisation/provider", "account/factor", "account", "comments", "inbox", "sites")
LONG_NAME = "Министерство транспорта и дорожной инфраструктуры области"
LONG_TEXT = "И у соседнего дома такая же яма: " + "очень" * 30
# The selected option of a <select> is on one line beside an arrow of 20 pixels; text that does not fit is cut off.
CUT_OFF_SELECTS = """() => {
    const context = document.createElement("canvas").getContext("2d");
    const shown = [...document.querySelectorAll("select:not([name=category])")].filter(one => one.clientWidth);
    return shown.flatMap(select => {
        const style = getComputedStyle(select);
        context.font = style.font;
        context.letterSpacing = style.letterSpacing;
        context.wordSpacing = style.wordSpacing;
        const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 20;
        return [...select.options].map(option => option.label).filter(label => context.measureText(label).width > room);
    });
}"""
UNFOLD = "document.querySelectorAll('main details').forEach(fold => { fold.open = true; })"
State = str | Callable[[Page], object]  # its address, or the way to it


@dataclass(frozen=True)
class World:
    """A town in which there is something of everything; `pages` are links of letters and other addresses."""

    town: Town
    pages: dict[str, str]

    @property
    def cabinet(self) -> str:
        return f"{self.town.service.url}/cabinet"


@pytest.fixture(scope="module")
def world(service: Service) -> World:
    mode = {"mode": "email", "email": f"{uuid.uuid4().hex[:8]}@gorod.test"}
    town = Town.found(service, "admin", "head", "operator", agency=mode, discussion="moderated")
    site, address = town.site, f"{uuid.uuid4().hex[:8]}@resident.test"
    pages = dict[str, str]()

    async def fill(database: Database) -> None:
        storage = Storage((service.directory / "data" / "media").as_uri())
        settings = SimpleNamespace(public_url=service.url)
        context: Any = SimpleNamespace(database=database, storage=storage, settings=settings, signer=Signer((SECRET,)))

        async def plant(name: str, *changes: Change, **given: Any) -> tuple[str, int]:
            """A confirmed report and its private page."""
            receipt = await submit_report(database, site, **{"email": address, **given})
            await lifecycle.confirm(database, site.id, receipt.problem_id)
            for change in changes:
                await lifecycle.change(database, AGENT, site.id, receipt.problem_id, change)
            pages[name] = links.track_url(context, receipt.problem_id)
            return receipt.problem_id, receipt.number

        waiting = (await submit_report(database, site, email=address, description="Яма")).problem_id
        pages["waiting"] = links.track_url(context, waiting)
        pages["confirmation"] = links.confirm_url(context, waiting)
        asked, _ = await plant("asked", description="Очень" + "длинное" * 20 + " слово", category="playgrounds")
        await dialogue.ask(database, AGENT, site.id, asked, "Яма на стороне школы или напротив?")
        pages.update({step: f"{pages['asked']}/{step}" for step in ("withdraw", "erase", "link")})
        pages["mine"] = links.reports_url(context, asked)
        pages["unsubscribe"] = links.stop_url(context, asked)
        done = Change(to="resolved", text="Яму заделали")
        resolved, number = await plant("resolved", done, description="Не горит фонарь " * 30, category="lighting")
        pages["confirmed"] = links.confirm_url(context, resolved)
        confirmed, _ = await plant("confirmed by the author", done)
        await lifecycle.change(database, RESIDENT, site.id, confirmed, Change(to="confirmed"))
        await plant("rejected", Change(to="rejected", text="Не городское"))
        erased, _ = await plant("erased")
        await lifecycle.erase(database, RESIDENT, site.id, erased)
        redirected, _ = await plant("redirected", Change(to="redirected", responsible=LONG_NAME))
        pages["problem"] = f"{town.page}/problems/{number}"
        await discussion.post_official_comment(database, site, resolved, "Бригада выедет в четверг", None)
        said = {"site_id": site.id, "problem_id": resolved, "name": "Сосед", "body": LONG_TEXT, "official": False}
        for state in ("moderation", "rejected", "published"):
            comment = clock.new_id()
            decided = {} if state == "moderation" else {"decided_at": clock.now()}
            values = {"id": comment, "state": state, "created_at": clock.now(), **decided, **said}
            columns = f"({', '.join(values)}) VALUES (:{', :'.join(values)})"
            await run_statement(database, f"INSERT INTO comments {columns}", **values)
            pages[f"comment in {state}"] = moderation_url(context, site, comment, clock.now())
        for state in ("draft", "sent"):
            pages[f"application, {state}"] = application_url(context, await plant_application(context, state=state))
        cabinet = f"{service.url}/cabinet/problems"
        new = (await submit_report(database, site, email=None, description="Яма")).problem_id
        pages.update({"new": f"{cabinet}/{new}", "passed on": f"{cabinet}/{redirected}"})
        dead = "UPDATE deliveries SET state = 'dead', lease_holder = NULL, last_error = :error WHERE problem_id = :id"
        error = {"error": "503 " + "долго" * 60, "id": resolved}
        await database.write(lambda tx: tx.run(dead, **error))
        roads = await sites.add_agency(database, name=LONG_NAME, email="roads@gorod.test", parent_id=site.agency.id)
        await routing_rules.add_rule(database, site.id, {"service": roads, "category": "snow"})

    town.use_database(fill)
    return World(town, pages)


@pytest.fixture
def check(page: Page, watch: Watch) -> Callable[..., None]:
    """`check(states, looks)`: every state in these appearances, and its address in English as far as words matter."""
    watch.allow("status of (403|404|422)")
    watch.allow("Unrecognized feature: 'web-share'")  # missing in Chromium for Linux

    def go(states: Mapping[str, State], looks: Sequence[axe.Look], *, large: bool = False, also: str = "") -> None:
        found: dict[str, list[str]] = {}
        for turn, (name, state) in enumerate(states.items()):
            page.set_viewport_size({"width": looks[0][0], "height": axe.HEIGHT})
            if isinstance(state, str):
                page.goto(state)
                page.evaluate(UNFOLD)
            else:
                state(page)
            found[name] = axe.violations_in_turn(page, looks, turn, also)
            if large:
                found[name] += axe.violations_with_large_text(page)
        addresses = [(name, state) for name, state in states.items() if isinstance(state, str)]
        for name, address in addresses:
            page.goto(f"{address}{'&' if '?' in address else '?'}lang=en")
            page.evaluate(UNFOLD)
            found[f"{name}, in English"] = axe.overflow_in_appearances(page, looks, also)
        page.goto(f"{addresses[0][1].partition('?')[0]}?lang=ru")  # the language is kept
        wrong = {name: complaints for name, complaints in found.items() if complaints}
        assert wrong == {}, json.dumps(wrong, ensure_ascii=False, indent=1)

    return go


def sent(address: str, button: str, **fields: str) -> State:
    """What a form answers that was filled in wrongly."""

    def send(page: Page) -> None:
        page.goto(address)
        for name, value in fields.items():
            field = page.locator(f"[name={name}]").first
            if field.get_attribute("type") == "radio":
                page.locator(f"[name={name}][value={value}]").check()
            else:
                field.fill(value)
        page.locator(button).first.click()
        page.locator(".summary, [aria-invalid=true], [role=alert]").first.wait_for()

    return send


def pressed(address: str, button: str, **fields: str) -> State:
    """What a button leads to that does its work."""

    def press(page: Page) -> None:
        page.goto(address)
        for name, value in fields.items():
            page.fill(f"[name={name}]", value)
        page.locator(button).first.click()
        page.locator(".notice.good, [role=status].good").first.wait_for()

    return press


def test_links_of_letters(world: World, check: Callable[..., None], watch: Watch) -> None:
    """At 640 px, which is 200 % zoom of a desktop, with larger letters on top."""
    signed = {name: url for name, url in world.pages.items() if "/cabinet/" not in url and "/sites/" not in url}

    def refuse(page: Page) -> None:
        page.goto(world.pages["comment in moderation"])
        reason = page.get_by_role("textbox")
        reason.evaluate("field => field.removeAttribute('maxlength')")
        reason.fill("я" * 501)
        page.get_by_role("button", name="Отклонить").press("Enter")
        expect(reason).to_have_attribute("aria-invalid", "true")

    check(signed | {"comment refused at length": refuse}, axe.NARROW, large=True)
    assert watch.hosts() == {world.town.service.url}


def test_pages_of_residents(world: World, check: Callable[..., None], watch: Watch) -> None:
    town, service, problem = world.town, world.town.service.url, world.pages["problem"]
    comments = {path: f"{problem}{path}" for path in ("/follow", "/comment", "/comment?done=1")}
    states: dict[str, State] = {
        "form": f"{town.page}/report?category=roads",
        "form with errors": sent(f"{town.page}/report", "button.primary"),
        "site": town.page,
        "form of the application": f"{town.page}/form",
        "consent": f"{town.page}/consent",
        "track": f"{service}/track?site={town.site.key}",
        "ask for all": f"{service}/mine",
        "asked for all": f"{service}/mine?asked=1",
        "all sites": f"{service}/stats",
        "state of the service": f"{service}/status",
        "not found": f"{service}/nowhere",
    }
    states |= {path: f"{service}{path}" for path in ("/docs", "/docs/embedding", "/docs?q=wordpress")}
    check(states, axe.NARROW, large=True)
    check(comments | {"problem": problem}, (*axe.NARROW, WIDE, (1280, "dark", None)), large=True)
    assert watch.hosts() == {service}


def test_pages_of_an_applicant(world: World, check: Callable[..., None]) -> None:
    new = f"{world.town.service.url}/sites/new"
    draft, done = (world.pages[f"application, {state}"] for state in ("draft", "sent"))
    addresses = (new, f"{new}/mailed", f"{new}/consent", *(f"{draft}/{step}" for step in ("details", "work", "proof")))
    states = {address.partition(draft)[2] or address: address for address in addresses}
    check(states | {"sent": done, "errors": sent(new, "main form button")}, CABINET)


def test_pages_of_the_generator(widget_site: WidgetSite, check: Callable[..., None]) -> None:
    """The options of a <select> must fit, too."""
    link = widget_site.service.cli("site", "check", widget_site.site)["link"]
    generator = f"{widget_site.service.url}/s/{widget_site.key}/install"
    check({"generator": generator, "check": link}, DESK, also=CUT_OFF_SELECTS)


def test_pages_of_the_sites_desk(world: World, page: Page, check: Callable[..., None]) -> None:
    desk = world.town.desk
    world.town.sign_in(page, "admin")
    check({f"desk{path}": f"{desk}{path}" for path in SITE}, DESK)


def test_forms_of_the_cabinet(world: World, page: Page, check: Callable[..., None]) -> None:
    world.town.sign_in(page, "admin")
    states: dict[str, State] = {path: f"{world.town.desk}{path}" for path in FORMS}
    states |= {path: f"{world.cabinet}/{path}" for path in OTHERS}
    states["settings with an error"] = sent(f"{world.town.desk}/settings", "main form.card button", name=" ")
    wrong = sent(f"{world.cabinet}/account", "form:has([name=old_password]) button.primary", old_password="guess")
    states["key for trials"] = pressed(f"{world.town.desk}/testing", "button[value=make]")
    check(states | {"account with an error": wrong}, CABINET)


def test_pages_of_the_organisation(world: World, page: Page, check: Callable[..., None]) -> None:
    """With something on each."""
    organisation, templates = f"{world.cabinet}/organisation", f"{world.cabinet}/organisation/templates"
    world.town.sign_in(page, "admin")

    def open_person(page: Page) -> None:
        page.goto(f"{organisation}/people")
        page.locator("main a[href*='/people/']").first.click()
        page.wait_for_load_state()

    given = {"email": f"{uuid.uuid4().hex[:8]}@gorod.test", "name": "Вера Новикова", "post": "мастер участка"}
    states: dict[str, State] = {path: f"{organisation}/{path}" for path in ("services", "routing", "people")}
    states |= {
        "people, one of them invited": pressed(f"{organisation}/people", "form[action$='/people'] button", **given),
        "a person": open_person,
        "templates": pressed(templates, "button[value=defaults]"),
        "template with an error": sent(templates, "main form .button.primary", title="Яма", body="{адрес}: {число}."),
        "calendar": pressed(f"{world.town.desk}/calendar", "main form .button.primary", day="2031-03-05"),
        "journal": f"{organisation}/journal",
    }
    check(states, CABINET)


def test_lists_and_reports_in_the_cabinet(
    world: World, service: Service, page: Page, check: Callable[..., None]
) -> None:
    cabinet = world.cabinet
    signing_in = sent(f"{cabinet}/sign-in", "main form button", email=world.town.email, password="wrong")
    states: dict[str, State] = {"sign in": f"{cabinet}/sign-in", "forgotten": f"{cabinet}/forgot", "wrong": signing_in}
    states["front"] = world.town.service.url
    check(states, CABINET)
    Town.found(service, "admin").sign_in(page)
    check({"empty list": f"{cabinet}/problems", "nothing waits": f"{cabinet}/"}, CABINET)
    page.context.clear_cookies()
    world.town.sign_in(page, "admin")
    states = {
        "today": f"{cabinet}/",
        "list": f"{cabinet}/problems",
        "filtered list": f"{cabinet}/problems?category=roads&q=яма&since=2026-01-01",
        "report in moderation": world.pages["new"],
        "with an error": sent(world.pages["new"], ".decision button", to="duplicate"),
        "redirected": world.pages["passed on"],
        "deliveries": f"{cabinet}/deliveries",
        "not found": f"{cabinet}/problems/none",
    }
    check(states, CABINET)


def test_pages_of_the_head(world: World, page: Page, check: Callable[..., None]) -> None:
    cabinet = world.cabinet
    world.town.sign_in(page, "head")

    def choose_many(page: Page) -> None:
        page.goto(f"{cabinet}/problems")
        page.locator(f"[name=id][value='{world.pages['new'].rpartition('/')[2]}']").check()
        page.get_by_role("button", name="Принять", exact=True).click()
        expect(page.get_by_role("button", name="Выполнить")).to_be_visible()

    states: dict[str, State] = {"map of the list": f"{cabinet}/problems?view=map", "many at once": choose_many}
    for path in ("?from=all", "?from=2026-13-01"):  # as they come: their folded tables are wider than a phone
        states[path] = partial(Page.goto, url=f"{cabinet}/analytics{path}")
    states["places"] = f"{cabinet}/analytics/places?from=all&street=Лесная"
    states["report of a caller"] = f"{cabinet}/new-report"
    states["with errors"] = sent(f"{cabinet}/new-report", "main form.card button, main form button.primary >> nth=-1")
    check(states | {"numbers": f"{cabinet}/registration-numbers"}, CABINET)


def test_pages_of_the_operator(world: World, page: Page, check: Callable[..., None]) -> None:
    cabinet = world.cabinet
    world.town.sign_in(page, "operator")

    def examine(page: Page) -> None:
        page.goto(f"{cabinet}/operator/state")
        page.locator("main form button.primary").click()
        page.locator("ul.results").wait_for(timeout=60_000)

    agency = f"{cabinet}/operator/agencies/{world.town.site.agency.id}"
    states: dict[str, State] = {"today": f"{cabinet}/", "failed deliveries": f"{cabinet}/deliveries", "agency": agency}
    states |= {path: f"{cabinet}/operator/{path}" for path in ("agencies", "site", "figures", "state")}
    check(states | {"examined": examine}, CABINET)

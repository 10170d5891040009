"""Cabinet pages of synchronisation and the mailbox: accessibility, languages and layout.

Covers the mapping of categories, held letters and failed deliveries, in both languages, every colour scheme and width.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.factories import submit_report
from tests.support import axe
from tests.support.browser import Watch
from tests.support.mailbox import letter
from tests.support.processes import Serve
from tests.support.town import Town
from widget_api.attachments.storage import Storage
from widget_api.clock import new_id, now
from widget_api.database import Database
from widget_api.mailbox import store as letters
from widget_api.mailbox.model import Verdict
from widget_api.platform.model import PlatformService as Offered
from widget_api.platform.store import services
from widget_api.problems import lifecycle

LOOKS: list[axe.Look] = [
    (360, "light", None), (360, "dark", "white-on-black"), (1280, "light", "blue"), (1280, "dark", None),
]  # fmt: skip
LONG = "Превысокомногорассмотрительствующий" * 3
OFFERED = [
    Offered(code="7", name="Дороги и тротуары", group="Город", questions=()),
    Offered(code="snow", name=LONG, questions=()),
    Offered(code="99", name="Открытые люки", questions=()),
]
ERROR = "503 Service Unavailable: " + "долго" * 60
DAY = 86_400


@pytest.fixture(scope="module")
def town(module_serve: Serve) -> Town:
    """An administrator's, with a report, two platforms, letters that wait, and deliveries in every state."""
    service = module_serve(
        "--no-work", rate_limits="off", challenge="off", platform_url="http://127.0.0.1:9/open311", platform_key="k"
    )
    media = (service.directory / "data" / "media").as_uri()

    made = Town.found(service, "admin", agency={"mode": "email", "email": "priem@gorod.test"})
    site = made.site

    async def fill(database: Database) -> None:
        ids = []
        for _ in range(4):
            receipt = await submit_report(database, site)
            await lifecycle.confirm(database, site.id, receipt.problem_id)
            ids.append(receipt.problem_id)
        await services.write_services(database, "default", site.id, OFFERED, now())
        storage = Storage(media)
        await storage.put_letter("office", letter("office", reply="r@widget.test", root="x"))
        common: dict[str, Any] = {"kind": "answer", "state": "held", "site_id": site.id, "problem_id": ids[0]}
        verdicts = [
            Verdict(**common, reason="dmarc", sender="priem@gorod.test", subject="Re: Яма", text="Готово. " * 60,
                    status="planned", expected_on="2099-12-15", stored="office", details={"attached": 2}),
            Verdict(**common, reason="unclear", sender=f"{'priem' * 12}@gorod.test", subject=LONG),
            Verdict(**{**common, "problem_id": None}, reason="token"),
        ]  # fmt: skip

        async def work(tx: Any) -> None:
            for place, verdict in enumerate(verdicts):
                await letters.insert_letter(tx, f"letter-{place}", verdict, now() - (place * 400 + 1) * DAY)
            await letters.record_agency_failure(tx, site.agency.id, "550 5.1.1 user unknown", now())
            values = {"reason": "Ящика больше нет", "error": ERROR, "at": now() - 500 * DAY, "later": now() + DAY}
            await tx.run(
                "UPDATE deliveries SET last_error = :error, attempts = 2, created_at = :at, next_at = :later, state ="
                " CASE (SELECT number FROM problems p WHERE p.id = problem_id)"
                " WHEN 1 THEN 'dead' WHEN 2 THEN 'pending' WHEN 3 THEN 'dropped' ELSE 'leased' END,"
                " reason = :reason, decided_at = :at WHERE sink LIKE 'platform%' OR sink = 'agency'",
                **values,
            )
            rows = await tx.rows("SELECT id FROM deliveries WHERE attempts > 0")
            for row in rows:
                values = {"delivery_id": row["id"], "at": now() - DAY, "outcome": "retry", "error": ERROR}
                await tx.insert("delivery_attempts", id=new_id(), **values)

        await database.write(work)

    made.use_database(fill)
    service.cli("platform", "add", "--name", "Портал региона", "--url", "http://127.0.0.1:9/", "--key", "k")
    return made


def open_page(town: Town, page: Page, path: str, language: str) -> None:
    page.goto(f"{town.service.url}{path}{'&' if '?' in path else '?'}lang={language}")


def names(page: Page, role: Any) -> list[str]:
    """Texts of all controls with this role, as heard by someone who moves from one to the next."""
    return [re.sub(r"\s+", " ", one.inner_text()).strip() for one in page.locator("main").get_by_role(role).all()]


def check(page: Page, state: str, turn: int) -> None:
    language = page.locator("html").get_attribute("lang") or ""
    page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
    # Colours do not depend on the language, the width of words does.
    found = axe.violations_in_turn(page, LOOKS, turn) if language == "ru" else axe.overflow_in_appearances(page, LOOKS)
    assert found == [], state
    page.set_viewport_size({"width": 360, "height": 800})
    foreign = page.evaluate(WITHOUT_LANGUAGE, language)
    assert foreign == [], (state, "Russian words an English voice would spell")
    buttons = names(page, "button")
    assert len(set(buttons)) == len(buttons), (state, buttons)


# Texts with Cyrillic letters outside elements with lang="ru", except the user and agency names in the header.
WITHOUT_LANGUAGE = """language => {
  if (language === 'ru') return [];
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.data, at = walker.currentNode.parentElement;
    if (at.closest('[translate=no]') || at.closest('[lang]').lang === 'ru') continue;
    if (/[а-яё]{3}/i.test(text)) found.push(text.trim());
  }
  return found;
}"""


def test_pages_are_accessible_in_all_languages_and_schemes(town: Town, page: Page, watch: Watch) -> None:
    watch.allow("status of 422")
    town.sign_in(page)
    mapping = f"/cabinet/sites/{town.site.id}/platforms"
    for language in ("ru", "en"):
        open_page(town, page, mapping, language)
        check(page, "mapping", 0)
        check_error_summary(page, language)
        check(page, "mapping with an error", 1)
        open_page(town, page, "/cabinet/mail", language)
        check(page, "letters", 2)
        addresses = page.locator(".queue a.button").evaluate_all("all => all.map(one => new URL(one.href).pathname)")
        assert len(addresses) == 3
        decided = 0
        for turn, address in enumerate(addresses, 3):
            open_page(town, page, address, language)
            check(page, address, turn)
            if reasons := page.locator("#field-to").count():
                check_needed_message(page)
            decided += reasons
        assert decided
        for turn, tab in enumerate(("dead", "waiting", "dropped")):
            open_page(town, page, f"/cabinet/deliveries?tab={tab}", language)
            expect(page.locator(".delivery").first).to_be_visible()
            check(page, tab, turn)
    open_page(town, page, mapping, "ru")
    check_table(page)
    assert watch.hosts() == {town.service.url}


NEEDED = {"resolved": False, "answered": False, "rejected": False, "planned": True, "in_progress": True}


def check_needed_message(page: Page) -> None:
    """The message is marked as optional exactly where a decision without one is accepted."""
    optional = page.locator("label[for=field-text] .optional")
    for status, shown in NEEDED.items():
        page.select_option("#field-to", status)
        expect(optional).to_be_visible(visible=shown)


def too_long(page: Page) -> Locator:
    """The fields of a platform without a service list, filled beyond the maximum length that browsers allow."""
    field = page.locator("input[name=to-snow]")
    field.evaluate("one => { one.maxLength = 300; one.value = '7'.repeat(201) }")
    return field


def check_table(page: Page) -> None:
    """It keeps its semantics on a phone."""
    section = page.get_by_role("region", name="127.0.0.1")
    table = section.get_by_role("table", name="Категории сайта и рубрики платформы")
    expect(table.get_by_role("columnheader")).to_have_text(["Категория сайта", "Рубрика платформы"])
    expect(table.get_by_role("rowheader", name="Уличное освещение")).to_be_visible()
    choice = table.get_by_role("combobox", name="Дороги и тротуары")
    expect(choice).to_have_accessible_description(re.compile("может не принять. Похожа: Город: Дороги и тротуары"))
    choice.select_option("7")
    section.get_by_role("button", name=re.compile("Сохранить соответствие.*127.0.0.1")).press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Соответствие сохранено")
    expect(page.get_by_role("status")).to_be_in_viewport()


def check_error_summary(page: Page, language: str) -> None:
    """It links to the invalid field."""
    field = too_long(page)
    field.press("Enter")
    expect(page.locator(".summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    if language == "ru":
        expect(field).to_have_accessible_description(re.compile("Слишком длинно"))
    expect(field).to_have_value("7" * 201)

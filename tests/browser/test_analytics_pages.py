"""The pages of statistics in a real browser: readable on a phone, and a report of all topics on one sheet of A4."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_cabinet import DESK, PHONE, count_printed_pages
from tests.factories import AGENT, submit_report
from tests.support.browser import NewPage, rect
from tests.support.processes import Service
from tests.support.town import Town
from widget_api import journal
from widget_api.browse import published_reports, regional_report
from widget_api.database import Database
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites.model import DEFAULT_CATEGORIES

NAME = "Официальный портал администрации городского поселения Зареченск"


def found_city(service: Service, language: str) -> Town:
    """A town with a report of each topic, and a published one with large numbers."""
    town = Town.found(service, "head", speaking=language, name=NAME, language=language)
    large: list[float] = [12_345, 23_456, 34_567]
    numbers = dict.fromkeys((*regional_report.OUTCOMES, *regional_report.ANSWERS, "received", "answered"), large)
    numbers |= {"returned": large, "rated": large, "rating": [4.5, 4.2, 3.9], "share_in_time": [0.91, 0.82, 0.78]}
    numbers |= {"median": [340.0, 30.0, 2200.0], "most": [2400.0, 2200.0, 41.0]}
    content = {
        "periods": [["2026-01-01", "2026-01-31"]] * 3,
        "lines": numbers,
        "sources": dict.fromkeys(regional_report.SOURCES, large),
        "categories": {code: dict.fromkeys(regional_report.TOPICS, large) for code in DEFAULT_CATEGORIES},
    }

    async def work(database: Database) -> None:
        for code in DEFAULT_CATEGORIES:
            receipt = await submit_report(database, town.site, category=code)
            await lifecycle.change(database, AGENT, town.site.id, receipt.problem_id, Change(to="accepted"))
        period = ("2026-01-01", "2026-01-31")
        await published_reports.publish(database, town.site.id, *period, content, journal.COMMAND_LINE)

    town.use_database(work)
    return town


@pytest.mark.parametrize("language", ["ru", "en"])
def test_reports_print_on_one_sheet_and_figures_come_before_filters(
    service: Service, new_page: NewPage, language: str
) -> None:
    town = found_city(service, language)
    page = new_page(viewport=DESK)
    page.goto(f"{town.page}/reports/2026-01-01--2026-01-31?lang={language}")
    expect(page.locator(".report-topics tbody tr")).to_have_count(12)
    assert count_printed_pages(page) == 1
    town.sign_in(page, to="analytics/report?from=2020-01-01&category=")
    expect(page.locator("h1")).to_contain_text("Report" if language == "en" else "Отчёт")
    expect(page.locator(".report-topics tbody tr")).to_have_count(12)
    assert count_printed_pages(page) == 1
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})  # what is between the margins of A4
    ends = page.locator(".report-topics").evaluate("table => table.getBoundingClientRect().bottom")
    assert ends < 960, "room for the wider letters of other machines"
    page.emulate_media(media="screen")
    check_phone(town, page, language)


def check_phone(town: Town, page: Page, language: str) -> None:
    """A phone shows figures before filters."""
    words = "Roads and pavements" if language == "en" else "Дороги и тротуары"
    for path in ("", "/places", "/report"):
        page.set_viewport_size(DESK)  # type: ignore[arg-type]
        page.goto(f"{town.service.url}/cabinet/analytics{path}?category=roads")
        category, summary = page.locator("[name=category]"), page.locator(".filters > summary")
        expect(category).to_be_visible()
        expect(summary).to_be_hidden()
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        expect(category).to_be_hidden()
        expect(summary).to_contain_text(words)
        begins = page.locator("#rows").evaluate("rows => rows.getBoundingClientRect().top")
        assert begins < 440, "the figures begin on the first screen"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        summary.click()
        expect(category).to_be_visible()
    page.goto(f"{town.service.url}/cabinet/analytics")
    cut_off = "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"
    assert page.locator(".scroll").evaluate_all(cut_off) == [], "«О чём пишут» is read without moving it sideways"
    chart = page.locator("svg.months")
    box = rect(chart)
    assert box["height"] >= 180
    sizes = chart.locator("text").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert min(size for size in sizes if size) >= 12
    page.goto(f"{town.service.url}/cabinet/analytics?from=2026-13-01")
    expect(page.locator("[name=from]")).to_be_visible()  # what is wrong is not folded away

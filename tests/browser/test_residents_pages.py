"""The private page in a browser without JavaScript: question, answer, rating, erasure in two steps, all reports."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.factories import AGENT, EMAIL, RESIDENT, SECRET
from tests.support import axe
from tests.support.browser import Watch
from tests.support.event_loop_thread import run_in_thread
from tests.support.mail import MailSink
from tests.support.processes import Service
from widget_api.database import Database
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Change
from widget_api.signing import Purpose, Signer

pytestmark = pytest.mark.browser
QUESTION = "Яма на стороне школы или напротив?"


@dataclass
class Instance:
    """A running service, and hands that reach into its database as the cabinet would."""

    service: Service
    site_id: str = ""

    def do(self, work: Callable[[Database], Awaitable[Any]]) -> Any:
        async def connected() -> Any:
            database = Database(f"sqlite:///{self.service.directory / 'widget.db'}", readers=1)
            await database.connect()
            try:
                return await work(database)
            finally:
                await database.disconnect()

        return run_in_thread(connected())

    def report(self, **changes: Any) -> str:
        """A confirmed report's identifier."""

        async def work(database: Database) -> str:
            site = await factories.make_site(database) if not self.site_id else None
            if site is not None:
                self.site_id = site.id
            from widget_api.sites import service as sites

            urls = await sites.by_id(database, self.site_id)
            receipt = await factories.submit_report(database, urls, **changes)
            await lifecycle.confirm(database, urls.id, receipt.problem_id)
            return receipt.problem_id

        return str(self.do(work))

    def decide(self, problem_id: str, to: str, text: str | None = "Яму заделали") -> None:
        self.do(
            lambda database: lifecycle.change(
                database,
                AGENT,
                self.site_id,
                problem_id,
                Change(to=to, text=text),  # type: ignore[arg-type]
            )
        )

    def ask(self, problem_id: str) -> None:
        self.do(lambda database: dialogue.ask(database, AGENT, self.site_id, problem_id, QUESTION))

    def url(self, purpose: Purpose, door: str, problem_id: str) -> str:
        return f"{self.service.url}/{door}/{Signer((SECRET,)).sign(purpose, problem_id)}"

    def private(self, problem_id: str) -> str:
        return self.url(Purpose.TRACK, "t", problem_id)


@pytest.fixture
def instance(serve: Callable[..., Service], mail_sink: MailSink) -> Instance:
    return Instance(serve(rate_limits="off", smtp_url=mail_sink.url))


def test_question_answer_decision_and_rating_without_javascript(
    instance: Instance, new_page: Callable[..., Page], watch: Watch, mail_sink: MailSink
) -> None:
    watch.allow("422")
    page = new_page(java_script_enabled=False)
    problem_id = instance.report()
    instance.ask(problem_id)
    letter = mail_sink.wait(EMAIL, matching=lambda one: QUESTION in one.text)[0]
    page.goto(letter.links[0])
    expect(page.locator(".asks")).to_contain_text(QUESTION)
    page.click(".asks button")
    expect(page.locator(".summary a")).to_have_text("Напишите, что хотите добавить.")
    page.click(".summary a")
    page.fill("#field-words", "На стороне школы")
    page.click(".asks button")
    expect(page.locator("[role=status]")).to_contain_text("Ваши слова прочитает ведомство")
    expect(page.locator(".timeline")).to_contain_text("На стороне школы")
    expect(page.locator(".asks")).to_have_count(0)
    instance.decide(problem_id, "resolved")
    page.goto(letter.links[0])
    expect(page.locator(".asks h2")).to_have_text("Проблема решена?")
    page.click("text=Да, решена")
    expect(page.locator(".chip")).to_have_text("Подтверждено автором")
    page.check("text=хорошо")
    page.click("text=Оценить >> nth=-1")
    expect(page.locator(".rating summary")).to_contain_text("Ваша оценка: хорошо")


def test_an_unsolved_problem_is_reopened(instance: Instance, new_page: Callable[..., Page], watch: Watch) -> None:
    watch.allow("422")
    page = new_page(java_script_enabled=False)
    problem_id = instance.report()
    instance.decide(problem_id, "resolved")
    page.goto(instance.private(problem_id))
    page.click("text=Нет, не решена")
    page.click("text=Вернуть в работу")
    expect(page.locator(".summary a")).to_have_text("Напишите, что осталось нерешённым.")
    expect(page.locator("#field-reason")).to_be_visible()  # <details> stays open if it contains an error
    page.fill("#field-reason", "Яма на месте")
    page.click("text=Вернуть в работу")
    expect(page.locator("[role=status]")).to_contain_text("Срок ответа начался заново")
    expect(page.locator(".timeline")).to_contain_text("Вы сообщили, что проблема не решена")


def test_the_old_link_explains_that_it_was_replaced(
    instance: Instance, new_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("status of 404")
    page, old = new_page(java_script_enabled=False), instance.private(instance.report())
    page.goto(old)
    page.get_by_role("link", name="Сменить ссылку на эту страницу").click()
    page.get_by_role("button", name="Сменить ссылку").click()
    expect(page.get_by_role("status")).to_contain_text("Ссылка сменена")
    new = page.url.partition("?")[0]
    assert new.partition("/t/")[0] == old.partition("/t/")[0]
    assert new != old
    assert (answer := page.goto(old)) is not None
    assert answer.status == 404
    page.get_by_role("link", name="Узнать, что с сообщением").click()
    expect(page.get_by_label("Номер сообщения")).to_be_visible()
    assert (answer := page.goto(new)) is not None
    assert answer.status == 200


def test_letters_are_switched_off_and_on_and_everything_is_erased(
    instance: Instance, new_page: Callable[..., Page]
) -> None:
    page = new_page(java_script_enabled=False)
    problem_id = instance.report()
    page.goto(instance.private(problem_id))
    page.click("summary:has-text('Не присылать писем')")
    page.click("text=Больше не присылать")
    page.click("summary:has-text('Снова присылать письма')")
    page.click("button:has-text('Присылать письма')")
    expect(page.locator("[role=status]")).to_contain_text("снова будут приходить")
    page.click("text=Отозвать согласие и удалить мои данные")
    expect(page.locator("main")).to_contain_text("Что останется")
    page.click("text=Вернуться к сообщению")
    expect(page.locator("main")).to_contain_text("Глубокая яма")
    page.click("text=Отозвать согласие и удалить мои данные")
    page.click("button:has-text('Удалить мои данные')")
    expect(page.locator("[role=status]")).to_contain_text("согласие отозвано")
    expect(page.locator("main")).not_to_contain_text("Глубокая яма")
    page.reload()  # the page after erasure passes axe
    expect(page.locator("main")).to_contain_text("Данные этого сообщения удалены")


def test_one_link_opens_all_reports(
    instance: Instance, new_page: Callable[..., Page], mail_sink: MailSink, watch: Watch
) -> None:
    watch.allow("422")
    page = new_page(java_script_enabled=False)
    for description in ("Яма у школы", "Не горит фонарь"):
        instance.report(description=description)
    mail_sink.wait(EMAIL, 0)
    instance.do(lambda database: database.write(lambda tx: tx.run("DELETE FROM confirmation_letters")))
    page.goto(f"{instance.service.url}/track")
    page.fill("#field-email", "не почта")
    page.click("text=Прислать ссылку")
    expect(page.locator("#field-email")).to_have_value("не почта")
    page.fill("#field-email", EMAIL)
    page.click("text=Прислать ссылку")
    expect(page.locator("[role=status]")).to_contain_text("уже в пути")
    (letter,) = mail_sink.wait(EMAIL, matching=lambda one: one.subject == "Все ваши сообщения")
    page.goto(letter.links[0])
    expect(page.locator(".problems li")).to_have_count(2)
    page.click("text=Не горит фонарь")
    expect(page.locator("h1")).to_have_text("Сообщение № 2")


def states(instance: Instance) -> dict[str, str]:
    """URLs of all states of the pages that look different."""
    urls: dict[str, str] = {}
    for name in ("asked", "resolved", "confirmed", "rejected", "erased"):
        problem_id = instance.report()
        urls[name] = instance.private(problem_id)
        if name == "asked":
            instance.ask(problem_id)
            urls["withdraw"] = f"{urls[name]}/withdraw"
            urls["erase"] = f"{urls[name]}/erase"
            urls["link"] = f"{urls[name]}/link"
            urls["mine"] = instance.url(Purpose.REPORTS, "mine", problem_id)
            urls["unsubscribe"] = instance.url(Purpose.UNSUBSCRIBE, "unsubscribe", problem_id)
        elif name == "erased":
            instance.do(lambda database, one=problem_id: lifecycle.erase(database, RESIDENT, instance.site_id, one))
        else:
            instance.decide(problem_id, "rejected" if name == "rejected" else "resolved")
        if name == "confirmed":
            instance.do(
                lambda database, one=problem_id: lifecycle.change(
                    database, RESIDENT, instance.site_id, one, Change(to="confirmed")
                )
            )
    urls["ask for all"] = f"{instance.service.url}/mine"
    urls["asked for all"] = f"{instance.service.url}/mine?asked=1"
    return urls


def test_pages_pass_axe_and_nothing_overflows(instance: Instance, page: Page) -> None:
    """In English only structure and width: colours do not depend on the language."""
    urls: dict[str, list[str]] = {}
    for state, address in states(instance).items():
        for language, looks in (("ru", axe.NARROW), ("en", axe.LONG_WORD_LOOKS)):
            page.goto(f"{address}{'&' if '?' in address else '?'}lang={language}")
            page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
            complaints = axe.violations_in_appearances(page, looks) + axe.violations_with_large_text(page)
            if complaints:
                urls[f"{state}, {language}"] = complaints
    assert urls == {}, json.dumps(urls, ensure_ascii=False, indent=1)


def test_errors_of_a_group_are_part_of_its_description(
    instance: Instance, new_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("422")
    page = new_page(java_script_enabled=False)
    problem_id = instance.report()
    instance.decide(problem_id, "resolved")
    page.goto(instance.private(problem_id))
    page.click("text=Да, решена")
    page.click("text=Оценить >> nth=-1")
    page.click(".summary a")
    marks = page.get_by_role("group", name="Как вам ответ ведомства?")
    expect(marks).to_be_focused()
    expect(marks).to_have_accessible_description(re.compile("^Ошибка"))


def test_texts_of_author_and_agency_have_their_own_language(instance: Instance, new_page: Callable[..., Page]) -> None:
    page = new_page()
    problem_id = instance.report()
    instance.decide(problem_id, "resolved")
    page.goto(instance.private(problem_id) + "?lang=en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    words = page.locator(".prose").all()
    assert len(words) >= 2
    assert {one.get_attribute("lang") for one in words} == {"ru"}
    page.goto(instance.private(problem_id) + "?lang=ru")
    expect(page.locator(".prose[lang]")).to_have_count(0)

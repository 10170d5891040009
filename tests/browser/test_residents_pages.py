"""The private page in a browser without JavaScript: question, answer, rating; and photos with it."""

import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from tests import factories
from tests.factories import AGENT, SECRET
from tests.support.browser import NewPage, Watch, arrived
from tests.support.mail import MailSink
from tests.support.pictures import file, halves, noise, photo
from tests.support.processes import Service
from tests.support.town import Town
from widget_api.database import Database
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Change
from widget_api.signing import Purpose, Signer

QUESTION = "Яма на стороне школы или напротив?"


@dataclass
class Instance:
    """A site of a running service, and hands that reach into its database as the cabinet would."""

    town: Town
    email: str = field(default_factory=lambda: f"{uuid.uuid4().hex[:8]}@resident.test")

    def report(self, **changes: Any) -> str:
        """A confirmed report's identifier."""

        async def work(database: Database) -> str:
            given = {"email": self.email, **changes}
            receipt = await factories.submit_report(database, self.town.site, **given)
            await lifecycle.confirm(database, self.town.site.id, receipt.problem_id)
            return receipt.problem_id

        return str(self.town.use_database(work))

    def decide(self, problem_id: str, to: Any, text: str | None = "Яму заделали") -> None:
        change = Change(to=to, text=text)
        self.town.use_database(
            lambda database: lifecycle.change(database, AGENT, self.town.site.id, problem_id, change)
        )

    def ask(self, problem_id: str) -> None:
        self.town.use_database(lambda database: dialogue.ask(database, AGENT, self.town.site.id, problem_id, QUESTION))

    def url(self, purpose: Purpose, door: str, problem_id: str) -> str:
        return f"{self.town.service.url}/{door}/{Signer((SECRET,)).sign(purpose, problem_id)}"

    def private(self, problem_id: str) -> str:
        return self.url(Purpose.TRACK, "t", problem_id)


@pytest.fixture
def instance(service: Service) -> Instance:
    return Instance(Town.found(service))


def test_question_answer_decision_and_rating_without_javascript(
    instance: Instance, new_page: NewPage, watch: Watch, service_mail: MailSink
) -> None:
    watch.allow("422")
    page = new_page(java_script_enabled=False)
    problem_id = instance.report()
    instance.ask(problem_id)
    letter = service_mail.wait(instance.email, matching=lambda one: QUESTION in one.text)[0]
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
    page.click("text=Оценить >> nth=-1")
    page.click(".summary a")
    marks = page.get_by_role("group", name="Как вам ответ ведомства?")
    expect(marks).to_be_focused()
    expect(marks).to_have_accessible_description(re.compile("^Ошибка"))
    page.check("text=хорошо")
    page.click("text=Оценить >> nth=-1")
    expect(page.locator(".rating summary")).to_contain_text("Ваша оценка: хорошо")


def test_an_unsolved_problem_is_reopened(instance: Instance, new_page: NewPage, watch: Watch, tmp_path: Path) -> None:
    watch.allow("422")
    page = new_page(java_script_enabled=False)
    problem_id = instance.report()
    instance.decide(problem_id, "resolved")
    page.goto(instance.private(problem_id))
    yes, no = page.get_by_text("Да, решена"), page.get_by_text("Нет, не решена")
    assert look(yes) == look(no)
    no.click()
    large = tmp_path / "яма.jpg"  # the browser reads a file by itself
    large.write_bytes(photo(halves(64, 48)) + bytes(10 * 2**20))
    page.set_input_files("#field-photos", large)
    page.click("text=Вернуть в работу")
    expect(page.locator(".summary a")).to_have_text(
        ["«яма.jpg»: Файл больше 10 МБ. Выберите другой или снимите заново с меньшим разрешением."]
    )
    expect(page.locator("#field-reason")).to_be_visible()  # <details> stays open if it contains an error
    page.set_input_files("#field-photos", file(photo(halves(64, 48))))
    page.click("text=Вернуть в работу")
    expect(page.locator(".summary a")).to_have_text("Напишите, что осталось нерешённым.")
    page.fill("#field-reason", "Яма на месте")
    page.click("text=Вернуть в работу")
    expect(page.locator("[role=status]")).to_contain_text("Срок ответа начался заново")
    expect(page.locator(".timeline")).to_contain_text("Вы сообщили, что проблема не решена")
    expect(page.locator(".timeline img")).to_have_count(1)


def look(control: Locator) -> list[Any]:
    """What tells two controls apart at a glance."""
    look: list[Any] = control.evaluate(
        """control => {
          const { height, width } = control.getBoundingClientRect();
          const { color, backgroundColor, borderColor, fontWeight, fontSize } = getComputedStyle(control);
          return [height, width, color, backgroundColor, borderColor, fontWeight, fontSize];
        }"""
    )
    return look


def test_large_photos_are_made_small_and_the_way_is_shown(
    instance: Instance, new_page: NewPage, watch: Watch, tmp_path: Path
) -> None:
    watch.allow("ERR_FAILED")
    page = new_page()
    page.add_init_script(
        """
        const { send } = XMLHttpRequest.prototype;
        XMLHttpRequest.prototype.send = function (form) {
          sessionStorage.sizes = form.getAll("photos").map(({ size }) => size).join();
          send.call(this, form);
        };
        """
    )
    problem_id = instance.report()
    page.goto(instance.private(problem_id))
    page.click("text=Дополнить сообщение")
    page.fill("#field-words", "Вот она")
    large, small = tmp_path / "large.jpg", tmp_path / "small.jpg"
    assert large.write_bytes(photo(noise(4000, 3000), quality=98)) > 10 * 2**20
    small.write_bytes(photo(halves(64, 48)))
    page.set_input_files("#field-photos", [file(b"text", "a.txt", "text/plain")])
    status = page.locator("#field-photos + [role=status]")
    expect(status).to_contain_text("a.txt: Это не фотография")
    page.set_input_files("#field-photos", [large, small])
    expect(status).to_have_text("Фотографии готовы к отправке.", timeout=30_000)
    held: list[Route] = []
    page.route("**/clarified", lambda route: held.append(route), times=1)
    send = page.get_by_role("button", name="Отправить")
    send.click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    arrived(page, held).abort()
    expect(status).to_contain_text("Нет связи с сервером")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    send.click()
    expect(page.locator(".notice[role=status]")).to_contain_text("Ваши слова прочитает ведомство", timeout=30_000)
    expect(page.locator(".timeline")).to_contain_text("Вот она")
    expect(page.locator(".timeline img")).to_have_count(2)
    first, second = map(int, page.evaluate("sessionStorage.sizes").split(","))
    assert second < first < 2_000_000

"""The page that a moderator's letter links to, in a browser: comments arrive over HTTP, letters leave over SMTP."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import find_only_link
from tests.support import axe
from tests.support.browser import Watch
from tests.support.mail import Letter, MailSink
from tests.support.processes import Service
from tests.support.town import Town

pytestmark = pytest.mark.browser
TEXT = "И у соседнего дома такая же яма: " + "очень" * 30


@pytest.fixture
def link(service: Service, service_mail: MailSink, page: Page) -> str:
    """The link in the letter about a comment that awaits moderation."""
    office, author = (f"{uuid.uuid4().hex[:8]}@{place}.test" for place in ("gorod", "example"))
    town = Town.found(service, agency={"email": office, "mode": "email"}, discussion="moderated")

    def letter_to(address: str, subject: str) -> Letter:
        return service_mail.wait(address, matching=lambda one: subject in one.subject)[0]

    number = town.report("Яма у школы", email=author)["number"]
    confirmed(page, letter_to(author, "Подтвердите"))
    version = town.call("")["consent"]["version"]
    comment = {
        "name": "Сосед",
        "text": TEXT,
        "email": author,
        "consent": {"version": version, "processing": True},
        "lang": "ru",
    }
    town.call(f"/problems/{number}/comments", comment)
    confirmed(page, letter_to(author, "комментарий"))
    (found,) = letter_to(office, "комментари").links
    return found


def confirmed(page: Page, letter: Letter) -> None:
    page.goto(find_only_link(letter.message))
    page.click("form button")


def test_comments_are_moderated_by_keyboard(link: str, page: Page, watch: Watch) -> None:
    watch.allow("422")
    page.goto(link)
    expect(page.get_by_text("И у соседнего дома")).to_be_visible()
    reason = page.get_by_role("textbox")
    reason.evaluate("field => field.removeAttribute('maxlength')")
    reason.fill("я" * 501)
    page.get_by_role("button", name="Отклонить").press("Enter")
    expect(reason).to_have_attribute("aria-invalid", "true")
    assert axe.violations(page) == []
    expect(reason).to_have_value("я" * 501)
    reason.fill("Не о яме")
    page.get_by_role("button", name="Отклонить").press("Enter")
    expect(page.locator(".notice.good")).to_be_visible()
    page.get_by_role("button", name="Опубликовать").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("опубликован")
    assert watch.hosts() == {link.split("/moderate/")[0]}

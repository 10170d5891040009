"""The page that a moderator's letter links to, in a browser: comments arrive over HTTP, letters leave over SMTP."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import find_only_link
from tests.factories import HOST_ORIGIN, problem_body
from tests.support import axe
from tests.support.browser import Watch
from tests.support.mail import MailSink
from tests.support.processes import Service

pytestmark = pytest.mark.browser
OFFICE, AUTHOR = "office@gorod.test", "sosed@example.test"
TEXT = "И у соседнего дома такая же яма: " + "очень" * 30


def call(service: Service, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Origin": HOST_ORIGIN, "Content-Type": "application/json", "Idempotency-Key": "one"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{service.url}{path}", data, headers)) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def letter_to(mail: MailSink, address: str, subject: str) -> Any:
    for _ in range(300):
        for letter in mail.to(address):
            if subject in letter.subject:
                return letter
        time.sleep(0.1)
    raise AssertionError(f"no letter «{subject}» to {address}: {[one.subject for one in mail.to(address)]}")


@pytest.fixture
def link(serve: Callable[..., Service], mail_sink: MailSink, page: Page) -> str:
    """The link in the letter about a comment that awaits moderation."""
    service = serve(rate_limits="off", challenge="off", smtp_url=mail_sink.url)
    agency = service.cli("agency", "add", "--name", "Администрация города", "--email", OFFICE, "--mode", "email")
    site = service.cli(
        *("site", "add", "--name", "Сайт города", "--agency", agency["agency"], "--origin", HOST_ORIGIN),
        *("--discussion", "moderated"),
    )
    root = f"/api/v1/sites/{site['key']}"
    consent = call(service, root)["consent"]["version"]
    number = call(service, f"{root}/problems", problem_body(consent, email=AUTHOR))["number"]
    confirmed(page, letter_to(mail_sink, AUTHOR, "Подтвердите"))
    comment = {
        "name": "Сосед",
        "text": TEXT,
        "email": AUTHOR,
        "consent": {"version": consent, "processing": True},
        "lang": "ru",
    }
    call(service, f"{root}/problems/{number}/comments", comment)
    confirmed(page, letter_to(mail_sink, AUTHOR, "комментарий"))
    (found,) = letter_to(mail_sink, OFFICE, "комментари").links
    return str(found)


def confirmed(page: Page, letter: Any) -> None:
    page.goto(find_only_link(letter.message))
    page.click("form button")


def test_comments_are_moderated_by_keyboard_and_nothing_overflows(
    link: str, page: Page, new_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("422")
    look = new_page()

    def check(state: str) -> None:
        for language, looks in (("ru", axe.NARROW), ("en", axe.LONG_WORD_LOOKS)):
            look.goto(f"{link}?lang={language}")
            assert axe.violations_in_appearances(look, looks) == [], (state, language)

    check("waits")
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
    check("declined")
    page.get_by_role("button", name="Опубликовать").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("опубликован")
    check("published")
    assert watch.hosts() == {link.split("/moderate/")[0]}

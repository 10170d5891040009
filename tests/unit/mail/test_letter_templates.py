"""All letters in both languages: input is escaped, nothing is loaded, and both parts have the same content."""

from __future__ import annotations

import re
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.letters import MAP, TYPED, W, all_letters
from widget_api import i18n
from widget_api.mail import messages
from widget_api.mail.messages import Thread
from widget_api.problems.model import STATUSES

CASES = [(language, name) for language in i18n.LANGUAGES for name, _, _ in all_letters(language)]
# The allowed elements: no picture, script, form, link element or frame.
TAGS = frozenset(
    "html head meta title style body div p a h1 h2 ul li table tbody tr td br span strong".split()  # noqa: SIM905
)


class Parsed(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self._style = False
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._style = tag == "style"
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "background", "action")]

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.text += data


def letter(language: str, name: str, typed: str = TYPED) -> EmailMessage:
    template, values = next((t, v) for n, t, v in all_letters(language, typed) if n == name)
    return messages.compose(
        template,
        language,
        to="anna@example.ru",
        mail_from="widget@widget.test",
        sender_name="Администрация",
        thread=Thread(root="<a@widget.test>", own="<b@widget.test>"),
        values=values,
    )


def leads_where_it_may(address: str) -> bool:
    return address.startswith(f"{W}/") or address == MAP


def parts(message: EmailMessage) -> tuple[str, Parsed]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), Parsed(html.get_content())


@pytest.mark.parametrize(("language", "name"), CASES)
def test_every_letter_is_complete_escapes_input_and_has_the_same_links_in_both_parts(language: str, name: str) -> None:
    message = letter(language, name)
    plain, html = parts(message)
    assert message["Content-Language"] == language
    assert message["Auto-Submitted"] == "auto-generated"
    assert 10 < len(message["Subject"]) <= messages.MAX_HEADER_LENGTH
    assert html.text.strip()
    assert "\n\n\n" not in plain.replace("\r", "")
    if language == "en":
        ours = re.sub("|".join(map(re.escape, ("Администрация городского округа Зареченск",))), "", plain)
        ours = ours.replace(TYPED, "")
        allowed = {"Официальный", "сайт", "Зареченска", "Место", "Почта", "Автор", "дополнил", "сообщение", "мая"}
        assert set(re.findall("[а-яА-ЯёЁ]+", ours)) <= allowed | {"декабря", "Яма", "глубокая", "узкая", "b"}
    assert set(html.tags) <= TAGS
    assert all(leads_where_it_may(address) for address in html.addresses)
    assert not [attribute for attribute in html.attributes if attribute.startswith("on")]
    assert "49" not in html.text  # input is not a template
    links = [link for link in re.findall(r"https?://\S+", plain) if link.startswith(W) or link == MAP]
    assert links == html.addresses
    lines = plain.splitlines()
    assert all(link in lines for link in links)  # each on its own line


def test_the_digest_marks_passed_dates_and_links_waiting_reports() -> None:
    plain, html = parts(letter("ru", "digest"))
    for text in (plain, html.text):
        assert (text.count("срок прошёл 12 мая"), text.count("ответ до 12 мая")) == (1, 2)
    assert f"{W}/cabinet/mail" in html.addresses


def test_every_command_word_for_answers_is_explained() -> None:
    for name in ("agency report", "reminder late"):
        _, html = parts(letter("ru", name))
        assert html.tags.count("li") == 6


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_status_has_a_text_of_its_own(language: str) -> None:
    names = (*STATUSES, "note", "asked")
    texts = {i18n.text(language, f"status_letter.{name}", number=7) for name in names}
    assert len(texts) == len(names)


@settings(max_examples=60)
@given(st.text(max_size=200))
@example("</div></body><img src=https://x.test/pixel>")
@example('"><a href="javascript:alert(1)">')
@example("x\r\nBcc: all@example.ru")
def test_any_input_is_escaped(typed: str) -> None:
    for name in ("resolved", "agency report", "agency event"):
        _, html = parts(letter("ru", name, typed))
        assert set(html.tags) <= TAGS
        assert all(leads_where_it_may(address) for address in html.addresses)

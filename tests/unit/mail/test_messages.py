"""Letters: headers, threading, and how mail servers handle them."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from aiosmtplib.email import flatten_message
from hypothesis import example, given
from hypothesis import strategies as st

from tests.factories import SECRET, existing
from tests.support.certificates import issue_certificate
from tests.support.letters import all_letters
from tests.support.mail import MailSink
from widget_api import settings as settings_module
from widget_api.deliveries.model import GiveUp, Retry
from widget_api.mail import messages, sender
from widget_api.mail.messages import InvalidAddress, Thread
from widget_api.ops import doctor_servers as servers

W = "https://widget.test"
CONFIRMATION = {
    "agency": "Администрация города",
    "site_name": "Сайт города",
    "problem_number": 15,
    "category_name": "Дороги и тротуары",
    "channel": None,
    "confirm_url": f"{W}/confirm/abc",
}


def compose(values: dict[str, Any] | None = None, **changes: Any) -> EmailMessage:
    arguments: dict[str, Any] = {
        "to": "anna@example.ru",
        "mail_from": "widget@widget.test",
        "sender_name": "Администрация города",
        "thread": Thread(root="<p@widget.test>", own="<e@widget.test>"),
        "values": CONFIRMATION | (values or {}),
    }
    return messages.compose(
        changes.pop("template", "confirmation"), changes.pop("language", "ru"), **(arguments | changes)
    )


def head(message: EmailMessage) -> bytes:
    return bytes(message).split(b"\r\n\r\n", 1)[0]


def names(raw: bytes) -> list[str]:
    return [name.lower() for name in email.message_from_bytes(raw, policy=email.policy.default)]


EXPECTED = names(bytes(compose()))


@given(st.text())
@example("x\r\nBcc: everybody@example.ru\r\n\r\nbody")
@example("x\nBcc: y@example.ru")
@example("\0")
@example("x\u2028Bcc: y@example.ru")
@example("=?utf-8?q?=0D=0ABcc:_y@example.ru?=")
def test_input_cannot_inject_headers(text: str) -> None:
    message = compose({"problem_number": text}, sender_name=text)
    assert names(bytes(message)) == EXPECTED
    assert b"\0" not in head(message)
    assert all(line.startswith((b" ", b"\t")) or b":" in line for line in head(message).split(b"\r\n"))


@given(st.text(max_size=40), st.text(max_size=40))
@example("anna@example.ru\r\nBcc: everybody", "example.ru")
@example("anna", "example.ru\nBcc: x@example.ru")
@example("anna\0", "example.ru")
@example("anna, everybody", "example.ru")
@example("<anna", "example.ru>")
def test_only_single_addresses_are_accepted(local: str, domain: str) -> None:
    try:
        message = compose(to=f"{local}@{domain}")
    except InvalidAddress:
        return
    assert names(bytes(message)) == EXPECTED
    assert len(message["To"].addresses) == 1


def test_ordinary_addresses_are_unchanged() -> None:
    assert messages.format_address("anna.p+city@example.ru").addr_spec == "anna.p+city@example.ru"
    assert messages.format_address("anna@пример.рф").addr_spec == "anna@xn--e1afmkfd.xn--p1ai"


@pytest.mark.parametrize("category", ["Детские и спортивные площадки", "Roads", "Вода и газ " * 15, "Ёлки — в парк"])
def test_subjects_survive_folding(category: str) -> None:
    """Readers drop white space between encoded words (RFC 2047, 6.2)."""
    template, values = next((template, values) for name, template, values in all_letters("ru") if name == "accepted")
    for number in (7, 99, 100, 117, 1284, 12_345):
        message = compose(values | {"problem_number": number, "category_name": category}, template=template)
        assert category.strip() in message["Subject"]
        assert email.message_from_bytes(bytes(message), policy=email.policy.default)["Subject"] == message["Subject"]


def test_letters_are_marked_as_automatic_and_those_of_a_status_can_be_unsubscribed_by_one_click() -> None:
    assert compose()["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in compose()
    assert compose()["Content-Language"] == "ru"
    assert str(compose()["From"]) == "Администрация города <widget@widget.test>"
    message = compose()
    part = existing(message.get_body(("plain",)))
    lines = [line for line in part.get_content().splitlines() if "://" in line]
    assert lines == [f"{W}/confirm/abc"]
    message = compose(template="status", values=STATUS, unsubscribe=STATUS["stop_url"])
    assert message["List-Unsubscribe"] == f"<{W}/unsubscribe/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_letters_about_one_problem_form_a_thread() -> None:
    root = compose(thread=Thread(root="<p@widget.test>", own="<p@widget.test>"))
    reply = compose()
    assert root["References"] is None
    assert reply["In-Reply-To"] == reply["References"] == root["Message-ID"]
    assert messages.message_id(W, "p", 5) == messages.message_id(W, "p", 5) == "<p.5@widget.test>"


STATUS = {
    "agency": "Администрация",
    "site_name": "Сайт",
    "problem_number": 15,
    "category_name": "Дороги",
    "title": "Взято в работу",
    "text": "Ямочный ремонт <b>начат</b> & идёт",
    "attached": [],
    "author": "Администрация",
    "about": "Работа началась.",
    "preheader": "Работа началась.",
    "button": "Открыть личную страницу",
    "next": None,
    "into": None,
    "into_url": None,
    "track_url": f"{W}/t/abc",
    "stop_url": f"{W}/unsubscribe/abc",
}


def test_identifiers_and_urls_are_not_folded() -> None:
    host = "obrashcheniya.administraciya-goroda.example.ru"
    address = f"https://{host}/unsubscribe/{'a' * 120}"
    thread = Thread(root=f"<{'1' * 36}@{host}>", own=f"<{'2' * 36}@{host}>")
    raw = flatten_message(compose(template="status", values=STATUS, thread=thread, unsubscribe=address)).decode("ascii")
    lines = raw.split("\r\n")
    assert f"List-Unsubscribe: <{address}>" in lines
    assert f"References: {thread.root}" in lines
    assert f"In-Reply-To: {thread.root}" in lines
    assert f"Message-ID: {thread.own}" in lines


def test_each_part_has_its_own_escaping() -> None:
    message = compose(template="status", values=STATUS)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "Ямочный ремонт <b>начат</b> & идёт" in plain.get_content()
    assert "Ямочный ремонт &lt;b&gt;начат&lt;/b&gt; &amp; идёт" in html.get_content()


# --- the conversation with a mail server ---


def settings_for(tmp_path: Path, **changes: str) -> settings_module.Settings:
    environ = {"WIDGET_DATA": str(tmp_path), "WIDGET_MAIL_FROM": "widget@widget.test"}
    return settings_module.load(environ | {f"WIDGET_{name.upper()}": value for name, value in changes.items()})


async def test_a_letter_is_transmitted_also_to_a_non_ascii_mailbox(mail_sink: MailSink, tmp_path: Path) -> None:
    await sender.send_message(settings_for(tmp_path, smtp_url=mail_sink.url), compose())
    (letter,) = mail_sink.to("anna@example.ru")
    assert letter.sender == "widget@widget.test"
    assert letter.subject == "Подтвердите почту: сообщение № 15"
    assert letter.links == [f"{W}/confirm/abc"]
    assert letter.message["Message-ID"] == "<e@widget.test>"
    assert letter.html is not None
    await sender.send_message(settings_for(tmp_path, smtp_url=mail_sink.url), compose(to="анна@пример.рф"))
    assert mail_sink.letters[-1].recipients == ("анна@xn--e1afmkfd.xn--p1ai",)


async def test_a_letter_is_sent_again_unless_the_server_refuses_it_for_good(
    mail_sink: MailSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path, smtp_url=mail_sink.url)
    mail_sink.behaviour = "refuse"
    with pytest.raises(GiveUp, match="550"):
        await sender.send_message(settings, compose())
    mail_sink.behaviour = "later"
    with pytest.raises(Retry, match="451"):
        await sender.send_message(settings, compose())
    mail_sink.behaviour = "lose the answer"
    with pytest.raises(Retry):
        await sender.send_message(settings, compose())
    monkeypatch.setattr(sender, "TIMEOUT", 0.2)
    mail_sink.behaviour = "hang"
    with pytest.raises(Retry):
        await sender.send_message(settings, compose())
    mail_sink.stop()
    with pytest.raises(Retry):
        await sender.send_message(settings, compose())


async def test_without_a_server_development_stores_letters_in_a_folder_and_production_gives_up(tmp_path: Path) -> None:
    await sender.send_message(settings_for(tmp_path), compose())
    (path,) = (tmp_path / "mail").glob("*.eml")
    assert "Подтвердите почту" in email.message_from_bytes(path.read_bytes(), policy=email.policy.default)["Subject"]
    settings = settings_for(
        tmp_path, environment="production", secret_keys=SECRET, public_url=W, database_url="sqlite:///x.db"
    )
    with pytest.raises(GiveUp, match="WIDGET_SMTP_URL"):
        await sender.send_message(settings, compose())


# --- a password, and a line that somebody listens on ---


@pytest.fixture
def submission(tmp_path: Path) -> Iterator[Callable[..., MailSink]]:
    """`submission(tls=…)` → a server that requires a password, with STARTTLS or, as if stripped by an attacker,
    without.
    """
    sinks: list[MailSink] = []

    def start(*, tls: bool) -> MailSink:
        options: dict[str, Any] = {}
        if tls:
            files = issue_certificate(tmp_path, "0.0.0.0")
            options["tls_context"] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            options["tls_context"].load_cert_chain(files.shown, files.key)
        sinks.append(MailSink(authenticator=lambda *_: AuthResult(success=True), auth_require_tls=tls, **options))
        return sinks[-1]

    yield start
    for sink in sinks:
        sink.close()


def address_of(sink: MailSink, host: str) -> str:
    return f"smtp://clerk:hidden-password@{host}:{sink.port}"


async def test_a_password_is_not_sent_where_encryption_was_stripped(
    submission: Callable[..., MailSink], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = submission(tls=False)
    settings = settings_for(tmp_path, smtp_url=address_of(sink, "0.0.0.0"))
    with pytest.raises(Retry, match=f"0.0.0.0:{sink.port} offers no TLS: WIDGET_SMTP_URL"):
        await sender.send_message(settings, compose())
    assert "offers no TLS" in caplog.text
    assert not sink.letters
    said = " ".join(line for conversation in sink.conversations for line in conversation.lines)
    assert "AUTH" in said, "the server would have taken it"
    assert "C: AUTH" not in said
    finding = await servers.check_mail(settings)
    assert (finding.ok, finding.name) == (False, "mail")
    assert "offers no TLS: WIDGET_SMTP_URL" in finding.detail
    assert "hidden" not in finding.detail + caplog.text
    await sender.send_message(settings_for(tmp_path, smtp_url=address_of(sink, "127.0.0.1")), compose())
    assert len(sink.letters) == 1, "a server of this machine may get it without TLS"


async def test_passwords_are_sent_with_tls_to_verified_servers_only(
    submission: Callable[..., MailSink], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = submission(tls=True)
    settings = settings_for(tmp_path, smtp_url=address_of(sink, "0.0.0.0"))
    sender._tls_context.cache_clear()
    with pytest.raises(Retry, match="certificate"):
        await sender.send_message(settings, compose())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    sender._tls_context.cache_clear()
    try:
        await sender.send_message(settings, compose())
        assert (await servers.check_mail(settings)).ok
    finally:
        sender._tls_context.cache_clear()
    assert len(sink.letters) == 1
    assert any("C: AUTH" in line for line in sink.conversations[1].lines)


async def test_smtps_requires_a_verified_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With or without a password: an attacker cannot strip TLS from SMTPS."""
    files, context = issue_certificate(tmp_path, "127.0.0.1"), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.shown, files.key)
    sink = MailSink(tls=context)
    settings = settings_for(tmp_path, smtp_url=f"smtps://127.0.0.1:{sink.port}")
    sender._tls_context.cache_clear()
    try:
        with pytest.raises(Retry, match="certificate"):
            await sender.send_message(settings, compose())
        monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
        sender._tls_context.cache_clear()
        await sender.send_message(settings, compose())
        assert len(sink.letters) == 1
    finally:
        sender._tls_context.cache_clear()
        sink.close()

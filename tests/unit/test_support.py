"""The tools the other tests stand on must themselves notice what they are for."""

from __future__ import annotations

import smtplib

import pytest

from tests.support.mail import MailSink
from widget_api.database import Database

LETTER = b"Subject: Hello\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSee https://widget.test/t/abc\r\n"


def send(sink: MailSink) -> None:
    with smtplib.SMTP("127.0.0.1", sink.port) as connection:
        connection.sendmail("widget@widget.test", ["anna@example.test"], LETTER)


def test_the_mail_sink_keeps_letters_and_conversations(mail_sink: MailSink) -> None:
    send(mail_sink)
    (letter,) = mail_sink.wait("anna@example.test")
    assert letter.subject == "Hello"
    assert letter.links == ["https://widget.test/t/abc"]
    said = [line.upper() for line in mail_sink.conversations[-1].lines]
    assert any(line.startswith("C: MAIL FROM:<WIDGET@WIDGET.TEST>") for line in said)
    assert "S: 250 2.0.0 ACCEPTED" in said


def test_the_mail_sink_can_lose_its_answer_after_acting(mail_sink: MailSink) -> None:
    mail_sink.behaviour = "lose the answer"
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mail_sink)
    assert len(mail_sink.to("anna@example.test")) == 1


def test_the_mail_sink_goes_away_and_returns_on_its_port(mail_sink: MailSink) -> None:
    mail_sink.stop()
    with pytest.raises(OSError, match="refused"):
        send(mail_sink)
    mail_sink.start()
    send(mail_sink)


async def test_each_database_starts_migrated_and_empty(database: Database, dialect: str) -> None:
    assert database.dialect == dialect
    row = await database.row("SELECT count(*) AS sites FROM sites")
    assert row is not None
    assert row["sites"] == 0

"""The test tools detect what they are made for."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.mail import MailSink
from tests.support.processes import Service
from tests.support.waiting import wait_for
from widget_api.database import Database

LETTER = b"Subject: Hello\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSee https://widget.test/t/abc\r\n"


def send(sink: MailSink) -> None:
    with smtplib.SMTP("127.0.0.1", sink.port) as connection:
        connection.sendmail("widget@widget.test", ["anna@example.test"], LETTER)


def test_the_mail_sink_records_drops_the_answer_and_restarts_on_its_port(mail_sink: MailSink) -> None:
    send(mail_sink)
    (letter,) = mail_sink.wait("anna@example.test")
    assert letter.subject == "Hello"
    assert letter.links == ["https://widget.test/t/abc"]
    said = [line.upper() for line in mail_sink.conversations[-1].lines]
    assert any(line.startswith("C: MAIL FROM:<WIDGET@WIDGET.TEST>") for line in said)
    assert "S: 250 2.0.0 ACCEPTED" in said
    mail_sink.behaviour = "lose the answer"
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mail_sink)
    assert len(mail_sink.to("anna@example.test")) == 2
    mail_sink.behaviour = "accept"
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


def test_a_fork_runs_in_its_own_directory_and_session_and_reports_its_exit_code(serve: Callable[..., Service]) -> None:
    one, other = serve(secret_keys="short", start=False), serve(public_url="https://other.test")
    with pytest.raises(AssertionError, match="ended with 2 before it was ready:\nWIDGET_SECRET_KEYS"):
        one.start()
    assert "Uvicorn running on" in other.log
    assert os.getsid(other.pid) == other.pid
    assert Path(f"/proc/{other.pid}/cwd").resolve() == other.directory
    log = str(other.directory / "serve.log")
    assert [str(Path(f"/proc/{other.pid}/fd/{number}").readlink()) for number in range(3)] == ["/dev/null", log, log]
    pid = other.pid
    other.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert other.start().pid != pid
    assert other.stop() in (0, -signal.SIGTERM)


def test_forks_end_with_the_test_process(serve: Callable[..., Service]) -> None:
    """A killed test run must leave no services behind."""
    prepared = serve(start=False)
    program = (
        "import json, sys, time; from pathlib import Path; from tests.support.processes import Service\n"
        "directory, settings, port, program = json.loads(sys.argv[1])\n"
        "service = Service(Path(directory), settings, port, (), tuple(program), fork=True)\n"
        "print(service.start(wait=False).pid, flush=True); time.sleep(600)"
    )
    service = json.dumps([str(prepared.directory), prepared.settings, prepared.port, prepared.program])
    command = [sys.executable, "-c", program, service]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        run.kill()
    wait_for(lambda: not Path(f"/proc/{pid}/exe").exists(), "the service goes on")

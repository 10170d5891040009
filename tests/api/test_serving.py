"""The real process: it starts from settings alone, sees changes by commands, and stops gracefully or by a kill."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.conftest import ONE_DATABASE_UNLESS_FULL
from tests.factories import SECRET
from tests.support import commands, processes
from tests.support.processes import Service, free_port, patched_program


def get(url: str) -> HTTPResponse:
    answer: HTTPResponse = urllib.request.urlopen(url, timeout=20)
    return answer


@ONE_DATABASE_UNLESS_FULL
def test_a_service_sees_new_sites_at_once_and_survives_a_kill(serve: Callable[..., Service], database_url: str) -> None:
    service = serve(database_url=database_url, fork=False)
    assert get(f"{service.url}/healthz").status == 200

    agency = service.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    added = service.cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test")
    assert added["key"] in added["snippet"]
    assert service.url in added["snippet"]
    assert get(f"{service.url}/api/v1/sites/{added['key']}").status == 200

    service.kill()
    service.program, service.fork = patched_program(), True  # the second start is no matter of the installed command
    service.start()
    assert get(f"{service.url}/api/v1/sites/{added['key']}").status == 200
    assert service.stop() in (0, -signal.SIGTERM)  # uvicorn re-raises the signal once everything is closed


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(command: str, tmp_path: Path) -> None:
    done = processes.attempt(command, settings={"WIDGET_SECRET_KEYS": "short"}, directory=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("WIDGET_SECRET_KEYS")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WIDGET_PUBLIC_URL", "http://widget.test"),
        ("WIDGET_SECRET_KEYS", "short"),
        ("WIDGET_SECRET_KEYS", "change-me-please" * 3),
        ("WIDGET_SECRET_KEYS", f"{SECRET},{SECRET}"),
    ],
)
def test_unsafe_production_settings_stop_every_command_and_are_reported_by_doctor(
    name: str, value: str, tmp_path: Path
) -> None:
    settings = {
        "WIDGET_ENVIRONMENT": "production",
        "WIDGET_PUBLIC_URL": "https://widget.test",
        "WIDGET_SECRET_KEYS": SECRET,
        name: value,
    }
    done = commands.attempt("migrate", settings=settings, directory=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.startswith(name)
    assert value not in line or name == "WIDGET_PUBLIC_URL", "a secret is not repeated"
    examined = commands.attempt("doctor", settings=settings, directory=tmp_path)
    assert (examined.returncode, examined.stdout.strip()) == (1, f"FAIL settings: {line}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["serve", "work", "migrate"])
def test_an_unreachable_database_is_named(command: str, tmp_path: Path) -> None:
    nobody = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    settings = {"WIDGET_DATABASE_URL": nobody, "WIDGET_DATA": str(tmp_path)}
    attempt = commands.attempt if command == "migrate" else processes.attempt
    done = attempt(command, settings=settings, directory=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("WIDGET_DATABASE_URL")
    assert len(done.stderr.splitlines()) == 1

"""The real process: it starts from settings alone, sees changes by commands, and stops gracefully or by a kill."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.factories import SECRET
from tests.support.processes import CommandFailed, Service, free_port, run_command


def get(url: str) -> HTTPResponse:
    answer: HTTPResponse = urllib.request.urlopen(url, timeout=20)
    return answer


def test_the_service_answers_sees_new_sites_at_once_and_survives_a_kill(
    serve: Callable[..., Service], database_url: str
) -> None:
    service = serve(database_url=database_url, fork=False)
    assert get(f"{service.url}/healthz").status == 200

    agency = service.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    added = service.cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test")
    assert added["key"] in added["snippet"]
    assert service.url in added["snippet"]
    assert get(f"{service.url}/api/v1/sites/{added['key']}").status == 200

    service.kill()
    service.start()
    assert get(f"{service.url}/api/v1/sites/{added['key']}").status == 200
    assert service.stop() in (0, -signal.SIGTERM)  # uvicorn re-raises the signal once everything is closed


@pytest.mark.parametrize("command", ["serve", "work", "migrate"])
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(command: str, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        run_command(command, settings={"WIDGET_SECRET_KEYS": "short"}, directory=tmp_path, limit=60)
    assert caught.value.code == 2
    assert caught.value.output == ""
    (line,) = caught.value.errors.splitlines()
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
def test_unsafe_production_settings_stop_the_start_and_are_reported_by_doctor(
    name: str, value: str, tmp_path: Path
) -> None:
    settings = {
        "WIDGET_ENVIRONMENT": "production",
        "WIDGET_PUBLIC_URL": "https://widget.test",
        "WIDGET_SECRET_KEYS": SECRET,
        name: value,
    }
    with pytest.raises(CommandFailed) as caught:
        run_command("serve", settings=settings, directory=tmp_path, limit=60)
    (line,) = caught.value.errors.splitlines()
    assert line.startswith(name)
    assert value not in line or name == "WIDGET_PUBLIC_URL", "a secret is not repeated"
    with pytest.raises(CommandFailed) as examined:
        run_command("doctor", settings=settings, directory=tmp_path, limit=60)
    assert examined.value.output.strip() == f"FAIL settings: {line}"
    assert examined.value.code == 1
    assert list(tmp_path.iterdir()) == []


def test_production_refuses_the_demonstration(tmp_path: Path) -> None:
    settings = {
        "WIDGET_ENVIRONMENT": "production",
        "WIDGET_PUBLIC_URL": "https://widget.test",
        "WIDGET_SECRET_KEYS": SECRET,
        "WIDGET_DATABASE_URL": f"sqlite:///{tmp_path / 'widget.db'}",
    }
    with pytest.raises(CommandFailed, match="production"):
        run_command("demo", settings=settings, directory=tmp_path, limit=60)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["serve", "work", "migrate"])
def test_an_unreachable_database_is_named(command: str, tmp_path: Path) -> None:
    nobody = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    settings = {"WIDGET_DATABASE_URL": nobody, "WIDGET_DATA": str(tmp_path)}
    with pytest.raises(CommandFailed) as caught:
        run_command(command, settings=settings, directory=tmp_path)
    assert caught.value.code == 2
    assert caught.value.errors.startswith("WIDGET_DATABASE_URL")
    assert len(caught.value.errors.strip().splitlines()) == 1

"""`widget-api setup` asks five questions and writes settings with which a production service starts."""

from __future__ import annotations

import io
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import commands
from tests.support.mail import MailSink
from tests.support.postgres import PostgreSQL
from widget_api import i18n, settings
from widget_api.settings import env_file

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "widget.env"
ANSWERS = ("--public-url", "https://widget.gorod.ru", "--operator-contact", "help@gorod.ru,+7 495 000-00-00")


@pytest.fixture
def dialect() -> str:
    return "sqlite"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ("setup", "--file", str(folder / "widget.env"), *arguments)
    return commands.attempt(*command, settings={"LANG": "ru_RU.UTF-8"}, directory=folder)


def written(folder: Path) -> dict[str, str]:
    return env_file.read_values((folder / "widget.env").read_text())


def names_and_comments(text: str) -> list[str]:
    return [line.partition("=")[0] for line in text.splitlines()]


def test_answers_become_the_shipped_file_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong answer is told at once; an empty one takes what is proposed."""
    answers = [
        "http://gorod.ru",
        "https://widget.gorod.ru",
        "",
        'smtp://user:"p@mail.gorod.ru',
        "smtps://mail.gorod.ru",
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*answers, "", "nobody", "help@gorod.ru", "n", ""])))
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    refusals = [i18n.text("ru", f"setup.wrong.{name}") for name in ("public_url", "smtp_url", "operator_contact")]
    assert [line for line in re.split(r"[\n:](?=Нуж)|\n", done.stderr) if line.startswith("Нуж")] == refusals
    file = tmp_path / "widget.env"
    assert file.stat().st_mode & 0o777 == 0o600
    assert names_and_comments(file.read_text()) == names_and_comments(SHIPPED.read_text())
    loaded = settings.load(written(tmp_path))
    assert loaded.production
    assert len(loaded.secret_keys[0]) == 64
    assert (loaded.database_url, loaded.smtp_url) == ("sqlite:////var/lib/widget/widget.db", "smtps://mail.gorod.ru")
    assert (loaded.mail_from, loaded.contact) == ("widget@widget.gorod.ru", "help@gorod.ru")
    assert settings.unknown(written(tmp_path)) == []
    assert "  widget-admin user add --email help@gorod.ru --role operator\n" in done.stdout


def test_a_file_is_changed_only_when_asked_to_and_keeps_its_keys(tmp_path: Path) -> None:
    assert run(tmp_path, "--yes", *ANSWERS).returncode == 0
    before = written(tmp_path)
    file = tmp_path / "widget.env"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("WIDGET_MAIL_FROM")]
    # As an editor may leave it: a variable twice, of which the last counts, and no end of the last line.
    file.write_text("\n".join([*lines, "WIDGET_PUBLIC_URL=https://second.gorod.ru", "WIDGET_PROCESSOR=МКУ"]))
    refused = run(tmp_path, "--yes", "--public-url", "https://other.gorod.ru")
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    changed = run(tmp_path, "--yes", "--force", "--public-url", "https://other.gorod.ru", "--json")
    assert (changed.returncode, json.loads(changed.stdout)["checks"]) == (0, [])
    changes = {"WIDGET_PUBLIC_URL": "https://other.gorod.ru", "WIDGET_MAIL_FROM": "widget@other.gorod.ru"}
    assert written(tmp_path) == before | changes | {"WIDGET_PROCESSOR": "МКУ"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (ANSWERS[:2], "--operator-contact: Нужно от одного до трёх контактов"),
        (("--public-url", "https://w.gorod.ru/widget"), "--public-url: Нужен адрес"),
        ((*ANSWERS, "--file", "/dev/null/widget.env"), "нет прав на запись"),
    ],
)
def test_nothing_is_written_without_right_answers(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(tmp_path, "--yes", *arguments)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_tries_database_and_mail_server(tmp_path: Path, mail_sink: MailSink) -> None:
    place = ("--database-url", f"sqlite:///{tmp_path}/widget.db", "--smtp-url", mail_sink.url)
    well = run(tmp_path, "--yes", "--check", *ANSWERS, *place)
    assert (well.returncode, well.stdout.count("\nok  ")) == (0, 2), well.stdout
    away = ("--smtp-url", "smtp://127.0.0.1:9", "--database-url", "postgresql://nobody@127.0.0.1:9/widget")
    down = run(tmp_path, "--yes", "--force", "--check", "--json", *away)
    checks = json.loads(down.stdout)["checks"]
    assert (down.returncode, [one["ok"] for one in checks]) == (1, [False, False])
    assert written(tmp_path)["WIDGET_SMTP_URL"] == "smtp://127.0.0.1:9", "what was typed is not lost"


def test_it_tells_of_a_database_to_which_russian_letters_are_unknown(tmp_path: Path, postgres: PostgreSQL) -> None:
    c = " LOCALE_PROVIDER libc LOCALE 'C'"
    for locale, ok, said in (("", True, ""), (c, False, "«Я» и «я»"), (f"{c} ENCODING 'LATIN1'", False, "LATIN1")):
        url = postgres.database(f"template0{locale}")
        done = run(tmp_path, "--yes", "--force", "--check", "--json", *ANSWERS, "--database-url", url)
        (database, _) = json.loads(done.stdout)["checks"]
        assert (database["ok"], said in database["detail"]) == (ok, True), database
        postgres.drop(url)

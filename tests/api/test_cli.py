"""`widget-api` as an operator uses it: output and exit codes; run as the installed command where that matters.

Platforms are refused at once for invalid options instead of failing at the first delivery; deliveries are chosen,
listed with every attempt, retried and dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from enum import EnumType
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import typer

from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, add_platform, make_site, run_statement, submit_report
from tests.fake_platform import FakePlatform
from tests.support import commands, processes
from tests.support.event_loop_thread import run_in_thread
from tests.support.mail import MailSink
from tests.support.processes import CommandFailed, Service, Work
from tests.support.waiting import wait_for
from widget_api.cli import app
from widget_api.database import Database
from widget_api.deliveries import queue
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings

Cli = Callable[..., Any]
PRODUCTION = {
    "WIDGET_ENVIRONMENT": "production",
    "WIDGET_PUBLIC_URL": "https://widget.test",
    "WIDGET_SECRET_KEYS": "a-secret-of-more-than-thirty-two-characters",
}


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def add_site(cli: Cli, *more: str, origin: str = "https://www.gorod.test") -> dict[str, str]:
    agency = cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    made: dict[str, str] = cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", origin, *more)
    return made


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose database has one agency and its site."""
    directory = tmp_path_factory.mktemp("registered")
    agency = ("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")
    site = ("site", "add", "--name", "Сайт", "--agency", "Администрация", "--origin", "https://www.gorod.test")
    for command in (agency, site):
        assert commands.attempt(*command, settings={}, directory=directory).returncode == 0
    return directory


def test_a_site_a_user_and_a_token_are_created_from_scratch(cli: Cli) -> None:
    made = add_site(cli)
    assert set(made) == {"site", "key", "snippet", "jurisdiction", "test_key"}
    assert made["jurisdiction"] == "gorod.test"
    assert made["snippet"] == (
        f'<igrajdanin-widget site-key="{made["key"]}" type="extended">\n'
        f'  <a href="https://widget.test/s/{made["key"]}/report">Сообщить о проблеме</a>\n'
        "</igrajdanin-widget>\n"
        '<script async src="https://widget.test/w/1/loader.js"></script>'
    )
    (agency,) = cli("agency", "list")
    user = cli("user", "add", "--email", "olga@gorod.test", "--agency", agency["id"], "--role", "agent")
    assert set(user) == {"user", "password"}
    assert len(user["password"]) >= 12
    assert set(cli("token", "add", "--site", made["key"], "--scope", "georeport", "--expires", "30")) == {"token"}
    (listed,) = cli("token", "list")
    assert (listed["scope"], listed["site_id"]) == ("georeport", made["site"])
    assert listed["expires_at"] is not None
    cli("token", "revoke", listed["id"])
    (shown,) = cli("site", "list")
    assert (shown["key"], shown["origins"]) == (made["key"], ["https://www.gorod.test"])
    assert [one["email"] for one in cli("user", "list")] == ["olga@gorod.test"]


@ONE_DATABASE
def test_site_options(cli: Cli) -> None:
    made = add_site(
        cli, "--origin", "https://город.рф", "--type", "basic", "--moderation", "after", "--moderator", "operator",
        "--contact", "required", "--time-zone", "Asia/Yekaterinburg", "--language", "en", "--appeals", "handoff",
        "--appeals-url", "https://gosuslugi.test/1", "--bbox", "38.5,54.9,39.1,55.3", "--jurisdiction", "own.test",
    )  # fmt: skip
    shown = cli("site", "show", "own.test")
    expected = {
        "type": "basic", "moderation": "after", "moderator": "operator", "contact": "required",
        "time_zone": "Asia/Yekaterinburg", "language": "en", "appeals": "handoff", "bbox": [38.5, 54.9, 39.1, 55.3],
        "appeals_url": "https://gosuslugi.test/1", "jurisdiction": "own.test",
        "origins": ["https://www.gorod.test", "https://xn--c1ac3aaj.xn--p1ai"],
    }  # fmt: skip
    assert shown | expected == shown
    assert 'type="basic"' in made["snippet"]
    changed = cli("site", "set", made["key"], "--remove-origin", "https://город.рф", "--add-origin", "http://a.test:81")
    assert changed["origins"] == ["http://a.test:81", "https://www.gorod.test"]
    assert changed["type"] == "basic", "what is not given stays"
    with pytest.raises(CommandFailed, match=r"--name: .*200"):
        cli("site", "set", made["key"], "--name", "я" * 201)
    assert cli("site", "set", made["key"], "--name", "я" * 200)["name"] == "я" * 200


@ONE_DATABASE
def test_category_commands(cli: Cli) -> None:
    key = add_site(cli)["key"]
    cli("category", "set", "snow", "--site", key, "--off")
    changed = cli(
        "category", "set", "roads", "--site", key, "--name", "Дороги", "--deadline", "5", "--notice", "Звоните 112",
        "--photo-required", "--questions", '[{"code": "depth", "description": "Глубина", "datatype": "number"}]',
        "--photo-after", "yes",
    )  # fmt: skip
    assert (changed["name"], changed["deadline_days"], changed["photo_required"]) == ("Дороги", 5, True)
    assert changed["photo_after"] is True
    assert changed["questions"][0]["code"] == "depth"
    listed = {one["code"]: one for one in cli("category", "list", "--site", key)}
    assert listed["snow"]["enabled"] is False
    assert listed["yards"]["enabled"] is True
    back = cli("category", "set", "roads", "--site", key, "--name", "", "--deadline", "0")
    assert (back["name"], back["deadline_days"]) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("site", "add", "--name", "a", "--agency", "nobody", "--origin", "https://b.test"), "agency"),
        (
            ("site", "add", "--name", "a", "--agency", "Администрация", "--origin", "https://www.gorod.test"),
            "gorod.test",
        ),
        (("site", "add", "--name", "a", "--agency", "Администрация", "--origin", "b.test/x"), "--origin"),
        (("site", "add", "--name", "a", "--agency", "Администрация", "--origin", "null"), "--origin"),
        (("agency", "add", "--name", "a", "--email", "no address"), "--email"),
        (("agency", "add", "--name", "a", "--email", "a@b.test", "--inn", "12"), "--inn"),
        (("site", "show", "nothing"), "`site list`"),
        (("user", "add", "--email", "a@b.test", "--role", "boss"), "--role"),
        (("user", "add", "--email", "a@b.test", "--role", "agent"), "--agency"),
        (("token", "revoke", "nothing"), "token"),
        (("token", "add", "--site", "gorod.test", "--scope", "georeport", "--expires", "2020-01-01"), "--expires"),
        (("token", "add", "--site", "gorod.test", "--scope", "georeport", "--expires", "soon"), "--expires"),
        (("token", "add", "--site", "gorod.test", "--scope", "georeport", "--expires", "36500"), "--expires"),
        (("token", "add", "--site", "gorod.test", "--scope", "georeport", "--name", "я" * 101), "--name"),
        (("deliveries", "retry", "nothing"), "nothing"),
        (("restore", "nothing.zip"), "nothing.zip"),
        (("nonsense",), "nonsense"),
    ],
)
def test_an_error_is_one_line_and_a_non_zero_exit_code(registered: Path, arguments: tuple[str, ...], says: str) -> None:
    done = commands.attempt(*arguments, settings={}, directory=registered)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("agency", "list", "--json"), 0),
        pytest.param(("site", "show", "nothing"), 1, marks=pytest.mark.full("an error, as of the next")),
        (("nonsense",), 2),
    ],
)
def test_the_installed_command_is_like_its_function(registered: Path, arguments: tuple[str, ...], code: int) -> None:
    """The other tests call the function."""
    runs = (processes.attempt_installed, commands.attempt)
    real, called = (run(*arguments, settings={}, directory=registered) for run in runs)
    assert (real.returncode, real.stdout, real.stderr) == (called.returncode, called.stdout, called.stderr)
    assert real.returncode == code


def test_a_command_group_without_a_command_shows_help(registered: Path) -> None:
    done = commands.attempt("site", settings={}, directory=registered)
    assert done.returncode == 2
    assert "rotate-key" in done.stdout + done.stderr


def test_an_invalid_setting_is_named_in_one_line(tmp_path: Path) -> None:
    done = commands.attempt("site", "list", settings={"WIDGET_SECRET_KEYS": "short"}, directory=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("WIDGET_SECRET_KEYS")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [("demo",), ("load-demo", "--problems", "1")])
def test_production_refuses_to_generate_data(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = commands.attempt(*command, settings=PRODUCTION, directory=tmp_path)
    assert done.returncode == 1
    assert "refused in production" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_production_does_not_touch_an_older_database(tmp_path: Path) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.attempt(*arguments, settings=PRODUCTION, directory=tmp_path)

    def set_version(version: str) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "widget.db")) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))

    assert call("migrate").returncode == 0
    set_version("0006")
    for done in (
        call("site", "list"),
        processes.attempt("serve", "--port", "0", settings=PRODUCTION, directory=tmp_path),
    ):
        assert done.returncode == 1
        assert "widget-api migrate" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    examined = call("doctor")
    assert examined.returncode == 1
    assert "FAIL database: schema 0006" in examined.stdout
    set_version("9999")
    assert "newer" in commands.attempt("site", "list", settings={}, directory=tmp_path).stderr


ALSO_NEEDED = {("deliveries", "retry"): ("--dead",), ("deliveries", "drop"): ("--dead",)}
NEEDS_NO_DATABASE = {("setup",)}
MAY_CREATE = {("migrate",), ("demo",), ("restore",), ("serve",), ("agency", "add")}


def made_up(parameter: Any) -> tuple[str, ...]:
    """A value of the type of a required parameter."""
    kind = parameter.type_descriptor.annotation
    choices = get_args(kind) if get_origin(kind) is Literal else list(kind) if isinstance(kind, EnumType) else []
    value = str(choices[0]) if choices else "1=1" if get_origin(kind) is list else "1"
    return (parameter.opts[-1], value) if parameter.opts[0].startswith("-") else (value,)


def leaf_commands() -> list[tuple[str, ...]]:
    """Every command of `widget-api` with made-up values for its required parameters."""

    def walk(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from walk(command, (*path, name))
            elif (*path, name) not in MAY_CREATE | NEEDS_NO_DATABASE:
                required = (part for one in command.params if one.required for part in made_up(one))
                yield (*path, name, *required, *ALSO_NEEDED.get((*path, name), ()))

    return list(walk(typer.main.get_command(app), ()))


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_command_in_the_wrong_folder_reports_a_missing_database(tmp_path: Path, environment: str) -> None:
    """A relative path is another file in another folder: empty lists and backups would be wrong."""
    settings = PRODUCTION | {"WIDGET_ENVIRONMENT": environment, "WIDGET_DATA": str(tmp_path)}
    for command in leaf_commands():
        done = commands.attempt(*command, settings=settings, directory=tmp_path)
        said = done.stdout if command[0] == "doctor" else done.stderr
        refused = (command[0], environment) == ("load-demo", "production")
        reason = "refused in production" if refused else f"there is no database at {tmp_path}/data/widget.db"
        assert (done.returncode, reason in said) == (1, True), command
        assert len(done.stderr.splitlines()) == (0 if command[0] == "doctor" else 1), command
        assert not list(tmp_path.rglob("widget.db*")), command


def test_production_requires_migrate_first(tmp_path: Path) -> None:
    agency = ("agency", "add", "--name", "A", "--email", "a@b.test")
    where: dict[str, Any] = {"settings": PRODUCTION, "directory": tmp_path}
    for done in (
        processes.attempt("serve", "--port", "0", **where),
        commands.attempt(*agency, **where),
    ):
        assert done.returncode == 1
        assert done.stderr.startswith(f"there is no database at {tmp_path}/data/widget.db")
        assert not list(tmp_path.rglob("widget.db*"))


def test_an_empty_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "widget.db").touch()
    done = commands.attempt("site", "list", settings=PRODUCTION, directory=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "widget-api migrate" in done.stderr


def test_a_backup_creates_its_folder(cli: Callable[..., Any], tmp_path: Path) -> None:
    made = cli("backup", f"{tmp_path}/copies/")
    assert [str(path) for path in (tmp_path / "copies").iterdir()] == [made["backup"]]


# --- beside a running service ---


def test_a_running_service_sees_every_change_at_once(serve: Callable[..., Service]) -> None:
    service = serve(migrated=False)
    cli = service.cli
    agency = cli("agency", "add", "--name", "Администрация", "--email", "a@gorod.test")["agency"]
    made = cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test")
    key = made["key"]
    gate = f"{service.url}/api/v1/sites/{key}/challenge"
    assert status(gate, Origin="https://gorod.test") == 200
    assert status(gate, Origin="https://new.test") == 403
    cli("site", "set", key, "--add-origin", "https://new.test")
    assert status(gate, Origin="https://new.test") == 200
    newer = cli("site", "rotate-key", key)["key"]
    assert status(gate) == 404
    assert status(f"{service.url}/api/v1/sites/{newer}/challenge") == 200
    cli("load-demo", "--problems", "30")
    with urllib.request.urlopen(f"{service.url}/api/v1/sites/{newer}/problems?limit=100", timeout=10) as answer:
        assert len(json.loads(answer.read())["items"]) == 30
    cli("site", "disable", newer)
    assert status(f"{service.url}/api/v1/sites/{newer}") == 404
    assert key not in service.log
    assert newer not in service.log
    assert "/api/v1/sites/{key}/challenge 403" in service.log


def test_the_worker_stops_gracefully(serve: Callable[..., Service]) -> None:
    service = serve(start=False, changes=("widget_api.worker.SETTLING=0",))
    worker = Work(service.directory, service.settings, 0, program=service.program, fork=True).start()
    try:
        with contextlib.closing(sqlite3.connect(service.directory / "widget.db", timeout=30)) as database:
            wait_for(lambda: database.execute("SELECT 1 FROM chores").fetchall(), "it does nothing")
        assert service.cli("deliveries", "list") == []
        assert worker.stop() == 0
    finally:
        worker.kill()


# --- doctor ---


def found(document: dict[str, Any]) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in document["checks"]}


def test_doctor_reports_success_and_checks_the_mail_receiver(cli: Cli, mail_sink: MailSink) -> None:
    add_site(cli)
    document = cli("doctor", smtp_url=mail_sink.url)
    assert document["ok"] is True
    names = {"settings", "database", "mail", "platform", "storage", "queue"}
    assert names <= set(found(document))
    assert mail_sink.letters == []
    checks = {check["name"]: check for check in cli("doctor", inbound=f"lmtp://127.0.0.1:{mail_sink.port}")["checks"]}
    assert checks["inbound"]["detail"] == f"127.0.0.1:{mail_sink.port} answers"
    assert mail_sink.letters == []


@ONE_DATABASE
def test_doctor_reports_errors(cli: Cli) -> None:
    for wrong, changes in (
        ("mail", {"smtp_url": "smtp://127.0.0.1:9"}),
        ("platform", {"platform_url": "http://127.0.0.1:9/v2", "platform_key": "key"}),
        ("inbound", {"inbound": "lmtp://127.0.0.1:9"}),
        ("inbound", {"inbound": "imap://widget:secret@127.0.0.1:9"}),
        ("storage", {"media_url": "file:///dev/null/media"}),
        ("storage", {"min_free_space": "999999999"}),  # megabytes: no disk has as many
        ("settings", {"public_url": "nonsense"}),
    ):
        with pytest.raises(CommandFailed) as failure:
            cli("doctor", **changes)
        document = json.loads(failure.value.output)
        assert [name for name, well in found(document).items() if not well] == [wrong], wrong


async def with_database(settings: Settings, work: Callable[[Database], Awaitable[Any]]) -> None:
    database = Database(settings.database_url, readers=1)
    await database.connect()
    try:
        await work(database)
    finally:
        await database.disconnect()


@ONE_DATABASE
def test_doctor_reports_dead_deliveries(cli: Cli, settings: Settings) -> None:
    cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")

    async def give_up(database: Database) -> None:
        receipt = await submit_report(database, await make_site(database), email="anna@example.test")
        dead = "UPDATE deliveries SET state = 'dead', attempts = 9 WHERE problem_id = :id"
        await run_statement(database, dead, id=receipt.problem_id)

    run_in_thread(with_database(settings, give_up))
    with pytest.raises(CommandFailed) as failed:
        cli("doctor")
    checks = {check["name"]: check for check in json.loads(failed.value.output)["checks"]}
    assert failed.value.code == 1
    assert not checks["queue"]["ok"]
    assert "1 dead: see deliveries list" in checks["queue"]["detail"]


def test_doctor_reports_agencies_whose_mail_bounces(cli: Cli, settings: Settings) -> None:
    add_site(cli)

    bounced = "UPDATE agencies SET email_failed_at = 1700000000, email_failure = '5.1.1 user unknown'"
    run_in_thread(with_database(settings, lambda database: run_statement(database, bounced)))
    with pytest.raises(CommandFailed) as failure:
        cli("doctor")
    checks = {check["name"]: check for check in json.loads(failure.value.output)["checks"]}
    assert checks["mailbox"]["detail"] == "Администрация sent a letter back at 2023-11-14T22:13:20Z: 5.1.1 user unknown"
    changed = cli("agency", "set", "Администрация", "--email", "new@gorod.test")
    assert changed["email_failed_at"] is None


def test_changing_an_agency_keeps_options_that_are_not_given(cli: Cli) -> None:
    add_site(cli)
    (before,) = cli("agency", "list")
    assert (before["senders"], before["digest"]) == ([], False)
    changed = cli(
        "agency", "set", "Администрация", "--senders", "Boss@gorod.test, @zhkh.test", "--mode", "email", "--digest"
    )
    assert changed["senders"] == ["boss@gorod.test", "@zhkh.test"]
    assert (changed["mode"], changed["digest"], changed["email"]) == ("email", True, before["email"])
    with pytest.raises(CommandFailed):
        cli("agency", "set", "Администрация", "--senders", "nobody")
    assert cli("agency", "set", "Администрация", "--no-digest", "--senders", "")["senders"] == []
    made = cli("agency", "add", "--name", "ЖКХ", "--email", "a@zhkh.test", "--mode", "email")["agency"]
    assert [cli("agency", "set", made, "--digest-hour", hour)["digest_hour"] for hour in ("7", "0")] == [7, None]
    assert {row["id"]: row["digest"] for row in cli("agency", "list")}[made] is True


@ONE_DATABASE
def test_doctor_reports_an_unreachable_database(cli: Cli) -> None:
    with pytest.raises(CommandFailed) as failure:
        cli("doctor", database_url="postgresql://nobody@127.0.0.1:9/nothing")
    assert found(json.loads(failure.value.output))["database"] is False


# --- copies and forgetting ---


@ONE_DATABASE
def test_backup_and_restore(cli: Cli, tmp_path: Path) -> None:
    made = add_site(cli)
    cli("load-demo", "--problems", "20")
    written = cli("backup", str(tmp_path / "copy.zip"))
    assert written["tables"]["problems"] == 20
    cli("load-demo", "--problems", "40")
    restored = cli("restore", str(tmp_path / "copy.zip"))
    assert (restored["tables"]["problems"], restored["erased_again"]) == (20, 0)
    assert cli("load-demo", "--problems", "20") == {"site": made["site"], "added": 0, "published": 20}
    nobody = cli("erase", "--email", "nobody@gorod.test")
    assert nobody == {"erased": 0, "problems": [], "follows": 0, "comments": 0, "participations": 0, "applications": 0}
    assert cli("purge")["erased"] == 0


# --- `widget-api platform add` and `set`: invalid options are refused at once instead of failing at the first d ---


KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def given(name: str = "Регион", url: str = "https://region.test/v2", key: str = "k", *more: str) -> tuple[str, ...]:
    return "platform", "add", "--name", name, "--url", url, "--key", key, *more


@ONE_DATABASE
async def test_options_that_cannot_work_are_refused(cli: Callable[..., Any], database: Database) -> None:
    cli(*given())
    cli(*given("Область"))
    for arguments, named in (
        (given(), "--name"),
        (given(name="default"), "--name"),
        (given(name=" "), "--name"),
        (given("Город", url="city.test/v2"), "--url"),
        (given("Город", url="city.test:8100/v2"), "--url"),
        (given("Город", url="http://"), "--url"),
        (given("Город", "https://city.test/", "whsec_abc", "--protocol", "webhook"), "--key"),
        (("platform", "set", "Регион", "--url", "region.test/v2"), "--url"),
        (("platform", "set", "Регион", "--name", "Область"), "--name"),
    ):
        with pytest.raises(CommandFailed) as refusal:
            cli(*arguments)
        (line,) = str(refusal.value).strip().splitlines()[-1:]
        assert line.startswith(named), named
        assert {(one["name"], one["url"]) for one in cli("platform", "list")} == {
            ("Регион", "https://region.test/v2"),
            ("Область", "https://region.test/v2"),
        }


async def test_a_webhook_url_keeps_its_trailing_slash(cli: Callable[..., Any], database: Database) -> None:
    cli(*given("Приёмник", "https://city.test/hook/", KEY, "--protocol", "webhook"))
    cli(*given(url="https://region.test/v2/"))
    cli("platform", "set", "Регион", "--name", "Регион", "--url", "https://region.test/v3/")
    assert [one["url"] for one in cli("platform", "list")] == ["https://city.test/hook/", "https://region.test/v3"]


async def test_a_site_cannot_move_to_a_disabled_platform(cli: Callable[..., Any], database: Database) -> None:
    site = await make_site(database, jurisdiction="gorod.test")
    receipt = await submit_report(database, site)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    cli(*given())
    cli(*given("Область"))
    cli("platform", "set", "Область", "--disabled")
    move = ("platform", "move", "--site", "gorod.test", "--from", "Регион", "--to", "Область", "--unread")
    with pytest.raises(CommandFailed, match="--to: Область is switched off"):
        cli(*move)
    assert cli("deliveries", "list", "--platform", "Область") == []
    cli("platform", "set", "Область", "--enabled")
    assert cli(*move)["owed"] == 2


async def test_unknown_names_are_answered_with_a_hint(cli: Callable[..., Any], database: Database) -> None:
    await make_site(database, jurisdiction="gorod.test")
    cli(*given())
    for site, pair, said in (("selo.test", "roads=7", "`site list`"), ("gorod.test", "raods=7", "raods: no category")):
        with pytest.raises(CommandFailed, match=said):
            cli("platform", "map", "Регион", "--site", site, pair)


async def test_a_platform_that_does_not_know_a_site_is_named_at_once(
    cli: Callable[..., Any], database: Database, fake: FakePlatform
) -> None:
    """The first report would fail there otherwise: `add` and `serve` ask the platform."""
    site = await make_site(database, jurisdiction="gorod.test")
    asked = "warning: Регион does not know Официальный сайт города as gorod.test"
    serve = ("platform", "serve", "Регион", "--site", site.key)
    for arguments in (given(url=fake.url), serve):
        (unknown,) = (await asyncio.to_thread(cli, *arguments))["unknown"]
        assert unknown.startswith(asked)
    fake.services = [{"service_code": "yards", "service_name": "Дворы"}]
    assert "unknown" not in await asyncio.to_thread(cli, *serve)


# --- `widget-api deliveries`: choose by sink, platform and problem, list every attempt, retry, drop ---


@pytest.fixture
async def dead_deliveries(database: Database) -> dict[str, str]:
    """Dead deliveries of two reports to two platforms and to the authors: (sink, number) → id."""
    for platform in ("p", "q"):
        await add_platform(database, platform, name=f"Платформа {platform}")
    site = await make_site(database)
    for number in (1, 2):
        receipt = await submit_report(database, site, email=f"a{number}@example.test")
        await lifecycle.confirm(database, site.id, receipt.problem_id)
    rows = await database.rows("SELECT d.id, d.sink, p.number FROM deliveries d JOIN problems p ON p.id = d.problem_id")
    await database.write(lambda tx: tx.run("UPDATE deliveries SET state = 'dead', last_error = 'no'"))
    return {f"{row['sink']} {row['number']}": row["id"] for row in rows}


async def states(database: Database, dead_deliveries: dict[str, str]) -> dict[str, str]:
    rows = {row["id"]: row["state"] for row in await database.rows("SELECT id, state FROM deliveries")}
    return {name: rows[one] for name, one in dead_deliveries.items()}


async def test_deliveries_are_filtered_by_sink_platform_and_problem(
    database: Database, dead_deliveries: dict[str, str], cli: Callable[..., Any]
) -> None:
    def listed(*options: str) -> set[str]:
        return {row["id"] for row in cli("deliveries", "list", *options)}

    def these(*parts: str) -> set[str]:
        found = {one for name, one in dead_deliveries.items() if all(part in name for part in parts)}
        assert found
        return found

    assert listed() == set(dead_deliveries.values())
    assert listed("--sink", "platform") == these("platform:")
    assert listed("--sink", "platform:p", "--sink", "resident") == these("platform:p") | these("resident")
    assert listed("--platform", "q") == listed("--platform", "Платформа q") == these("platform:q")
    assert listed("--problem", "2") == these(" 2")
    assert listed("--problem", "2", "--platform", "p") == these("platform:p", " 2")
    assert listed("--state", "dropped") == listed("--sink", "nobody") == set()


async def test_all_dead_deliveries_of_a_filter_are_retried_or_dropped(
    database: Database, dead_deliveries: dict[str, str], cli: Callable[..., Any]
) -> None:
    assert len(cli("deliveries", "retry", "--dead", "--platform", "p")["retried"]) == 2
    chosen = ("--dead", "--sink", "platform:q", "--problem", "1")
    assert cli("deliveries", "drop", *chosen, "--reason", "Её нет") == {"dropped": [dead_deliveries["platform:q 1"]]}
    now = await states(database, dead_deliveries)
    for name, state in now.items():
        expected = "pending" if "platform:p" in name else "dropped" if name == "platform:q 1" else "dead"
        assert state == expected, name
    dropped = await database.row("SELECT reason, decided_by, decided_at FROM deliveries WHERE state = 'dropped'")
    assert dropped is not None
    assert (dropped["reason"], dropped["decided_by"]) == ("Её нет", None)
    assert dropped["decided_at"] is not None
    for wrong in (
        ("retry",),
        ("retry", "--platform", "p"),
        ("retry", dead_deliveries["platform:q 2"], "--dead"),
        ("retry", dead_deliveries["platform:q 2"], "--sink", "agency"),
        ("drop", dead_deliveries["platform:q 2"], "--reason", " "),
        ("drop", dead_deliveries["platform:q 2"], "--reason", "у" * 501),
        ("drop", dead_deliveries["platform:q 1"], "--reason", "снова"),
        ("show", "nothing"),
    ):
        with pytest.raises(CommandFailed):
            cli("deliveries", *wrong)
    assert await states(database, dead_deliveries) == now


async def test_every_attempt_of_a_delivery_is_listed(
    database: Database, dead_deliveries: dict[str, str], cli: Callable[..., Any]
) -> None:
    one = dead_deliveries["platform:p 1"]
    cli("deliveries", "retry", one)
    row = await database.row("SELECT next_at FROM deliveries WHERE id = :id", id=one)
    assert row is not None
    now = row["next_at"]
    for error, retry_in in (("503: busy", 5), ("400: unknown service_code", None)):
        (delivery,) = await queue.claim(database, "w", 1, now)
        await queue.finish(database, "w", delivery, now, error, retry_in)
        now += 5
    found = cli("deliveries", "show", one)
    assert (found["state"], found["platform_name"], found["number"]) == ("dead", "Платформа p", 1)
    assert [(tried["outcome"], tried["error"]) for tried in found["tries"]] == [
        ("retry", "503: busy"),
        ("dead", "400: unknown service_code"),
    ]
    assert all(tried["at"].endswith("Z") for tried in found["tries"])

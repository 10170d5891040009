"""Accounts: what the operator's commands change about a user while the service runs."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from typing import Any

import pytest

from tests.conftest import Client
from tests.factories import make_site
from tests.support.cabinet import PASSWORD, Cabinet, Enter
from tests.support.processes import CommandFailed, Service
from widget_api.context import Context
from widget_api.database import Database
from widget_api.people import accounts, passwords
from widget_api.people import sign_in as people_sign_in
from widget_api.sites.model import Site

Cli = Callable[..., Any]
EMAIL = "anna@gorod.test"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def _is_signed_in(cabinet: Cabinet) -> bool:
    return (await cabinet.client.get("/cabinet/")).status_code == 200


@pytest.mark.parametrize(
    ("command", "signs_in_again"),
    [
        (("set", "--role", "viewer"), True),
        (("disable",), False),
        (("enable",), True),
        (("reset-password",), False),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_every_account_change_ends_the_users_sessions_at_once(
    enter: Enter, site: Site, cli: Cli, command: tuple[str, ...], signs_in_again: bool
) -> None:
    anna, colleague = await enter("agent", site.agency.id, EMAIL), await enter("agent", site.agency.id)
    name, *options = command
    made = await asyncio.to_thread(cli, "user", name, "--email", " Anna@Gorod.test ", *options)
    assert made["user"]
    assert not await _is_signed_in(anna)
    assert await _is_signed_in(colleague)
    assert (await anna.sign_in(EMAIL, PASSWORD)).status_code == (303 if signs_in_again else 403)
    if name == "reset-password":
        assert set(made) == {"user", "password"}
        for _ in range(2):  # shown once, valid until changed
            anna.client.cookies.clear()
            assert (await anna.sign_in(EMAIL, made["password"])).status_code == 303


def test_a_running_service_refuses_a_disabled_user(serve: Callable[..., Service]) -> None:
    running = serve("--no-work")
    running.cli("agency", "add", "--name", "Город", "--email", "priem@gorod.test")
    made = running.cli("user", "add", "--email", EMAIL, "--agency", "Город", "--role", "head", "--name", "Анна")
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def sign_in() -> int:
        form = urllib.parse.urlencode({"email": EMAIL, "password": made["password"]}).encode()
        try:
            return int(opener.open(f"{running.url}/cabinet/sign-in", form).status)
        except urllib.error.HTTPError as error:
            return error.code

    assert sign_in() == 200
    assert opener.open(f"{running.url}/cabinet/").url == f"{running.url}/cabinet/"
    (session,) = running.cli("user", "sessions", "--email", EMAIL)
    assert session["ip"] == "127.0.0.1"
    running.cli("user", "disable", "--email", EMAIL)
    assert "/cabinet/sign-in" in opener.open(f"{running.url}/cabinet/").url
    assert sign_in() == 403
    assert running.cli("user", "sessions", "--email", EMAIL) == []
    (listed,) = running.cli("user", "list")
    assert (listed["name"], listed["role"], bool(listed["disabled_at"])) == ("Анна", "head", True)
    running.cli("user", "enable", "--email", EMAIL)
    assert sign_in() == 200


async def test_a_failed_sign_in_takes_a_whole_timing_step_for_any_account(
    context: Context, enter: Enter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_sign_in, "_WRITE_TIME", 0.25)  # the step of the tests is shorter than the work
    await enter("agent", site.agency.id, EMAIL)
    for email in (EMAIL, "nobody@gorod.test"):
        started = time.monotonic()
        assert await people_sign_in.sign_in(context.database, email, "wrong", context.failures) is None
        assert time.monotonic() - started >= 0.25, email


@pytest.mark.parametrize("command", ["reset-password", "disable"])
async def test_a_change_wins_over_a_concurrent_sign_in(
    context: Context, site: Site, cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The password is compared outside the transaction; a change made meanwhile must still take effect."""
    await accounts.add_user(context.database, email=EMAIL, role="agent", agency_id=site.agency.id, password=PASSWORD)
    compare = passwords.verify_password

    async def slowly(stored: str | None, password: str) -> bool:
        same = await compare(stored, password)
        assert same, "else nothing but the password would be tested"
        await asyncio.to_thread(cli, "user", command, "--email", EMAIL)
        return same

    monkeypatch.setattr(passwords, "verify_password", slowly)
    assert await people_sign_in.sign_in(context.database, EMAIL, PASSWORD, context.failures) is None
    assert await context.database.rows("SELECT * FROM sessions") == []


async def test_role_agency_and_name_of_a_user_can_be_changed(database: Database, cli: Cli) -> None:
    site = await make_site(database)
    other = await make_site(database, agency={"name": "Соседи"})
    await accounts.add_user(database, email=EMAIL, role="agent", agency_id=site.agency.id)

    async def change(*options: str) -> dict[str, Any]:
        await asyncio.to_thread(cli, "user", "set", "--email", EMAIL, *options)
        (listed,) = await asyncio.to_thread(cli, "user", "list")
        return {name: listed[name] for name in ("role", "agency", "name", "post")}

    anna = {"name": "Анна Ильина", "post": "Начальник отдела"}
    changed = await change("--role", "head", "--name", "Анна Ильина", "--post", "Начальник отдела")
    assert changed == {"role": "head", "agency": site.agency.name} | anna
    assert await change("--agency", other.agency.id) == {"role": "head", "agency": "Соседи"} | anna
    assert await change("--role", "operator") == {"role": "operator", "agency": None} | anna
    with pytest.raises(CommandFailed, match="--agency"):
        await change("--role", "admin")
    assert (await change("--role", "admin", "--agency", site.agency.id))["role"] == "admin"
    with pytest.raises(CommandFailed, match="nothing to change"):
        await change()
    for command in ("set --role agent", "disable", "enable", "reset-password", "sessions"):
        name, *options = command.split()
        with pytest.raises(CommandFailed, match="There is no such user"):
            await asyncio.to_thread(cli, "user", name, "--email", "nobody@gorod.test", *options)


async def test_sessions_show_time_address_and_device(context: Context, site: Site, cli: Cli, client: Client) -> None:
    await accounts.add_user(context.database, email=EMAIL, role="agent", agency_id=site.agency.id, password=PASSWORD)
    client.headers["User-Agent"] = FIREFOX + "x" * 10_000
    await Cabinet(client).sign_in(EMAIL, PASSWORD)
    (session,) = await asyncio.to_thread(cli, "user", "sessions", "--email", EMAIL)
    assert set(session) == {"created_at", "expires_at", "ip", "device"}
    assert (session["ip"], session["device"]) == ("127.0.0.1", "Firefox · Linux")
    assert session["created_at"] < session["expires_at"]

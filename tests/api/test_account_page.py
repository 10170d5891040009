"""/cabinet/account: the user's own password and sessions; and what the operator's commands change about a user."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from typing import Any

import httpx2
import pytest

from tests.conftest import ONE_DATABASE, Client
from tests.factories import make_site
from tests.support.brute_force import record_delays
from tests.support.cabinet import PASSWORD, Cabinet, Enter
from tests.support.processes import CommandFailed, Service
from widget_api import journal
from widget_api.context import Context
from widget_api.database import Database
from widget_api.people import accounts, passwords
from widget_api.people import sign_in as people_sign_in
from widget_api.people.model import Session, User
from widget_api.sites.model import Site
from widget_api.web.brute_force import FREE_ATTEMPTS

EMAIL = "anna@gorod.test"
CHOSEN = "тихая река у старой мельницы"
PAGE, CHANGE, END = "/cabinet/account", "/cabinet/account/password", "/cabinet/account/sessions"


async def second_device(first: Cabinet, password: str = PASSWORD) -> Cabinet:
    """The same user in another browser."""
    client = httpx2.AsyncClient(
        transport=first.client._transport,
        base_url=first.client.base_url,
        headers={"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1"},
    )
    cabinet = Cabinet(client)
    assert (await cabinet.sign_in(EMAIL, password)).status_code == 303
    return cabinet


async def is_signed_in(cabinet: Cabinet) -> bool:
    return (await cabinet.client.get("/cabinet/")).status_code == 200


async def test_the_page_lists_only_the_users_sessions_and_marks_the_current_one(enter: Enter, site: Site) -> None:
    anna = await enter("agent", site.agency.id, EMAIL)
    await enter("agent", site.agency.id)  # a colleague's session is not listed
    phone = await second_device(anna)
    page = await phone.read(PAGE)
    assert page.text.count("адрес 127.0.0.1") == 2
    assert page.text.count("это устройство") == 1
    assert "Safari · iPhone это устройство" in page.text
    assert "Неизвестное устройство с " in page.text
    assert PAGE in (await anna.read("/cabinet/")).links


async def test_changing_the_password_requires_the_old_one_and_ends_other_sessions(enter: Enter, site: Site) -> None:
    anna = await enter("agent", site.agency.id, EMAIL)
    phone = await second_device(anna)
    wrong = await anna.send(PAGE, CHANGE, old_password="guess", new_password=CHOSEN)
    assert wrong.status_code == 422
    assert "Нынешний пароль не подходит" in wrong.text
    assert await is_signed_in(phone)
    answer = await anna.send(PAGE, CHANGE, old_password=PASSWORD, new_password=CHOSEN)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?done=1")
    assert "Пароль изменён" in (await anna.read(f"{PAGE}?done=1")).text
    assert not await is_signed_in(phone)
    assert (await phone.sign_in(EMAIL, PASSWORD)).status_code == 403
    assert (await phone.sign_in(EMAIL, CHOSEN)).status_code == 303


@ONE_DATABASE
async def test_an_easily_guessed_password_is_refused(enter: Enter, site: Site) -> None:
    anna = await enter("agent", site.agency.id, EMAIL)
    short = (("короткий", "не меньше 12 знаков"), ("", "не меньше 12"))
    for new, why in (*short, ("я" * 600, "слишком длинный"), (EMAIL, "с адресом")):
        answer = await anna.send(PAGE, CHANGE, old_password=PASSWORD, new_password=new)
        assert answer.status_code == 422, new
        assert why in answer.text
        anna.client.cookies.clear()
        assert (await anna.sign_in(EMAIL, PASSWORD)).status_code == 303


async def test_guessing_the_old_password_in_an_open_session_is_slowed_down(app: Any, enter: Enter, site: Site) -> None:
    waited = record_delays(app)
    anna, colleague = await enter("agent", site.agency.id, EMAIL), await enter("agent", site.agency.id)
    form = (await anna.read(PAGE)).form(CHANGE)
    guesses = [
        await anna.client.post(CHANGE, data=form.fields | {"old_password": "guess", "new_password": CHOSEN})
        for _ in range(FREE_ATTEMPTS + 3)
    ]
    assert {answer.status_code for answer in guesses} == {422}
    assert waited == [1, 2, 4]
    assert (await colleague.send(PAGE, CHANGE, old_password=PASSWORD, new_password=CHOSEN)).status_code == 303
    late = await anna.send(PAGE, CHANGE, old_password=PASSWORD, new_password=CHOSEN)
    assert late.status_code == 303, "late, not never"
    assert waited == [1, 2, 4, 8]


async def test_signing_out_everywhere_ends_all_sessions_including_the_current_one(enter: Enter, site: Site) -> None:
    anna, colleague = await enter("agent", site.agency.id, EMAIL), await enter("agent", site.agency.id)
    phone = await second_device(anna)
    answer = await anna.send(PAGE, END)
    assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/sign-in")
    assert not await is_signed_in(anna)
    assert not await is_signed_in(phone)
    assert await is_signed_in(colleague)


async def test_a_password_form_of_an_ended_session_is_not_stored(enter: Enter, site: Site, context: Context) -> None:
    anna = await enter("agent", site.agency.id, EMAIL)
    form = (await anna.read(PAGE)).form(CHANGE)
    await accounts.end_sessions(context.database, await user_of(context), journal.COMMAND_LINE)
    answer = await anna.client.post(CHANGE, data=form.fields | {"old_password": PASSWORD, "new_password": CHOSEN})
    assert answer.status_code in (303, 401)
    kept = str([tuple(row) for row in await context.database.rows("SELECT * FROM unsent_forms")])
    assert PASSWORD not in kept
    assert CHOSEN not in kept


async def user_of(context: Context) -> User:
    row = await context.database.row("SELECT id FROM users WHERE email = :email", email=EMAIL)
    assert row is not None
    return User(id=row["id"], email=EMAIL, role="agent", agency_id=None, agency_name=None, language="ru")


@ONE_DATABASE
async def test_a_cross_site_form_changes_nothing(enter: Enter, site: Site) -> None:
    anna = await enter("agent", site.agency.id, EMAIL)
    for path in (CHANGE, END):
        fields = {"old_password": PASSWORD, "new_password": CHOSEN}
        assert (await anna.client.post(path, data=fields)).status_code == 403, path  # without this session's token
        form = (await anna.read(PAGE)).form(path)
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert (await anna.client.post(path, data=form.fields | fields, headers=foreign)).status_code == 403
        assert await is_signed_in(anna)
        anna.client.cookies.clear()
        assert (await anna.sign_in(EMAIL, PASSWORD)).status_code == 303


@ONE_DATABASE
@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/138.0 YaBrowser/25.6 Safari/537.36", "Yandex Browser · Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/138.0 Safari/537.36 Edg/138.0", "Edge · Windows"),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/138.0 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18.5 Safari/605", "Safari · macOS"),
        ("Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605 FxiOS/139 Safari/605", "Firefox · iPad"),
        ("curl/8.14.1", ""),
        (None, ""),
    ],
)
def test_devices_have_readable_names(user_agent: str | None, device: str, dialect: str) -> None:
    session = Session(created_at=0, expires_at=1, ip=None, user_agent=user_agent)
    assert " · ".join(session.device) == device


# --- Accounts: what the operator's commands change about a user while the service runs ---


Cli = Callable[..., Any]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("command", "signs_in_again"),
    [(("set", "--role", "viewer"), True), (("disable",), False), (("enable",), True), (("reset-password",), False)],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_every_account_change_ends_the_users_sessions_at_once(
    enter: Enter, site: Site, cli: Cli, command: tuple[str, ...], signs_in_again: bool
) -> None:
    anna, colleague = await enter("agent", site.agency.id, EMAIL), await enter("agent", site.agency.id)
    name, *options = command
    made = await asyncio.to_thread(cli, "user", name, "--email", " Anna@Gorod.test ", *options)
    assert made["user"]
    assert not await is_signed_in(anna)
    assert await is_signed_in(colleague)
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

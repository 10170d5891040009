"""/cabinet/account: the user's own password and sessions."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.conftest import ONE_DATABASE
from tests.support.brute_force import record_delays
from tests.support.cabinet import PASSWORD, Cabinet, Enter
from widget_api import journal
from widget_api.context import Context
from widget_api.people import accounts
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
@pytest.mark.parametrize(
    ("new", "why"),
    [("короткий", "не меньше 12 знаков"), ("", "не меньше 12"), ("я" * 600, "слишком длинный"), (EMAIL, "с адресом")],
)
async def test_an_easily_guessed_password_is_refused(enter: Enter, site: Site, new: str, why: str) -> None:
    anna = await enter("agent", site.agency.id, EMAIL)
    answer = await anna.send(PAGE, CHANGE, old_password=PASSWORD, new_password=new)
    assert answer.status_code == 422
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
@pytest.mark.parametrize("path", [CHANGE, END])
async def test_a_cross_site_form_changes_nothing(enter: Enter, site: Site, path: str) -> None:
    anna = await enter("agent", site.agency.id, EMAIL)
    fields = {"old_password": PASSWORD, "new_password": CHOSEN}
    assert (await anna.client.post(path, data=fields)).status_code == 403  # without this session's token
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

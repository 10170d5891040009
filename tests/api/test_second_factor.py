"""The second factor: set up on the account's pages, asked for when signing in, taken away, demanded by an agency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.test_journal import entries
from tests.conftest import ONE_DATABASE
from tests.factories import existing
from tests.support.brute_force import record_delays
from tests.support.cabinet import PASSWORD, Cabinet, Enter, PageText
from tests.support.second_factor import CODE_PATH, PATH, Device, set_up, shown_secret
from widget_api import encryption
from widget_api.context import Context
from widget_api.mail import outbox as account_letters
from widget_api.ops import backup, retention, schema
from widget_api.people import accounts, password_reset, second_factor
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.model import Site
from widget_api.web.brute_force import FREE_ATTEMPTS

EMAIL = "anna@gorod.test"
STEP = second_factor.STEP
Browser = Callable[[], Cabinet]
pytestmark = pytest.mark.settings(work="off")


@pytest.fixture
def moment() -> Any:
    """A clock that stands still: a code is asked for in the time step of the test's choice."""
    with time_machine.travel(1_800_000_000, tick=False) as traveller:
        yield traveller


@pytest.fixture
async def anna(enter: Enter, site: Site, moment: Any) -> Cabinet:
    return await enter("agent", site.agency.id, EMAIL)


@pytest.fixture
async def device(anna: Cabinet, moment: Any) -> Device:
    """Anna's app; the code with which it was set up is used up already."""
    device, _ = await set_up(anna)
    moment.shift(STEP)
    return device


async def first_step(cabinet: Cabinet, email: str = EMAIL, password: str = PASSWORD) -> httpx2.Response:
    answer = await cabinet.sign_in(email, password)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(CODE_PATH)
    return answer


async def send_code(cabinet: Cabinet, code: str) -> httpx2.Response:
    return await cabinet.client.post(CODE_PATH, data={"code": code, "next": "/cabinet/problems"})


async def is_signed_in(cabinet: Cabinet) -> bool:
    return (await cabinet.client.get("/cabinet/problems")).status_code == 200


async def test_sign_in_asks_for_the_code_and_opens_no_session_before(
    device: Device, new_browser: Browser, context: Context
) -> None:
    laptop, before = new_browser(), await context.database.rows("SELECT * FROM sessions")
    await first_step(laptop)
    assert len(await context.database.rows("SELECT * FROM sessions")) == len(before)
    assert not await is_signed_in(laptop)
    page = PageText((await laptop.client.get(CODE_PATH)).text)
    assert page.form(CODE_PATH).fields == {"next": "/cabinet/", "code": ""}
    assert EMAIL not in page.text
    wrong = await send_code(laptop, "000000")
    assert wrong.status_code == 403
    assert "Код не подходит" in wrong.text
    assert not await is_signed_in(laptop)
    entered = await send_code(laptop, f" {device.code()[:3]} {device.code()[3:]} ")
    assert (entered.status_code, entered.headers["location"]) == (303, "/cabinet/problems")
    assert await is_signed_in(laptop)


async def test_without_a_factor_the_password_is_enough_and_setting_one_up_ends_other_sessions(
    anna: Cabinet, new_browser: Browser, context: Context
) -> None:
    """The contract: no second factor is forced by default."""
    assert await is_signed_in(anna)
    assert "Не включён" in (await anna.read("/cabinet/account")).text
    laptop = new_browser()
    assert (await laptop.sign_in(EMAIL, PASSWORD)).headers["location"] == "/cabinet/"
    form = (await anna.read(PATH)).form(PATH)
    wrong = await anna.client.post(PATH, data=form.fields | {"password": "guess"})
    assert wrong.status_code == 422
    assert 'class="qr"' not in wrong.text
    device, _ = await set_up(anna)
    assert await is_signed_in(anna)
    assert not await is_signed_in(laptop)
    user = existing(await context.database.row("SELECT * FROM users"))
    assert device.secret not in str(tuple(user))
    assert encryption.decrypt(context.settings.secret_keys, f"factor/{user['id']}", user["factor_secret"])
    assert encryption.decrypt(context.settings.secret_keys, "factor/another", user["factor_secret"]) is None


async def test_the_clock_of_a_device_may_differ_by_one_step(device: Device, new_browser: Browser, moment: Any) -> None:
    for step, good in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        moment.shift(10 * STEP)
        laptop = new_browser()
        await first_step(laptop)
        assert (await send_code(laptop, device.code(step))).status_code == (303 if good else 403), step


async def test_a_code_is_good_once(device: Device, new_browser: Browser, moment: Any) -> None:
    """Nor is an earlier one afterwards; nor the one with which the factor was set up."""
    laptop, thief = new_browser(), new_browser()
    await first_step(laptop)
    assert (await send_code(laptop, device.code(-1))).status_code == 403, "it was used for setting up"
    code = device.code(1)
    assert (await send_code(laptop, code)).status_code == 303
    for used in (code, device.code(0)):
        await first_step(thief)
        assert (await send_code(thief, used)).status_code == 403
    moment.shift(2 * STEP)
    assert (await send_code(thief, device.code())).status_code == 303


async def test_a_recovery_code_is_good_once(anna: Cabinet, new_browser: Browser, context: Context) -> None:
    _, codes = await set_up(anna)
    laptop, thief = new_browser(), new_browser()
    await first_step(laptop)
    assert (await send_code(laptop, codes[3].upper().replace(" ", "-"))).status_code == 303
    await first_step(thief)
    assert (await send_code(thief, codes[3])).status_code == 403
    (used,) = await entries(context.database, "recovery_code_used")
    assert used["details"] == {"codes_left": 9}
    assert "Осталось 9 резервных кодов" in (await anna.read(PATH)).text
    stored = str([tuple(row) for row in await context.database.rows("SELECT * FROM recovery_codes")])
    assert not [code for code in codes if code in stored or code.replace(" ", "") in stored]


async def test_another_users_code_is_wrong(
    device: Device, enter: Enter, site: Site, new_browser: Browser, moment: Any
) -> None:
    other = await enter("agent", site.agency.id, "boris@gorod.test")
    boris, codes = await set_up(other)
    moment.shift(STEP)
    for kind in ("device", "recovery"):
        laptop = new_browser()
        await first_step(laptop)
        assert (await send_code(laptop, boris.code() if kind == "device" else codes[0])).status_code == 403, kind


@pytest.mark.parametrize(
    "reason", ["used", "expired", "forged", "other_purpose", "new_password", "disabled", "taken", "none"]
)
async def test_the_state_between_the_steps_is_void(
    device: Device, new_browser: Browser, moment: Any, context: Context, reason: str
) -> None:
    laptop = new_browser()
    await first_step(laptop)
    state = laptop.client.cookies["__Host-second-step"]
    if reason == "expired":
        moment.shift(601)
    elif reason == "new_password":
        await accounts.reset_password(context.database, EMAIL)
    elif reason == "disabled":
        await accounts.disable_user(context.database, EMAIL)
    elif reason == "taken":
        await second_factor.reset(context.database, EMAIL)
        (entry,) = await entries(context.database, "factor_reset")
        assert entry["role"] == "command_line"
    else:
        if reason == "used":
            moment.shift(1)
            assert (await send_code(laptop, device.code())).status_code == 303
        elif reason == "forged":
            state = ("B" if state[0] == "A" else "A") + state[1:]
        elif reason == "other_purpose":  # a link that resets a password has the same payload under another salt
            user = existing(await context.database.row("SELECT * FROM users WHERE email = :email", email=EMAIL))
            state = password_reset.reset_url(context, user).rpartition("/")[2]
        laptop.client.cookies.clear()
        if reason != "none":
            laptop.client.cookies.set("__Host-second-step", state)
    moment.shift(STEP)
    for answer in (await send_code(laptop, device.code()), await laptop.client.get(CODE_PATH)):
        assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/sign-in")
    assert not await is_signed_in(laptop)


@ONE_DATABASE
async def test_the_code_leads_nowhere_but_into_the_cabinet(device: Device, new_browser: Browser, moment: Any) -> None:
    for target in ("//evil.test/", "https://evil.test/", "/cabinet/../x\\y", "/track", "javascript:1"):
        laptop = new_browser()
        await first_step(laptop)
        answer = await laptop.client.post(CODE_PATH, data={"code": device.code(), "next": target})
        assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/"), target
        moment.shift(STEP)


async def test_guesses_are_slowed_down_and_end_for_the_day(
    app: Any, device: Device, new_browser: Browser, anna: Cabinet, context: Context
) -> None:
    """Whoever guesses knows the password. The owner's own device is counted apart."""
    waited, thief = record_delays(app), new_browser()
    await first_step(thief)
    tries = [(await send_code(thief, f"{number:06}")).status_code for number in range(60)]
    assert tries == [403] * 60
    assert waited[:5] == [1, 2, 4, 8, 16], "as wrong passwords"
    assert len(waited) == 60 - FREE_ATTEMPTS
    late = await send_code(thief, device.code())
    assert late.status_code == 429
    assert "смените пароль" in late.text
    assert [entry["details"]["times"] for entry in await entries(context.database, "sign_in_failed")][-1] == 32
    waited.clear()
    await anna.send("/cabinet/", "/cabinet/sign-out")
    await first_step(anna)
    assert (await send_code(anna, device.code())).status_code == 303
    assert waited == []


async def test_devices_that_know_the_password_share_the_guesses(app: Any, anna: Cabinet, new_browser: Browser) -> None:
    """Whoever had the password before the factor was set could have made any number of them."""
    record_delays(app)
    harvested = [new_browser() for _ in range(3)]
    for laptop in harvested:
        assert (await laptop.sign_in(EMAIL, PASSWORD)).headers["location"] == "/cabinet/"
    await set_up(anna)
    tries = []
    for laptop in harvested:
        await first_step(laptop)
        tries += [(await send_code(laptop, f"{number:06}")).status_code for number in range(21)]
    assert tries == [403] * 60 + [429] * 3


async def test_another_factor_knows_no_device(app: Any, anna: Cabinet, device: Device, new_browser: Browser) -> None:
    waited, laptop = record_delays(app), new_browser()
    await first_step(laptop)
    assert (await send_code(laptop, device.code())).status_code == 303
    for _ in range(2):
        thief = new_browser()
        await first_step(thief)
        for _ in range(FREE_ATTEMPTS):
            await send_code(thief, "000000")
    waited.clear()
    await laptop.send("/cabinet/", "/cabinet/sign-out")
    await first_step(laptop)
    await send_code(laptop, "000000")
    assert waited == [], "it has had a code of this factor"
    await second_factor.reset(app.state.context.database, EMAIL)
    await anna.sign_in(EMAIL, PASSWORD)
    await set_up(anna)
    await first_step(laptop)
    await send_code(laptop, "000000")
    assert len(waited) == 1


async def test_guesses_in_an_open_session_are_slowed_down(app: Any, anna: Cabinet, device: Device) -> None:
    waited = record_delays(app)
    form = (await anna.read(PATH)).form(f"{PATH}/change")
    for _ in range(FREE_ATTEMPTS + 3):
        sent = form.fields | {"password": PASSWORD, "code": "000000", "do": "off"}
        assert (await anna.client.post(form.action, data=sent)).status_code == 422
    assert waited == [1, 2, 4]


async def test_a_change_needs_password_and_a_code_that_was_not_used(app: Any, anna: Cabinet, device: Device) -> None:
    record_delays(app)

    async def change(password: str, code: str, do: str = "off") -> httpx2.Response:
        return await anna.send(PATH, f"{PATH}/change", password=password, code=code, do=do)

    code = device.code()
    for password, given, why in (
        ("guess", "", "Нынешний пароль не подходит"),
        ("guess", code, "Нынешний пароль не подходит"),
        (PASSWORD, "000000", "Код не подходит"),
        ("", "", "Введите пароль"),
    ):
        answer = await change(password, given)
        assert (answer.status_code, why in answer.text) == (422, True), (password, given)
        assert "Включён" in (await anna.read(PATH)).text
    assert (await change(PASSWORD, code, "codes")).status_code == 200
    replayed = await change(PASSWORD, code)
    assert (replayed.status_code, "уже использован" in replayed.text) == (422, True)


async def test_whoever_switches_it_off_is_told_and_other_sessions_end(
    anna: Cabinet, device: Device, new_browser: Browser, moment: Any, context: Context, mail_sink: Any
) -> None:
    laptop = new_browser()
    await first_step(laptop)
    assert (await send_code(laptop, device.code())).status_code == 303
    moment.shift(STEP)
    answer = await anna.send(PATH, f"{PATH}/change", password=PASSWORD, code=device.code(), do="off")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?done=off")
    assert "Второй фактор отключён" in (await anna.read(f"{PATH}?done=off")).text
    assert not await is_signed_in(laptop)
    assert (await laptop.sign_in(EMAIL, PASSWORD)).headers["location"] == "/cabinet/"
    assert [entry["kind"] for entry in await entries(context.database, "factor_set", "factor_removed")] == [
        "factor_set",
        "factor_removed",
    ]
    while not await account_letters.send_due(context, second_factor.LETTERS):
        pass
    (letter,) = mail_sink.to(EMAIL)
    assert "Второй фактор отключён" in str(letter.subject)
    assert device.secret not in str(letter)


async def begin(cabinet: Cabinet) -> Any:
    """The form that waits for the first code, and the device."""
    form = (await cabinet.read(PATH)).form(PATH)
    page = (await cabinet.client.post(PATH, data=form.fields | {"password": PASSWORD})).text
    assert 'class="qr"' in page
    assert "otpauth" not in page, "the drawing alone has the address"
    return PageText(page).form(f"{PATH}/confirm"), Device(shown_secret(page))


@pytest.mark.parametrize("reason", ["expired", "another user's", "forged", "set already"])
async def test_a_stale_set_up_begins_again(
    anna: Cabinet, enter: Enter, site: Site, moment: Any, context: Context, reason: str
) -> None:
    form, device = await begin(anna)
    sender, token = anna, form.fields["form_token"]
    if reason == "expired":
        moment.shift(second_factor.SETUP_LIFETIME + 1)
    elif reason == "another user's":
        sender = await enter("agent", site.agency.id)
        token = (await sender.read(PATH)).form(PATH).fields["form_token"]
    elif reason == "forged":
        # Not the last character: a part of it may encode nothing.
        *kept, last, end = form.fields["state"]
        form.fields["state"] = "".join((*kept, "A" if last != "A" else "B", end))
    else:
        await set_up(anna)
        moment.shift(STEP)
    sent = form.fields | {"code": device.code(), "form_token": token}
    answer = await sender.client.post(form.action, data=sent)
    assert answer.status_code == 422
    assert "Настройка устарела" in answer.text
    assert len(await context.database.rows("SELECT id FROM users WHERE factor_secret IS NOT NULL")) == (
        reason == "set already"
    )


async def test_a_wrong_first_code_keeps_the_drawing(anna: Cabinet) -> None:
    form, device = await begin(anna)
    wrong = await anna.client.post(form.action, data=form.fields | {"code": "000000"})
    assert wrong.status_code == 422
    assert shown_secret(wrong.text) == device.secret
    again = PageText(wrong.text).form(form.action)
    assert (await anna.client.post(again.action, data=again.fields | {"code": device.code()})).status_code == 200


async def test_new_recovery_codes_replace_the_old_ones(
    anna: Cabinet, new_browser: Browser, context: Context, moment: Any
) -> None:
    device, old = await set_up(anna)
    moment.shift(STEP)
    answer = await anna.send(PATH, f"{PATH}/change", password=PASSWORD, code=device.code(), do="codes")
    assert answer.status_code == 200
    laptop = new_browser()
    await first_step(laptop)
    assert (await send_code(laptop, old[0])).status_code == 403
    assert [entry["kind"] for entry in await entries(context.database, "recovery_codes_made")] == [
        "recovery_codes_made"
    ]


# --- a lost device -------------------------------------------------------------------------------------------------


async def test_an_administrator_takes_the_factor_of_a_colleague(
    anna: Cabinet, device: Device, enter: Enter, site: Site, context: Context, mail_sink: Any, new_browser: Browser
) -> None:
    admin = await enter("admin", site.agency.id)
    user = existing(await context.database.row("SELECT id FROM users WHERE email = :email", email=EMAIL))
    page = f"/cabinet/organisation/people/{user['id']}"
    assert "Второй фактор включён" in (await admin.read(page)).text
    assert (await admin.send(page, f"{page}/factor", password="a guess")).status_code == 422
    assert (await is_signed_in(anna), await entries(context.database, "factor_reset")) == (True, [])
    answer = await admin.send(page, f"{page}/factor", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?done=factor")
    assert not await is_signed_in(anna)
    laptop = new_browser()
    assert (await laptop.sign_in(EMAIL, PASSWORD)).headers["location"] == "/cabinet/"
    (entry,) = await entries(context.database, "factor_reset")
    assert (entry["role"], entry["subject"]) == ("admin", user["id"])
    assert await context.database.rows("SELECT * FROM recovery_codes") == []
    await account_letters.send_due(context, second_factor.LETTERS)
    assert len(mail_sink.to(EMAIL)) == 1
    assert await account_letters.send_due(context, second_factor.LETTERS), "none is due"
    token = (await admin.read(page)).forms[0].fields["form_token"]
    again = await admin.client.post(f"{page}/factor", data={"form_token": token, "password": PASSWORD})
    assert again.status_code == 422
    assert "нет второго фактора" in again.text


async def test_administrators_cannot_take_their_own(enter: Enter, site: Site, context: Context, moment: Any) -> None:
    admin = await enter("admin", site.agency.id)
    await set_up(admin)
    user = existing(await context.database.row("SELECT id FROM users"))
    page = f"/cabinet/organisation/people/{user['id']}"
    token = (await admin.read(page)).forms[0].fields["form_token"]
    answer = await admin.client.post(f"{page}/factor", data={"form_token": token})
    assert answer.status_code == 422
    (await admin.read(PATH)).form(f"{PATH}/change")  # fails where there is none


def test_the_command_line_takes_it(cli: Callable[..., Any]) -> None:
    agency = cli("agency", "add", "--name", "A", "--email", "a@b.test", "--json")["agency"]
    cli("user", "add", "--email", EMAIL, "--agency", agency, "--role", "admin", "--json")
    assert not cli("user", "list", "--json")[0]["second_factor"]
    assert cli("agency", "set", agency, "--factor-roles", "admin,head", "--json")["factor_roles"] == ["admin", "head"]


# --- an agency that demands it -------------------------------------------------------------------------------------


async def test_an_agency_demands_it_by_role(
    enter: Enter, site: Site, context: Context, moment: Any, new_browser: Browser
) -> None:
    admin, agent = await enter("admin", site.agency.id), await enter("agent", site.agency.id, EMAIL)
    answer = await admin.send(
        "/cabinet/organisation/people", "/cabinet/organisation/factor", factor_agent="yes", factor_root="yes"
    )
    assert answer.status_code == 303
    (changed,) = await entries(context.database, "agency_changed")
    assert changed["details"] == {"columns": ["factor_roles"]}
    assert await is_signed_in(admin)
    for path in ("/cabinet/problems", "/cabinet/account", "/cabinet/problems.csv", "/cabinet/sites"):
        refused = await agent.client.get(path)
        assert (refused.status_code, refused.headers["location"]) == (303, f"{PATH}?next={path}")
    for polled in ("/cabinet/version", "/cabinet/notices?after=", "/cabinet/analytics/version"):
        assert (await agent.client.get(polled)).status_code == 401
    page = await agent.read(f"{PATH}?next=/cabinet/problems")
    assert "Ваше ведомство просит" in page.text
    assert "/cabinet/sites" not in page.links
    await set_up(agent)
    assert await is_signed_in(agent)
    newcomer = new_browser()
    await accounts.add_user(
        context.database, email="new@gorod.test", role="agent", agency_id=site.agency.id, password=PASSWORD
    )
    assert (await newcomer.sign_in("new@gorod.test", PASSWORD)).status_code == 303
    assert not await is_signed_in(newcomer)
    assert (await newcomer.send(PATH, "/cabinet/sign-out")).status_code == 303
    # Roles without an agency cannot be named.
    with pytest.raises(Exception, match="invalid"):
        await changes.update_agency(context.database, site.agency.id, {"factor_roles": ["operator"]})


async def test_what_was_written_when_it_was_demanded_is_kept(
    enter: Enter, site: Site, context: Context, receipt: Any, moment: Any
) -> None:
    agent, path = await enter("agent", site.agency.id), f"/cabinet/problems/{receipt.problem_id}"
    form = (await agent.read(path)).form(path)
    await changes.update_agency(context.database, site.agency.id, {"factor_roles": ["agent"]})
    answer = await agent.client.post(path, data=form.fields | {"to": "answered", "text": "Засыпали яму щебнем"})
    assert answer.status_code == 303
    assert "unsent=" in answer.headers["location"]
    led = await agent.client.get(answer.headers["location"])
    assert led.headers["location"].startswith(f"{PATH}?next={path}")
    await set_up(agent)
    assert "Засыпали яму щебнем" in (await agent.client.get(answer.headers["location"])).text


# --- keys and backups ----------------------------------------------------------------------------------------------


def test_rotated_keys_go_on_to_decrypt() -> None:
    old, new = "a" * 32, "b" * 32
    stored = encryption.encrypt((old,), "factor/1", "SECRET")
    assert encryption.decrypt((new, old), "factor/1", stored) == "SECRET"
    assert encryption.decrypt((new,), "factor/1", stored) is None
    renewed = existing(encryption.renew((new, old), "factor/1", stored))
    assert encryption.decrypt((new,), "factor/1", renewed) == "SECRET"
    assert encryption.renew((new, old), "factor/1", renewed) is None
    assert encryption.renew((new,), "factor/1", stored) is None
    assert encryption.decrypt((new,), "factor/1", "not a token") is None


async def test_the_purge_encrypts_with_the_newest_key(context: Context, device: Device, settings: Settings) -> None:
    keys = ("another key, of thirty-two letters", *settings.secret_keys)
    counts = await retention.purge(context.database, context.storage, keys)
    assert counts["encrypted_again"] == 1
    user = existing(await context.database.row("SELECT id, factor_secret FROM users"))
    assert encryption.decrypt(keys[:1], f"factor/{user['id']}", user["factor_secret"]) == device.secret
    assert (await retention.purge(context.database, context.storage, keys))["encrypted_again"] == 0


@ONE_DATABASE
async def test_a_restored_backup_revives_no_code(
    anna: Cabinet, context: Context, settings: Settings, tmp_path: Any, new_browser: Browser, moment: Any
) -> None:
    _, codes = await set_up(anna)
    moment.shift(60)
    revision = existing(await schema.current_revision(context.database))
    await backup.write_backup(settings, tmp_path / "copy.zip", revision)
    moment.shift(60)
    laptop = new_browser()
    await first_step(laptop)
    assert (await send_code(laptop, codes[0])).status_code == 303
    await backup.restore_backup(settings, tmp_path / "copy.zip", revision)
    await first_step(laptop)
    assert (await send_code(laptop, codes[0])).status_code == 403
    assert (await send_code(laptop, codes[1])).status_code == 303

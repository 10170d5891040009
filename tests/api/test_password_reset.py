"""Password reset: a letter with a link that is valid once, for half an hour, and reveals nothing to strangers."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx2
import pytest
import time_machine

from tests.conftest import ONE_DATABASE, WITHOUT_MAIL_SERVER, Client
from tests.support.cabinet import PASSWORD, Cabinet, Enter, PageText
from tests.support.mail import Letter, MailSink
from tests.support.processes import Service
from widget_api import clock
from widget_api.context import Context
from widget_api.mail import outbox as account_letters
from widget_api.people import accounts, password_reset
from widget_api.sites import changes
from widget_api.sites.model import Site
from widget_api.web import brute_force

EMAIL = "anna@gorod.test"
CHOSEN = "тихая река у старой мельницы"
pytestmark = pytest.mark.settings(work="off")


async def ask(client: Client, email: str = EMAIL) -> httpx2.Response:
    form = PageText((await client.get("/cabinet/forgot")).text).form("/cabinet/forgot")
    return await client.post("/cabinet/forgot", data=form.fields | {"email": email})


async def letters(context: Context, sink: MailSink, address: str = EMAIL) -> list[Letter]:
    """All letters to an address, after the worker has sent what is due."""
    while not await account_letters.send_due(context, password_reset.LETTERS):
        pass
    return sink.to(address)


async def link(client: Client, context: Context, sink: MailSink) -> str:
    await ask(client)
    (address,) = (await letters(context, sink))[-1].links
    return address


async def choose(client: Client, address: str, password: str = CHOSEN) -> httpx2.Response:
    form = PageText((await client.get(address)).text).forms[0]
    return await client.post(address, data=form.fields | {"password": password})


async def test_a_reset_sets_a_new_password_and_ends_all_sessions(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink
) -> None:
    anna = await enter("agent", site.agency.id, EMAIL)
    assert "/cabinet/forgot" in PageText((await client.get("/cabinet/sign-in")).text).links
    answer = await ask(client, " Anna@Gorod.test ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/forgot?asked=1")
    (letter,) = await letters(context, mail_sink)
    (address,) = letter.links
    assert letter.subject == "Новый пароль для кабинета"
    assert address.startswith("https://widget.test/cabinet/reset/")
    assert address in (letter.html or "")
    assert "полчаса" in letter.text
    answer = await choose(client, address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/sign-in?reset=1")
    assert "Пароль изменён" in (await client.get("/cabinet/sign-in?reset=1")).text
    assert (await anna.client.get("/cabinet/")).status_code == 303
    assert (await Cabinet(client).sign_in(EMAIL, PASSWORD)).status_code == 403
    assert (await Cabinet(client).sign_in(EMAIL, CHOSEN)).status_code == 303


async def test_opening_the_link_does_not_use_it_up_but_setting_a_password_does(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink
) -> None:
    await enter("agent", site.agency.id, EMAIL)
    first = await link(client, context, mail_sink)
    second = await link(client, context, mail_sink)
    for _ in range(3):  # mail scanners follow links
        for method in ("GET", "HEAD"):
            answer = await client.request(method, second)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    short = await choose(client, second, "short")
    assert short.status_code == 422
    assert "не меньше 12 знаков" in short.text
    assert (await choose(client, second)).status_code == 303
    for used in (first, second):
        answer = await client.post(used, data={"password": "another long password"})
        assert answer.status_code == 404
        assert {"/cabinet/forgot", "/cabinet/sign-in"} < set(PageText(answer.text).links)
    assert (await Cabinet(client).sign_in(EMAIL, CHOSEN)).status_code == 303


async def test_a_link_ends_by_expiry_sign_in_and_account_changes(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink
) -> None:
    anna = await enter("agent", site.agency.id, EMAIL)
    with time_machine.travel(clock.now() + 60, tick=False) as moment:
        address = await link(client, context, mail_sink)
        moment.shift(30 * 60)
        assert (await client.get(address)).status_code == 200
        moment.shift(1)
        assert (await client.get(address)).status_code == 404
        address = await link(client, context, mail_sink)
        anna.client.cookies.clear()
        await anna.sign_in(EMAIL, PASSWORD)  # the user remembered the password
        assert (await client.get(address)).status_code == 404
        address = await link(client, context, mail_sink)
        await accounts.disable_user(context.database, EMAIL)
        assert (await client.get(address)).status_code == 404
        await accounts.enable_user(context.database, EMAIL)
        assert (await client.get(address)).status_code == 404, "what was asked for before opens nothing after"
        forged = [address[:-3] + "abc", "/cabinet/reset/x", f"/cabinet/reset/{'a' * 5000}", "/cabinet/reset/%00"]
        assert [(await client.get(one)).status_code for one in forged] == [404] * 4


@pytest.mark.parametrize("act", ["disabled", "changed", "given another password"])
async def test_changes_by_the_operator_invalidate_earlier_links(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink, act: str
) -> None:
    await enter("agent", site.agency.id, EMAIL)
    sent = await link(client, context, mail_sink)
    await ask(client)  # not sent yet
    if act == "disabled":
        await accounts.disable_user(context.database, EMAIL)
        await accounts.enable_user(context.database, EMAIL)
    elif act == "changed":
        await accounts.update_user(context.database, EMAIL, {"name": "Анна"})
    else:
        await accounts.reset_password(context.database, EMAIL)
    assert (await client.get(sent)).status_code == 404
    assert len(await letters(context, mail_sink)) == 1
    assert (await client.get(await link(client, context, mail_sink))).status_code == 200, "a new one opens"


async def test_nobody_of_a_disabled_agency_sets_a_password(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink
) -> None:
    await enter("agent", site.agency.id, EMAIL)
    sent = await link(client, context, mail_sink)
    await ask(client)  # not sent yet
    await changes.disable_agency(context.database, site.agency.id)
    assert (await client.get(sent)).status_code == 404
    await ask(client)
    assert len(await letters(context, mail_sink)) == 1, "neither the one that was due, nor another"
    await changes.disable_agency(context.database, site.agency.id, disabled=False)
    assert (await client.get(sent)).status_code == 404, "what was asked for before opens nothing after"
    assert (await client.get(await link(client, context, mail_sink))).status_code == 200
    await context.database.write(lambda tx: tx.run("UPDATE agencies SET disabled_at = 1"))  # since the link was sent
    assert (await client.get(mail_sink.to(EMAIL)[-1].links[0])).status_code == 404


async def test_the_answer_does_not_reveal_whether_an_account_exists(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brute_force, "TIMING_STEP", 0.25)  # the step of the tests is shorter than the work
    await enter("agent", site.agency.id, EMAIL)
    await enter("agent", site.agency.id, "left@gorod.test")
    await accounts.disable_user(context.database, "left@gorod.test")
    answers = {}
    for email in (EMAIL, "left@gorod.test", "nobody@gorod.test", "", "not an address", "x" * 5000):
        started = time.monotonic()
        answer = await client.post("/cabinet/forgot", data={"email": email})
        assert time.monotonic() - started >= brute_force.TIMING_STEP
        answers[email] = (answer.status_code, answer.text, sorted(set(answer.headers) - {"date"}))
        assert answer.headers["location"] == "/cabinet/forgot?asked=1"
    assert len(set(map(str, answers.values()))) == 1
    assert len(await letters(context, mail_sink)) == 1
    assert await letters(context, mail_sink, "left@gorod.test") == []
    assert len(mail_sink.letters) == 1


async def test_resets_are_limited_by_address_and_by_account(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brute_force, "TIMING_STEP", 0.001)
    await enter("agent", site.agency.id, EMAIL)
    statuses = [(await ask(client, "nobody@gorod.test")).status_code for _ in range(7)]
    assert statuses == [303] * 6 + [429]
    assert "не больше 5 писем" in (await client.get("/cabinet/forgot?asked=1")).text
    monkeypatch.setitem(context.limits._rates, "password_resets", ())
    with time_machine.travel(clock.now() + 60, tick=False) as moment:
        for _ in range(account_letters.MAX_LETTERS_PER_DAY + 3):
            assert (await ask(client)).status_code == 303
            await letters(context, mail_sink)
        assert len(mail_sink.to(EMAIL)) == account_letters.MAX_LETTERS_PER_DAY
        moment.shift(86_401)
        await ask(client)
        assert len(await letters(context, mail_sink)) == account_letters.MAX_LETTERS_PER_DAY + 1


async def test_reset_letters_are_retried_until_they_expire(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink
) -> None:
    await enter("agent", site.agency.id, EMAIL)
    await ask(client)
    mail_sink.stop()
    with time_machine.travel(clock.now() + 5, tick=False) as moment:
        await account_letters.send_due(context, password_reset.LETTERS)
        assert await account_letters.send_due(context, password_reset.LETTERS), "none is due"
        moment.shift(account_letters.RETRY_DELAY)
        mail_sink.start()
        assert len(await letters(context, mail_sink)) == 1
        await ask(client)
        moment.shift(password_reset.LINK_LIFETIME + 1)
        assert len(await letters(context, mail_sink)) == 1  # the link has expired
        assert await context.database.rows("SELECT * FROM letters") == []


@ONE_DATABASE
@WITHOUT_MAIL_SERVER
async def test_without_a_mail_server_no_reset_is_offered(client: Client) -> None:
    assert "/cabinet/forgot" not in (await client.get("/cabinet/sign-in")).text
    page = PageText((await client.get("/cabinet/forgot")).text)
    assert page.forms == []
    assert "выдаёт оператор сервиса" in page.text


def test_the_service_sends_the_letter_by_itself(serve: Callable[..., Service], mail_sink: MailSink) -> None:
    running = serve(smtp_url=mail_sink.url)
    running.cli("user", "add", "--email", EMAIL, "--role", "operator", "--language", "en")
    with httpx2.Client(base_url=running.url) as client:
        assert client.post("/cabinet/forgot", data={"email": EMAIL}).status_code == 303
        (letter,) = mail_sink.wait(EMAIL)
        assert letter.subject == "New password for the cabinet"
        (address,) = letter.links
        assert client.post(address, data={"password": CHOSEN}).status_code == 303
        assert client.post("/cabinet/sign-in", data={"email": EMAIL, "password": CHOSEN}).status_code == 303
    token = address.rpartition("/")[2]
    assert token not in running.log

"""An agency's administrators invite colleagues and change their accounts; nobody else can see or do this."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest
import time_machine
from limits import parse_many

from tests.conftest import ONE_DATABASE, WITHOUT_MAIL_SERVER, Client
from tests.factories import AGENT, existing, make_site, submit_report
from tests.support.cabinet import PASSWORD, Cabinet, Enter, PageText
from tests.support.journal import read_journal
from tests.support.mail import Letter, MailSink
from tests.support.processes import CommandFailed, Service
from tests.support.second_factor import set_up
from widget_api import clock
from widget_api.context import Context
from widget_api.errors import Invalid
from widget_api.mail import outbox as account_letters
from widget_api.ops import retention
from widget_api.people import accounts, invitations
from widget_api.problems import assignment, lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites.model import Site

PEOPLE = "/cabinet/organisation/people"
EMAIL = "anna@gorod.test"
NAME, POST = "Анна Ильина", "Ведущий специалист"
CHOSEN = "тихая река у старой мельницы"
GONE, ACCEPTED, EXPIRED = "Ссылка больше не действует", "Приглашение уже принято", "Срок приглашения истёк"
pytestmark = pytest.mark.settings(work="off")


async def letters(context: Context, sink: MailSink, address: str = EMAIL) -> list[Letter]:
    """All letters to an address, after the worker has sent what is due."""
    while not await account_letters.send_due(context, invitations.LETTERS):
        pass
    return sink.to(address)


async def invite(admin: Cabinet, email: str = EMAIL, **fields: str) -> httpx2.Response:
    return await admin.send(PEOPLE, PEOPLE, **({"email": email, "name": NAME, "post": POST, "role": "agent"} | fields))


async def link(context: Context, sink: MailSink) -> str:
    (address,) = (await letters(context, sink))[-1].links
    return address


async def press(admin: Cabinet, action: str) -> httpx2.Response:
    """Resend or withdraw the only invitation on the page."""
    page = await admin.read(PEOPLE)
    (path,) = [form.action for form in page.forms if form.action.endswith(f"/{action}")]
    return await admin.send(PEOPLE, path)


async def entries(context: Context) -> list[dict[str, Any]]:
    return list(reversed(await read_journal(context.database)))


async def test_an_invitation_can_be_used_once(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink
) -> None:
    admin = await enter("admin", site.agency.id, "boss@gorod.test")
    assert (await invite(admin, " Anna@Gorod.test ")).headers["location"] == f"{PEOPLE}?done=invited#invited"
    (letter,) = await letters(context, mail_sink)
    (address,) = letter.links
    assert letter.subject == "Приглашение в кабинет"
    assert "Ваша роль: сотрудник" in letter.text
    assert address in (letter.html or "")
    token = address.rpartition("/")[2]
    stored = await context.database.rows("SELECT * FROM invitations")
    assert token not in str([dict(row) for row in stored])
    assert NAME in (await admin.read(PEOPLE)).text

    for method in ("GET", "HEAD", "GET"):  # mail scanners follow links
        answer = await client.request(method, address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    short = await client.post(address, data={"password": "short"})
    assert short.status_code == 422
    assert "не меньше 12 знаков" in short.text
    assert (await client.post(address, data={"password": EMAIL})).status_code == 422
    answer = await client.post(address, data={"password": CHOSEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/")
    assert EMAIL in (await client.get("/cabinet/")).text
    account = (await Cabinet(client).read("/cabinet/account")).text
    assert (NAME in account, POST in account, "сотрудник" in account) == (True, True, True)

    client.cookies.clear()
    for again in (await client.get(address), await client.post(address, data={"password": CHOSEN + "!"})):
        assert again.status_code == 404
        assert ACCEPTED in again.text
        assert {"/cabinet/sign-in", "/cabinet/forgot"} <= set(PageText(again.text).links)
    assert (await Cabinet(client).sign_in(EMAIL, CHOSEN)).status_code == 303
    page = await admin.read(PEOPLE)
    assert "Приглашены" not in page.text
    user = existing(await context.database.row("SELECT id FROM users WHERE email = :email", email=EMAIL))
    assert f"{PEOPLE}/{user['id']}" in page.links
    written = [entry for entry in await entries(context) if entry["kind"].startswith("invit")]
    assert [(entry["kind"], entry["role"], entry["details"]) for entry in written] == [
        ("invited", "admin", {"role": "agent"}),
        ("invitation_accepted", "agent", {"role": "agent"}),
    ]
    assert written[-1]["subject"] == user["id"]


async def test_an_invitation_used_twice_at_once_creates_one_account(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink
) -> None:
    await invite(await enter("admin", site.agency.id))
    address = await link(context, mail_sink)
    both = await asyncio.gather(*(client.post(address, data={"password": CHOSEN}) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [303, 404]
    assert any(ACCEPTED in answer.text for answer in both)
    assert len(await context.database.rows("SELECT id FROM users WHERE email = :email", email=EMAIL)) == 1


@ONE_DATABASE
async def test_invitations_of_one_administrator_are_limited(admin: Cabinet, context: Context) -> None:
    context.limits._rates["invitations"] = tuple(parse_many("1/hour"))
    assert [(await invite(admin, f"{number}@gorod.test")).status_code for number in (1, 2)] == [303, 422]


async def test_a_link_ends_by_expiry_resending_or_withdrawal(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink
) -> None:
    admin = await enter("admin", site.agency.id)
    days = invitations.LIFETIME_DAYS * 86_400

    async def says(address: str) -> tuple[int, str]:
        answers = [await client.get(address), await client.post(address, data={"password": "short"})]
        title = PageText(answers[0].text).text
        return answers[0].status_code, next((one for one in (GONE, ACCEPTED, EXPIRED) if one in title), "")

    with time_machine.travel(clock.now() + 60, tick=False) as moment:
        await invite(admin)
        first = await link(context, mail_sink)
        moment.shift(days - 1)
        admin = await enter("admin", site.agency.id, "second@gorod.test")  # sessions end after a day's work
        assert await says(first) == (200, "")
        moment.shift(1)
        assert await says(first) == (404, EXPIRED)
        assert (await client.post(first, data={"password": CHOSEN})).status_code == 404
        assert "срок истёк" in (await admin.read(PEOPLE)).text
        assert (await press(admin, "send")).headers["location"] == f"{PEOPLE}?done=sent#invited"
        assert await says(first) == (404, GONE)
        second = await link(context, mail_sink)
        assert second != first
        assert (await says(first), await says(second)) == ((404, GONE), (200, ""))
        assert (await press(admin, "withdraw")).status_code == 303
        assert await says(second) == (404, GONE)
        assert (await client.post(second, data={"password": CHOSEN})).status_code == 404
        assert await context.database.rows("SELECT id FROM invitations") == []
        done = [entry for entry in await entries(context) if entry["kind"] not in ("signed_in", "user_added")]
        assert [entry["kind"] for entry in done[-3:]] == ["invited", "invitation_sent_again", "invitation_withdrawn"]
        assert {entry["subject"] for entry in done[-3:]} == {done[-1]["subject"]}
        assert await says("/cabinet/invitation/forged") == (404, GONE)
        assert (await client.get(f"/cabinet/invitation/{'a' * 5000}")).status_code == 404
        assert (await client.get("/cabinet/invitation/%00")).status_code == 404

        await invite(admin)  # withdrawn and expired invitations do not block new ones
        moment.shift(days)
        admin = await enter("admin", site.agency.id, "third@gorod.test")
        assert (await invite(admin)).status_code == 303
        assert len(await context.database.rows("SELECT id FROM invitations")) == 1
        moment.shift(days + invitations.KEPT_DAYS * 86_400 + 1)
        assert (await retention.erase_expired(context.database))["invitations"] == 1


async def test_a_used_address_is_reported_and_input_kept(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink
) -> None:
    admin = await enter("admin", site.agency.id, "boss@gorod.test")
    cases = {"boss@gorod.test": "уже входят", "": "Проверьте адрес"}
    cases |= dict.fromkeys(("no address", "petr@gmail"), "Проверьте адрес")
    await invite(admin, "open@gorod.test")
    cases["Open@gorod.test"] = "уже отправлено приглашение"
    for email, sentence in cases.items():
        answer = await invite(admin, email, role="head")
        assert answer.status_code == 422, email
        page = PageText(answer.text)
        assert sentence in page.text
        assert "#field-email" in page.links
        form = page.form(PEOPLE)
        assert (form.fields["email"], form.fields["name"], form.fields["post"]) == (email.strip(), NAME, POST)
        assert '<option value="head" selected>' in answer.text
    for wrong in ({"role": "operator"}, {"agency": "nowhere"}, {"name": "я" * 201}):
        assert (await invite(admin, "new@gorod.test", **wrong)).status_code == 422, wrong
    assert len(await context.database.rows("SELECT id FROM invitations")) == 1

    await invite(admin)
    address = await link(context, mail_sink)
    await accounts.add_user(context.database, email=EMAIL, role="viewer", agency_id=site.agency.id, password=PASSWORD)
    answer = await client.post(address, data={"password": CHOSEN})  # taken meanwhile
    assert answer.status_code == 404
    assert "Учётная запись уже есть" in answer.text
    row = existing(await context.database.row("SELECT accepted_at FROM invitations WHERE email = :email", email=EMAIL))
    assert row["accepted_at"] is None
    assert (await Cabinet(client).sign_in(EMAIL, PASSWORD)).status_code == 303, "the account is as it was"


async def test_invitation_letters_are_limited_and_retried(
    enter: Enter, site: Site, context: Context, mail_sink: MailSink
) -> None:
    admin = await enter("admin", site.agency.id)
    with time_machine.travel(clock.now() + 5, tick=False) as moment:
        await invite(admin)
        mail_sink.stop()
        await account_letters.send_due(context, invitations.LETTERS)
        assert await account_letters.send_due(context, invitations.LETTERS), "none is due"
        moment.shift(account_letters.RETRY_DELAY)
        mail_sink.start()
        assert len(await letters(context, mail_sink)) == 1
        sent = [await press(admin, "send") for _ in range(account_letters.MAX_LETTERS_PER_DAY)]
        assert [answer.status_code for answer in sent] == [303] * (account_letters.MAX_LETTERS_PER_DAY - 1) + [422]
        assert "уже ушло 5 писем" in sent[-1].text
        assert "#field-invitation" in PageText(sent[-1].text).links
        assert (await invite(admin, EMAIL.replace("@", "+1@"))).status_code == 422, "the same mailbox"


async def test_a_refusal_is_not_shown_while_another_letter_waits(enter: Enter, site: Site, context: Context) -> None:
    async def refuse(letter: account_letters.Letter | None) -> bool:
        letter = existing(letter)
        await context.database.write(lambda tx: account_letters.end(tx, invitations.LETTERS, letter, "refused"))
        return existing(await context.database.row("SELECT failed_at FROM invitations"))["failed_at"] is not None

    admin = await enter("admin", site.agency.id)
    await invite(admin)
    claim = partial(account_letters.claim, kind="invitation", now=clock.now() + 1)
    in_hand = await context.database.write(claim)
    await press(admin, "send")
    assert not await refuse(in_hand)
    assert await refuse(await context.database.write(claim))


async def person(context: Context, email: str) -> str:
    row = existing(await context.database.row("SELECT id FROM users WHERE email = :email", email=email))
    return f"{PEOPLE}/{row['id']}"


async def test_changing_an_account_ends_its_sessions(enter: Enter, site: Site, context: Context) -> None:
    admin, anna = await enter("admin", site.agency.id), await enter("agent", site.agency.id, EMAIL)
    path = await person(context, EMAIL)
    answer = await admin.send(path, path, name=NAME, post=POST, role="head")
    assert answer.headers["location"] == f"{path}?done=changed"
    assert NAME in (await admin.read(PEOPLE)).text
    assert (await anna.client.get("/cabinet/")).status_code == 303
    await anna.sign_in(EMAIL, PASSWORD)
    assert (await admin.send(path, path)).status_code == 303
    assert (await anna.client.get("/cabinet/")).status_code == 200, "nothing was changed"
    wrong = await admin.send(path, path, role="operator", name="Другая")
    assert (wrong.status_code, PageText(wrong.text).form(path).fields["name"]) == (422, "Другая")
    await admin.send(path, f"{path}/access", enabled="no")
    assert (await anna.client.get("/cabinet/")).status_code == 303
    assert (await anna.sign_in(EMAIL, PASSWORD)).status_code == 403
    assert "доступ отключён" in (await admin.read(PEOPLE)).text
    await admin.send(path, f"{path}/access", enabled="yes")
    assert (await anna.sign_in(EMAIL, PASSWORD)).status_code == 303
    written = [entry for entry in await entries(context) if entry["kind"].startswith("user_") and entry["ip"]]
    assert [(entry["kind"], entry["role"], entry["details"]) for entry in written] == [
        ("user_changed", "admin", {"columns": ["name", "post", "role"], "values": ["role:agent:head"]}),
        ("user_disabled", "admin", {}),
        ("user_enabled", "admin", {}),
    ]


async def test_a_disabled_persons_saved_views_are_deleted(enter: Enter, site: Site, context: Context) -> None:
    """The words looked for may be a resident's name or telephone."""
    admin, anna = await enter("admin", site.agency.id), await enter("agent", site.agency.id, EMAIL)
    shown = "/cabinet/problems?q=Ivanova"
    for one in (anna, admin):
        data = (await one.read(shown)).form("/cabinet/views").fields | {"view_name": "Жалобы"}
        assert (await one.client.post("/cabinet/views?q=Ivanova", data=data)).status_code == 303
    left = "SELECT u.email FROM saved_views v JOIN users u ON u.id = v.user_id"
    path = await person(context, EMAIL)
    assert (await admin.send(path, f"{path}/access", enabled="no")).status_code == 303
    assert [row["email"] for row in await context.database.rows(left)] == ["admin-0@gorod.test"]
    restored = {"user_id": path.rpartition("/")[2], "name": "Жалобы", "query": "q=Ivanova"}  # as of a backup
    await context.database.write(lambda tx: tx.insert("saved_views", **restored))
    assert (await retention.erase_expired(context.database))["saved_views"] == 1
    assert [row["email"] for row in await context.database.rows(left)] == ["admin-0@gorod.test"]


async def test_the_last_administrator_and_ones_own_access_stay(enter: Enter, site: Site, context: Context) -> None:
    above = await enter("admin", site.agency.id, "above@gorod.test")
    below = await make_site(context.database, agency={"name": "Район", "parent_id": site.agency.id})
    await enter("admin", below.agency.id, "below@gorod.test")
    own, last = await person(context, "above@gorod.test"), await person(context, "below@gorod.test")
    for path, fields in ((own, {"role": "agent"}), (last, {"role": "agent"})):
        answer = await above.send(path, path, **fields)
        assert answer.status_code == 422
        assert "#field-role" in PageText(answer.text).links
    token = (await above.read(PEOPLE)).form(PEOPLE).fields["form_token"]
    for path, sentence in ((own, "Свою роль и свой доступ"), (last, "последний администратор")):
        data = {"form_token": token, "enabled": "no"}
        answer = await above.client.post(f"{path}/access", data=data)
        assert answer.status_code == 422
        assert sentence in answer.text
    second = await enter("admin", below.agency.id, "second@gorod.test")
    assert (await above.send(last, f"{last}/access", enabled="no")).status_code == 303
    other = await person(context, "second@gorod.test")
    assert (await above.send(other, other, role="viewer")).status_code == 422, "the disabled one counts no longer"
    assert (await second.client.get("/cabinet/")).status_code == 200
    await accounts.disable_user(context.database, "second@gorod.test")  # the operator may


@pytest.mark.parametrize("below", [False, True])
async def test_who_gets_the_reports_of_the_disabled(enter: Enter, site: Site, context: Context, below: bool) -> None:
    """Also those of a person of an agency below: a colleague there gets them."""
    database, admin = context.database, await enter("admin", site.agency.id)
    service = await make_site(database, agency={"name": "Район", "parent_id": site.agency.id}) if below else site
    await enter("agent", service.agency.id, EMAIL)
    for role, email in (("agent", "oleg@gorod.test"), ("viewer", "viewer@gorod.test")):
        await enter(role, service.agency.id, email)
    path, heir, nobody = [await person(context, one) for one in (EMAIL, "oleg@gorod.test", "viewer@gorod.test")]
    anna, oleg, viewer = (one.rpartition("/")[2] for one in (path, heir, nobody))
    problems = [(await submit_report(database, service)).problem_id for _ in range(3)]
    for one in problems:
        await assignment.assign_user(database, AGENT, service.id, one, anna)
    await lifecycle.change(database, AGENT, service.id, problems[0], Change(to="rejected", text="Не наше"))

    async def owners() -> list[str | None]:
        rows = await database.rows("SELECT assigned_user FROM problems ORDER BY number")
        return [row["assigned_user"] for row in rows]

    shown = await admin.read(path)
    assert "Кому перейдут 2 открытых сообщения" in shown.text
    for wrong in ("", viewer, anna, "x"):
        answer = await admin.send(path, f"{path}/access", enabled="no", reports_to=wrong)
        assert answer.status_code == 422
        assert 'href="#field-reports_to"' in answer.text
    assert await owners() == [anna] * 3
    assert (await admin.send(path, f"{path}/access", enabled="no", reports_to=oleg)).status_code == 303
    assert await owners() == [oleg] * 3, "a closed one may be returned"
    (entry,) = await read_journal(database, "user_disabled")
    assert entry["details"] == {"reports": 2}
    with pytest.raises(Invalid):
        await accounts.disable_user(database, "oleg@gorod.test")
    assert (await admin.send(heir, f"{heir}/access", enabled="no", reports_to="nobody")).status_code == 303
    assert await owners() == [None] * 3


async def test_who_was_disabled_from_above_is_enabled_from_above(enter: Enter, site: Site, context: Context) -> None:
    below = await make_site(context.database, agency={"name": "Район", "parent_id": site.agency.id})
    above, admin = await enter("admin", site.agency.id), await enter("admin", below.agency.id)
    await enter("agent", below.agency.id, EMAIL)
    path = await person(context, EMAIL)

    async def switch(by: Cabinet, enabled: str) -> int:
        moment.shift(1)
        token = (await by.read(PEOPLE)).form(PEOPLE).fields["form_token"]
        answer = await by.client.post(f"{path}/access", data={"form_token": token, "enabled": enabled})
        if answer.status_code == 422:
            assert "закрыли не в вашем ведомстве" in answer.text
        return answer.status_code

    with time_machine.travel(clock.now() + 5, tick=False) as moment:
        for disable in (above, None):
            await accounts.disable_user(context.database, EMAIL) if disable is None else await switch(above, "no")
            assert await switch(admin, "no") == 303, "which changes nothing"
            assert await switch(admin, "yes") == 422
            if disable is None:
                assert await switch(above, "yes") == 422, "only the operator of the service"
                await accounts.enable_user(context.database, EMAIL)
            else:
                assert await switch(above, "yes") == 303
        assert [await switch(admin, enabled) for enabled in ("no", "yes")] == [303, 303], "their own"
        assert [await switch(admin, "no"), await switch(above, "yes")] == [303, 303], "and what is below"
        assert [await switch(admin, "no"), await switch(above, "no"), await switch(admin, "yes")] == [303, 303, 422]


@pytest.mark.parametrize("lost", ["access", "role", "agency"])
async def test_invitations_end_with_the_right_of_who_sent_them(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink, lost: str
) -> None:
    """Otherwise an administrator comes back as one by an invitation to another address."""
    boss = await enter("admin", site.agency.id)
    gone = await enter("admin", site.agency.id, "gone@gorod.test")
    await invite(boss, "boss-invites@gorod.test")
    await invite(gone, role="admin", password=PASSWORD)
    address = await link(context, mail_sink)
    await invite(gone, "both@gorod.test")
    both = existing(await context.database.row("SELECT id FROM invitations WHERE email = 'both@gorod.test'"))
    assert (await boss.send(PEOPLE, f"/cabinet/organisation/invitations/{both['id']}/send")).status_code == 303
    path = await person(context, "gone@gorod.test")
    if lost == "agency":
        other = await make_site(context.database, agency={"name": "Другое"})
        await accounts.update_user(context.database, "gone@gorod.test", {"agency_id": other.agency.id})
    elif lost == "role":
        assert (await boss.send(path, path, role="head")).status_code == 303
    else:
        assert (await boss.send(path, f"{path}/access", enabled="no")).status_code == 303
    assert (await client.get(address)).status_code == 404
    assert (await client.post(address, data={"password": CHOSEN})).status_code == 404
    left = await context.database.rows("SELECT email FROM invitations ORDER BY email")
    assert [row["email"] for row in left] == ["boss-invites@gorod.test", "both@gorod.test"]
    by = "command_line" if lost == "agency" else "admin"
    assert [(one["kind"], one["role"]) for one in (await entries(context))[-2:]] == [
        ("invitation_withdrawn", by),
        ("user_disabled" if lost == "access" else "user_changed", by),
    ]


@pytest.mark.parametrize("lost", ["parent", "agency"])
async def test_an_agency_that_is_above_no_more_invites_nobody(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink, lost: str
) -> None:
    """Nor does one that is disabled."""
    below = await make_site(context.database, agency={"name": "Район", "parent_id": site.agency.id})
    await invite(await enter("admin", site.agency.id), role="admin", password=PASSWORD, agency=below.agency.id)
    address = await link(context, mail_sink)
    assert (await client.get(address)).status_code == 200
    if lost == "parent":
        await changes.update_agency(context.database, below.agency.id, {"parent_id": None})
    else:
        await changes.disable_agency(context.database, site.agency.id)
    assert (await client.get(address)).status_code == 404
    assert (await client.post(address, data={"password": CHOSEN})).status_code == 404
    assert await context.database.row("SELECT 1 FROM users WHERE email = :email", email=EMAIL) is None


@pytest.mark.parametrize("late", [False, True])
async def test_invitations_end_with_their_agency(
    enter: Enter, site: Site, client: Client, context: Context, mail_sink: MailSink, late: bool
) -> None:
    database = context.database
    await invite(await enter("admin", site.agency.id))
    sent = await link(context, mail_sink)
    if late:  # the invitation came to be after the agency was disabled
        await database.write(lambda tx: tx.run("UPDATE agencies SET disabled_at = 1"))
    else:
        await changes.disable_agency(database, site.agency.id)
        assert [entry["kind"] for entry in await entries(context)][-2:] == ["invitation_withdrawn", "agency_disabled"]
        assert (await client.get(sent)).status_code == 404
    assert (await client.post(sent, data={"password": CHOSEN})).status_code == 404
    assert await database.row("SELECT 1 FROM users WHERE email = :email", email=EMAIL) is None
    operator, page = await enter("operator", None), f"/cabinet/operator/agencies/{site.agency.id}"
    refused = await operator.send(page, f"{page}/invitations", invitee_email="boss@gorod.test")
    assert (refused.status_code, "Ведомство отключено" in refused.text) == (422, True)
    if not late:
        await changes.disable_agency(database, site.agency.id, disabled=False)
        assert (await client.post(sent, data={"password": CHOSEN})).status_code == 404, "withdrawn is withdrawn"


async def test_an_open_session_alone_makes_nobody_an_administrator(enter: Enter, site: Site, context: Context) -> None:
    """Whoever sits down at it, or stole its cookie, would have the agency for good."""
    admin = await enter("admin", site.agency.id)
    await enter("agent", site.agency.id, "agent@gorod.test")
    await enter("admin", site.agency.id, "former@gorod.test")
    agent, former = await person(context, "agent@gorod.test"), await person(context, "former@gorod.test")
    await admin.send(former, f"{former}/access", enabled="no")
    for page, action, fields in (
        (PEOPLE, PEOPLE, {"email": EMAIL, "role": "admin"}),
        (agent, agent, {"role": "admin"}),
        (former, f"{former}/access", {"enabled": "yes"}),
    ):
        before = await context.database.rows("SELECT email, role, disabled_at FROM users ORDER BY email")
        for guess in ("", "a guess"):
            refused = await admin.send(page, action, **fields, password=guess)
            assert refused.status_code == 422, action
            assert "password" in PageText(refused.text).form(action).fields, "is asked for there"
        assert await context.database.rows("SELECT id FROM invitations") == []
        assert await context.database.rows("SELECT email, role, disabled_at FROM users ORDER BY email") == before
        assert (await admin.send(page, action, **fields, password=PASSWORD)).status_code == 303, action
        await context.database.write(lambda tx: tx.run("DELETE FROM invitations"))
    rows = await context.database.rows("SELECT role FROM users WHERE role = 'admin' AND disabled_at IS NULL")
    assert len(rows) == 3


async def test_power_over_accounts_takes_a_code_besides_a_factor(enter: Enter, site: Site, context: Context) -> None:
    admin, operator = await enter("admin", site.agency.id), await enter("operator", None, "operator@service.test")
    lost = await enter("agent", site.agency.id, "agent@gorod.test")
    await enter("admin", site.agency.id, "former@gorod.test")
    agent, former = await person(context, "agent@gorod.test"), await person(context, "former@gorod.test")
    agency = f"/cabinet/operator/agencies/{site.agency.id}"
    await admin.send(former, f"{former}/access", enabled="no")
    with time_machine.travel(clock.now(), tick=False) as moment:
        devices = {}
        for cabinet in (admin, operator, lost):
            devices[cabinet], _ = await set_up(cabinet)
        for cabinet, page, action, fields in (
            (admin, PEOPLE, PEOPLE, {"email": EMAIL, "role": "admin"}),
            (admin, agent, f"{agent}/factor", {}),
            (admin, agent, agent, {"role": "admin"}),
            (admin, former, f"{former}/access", {"enabled": "yes"}),
            (operator, agency, f"{agency}/invitations", {"invitee_email": "boss@gorod.test"}),
        ):
            moment.shift(30)
            for code in ("", "000000"):
                answer = await cabinet.send(page, action, **fields, password=PASSWORD, code=code)
                assert answer.status_code == 422, (action, code)
            answer = await cabinet.send(page, action, **fields, password=PASSWORD, code=devices[cabinet].code())
            assert answer.status_code == 303, action


async def test_an_absent_user_has_a_deputy(enter: Enter, site: Site, client: Client, context: Context) -> None:
    await enter("agent", site.agency.id, EMAIL)
    await enter("agent", site.agency.id, "oleg@gorod.test")
    await enter("viewer", site.agency.id, "viewer@gorod.test")
    foreign = await make_site(context.database, agency={"name": "Соседи"})
    await enter("agent", foreign.agency.id, "foreign@gorod.test")
    viewer = (await person(context, "viewer@gorod.test")).rpartition("/")[2]
    path, oleg = await person(context, EMAIL), (await person(context, "oleg@gorod.test")).rpartition("/")[2]
    stranger = (await person(context, "foreign@gorod.test")).rpartition("/")[2]
    with time_machine.travel(1_800_000_000, tick=False) as moment:  # 15 January 2027
        admin, anna = await enter("admin", site.agency.id), Cabinet(client)
        await anna.sign_in(EMAIL, PASSWORD)
        for until, stand_in in (
            ("2027-01-14", oleg), ("2028-06-01", oleg), ("soon", oleg), ("", oleg), ("2027-01-20", stranger),
            ("2027-01-20", viewer), ("2027-01-20", path.rpartition("/")[2]),
        ):  # fmt: skip
            answer = await admin.send(path, f"{path}/absence", away_until=until, stand_in=stand_in)
            assert answer.status_code == 422, (until, stand_in)
        offered = (await admin.client.get(path)).text
        assert [f'value="{one}"' in offered for one in (oleg, viewer)] == [True, False]
        answer = await admin.send(path, f"{path}/absence", away_until="2027-01-16", stand_in=oleg)
        assert answer.status_code == 303
        row = existing(
            await context.database.row("SELECT away_until, stand_in FROM users WHERE email = :email", email=EMAIL)
        )
        assert (row["away_until"], row["stand_in"]) == ("2027-01-16", oleg)
        assert (await anna.client.get("/cabinet/")).status_code == 200, "an absence ends no session"
        assert "нет на месте до 16" in (await admin.read(PEOPLE)).text
        shown = (await admin.read("/cabinet/organisation/journal")).text
        assert "отсутствие: не задано → 16 января" in shown
        assert "кто замещает: не задано → oleg@gorod.test" in shown
        moment.shift(2 * 86_400)
        admin = await enter("admin", site.agency.id, "later@gorod.test")
        assert "нет на месте" not in (await admin.read(PEOPLE)).text
        assert (await admin.read(path)).form(f"{path}/absence").fields["away_until"] == ""
        assert (await admin.send(path, f"{path}/absence", away_until="", stand_in="")).status_code == 303


async def test_an_administrator_manages_own_people_and_below(enter: Enter, client: Client, context: Context) -> None:
    """What others get, at every address: test_cabinet_matrix.py."""
    city = await make_site(context.database)
    district = await make_site(context.database, agency={"name": "Район", "parent_id": city.agency.id})
    village = await make_site(context.database, agency={"name": "Посёлок", "parent_id": district.agency.id})
    foreign = await make_site(context.database, agency={"name": "Соседи"})
    admin = await enter("admin", district.agency.id)
    shown = dict[str, tuple[bool, int]]()
    for whose, site in {"parent": city, "own": district, "subordinate": village, "foreign": foreign}.items():
        email = f"{whose}@gorod.test"
        person, _ = await accounts.add_user(context.database, email=email, role="agent", agency_id=site.agency.id)
        status = (await admin.client.get(f"{PEOPLE}/{person}")).status_code
        shown[whose] = (email in (await admin.read(PEOPLE)).text, status)
    assert shown == dict.fromkeys(("own", "subordinate"), (True, 200)) | dict.fromkeys(
        ("parent", "foreign"), (False, 404)
    )
    answer = await admin.send(PEOPLE, PEOPLE, email="x@gorod.test", role="agent", agency=city.agency.id)
    assert answer.status_code == 422, "the agency above is none to invite into"
    assert (await client.get(PEOPLE)).headers["location"].startswith("/cabinet/sign-in?next=")


def test_the_command_makes_invitations_the_service_sends(serve: Callable[..., Service], mail_sink: MailSink) -> None:
    running = serve(smtp_url=mail_sink.url)
    agency = running.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    command = ("user", "invite", "--agency", agency, "--role", "admin", "--language", "en", "--email")
    assert set(running.cli(*command, EMAIL)) == {"invitation"}
    with pytest.raises(CommandFailed, match="An invitation was already sent"):
        running.cli(*command, EMAIL)
    (letter,) = mail_sink.wait(EMAIL)
    assert letter.subject == "Invitation to the cabinet"
    (address,) = letter.links
    with httpx2.Client(base_url=running.url) as client:
        assert client.post(address, data={"password": CHOSEN}).status_code == 303
        assert client.get(PEOPLE).status_code == 200
    assert address.rpartition("/")[2] not in running.log


@ONE_DATABASE
@WITHOUT_MAIL_SERVER
async def test_without_a_mail_server_nobody_is_invited(admin: Cabinet) -> None:
    page = await admin.read(PEOPLE)
    assert "Добавить сотрудника может оператор сервиса" in page.text
    assert [form.action for form in page.forms if form.action == PEOPLE] == []

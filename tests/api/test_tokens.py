"""API keys in the cabinet: issued, used, given another secret, revoked; by administrators of the site's agency."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.test_journal import entries
from tests.conftest import ONE_DATABASE, Client
from tests.factories import existing, make_site
from tests.support.cabinet import PASSWORD, Cabinet, Enter, PageText
from tests.support.second_factor import set_up
from widget_api import clock
from widget_api.context import Context
from widget_api.open311 import service as georeport
from widget_api.open311 import store
from widget_api.sites import changes
from widget_api.sites.model import Site

PATH = "/cabinet/organisation/tokens"
DAY = 86_400
pytestmark = pytest.mark.settings(work="off")


async def issue(admin: Cabinet, site: Site, **changed: str) -> httpx2.Response:
    form = (await admin.read(PATH)).form(PATH)
    sent = {"site": site.id, "scope": "platform", "name": "Портал области", "days": "90", "password": PASSWORD}
    return await admin.client.post(PATH, data=form.fields | sent | changed)


def secret_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    found = existing(re.search(r">(wt_[\w-]{32})<", answer.text))
    return found[1]


async def events(client: Client, site: Site, secret: str) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return (await client.get(f"/api/v1/platform/events?site={site.key}&after=0", headers=headers)).status_code


async def test_a_key_is_shown_once_and_opens_what_its_scope_says(
    admin: Cabinet, site: Site, client: Client, context: Context
) -> None:
    secret = secret_of(await issue(admin, site))
    page = (await admin.client.get(PATH)).text
    assert secret not in page
    assert secret[:7] in page
    assert "Портал области" in page
    assert "ни разу" in page
    assert await events(client, site, secret) == 200
    only_reports = secret_of(await issue(admin, site, scope="georeport"))
    assert await events(client, site, only_reports) == 401
    stored = str([tuple(row) for row in await context.database.rows("SELECT * FROM tokens")])
    assert secret not in stored
    assert [entry["role"] for entry in await entries(context.database, "token_added")] == ["admin", "admin"]


async def test_the_last_use_is_a_day_written_once(
    admin: Cabinet, site: Site, client: Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, writes = secret_of(await issue(admin, site)), list[str]()
    note = store.note_use

    async def counted(tx: Any, token_id: str, day: str) -> None:
        writes.append(day)
        await note(tx, token_id=token_id, day=day)

    monkeypatch.setattr(store, "note_use", counted)
    with time_machine.travel(1_800_000_000, tick=False) as moment:
        for _ in range(3):
            assert await events(client, site, secret) == 200
        assert writes == [clock.rfc3339(clock.now())[:10]]
        moment.shift(DAY)
        assert await events(client, site, secret) == 200
        assert len(writes) == 2
        (row,) = await changes.list_tokens(context.database)
        assert row["last_used_on"] == writes[1]
        await events(client, site, "wt_unknown")
        assert len(writes) == 2


async def test_another_secret_with_an_overlap(admin: Cabinet, site: Site, client: Client, context: Context) -> None:
    """It stays the same token, whose program keeps its own requests and its right to speak."""
    old = secret_of(await issue(admin, site, days="never"))
    (row,) = await changes.list_tokens(context.database)
    action = f"{PATH}/{row['id']}/rotate"
    with time_machine.travel(clock.now(), tick=False) as moment:
        new = secret_of(await admin.send(f"{PATH}?rotate={row['id']}", action, overlap="7", password=PASSWORD))
        assert [await events(client, site, one) for one in (old, new)] == [200, 200]
        senders = [await georeport.find_sender(context.database, one, site.id) for one in (old, new)]
        assert senders[0] == senders[1]
        moment.shift(7 * DAY + 1)
        assert [await events(client, site, one) for one in (old, new)] == [401, 200]
    at_once = secret_of(await admin.send(f"{PATH}?rotate={row['id']}", action, overlap="0", password=PASSWORD))
    assert [await events(client, site, one) for one in (new, at_once)] == [401, 200]
    quarterly = secret_of(await issue(admin, site, days="90"))
    with time_machine.travel(clock.now() + 90 * DAY + 1):
        assert [await events(client, site, one) for one in (quarterly, at_once)] == [401, 200], "it has expired"
    rotated = await entries(context.database, "token_rotated")
    assert [entry["details"] for entry in rotated] == [{"overlap_days": 7}, {"overlap_days": 0}]


async def test_a_revoked_key_opens_nothing_nor_does_its_earlier_secret(
    admin: Cabinet, site: Site, client: Client, context: Context
) -> None:
    old = secret_of(await issue(admin, site))
    (row,) = await changes.list_tokens(context.database)
    action = f"{PATH}/{row['id']}/rotate"
    new = secret_of(await admin.send(f"{PATH}?rotate={row['id']}", action, overlap="30", password=PASSWORD))
    assert (await admin.send(PATH, f"{PATH}/{row['id']}/revoke")).headers["location"] == f"{PATH}?done=revoked"
    assert [await events(client, site, one) for one in (old, new)] == [401, 401]
    (entry,) = await entries(context.database, "token_revoked")
    assert entry["role"] == "admin"
    token = (await admin.read(PATH)).forms[0].fields["form_token"]
    for step in ("rotate", "revoke"):
        again = await admin.client.post(f"{PATH}/{row['id']}/{step}", data={"form_token": token})
        assert again.status_code == 404


async def test_the_page_of_who_is_no_administrator_any_more_names_the_keys_they_know(
    admin: Cabinet, site: Site, enter: Enter, context: Context
) -> None:
    """A key reads contacts of authors, and works on: a program uses it."""
    other = await enter("admin", site.agency.id, "other@gorod.test")
    secret_of(await issue(other, site))
    (row,) = await changes.list_tokens(context.database)
    user = existing(await context.database.row("SELECT id FROM users WHERE email = 'other@gorod.test'"))
    page, known = f"/cabinet/organisation/people/{user['id']}", "Действует 1 ключ API, секрет которого знает"
    assert known not in (await admin.read(page)).text
    assert (await admin.send(page, page, role="agent")).status_code == 303
    assert known in (await admin.read(page)).text
    again = {"overlap": "0", "password": PASSWORD}
    secret_of(await admin.send(f"{PATH}?rotate={row['id']}", f"{PATH}/{row['id']}/rotate", **again))
    assert known not in (await admin.read(page)).text


async def test_nobody_at_an_open_session_issues_a_key(admin: Cabinet, site: Site, context: Context) -> None:
    """It may read the contacts of authors, and works after the session: the password is asked for, and the code."""
    for wrong in ("", "не тот пароль"):
        answer = await issue(admin, site, password=wrong)
        assert answer.status_code == 422
        assert 'id="field-password-error"' in answer.text
        assert PageText(answer.text).form(PATH).fields["name"] == "Портал области", "what was typed stays"
    assert await changes.list_tokens(context.database) == []
    await issue(admin, site)
    (row,) = await changes.list_tokens(context.database)
    page, action = f"{PATH}?rotate={row['id']}", f"{PATH}/{row['id']}/rotate"
    with time_machine.travel(clock.now(), tick=False) as moment:
        device, _ = await set_up(admin)
        moment.shift(30)
        for proof in ({"code": device.code()}, {"password": PASSWORD}, {"password": PASSWORD, "code": "000000"}):
            answer = await admin.send(page, action, overlap="30", **proof)
            assert answer.status_code == 422
            assert '<option value="30" selected' in answer.text
        assert (await changes.list_tokens(context.database))[0]["hint"] == row["hint"]
        secret_of(await admin.send(page, action, password=PASSWORD, code=device.code()))


@ONE_DATABASE
async def test_wrong_fields_issue_nothing(admin: Cabinet, site: Site, context: Context) -> None:
    for changed, field in (
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scope": "admin"}, "scope"),
        ({"days": "99999"}, "days"),
        ({"days": ""}, "days"),
    ):
        answer = await issue(admin, site, **changed)
        assert answer.status_code == 422, changed
        assert f'id="field-{field}-error"' in answer.text
        assert await changes.list_tokens(context.database) == []


async def test_other_agencies_sites_and_tokens_are_unknown(
    admin: Cabinet, context: Context, enter: Enter, site: Site
) -> None:
    other = await make_site(context.database, agency={"name": "Село"}, jurisdiction="selo.test")
    await changes.add_token(context.database, other.id, "platform", name="Чужая программа")
    (row,) = await changes.list_tokens(context.database)
    page = await admin.read(PATH)
    assert "Чужая программа" not in page.text
    assert (await issue(admin, other)).status_code == 422
    token = page.forms[0].fields["form_token"]
    for step in ("rotate", "revoke"):
        answer = await admin.client.post(f"{PATH}/{row['id']}/{step}", data={"form_token": token})
        assert answer.status_code == 404
    head = await enter("head", site.agency.id)
    assert (await head.client.get(PATH)).status_code == 404


def test_the_command_line_rotates(cli: Any) -> None:
    agency = cli("agency", "add", "--name", "A", "--email", "a@b.test", "--json")["agency"]
    site = cli("site", "add", "--name", "S", "--agency", agency, "--origin", "https://s.test", "--json")["site"]
    first = cli("token", "add", "--site", site, "--scope", "platform", "--json")["token"]
    (row,) = cli("token", "list", "--json")
    second = cli("token", "rotate", row["id"], "--overlap", "3", "--json")["token"]
    assert first != second
    (row,) = cli("token", "list", "--json")
    assert row["hint"] == second[:7]
    assert row["earlier_expires_at"] is not None

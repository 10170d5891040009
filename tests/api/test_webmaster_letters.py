"""Letters with the code of a site: what they say, that each leaves once, and how many may."""

from __future__ import annotations

import re

import httpx2
import pytest
import time_machine

from tests.conftest import ONE_DATABASE, Client
from tests.factories import HOST_ORIGIN, PUBLIC_URL, make_site
from tests.support.cabinet import ADMIN, PASSWORD, Cabinet, Enter
from tests.support.journal import read_journal
from tests.support.mail import Letter, MailSink
from widget_api import clock
from widget_api.context import Context
from widget_api.mail import outbox as account_letters
from widget_api.ops import retention
from widget_api.people import webmaster_letters
from widget_api.sites import changes
from widget_api.sites.model import Site

TO = "webmaster@gorod.test"
pytestmark = [pytest.mark.settings(work="off"), pytest.mark.site(name="Сайт города")]


async def ask(cabinet: Cabinet, site: Site, email: str = TO, query: str = "") -> httpx2.Response:
    return await cabinet.send(f"/cabinet/sites/{site.id}/code{query}", f"/cabinet/sites/{site.id}/letter", email=email)


async def sent(context: Context, sink: MailSink, address: str = TO) -> list[Letter]:
    """What has come to an address once nothing is due."""
    while await account_letters.send_due(context, webmaster_letters.LETTERS) == 0:
        pass
    return sink.to(address)


@ONE_DATABASE
async def test_a_letter_has_all_that_a_webmaster_needs(
    client: Client, context: Context, mail_sink: MailSink, admin: Cabinet, site: Site
) -> None:
    answer = await ask(admin, site, " Webmaster@Gorod.test ", "?view=inline&theme=dark&accent=%237a1f5c")
    assert answer.status_code == 303, answer.text
    shown = await admin.read(answer.headers["location"].partition("#")[0])
    assert "Письмо отправлено в очередь" in shown.text
    assert 'view="inline"' in shown.text, "the choices stay"
    assert "ждёт отправки" in shown.text
    (letter,) = await sent(context, mail_sink)
    assert letter.subject == "Код виджета для сайта «Сайт города»"
    for text in (letter.text, (letter.html or "").replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&")):
        assert f'site-key="{site.key}"' in text
        assert 'view="inline" theme="dark"' in text
        assert f"script-src 'self' {PUBLIC_URL}; connect-src 'self' {PUBLIC_URL}" in text
        assert HOST_ORIGIN in text
        assert f"{PUBLIC_URL}/s/{site.key}/install?view=inline&theme=dark&accent=%237a1f5c" in text
    link, check = [one for one in letter.links if "/install" in one]
    checked = await client.get(check.removeprefix(PUBLIC_URL))
    assert (checked.status_code, "Проверка установки" in checked.text) == (200, True), "a webmaster has no account"
    page = await client.get(link.removeprefix(PUBLIC_URL))
    assert "--igw-accent: #7a1f5c" in page.text
    assert "отправлено" in (await admin.read(f"/cabinet/sites/{site.id}/code")).text
    written = [entry for entry in await read_journal(context.database) if entry["kind"] == "site_code_sent"]
    assert [(entry["role"], entry["site_id"]) for entry in written] == [("admin", site.id)]
    assert TO not in str(written)


async def test_a_form_sent_twice_sends_one_letter(
    context: Context, mail_sink: MailSink, admin: Cabinet, site: Site
) -> None:
    with time_machine.travel(clock.now(), tick=False) as moment:
        path = f"/cabinet/sites/{site.id}/letter"
        fields = (await admin.read(f"/cabinet/sites/{site.id}/code")).form(path).fields | {"email": TO}
        answers = [await admin.client.post(path, data=fields) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303]
        assert len(await sent(context, mail_sink)) == 1
        assert (await admin.client.post(path, data=fields)).status_code == 303
        assert len(await sent(context, mail_sink)) == 1
        written = await read_journal(context.database)
        assert [entry["kind"] for entry in written].count("site_code_sent") == 1
        assert (await admin.client.post(path, data=fields | {"options": "theme=dark"})).status_code == 303
        assert len(await sent(context, mail_sink)) == 2, "other code is another letter"
        moment.shift(webmaster_letters.PAUSE)
        assert (await admin.client.post(path, data=fields | {"options": "theme=dark"})).status_code == 303
        assert len(await sent(context, mail_sink)) == 3


@pytest.mark.parametrize("limit", ["address", "site"])
async def test_letters_are_limited(
    context: Context, mail_sink: MailSink, admin: Cabinet, site: Site, limit: str
) -> None:
    most = account_letters.MAX_LETTERS_PER_DAY if limit == "address" else webmaster_letters.MAX_LETTERS_OF_SITE
    with time_machine.travel(clock.now(), tick=False) as moment:
        for number in range(most):
            address = TO if limit == "address" else f"w{number}@gorod.test"
            assert (await ask(admin, site, address)).status_code == 303
            moment.shift(webmaster_letters.PAUSE)
        refused = await ask(admin, site)
        assert refused.status_code == 422
        assert f"уже ушло {most} писем" in refused.text
        assert (await ask(admin, site, TO.replace("@", "+1@"))).status_code == 422, "the same mailbox"
        assert TO in refused.text, "what was typed stays"
        await sent(context, mail_sink)
        assert len(mail_sink.to(TO)) == (1 if limit == "address" else 0), "one waits at a time"
        moment.shift(86_400 - most * webmaster_letters.PAUSE - 1)
        await admin.sign_in(ADMIN, PASSWORD)
        assert (await ask(admin, site)).status_code == 422
        moment.shift(webmaster_letters.PAUSE + 1)
        assert (await ask(admin, site)).status_code == 303


async def test_letters_to_an_address_are_counted_for_each_site(
    context: Context, mail_sink: MailSink, admin: Cabinet, site: Site, enter: Enter
) -> None:
    """Or an agency could keep others from writing to a webmaster."""
    for number in range(account_letters.MAX_LETTERS_PER_DAY):
        assert (await ask(admin, site, query=f"?accent=%2300000{number}")).status_code == 303
    assert (await ask(admin, site, query="?accent=%23000009")).status_code == 422
    other = await make_site(context.database, agency={"name": "Соседи"}, jurisdiction="selo.test")
    assert (await ask(await enter("admin", other.agency.id), other)).status_code == 303


async def test_a_disabled_agency_sends_none(context: Context, mail_sink: MailSink, admin: Cabinet, site: Site) -> None:
    assert (await ask(admin, site)).status_code == 303
    await changes.disable_agency(context.database, site.agency.id)
    assert await sent(context, mail_sink) == []


async def test_an_erased_address_is_erased_here_too(
    context: Context, mail_sink: MailSink, admin: Cabinet, site: Site
) -> None:
    for address in (TO, "other@gorod.test"):
        assert (await ask(admin, site, address)).status_code == 303
    await retention.erase_words(context.database, "Webmaster@gorod.test")
    left = await context.database.rows("SELECT email FROM webmaster_letters")
    assert [row["email"] for row in left] == ["other@gorod.test"]


@ONE_DATABASE
async def test_what_is_no_address_is_refused_and_code_of_another_host_runs_our_release(
    context: Context, mail_sink: MailSink, admin: Cabinet, site: Site, client: Client
) -> None:
    for typed in ("", "webmaster", "a@b@c.test", "a b@gorod.test", "x@gorod.test\r\nBcc: y@z.test"):
        assert (await ask(admin, site, typed)).status_code == 422, typed
        assert await context.database.rows("SELECT id FROM webmaster_letters") == []
    # The host comes from a link that anybody can write.
    assert (await ask(admin, site, query="?host=https%3A%2F%2Fevil.test")).status_code == 303
    (letter,) = await sent(context, mail_sink)
    public = (await client.get(f"/s/{site.key}/install?host=https%3A%2F%2Fevil.test")).text.replace("&#34;", '"')
    for text in (letter.text, public):
        scripts = re.findall(r'https://evil.test/igrajdanin/\S+js"([^\n]*)', text.replace("&quot;", '"'))
        assert scripts
        assert all('integrity="sha384-' in rest for rest in scripts)


@ONE_DATABASE
async def test_a_refused_letter_is_told(context: Context, mail_sink: MailSink, admin: Cabinet, site: Site) -> None:
    with time_machine.travel(clock.now(), tick=False) as moment:
        assert (await ask(admin, site)).status_code == 303
        moment.shift(3 * 86_400)
        assert await sent(context, mail_sink) == []
        rows = await webmaster_letters.list_letters(context.database, site.id)
        assert [(row["waits"], row["failed_at"] is not None) for row in rows] == [(0, True)]
        moment.shift(webmaster_letters.KEPT_DAYS * 86_400)
        assert (await retention.erase_expired(context.database))["webmaster_letters"] == 1

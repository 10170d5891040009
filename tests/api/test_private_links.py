"""The author changes the link to their private page: which links and forms become invalid, and which stay valid."""

from __future__ import annotations

import re

import orjson
import pytest

from tests.api.test_letters import letters
from tests.conftest import Client
from tests.factories import AGENT, EMAIL, existing, submit_report
from tests.support.cabinet import PageText
from tests.support.mail import Letter, MailSink
from widget_api.context import Context
from widget_api.errors import Conflict
from widget_api.mail import links
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact
from widget_api.problems.store import contacts, records
from widget_api.problems.submit import Receipt
from widget_api.residents import my_reports as reports
from widget_api.residents import service as residents
from widget_api.signing import Purpose
from widget_api.sites.model import Site

SUBJECT = "Новая ссылка на сообщение № "
ALL = "Все ваши сообщения"


def path(link: str) -> str:
    return link.removeprefix("https://widget.test")


def named(context: Context, link: str) -> links.LinkTarget:
    """What a private link refers to; the same link is signed anew in every second."""
    found = links.read_link(context, Purpose.TRACK, path(link).removeprefix("/t/"))
    assert found is not None, link
    return found


async def forget_letters(context: Context) -> None:
    """As if the letters had been sent a day ago."""
    await context.database.write(lambda tx: tx.run("DELETE FROM confirmation_letters"))


async def sent(context: Context, sink: MailSink, subject: str) -> list[Letter]:
    """The letters whose subject begins with this; several are sent concurrently."""
    return [letter for letter in await letters(context, sink, EMAIL) if letter.subject.startswith(subject)]


@pytest.fixture
async def confirmed(context: Context, site: Site) -> Receipt:
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await forget_letters(context)
    return receipt


async def change(client: Client, address: str) -> str:
    """Press «Сменить ссылку» on the private page and confirm it. Returns the new path."""
    assert f"{address}/link" in PageText((await client.get(address)).text).links
    form = PageText((await client.get(f"{address}/link")).text).form(f"{address}/link-changed")
    assert form.method == "post"
    answer = await client.post(form.action, data=form.fields)
    assert answer.status_code == 303
    new = path(str(answer.headers["location"])).partition("?")[0]
    assert new != address
    assert "Ссылка сменена" in (await client.get(answer.headers["location"])).text
    return new


async def test_the_old_link_is_invalid_at_once_and_explains_how_to_get_the_new_one(
    client: Client, context: Context, confirmed: Receipt
) -> None:
    old = path(links.track_url(context, confirmed.problem_id))
    new = await change(client, old)
    assert (await client.get(new)).status_code == 200
    forged = await client.get("/t/forged")
    for door in ("", "/erase", "/withdraw", "/link"):
        dead = await client.get(old + door)
        assert dead.status_code == 404
        assert "её сменили" in dead.text
        assert "/track" in PageText(dead.text).links
        strip = re.compile(r"/t/[^\"?]*")
        assert strip.sub("", dead.text) == strip.sub("", forged.text), "whether it ever existed shows nowhere"
    english = await client.get(old, headers={"Accept-Language": "en"})
    assert "was changed" in english.text
    for action in ("erased", "withdrawn", "clarified", "stopped", "link-changed", "reports", "again"):
        assert (await client.post(f"{old}/{action}")).status_code == 404, action
    row = existing(await records.find(context.database, confirmed.problem_id))
    assert (row["erased_at"], row["status"]) == (None, "moderation")
    newest = await change(client, new)
    assert [(await client.get(one)).status_code for one in (old, new, newest)] == [404, 404, 200]


async def test_of_two_changes_of_a_link_one_wins_and_a_button_pressed_twice_is_one(
    client: Client, context: Context, confirmed: Receipt
) -> None:
    """The first answer may be lost: the old path is invalid, so the new one must not be lost with it."""
    old = path(links.track_url(context, confirmed.problem_id))
    form = PageText((await client.get(f"{old}/link")).text).form(f"{old}/link-changed")
    other = PageText((await client.get(f"{old}/link")).text).form(f"{old}/link-changed")
    first = await client.post(form.action, data=form.fields)
    again = await client.post(form.action, data=form.fields)
    addresses = {path(answer.headers["location"]).partition("?")[0] for answer in (first, again)}
    assert len(addresses) == 1
    assert (await client.get(addresses.pop())).status_code == 200
    assert (await client.post(other.action, data=other.fields)).status_code == 404, "another form of the dead page"
    # Both read the report before either writes.
    before = existing(await records.find(context.database, confirmed.problem_id))
    await residents.change_link(context, before, "first")
    with pytest.raises(Conflict):
        await residents.change_link(context, before, "second")
    after = existing(await records.find(context.database, confirmed.problem_id))
    assert after["link_id"] == "first"


async def test_the_new_link_is_mailed_to_a_confirmed_address(
    client: Client, context: Context, confirmed: Receipt, mail_sink: MailSink
) -> None:
    old = path(links.track_url(context, confirmed.problem_id))
    # also sent to authors who unsubscribed: somebody else may have used the old link
    await client.post(f"{old}/stopped")
    assert "отправили её и на вашу почту" in (await client.get(f"{old}?done=link_mailed")).text
    new = await change(client, old)
    (letter,) = await sent(context, mail_sink, SUBJECT)
    assert letter.subject == f"{SUBJECT}{confirmed.number}"
    assert [named(context, link) for link in letter.links] == [named(context, new)]
    assert "не вы" in letter.text
    assert letter.links[0] in str(letter.html)
    for _ in range(5):
        new = await change(client, new)
    assert 1 <= len(await sent(context, mail_sink, SUBJECT)) <= 3, "a mailbox gets a few a day at most"


async def test_without_a_confirmed_address_no_letter_is_sent(
    client: Client, context: Context, site: Site, mail_sink: MailSink
) -> None:
    for email in (EMAIL, None):
        receipt = await submit_report(context.database, site, contact=Contact(email=email))
        await change(client, path(links.track_url(context, receipt.problem_id)))
        assert not await sent(context, mail_sink, SUBJECT), email


async def test_later_letters_and_the_code_use_the_new_link(
    client: Client, context: Context, site: Site, confirmed: Receipt, mail_sink: MailSink
) -> None:
    new = await change(client, path(links.track_url(context, confirmed.problem_id)))
    await letters(context, mail_sink, EMAIL)
    await lifecycle.change(context.database, AGENT, site.id, confirmed.problem_id, Change(to="accepted"))
    (letter,) = await sent(context, mail_sink, "Сообщение №")
    assert named(context, letter.links[0]) == named(context, new)
    coded = await submit_report(context.database, site, contact=Contact())
    address = await change(client, path(links.track_url(context, coded.problem_id)))
    fields = {"site": site.key, "number": str(coded.number), "code": orjson.loads(coded.body)["code"]}
    location = (await client.post("/track", data=fields)).headers["location"]
    assert named(context, location) == named(context, address)


async def test_links_in_earlier_letters_work_but_do_not_lead_to_the_private_page(
    client: Client, context: Context, site: Site, confirmed: Receipt, mail_sink: MailSink
) -> None:
    await submit_report(context.database, site, description="Второе сообщение")
    confirmation = path(links.confirm_url(context, confirmed.problem_id))
    await reports.request_link(context, EMAIL)
    all_of_mine = path((await sent(context, mail_sink, ALL))[-1].links[0])
    old = path(links.track_url(context, confirmed.problem_id))
    (open_it,) = [link for link in PageText((await client.get(confirmation)).text).links if "/t/" in link]
    assert named(context, open_it) == named(context, old)
    assert (await client.get(all_of_mine)).status_code == 200

    new = await change(client, old)
    page = (await client.get(confirmation)).text
    assert "/t/" not in page
    assert "с тех пор сменили" in page
    assert (await client.get(all_of_mine)).status_code == 404, "it would lead to the new link"
    stop = path(links.stop_url(context, confirmed.problem_id))
    assert (await client.post(stop, content=b"List-Unsubscribe=One-Click")).status_code == 200
    contact = existing(await contacts.find(context.database, confirmed.problem_id))
    assert contact["stopped_at"] is not None
    assert "/t/" not in (await client.get(stop)).text

    await forget_letters(context)
    await reports.request_link(context, EMAIL)
    newest = path((await sent(context, mail_sink, ALL))[-1].links[0])
    listed = [named(context, link) for link in PageText((await client.get(newest)).text).links if "/t/" in link]
    assert listed == [named(context, new)]


async def test_an_earlier_letter_still_confirms_the_address(client: Client, context: Context, site: Site) -> None:
    receipt = await submit_report(context.database, site)
    confirmation = path(links.confirm_url(context, receipt.problem_id))
    await change(client, path(links.track_url(context, receipt.problem_id)))
    assert (await client.post(confirmation)).status_code == 303
    contact = existing(await contacts.find(context.database, receipt.problem_id))
    assert contact["confirmed_at"] is not None


async def test_a_link_with_another_version_is_refused(client: Client, context: Context, confirmed: Receipt) -> None:
    number = confirmed.problem_id
    for named in ([number, "1"], [number, None], [number], {"id": number}, [], None, 7, "nobody"):
        for purpose, door in ((Purpose.TRACK, "t"), (Purpose.REPORTS, "mine")):
            assert (await client.get(f"/{door}/{context.signer.sign(purpose, named)}")).status_code == 404, named

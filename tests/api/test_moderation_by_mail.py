"""An agency that never opens the cabinet moderates by mail: a letter lists what waits, a button press decides."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.test_comments import CANARY, TEXT, comments, confirmed_comment
from tests.api.test_letters import letters
from tests.api.test_problems import publish
from tests.conftest import Client
from tests.factories import AGENT, PUBLIC_URL, existing, make_site
from tests.support.mail import MailSink
from tests.support.public_api import Widget
from widget_api import clock
from widget_api.cabinet.moderation_by_mail import MAX_COMMENTS
from widget_api.comments import service as discussion
from widget_api.comments.mail import LETTER_INTERVAL
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.problems import lifecycle
from widget_api.signing import Purpose
from widget_api.sites import changes
from widget_api.sites.model import Site

OFFICE = "mailbox@gorod.test"
pytestmark = pytest.mark.site(discussion="moderated", agency={"mode": "email", "email": OFFICE})


def path_of(link: str) -> str:
    return link.removeprefix(PUBLIC_URL)


async def state(context: Context, comment: Any) -> str:
    row = existing(await context.database.row("SELECT state FROM comments WHERE id = :id", id=comment["id"]))
    return str(row["state"])


async def to_moderators(context: Context, sink: MailSink) -> list[Any]:
    """Letters about comments, once no delivery is due; planned letters stay pending."""
    return [letter for letter in await letters(context, sink, OFFICE) if "комментари" in letter.subject]


async def planned(context: Context) -> list[int]:
    """When pending letters to moderators are due."""
    rows = await context.database.rows(
        "SELECT next_at FROM deliveries WHERE sink LIKE 'moderator:%' AND state = 'pending'"
    )
    return [row["next_at"] for row in rows]


async def an_hour_passes(context: Context) -> None:
    async def work(tx: Transaction) -> None:
        await tx.run("UPDATE deliveries SET next_at = next_at - :pause WHERE state = 'pending'", pause=LETTER_INTERVAL)
        await tx.run("UPDATE confirmation_letters SET at = at - :pause", pause=LETTER_INTERVAL)

    await context.database.write(work)


def leads_to(page: httpx2.Response) -> str | None:
    """The page of the next comment, if this one links to it."""
    assert page.status_code == 200
    found = re.search(rf'href="{PUBLIC_URL}(/moderate/[^"]+)"', page.text)
    return found[1] if found else None


async def waiting_comment(widget: Widget, context: Context, sink: MailSink, site: Site) -> tuple[Any, str]:
    """A comment that waits, and the link of the letter about it."""
    comment = await confirmed_comment(widget, context, await publish(context.database, site))
    (letter,) = [one for one in await letters(context, sink, OFFICE) if "комментари" in one.subject]
    (link,) = letter.links
    return comment, link


async def test_a_letter_lists_waiting_comments_without_their_authors(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    await confirmed_comment(widget, context, number, "Яма <b>и у нас</b>", name="Сосед")
    (letter,) = [one for one in await letters(context, mail_sink, OFFICE) if "комментари" in one.subject]
    assert letter.subject == "1 комментарий ждёт вашего решения"
    for part in (letter.text, letter.html or ""):
        assert "Сосед" in part
        assert f"№ {number}" in part
    assert "Яма <b>и у нас</b>" in letter.text
    assert "Яма &lt;b&gt;и у нас&lt;/b&gt;" in (letter.html or "")
    assert CANARY not in str(letter.message) + letter.text + (letter.html or "")


async def test_opening_the_link_does_nothing_and_the_button_publishes(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    comment, link = await waiting_comment(widget, context, mail_sink, site)
    for method in ("GET", "HEAD", "GET"):  # scanners follow links
        assert (await widget.client.request(method, path_of(link))).status_code == 200
        assert await state(context, comment) == "moderation"
    page = await widget.client.get(path_of(link))
    assert TEXT in page.text
    assert CANARY not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "noindex" in page.headers["x-robots-tag"]
    widget.client.cookies.clear()
    sent = await widget.client.post(path_of(link), data={"verdict": "published"})
    assert sent.status_code == 200
    assert "Комментарий опубликован" in sent.text
    assert await state(context, comment) == "published"
    assert "Комментарий опубликован" in (await widget.client.get(path_of(link))).text
    await letters(context, mail_sink, CANARY)
    assert mail_sink.to(CANARY)[-1].subject.endswith("опубликован")


async def test_a_comment_can_be_declined_and_the_decision_reversed(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    comment, link = await waiting_comment(widget, context, mail_sink, site)
    long = await widget.client.post(path_of(link), data={"verdict": "rejected", "reason": "я" * 501})
    assert long.status_code == 422
    assert "я" * 501 in long.text
    assert await state(context, comment) == "moderation"
    assert (await widget.client.post(path_of(link), data={"verdict": "rejected", "reason": " "})).status_code == 200
    assert await state(context, comment) == "rejected"
    await letters(context, mail_sink, CANARY)
    assert "Модератор не указал причину" in mail_sink.to(CANARY)[-1].text
    assert (await widget.client.post(path_of(link), data={"verdict": "published"})).status_code == 200
    assert await state(context, comment) == "published"
    await widget.client.post(path_of(link), data={"verdict": "rejected", "reason": "Не о том"})
    assert "Не о том" in (await widget.client.get(path_of(link))).text


async def test_many_comments_send_one_letter_an_hour(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    began = clock.now()
    for place in range(MAX_COMMENTS + 3):
        await confirmed_comment(widget, context, number, f"{TEXT} {place}", email=f"{place}-{CANARY}")
    assert len(await to_moderators(context, mail_sink)) == 1
    (leaves_at,) = await planned(context)
    assert began + LETTER_INTERVAL <= leaves_at <= clock.now() + LETTER_INTERVAL
    await an_hour_passes(context)
    _, letter = await to_moderators(context, mail_sink)
    assert letter.subject.startswith(f"{MAX_COMMENTS + 3} комментариев")
    assert len(letter.links) == MAX_COMMENTS
    assert "Ждут ещё 3 комментария" in letter.text
    await confirmed_comment(widget, context, number, "И ещё", email=f"x-{CANARY}")
    assert len(await planned(context)) == 1
    assert len(await to_moderators(context, mail_sink)) == 2


async def test_the_page_links_to_the_next_waiting_comment(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    first = await confirmed_comment(widget, context, number)
    second = await confirmed_comment(widget, context, number, "Второй", email=f"2-{CANARY}")
    (letter,) = await to_moderators(context, mail_sink)
    link = path_of(letter.links[0])
    assert leads_to(await widget.client.get(link)) is None
    following = existing(leads_to(await widget.client.post(link, data={"verdict": "published"})))
    assert "Второй" in (await widget.client.get(following)).text
    last = await widget.client.post(following, data={"verdict": "rejected"})
    assert [await state(context, one) for one in (first, second)] == ["published", "rejected"]
    assert leads_to(last) is None


async def test_links_of_a_letter_show_waiting_comments_until_they_expire(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    _, link = await waiting_comment(widget, context, mail_sink, site)
    link, began = path_of(link), clock.now()
    await widget.client.post(link, data={"verdict": "published"})
    await confirmed_comment(widget, context, await publish(context.database, site), "Потом", email=f"2-{CANARY}")
    assert leads_to(await widget.client.get(link)) is None, "decided long ago, found by somebody"
    month = Purpose.MODERATE.value[1]
    with time_machine.travel(began + month - 60, tick=False):
        following = existing(leads_to(await widget.client.post(link, data={"verdict": "published"})))
        assert "Потом" in (await widget.client.get(following)).text
    with time_machine.travel(began + month + 60, tick=False):
        assert (await widget.client.get(following)).status_code == 404
        assert (await widget.client.post(following, data={"verdict": "published"})).status_code == 404


async def test_no_letter_about_comments_decided_before_it_is_sent(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    for place in range(2):
        await confirmed_comment(widget, context, number, f"{TEXT} {place}", email=f"{place}-{CANARY}")
    assert len(await to_moderators(context, mail_sink)) == 1
    for comment in await comments(context):
        await discussion.decide_comment(context.database, site.id, comment["id"], "published", None)
    await an_hour_passes(context)
    assert len(await to_moderators(context, mail_sink)) == 1
    assert await planned(context) == []


async def test_a_planned_letter_survives_the_erasure_of_its_problem(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    """A comment on another problem relies on it."""
    numbers = [await publish(context.database, site) for _ in range(3)]
    for place, number in enumerate(numbers):
        await confirmed_comment(widget, context, number, f"{TEXT} {place}", email=f"{place}-{CANARY}")
    assert len(await to_moderators(context, mail_sink)) == 1  # about the first one, at once
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=numbers[1]))
    await lifecycle.erase(context.database, AGENT, site.id, row["id"])
    assert len(await planned(context)) == 1
    await an_hour_passes(context)
    _, letter = await to_moderators(context, mail_sink)
    assert f"{TEXT} 2" in letter.text
    assert f"{TEXT} 1" not in letter.text


async def test_agencies_that_moderate_in_the_cabinet_get_no_letter(
    client: Client, context: Context, mail_sink: MailSink
) -> None:
    for options in (
        {"agency": {"mode": "cabinet", "email": OFFICE}},
        {"agency": {"mode": "email", "email": OFFICE}, "moderator": "operator"},
    ):
        site = await make_site(context.database, discussion="moderated", **options)
        await confirmed_comment(Widget(client, site), context, await publish(context.database, site))
        assert await to_moderators(context, mail_sink) == []
        assert await planned(context) == []


@pytest.mark.parametrize("how", ["forged", "mailbox", "mode", "moderator", "discussion", "withdrawn", "hidden"])
async def test_links_expire(widget: Widget, context: Context, site: Site, mail_sink: MailSink, how: str) -> None:
    comment, link = await waiting_comment(widget, context, mail_sink, site)
    path, status = path_of(link), 404

    async def work(tx: Transaction) -> None:
        if how == "mailbox":
            await tx.run("UPDATE agencies SET email = 'new@gorod.test'")
        if how == "mode":
            await tx.run("UPDATE agencies SET mode = 'cabinet'")

    await context.database.write(work)
    if how == "forged":
        changed_letter = "a" if path[-10] != "a" else "b"  # the last character has unused bits
        path = path[:-10] + changed_letter + path[-9:]
    if how == "withdrawn":
        await discussion.withdraw_comment(context.database, comment)
    if how == "hidden":
        row = existing(await context.database.row("SELECT id FROM problems"))
        await lifecycle.erase(context.database, AGENT, site.id, row["id"])
    changed = {"moderator": {"moderator": "operator"}, "discussion": {"discussion": "off"}}.get(how, {})
    await changes.update_site(context.database, site.id, changed)
    assert (await widget.client.get(path)).status_code == status
    assert (await widget.client.post(path, data={"verdict": "published"})).status_code == status
    assert [row["state"] for row in await comments(context)] in ([], ["moderation"])


async def test_cross_site_requests_are_refused(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    comment, link = await waiting_comment(widget, context, mail_sink, site)
    for fields, headers in (
        ({"verdict": "published"}, {"Origin": "https://evil.test"}),
        ({"verdict": "unconfirmed"}, {}),
        ({}, {}),
    ):
        assert (await widget.client.post(path_of(link), data=fields, headers=headers)).status_code in (403, 415)
        assert await state(context, comment) == "moderation"


async def test_a_disabled_agency_decides_nothing_and_its_letters_wait(
    widget: Widget, context: Context, site: Site, mail_sink: MailSink, client: Client
) -> None:
    _, link = await waiting_comment(widget, context, mail_sink, site)
    await confirmed_comment(widget, context, await publish(context.database, site))
    assert len(await planned(context)) == 1, "an hour after the first"
    await changes.disable_agency(context.database, site.agency.id)
    await an_hour_passes(context)
    assert len(await to_moderators(context, mail_sink)) == 1
    for method in ("GET", "POST"):
        assert (await client.request(method, path_of(link), data={"verdict": "published"})).status_code == 404
    await changes.disable_agency(context.database, site.agency.id, disabled=False)
    assert len(await to_moderators(context, mail_sink)) == 2
    assert (await client.get(path_of(link))).status_code == 200

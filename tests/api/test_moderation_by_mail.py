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
from tests.factories import AGENT, PUBLIC_URL, existing, make_site, run_statement
from tests.support.mail import Letter, MailSink
from tests.support.public_api import Widget
from widget_api import clock
from widget_api.comments import service as discussion
from widget_api.comments.mail import LETTER_INTERVAL
from widget_api.comments.moderation import MAX_COMMENTS
from widget_api.context import Context
from widget_api.database import Row
from widget_api.problems import lifecycle
from widget_api.signing import Purpose
from widget_api.sites import changes
from widget_api.sites.model import Site

OFFICE = "mailbox@gorod.test"
pytestmark = pytest.mark.site(discussion="moderated", agency={"mode": "email", "email": OFFICE})


def path_of(link: str) -> str:
    return link.removeprefix(PUBLIC_URL)


class Office:
    """The mailbox of an agency that moderates by mail, with a published problem of its site."""

    def __init__(self, widget: Widget, context: Context, sink: MailSink, number: int) -> None:
        self.widget, self.context, self.sink, self.number = widget, context, sink, number
        self.client, self.site, self.database = widget.client, widget.site, context.database

    async def publish(self) -> int:
        return await publish(self.database, self.site)

    async def comment(self, text: str = TEXT, number: int | None = None, **changes: Any) -> Row:
        """A comment that its author confirmed."""
        return await confirmed_comment(self.widget, self.context, number or self.number, text, **changes)

    async def state(self, comment: Row) -> str:
        row = existing(await self.database.row("SELECT state FROM comments WHERE id = :id", id=comment["id"]))
        return str(row["state"])

    async def letters(self) -> list[Letter]:
        """Letters about comments, once no delivery is due; planned letters stay pending."""
        return [letter for letter in await letters(self.context, self.sink, OFFICE) if "комментари" in letter.subject]

    async def waiting(self) -> tuple[Row, str]:
        """A comment that waits, and the link of the letter about it."""
        comment = await self.comment()
        (letter,) = await self.letters()
        (link,) = letter.links
        return comment, path_of(link)

    async def planned(self) -> list[int]:
        """When pending letters to moderators are due."""
        due = "SELECT next_at FROM deliveries WHERE sink LIKE 'moderator:%' AND state = 'pending'"
        return [row["next_at"] for row in await self.database.rows(due)]

    async def an_hour_passes(self) -> None:
        earlier = "UPDATE deliveries SET next_at = next_at - :pause WHERE state = 'pending'"
        await run_statement(self.database, earlier, pause=LETTER_INTERVAL)
        await run_statement(self.database, "UPDATE confirmation_letters SET at = at - :pause", pause=LETTER_INTERVAL)


@pytest.fixture
async def office(widget: Widget, context: Context, site: Site, mail_sink: MailSink) -> Office:
    return Office(widget, context, mail_sink, await publish(context.database, site))


def leads_to(page: httpx2.Response) -> str | None:
    """The page of the next comment, if this one links to it."""
    assert page.status_code == 200
    found = re.search(rf'href="{PUBLIC_URL}(/moderate/[^"]+)"', page.text)
    return found[1] if found else None


async def test_a_letter_lists_waiting_comments_without_their_authors(office: Office) -> None:
    await office.comment("Яма <b>и у нас</b>", name="Сосед")
    (letter,) = await office.letters()
    assert letter.subject == "1 комментарий ждёт вашего решения"
    for part in (letter.text, letter.html or ""):
        assert "Сосед" in part
        assert f"№ {office.number}" in part
    assert "Яма <b>и у нас</b>" in letter.text
    assert "Яма &lt;b&gt;и у нас&lt;/b&gt;" in (letter.html or "")
    assert CANARY not in str(letter.message) + letter.text + (letter.html or "")


async def test_opening_the_link_does_nothing_and_the_button_publishes(office: Office) -> None:
    comment, link = await office.waiting()
    for method in ("GET", "HEAD", "GET"):  # scanners follow links
        assert (await office.client.request(method, link)).status_code == 200
        assert await office.state(comment) == "moderation"
    page = await office.client.get(link)
    assert TEXT in page.text
    assert CANARY not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "noindex" in page.headers["x-robots-tag"]
    office.client.cookies.clear()
    sent = await office.client.post(link, data={"verdict": "published"})
    assert sent.status_code == 200
    assert "Комментарий опубликован" in sent.text
    assert await office.state(comment) == "published"
    assert "Комментарий опубликован" in (await office.client.get(link)).text
    await letters(office.context, office.sink, CANARY)
    assert office.sink.to(CANARY)[-1].subject.endswith("опубликован")


async def test_a_comment_can_be_declined_and_the_decision_reversed(office: Office) -> None:
    comment, link = await office.waiting()
    long = await office.client.post(link, data={"verdict": "rejected", "reason": "я" * 501})
    assert long.status_code == 422
    assert "я" * 501 in long.text
    assert await office.state(comment) == "moderation"
    assert (await office.client.post(link, data={"verdict": "rejected", "reason": " "})).status_code == 200
    assert await office.state(comment) == "rejected"
    await letters(office.context, office.sink, CANARY)
    assert "Модератор не указал причину" in office.sink.to(CANARY)[-1].text
    assert (await office.client.post(link, data={"verdict": "published"})).status_code == 200
    assert await office.state(comment) == "published"
    await office.client.post(link, data={"verdict": "rejected", "reason": "Не о том"})
    assert "Не о том" in (await office.client.get(link)).text


async def test_many_comments_are_one_letter(office: Office) -> None:
    began = clock.now()
    for place in range(MAX_COMMENTS + 3):
        await office.comment(f"{TEXT} {place}", email=f"{place}-{CANARY}")
    assert len(await office.letters()) == 1
    (leaves_at,) = await office.planned()
    assert began + LETTER_INTERVAL <= leaves_at <= clock.now() + LETTER_INTERVAL
    await office.an_hour_passes()
    _, letter = await office.letters()
    assert letter.subject.startswith(f"{MAX_COMMENTS + 3} комментариев")
    assert len(letter.links) == MAX_COMMENTS
    assert "Ждут ещё 3 комментария" in letter.text
    await office.comment("И ещё", email=f"x-{CANARY}")
    assert len(await office.planned()) == 1
    assert len(await office.letters()) == 2


async def test_the_page_links_to_the_next_waiting_comment(office: Office) -> None:
    first = await office.comment()
    second = await office.comment("Второй", email=f"2-{CANARY}")
    (letter,) = await office.letters()
    link = path_of(letter.links[0])
    assert leads_to(await office.client.get(link)) is None
    following = existing(leads_to(await office.client.post(link, data={"verdict": "published"})))
    assert "Второй" in (await office.client.get(following)).text
    last = await office.client.post(following, data={"verdict": "rejected"})
    assert [await office.state(one) for one in (first, second)] == ["published", "rejected"]
    assert leads_to(last) is None


async def test_links_of_a_letter_show_waiting_comments_until_they_expire(office: Office) -> None:
    _, link = await office.waiting()
    began = clock.now()
    await office.client.post(link, data={"verdict": "published"})
    await office.comment("Потом", await office.publish(), email=f"2-{CANARY}")
    assert leads_to(await office.client.get(link)) is None, "decided long ago, found by somebody"
    month = Purpose.MODERATE.value[1]
    with time_machine.travel(began + month - 60, tick=False):
        following = existing(leads_to(await office.client.post(link, data={"verdict": "published"})))
        assert "Потом" in (await office.client.get(following)).text
    with time_machine.travel(began + month + 60, tick=False):
        assert (await office.client.get(following)).status_code == 404
        assert (await office.client.post(following, data={"verdict": "published"})).status_code == 404


async def test_no_letter_about_comments_decided_before_it_is_sent(office: Office) -> None:
    for place in range(2):
        await office.comment(f"{TEXT} {place}", email=f"{place}-{CANARY}")
    assert len(await office.letters()) == 1
    for comment in await comments(office.context):
        await discussion.decide_comment(office.database, office.site.id, comment["id"], "published", None)
    await office.an_hour_passes()
    assert len(await office.letters()) == 1
    assert await office.planned() == []


async def test_a_planned_letter_survives_the_erasure_of_its_problem(office: Office) -> None:
    """A comment on another problem relies on it."""
    numbers = [await office.publish() for _ in range(3)]
    for place, number in enumerate(numbers):
        await office.comment(f"{TEXT} {place}", number, email=f"{place}-{CANARY}")
    assert len(await office.letters()) == 1  # about the first one, at once
    row = existing(await office.database.row("SELECT id FROM problems WHERE number = :n", n=numbers[1]))
    await lifecycle.erase(office.database, AGENT, office.site.id, row["id"])
    assert len(await office.planned()) == 1
    await office.an_hour_passes()
    _, letter = await office.letters()
    assert f"{TEXT} 2" in letter.text
    assert f"{TEXT} 1" not in letter.text


async def test_moderators_in_the_cabinet_get_no_letter(office: Office) -> None:
    for options in (
        {"agency": {"mode": "cabinet", "email": OFFICE}},
        {"agency": {"mode": "email", "email": OFFICE}, "moderator": "operator"},
    ):
        site = await make_site(office.database, discussion="moderated", **options)
        await confirmed_comment(Widget(office.client, site), office.context, await publish(office.database, site))
        assert await office.letters() == []
        assert await office.planned() == []


@pytest.mark.parametrize("how", ["forged", "mailbox", "mode", "moderator", "discussion", "withdrawn", "hidden"])
async def test_links_expire(office: Office, how: str) -> None:
    comment, link = await office.waiting()
    path, status = link, 404

    if how == "mailbox":
        await run_statement(office.database, "UPDATE agencies SET email = 'new@gorod.test'")
    if how == "mode":
        await run_statement(office.database, "UPDATE agencies SET mode = 'cabinet'")
    if how == "forged":
        changed_letter = "a" if path[-10] != "a" else "b"  # the last character has unused bits
        path = path[:-10] + changed_letter + path[-9:]
    if how == "withdrawn":
        await discussion.withdraw_comment(office.database, comment)
    if how == "hidden":
        row = existing(await office.database.row("SELECT id FROM problems"))
        await lifecycle.erase(office.database, AGENT, office.site.id, row["id"])
    changed = {"moderator": {"moderator": "operator"}, "discussion": {"discussion": "off"}}.get(how, {})
    await changes.update_site(office.database, office.site.id, changed)
    assert (await office.client.get(path)).status_code == status
    assert (await office.client.post(path, data={"verdict": "published"})).status_code == status
    assert [row["state"] for row in await comments(office.context)] in ([], ["moderation"])


async def test_foreign_requests_are_refused(office: Office) -> None:
    comment, link = await office.waiting()
    for fields, headers in (
        ({"verdict": "published"}, {"Origin": "https://evil.test"}),
        ({"verdict": "unconfirmed"}, {}),
        ({}, {}),
    ):
        assert (await office.client.post(link, data=fields, headers=headers)).status_code in (403, 415)
        assert await office.state(comment) == "moderation"


async def test_a_disabled_agency_decides_nothing_and_its_letters_wait(office: Office) -> None:
    _, link = await office.waiting()
    await office.comment(number=await office.publish())
    assert len(await office.planned()) == 1, "an hour after the first"
    await changes.disable_agency(office.database, office.site.agency.id)
    await office.an_hour_passes()
    assert len(await office.letters()) == 1
    for method in ("GET", "POST"):
        assert (await office.client.request(method, link, data={"verdict": "published"})).status_code == 404
    await changes.disable_agency(office.database, office.site.agency.id, disabled=False)
    assert len(await office.letters()) == 2
    assert (await office.client.get(link)).status_code == 200

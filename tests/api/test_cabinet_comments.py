"""The comment queue in the cabinet: who sees it, who decides, and that moderation cannot be bypassed."""

from __future__ import annotations

import pytest

from tests.api.test_comments import CANARY, comments, confirmed_comment, counted, post_comment, read
from tests.api.test_letters import letters
from tests.api.test_problems import publish
from tests.conftest import Client
from tests.factories import existing, make_site
from tests.support.cabinet import PASSWORD, signed_in
from tests.support.mail import MailSink
from tests.support.public_api import Widget
from widget_api.context import Context
from widget_api.people import accounts
from widget_api.people.model import Role
from widget_api.sites import changes
from widget_api.sites.model import Site

QUEUE = "/cabinet/comments"
pytestmark = pytest.mark.site(discussion="moderated")


async def test_a_waiting_comment_is_counted_and_can_be_published(
    client: Client, widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    comment = await confirmed_comment(
        widget, context, number, "Слова <b>соседа</b> https://spam.test", name="<i>Имя</i>"
    )
    await post_comment(widget, number, "Ещё не подтверждено")
    cabinet = await signed_in(client, context, site)
    page = await cabinet.read(QUEUE)
    assert "Слова <b>соседа</b> https://spam.test" in page.text, "as text"
    assert "<i>Имя</i>" in page.text
    assert "https://spam.test" not in page.links
    assert "Ещё не подтверждено" not in page.text
    assert CANARY not in page.text
    assert "Входящие 1" in (await cabinet.read("/cabinet/")).text
    form = next(form for form in page.forms if form.action == f"{QUEUE}/{comment['id']}")
    answer = await client.post(form.action, data=form.fields | {"verdict": "published"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{QUEUE}?tab=moderation")
    assert await counted(context, number) == 1
    assert "Входящие 1" not in (await cabinet.read("/cabinet/")).text
    published = await cabinet.read(f"{QUEUE}?tab=published")
    assert "agent-" in published.text, "who decided"
    row = (await comments(context))[0]
    assert row["user_id"]
    assert row["decided_at"]


async def test_a_rejection_needs_a_reason(
    client: Client, widget: Widget, context: Context, site: Site, mail_sink: MailSink
) -> None:
    number = await publish(context.database, site)
    comment = await confirmed_comment(widget, context, number)
    cabinet = await signed_in(client, context, site)
    form = next(form for form in (await cabinet.read(QUEUE)).forms if form.action.endswith(comment["id"]))
    without = await client.post(form.action, data=form.fields | {"verdict": "rejected", "reason": " "})
    assert without.status_code == 422
    assert "Напишите причину" in without.text
    assert (await comments(context))[0]["state"] == "moderation"
    done = await client.post(form.action, data=form.fields | {"verdict": "rejected", "reason": "Реклама"})
    assert done.status_code == 303
    assert "Реклама" in (await letters(context, mail_sink, CANARY))[-1].text
    assert "Реклама" in (await cabinet.read(f"{QUEUE}?tab=rejected")).text


@pytest.mark.parametrize(
    ("role", "theirs", "status"),
    [("viewer", True, 403), ("operator", False, 404), ("agent", False, 404), ("admin", True, 303)],
)
async def test_only_the_sites_moderator_decides_on_comments(
    client: Client, widget: Widget, context: Context, site: Site, role: Role, theirs: bool, status: int
) -> None:
    number = await publish(context.database, site)
    comment = await confirmed_comment(widget, context, number)
    of = site if theirs else None if role == "operator" else await make_site(context.database, discussion="moderated")
    cabinet = await signed_in(client, context, of, role)
    page = await cabinet.read(QUEUE)
    assert (comment["body"] in page.text) == theirs
    offered = [form for form in page.forms if form.action.endswith(comment["id"])]
    assert bool(offered) == (status == 303)
    fields = {"form_token": page.forms[0].fields["form_token"], "verdict": "published"}
    answer = await client.post(f"{QUEUE}/{comment['id']}", data=fields)
    assert answer.status_code == status
    assert await counted(context, number) == (1 if status == 303 else 0)


async def test_moderation_of_comments_cannot_be_bypassed(
    client: Client, widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    await post_comment(widget, number)
    (comment,) = await comments(context)
    cabinet = await signed_in(client, context, site)
    token = (await cabinet.read(QUEUE)).forms[0].fields["form_token"]
    address = f"{QUEUE}/{comment['id']}"
    for given, status in (
        ({"form_token": token, "verdict": "published"}, 404),  # not confirmed by its author
        ({"form_token": "forged", "verdict": "published"}, 403),
        ({"verdict": "published"}, 403),
    ):
        assert (await client.post(address, data=given)).status_code == status
    assert (
        await client.post(f"{QUEUE}/unknown", data={"form_token": token, "verdict": "published"})
    ).status_code == 404
    confirmed = await confirmed_comment(widget, context, number, "Второй")
    for verdict in ("moderation", "unconfirmed", "", "official"):
        answer = await client.post(f"{QUEUE}/{confirmed['id']}", data={"form_token": token, "verdict": verdict})
        assert answer.status_code == 403, verdict
    client.cookies.clear()
    anonymous = await client.post(f"{QUEUE}/{confirmed['id']}", data={"form_token": token, "verdict": "published"})
    assert anonymous.status_code == 303
    assert anonymous.headers["location"].startswith("/cabinet/sign-in")
    assert (await read(widget, number))["items"] == []


async def test_the_agency_comments_from_the_report_page(
    client: Client, widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=number))
    page = f"/cabinet/problems/{row['id']}"
    cabinet = await signed_in(client, context, site)
    empty = await cabinet.send(page, f"{page}/comment", comment="")
    assert empty.status_code == 422
    assert "Напишите комментарий." in empty.text
    assert (await cabinet.send(page, f"{page}/comment", comment="Бригада в пути")).status_code == 303
    (item,) = (await read(widget, number))["items"]
    assert (item["text"], item["official"], item["agency"]) == ("Бригада в пути", True, site.agency.name)
    (kept,) = await comments(context)
    assert kept["user_id"]
    client.cookies.clear()
    viewer = await signed_in(client, context, site, "viewer")
    shown = await viewer.read(page)
    assert "Бригада в пути" in shown.text
    assert not any(form.action.startswith(f"{page}/comment") for form in shown.forms)


async def test_a_head_speaks_for_an_agency_whose_answers_a_head_approves(
    client: Client, widget: Widget, context: Context, site: Site
) -> None:
    number = await publish(context.database, site)
    row = existing(await context.database.row("SELECT id FROM problems WHERE number = :n", n=number))
    page = f"/cabinet/problems/{row['id']}"
    agent = await signed_in(client, context, site)
    form = (await agent.read(page)).form(f"{page}/comment")
    await changes.update_agency(context.database, site.agency.id, {"approval": True})
    assert (await agent.client.post(form.action, data=form.fields | {"comment": "Сами"})).status_code == 303, "no head"
    agency_id = site.agency.id
    await accounts.add_user(
        context.database, email="head@gorod.test", role="head", agency_id=agency_id, password=PASSWORD
    )
    assert (await agent.client.post(form.action, data=form.fields | {"comment": "Едем"})).status_code == 403
    shown = await agent.read(page)
    assert not any(form.action.startswith(f"{page}/comment") for form in shown.forms)
    assert "В обсуждении от имени ведомства отвечает руководитель" in shown.text
    client.cookies.clear()
    assert (await agent.sign_in("head@gorod.test", PASSWORD)).status_code == 303
    assert (await agent.send(page, f"{page}/comment", comment="Едем")).status_code == 303
    assert [item["text"] for item in (await read(widget, number))["items"]] == ["Сами", "Едем"]


async def test_without_discussion_there_is_no_menu_entry(client: Client, context: Context) -> None:
    cabinet = await signed_in(client, context, await make_site(context.database))
    assert QUEUE not in (await cabinet.read("/cabinet/")).links
    assert "Проверять нечего" in (await cabinet.read(QUEUE)).text

"""/cabinet/mail: held letters are corrected and accepted, or declined, by the agency of their report."""

from __future__ import annotations

import pytest

from tests.conftest import Client
from tests.factories import AGENT, make_site, run_statement, submit_report
from tests.support.cabinet import Enter, signed_in
from tests.support.mailbox import AgencyMailbox
from widget_api import clock
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.mailbox import review, service, store
from widget_api.mailbox.model import Arrival
from widget_api.problems import lifecycle
from widget_api.sites import changes
from widget_api.sites.model import Site

LETTERS = "/cabinet/mail"
pytestmark = [
    pytest.mark.settings(inbound="lmtp://127.0.0.1:9", work="off"),
    pytest.mark.site(agency={"mode": "email", "email": "priem@gorod.test"}),
]


@pytest.fixture
async def mailbox(context: Context, site: Site) -> AgencyMailbox:
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    return AgencyMailbox(context, site, receipt.problem_id, 0)


async def arrives(mailbox: AgencyMailbox, name: str) -> str:
    """Deliver a letter. Returns the path of its cabinet page."""
    await service.receive_letter(mailbox.context, Arrival(mailbox.letter(name), "priem@gorod.test", (mailbox.reply,)))
    return f"{LETTERS}/{(await mailbox.last())['id']}"


async def test_a_held_letter_is_shown_with_its_reason_and_accepted(client: Client, mailbox: AgencyMailbox) -> None:
    path = await arrives(mailbox, "spoofed")
    cabinet = await signed_in(client, mailbox.context, mailbox.site)
    assert "Входящие 1" in (await cabinet.read("/cabinet/")).text
    page = await cabinet.read(LETTERS)
    assert path in page.links
    assert "почтовый сервер не подтвердил" in page.text
    form = (await cabinet.read(path)).forms
    fields = next(one.fields for one in form if "text" in one.fields)
    assert fields["text"] == "подделка."
    sent = await client.post(path, data=fields | {"to": "resolved", "text": "Яму заделали", "action": "accept"})
    assert sent.headers["location"] == f"{LETTERS}?done=taken"
    assert ((await mailbox.problem())["status"], await mailbox.answer()) == ("resolved", "Яму заделали")
    last = await mailbox.last()
    assert (last["state"], last["event_id"]) == ("taken", (await mailbox.problem())["status_event"])
    assert last["user_id"] is not None
    assert "Ответ принят" in (await cabinet.read(f"{LETTERS}?done=taken")).text
    assert "Входящие 1" not in (await cabinet.read("/cabinet/")).text
    await cabinet.read(path, 404)


async def test_attachments_are_accepted_with_the_letter(client: Client, mailbox: AgencyMailbox) -> None:
    raw = mailbox.letter("office").replace(b"dmarc=pass", b"dmarc=fail")
    await service.receive_letter(mailbox.context, Arrival(raw, None, (mailbox.reply,)))
    path = f"{LETTERS}/{(await mailbox.last())['id']}"
    cabinet = await signed_in(client, mailbox.context, mailbox.site)
    page = await cabinet.read(path)
    assert "2 вложения" in page.text
    fields = next(one.fields for one in page.forms if "text" in one.fields)
    await client.post(path, data=fields | {"to": "resolved", "action": "accept"})
    found = await mailbox.list_documents()
    assert [one["name"] for one in found] == ["act.docx"]


async def test_attachments_can_be_viewed_before_publication(client: Client, mailbox: AgencyMailbox) -> None:
    raw = mailbox.letter("office").replace(b"dmarc=pass", b"dmarc=fail")
    await service.receive_letter(mailbox.context, Arrival(raw, None, (mailbox.reply,)))
    path = f"{LETTERS}/{(await mailbox.last())['id']}"
    cabinet = await signed_in(client, mailbox.context, mailbox.site)
    page = await cabinet.read(path)
    attached = [link for link in page.links if "/attached/" in link]
    assert attached == [f"{path}/attached/0"], "what no answer carries leads nowhere"
    assert "не будет опубликовано" in page.text
    answer = await client.get(attached[0])
    assert answer.content.startswith(b"PK")
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "act.docx" in answer.headers["content-disposition"]
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for wrong in ("1", "2", "999", "x"):
        assert (await client.get(f"{path}/attached/{wrong}")).status_code == 404
    client.cookies.clear()
    await signed_in(client, mailbox.context, await make_site(mailbox.database))
    assert (await client.get(attached[0])).status_code == 404


async def test_a_letter_shows_its_time_and_language(client: Client, mailbox: AgencyMailbox) -> None:
    path = await arrives(mailbox, "spoofed")

    await run_statement(mailbox.database, "UPDATE mailbox_messages SET received_at = 1700000000")
    cabinet = await signed_in(client, mailbox.context, mailbox.site)
    for page in (LETTERS, path):
        source = (await cabinet.client.get(f"{page}?lang=en")).text
        assert '<time datetime="2023-11-14T22:13:20Z">15 November 2023, 01:13</time>' in source.replace("\xa0", " ")
        assert '<p class="prose" lang="ru">' in source, "words of the agency and of residents"


async def test_an_invalid_decision_keeps_the_input(client: Client, mailbox: AgencyMailbox) -> None:
    path = await arrives(mailbox, "unclear")
    cabinet = await signed_in(client, mailbox.context, mailbox.site)
    fields = next(one.fields for one in (await cabinet.read(path)).forms if "text" in one.fields)
    sent = await client.post(path, data=fields | {"to": "planned", "text": "<b>Проверим</b>", "action": "accept"})
    assert sent.status_code == 422
    assert "Укажите день, к которому закончат работы" in sent.text
    assert "&lt;b&gt;Проверим&lt;/b&gt;" in sent.text
    assert (await mailbox.last())["state"] == "held"


async def test_a_held_answer_is_published_by_a_head_where_heads_approve(
    client: Client, mailbox: AgencyMailbox, enter: Enter
) -> None:
    path, agency_id = await arrives(mailbox, "spoofed"), mailbox.site.agency.id
    await changes.update_agency(mailbox.database, agency_id, {"approval": True})
    cabinet = await signed_in(client, mailbox.context, mailbox.site)
    head = await enter("head", agency_id)
    wish = {"to": "resolved", "text": "Яму заделали 1 мая", "action": "accept"}
    for who, status in ((cabinet, 422), (head, 303)):
        fields = next(one.fields for one in (await who.read(path)).forms if "text" in one.fields)
        sent = await who.client.post(path, data=fields | wish)
        assert sent.status_code == status
        assert status != 422 or ("утверждает руководитель" in sent.text and "Яму заделали 1 мая" in sent.text)
    assert (await mailbox.problem())["status"] == "resolved"


async def test_a_letter_is_decided_once(mailbox: AgencyMailbox) -> None:
    await arrives(mailbox, "unlisted")
    letter_id = (await mailbox.last())["id"]

    async def work(tx: Transaction) -> list[bool]:
        return [await store.mark_decided(tx, letter_id, state, None, "", 1) for state in ("refused", "taken")]

    assert await mailbox.database.write(work) == [True, False]
    assert (await mailbox.last())["state"] == "refused"


async def test_declining_a_letter_does_not_change_the_report(client: Client, mailbox: AgencyMailbox) -> None:
    path = await arrives(mailbox, "unlisted")
    cabinet = await signed_in(client, mailbox.context, mailbox.site)
    fields = (await cabinet.read(path)).forms[-1].fields
    stored = (await mailbox.last())["stored"]
    assert (await client.post(path, data={"action": "decline"})).status_code == 403, "without the session's token"
    assert (await mailbox.last())["state"] == "held"
    sent = await client.post(path, data=fields | {"action": "decline"})
    assert sent.headers["location"] == f"{LETTERS}?done=refused"
    assert ((await mailbox.last())["state"], (await mailbox.problem())["status"]) == ("refused", "accepted")
    again = await client.post(path, data=fields | {"action": "decline"})
    assert again.status_code == 404
    assert await mailbox.context.storage.get_letter(stored) is not None
    await review.delete_obsolete(mailbox.database, mailbox.context.storage)
    assert await mailbox.context.storage.get_letter(stored) is None
    assert (await mailbox.last())["stored"] is None


async def test_restoring_deletes_unknown_letters_and_erasing_a_report_its_own(mailbox: AgencyMailbox) -> None:
    await arrives(mailbox, "unlisted")
    stored = (await mailbox.last())["stored"]
    await mailbox.context.storage.put_letter("f" * 64, b"of a letter the copy does not know")
    await review.reconcile_after_restore(mailbox.database, mailbox.context.storage)
    assert await mailbox.context.storage.get_letter("f" * 64) is None
    assert await mailbox.context.storage.get_letter(stored) is not None
    await lifecycle.erase(mailbox.database, AGENT, mailbox.site.id, mailbox.problem_id)
    await review.delete_obsolete(mailbox.database, mailbox.context.storage)
    last = await mailbox.last()
    assert (last["sender"], last["subject"], last["text"], last["stored"]) == (None, None, None, None)
    assert await mailbox.context.storage.get_letter(stored) is None


async def test_records_of_letters_are_purged_after_a_year_unless_held(mailbox: AgencyMailbox) -> None:
    await arrives(mailbox, "unlisted")
    await arrives(mailbox, "out_of_office")
    assert [one["state"] for one in await mailbox.records()] == ["held", "ignored"]
    for later, left in ((store.YEAR - 60, ["held", "ignored"]), (store.YEAR + 60, ["held"])):
        await store.delete_old(mailbox.database, clock.now() + later)
        assert [one["state"] for one in await mailbox.records()] == left


@pytest.mark.parametrize("who", ["another agency", "viewer"])
async def test_held_letters_are_not_visible_to_others(client: Client, mailbox: AgencyMailbox, who: str) -> None:
    path = await arrives(mailbox, "unlisted")
    if who == "viewer":
        cabinet = await signed_in(client, mailbox.context, mailbox.site, "viewer")
    else:
        cabinet = await signed_in(client, mailbox.context, await make_site(mailbox.database))
    assert LETTERS not in (await cabinet.read("/cabinet/")).links or who == "another agency"
    answer = await client.get(path)
    assert answer.status_code == (403 if who == "viewer" else 404)
    assert "sosed@gorod.test" not in (await client.get(LETTERS)).text
    forms = (await cabinet.read("/cabinet/")).forms
    token = next(form.fields["form_token"] for form in forms if "form_token" in form.fields)
    for action in ("accept", "decline"):
        values = {"form_token": token, "action": action, "to": "resolved", "text": "Готово"}
        assert (await client.post(path, data=values)).status_code == answer.status_code
    assert (await mailbox.last())["state"] == "held"


async def test_a_decision_that_is_no_longer_allowed_is_refused(client: Client, mailbox: AgencyMailbox) -> None:
    path = await arrives(mailbox, "unclear")
    await mailbox.change("resolved", text="Готово")
    cabinet = await signed_in(client, mailbox.context, mailbox.site)
    token = (await cabinet.read(path)).forms[-1].fields["form_token"]
    values = {"form_token": token, "action": "accept", "to": "answered", "text": "Ответ"}
    assert (await client.post(path, data=values)).status_code == 409
    assert (await mailbox.last())["state"] == "held"


async def test_bouncing_mailboxes_of_agency_and_author_are_shown(client: Client, mailbox: AgencyMailbox) -> None:
    async def work(tx: Transaction) -> None:
        await store.record_agency_failure(tx, mailbox.site.agency.id, "5.1.1 user unknown", 1_700_000_000)
        await store.record_contact_failure(tx, mailbox.problem_id, "5.1.1 user unknown", 1_700_000_000)

    await mailbox.database.write(work)
    cabinet = await signed_in(client, mailbox.context, mailbox.site)
    assert "Письма на адрес priem@gorod.test возвращаются: 5.1.1 user unknown" in (await cabinet.read(LETTERS)).text
    page = await cabinet.read(f"/cabinet/problems/{mailbox.problem_id}")
    assert "письма на этот адрес возвращаются" in page.text


@pytest.mark.settings(work="off")
async def test_without_inbound_mail_there_is_no_menu_entry(client: Client, context: Context, site: Site) -> None:
    cabinet = await signed_in(client, context, site)
    assert LETTERS not in (await cabinet.read("/cabinet/")).links

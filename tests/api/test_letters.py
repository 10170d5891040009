"""Which letters are sent to whom, from a report to a real SMTP session."""

from __future__ import annotations

import re
from typing import Any

import orjson

from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, EMAIL, RESIDENT, make_site, submit_report
from tests.support.cabinet import Enter, PageText
from tests.support.exchange import wait_until_nothing_due
from tests.support.mail import Letter, MailSink
from widget_api.context import Context
from widget_api.deliveries.model import HAPPENED, Delivery
from widget_api.problems import lifecycle
from widget_api.problems import notify as notify_agency
from widget_api.problems.model import Actor, Change, Contact, Update
from widget_api.problems.submit import Receipt
from widget_api.residents import author_mail as notify_resident
from widget_api.residents import service as residents
from widget_api.signing import Purpose
from widget_api.sites.model import Site

OFFICE = "priem@gorod.test"


async def letters(context: Context, sink: MailSink, address: str) -> list[Letter]:
    """All letters to an address once no delivery is due."""
    await wait_until_nothing_due(context.database)
    return sink.to(address)


async def change(context: Context, site: Site, receipt: Receipt, actor: Actor = AGENT, **wish: Any) -> str:
    return await lifecycle.change(context.database, actor, site.id, receipt.problem_id, Change(**wish))


async def test_the_confirmation_letter(context: Context, site: Site, mail_sink: MailSink) -> None:
    contact = Contact(email=EMAIL, name="Анна <b>Иванова</b>", phone="+7 912 345-67-89")
    receipt = await submit_report(context.database, site, contact=contact, description="https://spam.test КУПИТЕ")
    (letter,) = await letters(context, mail_sink, EMAIL)
    (link,) = letter.links
    assert [line for line in letter.text.splitlines() if "://" in line] == [link]
    assert context.signer.read(Purpose.CONFIRM, link.rpartition("/")[2]) == receipt.problem_id
    assert letter.html is not None
    for typed in ("Анна", "Иванова", "912 345", "spam.test", "КУПИТЕ", "Октябрьской"):
        assert typed not in letter.text
        assert typed not in letter.html
        assert typed not in str(letter.message)
    assert "List-Unsubscribe" not in letter.message


async def test_news_are_sent_to_confirmed_addresses_only(context: Context, site: Site, mail_sink: MailSink) -> None:
    receipt = await submit_report(context.database, site)
    await change(context, site, receipt, to="accepted")
    assert len(await letters(context, mail_sink, EMAIL)) == 1
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    event_id = await change(context, site, receipt, to="planned", expected_on="2099-12-12")
    confirmation, news = await letters(context, mail_sink, EMAIL)
    assert news.subject == "Сообщение № 1: Дороги и тротуары"
    assert "Работы запланированы на 12\xa0декабря 2099." in news.text
    assert news.message["Message-ID"] == f"<{event_id}@widget.test>"
    assert news.message["References"] == confirmation.message["Message-ID"]
    assert news.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert len(news.links) == 2
    tokens = {link.split("/")[3]: link.rpartition("/")[2] for link in news.links}
    assert context.signer.read(Purpose.TRACK, tokens["t"]) == receipt.problem_id
    assert context.signer.read(Purpose.UNSUBSCRIBE, tokens["unsubscribe"]) == receipt.problem_id


async def test_the_letter_contains_the_answer(context: Context, site: Site, mail_sink: MailSink) -> None:
    receipt = await submit_report(context.database, site, language="en")
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await change(context, site, receipt, to="resolved", text="Яму заделали")
    answer = (await letters(context, mail_sink, EMAIL))[-1]
    assert "Яму заделали" in answer.text
    assert "If the problem is still there" in answer.text
    assert "Администрация города:" in answer.text


@ONE_DATABASE
async def test_every_status_has_its_own_letter(context: Context, site: Site, mail_sink: MailSink) -> None:
    for status, expected in (
        ("accepted", "Сообщение проверено, его видно на сайте"),
        ("forwarded", "Проблему передали тем, кто её устраняет"),
        ("in_progress", "Работа началась"),
        ("planned", "Работы запланированы"),
        ("resolved", "Проверьте, пожалуйста, так ли это"),
        ("answered", "верните сообщение в работу на личной странице до"),
        ("redirected", "занимается другое ведомство"),
        ("rejected", "Если вы не согласны, верните сообщение в работу"),
    ):
        receipt = await submit_report(context.database, site)
        await lifecycle.confirm(context.database, site.id, receipt.problem_id)
        await change(
            context, site, receipt, to=status, text="Пояснение", expected_on="2099-12-12", responsible="МУП «Дорсервис»"
        )
        news = (await letters(context, mail_sink, EMAIL))[-1]
        assert expected in news.text.replace("\xa0", " ").replace("\r\n", "\n"), status
        assert expected in (news.html or "").replace("\xa0", " ")
        assert "Пояснение" in news.text


async def test_own_actions_and_unsubscribing_send_no_letter(context: Context, site: Site, mail_sink: MailSink) -> None:
    for why in ("own action", "unsubscribed"):
        receipt = await submit_report(context.database, site)
        before = len(await letters(context, mail_sink, EMAIL))
        await lifecycle.confirm(context.database, site.id, receipt.problem_id)
        if why == "own action":
            await change(context, site, receipt, RESIDENT, to="withdrawn")
        else:
            await residents.stop_letters(context.database, receipt.problem_id)
            await change(context, site, receipt, to="accepted")
        assert len(await letters(context, mail_sink, EMAIL)) == before, why
    mail_sink.behaviour = "later"
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await change(context, site, receipt, to="accepted")
    await residents.stop_letters(context.database, receipt.problem_id)
    mail_sink.behaviour = "accept"
    assert len(await letters(context, mail_sink, EMAIL)) == 2, "it stops pending letters too"
    assert await letters(context, mail_sink, OFFICE) == [], "the agency works in the cabinet"


async def test_an_agency_in_email_mode_gets_letters(context: Context, mail_sink: MailSink) -> None:
    site = await make_site(context.database, agency={"mode": "email"}, moderation="before")
    contact = Contact(email=EMAIL, name="Анна Иванова", phone="+7 912 345-67-89")
    receipt = await submit_report(context.database, site, contact=contact)
    assert await letters(context, mail_sink, OFFICE) == []  # nothing is sent until somebody confirms or decides
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    (report,) = await letters(context, mail_sink, OFFICE)
    assert report.subject == "Сообщение № 1: Дороги и тротуары"
    place = ("Глубокая яма", "ул. Октябрьской Революции, 205", "55.079400, 38.778300")
    for part in (*place, "Анна Иванова", "+7 912"):
        assert part in report.text
    assert f"{EMAIL} (подтверждена)" in report.text
    map_link, cabinet = report.links
    assert map_link.startswith("https://www.openstreetmap.org/?mlat=55.079400&mlon=38.778300#")
    assert map_link.replace("&", "&amp;") in (report.html or "")
    assert cabinet == f"https://widget.test/cabinet/problems/{receipt.problem_id}"
    await change(context, site, receipt, to="resolved", text="Сделано")
    assert len(await letters(context, mail_sink, OFFICE)) == 1  # no letter about its own actions
    await change(context, site, receipt, RESIDENT, to="reopened", text="Яма на месте")
    returned = (await letters(context, mail_sink, OFFICE))[-1]
    assert returned.message["References"] == report.message["Message-ID"]
    assert "Яма на месте" in returned.text
    assert "Ответьте до" in returned.text


async def test_the_platforms_changes_are_sent_to_author_and_agency(context: Context, mail_sink: MailSink) -> None:
    site = await make_site(context.database, agency={"mode": "email"})
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await letters(context, mail_sink, EMAIL)
    platform = Actor(kind="platform", source="p")
    update = Update(id="0198-x", at=4_000_000_000, status="in_progress", text="Бригада выехала")
    await lifecycle.import_update(context.database, platform, site.id, receipt.problem_id, update)
    assert "Бригада выехала" in (await letters(context, mail_sink, EMAIL))[-1].text
    assert "Бригада выехала" in (await letters(context, mail_sink, OFFICE))[-1].text


async def test_an_erased_report_sends_no_letters(context: Context, mail_sink: MailSink) -> None:
    site = await make_site(context.database, agency={"mode": "email"})
    mail_sink.behaviour = "later"
    receipt = await submit_report(context.database, site, description="Личное и тайное")
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await lifecycle.erase(context.database, RESIDENT, site.id, receipt.problem_id)
    mail_sink.behaviour = "accept"
    for letter in await letters(context, mail_sink, OFFICE):
        assert "Личное" not in letter.text
    assert await letters(context, mail_sink, EMAIL) == []


async def delivery_of(context: Context, receipt: Receipt, event_id: str | None, sink: str) -> Delivery:
    """A delivery as a worker would claim it, had it been enqueued before the change."""
    rows = await context.database.rows(
        "SELECT * FROM events WHERE problem_id = :id ORDER BY position", id=receipt.problem_id
    )
    event = next(row for row in rows if event_id in (None, row["id"]))
    names = ("site_id", "problem_id", "position", "kind", "status", "at", "actor", "source", "text_id")
    values = {name: event[name] for name in names}
    return Delivery(
        id="d", event_id=event["id"], sink=sink, priority=HAPPENED, attempts=1, repeated=False,
        data=orjson.loads(event["data"]), **values,
    )  # fmt: skip


async def test_a_pending_letter_is_checked_before_sending(context: Context, site: Site, mail_sink: MailSink) -> None:
    receipt = await submit_report(context.database, site)
    event_id = await change(context, site, receipt, to="accepted")
    assert len(await letters(context, mail_sink, EMAIL)) == 1
    await notify_resident.deliver_to_author(context, await delivery_of(context, receipt, event_id, "resident"))
    assert len(mail_sink.to(EMAIL)) == 1  # this address is not confirmed
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await notify_resident.deliver_to_author(context, await delivery_of(context, receipt, None, "resident"))
    assert len(mail_sink.to(EMAIL)) == 1  # nothing to confirm any more
    await lifecycle.erase(context.database, RESIDENT, site.id, receipt.problem_id)
    await notify_agency.deliver(context, await delivery_of(context, receipt, None, "agency"))
    assert mail_sink.to(OFFICE) == []  # nothing to report any more


async def test_a_retried_letter_is_identical(context: Context, site: Site, mail_sink: MailSink) -> None:
    receipt = await submit_report(context.database, site)
    await letters(context, mail_sink, EMAIL)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    event_id = await change(context, site, receipt, to="accepted")
    await letters(context, mail_sink, EMAIL)
    await notify_resident.deliver_to_author(context, await delivery_of(context, receipt, event_id, "resident"))
    first, second = mail_sink.to(EMAIL)[1:]
    assert first.message["Message-ID"] == second.message["Message-ID"]


async def test_the_preview_of_a_decision_matches_the_letter_without_links(
    context: Context, site: Site, mail_sink: MailSink, enter: Enter
) -> None:
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await change(context, site, receipt, to="accepted")
    agent, path = await enter("agent", site.agency.id), f"/cabinet/problems/{receipt.problem_id}"
    decision = {"to": "planned", "expected_on": "2099-12-12", "text": "Ждём асфальт <с завода>"}
    form = (await agent.read(path)).form(path)
    answer = await agent.client.post(path, data=form.fields | decision | {"do": "preview"})
    assert answer.status_code == 200
    own = re.compile(rf"{context.settings.public_url}/(?:t|unsubscribe)/\S+")  # links contain the time of signing
    assert not own.search(answer.text)
    page = PageText(answer.text)
    assert decision.items() <= page.form(path).fields.items()
    events = await context.database.rows("SELECT status FROM events WHERE kind = 'status' ORDER BY at, id")
    assert [row["status"] for row in events][-1] == "accepted", "nothing is saved"
    assert (await agent.client.post(path, data=form.fields | decision)).status_code == 303
    letter = (await letters(context, mail_sink, EMAIL))[-1]
    assert letter.subject in page.text
    shown, links = own.subn("(личная ссылка автора)", letter.text)
    assert links == 2
    assert " ".join(shown.split()) in page.text
    form = (await agent.read(path)).form(path)
    for wrong in ({"to": "planned"}, {"to": "duplicate", "duplicate_of": "999"}):
        refused = await agent.client.post(path, data=form.fields | wrong | {"do": "preview"})
        assert refused.status_code == 422, wrong
    elsewhere = await make_site(context.database, agency={"name": "Соседи"})
    stranger = await enter("admin", elsewhere.agency.id)
    token = (await stranger.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]
    foreign = await stranger.client.post(path, data=decision | {"do": "preview", "form_token": token})
    assert foreign.status_code == 404

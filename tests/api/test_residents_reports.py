"""One link to all reports of a person: who gets it, what it shows, and that requesting it reveals nothing."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, EMAIL, RESIDENT, existing, make_site, run_statement, submit_report
from tests.support.mail import MailSink
from tests.support.processes import Service
from widget_api import clock
from widget_api.cabinet.organisation import deliveries_service as deliveries
from widget_api.casework import queries
from widget_api.context import Context
from widget_api.followers import service as following
from widget_api.mail import links
from widget_api.people.model import User
from widget_api.problems import lifecycle, submit
from widget_api.problems.model import Change, Contact
from widget_api.problems.persons import Person
from widget_api.problems.store import followers
from widget_api.problems.store.contacts import email_hash
from widget_api.problems.submit import Receipt
from widget_api.residents import my_reports
from widget_api.signing import Purpose
from widget_api.sites.model import Site
from widget_api.web import brute_force

from .test_letters import letters

SUBJECT = "Все ваши сообщения"


async def confirmed(context: Context, site: Site, **changes: Any) -> Receipt:
    receipt = await submit_report(context.database, site, **changes)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    return receipt


async def links_sent(context: Context, sink: MailSink, address: str = EMAIL) -> list[str]:
    return [letter.links[0] for letter in await letters(context, sink, address) if letter.subject == SUBJECT]


async def forget_letters(context: Context) -> None:
    """As if the confirmation letters had been sent a day ago."""

    await run_statement(context.database, "DELETE FROM confirmation_letters")


async def test_the_link_shows_all_reports_of_the_address_over_all_sites(
    client: Client, context: Context, site: Site, mail_sink: MailSink
) -> None:
    other = await make_site(context.database, name="Сайт водоканала")
    first = await confirmed(context, site, description="Яма <b>у школы</b>\nвторая строка")
    second = await confirmed(context, other, description="Течёт колонка")
    await submit_report(context.database, site, description="Никто не подтвердил")
    await confirmed(context, site, contact=Contact(email="boris@example.test"), description="Чужое")
    await forget_letters(context)
    asked = await client.post("/mine", data={"email": f" {EMAIL.upper()} "})
    assert asked.status_code == 303
    assert EMAIL.lower() not in asked.headers["location"].lower()
    assert "уже в пути" in (await client.get(asked.headers["location"])).text
    (link,) = await links_sent(context, mail_sink)
    page = await client.get(link.removeprefix("https://widget.test"))
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert "Яма &lt;b&gt;у школы&lt;/b&gt;" in page.text
    assert "Течёт колонка" in page.text
    assert "Сайт водоканала" in page.text
    for hidden in ("Никто не подтвердил", "Чужое", "вторая строка", EMAIL):
        assert hidden not in page.text
    tracks = {context.signer.read(Purpose.TRACK, token) for token in re.findall(r"/t/([\w.-]+)", page.text)}
    assert tracks == {first.problem_id, second.problem_id}


async def test_followed_problems_are_listed_below(
    client: Client, context: Context, site: Site, mail_sink: MailSink
) -> None:
    await confirmed(context, site)
    other = await confirmed(context, site, contact=Contact(email="boris@example.test"), description="Чужая яма")
    await lifecycle.change(context.database, AGENT, site.id, other.problem_id, Change(to="accepted"))
    person = Person(email=EMAIL, language="ru", consent_version="1", consent_hash="0", ip=None)
    await following.follow_problem(context.database, site.id, other.number, person, None)
    await forget_letters(context)
    await my_reports.request_link(context, EMAIL)
    link = (await links_sent(context, mail_sink))[-1].removeprefix("https://widget.test")
    assert "Чужая яма" not in (await client.get(link)).text, "nobody confirmed it"
    (row,) = await followers.list_of_address(context.database, email_hash(EMAIL))
    await following.confirm_following(context.database, row)
    page = (await client.get(link)).text
    assert f"/s/{site.key}/problems/{other.number}" in page
    assert "/unfollow/" in page


async def test_each_day_has_a_letter_of_its_own(context: Context, site: Site, mail_sink: MailSink) -> None:
    await confirmed(context, site, description="Секрет")
    await forget_letters(context)
    await my_reports.request_link(context, EMAIL)
    letter = (await letters(context, mail_sink, EMAIL))[-1]
    assert letter.subject == SUBJECT
    assert [line for line in letter.text.splitlines() if "://" in line] == letter.links
    assert len(letter.links) == 1
    assert letter.message["References"] is None  # it is in no problem's mail thread
    assert letter.message["Auto-Submitted"] == "auto-generated"
    assert "Секрет" not in str(letter.message)
    await forget_letters(context)
    await my_reports.request_link(context, EMAIL)
    assert len(await links_sent(context, mail_sink)) == 2
    assert mail_sink.to(EMAIL)[-1].message["Message-ID"] != letter.message["Message-ID"]


async def test_the_private_page_sends_it_too(client: Client, context: Context, site: Site, mail_sink: MailSink) -> None:
    receipt = await confirmed(context, site)
    await forget_letters(context)
    address = links.track_url(context, receipt.problem_id).removeprefix("https://widget.test")
    assert f'action="{address}/reports"' in (await client.get(address)).text
    assert (await client.post(f"{address}/reports")).status_code == 303
    assert len(await links_sent(context, mail_sink)) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_the_answer_does_not_reveal_whether_an_address_is_known(
    client: Client, context: Context, site: Site, known: bool
) -> None:
    receipt = await submit_report(context.database, site)  # unconfirmed addresses are like unknown ones
    if known:
        await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    answers = [await client.post("/mine", data={"email": EMAIL}) for _ in range(4)]
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {(303, "/mine?asked=1")}
    row = existing(await context.database.row("SELECT COUNT(*) AS many FROM confirmation_letters"))
    assert row["many"] == 2  # the report's letter and one request here, whether or not a letter was sent
    row = existing(await context.database.row("SELECT COUNT(*) AS many FROM deliveries WHERE sink = 'reports'"))
    assert (row["many"] > 0) is known, "whoever typed an address gets no letter to it"


async def test_an_answer_takes_a_whole_timing_step_in_any_case(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brute_force, "TIMING_STEP", 0.25)  # the step of the tests is shorter than the work
    await confirmed(context, site)
    for email in (EMAIL, "nobody@example.test"):
        started = time.monotonic()
        await my_reports.request_link(context, email)
        assert time.monotonic() - started >= brute_force.TIMING_STEP


async def test_requests_use_no_quota_of_confirmation_letters(context: Context, site: Site, mail_sink: MailSink) -> None:
    for _ in range(5):
        await my_reports.request_link(context, EMAIL)
    await submit_report(context.database, site)
    assert [letter.subject for letter in await letters(context, mail_sink, EMAIL)] == [
        "Подтвердите почту: сообщение № 1"
    ]


async def test_at_most_three_letters_a_day_are_sent(context: Context, site: Site, mail_sink: MailSink) -> None:
    await confirmed(context, site)
    for _ in range(4):
        await my_reports.request_link(context, EMAIL)
        await letters(context, mail_sink, EMAIL)
    assert len(await links_sent(context, mail_sink)) == submit.OTHER_LETTERS_A_DAY - 1
    assert submit.LETTERS_A_DAY == 3


@ONE_DATABASE
@pytest.mark.settings(rate_limits="off")
async def test_an_invalid_address_is_reported(client: Client) -> None:
    for email in ("", "x", "x@y", "a@b.ru\r\nBcc: c@d.ru", "a b@c.ru", "я" * 300 + "@x.ru", "a\0@b.ru,"):
        answer = await client.post("/mine", data={"email": email})
        assert answer.status_code == 422, email
        assert 'href="#field-email"' in answer.text
        assert "set-cookie" not in answer.headers


async def test_requests_are_rate_limited_by_address(client: Client) -> None:
    for _ in range(6):
        assert (await client.post("/mine", data={"email": "x"})).status_code == 422
    refused = await client.post("/mine", data={"email": EMAIL})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert EMAIL in refused.text  # nothing typed is lost


@ONE_DATABASE
async def test_a_token_of_reports_opens_the_page_and_nothing_else(client: Client, context: Context, site: Site) -> None:
    receipt = await confirmed(context, site)
    for purpose in [purpose for purpose in Purpose if purpose is not Purpose.REPORTS]:
        assert (await client.get(f"/mine/{context.signer.sign(purpose, receipt.problem_id)}")).status_code == 404, (
            purpose
        )
        token = context.signer.sign(Purpose.REPORTS, receipt.problem_id)
        for door in ("t", "confirm", "unsubscribe"):
            assert (await client.get(f"/{door}/{token}")).status_code == 404
            assert (await client.post(f"/{door}/{token}")).status_code in (404, 405)
    for payload in (None, 1, "", "no such", ["x"], {"a": 1}):
        assert (await client.get(f"/mine/{context.signer.sign(Purpose.REPORTS, payload)}")).status_code == 404, payload


async def test_the_link_expires_after_a_day_and_with_the_address(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = await confirmed(context, site)
    address = f"/mine/{context.signer.sign(Purpose.REPORTS, receipt.problem_id)}"
    assert (await client.get(address)).status_code == 200
    await lifecycle.erase(context.database, RESIDENT, site.id, receipt.problem_id)
    assert (await client.get(address)).status_code == 404
    receipt = await confirmed(context, site)
    address = f"/mine/{context.signer.sign(Purpose.REPORTS, receipt.problem_id)}"
    later = clock.now() + 86_402
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert (await client.get(address)).status_code == 404


async def test_agencies_do_not_see_requests_for_this_letter(context: Context, site: Site, mail_sink: MailSink) -> None:
    receipt = await confirmed(context, site)
    await forget_letters(context)
    mail_sink.behaviour = "refuse"
    await my_reports.request_link(context, EMAIL)
    await letters(context, mail_sink, EMAIL)
    rows = await context.database.rows("SELECT sink, state FROM deliveries WHERE sink = 'reports'")
    assert [row["state"] for row in rows] == ["dead"]
    assert all(
        row["sink"] != "reports" for row in await queries.list_deliveries(context.database, site.id, receipt.problem_id)
    )
    agency = User(id="u", email="", role="admin", agency_id=site.agency.id, agency_name=None, language="ru")
    assert (await deliveries.read_queue(context.database, agency, deliveries.Selection())).rows == []


@ONE_DATABASE
async def test_the_letter_survives_a_mail_outage_and_a_kill(
    serve: Callable[..., Service], mail_sink: MailSink, dialect: str
) -> None:
    service_ = serve(smtp_url=mail_sink.url, challenge="off", rate_limits="off")
    agency = service_.cli("agency", "add", "--name", "Администрация", "--email", "office@gorod.test")["agency"]
    key = service_.cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test")["key"]
    async with httpx2.AsyncClient(base_url=service_.url) as client:
        version = (await client.get(f"/api/v1/sites/{key}")).json()["consent"]["version"]
        body = {
            "category": "roads",
            "description": "Яма у школы",
            "location": {"address": "ул. Ленина, 5"},
            "email": EMAIL,
            "consent": {"version": version, "processing": True},
        }
        await client.post(f"/api/v1/sites/{key}/problems", json=body, headers={"Idempotency-Key": "1"})
        (letter,) = await asyncio.to_thread(mail_sink.wait, EMAIL)
        await client.post(letter.links[0])
        mail_sink.stop()
        assert (await client.post("/mine", data={"email": EMAIL})).status_code == 303
    service_.kill()
    mail_sink.start()
    service_.start()
    sent = await asyncio.to_thread(mail_sink.wait, EMAIL, matching=lambda letter: letter.subject == SUBJECT)
    async with httpx2.AsyncClient() as client:
        assert "Яма у школы" in (await client.get(sent[0].links[0])).text
    assert EMAIL not in service_.log
    assert sent[0].links[0].rpartition("/")[2] not in service_.log

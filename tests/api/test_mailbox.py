"""Answers by mail: real letters over a real LMTP session, and how each is handled."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import time
import zipfile

import orjson
import pytest

from tests.api.test_letters import letters
from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, EMAIL, make_site, submit_report
from tests.support.lmtp import Lmtp
from tests.support.mail import Letter, MailSink
from tests.support.mailbox import AgencyMailbox
from tests.support.processes import free_port
from widget_api import clock
from widget_api.attachments.documents import service as documents
from widget_api.context import Context
from widget_api.database import Database
from widget_api.followers import service as following
from widget_api.mail import verp
from widget_api.mailbox import lmtp, parse, service
from widget_api.mailbox.model import Arrival
from widget_api.problems import lifecycle, pictures
from widget_api.problems.model import Actor, Change
from widget_api.problems.persons import Person
from widget_api.problems.store import records
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Site

OFFICE = "priem@gorod.test"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def settings(make_settings, database_url: str, port: int) -> Settings:  # type: ignore[no-untyped-def]
    made: Settings = make_settings(database_url=database_url, inbound=f"lmtp://127.0.0.1:{port}")
    return made


@pytest.fixture
async def mailbox(context: Context, port: int) -> AgencyMailbox:
    """A published report of an agency in e-mail mode; the LMTP server listens."""
    site = await make_site(context.database, agency={"mode": "email", "email": OFFICE})
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    for _ in range(600):
        try:
            await (await Lmtp.connect(port)).close()
            break
        except OSError:
            await asyncio.sleep(0.02)
    return AgencyMailbox(context, site, receipt.problem_id, port)


async def beside(mailbox: AgencyMailbox, site: Site | None = None) -> AgencyMailbox:
    """Another published report, of the same site or of this one."""
    site = site or mailbox.site
    receipt = await submit_report(mailbox.database, site, description="Вторая яма, у аптеки")
    await lifecycle.confirm(mailbox.database, site.id, receipt.problem_id)
    return AgencyMailbox(mailbox.context, site, receipt.problem_id, mailbox.port)


async def acknowledged(mailbox: AgencyMailbox, sink: MailSink) -> Letter:
    """The one letter that tells the sender how the answer was handled."""
    (received,) = [one for one in await letters(mailbox.context, sink, OFFICE) if "Ответ на сообщение" in one.subject]
    return received


# --- what is published -----------------------------------------------------------------------------------------------


@ONE_DATABASE
async def test_an_answer_is_published(mailbox: AgencyMailbox) -> None:
    for name, status, text in (
        ("plain", "answered", "Добрый день.\n\nЯму на переходе заделали 24 ноября, гарантия два года.\n\nС уважением,\n"
         "Приёмная администрации"),
        ("resolved", "resolved", "Яму заделали 24 ноября."),
        ("bare_word", "resolved", "Решено"),
        ("subject_word", "resolved", "Яму заделали 24 ноября."),
        ("raw_subject", "in_progress", "Подрядчик вышел на место."),
        ("in_progress_until", "in_progress", "В работе до 15.12\n\nПодрядчик вышел на место."),
        ("planned", "planned", "Работы включены в план."),
        ("rejected", "rejected", "участок принадлежит собственнику дома, ремонт — его обязанность."),
        ("redirected", "redirected", "Дорога областная."),
        ("english", "resolved", "The pothole was filled yesterday."),
        ("outlook", "resolved", "бордюр восстановлен.\n\nС уважением,\nИванов И. И."),
        ("outlook_html", "resolved", "бордюр восстановлен.\n\nСпасибо за обращение & бдительность."),
        ("yandex", "resolved", "фонарь заменили."),
        ("mailru", "planned", "Плитку заказали."),
        ("gmail", "resolved", "люк закрыли."),
        ("apple", "resolved", "скамейку починили."),
        ("thunderbird", "resolved", "яму засыпали щебнем и закатали асфальтом, движение по переходу открыто с "
         "сегодняшнего утра."),
        ("windows1251", "resolved", "яму заделали, спасибо за сигнал."),
        ("koi8r", "resolved", "яму заделали, спасибо за сигнал."),
        ("koi8_as_1251", "resolved", "яму заделали, спасибо за сигнал."),
        ("no_charset", "resolved", "яму заделали, спасибо за сигнал."),
        ("html_only", "resolved", "Яму заделали:\n- щебень\n- асфальт"),
        ("broken_boundary", "resolved", "яму заделали."),
        ("broken_unended", "resolved", "яму заделали."),
        ("inside_hop", "resolved", "через свой фильтр."),
    ):  # fmt: skip
        one = await beside(mailbox)
        assert (await one.send(name)).startswith("250"), name
        problem, written = await one.problem(), await one.last()
        assert (problem["status"], await one.answer()) == (status, text), name
        noted = (written["kind"], written["state"], written["event_id"])
        assert noted == ("answer", "taken", problem["status_event"]), name
        assert written["text"] is None, "what is published hangs on the event, where it can be erased"


async def test_dates_and_responsible_organisations_are_stored(mailbox: AgencyMailbox) -> None:
    await mailbox.send("in_progress_until")
    born = (await mailbox.problem())["status_event"]
    (event,) = await mailbox.database.rows("SELECT data FROM events WHERE id = :id", id=born)
    assert orjson.loads(event["data"])["expected_on"].endswith("-12-15")
    await mailbox.send("", raw=mailbox.letter("in_progress_until").replace(b"15.12", b"20.12"))
    problem = await mailbox.problem()
    assert (problem["status"], problem["expected_on"][4:]) == ("planned", "-12-20"), "work under way has a new date"
    await mailbox.send("planned")
    assert (await mailbox.problem())["expected_on"] == "2099-12-15"
    await mailbox.send("redirected")
    assert (await mailbox.problem())["responsible"] == "Министерство транспорта области"


async def test_sender_and_author_are_notified_and_the_agency_noted(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    await mailbox.send("resolved")
    taken = await acknowledged(mailbox, mail_sink)
    assert taken.subject == "Ответ на сообщение № 1 принят"
    assert "Новый статус: «Решено»." in taken.text
    assert taken.sender == "<>", "nobody answers an answer (RFC 3834)"
    assert taken.message["Auto-Submitted"] == "auto-replied"
    assert taken.message["In-Reply-To"] == "<resolved.20261125@gorod.test>"
    assert mail_sink.to(EMAIL)[-1].text.count("Яму заделали 24 ноября.") == 1
    event = await mailbox.database.row("SELECT actor, user_id FROM events WHERE status = 'resolved'")
    assert event is not None
    assert (event["actor"], event["user_id"]) == (Actor(kind="agent").kind, None)
    assert (await sites.by_id(mailbox.database, mailbox.site.id)).agency.email == OFFICE


# --- what came with it -----------------------------------------------------------------------------------------------


async def test_attachments_are_published_with_the_answer(mailbox: AgencyMailbox) -> None:
    other = await beside(mailbox)
    for name, called, one in (("pdf", "Акт.pdf", await beside(mailbox)), ("pdf_alone", "otvet.pdf", other)):
        await one.send(name)
        (document,) = await one.list_documents()
        assert (document["name"], document["media_type"]) == (called, "application/pdf"), name
    assert ((await other.problem())["status"], await other.answer()) == ("answered", "Ответ — в приложенных файлах.")
    await mailbox.send("photo")
    (photo,) = await pictures.list_pictures(mailbox.database, mailbox.problem_id)
    assert (photo["role"], photo["event_id"]) == ("answer", (await mailbox.problem())["status_event"])


async def test_office_files_with_macros_are_removed(mailbox: AgencyMailbox, client, mail_sink: MailSink) -> None:  # type: ignore[no-untyped-def]
    await mailbox.send("office")
    (document,) = await mailbox.list_documents()
    assert document["name"] == "act.docx"
    (shown,) = documents.public_documents("", [document])
    answer = await client.get(shown["url"])
    assert answer.headers["content-type"] == document["media_type"]
    assert answer.headers["content-disposition"].startswith('attachment; filename="document.docx"')
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    taken = await acknowledged(mailbox, mail_sink)
    assert "smeta.xlsm" in taken.text
    assert "act.docx" not in taken.text


async def test_invalid_documents_are_left_out_and_reported(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    await mailbox.send("executable")
    assert (await mailbox.problem())["status"] == "resolved"
    assert not await mailbox.list_documents()
    taken = await acknowledged(mailbox, mail_sink)
    assert "act.pdf, photos.zip" in taken.text


def archive_of_relationships(relationships: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        made.writestr("word/document.xml", "<document/>")
        made.writestr("word/_rels/document.xml.rels", relationships)
    return out.getvalue()


@ONE_DATABASE
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("smeta.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "Workbook".encode("utf-16-le")),
        ("act.docx", archive_of_relationships(b"<Relationships>" + b"<Relationship " * 30_000)),
    ],
)
async def test_office_files_that_are_not_read_are_left_out_and_reported(
    mailbox: AgencyMailbox, mail_sink: MailSink, name: str, content: bytes
) -> None:
    """The second, 2.4 kB long, stopped the whole process for 22 seconds."""
    raw = mailbox.letter("executable").replace(b"act.pdf", name.encode())
    content_of = re.compile(rb"(%b.*?\r\n\r\n).*?(?=--BOUND)" % name.encode(), re.DOTALL)
    raw, replaced = content_of.subn(lambda found: found[1] + base64.encodebytes(content), raw, count=1)
    assert replaced
    begun = time.process_time()
    await mailbox.send("executable", raw=raw)
    assert time.process_time() - begun < 4, "processor time"
    assert not await mailbox.list_documents()
    taken = (await acknowledged(mailbox, mail_sink)).text
    assert name in taken
    assert ".xlsx" in taken


async def test_logos_in_signatures_are_ignored(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    await mailbox.send("logo")
    photos = await pictures.list_pictures(mailbox.database, mailbox.problem_id)
    assert [photo["width"] for photo in photos] == [480]
    assert "logo.png" not in (await acknowledged(mailbox, mail_sink)).text


# --- what is held ----------------------------------------------------------------------------------------------------


@ONE_DATABASE
async def test_ambiguous_letters_are_held_for_review(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    before, told = (await mailbox.problem())["status_event"], 0
    for name, reason in (
        ("spoofed", "dmarc"), ("no_results", "dmarc"), ("forged_below", "dmarc"), ("forged_outside", "dmarc"),
        ("forged_other_server", "dmarc"), ("other_domain", "dmarc"), ("two_writers", "sender"),
        ("unlisted", "sender"), ("unclear", "unclear"), ("planned_past", "date_past"), ("rejected_bare", "text"),
        ("status_not_allowed", "status"), ("empty", "empty"), ("broken_base64", "other"),
    ):  # fmt: skip
        assert (await mailbox.send(name)).startswith("250"), name
        held = await mailbox.last()
        assert (held["state"], held["reason"], held["problem_id"]) == ("held", reason, mailbox.problem_id), name
        assert (await mailbox.problem())["status_event"] == before, name
        assert await mailbox.context.storage.get_letter(held["stored"]) is not None
        told += reason not in ("dmarc", "sender")
        answered = [one for one in await letters(mailbox.context, mail_sink, OFFICE) if "Ответ на" in one.subject]
        assert [one.subject for one in answered] == ["Ответ на сообщение № 1 ждёт проверки"] * told, name
    assert not mail_sink.to("sosed@gorod.test"), "no backscatter"


async def test_a_site_may_hold_every_answer_for_review(mailbox: AgencyMailbox) -> None:
    await changes.update_site(mailbox.database, mailbox.site.id, {"mail_answers": "hold"})
    await mailbox.send("resolved")
    (held,) = await mailbox.held_letters()
    assert (held["reason"], held["status"], held["text"]) == ("site", "resolved", "Яму заделали 24 ноября.")


async def test_moderation_by_the_operator_and_of_spam_is_not_bypassed(mailbox: AgencyMailbox) -> None:
    site = await make_site(
        mailbox.database, moderator="operator", moderation="before", agency={"mode": "email", "email": OFFICE}
    )
    other = await beside(mailbox, site)
    await other.send("resolved")
    assert (await other.held_letters())[0]["reason"] == "moderator"
    assert (await other.problem())["status"] == "moderation"
    site = await make_site(mailbox.database, moderation="before", agency={"mode": "email", "email": OFFICE})
    receipt = await submit_report(mailbox.database, site)
    await lifecycle.mark_spam(mailbox.database, AGENT, site.id, receipt.problem_id, True)
    other = AgencyMailbox(mailbox.context, site, receipt.problem_id, mailbox.port)
    await other.send("resolved")
    assert (await other.held_letters())[0]["reason"] == "spam"


@pytest.mark.parametrize("listed", ["Sosed@Gorod.test", "@gorod.test"])
async def test_only_listed_senders_and_domains_are_accepted(mailbox: AgencyMailbox, listed: str) -> None:
    await changes.update_agency(mailbox.database, mailbox.site.agency.id, {"senders": [listed]})
    await mailbox.send("unlisted")
    assert (await mailbox.problem())["status"] == "resolved"


async def test_invalid_expired_and_foreign_tokens_are_refused(mailbox: AgencyMailbox) -> None:
    local, _, domain = mailbox.reply.partition("@")
    other = verp.reply_address(
        mailbox.context.settings, mailbox.context.signer, mailbox.problem_id, mailbox.site.id, clock.new_id()
    )
    assert other is not None
    old = mailbox.context.signer.sign_for_mail(
        verp._PURPOSES["reply"],
        mailbox.problem_id,
        verp.about(mailbox.site.id, mailbox.site.agency.id),
        clock.now() // 86_400 - 366,
    )
    forged = f"{local[:-4]}aaaa@{domain}"
    for place, address in enumerate((forged, other, f"widget+r{old}@{domain}")):
        raw = mailbox.letter("resolved", reply=address).replace(b"resolved.2026", f"resolved{place}.2026".encode())
        await mailbox.send("", raw=raw, to=address)
        assert (await mailbox.last())["reason"] == "token"
        assert (await mailbox.last())["state"] == "held"
    assert (await mailbox.problem())["status"] == "accepted"
    upper = local.partition("+")[0] + "+" + local.partition("+")[2].upper()
    await mailbox.send("resolved", to=f"{upper}@{domain.upper()}")
    assert (await mailbox.problem())["status"] == "resolved", "mail systems fold case"


async def test_a_letter_without_a_token_is_held_if_its_agency_is_known(mailbox: AgencyMailbox) -> None:
    await mailbox.send("unsigned_address", to="widget@widget.test")
    assert [(row["state"], row["reason"], row["site_id"]) for row in await mailbox.records()] == [
        ("held", "token", mailbox.site.id)
    ]
    await mailbox.send("", raw=mailbox.letter("unlisted", reply="widget@widget.test"), to="widget@widget.test")
    last = await mailbox.last()
    assert (last["state"], last["reason"], last["text"], last["sender"]) == ("ignored", "nobody", None, None)


async def test_erased_reports_accept_no_answers(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    await mailbox.send("spoofed")
    await lifecycle.erase(mailbox.database, AGENT, mailbox.site.id, mailbox.problem_id)
    (row,) = await mailbox.records()
    assert (row["state"], row["text"], row["sender"], row["subject"]) == ("refused", None, None, None)
    await mailbox.send("resolved")
    last = await mailbox.last()
    assert (last["state"], last["reason"]) == ("refused", "erased")
    received = await acknowledged(mailbox, mail_sink)
    assert received.subject == "Ответ на сообщение № 1 не принят"


async def test_held_letters_of_strangers_are_limited(mailbox: AgencyMailbox) -> None:
    for place in range(22):
        raw = mailbox.letter("unlisted").replace(b"unlisted.2026", f"unlisted{place}.2026".encode())
        await mailbox.send("", raw=raw)
    assert len(await mailbox.held_letters()) == 20
    assert (await mailbox.last())["reason"] == "too_many"


# --- what is no answer -----------------------------------------------------------------------------------------------


@ONE_DATABASE
async def test_automatic_letters_get_no_reply(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    for name, kind, reason in (
        ("out_of_office", "automatic", "auto_submitted"),
        ("out_of_office_bare", "automatic", "away"),
        ("loop", "loop", "loop"),
        ("list", "loop", "list"),
        ("bounce_forged", "bounce", "not_ours"),
    ):
        await mailbox.send(name)
        last = await mailbox.last()
        assert (last["kind"], last["state"], last["reason"]) == (kind, "ignored", reason), name
        assert (await mailbox.problem())["status"] == "accepted"
        assert len(await letters(mailbox.context, mail_sink, OFFICE)) == 1, "the report, and nothing in return"
    (report,) = await letters(mailbox.context, mail_sink, OFFICE)
    await mailbox.send("", raw=report.raw)
    assert ((await mailbox.last())["kind"], (await mailbox.last())["state"]) == ("loop", "ignored")
    await mailbox.send("plain", sender="")
    assert ((await mailbox.last())["kind"], (await mailbox.last())["reason"]) == ("automatic", "null_sender")


async def test_a_bounce_and_no_delay_marks_it_until_it_answers(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    async def failure() -> tuple[int | None, str | None]:
        (row,) = await mailbox.database.rows("SELECT email_failed_at, email_failure FROM agencies")
        return row["email_failed_at"], row["email_failure"]

    (report,) = await letters(mailbox.context, mail_sink, OFFICE)
    assert report.sender.startswith("widget+a")
    for name in ("bounce_delayed", "bounce_expired"):
        await mailbox.send("", raw=mailbox.letter(name, bounce=report.sender), to=report.sender, sender="")
        assert ((await mailbox.last())["reason"], await failure()) == ("not_final", (None, None)), name
    local, _, domain = report.sender.partition("@")
    forged = f"{local[:-1]}{'b' if local.endswith('a') else 'a'}@{domain}"
    raw = mailbox.letter("bounce", bounce=forged).replace(b"<bounce@", b"<forged@")
    await mailbox.send("", raw=raw, to=forged, sender="")
    assert ((await mailbox.last())["reason"], await failure()) == ("not_ours", (None, None))
    raw = mailbox.letter("bounce", bounce=report.sender)
    await mailbox.send("", raw=raw, to=report.sender, sender="")
    at, said = await failure()
    assert at is not None
    assert said == "5.1.1 550 5.1.1 <…@…>: user unknown"
    assert (await mailbox.last())["state"] == "taken"
    await mailbox.send("resolved")
    assert await failure() == (None, None)


async def test_a_bounce_ends_a_followers_subscription(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    database, site = mailbox.database, mailbox.site
    person = Person(email="sosed@gorod.test", language="ru", consent_version="1", consent_hash="1", ip=None)
    number = (await mailbox.problem())["number"]
    await following.follow_problem(database, site.id, number, person, None)
    (asked,) = await letters(mailbox.context, mail_sink, person.email)
    assert asked.sender.startswith("widget+f")
    (follower,) = await database.rows("SELECT * FROM followers")
    await following.confirm_following(database, follower)
    await mailbox.send("", raw=mailbox.letter("bounce", bounce=asked.sender), to=asked.sender, sender="")
    (stopped,) = await database.rows("SELECT * FROM followers")
    assert stopped["stopped_at"] is not None
    assert stopped["email"] is None
    await lifecycle.change(database, AGENT, site.id, mailbox.problem_id, Change(to="resolved", text="Готово"))
    assert len(await letters(mailbox.context, mail_sink, person.email)) == 1


async def test_a_bounce_stops_letters_to_the_author(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    before = await letters(mailbox.context, mail_sink, EMAIL)
    assert before[0].sender.startswith("widget+c")
    await mailbox.send("", raw=mailbox.letter("bounce", bounce=before[0].sender), to=before[0].sender, sender="")
    contact = await mailbox.database.row("SELECT failed_at, failure FROM contacts")
    assert contact is not None
    assert contact["failed_at"] is not None
    await mailbox.change("resolved", text="Готово")
    assert len(await letters(mailbox.context, mail_sink, EMAIL)) == len(before)


# --- what is too much, and what comes twice --------------------------------------------------------------------------


async def test_a_letter_is_processed_once(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    await mailbox.send("resolved")
    await mailbox.change("in_progress")
    again = b"Received: from elsewhere ([93.184.216.35]) by gorod.test; now\r\n" + mailbox.letter("resolved")
    assert (await mailbox.send("resolved")).startswith("250")
    assert (await mailbox.send("", raw=again)).startswith("250")
    assert (await mailbox.problem())["status"] == "in_progress"
    assert len(await mailbox.records()) == 1
    subjects = [one.subject for one in await letters(mailbox.context, mail_sink, OFFICE)]
    assert subjects.count("Ответ на сообщение № 1 принят") == 1


async def test_concurrent_copies_of_a_letter_are_processed_once(mailbox: AgencyMailbox) -> None:
    raw = mailbox.letter("planned")  # which may be decided repeatedly
    arrival = Arrival(raw, OFFICE, (mailbox.reply,))
    await asyncio.gather(*(service.receive_letter(mailbox.context, arrival) for _ in range(4)))
    events = await mailbox.database.rows("SELECT 1 FROM events WHERE status = 'planned'")
    assert (len(events), len(await mailbox.records())) == (1, 1)


async def test_one_letter_may_answer_two_reports(mailbox: AgencyMailbox) -> None:
    other = await beside(mailbox)
    client = await Lmtp.connect(mailbox.port)
    answers = await client.deliver(mailbox.letter("resolved"), [mailbox.reply, other.reply])
    await client.close()
    assert [answer[:3] for answer in answers] == ["250", "250"]
    assert [(await one.problem())["status"] for one in (mailbox, other)] == ["resolved", "resolved"]


async def test_an_oversized_letter_is_refused_for_each_recipient(mailbox: AgencyMailbox) -> None:
    client = await Lmtp.connect(mailbox.port)
    raw = mailbox.letter("resolved") + b"x" * 76 * 10 + (b"y" * 76 + b"\r\n") * (parse.MAX_SIZE // 78 + 10)
    answers = await client.deliver(raw, [mailbox.reply, "widget@widget.test"])
    assert [answer[:9] for answer in answers] == ["552 5.3.4", "552 5.3.4"]
    again = await client.deliver(mailbox.letter("resolved"), [mailbox.reply])
    assert again[0].startswith("250"), "the conversation goes on"
    await client.close()


async def test_deeply_nested_letters_are_refused(mailbox: AgencyMailbox) -> None:
    for name in ("nested", "deep"):
        assert (await mailbox.send(name)).startswith("250"), name
        assert ((await mailbox.last())["state"], (await mailbox.last())["reason"]) == ("refused", "too_complex")


async def test_the_number_of_sessions_is_limited(mailbox: AgencyMailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmtp, "MAX_CONNECTIONS", 3)
    opened = [await Lmtp.connect(mailbox.port) for _ in range(3)]
    reader, writer = await asyncio.open_connection("127.0.0.1", mailbox.port)
    assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"421 4.3.2 ")
    writer.close()
    await opened.pop().close()
    assert await mailbox.send("resolved") == "250 2.0.0 Kept"
    for client in opened:
        await client.close()


async def test_only_a_bounded_number_of_addresses_in_a_header_is_checked(mailbox: AgencyMailbox) -> None:
    signer, settings, about = mailbox.context.signer, mailbox.context.settings, verp.about("x", "y")
    forged = [verp.reply_address(settings, signer, clock.new_id(), *about.split()) for _ in range(200)]
    copied = "".join(f"Cc: {address}\r\n" for address in forged).encode()
    looked: set[str] = set()
    find = records.find

    async def counted(database: Database, problem_id: str):  # type: ignore[no-untyped-def]
        looked.add(problem_id)
        return await find(database, problem_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "find", counted)
        await mailbox.send("resolved", raw=copied + mailbox.letter("resolved"))
    assert len(looked) <= service.MAX_DESTINATIONS
    assert (await mailbox.problem())["status"] == "resolved"  # recipients in the envelope come first


async def test_a_database_outage_is_a_temporary_fault(mailbox: AgencyMailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as patch:  # raised by the database in the middle of a delivery
        patch.setattr(Database, "write", away)
        assert (await mailbox.send("resolved")).startswith("451 4.3.0")
    assert await mailbox.records() == []
    assert (await mailbox.send("resolved")).startswith("250")
    assert (await mailbox.problem())["status"] == "resolved"


async def test_one_process_listens_and_another_takes_over(mailbox: AgencyMailbox, tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OSError):
        async with lmtp.run_server(mailbox.context, f"lmtp://127.0.0.1:{mailbox.port}"):
            pass
    path = tmp_path / "widget.sock"
    async with lmtp.run_server(mailbox.context, f"lmtp://{path}"):
        with pytest.raises(lmtp.AlreadyListening):
            async with lmtp.run_server(mailbox.context, f"lmtp://{path}"):
                pass
        client = await Lmtp.connect(path=str(path))
        (answer,) = await client.deliver(mailbox.letter("resolved"), [mailbox.reply])
        assert answer.startswith("250")
        await client.close()
    async with lmtp.run_server(mailbox.context, f"lmtp://{path}"):
        await (await Lmtp.connect(path=str(path))).close()


async def test_the_letter_explains_how_to_answer(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    (report,) = await letters(mailbox.context, mail_sink, OFFICE)
    assert report.message["Reply-To"] == mailbox.reply
    assert len(mailbox.reply.partition("@")[0]) <= 64
    assert "Решено · В работе до 15.12" in report.text
    for part in (report.text, report.html or ""):
        assert "Решено" in part
        assert "В работе до 15.12" in part
        assert f"/s/{mailbox.site.key}/problems/1" in part


# --- the number in the agency's document system ----------------------------------------------------------------------


async def registered(mailbox: AgencyMailbox) -> tuple[str | None, str | None]:
    problem = await mailbox.problem()
    return problem["document_number"], problem["document_date"]


def with_subject(raw: bytes, subject: str, *, header: str = "", text: str | None = None) -> bytes:
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = re.sub(rb"Subject: [^\n]*", f"Subject: {subject}".encode(), head) + header.encode()
    return lines + b"\n\n" + (body if text is None else text.encode())


async def test_a_number_comes_with_an_answer(mailbox: AgencyMailbox) -> None:
    for subject, header, number in (
        ("Re: Сообщение № 1: решено, вх. № 12-34/ОГ от 01.12.2026 г.", "", ("12-34/ОГ", "2026-12-01")),
        ("Решено (рег. № 12-34)", "", ("12-34", None)),
        ("Решено", "\nX-Registration-Number: 12-34 от 2026-12-01", ("12-34", "2026-12-01")),
        ("Решено, вх. № 5", "\nX-Registration-Number: =?utf-8?B?MTIt0J7Qkw==?=", ("12-ОГ", None)),
        ("Re: Сообщение № 1: решено", "", (None, None)),
    ):
        one = await beside(mailbox)
        raw = with_subject(one.letter("resolved"), subject, header=header, text="Решено. Яму заделали 24 ноября.\n")
        await one.send("", raw=raw)
        assert (await one.problem())["status"] == "resolved", subject
        assert await registered(one) == number


async def test_a_number_alone_is_no_answer(mailbox: AgencyMailbox, mail_sink: MailSink) -> None:
    (first,) = await letters(mailbox.context, mail_sink, OFFICE)
    raw = with_subject(mailbox.letter("plain"), "Re: Сообщение № 1, вх. № 12-34 от 01.12.2026", text="")
    await mailbox.send("", raw=raw)
    assert (await mailbox.problem())["status"] == "accepted"
    assert await registered(mailbox) == ("12-34", "2026-12-01")
    assert (await mailbox.last())["state"] == "taken"
    assert "Рег. номер сообщения № 1 записан" in (await acknowledged(mailbox, mail_sink)).text
    await mailbox.change("in_progress")
    await lifecycle.change(
        mailbox.database, Actor(kind="resident"), mailbox.site.id, mailbox.problem_id, Change(to="withdrawn")
    )
    last = (await letters(mailbox.context, mail_sink, OFFICE))[-1]
    assert first.message["X-Registration-Number"] is None
    assert last.message["X-Registration-Number"] == "12-34", "the document system files it"


async def test_only_the_agency_gives_numbers(mailbox: AgencyMailbox) -> None:
    number = "Re: вх. № 66-6 от 01.12.2026"
    await mailbox.send("", raw=with_subject(mailbox.letter("unlisted"), number, text=""))
    forged = mailbox.letter("resolved").replace(b"dmarc=pass", b"dmarc=fail")
    await mailbox.send("", raw=with_subject(forged, number, text=""))
    local, _, domain = mailbox.reply.partition("@")
    other = f"{local[:-4]}aaaa@{domain}"
    misled = mailbox.letter("resolved", reply=other).replace(b"resolved.2026", b"misled.2026")
    await mailbox.send("", raw=with_subject(misled, number, text=""), to=other)
    assert [row["state"] for row in await mailbox.records()] == ["held"] * 3
    assert await registered(mailbox) == (None, None)
    unclear = with_subject(mailbox.letter("resolved"), number, text="Решено провести проверку.\n")
    await mailbox.send("", raw=unclear)
    assert (await mailbox.last())["state"] == "held"
    assert await registered(mailbox) == ("66-6", "2026-12-01"), "known, whatever becomes of the answer"
    await lifecycle.erase(mailbox.database, AGENT, mailbox.site.id, mailbox.problem_id)
    await mailbox.send("", raw=with_subject(mailbox.letter("resolved"), "вх. № 77-7", text=""))
    assert await registered(mailbox) == (None, None)

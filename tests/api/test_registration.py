"""Self-service registration: the application, the proofs of a domain, the operator's decision, a handover."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import time_machine

from tests.conftest import ONE_DATABASE, Client
from tests.factories import existing, make_site
from tests.fake_platform import FakePlatform
from tests.support.cabinet import Cabinet, Enter, PageText
from tests.support.journal import read_journal
from tests.support.mail import MailSink
from tests.support.name_server import NameServer
from tests.support.pictures import noise, photo
from tests.support.registration import (
    CONTACT,
    INN,
    NAME,
    NEW,
    OTHER_INN,
    PDF,
    Applicant,
    TownHost,
    letters_to,
    plant_application,
)
from widget_api import clock, journal
from widget_api.app import open_context
from widget_api.attachments.documents import service as documents
from widget_api.clock import DAY
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.errors import Conflict, Invalid
from widget_api.ops import retention
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.registration import proof, recheck, service, store
from widget_api.registration.model import KEPT_DAYS, PROOF_PATH, SENT_KEPT_DAYS, Sight
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites import store as site_store
from widget_api.sites.install import service as install
from widget_api.sites.model import Site

APPLICATIONS = "/cabinet/operator/applications"
CHOSEN = "тихая река у старой мельницы"
Apply = Callable[..., Applicant]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    with NameServer(tmp_path_factory.mktemp("dns")) as server:
        yield server


@pytest.fixture
def settings(make_settings: Callable[..., Settings], database_url: str, names: NameServer) -> Settings:
    names.clear()
    return make_settings(database_url=database_url, work="off", dns=names.address)


@pytest.fixture
def town() -> Iterator[TownHost]:
    host = TownHost("127.0.0.21")
    yield host
    host.close()


@pytest.fixture
def apply(context: Context, client: Client, mail_sink: MailSink, town: TownHost) -> Apply:
    def make(origin: str = "", **fields: str) -> Applicant:
        return Applicant(context, client, mail_sink, origin or town.origin, **fields)

    return make


@pytest.fixture
async def operator(enter: Enter) -> Cabinet:
    return await enter("operator", None)


async def count(context: Context, table: str) -> int:
    row = existing(await context.database.row(f"SELECT COUNT(*) FROM {table}"))
    return int(row[0])


async def stored_documents(context: Context) -> list[str]:
    return [one async for batch in context.storage.documents() for one in batch]


async def kinds(context: Context) -> list[str]:
    return [entry["kind"] for entry in reversed(await read_journal(context.database))]


# --- the way of a webmaster ------------------------------------------------------------------------------------------


async def test_from_the_form_to_the_key(
    apply: Apply, town: TownHost, context: Context, client: Client, operator: Cabinet, mail_sink: MailSink,
    fake: FakePlatform,
) -> None:  # fmt: skip
    """Every step by forms alone; agency, site and key exist once the operator has approved, not before."""
    platform = Platform(id="p1", name="Портал", url=fake.url, key="k", protocol="georeport")
    await platforms.insert_platform(context.database, platform)
    applicant = await apply().begin()
    (letter,) = await letters_to(context, mail_sink)
    assert letter.subject == "Заявка на подключение сайта"
    assert town.origin in letter.text
    assert not any(text in letter.text for text in (NAME, "Лукин")), "a stranger may have written it"
    assert applicant.link in (letter.html or "")
    page = await applicant.read()
    assert [form.action.rpartition("/")[2] for form in page.forms] == ["confirm"]
    answer = await applicant.press_confirm()
    assert answer.headers["location"].endswith("/work?done=confirmed")
    square = '{"type":"Polygon","coordinates":[[[38.7,55.0],[38.9,55.0],[38.9,55.1],[38.7,55.1],[38.7,55.0]]]}'
    work = {"mode": "email", "registry_number": "77-22-123456", "area": square}
    assert (await applicant.post("/work", **work, time_zone="Mars/Olympus")).status_code == 422
    swapped = re.sub(r"\[([\d.]+),([\d.]+)\]", r"[\2,\1]", square)
    answer = await applicant.post("/work", **work | {"area": swapped}, time_zone="Asia/Omsk")
    assert (answer.status_code, "Широта и долгота переставлены" in answer.text) == (422, True)
    assert ("<svg viewBox" in answer.text, (await applicant.row())["area"]) == (True, None)
    answer = await applicant.post("/work", **work | {"area": ""}, time_zone="Asia/Omsk", swap="yes")
    assert (answer.status_code, "Выберите файл ещё раз" in answer.text) == (422, True), "it would be dropped"
    answer = await applicant.post("/work", **work | {"area": swapped}, time_zone="Asia/Omsk", swap="yes")
    assert answer.headers["location"].endswith("/proof?done=saved")
    await applicant.prove_by_file(town)
    assert "Домен подтверждён" in (await applicant.read()).text
    assert (await applicant.post("/send")).status_code == 303
    assert "Заявка у оператора" in (await applicant.read()).text
    assert await count(context, "sites") == 0

    assert "заявка на сайт" in (await operator.read("/cabinet/")).text
    (path,) = [link for link in (await operator.read(APPLICATIONS)).links if link.startswith(f"{APPLICATIONS}/")]
    store_area = "UPDATE applications SET area = :area"  # as they were stored before borders were checked
    await context.database.write(lambda tx: tx.run(store_area, area=swapped))
    assert "В границе территории переставлены широта и долгота" in (await operator.read(path)).text
    await context.database.write(lambda tx: tx.run(store_area, area=square))
    shown = (await operator.read(path)).text
    for text in (
        NAME, INN, CONTACT, "Пётр Лукин", "77-22-123456", "Омск (МСК+3)", "файл на сайте",
        "Официальная почта не на домене",
    ):  # fmt: skip
        assert text in shown
    answer = await operator.send(path, f"{path}/approve")
    assert answer.status_code == 303
    approved = (await operator.read(answer.headers["location"])).text
    assert "Заявка одобрена" in approved
    assert "Платформа «Портал» не знает этот сайт" in approved, "before the first report fails there"
    assert "приглашение отправлено, его ещё не приняли" in approved
    assert "Пригласите первого администратора" not in approved
    (site,) = await sites.list_sites(context.database)
    assert (site.agency.name, site.agency.inn, site.agency.mode) == (NAME, INN, "email")
    assert (site.agency.registry_number, site.origins, site.jurisdiction, site.time_zone) == (
        "77-22-123456", frozenset({town.origin}), town.host, "Asia/Omsk",
    )  # fmt: skip
    assert site.covers(55.05, 38.8)
    assert not site.covers(56, 38.8)

    invitation = next(one for one in (await letters_to(context, mail_sink))[-1].links if "/cabinet/invitation/" in one)
    assert (await client.post(invitation, data={"password": CHOSEN})).status_code == 303
    told = (await Cabinet(client).read("/cabinet/account")).form("/cabinet/account/notices").fields
    assert (told["notice_new"], told["notice_due"]) == ("digest", "digest"), "nobody else would hear of a report"
    own = (await Cabinet(client).read(f"/cabinet/sites/{site.id}")).text
    assert f"Домен {town.origin} подтверждён" in own
    assert site.key in (await client.get(f"/s/{site.key}/install")).text
    assert "Заявка одобрена" in (await applicant.read()).text
    written = await kinds(context)
    assert written[-6:] == [
        "agency_added", "site_added", "invited", "application_approved", "invitation_accepted", "signed_in",
    ]  # fmt: skip


async def test_nothing_happens_before_the_button(apply: Apply, town: TownHost) -> None:
    """Mail scanners follow links: GET and HEAD confirm nothing, and no step works before the address is confirmed."""
    applicant = await apply().begin()
    town.put_file((await applicant.row())["proof_token"])
    for step in ("", "/confirm", "/work", "/proof", "/send", "/details", "/letter", "/withdraw"):
        for method in ("GET", "HEAD"):
            answer = await applicant.client.request(method, applicant.link + step)
            assert answer.status_code in (200, 303, 405), (method, step)
    for step in ("/work", "/proof", "/send", "/details", "/withdraw"):
        answer = await applicant.post(step, method="file", sure="yes")
        assert applicant.link.endswith(answer.headers["location"])
    row = await applicant.row()
    assert (row["confirmed_at"], row["proven_at"], row["state"]) == (None, None, "draft")
    assert town.asked == []


async def test_a_refused_form_keeps_what_was_typed(apply: Apply, client: Client, context: Context) -> None:
    applicant = apply("ftp://gorod.test", inn="7707083894", email="no address", consent="", contact_name="")
    answer = await applicant.apply()
    assert answer.status_code == 422
    page = PageText(answer.text)
    for said in ("Это не адрес сайта: ftp:", "Проверьте ИНН", "Проверьте адрес почты", "Без согласия заявку"):
        assert said in page.text
    form = page.form(NEW)
    assert {name: form.fields.get(name, "") for name in applicant.fields} == applicant.fields | {"consent": ""}
    assert await count(context, "applications") == 0
    assert PageText((await client.get(f"{NEW}?origin=https://gorod.test")).text).form(NEW).fields["origin"] == (
        "https://gorod.test"
    )


@pytest.mark.parametrize("field", ["name", "contact_name", "contact_post"])
async def test_a_name_that_others_read_is_short_and_has_no_link(apply: Apply, context: Context, field: str) -> None:
    for text, said in (
        ("Вы победили: evil.test/prize", "без ссылок"),
        ("Зайдите на победа.рф", "без ссылок"),
        ("Пишите на a@b.test", "без ссылок"),
        ("Я" * 121, "Сократите до 120 знаков"),
    ):
        answer = await apply(**{field: text}).apply()
        assert (answer.status_code, said in answer.text) == (422, True), text
    assert await count(context, "applications") == 0
    assert (await apply(**{field: "МКУ им.Ленина г.Москва"}).apply()).status_code == 303


@ONE_DATABASE
@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("gorod.test", "https://gorod.test"),
        (" www.Gorod.test/news/?from=https://other.test#top ", "https://www.gorod.test"),
        ("http://gorod.test:8080/#", "http://gorod.test:8080"),
        ("Город.рф/приём", "https://xn--c1ac3aaj.xn--p1ai"),
    ],
)
async def test_the_address_of_any_page_is_that_of_its_site(
    apply: Apply, client: Client, context: Context, typed: str, origin: str
) -> None:
    assert 'type="url"' not in (await client.get(NEW)).text, "browsers refuse addresses without a scheme there"
    assert (await apply(typed).apply()).status_code == 303
    row = existing(await context.database.row("SELECT origin FROM applications"))
    assert row["origin"] == origin


async def test_the_register_knows_the_name(apply: Apply, context: Context, town: TownHost, operator: Cabinet) -> None:
    full = "Администрация " + "Зареченского " * 10 + "городского округа"

    async def load(tx: Any) -> None:
        await store.replace_names(tx, {INN: full, OTHER_INN: "Село"})

    await context.database.write(load)
    assert (await apply(name="").begin()).link
    row = existing(await context.database.row("SELECT name FROM applications"))
    assert row["name"] == full
    email = f"b@{town.host}"
    other = await apply(contact_email=email, email=email, inn=OTHER_INN, name="Город").send(town)
    shown = (await operator.read(f"{APPLICATIONS}/{(await other.row())['id']}")).text
    assert "В реестре под этим ИНН другое название: Село" in shown
    assert f"хорошо: Официальная почта на домене сайта, проверена: {email}" in shown, (
        "the letter with the link went there"
    )


async def test_details_can_be_corrected_and_another_origin_needs_another_proof(apply: Apply, town: TownHost) -> None:
    applicant = await apply().prove(town)
    form = next(one for one in (await applicant.read("/details")).forms if one.action.endswith("/details"))
    answer = await applicant.post("/details", **form.fields | {"contact_email": "evil@evil.test", "name": "Иное"})
    assert answer.status_code == 303
    row = await applicant.row()
    assert (row["name"], row["contact_email"], row["proven_at"] is None) == ("Иное", CONTACT, False)
    wrong = await applicant.post("/details", **form.fields | {"inn": "1", "name": "Третье"})
    assert wrong.status_code == 422
    assert "Третье" in wrong.text
    await applicant.post("/details", **form.fields | {"origin": "http://127.0.0.22"})
    row = await applicant.row()
    assert (row["proven_at"], row["proof_method"], row["host"]) == (None, None, "127.0.0.22")
    assert (await applicant.post("/send")).status_code == 422


@ONE_DATABASE
async def test_the_operator_sees_whose_territory_it_overlaps(context: Context, enter: Enter) -> None:
    """On the map and in per cent, before approving; a service's territory lies in its agency's."""
    square = '{"type":"Polygon","coordinates":[[[%s,55],[%s,55],[%s,55.1],[%s,55.1],[%s,55]]]}'
    neighbour = await make_site(context.database, area=square % (38, 39, 39, 38, 38), agency={"name": "Соседи"})
    await make_site(
        context.database, area=square % (38, 39, 39, 38, 38), agency={"name": "Свет", "parent_id": neighbour.agency.id}
    )
    await make_site(context.database, area=square % (30, 31, 31, 30, 30), agency={"name": "Далёкие"})
    application = await plant_application(context, area=square % (38.75, 39.75, 39.75, 38.75, 38.75))
    page = (await (await enter("operator", None)).client.get(f"{APPLICATIONS}/{application}")).text
    assert "Часть территории уже относится к другому ведомству: Соседи, 25 %" in page
    assert not any(name in page for name in ("Свет", "Далёкие"))
    assert page.count('<path class="neighbour"') == 1


async def test_a_letter_serves_instead_of_a_proof(apply: Apply, context: Context, operator: Cabinet) -> None:
    applicant = await apply().confirm()
    for name, content, status in (
        ("letter.exe", b"MZ", 422), ("big.pdf", b"%PDF-1.4" + b"0" * 10_500_000, 422),
        ("фото.jpg", photo(noise(64, 48)), 303), ("Письмо.pdf", PDF, 303),
    ):  # fmt: skip
        assert (await applicant.send_letter(name, content)).status_code == status, name
    assert (await applicant.client.post(f"{applicant.link}/letter", data={"a": "b"})).status_code == 422
    row = await applicant.row()
    assert row["letter_name"] == "Письмо.pdf"
    assert await stored_documents(context) == [row["letter_id"]], "the photo before it is deleted"
    await context.storage.put_document("01900000-0000-7000-8000-000000000000", PDF)
    await documents.reconcile(context.database, context.storage)
    assert await stored_documents(context) == [row["letter_id"]], "after a restore, what belongs to nothing is deleted"
    await applicant.post("/send")
    path = f"{APPLICATIONS}/{row['id']}"
    letter = await operator.client.get(f"{path}/letter")
    assert (letter.status_code, letter.content, letter.headers["content-type"]) == (200, PDF, "application/pdf")
    assert letter.headers["content-disposition"].startswith("attachment")
    assert (await operator.send(path, f"{path}/approve")).status_code == 303
    assert await count(context, "site_proofs") == 0, "nothing to look for again"


async def test_a_refusal_is_a_letter_with_the_reason(
    apply: Apply, context: Context, town: TownHost, mail_sink: MailSink, operator: Cabinet
) -> None:
    applicant = await apply().send(town)
    path = f"{APPLICATIONS}/{(await applicant.row())['id']}"
    assert (await decide(operator, applicant, "refuse", reason="  ")).status_code == 422
    assert (await decide(operator, applicant, "refuse", reason="Нужно письмо\nс подписью")).status_code == 303
    letter = (await letters_to(context, mail_sink))[-1]
    assert letter.subject == "Заявка на подключение сайта: отказ"
    assert "Нужно письмо\nс подписью" in letter.text.replace("\r\n", "\n")
    assert "с подписью" in (await applicant.read()).text
    for action in ("approve", "refuse"):
        page = await operator.client.post(f"{path}/{action}", data={**await token(operator), "reason": "Снова"})
        assert page.status_code == 409
        assert "уже отправлена или решена" in page.text
    assert (await kinds(context))[-1] == "application_refused"
    assert await count(context, "agencies") == 0
    again = await apply().begin()
    assert again.link != applicant.link, "a refused one does not stand in the way"


async def decide(operator: Cabinet, applicant: Applicant, action: str = "approve", **fields: str) -> httpx2.Response:
    path = f"{APPLICATIONS}/{(await applicant.row())['id']}"
    return await operator.send(path, f"{path}/{action}", **fields)


async def token(cabinet: Cabinet) -> dict[str, str]:
    page = await cabinet.read("/cabinet/account")
    return {"form_token": page.form("/cabinet/sign-out").fields["form_token"]}


# --- what a check of the domain sees ---------------------------------------------------------------------------------


async def test_what_a_check_sees(apply: Apply, town: TownHost, names: NameServer) -> None:
    """Each way says what it saw, and finds the proof where it is."""
    applicant = await apply().confirm()
    proof = (await applicant.row())["proof_token"]
    line, tag = f"igrajdanin-widget={proof}", f'<meta name="igrajdanin-widget" content="{proof}">'
    other, host = "igrajdanin-widget=other", town.host

    async def look(method: str, said: str) -> None:
        answer = await applicant.post("/proof", method=method)
        assert answer.status_code == 200, answer.headers.get("location")
        assert said in PageText(answer.text).text
        assert (await applicant.row())["proven_at"] is None

    await look("file", "сайт ответил 404")
    for text, said in (("", "он пустой"), (other, f"в нём другое: «{other}»"), (f"{line} и ещё", "в нём другое")):
        town.put(PROOF_PATH, text)
        await look("file", said)
    town.put(PROOF_PATH, "x" * 1_100_000)
    await look("file", "больше 1 МБ")
    town.put(PROOF_PATH, line, 500)
    await look("file", "Специалисту: HTTP 500.")
    town.put(PROOF_PATH, "", 302, Location="http://127.0.0.1:9/evil")
    await look("file", "перенаправляет на другой адрес: http://127.0.0.1:9/evil")

    await look("meta", "сайт ответил 404")
    for page, said in (
        ("<html><head></head></html>", "метатега в её <head> нет"),
        ('<meta name="igrajdanin-widget" content="other">', "значение другое: «other»"),
        (f"<head><!-- {tag} --></head>", "метатега в её <head> нет"),
        (f"<head></head><body><p>Отзыв гостя {tag}</p></body>", "метатега в её <head> нет"),
        (f"<p>{tag}", "метатега в её <head> нет"),
        (f"<title>{tag}</title>", "метатега в её <head> нет"),
    ):
        town.put("/", page)
        await look("meta", said)

    await look("dns", f"Записи TXT с нашим значением у {host} нет")
    for texts, said in (
        ([], "Записи TXT"), (["v=spf1 -all"], "Записи TXT"), ([other], f"значение другое: «{other}»"),
        (None, "Сайт не ответил"),
    ):  # fmt: skip
        names.set(host, texts)
        await look("dns", said)
    assert (await applicant.client.post(f"{applicant.link}/proof", data={"method": "guess"})).status_code == 404

    ways: tuple[tuple[str, Callable[[], None]], ...] = (
        ("file", lambda: town.put(PROOF_PATH, f"\ufeff{line}\r\n")),
        ("file", lambda: town.put(PROOF_PATH, f"{line}\r\n".encode("utf-16"))),
        ("file", lambda: town.put(PROOF_PATH, line.encode("utf-16-le"))),
        ("file", lambda: town.put(PROOF_PATH, codecs.BOM_UTF16_BE + line.encode("utf-16-be"))),
        ("meta", lambda: town.put("/", f"<!doctype html><title>Город</title><template><p>…</template>{tag}")),
        ("dns", lambda: names.set(host, ["v=spf1 -all", line])),
    )
    for method, put in ways:
        put()
        assert (await applicant.post("/proof", method=method)).headers["location"].endswith("done=found")
        assert (await applicant.row())["proof_method"] == method


async def test_what_visitors_write_proves_nothing(apply: Apply, town: TownHost) -> None:
    """In other parts of a page than its head, in text before it, in scripts, in values of attributes, in JSON."""
    applicant = await apply().confirm()
    tag = f'<meta name="igrajdanin-widget" content="{(await applicant.row())["proof_token"]}">'
    for page in (
        f'{{"comment": "{tag}"}}', f"Отзыв гостя {tag}", f"<head></head></html>{tag}", f"<style>{tag}</style>",
        f"<script>{tag}</script>", f"<script><!--<script></script>{tag}</script>", f"<noscript>{tag}</noscript>",
        f"<template><p></p>{tag}</template>", f"<meta name=description content='{' ' * 17_000}{tag}'>",
    ):  # fmt: skip
        town.put("/", page)
        answer = await applicant.post("/proof", method="meta")
        assert "метатега в её <head> нет" in PageText(answer.text).text, page[:80]
    town.put("/", tag, 200, **{"Content-Type": "application/json"})
    assert "не HTML, а application/json" in (await applicant.post("/proof", method="meta")).text
    town.put("/", f"<!doctype html><title>Город</title><template><p>…</template>{tag}")
    assert (await applicant.post("/proof", method="meta")).headers["location"].endswith("done=found")


@pytest.fixture
def in_production(make_settings: Callable[..., Settings], database_url: str) -> Settings:
    return make_settings(
        database_url=database_url, work="off", environment="production", sandbox="optional", smtp_url="smtp://127.0.0.1:1",
        secret_keys="Hq2mVtY8sKp4Wn7RzC1dXg6LbJ3fEu9A-Ta5",
    )  # fmt: skip


@ONE_DATABASE
async def test_production_takes_public_sites_alone(in_production: Settings, context: Context) -> None:
    from widget_api import i18n

    for origin, said in (
        ("http://gorod.ru", "https://, имя, без порта"),
        ("https://gorod.ru:8443", "https://, имя, без порта"),
        ("https://localhost", "https://, имя, без порта"),
        ("gorod", "https://, имя, без порта"),
        ("ftp://gorod.ru", "Это не адрес сайта"),
        ("admin@gorod.ru", "Это не адрес сайта"),
        ("https://user@gorod.ru", "Это не адрес сайта"),
        ("javascript:alert(1)", "Это не адрес сайта"),
    ):
        given = {
            "origin": origin,
            "inn": INN,
            "name": NAME,
            "email": "a@b.ru",
            "contact_name": "А",
            "contact_email": "a@b.ru",
        }
        with pytest.raises(Invalid) as raised:
            await service.check_details(context.database, in_production, given)
        (wrong,) = raised.value.fields
        assert said in i18n.field_error("ru", wrong.field, wrong.code, wrong.values), origin


async def test_production_never_looks_into_a_private_network(
    in_production: Settings, town: TownHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an address, by a name that leads there, and by a redirect of a public site."""
    from widget_api.outbound import Answer, Outbound

    outbound = Outbound()
    for origin in ("https://127.0.0.21", "https://localhost", "https://10.0.0.1"):
        assert (await proof.look(outbound, in_production, origin, "t", "file")).code == "forbidden"
    await outbound.close()
    asked = []

    async def redirect(self: Outbound, method: str, url: str, **options: Any) -> Answer:
        asked.append((url, options["operator"]))
        return Answer(302, {"location": town.origin + PROOF_PATH}, b"")

    monkeypatch.setattr(Outbound, "request", redirect)
    assert (await proof.look(Outbound(), in_production, "https://gorod.ru", "t", "file")).code == "elsewhere"
    assert asked == [("https://gorod.ru" + PROOF_PATH, False)]
    assert town.asked == []


# --- whoever wants what is not theirs --------------------------------------------------------------------------------


async def test_links_of_others_and_old_links_say_what_to_do(
    apply: Apply, town: TownHost, context: Context, client: Client
) -> None:
    mine = await apply().confirm()
    theirs = await apply(contact_email="b@zarechensk.test").confirm()
    # another application's token on the host proves nothing for this one
    town.put_file((await theirs.row())["proof_token"])
    answer = await mine.post("/proof", method="file")
    assert "в нём другое" in answer.text
    assert (await mine.row())["proven_at"] is None
    for link in (
        mine.link[:-3],
        mine.link + "x",
        "/sites/application/x",
        mine.link.replace("application/", "application/a"),
    ):
        for method, step in (("GET", ""), ("POST", "/confirm"), ("POST", "/send"), ("POST", "/withdraw")):
            answer = await client.request(method, link + step, data={"sure": "yes"} if method == "POST" else None)
            assert answer.status_code == 404
            assert "подайте заявку заново" in answer.text
            assert NEW in PageText(answer.text).links
    with time_machine.travel(clock.now() + 121 * DAY):
        assert (await client.get(mine.link)).status_code == 404
    foreign = {"origin": "https://evil.test", "sec-fetch-site": "cross-site"}
    assert (await client.post(f"{mine.link}/withdraw", data={"sure": "yes"}, headers=foreign)).status_code == 403
    assert (await client.post(NEW, data=mine.fields, headers=foreign)).status_code == 403
    assert await count(context, "applications") == 2


async def test_a_confirmed_draft_cannot_be_changed_by_the_public_form(
    apply: Apply, context: Context, mail_sink: MailSink
) -> None:
    """Who knows an address and a host gets nothing but another letter to that address; the page looks the same."""
    applicant = await apply().confirm()
    answer = await applicant.apply(name="Самозванцы", email="evil@evil.test", inn=OTHER_INN)
    fresh = await applicant.apply(contact_email="new@zarechensk.test")
    assert (answer.status_code, answer.headers["location"]) == (fresh.status_code, fresh.headers["location"])
    row = await applicant.row()
    assert (row["name"], row["email"], row["inn"]) == (NAME, "priem@zarechensk.test", INN)
    assert len(await letters_to(context, mail_sink)) == 2


async def test_what_a_stranger_wrote_into_a_draft_is_seen_before_it_is_confirmed(apply: Apply) -> None:
    applicant = await apply().begin()
    (form,) = (await applicant.read()).forms
    await applicant.apply(email="evil@evil.test", inn=OTHER_INN)
    refused = await applicant.post("/confirm", **form.fields)
    assert refused.status_code == 409
    assert (await applicant.row())["confirmed_at"] is None
    for text in ("evil@evil.test", OTHER_INN, NAME, "Лукин"):
        assert text in PageText(refused.text).text
    assert (await applicant.press_confirm()).status_code == 303


async def test_holders_of_a_host_get_one_letter_a_day(
    apply: Apply, town: TownHost, enter: Enter, context: Context, mail_sink: MailSink
) -> None:
    """However many ask for it, and take back what they asked; none for those who have proven nothing."""
    old = await make_site(context.database, allowed_origins=[town.origin])
    admin = await enter("admin", old.agency.id, "boss@staraya.test")
    for number, before, after in ((1, 0, 1), (2, 1, 1), (3, 1, 2)):
        with time_machine.travel(clock.now() + (DAY + 1 if number == 3 else 0), tick=False):
            applicant = await apply(contact_email=f"{number}@zarechensk.test", name=f"Управа {number}").confirm()
            await applicant.send_letter()
            assert (await applicant.post("/send")).status_code == 303
            assert len(await letters_to(context, mail_sink, "boss@staraya.test")) == before
            await applicant.prove_by_file(town)
            assert len(await letters_to(context, mail_sink, "boss@staraya.test")) == after
            if number == 2:
                assert "Управа 2" in (await admin.read(f"/cabinet/sites/{old.id}")).text
            assert (await applicant.post("/withdraw")).status_code == 422, "not sure"
            assert "Заявка удалена" in (await applicant.post("/withdraw", sure="yes")).text
            assert await count(context, "applications") == 0


async def test_on_ones_own_machine_each_port_is_a_site(context: Context) -> None:
    """A demonstration's pages do not hold the address of a page that a newcomer serves on another port."""
    for origin, free in (
        ("http://127.0.0.1:8002", True),
        ("http://localhost:8002", True),
        ("https://a.test:81", False),
    ):
        site = await make_site(context.database, allowed_origins=[origin], jurisdiction=origin.partition("//")[2])
        for wanted, is_free in ((f"{origin[:-1]}9", free), (origin, False)):
            held = [row["site_id"] for row in await site_store.list_holders(context.database, wanted)]
            assert held == ([] if is_free else [site.id]), wanted


async def test_two_registrations_of_one_host_at_once(
    apply: Apply,
    town: TownHost,
    context: Context,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    operator: Cabinet,
) -> None:
    """The operator sees both. Whichever is approved second becomes a handover, also when both are at once."""
    first = await apply().confirm()
    unverified = {"email": f"priem@{town.host}"}
    second = await apply(contact_email="b@zarechensk.test", name="Управа", inn=OTHER_INN, **unverified).confirm()
    await first.prove_by_file(town)
    await second.prove_by_meta(town)
    for one in (first, second):
        assert (await one.post("/send")).status_code == 303
    ids = [(await one.row())["id"] for one in (first, second)]
    for application_id, mark in zip(ids, ("не на домене сайта и не", "на домене сайта, но не"), strict=True):
        shown = (await operator.read(f"{APPLICATIONS}/{application_id}")).text
        assert "Есть другие заявки на этот же сайт" in shown
        assert f"заметьте: Официальная почта {mark} проверена: priem@" in shown

    both, look = asyncio.Barrier(2), proof.look

    async def look_together(*about: Any) -> Any:
        seen = await look(*about)
        await both.wait()
        return seen

    async def approve(where: Context, application_id: str) -> Any:
        return await service.approve(where.database, settings, where.outbound, application_id, journal.COMMAND_LINE)

    monkeypatch.setattr(proof, "look", look_together)
    async with open_context(settings) as other:  # another process
        approvals = approve(context, ids[0]), approve(other, ids[1])
        done = await asyncio.gather(*approvals, return_exceptions=True)
    (refused,) = [one for one in done if isinstance(one, Exception)]
    assert isinstance(refused, Conflict)
    assert refused.code == "application_held"
    assert await count(context, "sites") == 1
    assert await count(context, "agencies") == 1
    assert await count(context, "handovers") == 1
    loser = ids[next(place for place, one in enumerate(done) if isinstance(one, Exception))]
    assert "ответа пока нет" in (await operator.read(f"{APPLICATIONS}/{loser}")).text


async def test_a_stale_proof_is_found_out_at_the_approval(
    apply: Apply, town: TownHost, context: Context, operator: Cabinet
) -> None:
    applicant = await apply().send(town)
    town.pages.clear()  # the domain has another owner
    answer = await decide(operator, applicant)
    assert answer.status_code == 409
    assert "Подтверждения домена сейчас нет на месте" in answer.text
    assert (await applicant.row())["proven_at"] is None
    answer = await decide(operator, applicant)
    assert answer.status_code == 409, "without a proof and without a letter it is never approved"
    assert await count(context, "sites") == 0
    await applicant.prove_by_file(town)  # the applicant can prove it again
    assert (await decide(operator, applicant)).status_code == 303


async def test_the_origin_of_another_agency_is_handed_over_or_stays(
    apply: Apply, town: TownHost, enter: Enter, context: Context, mail_sink: MailSink, operator: Cabinet
) -> None:
    """With its consent the origins of the host move, and nothing else does."""
    held = [town.origin, "https://other.test"]
    old = await make_site(context.database, allowed_origins=held, agency={"name": "Старая"}, jurisdiction=town.host)
    foreign = await make_site(context.database, allowed_origins=["https://third.test"])
    admin = await enter("admin", old.agency.id, "boss@staraya.test")
    head = await enter("head", old.agency.id, "head@staraya.test")
    stranger = await enter("admin", foreign.agency.id)
    applicant = await apply().send(town)
    assert "Мы спросили ведомство" in (await applicant.read()).text
    (letter,) = await letters_to(context, mail_sink, "boss@staraya.test")
    assert letter.subject == "Другое ведомство просит адрес вашего сайта"
    assert letter.links[-1].endswith(f"/cabinet/sites/{old.id}")
    assert f"Заявитель назвал себя так: «{NAME}»." in letter.text
    assert await letters_to(context, mail_sink, "head@staraya.test") == []
    application_id = (await applicant.row())["id"]
    path, answered = f"{APPLICATIONS}/{application_id}", f"/cabinet/sites/{old.id}/handovers/{application_id}"

    async def approve() -> int:
        return (await operator.send(path, f"{path}/approve")).status_code

    assert await approve() == 409
    for person, status in ((stranger, 404), (head, 403), (operator, 403)):
        fields = {**await token(person), "answer": "agreed"}
        assert (await person.client.post(answered, data=fields)).status_code == status
    elsewhere = f"/cabinet/sites/{foreign.id}/handovers/{application_id}"
    fields = {**await token(stranger), "answer": "agreed"}
    assert (await stranger.client.post(elsewhere, data=fields)).status_code == 404, "nobody asked that agency"
    assert await approve() == 409
    page = f"/cabinet/sites/{old.id}"
    assert f"{page}#handovers" in (await admin.read("/cabinet/")).links, "who missed the letter sees it first"
    assert f"{page}#handovers" not in (await head.read("/cabinet/")).links
    assert (await admin.send(page, answered, answer="refused")).status_code == 303
    assert f"{page}#handovers" not in (await admin.read("/cabinet/")).links
    assert "не согласно" in (await applicant.read()).text
    assert "Без согласия ведомства заявку не одобрить" in (await operator.read(path)).text
    assert await approve() == 409
    assert (await sites.by_id(context.database, old.id)).origins == set(held)
    assert (await admin.send(page, answered, answer="agreed")).status_code == 303
    assert "согласно передать" in (await operator.read(path)).text
    assert await approve() == 303
    row = await applicant.row()
    left, new = [await sites.by_id(context.database, one) for one in (old.id, row["site_id"])]
    assert (set(left.origins), set(new.origins)) == ({"https://other.test"}, {town.origin})
    assert (left.key, left.jurisdiction, left.agency) == (old.key, town.host, old.agency)
    assert new.jurisdiction == f"{town.host}:2"
    assert "Другое ведомство просит" not in (await admin.read(page)).text
    fields = {**await token(admin), "answer": "refused"}
    assert (await admin.client.post(answered, data=fields)).status_code == 404, "too late"
    assert {"handover_refused", "handover_agreed", "application_approved"} <= set(await kinds(context))


@pytest.mark.parametrize("answered", [True, False])
@time_machine.travel(datetime(2026, 12, 4, 9, tzinfo=UTC))  # a Friday
async def test_an_origin_claimed_in_a_cabinet_locks_nobody_out(
    apply: Apply, town: TownHost, enter: Enter, context: Context, mail_sink: MailSink, answered: bool
) -> None:
    """An administrator adds any address; who proves the domain needs no consent of theirs. A letter alone does.

    They hear of it before and after, even if they added it after the application was sent, and have three working days
    to answer, unless the operator says that they did.
    """
    other, late = await make_site(context.database), await make_site(context.database)
    admin, operator = await enter("admin", other.agency.id, "a@claimed.test"), await enter("operator", None)
    page = f"/cabinet/sites/{other.id}/access"
    assert (await admin.send(page, f"/cabinet/sites/{other.id}/origins/add", origin=town.origin)).status_code == 303
    assert "Не подтверждён: если другое ведомство" in (await admin.read(page)).text
    by_letter = await apply(contact_email="b@zarechensk.test").confirm()
    await by_letter.send_letter()
    proven = await apply().send(town)
    (letter,) = await letters_to(context, mail_sink, "a@claimed.test")
    assert "может перейти к другому ведомству" in letter.subject
    assert letter.links[-1].endswith(page)
    assert "Подтвердите его до 9 декабря включительно" in (await admin.read(page)).text
    assert "до 9 декабря включительно оно может подтвердить" in (await proven.read()).text
    asked = await admin.read(page.removesuffix("/access"))
    assert "у вас он не подтверждён" in asked.text
    assert not any("handovers" in form.action for form in asked.forms)
    await enter("admin", late.agency.id, "late@claimed.test")
    await changes.update_site(context.database, late.id, {}, add_origins=[town.origin], claimed=True)
    assert (await by_letter.post("/send")).status_code == 303
    path = f"{APPLICATIONS}/{(await by_letter.row())['id']}"
    assert (await operator.send(path, f"{path}/approve")).status_code == 409, "a letter proves nothing"
    path = f"{APPLICATIONS}/{(await proven.row())['id']}"
    assert "сейчас у сайта" in (await operator.read(path)).text
    settled = {f"settled_{one.id}": "yes" for one in (other, late)}
    with_one = {name: "yes" for name in settled if other.id in name}
    for fields in (settled, {}, with_one, {}):  # nobody answers before they are told; pressing again changes nothing
        refused = await operator.send(path, f"{path}/approve", **fields)
        assert refused.status_code == 409
        assert "до 9\xa0декабря включительно оно может ответить" in refused.text
    told = (await letters_to(context, mail_sink, "late@claimed.test"))[-1]
    assert "до 9\xa0декабря включительно" in told.text
    with contextlib.nullcontext() if answered else time_machine.travel(datetime(2026, 12, 10, 9, tzinfo=UTC)):
        operator = await enter("operator", None)
        assert ("Срок, в который оно могло это сделать, прошёл" in (await proven.read()).text) is not answered
        fields = settled if answered else {}
        assert (await operator.send(path, f"{path}/approve", **fields)).status_code == 303
        await letters_to(context, mail_sink)
    approved = next(one for one in await read_journal(context.database) if one["kind"] == "application_approved")
    assert approved["details"] == ({"settled": True} if answered else {})
    left, new = [await sites.by_id(context.database, one) for one in (other.id, (await proven.row())["site_id"])]
    assert (left.origins, set(new.origins)) == (other.origins, {town.origin})
    for address in ("a@claimed.test", "late@claimed.test"):
        subjects = [one.subject for one in await letters_to(context, mail_sink, address)]
        assert subjects[-1] == "Адрес вашего сайта перешёл к другому ведомству"
        assert any("может перейти" in one for one in subjects[:-1]), address


async def test_who_was_asked_for_consent_is_warned_once_it_is_not_needed(
    apply: Apply, town: TownHost, enter: Enter, context: Context, mail_sink: MailSink, settings: Settings
) -> None:
    """A letter promised that nothing changes without their consent; then the applicant proves the domain."""
    other = await make_site(context.database)
    await changes.update_site(context.database, other.id, {}, add_origins=[town.origin], claimed=True)
    await enter("admin", other.agency.id, "a@claimed.test")
    applicant = await apply().confirm()
    await applicant.send_letter()
    await applicant.post("/send")
    application = (await applicant.row())["id"]

    async def approve() -> str:
        with pytest.raises(Conflict) as refused:
            await service.approve(
                context.database, settings, context.outbound, application, journal.COMMAND_LINE, settled=[other.id]
            )
        return refused.value.code

    assert await approve() == "application_held"
    (asked,) = await letters_to(context, mail_sink, "a@claimed.test")
    assert "просит адрес" in asked.subject
    with time_machine.travel(clock.now() + 10 * DAY):
        await applicant.prove_by_file(town)
        _, told = await letters_to(context, mail_sink, "a@claimed.test")
        assert "может перейти" in told.subject
        (asked_again,) = await store.list_handovers(context.database, application)
        assert service.find_term(asked_again) is not None, "the time to answer begins with the warning"


async def test_each_address_is_proven_in_the_cabinet(
    apply: Apply, town: TownHost, enter: Enter, context: Context, operator: Cabinet
) -> None:
    """Of a site that moves to another domain. What is proven is not given away, and checked each month.

    Residents are sent to the address once it is known to be the town's.
    """
    given = "http://administration-of-the-town.test"
    site = await make_site(context.database, allowed_origins=[given])
    admin = await enter("admin", site.agency.id)
    page, action = f"/cabinet/sites/{site.id}/access", f"/cabinet/sites/{site.id}/origins/prove"
    assert (await admin.send(page, f"/cabinet/sites/{site.id}/origins/add", origin=town.origin)).status_code == 303
    assert given in (shown := await admin.read(f"/s/{site.key}")).links
    assert town.origin not in shown.links
    link = next(link for link in (await admin.read(page)).links if "prove=" in link and town.host in link)
    ways = [form for form in (await admin.read(link)).forms if form.action.startswith(action)]
    assert [form.fields["method"] for form in ways] == ["file", "meta", "dns"]
    missing = await admin.client.post(action, data=ways[0].fields)
    assert "сайт ответил 404" in missing.text
    token = service.origin_token(context.signer, site.id, town.origin)
    assert f"igrajdanin-widget={token}" in missing.text
    town.put_file(token)
    elsewhere = ways[0].fields | {"origin": "https://other.test"}
    assert (await admin.client.post(action, data=elsewhere)).status_code == 404
    found = await admin.client.post(action, data=ways[0].fields)
    assert found.headers["location"] == f"{page}?done=proven"
    assert "Подтверждён, проверено" in (await admin.read(page)).text
    assert town.origin in (await admin.read(f"/s/{site.key}")).links
    rival = await apply().confirm()
    await rival.prove_by_meta(town)
    assert (await rival.post("/send")).status_code == 303
    assert (await decide(operator, rival)).status_code == 409, "it has to agree"
    town.pages.clear()
    (row,) = await store.list_proofs(context.database, site.id)
    assert row["next_at"] > clock.now()
    await recheck.check_site(context, site.id)
    assert "Подтверждение не находится с" in (await admin.read(page)).text


@ONE_DATABASE
@pytest.mark.parametrize("address", ["https://gorod.test:8443", "http://gorod.test"])
async def test_another_port_or_an_open_line_proves_no_host(
    in_production: Settings, context: Context, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Who may open a port of a shared server would take its host from whoever it belongs to."""

    async def find(*given: Any) -> Sight:
        return Sight("found")

    monkeypatch.setattr(proof, "look", find)
    context = replace(context, settings=in_production)
    site = await make_site(context.database, allowed_origins=["https://gorod.test", address])
    await service.prove_origin(context, site, "https://gorod.test", "file", journal.COMMAND_LINE)
    with pytest.raises(Invalid):
        await service.prove_origin(context, site, address, "file", journal.COMMAND_LINE)
    (row,) = await store.list_proofs(context.database, site.id)
    assert row["origin"] == "https://gorod.test"


async def test_late_and_repeated_submissions(apply: Apply, town: TownHost, context: Context, operator: Cabinet) -> None:
    applicant = await apply().send(town)
    assert (await applicant.post("/send")).status_code == 303
    assert (await applicant.post("/confirm")).status_code == 303
    assert await count(context, "applications") == 1
    for step, fields in (("/work", {"mode": "email"}), ("/details", applicant.fields)):
        answer = await applicant.post(step, **fields)
        assert answer.status_code == 409
        assert "уже отправлена или решена" in answer.text
    path = f"{APPLICATIONS}/{(await applicant.row())['id']}"
    assert (await operator.send(path, f"{path}/approve")).status_code == 303
    for step, fields in (("/send", {}), ("/proof", {"method": "file"}), ("/withdraw", {"sure": "yes"})):
        answer = await applicant.post(step, **fields)
        assert answer.status_code == 409, step
        assert "отправлено приглашение" in answer.text
    assert (await operator.client.post(f"{path}/approve", data=await token(operator))).status_code == 409
    assert await count(context, "sites") == 1


async def test_floods_are_bounded_and_keep_what_was_typed(
    app: Any, context: Context, settings: Settings, mail_sink: MailSink, town: TownHost
) -> None:
    """By address, by mailbox (no more letters), by host and network; each from other addresses than before."""

    async def apply_from(address: str, **fields: str) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app, client=(address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
            return await Applicant(context, client, mail_sink, fields.pop("origin", town.origin), **fields).apply()

    def other(number: int) -> dict[str, str]:
        return {"contact_email": f"{number}@gorod.test", "origin": f"https://{number}.test"}

    statuses = [(await apply_from("203.0.113.1", **other(number))).status_code for number in range(21)]
    assert statuses == [303] * 20 + [429]
    one_mailbox = [CONTACT, CONTACT, *(CONTACT.replace("@", f"+{number}@") for number in range(3))]
    for number, address in enumerate(one_mailbox):
        assert (await apply_from(f"198.51.100.{number}", contact_email=address)).status_code == 303
        await letters_to(context, mail_sink)  # the same letter, still waiting, would be replaced
    letters = [len(await letters_to(context, mail_sink, address)) for address in one_mailbox[1:]]
    assert letters == [2, 1, 0, 0], "a stranger who uses them up locks nobody out"
    statuses = [
        (await apply_from(f"192.0.2.{number}", contact_email=f"{number}@town.test")).status_code for number in range(21)
    ]
    assert statuses == [303] * 20 + [429]
    assert (await apply_from("198.51.100.9", contact_email="own@town.test")).status_code == 303, "another network"
    answer = await apply_from("203.0.113.1", name="Длинное название")
    assert int(answer.headers["retry-after"]) > 0
    page = PageText(answer.text)
    assert "слишком много запросов" in page.text
    assert page.form(NEW).fields["name"] == "Длинное название"
    assert page.form(NEW).fields["consent"] == "yes"


async def test_borders_looks_at_a_site_and_official_letters_are_limited(apply: Apply) -> None:
    """A border costs up to a second of the processor, and any mailbox gets a link."""
    applicant = await apply().confirm()
    work = {"mode": "email", "time_zone": "Asia/Omsk"}
    assert [(await applicant.post("/work", **work, area="{")).status_code for _ in range(10)] == [422] * 10
    late = await applicant.post("/work", **work, area="{")
    assert (late.status_code, [form.fields["area"] for form in PageText(late.text).forms]) == (429, ["{"])
    assert (await applicant.post("/work", **work)).status_code == 303, "a form without one costs nothing"
    sent = [await applicant.send_letter("letter.exe", b"MZ") for _ in range(31)]
    assert [answer.status_code for answer in sent] == [422] * 30 + [429]
    assert "слишком много запросов" in PageText(sent[-1].text).text
    assert (await applicant.post("/proof", method="file")).status_code == 429


async def test_a_contact_with_an_account_is_said_to_the_operator(
    apply: Apply, town: TownHost, enter: Enter, context: Context, operator: Cabinet
) -> None:
    site = await make_site(context.database)
    await enter("agent", site.agency.id, CONTACT)
    applicant = await apply().send(town)
    path = f"{APPLICATIONS}/{(await applicant.row())['id']}"
    assert "уже есть учётная запись" in (await operator.read(path)).text
    answer = await operator.send(path, f"{path}/approve")
    assert answer.status_code == 422
    assert "с другой рабочей почтой" in PageText(answer.text).text
    assert "уже входят в кабинет" in (await applicant.read()).text
    assert await count(context, "sites") == 1, "half of an approval is none"
    assert (await applicant.row())["state"] == "sent"


# --- the proof afterwards --------------------------------------------------------------------------------------------


@pytest.fixture
async def approved(apply: Apply, town: TownHost, context: Context, settings: Settings) -> Site:
    """A site whose application was approved, with the file on its host that proves it."""
    applicant = await apply().send(town)
    application_id = (await applicant.row())["id"]
    _, site_id = await service.approve(
        context.database, settings, context.outbound, application_id, journal.COMMAND_LINE
    )
    return await sites.by_id(context.database, site_id)


async def test_a_missing_proof_is_told_for_weeks_before_the_origin_stops(
    town: TownHost, context: Context, mail_sink: MailSink, enter: Enter, approved: Site
) -> None:
    """Nothing by a single failure; letters on day 3, 17, 31, 45; the origin stops on day 59, and comes back."""
    await enter("admin", approved.agency.id, "boss@zarechensk.test")
    by_hand = await make_site(context.database, allowed_origins=["http://127.0.0.99"])
    start = clock.now()

    async def run(day: int) -> None:
        await context.database.write(lambda tx: tx.run("UPDATE chores SET next_at = 0 WHERE name = 'proofs'"))
        await recheck.check_if_due(context)

    async def letters() -> list[str]:
        return [letter.subject for letter in await letters_to(context, mail_sink, "boss@zarechensk.test")]

    with time_machine.travel(start, tick=False) as moment:
        town.asked.clear()
        await run(0)
        moment.move_to(start + 29 * DAY)
        await run(29)
        assert town.asked == []
        moment.move_to(start + 31 * DAY)
        await run(31)
        assert town.asked == [PROOF_PATH]
        town.pages.clear()
        start += 62 * DAY
        subjects = list[str]()
        for day in range(61):
            moment.move_to(start + day * DAY)
            await run(day)
            if len(await letters()) > len(subjects):
                subjects = await letters()
                assert day in (3, 17, 31, 45, 59), day
            if day == 4:
                admin = await enter("admin", approved.agency.id, "later@zarechensk.test")
                shown = (await admin.read(f"/cabinet/sites/{approved.id}")).text
                assert "не находится с" in shown
                assert "перестанет принимать" in shown
            assert (await sites.by_id(context.database, approved.id)).origins == ({town.origin} if day < 59 else set())
        assert subjects == ["Не находится подтверждение домена"] * 4 + ["Виджет на вашем адресе отключён"]
        assert (await kinds(context))[-1] == "proof_lost"
        page = f"/cabinet/sites/{approved.id}"
        moment.move_to(start + 70 * DAY)
        admin = await enter("admin", approved.agency.id, "second@zarechensk.test")
        assert "отключён" in (await admin.read(page)).text
        row = existing(await context.database.row("SELECT token FROM site_proofs"))
        town.put_file(row["token"])
        assert (await admin.send(page, f"{page}/proof")).status_code == 303
        assert (await sites.by_id(context.database, approved.id)).origins == {town.origin}
        assert "подтверждён" in (await admin.read(page)).text
        assert (await sites.by_id(context.database, by_hand.id)).origins == {"http://127.0.0.99"}


async def test_a_proof_is_kept_while_the_site_does_not_answer_until_its_origin_is_removed(
    town: TownHost, context: Context, approved: Site
) -> None:
    start = clock.now() + 31 * DAY
    town.put(PROOF_PATH, "", 503)
    with time_machine.travel(start, tick=False) as moment:
        for day in range(0, 120, 5):
            moment.move_to(start + day * DAY)
            await recheck.check_site(context, approved.id)
    assert (await sites.by_id(context.database, approved.id)).origins == {town.origin}
    row = existing(await context.database.row("SELECT seen, told_at FROM site_proofs"))
    assert row["seen"] == "unreachable"
    assert row["told_at"] is not None
    await context.database.write(lambda tx: store.remove_origin(tx, approved.id, town.origin))
    await recheck.check_site(context, approved.id)
    assert await count(context, "site_proofs") == 0


async def stop_origin(context: Context, site: Site, town: TownHost) -> None:
    async def stop(tx: Transaction) -> None:
        await store.remove_origin(tx, site.id, town.origin)
        await tx.run("UPDATE site_proofs SET stopped_at = 1, failed_since = 1, next_at = 1")

    await context.database.write(stop)


async def test_a_stopped_origin_comes_back_unless_another_agency_holds_it(
    town: TownHost, context: Context, settings: Settings, approved: Site
) -> None:
    """A site with another origin on the host does not stand in its own way."""
    await changes.update_site(context.database, approved.id, {}, add_origins=[f"https://{town.host}"])
    (before,) = await store.list_proofs(context.database, approved.id)
    await stop_origin(context, approved, town)
    await recheck.check(context.database, settings, context.outbound, before)
    assert town.origin not in (await sites.by_id(context.database, approved.id)).origins, "it began before the stop"
    await recheck.check_site(context, approved.id)
    assert town.origin in (await sites.by_id(context.database, approved.id)).origins

    await stop_origin(context, approved, town)
    await make_site(context.database, allowed_origins=[town.origin])
    await recheck.check_site(context, approved.id)
    assert town.origin not in (await sites.by_id(context.database, approved.id)).origins
    assert await store.list_due_proofs(context.database, clock.now() + DAY) == [], "not looked for each hour"


@pytest.mark.parametrize("dialect", ["postgresql"])  # SQLite has one writer, so both see each other
async def test_a_stopped_origin_comes_back_while_another_agency_adds_it(
    town: TownHost, context: Context, settings: Settings, monkeypatch: pytest.MonkeyPatch, approved: Site
) -> None:
    """In two processes: one of them holds it."""
    await stop_origin(context, approved, town)
    rival = await make_site(context.database, allowed_origins=["https://selo.test"])
    both, list_holders = asyncio.Barrier(2), site_store.list_holders

    async def list_together(reader: Any, origin: str) -> Any:
        found = await list_holders(reader, origin)
        with contextlib.suppress(TimeoutError):  # the other one waits for its turn
            await asyncio.wait_for(both.wait(), 0.3)
        return found

    monkeypatch.setattr(site_store, "list_holders", list_together)
    async with open_context(settings) as other:
        await asyncio.gather(
            recheck.check_site(context, approved.id),
            install.add_origin(other.database, rival, town.origin, journal.Who(role="admin")),
            return_exceptions=True,
        )
    assert len(await list_holders(context.database, town.origin)) == 1


async def test_an_agency_hears_of_the_address_that_the_operator_removes(
    context: Context, enter: Enter, mail_sink: MailSink, cli: Callable[..., Any], operator: Cabinet
) -> None:
    """In the cabinet or by the command; of what it removes itself it needs no letter."""
    hosts = [f"https://{name}.test" for name in ("a", "b", "c", "d")]
    site = await make_site(context.database, allowed_origins=hosts)
    admin = await enter("admin", site.agency.id, "boss@gorod.test")
    action = f"/cabinet/sites/{site.id}/origins/remove"
    for person, origin in ((admin, hosts[0]), (operator, hosts[1])):
        fields = {**await token(person), "origin": origin}
        assert (await person.client.post(action, data=fields)).status_code == 303
    removed = ("--remove-origin", hosts[2], "--remove-origin", "https://never.test")
    await asyncio.to_thread(cli, "site", "set", site.id, *removed)
    letters = await letters_to(context, mail_sink, "boss@gorod.test")
    assert [one.subject for one in letters] == ["Оператор убрал адрес вашего сайта"] * 2
    assert [host for host in (*hosts, "never") if any(host in one.text for one in letters)] == hosts[1:3]


# --- what is forgotten -----------------------------------------------------------------------------------------------


async def test_old_applications_are_purged_with_their_letters(
    apply: Apply, town: TownHost, context: Context, mail_sink: MailSink
) -> None:
    """Drafts and decided ones after thirty days; what waits for the operator stays for half a year."""
    draft = await apply().confirm()
    await draft.send_letter()
    refused = await apply(contact_email="b@zarechensk.test").send(town)
    waiting = await apply(contact_email="c@zarechensk.test").send(town)
    await service.refuse(context.database, (await refused.row())["id"], "Нет", journal.COMMAND_LINE)
    stages = ((KEPT_DAYS - 1, 0, 3), (KEPT_DAYS + 1, 2, 1), (SENT_KEPT_DAYS - 1, 0, 1), (SENT_KEPT_DAYS + 1, 1, 0))
    for days, gone, left in stages:
        with time_machine.travel(clock.now() + days * DAY, tick=False):
            counts = await retention.purge(context.database, context.storage)
            assert counts["applications"] == gone
            late = [letter.subject for letter in await letters_to(context, mail_sink, "b@zarechensk.test")]
            assert not any("отказ" in subject for subject in late), "it could not leave in time"
        assert await count(context, "applications") == left
        assert (await waiting.row() is None) == (left == 0)
    assert await stored_documents(context) == []
    assert await count(context, "letters") <= 1


async def test_erasing_a_person_erases_their_applications(apply: Apply, town: TownHost, context: Context) -> None:
    mine = await apply().send(town)
    await mine.send_letter()
    await apply(contact_email="b@zarechensk.test").begin()
    await mine.apply()  # a letter waits
    assert await service.erase_applications_of(context.database, context.storage, f" {CONTACT.upper()}") == 1
    everything = str([tuple(row) for table in ("applications", "letters")
                      for row in await context.database.rows(f"SELECT * FROM {table}")])  # fmt: skip
    assert CONTACT not in everything
    assert "b@zarechensk.test" in everything
    assert await stored_documents(context) == []
    assert (await mine.client.get(mine.link)).status_code == 404


async def test_operators_work_at_the_command_line(
    apply: Apply, town: TownHost, context: Context, cli: Callable[..., Any], tmp_path: Path, mail_sink: MailSink
) -> None:
    """With the functions of the cabinet; a register replaces the one before."""
    register = tmp_path / "register.csv"
    register.write_text(f"inn,name,region\n{INN},Другое имя,50\n7707083894,Ошибка,50\n", encoding="utf-8-sig")
    assert await asyncio.to_thread(cli, "application", "names", str(register)) == {"names": 1, "skipped": 1}
    first = await apply().send(town)
    second = await apply(contact_email="b@zarechensk.test").confirm()
    await second.prove_by_meta(town)
    await second.post("/send")
    listed = await asyncio.to_thread(cli, "application", "list")
    assert [(one["origin"], one["proof"]) for one in listed] == [(town.origin, "file"), (town.origin, "meta")]
    assert all({"name_other", "others"} <= set(one["marks"]) for one in listed)
    refused = await asyncio.to_thread(cli, "application", "refuse", listed[1]["id"], "--reason", "Дважды")
    assert refused["state"] == "refused"
    assert "Дважды" in (await letters_to(context, mail_sink, "b@zarechensk.test"))[-1].text
    done = await asyncio.to_thread(cli, "application", "approve", listed[0]["id"])
    assert (await sites.by_id(context.database, done["site"])).agency.id == done["agency"]
    assert await asyncio.to_thread(cli, "application", "list") == []
    states = [one["state"] for one in await asyncio.to_thread(cli, "application", "list", "--all")]
    assert sorted(states) == ["approved", "refused"]
    assert (await first.row())["state"] == "approved"
    written = [(entry["kind"], entry["role"]) for entry in await read_journal(context.database)]
    assert {("application_approved", "command_line"), ("application_refused", "command_line")} <= set(written)
    erased = await asyncio.to_thread(cli, "erase", "--email", CONTACT)
    assert erased["applications"] == 1


async def test_without_a_mail_server_the_page_says_whom_to_ask(
    in_production: Settings, app: Any, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    from widget_api.registration import routes

    monkeypatch.setattr(routes, "can_send", lambda settings: False)
    page = await client.get(f"{NEW}?origin=https://gorod.test")
    assert "widget-api site set" in page.text
    assert (await client.post(NEW, data={"name": "x"})).status_code == 404


async def test_an_address_of_another_agency_is_not_added_in_the_cabinet(
    context: Context, enter: Enter, operator: Cabinet
) -> None:
    """With www or without; the agency's own sites may share one, and the operator may do it."""
    mine = await make_site(context.database, allowed_origins=["https://gorod.test"])
    await make_site(context.database, allowed_origins=["https://www.selo.test"])
    admin = await enter("admin", mine.agency.id)
    page, action = f"/cabinet/sites/{mine.id}/access", f"/cabinet/sites/{mine.id}/origins/add"
    refused = await admin.send(page, action, origin="https://selo.test")
    assert refused.status_code == 422
    assert "подключён у другого ведомства" in refused.text
    assert (await admin.send(page, action, origin="https://www.gorod.test")).status_code == 303
    assert (await operator.send(page, action, origin="https://selo.test")).status_code == 303


async def test_two_agencies_that_add_a_host_at_once(context: Context, settings: Settings) -> None:
    """In two processes: one holds it, the other is told so."""
    own = [await make_site(context.database, allowed_origins=[f"https://{name}.test"]) for name in ("a", "b")]
    who = journal.Who(role="admin")
    async with open_context(settings) as other:
        done = await asyncio.gather(
            *(
                install.add_origin(where.database, site, "https://selo.test", who)
                for where, site in zip((context, other), own, strict=True)
            ),
            return_exceptions=True,
        )
    (refused,) = [one for one in done if isinstance(one, Exception)]
    assert isinstance(refused, Invalid)
    assert len(await site_store.list_holders(context.database, "https://selo.test")) == 1

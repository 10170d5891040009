"""Sites from the widget's view: configuration, origin checks, tickets, key rotation, the consent document."""

from __future__ import annotations

import asyncio
import hashlib
import html
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import time_machine

from tests.conftest import ONE_DATABASE, Client
from tests.factories import HOST_ORIGIN, add_platform, existing, make_site
from tests.support import migrations
from tests.support.journal import read_journal
from tests.support.processes import CommandFailed
from widget_api import clock, i18n
from widget_api.database import Database
from widget_api.errors import Conflict, Invalid, NotFound, Refused
from widget_api.problems import intake
from widget_api.settings import Settings
from widget_api.sites import changes, collection, consent, service, testing, tickets, view
from widget_api.sites.model import DEFAULT_CATEGORIES, Site
from widget_api.sites.questions import parse_questions
from widget_api.sites.settings import SETTINGS
from widget_api.sites.tickets import solve_challenge

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

CYRILLIC = "https://город.рф"
PUNYCODE = "https://xn--c1ac3aaj.xn--p1ai"


@pytest.fixture
def connected(app: Any) -> Database:
    database: Database = app.state.context.database
    return database


@pytest.fixture
async def site(connected: Database) -> Site:
    return await make_site(connected, allowed_origins=(HOST_ORIGIN, CYRILLIC))


def root(site: Site) -> str:
    return f"/api/v1/sites/{site.key}"


async def challenge(client: Client, site: Site, origin: str | None = HOST_ORIGIN) -> httpx2.Response:
    return await client.get(f"{root(site)}/challenge", headers={} if origin is None else {"Origin": origin})


async def buy(client: Client, site: Site, payload: Any, origin: str = HOST_ORIGIN) -> httpx2.Response:
    return await client.post(f"{root(site)}/tickets", json={"challenge": payload}, headers={"Origin": origin})


# --- setting up ---


async def test_a_new_site_is_found_by_every_lookup_and_cached(database: Database) -> None:
    site = await make_site(database, jurisdiction="gorod.test")
    assert await service.by_key(database, site.key) == site
    assert await service.by_id(database, site.id) == site
    assert await service.by_jurisdiction(database, "gorod.test") == site
    assert await service.list_sites(database) == [site]
    assert tuple(category.code for category in site.categories) == DEFAULT_CATEGORIES
    assert len(site.key.removeprefix("wk_")) >= 16
    assert await service.by_key(database, site.key) is await service.by_key(database, site.key)


async def test_child_sites_share_and_the_journal_names_the_settings_that_they_should(database: Database) -> None:
    site = await make_site(database)
    test = await testing.add_test_site(database, site)
    child = await collection.add_collection(database, site, "ideas", "initiatives")
    changed = {
        "name": "Другой",
        "language": "en",
        "contact": "required",
        "consent": "contacts",
        "photos": 1,
        "accent": "#102030",
        "appeals": "handoff",
        "appeals_url": "https://gosuslugi.test/1",
        "discussion": "moderated",
        "mail_answers": "hold",
        "outside": "forward",
        "license": "CC0-1.0",
        "type": "basic",
        "moderation": "after",
        "moderator": "operator",
        "time_zone": "Asia/Tomsk",
        "retention_days": 30,
    }
    assert changed.keys() == SETTINGS.keys(), "what of a new one?"
    await changes.update_site(database, site.id, changed)

    async def kept(one: Site) -> set[str]:
        now = await service.by_id(database, one.id)
        return {name for name, value in changed.items() if getattr(now, name) != value}

    assert await kept(site) == set()
    own = {"discussion", "outside", "retention_days"}
    assert await kept(test) == own
    assert await kept(child) == own | {"name", "appeals", "appeals_url", "moderation"}
    (details,) = [one["details"] for one in await read_journal(database, "site_changed") if "values" in one["details"]]
    named = {value.partition(":")[0] for value in details["values"]}
    assert named == changed.keys() - {"name", "accent", "appeals_url"}, "nobody's words and no address"
    with pytest.raises(Invalid) as refused:
        await changes.update_site(database, site.id, {"appeals_url": f"https://gosuslugi.test/{'1' * 500}"})
    assert [(one.field, one.code) for one in refused.value.fields] == [("appeals_url", "too_long")]


async def test_jurisdiction_is_the_first_origins_host_and_unique(database: Database) -> None:
    origins = ("https://www.gorod.test", "https://other.test")
    site = await make_site(database, allowed_origins=origins, jurisdiction=None)
    assert site.jurisdiction == "gorod.test"
    with pytest.raises(Conflict, match="jurisdiction_taken"):
        await make_site(database, allowed_origins=("https://gorod.test",), jurisdiction=None)


async def test_all_errors_of_a_new_site_or_agency_are_reported_at_once(database: Database) -> None:
    with pytest.raises(Invalid) as refusal:
        await make_site(
            database, name=" ", time_zone="Mars/Olympus", language="xx", bbox=(2.0, 1.0, 1.0, 2.0), appeals="handoff"
        )
    assert {wrong.field for wrong in refusal.value.fields} == {"name", "time_zone", "language", "bbox", "appeals_url"}
    with pytest.raises(Invalid) as refusal:
        await make_site(database, agency={"registry_number": "нет"})
    assert [error.field for error in refusal.value.fields] == ["registry_number"]


async def test_changes_by_another_process_are_visible_at_once(database: Database, database_url: str) -> None:
    site = await make_site(database)
    other = Database(database_url, readers=1)
    await other.connect()
    try:
        assert (await service.by_key(other, site.key)).name == site.name
        before = (await service.by_key_with_version(database, site.key))[1]
        await changes.update_site(
            other, site.id, {"name": "Новое имя"}, add_origins=[CYRILLIC], remove_origins=[HOST_ORIGIN]
        )
        seen, version = await service.by_key_with_version(database, site.key)
    finally:
        await other.disconnect()
    assert (seen.name, seen.origins) == ("Новое имя", frozenset({PUNYCODE}))
    assert version > before


async def test_categories_can_be_changed_added_and_disabled(database: Database) -> None:
    site = await make_site(database)
    await changes.set_category(database, site.id, "snow", {"enabled": False})
    questions = parse_questions(
        '[{"code": "kind", "description": "Что", "datatype": "singlevaluelist", "required": true,'
        ' "values": [{"key": "a", "name": "А"}]}]'
    )
    await changes.set_category(
        database, site.id, "stray", {"name": "Бездомные животные", "deadline_days": 3, "questions": questions}
    )
    changed = await service.by_key(database, site.key)
    assert changed.category("snow") is None
    added = existing(changed.category("stray"))
    assert (added.name, added.working_days) == ("Бездомные животные", 3)
    assert added.questions[0].values == (("a", "А"),)
    assert changed.categories[-1] == added


def test_invalid_questions_are_refused() -> None:
    for text in (
        "",
        "{}",
        "[1]",
        '[{"code": "a"}]',
        '[{"code": "a", "description": "b", "datatype": "colour"}]',
        '[{"code": "a", "description": "b", "datatype": "singlevaluelist"}]',
        '[{"code": "a b", "description": "b", "datatype": "string"}]',
        '[{"code": "a", "description": "b", "datatype": "text"}, {"code": "a", "description": "c", "datatype":"text"}]',
    ):
        with pytest.raises(Invalid):
            parse_questions(text)


# --- configuration ---


async def test_the_configuration_has_everything_the_form_needs_in_both_languages(client: Client, site: Site) -> None:
    answer = await client.get(root(site))
    content = answer.json()
    assert answer.status_code == 200
    assert set(content) >= {
        "name", "type", "agency", "time_zone", "language", "languages", "categories", "map", "consent", "limits",
        "contact", "submit", "track", "links", "accent", "appeals_url",
    }  # fmt: skip
    assert content["limits"] == {"description": {"min": 3, "max": 4000}, "photos": 3, "photo_bytes": 10_485_760}
    assert (content["map"], content["accent"], content["appeals_url"]) == (None, None, None)
    assert content["limits"]["description"] == dict(zip(("min", "max"), intake.DESCRIPTION, strict=True))
    assert [category["code"] for category in content["categories"]] == list(DEFAULT_CATEGORIES)
    assert content["categories"][0]["name"] == "Дороги и тротуары"
    assert content["links"]["report"] == f"https://widget.test/s/{site.key}/report"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "max-age=0, s-maxage=10"
    with time_machine.travel(1_795_500_000):  # 2026-11-24
        content = (await client.get(root(site))).json()
    track = content["track"]
    assert track["kind"] == "message"
    for part in ("сообщение", "59‑ФЗ", site.agency.name, "8\u00a0декабря"):
        assert part in track["text"]
    assert {category["answer_due"] for category in content["categories"]} == {"2026-12-08"}
    content = (await client.get(root(site), params={"lang": "en"})).json()
    assert content["categories"][0]["name"] == "Roads and pavements"
    assert "59‑FZ" in content["track"]["text"]


async def test_the_submit_button_names_the_kind_of_agency(client: Client, connected: Database) -> None:
    for name, label in (
        ("Администрация города Зареченска", "Отправить в администрацию"),
        ("Комитет по ЖКХ", "Отправить в комитет"),
        ("МКУ «Горсвет»", "Отправить сообщение"),
    ):
        site = await make_site(connected, agency={"name": name})
        assert (await client.get(root(site))).json()["submit"] == label, name


async def test_an_unchanged_configuration_returns_304(client: Client, connected: Database, site: Site) -> None:
    tag = (await client.get(root(site))).headers["ETag"]
    known = {"If-None-Match": tag}
    assert (await client.get(root(site), headers=known)).status_code == 304
    assert (await client.get(root(site), headers=known, params={"lang": "en"})).status_code == 200
    with time_machine.travel(clock.now() + 86_400):
        assert (await client.get(root(site), headers=known)).status_code == 200
    await changes.update_site(connected, site.id, {"contact": "required"})
    again = await client.get(root(site), headers=known)
    assert (again.status_code, again.json()["contact"]) == (200, "required")


# --- keys ---


async def test_an_unknown_key_is_404_with_a_hint(client: Client, site: Site) -> None:
    for key in ("wk_unknown", "nothing", "wk_" + "a" * 500, "wk_%00"):
        for call in ("", "/challenge"):
            answer = await client.get(f"/api/v1/sites/{key}{call}", headers={"Origin": "https://evil.test"})
            assert answer.status_code == 404, key
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.json()["code"] == "site_not_found"


async def test_a_rotated_key_is_valid_until_its_overlap_ends_or_another_ends_it(
    client: Client, connected: Database, site: Site
) -> None:
    key = await changes.rotate_key(connected, site.id, overlap_days=2)
    old = await client.get(root(site))
    assert old.status_code == 200
    assert key in old.json()["links"]["report"], "links carry the newest key"
    with time_machine.travel(clock.now() + 2 * 86_400 + 1):
        assert (await client.get(root(site))).status_code == 404
        assert (await client.get(f"/api/v1/sites/{key}")).status_code == 200
    newer = await changes.rotate_key(connected, site.id, overlap_days=5)
    newest = await changes.rotate_key(connected, site.id)
    for key, status in ((site.key, 404), (newer, 404), (newest, 200)):
        assert (await client.get(f"/api/v1/sites/{key}")).status_code == status


async def test_a_disabled_site_is_hidden_from_the_public_only(client: Client, connected: Database, site: Site) -> None:
    await changes.disable_site(connected, site.id)
    assert (await client.get(root(site))).status_code == 404
    assert await service.list_sites(connected) == []
    assert await service.by_jurisdiction(connected, site.jurisdiction) is None
    assert (await service.by_id(connected, site.id)).id == site.id
    await changes.disable_site(connected, site.id, disabled=False)
    assert (await client.get(root(site))).status_code == 200


# --- the gate ---


async def test_registered_origins_and_the_service_itself_are_allowed(client: Client, site: Site) -> None:
    for origin in (HOST_ORIGIN, PUNYCODE, "https://widget.test", None):
        answer = await challenge(client, site, origin)
        assert answer.status_code == 200, origin
        assert answer.headers["Cache-Control"] == "no-store"


@ONE_DATABASE
async def test_other_origins_are_refused_with_a_hint(client: Client, site: Site) -> None:
    for origin in (
        "null",
        "https://evil.test",
        HOST_ORIGIN + ".evil.test",
        HOST_ORIGIN.replace("https://", "https://evil-"),
        HOST_ORIGIN + ":8443",
        HOST_ORIGIN.upper(),
        HOST_ORIGIN.replace("https", "http"),
        PUNYCODE + "x",
    ):
        reading = await challenge(client, site, origin)
        writing = await buy(client, site, "whatever", origin)
        for answer in (reading, writing):
            content = answer.json()
            assert answer.status_code == 403, origin
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["Access-Control-Allow-Origin"] in ("*", origin)
            assert content["code"] == "origin_not_registered"
            assert content["origin"] == origin
            assert content["register_url"] == "https://widget.test/sites/new"
            assert origin in content["detail"]
            assert content["register_url"] in content["detail"]


@ONE_DATABASE
async def test_the_page_in_the_hint_exists_and_quotes_the_button_of_the_cabinet(client: Client, site: Site) -> None:
    """It quotes the checkbox and the button beside a refused origin in the cabinet."""
    for language in ("ru", "en"):
        page = await client.get("/sites/new", params={"lang": language})
        assert '<a href="/cabinet/sites">' in page.text, language
        for label in ("install.check.add_sure", "install.check.add"):
            assert i18n.text(language, label, origin="").strip(" :") in html.unescape(page.text)
    page = await client.get("/sites/new", params={"origin": "https://<b>.test"})
    assert page.status_code == 200
    assert "site set" in page.text
    assert "<b>" not in page.text


# --- tickets ---


async def test_a_solved_challenge_gives_one_ticket_of_its_site_and_origin(
    client: Client, app: Any, site: Site, connected: Database
) -> None:
    payload = solve_challenge((await challenge(client, site)).json())
    answer = await buy(client, site, payload)
    content = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert 7190 <= clock.parse_rfc3339(content["expires_at"]) - clock.now() <= 7200
    assert tickets.read_ticket(app.state.context.signer, content["ticket"], site, HOST_ORIGIN)
    again = await buy(client, site, payload)
    assert (again.status_code, again.json()["code"]) == (403, "challenge_spent")
    payload = solve_challenge((await challenge(client, site)).json())
    answers = await asyncio.gather(*(buy(client, site, payload) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 9
    other = await make_site(connected)
    payload = solve_challenge((await challenge(client, site)).json())
    for refused in (await buy(client, site, payload, PUNYCODE), await buy(client, other, payload)):
        assert (refused.status_code, refused.json()["code"]) == (403, "challenge_invalid")
    for malformed in list[Any]((None, 1, [], {}, "", "AAAA", "ж")):
        answer = await buy(client, site, malformed)
        assert (answer.status_code, answer.json()["code"]) == (400, "challenge_malformed"), malformed


async def test_a_ticket_can_be_used_once(connected: Database) -> None:
    ticket_id = clock.new_id()

    async def spend() -> None:
        await connected.write(lambda tx: tickets.spend_ticket(tx, ticket_id))

    await spend()
    with pytest.raises(Refused, match="ticket_spent"):
        await spend()
    with time_machine.travel(clock.now() + tickets.TICKET_LIFETIME + 10):
        assert await tickets.delete_expired(connected) == 1


async def test_too_many_challenges_are_429_with_retry_after(
    client: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("widget_api.sites.tickets.MAX_OUTSTANDING", 2)
    answers = [await challenge(client, site) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


# --- consent ---


async def test_the_consent_names_all_recipients_in_both_languages(
    database: Database, make_settings: Callable[..., Settings], settings: Settings
) -> None:
    agency = {"name": "Управа", "email": "u@gorod.test", "inn": "5022000000", "postal_address": "140400, Коломна"}
    site = await make_site(database, agency=agency)
    plain = make_settings(processor="ООО «Сервис», ИНН 7700000000")
    document = await consent.current_document(database, site, plain, "ru")
    for fact in (
        "Управа", "u@gorod.test", "5022000000", "140400, Коломна", "ООО «Сервис»", "1\u202f095 дней", "30 дней",
    ):  # fmt: skip
        assert fact in document.body
    assert document.hash == hashlib.sha256(document.body.encode()).hexdigest()
    assert document.hash.startswith(document.version)
    assert "Платформа" not in document.body
    sharing = make_settings(platform_url="https://platform.test/v2", platform_key="k", platform_contacts="email")
    assert "platform.test" in (await consent.current_document(database, site, sharing, "ru")).body
    silent = make_settings(platform_url="https://platform.test/v2", platform_key="k")
    assert "platform.test" not in (await consent.current_document(database, site, silent, "ru")).body
    site, other = await make_site(database), await make_site(database)

    for name, contacts, of in (("Первая", "all", None), ("Вторая", "none", None), ("Чужая", "all", other.id)):
        await add_platform(database, name, name=name, contacts=contacts, site_id=of)
    body = (await consent.current_document(database, site, settings, "ru")).body
    assert "Первая" in body
    assert "Вторая" not in body
    assert "Чужая" not in body
    russian, english = [await consent.current_document(database, site, settings, language) for language in ("ru", "en")]
    assert [len(lines) for _, lines in russian.sections] == [len(lines) for _, lines in english.sections]


async def test_the_consent_names_the_place_of_storage_only_if_configured(
    database: Database, make_settings: Callable[..., Settings]
) -> None:
    silent = await make_site(database)
    declared = await make_site(database, agency={"registry_number": "77-22-123456"})
    place, number = "Россия, Москва, ЦОД «Восток»", "77-22-123456"
    for language in ("ru", "en"):
        said = [
            i18n.text(language, f"sites.consent.{key}", place=place, number=number)
            for key in ("actions_location", "operator_registry")
        ]
        body = (await consent.current_document(database, silent, make_settings(), language)).body
        for claim in (*(line.partition(":")[0] for line in said), "Росси", "Russia", "servers", "сервер"):
            assert claim not in body, (claim, body)
        body = (await consent.current_document(database, declared, make_settings(data_location=place), language)).body
        assert [line for line in said if line not in body] == []


def test_doctor_reports_gaps_in_the_consent_document(cli: Callable[..., Any], database: Database) -> None:
    def said(**changes: str) -> str:
        checks = cli("doctor", **changes)["checks"]
        return " ".join(one["detail"] for one in checks if one["name"] == "consent")

    agency = cli("agency", "add", "--name", "Управа", "--email", "u@gorod.test")["agency"]
    cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test")
    assert "INN or postal address is missing: Управа" in said()
    assert "register is missing: Управа" in said()
    assert "WIDGET_DATA_LOCATION is not set" in said()
    fields = {"inn": "5022000000", "address": "Коломна", "registry-number": "77-22-123456"}
    cli("agency", "set", agency, *(part for name, value in fields.items() for part in (f"--{name}", value)))
    assert said(data_location="Россия, Москва") == ""


async def test_the_current_document_is_accepted_if_its_row_was_lost(connected: Database, app: Any, site: Site) -> None:
    """A person read it before the database was restored from an older backup."""
    settings = app.state.context.settings
    read = [await consent.current_document(connected, site, settings, language) for language in ("ru", "en")]
    await connected.write(lambda tx: tx.run("DELETE FROM consent_documents"))
    assert [await consent.find_agreed(connected, site, settings, one.version) for one in read] == read
    assert [await consent.find_document(connected, site, one.version) for one in read] == read, "stored again"


async def test_the_current_consent_has_a_page_and_earlier_ones_can_be_read_but_not_agreed_to(
    client: Client, site: Site, connected: Database, app: Any
) -> None:
    page = await client.get(f"/s/{site.key}/consent")
    english = await client.get(f"/s/{site.key}/consent", params={"lang": "en"})
    assert page.status_code == english.status_code == 200
    assert "Согласие на обработку персональных данных" in page.text
    assert "не действующая" not in page.text
    assert "Consent to the processing of personal data" in english.text
    assert (await client.get(f"/s/{site.key}/consent/0123456789ab")).status_code == 404
    assert (await client.get(f"/s/{site.key}/consent/%00")).status_code == 404
    settings = app.state.context.settings
    old = (await client.get(root(site))).json()["consent"]
    with time_machine.travel(clock.now() + 10, tick=False):
        await changes.update_site(connected, site.id, {"retention_days": 30})
        changed = await service.by_key(connected, site.key)
        new = await consent.current_document(connected, changed, settings, "ru")
        assert new.version != old["version"]
        assert await consent.find_agreed(connected, changed, settings, new.version) == new
        written_before = await consent.find_agreed(connected, changed, settings, old["version"])
        assert written_before is not None, "a draft of today may still be sent"
    page = await client.get(old["url"])
    assert page.status_code == 200
    assert "1\u202f095 дней" in page.text
    assert "не действующая" in page.text
    with time_machine.travel(clock.now() + 2 * 86_400):
        assert await consent.find_agreed(connected, changed, settings, old["version"]) is None
    assert await consent.find_agreed(connected, changed, settings, "never") is None


# --- tokens ---


async def test_tokens_are_stored_as_hashes_and_can_be_revoked(database: Database) -> None:
    site = await make_site(database)
    token = await changes.add_token(database, site.id, "georeport", clock.now() + 1)
    (listed,) = await changes.list_tokens(database, site.id)
    assert token not in str(listed)
    assert token.startswith(listed["hint"])
    row = existing(await database.row("SELECT token_hash FROM tokens"))
    assert row[0] == hashlib.sha256(token.encode()).hexdigest()
    await changes.revoke_token(database, token)
    assert (await changes.list_tokens(database))[0]["revoked_at"] is not None
    with pytest.raises(NotFound):
        await changes.revoke_token(database, token)


def test_the_snippet_matches_the_contract() -> None:
    assert view.make_snippet("wk_key", "extended", "Сообщить о проблеме", "https://W") == (
        '<igrajdanin-widget site-key="wk_key" type="extended">\n'
        '  <a href="https://W/s/wk_key/report">Сообщить о проблеме</a>\n'
        "</igrajdanin-widget>\n"
        '<script async src="https://W/w/1/loader.js"></script>'
    )


# --- formal appeals ---


async def test_the_link_to_formal_appeals_is_shown_if_configured(client: Client, database: Database) -> None:
    for appeals, shown in (("handoff", True), ("off", False)):
        site = await make_site(database, appeals=appeals, appeals_url="https://gosuslugi.test/1")
        content = (await client.get(root(site))).json()
        assert content["appeals_url"] == ("https://gosuslugi.test/1" if shown else None)
        assert ("https://gosuslugi.test/1" in content["track"]["text"]) is shown
        assert ("https://gosuslugi.test/1" in (await client.get(f"/s/{site.key}/report")).text) is shown


async def test_appeals_are_redirected_or_off(cli: Callable[..., Any], database: Database) -> None:
    """The mode of an earlier release, which accepted appeals without handling them, becomes «off»."""
    site = await make_site(database)
    with pytest.raises(CommandFailed, match="identified"):
        cli("site", "set", site.key, "--appeals", "identified")

    await database.write(lambda tx: tx.run("UPDATE sites SET appeals = 'identified'"))
    await migrations.run(database.url, "version_1_1_0", "fill_sites")
    (row,) = await database.rows("SELECT appeals FROM sites")
    assert row["appeals"] == "off"

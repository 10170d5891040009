"""Subordinate services and the agency's journal in the cabinet: who sees and changes what."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx2
import pytest
import time_machine

from tests.factories import EMAIL as RESIDENT_EMAIL
from tests.factories import existing, make_site, submit_report
from tests.support.cabinet import Cabinet, Enter, PageText
from tests.support.journal import read_journal
from widget_api import clock, i18n, journal
from widget_api.cabinet.organisation.journal import PAGE_LENGTH
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.people import accounts, invitations
from widget_api.sites.model import Site

SERVICES = "/cabinet/organisation/services"
JOURNAL = "/cabinet/organisation/journal"
ROLES = ("operator", "admin", "head", "agent", "viewer")
pytestmark = pytest.mark.settings(work="off")


@pytest.fixture
async def sites(context: Context) -> dict[str, Site]:
    """Agencies by their relation to «own»."""
    above = await make_site(context.database, agency={"name": "Область"}, name="Сайт области")
    options = {"name": "Город", "parent_id": above.agency.id}
    own = await make_site(context.database, agency=options, name="Сайт города")
    options = {"name": "Водоканал", "parent_id": own.agency.id}
    below = await make_site(context.database, agency=options, name="Сайт водоканала")
    foreign = await make_site(context.database, agency={"name": "Соседи"}, name="Сайт соседей")
    return {"parent": above, "own": own, "subordinate": below, "foreign": foreign}


async def send(cabinet: Cabinet, path: str, **fields: str) -> httpx2.Response:
    form = (await cabinet.read("/cabinet/account")).form("/cabinet/account/sessions")
    return await cabinet.client.post(path, data=form.fields | fields)


async def test_services_can_be_added_and_changed(enter: Enter, sites: dict[str, Site], context: Context) -> None:
    own = sites["own"].agency.id
    admin = await enter("admin", own)
    answer = await admin.send(SERVICES, SERVICES, name=" МУП  «Свет» ", email="svet@gorod.test", mode="email")
    assert answer.headers["location"] == f"{SERVICES}?done=added"
    row = existing(await context.database.row("SELECT * FROM agencies WHERE name = 'МУП «Свет»'"))
    assert (row["parent_id"], row["email"], row["mode"], bool(row["digest"])) == (own, "svet@gorod.test", "email", True)
    page = await admin.read(SERVICES)
    assert f"{SERVICES}/{row['id']}" in page.links
    assert f"/cabinet/organisation/people?agency={row['id']}" in page.links
    assert "Соседи" not in page.text
    path = f"{SERVICES}/{row['id']}"
    assert (await admin.send(path, path, name="Горсвет", mode="cabinet")).headers["location"] == f"{path}?done=saved"
    row = existing(await context.database.row("SELECT name, email, mode FROM agencies WHERE id = :id", id=row["id"]))
    assert (row["name"], row["email"], row["mode"]) == ("Горсвет", "svet@gorod.test", "cabinet")
    for place in (SERVICES, path):
        wrong_emails = [{"email": "no address"}, {"email": "petr@gmail"}]
        for wrong in ({"name": ""}, *wrong_emails, {"mode": "fax"}, {"name": "я" * 201}):
            answer = await admin.send(place, place, **({"name": "Лифт", "email": "lift@gorod.test"} | wrong))
            assert answer.status_code == 422, (place, wrong)
            form = PageText(answer.text).form(place)
            assert form.fields["name"] == wrong.get("name", "Лифт"), "what was typed is there"
    done = [entry for entry in await read_journal(context.database) if entry["role"] == "admin"]
    assert [(entry["kind"], entry["details"]) for entry in done if entry["kind"].startswith("agency")] == [
        ("agency_changed", {"columns": ["mode", "name"], "values": ["mode:email:cabinet"]}),
        ("agency_added", {}),
    ]
    await admin.send("/cabinet/organisation/people", "/cabinet/organisation/people", email="x@gorod.test")
    shown = await admin.read(f"/cabinet/organisation/people?agency={sites['subordinate'].agency.id}")
    assert "x@gorod.test" not in shown.text


async def test_administrators_change_the_agency(enter: Enter, sites: dict[str, Site], context: Context) -> None:
    agency = sites["own"].agency.id
    admin, page = await enter("admin", agency), "/cabinet/organisation/details"
    assert page in (await admin.read("/cabinet/organisation/people")).links
    sent = {"inn": "5022000000", "postal_address": " Лесная,  1", "registry_number": "50-22-123456"}
    for given, words in (
        ({"inn": "12"}, "В ИНН 10 или 12 цифр"),
        ({"registry_number": "нет"}, "Номер в реестре"),
        ({"senders": "anna"}, "почты"),
        ({"postal_address": "я" * 301}, "300"),
        ({"digest_hour": "13"}, "Выберите"),
        ({"senders": "\n".join(f"a{one}@gorod.test" for one in range(51))}, "50"),
    ):
        refused = await admin.send(page, page, **(sent | given))
        assert refused.status_code == 422, given
        assert words in refused.text
        if "digest_hour" not in given:  # chosen, not typed
            assert next(iter(given.values()))[:40] in refused.text
    done = await admin.send(page, page, **sent, senders="Anna@gorod.test, @uprava.test", digest="yes", digest_hour="7")
    assert done.headers["location"] == f"{page}?done=saved"
    row = existing(await context.database.row("SELECT * FROM agencies WHERE id = :id", id=agency))
    assert [row[name] for name in sent] == ["5022000000", "Лесная, 1", "50-22-123456"]
    assert (row["senders"], bool(row["digest"])) == ('["anna@gorod.test","@uprava.test"]', True)
    (entry,) = await read_journal(context.database, "agency_changed")
    assert row["digest_hour"] == 7
    columns = ["digest", "digest_hour", "inn", "postal_address", "registry_number", "senders"]
    values = ["digest:no:yes", "digest_hour:none:7"]
    assert (entry["role"], entry["details"]) == ("admin", {"columns": columns, "values": values})
    again = await admin.send(page, page)
    assert again.status_code == 303
    assert len(await read_journal(context.database, "agency_changed")) == 1, "nothing was changed"


async def test_services_and_journal_are_limited_to_the_readers_agency(enter: Enter, sites: dict[str, Site]) -> None:
    """Route × role × agency: data of other agencies looks like missing data."""
    own = sites["own"].agency.id
    entered = {role: await enter(role, None if role == "operator" else own) for role in ROLES}
    for role, cabinet in entered.items():
        unknown = (await cabinet.client.get("/cabinet/nowhere")).text
        both = ("admin", "operator")
        for path, readers in ((SERVICES, ("admin",)), (JOURNAL, both), (f"{JOURNAL}.csv", both)):
            answer = await cabinet.client.get(path)
            assert answer.status_code == (200 if role in readers else 404), (role, path)
            if role not in readers:
                assert answer.text.replace(path, "/cabinet/nowhere") == unknown, (role, path)
        assert (await send(cabinet, SERVICES)).status_code == (422 if role == "admin" else 404), role
        for whose, site in sites.items():
            path, allowed = f"{SERVICES}/{site.agency.id}", role == "admin" and whose == "subordinate"
            answers = [await cabinet.client.get(path), await send(cabinet, path, name="Иначе")]
            assert [answer.status_code for answer in answers] == ([200, 303] if allowed else [404, 404]), (role, whose)
            if not allowed:
                assert answers[0].text.replace(path, "/cabinet/nowhere") == unknown
        menu = (await cabinet.read("/cabinet/")).links
        expected = {"admin": {"/cabinet/organisation/people"}, "operator": {JOURNAL}}.get(role, set())
        assert {link for link in menu if link.startswith("/cabinet/organisation")} == expected, role


async def entries_of(cabinet: Cabinet, query: str = "") -> list[dict[str, str]]:
    """The entries of an exported file, without the entry about the export itself."""
    answer = await cabinet.client.get(f"{JOURNAL}.csv{query}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="journal-')
    assert answer.content.startswith("\ufeff".encode())
    lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
    return [line for line in lines if line["Код"] != "exported"]


async def test_the_journal_lists_own_users_and_sites(enter: Enter, sites: dict[str, Site], context: Context) -> None:
    admin, operator = await enter("admin", sites["own"].agency.id, "boss@gorod.test"), await enter("operator", None)
    await context.database.write(lambda tx: tx.run("DELETE FROM journal"))
    problems: dict[str, str] = {}
    for whose, site in sites.items():
        agent = await enter("agent", site.agency.id, f"{whose}@gorod.test")
        problems[whose] = (await submit_report(context.database, site)).problem_id
        await agent.read(f"/cabinet/problems/{problems[whose]}")
        email, agency_id = f"{whose}-new@gorod.test", site.agency.id
        invitee = invitations.Invitee(email=email, role="agent", agency_id=agency_id, language="ru")
        await invitations.invite(context.database, invitee, journal.COMMAND_LINE)
        await journal.note(
            context.database, "site_changed", journal.Who(role="operator"), subject=site.id, site_id=site.id,
            details={"columns": ["moderator"]},
        )  # fmt: skip
        await journal.note(context.database, "agency_changed", journal.COMMAND_LINE, subject=site.agency.id)
        await journal.note(context.database, "sign_in_failed", journal.visitor("203.0.113.9"), details={"times": 4})
    entries = await entries_of(admin)
    about = {line[column] for line in entries for column in ("О ком или о чём", "Кто", "Сайт")}
    for whose, site in sites.items():
        named = {f"{whose}@gorod.test", f"{whose}-new@gorod.test", site.agency.name, site.name}
        assert named & about == (named if whose in ("own", "subordinate") else set()), whose
    kinds = ["user_added", "signed_in", "contact_read", "invited", "site_changed", "agency_changed"]
    assert sorted(line["Код"] for line in entries) == sorted(kinds * 2)
    assert {line["Адрес"] for line in entries if line["Код"] in ("signed_in", "contact_read")} == {"127.0.0.1"}
    page = await admin.read(JOURNAL)
    assert f"/cabinet/problems/{problems['own']}" in page.links
    assert "foreign@gorod.test" not in page.text
    assert "кто модерирует" in page.text
    everything = await entries_of(operator)
    assert len([line for line in everything if line["Код"] in kinds]) == 24
    assert {"foreign@gorod.test", "parent@gorod.test"} <= {line["Кто"] for line in everything}
    assert [line["Подробности"] for line in everything if line["Код"] == "sign_in_failed"] == ["раз за час: 4"] * 4
    assert RESIDENT_EMAIL not in str(everything), "an author's contacts are none of it"

    person = (await context.database.row("SELECT id FROM users WHERE email = 'own@gorod.test'"))["id"]  # type: ignore[index]
    assert {line["Код"] for line in await entries_of(admin, f"?person={person}")} == {
        "user_added", "signed_in", "contact_read"
    }  # fmt: skip
    stranger = existing(await context.database.row("SELECT id FROM users WHERE email = 'foreign@gorod.test'"))
    assert await entries_of(admin, f"?person={stranger['id']}") == []
    assert {line["Код"] for line in await entries_of(admin, "?kind=contact_read")} == {"contact_read"}
    exports = await read_journal(context.database, "exported")
    assert {(entry["role"], str(entry["details"])) for entry in exports} == {
        ("admin", "{'what': 'journal'}"), ("operator", "{'what': 'journal'}")
    }  # fmt: skip


async def test_the_journal_is_paged_and_filtered_by_day(enter: Enter, sites: dict[str, Site], context: Context) -> None:
    own = sites["own"].agency.id
    now, day = clock.now(), 86_400
    moments = [now - day * 10 - index // 3 for index in range(PAGE_LENGTH * 2)]  # several within a second

    async def plant(tx: Transaction) -> None:
        for index, at in enumerate(moments):
            values: dict[str, Any] = {"id": clock.new_id(), "at": at, "role": "agent", "agency_id": own}
            await tx.insert("journal", kind="signed_in", details="{}", ip=f"10.0.0.{index}", **values)

    await context.database.write(plant)
    admin = await enter("admin", own)
    seen: list[str] = []
    path = f"{JOURNAL}?kind=signed_in"
    while path:
        page = await admin.read(path)
        seen += [word.rstrip(",") for word in page.text.split() if word.startswith("10.0.0.")]
        path = next((link for link in page.links if "after=" in link), "")
    assert sorted(seen) == sorted(f"10.0.0.{index}" for index in range(len(moments)))

    def date(seconds: int) -> str:
        return clock.rfc3339(seconds)[:10]

    for query, found in (
        (f"from={date(now - 12 * day)}&to={date(now - 8 * day)}", len(moments)),
        (f"from={date(now - 30 * day)}&to={date(now - 12 * day)}", 0),
        (f"to={date(now - 8 * day)}", len(moments)),
        ("from=nonsense&to=9999-12-31&kind=nothing&after=x.y", len(moments)),
        ("from=0001-01-01&after=99999999999999999.", len(moments)),
    ):
        entries = await entries_of(admin, f"?{query}")
        assert sum(line["Адрес"].startswith("10.0.0.") for line in entries) == found, query
        await admin.read(f"{JOURNAL}?{query}")
    await admin.read(f"{JOURNAL}?person=%00&after=%00")


async def test_exports_hold_no_formulas_or_operators(enter: Enter, sites: dict[str, Site], context: Context) -> None:
    admin = await enter("admin", sites["own"].agency.id)
    name = "=HYPERLINK(1)"
    user_id, _ = await accounts.add_user(
        context.database, email="calc@gorod.test", role="agent", agency_id=sites["own"].agency.id, name=name
    )
    (line,) = await entries_of(admin, f"?person={user_id}")
    assert line["О ком или о чём"] == f"'{name}"
    operator_id, _ = await accounts.add_user(
        context.database, email="staff@operator.test", role="operator", agency_id=None, name="Иван Службин"
    )
    who = journal.Who(role="operator", user_id=operator_id, ip="203.0.113.5")
    site = sites["own"]
    await journal.note(context.database, "site_changed", who, subject=site.id, site_id=site.id)
    page = (await admin.read(JOURNAL)).text
    assert "оператор" in page
    assert "Иван Службин" not in page
    assert "Иван Службин" not in str(await entries_of(admin))


def test_every_kind_has_a_text() -> None:
    for language in i18n.LANGUAGES:
        texts = i18n.texts(language)
        assert [kind for kind in journal.KINDS if f"organisation.journal.kind.{kind}" not in texts] == []
    described = {key.rpartition(".")[2] for key in i18n.texts("ru") if key.startswith("organisation.journal.kind.")}
    assert described == set(journal.KINDS)


async def test_the_journal_page_has_no_forms_that_change_it(enter: Enter, sites: dict[str, Site]) -> None:
    admin = await enter("admin", sites["own"].agency.id)
    page = await admin.read(JOURNAL)
    assert {form.action for form in page.forms if form.method == "post"} == {"/cabinet/language", "/cabinet/sign-out"}
    with time_machine.travel(clock.now() + 5, tick=False):
        for path in (JOURNAL, f"{JOURNAL}.csv"):
            assert (await send(admin, path)).status_code == 405

"""The operator's shell: whose reports an operator reads, agencies and sites by forms, the state of the service."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.api.test_comments import confirmed_comment
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, HOST_ORIGIN, existing, make_site, submit_report
from tests.support import commands
from tests.support.cabinet import PASSWORD, Cabinet, Enter, PageText
from tests.support.journal import read_journal
from tests.support.public_api import Widget
from tests.support.registration import plant_application
from widget_api import clock, i18n, journal
from widget_api.cabinet.operator import state as shell
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.mailbox import review
from widget_api.mailbox import store as letters
from widget_api.mailbox.attachments import AttachmentPreview
from widget_api.mailbox.model import Verdict
from widget_api.ops import doctor
from widget_api.ops.findings import passed, quote
from widget_api.people import accounts
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Site

AGENCIES, NEW_SITE, STATE = "/cabinet/operator/agencies", "/cabinet/operator/site", "/cabinet/operator/state"
FIGURES = "/cabinet/operator/figures"
SECRET_NOTE = "Заявитель скандалит каждую осень"
pytestmark = pytest.mark.settings(work="off")


class City:
    """A site with all that the cabinet may tell of a report."""

    def __init__(self, context: Context, client: Client, moderator: Any) -> None:
        self.context, self.client, self.moderator = context, client, moderator
        self.words = f"Провалился люк у {'школы' if moderator == 'agent' else 'вокзала'}"

    async def build(self) -> City:
        database = self.context.database
        self.site = await make_site(
            database, moderator=self.moderator, discussion="moderated", agency={"name": f"Мэрия {self.moderator}"}
        )
        receipt = await submit_report(database, self.site, description=self.words)
        self.problem = receipt.problem_id
        await lifecycle.confirm(database, self.site.id, self.problem)
        await lifecycle.change(database, AGENT, self.site.id, self.problem, Change(to="accepted"))
        self.waiting = (await submit_report(database, self.site, description=f"{self.words}, снова")).problem_id
        widget = Widget(self.client, self.site)
        text = f"Комментарий: {self.words}"
        self.comment = (await confirmed_comment(widget, self.context, receipt.number, text))["id"]
        held = Verdict(
            kind="answer", state="held", reason="dmarc", site_id=self.site.id, problem_id=self.problem,
            status="planned", text=f"Письмо: {self.words}",
        )  # fmt: skip

        async def plant(tx: Transaction) -> str | None:
            user = existing(await tx.row("SELECT id FROM users LIMIT 1"))
            note = {"id": clock.new_id(), "problem_id": self.problem, "user_id": user["id"], "at": clock.now()}
            await tx.insert("notes", **note, text=SECRET_NOTE)
            await tx.run("UPDATE deliveries SET state = 'dead' WHERE site_id = :id", id=self.site.id)
            return await letters.insert_letter(tx, f"key-{self.moderator}", held, clock.now())

        self.letter = await database.write(plant)
        return self


async def token_of(cabinet: Cabinet, path: str = "/cabinet/account") -> dict[str, str]:
    return {"form_token": (await cabinet.read(path)).form("/cabinet/sign-out").fields["form_token"]}


async def test_an_operator_reads_the_reports_of_moderated_sites_alone(
    app: Any, enter: Enter, context: Context, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Route by route: what is not the operator's looks like what is not there."""
    operator = await enter("operator", None)
    theirs, own = [await City(context, client, moderator).build() for moderator in ("agent", "operator")]
    unknown = (await operator.client.get("/cabinet/problems/nothing")).text

    async def list_one(*_: Any) -> list[AttachmentPreview]:
        return [AttachmentPreview(name="a.png", content=b"x", media_type="image/png")]

    monkeypatch.setattr(review, "preview_attachments", list_one)
    token = await token_of(operator)
    for city, seen in ((theirs, False), (own, True)):
        for path in (
            f"/cabinet/problems/{city.problem}",
            f"/cabinet/problems?site={city.site.id}",
            f"/cabinet/version?site={city.site.id}",
            f"/cabinet/mail/{city.letter}",
        ):
            answer = await operator.client.get(path)
            assert answer.status_code == (200 if seen else 404), path
            assert (city.words in answer.text) == (seen and "version" not in path), path
        if not seen:
            assert (await operator.client.get(f"/cabinet/problems/{city.problem}")).text == unknown
        for path in ("/cabinet/problems", "/cabinet/comments", "/cabinet/mail", "/cabinet/inbox"):
            assert (city.words in (await operator.read(path)).text) == seen, path
        for action, fields, status in (
            ("", {"to": "rejected", "reject_reason": "other", "text": "нет", "seen": "x"}, 409),
            ("/note", {"note": "Пишет оператор"}, 403), ("/document", {"document_number": "1"}, 403),
            ("/comment", {"comment": "От нас"}, 403), ("/assign", {"user": "x"}, 403),
            ("/work", {"work_text": "Готово"}, 403), ("/return", {"return_reason": "Не наше"}, 403),
            ("/ask", {"question": "Где?"}, 303), ("/read", {}, 303), ("/spam", {"spam": "yes"}, 303),
        ):  # fmt: skip
            answer = await operator.client.post(f"/cabinet/problems/{city.waiting}{action}", data=token | fields)
            assert answer.status_code == (status if seen else 404), (city.moderator, action)
        for path, fields, status in (
            (f"/cabinet/comments/{city.comment}", {"verdict": "published"}, 303),
            (f"/cabinet/mail/{city.letter}", {"action": "decline"}, 303),
        ):
            before = await operator.client.get(f"/cabinet/mail/{city.letter}/attached/0")
            assert before.status_code == (200 if seen else 404)
            answer = await operator.client.post(path, data=token | fields)
            assert answer.status_code == (status if seen else 404), path
        for ending in ("csv", "xlsx"):
            for query in ("", f"?site={city.site.id}"):
                assert (await operator.client.get(f"/cabinet/problems.{ending}{query}")).status_code == 404
    of_reports = [
        (method, route.path.replace("{problem_id}", theirs.problem))
        for route in app.routes
        if getattr(route, "path", "").startswith("/cabinet/problems/{problem_id}")
        for method in route.methods - {"HEAD"}
    ]
    assert len(of_reports) > 10
    for method, path in of_reports:
        answer = await operator.client.request(method, path, data=token if method == "POST" else None)
        assert answer.status_code == 404, (method, path)
    version = (await operator.client.get("/cabinet/version")).text
    await lifecycle.change(context.database, AGENT, theirs.site.id, theirs.problem, Change(to="in_progress"))
    assert (await operator.client.get("/cabinet/version")).text == version, "it tells that something happened elsewhere"
    await lifecycle.change(context.database, AGENT, own.site.id, own.problem, Change(to="in_progress"))
    assert (await operator.client.get("/cabinet/version")).text != version
    page = await operator.read(f"/cabinet/problems/{own.problem}")
    assert SECRET_NOTE not in page.text
    assert not [form for form in page.forms if form.action.endswith("/note")]
    admin = await enter("admin", own.site.agency.id)
    assert SECRET_NOTE in (await admin.read(f"/cabinet/problems/{own.problem}")).text


async def test_deliveries_and_journal_link_readable_reports(enter: Enter, context: Context, client: Client) -> None:
    operator = await enter("operator", None)
    theirs, own = [await City(context, client, moderator).build() for moderator in ("agent", "operator")]
    for city in (theirs, own):
        who = journal.Who(role="agent")
        await journal.note(context.database, "contact_read", who, subject=city.problem, site_id=city.site.id)
    for path in ("/cabinet/deliveries", "/cabinet/organisation/journal"):
        links = (await operator.read(path)).links
        assert f"/cabinet/problems/{own.problem}" in links, path
        assert f"/cabinet/problems/{theirs.problem}" not in links, path
    shown = await operator.read("/cabinet/deliveries")
    assert len([form for form in shown.forms if form.action.endswith("/drop")]) >= 4, "each can be dropped all the same"


async def test_the_menu_has_reports_only_where_the_operator_moderates(enter: Enter, context: Context) -> None:
    site = await make_site(context.database)
    operator = await enter("operator", None)
    fixed = ["/cabinet/", AGENCIES, "/cabinet/sites", "/cabinet/deliveries", STATE, "/cabinet/organisation/journal"]

    async def menu() -> list[str]:
        found = dict.fromkeys((await operator.read("/cabinet/account")).links)
        return [link for link in found if link.startswith("/cabinet/") and "/account" not in link]

    assert await menu() == fixed
    assert "/cabinet/problems?tab=moderation" not in (await operator.read("/cabinet/")).links
    await operator.read("/cabinet/inbox")
    await changes.update_site(context.database, site.id, {"moderator": "operator"})
    assert await menu() == [fixed[0], "/cabinet/problems", *fixed[1:]]
    await submit_report(context.database, site)
    today = await operator.read("/cabinet/")
    assert "/cabinet/problems?tab=moderation" in today.links
    assert "1 на модерации" in today.text


async def test_today_names_what_needs_attention(enter: Enter, context: Context, client: Client) -> None:
    operator = await enter("operator", None)
    assert "Всё работает" in (await operator.read("/cabinet/")).text
    city = await City(context, client, "agent").build()
    calm = await make_site(context.database, name="Сайт с виджетом")
    silent = await make_site(context.database, name="Сайт без виджета")
    context.sightings.note(calm, "seen", HOST_ORIGIN)
    context.sightings.note(silent, "seen", context.settings.public_url)  # the service's own pages do not count
    await context.sightings.flush(context.database)
    now = clock.now()

    async def break_things(tx: Transaction) -> None:
        await tx.run(
            "UPDATE agencies SET email_failed_at = :now, email_failure = 'no such user' WHERE id = :id",
            now=now, id=city.site.agency.id,
        )  # fmt: skip
        await tx.insert(
            "platforms", id="p", name="Госплатформа", url="https://p.test", key="k", protocol="georeport",
            created_at=now, paused_until=now + 3600, pause_reason="answers 503",
        )  # fmt: skip
        await tx.run(  # one that failed and waits for its retry
            "UPDATE deliveries SET state = 'pending', attempts = 3, next_at = :next, created_at = :made"
            " WHERE id = (SELECT MIN(id) FROM deliveries)",
            next=now + 600, made=now - 1800,
        )  # fmt: skip
        await tx.insert("chores", name="purge", next_at=now - 9 * 86_400, done_at=now - 10 * 86_400, outcome="")

    await context.database.write(break_things)
    await journal.note(context.database, "exported", journal.COMMAND_LINE, details={"what": "backup"})
    page = await operator.read("/cabinet/")
    assert {
        "/cabinet/deliveries?kind=resident",
        "/cabinet/deliveries?tab=waiting&kind=platform",
        f"{AGENCIES}/{city.site.agency.id}",
        f"/cabinet/sites/{silent.id}",
        "/cabinet/organisation/journal?kind=exported",
        STATE,
    } <= set(page.links)
    assert f"/cabinet/sites/{calm.id}" not in page.links
    assert "Самая старая отправка ждёт 30 минут" in page.text
    assert "answers 503" in page.text
    assert "давно не было" in page.text
    assert city.words not in page.text


async def test_the_operator_reads_figures_of_all_sites_and_each(enter: Enter, context: Context, client: Client) -> None:
    operator = await enter("operator", None)
    assert "0 Сайтов" in (await operator.read(FIGURES)).text
    cities = [await City(context, client, moderator).build() for moderator in ("agent", "operator")]
    await lifecycle.change(context.database, AGENT, cities[1].site.id, cities[1].waiting, Change(to="accepted"))
    page = await operator.read(FIGURES)
    assert [link for link in page.links if link.startswith("/cabinet/sites/")] == [
        f"/cabinet/sites/{city.site.id}" for city in reversed(cities)
    ]
    counts = [re.findall(r"(?:Всего|Открыто): (\d+)", part) for part in page.text.split(cities[0].site.name)[1:]]
    assert counts == [["2", "2"], ["1", "1"]]
    public = PageText((await client.get("/stats")).text).text
    for name, value in {"Сообщения": 3, "Сайта": 2, "Муниципалитета": 2}.items():
        assert f"{value} {name}" in page.text
        assert f"{name} {value}" in public


async def test_an_applications_territory_is_shown_on_a_map(enter: Enter, context: Context) -> None:
    operator = await enter("operator", None)
    ring = [[38.5, 55.0], [39.0, 55.0], [39.0, 55.2], [38.5, 55.0]]
    area = json.dumps({"type": "Polygon", "coordinates": [ring]})
    for given, corners in ((None, 0), (area, 3)):
        path = f"/cabinet/operator/applications/{await plant_application(context, area=given)}"
        shown = (await operator.client.get(path)).text
        drawn = "".join(re.findall(r'class="border" d="(.*?)"', shown))
        spots = {tuple(map(float, spot)) for spot in re.findall(r"([\d.]+) ([\d.]+)", drawn)}
        assert len(spots) == corners
        assert all(0 <= x <= 480 and 0 <= y <= 360 for x, y in spots)
        assert ("пока не указана" in shown) == (given is None)


# --- agencies --------------------------------------------------------------------------------------------------------


async def entries(context: Context, kind: Any) -> list[tuple[Any, ...]]:
    found = await read_journal(context.database, kind)
    return [(entry["role"], entry["subject"], entry["details"]) for entry in found]


async def test_an_agency_is_added_with_its_first_administrator_and_its_site(enter: Enter, context: Context) -> None:
    operator = await enter("operator", None)
    typed = {"name": "Администрация <Заречья>", "email": "нет", "mode": "email", "parent": ""}
    refused = await operator.send(AGENCIES, AGENCIES, **typed)
    assert refused.status_code == 422
    again = PageText(refused.text).form(AGENCIES).fields
    assert (again["name"], again["email"]) == (typed["name"], typed["email"])
    assert '<option value="email" selected>' in refused.text
    assert "Проверьте адрес почты" in refused.text
    for wrong in ({"name": ""}, {"name": "я" * 201}, {"mode": "fax"}, {"parent": "nowhere"}):
        good = typed | {"email": "priem@zarechye.test"} | wrong
        assert (await operator.send(AGENCIES, AGENCIES, **good)).status_code == 422, wrong
    assert await context.database.rows("SELECT id FROM agencies") == []

    added = await operator.send(AGENCIES, AGENCIES, **typed | {"email": "priem@zarechye.test"})
    path = added.headers["location"].partition("?")[0]
    agency_id = path.rpartition("/")[2]
    assert await entries(context, "agency_added") == [("operator", agency_id, {})]
    assert (await sites.list_sites(context.database)) == []

    invitation = f"{path}/invitations"
    person = {"invitee_email": "boss", "invitee_name": "Анна", "invitee_post": "Глава"}
    assert 'id="field-password-error"' in (await operator.send(path, invitation, **person)).text, "of a stolen session"
    person["password"] = PASSWORD
    refused = await operator.send(path, invitation, **person)
    assert refused.status_code == 422
    assert (person | {"password": ""}).items() <= PageText(refused.text).form(invitation).fields.items()
    assert 'id="field-invitee_email-error"' in refused.text
    assert 'id="field-email-error"' not in refused.text
    assert (await operator.send(path, invitation, **person | {"invitee_email": "boss@z.test"})).status_code == 303
    (row,) = await context.database.rows("SELECT id, email, role, agency_id, name, post FROM invitations")
    assert tuple(row)[1:] == ("boss@z.test", "admin", agency_id, "Анна", "Глава")
    assert await entries(context, "invited") == [("operator", row["id"], {"role": "admin"})]
    one = f"{invitation}/{row['id']}"
    assert (await operator.send(path, f"{one}/send")).status_code == 303
    other = await make_site(context.database)
    elsewhere = f"{AGENCIES}/{other.agency.id}/invitations/{row['id']}/withdraw"
    assert (await operator.client.post(elsewhere, data=await token_of(operator))).status_code == 404
    assert (await operator.send(path, f"{one}/withdraw")).status_code == 303
    assert await context.database.rows("SELECT id FROM invitations") == []


async def test_an_agency_is_changed_as_by_the_command_line(enter: Enter, context: Context) -> None:
    operator, site = await enter("operator", None), await make_site(context.database)
    top = await sites.add_agency(context.database, name="Область", email="o@o.test")
    path = f"{AGENCIES}/{site.agency.id}"
    assert (await operator.send(path, path)).status_code == 303
    assert await entries(context, "agency_changed") == [], "nothing was changed"
    form = {"name": "Город", "email": "g@g.test", "mode": "email", "parent": top, "answers": "service"}
    assert (await operator.send(path, path, **form)).status_code == 303
    (row,) = [one for one in await changes.list_agencies(context.database) if one["id"] == site.agency.id]
    assert (row["name"], row["email"], row["mode"], row["parent_id"], row["delegated"]) == (
        "Город", "g@g.test", "email", top, True,
    )  # fmt: skip
    columns = ["delegated", "email", "mode", "name", "parent_id"]
    details = {"columns": columns, "values": ["delegated:no:yes", "mode:cabinet:email", f"parent_id:none:{top}"]}
    assert await entries(context, "agency_changed") == [("operator", site.agency.id, details)]
    shown = (await operator.read("/cabinet/organisation/journal")).text
    assert (
        "кто отвечает автору: ведомство → служба сама; как работает: в кабинете → по почте;"
        " вышестоящее ведомство: не задано → Область" in shown
    )
    refused = await operator.send(path, path, **form | {"name": "Посёлок", "email": "x"})
    assert refused.status_code == 422
    assert PageText(refused.text).form(path).fields["name"] == "Посёлок"
    assert f'<option value="{top}" selected>' in refused.text
    await operator.read(f"{AGENCIES}/nothing", 404)
    await operator.read(f"{AGENCIES}/%00", 404)


async def test_an_agency_is_disabled_with_its_people_and_sites(enter: Enter, context: Context, client: Client) -> None:
    site = await make_site(context.database)
    closed = await make_site(context.database, agency={"name": "Лицей"})
    await changes.update_agency(context.database, closed.agency.id, {"parent_id": site.agency.id})
    idle = await sites.add_site(
        context.database, name="Старый", agency_id=site.agency.id, allowed_origins=["https://old.test"]
    )
    await changes.disable_site(context.database, idle.id)
    operator, anna = await enter("operator", None), await enter("agent", site.agency.id, "anna@gorod.test")
    below = await enter("agent", closed.agency.id)
    page, api = f"{AGENCIES}/{site.agency.id}", "/api/v1/sites/{}/problems"
    with time_machine.travel(clock.now() + 5):
        done = await operator.send(page, f"{page}/access", enabled="no")
    assert done.headers["location"] == f"{page}?done=disabled"
    assert "Ведомство отключено" in (await operator.read(page)).text
    assert "отключено" in (await operator.read(AGENCIES)).text
    assert (await anna.client.get("/cabinet/")).status_code == 303, "the session has ended"
    assert (await anna.sign_in("anna@gorod.test", PASSWORD)).status_code == 403
    assert (await below.client.get("/cabinet/")).status_code == 200, "services stay"
    status = {one.key: (await client.get(api.format(one.key))).status_code for one in (site, closed, idle)}
    assert status == {site.key: 404, closed.key: 200, idle.key: 404}
    new: Any = {"email": "new@gorod.test", "role": "agent", "agency_id": site.agency.id}
    await accounts.add_user(context.database, password=PASSWORD, **new)
    assert (await anna.sign_in("new@gorod.test", PASSWORD)).status_code == 403, "nor who comes later"
    assert (await operator.send(page, f"{page}/access", enabled="yes")).headers["location"] == f"{page}?done=enabled"
    assert (await anna.sign_in("anna@gorod.test", PASSWORD)).status_code == 303
    status = {one.key: (await client.get(api.format(one.key))).status_code for one in (site, idle)}
    assert status == {site.key: 200, idle.key: 404}, "that one was disabled before"
    kinds = [entry["kind"] for entry in await read_journal(context.database)]
    assert {"agency_disabled", "agency_enabled"} <= set(kinds)


async def test_agencies_form_no_circle(enter: Enter, context: Context, settings: Settings, tmp_path: Path) -> None:
    database, operator = context.database, await enter("operator", None)
    names = ("Область", "Город", "Район")
    ids = list[str]()
    for name in names:
        ids.append(await sites.add_agency(database, name=name, email="x@x.test", parent_id=ids[-1] if ids else None))
    top, middle, bottom = ids
    path = f"{AGENCIES}/{top}"
    for below in (middle, bottom):
        refused = await operator.send(path, path, parent=below)
        assert refused.status_code == 422
        assert "По кругу подчинять нельзя" in refused.text
    assert f'value="{top}"' not in (await operator.client.get(path)).text, "itself is not offered"
    own = await operator.client.post(path, data=await token_of(operator) | {"parent": top})
    assert own.status_code == 422
    environ = {"WIDGET_DATABASE_URL": settings.database_url, "WIDGET_DATA": str(tmp_path)}
    for below in ("Район", "Область"):
        done = commands.attempt("agency", "set", "Область", "--parent", below, settings=environ, directory=tmp_path)
        assert done.returncode == 1
        assert "--parent: Agencies cannot form a circle" in done.stderr
    before = [row["parent_id"] for row in await changes.list_agencies(database)]
    assert before == [None, top, middle]
    moved = commands.call_json("agency", "set", "Район", "--parent", "Область", settings=environ, directory=tmp_path)
    assert moved["parent_id"] == top
    freed = commands.call_json("agency", "set", "Район", "--parent", "", settings=environ, directory=tmp_path)
    assert freed["parent_id"] is None


# --- a new site ------------------------------------------------------------------------------------------------------

AREA = {"type": "Polygon", "coordinates": [[[38.7, 55.0], [38.9, 55.0], [38.9, 55.2], [38.7, 55.0]]]}


async def test_a_site_is_added_with_the_fields_of_the_command_line(enter: Enter, context: Context) -> None:
    operator = await enter("operator", None)
    assert "Сначала добавьте ведомство" in (await operator.read(NEW_SITE)).text
    agency = await sites.add_agency(context.database, name="Город", email="x@x.test", mode="email")
    page = await operator.client.get(f"{NEW_SITE}?agency={agency}")
    assert f'<option value="{agency}" selected>' in page.text
    typed = {
        "name": "Сайт города", "agency": agency, "origin": "https://город.рф\n https://www.gorod.test ",
        "type": "basic", "moderator": "operator", "moderation": "before", "time_zone": "Asia/Omsk", "language": "en",
        "jurisdiction": "omsk.test", "bbox": "38.6,54.9,39,55.3", "area": json.dumps(AREA), "contact": "required",
        "discussion": "moderated", "mail_answers": "hold", "appeals": "handoff",
        "appeals_url": "https://gosuslugi.test/form", "photos": "5", "accent": "#0A58A6", "license": "CC0-1.0",
        "retention_days": "400",
    }  # fmt: skip
    wrong = {
        "name": " ", "agency": "", "origin": "нет/адреса", "type": "wide", "time_zone": "Омск", "bbox": "1,2",
        "photos": "99", "accent": "синий", "license": "?", "retention_days": "9" * 30, "appeals_url": "",
        "moderator": "resident",
    }  # fmt: skip
    refused = await operator.send(NEW_SITE, NEW_SITE, **typed | wrong)
    assert refused.status_code == 422
    listed = [link.removeprefix("#field-") for link in PageText(refused.text).links if link.startswith("#field-")]
    in_form = re.findall(r'id="field-([a-z_]+)-error"', refused.text)
    assert set(wrong) == set(listed)
    assert listed == in_form, "the summary has the order of the form"
    kept = PageText(refused.text).form(NEW_SITE).fields
    texts = ("origin", "area", "bbox", "accent", "photos", "license", "jurisdiction")
    assert {name: kept[name] for name in texts} == {name: (typed | wrong)[name] for name in texts}
    assert '<details class="fold" open>' in refused.text
    elsewhere = await operator.send(NEW_SITE, NEW_SITE, **typed | {"area": json.dumps(AREA)[:-9]})
    assert (elsewhere.status_code, "Это не JSON" in elsewhere.text) == (422, True)
    assert await sites.list_sites(context.database) == []

    added = await operator.send(NEW_SITE, NEW_SITE, **typed)
    assert added.status_code == 303, added.text
    (site,) = await sites.list_sites(context.database)
    assert added.headers["location"] == f"/cabinet/sites/{site.id}"
    assert site.origins == {f"https://{'город.рф'.encode('idna').decode()}", "https://www.gorod.test"}
    same = ("name", "type", "moderator", "moderation", "time_zone", "language", "jurisdiction", "contact", "discussion",
            "mail_answers", "appeals", "appeals_url", "license")  # fmt: skip
    assert {name: getattr(site, name) for name in same} == {name: typed[name] for name in same}
    assert (site.photos, site.retention_days, site.accent, site.agency.id) == (5, 400, "#0A58A6".lower(), agency)
    assert site.bbox == (38.6, 54.9, 39.0, 55.3)
    assert site.area is not None
    assert await entries(context, "site_added") == [("operator", site.id, {})]
    taken = await operator.send(NEW_SITE, NEW_SITE, **typed)
    assert taken.status_code == 422
    assert 'id="field-jurisdiction-error"' in taken.text
    plain = {"name": "Второй", "agency": agency, "origin": "https://second.test"}
    assert (await operator.send(NEW_SITE, NEW_SITE, **plain)).status_code == 303
    second = next(one for one in await sites.list_sites(context.database) if one.id != site.id)
    assert (second.moderation, second.jurisdiction, second.retention_days) == ("after", "second.test", 1095)


# --- the doctor, and who may do any of it ----------------------------------------------------------------------------


@ONE_DATABASE
async def test_today_tells_of_late_backups_unless_made_elsewhere(app: Any, enter: Enter, context: Context) -> None:
    operator = await enter("operator", None)
    late, name = "копий или проверки восстановления давно не было", "Последняя копия"
    assert [word in (await operator.read("/cabinet/")).text for word in (late, name)] == [False, True]
    production = replace(context.settings, environment="production")
    app.state.context = replace(context, settings=production)
    assert [word in (await operator.read("/cabinet/")).text for word in (late, name)] == [True, True]
    app.state.context = replace(context, settings=replace(production, backups_elsewhere=True))
    assert [word in (await operator.read("/cabinet/")).text for word in (late, name)] == [False, False]


@pytest.mark.settings(smtp_url="smtp://127.0.0.1:9", work="off")
async def test_the_doctors_page_shows_what_the_command_shows(
    settings: Settings, enter: Enter, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_site(context.database)
    operator = await enter("operator", None)
    asked = list[str]()
    real = doctor.examine_connected

    def examine(*given: Any) -> Any:
        asked.append("now")
        return real(*given)

    monkeypatch.setattr(doctor, "examine_connected", examine)
    await operator.read(STATE)
    assert asked == [], "nothing is checked before somebody asks"
    page = PageText((await operator.send(STATE, STATE)).text)
    environ = {
        "WIDGET_DATABASE_URL": settings.database_url,
        "WIDGET_DATA": str(settings.data_directory),
        "WIDGET_SMTP_URL": settings.smtp_url or "",
        "WIDGET_MAIL_FROM": "widget@widget.test",
    }
    done = commands.attempt("doctor", "--json", settings=environ, directory=tmp_path)
    (check,) = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "mail"]
    assert (check["ok"], check["detail"] in page.text) == (False, True), "the words of another program"
    assert "неполадка · Исходящая почта" in page.text
    # What is not translated are codes, names and those words.
    english = {"queue": "empty", "tiles": "not configured", "inbound": "agencies answer in the cabinet"}
    for name, words in english.items():
        (check,) = [one for one in json.loads(done.stdout)["checks"] if one["name"] == name]
        assert (words in check["detail"], words in page.text) == (True, False), name
    unsaid = "не указаны ИНН или почтовый адрес: Администрация города"
    assert f"нужно исправить · Согласие на обработку данных {unsaid}" in page.text
    assert "Нужно исправить 1 замечание" in page.text

    async def slow(*_: Any) -> Any:
        yield passed("database", quote("quick"))
        await asyncio.Event().wait()

    monkeypatch.setattr(doctor, "examine_connected", slow)
    monkeypatch.setattr(shell, "TIME_LIMIT", 0)
    shown = PageText((await operator.send(STATE, STATE)).text)
    assert "quick" in shown.text
    assert "проверено не всё" in shown.text
    assert "Всё в порядке" not in shown.text


async def test_every_check_has_a_name(context: Context) -> None:
    source = "".join(path.read_text() for path in Path(doctor.__file__).parent.glob("*.py"))
    names = {*re.findall(r'(?:Finding|passed|failed)\(\s*"(\w+)"', source), "inbound"}
    assert len(names) > 10
    for name in names:
        assert i18n.has(f"operator.state.check.{name}"), name


async def test_the_shell_is_nobody_elses(enter: Enter, context: Context, site: Site) -> None:
    routes: tuple[tuple[str, str], ...] = (
        ("GET", AGENCIES), ("POST", AGENCIES), ("GET", f"{AGENCIES}/{site.agency.id}"),
        ("POST", f"{AGENCIES}/{site.agency.id}"), ("POST", f"{AGENCIES}/{site.agency.id}/invitations"),
        ("POST", f"{AGENCIES}/{site.agency.id}/invitations/x/send"),
        ("POST", f"{AGENCIES}/{site.agency.id}/invitations/x/withdraw"),
        ("GET", NEW_SITE), ("POST", NEW_SITE), ("GET", STATE), ("POST", STATE), ("GET", FIGURES),
    )  # fmt: skip
    good = {"name": "Чужое", "email": "x@x.test", "mode": "cabinet", "invitee_email": "x@x.test"}
    for role in ("admin", "head", "agent", "viewer"):
        person = await enter(role, site.agency.id)
        fields, unknown = good | await token_of(person), (await person.client.get("/cabinet/nowhere")).text
        for method, path in routes:
            answer = await person.client.request(method, path, data=fields if method == "POST" else None)
            assert answer.status_code == 404, (role, method, path)
            assert answer.text.replace(path, "/cabinet/nowhere") == unknown
    operator, stranger = await enter("operator", None), await enter("operator", None)
    foreign = good | await token_of(stranger)
    for method, path in routes:
        if method != "POST":
            continue
        for token in ("", "x", foreign["form_token"]):
            answer = await operator.client.post(path, data=good | {"form_token": token})
            assert answer.status_code == 403, (path, token)
        ours = good | await token_of(operator)
        answer = await operator.client.post(path, data=ours, headers={"Origin": "https://evil.test"})
        assert answer.status_code == 403, path
    rows = await context.database.rows("SELECT name FROM agencies")
    assert [row["name"] for row in rows] == ["Администрация города"]
    assert await context.database.rows("SELECT id FROM invitations") == []

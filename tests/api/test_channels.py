"""Reports that an official enters for somebody, and answers that were given outside the system."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
import time_machine

from tests.api.test_letters import letters
from tests.factories import AGENT, make_site, submit_report
from tests.support.cabinet import Cabinet, Enter, Form, PageText
from tests.support.mail import MailSink
from tests.support.pictures import halves, photo
from widget_api import clock
from widget_api.browse import statistics
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes, routing_rules
from widget_api.sites import service as sites
from widget_api.sites.model import Site

PATH = "/cabinet/new-report"
SAID = "Во дворе третий день не горит ни один фонарь"


@pytest.fixture
def database(app: Any) -> Any:
    return app.state.context.database


async def fill(cabinet: Cabinet, site: Site | None = None, **fields: str) -> httpx2.Response:
    """Open the form, fill it in as for a caller, send it."""
    path = PATH if site is None else f"{PATH}?site={site.id}"
    form = (await cabinet.read(path)).form(PATH)
    given = {"channel": "phone", "category": "lighting", "description": SAID, "address": "Мира, 5"}
    return await cabinet.client.post(form.action, data=form.fields | given | fields)


async def only(database: Any, table: str = "problems") -> Any:
    (row,) = await database.rows(f"SELECT * FROM {table}")
    return row


async def test_a_caller_is_entered_and_told_the_code(database: Any, enter: Enter, site: Site, client: Any) -> None:
    agent = await enter("agent", site.agency.id)
    assert PATH in (await agent.read("/cabinet/problems")).links_without_query
    shown = await fill(agent)
    assert shown.status_code == 200, shown.text
    row, page = await only(database), PageText(shown.text)
    assert (row["channel"], row["source"], row["status"], row["published"]) == ("phone", "form", "accepted", 1)
    assert "№ 1" in page.text
    code = next(word for word in page.text.split() if len(word) == 9 and word[4] == "-")
    followed = await client.post(
        "/track", data={"site": site.key, "number": "1", "code": code}, headers={"Origin": str(client.base_url)}
    )
    assert followed.status_code == 303, "the code that was read out opens the report"
    assert [event["kind"] for event in await database.rows("SELECT kind FROM events ORDER BY position")] == [
        "received",
        "status",
    ]
    assert await database.rows("SELECT * FROM contacts") == []
    assert await database.rows("SELECT * FROM consents") == []
    report = await agent.read(f"/cabinet/problems/{row['id']}")
    assert "по телефону" in report.text
    assert "agent-0@gorod.test" in report.text, "who entered it stands in the history"
    item = (await client.get(f"/api/v1/sites/{site.key}/problems")).json()["items"][0]
    assert item["source"] == "form", "the outside learns of no channel"
    assert "phone" not in (await client.get(f"/api/v1/sites/{site.key}/problems/1")).text


async def test_an_author_with_an_address_confirms_it_and_learns_who_entered_the_report(
    app: Any, database: Any, enter: Enter, site: Site, mail_sink: MailSink
) -> None:
    agent = await enter("agent", site.agency.id)
    contact: dict[str, Any] = {"email": "olga@example.test", "name": "Ольга", "phone": "+7 900 000-00-00"}
    for name, value in contact.items():
        assert (await fill(agent, **{name: value})).status_code == 422, f"{name} alone is personal data too"
    refused = await fill(agent, **contact)
    assert refused.status_code == 422
    assert "только с согласия заявителя" in refused.text
    assert "olga@example.test" in refused.text, "what was typed is there"
    shown = await fill(agent, **contact, consent="yes", channel="visit")
    assert shown.status_code == 200
    assert "Продиктуйте код" not in shown.text
    row, consent = await only(database), await only(database, "consents")
    assert (consent["problem_id"], consent["ip"]) == (row["id"], None), "the computer is the official's"
    assert consent["version"]
    (letter,) = await letters(app.state.context, mail_sink, "olga@example.test")
    assert "внесло ведомство с ваших слов (на приёме)" in " ".join(letter.text.split())
    assert row["status"] == "accepted", "and confirming changes nothing of that"
    await lifecycle.confirm(database, site.id, row["id"])
    assert (await only(database))["status"] == "accepted"


async def test_it_may_wait_and_may_have_come_days_ago(database: Any, enter: Enter, site: Site) -> None:
    with time_machine.travel("2026-11-25T09:00:00Z", tick=False):
        agent = await enter("head", site.agency.id)
        wrong = {
            "2026-11-26": "ещё не наступил",
            "2026-10-25": "не раньше чем 30 дней назад",
            "вчера": "нужна дата",
        }
        for day, words in wrong.items():
            refused = await fill(agent, received_on=day)
            assert refused.status_code == 422, day
            assert words in refused.text, day
        every = await fill(agent, channel="", category="", description="", address="", received_on="")
        assert all(f'href="#field-{name}"' in every.text for name in ("channel", "category", "description", "address"))
        await fill(agent, received_on="2026-10-26", later="yes", channel="letter")
        row = await only(database)
        assert (await agent.decide(row["id"], "accepted")).status_code == 303
    assert (row["status"], row["released_at"], row["published"]) == ("moderation", None, 0)
    assert row["created_at"] == clock.parse_rfc3339("2026-10-26T12:00:00+03:00")
    assert row["answer_due"] < "2026-11-25", "the days run from the receipt"


async def test_rules_photos_and_questions_are_as_of_residents_reports(database: Any, enter: Enter, site: Site) -> None:
    await changes.update_site(database, site.id, {"contact": "required", "bbox": (38.5, 54.9, 39.1, 55.3)})
    await changes.set_category(database, site.id, "roads", {"photo_required": True})
    agent = await enter("agent", site.agency.id)
    outside = await fill(agent, coordinates="59.93, 30.31")
    assert outside.status_code == 422, "another city's point"
    path = (await agent.read(PATH)).form(PATH)
    form = path.fields | {"channel": "visit", "category": "roads", "description": SAID, "address": "Мира, 5"}
    files = [("photos", ("яма.jpg", photo(halves(80, 60)), "image/jpeg"))]
    first = await agent.client.post(path.action, data=form | {"description": ""}, files=files)
    assert first.status_code == 422
    kept = PageText(first.text).form(PATH)
    assert kept.fields["photo"], "a photo survives a refusal"
    broken = [("photos", ("яма.jpg", b"no picture", "image/jpeg"))]
    refused = await agent.client.post(path.action, data=form, files=broken)
    assert refused.status_code == 422, "nothing is entered without the photo that was meant"
    assert await database.rows("SELECT 1 FROM problems") == []
    complete = form | kept.fields | {"description": SAID}
    sent = [await agent.client.post(kept.action, data=complete) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [200, 200]
    assert sent[0].text.count("№ 1") == sent[1].text.count("№ 1"), "sent twice it is one report"
    assert len(await database.rows("SELECT * FROM photos WHERE event_id <> ''")) == 1
    changed = await agent.client.post(kept.action, data=complete | {"description": SAID + " и ещё"})
    assert changed.status_code == 422
    assert "уже внесено сообщение № 1" in changed.text
    again = PageText(changed.text).form(PATH)
    fields = {name: value for name, value in (form | again.fields).items() if name != "photo"}
    assert (await agent.client.post(again.action, data=fields)).status_code == 200
    assert len(await database.rows("SELECT * FROM problems")) == 2
    stale = await agent.client.post(again.action, data=fields | {"form": "x"})
    assert stale.status_code == 422
    assert "открыта слишком долго" in stale.text
    asked = await agent.client.post(again.action, data=fields | {"update": "1", "category": "snow"})
    assert asked.status_code == 200
    assert SAID in asked.text


async def test_personal_data_in_the_public_text_is_warned_of_and_moved(database: Any, enter: Enter, site: Site) -> None:
    agent = await enter("agent", site.agency.id)
    warned = await fill(agent, description=f"{SAID}, телефон 8 900 123-45-67")
    assert warned.status_code == 422
    assert "Похоже, в нём есть телефон." in warned.text
    form = PageText(warned.text).form(PATH)
    given = form.fields | {"channel": "phone", "category": "lighting"}
    moved = PageText((await agent.client.post(form.action, data=given | {"personal_move": "yes"})).text)
    assert moved.form(PATH).fields["description"].strip() == SAID
    assert moved.form(PATH).fields["phone"] == "8 900 123-45-67"
    assert await database.rows("SELECT * FROM problems") == []
    assert (await agent.client.post(form.action, data=given)).status_code == 200, "a warning stops nobody"
    assert "8 900" in (await only(database))["description"]


async def test_a_rule_forwards_at_once_and_no_contact_reaches_the_service(
    app: Any, database: Any, enter: Enter, site: Site, mail_sink: MailSink, client: Any
) -> None:
    service = await sites.add_agency(
        database, name="Горсвет", email="svet@gorod.test", mode="email", parent_id=site.agency.id
    )
    await routing_rules.add_rule(database, site.id, {"service": service, "category": "lighting"})
    agent, worker = await enter("agent", site.agency.id), await enter("agent", service)
    await fill(agent, email="tajna@example.test", name="Тайна Личная", phone="+7 999 111-22-33", consent="yes")
    row = await only(database)
    assert (row["status"], row["assigned_agency"]) == ("forwarded", service)
    seen = [letter.text for letter in await letters(app.state.context, mail_sink, "svet@gorod.test")]
    assert SAID in seen[0]
    viewer, path = await enter("viewer", site.agency.id), f"/cabinet/problems/{row['id']}"
    listed = ("problems", "problems/1", "problems.geojson", "problems.csv")
    pages = (
        *((worker.client, page) for page in ("/cabinet/", "/cabinet/problems", path)),
        *((client, f"/api/v1/sites/{site.key}/{name}") for name in listed),
        (viewer.client, path),
    )
    seen += [(await reader.get(page)).text for reader, page in pages]
    for canary in ("tajna@example.test", "Тайна", "111-22-33"):
        assert not [text for text in seen if canary in text], canary


async def test_where_there_are_several_sites_one_is_chosen_and_the_operators_moderation_is_left(
    database: Any, enter: Enter, site: Site
) -> None:
    await changes.update_site(database, site.id, {"moderator": "operator"})
    await make_site(database, name="Второй сайт", agency={"name": "Район", "parent_id": site.agency.id})
    admin = await enter("admin", site.agency.id)
    page = await admin.read(PATH)
    assert "Второй сайт" in page.text
    assert not [form for form in page.forms if form.action.startswith(PATH) and form.method == "post"]
    chosen = await admin.read(f"{PATH}?site={site.id}")
    assert "Принять позже" not in chosen.text
    token = chosen.form("/cabinet/sign-out").fields
    assert (await admin.client.post(PATH, data=token | {"channel": "phone"})).status_code == 404, "none is chosen"
    assert (await fill(admin, site)).status_code == 200
    row = await only(database)
    assert (row["site_id"], row["status"]) == (site.id, "moderation")


# --- answers given outside ---


PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


async def outside(cabinet: Cabinet, problem: str, **fields: str) -> tuple[Form, dict[str, str]]:
    path = f"/cabinet/problems/{problem}"
    assert f"{path}/outside" in (await cabinet.read(path)).links
    form = (await cabinet.read(f"{path}/outside")).form(f"{path}/outside")
    return form, form.fields | {"to": "answered", "number": "12-34/ОГ", "day": "2026-11-20"} | fields


@pytest.mark.parametrize("publish", [False, True])
async def test_an_answer_given_outside_is_the_official_one_and_its_file_the_agencys(
    database: Any, enter: Enter, site: Site, problem: str, client: Any, publish: bool
) -> None:
    agent = await enter("agent", site.agency.id)
    form, given = await outside(agent, problem, **({"publish": "yes"} if publish else {}))
    wrong = {"to": "", "number": "", "day": "2099-01-01"}
    files = [("documents", ("письмо Ольге Тайной.pdf", PDF, "application/pdf"))]
    refused = await agent.client.post(form.action, data=given | wrong, files=files)
    assert refused.status_code == 422
    assert all(f'href="#field-{name}"' in refused.text for name in wrong)
    kept = PageText(refused.text).form(form.action)
    sent = await agent.client.post(form.action, data=kept.fields | given | {"document": kept.fields["document"]})
    assert sent.status_code == 303, sent.text
    answer = (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()
    assert answer["status"] == "answered"
    assert (await statistics.read(database, statistics.Query(sites=(site,)), clock.now())).share_online == 0
    assert answer["answer"]["text"].startswith(
        "Ответ направлен заявителю напрямую.\n\nПисьмо № 12-34/ОГ, 20\xa0ноября 2026."
    )
    assert [one["name"] for one in answer["answer"]["documents"]] == (["письмо Ольге Тайной.pdf"] if publish else [])
    public = (await client.get(f"/s/{site.key}/problems/1")).text
    assert ("Тайной" in public) is publish
    path = f"/cabinet/problems/{problem}"
    link = next(link for link in (await agent.read(path)).links if "/documents/" in link)
    assert (await client.get(link)).status_code == 200, "signed, for the agency"
    assert (await client.get(link.partition("?")[0])).status_code == (200 if publish else 404)
    shown = (await (await enter("viewer", site.agency.id)).client.get(path)).text
    assert ("Тайной" in shown) is publish, "a viewer sees what everybody sees"


async def test_an_answer_outside_asks_what_others_ask(database: Any, enter: Enter, site: Site, problem: str) -> None:
    await changes.set_category(database, site.id, "roads", {"photo_after": True})
    agent = await enter("agent", site.agency.id)
    form, given = await outside(agent, problem)
    refused = await agent.client.post(form.action, data=given | {"to": "resolved"})
    assert refused.status_code == 422
    assert 'href="#field-to"' in refused.text
    await lifecycle.change(database, AGENT, site.id, problem, Change(to="in_progress"))
    late = await agent.client.post(form.action, data=given)
    assert late.status_code == 409
    assert "12-34/ОГ" in late.text
    elsewhere = await make_site(database, agency={"name": "Соседи"})
    for role, agency, status in (
        ("viewer", site.agency.id, 403),
        ("operator", None, 404),
        ("admin", elsewhere.agency.id, 404),
    ):
        cabinet = await enter(role, agency)
        token = (await cabinet.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]
        assert (await cabinet.client.get(form.action)).status_code == status, role
        sent = await cabinet.client.post(form.action, data=given | {"form_token": token})
        assert sent.status_code == status, role
    await changes.update_site(database, site.id, {"moderator": "operator"})
    waiting = (await submit_report(database, site)).problem_id
    operator = await enter("operator", None)
    assert f"/cabinet/problems/{waiting}/outside" not in (await operator.read(f"/cabinet/problems/{waiting}")).links
    await operator.read(f"/cabinet/problems/{waiting}/outside", 403)

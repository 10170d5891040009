"""Corrections of a report and of its answer, and what stays of what was corrected."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.test_letters import letters
from tests.conftest import Client
from tests.factories import AGENT, EMAIL, existing, submit_report
from tests.support.cabinet import Enter
from tests.support.exchange import mirror_report, write_nothing
from tests.support.journal import read_journal
from tests.support.mail import MailSink
from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.errors import Refused
from widget_api.mail import links
from widget_api.problems import lifecycle
from widget_api.problems.correction import correct_answer
from widget_api.problems.model import Change
from widget_api.problems.store import records
from widget_api.sites import changes
from widget_api.sites.model import Site

WORDS = "Яма у подъезда, звоните Ивановой 8 912 345 67 89"
CLEAN = "Яма у подъезда"


@pytest.fixture
async def problem(context: Context, site: Site) -> str:
    receipt = await submit_report(context.database, site, description=WORDS, lat=55.05, lng=38.75)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    return receipt.problem_id


async def detail(client: Client, site: Site) -> Any:
    return (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()


async def test_category_text_and_place_are_corrected_and_the_authors_words_stay(
    context: Context, enter: Enter, site: Site, problem: str, client: Client
) -> None:
    path, agent = f"/cabinet/problems/{problem}/correct", await enter("agent", site.agency.id)
    before = await detail(client, site)
    sent = "SELECT id, sink FROM deliveries ORDER BY id"
    feed = {row["id"] for row in await context.database.rows(sent)}
    form = (await agent.read(path)).form(path)
    form.fields["category"] = "roads"  # a select
    same = await agent.client.post(path, data=form.fields)
    assert same.headers["location"].endswith("done=nothing"), "rounded coordinates are no correction"
    for given, words in (
        ({"description": " "}, "Опишите"),
        ({"category": "nothing"}, "категори"),
        ({"place": "там"}, "широту и долготу"),
        ({"place": "", "address": ""}, "дрес"),
    ):
        refused = await agent.client.post(path, data=form.fields | {"description": CLEAN} | given)
        assert refused.status_code == 422
        assert words in refused.text, given
    wanted = {"category": "yards", "description": CLEAN, "place": "55,06; 38,76", "address": "Лесная, 5"}
    assert (await agent.client.post(path, data=form.fields | wanted)).status_code == 303
    after = await detail(client, site)
    assert [after[name] for name in ("category", "description", "address")] == ["yards", CLEAN, "Лесная, 5"]
    assert after["timeline"][:-4] == before["timeline"]
    marked = [(entry["kind"], entry["label"], entry["text"]) for entry in after["timeline"][-4:]]
    assert marked == [
        ("corrected", f"{what} ведомством", None)
        for what in ("Категория исправлена", "Текст исправлен", "Адрес исправлен", "Место на карте исправлено")
    ], "everybody sees that, nobody what it was"
    page = (await client.get(f"/s/{site.key}/problems/1")).text
    assert f"Текст исправлен ведомством {i18n.format_day('ru', clock.now(), site.time_zone)}." in page
    assert "Ивановой" not in page
    assert after["answer_due"] == before["answer_due"]
    found = await client.get(f"/api/v1/sites/{site.key}/problems", params={"category": "yards", "q": "подъезд"})
    assert [(item["number"], item["location"]) for item in found.json()["items"]] == [(1, {"lat": 55.06, "lng": 38.76})]
    gone = await client.get(f"/api/v1/sites/{site.key}/problems", params={"q": "Ивановой"})
    assert gone.json()["items"] == []
    stale = await agent.client.post(path, data=form.fields | {"description": WORDS, "category": "snow"})
    assert stale.status_code == 422
    assert "исправил другой сотрудник" in stale.text, "an older page does not bring back what was taken out"
    viewer = await enter("viewer", site.agency.id)
    assert WORDS not in (await viewer.read(f"/cabinet/problems/{problem}")).text
    history = await agent.read(f"/cabinet/problems/{problem}")
    for words in ("Исправлена категория, была «Дороги и тротуары»", WORDS, "Исправлено место на карте"):
        assert words in history.text
    sinks = [row["sink"] for row in await context.database.rows(sent) if row["id"] not in feed]
    assert sinks == ["resident"], "one letter, and nothing to platforms"
    assert "corrected" in [entry["kind"] for entry in await read_journal(context.database)]


async def test_the_history_names_a_sites_own_category(context: Context, enter: Enter, site: Site, problem: str) -> None:
    await changes.set_category(context.database, site.id, "wells", {"name": "Колодцы", "enabled": True})
    path, agent = f"/cabinet/problems/{problem}/correct", await enter("agent", site.agency.id)
    for category in ("wells", "yards"):
        form = (await agent.read(path)).form(path)
        assert (await agent.client.post(path, data=form.fields | {"category": category})).status_code == 303
    assert "Исправлена категория, была «Колодцы»" in (await agent.read(f"/cabinet/problems/{problem}")).text


async def test_the_author_gets_one_letter_which_says_what_was_corrected(
    context: Context, enter: Enter, site: Site, problem: str, client: Client, mail_sink: MailSink
) -> None:
    path, agent = f"/cabinet/problems/{problem}/correct", await enter("agent", site.agency.id)
    form = (await agent.read(path)).form(path)
    form.fields["category"] = "roads"
    before = len(await letters(context, mail_sink, EMAIL))
    corrected = {"description": CLEAN, "address": "Лесная, 5"}
    assert (await agent.client.post(path, data=form.fields | corrected)).status_code == 303
    got = (await letters(context, mail_sink, EMAIL))[before:]
    assert len(got) == 1
    assert "исправило в вашем сообщении: текст, адрес." in got[0].text
    assert f"Теперь на сайте:\n\n{CLEAN}" in got[0].text.replace("\r\n", "\n")
    assert "Ивановой" not in got[0].text
    row = existing(await context.database.row("SELECT link_id FROM problems WHERE id = :id", id=problem))
    private = (await client.get(links.track_url(context, problem, row["link_id"]))).text
    assert WORDS in private, "the author's own words stay, for the author"
    form = (await agent.read(path)).form(path)
    assert (await agent.client.post(path, data=form.fields | {"category": "yards"})).status_code == 303
    assert len(await letters(context, mail_sink, EMAIL)) == before + 1, "every letter names the category"
    await context.database.write(lambda tx: tx.run("UPDATE contacts SET confirmed_at = NULL"))
    form = (await agent.read(path)).form(path)
    form.fields |= {"category": "yards", "address": "Лесная, 7"}
    assert (await agent.client.post(path, data=form.fields)).status_code == 303
    assert len(await letters(context, mail_sink, EMAIL)) == before + 1, "nobody confirmed the address"


async def test_a_corrected_answer_takes_the_place_of_the_answer(
    context: Context, enter: Enter, site: Site, problem: str, client: Client, mail_sink: MailSink
) -> None:
    path, agent = f"/cabinet/problems/{problem}/correct", await enter("agent", site.agency.id)
    assert "Исправить ответ" not in (await agent.read(path)).text
    theirs = await mirror_report(context.database, site, status="resolved")
    for one in (problem, theirs):  # a report without an answer, and one that a platform answered
        seen = existing(await records.find(context.database, one))["status_event"]
        with pytest.raises(Refused):
            await correct_answer(context.database, AGENT, site.id, one, "Засыпали", seen=seen, along=write_nothing)
    await lifecycle.change(context.database, AGENT, site.id, problem, Change(to="resolved", text="Засыпали 1 мая"))
    fields = next(form for form in (await agent.read(path)).forms if "answer" in form.fields).fields
    assert fields["answer"] == "Засыпали 1 мая"
    empty = await agent.client.post(path, data=fields | {"answer": " "})
    assert empty.status_code == 422
    assert (await agent.client.post(path, data=fields | {"answer": "Засыпали 1 июня"})).status_code == 303
    answer = await detail(client, site)
    assert answer["answer"]["text"] == "Засыпали 1 июня"
    assert [entry["text"] for entry in answer["timeline"][-2:]] == ["Засыпали 1 мая", "Засыпали 1 июня"]
    assert answer["timeline"][-1]["label"] == "Ответ исправлен"
    (request,) = (await client.get("/open311/v2/requests/1.json")).json()
    assert request["status_notes"] == "Засыпали 1 июня"
    (extended,) = (await client.get("/open311/v2/requests/1.json?extensions=true")).json()
    said = [note["description"] for note in extended["notes"]][-2:]
    assert said == ["Засыпали 1 мая", "Засыпали 1 июня"], "the history stays"
    letter = (await letters(context, mail_sink, EMAIL))[-1]
    assert "Ведомство исправило свой ответ" in letter.text
    assert "Засыпали 1 июня" in letter.text
    page = (await client.get(f"/s/{site.key}/problems/1")).text
    assert "Засыпали 1 июня" in page
    late = await agent.client.post(path, data=fields | {"answer": "Ещё раз", "seen": "?"})
    assert late.status_code == 409
    head = await enter("head", site.agency.id)
    await changes.update_agency(context.database, site.agency.id, {"approval": True})
    assert (await agent.client.post(path, data=fields | {"answer": "Сам"})).status_code == 403
    assert "Исправить ответ" in (await head.read(path)).text

"""Drafts of answers, their approval by a head, and extensions of the due date."""

from __future__ import annotations

import itertools
import re
from datetime import date, timedelta
from typing import Any

import time_machine
from selectolax.lexbor import LexborHTMLParser

from tests.api.test_letters import letters
from tests.factories import EMAIL, existing, make_site, submit_report
from tests.support.cabinet import Cabinet, Enter
from tests.support.journal import read_journal
from tests.support.mail import MailSink
from tests.support.pictures import noise, photo
from widget_api import clock
from widget_api.casework import drafts
from widget_api.context import Context
from widget_api.mail import links
from widget_api.ops import retention
from widget_api.problems import extension, lifecycle
from widget_api.problems.model import Actor
from widget_api.sites import changes
from widget_api.sites.model import Site

ANSWER = "Яму на Лесной засыпали 12 декабря, асфальт уложим весной."


async def row(context: Context, problem: str) -> Any:
    return await context.database.row("SELECT * FROM problems WHERE id = :id", id=problem)


def path_of(problem: str) -> str:
    return f"/cabinet/problems/{problem}"


async def type_in(cabinet: Cabinet, problem: str, **fields: str) -> Any:
    """What the page's script does while somebody types."""
    path = path_of(problem)
    form = (await cabinet.read(path)).form(path)
    answer = await cabinet.client.post(f"{path}/draft", data=form.fields | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def read_part(cabinet: Cabinet, path: str, selector: str) -> str:
    """The visible text of a part of a page, empty where there is none."""
    found = LexborHTMLParser((await cabinet.client.get(path)).text).css_first(selector)
    return "" if found is None else " ".join(found.text(separator=" ").split())


async def kinds(context: Context) -> list[str]:
    return [entry["kind"] for entry in await read_journal(context.database) if "appro" in entry["kind"]]


# --- drafts ---


async def test_a_draft_outlives_window_and_session_and_colleagues_see_who_writes(
    context: Context, enter: Enter, site: Site, problem: str
) -> None:
    path = path_of(problem)
    anna = await enter("agent", site.agency.id, "anna@gorod.test")
    oleg = await enter("agent", site.agency.id, "oleg@gorod.test")
    said = await type_in(anna, problem, to="resolved", text=ANSWER, note="Звонили подрядчику")
    assert said["saved"].startswith("Черновик сохранён")
    assert said["others"] == ""
    again = await anna.read(path)
    assert [again.form(path).fields[name] for name in ("to", "text")] == ["resolved", ANSWER]
    assert again.form(f"{path}/note").fields["note"] == "Звонили подрядчику"
    seen = await oleg.read(path)
    assert "anna@gorod.test пишет ответ" in seen.text
    assert ANSWER not in seen.text, "half a thought is its author's own"
    assert (await type_in(oleg, problem, text="Другое"))["others"] == "anna@gorod.test пишет ответ."
    with time_machine.travel(clock.now() + drafts.TYPING + 1, tick=False):
        assert "Есть черновик: anna@gorod.test" in (await oleg.read(path)).text
    # A note goes alone, and leaves the draft of the answer.
    assert (await anna.send(path, f"{path}/note", note="Звонили подрядчику")).status_code == 303
    page = await anna.read(path)
    assert page.form(path).fields["text"] == ANSWER
    assert page.form(f"{path}/note").fields["note"] == "", "what was sent is no draft any more"
    assert (await anna.decide(problem, "resolved")).status_code == 303
    assert (
        await context.database.rows(
            "SELECT id FROM drafts WHERE user_id IN (SELECT id FROM users WHERE email LIKE 'anna%')"
        )
        == []
    )
    assert (await oleg.read(path)).form(path).fields["text"] == "Другое", "nothing of a colleague's is lost"


async def test_without_a_script_a_draft_is_saved_with_its_files_and_discarded(
    context: Context, enter: Enter, site: Site, problem: str
) -> None:
    path, agent = path_of(problem), await enter("agent", site.agency.id)
    form = (await agent.read(path)).form(path)
    files = {"photos": ("ремонт.jpg", photo(noise(64, 64)), "image/jpeg")}
    saved = await agent.client.post(path, data=form.fields | {"do": "draft", "text": ANSWER}, files=files)
    assert saved.headers["location"].endswith("done=drafted")
    with time_machine.travel(clock.now() + 5 * 86_400, tick=False):
        await retention.purge(context.database, context.storage)
        await agent.sign_in("agent-0@gorod.test", "a long enough password")
        kept = (await agent.read(path)).form(path)
        assert kept.fields["text"] == ANSWER
        assert (await agent.client.post(path, data=kept.fields | {"to": "resolved"})).status_code == 303
        shown = await context.database.rows("SELECT role FROM photos WHERE problem_id = :id", id=problem)
        assert [one["role"] for one in shown] == ["answer"], "the photo lived as long as its draft"


async def test_an_empty_draft_goes_and_an_old_one_too(context: Context, enter: Enter, site: Site, problem: str) -> None:
    agent = await enter("agent", site.agency.id)
    versions = []
    for text in ("Яму", ANSWER, "  "):
        versions.append((await agent.client.get("/cabinet/version")).text)
        await type_in(agent, problem, text=text, to="resolved")
    versions.append((await agent.client.get("/cabinet/version")).text)
    begun, writing, ended = (before != after for before, after in itertools.pairwise(versions))
    assert (begun, writing, ended) == (True, False, True), "open pages reload when somebody begins and ends to write"
    assert await context.database.rows("SELECT id FROM drafts") == []
    await type_in(agent, problem, text=ANSWER)
    form = (await agent.read(path_of(problem))).form(path_of(problem))
    await agent.client.post(form.action, data=form.fields | {"do": "discard"})
    assert await context.database.rows("SELECT id FROM drafts") == []
    await type_in(agent, problem, text=ANSWER)
    with time_machine.travel(clock.now() + drafts.LIFETIME + 1, tick=False):
        assert (await retention.purge(context.database, context.storage))["drafts"] == 1


async def test_drafts_are_internal_and_are_erased(context: Context, enter: Enter, site: Site, problem: str) -> None:
    path, agent = path_of(problem), await enter("agent", site.agency.id)
    await type_in(agent, problem, text=ANSWER)
    elsewhere = await make_site(context.database, agency={"name": "Соседи"})
    viewer, stranger = await enter("viewer", site.agency.id), await enter("admin", elsewhere.agency.id)
    for cabinet, status in ((viewer, 403), (stranger, 404)):
        token = (await cabinet.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]
        for action in ("draft", "draft/return"):
            given = {"form_token": token, "text": "Чужое", "author": "1", "remark": "Нет"}
            assert (await cabinet.client.post(f"{path}/{action}", data=given)).status_code == status
    await lifecycle.erase(context.database, Actor(kind="resident"), site.id, problem)
    assert await context.database.rows("SELECT id FROM drafts") == []


# --- approval ---


async def test_a_head_approves_what_an_agent_answers(
    context: Context, enter: Enter, site: Site, problem: str, mail_sink: MailSink, client: Any
) -> None:
    path, database = path_of(problem), context.database
    await changes.update_agency(database, site.agency.id, {"approval": True})
    agent, head = await enter("agent", site.agency.id, "anna@gorod.test"), await enter("head", site.agency.id)
    assert (await agent.decide(problem, "in_progress")).status_code == 303, "work needs no approval"
    sent = await agent.decide(problem, "resolved", text=ANSWER)
    assert sent.headers["location"].endswith("done=submitted")
    assert (await row(context, problem))["status"] == "in_progress"
    assert "Решение ждёт утверждения" in (await agent.read(path)).text
    found = await head.read("/cabinet/")
    assert path in found.links_without_query, "it waits on the head's first page"
    asked = await head.read(path)
    assert "anna@gorod.test просит утвердить решение" in asked.text
    assert "Утвердить" in await read_part(head, path, ".button-row")
    assert "Отправить на утверждение" in await read_part(agent, path, ".button-row")
    back = await head.client.post(
        f"{path}/draft/return", data=asked.form(f"{path}/draft/return").fields | {"remark": " "}
    )
    assert back.status_code == 422
    assert await read_part(agent, "/cabinet/", "#section-remark") == ""
    back = await head.send(path, f"{path}/draft/return", remark="Назовите улицу")
    assert back.headers["location"].endswith("done=returned")
    section = await read_part(agent, "/cabinet/", "#section-remark")
    assert section.startswith("Вернули с замечанием все 1")
    assert "Глубокая яма" in section
    assert "у школы вернули с замечанием" in section, "a badge as well, for the report may stand in a worse section"
    for cabinet, theirs in ((agent, True), (head, False)):
        assert (path in (await cabinet.read("/cabinet/problems?status=remark")).links_without_query) is theirs
    page = await agent.read(path)
    assert re.fullmatch(
        "Решение вернули с замечанием.*head-1@gorod.test .+ [0-9]+:[0-9]+ Назовите улицу",
        await read_part(agent, path, "#remark"),
    )
    assert page.form(path).fields["text"] == ANSWER, "the words are still there"
    for where in ("#sent-back", "#history"):  # while the agent goes on writing
        await agent.client.post(f"{path}/draft", data=page.form(path).fields | {"text": "Ещё не готово"})
        seen = await read_part(head, path, where)
        assert "Решение вернули с замечанием" in seen
        assert f"Назовите улицу Что вернули: «Решено» {ANSWER}" in seen
        assert "Ещё не готово" not in seen
    gone = await head.client.post(
        f"{path}/draft/return", data=asked.form(f"{path}/draft/return").fields | {"remark": "Ещё"}
    )
    assert gone.status_code == 409
    await agent.decide(problem, "resolved", text=f"{ANSWER} Улица Лесная, 5.")
    assert (await head.decide(problem, "resolved")).status_code == 303, "the form holds the agent's answer"
    assert (await row(context, problem))["status"] == "resolved"
    assert await database.rows("SELECT id FROM drafts") == []
    assert await kinds(context) == ["approved", "approval_requested", "approval_returned", "approval_requested"]
    assert path not in (await agent.read("/cabinet/problems?status=remark")).links_without_query
    history = await read_part(agent, path, "#history")
    for line in (
        "Решение отправлено на утверждение anna@gorod.test",
        "Решение вернули с замечанием head-1@gorod.test Назовите улицу",
        f"head-1@gorod.test {ANSWER}",
        "Решение утверждено head-1@gorod.test",
    ):
        assert line in history
    for public in (f"/api/v1/sites/{site.key}/problems/1", links.track_url(context, problem, None)):
        assert "на утверждение" not in (await client.get(public)).text
    letter = (await letters(context, mail_sink, EMAIL))[-1]
    assert "Улица Лесная, 5" in letter.text


async def test_a_head_approves_a_merge(context: Context, enter: Enter, site: Site, problem: str) -> None:
    """It closes the report like an answer."""
    await changes.update_agency(context.database, site.agency.id, {"approval": True})
    other = (await submit_report(context.database, site)).problem_id
    await lifecycle.confirm(context.database, site.id, other)
    agent, head = await enter("agent", site.agency.id), await enter("head", site.agency.id)
    assert (await agent.decide(other, "duplicate", duplicate_of="777")).status_code == 422, "no head is asked in vain"
    asked = await agent.decide(other, "duplicate", duplicate_of="1")
    assert asked.headers["location"].endswith("done=submitted")
    assert (await row(context, other))["status"] == "moderation"
    assert (await head.decide(other, "duplicate")).status_code == 303
    assert (await row(context, other))["status"] == "duplicate"


async def test_nobody_approves_where_there_is_nobody(context: Context, enter: Enter, site: Site, problem: str) -> None:
    await changes.update_agency(context.database, site.agency.id, {"approval": True})
    agent = await enter("agent", site.agency.id)
    assert (await agent.decide(problem, "resolved", text=ANSWER)).headers["location"].endswith("done=waits")


# --- extension ---


async def test_an_extension_is_approved_told_and_shown(
    context: Context, enter: Enter, site: Site, problem: str, mail_sink: MailSink, client: Any
) -> None:
    path, before = path_of(problem), await row(context, problem)
    first = date.fromisoformat(before["first_due"])
    agent, head = await enter("agent", site.agency.id), await enter("head", site.agency.id)
    reason = "Ждём асфальт до конца месяца."
    for day, words in (
        (before["answer_due"], "позже нынешнего"),
        ((first + timedelta(days=31)).isoformat(), "не больше чем на 30 дней"),
        ("", "Укажите новый срок"),
        ("31.12", "Это не дата"),
    ):
        refused = await agent.decide(problem, "extended", text=reason, extended_to=day)
        assert refused.status_code == 422
        assert words in refused.text
        assert reason in refused.text, "what was typed is still there"
    until = (first + timedelta(days=30)).isoformat()
    asked = await agent.decide(problem, "extended", text=reason, extended_to=until)
    assert asked.headers["location"].endswith("done=submitted")
    assert (await row(context, problem))["answer_due"] == before["answer_due"]
    form = (await head.read(path)).form(path)
    assert [form.fields[name] for name in ("to", "text", "extended_to")] == ["extended", reason, until]
    preview = await head.client.post(form.action, data=form.fields | {"do": "preview"})
    assert "Срок ответа продлён до" in preview.text
    assert (await head.client.post(form.action, data=form.fields)).status_code == 303
    after = await row(context, problem)
    assert [after[name] for name in ("answer_due", "first_due", "status")] == [until, before["first_due"], "accepted"]
    received = (await letters(context, mail_sink, EMAIL))[-1]
    assert reason in received.text
    item = (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()
    assert item["answer_due"] == until
    assert "Срок ответа продлён до" in item["timeline"][-1]["label"]
    with time_machine.travel(clock.now() + 86_400 * 35, tick=False):
        assert (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()["overdue"] is False
    assert not extension.is_extendable(after)
    assert (await head.client.post(form.action, data=form.fields)).status_code == 403, "no further than that"


async def test_a_far_date_of_work_needs_the_head(context: Context, enter: Enter, site: Site, problem: str) -> None:
    first = date.fromisoformat((await row(context, problem))["first_due"])
    agent, head = await enter("agent", site.agency.id), await enter("head", site.agency.id)
    near, far = ((first + timedelta(days=days)).isoformat() for days in (30, 31))
    assert (await agent.decide(problem, "planned", expected_on=near)).headers["location"].endswith("done=decided")
    assert (await agent.decide(problem, "planned", expected_on=far)).headers["location"].endswith("done=submitted")
    assert (await row(context, problem))["answer_due"] == near
    assert (await head.decide(problem, "planned")).status_code == 303
    assert (await row(context, problem))["answer_due"] == far


async def test_an_administrator_says_whether_answers_are_approved(context: Context, enter: Enter, site: Site) -> None:
    path, action = "/cabinet/organisation/people", "/cabinet/organisation/approval"
    admin, agent = await enter("admin", site.agency.id), await enter("agent", site.agency.id)
    for chosen in (True, False):
        await admin.send(path, action, **({"approval": "yes"} if chosen else {"approval": ""}))
        stored = existing(await context.database.row("SELECT approval FROM agencies WHERE id = :id", id=site.agency.id))
        assert bool(stored["approval"]) is chosen
    token = (await agent.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]
    assert (await agent.client.post(action, data={"form_token": token, "approval": "yes"})).status_code == 404


async def test_only_what_a_head_saw_is_approved(context: Context, enter: Enter, site: Site, problem: str) -> None:
    path, database = path_of(problem), context.database
    await changes.update_agency(database, site.agency.id, {"approval": True})
    anna, oleg = await enter("agent", site.agency.id), await enter("agent", site.agency.id)
    head = await enter("head", site.agency.id)
    with time_machine.travel(clock.now() + 10, tick=False):
        await anna.decide(problem, "resolved", text=f"{ANSWER} Первый.")
    assert (await oleg.decide(problem, "in_progress")).headers["location"].endswith("done=decided")
    assert len(await database.rows("SELECT id FROM drafts WHERE submitted_at IS NOT NULL")) == 1, "others leave it"
    assert await kinds(context) == ["approval_requested"]
    form = (await head.read(path)).form(path)
    await type_in(head, problem, text="Своими словами", approves=form.fields["approves"])
    assert (await head.read(path)).form(path).fields["text"] == "Своими словами", "the head's correction of it"
    with time_machine.travel(clock.now() + 20, tick=False):
        await anna.decide(problem, "resolved", text=f"{ANSWER} Второй.")
    late = await head.client.post(path, data=form.fields)
    assert late.status_code == 422
    assert "изменили или вернули" in late.text
    assert (await row(context, problem))["status"] == "in_progress"
    assert (await head.read(path)).form(path).fields["text"] == f"{ANSWER} Второй."
    assert (await head.decide(problem, "resolved")).status_code == 303
    assert sorted(await kinds(context)) == ["approval_requested", "approval_requested", "approved"]


async def test_photos_of_a_draft_go_with_erasure(context: Context, enter: Enter, site: Site, problem: str) -> None:
    path, agent = path_of(problem), await enter("agent", site.agency.id)
    form = (await agent.read(path)).form(path)
    files = {"photos": ("ремонт.jpg", photo(noise(64, 64)), "image/jpeg")}
    await agent.client.post(path, data=form.fields | {"do": "draft", "text": ANSWER}, files=files)
    await lifecycle.erase(context.database, Actor(kind="resident"), site.id, problem)
    left = await context.database.rows("SELECT id FROM photos WHERE removed_at IS NULL")
    assert left == []

"""Many reports decided at once: the preview, the minute, the worker; saved filters and the map of the list."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import time_machine

from tests.conftest import Client
from tests.factories import AGENT, existing, make_site, run_statement, submit_report
from tests.support.cabinet import Cabinet, Enter, PageText
from tests.support.journal import read_journal
from tests.support.pictures import noise, photo
from widget_api import clock
from widget_api.browse import map_frame
from widget_api.cabinet.problems import list_map
from widget_api.casework import bulk as bulk_service
from widget_api.casework import queries
from widget_api.casework.selection import Selection
from widget_api.context import Context
from widget_api.people import accounts, store
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor, Change
from widget_api.sites import service as sites
from widget_api.sites.model import Site

LIST = "/cabinet/problems"
pytestmark = pytest.mark.settings(work="off")


class Killed(BaseException):
    """What no handler of errors survives."""


async def sent(context: Context, site: Site, count: int) -> list[str]:
    ids = [(await submit_report(context.database, site)).problem_id for _ in range(count)]
    return sorted(ids)


async def statuses(context: Context, ids: list[str]) -> list[str]:
    rows = await context.database.rows("SELECT id, status FROM problems")
    by_id = {row["id"]: row["status"] for row in rows}
    return [by_id[one] for one in ids]


async def choose(cabinet: Cabinet, action: str, query: str = "", *, status: int = 303, **chosen: Any) -> str:
    """Tick and press a button of the list. Returns where that leads."""
    form = (await cabinet.read(LIST + query)).form("/cabinet/bulk")
    answer = await cabinet.client.post(form.action, data=form.fields | {"action": action} | chosen)
    assert answer.status_code == status, answer.text
    return answer.headers.get("location", "")


async def carry_out(cabinet: Cabinet, page: str, status: int = 303, **fields: str) -> httpx2.Response:
    form = (await cabinet.read(page)).form(page.partition("?")[0])
    answer = await cabinet.client.post(form.action, data=form.fields | fields)
    assert answer.status_code == status, answer.text
    return answer


async def after_a_minute(context: Context, seconds: int = bulk_service.DELAY + 1) -> None:
    with time_machine.travel(clock.now() + seconds):
        await bulk_service.execute_due(context.database)


async def just_before_it_is_due(context: Context) -> None:
    (row,) = await context.database.rows("SELECT MIN(execute_at) AS due FROM bulks WHERE state = 'pending'")
    with time_machine.travel(row["due"] - 0.1):
        await bulk_service.execute_due(context.database)


async def test_nothing_happens_before_the_minute_is_over(context: Context, site: Site, enter: Enter) -> None:
    ids = await sent(context, site, 3)
    await lifecycle.confirm(context.database, site.id, ids[0])  # so that its author gets a letter
    anna = await enter("agent", site.agency.id)
    page = await choose(anna, "accept", "?tab=moderation", id=ids[:2])
    assert "Будут приняты 2 сообщения" in (await anna.read(page)).text
    assert (await carry_out(anna, page)).headers["location"] == f"{LIST}?tab=moderation"
    assert (await carry_out_again(anna, page)).headers["location"] == f"{LIST}?tab=moderation"
    letters = "SELECT COUNT(*) AS many FROM deliveries"
    before = (await context.database.rows(letters))[0]["many"]
    await just_before_it_is_due(context)
    assert await statuses(context, ids) == ["moderation"] * 3
    assert (await context.database.rows(letters))[0]["many"] == before
    shown = await anna.read(LIST)
    assert "Через минуту: принять 2 сообщения." in shown.text
    assert "Отменить" in shown.text

    await after_a_minute(context)
    assert await statuses(context, ids) == ["accepted", "accepted", "moderation"]
    assert (await context.database.rows(letters))[0]["many"] > before
    shown = await anna.read(LIST)
    assert "Приняты 2 сообщения." in shown.text
    (entry,) = await read_journal(context.database, "bulk")
    assert (entry["details"], entry["role"]) == ({"action": "bulk_accept", "left": 0, "reports": 2}, "agent")
    (discard,) = [form for form in shown.forms if form.action.endswith("/discard")]
    assert (await anna.client.post(discard.action, data=discard.fields)).status_code == 303
    assert "Приняты" not in (await anna.read(LIST)).text


async def carry_out_again(cabinet: Cabinet, page: str) -> httpx2.Response:
    """Press the button a second time, on a page that was left open."""
    form = (await cabinet.read(LIST)).form("/cabinet/sign-out")
    return await cabinet.client.post(page, data=form.fields)


async def test_it_is_undone(context: Context, site: Site, enter: Enter) -> None:
    ids = await sent(context, site, 2)
    anna, boris = await enter("agent", site.agency.id), await enter("agent", site.agency.id)
    page = await choose(anna, "accept", all="yes")
    await carry_out(anna, page)
    path = page.partition("?")[0]
    for address in (path, f"{path}/discard"):  # somebody else's bulk looks like none
        token = (await boris.read(LIST)).form("/cabinet/sign-out").fields
        assert (await boris.client.post(address, data=token)).status_code in (303, 404)
        assert "Отменить" not in (await boris.read(LIST)).text
    undone = await anna.send("/cabinet/", f"{path}/discard")
    assert undone.headers["location"] == "/cabinet/?done=undone", "what was undone on «Сегодня» led elsewhere"
    for address in (undone.headers["location"], f"{LIST}?done=undone"):
        assert "Отменено: ничего не изменилось и не отправлено." in (await anna.read(address)).text
    await after_a_minute(context)
    assert await statuses(context, ids) == ["moderation"] * 2
    for table in ("bulks", "bulk_reports"):
        assert not await context.database.rows(f"SELECT * FROM {table}")
    assert (
        "done=late"
        in (await anna.client.post(f"{path}/discard", data=token_of(await anna.read(LIST)))).headers["location"]
    )


def token_of(page: PageText) -> dict[str, str]:
    return page.form("/cabinet/sign-out").fields


async def test_those_that_cannot_are_named_and_the_others_go_on(
    context: Context, site: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds, of which one is closed, one erased, one a platform's; in batches, of which one is killed."""
    assert bulk_service.MAX_REPORTS == 5_000
    monkeypatch.setattr(bulk_service, "BATCH_SIZE", 60)
    monkeypatch.setattr(bulk_service, "AT_ONCE", 1)  # nothing of the killed one goes on
    ids = await sent(context, site, 203)
    closed, erased, mirrored = ids[:3]
    database = context.database
    await lifecycle.change(database, AGENT, site.id, closed, Change(to="rejected", text="Не наше"))
    await lifecycle.change(database, AGENT, site.id, closed, Change(to="accepted"))
    await lifecycle.change(database, AGENT, site.id, closed, Change(to="resolved", text="Сделано"))
    anna = await enter("agent", site.agency.id)
    page = await choose(anna, "accept", all="yes")
    assert "Будут приняты 202 сообщения" in (await anna.read(page)).text
    await lifecycle.erase(database, Actor(kind="operator"), site.id, erased)
    await database.write(lambda tx: tx.run("UPDATE problems SET mirror_of = 'default' WHERE id = :id", id=mirrored))

    user = existing(await store.find_enabled_user(database, "agent-0@gorod.test"))
    bulk_id = await bulk_service.create_bulk(database, user[0], "accept", Selection(), ids)
    bulk = await bulk_service.read_bulk(database, user[0], bulk_id)
    assert {reason for reason, *_ in bulk.left} == {"closed", "erased", "mirrored"}
    assert bulk.counts == {"": 200, "closed": 1, "erased": 1, "mirrored": 1}
    shown = await anna.read(f"/cabinet/bulk/{bulk_id}")
    for sentence in ("Будет принято 200 сообщений", "1 уже закрыто", "1 удалено", "1 принадлежит платформе"):
        assert sentence in shown.text
    assert {f"/cabinet/problems/{one}" for one in ids[:3]} <= set(shown.links)
    await carry_out(anna, f"/cabinet/bulk/{bulk_id}")

    decided, original = list[str](), bulk_service._decide

    async def fail(*given: Any) -> None:
        decided.append(given[-1]["problem_id"])
        await original(*given)
        if len(decided) >= 110:
            raise Killed

    monkeypatch.setattr(bulk_service, "_decide", fail)
    with pytest.raises(BaseException):  # noqa: B017 - the process is killed in the middle of the second batch
        await after_a_minute(context)
    killed = (await statuses(context, ids)).count("accepted")
    assert 0 < killed < 200
    monkeypatch.setattr(bulk_service, "_decide", original)
    await after_a_minute(context, bulk_service.DELAY + 30)
    assert (await statuses(context, ids)).count("accepted") == killed, "the lease of the killed process was ignored"
    await after_a_minute(context, 4 * bulk_service.DELAY)
    assert (await statuses(context, ids)).count("accepted") == 200
    events = await database.rows("SELECT problem_id FROM events WHERE status = 'accepted'")
    assert sorted(row["problem_id"] for row in events) == sorted([*ids[3:], closed]), "one was decided twice or not"
    shown = await anna.read(LIST)
    assert "Приняты 200 сообщений." in shown.text
    assert len(await read_journal(database, "bulk")) == 1


async def test_two_at_once_do_each_report_once(context: Context, site: Site, enter: Enter) -> None:
    """Two people decide about the same reports, and two workers execute that."""
    ids = await sent(context, site, 12)
    anna, boris = await enter("agent", site.agency.id), await enter("agent", site.agency.id)
    await carry_out(anna, await choose(anna, "accept", id=ids))
    await carry_out(boris, await choose(boris, "reject", id=ids), text="Не наше")
    with time_machine.travel(clock.now() + bulk_service.DELAY + 1):
        rows = await context.database.rows("SELECT id FROM bulks")
        await context.database.write(lambda tx: tx.run("UPDATE bulks SET state = 'running'"))
        await asyncio.gather(*(bulk_service.execute_batch(context.database, row["id"]) for row in [*rows, *rows]))
        for row in rows:
            assert not await bulk_service.execute_batch(context.database, row["id"])
    events = await context.database.rows("SELECT problem_id FROM events WHERE kind = 'status'")
    assert sorted(row["problem_id"] for row in events) == ids
    texts = [(await anna.read(LIST)).text, (await boris.read(LIST)).text]
    done = [int(found[1]) for text in texts if (found := re.search(r"(?:Принят|Отклонен)\w (\d+) сообщени", text))]
    left = [int(found[1]) for text in texts if (found := re.search(r"(\d+) измени\w+ тем временем", text))]
    assert sum(done) == sum(left) == 12


async def test_what_changed_meanwhile_is_left_and_told(context: Context, site: Site, enter: Enter) -> None:
    ids = await sent(context, site, 4)
    anna = await enter("agent", site.agency.id)
    await carry_out(anna, await choose(anna, "accept", id=ids))
    await lifecycle.change(context.database, AGENT, site.id, ids[0], Change(to="in_progress"))
    await lifecycle.erase(context.database, Actor(kind="operator"), site.id, ids[1])
    await after_a_minute(context)
    assert await statuses(context, ids) == ["in_progress", "moderation", "accepted", "accepted"]
    shown = await anna.read(LIST)
    assert "1 изменилось тем временем" in shown.text
    assert "1 удалено" in shown.text
    assert {f"/cabinet/problems/{one}" for one in ids[:2]} <= set(shown.links)


@pytest.mark.parametrize("change", ["disabled", "viewer"])
async def test_the_right_is_checked_at_execution(context: Context, site: Site, enter: Enter, change: str) -> None:
    ids = await sent(context, site, 2)
    anna = await enter("agent", site.agency.id, "anna@gorod.test")
    await carry_out(anna, await choose(anna, "reject", id=ids), text="Не наше")
    column, value = ("disabled_at", clock.now()) if change == "disabled" else ("role", "viewer")
    lower = f"UPDATE users SET {column} = :value"
    await run_statement(context.database, lower, value=value)
    await after_a_minute(context)
    assert await statuses(context, ids) == ["moderation"] * 2
    if change == "disabled":
        await run_statement(context.database, lower, value=None)
    text = (await anna.read(LIST)).text
    assert ("2 не тронуты: ваш доступ был отключён" if change == "disabled" else "По 2 решать не вам") in text
    (row,) = await context.database.rows("SELECT parameters, state FROM bulks")
    assert (row["state"], row["parameters"]) == ("done", "{}"), "the text stays though it is not needed any more"


async def test_foreign_reports_look_like_none(context: Context, site: Site, enter: Enter) -> None:
    neighbour = await make_site(context.database, agency={"name": "Соседи"})
    foreign = await sent(context, neighbour, 1)
    own = await sent(context, site, 1)
    anna = await enter("agent", site.agency.id)
    pages = [await anna.read(await choose(anna, "accept", id=[*own, one])) for one in (*foreign, "nothing", "a' OR 1")]
    texts = {page.text for page in pages}
    assert len(texts) == 1
    assert "1 не найдено" in texts.pop()
    assert not {f"/cabinet/problems/{foreign[0]}"} & set(pages[0].links)
    assert await choose(anna, "accept", f"?site={site.id}", id=[]) == f"{LIST}?site={site.id}&done=required"
    token = token_of(await anna.read(LIST))
    answer = await anna.client.post(
        f"/cabinet/bulk?site={neighbour.id}", data=token | {"action": "accept", "all": "yes"}
    )
    assert answer.status_code == 404
    assert (await anna.client.post("/cabinet/bulk", data=token | {"action": "withdraw", "id": own})).status_code == 400
    for data in ({"action": "accept", "id": own}, {"action": "accept", "id": own, "form_token": "x"}):
        assert (await anna.client.post("/cabinet/bulk", data=data)).status_code == 403
    viewer = await enter("viewer", site.agency.id)
    shown = await viewer.read(LIST)
    assert not [form for form in shown.forms if form.action.startswith("/cabinet/bulk")]
    answer = await viewer.client.post("/cabinet/bulk", data=token_of(shown) | {"action": "accept", "id": own})
    assert answer.status_code == 403
    assert await statuses(context, own + foreign) == ["moderation"] * 2


async def test_what_a_head_approves_is_not_rejected_in_bulk(context: Context, site: Site, enter: Enter) -> None:
    ids = await sent(context, site, 2)
    anna, head = await enter("agent", site.agency.id), await enter("head", site.agency.id)
    early = await choose(anna, "reject", id=ids)
    await carry_out(anna, early, text="Не наше")
    await context.database.write(lambda tx: tx.run("UPDATE agencies SET approval = TRUE"))
    assert "По 2 отказы утверждает руководитель" in (await anna.read(await choose(anna, "reject", id=ids))).text
    assert "Будут отклонены 2" in (await head.read(await choose(head, "reject", id=ids))).text
    await after_a_minute(context)
    assert await statuses(context, ids) == ["moderation"] * 2
    assert "По 2 отказы утверждает руководитель" in (await anna.read(LIST)).text


async def test_all_of_the_list_are_as_many_as_it_said(context: Context, site: Site, enter: Enter) -> None:
    await sent(context, site, 2)
    anna = await enter("agent", site.agency.id)
    form = (await anna.read(f"{LIST}?tab=moderation")).form("/cabinet/bulk")
    await sent(context, site, 1)
    chosen = form.fields | {"action": "accept", "all": "yes"}
    refused = (await anna.client.post(form.action, data=chosen)).headers["location"]
    assert refused == f"{LIST}?tab=moderation&done=changed"
    assert "Пока вы выбирали, список изменился" in (await anna.read(refused)).text
    assert not await context.database.rows("SELECT * FROM bulks")
    assert "Будут приняты 3" in (await anna.read(await choose(anna, "accept", "?tab=moderation", all="yes"))).text


async def test_nothing_is_chosen_among_a_platforms_reports(
    context: Context, site: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in await sent(context, site, 2):
        await lifecycle.change(context.database, AGENT, site.id, one, Change(to="accepted"))
    sql = "UPDATE problems SET mirror_of = 'default', source_name = 'Платформа'"
    await context.database.write(lambda tx: tx.run(sql))
    monkeypatch.setattr(queries.read_page, "__kwdefaults__", {"columns": queries.LISTED, "most": 1})
    shown = await (await enter("agent", site.agency.id)).read(f"{LIST}?responder=platform")
    assert "№ 2" in shown.text
    assert "по фильтру" not in shown.text
    assert "/cabinet/bulk" not in [form.action.partition("?")[0] for form in shown.forms]


async def test_too_many_are_named(context: Context, site: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_service, "MAX_REPORTS", 3)
    await sent(context, site, 4)
    anna = await enter("agent", site.agency.id)
    page = await choose(anna, "accept", all="yes")
    assert "не больше чем о 3 сообщений" in (await anna.read(page)).text
    assert not await context.database.rows("SELECT * FROM bulks")


async def test_a_service_and_a_colleague(context: Context, site: Site, enter: Enter) -> None:
    database = context.database
    service = await sites.add_agency(
        database, name="Дороги", email="dorogi@gorod.test", parent_id=site.agency.id, mode="email"
    )
    ids = await sent(context, site, 3)
    anna = await enter("agent", site.agency.id)
    boris, _ = await accounts.add_user(database, email="boris@gorod.test", role="agent", agency_id=site.agency.id)
    page = await choose(anna, "service", id=ids)
    assert "Выберите службу." in PageText((await carry_out(anna, page, 422)).text).text
    refused = await carry_out(anna, page, 422, service=service, service_due="2020-01-01")
    assert "Этот день уже прошёл." in PageText(refused.text).text
    assert "Такой службы" in PageText((await carry_out(anna, page, 422, service="x")).text).text
    assert await statuses(context, ids) == ["moderation"] * 3, "the rehearsal stayed"
    await carry_out(anna, page, service=service)
    await after_a_minute(context)
    assert await statuses(context, ids) == ["forwarded"] * 3
    rows = await database.rows("SELECT assigned_agency FROM problems")
    assert {row["assigned_agency"] for row in rows} == {service}

    page = await choose(anna, "person", id=ids)
    refused = await carry_out(anna, page, 422, user="x")
    assert "Этому сотруднику поручить нельзя" in PageText(refused.text).text
    await carry_out(anna, page, user=boris)
    await after_a_minute(context)
    rows = await database.rows("SELECT assigned_user FROM problems")
    assert {row["assigned_user"] for row in rows} == {boris}

    page = await choose(anna, "reject", id=ids)
    assert "Напишите ответ или причину" in PageText((await carry_out(anna, page, 422)).text).text
    long = await carry_out(anna, page, 422, text="я" * 10_001)
    assert "Сократите" in PageText(long.text).text
    assert await bulk_service.purge_bulks(database) == 0
    with time_machine.travel(clock.now() + 8 * 86_400):
        assert await bulk_service.purge_bulks(database) == 3


async def test_a_clock_that_was_set_back_delays_nothing(context: Context, site: Site, enter: Enter) -> None:
    ids = await sent(context, site, 1)
    anna = await enter("agent", site.agency.id)
    await carry_out(anna, await choose(anna, "accept", id=ids))
    with time_machine.travel(clock.now() - 86_400):
        await bulk_service.execute_due(context.database)
    assert await statuses(context, ids) == ["accepted"]


# --- one decision ----------------------------------------------------------------------------------------------------

ANSWER = "Яму на Лесной засыпали 12 декабря, асфальт уложим весной."


async def left_behind(context: Context, client: Client, site: Site) -> list[Any]:
    """What a decision would change elsewhere: what the public reads, deliveries with letters, and events."""
    public = [f"/api/v1/sites/{site.key}/problems/1", f"/s/{site.key}/problems/1", f"/s/{site.key}/feed.atom"]
    tables = [await context.database.rows(f"SELECT id FROM {table} ORDER BY id") for table in ("events", "deliveries")]
    return [PageText((await client.get(path)).text).text for path in public] + [
        [row["id"] for row in rows] for rows in tables
    ]


@pytest.mark.waits
@pytest.mark.parametrize("to", ["resolved", "rejected", "duplicate"])
async def test_a_final_decision_waits_and_is_undone_as_if_it_had_not_been(
    context: Context, site: Site, enter: Enter, client: Client, problem: str, to: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path, (other,) = f"{LIST}/{problem}", await sent(context, site, 1)
    await lifecycle.change(context.database, AGENT, site.id, other, Change(to="accepted"))
    anna, boris = await enter("agent", site.agency.id, "anna@gorod.test"), await enter("agent", site.agency.id)
    stale = (await boris.read(path)).form(path)
    before = await left_behind(context, client, site)
    files = {"photos": ("ремонт.jpg", photo(noise(64, 64)), "image/jpeg")} if to == "resolved" else None
    form = (await anna.read(path)).form(path)
    wish = {"to": to, "text": ANSWER, "duplicate_of": "2" if to == "duplicate" else ""}
    reason = {"reject_reason": "other"} if to == "rejected" else {}
    answer = await anna.client.post(path, data=form.fields | wish | reason, files=files)
    assert answer.headers["location"].endswith("done=waits")

    shown, seen = await anna.read(path), await boris.read(path)
    assert "Пока ничего не изменилось и не отправлено" in shown.text
    assert "anna@gorod.test через минуту" in seen.text, "a colleague sees that it waits"
    assert f"{path}/undo" in [form.action for form in shown.forms]
    assert {path, f"{path}/undo"}.isdisjoint(form.action for form in seen.forms)
    for place in (LIST, "/cabinet/"):
        there = await anna.read(place)
        assert "Через минуту: решение о сообщении № 1." in there.text
        assert f'<a href="{path}">Через минуту: решение' in (await anna.client.get(place)).text
        assert f"{path}/undo" in [form.action.partition("?")[0] for form in there.forms], "no way back there"
    late = await boris.client.post(path, data=stale.fields | {"to": "answered", "text": f"{ANSWER} Борис"})
    assert late.headers["location"].endswith("done=busy")
    assert (await boris.client.post(f"{path}/undo", data=token_of(seen))).headers["location"].endswith("done=late")
    await just_before_it_is_due(context)
    assert await left_behind(context, client, site) == before

    undone = await anna.send(path, f"{path}/undo")
    assert undone.headers["location"].endswith("done=undone")
    await after_a_minute(context, 2 * bulk_service.DELAY)
    assert await left_behind(context, client, site) == before
    page = (await anna.client.get(path)).text
    again = PageText(page).form(path).fields
    assert {name: again.get(name, "") for name in wish} == wish
    assert ('<option value="other" data-text="" selected>' in page) is bool(reason)
    assert ("photo" in again) is (to == "resolved"), "the photo was lost"
    assert (await boris.read(path)).form(path).fields["text"] == f"{ANSWER} Борис"

    assert (await anna.client.post(path, data=again | reason)).status_code == 303

    async def kill(*given: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(bulk_service, "_decide", kill)
        with pytest.raises(BaseException):  # noqa: B017 - the process is killed when the minute is over
            await after_a_minute(context)
    assert await left_behind(context, client, site) == before
    await after_a_minute(context, 3 * bulk_service.DELAY)
    assert await statuses(context, [problem]) == [to]
    await after_a_minute(context, 6 * bulk_service.DELAY)
    sql = f"SELECT id FROM events WHERE problem_id = '{problem}' AND status = '{to}'"
    assert len(await context.database.rows(sql)) == 1
    assert len((await left_behind(context, client, site))[-1]) > len(before[-1])
    assert not await context.database.rows("SELECT * FROM bulks")
    rows = await context.database.rows("SELECT id FROM photos WHERE role = 'answer'")
    assert len(rows) == (to == "resolved")
    assert "Вернуться к тексту" not in (await anna.read(path)).text


@pytest.mark.waits
async def test_a_decision_too_late_keeps_its_text(context: Context, site: Site, enter: Enter, problem: str) -> None:
    path, anna = f"{LIST}/{problem}", await enter("agent", site.agency.id)
    assert (await anna.decide(problem, "in_progress")).headers["location"].endswith("done=decided"), "that acts at once"
    await anna.decide(problem, "answered", text=ANSWER)
    await lifecycle.change(context.database, AGENT, site.id, problem, Change(to="planned", expected_on="2099-01-01"))
    await after_a_minute(context)
    assert await statuses(context, [problem]) == ["planned"]
    shown = await anna.read(path)
    assert "не выполнено: за эту минуту сообщение или ваши права изменились" in shown.text
    assert "Решение о сообщении № 1 не выполнено" in (await anna.read(LIST)).text
    assert shown.form(path).fields["text"] == ANSWER
    await anna.decide(problem, "answered")
    assert "не выполнено" not in (await anna.read(path)).text, "what is sent again is told no more"
    await lifecycle.erase(context.database, Actor(kind="operator"), site.id, problem)
    await after_a_minute(context)
    for table in ("bulks", "drafts"):
        assert not await context.database.rows(f"SELECT * FROM {table}"), "words of an erased report stay"


@pytest.mark.waits
@pytest.mark.parametrize("waits", [True, False])
async def test_an_erasure_takes_the_words_of_a_decision_that_was_not_carried_out(
    context: Context, site: Site, enter: Enter, problem: str, waits: bool
) -> None:
    await (await enter("agent", site.agency.id)).decide(problem, "answered", text=ANSWER)
    if not waits:
        await lifecycle.change(context.database, AGENT, site.id, problem, Change(to="in_progress"))
        await after_a_minute(context)
    assert [ANSWER in row["parameters"] for row in await context.database.rows("SELECT * FROM bulks")] == [True]
    await lifecycle.erase(context.database, Actor(kind="operator"), site.id, problem)
    for table in ("bulks", "bulk_reports"):
        assert not await context.database.rows(f"SELECT * FROM {table}"), "words of an erased report stay"


@pytest.mark.waits
async def test_what_may_be_undone_colleagues_read(context: Context, site: Site, enter: Enter, problem: str) -> None:
    service = await sites.add_agency(
        context.database, name="Горсвет", email="svet@gorod.test", parent_id=site.agency.id, delegated=True
    )
    await lifecycle.change(
        context.database, AGENT, site.id, problem, Change(to="forwarded", service=service, text="Проверьте.")
    )
    anna, boris = await enter("agent", site.agency.id, "anna@gorod.test"), await enter("agent", site.agency.id)
    worker = await enter("agent", service)
    assert (await anna.decide(problem, "answered", text=ANSWER)).headers["location"].endswith("done=waits")
    pages = [(await one.read(f"{LIST}/{problem}")).text for one in (anna, boris, worker)]
    assert [ANSWER in page for page in pages] == [True, True, False]


@pytest.mark.waits
async def test_an_answer_given_outside_is_undone_with_its_form(
    context: Context, site: Site, enter: Enter, client: Client, problem: str
) -> None:
    path, anna = f"{LIST}/{problem}", await enter("agent", site.agency.id)
    before = await left_behind(context, client, site)
    form = (await anna.read(f"{path}/outside")).form(f"{path}/outside")
    wish = {"to": "answered", "number": "12-34/ОГ", "day": "2026-11-20", "text": "Ответили письмом."}
    files = [("documents", ("письмо.pdf", b"%PDF-1.7\n%%EOF\n", "application/pdf"))]
    sent = await anna.client.post(form.action, data=form.fields | wish, files=files)
    assert sent.headers["location"].endswith("done=waits")
    assert await left_behind(context, client, site) == before
    form = (await anna.read(path)).form(f"{path}/undo")
    undone = PageText((await anna.client.post(form.action, data=form.fields)).text)
    again = undone.form(f"{path}/outside")
    assert {name: again.fields[name] for name in wish if name != "to"} | {"to": "answered"} == wish
    assert "document" in again.fields
    sent = await anna.client.post(again.action, data=again.fields | {"to": "answered"})
    assert sent.headers["location"].endswith("done=waits"), sent.text
    await after_a_minute(context)
    assert await statuses(context, [problem]) == ["answered"]


# --- saved filters ---------------------------------------------------------------------------------------------------


async def test_a_filter_is_saved_under_a_name(context: Context, site: Site, enter: Enter) -> None:
    second = await make_site(context.database, agency={"name": "Порт", "parent_id": site.agency.id}, name="Сайт порта")
    anna, boris = await enter("agent", site.agency.id), await enter("agent", site.agency.id)
    path = f"{LIST}?tab=overdue&site={second.id}"
    for _ in range(2):  # the second time it is replaced
        answer = await anna.send(path, "/cabinet/views", view_name="  Порт:   просроченные ")
        assert "done=view" in answer.headers["location"]
    shown = await anna.read(LIST)
    assert shown.links.count(path) == 1
    assert "Порт: просроченные" in shown.text
    assert "Порт: просроченные" not in (await boris.read(LIST)).text
    assert "done=unnamed" in (await anna.send(path, "/cabinet/views", view_name=" ")).headers["location"]
    answers = [await anna.send(path, "/cabinet/views", view_name=f"{index}{'я' * 100}") for index in range(20)]
    assert "done=views" in answers[-1].headers["location"]
    rows = await context.database.rows("SELECT name FROM saved_views")
    assert (len(rows), max(len(row["name"]) for row in rows)) == (20, 60)

    await context.database.write(lambda tx: tx.run("UPDATE agencies SET parent_id = NULL WHERE name = 'Порт'"))
    shown = await anna.read(LIST)
    assert path not in shown.links
    assert "Порт: просроченные" in shown.text, "it has to stay, to be deleted"
    fields = token_of(shown) | {"view_name": "Порт: просроченные"}
    assert (await anna.client.post("/cabinet/views/delete", data=fields)).status_code == 303
    assert "Порт: просроченные" not in (await anna.read(LIST)).text


# --- the map ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def make_row() -> Callable[..., dict[str, Any]]:
    def make(number: int, lat: float | None, lng: float | None) -> dict[str, Any]:
        return {"id": f"id{number}", "number": number, "status": "accepted", "lat": lat, "lng": lng, "mirror_of": None}

    return make


def test_the_map_holds_every_report_and_leads_closer(dialect: str, make_row: Callable[..., Any]) -> None:
    rows = [make_row(index, 55 + index % 10 / 50, 38 + index % 7 / 50) for index in range(140)]
    rows += [make_row(500, 55.1, 38.1), make_row(501, None, None)]
    drawn = existing(list_map.draw_map("ru", rows, Selection(view="map"), 16))
    assert sum(mark.count for mark in drawn.marks) == 141
    assert drawn.placeless == 1
    for mark in drawn.marks:
        assert 0 <= mark.x <= map_frame.WIDTH
        assert 0 <= mark.y <= map_frame.HEIGHT
    apart = [math.dist((one.x, one.y), (two.x, two.y)) for one, two in itertools.combinations(drawn.marks, 2)]
    assert min(apart) >= 36, "no link covers another one"
    for _, x, y in drawn.tiles:
        assert -128 <= x <= map_frame.WIDTH
        assert -128 <= y <= map_frame.HEIGHT
    group = max(drawn.marks, key=lambda mark: mark.count)
    assert group.states == f"новые — {group.count}"
    assert [(arc.tone, arc.length) for arc in group.arcs] == [("accepted", 100)]
    for _ in range(20):  # each step is closer, and the last is a list
        if "view=map" not in group.href:
            break
        inside = Selection.read(dict(httpx2.URL(f"https://a.test{group.href}").params))
        assert inside.bbox is not None
        west, south, east, north = inside.bbox
        found = [row for row in rows if row["lat"] and west <= row["lng"] <= east and south <= row["lat"] <= north]
        assert len(found) >= group.count
        closer = existing(list_map.draw_map("ru", found, inside, 16))
        group = max(closer.marks, key=lambda mark: mark.count)
    assert "view=map" not in group.href
    assert list_map.draw_map("ru", [make_row(1, None, None)], Selection(), None) is None
    for extreme in ((0, 0), (89, 180), (-89, -180)):
        assert list_map.draw_map("ru", [make_row(1, *extreme)], Selection(), None) is not None


async def test_a_map_of_the_list(context: Context, site: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await sent(context, site, 1)
    ids += [(await submit_report(context.database, site, lat=55.3, lng=38.2)).problem_id for _ in range(2)]
    anna = await enter("agent", site.agency.id)
    shown = await anna.read(f"{LIST}?view=map")
    assert f"/cabinet/problems/{ids[0]}?view=map" in shown.links
    assert "2 сообщения" in shown.text
    area = next(link for link in shown.links if "bbox=" in link and "view=map" in link)
    assert "№ 1" not in (await anna.read(area)).text
    empty = await anna.read(f"{LIST}?view=map&q=ничего")
    assert "показывать нечего" in empty.text
    monkeypatch.setattr(list_map, "MAX_REPORTS", 1)
    assert "На карте 1 сообщение" in (await anna.read(f"{LIST}?view=map")).text

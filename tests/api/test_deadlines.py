"""«Overdue» means the same in lists, cards, statistics, letters, the cabinet and the API, on both databases."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.conftest import Client
from tests.factories import AGENT, RESIDENT, make_site, submit_report
from tests.support import migrations
from tests.support.exchange import mirror_report
from widget_api import clock
from widget_api.browse import statistics
from widget_api.casework import service as cabinet
from widget_api.casework.selection import Selection
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.errors import Invalid
from widget_api.mailbox import digest, reminders
from widget_api.people.model import User
from widget_api.problems import deadline, dialogue, extension, lifecycle
from widget_api.problems.model import OPEN, STATUSES, Actor, Change, Extension, Update
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.deadlines import NO_DUE_DATE
from widget_api.sites.model import Site

MOSCOW = ZoneInfo("Europe/Moscow")
RECEIVED, DUE, PROMISED = "2026-11-02T12:00", "2026-11-17", "2026-12-22"  # ten working days, one of them a holiday


def at(text: str) -> Any:
    return time_machine.travel(datetime.fromisoformat(text).replace(tzinfo=MOSCOW), tick=False)


@pytest.fixture
async def site(context: Context) -> Site:
    with at("2026-10-01T12:00"):
        return await make_site(context.database, agency={"mode": "email", "email": "priem@gorod.test"})


async def taken_in(database: Database, site: Site, **report: Any) -> str:
    """A report of 2 November; its author's confirmation publishes it, the default in e-mail mode."""
    with at(RECEIVED):
        receipt = await submit_report(database, site, **report)
        await lifecycle.confirm(database, site.id, receipt.problem_id)
    return receipt.problem_id


async def change(database: Database, site: Site, problem_id: str, **wish: Any) -> None:
    actor = RESIDENT if wish["to"] == "reopened" else AGENT
    await lifecycle.change(database, actor, site.id, problem_id, Change(**wish))


async def promise(database: Database, site: Site, problem_id: str) -> None:
    with at("2026-11-10T12:00"):
        await change(database, site, problem_id, to="planned", expected_on=PROMISED)


async def row_of(database: Database, problem_id: str) -> Any:
    return await database.row("SELECT * FROM problems WHERE id = :id", id=problem_id)


async def mirrored(database: Database, site: Site) -> None:
    """A platform's own problem, also past its due date."""
    with at(RECEIVED):
        given = {"email": None, "source_name": "Портал", "answer_due": "2026-11-11"}
        await mirror_report(database, site, platform="portal", **given)


async def overdue_everywhere(client: Client, context: Context, site: Site) -> dict[str, set[int] | int]:
    """What each place calls overdue: the numbers, or only their count."""
    base, pages = f"/api/v1/sites/{site.key}", f"/s/{site.key}"
    items = (await client.get(f"{base}/problems?limit=100")).json()["items"]
    filtered = (await client.get(f"{base}/problems?overdue=true")).json()["items"]
    by_day = (await client.get(f"{base}/problems?overdue=true&sort=due")).json()["items"]
    data = (await client.get(f"{base}/problems.geojson")).json()["features"]
    marks = (await client.get(f"{base}/clusters?bbox=38,54,40,56&zoom=22&overdue=true")).json()
    details = [(await client.get(f"{base}/problems/{item['number']}")).json() for item in items]
    city = [(item["number"], (await client.get(f"{pages}/problems/{item['number']}")).text) for item in items]
    official = User(id="u", email="a@b.test", role="agent", agency_id=site.agency.id, agency_name="", language="ru")
    inbox = await cabinet.read_inbox(context.database, official, Selection(tab="overdue"))
    today = datetime.now(MOSCOW).date()
    digested = (await digest._build_digest(context.database, [site], today, "")).groups
    return {
        "list": {item["number"] for item in items if item["overdue"]},
        "filter": {item["number"] for item in filtered},
        "filter by day": {item["number"] for item in by_day},
        "open data": {one["properties"]["number"] for one in data if one["properties"]["overdue"]},
        "map": {one["properties"]["number"] for one in marks["features"] if one["properties"]["overdue"]},
        "map's total": marks["total"],
        "card": {one["number"] for one in details if one["overdue"]},
        "card's promise": {one["number"] for one in details if one["kept"] is False and one["status"] in OPEN},
        "city's page": {number for number, page in city if "его ещё нет" in page},
        "figures": (await client.get(f"{base}/stats")).json()["overdue"],
        "figures read": (await statistics.read(context.database, statistics.Query(sites=(site,)), clock.now())).overdue,
        "cabinet": {row["number"] for row in inbox.rows},
        "cabinet's counter": inbox.counts["overdue"],
        "digest": {line.number for group in digested if group.name == "overdue" for line in group.lines},
    }


async def test_every_place_lists_the_same_overdue_problems(client: Client, context: Context, site: Site) -> None:
    database = context.database
    late = await taken_in(database, site)  # 1: nobody answered
    await mirrored(database, site)  # 2: to be answered by the platform
    await promise(database, site, await taken_in(database, site))  # 3: promised for another date
    began = await taken_in(database, site)  # 4: promised for another date, in progress
    await promise(database, site, began)
    answered = await taken_in(database, site)  # 5
    returned = await taken_in(database, site)  # 6: answered, and reopened yesterday
    erased = await taken_in(database, site)  # 7
    with at("2026-11-25T12:00"):
        await change(database, site, began, to="in_progress")
        await change(database, site, answered, to="answered", text="Ответ")
        await change(database, site, returned, to="resolved", text="Готово")
        await lifecycle.erase(database, AGENT, site.id, erased)
    with at("2026-11-30T12:00"):
        await change(database, site, returned, to="reopened", text="Не готово")
    for day, expected in (("2026-11-17", set[int]()), ("2026-12-01", {1}), ("2026-12-22", {1, 6}),
                          ("2026-12-23", {1, 3, 4, 6})):  # fmt: skip
        with at(f"{day}T12:00"):
            found = await overdue_everywhere(client, context, site)
        assert found == {name: len(expected) if isinstance(one, int) else expected for name, one in found.items()}, day
    assert (await row_of(database, late))["answer_due"] == DUE


async def test_a_promised_date_replaces_the_due_date(client: Client, context: Context, site: Site) -> None:
    database = context.database
    problem_id = await taken_in(database, site)
    await promise(database, site, problem_id)
    row = await row_of(database, problem_id)
    assert (row["answer_due"], row["first_due"]) == (PROMISED, DUE)
    with at("2026-12-01T12:00"):
        await change(database, site, problem_id, to="in_progress")
        assert (await row_of(database, problem_id))["answer_due"] == PROMISED, "the resident was told, whatever follows"
        assert await reminders.enqueue_reminders(database) == 0
        (item,) = (await client.get(f"/api/v1/sites/{site.key}/problems")).json()["items"]
        assert item["answer_due"] == PROMISED
        (answer,) = (await client.get(f"/open311/v2/requests.json?jurisdiction_id={site.jurisdiction}")).json()
        assert answer["expected_datetime"].startswith(PROMISED)
    with at("2026-12-18T12:00"):
        assert await reminders.enqueue_reminders(database) == 1
    sinks = await database.rows("SELECT sink FROM deliveries WHERE sink LIKE 'reminder:%'")
    assert [row["sink"] for row in sinks] == [f"reminder:soon:{PROMISED}"]
    with at("2026-12-21T12:00"):
        await change(database, site, problem_id, to="resolved", text="Готово")
        assert (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()["kept"] is True
    with at("2026-12-25T12:00"):
        await change(database, site, problem_id, to="reopened", text="Не готово")
    row = await row_of(database, problem_id)
    assert row["answer_due"] == row["first_due"] == "2027-01-19", "ten working days from the day it was sent back"


async def test_a_promised_date_that_passed_counts_as_not_kept(client: Client, context: Context, site: Site) -> None:
    problem_id = await taken_in(context.database, site)
    await promise(context.database, site, problem_id)
    with at("2026-12-23T00:01"):
        await change(context.database, site, problem_id, to="resolved", text="Готово")
        assert (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()["kept"] is False


@pytest.mark.parametrize(
    "how", [{"to": "rejected", "text": "Не наша"}, {"to": "redirected", "responsible": "Водоканал"}]
)
async def test_without_a_due_date_no_result_is_computed(
    client: Client, context: Context, site: Site, how: dict[str, str]
) -> None:
    problem_id = await taken_in(context.database, site)
    with at("2026-12-01T12:00"):
        assert (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()["kept"] is False
        await change(context.database, site, problem_id, **how)
        assert (await client.get(f"/api/v1/sites/{site.key}/problems/1")).json()["kept"] is None


AGAIN = "2026-12-08"  # ten working days after it was reopened on 24 November


@pytest.mark.parametrize("how", ["folded", "migrated"])
@pytest.mark.parametrize(
    ("first", "second", "in_time", "words"),
    [
        ("2026-11-10", None, None, "До 8 декабря"),
        ("2026-11-10", "2026-12-08", True, "Ответ дан в срок, 10 ноября"),
        ("2026-11-10", "2026-12-09", False, "Не все ответы даны в срок"),
        ("2026-11-18", "2026-12-08", False, "Не все ответы даны в срок"),
    ],
)
async def test_every_round_is_measured_against_its_own_due_date(
    client: Client,
    context: Context,
    site: Site,
    first: str,
    second: str | None,
    in_time: bool | None,
    words: str,
    how: str,
) -> None:
    database, path = context.database, f"/api/v1/sites/{site.key}/problems/1"
    problem_id = await taken_in(database, site)
    with at(f"{first}T23:30"):
        await change(database, site, problem_id, to="resolved", text="Готово")
        assert (await client.get(path)).json()["kept"] is (first <= DUE)
    with at("2026-11-24T12:00"):
        await change(database, site, problem_id, to="reopened", text="Не готово")
    with at("2026-11-25T12:00"):  # applies from now on: the author was told another date
        await changes.set_category(database, site.id, "roads", {"deadline_days": 2})
    if second:
        with at(f"{second}T23:30"):
            await change(database, site, problem_id, to="resolved", text="Готово опять")
        with at("2026-12-11T12:00"):  # the same round: later messages do not make it late
            await change(database, site, problem_id, to="in_progress")
            await change(database, site, problem_id, to="resolved", text="Покрасили ограду")
    assert (await row_of(database, problem_id))["answer_due"] == AGAIN
    if how == "migrated":
        if first > DUE:
            return  # the due date of an earlier round was not recorded
        await database.write(lambda tx: tx.run("UPDATE problems SET answered_in_time = NULL"))
        await migrations.run(database.url, "version_1_1_0", "fill_problems")
    with at("2026-12-08T12:00"):
        assert (await client.get(path)).json()["kept"] is in_time
        page = (await client.get(f"/s/{site.key}/problems/1")).text
        assert words in page.replace("\xa0", " ")


async def test_python_and_sql_compute_the_same(context: Context) -> None:
    database, today, cases = context.database, date(2026, 12, 1), list[tuple[str, str]]()
    site = await make_site(database)
    for status in STATUSES:
        for day in ("2026-11-30", "2026-12-01", "2026-12-02", NO_DUE_DATE):
            receipt = await submit_report(database, site)
            cases.append((receipt.problem_id, f"status = '{status}', answer_due = '{day}'"))

    async def set_all(mirror: str | None, spam: bool, erased: int | None) -> None:
        async def work(tx: Transaction) -> None:
            for problem_id, assignment in cases:
                await tx.run(
                    f"UPDATE problems SET {assignment}, spam = :spam, mirror_of = :mirror, erased_at = :erased"
                    " WHERE id = :id",
                    spam=spam, mirror=mirror, erased=erased, id=problem_id,
                )  # fmt: skip

        await database.write(work)

    for combination in itertools.product((None, "portal"), (False, True), (None, 1)):
        await set_all(*combination)
        everything = await database.rows("SELECT * FROM problems")
        for predicate, condition in (
            (lambda row: deadline.is_overdue(row, today), deadline.overdue_sql()),
            (deadline.is_running, f"{deadline.RUNNING} AND :today <> ''"),
        ):
            rows = await database.rows(f"SELECT p.id FROM problems p WHERE {condition}", today=today.isoformat())
            assert {row["id"] for row in rows} == {row["id"] for row in everything if predicate(row)}, combination
            assert bool(rows) == (not any(combination))


async def test_promised_dates_from_before_the_migration_count(context: Context, site: Site) -> None:
    """The migration reads them from the log: the last one since receipt, or since the report was reopened."""
    database = context.database
    plain, planned, began, returned = [await taken_in(database, site) for _ in range(4)]
    for problem_id in (planned, began, returned):
        await promise(database, site, problem_id)
    with at("2026-11-12T12:00"):
        await change(database, site, began, to="planned", expected_on="2026-12-24")
        await change(database, site, began, to="in_progress")
        await change(database, site, returned, to="resolved", text="Готово")
        await change(database, site, returned, to="reopened", text="Не готово")
    columns = "id, answer_due, first_due"
    wanted = [tuple(row) for row in await database.rows(f"SELECT {columns} FROM problems ORDER BY id")]
    assert {row[1] for row in wanted} == {DUE, PROMISED, "2026-12-24", "2026-11-26"}
    await database.write(lambda tx: tx.run("UPDATE problems SET answer_due = first_due, first_due = ''"))
    await migrations.run(database.url, "version_1_1_0", "fill_problems")
    found = [tuple(row) for row in await database.rows(f"SELECT {columns} FROM problems ORDER BY id")]
    assert found == wanted
    assert (await row_of(database, plain))["answer_due"] == DUE


# --- the author is asked ---


async def test_the_due_date_waits_while_the_author_is_asked(context: Context, site: Site) -> None:
    for replied, due in (
        (None, "2026-12-01"),  # ten working days at most
        ("2026-11-12", "2026-11-19"),  # two of them used
        ("2026-11-10", "2026-11-17"),  # on the same day
        ("2026-12-20", "2026-12-01"),
    ):
        for by in ("reply", "decision"):
            database, problem_id = context.database, await taken_in(context.database, site)
            with at("2026-11-10T12:00"):
                await dialogue.ask(database, AGENT, site.id, problem_id, "Какой подъезд?")
                assert await dialogue.ask(database, AGENT, site.id, problem_id, "А какой этаж?"), by
            assert (await row_of(database, problem_id))["answer_due"] == "2026-12-01"
            if replied is not None:
                with at(f"{replied}T18:00"):
                    if by == "reply":
                        words = dialogue.Clarification(id=clock.new_id(), text="Второй")
                        await dialogue.clarify(database, site, problem_id, words)
                    else:
                        await change(database, site, problem_id, to="in_progress")
            assert (await row_of(database, problem_id))["answer_due"] == due
            assert (await row_of(database, problem_id))["first_due"] == DUE


async def test_questions_move_the_date_by_ten_days_in_all_and_never_a_past_date(context: Context, site: Site) -> None:
    database, problem_id = context.database, await taken_in(context.database, site)
    for asked, replied in (("2026-11-05", "2026-11-13"), ("2026-11-16", "2026-11-30")):
        with at(f"{asked}T12:00"):
            await dialogue.ask(database, AGENT, site.id, problem_id, f"Вопрос {asked}")
        with at(f"{replied}T12:00"):
            await dialogue.clarify(database, site, problem_id, dialogue.Clarification(id=clock.new_id(), text=asked))
    assert (await row_of(database, problem_id))["answer_due"] == "2026-12-01"
    with at("2026-12-02T12:00"):
        await dialogue.ask(database, AGENT, site.id, problem_id, "Ещё вопрос")
        assert deadline.is_overdue(await row_of(database, problem_id), date(2026, 12, 2))
        assert (await row_of(database, problem_id))["answer_due"] == "2026-12-01"


async def test_questions_to_nobody_extensions_and_dates_of_others_move_nothing(context: Context, site: Site) -> None:
    with at(RECEIVED):
        receipt = await submit_report(context.database, site)
        await change(context.database, site, receipt.problem_id, to="accepted")
    with at("2026-11-10T12:00"):
        await dialogue.ask(context.database, AGENT, site.id, receipt.problem_id, "Какой подъезд?")
    assert (await row_of(context.database, receipt.problem_id))["answer_due"] == DUE
    database, problem_id = context.database, await taken_in(context.database, site)
    with at("2026-11-10T12:00"):
        await dialogue.ask(database, AGENT, site.id, problem_id, "Какой подъезд?")
        await extension.extend(database, AGENT, site.id, problem_id, Extension(day="2026-12-10", text="Ждём ответа"))
    with at("2026-11-12T12:00"):
        await dialogue.clarify(database, site, problem_id, dialogue.Clarification(id=clock.new_id(), text="Второй"))
    assert (await row_of(database, problem_id))["answer_due"] == "2026-12-10"
    for day in ("9999-12-30", "2026-11-11"):
        database, problem_id = context.database, await taken_in(context.database, site)
        with at("2026-11-10T12:00"):
            update = Update(id=clock.new_id(), at=clock.now(), status="planned", expected_on=day, unofficial=True)
            await lifecycle.import_update(database, Actor(kind="platform", source="x"), site.id, problem_id, update)
            assert (await row_of(database, problem_id))["answer_due"] == DUE, day
            await dialogue.ask(database, AGENT, site.id, problem_id, "Какой подъезд?")


async def test_a_sites_own_days_count(context: Context, site: Site) -> None:
    """A regional holiday puts the date off, a working Saturday brings it forward."""
    database = context.database
    await changes.update_site(database, site.id, {"calendar": {"2026-11-10": False, "2026-11-14": True}})
    problem_id = await taken_in(database, await sites.by_id(database, site.id))
    assert (await row_of(database, problem_id))["first_due"] == DUE
    await changes.update_site(database, site.id, {"calendar": {"2026-11-10": False}})
    problem_id = await taken_in(database, await sites.by_id(database, site.id))
    assert (await row_of(database, problem_id))["first_due"] == "2026-11-18"
    for wrong in (
        {"2026-13-01": False},
        {"завтра": True},
        {f"2027-{n // 28 + 1:02}-{n % 28 + 1:02}": False for n in range(101)},
    ):
        with pytest.raises(Invalid):
            await changes.update_site(database, site.id, {"calendar": wrong})

"""Operations on a problem, and their effects on the log and the queue."""

from __future__ import annotations

import asyncio
import itertools

import pytest
import time_machine

from tests.factories import AGENT, RESIDENT, add_platform, existing, make_site, submit_report
from widget_api import clock
from widget_api.clock import new_id
from widget_api.database import Database
from widget_api.deliveries import queue
from widget_api.errors import Conflict, Invalid, Refused
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor, Change, Contact, Status, Update
from widget_api.problems.store import history, records
from widget_api.problems.submit import Idempotency, Receipt
from widget_api.sites.model import Site

PLATFORM = Actor(kind="platform", source="default")


@pytest.fixture
async def site(database: Database) -> Site:
    await add_platform(database)
    return await make_site(database)


async def pending(database: Database, receipt: Receipt) -> list[str]:
    """«sink:kind or status» of pending deliveries, in order."""
    rows = await database.rows(
        "SELECT d.sink, COALESCE(CASE WHEN e.kind = 'status' THEN e.status END, e.kind) AS what FROM deliveries d"
        " JOIN events e ON e.site_id = d.site_id AND e.id = d.event_id"
        " WHERE d.problem_id = :id AND d.state = 'pending' ORDER BY d.position, d.sink",
        id=receipt.problem_id,
    )
    return [f"{row['sink']}:{row['what']}" for row in rows]


async def state(database: Database, receipt: Receipt) -> dict[str, object]:
    row = existing(await records.find(database, receipt.problem_id))
    return dict(row)


async def test_with_premoderation_confirming_releases_but_does_not_publish(database: Database, site: Site) -> None:
    receipt = await submit_report(database, site)
    problem = await state(database, receipt)
    assert (problem["status"], problem["published"], problem["number"]) == ("moderation", False, 1)
    assert await pending(database, receipt) == ["resident:received"]
    assert await lifecycle.confirm(database, site.id, receipt.problem_id)
    assert not await lifecycle.confirm(database, site.id, receipt.problem_id), "twice is once"
    assert (await state(database, receipt))["status"] == "moderation"
    assert await pending(database, receipt) == ["platform:default:received", "resident:received"]


async def test_with_postmoderation_confirming_publishes(database: Database) -> None:
    await add_platform(database)
    site = await make_site(database, agency={"mode": "email"})
    assert site.moderation == "after", "the default in e-mail mode"
    receipt = await submit_report(database, site)
    await lifecycle.confirm(database, site.id, receipt.problem_id)
    problem = await state(database, receipt)
    assert (problem["status"], bool(problem["published"])) == ("accepted", True)
    assert await pending(database, receipt) == [
        "agency:received",
        "platform:default:received",
        "resident:received",
        "platform:default:accepted",
        "resident:accepted",
    ]


async def test_without_an_address_a_report_is_always_moderated(database: Database) -> None:
    site = await make_site(database, moderation="after")
    receipt = await submit_report(database, site, contact=Contact())
    assert not await lifecycle.confirm(database, site.id, receipt.problem_id)
    assert (await state(database, receipt))["status"] == "moderation"
    assert await pending(database, receipt) == []


async def test_a_moderators_decision_releases_and_a_rejection_publishes_nothing(database: Database, site: Site) -> None:
    receipt = await submit_report(database, site)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    assert bool((await state(database, receipt))["published"])
    assert await pending(database, receipt) == [
        "platform:default:received",
        "resident:received",
        "platform:default:accepted",
    ], "and no status mail to an address nobody confirmed"
    receipt = await submit_report(database, site)
    wish = Change(to="rejected", text="Нет адреса")
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, wish)
    assert not (await state(database, receipt))["published"]
    assert (await pending(database, receipt))[-1] == "platform:default:rejected"
    timeline = await history.timeline(database, receipt.problem_id)
    assert timeline[-1]["text"] == "Нет адреса"
    assert "Нет адреса" not in timeline[-1]["data"], "an event holds no text"


async def test_spam_marks_are_reversible_and_sent_to_platforms_that_have_the_report_alone(
    database: Database, site: Site
) -> None:
    receipt = await submit_report(database, site)
    await lifecycle.mark_spam(database, AGENT, site.id, receipt.problem_id, True)
    assert await pending(database, receipt) == [], "not even the letter"
    await lifecycle.confirm(database, site.id, receipt.problem_id)
    assert await pending(database, receipt) == [], "confirming does not open a gate that spam keeps shut"
    await lifecycle.mark_spam(database, AGENT, site.id, receipt.problem_id, False)
    assert await pending(database, receipt) == ["platform:default:received", "resident:received"]
    receipt = await submit_report(database, site)
    await lifecycle.confirm(database, site.id, receipt.problem_id)
    claimed = await queue.claim(database, "w", 10, clock.now())
    for delivery in claimed:
        await queue.finish(database, "w", delivery, clock.now())
    await lifecycle.mark_spam(database, AGENT, site.id, receipt.problem_id, True)
    assert await pending(database, receipt) == ["platform:default:spam"]
    receipt = await submit_report(database, site)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    with pytest.raises(Refused, match="spam_only_in_moderation"):
        await lifecycle.mark_spam(database, AGENT, site.id, receipt.problem_id, True)


async def test_only_transitions_of_the_table_are_allowed_and_none_for_the_resident_to_a_platform(
    database: Database, site: Site
) -> None:
    receipt = await submit_report(database, site)
    with pytest.raises(Refused, match="transition_not_allowed"):
        await lifecycle.change(database, RESIDENT, site.id, receipt.problem_id, Change(to="accepted"))
    with pytest.raises(Refused, match="transition_not_allowed"):
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="confirmed"))
    update = Update(id=new_id(), at=clock.now(), status="confirmed")
    with pytest.raises(Refused, match="status_not_yours"):
        await lifecycle.import_update(database, PLATFORM, site.id, receipt.problem_id, update)


async def test_required_fields_of_a_status_are_enforced(database: Database, site: Site) -> None:
    receipt = await submit_report(database, site)
    for wish, field in (
        (Change(to="resolved"), "text"),
        (Change(to="rejected", text=""), "text"),
        (Change(to="forwarded"), "responsible"),
        (Change(to="planned"), "expected_on"),
        (Change(to="planned", expected_on="soon"), "expected_on"),
        (Change(to="planned", expected_on="2001-01-01"), "expected_on"),
        (Change(to="duplicate", duplicate_of=99), "duplicate_of"),
        (Change(to="duplicate", duplicate_of=1), "duplicate_of"),
    ):
        with pytest.raises(Invalid) as caught:
            await lifecycle.change(database, AGENT, site.id, receipt.problem_id, wish)
        assert [error.field for error in caught.value.fields] == [field], field


async def test_of_two_concurrent_decisions_one_is_a_conflict(database: Database, site: Site) -> None:
    receipt = await submit_report(database, site)
    seen = str((await state(database, receipt))["status_event"])
    outcomes = await asyncio.gather(
        lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"), seen=seen),
        lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="rejected", text="Нет"), seen=seen),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1


async def test_the_author_reopens_and_the_deadline_restarts(database: Database, site: Site) -> None:
    receipt = await submit_report(database, site, received_at=clock.now() - 20 * 86_400)
    due = str((await state(database, receipt))["answer_due"])
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="resolved", text="Сделано"))
    await lifecycle.change(database, RESIDENT, site.id, receipt.problem_id, Change(to="reopened", text="Яма осталась"))
    problem = await state(database, receipt)
    assert problem["status"] == "reopened"
    assert str(problem["answer_due"]) > due


async def test_fifty_concurrent_submissions_with_one_key_create_one_report(database: Database, site: Site) -> None:
    idempotency = Idempotency(key="k-1", fingerprint="a")
    receipts = await asyncio.gather(*(submit_report(database, site, idempotency=idempotency) for _ in range(50)))
    assert len({receipt.body for receipt in receipts}) == 1
    assert sum(not receipt.repeated for receipt in receipts) == 1
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        await submit_report(database, site, idempotency=Idempotency(key="k-1", fingerprint="b"))


async def test_an_address_gets_three_letters_a_day_over_all_sites(database: Database, site: Site) -> None:
    other = await make_site(database)
    receipts = [await submit_report(database, (site, other)[index % 2]) for index in range(4)]
    assert [await pending(database, receipt) for receipt in receipts] == [["resident:received"]] * 3 + [[]]
    capital = await submit_report(database, site, contact=Contact(email="ANNA@example.test"))
    assert await pending(database, capital) == []


async def test_an_imported_event_counts_once_and_is_not_sent_back(database: Database, site: Site) -> None:
    receipt = await submit_report(database, site)
    await lifecycle.confirm(database, site.id, receipt.problem_id)
    update = Update(id=new_id(), at=clock.now(), status="in_progress", text="Бригада выехала")
    assert await lifecycle.import_update(database, PLATFORM, site.id, receipt.problem_id, update)
    assert not await lifecycle.import_update(database, PLATFORM, site.id, receipt.problem_id, update)
    assert (await state(database, receipt))["status"] == "in_progress"
    assert await pending(database, receipt) == [
        "platform:default:received",
        "resident:received",
        "resident:in_progress",
    ]
    receipt = await submit_report(database, site)
    event = await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    with pytest.raises(Conflict, match="event_known"):
        await submit_report(database, site, birth_id=event)


async def test_the_state_is_independent_of_the_order_of_events(database: Database, site: Site) -> None:
    now = clock.now()
    statuses: list[tuple[str, int, Status | None]]
    statuses = [("a", 5, "in_progress"), ("f", 5, "planned"), ("c", 9, "resolved"), ("b", 7, None)]
    updates = [
        Update(id=f"{letter * 8}-0000-7000-8000-000000000000", at=now + at, status=status)
        for letter, at, status in statuses
    ]
    outcomes = set()
    with time_machine.travel(now, tick=False):  # all reports in the same second, however long creating them takes
        for order in itertools.permutations(updates):
            receipt = await submit_report(database, site, contact=Contact())
            for update in order:
                fresh = Update(
                    id=f"{receipt.number:08d}{update.id[8:]}{update.id[0]}", at=update.at, status=update.status
                )
                await lifecycle.import_update(database, PLATFORM, site.id, receipt.problem_id, fresh)
            problem = await state(database, receipt)
            outcomes.add((problem["status"], problem["status_at"], bool(problem["published"])))
    assert outcomes == {("resolved", now + 9, True)}


async def test_imported_decisions_lose_against_local_ones_of_their_second_and_lie_in_no_future(
    database: Database, site: Site
) -> None:
    receipt = await submit_report(database, site)
    update = Update(id="ffffffff-ffff-5fff-bfff-ffffffffffff", at=clock.now() + 2, status="in_progress")
    await lifecycle.import_update(database, PLATFORM, site.id, receipt.problem_id, update)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="resolved", text="Готово"))
    assert (await state(database, receipt))["status"] == "resolved"
    receipt, begun = await submit_report(database, site), clock.now()
    for number, ahead in enumerate((lifecycle.CLOCK_DRIFT + 3600, 90 * 86_400)):
        update = Update(id=f"{number:08}-0000-7000-8000-000000000000", at=begun + ahead, status="in_progress")
        await lifecycle.import_update(database, PLATFORM, site.id, receipt.problem_id, update)
    timeline = await history.timeline(database, receipt.problem_id)
    assert len(timeline) == 3
    assert max(row["at"] for row in timeline) <= clock.now()


async def test_erasure_removes_personal_data_and_keeps_the_record(database: Database, site: Site) -> None:
    contact, once = (
        Contact(email="anna@example.test", name="Анна", phone="+7 900"),
        Idempotency(key="k", fingerprint="f"),
    )
    receipt = await submit_report(database, site, contact=contact, idempotency=once)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="answered", text="Уважаемая Анна"))
    await lifecycle.erase(database, RESIDENT, site.id, receipt.problem_id)
    await lifecycle.erase(database, RESIDENT, site.id, receipt.problem_id)
    problem = await state(database, receipt)
    assert problem["description"] == ""
    assert not problem["published"]
    everything = ""
    for table in ("problems", "contacts", "consents", "texts", "events", "submissions", "deliveries"):
        everything += str([dict(row) for row in await database.rows(f"SELECT * FROM {table}")])
    for personal in ("Анна", "anna@", "+7 900", "203.0.113.7", "яма"):
        assert personal not in everything
    assert await database.row("SELECT 1 FROM submissions") is None, "its answer has the private link"
    kinds = [row["kind"] for row in await history.timeline(database, receipt.problem_id)]
    assert kinds.count("erased") == 1
    assert await database.row("SELECT 1 FROM erasures WHERE problem_id = :id", id=receipt.problem_id)
    with pytest.raises(Conflict, match="problem_erased"):
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="in_progress"))

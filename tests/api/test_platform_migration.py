"""Several platforms with their own sites; a site moves between them without losing or duplicating anything."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.conftest import GOROD
from tests.factories import AGENT, existing, make_site, submit_report
from tests.fake_platform import FakePlatform
from tests.support.exchange import PlatformWorker, accept_report, status
from tests.support.mail import MailSink
from widget_api import clock
from widget_api.app import open_context
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.platform import migration
from widget_api.platform.model import Cursor, Platform
from widget_api.platform.store import log, platforms
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings
from widget_api.sites.model import Site

Pair = tuple[FakePlatform, FakePlatform]
pytestmark = GOROD


@pytest.fixture
async def fakes() -> AsyncIterator[Pair]:
    found = await FakePlatform().start(), await FakePlatform().start()
    yield found
    for one in found:
        await one.stop()


@pytest.fixture
async def context(make_settings: Callable[..., Settings], database_url: str, fakes: Pair) -> AsyncIterator[Context]:
    settings = make_settings(database_url=database_url, platform_url=fakes[0].url, platform_key="secret")
    async with open_context(settings) as opened:
        yield opened


async def add(context: Context, url: str, **changes: Any) -> Platform:
    values: dict[str, Any] = {"name": "Вторая", "url": url, "key": "k", "protocol": "georeport"}
    platform = Platform(id=clock.new_id(), **values | changes)
    await platforms.insert_platform(context.database, platform)
    return platform


async def default(context: Context) -> Platform:
    return existing(await platforms.find_platform(context.database, "default"))


async def serve(context: Context, platform: Platform, site: Site, on: bool) -> None:
    async def work(tx: Transaction) -> None:
        await platforms.set_serves(tx, platform.id, site.id, on)

    await context.database.write(work, site.id)


async def move(context: Context, site: Site, source: Platform, target: Platform) -> int:
    return await migration.move_site(context.database, context.outbound, site.id, source, target)


def history(fake: FakePlatform, text: str) -> list[str]:
    """What a platform received about a report: the number of requests, then each status."""
    number = [str(index) for index, one in enumerate(fake.requests, 1) if one["description"] == text]
    return [
        *("reported" for _ in number),
        *(one["status"] for one in fake.updates if one["service_request_id"] in number),
    ]


async def test_every_platform_has_its_own_sites(context: Context, site: Site, fakes: Pair) -> None:
    other = await make_site(context.database, jurisdiction="selo.test")
    second = await add(context, fakes[1].url)
    await serve(context, await default(context), other, False)
    await serve(context, second, site, False)
    await accept_report(context, site, description="Городская яма")
    await accept_report(context, other, description="Сельская яма")
    await PlatformWorker(context).until_idle()
    assert [one["description"] for one in fakes[0].requests] == ["Городская яма"]
    assert [one["description"] for one in fakes[1].requests] == ["Сельская яма"]


async def test_a_site_moves_with_the_history_of_each_report(context: Context, site: Site, fakes: Pair) -> None:
    old, (first, second) = await default(context), fakes
    new = await add(context, second.url, site_id=(await make_site(context.database)).id)
    resolved = await accept_report(context, site, description="Решена до переезда")
    await PlatformWorker(context).until_idle()
    # In a later second: within the same one the greater id wins, and theirs is arbitrary.
    first.news = [{"update_id": str(uuid.uuid4()), "service_request_id": "1", "status": "FIXED",
                   "updated_datetime": clock.rfc3339(clock.now() + 2), "description": "Сделали"}]  # fmt: skip
    waiting = await accept_report(context, site, description="Ждала отправки")
    hidden = (await submit_report(context.database, site, description="Никто не видел")).problem_id
    moved = await move(context, site, old, new)
    assert moved == 5, "what was decided and read at the last moment is among it"
    assert await status(context, resolved) == "resolved"
    await PlatformWorker(context).until_idle()
    await lifecycle.change(context.database, AGENT, site.id, waiting, Change(to="in_progress"))
    await lifecycle.change(context.database, AGENT, site.id, hidden, Change(to="accepted"))
    await PlatformWorker(context).until_idle()
    assert [one["description"] for one in first.requests] == ["Решена до переезда"]
    assert history(second, "Решена до переезда") == ["reported", "OPEN", "FIXED"]
    assert history(second, "Ждала отправки") == ["reported", "OPEN", "IN_PROGRESS"]
    assert history(second, "Никто не видел") == ["reported", "OPEN"]


async def test_moving_twice_and_back_duplicates_nothing(context: Context, site: Site, fakes: Pair) -> None:
    old, (first, second) = await default(context), fakes
    new = await add(context, second.url, site_id=(await make_site(context.database)).id)
    problem = await accept_report(context, site, description="Путешествует")
    await PlatformWorker(context).until_idle()
    for _ in range(2):
        await move(context, site, old, new)
    await PlatformWorker(context).until_idle()
    await lifecycle.change(context.database, AGENT, site.id, problem, Change(to="in_progress"))
    await move(context, site, new, old)
    await PlatformWorker(context).until_idle()
    assert history(second, "Путешествует")[:2] == ["reported", "OPEN"]
    assert history(first, "Путешествует") == ["reported", "OPEN", "IN_PROGRESS"]


async def test_a_move_is_refused_while_the_old_one_cannot_be_polled(context: Context, site: Site, fakes: Pair) -> None:
    old = await default(context)
    new = await add(context, fakes[1].url, site_id=(await make_site(context.database)).id)
    await accept_report(context, site)
    await fakes[0].stop()
    with pytest.raises(migration.PlatformUnread):
        await move(context, site, old, new)
    assert await platforms.platforms_of_site(context.database, site.id) == ["default"]
    await migration.move_site(context.database, context.outbound, site.id, old, new, unread=True)
    assert await platforms.platforms_of_site(context.database, site.id) == [new.id]


async def test_an_erasure_reaches_every_platform_that_has_the_report(
    context: Context, site: Site, fakes: Pair, mail_sink: MailSink
) -> None:
    old = await default(context)
    new = await add(context, fakes[1].url, site_id=(await make_site(context.database)).id)
    await platforms.change_platform(context.database, old.id, {"contact": "privacy@first.test"})
    await platforms.change_platform(context.database, new.id, {"exact": True})
    problem = await accept_report(context, site, description="Забудьте меня")
    unsent = (await submit_report(context.database, site)).problem_id
    await PlatformWorker(context).until_idle()
    await move(context, site, old, new)
    await PlatformWorker(context).until_idle()
    for one in (problem, unsent):
        await lifecycle.erase(context.database, AGENT, site.id, one)
    await PlatformWorker(context).until_idle()
    rows = await context.database.rows("SELECT * FROM platform_erasures ORDER BY way")
    stored = [(row["platform_id"], row["way"], row["acknowledged_at"] is not None) for row in rows]
    assert stored == [(new.id, "call", True), (old.id, "letter", False)]
    assert {row["problem_id"] for row in rows} == {problem}
    (letter,) = mail_sink.letters
    assert letter.recipients == ("privacy@first.test",)
    assert "Забудьте" not in letter.text
    assert "под номером 1" in letter.text
    assert "priem@gorod.test" in letter.text


async def test_an_erasure_letter_is_sent_once_and_waits_for_an_answer(
    cli: Callable[..., Any], context: Context, site: Site, fakes: Pair, mail_sink: MailSink
) -> None:
    cli("platform", "set", "default", "--contact", "privacy@first.test")
    problem = await accept_report(context, site)
    await PlatformWorker(context).until_idle()
    await lifecycle.erase(context.database, AGENT, site.id, problem)
    await PlatformWorker(context).until_idle()
    (erasure,) = cli("platform", "erasures")
    assert (erasure["platform"], erasure["way"], erasure["remote_id"]) == ("127.0.0.1", "letter", "1")
    cli("platform", "acknowledge", "default", problem, "--note", "письмо от 25.11.2026")
    assert cli("platform", "erasures") == []
    (done,) = cli("platform", "erasures", "--all")
    assert done["note"] == "письмо от 25.11.2026"
    assert len(mail_sink.letters) == 1


@pytest.mark.parametrize("before", [None, "privacy at first.test"])
async def test_a_new_contact_gets_the_pending_erasure_letters(
    context: Context, site: Site, fakes: Pair, mail_sink: MailSink, before: str | None
) -> None:
    await platforms.change_platform(context.database, "default", {"contact": before})
    problem = await accept_report(context, site)
    await PlatformWorker(context).until_idle()
    await lifecycle.erase(context.database, AGENT, site.id, problem)
    await PlatformWorker(context).until_idle()
    dead = await context.database.rows("SELECT last_error FROM deliveries WHERE state = 'dead'")
    assert [row["last_error"] for row in dead] == (["no letter can be sent to this address"] if before else [])
    for contact in ("privacy@first.test", "office@first.test"):
        await platforms.change_platform(context.database, "default", {"contact": contact})
        await PlatformWorker(context).until_idle()
    assert [letter.recipients for letter in mail_sink.letters] == [("privacy@first.test",)]
    (row,) = await context.database.rows("SELECT told_at, acknowledged_at FROM platform_erasures")
    assert row["told_at"] is not None
    assert row["acknowledged_at"] is None


async def test_a_report_with_a_lost_answer_is_found_for_erasure(
    context: Context, site: Site, fakes: Pair, mail_sink: MailSink
) -> None:
    """Only a hash of its text is left here; it identifies the number there, which the letter names."""
    first = fakes[0]
    await platforms.change_platform(context.database, "default", {"contact": "privacy@first.test"})
    await accept_report(context, site, description="Соседняя яма")
    await PlatformWorker(context).until_idle()
    problem = await accept_report(context, site, description="Забудьте\nменя")
    first.faults.append("lost answer")
    await PlatformWorker(context).round()
    await lifecycle.erase(context.database, AGENT, site.id, problem)
    await PlatformWorker(context).until_idle()
    assert [one["description"] for one in first.requests] == ["Соседняя яма", "Забудьте\nменя"]
    link = existing(
        await context.database.row("SELECT remote_id FROM platform_links WHERE problem_id = :id", id=problem)
    )
    assert link["remote_id"] == "2"
    (letter,) = mail_sink.letters
    assert "под номером 2" in letter.text
    rows = await context.database.rows("SELECT reason FROM deliveries WHERE reason IS NOT NULL AND state <> 'dropped'")
    assert rows == [], "the hash is gone with it"


async def test_reports_and_spam_that_never_arrived_need_no_erasure(context: Context, site: Site, fakes: Pair) -> None:
    problem = await accept_report(context, site, description="Забудьте меня")
    fakes[0].faults.append("drop")
    await PlatformWorker(context).round()
    await lifecycle.erase(context.database, AGENT, site.id, problem)
    await PlatformWorker(context).until_idle()
    assert fakes[0].requests == []
    assert await context.database.rows("SELECT 1 FROM platform_erasures") == []
    await platforms.change_platform(context.database, "default", {"sends_when": "confirmed"})
    receipt = await submit_report(context.database, site, description="Дешёвые окна")
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    fakes[0].faults.append("drop")
    await PlatformWorker(context).round()
    await lifecycle.mark_spam(context.database, AGENT, site.id, receipt.problem_id, True)
    await PlatformWorker(context).until_idle()
    assert fakes[0].requests == []
    await lifecycle.mark_spam(context.database, AGENT, site.id, receipt.problem_id, False)
    await PlatformWorker(context).until_idle()
    assert [one["description"] for one in fakes[0].requests] == ["Дешёвые окна"]


async def test_spam_that_may_have_arrived_is_searched_and_withdrawn(context: Context, site: Site, fakes: Pair) -> None:
    await platforms.change_platform(context.database, "default", {"sends_when": "confirmed"})
    receipt = await submit_report(context.database, site, description="Дешёвые окна")
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    fakes[0].faults.append("lost answer")
    await PlatformWorker(context).round()
    await lifecycle.mark_spam(context.database, AGENT, site.id, receipt.problem_id, True)
    await PlatformWorker(context).until_idle()
    assert history(fakes[0], "Дешёвые окна") == ["reported", "NO_FURTHER_ACTION"]


async def test_a_changed_url_is_treated_as_a_new_server(
    context: Context, site: Site, make_settings: Callable[..., Settings], database_url: str, fakes: Pair
) -> None:
    known = {"exact": True, "failures": 7, "paused_until": clock.now() + 300, "pause_reason": "503"}
    await platforms.change_platform(context.database, "default", known)
    await log.write_cursor(context.database, "default", site.id, Cursor(since=1, after=5000, asked=True), None)
    elsewhere = make_settings(database_url=database_url, platform_url=fakes[1].url, platform_key="secret")
    async with open_context(elsewhere) as moved:
        found = await default(moved)
        row = await moved.database.row("SELECT paused_until FROM platforms WHERE id = 'default'")
        assert await log.cursor(moved.database, "default", site.id) is None, "positions there are others"
    assert (found.exact, found.failures, row is not None and row["paused_until"]) == (False, 0, None)

"""What platforms get of reports that are moderated, and of what the agency takes out of them afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.test_corrections import CLEAN, WORDS
from tests.conftest import GOROD
from tests.factories import AGENT, RESIDENT, run_statement, submit_report
from tests.fake_platform import FakePlatform
from tests.support.cabinet import Enter
from tests.support.exchange import PlatformWorker, correct_report, states
from tests.support.mail import MailSink
from widget_api import i18n
from widget_api.context import Context
from widget_api.ops.doctor_servers import check_platforms
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites import testing
from widget_api.sites.model import Site

ACCEPTED, REJECTED = Change(to="accepted"), Change(to="rejected", text="Такого места нет", reason="no_place")
HERE, ELSEWHERE = i18n.text("ru", "cabinet.problem.not_public"), "получает платформа: Портал"
AWAITS = i18n.text("ru", "cabinet.deliveries.unpublished.awaiting")
UNSEEN = i18n.text("ru", "cabinet.deliveries.unpublished.dropped")
pytestmark = [GOROD, pytest.mark.settings(work="off")]


@pytest.fixture
async def portal(context: Context, fake: FakePlatform) -> FakePlatform:
    """A platform that is no instance of this service."""
    platform = Platform(id="portal", name="Портал", url=fake.url, key="k", protocol="georeport")
    await platforms.insert_platform(context.database, platform)
    return fake


async def confirmed(context: Context, site: Site, **options: Any) -> str:
    receipt = await submit_report(context.database, site, **options)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    return receipt.problem_id


async def choose(context: Context, when: str | None) -> None:
    await platforms.change_platform(context.database, "portal", {"sends_when": when})


async def test_a_foreign_platform_gets_a_moderated_report_when_it_is_accepted(
    context: Context, site: Site, portal: FakePlatform, platform_worker: PlatformWorker, enter: Enter
) -> None:
    """The mark «seen here only», the queue and the page say the same."""
    agent, problem = await enter("agent", site.agency.id), await confirmed(context, site, description=WORDS)
    path = f"/cabinet/problems/{problem}"
    await platform_worker.until_idle()
    await lifecycle.mark_spam(context.database, AGENT, site.id, problem, True)
    await lifecycle.mark_spam(context.database, AGENT, site.id, problem, False)
    await platform_worker.until_idle()
    assert (portal.posts("requests"), portal.posts("servicerequestupdates")) == ([], [])
    page = (await agent.read(path)).text
    assert HERE in page
    assert AWAITS in page
    await correct_report(context, site, problem, description=CLEAN)
    await lifecycle.change(context.database, AGENT, site.id, problem, ACCEPTED)
    await platform_worker.until_idle()
    assert [one["description"] for one in portal.requests] == [CLEAN]
    assert portal.updates[-1]["status"] == "OPEN"
    page = (await agent.read(path)).text
    assert (HERE in page, AWAITS in page) == (False, False)
    assert set(await states(context)) == {"delivered"}


@pytest.mark.parametrize("when", ["accepted", "confirmed"])
async def test_what_is_rejected_unseen_goes_to_no_foreign_platform(
    context: Context, site: Site, portal: FakePlatform, platform_worker: PlatformWorker, enter: Enter, when: str
) -> None:
    await choose(context, when)
    problem = await confirmed(context, site)
    if when == "accepted":
        await platform_worker.until_idle()
    await lifecycle.change(context.database, AGENT, site.id, problem, REJECTED)
    await platform_worker.until_idle()
    assert portal.posts("requests") == []
    page = (await (await enter("agent", site.agency.id)).read(f"/cabinet/problems/{problem}")).text
    assert HERE in page
    assert UNSEEN in page
    await lifecycle.change(context.database, AGENT, site.id, problem, ACCEPTED)
    await platform_worker.until_idle()
    assert [one["status"] for one in portal.updates] == ["NO_FURTHER_ACTION", "OPEN"], "it is public now"
    assert "no_place" not in str(portal.updates), "which only an instance of ours understands"


async def test_the_operator_chooses_when_a_platform_gets_reports(
    context: Context, site: Site, portal: FakePlatform, platform_worker: PlatformWorker, enter: Enter,
    cli: Callable[..., Any],
) -> None:  # fmt: skip
    """Platforms of earlier versions get them as before, until somebody chooses."""
    await run_statement(context.database, "UPDATE platforms SET sends_when = NULL")
    problem = await confirmed(context, site)
    await platform_worker.until_idle()
    assert len(portal.requests) == 1
    assert ELSEWHERE in (await (await enter("agent", site.agency.id)).read(f"/cabinet/problems/{problem}")).text
    (finding,) = await check_platforms(context.settings, context.database)
    assert "platform set portal --when" in finding.detail
    cli("platform", "set", "portal", "--when", "accepted")
    (finding,) = await check_platforms(context.settings, context.database)
    assert "--when" not in finding.detail
    await confirmed(context, site)
    await platform_worker.until_idle()
    assert len(portal.requests) == 1
    cli("platform", "set", "portal", "--when", "confirmed")
    await platform_worker.until_idle()
    assert len(portal.requests) == 2
    cli("platform", "add", "--name", "Новая", "--url", "https://p.test", "--key", "k")
    chosen = {one["name"]: one["sends_when"] for one in cli("platform", "list")}
    assert chosen == {"Портал": "confirmed", "Новая": "accepted"}


async def test_a_site_that_publishes_at_once_sends_at_once(
    context: Context, portal: FakePlatform, platform_worker: PlatformWorker, site: Site
) -> None:
    await run_statement(context.database, "UPDATE sites SET moderation = 'after'")
    await confirmed(context, site)
    await platform_worker.until_idle()
    assert len(portal.requests) == 1


@pytest.mark.parametrize("kind", ["unconfirmed", "test", "spam", "withdrawn"])
async def test_nothing_that_is_seen_here_only_leaves(
    context: Context, site: Site, portal: FakePlatform, platform_worker: PlatformWorker, enter: Enter, kind: str
) -> None:
    await choose(context, "confirmed")
    where = await testing.add_test_site(context.database, site) if kind == "test" else site
    if kind == "unconfirmed":
        problem = (await submit_report(context.database, where)).problem_id
    else:
        problem = await confirmed(context, where)
    if kind == "spam":
        await lifecycle.mark_spam(context.database, AGENT, where.id, problem, True)
    if kind == "withdrawn":
        await lifecycle.change(context.database, RESIDENT, where.id, problem, Change(to="withdrawn"))
    assert HERE in (await (await enter("agent", site.agency.id)).read(f"/cabinet/problems/{problem}")).text
    await platform_worker.until_idle()
    assert portal.posts("requests") == []


async def test_the_operator_sees_what_a_foreign_platform_has_to_correct(
    context: Context, site: Site, portal: FakePlatform, platform_worker: PlatformWorker, mail_sink: MailSink,
    cli: Callable[..., Any],
) -> None:  # fmt: skip
    """One letter of one correction, without what was taken out; a later erasure replaces the request."""
    cli("platform", "set", "portal", "--when", "confirmed", "--contact", "privacy@portal.test")
    problem = await confirmed(context, site, description=WORDS)
    await platform_worker.until_idle()
    await correct_report(context, site, problem, description=CLEAN, address="Лесная, 5")
    await platform_worker.until_idle()
    (asked,) = cli("platform", "erasures")
    assert (asked["asks"], asked["way"], asked["remote_id"]) == ("correct", "letter", "1")
    letters = [one for one in mail_sink.letters if one.recipients == ("privacy@portal.test",)]
    assert len(letters) == 1
    assert "под номером 1" in letters[0].text
    assert "Ивановой" not in letters[0].text
    assert portal.posts("servicerequestupdates") == []
    cli("platform", "acknowledge", "portal", problem, "--note", "письмо от 25.11.2026")
    assert cli("platform", "erasures") == []
    await lifecycle.erase(context.database, RESIDENT, site.id, problem)
    await platform_worker.until_idle()
    assert [one["asks"] for one in cli("platform", "erasures")] == ["erase"]


async def test_a_report_corrected_after_a_lost_answer_is_found_and_not_sent_twice(
    context: Context, site: Site, portal: FakePlatform, platform_worker: PlatformWorker, cli: Callable[..., Any]
) -> None:
    problem = await confirmed(context, site, description=WORDS)
    await lifecycle.change(context.database, AGENT, site.id, problem, ACCEPTED)
    portal.faults.append("lost answer")
    await platform_worker.round()
    await correct_report(context, site, problem, description=CLEAN, category="yards")
    await platform_worker.until_idle()
    assert [one["description"] for one in portal.requests] == [WORDS]
    assert [one["asks"] for one in cli("platform", "erasures")] == ["correct"]

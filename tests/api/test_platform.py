"""Push and pull against a third-party platform over TCP: each effect once, in order, and no echo."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from tests.conftest import GOROD
from tests.factories import AGENT, RESIDENT, existing, make_site, run_statement, submit_report
from tests.fake_platform import FakePlatform, Fault
from tests.support.exchange import PlatformWorker, accept_report, states, status, timeline
from widget_api import clock, outbound
from widget_api.app import open_context
from widget_api.attachments.photos import service as photos
from widget_api.context import Context
from widget_api.deliveries import admin, queue
from widget_api.deliveries.enqueue import enqueue_event
from widget_api.deliveries.model import Withheld
from widget_api.events import from_row
from widget_api.platform import pull, push
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle, pictures
from widget_api.problems.model import Change, Consent, Contact, Photo
from widget_api.problems.store import records
from widget_api.residents import service as residents
from widget_api.settings import Settings
from widget_api.sites import consent
from widget_api.sites.model import Site
from widget_api.worker import Worker

PLANNED = Change(to="planned", expected_on="2099-01-02", text="Заменим лампу")
PERSON = Contact(email="anna@example.test", name="Анна Петровна", phone="+7 900")
RESOLVED = Change(to="resolved", text="Лампа заменена")
pytestmark = GOROD


@pytest.fixture
def context(exchange_context: Context) -> Context:
    return exchange_context


# --- push ---


async def test_the_request_and_each_change_are_delivered_once_and_in_order(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    problem = await accept_report(context, site)
    await lifecycle.change(context.database, AGENT, site.id, problem, PLANNED)
    await lifecycle.change(context.database, AGENT, site.id, problem, RESOLVED)
    await platform_worker.until_idle()
    (request,) = fake.requests
    assert {name: request[name] for name in ("api_key", "jurisdiction_id", "service_code", "lat", "long")} == {
        "api_key": "secret",
        "jurisdiction_id": "gorod.test",
        "service_code": "roads",
        "lat": "55.079400",
        "long": "38.778300",
    }
    assert request["description"] == "Глубокая яма на пешеходном переходе у школы"
    assert request["address_string"] == "ул. Октябрьской Революции, 205"
    assert request["extended_attributes[status_code]"] == "moderation"
    assert not {"email", "first_name", "phone"} & set(request)
    assert [one["status"] for one in fake.updates] == ["OPEN", "ACTION_SCHEDULED", "FIXED"]
    assert {one["service_request_id"] for one in fake.updates} == {"1"}
    assert fake.updates[1]["extended_attributes[expected_on]"] == "2099-01-02"
    assert [one["description"] for one in fake.updates] == ["Принято", "Заменим лампу", "Лампа заменена"]
    assert fake.updates[0]["extended_attributes[without_text]"] == "true"
    assert len({one["update_id"] for one in fake.updates}) == 3
    rows = await context.database.rows("SELECT id FROM events WHERE kind = 'received'")
    assert fake.posts("requests")[0].key == rows[0]["id"] == request["extended_attributes[event_id]"]
    assert set(await states(context)) == {"delivered"}
    assert ("linked", None, None) in await timeline(context, problem)
    link = existing(await context.database.row("SELECT * FROM platform_links"))
    assert (link["remote_id"], link["remote_url"]) == ("1", None)


async def test_nothing_is_delivered_before_release_or_after_an_erasure(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    await submit_report(context.database, site)
    await platform_worker.until_idle()
    assert fake.calls == []
    problem = await accept_report(context, site)
    await lifecycle.erase(context.database, RESIDENT, site.id, problem)
    await platform_worker.until_idle()
    assert (fake.requests, fake.updates) == ([], [])


@pytest.mark.parametrize("publishing", [False, True])
@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ("none", {}),
        ("email", {"email": "anna@example.test"}),
        ("all", {"email": "anna@example.test", "first_name": "Анна", "last_name": "Петровна", "phone": "+7 900"}),
    ],
)
async def test_contacts_are_sent_only_as_configured(
    fake: FakePlatform,
    make_settings: Callable[..., Settings],
    database_url: str,
    allowed: str,
    expected: dict[str, str],
    publishing: bool,
) -> None:
    """The consent to publish a name sends it nowhere: platforms get it as a contact or not at all. So a revoked consent
    leaves platforms nothing to erase, and `erased` informs those that have it.
    """
    settings = make_settings(
        database_url=database_url, platform_url=fake.url, platform_key="secret", platform_contacts=allowed
    )
    async with open_context(settings) as context:
        site = await make_site(context.database)
        document = await consent.current_document(context.database, site, settings, "ru")
        agreed = Consent(
            version=document.version,
            hash=document.hash,
            publish_name=publishing,
            name_version="1" if publishing else None,
            name_hash="0" * 64 if publishing else None,
            ip=None,
        )
        contact = replace(PERSON, publish_name=publishing)
        problem = await accept_report(context, site, contact=contact, consent=agreed)
        await PlatformWorker(context).until_idle()
        sent = len(fake.calls)
        row = await records.find(context.database, problem)
        assert row
        await residents.hide_name(context, row)
        await lifecycle.change(context.database, AGENT, site.id, problem, RESOLVED)
        await PlatformWorker(context).until_idle()
    personal = ("email", "first_name", "last_name", "phone")
    assert not any(set(personal) & call.fields.keys() for call in fake.calls[sent:])
    assert {name: fake.requests[0][name] for name in personal if name in fake.requests[0]} == expected


@pytest.mark.parametrize(
    ("agreed_to", "expected"),
    [("none", set()), ("email", {"email"}), ("all", {"email", "first_name", "last_name", "phone"})],
)
async def test_contacts_are_sent_only_under_a_consent_that_names_the_platform(
    fake: FakePlatform, make_settings: Callable[..., Settings], database_url: str, agreed_to: str, expected: set[str]
) -> None:
    """The operator has enabled contacts since; earlier consents do not cover that."""
    common = {"database_url": database_url, "platform_url": fake.url, "platform_key": "secret"}
    async with open_context(make_settings(**common, platform_contacts=agreed_to)) as context:
        site = await make_site(context.database)
        document = await consent.current_document(context.database, site, context.settings, "en")
    async with open_context(make_settings(**common, platform_contacts="all")) as context:
        agreed = Consent(version=document.version, hash=document.hash, publish_name=False, ip=None)
        await accept_report(context, site, contact=PERSON, consent=agreed)
        await PlatformWorker(context).until_idle()
    assert {"email", "first_name", "last_name", "phone"} & set(fake.requests[0]) == expected


FAULTS: tuple[Fault | None, ...] = ("500", "429", "lost answer", "drop", "garbage", "redirect", "403", None)


@pytest.mark.parametrize("formats", [("json", "xml"), ("xml",), ("json",)])
async def test_every_effect_happens_once_under_any_fault(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker, formats: Any
) -> None:
    fake.formats = formats
    for number, fault in enumerate(FAULTS, 1):
        problem = await accept_report(context, site)
        await lifecycle.change(context.database, AGENT, site.id, problem, PLANNED)
        if fault is not None:
            fake.faults.append(fault)
        platform_worker.waits.clear()
        await platform_worker.until_idle()
        assert len(fake.requests) == number, fault
        assert [one["status"] for one in fake.updates] == ["OPEN", "ACTION_SCHEDULED"] * number, fault
        assert set(await states(context)) == {"delivered"}, fault
        assert bool(platform_worker.waits) is (fault is not None), fault


async def test_an_update_is_repeated_with_the_same_id_after_a_lost_answer(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    problem = await accept_report(context, site)
    await platform_worker.until_idle()
    fake.faults.append("lost answer")
    await lifecycle.change(context.database, AGENT, site.id, problem, PLANNED)
    await platform_worker.until_idle()
    assert [one["status"] for one in fake.updates] == ["OPEN", "ACTION_SCHEDULED", "ACTION_SCHEDULED"]
    assert fake.updates[1]["update_id"] == fake.updates[2]["update_id"]


async def test_two_similar_reports_stay_separate(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    """The search for a lost request must not match another one."""
    await accept_report(context, site)
    await platform_worker.until_idle()
    await accept_report(context, site)
    fake.faults.append("500")
    await platform_worker.until_idle()
    assert len(fake.requests) == 2
    rows = await context.database.rows("SELECT remote_id FROM platform_links ORDER BY remote_id")
    assert [row["remote_id"] for row in rows] == ["1", "2"]


async def test_timeouts_and_wrong_keys_are_retried_and_retry_after_is_honoured(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.3)
    fake.retry_after = 4242
    faults: tuple[list[Fault], ...] = (["hang"], ["403"] * 3, ["429"])
    for number, expected in enumerate(faults, 1):
        fake.faults.extend(expected)
        platform_worker.waits.clear()
        await accept_report(context, site)
        await platform_worker.until_idle()
        assert (len(fake.requests), len(platform_worker.waits)) == (number, len(expected)), expected
    assert platform_worker.waits == [4242]


async def test_an_unavailable_platform_gets_everything_after_recovery(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    await fake.stop()
    problem = await accept_report(context, site)
    for _ in range(3):
        await platform_worker.round()
        platform_worker.now += 4000
    assert fake.requests == []
    assert await states(context) == ["pending", "pending"]
    await fake.start()
    await platform_worker.until_idle()
    await lifecycle.change(context.database, AGENT, site.id, problem, PLANNED)
    await platform_worker.until_idle()
    assert [one["status"] for one in fake.updates] == ["OPEN", "ACTION_SCHEDULED"]


async def test_a_refused_request_is_dead_at_once_and_blocks_no_other(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    await accept_report(context, site)
    fake.faults.append("400")
    await platform_worker.round()
    await accept_report(context, site, description="Другая яма")
    await platform_worker.round()
    await platform_worker.round()
    assert [one["description"] for one in fake.requests] == ["Другая яма"]
    assert await states(context) == ["dead", "pending", "delivered", "delivered"]
    row = existing(await context.database.row("SELECT id, last_error FROM deliveries WHERE state = 'dead'"))
    assert "told to answer 400" in row["last_error"]
    assert await admin.replay(context.database, row["id"], platform_worker.now)
    await platform_worker.until_idle()
    assert set(await states(context)) == {"delivered"}
    assert [one["service_request_id"] for one in fake.updates] == ["1", "2"]


async def test_a_token_is_resolved_to_a_number_later_also_by_polling(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    fake.tokens = True
    problem = await accept_report(context, site)
    await platform_worker.round()
    await platform_worker.round()
    assert (len(fake.requests), len(fake.updates)) == (1, 0)
    fake.resolved = True
    await platform_worker.until_idle()
    assert [one["service_request_id"] for one in fake.updates] == ["1"]
    await lifecycle.change(context.database, AGENT, site.id, problem, PLANNED)
    await platform_worker.until_idle()
    assert len(fake.updates) == 2
    await accept_report(context, site)
    await platform_worker.round()
    await pull.poll_platforms(context)
    assert [row["remote_id"] for row in await context.database.rows("SELECT remote_id FROM platform_links")] == [
        "1",
        "2",
    ]


async def test_a_spam_mark_reaches_platforms_that_have_the_report(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    await platforms.change_platform(context.database, "default", {"sends_when": "confirmed"})
    receipt = await submit_report(context.database, site)
    assert await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await platform_worker.until_idle()
    await lifecycle.mark_spam(context.database, AGENT, site.id, receipt.problem_id, True)
    await platform_worker.until_idle()
    assert len(fake.requests) == 1
    assert [one["status"] for one in fake.updates] == ["NO_FURTHER_ACTION"]
    await lifecycle.mark_spam(context.database, AGENT, site.id, receipt.problem_id, False)
    await platform_worker.until_idle()
    assert [one["status"] for one in fake.updates] == ["NO_FURTHER_ACTION", "FOR_TRIAGE"]


async def test_erasure_reaches_the_platform(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    problem = await accept_report(context, site)
    await platform_worker.until_idle()
    await lifecycle.change(context.database, AGENT, site.id, problem, PLANNED)
    await lifecycle.erase(context.database, RESIDENT, site.id, problem)
    await platform_worker.until_idle()
    assert [one["extended_attributes[kind]"] for one in fake.updates] == ["status", "erased"]
    assert "удалены" in fake.updates[1]["description"]


async def test_a_delivery_in_progress_is_not_claimed_again(
    context: Context, site: Site, fake: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease ended when the clock jumped or the database was down; a platform without idempotency keys would get it
    twice.
    """
    monkeypatch.setattr(outbound, "SECONDS", 4.0)
    await accept_report(context, site)
    fake.faults.append("hang")
    worker = Worker(context)
    while not fake.posts("requests"):
        await worker._deliver()
        await asyncio.sleep(0.01)

    await run_statement(context.database, "UPDATE deliveries SET lease_until = 0 WHERE state = 'leased'")
    for _ in range(3):
        await asyncio.wait_for(worker._deliver(), 5)
        await asyncio.sleep(0.05)
    assert len(fake.posts("requests")) == 1
    await asyncio.wait(worker._in_progress)
    assert await states(context) == ["pending", "pending"], "and how it ended is on record"


async def test_erasure_during_a_delivery_is_passed_on(context: Context, site: Site, fake: FakePlatform) -> None:
    problem = await accept_report(context, site, email=None)
    (claimed,) = await queue.claim(context.database, "test", 1, clock.now() + 1)
    await lifecycle.erase(context.database, RESIDENT, site.id, problem)
    with pytest.raises(Withheld):
        await push.deliver(context, claimed)
    assert fake.requests == []


async def test_a_change_is_not_sent_after_an_erasure(context: Context, site: Site, sent: str) -> None:
    """The platform would refuse it for good if it erased the report itself: its worker had died while it was sent."""
    await lifecycle.change(context.database, AGENT, site.id, sent, Change(to="in_progress"))
    (claimed,) = await queue.claim(context.database, "test", 1, clock.now() + 1)
    await lifecycle.erase(context.database, RESIDENT, site.id, sent)
    with pytest.raises(Withheld):
        await push.deliver(context, claimed)


# --- pull ---


def make_update(number: str = "1", **fields: Any) -> dict[str, Any]:
    return {"update_id": "77", "service_request_id": number, "updated_datetime": clock.rfc3339(clock.now())} | fields


@pytest.fixture
async def sent(context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker) -> str:
    """A problem that the platform knows as number 1."""
    problem = await accept_report(context, site)
    await platform_worker.until_idle()
    return problem


async def test_updates_of_a_platform_are_imported_once(
    context: Context, fake: FakePlatform, platform_worker: PlatformWorker, sent: str
) -> None:
    fake.news = [
        make_update(status="INVESTIGATING", description="Выехала бригада"),
        make_update(status="IN_PROGRESS", description="Чужая заявка", service_request_id="99", update_id="78"),
    ]
    before = len(fake.posts("servicerequestupdates"))
    for _ in range(3):
        await pull.poll_platforms(context)
    await platform_worker.until_idle()
    assert (await timeline(context, sent))[-1] == ("status", "in_progress", "Выехала бригада")
    assert [kind for kind, _, _ in await timeline(context, sent)].count("status") == 2
    assert await status(context, sent) == "in_progress"
    told = existing(await context.database.row("SELECT * FROM events WHERE status = 'in_progress'"))
    await context.database.write(lambda tx: enqueue_event(tx, from_row(told), "platform:default", clock.now()))
    await platform_worker.until_idle()
    assert len(fake.posts("servicerequestupdates")) == before, "nothing is sent back, even if it is enqueued"


@pytest.mark.parametrize("formats", [("json", "xml"), ("xml",)])
async def test_updates_without_ids_are_distinguished(
    context: Context, fake: FakePlatform, sent: str, formats: Any
) -> None:
    fake.formats = formats
    fake.news = [
        make_update(update_id=None, status="IN_PROGRESS", description="раз"),
        make_update(update_id=None, status="IN_PROGRESS", description="два"),
    ]
    await pull.poll_platforms(context)
    await pull.poll_platforms(context)
    texts = [text for _, _, text in await timeline(context, sent)]
    assert sorted(text for text in texts if text) == ["два", "раз"]


async def test_a_bare_open_or_closed_changes_only_contradicting_statuses(
    context: Context, site: Site, fake: FakePlatform, sent: str
) -> None:
    for number, (bare, expected) in enumerate(
        (("open", "accepted"), ("closed", "resolved"), ("closed", "resolved"), ("open", "reopened")), 1
    ):
        later = clock.rfc3339(clock.now() + 60 * number)
        fake.news = [make_update(status=bare, update_id=str(number), updated_datetime=later)]
        await pull.poll_platforms(context)
        assert await status(context, sent) == expected, number


async def test_with_many_sites_each_is_polled_less_often(
    context: Context, fake: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = [await make_site(context.database, jurisdiction=f"gorod{number}.test") for number in range(5)]

    async def asked() -> int:
        fake.calls.clear()
        await pull.poll_platforms(context)
        return len([one for one in fake.calls if one.path.startswith("servicerequestupdates")])

    assert [await asked(), await asked()] == [len(sites), len(sites)]
    monkeypatch.setattr(pull, "SITES_PER_SECOND", 0.05)
    assert [await asked(), await asked()] == [len(sites), 0]


async def test_echoes_of_our_own_updates_are_ignored(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker, sent: str
) -> None:
    await lifecycle.change(context.database, AGENT, site.id, sent, PLANNED)
    await platform_worker.until_idle()
    fake.news = [
        make_update(
            update_id=f"theirs-{number}", **{name: one[name] for name in ("status", "updated_datetime", "description")}
        )
        for number, one in enumerate(fake.updates, 1)
    ]
    before = await timeline(context, sent)
    await pull.poll_platforms(context)
    assert await timeline(context, sent) == before


async def test_invalid_updates_are_errors_and_polling_goes_on(context: Context, fake: FakePlatform, sent: str) -> None:
    fake.faults.extend(["garbage", "garbage"])
    await pull.poll_platforms(context)
    row = existing(await context.database.row("SELECT last_error FROM platform_cursors"))
    assert row["last_error"]
    calls = len(fake.calls)
    await pull.poll_platforms(context)
    assert len(fake.calls) == calls  # it is paused for a while


async def test_a_platform_cannot_act_for_the_resident(context: Context, fake: FakePlatform, sent: str) -> None:
    ours: dict[str, Any] = {"extended_attributes": {"kind": "status", "status_code": "withdrawn"}}
    later = clock.rfc3339(clock.now() + 60)  # within one second the greater identifier would win, and these are random
    fake.news = [
        make_update(update_id=str(uuid.uuid4()), status="CANCELLED", **ours, updated_datetime=later),
        make_update(
            update_id=str(uuid.uuid4()), status="IN_PROGRESS", description="Выехала бригада", updated_datetime=later
        ),
    ]
    await pull.poll_platforms(context)
    assert await status(context, sent) == "in_progress"


async def test_a_date_in_the_far_future_does_not_stop_polling(context: Context, fake: FakePlatform, sent: str) -> None:
    fake.news = [make_update(status="IN_PROGRESS", update_id="1", updated_datetime="2999-01-01T00:00:00Z")]
    await pull.poll_platforms(context)
    fake.calls.clear()
    await pull.poll_platforms(context)
    (call,) = [call for call in fake.calls if call.path == "servicerequestupdates"]
    assert call.fields["start_date"] < clock.rfc3339(clock.now())


async def test_photos_are_sent_as_urls(
    context: Context, site: Site, fake: FakePlatform, platform_worker: PlatformWorker
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "JPEG")
    received = await photos.receive(context, site.id, out.getvalue())
    problem_id = await accept_report(context, site, photos=(Photo(received.id),))
    await platform_worker.until_idle()
    row = existing(await context.database.row("SELECT * FROM problems WHERE id = :id", id=problem_id))
    assert [fake.requests[0]["media_url"]] == pictures.list_platform_urls(context, row)

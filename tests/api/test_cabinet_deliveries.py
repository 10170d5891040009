"""Pending and dead deliveries in the cabinet: who sees them, who may send them again, who may drop them."""

from __future__ import annotations

import inspect
import uuid
from typing import Any

import pytest

from tests.factories import AGENT, existing, make_site, run_statement, submit_report
from tests.support.cabinet import Cabinet, Enter
from widget_api import i18n
from widget_api.cabinet.organisation.deliveries_service import PAGE_SIZE
from widget_api.database import Database
from widget_api.deliveries import enqueue, queue, sinks
from widget_api.deliveries.model import LONGEST_ERROR
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact
from widget_api.sites.model import Site

PATH = "/cabinet/deliveries"
pytestmark = pytest.mark.settings(work="off")


@pytest.fixture
def database(app: Any) -> Database:
    found: Database = app.state.context.database
    return found


@pytest.fixture
def enter(enter: Enter, site: Site) -> Enter:
    """`enter(role)` → a signed-in user of the site's agency, or the operator, with separate cookies."""

    async def make(role: str) -> Cabinet:
        return await enter(role, None if role == "operator" else site.agency.id, f"{role}@gorod.test")

    return make


async def create_delivery(database: Database, site: Site, state: str = "dead", sink: str = "agency") -> str:
    """A delivery of a new report, in a fixed state."""
    email = f"{uuid.uuid4().hex}@example.test"  # one address gets at most three letters a day
    problem = (await submit_report(database, site, email=email)).problem_id
    changed = "state = :state, sink = :sink, attempts = 8, last_error = '550 No <such> mailbox'"
    sql = f"UPDATE deliveries SET {changed} WHERE problem_id = :id"
    await run_statement(database, sql, id=problem, state=state, sink=sink)
    return str((await of_problem(database, problem))["id"])


async def of_problem(database: Database, problem_id: str) -> Any:
    return await database.row("SELECT * FROM deliveries WHERE problem_id = :id", id=problem_id)


async def row_of(database: Database, delivery_id: str) -> Any:
    return await database.row("SELECT * FROM deliveries WHERE id = :id", id=delivery_id)


async def token(cabinet: Cabinet) -> str:
    return (await cabinet.read("/cabinet/")).form("/cabinet/sign-out").fields["form_token"]


async def test_administrators_read_and_retry_on_both_pages(database: Database, enter: Enter, site: Site) -> None:
    delivery = await create_delivery(database, site)
    problem = (await row_of(database, delivery))["problem_id"]
    cabinet = await enter("admin")
    page = await cabinet.read(PATH)
    assert "550 No <such> mailbox" in page.text
    assert f"/cabinet/problems/{problem}" in page.links
    assert not [form for form in page.forms if form.action.endswith("/drop")]
    on_problem = f"/cabinet/problems/{problem}"
    assert "не доставлено" in (await cabinet.read(on_problem)).text
    answer = await cabinet.send(on_problem, f"{PATH}/{delivery}/retry")
    assert (answer.status_code, answer.headers["location"]) == (303, on_problem)
    row = await row_of(database, delivery)
    assert (row["state"], row["attempts"]) == ("pending", 0)
    assert row["decided_by"] == (await database.rows("SELECT id FROM users WHERE role = 'admin'"))[0]["id"]
    assert "Здесь пусто" in (await cabinet.read(PATH)).text
    assert "повтор: admin@gorod.test" in (await cabinet.read(f"{PATH}?tab=waiting")).text


async def test_the_operator_alone_drops_and_gives_a_reason(database: Database, enter: Enter, site: Site) -> None:
    delivery = await create_delivery(database, site)
    admin, operator = await enter("admin"), await enter("operator")
    data = {"form_token": await token(admin), "reason": "так надо"}
    assert (await admin.client.post(f"{PATH}/{delivery}/drop", data=data)).status_code == 403
    refused = await operator.send(PATH, f"{PATH}/{delivery}/drop", reason=" \n ")
    assert refused.status_code == 422
    assert "Напишите, почему" in refused.text
    long = await operator.send(PATH, f"{PATH}/{delivery}/drop", reason="у" * 501)
    assert long.status_code == 422
    assert "у" * 501 in long.text, "what was written is not lost"
    assert (await row_of(database, delivery))["state"] == "dead"
    answer = await operator.send(PATH, f"{PATH}/{delivery}/drop", reason="Ящика нет")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?done=dropped")
    row = await row_of(database, delivery)
    assert (row["state"], row["reason"]) == ("dropped", "Ящика нет")
    page = await operator.read(f"{PATH}?tab=dropped")
    assert "Причина: Ящика нет" in page.text
    assert "отменено: operator@gorod.test" in page.text
    again = {"form_token": await token(operator), "reason": "ещё раз"}
    assert (await operator.client.post(f"{PATH}/{delivery}/drop", data=again)).status_code == 409


async def test_another_agencys_deliveries_are_not_found(database: Database, enter: Enter, site: Site) -> None:
    elsewhere = await make_site(database, agency={"name": "Соседи"}, name="Сайт соседей")
    theirs, ours = await create_delivery(database, elsewhere), await create_delivery(database, site)
    cabinet = await enter("admin")
    for tab in ("dead", "waiting", "dropped"):
        assert "Сайт соседей" not in (await cabinet.read(f"{PATH}?tab={tab}")).text
    data = {"form_token": await token(cabinet), "reason": "так надо"}
    for action in ("retry", "drop"):
        assert (await cabinet.client.post(f"{PATH}/{theirs}/{action}", data=data)).status_code == 404
    assert (await cabinet.client.post(f"{PATH}/retry", data=data)).status_code == 303
    assert (await row_of(database, theirs))["state"] == "dead"
    assert (await row_of(database, ours))["state"] == "pending"


async def test_requested_letters_are_shown_to_the_operator_only(database: Database, enter: Enter, site: Site) -> None:
    asked = ("reports", "follower:x", "commenter:x", "moderator:x")
    letters = [await create_delivery(database, site, sink=sink) for sink in asked]
    admin, operator = await enter("admin"), await enter("operator")
    assert "Здесь пусто" in (await admin.read(PATH)).text
    shown = await operator.read(PATH)
    for letter in letters:
        shown.form(f"{PATH}/{letter}/retry")  # fails where there is none
        data = {"form_token": await token(admin)}
        assert (await admin.client.post(f"{PATH}/{letter}/retry", data=data)).status_code == 404
    await admin.client.post(f"{PATH}/retry", data={"form_token": await token(admin), "kind": "reader"})
    assert [(await row_of(database, one))["state"] for one in letters] == ["dead"] * 4


async def test_cross_site_forms_are_refused(database: Database, enter: Enter, site: Site) -> None:
    delivery = await create_delivery(database, site)
    operator = await enter("operator")
    good = {"form_token": await token(operator), "reason": "так надо"}
    for action in ("retry", f"{delivery}/retry", f"{delivery}/drop"):
        for wrong in ("", "0" * 64, "ё"):
            answer = await operator.client.post(f"{PATH}/{action}", data=good | {"form_token": wrong})
            assert answer.status_code == 403
        foreign = {"Origin": "https://evil.test"}
        assert (await operator.client.post(f"{PATH}/{action}", data=good, headers=foreign)).status_code == 403
        elsewhere = good | {"next": "https://evil.test/"}
        if action == "retry":
            answer = await operator.client.post(f"{PATH}/{action}", data=elsewhere)
            assert answer.headers["location"] == "/cabinet/"
            await database.write(lambda tx: tx.run("UPDATE deliveries SET state = 'dead'"))
    assert (await row_of(database, delivery))["state"] == "dead"


async def test_the_navigation_counts_dead_ones_for_operators_only(database: Database, enter: Enter, site: Site) -> None:
    operator, admin = await enter("operator"), await enter("admin")
    assert "3 не доставлено" not in (await operator.read("/cabinet/")).text
    for _ in range(3):
        await create_delivery(database, site)
    await create_delivery(database, site, "dropped")
    assert "Платформы и отправка 3 не доставлено" in (await operator.read("/cabinet/")).text
    assert "3 не доставлено" not in (await admin.read("/cabinet/")).text
    assert PATH not in (await (await enter("agent")).read("/cabinet/")).links


async def test_deliveries_are_filtered_by_state_and_kind(database: Database, enter: Enter, site: Site) -> None:
    kept = {}
    for state in ("dead", "pending", "dropped", "delivered"):
        for sink in ("agency", "resident", "platform:none"):
            kept[state, sink] = await create_delivery(database, site, state, sink)
    operator = await enter("operator")

    async def shown(query: str) -> set[str]:
        text = (await operator.client.get(f"{PATH}{query}")).text
        return {one for one in kept.values() if f'id="delivery-{one}"' in text}

    every = ("agency", "resident", "platform:none")
    assert await shown("") == {kept["dead", sink] for sink in every}
    assert await shown("?tab=waiting") == {kept["pending", sink] for sink in every}
    assert await shown("?tab=dropped&kind=platform") == {kept["dropped", "platform:none"]}
    assert await shown("?tab=waiting&kind=resident") == {kept["pending", "resident"]}
    assert await shown("?kind=nonsense&tab=%00") == {kept["dead", sink] for sink in every}
    assert "Таких отправлений нет" in (await operator.read(f"{PATH}?kind=moderator")).text
    await operator.send(f"{PATH}?kind=agency", f"{PATH}/{kept['dead', 'agency']}/retry")
    await create_delivery(database, site, sink="platform:none")
    await operator.send(f"{PATH}?kind=platform", f"{PATH}/retry")
    assert (await row_of(database, kept["dead", "resident"]))["state"] == "dead", "all of this kind only"
    assert (await row_of(database, kept["dead", "platform:none"]))["state"] == "pending"


async def test_deliveries_are_paged(database: Database, enter: Enter, site: Site) -> None:
    ids = [await create_delivery(database, site) for _ in range(PAGE_SIZE + 1)]
    operator = await enter("operator")
    first = (await operator.client.get(PATH)).text
    assert [one for one in ids if f'id="delivery-{one}"' not in first] == ids[:1], "what was given up last is first"
    second = await operator.client.get(f"{PATH}?after={ids[1]}")
    assert [one for one in ids if f'id="delivery-{one}"' in second.text] == ids[:1]


async def test_attempts_are_listed_with_escaped_redacted_errors(database: Database, enter: Enter, site: Site) -> None:
    problem = (await submit_report(database, site)).problem_id
    now = (await of_problem(database, problem))["next_at"] + 10
    said = (
        "400: <script>alert(1)</script> anna@example.test +7 (900) 123-45-67 тел. 89001234567\n"
        "GET https://user:secret@platform.test/requests?api_key=verysecret&x=1 2026-11-25T12:00:00Z 1234567"
    )
    for error, retry_in in ((said, 5), ("x" * 3000, None)):
        (delivery,) = await queue.claim(database, "w", 1, now)
        await queue.finish(database, "w", delivery, now, error, retry_in)
        now += 10
    kept = [row["error"] for row in await database.rows("SELECT error FROM delivery_attempts ORDER BY at, id")]
    assert kept == [
        "400: <script>alert(1)</script> …@… … тел. … GET https://user:…@…/requests?api_key=…&x=1"
        " 2026-11-25T12:00:00Z 1234567",
        "x" * LONGEST_ERROR,
    ]
    operator = await enter("operator")
    answer = await operator.client.get(PATH)
    assert "<script>alert(1)" not in answer.text
    page = await operator.read(PATH)
    assert "2 попытки" in page.text
    for one in kept:
        assert one in page.text


def test_every_sink_of_the_registry_is_complete() -> None:
    """Its name is not a prefix of another, its handler exists, its kind has a label and one rule for who sees it."""
    names = [one.name for one in sinks.SINKS]
    declared = [value for name, value in vars(sinks).items() if name.isupper() and isinstance(value, str)]
    assert sorted(names) == sorted(set(declared) - {sinks.OF_REPORT})
    for one in sinks.SINKS:
        example = f"{one.name}0" if one.name.endswith(":") else one.name
        assert [other for other in sinks.SINKS if other.takes(example)] == [one]
        assert inspect.iscoroutinefunction(sinks.resolve_handler(example))
        for language in i18n.LANGUAGES:
            assert i18n.text(language, f"cabinet.sink.{one.kind}")
    for kind, of_kind in sinks.KINDS.items():
        assert len({one.seen_by_agency for one in of_kind}) == 1, kind
    with pytest.raises(LookupError):
        sinks.find_sink("nobody")


async def test_report_and_queue_show_the_agency_the_same_sinks(enter: Enter, database: Database, site: Site) -> None:
    receipt = await submit_report(database, site)
    await database.write(lambda tx: tx.run("DELETE FROM deliveries"))
    (event,) = await database.rows("SELECT id, position FROM events")

    async def enqueue_all(tx: Any) -> None:
        for one in sinks.SINKS:
            sink = f"{one.name}0" if one.name.endswith(":") else one.name
            await enqueue.enqueue(
                tx, site_id=site.id, problem_id=receipt.problem_id, event_id=event["id"], position=event["position"],
                sink=sink, opens=False, now=0,
            )  # fmt: skip
        await tx.run("UPDATE deliveries SET state = 'dead'")

    await database.write(enqueue_all)
    everywhere = [one for one in sinks.SINKS if one.seen_by_agency]
    admin, operator = await enter("admin"), await enter("operator")
    for person, expected in ((admin, everywhere), (operator, list(sinks.SINKS))):
        page = await person.read(PATH)
        again = [form for form in page.forms if form.action.startswith(f"{PATH}/") and form.action.count("/") == 4]
        assert len([form for form in again if form.action.endswith("/retry")]) == len(expected)
    card = await admin.client.get(f"/cabinet/problems/{receipt.problem_id}")
    assert card.text.count('class="state state-dead"') == len([one for one in everywhere if not one.wider])


async def test_a_forwarded_report_says_that_nobody_was_notified(enter: Enter, database: Database, site: Site) -> None:
    """Forwarding is information for the public; a report past moderation waits for no confirmation."""
    receipt = await submit_report(database, site, contact=Contact())
    admin = await enter("admin")
    page = await admin.read(f"/cabinet/problems/{receipt.problem_id}")
    assert "Ещё ничего не отправлено" in page.text
    forwarded = Change(to="forwarded", responsible="МУП «Водоканал»")
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, forwarded)
    # Generated reports are delivered to nobody.
    await database.write(lambda tx: tx.run("UPDATE problems SET released_at = NULL"))
    page = await admin.read(f"/cabinet/problems/{receipt.problem_id}")
    assert "Ещё ничего не отправлено" not in page.text
    assert "ничего не отправляли" in page.text
    assert "МУП «Водоканал». Это видно всем на сайте, но туда сервис ничего не отправлял" in page.text


async def test_what_a_platform_refuses_is_said_in_words(database: Database, enter: Enter, site: Site) -> None:
    delivery = await create_delivery(database, site, sink="platform:p")
    row = existing(await database.row("SELECT problem_id FROM deliveries WHERE id = :id", id=delivery))
    operator, agent = await enter("operator"), await enter("agent")
    for error, words in (
        ("404: Такого jurisdiction_id здесь нет", "Платформа не знает этот сайт"),
        ("403: no such key", "Платформа не принимает ключ"),
        ("400: description", "Платформа отказалась"),
        ("502: Bad Gateway", "На платформе сбой"),
        ("no answer within 15 s", "Платформа не отвечает"),
    ):
        await run_statement(database, "UPDATE deliveries SET last_error = :error", error=error)
        shown = (await operator.read(PATH)).text
        assert words in shown, error
        assert error in shown, "for whoever asks the platform's operator"
        assert words in (await agent.read(f"/cabinet/problems/{row['problem_id']}")).text

"""No act of an agency takes a report out of the count, and its author learns which act it was."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import time_machine

from tests.conftest import Client
from tests.factories import AGENT, RESIDENT, submit_report
from tests.support.cabinet import signed_in
from widget_api import clock
from widget_api.context import Context
from widget_api.mail import links
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites.model import Site

DAY = 86_400
NOTHING = {"abuse": 0, "personal_data": 0, "not_a_problem": 0, "no_place": 0, "spam": 0, "other": 0, "unstated": 0}


async def outcomes(client: Client, site: Site) -> dict[str, Any]:
    found = (await client.get(f"/api/v1/sites/{site.key}/stats")).json()["outcomes"]
    parts = ("published", "rejected", "merged", "withdrawn", "erased", "waiting")
    assert found["received"] == sum(found[name] for name in parts)
    assert found["rejected"] == sum(found["rejected_by_reason"].values())
    assert (await client.get("/api/v1/stats")).json()["outcomes"] == found
    return dict(found)


async def test_what_was_not_published_is_counted(client: Client, context: Context, site: Site) -> None:
    database = context.database

    async def report(email: str | None = None) -> str:
        return (await submit_report(database, site, email=email)).problem_id

    async def change(problem_id: str, actor: Any = AGENT, **wish: Any) -> None:
        await lifecycle.change(database, actor, site.id, problem_id, Change(**wish))

    async def private_page(problem_id: str) -> str:
        return (await client.get(urlsplit(links.track_url(context, problem_id)).path)).text

    cabinet = await signed_in(client, context, site, "admin")
    rejected, by_mail, spam, unconfirmed = await report(), await report(), await report(), await report("a@gorod.test")
    empty = await cabinet.decide(rejected, "rejected", reject_reason="abuse", text="")
    assert "Здесь есть оскорбления. Напишите" in empty.text, "an empty text is filled in"
    assert (await cabinet.decide(rejected, "rejected", reject_reason="abuse", text="Грубо")).status_code == 303
    await change(by_mail, to="rejected", text="Не наше")
    for marked in (spam, unconfirmed):
        await lifecycle.mark_spam(database, AGENT, site.id, marked, True)
    # A site that publishes nothing says so.
    found = await outcomes(client, site)
    assert found | {"received": 3, "published": 0, "unconfirmed": 1, "share_resolved": 0.0} == found
    assert found["rejected_by_reason"] == NOTHING | {"abuse": 1, "unstated": 1, "spam": 1}
    page = (await client.get(f"/s/{site.key}")).text
    for text in ("Поступило 3, опубликовано 0.", "Оскорбления", "Спам или реклама", "Ещё 1 не считаем"):
        assert text in page
    assert "Сообщение отклонено: оскорбления" in await private_page(rejected)
    assert "отклонено как спам" in await private_page(spam)
    assert "Отмечено как спам" in await private_page(spam)
    assert "спам" not in await private_page(unconfirmed)

    await lifecycle.confirm(database, site.id, unconfirmed)
    assert "отклонено как спам" in await private_page(unconfirmed)
    public, merged, withdrawn, erased, public_erased = [await report() for _ in range(5)]
    waiting = await report()
    for problem_id in (public, public_erased):
        await change(problem_id, to="resolved", text="Сделали")
    await change(merged, to="duplicate", duplicate_of=5)
    await change(withdrawn, RESIDENT, to="withdrawn")
    for problem_id in (rejected, spam, withdrawn, erased, public_erased):
        await lifecycle.erase(database, RESIDENT, site.id, problem_id)
    expected: dict[str, Any] = {"received": 10, "published": 1, "merged": 1, "withdrawn": 1, "erased": 2, "waiting": 1}
    expected |= {"waiting_long": 0, "unconfirmed": 0, "share_resolved": 0.2}
    reasons = NOTHING | {"abuse": 1, "unstated": 1, "spam": 2}
    found = await outcomes(client, site)
    assert found == expected | {"rejected": 4, "rejected_by_reason": reasons}
    analytics = (await cabinet.client.get("/cabinet/analytics/outcomes.csv?from=all")).text.splitlines()
    for line in (
        "Опубликовано;1;0,1",
        "Отклонено до публикации;4;0,4",
        "— Спам или реклама;2;0,2",
        "Данные удалены;2;0,2",
    ):
        assert line in analytics
    assert "Что стало со всеми поступившими" in (await cabinet.read("/cabinet/analytics")).text

    today = site.calendar.local_date(clock.now())
    last = site.calendar.add_working_days(today, 3)
    for day, late in ((last, 0), (last + timedelta(days=1), 1)):
        with time_machine.travel(clock.now() + (day - today).days * DAY, tick=False):
            assert (await outcomes(client, site))["waiting_long"] == late
            assert ("больше трёх рабочих дней" in await private_page(waiting)) == late

    table = (await client.get(f"/api/v1/sites/{site.key}/numbers.csv?separator=semicolon")).text
    rows = list(csv.reader(io.StringIO(table.removeprefix("\ufeff")), delimiter=";"))
    assert rows[0] == ["number", "month", "state", "reason", "days"]
    states = ["rejected abuse", "rejected unstated", "rejected spam", "rejected spam", "published ", "merged "]
    states += ["withdrawn ", "erased ", "erased ", "waiting "]
    lines = [[str(number), f"{today:%Y-%m}", *state.split(" "), "0"] for number, state in enumerate(states, 1)]
    assert rows[1:] == lines
    assert (await client.get(f"/api/v1/sites/{site.key}/numbers.csv?text=1")).status_code == 400

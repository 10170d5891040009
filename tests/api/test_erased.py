"""A report whose author was erased is closed whatever its status, on either database: nobody is left to be answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine

from tests.conftest import Client
from tests.factories import AGENT, add_platform, existing, submit_report
from tests.support.cabinet import Cabinet
from tests.support.exchange import mirror_report
from widget_api import clock
from widget_api.browse import statistics
from widget_api.browse.statistics import Query
from widget_api.casework import queries
from widget_api.casework import service as casework
from widget_api.casework.selection import Selection, Tab
from widget_api.context import Context
from widget_api.database.schema import metadata
from widget_api.mail import links
from widget_api.mailbox import digest
from widget_api.people import accounts
from widget_api.people.model import User
from widget_api.problems import lifecycle
from widget_api.problems.model import OPEN, Actor, Update
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

LONG = 90 * 86_400
OPEN_TABS: tuple[Tab, ...] = ("moderation", "returned", "work", "overdue")
OTHERS: Mapping[str, Selection] = {name: Selection(status=name) for name in ("soon", "spam", "ended")}
# The error of an unreachable platform would also be shown in the cabinet.
pytestmark = pytest.mark.settings(work="off")


async def standing(context: Context, site: Site, status: str) -> str:
    problem_id = (await submit_report(context.database, site)).problem_id
    if status != "moderation":
        update = Update(id=clock.new_id(), at=clock.now(), status=status, text="Так решили")  # type: ignore[arg-type]
        await lifecycle.import_update(context.database, Actor(kind="platform", source="p"), site.id, problem_id, update)
    return problem_id


# What remains known of the report: roughly where and when. `rejection` is a code: erasing keeps it in the count.
STAYS = {
    "id", "site_id", "number", "category", "lat", "lng", "status", "status_at", "status_event", "published", "spam",
    "created_at", "updated_at", "released_at", "answer_due", "first_due", "expected_on", "responsible", "duplicate_of",
    "rejection", "decidable_at", "has_answer", "answered_at", "answered_in_time", "supporters", "comments",
    "participants", "source", "channel", "source_name", "source_url", "mirror_of", "language", "link_id", "rating",
    "rated_at", "counted", "reacted_at", "answered_outside", "returns", "district", "awaits", "assigned_agency",
    "begins_on", "ends_on", "erased_at",
}  # fmt: skip


async def test_columns_are_erased_unless_listed_in_stays(context: Context, site: Site) -> None:
    database, problem_id = context.database, await standing(context, site, "accepted")
    written = {
        column.name: '"private"' if column.type.python_type is str else 7
        for column in metadata.tables["problems"].columns
        if column.name not in STAYS
    }
    assignments = ", ".join(f"{name} = :{name}" for name in written)
    await database.write(
        lambda tx: tx.run(f"UPDATE problems SET {assignments} WHERE id = :id", id=problem_id, **written)
    )
    await lifecycle.erase(database, AGENT, site.id, problem_id)
    row = existing(await database.row("SELECT * FROM problems WHERE id = :id", id=problem_id))
    assert [name for name, value in written.items() if row[name] == value] == []


@pytest.mark.parametrize("most_branches", [200, 1])
async def test_an_erased_report_is_closed_in_the_cabinet_and_never_overdue(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, most_branches: int
) -> None:
    # the list is one query, or one query per branch
    monkeypatch.setattr(queries, "MAX_BRANCHES", most_branches)
    database = context.database
    sent = {status: await standing(context, site, status) for status in sorted(OPEN | {"resolved"})}
    left = await standing(context, site, "in_progress")
    for problem_id in sent.values():
        await lifecycle.erase(database, AGENT, site.id, problem_id)
    user = User(id="u", email="a@b.test", role="agent", agency_id=site.agency.id, agency_name="", language="ru")
    selections: dict[str, Selection] = {tab: Selection(tab=tab) for tab in (*OPEN_TABS, "all")}
    with time_machine.travel(clock.now() + LONG):
        tabs = {
            name: [row["id"] for row in (await casework.read_inbox(database, user, selection)).rows]
            for name, selection in {**selections, **OTHERS}.items()
        }
        counts = (await casework.read_inbox(database, user, Selection())).counts
        digests = await digest._build_digest(database, [site], local_date(clock.now(), site.time_zone), "")
    assert {name: tabs[name] for name in (*OPEN_TABS, "soon", "spam")} == {
        "moderation": [], "returned": [], "work": [left], "overdue": [left], "soon": [], "spam": [],
    }  # fmt: skip
    assert sorted(tabs["ended"]) == sorted(sent.values())
    assert sorted(tabs["all"]) == sorted([left, *sent.values()])
    assert counts == {"moderation": 0, "returned": 0, "overdue": 1}
    assert [group.count for group in digests.groups if group.name == "overdue"] == [1]


async def test_pages_of_an_erased_report_say_only_that(client: Client, context: Context, site: Site) -> None:
    problem_id = await standing(context, site, "in_progress")

    await add_platform(context.database)
    link = {"problem_id": problem_id, "platform_id": "default", "site_id": site.id, "linked_at": 0}
    link |= {"remote_id": "901", "remote_url": "https://portal.test/901"}
    await context.database.write(lambda tx: tx.insert("platform_links", **link))
    await accounts.add_user(context.database, email="anna@gorod.test", role="admin", agency_id=site.agency.id,
                           password="a long enough password")  # fmt: skip
    cabinet = Cabinet(client)
    await cabinet.sign_in("anna@gorod.test", "a long enough password")
    private, card = urlsplit(links.track_url(context, problem_id)).path, f"/cabinet/problems/{problem_id}"
    for address in (private, card):
        assert "https://portal.test/901" in (await client.get(address)).text
    await lifecycle.erase(context.database, AGENT, site.id, problem_id)
    with time_machine.travel(clock.now() + LONG):
        await cabinet.sign_in("anna@gorod.test", "a long enough password")  # the session is long over
        pages: list[Any] = [
            (await client.get(address)).text for address in (private, card, "/cabinet/problems?tab=closed")
        ]
    for page in pages:
        chips = [part.partition("</span>")[0] for part in page.split('<span class="chip')[1:]]
        assert chips
        assert all("Личные данные удалены" in chip for chip in chips), chips
        assert "portal.test" not in page
    assert "срок не идёт" in pages[1]
    assert (await client.get(f"/s/{site.key}/problems/1")).status_code == 404


async def test_an_erased_report_of_a_platform_is_in_the_list_behind_its_figure(context: Context, site: Site) -> None:
    database = context.database
    await add_platform(database)
    await mirror_report(database, site)
    (row,) = await database.rows("SELECT id FROM problems")
    await lifecycle.erase(database, Actor(kind="system"), site.id, row["id"])
    found = await statistics.read(database, Query(sites=(site,)), clock.now())
    user = User(id="u", email="a@b.test", role="head", agency_id=site.agency.id, agency_name="", language="ru")
    listed = await casework.read_inbox(database, user, Selection(counted=True))
    assert (found.total, [one["id"] for one in listed.rows]) == (1, [row["id"]])

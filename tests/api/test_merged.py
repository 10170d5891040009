"""The author of a merged report is told about the main report and reads its answer."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.test_followers import OTHER, Followed
from tests.api.test_letters import letters
from tests.conftest import Client
from tests.factories import AGENT, RESIDENT, existing, submit_report
from tests.support.mail import Letter, MailSink
from tests.support.public_api import Widget
from widget_api import clock
from widget_api.context import Context
from widget_api.errors import Invalid
from widget_api.mail import links
from widget_api.problems import lifecycle, support
from widget_api.problems.model import Actor, Change, Contact
from widget_api.problems.submit import Receipt
from widget_api.residents import service as residents
from widget_api.signing import Purpose
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

ANNA, BORIS = "anna-merged@example.test", "boris-merged@example.test"
FORMER, FOREIGN = "former-merged@example.test", "foreign-merged@example.test"
ANSWER = "Яму засыпали щебнем и закатали"


class MergedReports:
    """A site with reports that are merged and answered."""

    def __init__(self, context: Context, site: Site, sink: MailSink) -> None:
        self.context, self.site, self.sink = context, site, sink

    async def report(self, email: str | None = None, *, confirmed: bool = True, accepted: bool = True) -> Receipt:
        receipt = await submit_report(self.context.database, self.site, contact=Contact(email=email))
        if email and confirmed:
            await lifecycle.confirm(self.context.database, self.site.id, receipt.problem_id)
        if accepted:
            await self.change(receipt, to="accepted")
        return receipt

    async def change(self, receipt: Receipt, **wish: Any) -> None:
        await lifecycle.change(self.context.database, AGENT, self.site.id, receipt.problem_id, Change(**wish))

    async def merge(self, receipt: Receipt, into: Receipt) -> None:
        await self.change(receipt, to="duplicate", duplicate_of=into.number)

    async def answer(self, receipt: Receipt) -> None:
        await self.change(receipt, to="resolved", text=ANSWER)

    async def answer_letters(self, email: str) -> list[Letter]:
        """The letters with the answer."""
        return [one for one in await letters(self.context, self.sink, email) if ANSWER in one.text]

    def page_of(self, receipt: Receipt) -> str:
        return f"https://widget.test/s/{self.site.key}/problems/{receipt.number}"


@pytest.fixture
def merged_reports(context: Context, site: Site, mail_sink: MailSink) -> MergedReports:
    return MergedReports(context, site, mail_sink)


async def test_the_author_gets_a_link_and_then_the_answer(
    client: Client, context: Context, merged_reports: MergedReports
) -> None:
    main, merged = await merged_reports.report(BORIS), await merged_reports.report(ANNA)
    await merged_reports.merge(merged, main)
    received = (await letters(context, merged_reports.sink, ANNA))[-1]
    assert f"по сообщению № {main.number}" in received.text
    assert merged_reports.page_of(main) in received.links
    await merged_reports.change(main, to="in_progress")
    await merged_reports.answer(main)
    (letter,) = await merged_reports.answer_letters(ANNA)
    assert f"Ваше сообщение № {merged.number}" in letter.text
    assert merged_reports.page_of(main) in letter.links
    stop = letter.message["List-Unsubscribe"].strip("<>")
    assert stop in letter.links
    assert context.signer.read(Purpose.UNSUBSCRIBE, stop.rpartition("/")[2]) == merged.problem_id
    assert len(await merged_reports.answer_letters(BORIS)) == 1
    page = (await client.get(urlsplit(links.track_url(context, merged.problem_id)).path)).text
    for shown in (
        f"Общее сообщение № {main.number}",
        "Официальный ответ",
        ANSWER,
        "Решено",
        merged_reports.page_of(main),
    ):
        assert shown in page
    assert "бращени" not in letter.text


async def test_without_an_address_the_answer_is_on_the_private_page(
    client: Client, context: Context, merged_reports: MergedReports
) -> None:
    main, merged = await merged_reports.report(), await merged_reports.report(accepted=False)  # never public itself
    await merged_reports.merge(merged, main)
    await merged_reports.answer(main)
    page = (await client.get(urlsplit(links.track_url(context, merged.problem_id)).path)).text
    assert ANSWER in page
    assert f'href="{merged_reports.page_of(main)}"' in page


@pytest.mark.parametrize("first", ["the report", "the one it was merged into"])
async def test_answers_reach_authors_through_chains_of_merges(
    client: Client, context: Context, merged_reports: MergedReports, first: str
) -> None:
    main, middle, merged = (
        await merged_reports.report(),
        await merged_reports.report(),
        await merged_reports.report(ANNA),
    )
    voice = str(uuid.uuid4())
    await support.support(context.database, merged_reports.site.id, merged.number, voice, None)
    if first == "the report":
        await merged_reports.merge(merged, middle)
    await merged_reports.merge(middle, main)
    if first != "the report":
        await merged_reports.merge(merged, middle)
    await merged_reports.answer(main)
    assert len(await merged_reports.answer_letters(ANNA)) == 1
    received = [
        letter.text for letter in merged_reports.sink.to(ANNA) if f"по сообщению № {main.number}" in letter.text
    ]
    assert len(received) == (2 if first == "the report" else 1), "of each merge on the way"
    assert ANSWER in (await client.get(urlsplit(links.track_url(context, merged.problem_id)).path)).text
    assert (await support.count(context.database, merged_reports.site.id, main.number, None))[0] == 1


@pytest.mark.parametrize("end", ["stopped", "erased", "taken up again", "withdrawn"])
async def test_authors_who_ended_it_get_no_letter(context: Context, merged_reports: MergedReports, end: str) -> None:
    main, merged = await merged_reports.report(), await merged_reports.report(ANNA)
    await merged_reports.merge(merged, main)
    if end == "stopped":
        await residents.stop_letters(context.database, merged.problem_id)
    elif end == "erased":
        await lifecycle.erase(context.database, AGENT, merged_reports.site.id, merged.problem_id)
    elif end == "withdrawn":
        site_id, withdrawal = merged_reports.site.id, Change(to="withdrawn")
        await lifecycle.change(context.database, RESIDENT, site_id, merged.problem_id, withdrawal)
    else:
        await merged_reports.change(merged, to="in_progress")
    await merged_reports.answer(main)
    assert await merged_reports.answer_letters(ANNA) == []


@pytest.mark.parametrize("seen", ["published", "never published"])
@pytest.mark.parametrize("end", ["withdrawn", "erased"])
async def test_a_merged_report_reopens_when_the_main_report_is_withdrawn(
    client: Client, context: Context, merged_reports: MergedReports, end: str, seen: str
) -> None:
    database, site = context.database, merged_reports.site
    main = await merged_reports.report(BORIS)
    merged = await merged_reports.report(ANNA, accepted=seen == "published")
    deeper, silent = await merged_reports.report(OTHER), await merged_reports.report()
    await merged_reports.merge(deeper, merged) if seen == "published" else await merged_reports.merge(deeper, main)
    for one in (merged, silent):
        await merged_reports.merge(one, main)
    before = len(await letters(context, merged_reports.sink, ANNA))
    await database.write(lambda tx: tx.run("UPDATE problems SET answer_due = '2020-01-01', first_due = '2020-01-01'"))
    if end == "withdrawn":
        await lifecycle.change(database, RESIDENT, site.id, main.problem_id, Change(to="withdrawn"))
    else:
        await lifecycle.erase(database, AGENT, site.id, main.problem_id)
    today = local_date(clock.now(), site.time_zone).isoformat()
    (letter,) = (await letters(context, merged_reports.sink, ANNA))[before:]
    assert f"Сообщения № {main.number}, с которым объединили ваше, на сайте больше нет" in letter.text
    rows = {row["id"]: row for row in await database.rows("SELECT * FROM problems")}
    status = "accepted" if seen == "published" else "moderation"
    assert (rows[merged.problem_id]["status"], rows[silent.problem_id]["status"]) == (status, "accepted")
    assert rows[merged.problem_id]["duplicate_of"] is None
    assert rows[merged.problem_id]["answer_due"] > today, "the agency is not late with what it could not know"
    assert bool(rows[merged.problem_id]["published"]) == (seen == "published")
    received = [one.text for one in await letters(context, merged_reports.sink, OTHER)]
    assert sum("на него ответят отдельно" in text for text in received) == 1
    page = (await client.get(urlsplit(links.track_url(context, merged.problem_id)).path)).text
    assert f"Рассматривается отдельно от № {main.number}" in page.replace("\xa0", " ")
    await merged_reports.change(merged, to="resolved", text=ANSWER)
    assert len(await merged_reports.answer_letters(ANNA)) == 1
    assert len(await merged_reports.answer_letters(OTHER)) == (1 if seen == "published" else 0)


@pytest.mark.parametrize("end", ["answered", "past its retention"])
async def test_answered_or_old_ones_do_not_reopen(context: Context, merged_reports: MergedReports, end: str) -> None:
    main, merged = await merged_reports.report(BORIS), await merged_reports.report(ANNA)
    await merged_reports.merge(merged, main)
    if end == "answered":
        await merged_reports.answer(main)
    actor = AGENT if end == "answered" else Actor(kind="system")
    await lifecycle.erase(context.database, actor, merged_reports.site.id, main.problem_id)
    row = existing(await context.database.row("SELECT status FROM problems WHERE id = :id", id=merged.problem_id))
    assert row["status"] == "duplicate"


async def test_addresses_are_not_copied_to_the_main_report(context: Context, merged_reports: MergedReports) -> None:
    main, merged = await merged_reports.report(), await merged_reports.report(ANNA)
    await merged_reports.merge(merged, main)
    await merged_reports.answer(main)
    assert list(await context.database.rows("SELECT id FROM followers")) == []
    rows = await context.database.rows("SELECT sink, problem_id FROM deliveries WHERE sink LIKE 'author:%'")
    assert [tuple(row) for row in rows] == [(f"author:{merged.problem_id}", main.problem_id)]


async def test_letters_go_to_confirmed_addresses_only(context: Context, merged_reports: MergedReports) -> None:
    main, merged = await merged_reports.report(), await merged_reports.report(ANNA, confirmed=False)
    await merged_reports.merge(merged, main)
    await merged_reports.change(main, to="in_progress")
    assert len(await letters(context, merged_reports.sink, ANNA)) == 1, "the one that asks to confirm"
    await lifecycle.confirm(context.database, merged_reports.site.id, merged.problem_id)
    await merged_reports.answer(main)
    assert len(await merged_reports.answer_letters(ANNA)) == 1, "of what happens from then on"


async def test_one_letter_per_address(widget: Widget, context: Context, merged_reports: MergedReports) -> None:
    """Also for somebody who reported the same twice and follows it as well, or did; none to those of other programs."""
    main, database = await merged_reports.report(BORIS), context.database
    followed = Followed(widget, context, merged_reports.sink, main.number)
    await followed.following(FORMER)
    await database.write(lambda tx: tx.run("UPDATE followers SET stopped_at = 1"))
    await followed.following(OTHER)
    await followed.follow(ANNA)  # and does not confirm it
    for email in (BORIS, OTHER, FORMER, ANNA, ANNA):
        await merged_reports.merge(await merged_reports.report(email), main)
    elsewhere = await merged_reports.report(FOREIGN)
    taken = "UPDATE problems SET source = 'georeport' WHERE id = :id"
    await database.write(lambda tx: tx.run(taken, id=elsewhere.problem_id))
    await merged_reports.merge(elsewhere, main)
    await merged_reports.answer(main)
    found = [len(await merged_reports.answer_letters(email)) for email in (BORIS, OTHER, FORMER, ANNA, FOREIGN)]
    assert found == [1, 1, 1, 1, 0]


async def test_circular_merges_are_refused(context: Context, merged_reports: MergedReports) -> None:
    main, middle, merged = await merged_reports.report(), await merged_reports.report(), await merged_reports.report()
    await merged_reports.merge(merged, middle)
    await merged_reports.merge(middle, main)
    with pytest.raises(Invalid) as refused:
        await merged_reports.merge(main, merged)
    assert [(one.field, one.code) for one in refused.value.fields] == [("duplicate_of", "merged_here")]

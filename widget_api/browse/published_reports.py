"""Keep reports that an agency published: numbers of one site and a finished period, as they were on that day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import orjson

from widget_api import clock, i18n, journal
from widget_api.browse.regional_report import Content, period_text, select_public
from widget_api.browse.statistics import Query
from widget_api.database import Database, Row, Transaction
from widget_api.sites.model import Site

MAX_LISTED = 100  # newest first, on a page


async def publish(database: Database, site_id: str, first: str, last: str, content: Content, who: journal.Who) -> None:
    """Publish a report, unless one of this period is published: that one has to be withdrawn first."""

    async def work(tx: Transaction) -> None:
        report_id, text = clock.new_id(), orjson.dumps(select_public(content)).decode()
        period = {"first_day": first, "last_day": last}
        if await tx.matching("published_reports", site_id=site_id, **period):
            return
        made = {"created_at": clock.now(), "user_id": who.user_id, "content": text}
        await tx.insert("published_reports", id=report_id, site_id=site_id, **period, **made)
        await journal.record(tx, "report_published", who, subject=report_id, site_id=site_id, details=period)

    await database.write(work, site_id)


async def withdraw(database: Database, report: Row, who: journal.Who) -> None:
    """Take a report back; its address ends."""

    async def work(tx: Transaction) -> None:
        if await tx.run("DELETE FROM published_reports WHERE id = :id", id=report["id"]):
            subject, site_id = report["id"], report["site_id"]
            details = {name: report[name] for name in ("first_day", "last_day")}
            await journal.record(tx, "report_withdrawn", who, subject=subject, site_id=site_id, details=details)

    await database.write(work, report["site_id"])


async def find(database: Database, report_id: str) -> Row | None:
    return await database.row(
        "SELECT id, site_id, first_day, last_day FROM published_reports WHERE id = :id", id=report_id
    )


async def list_reports(database: Database, site_id: str) -> Sequence[Row]:
    """List the reports of a site, those of the latest periods first."""
    return await database.rows(
        "SELECT id, first_day, last_day, created_at FROM published_reports WHERE site_id = :site_id"
        " ORDER BY last_day DESC, first_day DESC LIMIT :limit",
        site_id=site_id,
        limit=MAX_LISTED,
    )


async def read(database: Database, site_id: str, first: str, last: str) -> Row | None:
    return await database.row(
        "SELECT id, first_day, last_day, created_at, content FROM published_reports"
        " WHERE site_id = :site_id AND first_day = :first AND last_day = :last",
        site_id=site_id,
        first=first,
        last=last,
    )


def link(language: str, site: Site, report: Row) -> Mapping[str, str]:
    """The address of a published report, its period, and when it was published, in words."""
    first, last = report["first_day"], report["last_day"]
    query = Query(sites=(), first=date.fromisoformat(first), last=date.fromisoformat(last))
    day = i18n.format_day(language, report["created_at"], site.time_zone, today=date.min)
    return {
        "id": report["id"],
        "href": f"/s/{site.key}/reports/{first}--{last}",
        "period": period_text(language, query, date.min),
        "made": i18n.text(language, "report.publish.made", day=day),
    }

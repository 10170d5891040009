"""All SQL that reads the figures; problems/projections keeps them."""

from __future__ import annotations

from datetime import date

from widget_api.browse.statistics.model import Month, Statistics, kinds, median, months
from widget_api.database import Database
from widget_api.database.schema import PUBLIC_STATUSES


async def read(database: Database, site_id: str, today: date) -> Statistics:
    """`today` is the site's own. What is read grows with the years a site exists, not with its problems."""
    by_kind = await database.rows(
        "SELECT category, status, SUM(count) AS many FROM site_figures"
        " WHERE site_id = :site_id AND measure = 'received' GROUP BY category, status",
        site_id=site_id,
    )
    shown = months(today)
    by_month = await database.rows(
        "SELECT measure, period, SUM(count) AS many FROM site_figures"
        " WHERE site_id = :site_id AND measure IN ('received', 'answered') AND period >= :oldest"
        " GROUP BY measure, period",
        site_id=site_id,
        oldest=shown[0],
    )
    days = await database.rows(
        "SELECT period, SUM(count) AS many FROM site_figures WHERE site_id = :site_id AND measure = 'days'"
        " GROUP BY period",
        site_id=site_id,
    )
    overdue = await database.row(
        "SELECT SUM(count) AS many FROM site_figures WHERE site_id = :site_id AND measure = 'due' AND period < :today",
        site_id=site_id,
        today=today.isoformat(),
    )
    counts = {(row["category"], row["status"]): int(row["many"]) for row in by_kind}
    monthly = {(row["measure"], row["period"]): int(row["many"]) for row in by_month}
    return Statistics(
        by_status={
            status: sum(many for (_, one), many in counts.items() if one == status) for status in PUBLIC_STATUSES
        },
        by_category=kinds(counts),
        by_month=[Month(one, monthly.get(("received", one), 0), monthly.get(("answered", one), 0)) for one in shown],
        overdue=int(overdue["many"] or 0) if overdue else 0,
        median_days=median({int(row["period"]): int(row["many"]) for row in days}),
    )

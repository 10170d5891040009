"""Serve GET /sites/{key}/numbers.csv: a row for each number of a site, published or not.

A report that disappeared would leave a gap between the numbers. The file has no text, no place and no author, and names
the month of the receipt alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, validation, web
from widget_api.browse import open_data_formats as formats
from widget_api.browse import open_data_routes, queries
from widget_api.browse.queries import SEPARATORS
from widget_api.database import Database, Row
from widget_api.problems.model import UNSTATED
from widget_api.problems.projections import outcomes
from widget_api.problems.projections.outcomes import Outcome
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

# Stable: programs find a column by its name, and new ones are added at the end.
COLUMNS = ("number", "month", "state", "reason", "days")
PAGE = 1000  # rows, some 30 KB


async def read_lines(database: Database, site: Site, separator: str) -> AsyncIterator[bytes]:
    """Yield pieces of the file. Each page is read in a thread, in its state at that time."""
    database, number, now = database.in_threads(), 0, clock.now()
    head = formats.header(separator, COLUMNS)
    while True:
        rows = await database.rows(
            f"SELECT number, created_at, reacted_at, {', '.join(outcomes.COLUMNS)}, CASE WHEN spam THEN"
            " (SELECT MAX(e.at) FROM events e WHERE e.problem_id = p.id AND e.kind = 'spam') END AS marked_at"
            " FROM problems p WHERE site_id = :site_id AND number > :number ORDER BY number LIMIT :page",
            site_id=site.id,
            number=number,
            page=PAGE,
        )
        yield head + formats.table([_values(row, site.time_zone, now) for row in rows], separator)
        if len(rows) < PAGE:
            return
        head, number = b"", rows[-1]["number"]


def _values(row: Row, time_zone: str, now: int) -> tuple[Any, ...]:
    reason = (row["rejection"] or UNSTATED) if row["status"] == "rejected" else ""
    outcome = outcomes.find_outcome(row) or Outcome("published", reason)
    received = local_date(row["created_at"], time_zone)
    return row["number"], f"{received:%Y-%m}", outcome.state, outcome.reason, _count_days(row, outcome, time_zone, now)


def _count_days(row: Row, outcome: Outcome, time_zone: str, now: int) -> int | None:
    """Days from receipt to the agency's first decision; without one, until the report was withdrawn or erased. Of a
    report that waits, since it can be decided."""
    begins, ends = row["created_at"], row["reacted_at"] or row["marked_at"]
    if outcome.state == "unconfirmed":
        return None
    if outcome.state == "waiting":
        begins, ends = outcome.since, now
    elif ends is None and outcome.state in ("rejected", "merged", "withdrawn"):
        ends = row["status_at"]
    ends = ends or row["erased_at"]
    return None if ends is None else max(0, (local_date(ends, time_zone) - local_date(begins, time_zone)).days)


async def serve_numbers(request: Request) -> Response:
    """Handle GET /sites/{key}/numbers.csv?separator"""
    database = web.context(request).database
    given = validation.values(request.query_params.multi_items(), validation.names(queries.Numbers))
    separator = SEPARATORS[validation.parse_query(queries.Numbers, given).separator]
    site, version = await sites.by_key_with_version(database, request.path_params["key"])
    return await open_data_routes.stream_file(
        *(request, site, version, site.language, "-numbers.csv", formats.CSV_TYPE),
        lambda: read_lines(database, site, separator),
    )


routes: list[BaseRoute] = [Route("/api/v1/sites/{key}/numbers.csv", serve_numbers, methods=["GET"])]

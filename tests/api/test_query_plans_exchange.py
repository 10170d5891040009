"""Frequent queries never read finished rows: of a million deliveries, links and letters few are still of interest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.plans import plan, record_statements
from widget_api import clock
from widget_api.database import Database
from widget_api.deliveries import admin, clock_repair
from widget_api.mailbox import store as letters
from widget_api.platform.store import links
from widget_api.sites.model import Site

ASKED: dict[str, tuple[Callable[[Database, str], Awaitable[Any]], str, str]] = {
    "whether the queue moves": (
        lambda database, _: admin.measure_delay(database, clock.now()),
        "deliveries d WHERE d.lane",
        "ix_deliveries_due",
    ),
    "what a wrong clock put off": (
        lambda database, _: clock_repair.repair(database, clock.now(), clock_went_back=True),
        "SET next_at",
        "ix_deliveries_due",
    ),
    "what may be at a platform without a number": (
        lambda database, site_id: links.list_unlinked(database, "default", site_id),
        "FROM deliveries d",
        "ix_deliveries_due (lane=?",
    ),
    "which requests are open": (
        lambda database, site_id: links.list_open(database, "default", site_id, "", 400),
        "FROM platform_links",
        "ix_platform_links_platform_id_site_id_remote_id",
    ),
    "which links are new": (
        lambda database, site_id: links.list_unread(database, "default", site_id, 50),
        "FROM platform_links",
        "ix_platform_links_unread",
    ),
    "which letters are old": (
        lambda database, _: letters.delete_old(database, clock.now()),
        "FROM mailbox_messages",
        "sqlite_autoindex_mailbox_messages_1 (id<?)",
    ),
}


# PostgreSQL considers table sizes, and these tables are empty
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_frequent_queries_use_partial_indexes(database: Database, site: Site) -> None:
    for what in ASKED:
        ask, mark, index = ASKED[what]
        done = await record_statements(ask(database, site.id))
        plans = [await plan(database, sql, values) for sql, values in done if mark in sql]
        assert plans, what
        assert all(index in result for result in plans), plans

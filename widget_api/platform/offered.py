"""Reads what a platform takes: its services and their questions, for the mapping page and the doctor."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from widget_api import clock
from widget_api.database import Database
from widget_api.platform import client
from widget_api.platform.client import Client
from widget_api.platform.model import Cursor
from widget_api.platform.store import platforms, services

OUR_SOFTWARE = "igrajdanin-widget"  # what our own discovery says it is


async def refresh_services(database: Database, caller: Client, site_id: str, cursor: Cursor) -> Cursor:
    """A platform without discovery, services or definitions is tolerated: codes then map to themselves."""
    try:
        if await caller.software() == OUR_SOFTWARE and not caller.platform.exact:
            await platforms.mark_exact(database, caller.platform.id)
        cursor = replace(cursor, asked=True)
    except client.PermanentFailure:
        cursor = replace(cursor, asked=True)
    except client.TemporaryFailure as error:  # away is no answer; a page of some kind is: it has no discovery
        cursor = replace(cursor, asked=cursor.asked or not error.away)
    with contextlib.suppress(client.PermanentFailure, client.TemporaryFailure):
        found = await caller.services()
        if found:
            await services.write_services(database, caller.platform.id, site_id, found, clock.now())
    return cursor

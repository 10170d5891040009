"""Read a platform's discovery document, which says whether it is another instance of this service."""

from __future__ import annotations

from widget_api.database import Database
from widget_api.platform import client
from widget_api.platform.client import Client
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms

OUR_SOFTWARE = "igrajdanin-widget"  # as named in our own discovery document


async def read(database: Database, caller: Client, *, sure: bool = False) -> bool:
    """Read the discovery document and record what it says. Returns False if the platform does not respond.

    An unusable response, unlike none, means that there is no discovery; not if the caller has to be `sure`.
    """
    platform, exact = caller.platform, False
    try:
        exact = await caller.software() == OUR_SOFTWARE
    except client.PermanentFailure:
        pass
    except client.TemporaryFailure as error:
        if error.away or sure:
            return False
    if not platform.discovered or (exact and not platform.exact):
        await platforms.mark_discovered(database, platform.id, exact=exact)
    return True


async def read_first(database: Database, caller: Client) -> Platform:
    """Read the discovery document if that was not done yet, before it decides what the platform gets.

    Returns the platform as it is known then. One that is not `discovered` counts as foreign until it is polled.
    """
    if caller.platform.is_foreign and not caller.platform.discovered and await read(database, caller, sure=True):
        return await platforms.find_platform(database, caller.platform.id) or caller.platform
    return caller.platform

"""Give a site a test mode: a site of its own with the settings of the other and a test key.

All reads are per site, so that reports of a test reach no list, figure, platform or mailbox by themselves; where sites
are listed, `parent_id IS NULL` leaves them out. `store.bump_version` keeps the settings equal.
"""

from __future__ import annotations

from widget_api import clock, journal
from widget_api.database import Database, Transaction
from widget_api.sites import service, store
from widget_api.sites.kinds import IS_TEST
from widget_api.sites.model import Site

KEY_PREFIX = f"{service.KEY_PREFIX}test_"
_FIND = f"SELECT s.id FROM sites s WHERE s.parent_id = :site_id AND {IS_TEST}"
RETENTION_DAYS = 7  # after its last change a report of a test is erased


async def find_test_site(database: Database, site_id: str) -> Site | None:
    """The test mode of a site, if it has one."""
    row = await database.row(_FIND, site_id=site_id)
    return None if row is None else await service.by_id(database, row["id"])


async def add_test_site(database: Database, site: Site, who: journal.Who = journal.COMMAND_LINE) -> Site:
    """The test mode of a site, made now if it has none."""
    test_id, key = clock.new_id(), service.generate_key(KEY_PREFIX)

    async def work(tx: Transaction) -> None:
        if await tx.row(_FIND, site_id=site.id) is not None:
            return
        columns = {
            "agency_id": site.agency.id,
            "name": site.name,
            "type": site.type,
            "moderation": site.moderation,
            "jurisdiction": f"test.{test_id}",  # unique; found by no request
            "retention_days": RETENTION_DAYS,
            "parent_id": site.id,
            "slug": "",  # see database/schema/sites.py
            "created_at": clock.now(),
        }
        await store.insert_site(tx, test_id, columns, key, (), ())
        await store.copy_to_child(tx, site.id, test_id, "")
        details = {"columns": ["test_mode"]}
        await journal.record(tx, "site_changed", who, subject=site.id, site_id=site.id, details=details)

    await database.write(work, site.id)
    found = await find_test_site(database, site.id)
    assert found is not None, "it was there, or was added"
    return found

"""Read the journal in tests."""

from typing import Any

from widget_api.database import Database
from widget_api.people.journal_store import Selection, describe_entry, list_entries


async def read_journal(database: Database, kind: str = "") -> list[dict[str, Any]]:
    """All entries, or those of a kind, the newest first."""
    selection = Selection(agency_id=None, kind=kind)
    return [describe_entry(row) for row in await list_entries(database, selection, 1000)]

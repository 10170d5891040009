"""The index of words: which published problems say what."""

from __future__ import annotations

from widget_api.bulk import Bulk
from widget_api.database import Transaction


async def add(tx: Transaction, site_id: str, ordinal: int, number: int, text: str) -> None:
    """Let a published problem be found by its words."""


async def remove(tx: Transaction, site_id: str, ordinal: int, number: int) -> None:
    """Nothing of it stays in the index."""


async def rebuild(bulk: Bulk, site_id: str, ordinal: int) -> None:
    """The whole index of a site anew."""

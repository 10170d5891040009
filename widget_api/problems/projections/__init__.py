"""Maintain tables derived from the published problems: map cells, statistics, the text index, list items.

Lists, maps and charts over a million problems cannot read each of them. Every change of a problem therefore passes its
old and new state here, in the same transaction, and the difference is written. All of it can be rebuilt from the
problems (docs/decisions/0020-projections.md).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from widget_api.database import Row, Transaction
from widget_api.problems.projections import store, words
from widget_api.problems.projections.items import COLUMNS, save_item
from widget_api.problems.projections.model import CONTENT, PublishedState, figures

__all__ = ["CONTENT", "ITEM_COLUMNS", "save_item", "update"]

ITEM_COLUMNS = {*COLUMNS, "published"}  # the columns that `save_item` reads


async def update(tx: Transaction, before: Row | dict[str, Any] | None, after: dict[str, Any]) -> None:
    """Write the difference between two states of a problem; both have the fields `CONTENT`, `before` None if new."""
    was = PublishedState.of(before) if before is not None and before["published"] else None
    now = PublishedState.of(after) if after["published"] else None
    if was == now:
        return
    difference = Counter(figures(now) if now else ())
    difference.subtract(figures(was) if was else ())
    site_id = (now or was).site_id  # type: ignore[union-attr] # they differ, so one is not None
    await store.count(tx, site_id, difference)
    if was and now and was.place == now.place:
        if was.status != now.status and now.cell is not None:
            await store.move(tx, now, was.status)
    else:
        if was and was.cell is not None:
            await store.remove(tx, was)
        if now and now.cell is not None:
            await store.add(tx, now)
    if (was.text if was else None) != (now.text if now else None):
        ordinal = await store.ordinal(tx, site_id)
        if was:
            await words.remove(tx, site_id, ordinal, was.number)
        if now:
            await words.add(tx, site_id, ordinal, now.number, now.text)
